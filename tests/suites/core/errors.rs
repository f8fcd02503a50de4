//! Every kind of error that local mode can produce, the same in every mode.

use std::time::Duration;

use persql_conformance::{Any, Case, Options, Outcome, World, cases, local};
use persql_core::{ErrorKind, Handle, Plan, SqlErrorKind, Statement};

use crate::{
    expect::{Failure, insert, integers, kinds, refused, says, stored},
    futures::started,
};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        a_broken_rule_is_a_conflict_that_names_its_place,
        wrong_sql_says_what_is_wrong,
        a_trigger_that_refuses_is_a_conflict,
        more_parameters_than_allowed_are_too_many,
        a_read_that_writes_is_refused,
        a_database_that_is_not_there_is_not_found,
        a_lock_that_another_holds_for_too_long_is_busy,
        a_time_limit_ends_a_read,
        a_time_limit_ends_a_write_and_leaves_nothing,
        a_time_limit_counts_the_wait_for_another_process,
        the_longest_limits_are_no_limits,
        a_closed_client_refuses_everything,
        a_value_that_grows_too_large_is_refused,
        a_file_that_is_no_database_is_corrupt,
        a_file_that_is_damaged_is_corrupt,
        a_column_whose_name_is_not_utf8_is_an_error,
        a_file_that_another_has_for_itself_is_busy,
    ];
    let here = local(
        "the path is that of a file of the client, which a server has none of",
        cases![a_path_that_cannot_be_a_file_is_unavailable],
    );
    [everywhere, here].concat()
}

fn a_broken_rule_is_a_conflict_that_names_its_place(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch([
        "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT UNIQUE, CHECK (id < 100))",
        "CREATE TABLE s(n INTEGER NOT NULL, p INTEGER REFERENCES p(id)) STRICT",
        "INSERT INTO p VALUES (1, 'a')",
    ])?;
    for (sql, rule, place) in [
        ("INSERT INTO p VALUES (1, 'b')", SqlErrorKind::UniqueViolation, Some(("p", "id"))),
        ("INSERT INTO p VALUES (2, 'a')", SqlErrorKind::UniqueViolation, Some(("p", "name"))),
        ("INSERT INTO s(n) VALUES (NULL)", SqlErrorKind::NotNullViolation, Some(("s", "n"))),
        ("INSERT INTO s(n, p) VALUES (1, 7)", SqlErrorKind::FkViolation, None),
        ("INSERT INTO p VALUES (100, 'c')", SqlErrorKind::CheckViolation, None),
        ("INSERT INTO s(n) VALUES ('text')", SqlErrorKind::TypeMismatch, Some(("s", "n"))),
        ("INSERT INTO p VALUES ('text', 'd')", SqlErrorKind::TypeMismatch, None),
    ] {
        for result in [db.query(sql, ()).map(drop), db.run(Plan::write([Statement::from(sql)]))] {
            let error = refused(result)?;
            assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Conflict, Some(rule)), "{sql}");
            assert!(!error.may_have_applied() && !error.is_retryable());
            let told = error.sql().map(|detail| (detail.table.as_deref(), detail.column.as_deref()));
            assert_eq!(told, Some((place.map(|at| at.0), place.map(|at| at.1))), "{sql}: {error}");
        }
    }
    Ok(())
}

