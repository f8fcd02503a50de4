//! Popping, clearing, trimming.

use persql_agents_session::{Limit, PerSqlSession};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::json;

use crate::{ada, insert_row, message, messages, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        pop_gives_the_newest_item_and_removes_it,
        pop_on_an_empty_session_gives_nothing,
        pop_drops_rows_that_are_not_json,
        pop_of_only_bad_rows_gives_nothing_and_drops_them,
        pop_as_another_type,
        ids_are_never_used_again,
        clear_deletes_the_items_and_the_session,
        clear_of_an_absent_session_does_nothing,
        trim_keeps_the_newest_items,
        trim_to_nothing_keeps_the_session,
        trim_never_halves_a_call,
    ]
}

fn pop_gives_the_newest_item_and_removes_it(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    here.add_items(&messages(0..4))?;
    let (requests, popped) = here.database().counting(|| here.pop_item());
    assert_eq!((requests, popped?), (2, Some(message(3))));
    let (requests, popped) = there.database().counting(|| there.pop_item_text());
    assert_eq!((requests, popped?), (1, Some(message(2).to_string())));
    assert_eq!(here.get_items(None)?, messages(0..2));
    here.add_items(&[message(9)])?;
    assert_eq!(there.pop_item()?, Some(message(9)));
    Ok(())
}

fn pop_on_an_empty_session_gives_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    for _ in 0..2 {
        let (requests, popped) = session.database().counting(|| session.pop_item());
        assert_eq!((requests, popped?), (1, None));
        let (requests, popped) = session.database().counting(|| session.pop_item_text());
        assert_eq!((requests, popped?), (1, None));
    }
    session.add_items(&[message(0)])?;
    session.pop_item()?;
    assert_eq!(session.pop_item()?, None);
    assert_eq!(session.pop_item_text()?, None);
    // The session itself stays.
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_sessions")?, 1);
    Ok(())
}

fn pop_drops_rows_that_are_not_json(world: &World) -> Outcome {
    for as_text in [false, true] {
        let session = PerSqlSession::new(world.db()?, if as_text { "text" } else { "value" });
        session.add_items(&messages(0..2))?;
        for bad in ["{bad", "", "worse"] {
            insert_row(session.database(), session.session_id(), bad)?;
        }
        insert_row(session.database(), session.session_id(), vec![1_u8])?;
        let (requests, popped) = session.database().counting(|| match as_text {
            true => session.pop_item_text().map(|text| text.as_deref() == Some(&*message(1).to_string())),
            false => session.pop_item().map(|item| item == Some(message(1))),
        });
        assert!(popped?);
        // As text each row is popped by a request of its own; as a value they are read first: 1, 1, 2
        // and 4 of them, and all deleted at once.
        assert_eq!(requests, 5);
        let rows =
            session.database().query("SELECT id FROM agent_messages WHERE session_id = ?1", [session.session_id()])?;
        assert_eq!(rows.len(), 1);
    }
    Ok(())
}

fn pop_of_only_bad_rows_gives_nothing_and_drops_them(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    for as_text in [false, true] {
        for bad in ["{bad", "", "worse"] {
            insert_row(session.database(), "ada", bad)?;
        }
        let nothing = if as_text { session.pop_item_text()?.is_none() } else { session.pop_item()?.is_none() };
        assert!(nothing);
        assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 0);
    }
    Ok(())
}

fn pop_as_another_type(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[json!(1), json!("two")])?;
    assert!(session.pop_item_as::<u8>().is_err());
    assert_eq!(session.pop_item_as::<String>()?.as_deref(), Some("two"));
    assert_eq!(session.pop_item_as::<u8>()?, Some(1));
    assert_eq!(session.pop_item_as::<u8>()?, None);
    Ok(())
}

fn ids_are_never_used_again(world: &World) -> Outcome {
    let session = ada(world)?;
    let newest = "SELECT coalesce(max(id), 0) FROM agent_messages";
    session.add_items(&messages(0..3))?;
    session.pop_item()?;
    session.pop_item_text()?;
    session.add_items(&[message(3)])?;
    assert_eq!(value::<i64>(session.database(), newest)?, 4);
    session.clear_session()?;
    session.add_items(&[message(4)])?;
    assert_eq!(value::<i64>(session.database(), newest)?, 5);
    session.trim(0)?;
    session.add_items(&[message(5)])?;
    assert_eq!(value::<i64>(session.database(), newest)?, 6);
    Ok(())
}

fn clear_deletes_the_items_and_the_session(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    here.add_items(&messages(0..3))?;
    insert_row(here.database(), "ada", "{bad")?;
    let (requests, cleared) = there.database().counting(|| there.clear_session());
    cleared?;
    assert_eq!(requests, 1);
    assert_eq!(here.get_items(None)?, messages(0..0));
    let left = "SELECT (SELECT count(*) FROM agent_sessions) + (SELECT count(*) FROM agent_messages)";
    assert_eq!(value::<i64>(here.database(), left)?, 0);
    here.add_items(&[message(7)])?;
    assert_eq!(there.get_items(None)?, [message(7)]);
    Ok(())
}

fn clear_of_an_absent_session_does_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    let (requests, cleared) = session.database().counting(|| session.clear_session());
    cleared?;
    assert_eq!(requests, 1);
    session.create_tables()?;
    session.clear_session()?;
    session.clear_session()?;
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}

fn trim_keeps_the_newest_items(world: &World) -> Outcome {
    let session = ada(world)?;
    session.trim(3)?;
    session.add_items(&messages(0..2))?;
    insert_row(session.database(), "ada", "{bad")?;
    session.add_items(&messages(2..6))?;
    PerSqlSession::new(session.database().clone(), "bob").add_items(&[message(9)])?;
    // One read and one delete, and one read more for a row that is not JSON.
    for (keep, from, requests) in [(9, 0, 1), (5, 1, 3), (4, 2, 2), (3, 3, 2), (3, 3, 2)] {
        let (sent, trimmed) = session.database().counting(|| session.trim(keep));
        trimmed?;
        assert_eq!(session.get_items(None)?, messages(from..6), "{keep}");
        assert_eq!(sent, requests, "{keep}");
    }
    let (sent, trimmed) = session.database().counting(|| session.trim(Limit::all()));
    trimmed?;
    assert_eq!(sent, 0);
    session.trim(Limit::turns(2))?;
    assert_eq!(session.get_items(None)?, messages(4..6));
    // The rows that are not JSON went with what was older, and Bob's stayed.
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 3);
    Ok(())
}

fn trim_to_nothing_keeps_the_session(world: &World) -> Outcome {
    let session = ada(world)?;
    session.trim(0)?;
    session.add_items(&messages(0..3))?;
    let (requests, trimmed) = session.database().counting(|| session.trim(0));
    trimmed?;
    assert_eq!(requests, 1);
    assert_eq!(session.get_items(None)?, messages(0..0));
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_sessions")?, 1);
    Ok(())
}

fn trim_never_halves_a_call(world: &World) -> Outcome {
    let session = ada(world)?;
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "1"});
    let items = [message(0), call("a"), call("b"), output("a"), output("b"), message(1)];
    session.add_items(&items)?;
    session.trim(Limit::items(2).with_whole_calls())?;
    // The output of `a` stands between, and so its call comes too.
    assert_eq!(session.get_items(None)?, items.get(1..).unwrap_or_default());
    Ok(())
}
