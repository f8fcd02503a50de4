//! The tail of a session, and what is put in its place.

use persql_agents_session::{ErrorKind, PerSqlSession, Tail};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{Session, ada, insert_row, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_tail_is_the_newest_items,
        a_tail_of_a_long_history_is_read_in_pages,
        a_tail_with_something_unknown_in_it_is_an_error,
        what_stands_before_a_tail_does_not_matter_to_it,
        a_tail_is_replaced_from_a_position_on,
        a_tail_that_changed_is_not_replaced,
        nothing_is_replaced_only_if_nothing_was_added,
        a_position_beyond_the_tail_is_refused,
        a_tail_can_be_replaced_by_nothing,
        a_tail_of_nothing_can_be_written_behind,
        a_tail_of_many_packs_is_replaced,
        items_that_only_python_reads_are_compared_too,
        one_of_two_replacements_wins,
        a_replacement_is_checked_like_an_add,
    ]
}

fn a_tail_is_the_newest_items(world: &World) -> Outcome {
    let session = ada(world)?;
    let empty = session.tail(3)?;
    assert!(empty.is_empty() && empty.is_complete());
    session.add_items(&messages(0..4))?;
    for (n, len, complete) in
        [(0, 0, false), (1, 1, false), (3, 3, false), (4, 4, true), (9, 4, true), (usize::MAX, 4, true)]
    {
        let (requests, tail) = session.database().counting(|| session.tail(n));
        let tail = tail?;
        assert_eq!((requests, tail.len(), tail.is_complete()), (1, len, complete), "{n}");
        assert_eq!(tail.items_as::<Value>()?, messages(4 - len..4));
        assert!(tail.texts().eq(messages(4 - len..4).iter().map(Value::to_string)));
    }
    assert!(session.tail(1)?.items_as::<u8>().is_err());
    assert!(!format!("{:?}", session.tail(4)?).contains("message"));
    Ok(())
}

fn a_tail_of_a_long_history_is_read_in_pages(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..1_000))?;
    let (requests, tail) = session.database().counting(|| session.tail(600));
    let tail = tail?;
    assert_eq!((requests, tail.len(), tail.is_complete()), (2, 600, false));
    assert_eq!(tail.items_as::<Value>()?, messages(400..1_000));
    assert!(session.tail(1_000)?.is_complete());
    Ok(())
}

fn a_tail_with_something_unknown_in_it_is_an_error(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..2))?;
    let row = insert_row(session.database(), "ada", "{secret")?;
    session.add_items(&messages(2..3))?;
    let error = refused(session.tail(2))?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let said = error.to_string();
    assert!(
        said.contains(&format!("row: {row}")) && said.contains("session: ada") && !said.contains("secret"),
        "{said}"
    );
    Ok(())
}

fn what_stands_before_a_tail_does_not_matter_to_it(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    insert_row(session.database(), "ada", "{bad")?;
    session.add_items(&messages(0..2))?;
    let tail = session.tail(2)?;
    assert!(!tail.is_complete());
    session.replace_tail(&tail, 0, &[message(7)])?;
    assert_eq!(session.get_items(None)?, [message(7)]);
    Ok(())
}

fn a_tail_is_replaced_from_a_position_on(world: &World) -> Outcome {
    let (session, other) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    PerSqlSession::new(world.db()?, "bob").add_items(&messages(0..3))?;
    session.add_items(&messages(0..6))?;
    let tail = session.tail(4)?;
    let (requests, replaced) =
        session.database().counting(|| session.replace_tail(&tail, 1, &[message(8), message(9)]));
    replaced?;
    assert_eq!(requests, 1);
    let expected = [messages(0..3), messages(8..10)].concat();
    assert_eq!(other.get_items(None)?, expected);
    // A second time it is another tail.
    assert_eq!(refused(session.replace_tail(&tail, 1, &[message(8)]))?.kind(), ErrorKind::Conflict);
    let tail = other.tail(9)?;
    assert!(tail.is_complete());
    other.replace_tail(&tail, 0, &[json!("all of it")])?;
    assert_eq!(session.get_items(None)?, [json!("all of it")]);
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages WHERE session_id = 'bob'")?, 3);
    Ok(())
}

