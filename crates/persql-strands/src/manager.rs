//! The framework's session manager: what an agent loop calls.

use std::{fmt, sync::Arc};

use persql_core::{Database, Handle, Open, Result};
use serde::Serialize;

use crate::{
    Builder, JsonText, MultiAgentState, PerSqlSessionRepository, Restored, SessionAgent, Tracked,
    plan::manager::{self as plan, Place},
    tracked::check_unique,
};

/// The agents of one session, kept across restarts as the framework's `RepositorySessionManager` keeps them
/// (strands-agents 1.62).
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. The manager itself remembers nothing: what the framework keeps in fields is a [`Tracked`], which
/// [`initialize`](PerSqlSessionManager::initialize) gives and every other operation takes and gives anew. Each group of
/// calls that the framework makes at once is one request and one transaction. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_strands::{SessionAgent, blocking::{Database, PerSqlSessionManager}};
/// use serde_json::{Value, json};
///
/// # fn main() -> persql_strands::Result<()> {
/// let manager = PerSqlSessionManager::new(Database::local(":memory:")?, "support-42");
/// let agent = SessionAgent::new("helper").with_state(&json!({"turns": 0}))?;
/// let mut tracked = manager.initialize(&agent)?.tracked;
///
/// let agent = agent.with_state(&json!({"turns": 1}))?;
/// let message = json!({"role": "user", "content": [{"text": "My name is Ada."}]});
/// tracked = manager.append_and_sync(&tracked, &[message], &agent)?;
///
/// // After a restart:
/// let restored = manager.initialize(&SessionAgent::new("helper"))?;
/// assert_eq!(restored.agent.state.as_str(), r#"{"turns":1}"#);
/// assert_eq!(restored.messages_as::<Value>()?[0]["content"][0]["text"], "My name is Ada.");
/// # assert_eq!(tracked.latest_message_id(), Some(0));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlSessionManager<D: Handle = Database> {
    repository: PerSqlSessionRepository<D>,
    place: Place,
}

impl<D: Handle> PerSqlSessionManager<D> {
    /// The manager of the session with this id. No I/O: the first agent creates the session.
    pub fn new(db: D, session_id: impl Into<Arc<str>>) -> Self {
        PerSqlSessionRepository::new(db).manager(session_id)
    }

    pub(crate) fn with_repository(repository: PerSqlSessionRepository<D>, session_id: Arc<str>) -> Self {
        let place = Place { texts: Arc::clone(repository.texts()), session_id };
        Self { repository, place }
    }

    /// Starts to configure: the tables' prefix, and whether they may be created.
    pub fn builder(db: D) -> Builder<D> {
        Builder::new(db)
    }

    /// The session's id.
    pub fn session_id(&self) -> &str {
        &self.place.session_id
    }

    /// The repository in whose tables the session is.
    pub fn repository(&self) -> &PerSqlSessionRepository<D> {
        &self.repository
    }

    /// Restores the agent with this id, or stores this one.
    ///
    /// A stored agent comes with its states and messages, of which so many of the oldest are left out as its
    /// conversation manager has removed, and with the manager's summary before them. Tool use without a result is
    /// repaired in what is given, not in what is stored.
    ///
    /// One request for an agent that is there, two for a new one; more for more than 256 messages.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if the stored agent has a conversation manager of another
    /// class (`Invalid conversation manager state.`); [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for
    /// an id with a `/` in it, before anything is sent; [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the
    /// record, if a row cannot be read.
    pub fn initialize(&self, agent: &SessionAgent) -> D::Reply<Restored> {
        self.repository.run(plan::initialize(&self.place, agent, Vec::new()))
    }

    /// The same for an agent that, if it is new, starts with these messages.
    ///
    /// # Errors
    /// As [`initialize`](PerSqlSessionManager::initialize), and
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the position, for a message that is no
    /// object or larger than a row may be (2 MB).
    pub fn initialize_with_messages<M: Serialize>(&self, agent: &SessionAgent, messages: &[M]) -> D::Reply<Restored> {
        let plan = encode(messages).and_then(|messages| plan::initialize(&self.place, agent, messages));
        self.repository.run(plan)
    }

