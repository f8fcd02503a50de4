//! The sessions of a provider.

use persql_core::{Result, Row};

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's id.
    pub session_id: String,
    /// How many messages it has, those that cannot be read included.
    pub messages: u64,
    /// When its oldest message was stored, in UTC as `2026-11-21 01:23:22`, if the row says so.
    pub created_at: Option<String>,
    /// When its newest message was stored, likewise.
    pub updated_at: Option<String>,
}

impl SessionInfo {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            session_id: row.get(0)?,
            messages: row.get(1)?,
            // Others may have stored what they liked here.
            created_at: row.get(2).unwrap_or_default(),
            updated_at: row.get(3).unwrap_or_default(),
        })
    }
}
