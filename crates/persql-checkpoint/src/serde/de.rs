//! From stored values to Rust types.

use std::borrow::Cow;
use std::{slice, vec};

use persql_core::Result;
use serde::de::value::{BytesDeserializer, I8Deserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer as _, Visitor};
use serde::forward_to_deserialize_any;

use super::data::{Data, Ext};
use super::misfit::Misfit;
use super::plain::plain;
use super::token;

/// How many levels a value may have to become a Rust type, the levels within extensions included.
///
/// Rust types are built by recursion, and running out of stack would end the process.
pub const MAX_TYPED_DEPTH: usize = 255;

/// The Rust value that a stored value is.
///
/// Objects of Python appear without their class: a message as a map of its fields, a set as a list, a UUID, a date or a
/// datetime as text. Where the type has a [`Data`] (or a [`Message`](super::Message), a [`Send`](super::Send)), the
/// value stays what it is, class and all. Behind `#[serde(flatten)]` and in untagged enums even a [`Data`] gets the form
/// without class, since serde puts such values into a form of its own first.
///
/// # Errors
/// [`ErrorKind::Corrupt`](persql_core::ErrorKind::Corrupt) if the value does not fit the type, has more than
/// [`MAX_TYPED_DEPTH`] levels, or holds an object that cannot be read. The message quotes nothing of the value.
pub fn from_data<T: DeserializeOwned>(data: &Data) -> Result<T> {
    T::deserialize(FromData { data: Cow::Borrowed(data), depth: 0, exact: false }).map_err(Misfit::corrupt)
}

struct FromData<'a> {
    data: Cow<'a, Data>,
    depth: usize,
    /// Whether a [`Data`] is being read, which takes extensions as they are.
    exact: bool,
}

impl<'a> FromData<'a> {
    fn inside(&self) -> Result<Place, Misfit> {
        if self.depth == MAX_TYPED_DEPTH {
            return Err(Misfit::new(format!("it is nested deeper than {MAX_TYPED_DEPTH} levels")));
        }
        Ok(Place { depth: self.depth + 1, exact: self.exact })
    }

    fn list(self) -> Result<Option<ListReader<'a>>, Misfit> {
        let place = self.inside()?;
        let items = match self.data {
            Cow::Borrowed(Data::List(items)) => Items::Borrowed(items.iter()),
            Cow::Owned(Data::List(items)) => Items::Owned(items.into_iter()),
            _ => return Ok(None),
        };
        Ok(Some(ListReader { items, place }))
    }

    fn map(self) -> Result<Option<MapReader<'a>>, Misfit> {
        let place = self.inside()?;
        let pairs = match self.data {
            Cow::Borrowed(Data::Map(map)) => Pairs::Borrowed(map.pairs().iter()),
            Cow::Owned(Data::Map(map)) => Pairs::Owned(map.into_iter()),
            _ => return Ok(None),
        };
        Ok(Some(MapReader { pairs, value: None, place }))
    }

    /// The value without its class, as long as it has one.
    fn plain(mut self) -> Result<Self, Misfit> {
        while let Data::Ext(ext) = self.data.as_ref() {
            let inner = plain(ext)?;
            if matches!(inner, Data::Ext(Ext { code, .. }) if !(0..=7).contains(&code)) {
                return Err(Misfit::new("an extension that is not LangGraph's"));
            }
            self = Self { data: Cow::Owned(inner), depth: self.inside()?.depth, exact: false };
        }
        Ok(self)
    }
}

#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    exact: bool,
}

