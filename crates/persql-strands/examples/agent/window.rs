//! A conversation manager: the framework's sliding window, in short.

use serde_json::{Value, json};

/// Messages that the model gets to see.
const SIZE: usize = 6;

/// How many of the oldest messages are no longer shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SlidingWindow {
    removed: usize,
}

impl SlidingWindow {
    pub(crate) fn restore(state: &Value) -> Self {
        let removed = state.get("removed_message_count").and_then(Value::as_u64);
        let removed = removed.and_then(|count| usize::try_from(count).ok());
        Self { removed: removed.unwrap_or(0) }
    }

    /// In the framework's form, so that an agent in Python goes on with the same conversation.
    pub(crate) fn state(self) -> Value {
        json!({
            "__name__": "SlidingWindowConversationManager",
            "removed_message_count": self.removed,
            "model_call_count": 0,
        })
    }

    pub(crate) fn removed(self) -> usize {
        self.removed
    }

    /// Drops the oldest messages until the window holds the rest, but never cuts between a tool's use and its result.
    pub(crate) fn trimmed(self, messages: &mut Vec<Value>) -> Self {
        let mut drop = messages.len().saturating_sub(SIZE);
        while drop > 0 && messages.get(drop).is_some_and(has_tool_result) {
            drop += 1;
        }
        messages.drain(..drop);
        Self { removed: self.removed + drop }
    }
}

fn has_tool_result(message: &Value) -> bool {
    let blocks = message.get("content").and_then(Value::as_array);
    blocks.is_some_and(|blocks| blocks.iter().any(|block| block.get("toolResult").is_some()))
}
