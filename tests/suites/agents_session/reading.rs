//! Reading items: limits, pages, and rows that are no items.

use persql_agents_session::{ErrorKind, Limit, PerSqlSession, SessionSettings};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{ada, insert_row, message, messages, refused};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_read_of_nothing_is_empty_and_creates_nothing,
        a_limit_is_the_newest_items_oldest_first,
        the_settings_say_what_is_read_when_the_caller_does_not,
        a_limit_counts_valid_items,
        a_long_run_of_bad_rows_takes_few_requests,
        rows_that_are_not_json_are_skipped,
        json_that_is_no_object_is_an_item,
        a_row_that_the_type_cannot_hold_is_an_error_that_names_it,
        a_history_is_read_in_pages,
        a_limit_is_read_in_pages,
        large_items_make_small_pages,
        a_page_that_the_server_cannot_answer_is_made_smaller,
        rows_of_any_id_are_read,
        turns_begin_with_the_user,
        sessions_do_not_see_each_other,
    ]
}

fn a_read_of_nothing_is_empty_and_creates_nothing(world: &World) -> Outcome {
    let session = ada(world)?;
    for limit in [None.into(), Limit::all(), Limit::items(3), Limit::turns(2).with_whole_calls()] {
        let (requests, items) = session.database().counting(|| session.get_items(limit));
        assert_eq!((requests, items?), (1, Vec::new()), "{limit:?}");
    }
    assert_eq!(session.get_items_text(None)?, [""; 0]);
    assert!(session.database().tables().is_ok_and(|tables| tables.is_empty()) || session.database().tables().is_err());
    session.create_tables()?;
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}

fn a_limit_is_the_newest_items_oldest_first(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..5))?;
    for (limit, from) in [(1, 4), (2, 3), (4, 1), (5, 0), (6, 0), (usize::MAX, 0)] {
        let (requests, items) = session.database().counting(|| session.get_items(limit));
        assert_eq!((requests, items?), (1, messages(from..5)), "{limit}");
    }
    for nothing in [Limit::items(0), Limit::turns(0), Limit::items(0).with_whole_calls()] {
        let (requests, items) = session.database().counting(|| session.get_items(nothing));
        assert_eq!((requests, items?), (0, Vec::new()));
    }
    assert_eq!(session.get_items(Some(2))?, messages(3..5));
    Ok(())
}

fn the_settings_say_what_is_read_when_the_caller_does_not(world: &World) -> Outcome {
    let db = world.db()?;
    let with = |settings| PerSqlSession::builder(db.clone(), "ada").session_settings(settings).build();
    let two = with(SessionSettings::with_limit(2))?;
    assert_eq!(two.session_settings().limit, Some(2));
    two.add_items(&messages(0..5))?;
    assert_eq!(two.get_items(None)?, messages(3..5));
    assert_eq!(two.get_items_text(None)?.len(), 2);
    assert_eq!(two.get_items(4)?, messages(1..5));
    assert_eq!(two.get_items(0)?, messages(0..0));
    assert_eq!(two.get_items(Limit::all())?, messages(0..5));
    assert_eq!(with(SessionSettings::with_limit(0))?.get_items(None)?, messages(0..0));
    assert_eq!(with(SessionSettings::default())?.get_items(None)?, messages(0..5));
    // A limit for reading says nothing about what to keep, but a trim without one means the settings too.
    two.trim(None)?;
    assert_eq!(two.get_items(Limit::all())?, messages(3..5));
    Ok(())
}

fn a_limit_counts_valid_items(world: &World) -> Outcome {
    let session = ada(world)?;
    let db = session.database();
    session.add_items(&messages(0..3))?;
    insert_row(db, "ada", "not json")?;
    session.add_items(&messages(3..5))?;
    insert_row(db, "ada", "{\"cut")?;
    insert_row(db, "ada", vec![0xff_u8])?;
    for (limit, from) in [(1, 4), (2, 3), (3, 2), (5, 0), (9, 0)] {
        assert_eq!(session.get_items(limit)?, messages(from..5), "{limit}");
    }
    Ok(())
}

