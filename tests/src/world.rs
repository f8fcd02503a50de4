//! What a case gets: a storage of its own, and handles to it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use persql_core::{Builder, Durability, PerSql, Result, blocking};
use persql_server::Limits;
use tempfile::TempDir;

use crate::{Any, Client, Mode, client::Kind, live::Live, server::Servers};

/// The storage of one trial. Empty at first, and gone with it.
#[derive(Debug)]
pub struct World {
    mode: Mode,
    directory: TempDir,
    client: Client,
    servers: Servers,
}

/// The database that [`World::db`] is a handle to.
const NAME: &str = "acme/agent-state";

const MEMORY: &str = ":memory:";

impl World {
    /// A new storage of this mode.
    ///
    /// # Errors
    /// If there is no room for a temporary directory.
    pub fn new(mode: Mode) -> Result<Self, Box<dyn std::error::Error>> {
        let directory = tempfile::tempdir()?;
        let servers = Servers::default();
        let client = open(mode, &servers, directory.path(), Options::default())?;
        Ok(Self { mode, directory, client, servers })
    }

    /// The mode of this trial.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The client that the world's handles belong to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A handle to the world's database. Handles share a client.
    ///
    /// # Errors
    /// None in practice.
    pub fn db(&self) -> Result<Any> {
        self.db_named(NAME)
    }

    /// A handle to a database of this name.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn db_named(&self, name: &str) -> Result<Any> {
        self.client.db(name)
    }

    /// A handle to the world's database through a client of its own, as another program would have. In memory, where
    /// nobody else can be, it is a handle of the same client.
    ///
    /// # Errors
    /// None in practice.
    pub fn other_db(&self) -> Result<Any> {
        if self.mode.is_on_disk() { self.open(self.directory.path(), Options::default())?.db(NAME) } else { self.db() }
    }

    /// A handle to the world's database through a client of its own that waits no longer than this for others. In
    /// memory it is another database, and an empty one.
    ///
    /// # Errors
    /// None in practice.
    pub fn impatient_db(&self, wait: Duration) -> Result<Any> {
        let options = Options { busy_timeout: wait, ..Options::default() };
        self.open(self.directory.path(), options)?.db(NAME)
    }

    /// A handle to the world's database whose requests may take no longer than this. At a server it is the server that
    /// ends them, as only it can: a client of its own, of another server of the same files.
    ///
    /// # Errors
    /// None in practice.
    pub fn hasty_db(&self, limit: Duration) -> Result<Any> {
        if self.mode.is_server() { self.impatient_db(limit) } else { Ok(self.db()?.with_timeout(limit)) }
    }

    /// A handle through a client that is set up in a way of its own, to an empty storage in memory or to this path.
    ///
    /// # Errors
    /// If the path cannot be used.
    pub fn db_at(&self, path: impl AsRef<Path>, options: Options) -> Result<Any> {
        self.client_at(path, options)?.db(NAME)
    }

    /// A client that is set up in a way of its own, of an empty storage in memory or of this path.
    ///
    /// # Errors
    /// If the path cannot be used.
    pub fn client_at(&self, path: impl AsRef<Path>, options: Options) -> Result<Client> {
        self.open(path.as_ref(), options)
    }

    fn open(&self, path: &Path, options: Options) -> Result<Client> {
        open(self.mode, &self.servers, path, options)
    }

    /// A handle to an empty database, where a server answers with 5 MiB at most: four rows of 1.2 MB, and not five.
    ///
    /// # Errors
    /// None in practice.
    pub fn terse_db(&self) -> Result<Any> {
        self.db_at(self.directory(), Options { answer_bytes: 5 << 20, ..Options::default() })
    }

    /// Stops the server of this directory, where there is one. Its clients must be gone.
    pub fn stop_server(&self, path: impl AsRef<Path>) {
        self.servers.stop(path.as_ref());
    }

    /// The file of the world's database, if it is in one of this machine's.
    pub fn file(&self) -> Option<PathBuf> {
        self.mode.is_on_disk().then(|| self.directory.path().join(format!("{NAME}.db")))
    }

    /// A directory for whatever else a case needs.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("other")
    }
}

/// What a case can set differently from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "not published")]
pub struct Options {
    /// See [`Builder::strict_limits`].
    pub strict_limits: bool,
    /// See [`Builder::busy_timeout`].
    pub busy_timeout: Duration,
    /// See [`Builder::durability`].
    pub durability: Durability,
    /// The most that an answer may hold, where there is a server.
    pub answer_bytes: usize,
}

impl Default for Options {
    /// Every client keeps the service's limits, so that no case passes locally that would fail remotely.
    fn default() -> Self {
        Self {
            strict_limits: true,
            busy_timeout: Duration::from_secs(60),
            durability: Durability::default(),
            answer_bytes: Limits::default().answer_bytes,
        }
    }
}

fn open(mode: Mode, servers: &Servers, path: &Path, options: Options) -> Result<Client> {
    let path = match mode {
        Mode::ServerBlocking | Mode::ServerAsync => return servers.client(path, options, mode.is_async()),
        Mode::Live => return Live::new().map(|live| Client::new(Kind::Live(live))),
        Mode::FileBlocking | Mode::FileAsync => path,
        Mode::MemoryBlocking | Mode::MemoryAsync => Path::new(MEMORY),
    };
    Ok(Client::new(if mode.is_async() {
        Kind::Async(configure(PerSql::builder().local(path), options).build()?)
    } else {
        Kind::Blocking(configure(blocking::PerSql::builder().local(path), options).build()?)
    }))
}

fn configure<C>(builder: Builder<C>, options: Options) -> Builder<C> {
    builder.strict_limits(options.strict_limits).busy_timeout(options.busy_timeout).durability(options.durability)
}
