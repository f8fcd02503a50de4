//! Writes with an operation id.

use persql_agents_session::{ErrorKind, PerSqlSession};
use persql_conformance::{Case, Outcome, World, cases};
use persql_core::Handle;
use serde_json::{Value, json};

use crate::{ada, insert_row, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_add_is_applied_once,
        an_id_for_something_else_is_a_conflict,
        an_add_of_nothing_records_nothing,
        a_pop_is_applied_once_and_answers_alike,
        a_pop_of_nothing_is_recorded,
        a_pop_that_the_type_cannot_hold_records_nothing,
        a_replacement_is_applied_once,
        a_failed_write_records_nothing,
        ids_belong_to_a_session_and_to_a_pair_of_tables,
        records_outlive_the_client,
        one_id_from_two_handles_is_applied_once,
        clearing_a_session_forgets_its_operations,
        records_of_another_adapter_do_not_keep_ours_from_being_forgotten,
        an_operation_id_has_bounds,
        an_operation_is_one_request,
        a_pop_whose_record_does_not_fit_a_row_pops_nothing,
    ]
}

const RECORDS: &str = "SELECT count(*) FROM persql_operations";

fn an_add_is_applied_once(world: &World) -> Outcome {
    let session = ada(world)?;
    for _ in 0..3 {
        session.operation("one").add_items(&messages(0..2))?;
        session.operation("two").add_items_text(&["NaN"])?;
    }
    // Other operations in between change nothing.
    session.add_items(&messages(2..3))?;
    session.operation("one").add_items(&messages(0..2))?;
    let expected =
        [messages(0..2).iter().map(Value::to_string).collect(), vec!["NaN".to_owned()], vec![message(2).to_string()]];
    assert_eq!(session.get_items_text(None)?, expected.concat());
    // Nor does a session that lost its items.
    session.trim(0)?;
    session.operation("one").add_items(&messages(0..2))?;
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}

fn an_id_for_something_else_is_a_conflict(world: &World) -> Outcome {
    let session = ada(world)?;
    let once = session.operation("one");
    once.add_items(&messages(0..2))?;
    let tail = session.tail(2)?;
    let errors = [
        once.add_items(&messages(0..3)),
        once.add_items(&messages(1..3)),
        once.add_items_text(&[format!("{} ", message(0)), message(1).to_string()]),
        once.pop_item().map(|_| ()),
        once.pop_item_text().map(|_| ()),
        once.replace_tail(&tail, 0, &messages(0..2)),
    ];
    for error in errors {
        let error = refused(error)?;
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let said = error.to_string();
        assert_eq!(said.matches("operation: one").count(), 1, "{said}");
        assert!(said.contains("session: ada") && !said.contains("message"), "{said}");
    }
    assert_eq!(session.get_items(None)?, messages(0..2));
    Ok(())
}

fn an_add_of_nothing_records_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    let (requests, added) = session.database().counting(|| session.operation("one").add_items::<Value>(&[]));
    added?;
    assert_eq!(requests, 0);
    session.operation("one").add_items(&[message(0)])?;
    assert_eq!(session.get_items(None)?, [message(0)]);
    Ok(())
}

fn a_pop_is_applied_once_and_answers_alike(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    here.add_items(&messages(0..3))?;
    insert_row(here.database(), "ada", "{bad")?;
    for session in [&here, &there, &here] {
        assert_eq!(session.operation("one").pop_item()?, Some(message(2)));
        assert_eq!(session.operation("one").pop_item_text()?, Some(message(2).to_string()));
    }
    let error = refused(here.operation("one").pop_item_as::<u8>())?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("operation: one"), "{error}");
    assert_eq!(here.get_items(None)?, messages(0..2));
    assert_eq!(value::<i64>(here.database(), "SELECT count(*) FROM agent_messages")?, 2);
    Ok(())
}

