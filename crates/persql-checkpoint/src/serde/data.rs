//! The values that LangGraph stores, as Rust sees them.

use std::fmt;

use persql_core::{Error, ErrorKind, Result};

/// A stored value.
///
/// This is what msgpack can say, and no more: a Python tuple is a list, and a Python object is an [`Ext`], which stays
/// as it is, byte for byte, until somebody asks what it means (see [`Object`](super::Object)). So a value that this
/// crate knows nothing of is never lost.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(clippy::exhaustive_enums, reason = "the format has these and will have no others")]
pub enum Data {
    /// `None`.
    #[default]
    Nil,
    /// `True` or `False`.
    Bool(bool),
    /// An integer. Only what fits an `i64` or a `u64` can be written; JSON rows may hold more, up to 128 bits.
    Int(i128),
    /// A double. `1.0` stays a double, and so do NaN and the infinities.
    Float(f64),
    /// Text.
    Str(String),
    /// `bytes`, `bytearray` or `memoryview`.
    Bytes(Vec<u8>),
    /// A list or a tuple.
    List(Vec<Data>),
    /// A dict, in its own order.
    Map(Map),
    /// An extension type: an object of Python.
    Ext(Ext),
}

/// An extension value: its code and its bytes, which only the code's owner can read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "msgpack's extension types are a code and bytes")]
pub struct Ext {
    /// Which extension. LangGraph has 0 to 7.
    pub code: i8,
    /// What the extension holds, as it is stored.
    pub data: Vec<u8>,
}

/// A dict: pairs in the order in which they were written.
///
/// Keys may be anything that Python reads as a key: `None`, booleans, numbers, text, bytes, and lists of these. Where a
/// key stands twice, both pairs are kept and the last one counts, as in Python.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map(Vec<(Data, Data)>);

impl Data {
    /// The name of the value's type, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Data::Nil => "nil",
            Data::Bool(_) => "a boolean",
            Data::Int(_) => "an integer",
            Data::Float(_) => "a float",
            Data::Str(_) => "a string",
            Data::Bytes(_) => "bytes",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
            Data::Ext(_) => "an extension",
        }
    }

    /// Whether this is `None`.
    pub fn is_nil(&self) -> bool {
        matches!(self, Data::Nil)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Data::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The integer, if it is one and fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Data::Int(integer) = self { i64::try_from(*integer).ok() } else { None }
    }

    /// The integer, if it is one and fits.
    pub fn as_u64(&self) -> Option<u64> {
        if let Data::Int(integer) = self { u64::try_from(*integer).ok() } else { None }
    }

    /// The double, if it is one. An integer is not.
    pub fn as_f64(&self) -> Option<f64> {
        if let Data::Float(float) = self { Some(*float) } else { None }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Data::Str(text) = self { Some(text) } else { None }
    }

    /// The bytes, if these are bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Data::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Data]> {
        if let Data::List(items) = self { Some(items) } else { None }
    }

    /// The pairs, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Data::Map(map) = self { Some(map) } else { None }
    }

    /// The pairs themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the value is no map.
    pub fn into_map(self) -> Result<Map> {
        match self {
            Data::Map(map) => Ok(map),
            other => Err(Error::new(ErrorKind::Corrupt, format!("{} where a map is expected", other.type_name()))),
        }
    }

    /// The extension, if it is one.
    pub fn as_ext(&self) -> Option<&Ext> {
        if let Data::Ext(ext) = self { Some(ext) } else { None }
    }

    /// The value under a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.as_map()?.get(key)
    }

    /// Whether Python can use this as a key of a dict.
    pub(crate) fn is_key(&self) -> bool {
        match self {
            Data::Map(_) | Data::Ext(_) => false,
            Data::List(items) => items.iter().all(Data::is_key),
            _ => true,
        }
    }
}

impl Ext {
    /// An extension value of these bytes.
    pub fn new(code: i8, data: impl Into<Vec<u8>>) -> Self {
        Self { code, data: data.into() }
    }
}

