//! The newest items as they were, to be replaced if they still are.

use std::fmt;

use persql_core::Result;
use serde::de::DeserializeOwned;

use crate::item::{Stored, as_type};

/// The newest items of a session at the moment they were read: what compaction works on.
///
/// From [`PerSqlSession::tail`](crate::PerSqlSession::tail), for
/// [`PerSqlSession::replace_tail`](crate::PerSqlSession::replace_tail).
#[derive(Clone)]
pub struct Tail {
    /// Ids and texts, oldest first; all of them JSON.
    pub(crate) rows: Vec<(i64, String)>,
    pub(crate) complete: bool,
}

impl Tail {
    /// The number of items.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the session has no items.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether this is the whole session: nothing older exists.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The items as they are stored, oldest first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(_, text)| text.as_str())
    }

    /// The items as values of a type of yours, oldest first.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if the type cannot hold an item.
    pub fn items_as<T: DeserializeOwned + Send>(&self) -> Result<Vec<T>> {
        // Every text is JSON, so none is left out.
        self.rows.iter().filter_map(|(id, text)| as_type(&Stored::new(*id, text)).transpose()).collect()
    }

    /// The items from this position on.
    pub(crate) fn from(&self, position: usize) -> Option<&[(i64, String)]> {
        self.rows.get(position..)
    }

    pub(crate) fn last_id(&self) -> i64 {
        self.rows.last().map_or(0, |(id, _)| *id)
    }
}

impl fmt::Debug for Tail {
    /// Without the items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("len", &self.len()).field("complete", &self.complete).finish_non_exhaustive()
    }
}
