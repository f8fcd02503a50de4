//! From Rust types to stored values.

use persql_core::Result;
use serde::ser::{self, Serialize};

use super::data::{Data, Ext, Map};
use super::encode::MAX_ENCODE_DEPTH;
use super::misfit::Misfit;
use super::token;

/// The stored form of a Rust value.
///
/// Structs are maps in the order of their fields, `None` and `()` are `None`, variants are text or a map of one pair,
/// as in JSON. A [`Data`] inside stays what it is, and [`with`](super::with) has forms for dates, sets and the like.
///
/// # Errors
/// [`ErrorKind::InvalidInput`](persql_core::ErrorKind::InvalidInput) if the value has more than
/// [`MAX_ENCODE_DEPTH`] levels or its own serialization fails.
///
/// ```
/// use persql_checkpoint::serde::{from_data, to_data};
///
/// let data = to_data(&vec![("ada", 36)])?;
/// assert_eq!(from_data::<Vec<(String, u32)>>(&data)?, [("ada".to_owned(), 36)]);
/// # Ok::<_, persql_checkpoint::Error>(())
/// ```
pub fn to_data<T: Serialize + ?Sized>(value: &T) -> Result<Data> {
    value.serialize(ToData { depth: 0, exact: false }).map_err(Misfit::invalid)
}

#[derive(Clone, Copy)]
struct ToData {
    depth: usize,
    /// Whether a [`Data`] is being written, which says by this that it wants to be kept as it is.
    exact: bool,
}

impl ToData {
    fn inside(self) -> Result<Self, Misfit> {
        if self.depth == MAX_ENCODE_DEPTH {
            return Err(Misfit::new(format!("it is nested deeper than {MAX_ENCODE_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn list(self, length: usize) -> Result<ListWriter, Misfit> {
        Ok(ListWriter { to: self.inside()?, items: Vec::with_capacity(length.min(4096)), variant: None })
    }

    fn map(self) -> Result<MapWriter, Misfit> {
        Ok(MapWriter { to: self.inside()?, pairs: Map::new(), key: Data::Nil, variant: None })
    }
}

struct ListWriter {
    to: ToData,
    items: Vec<Data>,
    variant: Option<&'static str>,
}

struct MapWriter {
    to: ToData,
    pairs: Map,
    key: Data,
    variant: Option<&'static str>,
}

/// A variant with content is a map of one pair.
fn variant(name: Option<&'static str>, content: Data) -> Data {
    match name {
        Some(name) => Map::from([(name, content)]).into(),
        None => content,
    }
}

impl ser::Serializer for ToData {
    type Ok = Data;
    type Error = Misfit;
    type SerializeSeq = ListWriter;
    type SerializeTuple = ListWriter;
    type SerializeTupleStruct = ListWriter;
    type SerializeTupleVariant = ListWriter;
    type SerializeMap = MapWriter;
    type SerializeStruct = MapWriter;
    type SerializeStructVariant = MapWriter;

    fn is_human_readable(&self) -> bool {
        !self.exact
    }

    fn serialize_bool(self, v: bool) -> Result<Data, Misfit> {
        Ok(v.into())
    }

    fn serialize_i8(self, v: i8) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_i16(self, v: i16) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_i32(self, v: i32) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_i64(self, v: i64) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_i128(self, v: i128) -> Result<Data, Misfit> {
        Ok(Data::Int(v))
    }

    fn serialize_u8(self, v: u8) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_u16(self, v: u16) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_u32(self, v: u32) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_u64(self, v: u64) -> Result<Data, Misfit> {
        Ok(Data::Int(v.into()))
    }

    fn serialize_u128(self, v: u128) -> Result<Data, Misfit> {
        i128::try_from(v).map(Data::Int).map_err(|_| Misfit::new("an integer is too large"))
    }

    fn serialize_f32(self, v: f32) -> Result<Data, Misfit> {
        Ok(Data::Float(v.into()))
    }

    fn serialize_f64(self, v: f64) -> Result<Data, Misfit> {
        Ok(Data::Float(v))
    }

    fn serialize_char(self, v: char) -> Result<Data, Misfit> {
        Ok(Data::Str(v.into()))
    }

    fn serialize_str(self, v: &str) -> Result<Data, Misfit> {
        Ok(v.into())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Data, Misfit> {
        Ok(v.into())
    }

    fn serialize_none(self) -> Result<Data, Misfit> {
        Ok(Data::Nil)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Data, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Data, Misfit> {
        Ok(Data::Nil)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Data, Misfit> {
        Ok(Data::Nil)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Data, Misfit> {
        Ok(name.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<Data, Misfit> {
        value.serialize(Self { exact: self.exact || name == token::DATA, ..self })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        of: &'static str,
        index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Data, Misfit> {
        if of == token::EXT {
            let code = u8::try_from(index).map(u8::cast_signed);
            return match (code, value.serialize(self)?) {
                (Ok(code), Data::Bytes(bytes)) => Ok(Ext::new(code, bytes).into()),
                _ => Err(Misfit::new("an extension without a code and bytes")),
            };
        }
        Ok(variant(Some(name), value.serialize(self.inside()?)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<ListWriter, Misfit> {
        self.list(length.unwrap_or_default())
    }

    fn serialize_tuple(self, length: usize) -> Result<ListWriter, Misfit> {
        self.list(length)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<ListWriter, Misfit> {
        self.list(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        length: usize,
    ) -> Result<ListWriter, Misfit> {
        Ok(ListWriter { variant: Some(name), ..self.inside()?.list(length)? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<MapWriter, Misfit> {
        self.map()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<MapWriter, Misfit> {
        self.map()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<MapWriter, Misfit> {
        Ok(MapWriter { variant: Some(name), ..self.inside()?.map()? })
    }
}

impl ListWriter {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.items.push(value.serialize(self.to)?);
        Ok(())
    }

    fn done(self) -> Data {
        variant(self.variant, self.items.into())
    }
}

impl ser::SerializeSeq for ListWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.add(value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl ser::SerializeTuple for ListWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.add(value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl ser::SerializeTupleStruct for ListWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.add(value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl ser::SerializeTupleVariant for ListWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.add(value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl MapWriter {
    fn add<T: Serialize + ?Sized>(&mut self, key: impl Into<Data>, value: &T) -> Result<(), Misfit> {
        self.pairs.push(key, value.serialize(self.to)?);
        Ok(())
    }

    fn done(self) -> Data {
        variant(self.variant, self.pairs.into())
    }
}

impl ser::SerializeMap for MapWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        self.key = key.serialize(self.to)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let key = std::mem::take(&mut self.key);
        self.add(key, value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl ser::SerializeStruct for MapWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Misfit> {
        self.add(key, value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}

impl ser::SerializeStructVariant for MapWriter {
    type Ok = Data;
    type Error = Misfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Misfit> {
        self.add(key, value)
    }

    fn end(self) -> Result<Data, Misfit> {
        Ok(self.done())
    }
}
