//! A session: what agents, messages and multi-agent states belong to.

use persql_core::Result;

use crate::{id, json_text::JsonText, message::Times, plan::record::Fields};

/// A session, with the fields of the framework's `Session` (strands-agents 1.62).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The session's id. It holds no `/`.
    pub session_id: String,
    /// `AGENT` is the only type that the framework knows.
    pub session_type: String,
    /// When it was made, in ISO format. `None` lets the database say.
    pub created_at: Option<String>,
    /// When it was last changed, likewise.
    pub updated_at: Option<String>,
}

impl Session {
    /// A session with this id.
    pub fn new(session_id: impl Into<String>) -> Self {
        Self { session_id: session_id.into(), session_type: "AGENT".to_owned(), created_at: None, updated_at: None }
    }

    pub(crate) fn check(&self) -> Result<()> {
        id::check_session(&self.session_id)?;
        self.times().check()
    }

    pub(crate) fn times(&self) -> Times<'_> {
        Times { created_at: self.created_at.as_deref(), updated_at: self.updated_at.as_deref() }
    }

    /// The row's JSON up to where its times stand.
    pub(crate) fn head(&self) -> Result<String> {
        let (id, kind) = (JsonText::encode(&self.session_id)?, JsonText::encode(&self.session_type)?);
        Ok(format!("{{\"session_id\":{},\"session_type\":{},\"created_at\":", id.as_str(), kind.as_str()))
    }

    pub(crate) fn from_fields(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            session_id: fields.required_string("session_id")?,
            session_type: fields.required_string("session_type")?,
            created_at: fields.string("created_at")?,
            updated_at: fields.string("updated_at")?,
        })
    }
}
