//! Snapshots: the whole of an agent as one value of a storage.

use persql_core::{Error, ErrorKind, Result};

use crate::{id, json_text::JsonText, plan::record::Fields};

/// What a snapshot is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the framework refuses any other")]
pub enum Scope {
    /// An agent.
    Agent,
    /// A graph or a swarm.
    MultiAgent,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Scope::Agent => "agent",
            Scope::MultiAgent => "multiAgent",
        }
    }
}

/// A snapshot as the framework's `SnapshotSessionManager` writes it (strands-agents 1.62, schema 1.0).
///
/// # Examples
/// ```
/// use persql_strands::{JsonText, Scope, Snapshot};
///
/// # fn main() -> persql_strands::Result<()> {
/// let data = JsonText::new(r#"{"messages": [], "state": {}}"#)?;
/// let snapshot = Snapshot::new(Scope::Agent, "2026-11-21T02:36:08.342562Z", data)?;
/// assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()?)?, snapshot);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// What it is of.
    pub scope: Scope,
    /// When it was taken, in ISO format.
    pub created_at: String,
    /// The agent's messages and states, or `orchestrator_id` and `state`: a JSON object.
    pub data: JsonText,
    /// What the application keeps with it: a JSON object.
    pub app_data: JsonText,
}

const SCHEMA_VERSION: &str = "1.0";

impl Snapshot {
    /// A snapshot of this data.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the data is no object.
    pub fn new(scope: Scope, created_at: impl Into<String>, data: JsonText) -> Result<Self> {
        let data = data.expect_object("a snapshot's data")?;
        Ok(Self { scope, created_at: created_at.into(), data, app_data: JsonText::empty_object() })
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the time cannot be written as JSON, which any text can.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let (data, app_data) = (self.data.as_str(), self.app_data.as_str());
        Ok(format!(
            "{{\"scope\":\"{}\",\"schema_version\":\"{SCHEMA_VERSION}\",\"created_at\":{},\"data\":{data},\"app_data\":{app_data}}}",
            self.scope.name(),
            JsonText::encode(&self.created_at)?.as_str(),
        )
        .into_bytes())
    }

    /// Reads what was stored.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if it is not a snapshot, or one of another schema or scope.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let corrupt = |text: String| Error::new(ErrorKind::Corrupt, text);
        let text = std::str::from_utf8(bytes)
            .map_err(|_| corrupt("Failed to deserialize snapshot: it is not UTF-8".to_owned()))?;
        let fields = Fields::of(text, &"the snapshot")
            .map_err(|error| corrupt(format!("Failed to deserialize snapshot: {error}")))?;
        let version = fields.string("schema_version")?.unwrap_or_default();
        if version != SCHEMA_VERSION {
            return Err(corrupt(format!(
                "Unsupported snapshot schema version: '{version}'. Current version: {SCHEMA_VERSION}"
            )));
        }
        let scope = match fields.string("scope")?.as_deref() {
            None | Some("agent") => Scope::Agent,
            Some("multiAgent") => Scope::MultiAgent,
            Some(other) => {
                return Err(corrupt(format!(
                    "Invalid snapshot scope: '{other}'. Valid scopes: ['agent', 'multiAgent']"
                )));
            }
        };
        Ok(Self {
            scope,
            created_at: fields.required_string("created_at")?,
            data: JsonText::stored(fields.required("data")?),
            app_data: fields.get("app_data").map_or_else(JsonText::empty_object, JsonText::stored),
        })
    }
}

/// The keys under which the framework's `SnapshotSessionManager` keeps a session (strands-agents 1.62).
///
/// # Examples
/// ```
/// use persql_strands::SnapshotKeys;
///
/// # fn main() -> persql_strands::Result<()> {
/// let keys = SnapshotKeys::new("support-42")?;
/// assert_eq!(keys.latest("helper")?, "session/support-42/scopes/agent/helper/snapshots/snapshot_latest.json");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotKeys {
    session: String,
    stash: String,
}

impl SnapshotKeys {
    /// The keys of this session.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it, a blank one, `.` and `..`.
    pub fn new(session_id: &str) -> Result<Self> {
        let keys = Self::in_namespace(session_id)?;
        Ok(Self { session: format!("session/{}", keys.session), ..keys })
    }

