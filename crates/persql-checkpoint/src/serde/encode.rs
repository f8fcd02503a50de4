//! Writing msgpack, byte for byte as ormsgpack does for LangGraph.
//!
//! Integers take their shortest form, unsigned where they are not negative; a float is always a double; lengths take
//! their shortest form. What Python could not read back, or not write again, is refused.

use persql_core::{Error, Result};

use super::data::{Data, Map};
use crate::Checkpoint;

/// How many containers may stand in one another: as many as ormsgpack writes. The bytes of an extension count anew.
pub const MAX_ENCODE_DEPTH: usize = 255;

/// The msgpack bytes of a value.
pub(super) fn encode(data: &Data) -> Result<Vec<u8>> {
    let mut writer = Writer { bytes: Vec::new() };
    writer.value(data, 0)?;
    Ok(writer.bytes)
}

/// The bytes of a checkpoint: the keys in the order of LangGraph, then those that this crate does not know.
pub(super) fn encode_checkpoint(checkpoint: &Checkpoint) -> Result<Vec<u8>> {
    let Checkpoint {
        v,
        ts,
        id,
        channel_values,
        channel_versions,
        versions_seen,
        updated_channels,
        pending_sends,
        rest,
    } = checkpoint;
    let mut writer = Writer { bytes: Vec::new() };
    writer.header(&MAP, 7 + usize::from(pending_sends.is_some()) + rest.len())?;
    writer.text("v")?;
    writer.integer((*v).into())?;
    for (key, text) in [("ts", ts), ("id", id)] {
        writer.text(key)?;
        writer.text(text)?;
    }
    let maps = [("channel_values", channel_values), ("channel_versions", channel_versions)];
    for (key, map) in maps.into_iter().chain([("versions_seen", versions_seen)]) {
        writer.text(key)?;
        writer.map(map, 1)?;
    }
    if let Some(sends) = pending_sends {
        writer.text("pending_sends")?;
        writer.list(sends, 1)?;
    }
    writer.text("updated_channels")?;
    match updated_channels {
        None => writer.bytes.push(0xc0),
        Some(names) => {
            writer.header(&LIST, names.len())?;
            names.iter().try_for_each(|name| writer.text(name))?;
        }
    }
    writer.pairs(rest, 1)?;
    Ok(writer.bytes)
}

/// The one-byte form of a header, as far as it goes, and the bytes before a length of 8, 16 and 32 bits.
struct Header {
    fix: Option<(u8, usize)>,
    bits8: Option<u8>,
    bits16: u8,
    bits32: u8,
}

