//! Clients: where databases are, and how they are opened.

use std::{
    fmt,
    marker::PhantomData,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime},
};

#[cfg(feature = "local")]
use crate::local::{Durability, Engine, Location, Options};
#[cfg(feature = "remote")]
use crate::{
    remote::{self, Remote, Token},
    timer::{RealTime, Timer},
};
#[cfg(feature = "local")]
use std::path::Path;
#[cfg(any(feature = "local", feature = "remote"))]
use std::time::Duration;

use crate::{
    Answer, BoxFuture, Database, Databases, Error, ErrorKind, Handle, Me, Meta, Request, Result,
    control::Clock,
    database::{DatabaseName, Link, lock},
    me::me,
    transport::Transport,
};

/// An asynchronous client: makes [`Database`] handles. Cheap to clone; clones share everything.
///
/// # Examples
/// ```
/// use persql_core::PerSql;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> persql_core::Result<()> {
/// let client = PerSql::local(":memory:")?;
/// let db = client.database("acme/agent-state")?;
/// db.query("CREATE TABLE note(text TEXT)", ()).await?;
/// db.query("INSERT INTO note VALUES (?1)", ["hello"]).await?;
/// let rows = db.query("SELECT text FROM note", ()).await?;
/// assert_eq!(rows.row(0).unwrap().get::<String>("text")?, "hello");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSql(pub(crate) Arc<Shared>);

impl PerSql {
    /// Starts to configure a client.
    pub fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// A client for databases in this process: `:memory:`, a directory with a file for each database, or, if the path
    /// ends in `.db`, `.sqlite` or `.sqlite3`, that one file.
    ///
    /// Nothing is opened before it is used. Reads create no file. A file must not be removed or replaced while a client
    /// has it open: close the client first.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the path is empty or holds a NUL.
    #[cfg(feature = "local")]
    pub fn local(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().local(path).build()
    }

    /// A client for databases at PerSQL. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the token is empty or has characters that no token has.
    #[cfg(feature = "remote")]
    pub fn new(token: impl Into<String>) -> Result<Self> {
        Self::builder().token(token).build()
    }

    /// A client for databases at PerSQL, or at the server that `PERSQL_API_URL` names, with the token that
    /// `PERSQL_TOKEN` holds. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], naming the variable, if it is missing or wrong.
    #[cfg(feature = "remote")]
    pub fn from_env() -> Result<Self> {
        Self::builder().from_env()?.build()
    }

    /// A handle to the database `namespace/database`. No I/O: the first write creates the database.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the name is not two parts of at most 100 letters, digits, `.`, `_` or `-`, each
    /// beginning with a letter or a digit.
    pub fn database(&self, name: &str) -> Result<Database> {
        Ok(Database(Link::new(Arc::clone(&self.0), DatabaseName::parse(name)?)))
    }

    /// The databases of this client.
    pub fn databases(&self) -> Databases<Database> {
        Databases::new(Database(Link::new(Arc::clone(&self.0), DatabaseName::only())))
    }

    /// Who this client is to its server: the namespace and the role of its token.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] if the server knows no such token.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> persql_core::Result<()> {
    /// let client = persql_core::PerSql::local(":memory:")?;
    /// assert_eq!(client.me().await?.namespace, "local");
    /// # Ok(()) }
    /// ```
    pub fn me(&self) -> BoxFuture<Result<Me>> {
        Database(Link::new(Arc::clone(&self.0), DatabaseName::only())).run(me())
    }

    /// What all requests of this client have cost so far.
    pub fn usage(&self) -> Meta {
        self.0.usage()
    }

    /// Closes the client: every later operation of its handles fails with [`ErrorKind::Closed`]; those under way end
    /// as they would have.
    pub fn close(&self) {
        self.0.close();
    }
}

