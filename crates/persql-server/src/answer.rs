//! Answers that are none of a refusal: values to JSON.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use persql_core::{Row, Rows, ValueRef};
use serde::{
    Serialize, Serializer,
    ser::{SerializeMap, SerializeSeq},
};

use crate::{failure::Failure, idempotency::REPLAYED};

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Success {
    body: Vec<u8>,
    is_replayed: bool,
}

/// What a handler gives.
pub(crate) type Answered = Result<Success, Failure>;

impl Success {
    /// `{"success":true,"data":…}`.
    pub(crate) fn of(data: &impl Serialize) -> Answered {
        write(&Envelope { success: true, data, meta: None }).map(Self::new)
    }

    /// An answer with this body.
    pub(crate) fn new(body: Vec<u8>) -> Self {
        Self { body, is_replayed: false }
    }

    /// The answer to an earlier request with the same key.
    pub(crate) fn replayed(body: Vec<u8>) -> Self {
        Self { body, is_replayed: true }
    }
}

impl IntoResponse for Success {
    fn into_response(self) -> Response {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.is_replayed {
            ([json, (REPLAYED, HeaderValue::from_static("true"))], self.body).into_response()
        } else {
            ([json], self.body).into_response()
        }
    }
}

/// The answer to `/query` or, if there are `several` statements, to `/batch`.
pub(crate) fn sets(sets: &[Rows], several: bool, took: Duration) -> Result<Vec<u8>, Failure> {
    let meta = Meta {
        rows_read: sets.iter().map(|rows| rows.len() as u64).sum(),
        rows_written: sets.iter().filter_map(Rows::changes).sum(),
        duration_ms: took.as_secs_f64() * 1e3,
        statement_count: sets.len(),
        cost_usd: 0.0,
    };
    let mut results = sets.iter().map(Set);
    match (several, results.next()) {
        (false, Some(data)) => write(&Envelope { success: true, data: &data, meta: Some(meta) }),
        _ => write(&Envelope { success: true, data: &Sets(sets), meta: Some(meta) }),
    }
}

/// What an answer to a handful of writes takes.
const USUAL: usize = 1_000;

fn write(body: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(USUAL);
    match serde_json::to_writer(&mut bytes, body) {
        Ok(()) => Ok(bytes),
        Err(_) => Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written as JSON")),
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    success: bool,
    data: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

/// What a request cost: here, rows answered and rows changed, and no money.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    rows_read: u64,
    rows_written: u64,
    duration_ms: f64,
    statement_count: usize,
    cost_usd: f64,
}

struct Sets<'a>(&'a [Rows]);

impl Serialize for Sets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Set))
    }
}

struct Set<'a>(&'a Rows);

impl Serialize for Set<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("columns", self.0.columns())?;
        map.serialize_entry("rows", &Cells(self.0))?;
        map.serialize_entry("rowsRead", &self.0.len())?;
        map.serialize_entry("rowsWritten", &self.0.changes().unwrap_or(0))?;
        if let Some(changes) = self.0.changes() {
            map.serialize_entry("changes", &changes)?;
        }
        if let Some(rowid) = self.0.last_insert_rowid() {
            map.serialize_entry("lastInsertRowid", &rowid)?;
        }
        map.end()
    }
}

struct Cells<'a>(&'a Rows);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let width = self.0.columns().len();
        serializer.collect_seq(self.0.iter().map(|row| RowCells(row, width)))
    }
}

struct RowCells<'a>(Row<'a>, usize);

impl Serialize for RowCells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cells = serializer.serialize_seq(Some(self.1))?;
        for column in 0..self.1 {
            let value = self.0.get(column).map_err(serde::ser::Error::custom)?;
            cells.serialize_element(&Cell(value))?;
        }
        cells.end()
    }
}

struct Cell<'a>(ValueRef<'a>);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let special = |key: &str, text: &str, serializer: S| {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(key, text)?;
            map.end()
        };
        match self.0 {
            ValueRef::Null => serializer.serialize_unit(),
            ValueRef::Integer(integer) => serializer.serialize_i64(integer),
            ValueRef::Real(real) if real.is_finite() => serializer.serialize_f64(real),
            // JSON has no such numbers.
            ValueRef::Real(real) => special("$real", if real > 0.0 { "Infinity" } else { "-Infinity" }, serializer),
            ValueRef::Text(text) => serializer.serialize_str(text),
            ValueRef::Blob(bytes) => special("$base64", &STANDARD.encode(bytes), serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_form() {
        let mut rows = Rows::with_columns(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        for value in [
            ValueRef::Null,
            ValueRef::Integer(i64::MAX),
            ValueRef::Real(1.0),
            ValueRef::Real(f64::NEG_INFINITY),
            ValueRef::Text("é\0\"\u{2028}"),
            ValueRef::Blob(&[0, 255]),
        ] {
            rows.push(value);
        }
        let text = String::from_utf8(sets(&[rows], false, Duration::from_millis(2)).unwrap()).unwrap();
        assert_eq!(
            text,
            "{\"success\":true,\"data\":{\"columns\":[\"a\",\"b\",\"c\"],\"rows\":[[null,9223372036854775807,1.0],\
             [{\"$real\":\"-Infinity\"},\"é\\u0000\\\"\u{2028}\",{\"$base64\":\"AP8=\"}]],\"rowsRead\":2,\
             \"rowsWritten\":0},\"meta\":{\"rowsRead\":2,\"rowsWritten\":0,\"durationMs\":2.0,\"statementCount\":1,\
             \"costUsd\":0.0}}"
        );
    }
}
