//! One conversation: the session that the Agents SDK knows.

use std::{fmt, sync::Arc};

use persql_core::{Database, Handle, Open, Plan, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Limit, OnceOnly, SessionSettings, Tail,
    item::{self, as_text, as_type},
    plan::{self, Place},
    sql::Texts,
};

/// A conversation that survives restarts, in the tables of the Agents SDK's `SQLiteSession` (openai-agents 0.24).
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. Items are in the order in which they were added. A write is done as a whole or not at all. The session can
/// be used from several places at once, Python's included. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_agents_session::blocking::{Database, PerSqlSession};
/// use serde_json::json;
///
/// # fn main() -> persql_agents_session::Result<()> {
/// let session = PerSqlSession::new(Database::local(":memory:")?, "ada");
/// session.add_items(&[json!({"role": "user", "content": "My name is Ada."})])?;
/// session.add_items(&[json!({"role": "assistant", "content": "Hello, Ada."})])?;
///
/// assert_eq!(session.get_items(None)?.len(), 2);
/// assert_eq!(session.get_items(1)?[0]["content"], "Hello, Ada.");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlSession<D: Handle = Database> {
    db: D,
    place: Place,
    settings: SessionSettings,
    /// Whether the session made the client itself.
    owns_client: bool,
}

impl<D: Handle> PerSqlSession<D> {
    /// The session with this id in this database. No I/O: the first write creates the tables.
    pub fn new(db: D, session_id: impl Into<Arc<str>>) -> Self {
        Self::with_texts(db, session_id.into(), Texts::default_names())
    }

    pub(crate) fn with_texts(db: D, session_id: Arc<str>, texts: Arc<Texts>) -> Self {
        let place = Place { texts, session_id };
        Self { db, place, settings: SessionSettings::default(), owns_client: false }
    }

    /// Starts to configure a session: table names, settings, creation of tables.
    pub fn builder(db: D, session_id: impl Into<Arc<str>>) -> Builder<D> {
        Builder {
            db,
            session_id: session_id.into(),
            sessions_table: Texts::SESSIONS.to_owned(),
            messages_table: Texts::MESSAGES.to_owned(),
            settings: SessionSettings::default(),
            create_tables: true,
        }
    }

    /// The session's id.
    pub fn session_id(&self) -> &str {
        &self.place.session_id
    }

    /// The session's defaults.
    pub fn session_settings(&self) -> SessionSettings {
        self.settings
    }

    /// The handle to the database.
    pub fn database(&self) -> &D {
        &self.db
    }

    /// Creates the tables if they are not there, the record of operations included. Not needed before the first write,
    /// which does so itself; for tokens that may not create tables, somebody else calls it once.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](crate::ErrorKind::Denied) if the token may not create tables.
    pub fn create_tables(&self) -> D::Reply<()> {
        self.run(self.place.texts.schema.create())
    }

    /// The newest items within the limit, oldest first. `None` is the session's default limit, 0 is nothing.
    ///
    /// The limit counts valid items: rows that are not JSON by the rules of Python's `json.loads` are skipped. A
    /// session that was never written to has no items. [`Value`] is a convenience that sorts keys and rounds numbers
    /// beyond 64 bits; [`get_items_text`](PerSqlSession::get_items_text) gives what is stored.
    ///
    /// One request, unless there are 256 rows or more: then one for each page.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, for a valid item that a [`Value`] cannot
    /// hold: a NaN, a lone surrogate, nesting beyond 1,000. Such a row is never skipped.
    pub fn get_items(&self, limit: impl Into<Limit>) -> D::Reply<Vec<Value>> {
        self.get_items_as(limit)
    }

