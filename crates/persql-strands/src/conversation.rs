//! What the framework's conversation managers leave in an agent's record.

use persql_core::{Error, ErrorKind, Result};

use crate::{
    json_text::JsonText,
    members::{Members, string},
};

/// The parts of a conversation manager's state that decide what a restored agent sees (strands-agents 1.62).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conversation {
    /// The class of the manager.
    name: Option<String>,
    /// How many of the oldest stored messages are left out: a count of records, not an id.
    pub(crate) removed: usize,
    /// What stands before the others, as the summarizing manager has it.
    pub(crate) prefix: Option<JsonText>,
}

impl Conversation {
    /// Reads a state that is a JSON object.
    pub(crate) fn of(state: &JsonText) -> Self {
        let members = Members::of(state.as_str()).unwrap_or_default();
        Self {
            name: members.get("__name__").and_then(string),
            removed: members.get("removed_message_count").and_then(|text| text.parse().ok()).unwrap_or(0),
            prefix: members.get("summary_message").filter(|text| text.starts_with('{')).map(JsonText::stored),
        }
    }

    /// Refuses to restore the state of another class, as the framework does.
    pub(crate) fn check_restored_by(&self, own: &Self) -> Result<()> {
        match (&self.name, &own.name) {
            (Some(stored), Some(own)) if stored != own => {
                Err(Error::new(ErrorKind::Conflict, "Invalid conversation manager state."))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Conversation {
        Conversation::of(&JsonText::new(text).unwrap())
    }

    #[test]
    fn what_is_not_there_counts_nothing() {
        for text in ["{}", r#"{"removed_message_count": -3}"#, r#"{"removed_message_count": "3"}"#, "[]"] {
            assert_eq!(of(text), Conversation::default(), "{text}");
        }
        let full = of(r#"{"__name__":"S","summary_message":{"role":"user"},"removed_message_count":4}"#);
        assert_eq!((full.removed, full.prefix.unwrap().as_str()), (4, r#"{"role":"user"}"#));
        assert!(of(r#"{"summary_message":null}"#).prefix.is_none());
    }

    #[test]
    fn another_class_is_refused() {
        let (a, b) = (of(r#"{"__name__":"A"}"#), of(r#"{"__name__":"B"}"#));
        assert_eq!(a.check_restored_by(&b).unwrap_err().to_string(), "Invalid conversation manager state.");
        assert!(a.check_restored_by(&a).is_ok() && a.check_restored_by(&of("{}")).is_ok());
    }
}
