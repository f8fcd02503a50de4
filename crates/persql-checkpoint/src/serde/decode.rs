//! Reading msgpack: what ormsgpack reads for LangGraph, with bounds that hold whatever the bytes are.
//!
//! Nothing recurses. A length is believed only if the bytes behind it can hold that much: every value that is still to
//! come takes a byte at least, so all lists and maps together never have room for more values than there are bytes.

use persql_core::{Error, ErrorKind};

use super::data::{Data, Ext, Map};

/// How many containers with something in them may stand in one another: as many as ormsgpack reads. The bytes of an
/// extension count anew.
pub const MAX_DECODE_DEPTH: usize = 1022;

/// Why bytes are not what they should be. Holds nothing of them but a channel's name.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: &'static str,
    at: usize,
    /// The channel of a checkpoint in which reading stopped.
    channel: Option<String>,
}

impl Failure {
    pub(crate) fn new(reason: &'static str, at: usize) -> Self {
        Self { reason, at, channel: None }
    }

    /// The error, without the channel: bytes that are no checkpoint have none.
    pub(crate) fn into_error(self) -> Error {
        Error::new(ErrorKind::Corrupt, format!("a stored value cannot be read: {} at byte {}", self.reason, self.at))
    }

    /// The error about a checkpoint.
    pub(crate) fn into_checkpoint_error(mut self) -> Error {
        match self.channel.take() {
            Some(channel) => self.into_error().context("channel", shown(&channel)),
            None => self.into_error(),
        }
    }
}

/// A channel's name as errors show it: on one line, and not at any length.
pub(crate) fn shown(channel: &str) -> String {
    let mut shown: String = channel.chars().take(100).flat_map(char::escape_debug).collect();
    if channel.chars().nth(100).is_some() {
        shown.push('…');
    }
    shown
}

/// The one value that `bytes` are.
pub(super) fn decode(bytes: &[u8]) -> Result<Data, Failure> {
    let mut decoder = Decoder { bytes, at: 0, open: Vec::new(), owed: 1 };
    decoder.document().map_err(|reason| {
        let channel = decoder.channel().map(str::to_owned);
        Failure { reason, at: decoder.at, channel }
    })
}

type Step<T> = Result<T, &'static str>;

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The containers that are not complete, the outermost first.
    open: Vec<Open>,
    /// How many values are still to come for them.
    owed: usize,
}

/// A container that is not complete.
struct Open {
    content: Content,
    /// How many values it still waits for; keys are values too.
    left: usize,
    /// Whether it is a part of a key.
    in_key: bool,
}

enum Content {
    List(Vec<Data>),
    Map(Vec<(Data, Data)>, Option<Data>),
}

/// What the head of a value says.
enum Head {
    Value(Data),
    List(usize),
    Map(usize),
}

impl<'a> Decoder<'a> {
    fn document(&mut self) -> Step<Data> {
        loop {
            let in_key = self.open.last().is_some_and(Open::wants_key);
            let head = self.head()?;
            self.owed = self.owed.saturating_sub(1);
            let mut value = match head {
                Head::Value(Data::Ext(_)) | Head::Map(_) if in_key => return Err("a map or an extension as a key"),
                Head::Value(value) => value,
                Head::List(0) => Data::List(Vec::new()),
                Head::Map(0) => Data::Map(Map::new()),
                Head::List(length) => {
                    let left = self.owe(length)?;
                    self.enter(Open { content: Content::List(Vec::with_capacity(length)), left, in_key })?;
                    continue;
                }
                Head::Map(length) => {
                    let left = self.owe(length.checked_mul(2).ok_or("a length beyond the end")?)?;
                    self.enter(Open { content: Content::Map(Vec::with_capacity(length), None), left, in_key })?;
                    continue;
                }
            };
            // The value is complete, and with it each container that it is the last part of.
            loop {
                let Some(open) = self.open.last_mut() else {
                    return if self.at == self.bytes.len() { Ok(value) } else { Err("more bytes than the value has") };
                };
                open.take(value);
                if open.left > 0 {
                    break;
                }
                match self.open.pop() {
                    Some(open) => value = open.close(),
                    None => return Err("a container that is not open"),
                }
            }
        }
    }

    /// Takes note of values to come, if there are bytes for them.
    fn owe(&mut self, values: usize) -> Step<usize> {
        let owed = self.owed.saturating_add(values);
        if owed > self.bytes.len().saturating_sub(self.at) {
            return Err("a length beyond the end");
        }
        self.owed = owed;
        Ok(values)
    }

    fn enter(&mut self, open: Open) -> Step<()> {
        if self.open.len() == MAX_DECODE_DEPTH {
            return Err("nesting deeper than 1022 levels");
        }
        self.open.push(open);
        Ok(())
    }

