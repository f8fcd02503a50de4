//! The state of a graph or a swarm of agents.

use persql_core::{Error, Result, json};
use serde::Serialize;

use crate::{
    id,
    json_text::JsonText,
    members::{Members, string},
};

/// The state of a graph or swarm, as `serialize_state` of the framework gives it (strands-agents 1.62).
///
/// A thin view of the JSON: the few fields that decide whether a run goes on, and everything else untouched.
///
/// # Examples
/// ```
/// use persql_strands::MultiAgentState;
/// use serde_json::json;
///
/// # fn main() -> persql_strands::Result<()> {
/// let state = MultiAgentState::encode(&json!({
///     "type": "graph", "id": "g1", "status": "executing", "next_nodes_to_execute": ["review"],
/// }))?;
/// assert_eq!((state.id(), state.kind()), ("g1", Some("graph")));
/// assert!(!state.is_finished());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiAgentState {
    text: JsonText,
    id: String,
    kind: Option<String>,
    status: Option<String>,
    next_nodes: Vec<String>,
}

impl MultiAgentState {
    /// Writes a state as JSON.
    ///
    /// # Errors
    /// As [`new`](MultiAgentState::new).
    pub fn encode<T: Serialize + ?Sized>(state: &T) -> Result<Self> {
        Self::new(JsonText::encode(state)?)
    }

    /// Takes a state that is JSON text already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is no object, or its `id` is missing, no
    /// string or one that holds a `/`.
    pub fn new(text: JsonText) -> Result<Self> {
        let text = text.expect_object("a multi-agent state")?;
        let members = Members::of(text.as_str()).unwrap_or_default();
        let id = members
            .get("id")
            .and_then(string)
            .ok_or_else(|| Error::invalid("a multi-agent state has a string `id`"))?;
        id::check_agent(&id)?;
        let nodes = members.get("next_nodes_to_execute").into_iter().flat_map(json::elements);
        let (kind, status) = (members.get("type").and_then(string), members.get("status").and_then(string));
        let next_nodes = nodes.filter_map(string).collect();
        Ok(Self { id, kind, status, next_nodes, text })
    }

    /// The orchestrator's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `graph` or `swarm`, if the state says so.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// How far the run is: `pending`, `executing`, `completed`, `failed`, `interrupted`.
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// The nodes to run next.
    pub fn next_nodes_to_execute(&self) -> &[String] {
        &self.next_nodes
    }

    /// Whether nothing is left to run: the framework then starts afresh instead of resuming.
    pub fn is_finished(&self) -> bool {
        self.next_nodes.is_empty()
    }

    /// The whole state.
    pub fn text(&self) -> &JsonText {
        &self.text
    }
}
