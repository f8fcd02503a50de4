//! Many callers at once.

use std::{collections::BTreeSet, thread};

use persql_agents_session::{PerSqlSession, Result};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{Session, ada, messages};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        concurrent_adds_are_all_there_and_each_is_contiguous,
        the_first_writes_may_come_together,
        concurrent_pops_give_each_item_once,
        pops_and_adds_lose_nothing,
        a_trim_keeps_what_is_added_meanwhile,
    ]
}

const CALLERS: usize = 8;

/// Does the work as eight callers, half of them with a client of their own.
fn together<T: Send>(
    world: &World,
    work: impl Fn(&Session, usize) -> Result<T> + Sync,
) -> Result<Vec<T>, Box<dyn std::error::Error>> {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let session = if caller % 2 == 0 { &here } else { &there };
                let work = &work;
                scope.spawn(move || work(session, caller))
            })
            .collect();
        callers.into_iter().map(|caller| Ok(caller.join().map_err(|_| "a caller panicked")??)).collect()
    })
}

fn concurrent_adds_are_all_there_and_each_is_contiguous(world: &World) -> Outcome {
    const ADDS: usize = 12;
    together(world, |session, caller| {
        (0..ADDS).try_for_each(|add| {
            session.add_items(&[json!([caller, add, 0]), json!([caller, add, 1]), json!([caller, add, 2])])
        })
    })?;
    let stored = ada(world)?.get_items_as::<[usize; 3]>(None)?;
    assert_eq!(stored.len(), CALLERS * ADDS * 3);
    let mut next = [0; CALLERS];
    for added in stored.chunks(3) {
        let [[caller, add, 0], [caller_1, add_1, 1], [caller_2, add_2, 2]] = added else {
            return Err(format!("an add was torn: {added:?}").into());
        };
        assert_eq!([caller, add], [caller_1, add_1]);
        assert_eq!([caller, add], [caller_2, add_2]);
        // What one caller does one after the other stays in that order.
        let expected = next.get_mut(*caller).ok_or("no such caller")?;
        assert_eq!(add, expected);
        *expected += 1;
    }
    Ok(())
}

fn the_first_writes_may_come_together(world: &World) -> Outcome {
    together(world, |session, caller| session.operation(format!("{caller}")).add_items(&messages(0..2)))?;
    assert_eq!(ada(world)?.get_items(None)?.len(), CALLERS * 2);
    Ok(())
}

fn concurrent_pops_give_each_item_once(world: &World) -> Outcome {
    const EACH: usize = 10;
    let session = ada(world)?;
    session.add_items(&(0..CALLERS * EACH).collect::<Vec<_>>())?;
    let popped = together(world, |session, caller| {
        (0..EACH)
            .map(|n| match caller % 4 {
                0 | 1 => session.pop_item_as::<usize>(),
                2 => session.pop_item_text().map(|text| text.and_then(|text| text.parse().ok())),
                _ => session.operation(format!("{caller}:{n}")).pop_item_as::<usize>(),
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let popped: Vec<usize> = popped.into_iter().flatten().flatten().collect();
    assert_eq!(popped.len(), CALLERS * EACH);
    assert_eq!(popped.into_iter().collect::<BTreeSet<_>>(), (0..CALLERS * EACH).collect());
    assert_eq!(session.pop_item()?, None);
    Ok(())
}

fn pops_and_adds_lose_nothing(world: &World) -> Outcome {
    const EACH: usize = 10;
    let popped = together(world, |session, caller| {
        let mut popped = Vec::new();
        for n in 0..EACH {
            session.add_items(&[caller * EACH + n])?;
            popped.extend(session.pop_item_as::<usize>()?);
        }
        Ok(popped)
    })?;
    let left = ada(world)?.get_items_as::<usize>(None)?;
    let all: Vec<usize> = popped.into_iter().flatten().chain(left).collect();
    assert_eq!(all.len(), CALLERS * EACH);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), (0..CALLERS * EACH).collect());
    Ok(())
}

fn a_trim_keeps_what_is_added_meanwhile(world: &World) -> Outcome {
    ada(world)?.add_items(&vec![Value::Null; 50])?;
    together(world, |session, caller| match caller {
        0 => (0..10).try_for_each(|_| session.trim(200)),
        _ => (0..10).try_for_each(|_| session.add_items(&[caller])),
    })?;
    let session = ada(world)?;
    assert_eq!(session.get_items(None)?.len(), 50 + 10 * (CALLERS - 1));
    session.trim(10)?;
    assert!(session.get_items_as::<usize>(None).is_ok_and(|left| left.len() == 10));
    Ok(())
}