fn wrong_sql_says_what_is_wrong(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for (sql, rule, text) in [
        ("SELEC 1", SqlErrorKind::SyntaxError, "SELEC"),
        ("SELECT", SqlErrorKind::SyntaxError, "incomplete"),
        ("SELECT 'open", SqlErrorKind::SyntaxError, "unrecognized token"),
        ("SELECT * FROM nowhere", SqlErrorKind::UnknownTable, "nowhere"),
        ("INSERT INTO nowhere VALUES (1)", SqlErrorKind::UnknownTable, "nowhere"),
        ("DROP TABLE nowhere", SqlErrorKind::UnknownTable, "nowhere"),
        ("SELECT b FROM t", SqlErrorKind::UnknownColumn, "b"),
        ("INSERT INTO t(b) VALUES (1)", SqlErrorKind::UnknownColumn, "b"),
        ("UPDATE t SET b = 1", SqlErrorKind::UnknownColumn, "b"),
        ("CREATE TABLE t(a)", SqlErrorKind::Unknown, "already exists"),
        ("ALTER TABLE t ADD COLUMN a", SqlErrorKind::Unknown, "duplicate column name"),
        ("SELECT shout(a) FROM t", SqlErrorKind::Unknown, "no such function: shout"),
        ("INSERT INTO t VALUES (1, 2)", SqlErrorKind::Unknown, "2 values"),
        ("SELECT abs(1, 2)", SqlErrorKind::Unknown, "wrong number of arguments"),
        ("CREATE TABLE sqlite_x(a)", SqlErrorKind::Unknown, "reserved"),
    ] {
        for _ in 0..2 {
            let error = refused(db.query(sql, ()))?;
            assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Sql, Some(rule)), "{sql}: {error}");
            assert!(says(world, &error, text), "{sql}: {error}");
        }
    }
    let table = refused(db.query("SELECT * FROM nowhere", ()))?.sql().and_then(|detail| detail.table.clone());
    assert_eq!(table.as_deref(), Some("nowhere"));
    for sql in ["SELECT b FROM t", "SELECT \"b\".c FROM t", "INSERT INTO t(b) VALUES (1)"] {
        let column = refused(db.query(sql, ()))?.sql().and_then(|detail| detail.column.clone());
        assert!(column.as_deref() == Some("b") || column.as_deref() == Some("b.c"), "{sql}: {column:?}");
    }
    Ok(())
}

fn a_trigger_that_refuses_is_a_conflict(world: &World) -> Outcome {
    let db = world.db()?;
    db.batch([
        "CREATE TABLE t(a)",
        "CREATE TRIGGER no BEFORE INSERT ON t WHEN new.a = 1 BEGIN SELECT RAISE(ABORT, 'not one'); END",
        "CREATE TRIGGER never BEFORE INSERT ON t WHEN new.a = 2 BEGIN SELECT RAISE(ROLLBACK, 'not two'); END",
    ])?;
    for number in [1, 2] {
        let inserts = ["INSERT INTO t VALUES (9)".to_owned(), format!("INSERT INTO t VALUES ({number})")];
        assert_eq!(kinds(db.transaction(inserts))?.0, ErrorKind::Conflict);
        assert_eq!(stored(&db)?, [0; 0]);
    }
    db.query("INSERT INTO t VALUES (3)", ())?;
    assert_eq!(stored(&db)?, [3]);
    Ok(())
}

fn more_parameters_than_allowed_are_too_many(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let marks = |count: usize| vec!["?"; count].join(", ");
    let numbers = |count: usize| vec![persql_core::Value::Integer(1); count];
    assert_eq!(db.query(format!("SELECT {}", marks(100)), numbers(100))?.columns().len(), 100);
    for sql in [format!("SELECT max({}) || {}", marks(30), marks(71).replace(", ", " || ")), "SELECT ?101".to_owned()] {
        let result = db.query(sql, numbers(100));
        assert_eq!(kinds(result)?, (ErrorKind::Sql, Some(SqlErrorKind::TooManyParams)));
    }
    let error = refused(db.query("SELECT 1", numbers(101)))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("the limit is 100, and this is 101"), "{error}");
    Ok(())
}

fn a_read_that_writes_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    for sql in ["INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1) RETURNING a", "CREATE TABLE u(a)", "DROP TABLE t"]
    {
        let result = db.run(Plan::read(Statement::from(sql)));
        assert_eq!(kinds(result)?, (ErrorKind::Denied, Some(SqlErrorKind::Readonly)), "{sql}");
    }
    assert_eq!((stored(&db)?, db.tables()?.len()), (vec![], 1));
    db.query("INSERT INTO t VALUES (1)", ())?;
    Ok(())
}

