//! Which checkpoints to list.

use crate::{
    Config,
    serde::{Data, Map},
};

/// What [`list`](crate::PerSqlSaver::list) gives: everything unless said otherwise, newest first.
///
/// # Examples
/// ```
/// use persql_checkpoint::{Config, ListOptions};
///
/// let loops = ListOptions::default().filter("source", "loop").limit(10);
/// let older = ListOptions::default().before(&Config::new("t").checkpoint("1ef4f797-8335-6428-8001-8a1503f9b875"));
/// # let _ = (loops, older);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListOptions {
    /// Only checkpoints whose metadata has these values under these keys.
    pub filter: Map,
    /// Only checkpoints whose id comes before this one's.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
}

impl ListOptions {
    /// Only checkpoints whose metadata has this value under this key, by the rules of Python's `==`: `true` is 1 is
    /// 1.0, nested maps do not care for order, and NaN equals nothing. `None` is equal to a key that is missing.
    #[must_use]
    pub fn filter(mut self, key: impl Into<String>, value: impl Into<Data>) -> Self {
        self.filter.insert(key.into(), value);
        self
    }

    /// Only checkpoints whose id comes before the config's. One without a checkpoint id restricts nothing.
    #[must_use]
    pub fn before(mut self, config: &Config) -> Self {
        self.before = config.id().map(str::to_owned);
        self
    }

    /// At most so many.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<Option<usize>>) -> Self {
        self.limit = limit.into();
        self
    }
}
