//! SQLite's errors in the names of the HTTP API.

use rusqlite::ffi;

use super::Options;
use crate::{Error, ErrorKind, SqlDetail, SqlErrorKind};

/// Translates an error of SQLite that came while a statement ran.
///
/// SQLite quotes parameters in some of its messages (of FTS5, of JSON paths), so only texts of known form are kept.
pub(super) fn translate(error: rusqlite::Error) -> Error {
    translated(error, |message| match message {
        "LIKE or GLOB pattern too complex" => {
            Some(Error::new(ErrorKind::TooLarge, "a LIKE or GLOB pattern is too long"))
        }
        _ => None,
    })
}

/// Translates an error that came while a statement was prepared. No parameter is known then, so any text is kept.
pub(super) fn translate_prepared(error: rusqlite::Error) -> Error {
    translated(error, |message| Some(from_text(message)))
}

/// Whether only its text can tell what the error is.
pub(super) fn is_generic(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_ERROR)
}

/// Whether the error says that a table is not there.
#[cfg(feature = "server")]
pub(super) fn is_no_table(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) | rusqlite::Error::SqlInputError { msg: text, .. } => {
            text.starts_with("no such table: ")
        }
        _ => false,
    }
}

fn translated(error: rusqlite::Error, told: impl FnOnce(&str) -> Option<Error>) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            from_code(code.extended_code, message.as_deref().unwrap_or(""), told)
        }
        rusqlite::Error::SqlInputError { error, msg, .. } => from_code(error.extended_code, &msg, told),
        rusqlite::Error::NulError(_) => Error::invalid("an SQL text cannot hold a NUL character"),
        rusqlite::Error::InvalidPath(_) => Error::invalid("this path cannot be used"),
        rusqlite::Error::InvalidParameterCount(given, wanted) => wrong_parameters(given, wanted),
        _ => Error::new(ErrorKind::Sql, "the statement failed").with_sql(SqlDetail::new(SqlErrorKind::Unknown)),
    }
}

/// The error for a statement with more or fewer parameters than were given.
pub(super) fn wrong_parameters(given: usize, wanted: usize) -> Error {
    Error::new(ErrorKind::Sql, format!("the statement takes {wanted} parameters, and {given} were given"))
        .with_sql(SqlDetail::new(SqlErrorKind::Unknown))
}

/// The error for a write where only reads are allowed.
pub(super) fn read_only() -> Error {
    Error::new(ErrorKind::Denied, "the database or the connection is read-only")
        .with_sql(SqlDetail::new(SqlErrorKind::Readonly))
}

/// The error for a request whose own time limit ran out.
pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "the time limit of the request ran out")
        .with_sql(SqlDetail::new(SqlErrorKind::Unknown))
}

/// The error for a writer who waited for another as long as it was willing to.
pub(super) fn busy() -> Error {
    Error::new(ErrorKind::Busy, "another writer holds the database")
        .with_sql(SqlDetail::new(SqlErrorKind::DatabaseLocked))
}

/// The error for a reader who waited for others as long as it was willing to.
pub(super) fn crowded() -> Error {
    Error::new(ErrorKind::Busy, "other readers have all connections to the database")
        .with_sql(SqlDetail::new(SqlErrorKind::DatabaseLocked))
}

/// The error for a database that nothing has been written to.
pub(super) fn unknown_database() -> Error {
    Error::new(ErrorKind::NotFound, "the database is not there yet: the first write creates it")
        .with_sql(SqlDetail::new(SqlErrorKind::UnknownDatabase))
}

/// The error for a request that is not for a store.
pub(super) fn not_here() -> Error {
    Error::new(ErrorKind::Unsupported, "this is managed by the client, not in the database")
}

/// The error for a branch that is there no longer. It is no database that a write could create.
pub(super) fn branch_gone() -> Error {
    Error::new(ErrorKind::NotFound, "the branch is there no longer: it was deleted or reset, or its lease has ended")
}

/// The error for a database that is not there.
pub(super) fn missing(options: Options) -> Error {
    if options.must_exist { branch_gone() } else { unknown_database() }
}

