//! The HTTP API without I/O: requests to bodies, bodies to answers. docs/wire.md numbers what is assumed here.

mod branches;

use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
    ser::{SerializeSeq, SerializeStruct},
};
use serde_json::value::RawValue;

use crate::{
    Access, Answer, Batch, DatabaseName, Error, ErrorKind, Meta, Request, Result, Rows, SqlDetail, SqlErrorKind,
    Statement, Value, ValueRef,
};

/// What HTTP calls what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A request as it goes over the wire.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// JSON.
    pub(crate) body: Option<Vec<u8>>,
    /// Whether running it twice may differ from running it once.
    pub(crate) writes: bool,
}

/// What a request is on the wire: `/query` for one statement, `/batch` for several.
pub(crate) fn encode(name: &DatabaseName, request: &Request) -> Result<Call> {
    let path = |operation: &str| format!("/v1/db/{}/{}/{operation}", name.namespace(), name.database());
    let batch = match request {
        Request::Tables => return Ok(Call { method: Method::Get, path: path("tables"), body: None, writes: false }),
        Request::Describe => {
            return Ok(Call { method: Method::Get, path: path("describe"), body: None, writes: false });
        }
        Request::Control(control) => return branches::encode(name, control),
        Request::Batch(batch) => batch,
    };
    if batch.statements().iter().flat_map(Statement::params).any(|value| matches!(value, Value::Blob(_))) {
        return Err(Error::invalid("the HTTP API carries no bytes: store them as base64 text"));
    }
    let (operation, body) = match batch.statements() {
        [one] => ("query", serde_json::to_vec(&WireStatement(one))),
        _ => ("batch", serde_json::to_vec(&WireBatch(batch))),
    };
    let body = body.map_err(|error| Error::invalid("the request cannot be written as JSON").with_source(error))?;
    Ok(Call { method: Method::Post, path: path(operation), body: Some(body), writes: batch.access() != Access::Read })
}

struct WireStatement<'a>(&'a Statement);
struct WireBatch<'a>(&'a Batch);
struct WireValue<'a>(&'a Value);

impl Serialize for WireStatement<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let params: Vec<WireValue<'_>> = self.0.params().iter().map(WireValue).collect();
        let mut fields = serializer.serialize_struct("Statement", 2)?;
        fields.serialize_field("sql", &**self.0.sql())?;
        if params.is_empty() {
            fields.skip_field("params")?;
        } else {
            fields.serialize_field("params", &params)?;
        }
        fields.end()
    }
}

impl Serialize for WireBatch<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let statements: Vec<WireStatement<'_>> = self.0.statements().iter().map(WireStatement).collect();
        let transaction = !matches!(self.0.access(), Access::Raw { transaction: false });
        let mut fields = serializer.serialize_struct("Batch", 2)?;
        fields.serialize_field("statements", &statements)?;
        fields.serialize_field("transaction", &transaction)?;
        fields.end()
    }
}

impl Serialize for WireValue<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Integer(integer) => serializer.serialize_i64(*integer),
            Value::Real(real) => serializer.serialize_f64(*real),
            Value::Text(text) => serializer.serialize_str(text),
            // Refused before; an empty array is what no engine would bind.
            Value::Blob(_) => serializer.serialize_seq(Some(0))?.end(),
        }
    }
}

/// Everything but the status and the body that matters in an answer.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) retry_after: Option<Duration>,
}

/// Reads an answer.
pub(crate) fn decode(request: &Request, status: u16, headers: &Headers, body: &[u8]) -> Result<Answer> {
    let envelope: Envelope<'_> = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(_) if !(200..300).contains(&status) => return Err(failure(status, headers, Envelope::default())),
        Err(error) => return Err(unreadable().with_source(Position(error.line(), error.column()))),
    };
    if !(200..300).contains(&status) || envelope.success != Some(true) {
        return Err(failure(status, headers, envelope));
    }
    if let Request::Control(control) = request {
        let data = envelope.data.map_or("null", RawValue::get);
        return branches::decode(control, data).map(Answer::Controlled);
    }
    let data = envelope.data.map(RawValue::get).ok_or_else(unreadable)?;
    let read = |error: serde_json::Error| unreadable().with_source(Position(error.line(), error.column()));
    match request {
        Request::Tables => serde_json::from_str(data).map(Answer::Tables).map_err(read),
        Request::Describe => serde_json::from_str(data).map(Answer::Description).map_err(read),
        Request::Control(_) => Err(unreadable()),
        Request::Batch(batch) => {
            let (mut sets, inner) = read_sets(batch, data).map_err(read)?;
            let told = envelope.meta.or(inner.meta).unwrap_or_default();
            let meta = Arc::new(Meta {
                rows_read: told.rows_read.unwrap_or(inner.rows_read),
                rows_written: told.rows_written.unwrap_or(inner.rows_written),
                duration: Duration::try_from_secs_f64(told.duration_ms.unwrap_or(0.0) / 1e3).unwrap_or_default(),
                statement_count: told
                    .statement_count
                    .unwrap_or(u32::try_from(batch.statements().len()).unwrap_or(u32::MAX)),
                cost_usd: told.cost_usd,
            });
            sets.iter_mut().for_each(|rows| rows.set_meta(Arc::clone(&meta)));
            Ok(Answer::Sets(sets))
        }
    }
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Corrupt, "the server's answer is not what the HTTP API promises")
}

