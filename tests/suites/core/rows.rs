//! Rows read by name, by position, and into types of the program's own.

use std::collections::BTreeMap;

use persql_conformance::{Case, Outcome, World, cases};
use persql_core::{ErrorKind, Rows, Value, ValueRef};
use serde::Deserialize;

use crate::expect::{Failure, refused};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        cells_are_read_by_name_and_by_position,
        a_cell_of_another_type_is_an_error_with_column_and_row,
        rows_become_structs_tuples_and_maps,
        a_row_that_does_not_fit_names_its_position_and_no_value,
        a_repeated_column_name_gives_the_first,
        debug_shows_nothing_that_is_stored,
    ]
}

fn people(world: &World) -> Result<Rows, Failure> {
    let db = world.db()?;
    db.query("CREATE TABLE person(name TEXT, age INTEGER, size REAL, photo BLOB, active INTEGER)", ())?;
    db.query("INSERT INTO person VALUES ('Ada', 36, 1.5, x'00ff', 1), ('s3cret', NULL, 2, NULL, 0)", ())?;
    Ok(db.query("SELECT * FROM person ORDER BY rowid", ())?)
}

fn cells_are_read_by_name_and_by_position(world: &World) -> Outcome {
    let rows = people(world)?;
    let ada = rows.first().ok_or("no row")?;
    assert_eq!((ada.get::<&str>("name")?, ada.get::<i64>(1usize)?, ada.get::<u64>("age")?), ("Ada", 36, 36));
    assert_eq!((ada.get::<f64>("size")?, ada.get::<f64>("age")?), (1.5, 36.0));
    assert_eq!((ada.get::<Vec<u8>>("photo")?, ada.get::<bool>("active")?), (vec![0, 255], true));
    assert_eq!(ada.get::<ValueRef<'_>>("age")?, ValueRef::Integer(36));
    let other = rows.row(1).ok_or("no row")?;
    assert_eq!((other.get::<Option<i64>>("age")?, other.get::<Value>("photo")?), (None, Value::Null));
    assert_eq!(other.get::<ValueRef<'_>>("size")?, ValueRef::Real(2.0));
    assert!(rows.row(2).is_none() && rows.row(usize::MAX).is_none());
    assert_eq!(rows.iter().rev().count(), 2);
    Ok(())
}

fn a_cell_of_another_type_is_an_error_with_column_and_row(world: &World) -> Outcome {
    let rows = people(world)?;
    let row = rows.row(1).ok_or("no row")?;
    for (error, text) in [
        (refused(row.get::<i64>("name"))?, "column name holds text, not an integer (row: 1)"),
        (refused(row.get::<i64>("age"))?, "column age holds NULL, not an integer (row: 1)"),
        (refused(row.get::<i64>("wage"))?, "the answer has no column wage (row: 1)"),
        (refused(row.get::<i64>(5usize))?, "the answer has no column 5 (row: 1)"),
        (refused(row.get::<&[u8]>("name"))?, "column name holds text, not a blob (row: 1)"),
    ] {
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Corrupt, text));
    }
    Ok(())
}

#[derive(Deserialize, Debug, PartialEq)]
struct Person {
    photo: Option<Photo>,
    name: String,
    age: Option<u8>,
    active: bool,
}

/// Bytes, whichever way serde hands them over.
#[derive(Debug, PartialEq)]
struct Photo(Vec<u8>);

impl<'de> Deserialize<'de> for Photo {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Photo;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Photo, E> {
                Ok(Photo(bytes.to_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

fn rows_become_structs_tuples_and_maps(world: &World) -> Outcome {
    let rows = people(world)?;
    let ada = Person { photo: Some(Photo(vec![0, 255])), name: "Ada".to_owned(), age: Some(36), active: true };
    assert_eq!(rows.deserialize::<Person>()?.first(), Some(&ada));
    let tuples = rows.deserialize::<(String, Option<i64>, f64, Option<Photo>, bool)>()?;
    assert_eq!(tuples.get(1), Some(&("s3cret".to_owned(), None, 2.0, None, false)));
    let maps = rows.deserialize::<BTreeMap<String, serde::de::IgnoredAny>>()?;
    assert_eq!(maps.first().map(BTreeMap::len), Some(5));
    Ok(())
}

fn a_row_that_does_not_fit_names_its_position_and_no_value(world: &World) -> Outcome {
    let rows = people(world)?;
    let error = refused(rows.deserialize::<(String, i64, f64, Option<Photo>, bool)>())?;
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Corrupt, "the row does not fit the type asked for (row: 1)")
    );
    assert!(!format!("{error:?}").contains("s3cret"));
    Ok(())
}

fn a_repeated_column_name_gives_the_first(world: &World) -> Outcome {
    let db = world.db()?;
    db.query("CREATE TABLE t(a)", ())?;
    let rows = db.query("SELECT 1 AS a, 2 AS a", ())?;
    let row = rows.first().ok_or("no row")?;
    assert_eq!((row.get::<i64>("a")?, row.get::<i64>(1usize)?), (1, 2));
    Ok(())
}

fn debug_shows_nothing_that_is_stored(world: &World) -> Outcome {
    let rows = people(world)?;
    let shown = format!("{rows:?} {:?} {:?}", rows.first(), world.db()?);
    assert!(!shown.contains("Ada") && !shown.contains("s3cret"), "{shown}");
    let db = world.db()?;
    db.query("CREATE UNIQUE INDEX i ON person(name)", ())?;
    db.query("CREATE VIRTUAL TABLE f USING fts5(x)", ())?;
    for error in [
        refused(db.query("INSERT INTO person(name) VALUES (?1)", ["s3cret"]))?,
        refused(db.query("SELECT * FROM f WHERE f MATCH ?1", ["s3cret:("]))?,
        refused(db.query("SELECT json_extract('{}', ?1)", ["s3cret"]))?,
        refused(db.query("SELECT json(?1)", ["s3cret"]))?,
    ] {
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
    Ok(())
}
