//! Tags and bytes: what a row holds beside its keys.

use persql_core::{Error, ErrorKind, Result};

#[cfg(feature = "aes")]
use super::aes::Cipher;
use super::data::Data;
use super::decode::{Failure, shown};
use super::{decode, encode, json};
use crate::checkpoint::Checkpoint;

/// Turns values into a tag and bytes and back, as LangGraph's `JsonPlusSerializer` does.
///
/// | tag | bytes | written for |
/// | --- | --- | --- |
/// | `null` | none | `None` |
/// | `bytes` | as they are | bytes |
/// | `msgpack` | msgpack | everything else |
/// | `bytearray`, `json` | as they are; JSON | read only |
/// | any of them and `+aes` | encrypted | the same, by a serializer with a key |
///
/// Everything is read as data; nothing in it is ever called. `pickle` is refused. JSON is read as Python's `json.loads`
/// reads it, with NaN; a lone surrogate becomes `?`, as it does when Python writes the value again.
///
/// ```
/// use persql_checkpoint::{Data, Serializer, serde::Map};
///
/// let serializer = Serializer::new();
/// let (tag, bytes) = serializer.dumps_typed(&Map::from([("a", 1)]).into())?;
/// assert_eq!((tag, bytes.as_slice()), ("msgpack", b"\x81\xa1a\x01".as_slice()));
/// assert_eq!(serializer.loads_typed(tag, &bytes)?.get("a"), Some(&Data::from(1)));
/// # Ok::<_, persql_checkpoint::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Serializer {
    #[cfg(feature = "aes")]
    cipher: Option<Cipher>,
    #[cfg(feature = "aes")]
    accept_plaintext: bool,
}

impl Serializer {
    /// A serializer without encryption.
    pub fn new() -> Self {
        Self::default()
    }

    /// A serializer that encrypts everything, as `EncryptedSerializer.from_pycryptodome_aes(key=…)` does with the mode
    /// it has by default, EAX.
    ///
    /// Rows that are not encrypted are refused, since anybody who can write to the database could have put them there.
    /// Ids, channel names and metadata are not encrypted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] unless the key has 16, 24 or 32 bytes.
    #[cfg(feature = "aes")]
    pub fn aes(key: impl AsRef<[u8]>) -> Result<Self> {
        Ok(Self { cipher: Some(Cipher::new(key.as_ref())?), accept_plaintext: false })
    }

    /// A serializer with the key in the environment variable `LANGGRAPH_AES_KEY`, as in Python.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the variable is not set, is not Unicode or has no length of a key.
    #[cfg(feature = "aes")]
    pub fn aes_from_env() -> Result<Self> {
        let key = std::env::var("LANGGRAPH_AES_KEY")
            .map_err(|_| Error::invalid("the environment variable LANGGRAPH_AES_KEY is not set, or not Unicode"))?;
        Self::aes(key)
    }

    /// Whether a serializer with a key reads rows that are not encrypted: for the time in which an old database still
    /// has some. They are refused by default.
    #[cfg(feature = "aes")]
    #[must_use]
    pub fn accept_plaintext(mut self, accept: bool) -> Self {
        self.accept_plaintext = accept;
        self
    }

    /// The tag and the bytes of a value.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the format has no form for the value: see [`Data::to_msgpack`].
    /// [`ErrorKind::Unavailable`] if the system has no random numbers for encryption.
    pub fn dumps_typed(&self, data: &Data) -> Result<(&'static str, Vec<u8>)> {
        let (tag, bytes) = match data {
            Data::Nil => (Tag::Null, Vec::new()),
            Data::Bytes(bytes) => (Tag::Bytes, bytes.clone()),
            _ => (Tag::Msgpack, encode::encode(data)?),
        };
        self.seal(tag, bytes)
    }

    /// The tag and the bytes of a checkpoint: those of its [data](Checkpoint::into_data), without a copy of the values.
    pub(crate) fn dumps_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(&'static str, Vec<u8>)> {
        self.seal(Tag::Msgpack, encode::encode_checkpoint(checkpoint)?)
    }

