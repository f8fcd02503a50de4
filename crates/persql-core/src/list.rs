//! What adapters' lists of sessions have in common.

/// Which sessions to list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListSessions {
    /// Only ids that begin with this.
    pub prefix: Option<String>,
    /// Only ids that come after this: the last of the page before.
    pub after: Option<String>,
    /// At most so many; 100 unless said otherwise.
    pub limit: usize,
}

impl Default for ListSessions {
    fn default() -> Self {
        Self { prefix: None, after: None, limit: 100 }
    }
}

impl ListSessions {
    /// Only ids that begin with this.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Only ids that come after this: the last of the page before.
    #[must_use]
    pub fn with_after(mut self, session_id: impl Into<String>) -> Self {
        self.after = Some(session_id.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}