fn from_code(code: i32, message: &str, told: impl FnOnce(&str) -> Option<Error>) -> Error {
    use ErrorKind::{Conflict, Corrupt, Denied, Sql, TooLarge, Unavailable};
    use SqlErrorKind as Rule;
    let error = |kind, rule, text: &str| Error::new(kind, text.to_owned()).with_sql(SqlDetail::new(rule));
    match code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            constraint(Rule::UniqueViolation, "a unique rule is broken", message)
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => constraint(Rule::NotNullViolation, "a not-null rule is broken", message),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => constraint(Rule::FkViolation, "a foreign-key rule is broken", message),
        ffi::SQLITE_CONSTRAINT_CHECK => constraint(Rule::CheckViolation, "a check rule is broken", message),
        ffi::SQLITE_CONSTRAINT_DATATYPE => constraint(Rule::TypeMismatch, "a value is of the wrong type", message),
        // Without a shared cache it is never another connection that is in the way.
        ffi::SQLITE_LOCKED => error(Sql, Rule::Unknown, "the statement cannot run inside of a transaction"),
        ffi::SQLITE_CONSTRAINT_TRIGGER => error(Conflict, Rule::Unknown, &format!("a trigger refused: {message}")),
        _ => match code & 0xff {
            ffi::SQLITE_CONSTRAINT => error(Conflict, Rule::Unknown, "a rule of the table is broken"),
            ffi::SQLITE_MISMATCH => error(Conflict, Rule::TypeMismatch, "a value is of the wrong type"),
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PROTOCOL => busy(),
            ffi::SQLITE_READONLY => read_only(),
            ffi::SQLITE_INTERRUPT => timed_out(),
            ffi::SQLITE_TOOBIG => error(TooLarge, Rule::Unknown, "a string, a blob, a row or the statement is too big"),
            ffi::SQLITE_AUTH => error(Denied, Rule::Unknown, "the statement is not allowed"),
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => {
                error(Corrupt, Rule::Unknown, "the file is damaged, or not a database")
            }
            ffi::SQLITE_FULL => error(Unavailable, Rule::Unknown, "the disk is full"),
            ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_NOMEM => error(
                Unavailable,
                Rule::Unknown,
                &format!("the database cannot be read or written (SQLite code {code})"),
            ),
            _ => told(message).unwrap_or_else(|| error(Sql, Rule::Unknown, "the statement failed")),
        },
    }
}

/// `UNIQUE constraint failed: table.column, table.column`, and the like.
fn constraint(rule: SqlErrorKind, text: &'static str, message: &str) -> Error {
    let mut detail = SqlDetail::new(rule);
    let at = match rule {
        SqlErrorKind::TypeMismatch => message.rsplit_once(" column ").map(|(_, at)| at),
        SqlErrorKind::CheckViolation | SqlErrorKind::FkViolation => None,
        _ => message.rsplit_once("failed: ").map(|(_, at)| at),
    };
    let columns = at.into_iter().flat_map(|at| at.split(", ")).filter_map(|at| at.split_once('.'));
    detail.columns = columns.map(|(table, column)| (table.to_owned(), column.to_owned())).collect();
    if let Some((table, column)) = detail.columns.first() {
        detail.table = Some(table.clone());
        detail.column = Some(column.clone());
    }
    let error = Error::new(ErrorKind::Conflict, text);
    match at {
        Some(at) => error.context("column", at),
        None => error,
    }
    .with_sql(detail)
}

/// The errors that SQLite tells apart only by their text.
fn from_text(message: &str) -> Error {
    let mut kind = ErrorKind::Sql;
    let (rule, table, column) = if let Some(table) = message.strip_prefix("no such table: ") {
        (SqlErrorKind::UnknownTable, Some(table), None)
    } else if let Some(column) = message.strip_prefix("no such column: ") {
        // Some versions add what the writer may have meant.
        let column = column.split(" - ").next().unwrap_or(column);
        (SqlErrorKind::UnknownColumn, None, Some(column.trim_matches('"')))
    } else if let Some((table, column)) =
        message.strip_prefix("table ").and_then(|rest| rest.split_once(" has no column named "))
    {
        (SqlErrorKind::UnknownColumn, Some(table), Some(column))
    } else if message.ends_with(": syntax error")
        || message == "incomplete input"
        || message.starts_with("unrecognized token")
    {
        (SqlErrorKind::SyntaxError, None, None)
    } else if message.starts_with("too many SQL variables") || message.starts_with("variable number must be between") {
        (SqlErrorKind::TooManyParams, None, None)
    } else if message.starts_with("too many columns") {
        kind = ErrorKind::TooLarge;
        (SqlErrorKind::Unknown, None, None)
    } else if message.starts_with("not authorized") {
        kind = ErrorKind::Denied;
        (SqlErrorKind::Unknown, None, None)
    } else {
        (SqlErrorKind::Unknown, None, message.strip_prefix("duplicate column name: "))
    };
    let mut detail = SqlDetail::new(rule);
    detail.table = table.map(str::to_owned);
    detail.column = column.map(str::to_owned);
    Error::new(kind, message.to_owned()).with_sql(detail)
}