impl From<Arc<Shared>> for PerSql {
    fn from(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl fmt::Debug for PerSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Configures a client: [`PerSql::builder`] or [`blocking::PerSql::builder`](crate::blocking::PerSql::builder).
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<C> {
    #[cfg(feature = "local")]
    location: Option<Result<Location>>,
    #[cfg(feature = "local")]
    options: Options,
    #[cfg(feature = "local")]
    idle_connections: Option<usize>,
    #[cfg(feature = "remote")]
    token: Option<Token>,
    #[cfg(feature = "remote")]
    remote: remote::Options,
    clock: Clock,
    client: PhantomData<fn() -> C>,
}

impl<C> Builder<C> {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(feature = "local")]
            location: None,
            #[cfg(feature = "local")]
            options: Options::DEFAULT,
            #[cfg(feature = "local")]
            idle_connections: None,
            #[cfg(feature = "remote")]
            token: None,
            #[cfg(feature = "remote")]
            remote: remote::Options {
                url: remote::API_URL.to_owned(),
                token: Token(String::new()),
                allow_http: false,
                connect: Duration::from_secs(5),
                attempt: Duration::from_secs(30),
                total: Duration::from_secs(60),
                timer: Arc::new(RealTime),
            },
            clock: Clock::default(),
            client: PhantomData,
        }
    }

    /// Uses SQLite in this process: see [`PerSql::local`] for what the path means.
    #[cfg(feature = "local")]
    pub fn local(mut self, path: impl AsRef<Path>) -> Self {
        self.location = Some(Location::parse(path.as_ref()));
        self
    }

    /// Uses this one file, whatever its ending.
    #[cfg(feature = "local")]
    pub(crate) fn local_file(mut self, path: &str) -> Self {
        self.location = Some(Location::parse_file(Path::new(path)));
        self
    }

    /// What an acknowledged write to a local file survives. The default is [`Durability::Normal`].
    #[cfg(feature = "local")]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// Sets the service's limits on local databases as well, so that what works locally works remotely: 100 parameters
    /// a statement, 2 MB a row, 100 KB of SQL, its list of pragmas, and so on. Off by default for SQL of your own; the
    /// adapters keep the limits always.
    #[cfg(feature = "local")]
    pub fn strict_limits(mut self, strict: bool) -> Self {
        self.options.strict_limits = strict;
        self
    }

    #[cfg(feature = "server")]
    pub(crate) fn hide_records(mut self) -> Self {
        self.options.hides_records = true;
        self
    }

    #[cfg(feature = "server")]
    pub(crate) fn bound_memory(mut self, bytes: usize) -> Self {
        self.options.memory = Some(bytes);
        self
    }

    /// How long a local operation waits for a writer in another process before it fails with [`ErrorKind::Busy`]. The
    /// default is 30 seconds.
    #[cfg(feature = "local")]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.options.busy_timeout = timeout;
        self
    }

    /// How many connections to local files stay open while nobody uses them. A database in use has one or two, 3
    /// descriptors and 200 kB each. The default is a sixth of the descriptors that the process may have, and 512 at
    /// most; the databases that were not used for longest are closed first.
    #[cfg(feature = "local")]
    pub fn idle_connections(mut self, most: usize) -> Self {
        self.idle_connections = Some(most);
        self
    }

    /// How large the write-ahead log of a local file may grow while a reader in another process keeps it from being
    /// emptied: writes fail with [`ErrorKind::Busy`] then, until the reader is gone. The default is 1 GiB.
    #[cfg(feature = "local")]
    pub fn log_limit(mut self, bytes: u64) -> Self {
        self.options.log_limit = bytes;
        self
    }

    /// Uses PerSQL, or a server with the same API, with this token.
    #[cfg(feature = "remote")]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(Token(token.into()));
        self
    }

    /// The server's URL. The default is the hosted service's.
    #[cfg(feature = "remote")]
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.remote.url = url.into();
        self
    }

    /// Takes the token from `PERSQL_TOKEN`, and the server's URL from `PERSQL_API_URL` if that is set.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if `PERSQL_TOKEN` is not set.
    #[cfg(feature = "remote")]
    #[allow(clippy::wrong_self_convention, reason = "every client of PerSQL calls it so")]
    pub fn from_env(self) -> Result<Self> {
        let token = std::env::var("PERSQL_TOKEN")
            .map_err(|_| Error::invalid("the environment variable PERSQL_TOKEN is not set"))?;
        Ok(self.token(token).api_url_from_env())
    }

    #[cfg(feature = "remote")]
    pub(crate) fn api_url_from_env(self) -> Self {
        match std::env::var("PERSQL_API_URL") {
            Ok(url) if !url.is_empty() => self.api_url(url),
            _ => self,
        }
    }

    /// Allows plain `http://` to a server on another machine. The token can then be read on the way.
    #[cfg(feature = "remote")]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.remote.allow_http = allow;
        self
    }

    /// How long to wait for a connection. The default is 5 seconds.
    #[cfg(feature = "remote")]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.remote.connect = timeout;
        self
    }

    /// How long to wait for the answer of one attempt. The default is 30 seconds.
    #[cfg(feature = "remote")]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.remote.attempt = timeout;
        self
    }

    /// How long a request may take with all its attempts. The default is 60 seconds.
    #[cfg(feature = "remote")]
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.remote.total = timeout;
        self
    }

    /// Whose time requests to a server wait by: deadlines, time limits and the pauses between attempts. The default is
    /// real time; tests may want another.
    #[cfg(feature = "remote")]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.remote.timer = Arc::new(timer);
        self
    }

    /// Whose time decides when a lease or a database ends. The default is the system's; tests may want another.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Makes the client. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for the first setting that is wrong, or if it was said neither or twice where the
    /// databases are.
    pub fn build(self) -> Result<C>
    where
        C: From<Arc<Shared>>,
    {
        let clock = self.clock.clone();
        let transport = self.transport()?;
        Ok(C::from(Arc::new(Shared { transport, clock, usage: Arc::default(), closed: Arc::default() })))
    }

    fn transport(self) -> Result<Transport> {
        #[cfg(all(feature = "local", feature = "remote"))]
        if self.location.is_some() && self.token.is_some() {
            return Err(Error::invalid("the builder was told of a local path and of a token: it takes one of them"));
        }
        #[cfg(feature = "local")]
        if let Some(location) = self.location {
            return Ok(Transport::Local(Arc::new(Engine::new(
                location?,
                self.options,
                self.idle_connections,
                self.clock,
            ))));
        }
        #[cfg(feature = "remote")]
        if let Some(token) = self.token {
            return Ok(Transport::Remote(Remote::new(remote::Options { token, ..self.remote })?));
        }
        Err(Error::invalid("the builder was not told where the databases are: call `local` or `token`"))
    }
}