impl Place {
    fn at(self, data: Cow<'_, Data>) -> FromData<'_> {
        FromData { data, depth: self.depth, exact: self.exact }
    }
}

impl<'de> de::Deserializer<'de> for FromData<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.data.as_ref() {
            Data::Nil => visitor.visit_unit(),
            Data::Bool(truth) => visitor.visit_bool(*truth),
            Data::Int(integer) => match (i64::try_from(*integer), u64::try_from(*integer)) {
                (Ok(signed), _) => visitor.visit_i64(signed),
                (_, Ok(unsigned)) => visitor.visit_u64(unsigned),
                _ => visitor.visit_i128(*integer),
            },
            Data::Float(float) => visitor.visit_f64(*float),
            Data::Str(_) | Data::Bytes(_) => match self.data {
                Cow::Borrowed(Data::Str(text)) => visitor.visit_str(text),
                Cow::Owned(Data::Str(text)) => visitor.visit_string(text),
                Cow::Borrowed(Data::Bytes(bytes)) => visitor.visit_bytes(bytes),
                Cow::Owned(Data::Bytes(bytes)) => visitor.visit_byte_buf(bytes),
                _ => visitor.visit_unit(),
            },
            Data::List(_) => match self.list()? {
                Some(list) => list.visit(visitor),
                None => visitor.visit_unit(),
            },
            Data::Map(_) => match self.map()? {
                Some(map) => map.visit(visitor),
                None => visitor.visit_unit(),
            },
            Data::Ext(ext) if self.exact => visitor.visit_enum(ExtReader(ext)),
            Data::Ext(_) => self.plain()?.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.data.is_nil() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(Self { exact: self.exact || name == token::DATA, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let plain = if self.exact { self } else { self.plain()? };
        match plain.data.as_ref() {
            Data::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
            _ => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let plain = self.plain()?;
        let place = plain.inside()?;
        match plain.data {
            Cow::Owned(Data::Map(map)) if map.len() == 1 => match map.into_iter().next() {
                Some((name, content)) => visitor.visit_enum(VariantReader {
                    name: place.at(Cow::Owned(name)),
                    content: Some(place.at(Cow::Owned(content))),
                }),
                None => visitor.visit_unit(),
            },
            Cow::Borrowed(Data::Map(map)) if map.len() == 1 => match map.pairs().first() {
                Some((name, content)) => visitor.visit_enum(VariantReader {
                    name: place.at(Cow::Borrowed(name)),
                    content: Some(place.at(Cow::Borrowed(content))),
                }),
                None => visitor.visit_unit(),
            },
            name => visitor.visit_enum(VariantReader { name: place.at(name), content: None }),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct map struct identifier
    }
}

enum Items<'a> {
    Borrowed(slice::Iter<'a, Data>),
    Owned(vec::IntoIter<Data>),
}

struct ListReader<'a> {
    items: Items<'a>,
    place: Place,
}

impl ListReader<'_> {
    fn len(&self) -> usize {
        match &self.items {
            Items::Borrowed(items) => items.len(),
            Items::Owned(items) => items.len(),
        }
    }

    fn visit<'de, V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Misfit> {
        let all = self.len();
        let value = visitor.visit_seq(&mut self)?;
        match self.len() {
            0 => Ok(value),
            left => Err(Misfit::new(format!("{all} items, of which the type takes {}", all - left))),
        }
    }
}

impl<'de> de::SeqAccess<'de> for ListReader<'_> {
    type Error = Misfit;

    fn next_element_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let item = match &mut self.items {
            Items::Borrowed(items) => items.next().map(Cow::Borrowed),
            Items::Owned(items) => items.next().map(Cow::Owned),
        };
        item.map(|item| seed.deserialize(self.place.at(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.len())
    }
}

enum Pairs<'a> {
    Borrowed(slice::Iter<'a, (Data, Data)>),
    Owned(vec::IntoIter<(Data, Data)>),
}

struct MapReader<'a> {
    pairs: Pairs<'a>,
    value: Option<Cow<'a, Data>>,
    place: Place,
}

impl MapReader<'_> {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_map(self)
    }
}

impl<'de> de::MapAccess<'de> for MapReader<'_> {
    type Error = Misfit;

    fn next_key_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let (key, value) = match &mut self.pairs {
            Pairs::Borrowed(pairs) => match pairs.next() {
                Some((key, value)) => (Cow::Borrowed(key), Cow::Borrowed(value)),
                None => return Ok(None),
            },
            Pairs::Owned(pairs) => match pairs.next() {
                Some((key, value)) => (Cow::Owned(key), Cow::Owned(value)),
                None => return Ok(None),
            },
        };
        self.value = Some(value);
        seed.deserialize(self.place.at(key)).map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let value = self.value.take().ok_or_else(|| Misfit::new("a value was read before its key"))?;
        seed.deserialize(self.place.at(value))
    }

    fn size_hint(&self) -> Option<usize> {
        match &self.pairs {
            Pairs::Borrowed(pairs) => Some(pairs.len()),
            Pairs::Owned(pairs) => Some(pairs.len()),
        }
    }
}

/// A variant: its name, and what it holds.
struct VariantReader<'a> {
    name: FromData<'a>,
    content: Option<FromData<'a>>,
}

impl<'de, 'a> de::EnumAccess<'de> for VariantReader<'a> {
    type Error = Misfit;
    type Variant = ContentReader<'a>;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, ContentReader<'a>), Misfit> {
        Ok((seed.deserialize(self.name)?, ContentReader(self.content)))
    }
}

struct ContentReader<'a>(Option<FromData<'a>>);

impl<'a> ContentReader<'a> {
    fn content(self) -> Result<FromData<'a>, Misfit> {
        self.0.ok_or_else(|| Misfit::new("a variant without its content"))
    }
}

impl<'de> de::VariantAccess<'de> for ContentReader<'_> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.0 {
            Some(content) if !content.data.is_nil() => Err(Misfit::new("a variant with content that it has not")),
            _ => Ok(()),
        }
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Misfit> {
        de::Deserializer::deserialize_any(self.content()?, visitor)
    }
}

/// An extension for [`Data`]: a variant whose index is the code.
struct ExtReader<'a>(&'a Ext);

impl<'de> de::EnumAccess<'de> for ExtReader<'_> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Misfit> {
        let code: I8Deserializer<Misfit> = self.0.code.into_deserializer();
        Ok((seed.deserialize(code)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for ExtReader<'_> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Err(Misfit::new("an extension is not a unit"))
    }

    fn newtype_variant_seed<S: de::DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(BytesDeserializer::new(&self.0.data))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::new("an extension is not a tuple"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::new("an extension is not a struct"))
    }
}