fn a_database_that_is_not_there_is_not_found(world: &World) -> Outcome {
    let db = world.db()?;
    let absent = (ErrorKind::NotFound, Some(SqlErrorKind::UnknownDatabase));
    for _ in 0..2 {
        assert_eq!(kinds(db.query("SELECT * FROM t", ()))?, absent);
        assert_eq!(kinds(db.batch(["SELECT 1", "SELECT 2"]))?, absent);
        assert_eq!(kinds(db.transaction(["SELECT 1"]))?, absent);
        assert_eq!(kinds(db.tables())?, absent);
        assert_eq!(kinds(db.describe())?, absent);
        assert_eq!(kinds(db.run(Plan::read(Statement::from("SELECT 1"))))?, absent);
    }
    Ok(())
}

/// A write of each way to make one.
fn writes(db: &Any) -> [persql_core::Result<()>; 3] {
    [
        db.query("INSERT INTO t VALUES (1)", ()).map(drop),
        db.batch(["INSERT INTO t VALUES (1)"]).map(drop),
        db.run(Plan::write([Statement::from("INSERT INTO t VALUES (1)")])),
    ]
}

fn a_lock_that_another_holds_for_too_long_is_busy(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let Some(file) = world.file() else { return Ok(()) };
    let impatient = world.impatient_db(Duration::from_millis(20))?;
    let holder = rusqlite::Connection::open(file)?;
    holder.execute_batch("BEGIN IMMEDIATE")?;
    for result in writes(&impatient) {
        let error = refused(result)?;
        assert!(!error.may_have_applied());
        // A server waits for others nearly as long as it lets a statement run, and either may end first.
        if error.kind() != ErrorKind::Timeout || !world.mode().is_server() {
            assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Busy, Some(SqlErrorKind::DatabaseLocked)));
            // Over HTTP it was tried again already.
            assert!(error.is_retryable() != world.mode().is_remote());
        }
    }
    assert_eq!(stored(&impatient)?, [0; 0]);
    holder.execute_batch("COMMIT")?;
    for result in writes(&impatient) {
        result?;
    }
    assert_eq!(stored(&db)?, [1, 1, 1]);
    Ok(())
}

/// Counts until somebody stops it.
const ENDLESS: &str = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n)";

fn a_time_limit_ends_a_read(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let hasty = db.with_timeout(Duration::from_millis(20));
    let endless = format!("{ENDLESS} SELECT count(*) FROM n");
    assert_eq!(kinds(hasty.query(endless.clone(), ()))?.0, ErrorKind::Timeout);
    assert_eq!(kinds(hasty.batch(["SELECT 1".to_owned(), endless.clone()]))?.0, ErrorKind::Timeout);
    assert_eq!(kinds(hasty.run(Plan::read(Statement::from(endless))))?.0, ErrorKind::Timeout);
    // The limit is the request's and not the connection's.
    let slow = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n LIMIT 200000) SELECT max(a) FROM n";
    assert_eq!(integers(&db.query(slow, ())?)?, [200_000]);
    Ok(())
}

fn a_time_limit_ends_a_write_and_leaves_nothing(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let hasty = world.hasty_db(Duration::from_millis(20))?;
    let endless = format!("{ENDLESS} INSERT INTO t SELECT a FROM n");
    let parts = || [Statement::from("INSERT INTO t VALUES (-1)"), Statement::from(endless.clone())];
    for result in [
        hasty.query(endless.clone(), ()).map(drop),
        hasty.transaction(parts()).map(drop),
        hasty.run(Plan::write(parts())),
    ] {
        let error = refused(result)?;
        assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::Timeout, false));
        assert_eq!(stored(&db)?, [0; 0]);
    }
    db.query("INSERT INTO t VALUES (1)", ())?;
    let unhurried = db.with_timeout(Duration::from_secs(60));
    unhurried.query("INSERT INTO t VALUES (2)", ())?;
    assert_eq!(stored(&db)?, [1, 2]);
    Ok(())
}

