//! What a checkpoint tells about itself, beside its values.

use persql_core::{Error, ErrorKind, Result};

use crate::{
    Config, json,
    serde::{Data, Map, Serializer},
};

/// A checkpoint's metadata: what wrote it, at which step, and whatever else its writer wants to find it by.
///
/// It is stored as JSON and never encrypted. The keys keep their order.
///
/// # Examples
/// ```
/// use persql_checkpoint::Metadata;
///
/// let metadata = Metadata::new("loop", 3).with("run_id", "run-7");
/// assert_eq!((metadata.source(), metadata.step()), (Some("loop"), Some(3)));
/// assert_eq!(metadata.get("run_id"), Some(&"run-7".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata(Map);

/// Keys of a config that never become metadata (langgraph-checkpoint 4.3, `EXCLUDED_METADATA_KEYS`).
const EXCLUDED: [&str; 9] = [
    "thread_id",
    "checkpoint_id",
    "checkpoint_ns",
    "checkpoint_map",
    "langgraph_step",
    "langgraph_node",
    "langgraph_triggers",
    "langgraph_path",
    "langgraph_checkpoint_ns",
];

/// The updates of each delta channel since its last snapshot, by channel.
const DELTA_COUNTERS: &str = "counters_since_delta_snapshot";

impl Metadata {
    /// The metadata that every checkpoint of LangGraph has. `source` is `input`, `loop`, `update` or `fork`; `step` is
    /// -1 for the input, then 0 and up.
    pub fn new(source: &str, step: i64) -> Self {
        Self(Map::from([("source", Data::from(source)), ("step", step.into()), ("parents", Map::new().into())]))
    }

    /// With this value under this key, in the place of what stood there.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Data>) -> Self {
        self.0.insert(key.into(), value);
        self
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.0.get(key)
    }

    /// What made the checkpoint, if that is text.
    pub fn source(&self) -> Option<&str> {
        self.get("source")?.as_str()
    }

    /// The step, if that is a number.
    pub fn step(&self) -> Option<i64> {
        self.get("step")?.as_i64()
    }

    /// The run that made the checkpoint, if its caller passed one.
    pub fn run_id(&self) -> Option<&str> {
        self.get("run_id")?.as_str()
    }

    /// All entries, in their order.
    pub fn entries(&self) -> &Map {
        &self.0
    }

    /// The metadata that a `put` stores: the caller's, then what the config has to add, as Python's
    /// `get_checkpoint_metadata` merges them.
    pub(crate) fn merged(&self, config: &Config) -> Map {
        let mut merged: Map = self
            .0
            .iter()
            .map(|(key, value)| match value {
                Data::Str(text) => (key.clone(), Data::Str(text.replace('\0', ""))),
                other => (key.clone(), other.clone()),
            })
            .collect();
        for (key, value) in config.metadata.iter().chain(config.configurable.iter()) {
            let Some(name) = key.as_str() else { continue };
            if merged.contains_key(name) || EXCLUDED.contains(&name) || name.starts_with("__") {
                continue;
            }
            match value {
                Data::Str(text) => merged.push(name, text.replace('\0', "")),
                Data::Int(_) | Data::Bool(_) | Data::Float(_) => merged.push(name, value.clone()),
                _ => {}
            }
        }
        merged
    }

    /// The text that a `put` stores.
    pub(crate) fn to_text(&self, config: &Config) -> Result<String> {
        json::to_text(&Data::Map(self.merged(config)))
    }

    /// Reads what is stored. NULL is no metadata, as in Python.
    pub(crate) fn from_text(text: Option<&[u8]>) -> Result<Self> {
        let Some(text) = text else { return Ok(Self::default()) };
        match Serializer::new().loads_typed("json", text)? {
            Data::Map(map) => Ok(Self(map)),
            other => Err(Error::new(
                ErrorKind::Corrupt,
                format!("the stored metadata is {}, not a JSON object", other.type_name()),
            )),
        }
    }

    /// The channels whose values the graph rebuilds from their writes.
    pub(crate) fn delta_channels(&self) -> impl Iterator<Item = &str> {
        let counters = self.get(DELTA_COUNTERS).and_then(Data::as_map);
        counters.into_iter().flat_map(Map::keys).filter_map(Data::as_str)
    }
}

impl From<Map> for Metadata {
    fn from(map: Map) -> Self {
        Self(map)
    }
}

impl From<Metadata> for Map {
    fn from(metadata: Metadata) -> Self {
        metadata.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_text_is_read_whatever_python_wrote() {
        let metadata = Metadata::from_text(Some(br#"{"step": 9223372036854775808, "x": NaN, "s": "\ud800"}"#)).unwrap();
        assert_eq!(metadata.get("step"), Some(&Data::Int(1 << 63)));
        assert!(metadata.get("x").and_then(Data::as_f64).is_some_and(f64::is_nan));
        assert_eq!(metadata.step(), None);
        assert_eq!(Metadata::from_text(None).unwrap(), Metadata::default());
        assert!(Metadata::from_text(Some(b"[]")).is_err());
        assert!(Metadata::from_text(Some(b"{")).is_err());
    }

    #[test]
    fn delta_channels_are_named_by_their_counters() {
        let text = br#"{"counters_since_delta_snapshot": {"messages": [3, 7]}}"#;
        let metadata = Metadata::from_text(Some(text)).unwrap();
        assert_eq!(metadata.delta_channels().collect::<Vec<_>>(), ["messages"]);
        let odd = Metadata::from_text(Some(br#"{"counters_since_delta_snapshot": 3}"#)).unwrap();
        assert_eq!(odd.delta_channels().count(), 0);
    }
}