fn a_pop_of_nothing_is_recorded(world: &World) -> Outcome {
    let session = ada(world)?;
    assert_eq!(session.operation("one").pop_item()?, None);
    session.add_items(&[message(0)])?;
    assert_eq!(session.operation("one").pop_item()?, None);
    assert_eq!(session.get_items(None)?, [message(0)]);
    session.pop_item()?;
    insert_row(session.database(), "ada", "{bad")?;
    assert_eq!(session.operation("two").pop_item_text()?, None);
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 0);
    // What was recorded goes with the session, even if that never had an item.
    let bob = PerSqlSession::new(world.db()?, "bob");
    assert_eq!(bob.operation("one").pop_item()?, None);
    bob.clear_session()?;
    bob.add_items(&[message(1)])?;
    assert_eq!(bob.operation("one").pop_item()?, Some(message(1)));
    Ok(())
}

fn a_pop_that_the_type_cannot_hold_records_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items_text(&["NaN"])?;
    let error = refused(session.operation("one").pop_item())?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("row: 1"), "{error}");
    assert_eq!(session.operation("one").pop_item_text()?.as_deref(), Some("NaN"));
    Ok(())
}

fn a_replacement_is_applied_once(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..3))?;
    let tail = session.tail(2)?;
    for _ in 0..3 {
        session.operation("one").replace_tail(&tail, 0, &[message(9)])?;
    }
    assert_eq!(session.get_items(None)?, [message(0), message(9)]);
    for (from, items) in [(1, messages(9..10)), (0, messages(8..9))] {
        let error = refused(session.operation("one").replace_tail(&tail, from, &items))?;
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    Ok(())
}

fn a_failed_write_records_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..2))?;
    let tail = session.tail(2)?;
    session.add_items(&messages(2..3))?;
    let once = session.operation("one");
    assert_eq!(refused(once.replace_tail(&tail, 0, &[message(9)]))?.kind(), ErrorKind::Conflict);
    assert_eq!(refused(once.replace_tail(&tail, 3, &[message(9)]))?.kind(), ErrorKind::InvalidInput);
    assert!(once.add_items(&["x".repeat(2_100_000)]).is_err());
    assert!(once.add_items_text(&["{"]).is_err());
    once.replace_tail(&session.tail(1)?, 0, &[message(9)])?;
    assert_eq!(session.get_items(None)?, [message(0), message(1), message(9)]);
    Ok(())
}

fn ids_belong_to_a_session_and_to_a_pair_of_tables(world: &World) -> Outcome {
    let db = world.db()?;
    let other_tables = PerSqlSession::builder(db.clone(), "ada").sessions_table("s").messages_table("m").build()?;
    for session in [PerSqlSession::new(db.clone(), "ada"), PerSqlSession::new(db.clone(), "ad"), other_tables] {
        for _ in 0..2 {
            session.operation("a").add_items(&[message(0)])?;
        }
        assert_eq!(session.get_items(None)?, [message(0)]);
    }
    Ok(())
}

fn records_outlive_the_client(world: &World) -> Outcome {
    ada(world)?.operation("one").add_items(&[message(0)])?;
    let reopened = PerSqlSession::new(world.other_db()?, "ada");
    reopened.operation("one").add_items(&[message(0)])?;
    assert_eq!(reopened.get_items(None)?, [message(0)]);
    Ok(())
}

fn one_id_from_two_handles_is_applied_once(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    here.add_items(&messages(0..10))?;
    let popped = std::thread::scope(|scope| {
        let work: Vec<_> = (0..8)
            .map(|n| {
                let session = if n % 2 == 0 { &here } else { &there };
                scope.spawn(move || {
                    session.operation("add").add_items(&messages(10..12))?;
                    session.operation("pop").pop_item()
                })
            })
            .collect();
        work.into_iter().map(|work| work.join()).collect::<Vec<_>>()
    });
    let mut answers = Vec::new();
    for outcome in popped {
        answers.push(outcome.map_err(|_| "a thread panicked")??);
    }
    assert_eq!(answers, vec![Some(message(11)); 8]);
    assert_eq!(there.get_items(None)?, messages(0..11));
    Ok(())
}

