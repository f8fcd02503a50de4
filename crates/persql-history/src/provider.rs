//! The provider that the framework knows.

mod builder;

use std::{fmt, sync::Arc, time::Duration};

use persql_core::{Database, Handle, Open, Plan, Result};

use crate::{
    History, ListSessions, Message, OnceOnly, Run, Saved, SessionInfo, Tail,
    options::Options,
    plan::{self, Place},
    sql::Texts,
};

pub use builder::Builder;

/// Conversation history that survives restarts: the history provider of Microsoft Agent Framework
/// (agent-framework-core 1.23), in the table of PerSQL's own Python package.
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. One provider serves all sessions and may be used from several places at once. A write is done as a whole or
/// not at all. It keeps nothing of a session in memory. Cheap to clone.
///
/// A session is named by any string; `None` and `""` are the session `default`, which all callers share that name none.
///
/// # Examples
/// ```
/// use persql_history::{Message, blocking::{Database, PerSqlHistoryProvider}};
///
/// # fn main() -> persql_history::Result<()> {
/// let provider = PerSqlHistoryProvider::new(Database::local(":memory:")?);
///
/// let run = provider.before_run("ada", &[Message::user("My name is Ada.")])?;
/// let answer = Message::assistant("Hello, Ada."); // what a model makes of run.messages() and run.inputs()
/// provider.after_run(&run, &[answer])?;
///
/// assert_eq!(provider.get_messages("ada")?.messages()[1].text(), "Hello, Ada.");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlHistoryProvider<D: Handle = Database> {
    db: D,
    texts: Arc<Texts>,
    options: Arc<Options>,
    /// Whether the provider made the client itself.
    owns_client: bool,
}

impl<D: Handle> PerSqlHistoryProvider<D> {
    /// A provider on this database. No I/O: the first write creates the table.
    pub fn new(db: D) -> Self {
        Self { db, texts: Texts::default_names(), options: Arc::default(), owns_client: false }
    }

    /// Starts to configure a provider: the framework's flags, the table's name, deduplication, limits.
    pub fn builder(db: D) -> Builder<D> {
        Builder { db, messages_table: Texts::MESSAGES.to_owned(), create_tables: true, options: Options::default() }
    }

    /// What messages of this provider are attributed to. The default is `persql_history`.
    pub fn source_id(&self) -> &str {
        &self.options.source_id
    }

    /// Whether runs are shown the history. If not, the provider only stores: for audits and evaluations.
    pub fn load_messages(&self) -> bool {
        self.options.load_messages
    }

    /// The handle to the database.
    pub fn database(&self) -> &D {
        &self.db
    }

    /// Creates the tables if they are not there. Not needed before the first write, which does so itself; for tokens
    /// that may not create tables, somebody else calls it once.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](crate::ErrorKind::Denied) if the token may not create tables.
    pub fn create_tables(&self) -> D::Reply<()> {
        self.db.run(self.texts.schema.create())
    }

