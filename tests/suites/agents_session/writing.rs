//! Adding items.

use persql_agents_session::{ErrorKind, PerSqlSession};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json, value::RawValue};

use crate::{ada, insert_row, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        added_items_come_back_in_their_order,
        the_first_write_creates_the_tables_and_later_ones_are_one_request,
        an_add_of_nothing_sends_nothing,
        an_add_is_one_request_however_many_items_there_are,
        another_handle_sees_what_was_added,
        raw_and_typed_items_are_stored_as_they_are_written,
        texts_are_stored_byte_for_byte,
        an_add_is_all_or_nothing,
        what_is_no_json_is_refused_with_its_position,
        an_item_that_cannot_be_written_is_refused_with_its_position,
        an_item_fits_a_row_or_is_refused_with_its_position,
        an_item_is_nested_a_thousand_levels_at_most,
        more_than_a_transaction_carries_is_refused_before_it_is_sent,
        an_add_touches_the_session_and_a_pop_does_not,
        created_at_never_goes_backwards,
    ]
}

fn added_items_come_back_in_their_order(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..3))?;
    session.add_items(&messages(0..3))?;
    session.add_items(&messages(3..4))?;
    let expected = [messages(0..3), messages(0..3), messages(3..4)].concat();
    assert_eq!(session.get_items(None)?, expected);
    assert_eq!(value::<i64>(&world.db()?, "SELECT count(*) FROM agent_sessions")?, 1);
    Ok(())
}

fn the_first_write_creates_the_tables_and_later_ones_are_one_request(world: &World) -> Outcome {
    let session = ada(world)?;
    let (first, added) = session.database().counting(|| session.add_items(&[message(0)]));
    added?;
    // The write that meets no table, the tables, and the write.
    assert_eq!(first, 3);
    let (second, added) = session.database().counting(|| session.add_items(&[message(1)]));
    added?;
    assert_eq!(second, 1);
    let other = PerSqlSession::new(world.other_db()?, "bob");
    let (first_of_other, added) = other.database().counting(|| other.add_items(&[message(2)]));
    added?;
    assert_eq!(first_of_other, 1);
    Ok(())
}

fn an_add_of_nothing_sends_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    let (requests, added) = session.database().counting(|| {
        session.add_items::<Value>(&[])?;
        session.add_items_text::<&str>(&[])
    });
    added?;
    assert_eq!(requests, 0);
    session.create_tables()?;
    session.add_items::<Value>(&[])?;
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_sessions")?, 0);
    Ok(())
}

fn an_add_is_one_request_however_many_items_there_are(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    let mut expected = Vec::new();
    for count in [1, 2, 101, 5_000] {
        let items = messages(0..count);
        let (requests, added) = session.database().counting(|| session.add_items(&items));
        added?;
        assert_eq!(requests, 1, "{count} items");
        expected.extend(items);
    }
    assert_eq!(session.get_items(None)?, expected);
    Ok(())
}

fn another_handle_sees_what_was_added(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    assert_eq!(there.get_items(None)?, messages(0..0));
    here.add_items(&[message(0)])?;
    there.add_items(&[message(1)])?;
    here.add_items(&[message(2)])?;
    assert_eq!(here.get_items(None)?, messages(0..3));
    assert_eq!(there.get_items(None)?, messages(0..3));
    Ok(())
}

