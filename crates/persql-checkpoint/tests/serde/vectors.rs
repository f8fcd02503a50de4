//! The vectors of `tests/vectors/langgraph.json`, as Rust values.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "only tests use this")]

use std::{fs, path::Path, sync::LazyLock};

use persql_checkpoint::Data;
use persql_checkpoint::serde::{Ext, Map};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(crate) struct Vectors {
    pub(crate) cases: Vec<Case>,
    pub(crate) encrypted: Vec<Encrypted>,
    pub(crate) read_only: Vec<Case>,
    #[serde(deserialize_with = "each_hex")]
    pub(crate) refused: Vec<Vec<u8>>,
    pub(crate) depths: Depths,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) tag: String,
    #[serde(rename = "hex", deserialize_with = "hex")]
    pub(crate) bytes: Vec<u8>,
    #[serde(deserialize_with = "described")]
    pub(crate) value: Data,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Encrypted {
    pub(crate) name: String,
    pub(crate) tag: String,
    pub(crate) key: String,
    #[serde(rename = "hex", deserialize_with = "hex")]
    pub(crate) bytes: Vec<u8>,
    #[serde(deserialize_with = "described")]
    pub(crate) value: Data,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Depths {
    pub(crate) read: usize,
    pub(crate) written: usize,
}

/// The vectors, read once.
pub(crate) static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/langgraph.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
});

/// What Python wrote under this name.
pub(crate) fn golden(name: &str) -> Data {
    let case = VECTORS.cases.iter().find(|case| case.name == name);
    case.map(|case| case.value.clone()).unwrap_or_else(|| panic!("no {name}"))
}

/// Bytes from words of hexadecimal digits, where `ff*3` is three times `ff`.
pub(crate) fn unhex(words: &str) -> Vec<u8> {
    let bytes = |word: &str| {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(byte).collect::<Vec<_>>().repeat(times.parse().unwrap())
    };
    words.split_whitespace().flat_map(bytes).collect()
}

/// Shows every extension in a value, at any depth.
pub(crate) fn each_ext(data: &Data, see: &mut dyn FnMut(&Data)) {
    match data {
        Data::List(items) => items.iter().for_each(|item| each_ext(item, see)),
        Data::Map(map) => map.values().for_each(|value| each_ext(value, see)),
        Data::Ext(ext) => {
            see(data);
            each_ext(&Data::from_msgpack(&ext.data).unwrap(), see);
        }
        _ => {}
    }
}

/// The value that a description means.
fn describe(value: &Value) -> Data {
    let text = |key: &str| value[key].as_str();
    match value {
        Value::Null => Data::Nil,
        Value::Bool(truth) => Data::Bool(*truth),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(describe).collect(),
        _ if value.get("map").is_some() => {
            let pairs = value["map"].as_array().unwrap().iter();
            pairs.map(|pair| (describe(&pair[0]), describe(&pair[1]))).collect::<Map>().into()
        }
        _ if value.get("ext").is_some() => {
            let code = i8::try_from(value["ext"].as_i64().unwrap()).unwrap();
            let bytes = text("raw").map_or_else(|| describe(&value["of"]).to_msgpack().unwrap(), unhex);
            Ext::new(code, bytes).into()
        }
        _ if value.get("repeat").is_some() => {
            let times = usize::try_from(value["repeat"][1].as_u64().unwrap()).unwrap();
            value["repeat"][0].as_str().unwrap().repeat(times).into()
        }
        _ => match (text("int"), text("float"), text("bytes")) {
            (Some(int), _, _) => Data::Int(int.parse().unwrap()),
            (_, Some(bits), _) => Data::Float(f64::from_bits(u64::from_str_radix(bits, 16).unwrap())),
            (_, _, Some(bytes)) => Data::Bytes(unhex(bytes)),
            _ => panic!("a description of nothing: {value}"),
        },
    }
}

fn described<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
    Value::deserialize(deserializer).map(|value| describe(&value))
}

fn hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(|words| unhex(&words))
}

fn each_hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
    Vec::<String>::deserialize(deserializer).map(|all| all.iter().map(|words| unhex(words)).collect())
}