    /// The same as values of a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if the type cannot hold a valid item.
    pub fn get_items_as<T: DeserializeOwned + Send + 'static>(&self, limit: impl Into<Limit>) -> D::Reply<Vec<T>> {
        self.run(plan::read_items(&self.place, self.settings.apply(limit.into()), as_type))
    }

    /// The same as the JSON texts that are stored, byte for byte.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn get_items_text(&self, limit: impl Into<Limit>) -> D::Reply<Vec<String>> {
        self.run(plan::read_items(&self.place, self.settings.apply(limit.into()), as_text))
    }

    /// Adds items to the end: all of them, or none. No items are no request.
    ///
    /// One request and one transaction, however many items there are.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the position, for an item that is larger
    /// than a row may be (2 MB as JSON), nested deeper than 1,000 levels or no JSON at all, and for more items than
    /// one transaction can carry (about 180 MB). Nothing is sent then.
    pub fn add_items<T: Serialize>(&self, items: &[T]) -> D::Reply<()> {
        self.run_with(item::encode(items, self.session_id()), |texts| plan::add_items(&self.place, texts))
    }

    /// Adds items that are JSON text already, stored byte for byte.
    ///
    /// # Errors
    /// As [`add_items`](PerSqlSession::add_items).
    pub fn add_items_text<T: AsRef<str>>(&self, items: &[T]) -> D::Reply<()> {
        self.run_with(item::check_texts(items, self.session_id()), |texts| plan::add_items(&self.place, texts))
    }

    /// Removes the newest item and gives it; `None` if there is none. Newer rows that are not JSON are dropped for
    /// good.
    ///
    /// Two requests: it reads before it deletes, so that an item which a [`Value`] cannot hold is never lost.
    /// [`pop_item_text`](PerSqlSession::pop_item_text) needs one.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if a [`Value`] cannot hold the item. It stays.
    pub fn pop_item(&self) -> D::Reply<Option<Value>> {
        self.pop_item_as()
    }

    /// The same as a value of a type of yours.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if the type cannot hold the item. It stays.
    pub fn pop_item_as<T: DeserializeOwned + Send + 'static>(&self) -> D::Reply<Option<T>> {
        self.run(plan::pop_as(&self.place, as_type))
    }

    /// The same as the JSON text that was stored. One request, and one more for each row that is dropped.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn pop_item_text(&self) -> D::Reply<Option<String>> {
        self.run(plan::pop_text(&self.place))
    }

    /// Deletes all items of the session, the session, and the records of its operations. Ids of rows are never used again.
    ///
    /// One request. There need be no such session.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn clear_session(&self) -> D::Reply<()> {
        self.run(plan::clear(&self.place))
    }

    /// Deletes the items that are older than the limit; with [`Limit::with_whole_calls`], never half of a tool call.
    ///
    /// Two requests; one if there is nothing to delete, or nothing to keep. What others add in the meantime stays.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn trim(&self, keep: impl Into<Limit>) -> D::Reply<()> {
        self.run(plan::trim(&self.place, self.settings.apply(keep.into())))
    }

    /// Reads the newest `n` items, to be replaced later by [`replace_tail`](PerSqlSession::replace_tail).
    ///
    /// One request, unless `n` is more than 255: then one for each page.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if one of them is not JSON: a tail with
    /// something unknown in it must not be replaced.
    pub fn tail(&self, n: usize) -> D::Reply<Tail> {
        self.run(plan::tail(&self.place, n))
    }

    /// Puts items in place of the tail's items from position `from` on, in one transaction: the compaction of a
    /// history that others may add to in the meantime. One request.
    ///
    /// With `from` at the tail's end nothing is replaced, and the items are added only if nobody added any since.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the replaced items are no longer the newest ones, or
    /// not what they were; nothing has changed then. [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as
    /// [`add_items`](PerSqlSession::add_items), and if `from` is beyond the tail.
    ///
    /// # Examples
    /// ```
    /// # use persql_agents_session::blocking::{Database, PerSqlSession};
    /// # use serde_json::json;
    /// # fn main() -> persql_agents_session::Result<()> {
    /// let session = PerSqlSession::new(Database::local(":memory:")?, "ada");
    /// session.add_items(&[json!("one"), json!("two"), json!("three")])?;
    /// let tail = session.tail(10)?;
    /// session.replace_tail(&tail, 1, &[json!("two and three")])?;
    /// assert_eq!(session.get_items(None)?, [json!("one"), json!("two and three")]);
    /// # Ok(()) }
    /// ```
    pub fn replace_tail<T: Serialize>(&self, tail: &Tail, from: usize, items: &[T]) -> D::Reply<()> {
        self.run_with(item::encode(items, self.session_id()), |texts| {
            plan::replace_tail(&self.place, tail, from, texts)
        })
    }

    /// The same session for writes that must be applied once, however often they are tried.
    pub fn operation(&self, operation_id: impl Into<Arc<str>>) -> OnceOnly<D> {
        OnceOnly { session: self.clone(), id: operation_id.into() }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Runs a plan and names the session in its errors.
    pub(crate) fn run<T: Send + 'static>(&self, plan: Plan<T>) -> D::Reply<T> {
        let plan = match self.place.check() {
            Ok(()) => plan.context("session", Arc::clone(&self.place.session_id)),
            Err(error) => Plan::err(error),
        };
        self.db.run(plan)
    }

    /// Runs a plan made of texts, unless they were refused.
    pub(crate) fn run_with<T: Send + 'static>(
        &self,
        texts: Result<Vec<String>>,
        plan: impl FnOnce(Vec<String>) -> Plan<T>,
    ) -> D::Reply<T> {
        self.run(texts.map_or_else(Plan::err, plan))
    }
}