    fn seal(&self, tag: Tag, bytes: Vec<u8>) -> Result<(&'static str, Vec<u8>)> {
        #[cfg(feature = "aes")]
        if let Some(cipher) = &self.cipher {
            return Ok((tag.encrypted(), cipher.encrypt(bytes)?));
        }
        Ok((tag.plain(), bytes))
    }

    /// The value that a tag and bytes are.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the bytes are not what the tag says, do not decrypt, or are not encrypted and should
    /// be. [`ErrorKind::Unsupported`] for a tag that is not in the table above, and for an encrypted value without a
    /// key. The message says where the bytes go wrong and quotes nothing of them.
    pub fn loads_typed(&self, tag: &str, bytes: &[u8]) -> Result<Data> {
        self.loads(tag, bytes, Failure::into_error)
    }

    /// The checkpoint that a tag and bytes are. As [`Serializer::loads_typed`], with errors that name the channel.
    ///
    /// # Errors
    /// As [`Serializer::loads_typed`]; [`ErrorKind::Corrupt`] too if the value is no checkpoint.
    pub fn loads_checkpoint(&self, tag: &str, bytes: &[u8]) -> Result<Checkpoint> {
        Checkpoint::from_data(self.loads_state(tag, bytes)?)
    }

    /// The value that a checkpoint is, whatever it holds, with errors that name the channel.
    pub(crate) fn loads_state(&self, tag: &str, bytes: &[u8]) -> Result<Data> {
        self.loads(tag, bytes, Failure::into_checkpoint_error)
    }

    fn loads(&self, tag: &str, bytes: &[u8], explain: fn(Failure) -> Error) -> Result<Data> {
        match tag.split_once('+') {
            None => {
                #[cfg(feature = "aes")]
                if self.cipher.is_some() && !self.accept_plaintext {
                    let message = "a stored value is not encrypted, and this serializer has a key: it may be forged";
                    return Err(Error::new(ErrorKind::Corrupt, message).context("type", shown(tag)));
                }
                loads_plain(tag, bytes, explain)
            }
            Some((tag, cipher)) => loads_plain(tag, &self.decrypt(cipher, bytes)?, explain),
        }
    }

    #[cfg(feature = "aes")]
    fn decrypt(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        match &self.cipher {
            Some(cipher) if name == "aes" => cipher.decrypt(bytes),
            Some(_) => Err(unsupported("a stored value is encrypted with a cipher that is not known", name)),
            None => Err(unsupported("a stored value is encrypted, and this serializer has no key", name)),
        }
    }

    #[cfg(not(feature = "aes"))]
    fn decrypt(&self, name: &str, _: &[u8]) -> Result<Vec<u8>> {
        Err(unsupported("a stored value is encrypted, which takes a key and the feature `aes`", name))
    }
}

fn loads_plain(tag: &str, bytes: &[u8], explain: fn(Failure) -> Error) -> Result<Data> {
    match tag {
        "null" => Ok(Data::Nil),
        "bytes" | "bytearray" => Ok(Data::Bytes(bytes.to_owned())),
        "msgpack" => decode::decode(bytes).map_err(explain),
        "json" => json::decode(bytes).map_err(explain),
        "pickle" => Err(unsupported("a stored value is a pickle, which only running it could read", tag)),
        _ => Err(unsupported("a stored value has a type that is not known", tag)),
    }
}

fn unsupported(message: &'static str, tag: &str) -> Error {
    Error::new(ErrorKind::Unsupported, message).context("type", shown(tag))
}

/// The tags that are written.
enum Tag {
    Null,
    Bytes,
    Msgpack,
}

impl Tag {
    fn plain(&self) -> &'static str {
        match self {
            Tag::Null => "null",
            Tag::Bytes => "bytes",
            Tag::Msgpack => "msgpack",
        }
    }

    #[cfg(feature = "aes")]
    fn encrypted(&self) -> &'static str {
        match self {
            Tag::Null => "null+aes",
            Tag::Bytes => "bytes+aes",
            Tag::Msgpack => "msgpack+aes",
        }
    }
}