    fn head(&mut self) -> Step<Head> {
        let [tag] = self.array()?;
        let value = match tag {
            0x00..=0x7f => Data::Int(tag.into()),
            0x80..=0x8f => return Ok(Head::Map(usize::from(tag & 0x0f))),
            0x90..=0x9f => return Ok(Head::List(usize::from(tag & 0x0f))),
            0xa0..=0xbf => self.text(usize::from(tag & 0x1f))?,
            0xc0 => Data::Nil,
            0xc1 => return Err("a tag that msgpack has no meaning for"),
            0xc2 => Data::Bool(false),
            0xc3 => Data::Bool(true),
            0xc4 => Data::Bytes(self.length8().and_then(|length| self.take(length))?.to_vec()),
            0xc5 => Data::Bytes(self.length16().and_then(|length| self.take(length))?.to_vec()),
            0xc6 => Data::Bytes(self.length32().and_then(|length| self.take(length))?.to_vec()),
            0xc7 => self.length8().and_then(|length| self.ext(length))?,
            0xc8 => self.length16().and_then(|length| self.ext(length))?,
            0xc9 => self.length32().and_then(|length| self.ext(length))?,
            0xca => Data::Float(f32::from_be_bytes(self.array()?).into()),
            0xcb => Data::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Data::Int(u8::from_be_bytes(self.array()?).into()),
            0xcd => Data::Int(u16::from_be_bytes(self.array()?).into()),
            0xce => Data::Int(u32::from_be_bytes(self.array()?).into()),
            0xcf => Data::Int(u64::from_be_bytes(self.array()?).into()),
            0xd0 => Data::Int(i8::from_be_bytes(self.array()?).into()),
            0xd1 => Data::Int(i16::from_be_bytes(self.array()?).into()),
            0xd2 => Data::Int(i32::from_be_bytes(self.array()?).into()),
            0xd3 => Data::Int(i64::from_be_bytes(self.array()?).into()),
            0xd4 => self.ext(1)?,
            0xd5 => self.ext(2)?,
            0xd6 => self.ext(4)?,
            0xd7 => self.ext(8)?,
            0xd8 => self.ext(16)?,
            0xd9 => self.length8().and_then(|length| self.text(length))?,
            0xda => self.length16().and_then(|length| self.text(length))?,
            0xdb => self.length32().and_then(|length| self.text(length))?,
            0xdc => return self.length16().map(Head::List),
            0xdd => return self.length32().map(Head::List),
            0xde => return self.length16().map(Head::Map),
            0xdf => return self.length32().map(Head::Map),
            0xe0..=0xff => Data::Int(i8::from_be_bytes([tag]).into()),
        };
        Ok(Head::Value(value))
    }

    fn text(&mut self, length: usize) -> Step<Data> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Data::from).map_err(|_| "a string that is not UTF-8 before")
    }

    fn ext(&mut self, length: usize) -> Step<Data> {
        let code = i8::from_be_bytes(self.array()?);
        Ok(Data::Ext(Ext::new(code, self.take(length)?)))
    }

    fn length8(&mut self) -> Step<usize> {
        self.array().map(|bytes| usize::from(u8::from_be_bytes(bytes)))
    }

    fn length16(&mut self) -> Step<usize> {
        self.array().map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    fn length32(&mut self) -> Step<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| "a length beyond the end")
    }

    fn array<const N: usize>(&mut self) -> Step<[u8; N]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk().ok_or("the end, too early,")?;
        self.at += N;
        Ok(*bytes)
    }

    fn take(&mut self, length: usize) -> Step<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest.get(..length).ok_or("a length beyond the end")?;
        self.at += length;
        Ok(bytes)
    }

    /// The channel that is being read, if this is a checkpoint.
    fn channel(&self) -> Option<&str> {
        let mut keys = self.open.iter().map(Open::key);
        (keys.next()?? == "channel_values").then(|| keys.next())??
    }
}

impl Open {
    /// Whether what comes next is a key, or a part of one.
    fn wants_key(&self) -> bool {
        self.in_key || matches!(self.content, Content::Map(_, None))
    }

    fn take(&mut self, value: Data) {
        self.left = self.left.saturating_sub(1);
        match &mut self.content {
            Content::List(items) => items.push(value),
            Content::Map(pairs, key) => match key.take() {
                Some(key) => pairs.push((key, value)),
                None => *key = Some(value),
            },
        }
    }

    fn close(self) -> Data {
        match self.content {
            Content::List(items) => Data::List(items),
            Content::Map(pairs, _) => Data::Map(pairs.into()),
        }
    }

