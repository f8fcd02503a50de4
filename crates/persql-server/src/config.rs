//! How a server is set up.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use persql_core::Durability;

/// Where a server keeps its databases, where it listens, and what it allows.
///
/// # Examples
/// ```
/// use persql_server::{Config, Durability};
///
/// let config = Config::new("./data").listen(([127, 0, 0, 1], 0).into()).durability(Durability::Normal);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until a server is made of it"]
pub struct Config {
    pub(crate) data: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) durability: Durability,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
}

/// Whose time decides when something is over.
#[derive(Clone)]
pub(crate) struct Clock(pub(crate) Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Config {
    /// A server whose databases are in this directory, at `127.0.0.1:8787`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data: data_dir.into(),
            listen: (Ipv4Addr::LOCALHOST, 8787).into(),
            durability: Durability::Full,
            limits: Limits::default(),
            clock: Clock(Arc::new(SystemTime::now)),
        }
    }

    /// Where to listen. With port 0 the system chooses one: see [`Server::address`](crate::Server::address).
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// What an acknowledged write survives. The default is [`Durability::Full`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Whose time decides when tokens, branches, databases and kept answers are over. The default is the system's; tests
    /// may want another.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock(Arc::new(now));
        self
    }

    /// What one caller may ask of the server.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// What one caller may ask of the server. The limits of the API itself (statements, parameters, sizes of rows) are not
/// settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// How long the statements of a request may run, the time that they wait for other writers included.
    pub run: Duration,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Rows of an answer.
    pub answer_rows: usize,
    /// Bytes of an answer, as they are in memory.
    pub answer_bytes: usize,
    /// Bytes of memory that SQLite may have for all requests: the statement that wants more fails. It holds for the process,
    /// where the lowest that any server asked for is in force.
    pub sqlite_bytes: usize,
    /// How long the head of a request may take to arrive.
    pub head: Duration,
    /// How long its body may take.
    pub body: Duration,
    /// How long a connection may be open and send nothing, and how long an answer may not be taken.
    pub idle: Duration,
    /// Bytes of all bodies that are in memory at the same time. Others wait.
    pub bodies_bytes: usize,
    /// Connections. When there are more, the one closes that has been idle for longest.
    pub connections: usize,
    /// Connections from one address.
    pub connections_of_address: usize,
    /// Requests that one address may send in a minute; `None` for as many as it likes. Behind a proxy all callers have the
    /// proxy's address.
    pub requests_a_minute: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            run: Duration::from_secs(30),
            body_bytes: 64 << 20,
            answer_rows: 1_000_000,
            answer_bytes: 64 << 20,
            sqlite_bytes: 1 << 30,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            // Longer than clients keep connections for later, so that none is closed while it is used again.
            idle: Duration::from_secs(120),
            bodies_bytes: 512 << 20,
            connections: 4_096,
            connections_of_address: 1_024,
            requests_a_minute: None,
        }
    }
}