fn clearing_a_session_forgets_its_operations(world: &World) -> Outcome {
    let (ada, bob) = (ada(world)?, PerSqlSession::new(world.db()?, "bob"));
    let db = ada.database();
    bob.operation("one").add_items(&[message(0)])?;
    let clears: [&dyn Fn() -> Outcome; 2] = [&|| Ok(ada.clear_session()?), &|| {
        // As the SDK does it.
        db.transaction([
            "DELETE FROM agent_messages WHERE session_id = 'ada'",
            "DELETE FROM agent_sessions WHERE session_id = 'ada'",
        ])?;
        Ok(())
    }];
    for clear in clears {
        ada.operation("one").add_items(&[message(1)])?;
        ada.operation("two").pop_item()?;
        assert_eq!(value::<i64>(db, RECORDS)?, 3);
        clear()?;
        assert_eq!(value::<i64>(db, RECORDS)?, 1);
        ada.operation("one").add_items(&[json!("other")])?;
        assert_eq!(ada.get_items(None)?, [json!("other")]);
        clear()?;
    }
    bob.operation("one").add_items(&[message(0)])?;
    assert_eq!(bob.get_items(None)?, [message(0)]);
    Ok(())
}

fn records_of_another_adapter_do_not_keep_ours_from_being_forgotten(world: &World) -> Outcome {
    let session = ada(world)?;
    // The record is core's, and whoever comes first makes it.
    let others = persql_core::Schema::new([], []);
    session.database().run(persql_core::Operation::schema(&others, []).create())?;
    session.operation("one").add_items(&messages(0..1))?;
    session.clear_session()?;
    session.operation("one").add_items(&messages(0..1))?;
    assert_eq!(session.get_items(None)?, messages(0..1));
    Ok(())
}

fn an_operation_id_has_bounds(world: &World) -> Outcome {
    let session = ada(world)?;
    for bad in ["", &"x".repeat(201)] {
        let (requests, added) = session.database().counting(|| session.operation(bad).add_items(&[message(0)]));
        let error = refused(added)?;
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        assert!(error.to_string().contains("1 to 200 bytes"), "{error}");
        assert!(session.operation(bad).pop_item().is_err());
        assert!(session.operation(bad).replace_tail(&session.tail(1)?, 0, &[message(0)]).is_err());
    }
    let hostile = ["x'; DROP TABLE persql_operations;--", "\u{0}", "😀\n", " ", &"é".repeat(100)];
    for id in hostile {
        for _ in 0..2 {
            session.operation(id).add_items(&[json!(id)])?;
        }
    }
    assert_eq!(Value::from(session.get_items(None)?), json!(hostile));
    Ok(())
}

fn an_operation_is_one_request(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    let count = |work: &dyn Fn() -> persql_agents_session::Result<()>| {
        let (requests, done) = session.database().counting(work);
        done.map(|()| requests)
    };
    let add = || session.operation("add").add_items(&messages(0..3));
    let pop = || session.operation("pop").pop_item().map(|_| ());
    assert_eq!((count(&add)?, count(&add)?), (1, 2), "once to write, and when it was written, once to read why not");
    assert_eq!((count(&pop)?, count(&pop)?), (3, 1));
    let tail = session.tail(1)?;
    let replace = || session.operation("replace").replace_tail(&tail, 0, &[message(9)]);
    assert_eq!((count(&replace)?, count(&replace)?), (1, 2));
    Ok(())
}

fn a_pop_whose_record_does_not_fit_a_row_pops_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    let item = format!("\"{}\"", "x".repeat(1_999_920));
    session.add_items_text(&[&item])?;
    let error = refused(session.operation("one").pop_item_text())?;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(value::<i64>(session.database(), RECORDS)?, 0);
    assert!(session.pop_item_text()? == Some(item));
    Ok(())
}