/// Where an answer stopped making sense; the parser's own words could quote what is stored.
#[derive(Debug)]
struct Position(usize, usize);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unexpected JSON at line {} column {}", self.0, self.1)
    }
}

impl std::error::Error for Position {}

#[derive(Default, Deserialize)]
struct Envelope<'a> {
    success: Option<bool>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<WireDetail>,
    meta: Option<WireMeta>,
}

#[derive(Deserialize)]
struct WireDetail {
    kind: Option<SqlErrorKind>,
    table: Option<String>,
    column: Option<String>,
    columns: Option<Vec<WireColumn>>,
}

#[derive(Deserialize)]
struct WireColumn {
    table: String,
    column: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireMeta {
    rows_read: Option<u64>,
    rows_written: Option<u64>,
    duration_ms: Option<f64>,
    statement_count: Option<u32>,
    cost_usd: Option<f64>,
}

/// An answer that is a refusal. The server's own words are not kept: they may quote what was sent.
fn failure(status: u16, headers: &Headers, envelope: Envelope<'_>) -> Error {
    let detail = envelope.detail.map(|detail| SqlDetail {
        kind: detail.kind.unwrap_or(SqlErrorKind::Unknown),
        table: detail.table,
        column: detail.column,
        columns: detail.columns.into_iter().flatten().map(|at| (at.table, at.column)).collect(),
    });
    let (kind, message) = match detail.as_ref().map(|detail| detail.kind) {
        Some(kind) => of_sql(kind, status),
        None => of_status(status, envelope.error.as_deref().unwrap_or("")),
    };
    // A gateway may have lost the answer of a request that went through (some call that a 503 too); an engine that says
    // what is wrong rolled back.
    let lost = detail.is_none() && status >= 500;
    let mut error = Error::new(kind, message).with_may_have_applied(lost);
    if detail.is_none() {
        error = error.context("status", status);
    }
    if let Some(detail) = detail {
        if let Some(table) = &detail.table {
            error = error.context("table", table.clone());
        }
        if let Some(column) = &detail.column {
            error = error.context("column", column.clone());
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
        SqlErrorKind::DatabaseLocked => (ErrorKind::Busy, "another writer holds the database"),
        SqlErrorKind::Readonly => (ErrorKind::Denied, "the database or the token is read-only"),
        SqlErrorKind::Unknown => match status {
            403 => (ErrorKind::Denied, "the statement is not allowed"),
            408 => (ErrorKind::Timeout, "the time limit of the request ran out"),
            409 => (ErrorKind::Conflict, "a rule of the table is broken"),
            413 => (ErrorKind::TooLarge, "a string, a blob, a row or the statement is too big"),
            _ => (ErrorKind::Sql, "the statement failed"),
        },
    }
}

fn of_status(status: u16, error: &str) -> (ErrorKind, &'static str) {
    match status {
        401 => (ErrorKind::Denied, "the token is missing, wrong or revoked"),
        402 => (ErrorKind::Unpaid, "the prepaid balance is empty"),
        403 if error.contains("namespace") => (ErrorKind::Denied, "the token belongs to another namespace"),
        403 => (ErrorKind::Denied, "the token's role or scope does not allow this, or it needs an approval"),
        404 => (ErrorKind::NotFound, "the server knows no such database or route"),
        409 => (ErrorKind::Conflict, "the server reports a conflict"),
        413 => (ErrorKind::TooLarge, "the request is larger than the server accepts"),
        422 => (ErrorKind::Conflict, "the idempotency key was used for another request"),
        429 => (ErrorKind::RateLimited, "too many requests"),
        400..=499 => (ErrorKind::InvalidInput, "the server refused the request"),
        500..=599 => (ErrorKind::Unavailable, "the server failed"),
        _ => (ErrorKind::Corrupt, "the server's answer is not what the HTTP API promises"),
    }
}

/// What result sets say about their cost.
#[derive(Default)]
struct Inner {
    rows_read: u64,
    rows_written: u64,
    meta: Option<WireMeta>,
}

fn read_sets(batch: &Batch, data: &str) -> serde_json::Result<(Vec<Rows>, Inner)> {
    let mut inner = Inner::default();
    let mut deserializer = serde_json::Deserializer::from_str(data);
    let sets = if batch.statements().len() == 1 {
        vec![SetSeed(&mut inner).deserialize(&mut deserializer)?]
    } else {
        SetsSeed(&mut inner).deserialize(&mut deserializer)?
    };
    deserializer.end()?;
    Ok((sets, inner))
}

struct SetsSeed<'a>(&'a mut Inner);

impl<'de> DeserializeSeed<'de> for SetsSeed<'_> {
    type Value = Vec<Rows>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Rows>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SetsSeed<'_> {
    type Value = Vec<Rows>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of results")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Rows>, A::Error> {
        let mut sets = Vec::new();
        while let Some(rows) = sequence.next_element_seed(SetSeed(self.0))? {
            sets.push(rows);
        }
        Ok(sets)
    }

    /// Some servers wrap the array.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Rows>, A::Error> {
        let mut sets = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "results" => sets = map.next_value_seed(SetsSeed(self.0))?,
                "meta" => self.0.meta = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(sets)
    }
}

