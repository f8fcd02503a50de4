//! Writes that are applied once, however often they are tried.

use std::{fmt, sync::Arc};

use persql_core::{Database, Handle, Plan, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    PerSqlSession, Tail,
    item::{self, Decode, as_text, as_type},
    plan,
};

/// A session's writes under an operation id: the same id never applies twice, not after a timeout, a cancelled future
/// or a restart.
///
/// From [`PerSqlSession::operation`]. The id is recorded in the table `persql_operations` in the write's own
/// transaction; the same id with other content is refused as a
/// [`Conflict`](crate::ErrorKind::Conflict). Deleting the session forgets its ids. The same promise as
/// `applyHistoryTransaction` of the JavaScript SDK (`@openai/agents` 0.20).
///
/// # Examples
/// ```
/// # use persql_agents_session::blocking::{Database, PerSqlSession};
/// # use serde_json::json;
/// # fn main() -> persql_agents_session::Result<()> {
/// let session = PerSqlSession::new(Database::local(":memory:")?, "ada");
/// for _attempt in 0..3 {
///     session.operation("run-7:turn-2").add_items(&[json!({"role": "user", "content": "hi"})])?;
/// }
/// assert_eq!(session.get_items(None)?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct OnceOnly<D: Handle = Database> {
    pub(crate) session: PerSqlSession<D>,
    pub(crate) id: Arc<str>,
}

impl<D: Handle> OnceOnly<D> {
    /// Adds items to the end: see [`PerSqlSession::add_items`]. No items are no operation, and nothing is recorded.
    ///
    /// # Errors
    /// As there, and [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for other items.
    pub fn add_items<T: Serialize>(&self, items: &[T]) -> D::Reply<()> {
        self.run_with(item::encode(items, self.session.session_id()), |texts| {
            plan::add_items_once(self.session.place(), &self.id, texts)
        })
    }

    /// Adds items that are JSON text already: see [`PerSqlSession::add_items_text`].
    ///
    /// # Errors
    /// As there, and [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for other items.
    pub fn add_items_text<T: AsRef<str>>(&self, items: &[T]) -> D::Reply<()> {
        self.run_with(item::check_texts(items, self.session.session_id()), |texts| {
            plan::add_items_once(self.session.place(), &self.id, texts)
        })
    }

    /// Removes the newest item and gives it; a later call with the same id removes nothing and gives the same item.
    ///
    /// That there was nothing to remove is recorded as well. Three requests; one if it was applied already.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if a [`Value`] cannot hold the item. It stays.
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for something else.
    /// [`ErrorKind::TooLarge`](crate::ErrorKind::TooLarge) if the item takes the whole of a row, so that the record of
    /// it would not fit one. It stays.
    pub fn pop_item(&self) -> D::Reply<Option<Value>> {
        self.pop_item_as()
    }

    /// The same as a value of a type of yours.
    ///
    /// # Errors
    /// As [`pop_item`](OnceOnly::pop_item).
    pub fn pop_item_as<T: DeserializeOwned + Send + 'static>(&self) -> D::Reply<Option<T>> {
        self.pop(as_type)
    }

    /// The same as the JSON text that was stored.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) and [`TooLarge`](crate::ErrorKind::TooLarge) as
    /// [`pop_item`](OnceOnly::pop_item).
    pub fn pop_item_text(&self) -> D::Reply<Option<String>> {
        self.pop(as_text)
    }

    /// Puts items in place of the newest ones: see [`PerSqlSession::replace_tail`].
    ///
    /// # Errors
    /// As there, and [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the id was used for something else.
    pub fn replace_tail<T: Serialize>(&self, tail: &Tail, from: usize, items: &[T]) -> D::Reply<()> {
        self.run_with(item::encode(items, self.session.session_id()), |texts| {
            plan::replace_tail_once(self.session.place(), &self.id, tail, from, texts)
        })
    }

    fn run_with<T: Send + 'static>(
        &self,
        texts: Result<Vec<String>>,
        plan: impl FnOnce(Vec<String>) -> Plan<T>,
    ) -> D::Reply<T> {
        self.session.run_with(texts, |texts| plan(texts).context("operation", Arc::clone(&self.id)))
    }

    fn pop<T: Send + 'static>(&self, decode: Decode<T>) -> D::Reply<Option<T>> {
        let plan = plan::pop_once(self.session.place(), &self.id, decode);
        self.session.run(plan.context("operation", Arc::clone(&self.id)))
    }
}

impl<D: Handle> fmt::Debug for OnceOnly<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceOnly").field("session", &self.session).field("operation_id", &self.id).finish()
    }
}
