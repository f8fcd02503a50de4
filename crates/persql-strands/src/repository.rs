//! The framework's repository: records of sessions, agents, messages and multi-agent states.

use std::{fmt, sync::Arc, time::Duration};

use persql_core::{Database, Handle, Open, Plan, Result};

use crate::{
    AgentInfo, Builder, ListSessions, MultiAgentState, Page, PerSqlSessionManager, Session, SessionAgent, SessionInfo,
    SessionMessage, plan, texts::Texts,
};

/// The framework's `SessionRepository` (strands-agents 1.62) in four tables.
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. Creating is lax and updating strict, as in the framework's files: an agent or a message that is there is
/// overwritten by `create`, and needs no session; `update` and `delete` of what is not there fail with the framework's
/// text. Cheap to clone.
///
/// # Examples
/// ```
/// use persql_strands::{Page, Session, SessionAgent, SessionMessage};
/// use persql_strands::blocking::{Database, PerSqlSessionRepository};
/// use serde_json::json;
///
/// # fn main() -> persql_strands::Result<()> {
/// let repository = PerSqlSessionRepository::new(Database::local(":memory:")?);
/// repository.create_session(&Session::new("s1"))?;
/// repository.create_agent("s1", &SessionAgent::new("helper"))?;
/// let message = SessionMessage::new(0, &json!({"role": "user", "content": [{"text": "hi"}]}))?;
/// repository.create_message("s1", "helper", &message)?;
///
/// assert_eq!(repository.list_messages("s1", "helper", Page::default())?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlSessionRepository<D: Handle = Database> {
    db: D,
    texts: Arc<Texts>,
    /// Whether the repository made the client itself.
    owns_client: bool,
}

impl<D: Handle> PerSqlSessionRepository<D> {
    /// A repository in the tables `strands_sessions`, `strands_agents`, `strands_messages` and `strands_multi_agents`.
    /// No I/O: the first write creates them.
    pub fn new(db: D) -> Self {
        Self::with_texts(db, Texts::default_names())
    }

    pub(crate) fn with_texts(db: D, texts: Arc<Texts>) -> Self {
        Self { db, texts, owns_client: false }
    }

    /// Starts to configure: the tables' prefix, and whether they may be created.
    pub fn builder(db: D) -> Builder<D> {
        Builder::new(db)
    }