fn a_long_run_of_bad_rows_takes_few_requests(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..2))?;
    session.database().query(
        "INSERT INTO agent_messages(session_id, message_data)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000) SELECT 'ada', '{bad' FROM n",
        (),
    )?;
    let (requests, items) = session.database().counting(|| session.get_items(1));
    assert_eq!(items?, messages(1..2));
    // 1, 1, 2, 4 ... 512 rows.
    assert_eq!(requests, 11);
    assert_eq!(session.get_items(None)?, messages(0..2));
    Ok(())
}

fn rows_that_are_not_json_are_skipped(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    for bad in ["", "not json", "{", "[1,]", "{} {}", "'x'", "\u{feff}{}", "\"a\nb\"", "\u{0}"] {
        insert_row(session.database(), "ada", bad)?;
    }
    for bad in [&b"\x01\x02\x03"[..], b"", b"\xff\xfe{}", b"{\"a\": \"\xff\"}"] {
        insert_row(session.database(), "ada", bad.to_vec())?;
    }
    insert_row(session.database(), "ada", br#"{"from": "a blob"}"#.to_vec())?;
    assert_eq!(session.get_items(None)?, [message(0), json!({"from": "a blob"})]);
    assert_eq!(session.get_items(2)?, [message(0), json!({"from": "a blob"})]);
    assert_eq!(session.get_items_text(None)?.get(1).map(String::as_str), Some(r#"{"from": "a blob"}"#));
    Ok(())
}

fn json_that_is_no_object_is_an_item(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    // SQLite keeps a number as its text in this column.
    insert_row(session.database(), "ada", 123)?;
    for scalar in ["\"text\"", "null", "[1, 2]", "true", "-1.5e3", " {} "] {
        insert_row(session.database(), "ada", scalar)?;
    }
    let expected = json!([123, "text", null, [1, 2], true, -1500.0, {}]);
    assert_eq!(Value::from(session.get_items(None)?), expected);
    assert_eq!(Value::from(session.get_items(7)?), expected);
    Ok(())
}

fn a_row_that_the_type_cannot_hold_is_an_error_that_names_it(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&[message(0)])?;
    for text in [r#"{"a": NaN}"#, "-Infinity", r#""\ud800""#, r#"["\udc00\ud800"]"#, "[1e999]"] {
        let row = insert_row(session.database(), "ada", text)?;
        let errors =
            [session.get_items(None).map(|_| ()), session.get_items(1).map(|_| ()), session.pop_item().map(|_| ())];
        for error in errors {
            let error = refused(error)?;
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
            let said = error.to_string();
            assert!(said.contains(&format!("row: {row}")) && said.contains("session: ada"), "{said}");
        }
        assert_eq!(session.get_items_text(1)?, [text]);
        assert_eq!(session.pop_item_text()?.as_deref(), Some(text));
    }
    session.add_items(&[json!({"role": 1, "content": "secret"})])?;
    #[derive(serde::Deserialize, Debug)]
    struct Message {
        #[allow(dead_code, reason = "that it is not text is the point")]
        role: String,
    }
    for error in [session.get_items_as::<Message>(None).map(|_| ()), session.pop_item_as::<Message>().map(|_| ())] {
        let error = refused(error)?;
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("row: ") && !format!("{error:?}").contains("secret"), "{error:?}");
    }
    assert_eq!(session.get_items(None)?.len(), 2);
    Ok(())
}

fn a_history_is_read_in_pages(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    // 256 rows, then 4,096 a page, as small as they are.
    for (more, in_all, requests) in [(256, 256, 2), (44, 300, 2), (700, 1_000, 2), (9_000, 10_000, 4)] {
        session.add_items(&messages(in_all - more..in_all))?;
        let (sent, items) = session.database().counting(|| session.get_items(None));
        assert!(items? == messages(0..in_all), "{in_all}");
        assert_eq!(sent, requests, "{in_all}");
    }
    Ok(())
}

fn a_limit_is_read_in_pages(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&messages(0..10_000))?;
    for (limit, requests) in [(20, 1), (256, 1), (257, 2), (1_000, 2), (10_000, 4), (20_000, 4)] {
        let (sent, items) = session.database().counting(|| session.get_items(limit));
        assert!(items? == messages(10_000_usize.saturating_sub(limit)..10_000), "{limit}");
        assert_eq!(sent, requests, "{limit}");
    }
    let (sent, items) = session.database().counting(|| session.get_items(Limit::turns(300)));
    assert!(items? == messages(9_700..10_000));
    assert_eq!(sent, 2);
    Ok(())
}