fn raw_and_typed_items_are_stored_as_they_are_written(world: &World) -> Outcome {
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Note {
        z: u64,
        a: String,
    }
    let session = ada(world)?;
    let note = Note { z: u64::MAX, a: "é".to_owned() };
    session.add_items(&[&note])?;
    let raw = RawValue::from_string(r#"{"z" : 1,"a":  1234567890123456789012345678901234567890}"#.to_owned())?;
    session.add_items(&[&raw])?;
    session.add_items(&["text"])?;
    let stored = session.get_items_text(None)?;
    assert_eq!(stored, [r#"{"z":18446744073709551615,"a":"é"}"#, raw.get(), r#""text""#]);
    assert_eq!(
        session.get_items_as::<Box<RawValue>>(2)?.first().map(|raw| raw.get().to_owned()),
        stored.get(1).cloned()
    );
    session.pop_item()?;
    session.pop_item()?;
    assert_eq!(session.get_items_as::<Note>(None)?, [note]);
    Ok(())
}

fn texts_are_stored_byte_for_byte(world: &World) -> Outcome {
    let session = ada(world)?;
    let texts = [
        r#"{"z": 1, "a": NaN, "a": -Infinity}"#,
        r#" [ 1.0 , 1e400, "\ud800\u0000" ] "#,
        "123",
        "null",
        "\"\u{7f} é \u{1f600} '\"",
        r#"{"n": [9007199254740991, 9007199254740993, 18446744073709551616]}"#,
    ];
    session.add_items_text(&texts)?;
    for text in texts {
        session.add_items_text(&[text])?;
    }
    assert_eq!(session.get_items_text(None)?, [texts, texts].concat());
    Ok(())
}

fn an_add_is_all_or_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    let db = session.database();
    // The last of several packs fails in the database.
    db.query(
        "CREATE TRIGGER no BEFORE INSERT ON agent_messages WHEN NEW.message_data = '\"bad\"'
         BEGIN SELECT RAISE(ABORT, 'no'); END",
        (),
    )?;
    let large = Value::from("x".repeat(1_000_000));
    let error = refused(session.add_items(&[message(1), large.clone(), large, json!("bad")]))?;
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("session: ada"), "{error}");
    assert_eq!(session.get_items(None)?, messages(0..1));
    Ok(())
}

fn what_is_no_json_is_refused_with_its_position(world: &World) -> Outcome {
    let session = ada(world)?;
    for bad in ["", "{", "{\"secret\"", "[1,]", "nul", "{} {}", "\u{feff}{}", "\"a\nb\"", "01"] {
        let (requests, added) = session.database().counting(|| session.add_items_text(&["{}", bad]));
        let error = refused(added)?;
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput), "{bad:?}");
        let said = error.to_string();
        assert!(said.contains("item: 1") && said.contains("session: ada") && !said.contains("secret"), "{said}");
    }
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}

fn an_item_that_cannot_be_written_is_refused_with_its_position(world: &World) -> Outcome {
    let session = ada(world)?;
    let pairs = std::collections::BTreeMap::from([((1, 2), "secret")]);
    let error = refused(session.add_items(&[Ok(1), Err(pairs)].map(|item: Result<i32, _>| item)))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let said = error.to_string();
    assert!(said.contains("item: 1") && !said.contains("secret"), "{said}");
    // JSON has no form for it, and serde_json writes null: so does this.
    session.add_items(&[f64::NAN])?;
    assert_eq!(session.get_items_text(None)?, ["null"]);
    Ok(())
}

fn an_item_fits_a_row_or_is_refused_with_its_position(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    let large = Value::from("x".repeat(1_900_000));
    // Quotes are escaped once for JSON, and once more where items share a parameter.
    let escaped = Value::from("\"\\".repeat(450_000));
    session.add_items(std::slice::from_ref(&large))?;
    let mixed = [message(1), large.clone(), message(2), escaped, message(3)];
    let (requests, added) = session.database().counting(|| session.add_items(&mixed));
    added?;
    assert_eq!(requests, 1);
    let expected = [&[message(0), large][..], &mixed].concat();
    // Not `assert_eq!`, which would print megabytes.
    assert!(session.get_items(None)? == expected);

    let too_large = "x".repeat(2_100_000);
    let text = format!("\"{too_large}\"");
    let tries = [
        session.database().counting(|| session.add_items(&["small", &too_large])),
        session.database().counting(|| session.add_items_text(&["1", &text])),
    ];
    for (requests, added) in tries {
        let error = refused(added)?;
        assert_eq!((requests, error.kind()), (0, ErrorKind::InvalidInput));
        let said = error.to_string();
        assert!(said.contains("limit of a row is 2000000 bytes") && said.contains("item: 1"), "{said}");
    }
    // The row's other columns count as well.
    assert!(session.add_items_text(&[format!("\"{}\"", "x".repeat(1_999_990))]).is_err());
    assert!(session.add_items_text(&[format!("\"{}\"", "x".repeat(1_999_900))]).is_ok());
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 8);
    Ok(())
}