const STR: Header = Header { fix: Some((0xa0, 31)), bits8: Some(0xd9), bits16: 0xda, bits32: 0xdb };
const BIN: Header = Header { fix: None, bits8: Some(0xc4), bits16: 0xc5, bits32: 0xc6 };
const LIST: Header = Header { fix: Some((0x90, 15)), bits8: None, bits16: 0xdc, bits32: 0xdd };
const MAP: Header = Header { fix: Some((0x80, 15)), bits8: None, bits16: 0xde, bits32: 0xdf };
const EXT: Header = Header { fix: None, bits8: Some(0xc7), bits16: 0xc8, bits32: 0xc9 };

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A value that stands in `depth` containers.
    fn value(&mut self, data: &Data, depth: usize) -> Result<()> {
        match data {
            Data::Nil => self.bytes.push(0xc0),
            Data::Bool(truth) => self.bytes.push(if *truth { 0xc3 } else { 0xc2 }),
            Data::Int(integer) => self.integer(*integer)?,
            Data::Float(float) => self.tagged(0xcb, &float.to_be_bytes()),
            Data::Str(text) => self.text(text)?,
            Data::Bytes(bytes) => {
                self.header(&BIN, bytes.len())?;
                self.bytes.extend_from_slice(bytes);
            }
            Data::List(items) => self.list(items, depth)?,
            Data::Map(map) => self.map(map, depth)?,
            Data::Ext(ext) => {
                // Some lengths have a header of their own.
                match ext.data.len() {
                    1 => self.bytes.push(0xd4),
                    2 => self.bytes.push(0xd5),
                    4 => self.bytes.push(0xd6),
                    8 => self.bytes.push(0xd7),
                    16 => self.bytes.push(0xd8),
                    length => self.header(&EXT, length)?,
                }
                self.bytes.extend_from_slice(&ext.code.to_be_bytes());
                self.bytes.extend_from_slice(&ext.data);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.header(&STR, text.len())?;
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn list(&mut self, items: &[Data], depth: usize) -> Result<()> {
        let depth = deeper(depth)?;
        self.header(&LIST, items.len())?;
        items.iter().try_for_each(|item| self.value(item, depth))
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<()> {
        let depth = deeper(depth)?;
        self.header(&MAP, map.len())?;
        self.pairs(map, depth)
    }

    /// The pairs of a map whose header is there, in `depth` containers with it.
    fn pairs(&mut self, map: &Map, depth: usize) -> Result<()> {
        for (key, value) in map.iter() {
            if !key.is_key() {
                let kind = key.type_name();
                return Err(Error::invalid(format!("{kind} cannot be the key of a map, or a part of it")));
            }
            self.value(key, depth)?;
            self.value(value, depth)?;
        }
        Ok(())
    }

    fn integer(&mut self, integer: i128) -> Result<()> {
        if let Ok(unsigned) = u64::try_from(integer) {
            match (u8::try_from(unsigned), u16::try_from(unsigned), u32::try_from(unsigned)) {
                (Ok(byte @ ..0x80), _, _) => self.bytes.push(byte),
                (Ok(byte), _, _) => self.tagged(0xcc, &[byte]),
                (_, Ok(short), _) => self.tagged(0xcd, &short.to_be_bytes()),
                (_, _, Ok(word)) => self.tagged(0xce, &word.to_be_bytes()),
                _ => self.tagged(0xcf, &unsigned.to_be_bytes()),
            }
        } else if let Ok(signed) = i64::try_from(integer) {
            match (i8::try_from(signed), i16::try_from(signed), i32::try_from(signed)) {
                (Ok(byte @ -32..), _, _) => self.bytes.extend_from_slice(&byte.to_be_bytes()),
                (Ok(byte), _, _) => self.tagged(0xd0, &byte.to_be_bytes()),
                (_, Ok(short), _) => self.tagged(0xd1, &short.to_be_bytes()),
                (_, _, Ok(word)) => self.tagged(0xd2, &word.to_be_bytes()),
                _ => self.tagged(0xd3, &signed.to_be_bytes()),
            }
        } else {
            return Err(Error::invalid("an integer is beyond 64 bits, and the format has no form for it"));
        }
        Ok(())
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(bytes);
    }

    fn header(&mut self, header: &Header, length: usize) -> Result<()> {
        let word = u32::try_from(length)
            .map_err(|_| Error::invalid("a string, a list or a map is longer than the format can say"))?;
        match (header.fix, header.bits8, u8::try_from(word), u16::try_from(word)) {
            (Some((tag, most)), _, Ok(byte), _) if length <= most => self.bytes.push(tag | byte),
            (_, Some(tag), Ok(byte), _) => self.tagged(tag, &[byte]),
            (_, _, _, Ok(short)) => self.tagged(header.bits16, &short.to_be_bytes()),
            _ => self.tagged(header.bits32, &word.to_be_bytes()),
        }
        Ok(())
    }
}

fn deeper(depth: usize) -> Result<usize> {
    if depth < MAX_ENCODE_DEPTH {
        return Ok(depth + 1);
    }
    Err(Error::invalid(format!("a value is nested deeper than {MAX_ENCODE_DEPTH} levels")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serde::Ext;

    fn nested(levels: usize) -> Data {
        (0..levels).fold(Data::Nil, |inner, _| Data::List(vec![inner]))
    }

    #[test]
    fn what_python_could_not_take_is_refused() {
        assert!(encode(&nested(MAX_ENCODE_DEPTH)).is_ok());
        assert!(encode(&nested(MAX_ENCODE_DEPTH + 1)).is_err());
        assert!(encode(&Data::Int(i128::from(u64::MAX) + 1)).is_err());
        assert!(encode(&Data::Int(i128::from(i64::MIN) - 1)).is_err());
        for key in [Map::new().into(), Ext::new(0, []).into(), Data::List(vec![Map::new().into()])] {
            assert!(encode(&Map::from([(key, 1)]).into()).is_err());
        }
        assert!(encode(&Map::from([(Data::List(vec![1.into(), Data::Nil]), 1)]).into()).is_ok());
    }

    #[test]
    fn a_checkpoint_has_the_bytes_of_its_data() {
        let mut checkpoint = Checkpoint::new("id", "ts");
        checkpoint.channel_values = Map::from([("a", Data::from(1)), ("deep", nested(MAX_ENCODE_DEPTH - 2))]);
        checkpoint.channel_versions = Map::from([("a", "1")]);
        let same = |checkpoint: &Checkpoint| {
            assert_eq!(encode_checkpoint(checkpoint).unwrap(), encode(&checkpoint.clone().into_data()).unwrap());
        };
        same(&checkpoint);
        checkpoint.v = 1;
        checkpoint.versions_seen = Map::from([("node", Map::from([("a", 2.5)]))]);
        checkpoint.updated_channels = Some((0..20).map(|number| number.to_string()).collect());
        checkpoint.pending_sends = Some(vec![Ext::new(1, [0]).into()]);
        checkpoint.rest = (0..20).map(|number| (number, nested(3))).collect();
        same(&checkpoint);
        checkpoint.channel_values = Map::from([("deep", nested(MAX_ENCODE_DEPTH - 1))]);
        assert!(encode_checkpoint(&checkpoint).is_err() && encode(&checkpoint.into_data()).is_err());
    }

    #[test]
    fn integers_take_their_shortest_form() {
        let cases: [(i128, &[u8]); 12] = [
            (0, &[0]),
            (127, &[0x7f]),
            (128, &[0xcc, 0x80]),
            (256, &[0xcd, 1, 0]),
            (65_536, &[0xce, 0, 1, 0, 0]),
            (1 << 32, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
            (-1, &[0xff]),
            (-32, &[0xe0]),
            (-33, &[0xd0, 0xdf]),
            (-129, &[0xd1, 0xff, 0x7f]),
            (-32_769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
            (-2_147_483_649, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
        ];
        for (integer, bytes) in cases {
            assert_eq!(encode(&Data::Int(integer)).unwrap(), bytes, "{integer}");
        }
    }
}