    /// The keys of this session in a [`namespace`](crate::PerSqlStorage::namespace) of your own: there the framework
    /// puts no `session/` before them.
    ///
    /// # Errors
    /// As [`new`](SnapshotKeys::new).
    pub fn in_namespace(session_id: &str) -> Result<Self> {
        id::check_session(session_id)?;
        if session_id.trim().is_empty() || [".", ".."].contains(&session_id) {
            return Err(Error::invalid(format!("session_id is not a valid session identifier: '{session_id}'")));
        }
        Ok(Self { session: format!("{session_id}/"), stash: format!("context/{session_id}/") })
    }

    /// What all keys of the session's snapshots begin with.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// What all keys of the session's stash begin with: content that the framework's context manager took out of
    /// messages.
    pub fn stash(&self) -> &str {
        &self.stash
    }

    /// The agent's content under this reference, which stands in a message as `[ref: …]`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it.
    pub fn stashed(&self, agent_id: &str, reference: &str) -> Result<String> {
        id::check_agent(agent_id)?;
        Ok(format!("{}scopes/agent/{agent_id}/{reference}", self.stash))
    }

    /// The agent's latest snapshot.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it.
    pub fn latest(&self, agent_id: &str) -> Result<String> {
        Ok(format!("{}snapshot_latest.json", self.snapshots("agent", agent_id)?))
    }

    /// A snapshot of the agent that is never written again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it, and a snapshot id that is no UUID of version 7.
    pub fn immutable(&self, agent_id: &str, snapshot_id: &str) -> Result<String> {
        if !is_uuid7(snapshot_id) {
            return Err(Error::invalid(format!("'{snapshot_id}' is not a valid snapshot id")));
        }
        Ok(format!("{}snapshot_{snapshot_id}.json", self.history(agent_id)?))
    }

    /// What the keys of all such snapshots of the agent begin with.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it.
    pub fn history(&self, agent_id: &str) -> Result<String> {
        Ok(format!("{}immutable_history/", self.snapshots("agent", agent_id)?))
    }

    /// The latest snapshot of a graph or swarm.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for an id with a `/` in it.
    pub fn multi_agent_latest(&self, orchestrator_id: &str) -> Result<String> {
        Ok(format!("{}snapshot_latest.json", self.snapshots("multiAgent", orchestrator_id)?))
    }

    /// The snapshot id in such a key, if it is one of an immutable snapshot.
    pub fn snapshot_id(key: &str) -> Option<&str> {
        let (_, name) = key.rsplit_once("/immutable_history/snapshot_")?;
        name.strip_suffix(".json").filter(|id| is_uuid7(id))
    }

    fn snapshots(&self, scope: &str, id: &str) -> Result<String> {
        id::check_agent(id)?;
        Ok(format!("{}scopes/{scope}/{id}/snapshots/", self.session))
    }
}

/// Lower case, as the framework writes them.
fn is_uuid7(id: &str) -> bool {
    let bytes = id.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            14 => *byte == b'7',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_refuse_what_the_framework_refuses() {
        for bad in ["", " ", ".", "..", "a/b"] {
            assert!(SnapshotKeys::new(bad).is_err(), "{bad:?}");
        }
        let keys = SnapshotKeys::new("s").unwrap();
        assert_eq!(keys.stashed("a", "tool-1_0").unwrap(), "context/s/scopes/agent/a/tool-1_0");
        assert!(keys.stashed("a/b", "tool-1_0").is_err());
        let scoped = SnapshotKeys::in_namespace("s").unwrap();
        assert_eq!(scoped.latest("a").unwrap(), "s/scopes/agent/a/snapshots/snapshot_latest.json");
        let id = "019aa3b4-8f6b-7a21-9c1e-0123456789ab";
        let key = keys.immutable("a", id).unwrap();
        assert_eq!(SnapshotKeys::snapshot_id(&key), Some(id));
        assert_eq!(SnapshotKeys::snapshot_id(&keys.latest("a").unwrap()), None);
        for bad in ["", "x", &id.to_uppercase(), "019aa3b4-8f6b-4a21-9c1e-0123456789ab", &format!("{id}\n")] {
            assert!(keys.immutable("a", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_snapshot_is_refused_with_the_frameworks_text() {
        for (text, message) in [
            ("[]", "Failed to deserialize snapshot"),
            ("{", "Failed to deserialize snapshot"),
            ("{}", "Unsupported snapshot schema version: ''. Current version: 1.0"),
            (
                r#"{"schema_version":"1.0","scope":"x"}"#,
                "Invalid snapshot scope: 'x'. Valid scopes: ['agent', 'multiAgent']",
            ),
            (r#"{"schema_version":"1.0","created_at":"x"}"#, "the snapshot cannot be read: its `data` is missing"),
        ] {
            let error = Snapshot::from_bytes(text.as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
