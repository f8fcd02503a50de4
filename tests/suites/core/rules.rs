//! What SQL of a user's own may not do.

use std::path::Path;

use persql_conformance::{Case, Options, Outcome, World, cases, local};
use persql_core::ErrorKind;

use crate::expect::{integers, kinds, refused, stored};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        transactions_are_not_the_users,
        what_would_stay_on_the_connection_is_denied,
        only_the_services_pragmas_answer,
        functions_that_tell_about_the_engine_are_denied,
        deferred_foreign_keys_last_one_transaction,
        a_refusal_does_not_depend_on_what_ran_before,
    ];
    let here = local(
        "a server keeps the strict limits always",
        cases![
            pragmas_that_set_something_are_denied_without_strict_limits_too,
            a_checkpoint_is_made_outside_of_any_transaction,
        ],
    );
    [everywhere, here].concat()
}

const TRANSACTIONS: [&str; 11] = [
    "BEGIN",
    "BEGIN IMMEDIATE",
    "begin exclusive transaction",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT job",
    "RELEASE job",
    "ROLLBACK TO job",
    "/* hidden */ BEGIN",
    "EXPLAIN COMMIT",
];

fn transactions_are_not_the_users(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for sql in TRANSACTIONS {
        for result in [db.query(sql, ()).map(drop), db.batch([sql]).map(drop), db.transaction([sql]).map(drop)] {
            let error = refused(result)?;
            assert_eq!(error.kind(), ErrorKind::Denied, "{sql}: {error}");
        }
        assert_eq!(kinds(db.transaction(["INSERT INTO t VALUES (1)", sql]))?.0, ErrorKind::Denied, "{sql}");
        assert_eq!(stored(&db)?, [0; 0], "{sql}");
    }
    Ok(())
}

fn a_refusal_does_not_depend_on_what_ran_before(world: &World) -> Outcome {
    let db = world.db()?;
    // All that the library itself says to SQLite on its connections.
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    db.transaction(["INSERT INTO t VALUES (1)", "DELETE FROM t"])?;
    db.transaction(["SELECT 1", "SELECT 2"])?;
    assert!(db.transaction(["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)"]).is_err());
    db.tables()?;
    db.describe()?;
    for sql in TRANSACTIONS {
        assert_eq!(kinds(db.query(sql, ()))?.0, ErrorKind::Denied, "{sql}");
    }
    for number in 1..4 {
        db.query("INSERT INTO t VALUES (?1)", [number])?;
        assert_eq!(stored(&db)?.len(), usize::try_from(number)?);
    }
    Ok(())
}

fn what_would_stay_on_the_connection_is_denied(world: &World) -> Outcome {
    let lenient =
        world.db_at(world.directory().join("lenient.db"), Options { strict_limits: false, ..Options::default() })?;
    for db in [world.db()?, lenient] {
        db.query("CREATE TABLE t(a)", ())?;
        for sql in [
            "ATTACH 'other.db' AS other",
            "ATTACH ':memory:' AS other",
            "DETACH main",
            "CREATE TEMP TABLE x(a)",
            "CREATE TABLE temp.x(a)",
            "CREATE VIEW TEMP.x AS SELECT 1",
            "CREATE VIRTUAL TABLE temp.x USING fts5(a)",
            "CREATE TEMP VIEW x AS SELECT 1",
            "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
            "VACUUM",
            "VACUUM INTO 'copy.db'",
            "/* x */ vacuum;",
            "SELECT load_extension('x')",
        ] {
            let error = refused(db.query(sql, ())).map_err(|error| format!("{sql}: {error}"))?;
            assert_eq!(error.kind(), ErrorKind::Denied, "{sql}: {error}");
            assert_eq!(kinds(db.transaction([sql]))?.0, ErrorKind::Denied, "{sql}");
        }
        assert_eq!(db.tables()?.len(), 1);
    }
    assert!(!Path::new("copy.db").exists() && !Path::new("other.db").exists());
    Ok(())
}

fn only_the_services_pragmas_answer(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a, b)", ())?;
    assert_eq!(db.query("PRAGMA table_info(t)", ())?.len(), 2);
    assert_eq!(db.query("SELECT name FROM pragma_table_info('t')", ())?.len(), 2);
    assert_eq!(integers(&db.query("PRAGMA foreign_keys", ())?)?, [1]);
    assert_eq!(
        db.query("PRAGMA quick_check", ())?.first().map(|row| row.get::<String>(0usize)).transpose()?.as_deref(),
        Some("ok")
    );
    db.query("CREATE INDEX i ON t(a)", ())?;
    db.query("INSERT INTO t VALUES (1, 2)", ())?;
    db.query("PRAGMA optimize", ())?;
    for denied in [
        "PRAGMA journal_mode",
        "PRAGMA journal_mode=DELETE",
        "PRAGMA synchronous=OFF",
        "PRAGMA user_version",
        "PRAGMA writable_schema=ON",
        "PRAGMA foreign_keys=OFF",
        "PRAGMA query_only=OFF",
        "PRAGMA database_list",
        "SELECT * FROM pragma_database_list",
        "PRAGMA unheard_of",
    ] {
        assert_eq!(kinds(db.query(denied, ()))?.0, ErrorKind::Denied, "{denied}");
    }
    Ok(())
}

