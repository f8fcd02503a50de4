//! Answers as they come over the wire.

use std::{fmt, time::Duration};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Headers, branches, databases,
    failure::{Refusal, WireDetail, failure},
    sets::read_sets,
};
use crate::{Answer, Control, Controlled, Error, ErrorKind, Meta, Request, Result};

/// Reads an answer.
pub(crate) fn decode(request: &Request, status: u16, headers: &Headers, body: &[u8]) -> Result<Answer> {
    let envelope: Envelope<'_> = match serde_json::from_slice(body) {
        Ok(envelope) => envelope,
        Err(_) if !(200..300).contains(&status) => return Err(failure(status, headers, Refusal::default())),
        Err(error) => return Err(unreadable().with_source(Position(error.line(), error.column()))),
    };
    if !(200..300).contains(&status) || envelope.success != Some(true) {
        return Err(failure(status, headers, Refusal { error: envelope.error, detail: envelope.detail }));
    }
    if let Request::Control(control) = request {
        let data = envelope.data.map_or("null", RawValue::get);
        return decode_control(control, data).map(Answer::Controlled);
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
            let meta = Meta {
                rows_read: told.rows_read.unwrap_or(inner.rows_read),
                rows_written: told.rows_written.unwrap_or(inner.rows_written),
                duration: Duration::try_from_secs_f64(told.duration_ms.unwrap_or(0.0) / 1e3).unwrap_or_default(),
                statement_count: told
                    .statement_count
                    .unwrap_or(u32::try_from(batch.statements().len()).unwrap_or(u32::MAX)),
                cost_usd: told.cost_usd,
            };
            sets.iter_mut().for_each(|rows| rows.set_meta(meta.clone()));
            Ok(Answer::Sets(sets))
        }
    }
}

/// What became of something about databases as a whole.
fn decode_control(control: &Control, data: &str) -> Result<Controlled> {
    match control {
        Control::Me => databases::decode_me(data).map(Controlled::Me),
        Control::CreateDatabase { namespace, .. } | Control::ListDatabases { namespace } => {
            databases::decode(control, namespace.as_deref().unwrap_or_default(), data)
        }
        Control::ClaimBranch { .. } | Control::UpsertBranch { .. } => branches::decode(control, data),
        _ => Ok(Controlled::Done),
    }
}

pub(super) fn unreadable() -> Error {
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

#[derive(Deserialize)]
struct Envelope<'a> {
    success: Option<bool>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    error: Option<String>,
    #[serde(rename = "errorDetail")]
    detail: Option<WireDetail>,
    meta: Option<WireMeta>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WireMeta {
    rows_read: Option<u64>,
    rows_written: Option<u64>,
    duration_ms: Option<f64>,
    statement_count: Option<u32>,
    cost_usd: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Rows, Statement};

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
