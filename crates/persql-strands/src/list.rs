//! What a list of sessions or agents holds.

use persql_core::{Result, Row};

/// Which sessions to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListSessions {
    /// Only ids that begin with this.
    pub prefix: Option<String>,
    /// Only ids that come after this: the last of the page before.
    pub after: Option<String>,
    /// At most so many; 100 unless said otherwise.
    pub limit: usize,
}

impl Default for ListSessions {
    fn default() -> Self {
        Self { prefix: None, after: None, limit: 100 }
    }
}

impl ListSessions {
    /// Only ids that begin with this.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only ids that come after this: the last of the page before.
    #[must_use]
    pub fn with_after(mut self, session_id: impl Into<String>) -> Self {
        self.after = Some(session_id.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's id.
    pub session_id: String,
    /// When it was made, if the row says so.
    pub created_at: Option<String>,
    /// When it was last changed itself; its agents and messages have times of their own.
    pub updated_at: Option<String>,
    /// How many agents it has.
    pub agents: u64,
    /// How many messages its agents have.
    pub messages: u64,
}

impl SessionInfo {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            session_id: row.get(0)?,
            // Others may have stored what they liked here.
            created_at: row.get(1).unwrap_or_default(),
            updated_at: row.get(2).unwrap_or_default(),
            agents: row.get(3)?,
            messages: row.get(4)?,
        })
    }
}

/// An agent in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentInfo {
    /// The agent's id.
    pub agent_id: String,
    /// When it was made, if the row says so.
    pub created_at: Option<String>,
    /// When its state was last written.
    pub updated_at: Option<String>,
    /// How many messages it has.
    pub messages: u64,
}

impl AgentInfo {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            agent_id: row.get(0)?,
            created_at: row.get(1).unwrap_or_default(),
            updated_at: row.get(2).unwrap_or_default(),
            messages: row.get(3)?,
        })
    }
}