/// One result: columns before rows, or the other way round.
struct SetSeed<'a>(&'a mut Inner);

impl<'de> DeserializeSeed<'de> for SetSeed<'_> {
    type Value = Rows;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Rows, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for SetSeed<'_> {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result with columns and rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rows, A::Error> {
        let mut columns: Vec<String> = Vec::new();
        let mut cells = Rows::default();
        let mut width = None;
        let (mut changes, mut rowid) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "columns" => columns = map.next_value()?,
                "rows" => width = map.next_value_seed(RowsSeed(&mut cells))?,
                "rowsRead" => self.0.rows_read += map.next_value::<Option<u64>>()?.unwrap_or(0),
                "rowsWritten" => self.0.rows_written += map.next_value::<Option<u64>>()?.unwrap_or(0),
                "changes" => changes = map.next_value()?,
                "lastInsertRowid" => rowid = map.next_value()?,
                "meta" => self.0.meta = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if width.is_some_and(|width| width != columns.len()) {
            return Err(serde::de::Error::custom("a row is not as wide as the columns"));
        }
        cells.set_columns(columns);
        cells.set_changes(changes, rowid);
        Ok(cells)
    }
}

/// The rows; gives their width, which all must share.
struct RowsSeed<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = Option<usize>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Option<usize>, A::Error> {
        let mut width = None;
        while let Some(cells) = sequence.next_element_seed(RowSeed(self.0))? {
            if *width.get_or_insert(cells) != cells {
                return Err(serde::de::Error::custom("rows of different widths"));
            }
        }
        Ok(width)
    }
}

/// One row; gives the number of its cells.
struct RowSeed<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = usize;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row as an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<usize, A::Error> {
        let mut cells = 0;
        while sequence.next_element_seed(CellSeed(self.0))?.is_some() {
            cells += 1;
        }
        Ok(cells)
    }
}

