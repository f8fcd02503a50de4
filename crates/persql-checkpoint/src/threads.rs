//! Threads in a list.

use std::time::SystemTime;

use persql_core::{Result, Row};

use crate::checkpoint_time;

/// Which threads to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListThreads {
    /// Only ids that begin with this.
    pub prefix: Option<String>,
    /// Only ids that come after this: the last of the page before.
    pub after: Option<String>,
    /// At most so many; 100 unless said otherwise.
    pub limit: usize,
}

impl Default for ListThreads {
    fn default() -> Self {
        Self { prefix: None, after: None, limit: 100 }
    }
}

impl ListThreads {
    /// Only ids that begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only ids that come after this: the last of the page before.
    #[must_use]
    pub fn after(mut self, thread_id: impl Into<String>) -> Self {
        self.after = Some(thread_id.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A thread in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadInfo {
    /// The thread's id.
    pub thread_id: String,
    /// How many checkpoints it has, in all namespaces.
    pub checkpoints: u64,
    /// The greatest id of these: the newest.
    pub newest_checkpoint_id: String,
    /// When that was made, if its id tells.
    pub updated_at: Option<SystemTime>,
}

impl ThreadInfo {
    pub(crate) fn read(row: &Row<'_>) -> Result<Self> {
        let newest_checkpoint_id: String = row.get(2)?;
        Ok(Self {
            thread_id: row.get(0)?,
            checkpoints: row.get(1)?,
            updated_at: checkpoint_time(&newest_checkpoint_id),
            newest_checkpoint_id,
        })
    }
}