fn pragmas_that_set_something_are_denied_without_strict_limits_too(world: &World) -> Outcome {
    let options = Options { strict_limits: false, ..Options::default() };
    let db = world.db_at(world.directory().join("lenient.db"), options)?;
    db.query("CREATE TABLE t(a)", ())?;
    for denied in [
        "PRAGMA journal_mode=DELETE",
        "PRAGMA synchronous=OFF",
        "PRAGMA foreign_keys=OFF",
        "PRAGMA writable_schema=ON",
        "PRAGMA locking_mode=EXCLUSIVE",
        "PRAGMA query_only=ON",
        "PRAGMA busy_timeout=1",
    ] {
        assert_eq!(kinds(db.query(denied, ()))?.0, ErrorKind::Denied, "{denied}");
    }
    db.query("PRAGMA user_version=7", ())?;
    assert_eq!(integers(&db.query("PRAGMA user_version", ())?)?, [7]);
    let mode = db.query("PRAGMA journal_mode", ())?;
    let expected = if world.mode().is_file() { "wal" } else { "memory" };
    assert_eq!(mode.first().map(|row| row.get::<String>(0usize)).transpose()?.as_deref(), Some(expected));
    Ok(())
}

fn a_checkpoint_is_made_outside_of_any_transaction(world: &World) -> Outcome {
    let path = world.directory().join("lenient.db");
    let db = world.db_at(&path, Options { strict_limits: false, ..Options::default() })?;
    db.query("CREATE TABLE t(a)", ())?;
    let checkpoint = "PRAGMA main.wal_checkpoint(TRUNCATE)";
    for answer in
        [db.query(checkpoint, ())?, db.batch([checkpoint])?.remove(0), db.transaction([checkpoint])?.remove(0)]
    {
        assert_eq!(answer.first().map(|row| row.get::<i64>("busy")).transpose()?, Some(0));
    }
    if world.mode().is_file() {
        assert_eq!(std::fs::metadata(path.with_extension("db-wal"))?.len(), 0);
    }
    // Beside other statements it cannot be made, and to try again would not help.
    let error = refused(db.transaction(["INSERT INTO t VALUES (1)", checkpoint]))?;
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Sql, false));
    assert_eq!(stored(&db)?, [0; 0]);
    Ok(())
}

fn functions_that_tell_about_the_engine_are_denied(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for sql in ["SELECT sqlite_version()", "SELECT sqlite_source_id()", "CREATE VIRTUAL TABLE r USING rtree(a, b, c)"] {
        let error = refused(db.query(sql, ()))?;
        assert_eq!(error.kind(), ErrorKind::Denied, "{sql}: {error}");
    }
    db.query("CREATE VIRTUAL TABLE f USING fts5(text)", ())?;
    db.query("INSERT INTO f VALUES ('hello world')", ())?;
    assert_eq!(db.query("SELECT text FROM f WHERE f MATCH 'world'", ())?.len(), 1);
    Ok(())
}

fn deferred_foreign_keys_last_one_transaction(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch(["CREATE TABLE p(id INTEGER PRIMARY KEY)", "CREATE TABLE t(a REFERENCES p(id))"])?;
    let child_first = ["INSERT INTO t VALUES (1)", "INSERT INTO p VALUES (1)"];
    assert_eq!(kinds(db.transaction(child_first))?.0, ErrorKind::Conflict);
    db.transaction(["PRAGMA defer_foreign_keys=ON", child_first[0], child_first[1]])?;
    assert_eq!(kinds(db.transaction(["INSERT INTO t VALUES (2)", "INSERT INTO p VALUES (2)"]))?.0, ErrorKind::Conflict);
    // On its own it has nothing to be on for.
    db.query("PRAGMA defer_foreign_keys=ON", ())?;
    assert_eq!(kinds(db.transaction(["INSERT INTO t VALUES (2)", "INSERT INTO p VALUES (2)"]))?.0, ErrorKind::Conflict);
    assert_eq!(stored(&db)?, [1]);
    Ok(())
}
