//! Many callers at once.

use std::{collections::BTreeMap, thread};

use persql_conformance::{Case, Outcome, World, cases};
use persql_history::{ErrorKind, Message, PerSqlHistoryProvider, Result};

use crate::{Provider, provider, talk, words};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        concurrent_runs_are_all_there_and_each_is_contiguous,
        the_same_run_saved_by_many_is_stored_once,
        the_first_saves_may_come_together,
        concurrent_operations_apply_once,
        a_replace_and_saves_lose_nothing,
    ]
}

const CALLERS: usize = 6;

/// Does the work as several callers, half of them with a client of their own.
fn together<T: Send>(
    world: &World,
    work: impl Fn(&Provider, usize) -> Result<T> + Sync,
) -> Result<Vec<T>, Box<dyn std::error::Error>> {
    let (here, there) = (provider(world)?, PerSqlHistoryProvider::new(world.other_db()?));
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let provider = if caller % 2 == 0 { &here } else { &there };
                let work = &work;
                scope.spawn(move || work(provider, caller))
            })
            .collect();
        callers.into_iter().map(|caller| Ok(caller.join().map_err(|_| "a caller panicked")??)).collect()
    })
}

fn concurrent_runs_are_all_there_and_each_is_contiguous(world: &World) -> Outcome {
    const RUNS: usize = 8;
    together(world, |provider, caller| {
        for n in 0..RUNS {
            loop {
                let run = provider.before_run("ada", &[Message::user(&format!("{caller} {n}"))])?;
                match provider.after_run(&run, &[Message::assistant(&format!("{caller} {n}"))]) {
                    Ok(saved) => {
                        assert_eq!(saved.stored(), 2);
                        break;
                    }
                    // Others were faster again and again. Nothing was stored then.
                    Err(error) if error.kind() == ErrorKind::Conflict => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    })?;
    let history = provider(world)?.get_messages("ada")?;
    assert_eq!(history.len(), CALLERS * RUNS * 2);
    let mut next = BTreeMap::new();
    for run in history.messages().chunks(2) {
        let [input, output] = run else { return Err("half a run".into()) };
        assert_eq!((input.role(), output.role(), input.text()), ("user", "assistant", output.text()));
        let text = input.text();
        let (caller, n) = text.split_once(' ').ok_or("not of a run")?;
        let expected = next.entry(caller.to_owned()).or_insert(0);
        assert_eq!(n.parse::<usize>()?, *expected);
        *expected += 1;
    }
    Ok(())
}

fn the_same_run_saved_by_many_is_stored_once(world: &World) -> Outcome {
    let stored = together(world, |provider, _| {
        let history = provider.get_messages("ada")?;
        Ok(provider.save_messages_after(history.tail(), &talk("u1# a1# u2# a2#"))?.stored())
    })?;
    assert_eq!(stored.iter().sum::<usize>(), 4, "{stored:?}");
    assert_eq!(words(&provider(world)?.get_messages("ada")?), "u1# a1# u2# a2#");
    Ok(())
}

fn the_first_saves_may_come_together(world: &World) -> Outcome {
    together(world, |provider, caller| provider.save_messages(&*format!("{caller}"), &talk("u1 a1")))?;
    assert_eq!(provider(world)?.count_sessions()?, CALLERS as u64);
    Ok(())
}

fn concurrent_operations_apply_once(world: &World) -> Outcome {
    let stored = together(world, |provider, _| {
        Ok(provider.operation("one").save_messages("ada", &talk("u1 a1 u1 a1"))?.stored())
    })?;
    assert_eq!(stored, [4; CALLERS], "each is told what the first one stored");
    assert_eq!(provider(world)?.count_messages("ada")?, 4);
    Ok(())
}

fn a_replace_and_saves_lose_nothing(world: &World) -> Outcome {
    const SAVES: usize = 6;
    together(world, |provider, caller| {
        for n in 0..SAVES {
            if caller == 0 {
                let history = provider.get_messages("ada")?;
                let marked: Vec<Message> = history.iter().map(|message| message.clone().excluded("old")).collect();
                match provider.replace(&history, &marked) {
                    Err(error) if error.kind() != ErrorKind::Conflict => return Err(error),
                    _ => {}
                }
            } else {
                let messages = [Message::user("x").with_message_id(&format!("{caller} {n}"))];
                while provider.save_messages("ada", &messages).is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                }
            }
        }
        Ok(())
    })?;
    let history = provider(world)?.get_messages("ada")?;
    let ids: std::collections::BTreeSet<_> = history.iter().filter_map(Message::message_id).collect();
    assert_eq!((history.len(), ids.len()), ((CALLERS - 1) * SAVES, (CALLERS - 1) * SAVES));
    Ok(())
}
