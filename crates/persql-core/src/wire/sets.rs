//! Result sets, read in one pass: cells go from the body to where rows are kept, and nowhere between.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::decode::WireMeta;
use crate::{Batch, Result, Rows, Value, ValueRef};

/// What result sets say about their cost.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) rows_read: u64,
    pub(super) rows_written: u64,
    pub(super) meta: Option<WireMeta>,
}

pub(super) fn read_sets(batch: &Batch, data: &str) -> serde_json::Result<(Vec<Rows>, Inner)> {
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
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Rows>, D::Error> {
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
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rows, D::Error> {
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
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
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
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
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
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
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
