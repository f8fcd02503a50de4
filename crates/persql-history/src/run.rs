//! One run of an agent, from the provider's point of view.

use std::fmt;

use crate::{History, Message, Tail, approval, options::Options, repair, slice};

/// What a provider knows between the two ends of a run: what it showed, and what it has to store.
///
/// From [`before_run`](crate::PerSqlHistoryProvider::before_run), for
/// [`after_run`](crate::PerSqlHistoryProvider::after_run). A run that fails or is cancelled drops it, and nothing of the
/// run is stored, as in the framework.
#[derive(Clone)]
pub struct Run {
    pub(crate) tail: Tail,
    shown: Vec<Message>,
    inputs: Vec<Message>,
    inputs_are_stored: bool,
    /// Messages of other sources, in the order in which they came.
    context: Vec<(String, Vec<Message>)>,
}

impl Run {
    /// A run that nothing was loaded for.
    pub(crate) fn new(tail: Tail, inputs: Vec<Message>) -> Self {
        Self { tail, shown: Vec::new(), inputs, inputs_are_stored: false, context: Vec::new() }
    }

    /// A run that is shown a history.
    pub(crate) fn with_history(history: History, inputs: Vec<Message>, options: &Options) -> Self {
        let mut shown = approval::without_settled(history.visible.to_vec());
        if options.repair_orphans {
            shown = repair::without_orphans(shown, &inputs);
        }
        let attribution = Attribution::to(&options.source_id);
        let shown = shown.iter().map(|message| attribution.of(message)).collect();
        Self { shown, ..Self::new(history.tail, inputs) }
    }

    pub(crate) fn with_stored_inputs(self, tail: Tail) -> Self {
        Self { tail, inputs_are_stored: true, ..self }
    }

    /// The history, as a model should see it: approvals that are settled are left out, and each message says in its
    /// `_attribution` that it comes from this provider. Empty if the provider does not load messages.
    pub fn messages(&self) -> &[Message] {
        &self.shown
    }

    /// The input of the run.
    pub fn inputs(&self) -> &[Message] {
        &self.inputs
    }

    /// The session, `default` if none was named.
    pub fn session_id(&self) -> &str {
        self.tail.session_id()
    }

    /// Takes note of messages that another source, such as a memory, adds to the run: they are stored if the provider
    /// was told to.
    pub fn add_context(&mut self, source_id: &str, messages: &[Message]) {
        match self.context.iter_mut().find(|(known, _)| known == source_id) {
            Some((_, known)) => known.extend_from_slice(messages),
            None => self.context.push((source_id.to_owned(), messages.to_vec())),
        }
    }

    /// What is to be stored when the run has given these messages: context, input, output, as far as the flags say.
    pub(crate) fn to_store(&self, outputs: &[Message], options: &Options) -> Vec<Message> {
        let mut messages = Vec::new();
        if options.stores_context_of(&options.source_id) {
            messages.extend_from_slice(&self.shown);
        }
        for (source_id, context) in &self.context {
            if options.stores_context_of(source_id) {
                messages.extend_from_slice(context);
            }
        }
        if options.store_inputs && !self.inputs_are_stored {
            messages.extend_from_slice(&self.inputs);
        }
        if options.store_outputs {
            messages.extend_from_slice(outputs);
        }
        messages
    }
}

/// Says of messages where they come from, in marks of their own; what such a mark says already stays.
struct Attribution {
    members: [(&'static str, String); 2],
    /// The mark of a message that has none.
    mark: String,
}

impl Attribution {
    fn to(source_id: &str) -> Self {
        let members = [("source_id", slice::quote(source_id)), ("source_type", "\"PerSqlHistoryProvider\"".to_owned())];
        let mark = members.iter().fold("{}".to_owned(), |mark, (key, value)| slice::with_member(&mark, key, value));
        Self { members, mark }
    }

    fn of(&self, message: &Message) -> Message {
        const KEY: &str = "_attribution";
        match message.property(KEY) {
            None => message.with_property_json(KEY, &self.mark),
            Some(mark) if mark.starts_with('{') => {
                let missing = self.members.iter().filter(|(key, _)| slice::member(mark, key).is_none());
                let mark = missing.fold(mark.to_owned(), |mark, (key, value)| slice::with_member(&mark, key, value));
                message.with_property_json(KEY, &mark)
            }
            Some(_) => message.clone(),
        }
    }
}

impl fmt::Debug for Run {
    /// Without the messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("session_id", &self.session_id())
            .field("messages", &self.shown.len())
            .field("inputs", &self.inputs.len())
            .finish_non_exhaustive()
    }
}