    /// The manager of a session in these tables. No I/O.
    pub fn manager(&self, session_id: impl Into<Arc<str>>) -> PerSqlSessionManager<D> {
        PerSqlSessionManager::with_repository(self.clone(), session_id.into())
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

    /// Creates a session, and gives it with its times.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) if it is there (`Session s1 already exists`),
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it.
    pub fn create_session(&self, session: &Session) -> D::Reply<Session> {
        self.run(plan::create_session(&self.texts, session))
    }

    /// The session, or `None`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it,
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not a session.
    pub fn read_session(&self, session_id: &str) -> D::Reply<Option<Session>> {
        self.run(plan::read_session(&self.texts, session_id))
    }

    /// Deletes a session with all its agents, messages and multi-agent states.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing of it is there (`Session s1 does not exist`).
    pub fn delete_session(&self, session_id: &str) -> D::Reply<()> {
        self.run(plan::delete_session(&self.texts, session_id))
    }

    /// Creates an agent, or overwrites the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it, a state that is no
    /// object, and an agent larger than a row may be (2 MB). Nothing is sent then.
    pub fn create_agent(&self, session_id: &str, agent: &SessionAgent) -> D::Reply<()> {
        self.run(plan::create_agent(&self.texts, session_id, agent))
    }

    /// The agent, or `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not an agent.
    pub fn read_agent(&self, session_id: &str, agent_id: &str) -> D::Reply<Option<SessionAgent>> {
        self.run(plan::read_agent(&self.texts, session_id, agent_id))
    }

    /// Writes the agent anew. When it was made stays, and so does what the row holds beyond the framework's fields.
    ///
    /// One request; three for a row with such fields, which is then read first and only written if it is unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not there (`Agent a in session s1 does not
    /// exist`); [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as
    /// [`create_agent`](PerSqlSessionRepository::create_agent).
    pub fn update_agent(&self, session_id: &str, agent: &SessionAgent) -> D::Reply<()> {
        self.run(plan::update_agent(&self.texts, session_id, agent))
    }

    /// Creates a message, or overwrites the one that has this id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it, and a message that is
    /// no object or larger than a row may be (2 MB). Nothing is sent then.
    pub fn create_message(&self, session_id: &str, agent_id: &str, message: &SessionMessage) -> D::Reply<()> {
        self.run(plan::create_message(&self.texts, session_id, agent_id, message))
    }

    /// The message, or `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not a message.
    pub fn read_message(&self, session_id: &str, agent_id: &str, message_id: i64) -> D::Reply<Option<SessionMessage>> {
        self.run(plan::read_message(&self.texts, session_id, agent_id, message_id))
    }

    /// Writes the message anew. When it was made stays, and so does what the row holds beyond the framework's fields.
    ///
    /// One request; three for a row with such fields, which is then read first and only written if it is unchanged.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not there (`Message 3 does not exist`);
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as
    /// [`create_message`](PerSqlSessionRepository::create_message).
    pub fn update_message(&self, session_id: &str, agent_id: &str, message: &SessionMessage) -> D::Reply<()> {
        self.run(plan::update_message(&self.texts, session_id, agent_id, message))
    }

    /// Messages in the order of their ids. Offset and limit count messages; an agent that is not there has none.
    ///
    /// One request for 256 messages, and one for each page behind them.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt), naming the message, if a row is not a message.
    pub fn list_messages(&self, session_id: &str, agent_id: &str, page: Page) -> D::Reply<Vec<SessionMessage>> {
        self.run(plan::list_messages(&self.texts, session_id, agent_id, page))
    }

    /// Creates the state of a graph or swarm, or overwrites the one that is there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it, and a state larger than
    /// a row may be (2 MB).
    pub fn create_multi_agent(&self, session_id: &str, state: &MultiAgentState) -> D::Reply<()> {
        self.run(plan::create_multi_agent(&self.texts, session_id, state))
    }

    /// The state of a graph or swarm, or `None`.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not such a state.
    pub fn read_multi_agent(&self, session_id: &str, multi_agent_id: &str) -> D::Reply<Option<MultiAgentState>> {
        self.run(plan::read_multi_agent(&self.texts, session_id, multi_agent_id))
    }

    /// Puts this state in place of the one that is there. All of it is replaced: an orchestrator gives all its fields.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it is not there (`MultiAgent state g in session s1 does
    /// not exist`); [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) as
    /// [`create_multi_agent`](PerSqlSessionRepository::create_multi_agent).
    pub fn update_multi_agent(&self, session_id: &str, state: &MultiAgentState) -> D::Reply<()> {
        self.run(plan::update_multi_agent(&self.texts, session_id, state))
    }

    /// The sessions, and how many agents and messages each has, by id. One request, unless more than 256 are asked for: then
    /// one for each page.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if a session's id is not text.
    pub fn list_sessions(&self, options: ListSessions) -> D::Reply<Vec<SessionInfo>> {
        self.db.run(plan::list_sessions(&self.texts, options))
    }

    /// How many sessions there are.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn count_sessions(&self) -> D::Reply<u64> {
        self.db.run(plan::count_sessions(&self.texts))
    }

    /// The agents of a session, by id. One request for each 1,000 agents.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an id with a `/` in it.
    pub fn list_agents(&self, session_id: &str) -> D::Reply<Vec<AgentInfo>> {
        self.run(plan::list_agents(&self.texts, session_id))
    }

    /// Deletes the sessions in which nothing was changed for this long, with all that belongs to them, and says how
    /// many. What has no time that SQLite can read is kept.
    ///
    /// Two requests for each 1,000 sessions; one if there are none. One that comes to life between the two stays, and is
    /// counted all the same.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn delete_inactive(&self, for_longer_than: Duration) -> D::Reply<u64> {
        self.db.run(plan::delete_inactive(&self.texts, for_longer_than))
    }

    pub(crate) fn texts(&self) -> &Arc<Texts> {
        &self.texts
    }

    /// Runs a plan, or gives the refusal.
    pub(crate) fn run<T: Send + 'static>(&self, plan: Result<Plan<T>>) -> D::Reply<T> {
        self.db.run(plan::checked(plan))
    }
}

impl<D: Open> PerSqlSessionRepository<D> {
    /// A repository in the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names.
    /// It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_token(token.into(), database)?) })
    }

    /// A repository in the database that the URL names: `persql://namespace/database`, `sqlite:path/to/file.db` or
    /// `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_url(url)?) })
    }

    /// A repository in the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_env()?) })
    }

    /// Closes the client if the repository made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        if self.owns_client {
            self.db.close_client();
        }
    }
}

impl<D: Handle> fmt::Debug for PerSqlSessionRepository<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlSessionRepository").finish_non_exhaustive()
    }
}