impl<C> fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

/// What all handles of a client share.
pub struct Shared {
    pub(crate) transport: Transport,
    clock: Clock,
    usage: Arc<Mutex<Meta>>,
    closed: Arc<AtomicBool>,
}

impl Shared {
    /// Refuses what cannot be sent, and anything once the client is closed.
    pub(crate) fn check(&self, request: &Request) -> Result<()> {
        self.check_open()?;
        request.check(self.transport.is_strict())
    }

    /// Refuses anything once the client is closed.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "the client is closed"));
        }
        Ok(())
    }

    /// The same client with another token: its branches cost and close with it.
    pub(crate) fn with_token(&self, token: &str) -> Result<Arc<Self>> {
        Ok(Arc::new(Self {
            transport: self.transport.with_token(token)?,
            clock: self.clock.clone(),
            usage: Arc::clone(&self.usage),
            closed: Arc::clone(&self.closed),
        }))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.transport.close();
    }

    pub(crate) fn usage(&self) -> Meta {
        lock(&self.usage).clone()
    }

    /// Notes what a request cost, on its result sets and in the client's sum.
    pub(crate) fn account(&self, request: &Request, outcome: &mut Result<Answer>, started: Instant) {
        if let Ok(Answer::Sets(sets)) = outcome
            && let Some(told) = sets.first().map(crate::Rows::meta).filter(|meta| meta.statement_count > 0)
        {
            return lock(&self.usage).add(told);
        }
        let mut meta = Meta { duration: started.elapsed(), ..Meta::default() };
        if let Request::Batch(batch) = request {
            meta.statement_count = u32::try_from(batch.statements().len()).unwrap_or(u32::MAX);
        }
        if let Ok(Answer::Sets(sets)) = outcome {
            meta.rows_read = sets.iter().map(|rows| rows.len() as u64).sum();
            meta.rows_written = sets.iter().filter_map(crate::Rows::changes).sum();
        }
        lock(&self.usage).add(&meta);
        if let Ok(Answer::Sets(sets)) = outcome {
            sets.iter_mut().for_each(|rows| rows.set_meta(meta.clone()));
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSql").field("transport", &self.transport).finish_non_exhaustive()
    }
}
