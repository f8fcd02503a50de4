//! What goes in comes out.

use persql_conformance::{Any, Case, Outcome, World, cases, foreign};
use persql_core::{ErrorKind, Statement, Value};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};

use crate::expect::{Failure, refused};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_value_comes_back_as_it_went_in,
        the_extremes_come_back,
        hostile_text_is_only_text,
        a_number_that_is_not_finite_is_refused_with_its_position,
        text_that_is_not_utf8_comes_back_as_bytes,
        integers_beyond_doubles_are_exact,
        json_text_is_stored_untouched,
    ]
}

/// Stores the values in a row of their own and reads them back.
fn round_trip(world: &World, db: &Any, values: &[Value]) -> Result<Vec<Value>, Failure> {
    const INSERT: &str = "INSERT INTO t VALUES (?1, ?2, ?3) RETURNING rowid";
    let (sql, values) = if world.mode().is_remote() {
        // Where no bytes can be bound they are made on the other side; they come back as bytes all the same.
        let (places, values): (Vec<_>, Vec<_>) =
            (1..).zip(values).map(|(at, value)| foreign(at, value.clone())).unzip();
        (format!("INSERT INTO t VALUES ({}) RETURNING rowid", places.join(", ")), values)
    } else {
        (INSERT.to_owned(), values.to_vec())
    };
    let rows = db.query(sql, values)?;
    let rowid: i64 = rows.first().ok_or("no row")?.get("rowid")?;
    let rows = db.query("SELECT a, b, c FROM t WHERE rowid = ?1", [rowid])?;
    Ok(rows.first().ok_or("no row")?.into())
}

fn table(world: &World) -> Result<Any, Failure> {
    let db = world.db()?;
    db.query("CREATE TABLE t(a, b, c)", ())?;
    Ok(db)
}

/// Bit for bit: `-0.0` equals `0.0` and is another number.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

fn every_value_comes_back_as_it_went_in(world: &World) -> Outcome {
    let db = table(world)?;
    let value = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_filter("finite", |real| real.is_finite()).prop_map(Value::Real),
        any::<String>().prop_map(Value::Text),
        vec(any::<char>(), 0..40).prop_map(|chars| Value::Text(chars.into_iter().collect())),
        vec(any::<u8>(), 0..200).prop_map(Value::Blob),
    ];
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&vec(value, 3), |values| {
        let stored = round_trip(world, &db, &values).map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        if stored.iter().zip(&values).all(|(stored, given)| same(stored, given)) {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!("{values:?} came back as {stored:?}")))
        }
    })?;
    Ok(())
}

fn the_extremes_come_back(world: &World) -> Outcome {
    let db = table(world)?;
    let extremes = [
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Integer(0),
        Value::Real(-0.0),
        Value::Real(f64::MAX),
        Value::Real(5e-324),
        Value::Text(String::new()),
        Value::Blob(Vec::new()),
        Value::Null,
        Value::Text("\0".to_owned()),
        Value::Text("a\0b\0".to_owned()),
        Value::Text("\u{10ffff}\u{1f600}\u{feff}".to_owned()),
        Value::Blob(vec![0; 3]),
        Value::Blob(vec![0xff, 0xfe, 0]),
        Value::Text("é".repeat(900_000)),
    ];
    for values in extremes.chunks(3) {
        let stored = round_trip(world, &db, values)?;
        assert!(stored.iter().zip(values).all(|(stored, given)| same(stored, given)), "a value changed");
    }
    Ok(())
}

fn hostile_text_is_only_text(world: &World) -> Outcome {
    let db = table(world)?;
    for text in ["'; DROP TABLE t; --", "\"", "`", "?1", ":a", "NULL", "\\", "%_", "{t}", "\u{202e}", "\r\n", "'"] {
        let stored = round_trip(world, &db, &[text.into(), Value::Null, Value::Null])?;
        assert_eq!(stored.first(), Some(&Value::from(text)));
        let found = db.query("SELECT count(*) FROM t WHERE a = ?1", [text])?;
        assert_eq!(found.first().map(|row| row.get::<i64>(0usize)).transpose()?, Some(1), "{text:?}");
    }
    Ok(())
}

fn a_number_that_is_not_finite_is_refused_with_its_position(world: &World) -> Outcome {
    let db = table(world)?;
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let values = [Value::Integer(1), Value::Real(bad), Value::Null];
        let error = refused(db.query("INSERT INTO t VALUES (?1, ?2, ?3)", values.as_slice()))?;
        assert_eq!((error.kind(), error.may_have_applied()), (ErrorKind::InvalidInput, false));
        assert!(error.to_string().contains("parameter: 2"), "{error}");
        let good = Statement::new("INSERT INTO t VALUES (1, 2, 3)", ());
        let error = refused(db.batch([good, Statement::new("SELECT ?1", [bad])]))?;
        assert!(error.to_string().contains("statement: 2"), "{error}");
    }
    assert_eq!(db.tables()?.first().map(|table| table.row_count), Some(0));
    Ok(())
}

fn text_that_is_not_utf8_comes_back_as_bytes(world: &World) -> Outcome {
    let db = table(world)?;
    // As SQL alone can make it, in every mode.
    db.query("INSERT INTO t(a) VALUES (CAST(x'ff41' AS TEXT))", ())?;
    if let Some(file) = world.file() {
        let foreign = rusqlite::Connection::open(file)?;
        foreign.execute("INSERT INTO t(a) VALUES (CAST(?1 AS TEXT))", [[0xff_u8, 0x41].as_slice()])?;
    }
    let rows = db.query("SELECT a, typeof(a) FROM t", ())?;
    for row in rows.iter() {
        assert_eq!((row.get::<&[u8]>(0usize)?, row.get::<&str>(1usize)?), ([0xff, 0x41].as_slice(), "text"));
        assert_eq!(refused(row.get::<String>("a"))?.kind(), ErrorKind::Corrupt);
    }
    Ok(())
}

fn integers_beyond_doubles_are_exact(world: &World) -> Outcome {
    let db = table(world)?;
    let edge = 1_i64 << 53;
    let values = [edge - 1, edge, edge + 1].map(Value::Integer);
    assert_eq!(round_trip(world, &db, &values)?, values);
    Ok(())
}

fn json_text_is_stored_untouched(world: &World) -> Outcome {
    let db = table(world)?;
    let deep = format!("{}{}", "[".repeat(1_001), "]".repeat(1_001));
    for text in [r#"{"b":NaN,  "a":1,"a":-Infinity}"#, r#""\ud800""#, "123456789012345678901234567890", &deep] {
        assert!(persql_core::json::accepts(text));
        assert_eq!(round_trip(world, &db, &[text.into(), 1.into(), 2.into()])?.first(), Some(&Value::from(text)));
    }
    Ok(())
}