    /// The same for an agent beside others of the session, all of which this program keeps.
    ///
    /// # Errors
    /// As [`initialize`](PerSqlSessionManager::initialize), and
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if one of the others has its id, with the
    /// framework's text, before anything is sent.
    pub fn initialize_beside<'a>(
        &self,
        others: impl IntoIterator<Item = &'a Tracked>,
        agent: &SessionAgent,
    ) -> D::Reply<Restored> {
        let plan = check_unique(others, agent).and_then(|()| plan::initialize(&self.place, agent, Vec::new()));
        self.repository.run(plan)
    }

    /// Adds a message.
    ///
    /// An id is never used twice, whatever the conversation manager has removed. If an answer was lost, call it again
    /// with the same `tracked`: a message with a `tracking_id` is then not added twice.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if somebody else has added a message since (`Message 3
    /// already exists in agent a in session s1`): nothing is written, and a new
    /// [`initialize`](PerSqlSessionManager::initialize) shows what came.
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a message that is no object or larger than a
    /// row may be (2 MB), before anything is sent.
    pub fn append_message<M: Serialize + ?Sized>(&self, tracked: &Tracked, message: &M) -> D::Reply<Tracked> {
        let plan = JsonText::encode(message)
            .and_then(|message| plan::append_messages(&self.place, tracked, vec![message], None));
        self.repository.run(plan)
    }

    /// Adds messages, all or none, and writes the agent's state if it has changed, in the same transaction: what the
    /// framework does when a message was added. A tool's use and its result given together are never torn apart.
    ///
    /// # Errors
    /// As [`append_message`](PerSqlSessionManager::append_message) and
    /// [`sync_agent`](PerSqlSessionManager::sync_agent).
    pub fn append_and_sync<M: Serialize>(
        &self,
        tracked: &Tracked,
        messages: &[M],
        agent: &SessionAgent,
    ) -> D::Reply<Tracked> {
        let plan =
            encode(messages).and_then(|messages| plan::append_messages(&self.place, tracked, messages, Some(agent)));
        self.repository.run(plan)
    }

    /// Writes the agent's states if they are not what was last written: else no request.
    ///
    /// When the agent was made stays, and so does what its row holds beyond the framework's fields.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the agent is not there (`Agent a in session s1 does not
    /// exist`), [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not the tracked one, or larger
    /// than a row may be (2 MB).
    pub fn sync_agent(&self, tracked: &Tracked, agent: &SessionAgent) -> D::Reply<Tracked> {
        self.repository.run(plan::sync_agent(&self.place, tracked, agent))
    }

    /// Puts another message in place of the latest one.
    ///
    /// Nothing of the message is left in its row, nor in the rows right before it that hold the same message (the same
    /// `tracking_id`: a prompt that was tried again). SQLite may keep deleted bytes in its file until it needs the
    /// space: see the crate's documentation.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no message (`No message to redact.`) or it was
    /// deleted, [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the new one is no object.
    pub fn redact_latest_message<M: Serialize + ?Sized>(
        &self,
        tracked: &Tracked,
        redact_message: &M,
    ) -> D::Reply<Tracked> {
        let plan = JsonText::encode(redact_message)
            .and_then(|message| plan::redact_latest_message(&self.place, tracked, message));
        self.repository.run(plan)
    }

    /// The stored state of a graph or swarm; `None` if there was none, and this one was stored.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not such a state,
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if this one is larger than a row may be (2 MB).
    pub fn initialize_multi_agent(&self, state: &MultiAgentState) -> D::Reply<Option<MultiAgentState>> {
        self.repository.run(plan::initialize_multi_agent(&self.place, state))
    }

    /// Writes the state of a graph or swarm.
    ///
    /// # Errors
    /// As [`update_multi_agent`](PerSqlSessionRepository::update_multi_agent).
    pub fn sync_multi_agent(&self, state: &MultiAgentState) -> D::Reply<()> {
        self.repository.update_multi_agent(self.session_id(), state)
    }
}

fn encode<M: Serialize>(messages: &[M]) -> Result<Vec<JsonText>> {
    let encode = |(position, message)| JsonText::encode(message).map_err(|error| error.context("item", position));
    messages.iter().enumerate().map(encode).collect()
}

impl<D: Open> PerSqlSessionManager<D> {
    /// The manager of a session in the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names.
    /// It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str, session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(PerSqlSessionRepository::from_token(token, database)?.manager(session_id))
    }

    /// The manager of a session in the database that the URL names: `persql://namespace/database`,
    /// `sqlite:path/to/file.db` or `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str, session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(PerSqlSessionRepository::from_url(url)?.manager(session_id))
    }

    /// The manager of a session in the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env(session_id: impl Into<Arc<str>>) -> Result<Self> {
        Ok(PerSqlSessionRepository::from_env()?.manager(session_id))
    }

    /// Closes the client if the manager made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        self.repository.close();
    }
}

impl<D: Handle> fmt::Debug for PerSqlSessionManager<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlSessionManager").field("session_id", &self.place.session_id).finish_non_exhaustive()
    }
}