impl Data {
    /// The msgpack bytes of this value, as Python would write them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for what Python cannot write or read: an integer beyond 64 bits, more than
    /// [`MAX_ENCODE_DEPTH`](super::MAX_ENCODE_DEPTH) levels, a map or an extension in a key, more than 4 GiB in one
    /// value.
    pub fn to_msgpack(&self) -> Result<Vec<u8>> {
        encode::encode(self)
    }

    /// The value that msgpack bytes are.
    ///
    /// Reads what Python reads, up to [`MAX_DECODE_DEPTH`](super::MAX_DECODE_DEPTH) levels, and takes at most 33 times
    /// the memory of the bytes. Unlike Python it refuses bytes after the value.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with the position at which the bytes go wrong.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self> {
        decode::decode(bytes).map_err(Failure::into_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_those_of_the_reference() {
        let serializer = Serializer::new();
        assert_eq!(serializer.dumps_typed(&Data::Nil).unwrap(), ("null", vec![]));
        assert_eq!(serializer.dumps_typed(&[1u8].as_slice().into()).unwrap(), ("bytes", vec![1]));
        assert_eq!(serializer.dumps_typed(&1.into()).unwrap(), ("msgpack", vec![1]));
        assert_eq!(serializer.loads_typed("null", b"anything").unwrap(), Data::Nil);
        assert_eq!(serializer.loads_typed("bytearray", b"ab").unwrap(), Data::from(b"ab".as_slice()));
        assert_eq!(serializer.loads_typed("json", b"[1]").unwrap(), Data::from_iter([1]));
    }

    #[test]
    fn a_tag_that_is_not_known_is_named() {
        for tag in ["pickle", "empty", "", "Msgpack", "msgpack+aes", "msgpack+", "+", "msgpack+rot13"] {
            let error = Serializer::new().loads_typed(tag, b"\xc0").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{tag}");
        }
        let error = Serializer::new().loads_typed(&"x\n".repeat(10_000), b"").unwrap_err();
        assert!(error.to_string().len() < 300 && !error.to_string().contains('\n'));
    }

    #[cfg(feature = "aes")]
    #[test]
    fn with_a_key_everything_is_encrypted_and_plaintext_refused() {
        let serializer = Serializer::aes(b"0123456789abcdef").unwrap();
        for (data, expected) in
            [(Data::Nil, "null+aes"), (b"x".as_slice().into(), "bytes+aes"), (1.into(), "msgpack+aes")]
        {
            let (tag, bytes) = serializer.dumps_typed(&data).unwrap();
            assert_eq!(tag, expected);
            assert_eq!(serializer.loads_typed(tag, &bytes).unwrap(), data);
            assert_eq!(Serializer::new().loads_typed(tag, &bytes).unwrap_err().kind(), ErrorKind::Unsupported);
        }
        for tag in ["null", "bytes", "bytearray", "msgpack", "json", "pickle", ""] {
            assert_eq!(serializer.loads_typed(tag, b"\x01").unwrap_err().kind(), ErrorKind::Corrupt, "{tag}");
        }
        let lenient = serializer.clone().accept_plaintext(true);
        assert_eq!(lenient.loads_typed("msgpack", b"\x01").unwrap(), Data::from(1));
        assert_eq!(serializer.loads_typed("msgpack+rot13", b"").unwrap_err().kind(), ErrorKind::Unsupported);
        let aes_json = serializer.dumps_typed(&b"[1]".as_slice().into()).unwrap().1;
        assert_eq!(serializer.loads_typed("json+aes", &aes_json).unwrap(), Data::from_iter([1]));
        assert!(!format!("{serializer:?}").contains("0123"));
        let environment = std::env::var("LANGGRAPH_AES_KEY").ok();
        assert_eq!(
            Serializer::aes_from_env().is_ok(),
            environment.is_some_and(|key| [16, 24, 32].contains(&key.len()))
        );
    }
}