fn a_time_limit_counts_the_wait_for_another_process(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let Some(file) = world.file() else { return Ok(()) };
    let holder = rusqlite::Connection::open(file)?;
    holder.execute_batch("BEGIN IMMEDIATE")?;
    let hasty = world.hasty_db(Duration::from_millis(20))?;
    // A server waits as long for others as it lets a statement run, and either may end first.
    let is_late = |kind| kind == ErrorKind::Timeout || (world.mode().is_server() && kind == ErrorKind::Busy);
    for result in writes(&hasty) {
        let error = refused(result)?;
        assert!(is_late(error.kind()) && !error.may_have_applied(), "{error:?}");
    }
    // Also behind a writer that has more patience.
    let patient = started(db.to_async().run(Plan::write([insert(5)])));
    for result in writes(&hasty) {
        assert!(is_late(kinds(result)?.0));
    }
    holder.execute_batch("COMMIT")?;
    Any::block_on(patient)?;
    assert_eq!(stored(&db)?, [5]);
    Ok(())
}

fn the_longest_limits_are_no_limits(world: &World) -> Outcome {
    let options = Options { busy_timeout: Duration::MAX, ..Options::default() };
    for db in [world.db()?, world.db_at(world.directory().join("patient.db"), options)?] {
        let patient = db.with_timeout(Duration::MAX);
        patient.query("CREATE TABLE t(a)", ())?;
        patient.run(Plan::write([insert(1)]))?;
        assert_eq!((stored(&patient)?, stored(&db)?), (vec![1], vec![1]));
    }
    Ok(())
}

fn a_closed_client_refuses_everything(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    world.client().close();
    world.client().close();
    let closed = (ErrorKind::Closed, None);
    assert_eq!(kinds(db.query("SELECT 1", ()))?, closed);
    assert_eq!(kinds(db.query("INSERT INTO t VALUES (1)", ()))?, closed);
    assert_eq!(kinds(db.run(Plan::write([Statement::from("DELETE FROM t")])))?, closed);
    assert_eq!(kinds(db.tables())?, closed);
    assert_eq!(kinds(world.db()?.describe())?, closed);
    if world.mode().is_on_disk() {
        assert_eq!(world.other_db()?.tables()?.len(), 1, "another client goes on");
    }
    Ok(())
}

fn a_value_that_grows_too_large_is_refused(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let million = "x".repeat(1_000_000);
    db.query("INSERT INTO t VALUES (?1)", [million.as_str()])?;
    for sql in ["UPDATE t SET a = a || a || a", "INSERT INTO t SELECT a || a || a FROM t", "SELECT a || a || a FROM t"]
    {
        assert_eq!(kinds(db.query(sql, ()))?.0, ErrorKind::TooLarge, "{sql}");
    }
    assert_eq!(kinds(db.query("SELECT zeroblob(2000001)", ()))?.0, ErrorKind::TooLarge);
    assert_eq!(integers(&db.query("SELECT sum(length(a)) FROM t", ())?)?, [1_000_000]);
    Ok(())
}

fn a_file_that_is_no_database_is_corrupt(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let path = file_in(world)?;
    std::fs::write(&path, "This is a text and not a database. ".repeat(200))?;
    let db = world.db_at(world.directory(), Options::default())?;
    for _ in 0..2 {
        for result in [db.query("SELECT * FROM t", ()).map(drop), db.query("CREATE TABLE t(a)", ()).map(drop)] {
            let error = refused(result)?;
            assert_eq!(error.kind(), damaged(world), "{error}");
        }
        assert_eq!(kinds(db.run(Plan::write([Statement::from("CREATE TABLE t(a)")])))?.0, damaged(world));
        assert_eq!(kinds(db.tables())?.0, damaged(world));
    }
    assert!(std::fs::read_to_string(&path)?.starts_with("This is a text"), "the file was left alone");
    Ok(())
}

