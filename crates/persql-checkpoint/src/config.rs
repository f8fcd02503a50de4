//! Which checkpoint is meant, and by whom.

use crate::serde::{Data, Map};

/// Names a thread, a namespace in it and a checkpoint: what LangGraph has in `config["configurable"]`.
///
/// # Examples
/// ```
/// use persql_checkpoint::Config;
///
/// let latest = Config::new("thread-1");
/// let one = Config::new("thread-1").checkpoint("1ef4f797-8335-6428-8001-8a1503f9b875");
/// let subgraph = Config::new("thread-1").namespace("child:1");
/// let with_tags = Config::new("thread-1").with("user_id", "ada").with_metadata("tenant", 7);
/// # let _ = (latest, one, subgraph, with_tags);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The thread: one conversation, one run of a graph after another.
    pub thread_id: String,
    /// The graph in it: empty for the outermost. `None` means the outermost, but for [`list`](crate::PerSqlSaver::list)
    /// it means all.
    pub checkpoint_ns: Option<String>,
    /// The checkpoint; `None` or empty is the latest. In a `put`, the parent.
    pub checkpoint_id: Option<String>,
    /// The other entries of `configurable`. Those that are text, numbers or booleans go into the metadata of a `put`.
    pub configurable: Map,
    /// The entries of `metadata`, likewise.
    pub metadata: Map,
}

impl Config {
    /// The outermost graph of a thread, and its latest checkpoint.
    pub fn new(thread_id: impl Into<String>) -> Self {
        Self {
            thread_id: thread_id.into(),
            checkpoint_ns: None,
            checkpoint_id: None,
            configurable: Map::new(),
            metadata: Map::new(),
        }
    }

    /// The same thread, in this namespace.
    #[must_use]
    pub fn namespace(mut self, checkpoint_ns: impl Into<String>) -> Self {
        self.checkpoint_ns = Some(checkpoint_ns.into());
        self
    }

    /// The same thread and namespace, at this checkpoint.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint_id: impl Into<String>) -> Self {
        self.checkpoint_id = Some(checkpoint_id.into());
        self
    }

    /// With one more entry of `configurable`.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Data>) -> Self {
        self.configurable.insert(key.into(), value);
        self
    }

    /// With one more entry of `metadata`.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Data>) -> Self {
        self.metadata.insert(key.into(), value);
        self
    }

    /// The namespace, the outermost if none is named.
    pub(crate) fn ns(&self) -> &str {
        self.checkpoint_ns.as_deref().unwrap_or_default()
    }

    /// The checkpoint, if one is named: an empty id names none.
    pub(crate) fn id(&self) -> Option<&str> {
        self.checkpoint_id.as_deref().filter(|id| !id.is_empty())
    }

    /// With exactly the three keys that a saver returns.
    pub(crate) fn of(thread_id: &str, checkpoint_ns: &str, checkpoint_id: &str) -> Self {
        Self::new(thread_id).namespace(checkpoint_ns).checkpoint(checkpoint_id)
    }
}
