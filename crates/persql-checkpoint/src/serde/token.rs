//! How a [`Data`] passes through serde without losing what serde has no word for.
//!
//! It announces itself by a name. This crate's own serializers know the name and keep extensions as they are; others
//! take no notice of it and get forms that they have: a set is a list, a UUID is text.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{self, Serialize, Serializer};

use super::data::{Data, Ext, Map};
use super::de::MAX_TYPED_DEPTH;
use super::misfit::carried;
use super::plain::plain;

/// The name by which a value says that it is a [`Data`].
pub(super) const DATA: &str = "$persql_checkpoint::Data";
/// The name of an extension inside.
pub(super) const EXT: &str = "$persql_checkpoint::Ext";

/// How many of [`MAX_TYPED_DEPTH`]'s levels an object takes, whose bytes are held while what is in it is written.
const OBJECT_LEVELS: usize = 8;

/// A [`Data`] that has announced itself, and the levels that it stands in.
struct Exact<'a>(&'a Data, usize);

struct Bytes<'a>(&'a [u8]);

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(DATA, &Exact(self, 0))
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for Exact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Exact(data, depth) = self;
        if depth > MAX_TYPED_DEPTH {
            return Err(ser::Error::custom(carried(format_args!("it is nested deeper than {MAX_TYPED_DEPTH} levels"))));
        }
        match data {
            Data::Nil => serializer.serialize_unit(),
            Data::Bool(truth) => serializer.serialize_bool(*truth),
            Data::Int(integer) => match (i64::try_from(*integer), u64::try_from(*integer)) {
                (Ok(signed), _) => serializer.serialize_i64(signed),
                (_, Ok(unsigned)) => serializer.serialize_u64(unsigned),
                _ => serializer.serialize_i128(*integer),
            },
            Data::Float(float) => serializer.serialize_f64(*float),
            Data::Str(text) => serializer.serialize_str(text),
            Data::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Data::List(items) => serializer.collect_seq(items.iter().map(|item| Exact(item, depth + 1))),
            Data::Map(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (Exact(key, depth + 1), Exact(value, depth + 1))))
            }
            Data::Ext(ext) if serializer.is_human_readable() && (0..=7).contains(&ext.code) => {
                Exact(&plain(ext).map_err(|error| ser::Error::custom(carried(error)))?, depth + OBJECT_LEVELS)
                    .serialize(serializer)
            }
            Data::Ext(ext) => announce(ext, serializer),
        }
    }
}

fn announce<S: Serializer>(ext: &Ext, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_variant(EXT, ext.code.cast_unsigned().into(), "ext", &Bytes(&ext.data))
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(DATA, DataVisitor)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Data::deserialize(deserializer)? {
            Data::Map(map) => Ok(map),
            other => Err(de::Error::custom(carried(format_args!("{} where a map is expected", other.type_name())))),
        }
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Nil)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Data, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, integer: i64) -> Result<Data, E> {
        Ok(integer.into())
    }

    fn visit_u64<E>(self, integer: u64) -> Result<Data, E> {
        Ok(integer.into())
    }

    fn visit_i128<E>(self, integer: i128) -> Result<Data, E> {
        Ok(Data::Int(integer))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Data, E> {
        Ok(float.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Data, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Data, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Data, E> {
        Ok(bytes.into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Data, E> {
        Ok(Data::Bytes(bytes))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Data, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Data::List(items))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut pairs = Map::new();
        while let Some((key, value)) = map.next_entry::<Data, Data>()? {
            pairs.push(key, value);
        }
        Ok(pairs.into())
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, ext: A) -> Result<Data, A::Error> {
        let (code, content) = ext.variant::<i8>()?;
        match de::VariantAccess::newtype_variant(content)? {
            Data::Bytes(bytes) => Ok(Ext::new(code, bytes).into()),
            _ => Err(de::Error::custom("an extension without bytes")),
        }
    }
}