impl Map {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value under a text key. Looks at one pair after the other, the last first.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.0.iter().rev().find(|(own, _)| own.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The value under a text key, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Data> {
        self.0.iter_mut().rev().find(|(own, _)| own.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Whether there is such a text key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Puts a value under a key: in the place of the one that is there, or at the end. Returns what was there.
    pub fn insert(&mut self, key: impl Into<Data>, value: impl Into<Data>) -> Option<Data> {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().rev().find(|(own, _)| *own == key) {
            Some((_, old)) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Puts a pair at the end without looking whether the key is there.
    pub fn push(&mut self, key: impl Into<Data>, value: impl Into<Data>) {
        self.0.push((key.into(), value.into()));
    }

    /// Takes a text key out, and returns the value that counted.
    pub fn remove(&mut self, key: &str) -> Option<Data> {
        let mut removed = None;
        while let Some(position) = self.0.iter().position(|(own, _)| own.as_str() == Some(key)) {
            removed = Some(self.0.remove(position).1);
        }
        removed
    }

    /// The pairs, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Data, &Data)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(super) fn pairs(&self) -> &[(Data, Data)] {
        &self.0
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Data> + ExactSizeIterator {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Data> + ExactSizeIterator {
        self.0.iter().map(|(_, value)| value)
    }
}

impl IntoIterator for Map {
    type Item = (Data, Data);
    type IntoIter = std::vec::IntoIter<(Data, Data)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Pairs as they come, without looking for keys that stand twice.
impl<K: Into<Data>, V: Into<Data>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Each pair as [`Map::insert`] puts it: what is there and not named stays.
impl<K: Into<Data>, V: Into<Data>> Extend<(K, V)> for Map {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

impl<K: Into<Data>, V: Into<Data>, const N: usize> From<[(K, V); N]> for Map {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<Vec<(Data, Data)>> for Map {
    fn from(pairs: Vec<(Data, Data)>) -> Self {
        Self(pairs)
    }
}

impl From<bool> for Data {
    fn from(truth: bool) -> Self {
        Data::Bool(truth)
    }
}

impl From<u8> for Data {
    fn from(integer: u8) -> Self {
        Data::Int(integer.into())
    }
}

impl From<u16> for Data {
    fn from(integer: u16) -> Self {
        Data::Int(integer.into())
    }
}

impl From<i32> for Data {
    fn from(integer: i32) -> Self {
        Data::Int(integer.into())
    }
}

impl From<i64> for Data {
    fn from(integer: i64) -> Self {
        Data::Int(integer.into())
    }
}

impl From<u32> for Data {
    fn from(integer: u32) -> Self {
        Data::Int(integer.into())
    }
}

impl From<u64> for Data {
    fn from(integer: u64) -> Self {
        Data::Int(integer.into())
    }
}

impl From<f64> for Data {
    fn from(float: f64) -> Self {
        Data::Float(float)
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Data::Str(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Data::Str(text)
    }
}

impl From<&[u8]> for Data {
    fn from(bytes: &[u8]) -> Self {
        Data::Bytes(bytes.to_owned())
    }
}

impl From<Vec<Data>> for Data {
    fn from(items: Vec<Data>) -> Self {
        Data::List(items)
    }
}

impl From<Map> for Data {
    fn from(map: Map) -> Self {
        Data::Map(map)
    }
}

impl From<Ext> for Data {
    fn from(ext: Ext) -> Self {
        Data::Ext(ext)
    }
}

impl<T: Into<Data>> From<Option<T>> for Data {
    fn from(value: Option<T>) -> Self {
        value.map_or(Data::Nil, Into::into)
    }
}

impl<T: Into<Data>> FromIterator<T> for Data {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Data::List(items.into_iter().map(Into::into).collect())
    }
}

/// A class or a function of Python: where it lives, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs, reason = "this is all that the format stores of a class")]
pub struct Class {
    /// The module, such as `langchain_core.messages.human`.
    pub module: String,
    /// The name in it, such as `HumanMessage`.
    pub name: String,
}

impl Class {
    /// A class of this module and name. Nothing is ever imported or called.
    pub fn new(module: impl Into<String>, name: impl Into<String>) -> Self {
        Self { module: module.into(), name: name.into() }
    }

    /// Whether it is this one.
    pub fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}