impl<D: Open> PerSqlSession<D> {
    /// The session with this id in the database `namespace/database` at PerSQL, or at the server that
    /// `PERSQL_API_URL` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str, session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_token(token.into(), database)?, session_id) })
    }

    /// The session with this id in the database that the URL names: `persql://namespace/database`,
    /// `sqlite:path/to/file.db` or `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str, session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_url(url)?, session_id) })
    }

    /// The session with this id in the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env(session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_env()?, session_id) })
    }

    /// Closes the client if the session made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        if self.owns_client {
            self.db.close_client();
        }
    }
}

impl<D: Handle> fmt::Debug for PerSqlSession<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlSession")
            .field("session_id", &self.place.session_id)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Configures a [`PerSqlSession`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<D: Handle> {
    db: D,
    session_id: Arc<str>,
    sessions_table: String,
    messages_table: String,
    settings: SessionSettings,
    create_tables: bool,
}

impl<D: Handle> Builder<D> {
    /// The table of sessions. The default is `agent_sessions`.
    pub fn sessions_table(mut self, name: impl Into<String>) -> Self {
        self.sessions_table = name.into();
        self
    }

    /// The table of items. The default is `agent_messages`.
    pub fn messages_table(mut self, name: impl Into<String>) -> Self {
        self.messages_table = name.into();
        self
    }

    /// The session's defaults.
    pub fn session_settings(mut self, settings: SessionSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Whether the first write may create the tables. True unless said otherwise; without it a write to tables that
    /// are not there fails with [`ErrorKind::Sql`](crate::ErrorKind::Sql), naming the table.
    pub fn create_tables(mut self, create: bool) -> Self {
        self.create_tables = create;
        self
    }

    /// Makes the session. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a table's name is empty, too long or reserved,
    /// or if both names are the same.
    pub fn build(self) -> Result<PerSqlSession<D>> {
        let texts = Texts::new(&self.sessions_table, &self.messages_table, self.create_tables)?;
        let place = Place { texts, session_id: self.session_id };
        place.check()?;
        Ok(PerSqlSession { db: self.db, place, settings: self.settings, owns_client: false })
    }
}

impl<D: Handle> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("session_id", &self.session_id).finish_non_exhaustive()
    }
}