fn large_items_make_small_pages(world: &World) -> Outcome {
    let session = ada(world)?;
    session.add_items(&["small"])?;
    session.database().query(
        "INSERT INTO agent_messages(session_id, message_data)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 555)
         SELECT 'ada', '\"' || hex(zeroblob(8000)) || '\"' FROM n",
        (),
    )?;
    // 256 rows, then about 4 MB a page, which is 250 rows, and what is left.
    let (requests, items) = session.database().counting(|| session.get_items_text(None));
    assert_eq!((requests, items?.len()), (3, 556));
    let (requests, items) = session.database().counting(|| session.get_items_text(500));
    assert_eq!((requests, items?.len()), (2, 500));
    Ok(())
}

fn a_page_that_the_server_cannot_answer_is_made_smaller(world: &World) -> Outcome {
    let session = PerSqlSession::new(world.terse_db()?, "ada");
    session.add_items(&["small"])?;
    session.database().query(
        "INSERT INTO agent_messages(session_id, message_data)
         WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 6)
         SELECT 'ada', '\"' || hex(zeroblob(600000)) || '\"' FROM n",
        (),
    )?;
    // 256 rows and 32 are too many, 4 are not, and then there are 3. Or 7 are too many, 1 is not, and then there are 3 a page.
    let expected = if world.mode().is_server() { 4 } else { 1 };
    for limit in [Limit::all(), Limit::items(7)] {
        let (requests, items) = session.database().counting(|| session.get_items_text(limit));
        assert_eq!((requests, items?.len()), (expected, 7), "{limit:?}");
    }
    let (requests, tail) = session.database().counting(|| session.tail(6));
    assert_eq!((requests, tail?.len()), (expected, 6));
    Ok(())
}

fn rows_of_any_id_are_read(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    session.database().query("INSERT INTO agent_sessions(session_id) VALUES ('ada')", ())?;
    for id in [-5, 0, 7] {
        let insert = "INSERT INTO agent_messages(id, session_id, message_data) VALUES (?1, 'ada', ?1)";
        session.database().query(insert, [id])?;
    }
    assert_eq!(Value::from(session.get_items(None)?), json!([-5, 0, 7]));
    assert_eq!(Value::from(session.get_items(9)?), json!([-5, 0, 7]));
    Ok(())
}

fn turns_begin_with_the_user(world: &World) -> Outcome {
    let session = ada(world)?;
    let assistant = |n: usize| json!({"role": "assistant", "content": n});
    let typed = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]});
    let items = [
        json!({"role": "system"}),
        message(0),
        assistant(0),
        message(1),
        message(2),
        assistant(2),
        typed,
        assistant(3),
    ];
    session.add_items(&items)?;
    // Only Python reads this, and it is the user's.
    insert_row(session.database(), "ada", r#"{"role": "user", "score": NaN}"#)?;
    insert_row(session.database(), "ada", "{bad")?;
    for (turns, from) in [(1, 8), (2, 6), (3, 4), (4, 3), (5, 1), (6, 0), (100, 0)] {
        let read = session.get_items_text(Limit::turns(turns))?;
        assert_eq!(read.len(), 9 - from, "{turns}");
    }
    session.pop_item_text()?;
    assert_eq!(session.get_items(Limit::turns(1))?, items.get(6..).unwrap_or_default());
    Ok(())
}

fn sessions_do_not_see_each_other(world: &World) -> Outcome {
    let (ada, bob) = (ada(world)?, PerSqlSession::new(world.db()?, "bob"));
    ada.add_items(&[message(0)])?;
    bob.add_items(&[message(1)])?;
    ada.add_items(&[message(2)])?;
    assert_eq!(ada.get_items(None)?, [message(0), message(2)]);
    assert_eq!(bob.get_items(5)?, [message(1)]);
    assert_eq!(bob.pop_item()?, Some(message(1)));
    assert_eq!(bob.pop_item()?, None);
    bob.clear_session()?;
    assert_eq!(ada.get_items(None)?, [message(0), message(2)]);
    Ok(())
}
