//! Refusals of the server, in our names.

use std::borrow::Cow;

use serde::Deserialize;

use super::Headers;
use crate::{Error, ErrorKind, SqlDetail, SqlErrorKind};

/// What a refusal says of itself.
#[derive(Default)]
pub(super) struct Refusal {
    pub(super) error: Option<String>,
    pub(super) detail: Option<WireDetail>,
}

/// `errorDetail`. Its message is not read: it may quote what is stored.
#[derive(Deserialize)]
pub(super) struct WireDetail {
    kind: Option<SqlErrorKind>,
    table: Option<String>,
    column: Option<String>,
    columns: Option<Vec<WireColumn>>,
}

#[derive(Deserialize)]
struct WireColumn {
    table: Option<String>,
    column: Option<String>,
}

impl WireDetail {
    /// The detail, and the names of all columns that it is about.
    fn read(self) -> (SqlDetail, Option<String>) {
        let columns = self.columns.unwrap_or_default();
        let names: Vec<String> =
            columns.iter().filter_map(|at| full_name(at.table.as_deref(), at.column.as_deref())).collect();
        let at = if names.is_empty() {
            full_name(self.table.as_deref(), self.column.as_deref())
        } else {
            Some(names.join(", "))
        };
        let columns: Vec<_> = columns.into_iter().filter_map(|at| Some((at.table?, at.column?))).collect();
        let (table, column) = columns.first().cloned().unzip();
        let detail = SqlDetail {
            kind: self.kind.unwrap_or(SqlErrorKind::Unknown),
            table: self.table.or(table),
            column: self.column.or(column),
            columns,
        };
        (detail, at)
    }
}

/// `table.column`, or what is known of it.
fn full_name(table: Option<&str>, column: Option<&str>) -> Option<String> {
    let column = column?;
    Some(table.map_or_else(|| column.to_owned(), |table| format!("{table}.{column}")))
}

