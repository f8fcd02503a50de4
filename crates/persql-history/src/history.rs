//! A history that was loaded.

use std::{fmt, slice, sync::Arc};

use crate::{Message, Tail};

/// The messages of a session, oldest first, and what the provider needs to save behind them in one request.
///
/// From [`get_messages`](crate::PerSqlHistoryProvider::get_messages). Cheap to clone.
#[derive(Clone)]
pub struct History {
    pub(crate) visible: Arc<[Message]>,
    pub(crate) stored: Arc<[Message]>,
    /// The rows of the stored messages.
    pub(crate) ids: Arc<[i64]>,
    pub(crate) tail: Tail,
}

impl History {
    /// The messages.
    pub fn messages(&self) -> &[Message] {
        &self.visible
    }

    /// All messages that are stored, also those that the provider leaves out: what [`replace`] goes by.
    ///
    /// [`replace`]: crate::PerSqlHistoryProvider::replace
    pub fn stored_messages(&self) -> &[Message] {
        &self.stored
    }

    /// The messages, to be kept.
    pub fn into_messages(self) -> Vec<Message> {
        self.visible.to_vec()
    }

    /// The messages, one by one.
    pub fn iter(&self) -> slice::Iter<'_, Message> {
        self.visible.iter()
    }

    /// How many messages there are. Those that the provider leaves out do not count.
    pub fn len(&self) -> usize {
        self.visible.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.visible.is_empty()
    }

    /// The session, `default` if none was named.
    pub fn session_id(&self) -> &str {
        self.tail.session_id()
    }

    /// The end of the history, for [`save_messages_after`](crate::PerSqlHistoryProvider::save_messages_after).
    pub fn tail(&self) -> &Tail {
        &self.tail
    }
}

impl<'a> IntoIterator for &'a History {
    type Item = &'a Message;
    type IntoIter = slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for History {
    /// Without the messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("session_id", &self.session_id())
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
