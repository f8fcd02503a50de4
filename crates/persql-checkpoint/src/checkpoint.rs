//! The checkpoint itself: a graph's state at one point.

use persql_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::serde::{Data, Map, from_data, shown};

/// A graph's state at one point, as LangGraph stores it. Versions 1 to 4 of the format are read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The version of the format: 4 is what LangGraph 1.2 writes.
    pub v: i64,
    /// When it was made, as in ISO 8601.
    pub ts: String,
    /// The id, which grows with time: a UUID of version 6.
    pub id: String,
    /// The value of each channel.
    pub channel_values: Map,
    /// The version of each channel: text from the SQL savers, integers from JavaScript, floats from old versions.
    pub channel_versions: Map,
    /// For each node, the version of each channel that it has seen.
    pub versions_seen: Map,
    /// The channels that this checkpoint changed; `None` where that was not said.
    pub updated_channels: Option<Vec<String>>,
    /// What versions before 4 kept here and version 4 keeps in the channel `__pregel_tasks`: the `Send`s to be done.
    /// `None` where there is no such key. See [`Checkpoint::migrate`].
    pub pending_sends: Option<Vec<Data>>,
    /// Keys that this crate does not know, as they were.
    pub rest: Map,
}

/// The channel of the `Send`s that are to be done.
pub(crate) const TASKS: &str = "__pregel_tasks";

impl Checkpoint {
    /// The newest version of the format that is read, and the one that new checkpoints have.
    pub const LATEST: i64 = 4;

    /// A checkpoint without channels.
    pub fn new(id: impl Into<String>, ts: impl Into<String>) -> Self {
        Self {
            v: Self::LATEST,
            ts: ts.into(),
            id: id.into(),
            channel_values: Map::new(),
            channel_versions: Map::new(),
            versions_seen: Map::new(),
            updated_channels: None,
            pending_sends: None,
            rest: Map::new(),
        }
    }

    /// The value of a channel as a type of yours; `None` if the channel has no value.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] with the checkpoint and the channel, if the value does not fit the type.
    pub fn channel<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let value = self.channel_values.get(name).map(from_data).transpose();
        value.map_err(|error: Error| error.context("checkpoint", shown(&self.id)).context("channel", shown(name)))
    }

    /// The greatest of the channels' versions: the last of the texts, or the greatest number. `None` if there is none,
    /// or if texts and numbers stand beside each other.
    pub fn max_version(&self) -> Option<&Data> {
        let versions = || self.channel_versions.values();
        if versions().all(|version| version.as_str().is_some()) {
            return versions().max_by_key(|version| version.as_str());
        }
        let number = |version: &Data| version.as_f64().or_else(|| version.as_i64().map(|integer| integer as f64));
        if !versions().all(|version| number(version).is_some()) {
            return None;
        }
        versions().max_by(|a, b| number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default()))
    }

    /// Moves pending sends to where version 4 has them: into the channel `__pregel_tasks`, which gets the greatest
    /// version. LangGraph does the same when it loads a checkpoint. Version 4 and checkpoints without any stay as they
    /// are; `v` does too, since the graph still has to rename the channels of versions 1 and 2, of which only it knows.
    ///
    /// `from_parent` are the values of the parent's writes to `__pregel_tasks`: since version 2 that is where they are
    /// stored. A saver's reads have moved those already, so that only what stands in `pending_sends` is left to move.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if there are sends and versions of channels that cannot be compared.
    pub fn migrate(&mut self, from_parent: Vec<Data>) -> Result<()> {
        if self.v >= 4 {
            return Ok(());
        }
        // An empty list stays what it is, as in Python.
        let mut sends = self.pending_sends.take_if(|sends| !sends.is_empty()).unwrap_or_default();
        sends.extend(from_parent);
        if sends.is_empty() {
            return Ok(());
        }
        let version = match self.max_version() {
            Some(version) => version.clone(),
            // The first version of all.
            None if self.channel_versions.is_empty() => Data::Int(1),
            None => {
                let message = "a checkpoint with pending sends has versions of channels that cannot be compared";
                return Err(Error::new(ErrorKind::Corrupt, message).context("checkpoint", shown(&self.id)));
            }
        };
        self.channel_values.insert(TASKS, sends);
        self.channel_versions.insert(TASKS, version);
        Ok(())
    }

    /// The checkpoint that a stored value is.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if a key is missing or holds something else. [`ErrorKind::Unsupported`] if the version is
    /// newer than [`Checkpoint::LATEST`].
    pub fn from_data(data: Data) -> Result<Self> {
        let Data::Map(mut rest) = data else { return Err(wrong("is no map")) };
        let Some(v) = rest.remove("v").as_ref().and_then(Data::as_i64) else { return Err(wrong("has no `v`")) };
        if v > Self::LATEST {
            let message = "a stored checkpoint has a newer version of the format than this crate knows";
            return Err(Error::new(ErrorKind::Unsupported, message).context("v", v));
        }
        let text = |value: Option<Data>, missing| match value {
            Some(Data::Str(text)) => Ok(text),
            _ => Err(wrong(missing)),
        };
        let map = |value: Option<Data>, missing| match value {
            Some(Data::Map(map)) => Ok(map),
            _ => Err(wrong(missing)),
        };
        Ok(Self {
            v,
            ts: text(rest.remove("ts"), "has no `ts`")?,
            id: text(rest.remove("id"), "has no `id`")?,
            channel_values: map(rest.remove("channel_values"), "has no `channel_values`")?,
            channel_versions: map(rest.remove("channel_versions"), "has no `channel_versions`")?,
            versions_seen: map(rest.remove("versions_seen"), "has no `versions_seen`")?,
            updated_channels: match rest.remove("updated_channels") {
                None | Some(Data::Nil) => None,
                Some(names) => Some(from_data(&names).map_err(|_| wrong("has `updated_channels` that are no texts"))?),
            },
            pending_sends: match rest.remove("pending_sends") {
                None | Some(Data::Nil) => None,
                Some(Data::List(sends)) => Some(sends),
                Some(_) => return Err(wrong("has `pending_sends` that are no list")),
            },
            rest,
        })
    }

    /// The value that is stored: the keys in the order of LangGraph, then those that this crate does not know.
    pub fn into_data(self) -> Data {
        let mut map = Map::new();
        map.push("v", self.v);
        map.push("ts", self.ts);
        map.push("id", self.id);
        map.push("channel_values", self.channel_values);
        map.push("channel_versions", self.channel_versions);
        map.push("versions_seen", self.versions_seen);
        if let Some(sends) = self.pending_sends {
            map.push("pending_sends", sends);
        }
        map.push("updated_channels", self.updated_channels.map(Data::from_iter));
        for (key, value) in self.rest {
            map.push(key, value);
        }
        map.into()
    }
}

fn wrong(how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored checkpoint {how}"))
}
