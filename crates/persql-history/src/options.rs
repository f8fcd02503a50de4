//! What a provider does with messages.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Dedup, Message};

/// A provider's settings, in the framework's names.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) source_id: Arc<str>,
    pub(crate) load_messages: bool,
    pub(crate) store_inputs: bool,
    pub(crate) store_outputs: bool,
    pub(crate) store_context_messages: bool,
    /// `None` is every source but the provider itself.
    pub(crate) store_context_from: Option<BTreeSet<String>>,
    pub(crate) store_inputs_first: bool,
    pub(crate) skip_excluded: bool,
    pub(crate) repair_orphans: bool,
    pub(crate) dedup: Dedup,
    pub(crate) max_messages: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source_id: "persql_history".into(),
            load_messages: true,
            store_inputs: true,
            store_outputs: true,
            store_context_messages: false,
            store_context_from: None,
            store_inputs_first: false,
            skip_excluded: false,
            repair_orphans: false,
            dedup: Dedup::default(),
            max_messages: None,
        }
    }
}

impl Options {
    /// Whether messages of this source are stored as context.
    pub(crate) fn stores_context_of(&self, source_id: &str) -> bool {
        self.store_context_messages
            && match &self.store_context_from {
                Some(sources) => sources.contains(source_id),
                None => source_id != &*self.source_id,
            }
    }

    /// What of the stored messages a caller gets.
    pub(crate) fn visible(&self, stored: &Arc<[Message]>) -> Arc<[Message]> {
        if self.skip_excluded && stored.iter().any(Message::is_excluded) {
            stored.iter().filter(|message| !message.is_excluded()).cloned().collect()
        } else {
            Arc::clone(stored)
        }
    }
}