fn an_item_is_nested_a_thousand_levels_at_most(world: &World) -> Outcome {
    let session = ada(world)?;
    let nested = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    session.add_items(&[nested(1_000)])?;
    session.add_items_text(&[format!("{}{}", "[".repeat(1_000), "]".repeat(1_000))])?;
    assert_eq!(session.get_items(1)?.len(), 1);
    assert!(session.get_items(None)?.first() == Some(&nested(1_000)));
    assert!(session.pop_item()?.is_some());
    let deep = format!("{}{}", "[".repeat(1_001), "]".repeat(1_001));
    for added in [session.add_items(&[nested(1_001)]), session.add_items_text(&[&deep])] {
        let error = refused(added)?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("1001") && error.to_string().contains("item: 0"), "{error}");
    }
    // Python stores it, and reads it as text only.
    let row = insert_row(session.database(), "ada", deep.as_str())?;
    let error = refused(session.get_items(None))?;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains(&format!("row: {row}")), "{error}");
    assert_eq!(session.get_items_text(1)?, [deep]);
    Ok(())
}

fn more_than_a_transaction_carries_is_refused_before_it_is_sent(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    // Twice as long in a parameter that they would share, so each is a pack, and a batch has a hundred statements.
    let text = format!("\"{}\"", "\\\\".repeat(240_000));
    let error = refused(session.add_items_text(&vec![text.as_str(); 100]))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("limit is 100") && error.to_string().contains("session: ada"), "{error}");
    assert_eq!(value::<i64>(session.database(), "SELECT count(*) FROM agent_messages")?, 0);
    Ok(())
}

fn an_add_touches_the_session_and_a_pop_does_not(world: &World) -> Outcome {
    let session = ada(world)?;
    let db = session.database();
    session.add_items(&messages(0..2))?;
    let long_ago = "UPDATE agent_sessions SET created_at = '2001-01-01 00:00:00', updated_at = '2001-01-01 00:00:00'";
    let touched = "SELECT created_at || ' ' || (updated_at > '2001-01-01 00:00:00') FROM agent_sessions";
    db.query(long_ago, ())?;
    session.pop_item()?;
    session.pop_item_text()?;
    session.get_items(None)?;
    assert_eq!(value::<String>(db, touched)?, "2001-01-01 00:00:00 0");
    session.add_items(&[message(1)])?;
    assert_eq!(value::<String>(db, touched)?, "2001-01-01 00:00:00 1");
    Ok(())
}

fn created_at_never_goes_backwards(world: &World) -> Outcome {
    let session = ada(world)?;
    let db = session.database();
    session.add_items(&[message(0)])?;
    db.query("UPDATE agent_messages SET created_at = '2999-01-01 00:00:00'", ())?;
    session.add_items(&[message(1)])?;
    session.add_items(&messages(2..4))?;
    PerSqlSession::new(db.clone(), "bob").add_items(&[message(4)])?;
    let from_the_future = "SELECT group_concat(created_at = '2999-01-01 00:00:00') FROM agent_messages";
    assert_eq!(value::<String>(db, from_the_future)?, "1,1,1,1,0");
    let by_time =
        "SELECT group_concat(id) FROM (SELECT id FROM agent_messages WHERE session_id = 'ada' ORDER BY created_at, id)";
    assert_eq!(value::<String>(db, by_time)?, "1,2,3,4");
    Ok(())
}