struct CellSeed<'a>(&'a mut Rows);

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number, text or bytes")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(ValueRef::Null);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.0.push(ValueRef::Integer(truth.into()));
        Ok(())
    }

    fn visit_i64<E>(self, integer: i64) -> Result<(), E> {
        self.0.push(ValueRef::Integer(integer));
        Ok(())
    }

    fn visit_u64<E>(self, integer: u64) -> Result<(), E> {
        #[allow(clippy::cast_precision_loss, reason = "no SQLite integer is that large, so it was a real")]
        let value = i64::try_from(integer).map_or(ValueRef::Real(integer as f64), ValueRef::Integer);
        self.0.push(value);
        Ok(())
    }

    fn visit_f64<E>(self, real: f64) -> Result<(), E> {
        self.0.push(ValueRef::Real(real));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push(ValueRef::Text(text));
        Ok(())
    }

    /// `{"$base64": "…"}` is how our server writes bytes, `{"$real": "-Infinity"}` a number that JSON does not have.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut value = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "$base64" => value = STANDARD.decode(map.next_value::<String>()?).ok().map(Value::Blob),
                "$real" => value = map.next_value::<String>()?.parse().ok().map(Value::Real),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let value = value.ok_or_else(|| serde::de::Error::custom("an object that is no value"))?;
        self.0.push(value.as_ref());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> DatabaseName {
        DatabaseName::parse("acme/agent").unwrap()
    }

    fn query(sql: &'static str) -> Request {
        Request::Batch(Batch::read(Statement::from(sql)))
    }

    fn answer(status: u16, body: &str) -> Result<Answer> {
        decode(&query("SELECT 1"), status, &Headers::default(), body.as_bytes())
    }

    fn rows(body: &str) -> Rows {
        match answer(200, body).unwrap() {
            Answer::Sets(mut sets) => sets.remove(0),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_statement_is_a_query_and_several_are_a_transaction() {
        let one = Batch::write([Statement::new("INSERT INTO t VALUES (?1, ?2)", (1.0, Value::Null))]);
        let call = encode(&name(), &Request::Batch(one)).unwrap();
        assert_eq!((call.path.as_str(), call.writes), ("/v1/db/acme/agent/query", true));
        assert_eq!(call.body.unwrap(), br#"{"sql":"INSERT INTO t VALUES (?1, ?2)","params":[1.0,null]}"#);

        let two = Batch::write([Statement::from("a"), Statement::new("b", [i64::MAX])]);
        let call = encode(&name(), &Request::Batch(two)).unwrap();
        assert_eq!(call.path, "/v1/db/acme/agent/batch");
        assert_eq!(
            call.body.unwrap(),
            br#"{"statements":[{"sql":"a"},{"sql":"b","params":[9223372036854775807]}],"transaction":true}"#
        );
    }

    #[test]
    fn bytes_are_refused_before_anything_is_sent() {
        let blob = Batch::write([Statement::new("INSERT INTO t VALUES (?1)", [vec![1u8]])]);
        assert_eq!(encode(&name(), &Request::Batch(blob)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn an_answer_is_read_whatever_the_order_of_its_fields() {
        let rows = rows(
            r#"{"data":{"rows":[[1,"a",null,1.5],[9223372036854775807,"é",true,{"$base64":"AAE="}]],"columns":["a","b","c","d"],
                "rowsRead":2,"changes":0,"new":{"x":[1]}},"success":true,"meta":{"costUsd":0.5,"durationMs":2}}"#,
        );
        let second = rows.row(1).unwrap();
        assert_eq!(second.get::<i64>("a").unwrap(), i64::MAX);
        assert_eq!((second.get::<&str>("b").unwrap(), second.get::<bool>("c").unwrap()), ("é", true));
        assert_eq!(second.get::<Vec<u8>>("d").unwrap(), [0, 1]);
        assert_eq!((rows.meta().cost_usd, rows.meta().rows_read), (Some(0.5), 2));
        assert_eq!(rows.changes(), Some(0));
    }

    #[test]
    fn meta_may_stand_inside_of_the_data() {
        let rows =
            rows(r#"{"success":true,"data":{"columns":[],"rows":[],"meta":{"rowsWritten":7,"statementCount":1}}}"#);
        assert_eq!(rows.meta().rows_written, 7);
    }

    #[test]
    fn every_refusal_has_its_kind() {
        for (status, body, kind) in [
            (
                400,
                r#"{"success":false,"error":"x","errorDetail":{"kind":"unknown_table","message":"m","table":"t"}}"#,
                ErrorKind::Sql,
            ),
            (200, r#"{"success":false,"error":"x","errorDetail":{"kind":"unique_violation"}}"#, ErrorKind::Conflict),
            (503, r#"{"success":false,"errorDetail":{"kind":"database_locked"}}"#, ErrorKind::Busy),
            (400, r#"{"success":false,"errorDetail":{"kind":"invented_tomorrow"}}"#, ErrorKind::Sql),
            (404, r#"{"success":false,"errorDetail":{"kind":"unknown_database"}}"#, ErrorKind::NotFound),
            (401, r#"{"success":false,"error":"Invalid token format"}"#, ErrorKind::Denied),
            (402, "{}", ErrorKind::Unpaid),
            (403, r#"{"success":false,"error":"Token namespace mismatch"}"#, ErrorKind::Denied),
            (429, "slow down", ErrorKind::RateLimited),
            (502, "<html>", ErrorKind::Unavailable),
            (200, "<html>", ErrorKind::Corrupt),
            (200, r#"{"success":true}"#, ErrorKind::Corrupt),
            (200, r#"{"success":true,"data":{"columns":["a"],"rows":[[1,2]]}}"#, ErrorKind::Corrupt),
            (200, r#"{"success":true,"data":{"columns":["a"],"rows":[[[]]]}}"#, ErrorKind::Corrupt),
        ] {
            assert_eq!(answer(status, body).unwrap_err().kind(), kind, "{status} {body}");
        }
    }

    #[test]
    fn an_error_holds_nothing_that_the_server_quoted() {
        let body =
            r#"{"success":false,"error":"near 'secret'","errorDetail":{"kind":"syntax_error","message":"secret"}}"#;
        let error = answer(400, body).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
        let error = answer(200, r#"{"success":true,"data":{"columns":["a"],"rows":"secret"}}"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
