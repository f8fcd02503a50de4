//! What the cases say often.

use persql_conformance::{Any, World};
use persql_core::{Error, ErrorKind, Result, Rows, SqlErrorKind, Statement};

/// A failure of a case, as opposed to one of the crate.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// The error that there must be.
pub(crate) fn refused<T>(result: Result<T>) -> Result<Error, Failure> {
    match result {
        Ok(_) => Err("this succeeded, and should have failed".into()),
        Err(error) => Ok(error),
    }
}

/// The kinds of the error that there must be.
pub(crate) fn kinds<T>(result: Result<T>) -> Result<(ErrorKind, Option<SqlErrorKind>), Failure> {
    refused(result).map(|error| (error.kind(), error.sql_kind()))
}

/// Whether the error's text has this in it. Over HTTP the engine's own words are not repeated: they may quote what is
/// stored.
pub(crate) fn says(world: &World, error: &Error, text: &str) -> bool {
    world.mode().is_remote() || error.to_string().contains(text)
}

/// The first column as integers.
pub(crate) fn integers(rows: &Rows) -> Result<Vec<i64>> {
    rows.iter().map(|row| row.get(0usize)).collect()
}

/// The numbers in the column `a` of the table `t`, in their order.
pub(crate) fn stored(db: &Any) -> Result<Vec<i64>> {
    integers(&db.query("SELECT a FROM t ORDER BY a", ())?)
}

/// A statement that stores a number in the table `t`.
pub(crate) fn insert(number: i64) -> Statement {
    Statement::new("INSERT INTO t(a) VALUES (?1)", [number])
}
