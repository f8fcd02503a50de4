//! The service's limits, kept here as well.

use persql_conformance::{Case, Options, Outcome, World, cases, local};
use persql_core::{ErrorKind, Handle, Plan, Statement, limits};

use crate::expect::{insert, kinds, refused, says, stored};

pub(crate) fn cases() -> Vec<Case> {
    let everywhere = cases![
        a_batch_has_at_most_a_hundred_statements,
        a_value_has_at_most_two_million_bytes,
        a_text_of_sql_has_at_most_a_hundred_thousand_bytes,
        patterns_columns_and_arguments_have_limits,
        plans_keep_the_limits_always,
    ];
    let here = local("a server keeps the strict limits always", cases![without_strict_limits_raw_sql_has_none_of_them]);
    [everywhere, here].concat()
}

fn a_batch_has_at_most_a_hundred_statements(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY)", ())?;
    db.transaction((0..100).map(insert))?;
    for result in [db.transaction((100..201).map(insert)), db.batch((100..201).map(insert))] {
        let error = refused(result)?;
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("the limit is 100, and this is 101"), "{error}");
    }
    assert_eq!(stored(&db)?.len(), 100);
    Ok(())
}

fn a_value_has_at_most_two_million_bytes(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    db.query("INSERT INTO t VALUES (?1)", ["x".repeat(1_900_000)])?;
    for result in [
        db.query("INSERT INTO t VALUES (?1)", ["x".repeat(2_100_000)]),
        db.query("INSERT INTO t VALUES (?1)", [vec![0_u8; 2_100_000]]),
    ] {
        let error = refused(result)?;
        assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::InvalidInput, false));
        assert!(error.to_string().contains("2000000") && error.to_string().contains("parameter: 1"), "{error}");
    }
    // A row counts as a whole, and only the engine can tell.
    db.query("CREATE TABLE u(a, b)", ())?;
    let million = "x".repeat(1_000_001);
    let result = db.query("INSERT INTO u VALUES (?1, ?2)", [million.as_str(), million.as_str()]);
    assert_eq!(kinds(result)?.0, ErrorKind::TooLarge);
    assert_eq!(db.tables()?.iter().map(|table| table.row_count).collect::<Vec<_>>(), [1, 0]);
    Ok(())
}

fn a_text_of_sql_has_at_most_a_hundred_thousand_bytes(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let padded = |bytes: usize| format!("SELECT 1 AS {}", "x".repeat(bytes - "SELECT 1 AS ".len()));
    assert_eq!(db.query(padded(limits::SQL_BYTES), ())?.len(), 1);
    let error = refused(db.query(padded(limits::SQL_BYTES + 1), ()))?;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("100000"), "{error}");
    Ok(())
}

fn patterns_columns_and_arguments_have_limits(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    db.query("INSERT INTO t VALUES ('x')", ())?;
    db.query("SELECT a LIKE ?1 FROM t", ["%".repeat(50)])?;
    assert_eq!(kinds(db.query("SELECT a LIKE ?1 FROM t", ["%".repeat(51)]))?.0, ErrorKind::TooLarge);
    let columns = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    db.query(format!("CREATE TABLE wide({})", columns(100)), ())?;
    for sql in [format!("CREATE TABLE wider({})", columns(101)), format!("SELECT {}", vec!["1"; 101].join(", "))] {
        assert_eq!(kinds(db.query(sql, ()))?.0, ErrorKind::TooLarge);
    }
    db.query(format!("SELECT max({})", vec!["1"; 32].join(", ")), ())?;
    let error = refused(db.query(format!("SELECT max({})", vec!["1"; 33].join(", ")), ()))?;
    assert!(says(world, &error, "too many arguments"), "{error}");
    Ok(())
}

fn without_strict_limits_raw_sql_has_none_of_them(world: &World) -> Outcome {
    let options = Options { strict_limits: false, ..Options::default() };
    let db = world.db_at(world.directory().join("lenient.db"), options)?;
    db.query("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", ())?;
    db.transaction((0..101).map(insert))?;
    db.query("UPDATE t SET b = ?1 WHERE a = 0", ["x".repeat(2_100_000)])?;
    let marks = vec!["?"; 101].join(" + ");
    db.query(format!("SELECT {marks}"), vec![persql_core::Value::Integer(1); 101])?;
    db.query("SELECT sqlite_version()", ())?;
    assert_eq!(stored(&db)?.len(), 101);
    // A value that no mode can carry is refused all the same.
    assert_eq!(kinds(db.query("SELECT ?1", [f64::NAN]))?.0, ErrorKind::InvalidInput);
    Ok(())
}

fn plans_keep_the_limits_always(world: &World) -> Outcome {
    let options = Options { strict_limits: false, ..Options::default() };
    let lenient = world.db_at(world.directory().join("lenient.db"), options)?;
    for db in [world.db()?, lenient] {
        db.query("CREATE TABLE t(a)", ())?;
        let large = Statement::new("INSERT INTO t VALUES (?1)", ["x".repeat(2_100_000)]);
        assert_eq!(kinds(db.run(Plan::write([large])))?.0, ErrorKind::InvalidInput);
        assert_eq!(kinds(db.run(Plan::write((0..101).map(insert))))?.0, ErrorKind::InvalidInput);
        assert_eq!(stored(&db)?, [0; 0]);
    }
    Ok(())
}
