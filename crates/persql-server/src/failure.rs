//! What goes wrong, as the API says it.

use std::time::Duration;

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use persql_core::{Error, ErrorKind, SqlDetail, SqlErrorKind};
use serde::Serialize;

/// An answer that is a refusal.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    message: String,
    detail: Option<Box<SqlDetail>>,
    retry_after: Option<u64>,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), detail: None, retry_after: None }
    }

    /// What the caller sent cannot be meant.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The caller asks too often.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests from this address");
        Self { retry_after: Some(seconds.max(1)), ..failure }
    }

    /// The caller may not do this.
    pub(crate) fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn with_detail(mut self, detail: SqlDetail) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Vec<u8> {
        let detail = self.detail.as_ref().map(|detail| Detail {
            kind: detail.kind,
            message: engine_message(detail).unwrap_or_else(|| self.message.clone()),
            table: detail.table.as_deref(),
            column: detail.column.as_deref(),
            columns: detail.columns.iter().map(|(table, column)| At { table, column }).collect(),
        });
        let body = Body { success: false, error: &self.message, error_detail: detail };
        serde_json::to_vec(&body).unwrap_or_else(|_| br#"{"success":false,"error":"unknown"}"#.to_vec())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let mut response = (self.status, json, self.body()).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.sql_kind() {
            Some(kind) => of_sql(kind, error.kind()),
            None => of_kind(&error),
        };
        // A detail says that the engine knows what became of the statement. It does not if the disk failed it.
        let is_lost = error.may_have_applied() && status.is_server_error();
        let detail = error.sql().filter(|_| !is_lost).cloned().map(Box::new);
        Self { status, message: error.to_string(), detail, retry_after: None }
    }
}

fn of_sql(detail: SqlErrorKind, kind: ErrorKind) -> StatusCode {
    match (detail, kind) {
        (
            SqlErrorKind::UniqueViolation
            | SqlErrorKind::NotNullViolation
            | SqlErrorKind::FkViolation
            | SqlErrorKind::CheckViolation,
            _,
        )
        | (SqlErrorKind::Unknown, ErrorKind::Conflict) => StatusCode::CONFLICT,
        (SqlErrorKind::DatabaseLocked, _) => StatusCode::SERVICE_UNAVAILABLE,
        (SqlErrorKind::UnknownDatabase, _) => StatusCode::NOT_FOUND,
        (SqlErrorKind::Readonly, _) | (_, ErrorKind::Denied) => StatusCode::FORBIDDEN,
        (_, ErrorKind::Timeout) => StatusCode::REQUEST_TIMEOUT,
        (_, ErrorKind::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, ErrorKind::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
        (_, ErrorKind::Corrupt) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn of_kind(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Timeout => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::Busy | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unavailable if !error.may_have_applied() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The engine's own words for what broke: what clients of the hosted service are used to.
fn engine_message(detail: &SqlDetail) -> Option<String> {
    let columns =
        || detail.columns.iter().map(|(table, column)| format!("{table}.{column}")).collect::<Vec<_>>().join(", ");
    Some(match detail.kind {
        SqlErrorKind::UniqueViolation => format!("UNIQUE constraint failed: {}", columns()),
        SqlErrorKind::NotNullViolation => format!("NOT NULL constraint failed: {}", columns()),
        SqlErrorKind::FkViolation => "FOREIGN KEY constraint failed".to_owned(),
        SqlErrorKind::UnknownTable => format!("no such table: {}", detail.table.as_deref()?),
        SqlErrorKind::UnknownColumn if detail.table.is_none() => {
            format!("no such column: {}", detail.column.as_deref()?)
        }
        _ => return None,
    })
}

#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    error: &'a str,
    #[serde(rename = "errorDetail", skip_serializing_if = "Option::is_none")]
    error_detail: Option<Detail<'a>>,
}

#[derive(Serialize)]
struct Detail<'a> {
    kind: SqlErrorKind,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<At<'a>>,
}

#[derive(Serialize)]
struct At<'a> {
    table: &'a str,
    column: &'a str,
}