    /// The text key whose value is being read.
    fn key(&self) -> Option<&str> {
        match &self.content {
            Content::Map(_, Some(Data::Str(key))) => Some(key),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of memory behind a value.
    fn memory(data: &Data) -> usize {
        let slot = size_of::<Data>();
        match data {
            Data::Str(text) => text.capacity(),
            Data::Bytes(bytes) => bytes.capacity(),
            Data::Ext(ext) => ext.data.capacity(),
            Data::List(items) => items.capacity() * slot + items.iter().map(memory).sum::<usize>(),
            Data::Map(map) => map.iter().map(|(key, value)| 2 * slot + memory(key) + memory(value)).sum(),
            _ => 0,
        }
    }

    fn reason(bytes: &[u8]) -> &'static str {
        decode(bytes).unwrap_err().reason
    }

    #[test]
    fn the_depth_is_what_python_reads() {
        for empty in [0x90, 0x80, 0xc0] {
            assert!(decode(&[vec![0x91; MAX_DECODE_DEPTH], vec![empty]].concat()).is_ok());
            assert!(reason(&[vec![0x91; MAX_DECODE_DEPTH + 1], vec![empty]].concat()).contains("deeper"));
        }
        assert!(reason(&vec![0x91; 4_000_000]).contains("deeper"));
    }

    #[test]
    fn a_length_is_believed_only_if_there_are_bytes_for_it() {
        for header in [0xc6, 0xc9, 0xdb, 0xdd, 0xdf] {
            let bytes = [&[header, 0xff, 0xff, 0xff, 0xff], [0xc0; 1000].as_slice()].concat();
            assert_eq!(reason(&bytes), "a length beyond the end", "{header:x}");
        }
        // Each list alone would fit; together they wait for more than there is.
        let lists = [[0xdc, 0x03, 0xe8].repeat(300), vec![0xc0; 1100]].concat();
        let failure = decode(&lists).unwrap_err();
        assert_eq!((failure.reason, failure.at), ("a length beyond the end", 6));
    }

    #[test]
    fn memory_is_a_small_multiple_of_the_input() {
        assert_eq!(size_of::<Data>(), 32);
        let nils = [&[0xdd, 0, 0x0f, 0x42, 0x40], vec![0xc0; 1_000_000].as_slice()].concat();
        let maps = [&[0xdf, 0, 0x07, 0xa1, 0x20], vec![0x00; 1_000_000].as_slice()].concat();
        let lists = [&[0xdc, 0x03, 0xe8], [[0x91; 100].as_slice(), &[0x90]].concat().repeat(1000).as_slice()].concat();
        for bytes in [nils, maps, lists] {
            assert!(memory(&decode(&bytes).unwrap()) <= 32 * bytes.len());
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        assert!(reason(&[]).contains("too early"));
        assert!(reason(&[0x92, 0xc0]).contains("beyond"));
        assert!(reason(&[0xa1, 0xff]).contains("UTF-8"));
        assert!(reason(&[0xa3, 0xed, 0xa0, 0x80]).contains("UTF-8"));
        assert!(reason(&[0xc1]).contains("no meaning"));
        assert!(reason(&[0xc0, 0xc0]).contains("more bytes"));
        assert!(reason(&[0x81, 0x80, 0xc0]).contains("key"));
        assert!(reason(&[0x81, 0x91, 0x80, 0xc0]).contains("key"));
        assert!(reason(&[0x81, 0xd4, 0x07, 0xc0, 0xc0]).contains("key"));
        assert!(decode(&[0x81, 0x91, 0x90, 0x80]).is_ok());
    }

    #[test]
    fn longer_forms_than_needed_are_read() {
        assert_eq!(decode(&[0xcc, 5]).unwrap(), Data::Int(5));
        assert_eq!(decode(&[0xd3, 0, 0, 0, 0, 0, 0, 0, 5]).unwrap(), Data::Int(5));
        assert_eq!(decode(&[0xd9, 1, b'a']).unwrap(), Data::from("a"));
        assert_eq!(decode(&[0xca, 0x3f, 0xc0, 0, 0]).unwrap(), Data::Float(1.5));
    }

    #[test]
    fn an_error_in_a_checkpoint_names_the_channel() {
        let bytes = b"\x82\xa1v\x04\xaechannel_values\x81\xa8messages\x92\xc0\xa1\xff";
        let failure = decode(bytes).unwrap_err();
        assert_eq!(failure.channel.as_deref(), Some("messages"));
        let text = failure.into_checkpoint_error().to_string();
        assert!(text.contains("UTF-8") && text.ends_with("(channel: messages)"), "{text}");
        assert_eq!(shown(&"\n".repeat(200)).len(), 203);
    }
}