fn a_tail_that_changed_is_not_replaced(world: &World) -> Outcome {
    type Change = fn(&Session) -> Outcome;
    let changes: [Change; 7] = [
        |session| Ok(session.add_items(&[message(9)])?),
        |session| session.pop_item().map(|_| ()).map_err(Into::into),
        |session| Ok(session.clear_session()?),
        |session| insert_row(session.database(), "ada", "{bad").map(|_| ()).map_err(Into::into),
        |session| {
            session.database().query("UPDATE agent_messages SET message_data = '1' WHERE id = 3", ())?;
            Ok(())
        },
        |session| {
            session.database().query("DELETE FROM agent_messages WHERE id = 3", ())?;
            Ok(())
        },
        |session| {
            let db = session.database();
            PerSqlSession::new(db.clone(), "bob").add_items(&[message(9)])?;
            db.query("UPDATE agent_messages SET session_id = 'bob' WHERE id = 3", ())?;
            session.add_items(&[message(9)])?;
            Ok(())
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let db = world.db_named(&format!("acme/changes-{number}"))?;
        let session = PerSqlSession::new(db, "ada");
        session.add_items(&messages(0..4))?;
        let tail = session.tail(3)?;
        change(&session)?;
        let before = session.get_items_text(None)?;
        for from in [0, 1] {
            let error = refused(session.replace_tail(&tail, from, &[message(7)]))?;
            assert_eq!(error.kind(), ErrorKind::Conflict, "change {number}");
            assert!(error.to_string().contains("session: ada"), "{error}");
        }
        assert_eq!(session.get_items_text(None)?, before, "change {number}");
    }
    Ok(())
}

fn nothing_is_replaced_only_if_nothing_was_added(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..3))?;
    let tail = session.tail(2)?;
    session.replace_tail(&tail, 2, &[message(3)])?;
    assert_eq!(session.get_items(None)?, messages(0..4));
    let error = refused(session.replace_tail(&tail, 2, &[message(3)]))?;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(session.get_items(None)?, messages(0..4));
    Ok(())
}

fn a_position_beyond_the_tail_is_refused(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..3))?;
    let tail = session.tail(2)?;
    for from in [3, usize::MAX] {
        let (requests, replaced) = session.database().counting(|| session.replace_tail(&tail, from, &[message(3)]));
        let error = refused(replaced)?;
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        assert!(error.to_string().contains("the tail has 2 items"), "{error}");
    }
    Ok(())
}

fn a_tail_can_be_replaced_by_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..3))?;
    let tail = session.tail(2)?;
    session.replace_tail::<Value>(&tail, 1, &[])?;
    assert_eq!(session.get_items(None)?, messages(0..2));
    let tail = session.tail(2)?;
    session.replace_tail::<Value>(&tail, 0, &[])?;
    assert_eq!(session.get_items(None)?, messages(0..0));
    assert!(session.tail(2)?.is_complete());
    Ok(())
}

fn a_tail_of_nothing_can_be_written_behind(world: &World) -> Outcome {
    let session = ada(world)?;
    let tail: Tail = session.tail(5)?;
    session.replace_tail(&tail, 0, &[message(0)])?;
    assert_eq!(session.get_items(None)?, messages(0..1));
    assert_eq!(refused(session.replace_tail(&tail, 0, &[message(1)]))?.kind(), ErrorKind::Conflict);
    Ok(())
}

fn a_tail_of_many_packs_is_replaced(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    let large = |n: usize| json!([n, "x".repeat(700_000)]);
    let mut items: Vec<Value> = (0..4).map(large).collect();
    items.extend(messages(0..3_000));
    items.push(json!("y".repeat(1_950_000)));
    session.add_items(&items)?;
    let tail = session.tail(items.len())?;
    assert_eq!((tail.len(), tail.is_complete()), (items.len(), false));
    let replacement = [large(7), large(8), large(9), message(3)];
    let (requests, replaced) = session.database().counting(|| session.replace_tail(&tail, 0, &replacement));
    replaced?;
    assert_eq!(requests, 1);
    assert!(session.get_items(None)? == [&[message(0)][..], &replacement].concat());
    Ok(())
}

fn items_that_only_python_reads_are_compared_too(world: &World) -> Outcome {
    let session = ada(world)?;
    let texts = [r#"{"a": NaN, "t": "1:2:'\"\ud800\u0000é😀"}"#, r#"{"z":1.0 , "a":1e400}"#, "null"];
    session.add_items_text(&texts)?;
    insert_row(session.database(), "ada", b"{\"from\": \"a blob\"}".to_vec())?;
    for from in [2, 0] {
        let tail = session.tail(9)?;
        session.replace_tail(&tail, from, &[json!("new"), json!("er")])?;
        assert_eq!(session.tail(9)?.len(), from + 2);
    }
    Ok(())
}

fn one_of_two_replacements_wins(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    here.add_items(&messages(0..4))?;
    let tails = (here.tail(3)?, there.tail(3)?);
    let outcomes = std::thread::scope(|scope| {
        let one = scope.spawn(|| here.replace_tail(&tails.0, 1, &[json!("here")]));
        let two = scope.spawn(|| there.replace_tail(&tails.1, 1, &[json!("there")]));
        [one.join(), two.join()]
    });
    let mut kinds = Vec::new();
    for outcome in outcomes {
        kinds.push(outcome.map_err(|_| "a thread panicked")?.map_err(|error| error.kind()));
    }
    kinds.sort_by_key(|kind| kind.is_err());
    assert_eq!(kinds, [Ok(()), Err(ErrorKind::Conflict)]);
    assert_eq!(here.get_items(None)?.len(), 3);
    Ok(())
}

fn a_replacement_is_checked_like_an_add(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..2))?;
    let tail = session.tail(2)?;
    let items = [json!("small"), json!("x".repeat(2_100_000))];
    let (requests, replaced) = session.database().counting(|| session.replace_tail(&tail, 0, &items));
    let error = refused(replaced)?;
    assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
    assert!(error.to_string().contains("item: 1"), "{error}");
    assert_eq!(session.get_items(None)?, messages(0..2));
    Ok(())
}