    /// The messages of a session, oldest first. A session that was never saved to has none.
    ///
    /// A provider with [`skip_excluded`](Builder::skip_excluded) leaves out what compaction has marked, and one with
    /// [`repair_orphans`](Builder::repair_orphans) tool calls without their results; both stay stored.
    ///
    /// One request, unless the history is longer than 255 messages: then one for each page.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the row, if a stored row is no message. Nothing is
    /// skipped: a history with a hole in it is worse than an error.
    pub fn get_messages<'a>(&self, session_id: impl Into<Option<&'a str>>) -> D::Reply<History> {
        let place = self.place(session_id.into());
        self.run(&place, plan::get_messages(&place, &self.options))
    }

    /// Saves what is new of the messages: all of it, or none. What the session has already is found by the provider's
    /// [`Dedup`](crate::Dedup) rule.
    ///
    /// One request for up to 8 messages, which looks at the newest that is stored. If that may be one of them, by its id or
    /// the beginning of its text, two follow: the end of the history is read, as many messages as are to be saved, and what
    /// is new is written. More messages are sent that way at once.
    /// [`save_messages_after`](PerSqlHistoryProvider::save_messages_after) needs one request for any number.
    /// Two more each time that somebody else saved to the session in between.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the position, for a message that is larger
    /// than a row may be (2 MB as JSON), nested deeper than 1,000 levels, or has a content that is none, and for more
    /// messages than one transaction can carry (about 180 MB); nothing is sent then.
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if others were faster 17 times in a row; nothing was stored.
    pub fn save_messages<'a>(&self, session_id: impl Into<Option<&'a str>>, messages: &[Message]) -> D::Reply<Saved> {
        self.save_messages_after(&Tail::unknown(self.place(session_id.into())), messages)
    }

    /// Saves what is new of the messages behind a history whose end the caller knows, from
    /// [`History::tail`] or [`Saved::tail`].
    ///
    /// One request, and three if somebody else saved to the session, or trimmed it, since: the refused one, the reading of
    /// the new end, and the writing. None if nothing is new.
    ///
    /// # Errors
    /// As [`save_messages`](PerSqlHistoryProvider::save_messages).
    ///
    /// # Examples
    /// ```
    /// # use persql_history::{Message, blocking::{Database, PerSqlHistoryProvider}};
    /// # fn main() -> persql_history::Result<()> {
    /// let provider = PerSqlHistoryProvider::new(Database::local(":memory:")?);
    /// let history = provider.get_messages("ada")?;
    /// let saved = provider.save_messages_after(history.tail(), &[Message::user("hi")])?;
    /// let saved = provider.save_messages_after(saved.tail(), &[Message::assistant("hello")])?;
    /// assert_eq!(saved.stored(), 1);
    /// # Ok(()) }
    /// ```
    pub fn save_messages_after(&self, tail: &Tail, messages: &[Message]) -> D::Reply<Saved> {
        self.run(&tail.place, plan::save(tail, messages, &self.options, None))
    }

    /// Deletes all messages of a session. Ids of rows are never used again.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn clear<'a>(&self, session_id: impl Into<Option<&'a str>>) -> D::Reply<()> {
        let place = self.place(session_id.into());
        self.run(&place, plan::clear(&place))
    }

    /// What comes before a run: loads the history, unless the provider does not load messages.
    ///
    /// The run's input is stored later, with its output, unless the provider was told to
    /// [store it first](Builder::store_inputs_first).
    ///
    /// One request as [`get_messages`](PerSqlHistoryProvider::get_messages), or none without loading; one more to store
    /// the input first, two without loading.
    ///
    /// # Errors
    /// As [`get_messages`](PerSqlHistoryProvider::get_messages) and
    /// [`save_messages`](PerSqlHistoryProvider::save_messages).
    pub fn before_run<'a>(&self, session_id: impl Into<Option<&'a str>>, inputs: &[Message]) -> D::Reply<Run> {
        let place = self.place(session_id.into());
        self.run(&place, plan::before_run(&place, inputs, &self.options))
    }

    /// What comes after a run that has succeeded: stores its context, input and output, as far as the flags say.
    ///
    /// One request after a run that loaded the history, two after one that did not; see
    /// [`save_messages_after`](PerSqlHistoryProvider::save_messages_after).
    ///
    /// # Errors
    /// As [`save_messages`](PerSqlHistoryProvider::save_messages). The position counts all that is to be stored.
    pub fn after_run(&self, run: &Run, outputs: &[Message]) -> D::Reply<Saved> {
        self.run(&run.tail.place, plan::after_run(run, outputs, &self.options, None))
    }

    /// Puts messages in place of a whole history that was loaded, in one transaction: the compaction of a history that
    /// others may save to in the meantime.
    ///
    /// Messages before the first change keep their rows; all others are written anew, with new ids and times. What the
    /// provider leaves out when it loads is replaced as well: start from
    /// [`stored_messages`](History::stored_messages).
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the history is no longer what was loaded; nothing has
    /// changed then. [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as
    /// [`save_messages`](PerSqlHistoryProvider::save_messages).
    ///
    /// # Examples
    /// ```
    /// # use persql_history::{Message, blocking::{Database, PerSqlHistoryProvider}};
    /// # fn main() -> persql_history::Result<()> {
    /// let provider = PerSqlHistoryProvider::new(Database::local(":memory:")?);
    /// provider.save_messages("ada", &[Message::user("one"), Message::assistant("two")])?;
    ///
    /// let history = provider.get_messages("ada")?;
    /// let mut messages = history.stored_messages().to_vec();
    /// messages[0] = messages[0].clone().excluded("truncation");
    /// provider.replace(&history, &messages)?;
    /// # Ok(()) }
    /// ```
    pub fn replace(&self, history: &History, messages: &[Message]) -> D::Reply<()> {
        self.run(&history.tail.place, plan::replace(history, messages, None))
    }

    /// Deletes all but the newest messages of a session.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn trim<'a>(&self, session_id: impl Into<Option<&'a str>>, keep: usize) -> D::Reply<()> {
        let place = self.place(session_id.into());
        self.run(&place, plan::trim(&place, keep))
    }

    /// How many messages a session has, those that cannot be read or are left out included.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn count_messages<'a>(&self, session_id: impl Into<Option<&'a str>>) -> D::Reply<u64> {
        let place = self.place(session_id.into());
        self.run(&place, plan::count_messages(&place))
    }

    /// The sessions that have messages, by id in the order of its bytes.
    ///
    /// One request, unless more than 256 are asked for: then one for each page. A row of another program whose session
    /// is NULL or a blob is left out.
    ///
    /// # Errors
    /// Those of the connection only.
    ///
    /// # Examples
    /// ```
    /// # use persql_history::{ListSessions, Message, blocking::{Database, PerSqlHistoryProvider}};
    /// # fn main() -> persql_history::Result<()> {
    /// # let provider = PerSqlHistoryProvider::new(Database::local(":memory:")?);
    /// for session in ["user:ada", "user:bob", "job:7"] {
    ///     provider.save_messages(session, &[Message::user("hi")])?;
    /// }
    /// let users = provider.list_sessions(ListSessions::default().with_prefix("user:"))?;
    /// assert_eq!((users[0].session_id.as_str(), users.len()), ("user:ada", 2));
    /// # Ok(()) }
    /// ```
    pub fn list_sessions(&self, options: ListSessions) -> D::Reply<Vec<SessionInfo>> {
        self.db.run(plan::list_sessions(&self.texts, options))
    }

    /// How many sessions have messages.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn count_sessions(&self) -> D::Reply<u64> {
        self.db.run(plan::count_sessions(&self.texts))
    }

    /// Deletes the sessions that nothing was saved to for this long, and says how many.
    ///
    /// Two requests for each 1,000 sessions, one if there are none. One that comes to life meanwhile stays.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn delete_inactive(&self, for_longer_than: Duration) -> D::Reply<u64> {
        self.db.run(plan::delete_inactive(&self.texts, for_longer_than))
    }

    /// The same provider for writes that must be applied once, however often they are tried.
    pub fn operation(&self, operation_id: impl Into<Arc<str>>) -> OnceOnly<D> {
        OnceOnly { provider: self.clone(), id: operation_id.into() }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn place(&self, session_id: Option<&str>) -> Place {
        Place::new(&self.texts, session_id)
    }

    /// Runs a plan and names the session in its errors.
    pub(crate) fn run<T: Send + 'static>(&self, place: &Place, plan: Plan<T>) -> D::Reply<T> {
        let plan = match place.check() {
            Ok(()) => plan.context("session", Arc::clone(&place.session_id)),
            Err(error) => Plan::err(error),
        };
        self.db.run(plan)
    }
}

impl<D: Open> PerSqlHistoryProvider<D> {
    /// A provider on the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names. It owns
    /// its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_token(token.into(), database)?) })
    }

    /// A provider on the database that the URL names: `persql://namespace/database`, `sqlite:path/to/file.db` or
    /// `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_url(url)?) })
    }

    /// A provider on the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_env()?) })
    }

    /// Closes the client if the provider made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        if self.owns_client {
            self.db.close_client();
        }
    }
}

impl<D: Handle> fmt::Debug for PerSqlHistoryProvider<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlHistoryProvider").field("options", &self.options).finish_non_exhaustive()
    }
}
