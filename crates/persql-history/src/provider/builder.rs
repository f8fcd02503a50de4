//! A provider's settings, step by step.

use std::{fmt, sync::Arc};

use persql_core::{Error, Handle, Result};

use super::PerSqlHistoryProvider;
use crate::{Dedup, options::Options, sql::Texts};

/// Configures a [`PerSqlHistoryProvider`]. The names and defaults are the framework's.
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<D: Handle> {
    pub(super) db: D,
    pub(super) messages_table: String,
    pub(super) create_tables: bool,
    pub(super) options: Options,
}

impl<D: Handle> Builder<D> {
    /// What messages of this provider are attributed to. The default is `persql_history`. Providers that share a table
    /// share its sessions, whatever their source ids: give each a table of its own to keep them apart.
    pub fn source_id(mut self, source_id: impl Into<Arc<str>>) -> Self {
        self.options.source_id = source_id.into();
        self
    }

    /// Whether runs are shown the history. The default is true.
    pub fn load_messages(mut self, load: bool) -> Self {
        self.options.load_messages = load;
        self
    }

    /// Whether a run's input is stored. The default is true.
    pub fn store_inputs(mut self, store: bool) -> Self {
        self.options.store_inputs = store;
        self
    }

    /// Whether a run's output is stored. The default is true.
    pub fn store_outputs(mut self, store: bool) -> Self {
        self.options.store_outputs = store;
        self
    }

    /// Whether the messages that other sources added to a run are stored. The default is false.
    pub fn store_context_messages(mut self, store: bool) -> Self {
        self.options.store_context_messages = store;
        self
    }

    /// The sources whose messages are stored if context messages are. The default is all but the provider itself.
    pub fn store_context_from<S: Into<String>>(mut self, source_ids: impl IntoIterator<Item = S>) -> Self {
        self.options.store_context_from = Some(source_ids.into_iter().map(Into::into).collect());
        self
    }

    /// Whether a run's input is stored before the run, so that a run which fails or is cancelled leaves it behind. The
    /// default is false, as in the framework. The context is then stored behind the input.
    pub fn store_inputs_first(mut self, first: bool) -> Self {
        self.options.store_inputs_first = first;
        self
    }

    /// Whether messages are left out of what is loaded that compaction has marked as excluded. The default is false.
    pub fn skip_excluded(mut self, skip: bool) -> Self {
        self.options.skip_excluded = skip;
        self
    }

    /// Whether tool calls without a result, and results without a call, are left out of what is loaded: models refuse a
    /// history that has them. The default is false. A call that the input of the run answers stays.
    pub fn repair_orphans(mut self, repair: bool) -> Self {
        self.options.repair_orphans = repair;
        self
    }

    /// How a save treats messages that are stored already. The default is the framework's rule.
    pub fn dedup(mut self, dedup: Dedup) -> Self {
        self.options.dedup = dedup;
        self
    }

    /// How many messages of a session are kept: each save deletes older ones. The default is all; 0 stores nothing.
    pub fn max_messages(mut self, most: impl Into<Option<usize>>) -> Self {
        self.options.max_messages = most.into();
        self
    }

    /// The table of messages. The default is `agent_framework_messages`.
    pub fn messages_table(mut self, name: impl Into<String>) -> Self {
        self.messages_table = name.into();
        self
    }

    /// Whether the first write may create the table. True unless said otherwise; without it a write to a table that is
    /// not there fails.
    pub fn create_tables(mut self, create: bool) -> Self {
        self.create_tables = create;
        self
    }

    /// Makes the provider. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the table's name is empty, too long or reserved,
    /// or if the source id is empty.
    pub fn build(self) -> Result<PerSqlHistoryProvider<D>> {
        if self.options.source_id.is_empty() {
            return Err(Error::invalid("a source id cannot be empty"));
        }
        let texts = Texts::new(&self.messages_table, self.create_tables)?;
        Ok(PerSqlHistoryProvider { db: self.db, texts, options: Arc::new(self.options), owns_client: false })
    }
}

impl<D: Handle> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("messages_table", &self.messages_table)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
