//! An agent of a session: its state, and the framework's own.

use persql_core::Result;
use serde::Serialize;

use crate::{id, json_text::JsonText, message::Times, plan::record::Fields};

/// An agent, with the fields of the framework's `SessionAgent` (strands-agents 1.62).
///
/// # Examples
/// ```
/// use persql_strands::SessionAgent;
/// use serde_json::json;
///
/// # fn main() -> persql_strands::Result<()> {
/// let agent = SessionAgent::new("helper").with_state(&json!({"language": "de"}))?;
/// assert_eq!(agent.state.as_str(), r#"{"language":"de"}"#);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionAgent {
    /// The agent's id, unique in its session. It holds no `/`.
    pub agent_id: String,
    /// The user's state: a JSON object.
    pub state: JsonText,
    /// The conversation manager's state: a JSON object. `removed_message_count` in it says how many of the oldest
    /// messages a restored agent leaves out, `summary_message` what stands before the others instead.
    pub conversation_manager_state: JsonText,
    /// The framework's own state (`interrupt_state`, `model_state`): a JSON object.
    pub internal_state: JsonText,
    /// When it was made, in ISO format. `None` lets the database say.
    pub created_at: Option<String>,
    /// When it was last changed, likewise.
    pub updated_at: Option<String>,
}

impl SessionAgent {
    /// What a row of ours holds. Everything else in a row is somebody else's, and stays.
    pub(crate) const FIELDS: [&str; 6] =
        ["agent_id", "state", "conversation_manager_state", "_internal_state", "created_at", "updated_at"];

    /// An agent with this id and empty states.
    pub fn new(agent_id: impl Into<String>) -> Self {
        Self {
            agent_id: agent_id.into(),
            state: JsonText::empty_object(),
            conversation_manager_state: JsonText::empty_object(),
            internal_state: JsonText::empty_object(),
            created_at: None,
            updated_at: None,
        }
    }

    /// The same agent with this user's state.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not written as a JSON object.
    pub fn with_state<T: Serialize + ?Sized>(mut self, state: &T) -> Result<Self> {
        self.state = JsonText::encode(state)?.expect_object("an agent's state")?;
        Ok(self)
    }

    /// The same agent with this state of its conversation manager.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not written as a JSON object.
    pub fn with_conversation_manager_state<T: Serialize + ?Sized>(mut self, state: &T) -> Result<Self> {
        self.conversation_manager_state = JsonText::encode(state)?.expect_object("a conversation manager's state")?;
        Ok(self)
    }

    /// The same agent with this state of the framework's own.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not written as a JSON object.
    pub fn with_internal_state<T: Serialize + ?Sized>(mut self, state: &T) -> Result<Self> {
        self.internal_state = JsonText::encode(state)?.expect_object("an agent's internal state")?;
        Ok(self)
    }

    /// Whether the two hold the same states, byte for byte.
    pub(crate) fn has_states_of(&self, other: &Self) -> bool {
        self.state == other.state
            && self.conversation_manager_state == other.conversation_manager_state
            && self.internal_state == other.internal_state
    }

    pub(crate) fn check(&self) -> Result<()> {
        id::check_agent(&self.agent_id)?;
        for (state, what) in [
            (&self.state, "an agent's state"),
            (&self.conversation_manager_state, "a conversation manager's state"),
            (&self.internal_state, "an agent's internal state"),
        ] {
            state.clone().expect_object(what)?;
        }
        self.times().check()
    }

    pub(crate) fn times(&self) -> Times<'_> {
        Times { created_at: self.created_at.as_deref(), updated_at: self.updated_at.as_deref() }
    }

    /// The row's JSON up to where its times stand.
    pub(crate) fn head(&self) -> Result<String> {
        Ok(format!(
            "{{\"agent_id\":{},\"state\":{},\"conversation_manager_state\":{},\"_internal_state\":{},\"created_at\":",
            JsonText::encode(&self.agent_id)?.as_str(),
            self.state.as_str(),
            self.conversation_manager_state.as_str(),
            self.internal_state.as_str(),
        ))
    }

    pub(crate) fn from_fields(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            agent_id: fields.required_string("agent_id")?,
            state: JsonText::stored(fields.required("state")?),
            conversation_manager_state: JsonText::stored(fields.required("conversation_manager_state")?),
            // Rows of older versions have none.
            internal_state: fields.get("_internal_state").map_or_else(JsonText::empty_object, JsonText::stored),
            created_at: fields.string("created_at")?,
            updated_at: fields.string("updated_at")?,
        })
    }
}
