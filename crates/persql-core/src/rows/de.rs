//! Rows as values of the caller's types: a struct by column names, a tuple by positions.

use std::fmt;

use serde::de::{
    IntoDeserializer,
    value::{MapDeserializer, SeqDeserializer},
};

use super::Row;
use crate::{FromValue, ValueRef};

/// Serde's messages quote the value that did not fit, so this keeps none of them.
#[derive(Debug)]
pub(super) struct NotThisType;

impl fmt::Display for NotThisType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not this type")
    }
}

impl std::error::Error for NotThisType {}

impl serde::de::Error for NotThisType {
    fn custom<T: fmt::Display>(_: T) -> Self {
        NotThisType
    }
}

pub(super) struct RowDeserializer<'a>(pub(super) Row<'a>);

impl<'de> serde::Deserializer<'de> for RowDeserializer<'_> {
    type Error = NotThisType;

    /// A row is a map unless a tuple is asked for.
    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThisType> {
        let row = self.0;
        let entries = row
            .rows
            .columns
            .iter()
            .zip(row.cells)
            .map(|(name, cell)| (name.as_str(), CellDeserializer(row.value(*cell))));
        visitor.visit_map(MapDeserializer::new(entries))
    }

    fn deserialize_seq<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThisType> {
        let row = self.0;
        visitor.visit_seq(SeqDeserializer::new(row.cells.iter().map(|cell| CellDeserializer(row.value(*cell)))))
    }

    fn deserialize_tuple<V: serde::de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, NotThisType> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, NotThisType> {
        self.deserialize_seq(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct map struct enum identifier ignored_any
    }
}

struct CellDeserializer<'a>(ValueRef<'a>);

impl<'de> IntoDeserializer<'de, NotThisType> for CellDeserializer<'_> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> serde::Deserializer<'de> for CellDeserializer<'_> {
    type Error = NotThisType;

    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThisType> {
        match self.0 {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(integer) => visitor.visit_i64(integer),
            ValueRef::Real(real) => visitor.visit_f64(real),
            ValueRef::Text(text) => visitor.visit_str(text),
            ValueRef::Blob(bytes) => visitor.visit_bytes(bytes),
        }
    }

    /// SQLite has no booleans: 0 and 1 are what they are stored as.
    fn deserialize_bool<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThisType> {
        visitor.visit_bool(bool::from_value(self.0).ok_or(NotThisType)?)
    }

    fn deserialize_option<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, NotThisType> {
        match self.0 {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NotThisType> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: serde::de::Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NotThisType> {
        match self.0 {
            ValueRef::Text(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(NotThisType),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
