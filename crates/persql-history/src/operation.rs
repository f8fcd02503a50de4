//! Writes that are applied once, however often they are tried.

use std::{fmt, sync::Arc};

use persql_core::{Database, Handle, Plan};

use crate::{
    History, Message, PerSqlHistoryProvider, Run, Saved, Tail,
    plan::{self, Place},
};

/// A provider's writes under an operation id: the same id never applies twice in a session, not after a timeout, a
/// cancelled future or a restart.
///
/// From [`PerSqlHistoryProvider::operation`]. The id is recorded in the table `persql_operations` in the write's own
/// transaction. The same id for other messages is refused as a [`Conflict`](crate::ErrorKind::Conflict). Clearing the
/// session forgets its ids.
///
/// # Examples
/// ```
/// use persql_history::{Dedup, Message, blocking::{Database, PerSqlHistoryProvider}};
///
/// # fn main() -> persql_history::Result<()> {
/// let provider = PerSqlHistoryProvider::builder(Database::local(":memory:")?).dedup(Dedup::Off).build()?;
/// for _attempt in 0..3 {
///     provider.operation("run-7").save_messages("ada", &[Message::user("hi")])?;
/// }
/// assert_eq!(provider.count_messages("ada")?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OnceOnly<D: Handle = Database> {
    pub(crate) provider: PerSqlHistoryProvider<D>,
    pub(crate) id: Arc<str>,
}

impl<D: Handle> OnceOnly<D> {
    /// Saves what is new of the messages: see [`PerSqlHistoryProvider::save_messages`]. A later call with the same id
    /// stores nothing and says what the first one stored.
    ///
    /// # Errors
    /// As there, and [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for something else.
    pub fn save_messages<'a>(&self, session_id: impl Into<Option<&'a str>>, messages: &[Message]) -> D::Reply<Saved> {
        self.save_messages_after(&Tail::unknown(self.provider.place(session_id.into())), messages)
    }

    /// Saves what is new of the messages behind an end that is known: see
    /// [`PerSqlHistoryProvider::save_messages_after`].
    ///
    /// # Errors
    /// As [`save_messages`](OnceOnly::save_messages).
    pub fn save_messages_after(&self, tail: &Tail, messages: &[Message]) -> D::Reply<Saved> {
        self.run(&tail.place, plan::save(tail, messages, self.provider.options(), Some(&self.id)))
    }

    /// Stores what the flags say of a run: see [`PerSqlHistoryProvider::after_run`].
    ///
    /// # Errors
    /// As [`save_messages`](OnceOnly::save_messages).
    pub fn after_run(&self, run: &Run, outputs: &[Message]) -> D::Reply<Saved> {
        let plan = plan::after_run(run, outputs, self.provider.options(), Some(&self.id));
        self.run(&run.tail.place, plan)
    }

    /// Puts messages in place of a history: see [`PerSqlHistoryProvider::replace`].
    ///
    /// # Errors
    /// As there, and [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for something else.
    pub fn replace(&self, history: &History, messages: &[Message]) -> D::Reply<()> {
        self.run(&history.tail.place, plan::replace(history, messages, Some(&self.id)))
    }

    fn run<T: Send + 'static>(&self, place: &Place, plan: Plan<T>) -> D::Reply<T> {
        self.provider.run(place, plan.context("operation", Arc::clone(&self.id)))
    }
}

impl<D: Handle> fmt::Debug for OnceOnly<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceOnly").field("operation_id", &self.id).finish_non_exhaustive()
    }
}
