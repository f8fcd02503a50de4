//! What the manager knows of an agent between two calls.

use std::{fmt, sync::Arc};

use persql_core::{Error, Result};
use serde::de::DeserializeOwned;

use crate::{
    SessionAgent,
    json_text::JsonText,
    members::{Members, string},
};

/// What is known to be stored of one agent: its newest message, and its state as it was last written.
///
/// [`PerSqlSessionManager::initialize`](crate::PerSqlSessionManager::initialize) gives the first one; every operation
/// takes one and gives the next. An operation that fails gives none, so the old one stays right and the operation can
/// be tried again with it. Cheap to clone.
#[derive(Clone)]
pub struct Tracked {
    pub(crate) agent_id: Arc<str>,
    /// The greatest message id that was ever seen. It may be greater than that of the latest message, if the
    /// conversation manager has removed all messages.
    pub(crate) newest_id: Option<i64>,
    pub(crate) latest: Option<Latest>,
    /// The agent as it was last written.
    pub(crate) synced: Option<SessionAgent>,
}

/// The latest message, and the ids of all records that hold this very message.
#[derive(Clone)]
pub(crate) struct Latest {
    pub(crate) message: JsonText,
    pub(crate) ids: Vec<i64>,
}

impl Tracked {
    pub(crate) fn new(agent_id: &str) -> Self {
        Self { agent_id: agent_id.into(), newest_id: None, latest: None, synced: None }
    }

    /// The agent's id.
    pub fn agent_id(&self) -> &str {
        &self.agent_id
    }

    /// The id of the latest message, if there is one.
    pub fn latest_message_id(&self) -> Option<i64> {
        self.latest.as_ref().and_then(|latest| latest.ids.last()).copied()
    }

    /// The id that the next message gets.
    pub fn next_message_id(&self) -> i64 {
        self.newest_id.map_or(0, |id| id.saturating_add(1))
    }

    /// Takes note of a message that is stored.
    pub(crate) fn saw(&mut self, message_id: i64, message: &JsonText) {
        self.newest_id = self.newest_id.max(Some(message_id));
        match &mut self.latest {
            // A prompt that was tried again is the same message in two records.
            Some(latest) if latest.message == *message && tracking_id(message).is_some() => {
                latest.ids.push(message_id);
            }
            latest => *latest = Some(Latest { message: message.clone(), ids: vec![message_id] }),
        }
    }
}

/// Refuses an agent with the id of one that is tracked, as the framework does.
pub(crate) fn check_unique<'a>(others: impl IntoIterator<Item = &'a Tracked>, agent: &SessionAgent) -> Result<()> {
    if others.into_iter().any(|other| *other.agent_id == *agent.agent_id) {
        return Err(Error::invalid("The `agent_id` of an agent must be unique in a session."));
    }
    Ok(())
}

/// The durable id that the framework gives a message.
pub(crate) fn tracking_id(message: &JsonText) -> Option<String> {
    Members::of(message.as_str())?.get("tracking_id").and_then(string)
}

impl fmt::Debug for Tracked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracked")
            .field("agent_id", &self.agent_id)
            .field("latest_message_id", &self.latest_message_id())
            .field("next_message_id", &self.next_message_id())
            .finish_non_exhaustive()
    }
}

/// An agent as a restart finds it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Restored {
    /// What the next operation takes.
    pub tracked: Tracked,
    /// The stored agent; for a new one what was given.
    pub agent: SessionAgent,
    /// The messages that the model gets to see: the conversation manager's summary first if it keeps one, then all but
    /// those that it has removed, with redactions applied and tool use repaired.
    pub messages: Vec<JsonText>,
    /// Whether the agent was not there before.
    pub is_new: bool,
}

impl Restored {
    /// The messages as values of a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the position, if the type cannot hold one.
    pub fn messages_as<M: DeserializeOwned + Send>(&self) -> Result<Vec<M>> {
        let decode = |(position, message): (usize, &JsonText)| {
            message.decode().map_err(|error| error.context("position", position))
        };
        self.messages.iter().enumerate().map(decode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_message_counts_as_tried_again() {
        let message = |text: &str| JsonText::new(text).unwrap();
        let mut tracked = Tracked::new("a");
        assert_eq!((tracked.latest_message_id(), tracked.next_message_id()), (None, 0));
        tracked.saw(0, &message(r#"{"content":"hi"}"#));
        tracked.saw(1, &message(r#"{"content":"hi"}"#));
        assert_eq!(tracked.latest.as_ref().unwrap().ids, [1]);
        tracked.saw(2, &message(r#"{"content":"hi","tracking_id":"x"}"#));
        tracked.saw(3, &message(r#"{"content":"hi","tracking_id":"x"}"#));
        assert_eq!(tracked.latest.as_ref().unwrap().ids, [2, 3]);
        assert_eq!((tracked.latest_message_id(), tracked.next_message_id()), (Some(3), 4));
    }
}
