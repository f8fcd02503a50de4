//! Ids and texts of the worst kind.

use persql_agents_session::{ErrorKind, PerSqlSession, PerSqlSessions};
use persql_conformance::{Case, Outcome, World, cases};
use serde_json::{Value, json};

use crate::{message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_session_id_may_be_anything,
        a_session_id_has_at_most_4096_bytes,
        any_text_comes_back,
        any_number_comes_back,
        errors_stay_on_one_line,
    ]
}

const TEXTS: [&str; 14] = [
    "",
    " ",
    "'; DROP TABLE agent_messages; --",
    "\" OR 1=1 --",
    "a\0b",
    "\0",
    "\n\r\t\u{1b}[31m",
    "😀\u{200d}👩\u{fe0f}",
    "\u{feff}bom",
    "\u{ffff}\u{10ffff}",
    "é",
    "e\u{301}",
    "%_*?[a]",
    "{sessions} ?1 :x @y $z",
];

fn a_session_id_may_be_anything(world: &World) -> Outcome {
    let db = world.db()?;
    for (n, id) in TEXTS.iter().enumerate() {
        let session = PerSqlSession::new(db.clone(), *id);
        session.add_items(&[message(n), message(n + 100)])?;
        session.operation("one").add_items(&[message(n + 200)])?;
        session.operation("one").add_items(&[message(n + 200)])?;
    }
    for (n, id) in TEXTS.iter().enumerate() {
        let session = PerSqlSession::new(world.other_db()?, *id);
        assert_eq!(session.session_id(), *id);
        assert_eq!(session.get_items(None)?, [message(n), message(n + 100), message(n + 200)], "{id:?}");
        assert_eq!(session.pop_item()?, Some(message(n + 200)));
        session.replace_tail(&session.tail(1)?, 0, &[json!(id)])?;
        assert_eq!(session.get_items(1)?, [json!(id)]);
    }
    assert_eq!(PerSqlSessions::new(db.clone()).count()?, TEXTS.len() as u64);
    for id in TEXTS {
        let session = PerSqlSession::new(db.clone(), id);
        session.clear_session()?;
        assert_eq!(session.get_items(None)?, messages(0..0));
    }
    assert_eq!(
        value::<i64>(&db, "SELECT (SELECT count(*) FROM agent_messages) + (SELECT count(*) FROM persql_operations)")?,
        0
    );
    Ok(())
}

fn a_session_id_has_at_most_4096_bytes(world: &World) -> Outcome {
    let db = world.db()?;
    let longest = PerSqlSession::new(db.clone(), "é".repeat(2_048));
    longest.operation("one").add_items(&[message(0)])?;
    assert_eq!(longest.operation("two").pop_item()?, Some(message(0)));
    let too_long = PerSqlSession::new(db.clone(), "x".repeat(4_097));
    let (requests, results) = db.counting(|| {
        [
            too_long.add_items(&[message(0)]),
            too_long.get_items(None).map(|_| ()),
            too_long.pop_item().map(|_| ()),
            too_long.clear_session(),
            too_long.trim(1),
            too_long.tail(1).map(|_| ()),
            too_long.operation("one").add_items(&[message(0)]),
            too_long.operation("one").pop_item().map(|_| ()),
        ]
    });
    assert_eq!(requests, 0);
    for result in results {
        let error = refused(result)?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("at most 4096 bytes, and this has 4097"), "{error}");
    }
    assert!(PerSqlSession::builder(db, "x".repeat(4_097)).build().is_err());
    Ok(())
}

fn any_text_comes_back(world: &World) -> Outcome {
    let session = PerSqlSession::new(world.db()?, "ada");
    // One by one they go as they are; together they share a parameter.
    for text in TEXTS {
        session.add_items(&[json!({"content": text, text: [text]})])?;
    }
    let together: Vec<Value> = TEXTS.iter().map(|text| json!({"content": text, *text: [text]})).collect();
    session.add_items(&together)?;
    assert_eq!(session.get_items(None)?, [together.clone(), together].concat());
    Ok(())
}

fn any_number_comes_back(world: &World) -> Outcome {
    let session = PerSqlSession::new(world.db()?, "ada");
    let two_to_53 = 1_i64 << 53;
    let numbers = json!([
        0,
        -1,
        two_to_53 - 1,
        two_to_53,
        two_to_53 + 1,
        -two_to_53 - 1,
        i64::MAX,
        i64::MIN,
        u64::MAX,
        0.1,
        -0.0,
        1e16,
        1e-7,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324
    ]);
    session.add_items(&[&numbers])?;
    session.add_items(&[&numbers, &numbers])?;
    assert_eq!(session.get_items(None)?, vec![numbers; 3]);
    Ok(())
}

fn errors_stay_on_one_line(world: &World) -> Outcome {
    let session = PerSqlSession::new(world.db()?, "a\nb\r\u{1b}[31m");
    let error = refused(session.operation("x\ny").add_items_text(&["{"]))?;
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    Ok(())
}
