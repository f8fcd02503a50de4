//! The bodies of `/query` and `/batch`: JSON to statements.

use std::{fmt, sync::Arc};

use axum::http::StatusCode;
use persql_core::{SqlDetail, SqlErrorKind, Statement, Value, limits};
use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor},
};

use crate::failure::Failure;

/// Reads the body of `/query`.
pub(crate) fn query(body: &[u8]) -> Result<Vec<Statement>, Failure> {
    let one: One = parse(body)?;
    Ok(vec![one.into_statement()?])
}

/// Reads the body of `/batch`: the statements, and whether they are one transaction.
pub(crate) fn batch(body: &[u8]) -> Result<(Vec<Statement>, bool), Failure> {
    let several: Several = parse(body)?;
    if several.statements.is_over {
        return Err(Failure::bad(format!("a batch has {} statements at most", limits::STATEMENTS)));
    }
    let statements = several.statements.values.into_iter().map(One::into_statement).collect::<Result<_, _>>()?;
    Ok((statements, several.transaction))
}

/// Reads a body that may be left out.
pub(crate) fn optional<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Failure> {
    if body.is_empty() { Ok(T::default()) } else { parse(body) }
}

/// Reads a body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own words could quote what is to be stored.
        let (line, column) = (error.line(), error.column());
        Failure::bad(format!("the body is not the JSON that this route takes (line {line}, column {column})"))
    })
}

#[derive(Deserialize)]
struct One {
    sql: Text,
    #[serde(default)]
    params: Option<Few<Param, { limits::PARAMETERS }>>,
}

#[derive(Deserialize)]
struct Several {
    statements: Few<One, { limits::STATEMENTS }>,
    #[serde(default)]
    transaction: bool,
}

impl One {
    fn into_statement(self) -> Result<Statement, Failure> {
        let params = self.params.unwrap_or_default();
        if params.is_over {
            let text = format!("a statement has {} parameters at most", limits::PARAMETERS);
            return Err(Failure::bad(text).with_detail(SqlDetail::new(SqlErrorKind::TooManyParams)));
        }
        let params: Vec<Value> = params.values.into_iter().map(|Param(value)| value).collect();
        if let Some(value) = params.iter().find(|value| value.size() > limits::ROW_BYTES) {
            let text = format!("a parameter has {} bytes at most, and this has {}", limits::ROW_BYTES, value.size());
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok(Statement::new(self.sql.0, params))
    }
}

/// At most so many values of an array. Those beyond are passed over, and take no memory.
struct Few<T, const MOST: usize> {
    values: Vec<T>,
    is_over: bool,
}

impl<T, const MOST: usize> Default for Few<T, MOST> {
    fn default() -> Self {
        Self { values: Vec::new(), is_over: false }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Few<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Self::default())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Few<T, MOST> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut sequence: A) -> Result<Self, A::Error> {
        while self.values.len() < MOST {
            match sequence.next_element()? {
                Some(value) => self.values.push(value),
                None => return Ok(self),
            }
        }
        while sequence.next_element::<IgnoredAny>()?.is_some() {
            self.is_over = true;
        }
        Ok(self)
    }
}

/// Text that goes from the parser into its place at once.
struct Text(Arc<str>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.into()))
    }
}

struct Param(Value);

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParamVisitor).map(Param)
    }
}

struct ParamVisitor;

impl Visitor<'_> for ParamVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a number or text")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Value, E> {
        Ok(Value::Integer(integer))
    }

    /// As SQLite reads such a number in a statement's text.
    fn visit_u64<E>(self, integer: u64) -> Result<Value, E> {
        #[allow(clippy::cast_precision_loss, reason = "SQLite has no larger integers")]
        Ok(i64::try_from(integer).map_or(Value::Real(integer as f64), Value::Integer))
    }

    fn visit_f64<E>(self, real: f64) -> Result<Value, E> {
        Ok(Value::Real(real))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_null_numbers_and_text() {
        let body = br#"{"sql":"SELECT 1","params":[null,true,-9223372036854775808,18446744073709551615,1.0,"\u0000\"x"],"new":{}}"#;
        let statements = query(body).unwrap();
        assert_eq!(
            statements[0].params(),
            [
                Value::Null,
                Value::Integer(1),
                Value::Integer(i64::MIN),
                Value::Real(18_446_744_073_709_551_615.0),
                Value::Real(1.0),
                Value::Text("\0\"x".to_owned())
            ]
        );
        for bad in [r#"{"sql":"x","params":[[]]}"#, r#"{"sql":"x","params":[{}]}"#, r#"{"sql":1}"#, "[]", "", "{}"] {
            assert_eq!(query(bad.as_bytes()).unwrap_err().status(), StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn a_refusal_quotes_nothing() {
        let failure = query(br#"{"sql":"x","params":[{"secret":1}]}"#).unwrap_err();
        assert!(!String::from_utf8(failure.body()).unwrap().contains("secret"));
    }

    #[test]
    fn a_batch_is_no_transaction_unless_it_says_so() {
        let (statements, transaction) = batch(br#"{"statements":[{"sql":"a"},{"sql":"b","params":null}]}"#).unwrap();
        assert_eq!((statements.len(), transaction), (2, false));
        assert!(batch(br#"{"transaction":true,"statements":[]}"#).unwrap().1);
    }
}
