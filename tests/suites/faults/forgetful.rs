//! What an adapter does whose client has given up, and whose caller tries again: in every mode.

use persql_agents_session::PerSqlSession;
use persql_checkpoint::{Config, Metadata, PerSqlSaver};
use persql_conformance::{
    Any, Case, Outcome, World, cases,
    faults::{Fault, Faults, Forgetful},
};
use persql_core::{Error, ErrorKind, Result};
use persql_history::PerSqlHistoryProvider;
use persql_strands::{PerSqlSessionManager, SessionAgent};

use crate::{agents_session::items, checkpoint, history::turn, strands};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_that_repeats_its_operation_ids_loses_and_doubles_nothing,
        a_history_that_repeats_its_operation_ids_loses_and_doubles_nothing,
        a_manager_that_lost_an_answer_is_told_so_and_doubles_nothing,
        a_manager_may_repeat_a_message_with_a_tracking_id,
        a_saver_may_repeat_what_was_lost,
        what_an_operation_id_has_done_is_never_said_to_be_undone,
    ]
}

/// As many faults as answers, and more.
fn many() -> Faults {
    Faults::seeded(7, 60)
}

/// Calls until it succeeds. What an error says of the write must be true: `count` counts what is stored.
fn insist<T>(count: impl Fn() -> Result<i64>, call: impl Fn() -> Result<T>) -> Result<T, Box<dyn std::error::Error>> {
    loop {
        let before = count()?;
        let error = match call() {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(error.may_have_applied() || count()? == before, "{error:?}");
    }
}

/// How many rows there are, of all tables but that of the operations.
fn rows(db: &Any) -> Result<i64> {
    match db.tables() {
        Ok(tables) => {
            let count = |table: &persql_core::TableInfo| i64::try_from(table.row_count).unwrap_or(i64::MAX);
            Ok(tables.iter().filter(|table| table.name != "persql_operations").map(count).sum())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn a_session_that_repeats_its_operation_ids_loses_and_doubles_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    let session = PerSqlSession::new(Forgetful::new(db.clone(), many()), "ada");
    let mut expected = Vec::new();
    for number in 0..20 {
        let once = session.operation(format!("add {number}"));
        insist(|| rows(&db), || once.add_items(&items(number, 1)))?;
        expected.extend(items(number, 1));
        if number % 3 == 0 {
            let once = session.operation(format!("pop {number}"));
            assert_eq!(insist(|| rows(&db), || once.pop_item())?, expected.pop());
        }
        if number % 5 == 0 {
            let tail = insist(|| rows(&db), || session.tail(1))?;
            let once = session.operation(format!("replace {number}"));
            insist(|| rows(&db), || once.replace_tail(&tail, 0, &items(number, 0)))?;
            expected.pop();
            expected.extend(items(number, 0));
        }
    }
    assert_eq!(PerSqlSession::new(db, "ada").get_items(None)?, expected);
    Ok(())
}

fn a_history_that_repeats_its_operation_ids_loses_and_doubles_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    let provider = PerSqlHistoryProvider::new(Forgetful::new(db.clone(), many()));
    let mut expected = Vec::new();
    for number in 0..20 {
        let (input, outputs) = turn(number, 1);
        let run = insist(|| rows(&db), || provider.before_run("ada", &input))?;
        let saved = insist(|| rows(&db), || provider.operation(format!("run {number}")).after_run(&run, &outputs))?;
        assert_eq!(saved.stored(), 3);
        expected.extend(input.into_iter().chain(outputs));
    }
    let texts = |messages: &[persql_history::Message]| messages.iter().map(|one| one.text()).collect::<Vec<_>>();
    assert_eq!(texts(PerSqlHistoryProvider::new(db).get_messages("ada")?.messages()), texts(&expected));
    Ok(())
}

/// The manager's messages have no operation id: their place in the conversation is what makes them unique.
fn a_manager_that_lost_an_answer_is_told_so_and_doubles_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    let plain = PerSqlSessionManager::new(db.clone(), "s");
    let mut tracked = plain.initialize(&SessionAgent::new("a"))?.tracked;
    let manager = PerSqlSessionManager::new(Forgetful::new(db.clone(), many()), "s");
    let expected: Vec<_> = (0..20).map(strands::message).collect();
    for message in &expected {
        tracked = loop {
            match manager.append_message(&tracked, message) {
                Ok(tracked) => break tracked,
                // The attempt that was lost has taken the place.
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    break plain.initialize(&SessionAgent::new("a"))?.tracked;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
        };
    }
    assert_eq!(plain.initialize(&SessionAgent::new("a"))?.messages_as::<serde_json::Value>()?, expected);
    Ok(())
}

fn a_manager_may_repeat_a_message_with_a_tracking_id(world: &World) -> Outcome {
    let db = world.db()?;
    let plain = PerSqlSessionManager::new(db.clone(), "s");
    let mut tracked = plain.initialize(&SessionAgent::new("a"))?.tracked;
    let manager = PerSqlSessionManager::new(Forgetful::new(db.clone(), many()), "s");
    let mut expected = Vec::new();
    for number in 0..20 {
        let mut message = strands::message(number);
        message.as_object_mut().ok_or("no message")?.insert("tracking_id".to_owned(), format!("id {number}").into());
        tracked = insist(|| rows(&db), || manager.append_message(&tracked, &message))?;
        expected.push(message);
    }
    assert_eq!(plain.initialize(&SessionAgent::new("a"))?.messages_as::<serde_json::Value>()?, expected);
    Ok(())
}

fn a_saver_may_repeat_what_was_lost(world: &World) -> Outcome {
    let db = world.db()?;
    let (plain, saver) = (PerSqlSaver::new(db.clone()), PerSqlSaver::new(Forgetful::new(db.clone(), many())));
    let mut config = Config::new("ada");
    for number in 0..20 {
        let step = i64::try_from(number)?;
        let (checkpoint, metadata) = (checkpoint::checkpoint(number), Metadata::new("loop", step));
        config = insist(|| rows(&db), || saver.put(&config, &checkpoint, &metadata))?;
        insist(|| rows(&db), || saver.put_writes(&config, &checkpoint::writes(number), "task", ""))?;
        let stored = plain.get_tuple(&config)?.ok_or("lost")?;
        assert_eq!((stored.checkpoint.id, stored.pending_writes.len()), (checkpoint.id, 2));
    }
    assert_eq!(rows(&db)?, 60);
    Ok(())
}

fn what_an_operation_id_has_done_is_never_said_to_be_undone(world: &World) -> Outcome {
    let db = world.db()?;
    PerSqlSession::new(db.clone(), "ada").operation("one").add_items(&items(0, 1))?;
    // The write is answered by "it is recorded", and what was recorded cannot be read.
    let faults = Faults::script([Fault::None, Fault::TooMany(None)]);
    let forgetful = PerSqlSession::new(Forgetful::new(db, faults), "ada");
    let error: Error = forgetful.operation("one").add_items(&items(0, 1)).err().ok_or("not lost")?;
    assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Unavailable, true));
    Ok(())
}
