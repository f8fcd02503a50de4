//! The tables: their schema, their names, and who makes them.

use persql_agents_session::{ErrorKind, PerSqlSession};
use persql_conformance::{Any, Case, Outcome, World, cases};
use persql_core::SqlErrorKind;

use crate::{Session, ada, message, messages, refused, value};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        tables_are_made_once,
        names_of_tables_may_be_anything,
        names_that_cannot_be_are_refused,
        pairs_of_tables_do_not_meet,
        two_sets_of_messages_of_one_table_of_sessions_do_not_meet,
        tables_that_may_not_be_made_are_an_error_of_the_write,
        a_missing_table_of_somebody_elses_is_an_error,
    ]
}

fn in_tables(db: &Any, sessions: &str, messages: &str) -> persql_agents_session::Result<Session> {
    PerSqlSession::builder(db.clone(), "ada").sessions_table(sessions).messages_table(messages).build()
}

fn tables_are_made_once(world: &World) -> Outcome {
    let (here, there) = (ada(world)?, PerSqlSession::new(world.other_db()?, "ada"));
    let (requests, made) = here.database().counting(|| here.create_tables());
    made?;
    assert_eq!(requests, 1);
    let schema = "SELECT group_concat(type || ' ' || name || ' ' || coalesce(sql, ''), ';') FROM sqlite_master";
    let before: String = value(here.database(), schema)?;
    here.create_tables()?;
    there.create_tables()?;
    here.operation("one").add_items(&[message(0)])?;
    assert_eq!(value::<String>(here.database(), schema)?, before);
    assert_eq!(there.get_items(None)?, [message(0)]);
    let (first, added) = there.database().counting(|| there.add_items(&[message(1)]));
    added?;
    assert_eq!(first, 1);
    Ok(())
}

fn names_of_tables_may_be_anything(world: &World) -> Outcome {
    let db = world.db()?;
    let names = [
        ("sessions", "messages"),
        ("my sessions", "my messages"),
        ("{messages}", "{sessions}"),
        ("select", "order"),
        ("a\"b; DROP TABLE x;--", "a'b"),
        ("😀", "é.main"),
        ("main.t", "[x]"),
        ("1", "%s"),
    ];
    for (sessions, messages_table) in names {
        let session = in_tables(&db, sessions, messages_table)?;
        assert_eq!(session.get_items(None)?, messages(0..0));
        session.operation("one").add_items(&messages(0..3))?;
        session.operation("one").add_items(&messages(0..3))?;
        assert_eq!(session.pop_item()?, Some(message(2)));
        let tail = session.tail(1)?;
        session.replace_tail(&tail, 0, &[message(7), message(8)])?;
        session.trim(2)?;
        assert_eq!(session.get_items(5)?, messages(7..9), "{sessions}");
        session.clear_session()?;
        assert_eq!(session.get_items(None)?, messages(0..0));
        let found =
            db.query("SELECT count(*) FROM sqlite_master WHERE name IN (?1, ?2)", (sessions, messages_table))?;
        assert_eq!(found.first().map(|row| row.get::<i64>(0)).transpose()?, Some(2));
    }
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM persql_operations")?, 0);
    Ok(())
}

fn names_that_cannot_be_are_refused(world: &World) -> Outcome {
    let db = world.db()?;
    let long = "x".repeat(129);
    for (sessions, messages, said) in [
        ("", "m", "cannot be empty"),
        ("s", "", "cannot be empty"),
        ("s\0", "m", "NUL"),
        ("sqlite_s", "m", "sqlite_"),
        ("s", "_cf_m", "_cf_"),
        ("_PERSQL_s", "m", "_persql_"),
        ("persql_operations", "m", "record of operations"),
        ("s", "PerSQL_Operations", "record of operations"),
        ("same", "same", "one table"),
        ("Same", "sAME", "one table"),
        ("s", &long, "128 bytes"),
        (&long, "m", "128 bytes"),
    ] {
        let error = refused(in_tables(&db, sessions, messages))?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(said), "{error}");
    }
    Ok(())
}

fn pairs_of_tables_do_not_meet(world: &World) -> Outcome {
    let db = world.db()?;
    let (one, two) = (ada(world)?, in_tables(&db, "other_sessions", "other_messages")?);
    one.operation("x").add_items(&messages(0..2))?;
    two.operation("x").add_items(&messages(2..5))?;
    assert_eq!(one.get_items(None)?, messages(0..2));
    assert_eq!(two.get_items(None)?, messages(2..5));
    one.clear_session()?;
    two.operation("x").add_items(&messages(2..5))?;
    assert_eq!(two.get_items(None)?, messages(2..5));
    Ok(())
}

fn two_sets_of_messages_of_one_table_of_sessions_do_not_meet(world: &World) -> Outcome {
    let db = world.db()?;
    let (one, two) = (in_tables(&db, "s", "one")?, in_tables(&db, "s", "two")?);
    one.operation("x").add_items(&messages(0..2))?;
    two.operation("x").add_items(&messages(2..5))?;
    assert_eq!(one.get_items(None)?, messages(0..2));
    // They share the session, so it goes for both, and with it what either stored and recorded.
    two.clear_session()?;
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM persql_operations")?, 0);
    // Names are the same in upper case.
    let shouted = in_tables(&db, "S", "ONE")?;
    shouted.operation("y").add_items(&[message(9)])?;
    in_tables(&db, "s", "one")?.operation("y").add_items(&[message(9)])?;
    assert_eq!(one.get_items(None)?, [message(9)]);
    Ok(())
}

fn tables_that_may_not_be_made_are_an_error_of_the_write(world: &World) -> Outcome {
    let db = world.db()?;
    let session = PerSqlSession::builder(db.clone(), "ada").create_tables(false).build()?;
    assert_eq!(session.get_items(None)?, messages(0..0));
    assert_eq!(session.pop_item()?, None);
    session.clear_session()?;
    session.trim(1)?;
    for added in [session.add_items(&[message(0)]), session.operation("one").add_items(&[message(0)])] {
        let error = refused(added)?;
        assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Sql, Some(SqlErrorKind::UnknownTable)));
        let said = error.to_string();
        assert!(said.contains("no such table: ") && said.contains("session: ada"), "{said}");
    }
    assert!(session.operation("one").pop_item().is_err());
    assert_eq!(value::<i64>(&db, "SELECT count(*) FROM sqlite_master")?, 0);
    // Somebody else makes them.
    ada(world)?.create_tables()?;
    let (requests, added) = db.counting(|| PerSqlSession::new(db.clone(), "ada").add_items(&[message(0)]));
    added?;
    assert_eq!(requests, 1);
    session.add_items(&[message(1)])?;
    session.operation("one").add_items(&[message(2)])?;
    assert_eq!(session.get_items(None)?, messages(0..3));
    Ok(())
}

fn a_missing_table_of_somebody_elses_is_an_error(world: &World) -> Outcome {
    let session = ada(world)?;
    session.create_tables()?;
    session.database().query(
        "CREATE TRIGGER audit AFTER INSERT ON agent_messages BEGIN INSERT INTO audit_log VALUES (NEW.id); END",
        (),
    )?;
    let (requests, added) = session.database().counting(|| session.add_items(&[message(0)]));
    let error = refused(added)?;
    assert_eq!((requests, error.sql_kind()), (1, Some(SqlErrorKind::UnknownTable)));
    assert!(error.to_string().contains("audit_log"), "{error}");
    assert_eq!(session.get_items(None)?, messages(0..0));
    Ok(())
}
