//! The cases of `persql-core`: what a call costs that does next to nothing.

use crate::{
    by_hand::called_by_hand,
    case::{Bar, Calls, Case, Failed, Ground},
    side::{Side, lone, lone_task},
    sql,
};

pub(crate) const CASES: &[Case] = &[
    // By hand it is a fraction of a microsecond, so the ratio says little and no bar is set.
    Case { bar: Bar::Open, ..Case::lone("SELECT 1", Calls::Blocking, trivial, trivial_by_hand) },
    Case::lone("SELECT 1", Calls::Async, trivial, trivial_by_hand),
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
    called_by_hand(ground.calls, ground.by_hand()?, |by_hand| by_hand.one().map(drop))
}