/// An answer that is a refusal. The server's own words are not kept: they may quote what was sent.
pub(super) fn failure(status: u16, headers: &Headers, refusal: Refusal) -> Error {
    let detail = refusal.detail.map(WireDetail::read);
    let (kind, message) = match &detail {
        Some((detail, _)) => of_sql(detail.kind, status),
        None => of_status(status, refusal.error.as_deref().unwrap_or("")),
    };
    let missing = detail.as_ref().and_then(|(detail, _)| match detail.kind {
        SqlErrorKind::UnknownTable => detail.table.as_deref(),
        SqlErrorKind::UnknownColumn => detail.column.as_deref(),
        _ => None,
    });
    let message = missing.map_or(Cow::Borrowed(message), |missing| format!("{message}: {missing}").into());
    // A gateway may have lost the answer of a request that went through (some call that a 503 too); an engine that says
    // what is wrong rolled back.
    let lost = detail.is_none() && (status >= 500 || status == GONE);
    let mut error = Error::new(kind, message).with_may_have_applied(lost);
    if detail.is_none() {
        error = error.context("status", status);
    }
    if let Some((detail, at)) = detail {
        // Columns say of which table they are.
        match (&detail.table, at) {
            (_, Some(at)) if detail.kind != SqlErrorKind::UnknownColumn => error = error.context("column", at),
            (Some(table), None) if detail.kind != SqlErrorKind::UnknownTable => error = error.context("table", table),
            // What is not there is in the message already.
            _ => {}
        }
        error = error.with_sql(detail);
    }
    if status >= 500 && !matches!(status, 502..=504) {
        // A server that fails by itself fails again.
        error = error.with_gave_up();
    }
    match headers.retry_after {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

fn of_sql(kind: SqlErrorKind, status: u16) -> (ErrorKind, &'static str) {
    match kind {
        SqlErrorKind::UniqueViolation => (ErrorKind::Conflict, "a unique rule is broken"),
        SqlErrorKind::NotNullViolation => (ErrorKind::Conflict, "a not-null rule is broken"),
        SqlErrorKind::FkViolation => (ErrorKind::Conflict, "a foreign-key rule is broken"),
        SqlErrorKind::CheckViolation => (ErrorKind::Conflict, "a check rule is broken"),
        SqlErrorKind::TypeMismatch => (ErrorKind::Conflict, "a value is of the wrong type"),
        SqlErrorKind::UnknownTable => (ErrorKind::Sql, "no such table"),
        SqlErrorKind::UnknownColumn => (ErrorKind::Sql, "no such column"),
        SqlErrorKind::UnknownDatabase => {
            (ErrorKind::NotFound, "the database is not there yet: the first write creates it")
        }
        SqlErrorKind::SyntaxError => (ErrorKind::Sql, "syntax error"),
        SqlErrorKind::TooManyParams => (ErrorKind::Sql, "too many parameters"),
        SqlErrorKind::DatabaseLocked => (ErrorKind::Busy, "others use the database"),
        SqlErrorKind::Readonly => (ErrorKind::Denied, "the database or the token is read-only"),
        SqlErrorKind::Unknown => match status {
            403 => (ErrorKind::Denied, "the statement is not allowed"),
            408 => (ErrorKind::Timeout, "the time limit of the request ran out"),
            409 => (ErrorKind::Conflict, "a rule of the table is broken"),
            413 => (ErrorKind::TooLarge, "a string, a blob, a row, the statement or the answer is too big"),
            500..=599 => of_status(status, ""),
            _ => (ErrorKind::Sql, "the statement failed"),
        },
    }
}

/// How our server says that a request was applied before, and that its answer is kept no longer.
const GONE: u16 = 410;

fn of_status(status: u16, error: &str) -> (ErrorKind, &'static str) {
    match status {
        401 => (ErrorKind::Denied, "the token is missing, wrong or revoked"),
        402 => (ErrorKind::Unpaid, "the prepaid balance is empty"),
        403 if error.contains("namespace") => (ErrorKind::Denied, "the token belongs to another namespace"),
        403 => (ErrorKind::Denied, "the token's role or scope does not allow this, or it needs an approval"),
        404 => (ErrorKind::NotFound, "the server knows no such database or route"),
        409 => (ErrorKind::Conflict, "the server reports a conflict"),
        GONE => (ErrorKind::Conflict, "the request was applied before, and its answer is kept no longer"),
        413 => (ErrorKind::TooLarge, "the request is larger than the server accepts"),
        422 => (ErrorKind::Conflict, "the idempotency key was used for another request"),
        429 => (ErrorKind::RateLimited, "too many requests"),
        400..=499 => (ErrorKind::InvalidInput, "the server refused the request"),
        500..=599 => (ErrorKind::Unavailable, "the server failed"),
        _ => (ErrorKind::Corrupt, "the server's answer is not what the HTTP API promises"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(detail: &str) -> Error {
        let detail = serde_json::from_str(detail).unwrap();
        failure(409, &Headers::default(), Refusal { error: None, detail: Some(detail) })
    }

    #[test]
    fn a_broken_rule_names_its_columns_as_it_does_locally() {
        let error =
            refused(r#"{"kind":"unique_violation","columns":[{"table":"t","column":"a"},{"table":"t","column":"b"}]}"#);
        assert_eq!(error.to_string(), "a unique rule is broken (column: t.a, t.b)");
        let detail = error.sql().unwrap();
        assert_eq!((detail.table.as_deref(), detail.column.as_deref()), (Some("t"), Some("a")));
        let error = refused(r#"{"kind":"not_null_violation","table":"t","column":"a","columns":null,"new":[1]}"#);
        assert_eq!(error.to_string(), "a not-null rule is broken (column: t.a)");
        assert_eq!(refused(r#"{"kind":"unknown_table","table":"t"}"#).to_string(), "no such table: t");
    }
}
