//! What a list of sessions or agents holds.

use persql_core::{Result, Row};

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
