//! The cases of `persql-core`: what a call costs that does next to nothing.

use persql_core::Durability;

use crate::{
    by_hand::Hop,
    case::{Bar, Calls, Case, Failed, Ground},
    side::{Side, lone, lone_task},
    sql,
};

pub(crate) const CASES: &[Case] = &[
    // By hand it is a microsecond, so the ratio says little and no bar is set.
    Case {
        name: "SELECT 1",
        calls: Calls::Blocking,
        durability: Durability::Normal,
        bar: Bar::Open,
        ours: trivial,
        by_hand: trivial_by_hand,
    },
    Case {
        name: "SELECT 1",
        calls: Calls::Async,
        durability: Durability::Normal,
        bar: Bar::Cpu(2.0),
        ours: trivial,
        by_hand: trivial_by_hand,
    },
];

fn trivial(ground: &Ground) -> Result<Side, Failed> {
    // Makes the file.
    ground.by_hand()?;
    let handle = ground.handle()?;
    match ground.calls {
        Calls::Blocking => Ok(lone(move || {
            handle.query(sql::TRIVIAL, ())?.first().ok_or("no row")?.get::<i64>(0)?;
            Ok(())
        })),
        Calls::Async => {
            let handle = handle.asynchronous();
            lone_task(move || {
                let rows = handle.query(sql::TRIVIAL, ());
                async move {
                    rows.await?.first().ok_or("no row")?.get::<i64>(0)?;
                    Ok(())
                }
            })
        }
    }
}

fn trivial_by_hand(ground: &Ground) -> Result<Side, Failed> {
    let by_hand = ground.by_hand()?;
    match ground.calls {
        Calls::Blocking => Ok(lone(move || by_hand.one().map(drop))),
        Calls::Async => {
            let hop = Hop::start(by_hand);
            lone_task(move || {
                let hop = hop.clone();
                async move { hop.call(|by_hand| by_hand.one()).await.map(drop) }
            })
        }
    }
}