fn a_path_that_cannot_be_a_file_is_unavailable(world: &World) -> Outcome {
    if !world.mode().is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(world.directory())?;
    let in_the_way = world.directory().join("file");
    std::fs::write(&in_the_way, "")?;
    let db = world.db_at(in_the_way.join("chat.db"), Options::default())?;
    let write = || -> Result<ErrorKind, Failure> { Ok(kinds(db.query("CREATE TABLE t(a)", ()))?.0) };
    assert_eq!((write()?, write()?), (ErrorKind::Unavailable, ErrorKind::Unavailable));
    assert_eq!(kinds(db.run(Plan::write([Statement::from("CREATE TABLE t(a)")])))?.0, ErrorKind::Unavailable);
    // Once the way is free, the same handle works.
    std::fs::remove_file(&in_the_way)?;
    db.query("CREATE TABLE t(a)", ())?;
    assert_eq!(db.tables()?.len(), 1);
    Ok(())
}

/// The file of the database of [`World::directory`], which is not there yet: the client's own, or the server's.
fn file_in(world: &World) -> Result<std::path::PathBuf, Failure> {
    let namespace = world.directory().join("acme");
    std::fs::create_dir_all(&namespace)?;
    Ok(namespace.join("agent-state.db"))
}

/// The kind of the error for a file that cannot be read: a server says of its own only that it failed.
fn damaged(world: &World) -> ErrorKind {
    if world.mode().is_remote() { ErrorKind::Unavailable } else { ErrorKind::Corrupt }
}

/// A file that another program has made, in the journal mode that SQLite comes with.
fn foreign(world: &World) -> Result<(std::path::PathBuf, rusqlite::Connection), Failure> {
    let path = file_in(world)?;
    let connection = rusqlite::Connection::open(&path)?;
    connection.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)")?;
    Ok((path, connection))
}

fn a_file_that_is_damaged_is_corrupt(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let (path, connection) = foreign(world)?;
    drop(connection);
    let mut bytes = std::fs::read(&path)?;
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0xaa);
    std::fs::write(&path, bytes)?;
    let db = world.db_at(world.directory(), Options::default())?;
    for sql in ["SELECT * FROM t", "INSERT INTO t VALUES (2)", "UPDATE t SET a = 3"] {
        assert_eq!(kinds(db.query(sql, ()))?.0, damaged(world), "{sql}");
        assert_eq!(kinds(db.run(Plan::write([Statement::from(sql)])))?.0, damaged(world), "{sql}");
    }
    db.query("CREATE TABLE u(a)", ())?;
    Ok(())
}

fn a_column_whose_name_is_not_utf8_is_an_error(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let (_, connection) = foreign(world)?;
    connection.execute_batch(
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = CAST(x'435245415445205441424c4520742822ff2229' AS TEXT)",
    )?;
    drop(connection);
    let db = world.db_at(world.directory(), Options::default())?;
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = db.query("SELECT * FROM t", ());
    std::panic::set_hook(silent);
    // It is no text that the rules could be asked about.
    assert_eq!(kinds(result)?.0, ErrorKind::Denied);
    assert!(db.describe().is_err());
    assert_eq!(integers(&db.query("SELECT count(*) FROM t", ())?)?, [1]);
    Ok(())
}

fn a_file_that_another_has_for_itself_is_busy(world: &World) -> Outcome {
    if !world.mode().is_on_disk() {
        return Ok(());
    }
    let (_, connection) = foreign(world)?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    let options = Options { busy_timeout: Duration::from_millis(20), ..Options::default() };
    let patient = world.db_at(world.directory(), Options::default())?;
    let impatient = world.db_at(world.directory(), options)?;
    let mut those = vec![(impatient.clone(), ErrorKind::Busy)];
    if !world.mode().is_remote() {
        // A server is not told of this limit, and would write later.
        those.push((patient.with_timeout(Duration::from_millis(20)), ErrorKind::Timeout));
    }
    for (db, expected) in those {
        assert_eq!(kinds(stored(&db))?.0, expected);
        assert_eq!(kinds(db.tables())?.0, expected);
        assert_eq!(kinds(db.run(Plan::write([insert(2)])))?.0, expected);
        assert_eq!(kinds(db.query("INSERT INTO t VALUES (2)", ()))?.0, expected);
    }
    let waiting = started(patient.to_async().run(Plan::write([insert(3)])));
    connection.execute_batch("COMMIT")?;
    Any::block_on(waiting)?;
    assert_eq!(stored(&impatient)?, [1, 3]);
    Ok(())
}
