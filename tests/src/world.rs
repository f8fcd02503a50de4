//! What a case gets: a storage of its own, and handles to it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use persql_core::{Builder, Durability, Meta, PerSql, Result, blocking};
use tempfile::TempDir;

use crate::{Any, Mode};

/// The storage of one trial. Empty at first, and gone with it.
#[derive(Debug)]
pub struct World {
    mode: Mode,
    directory: TempDir,
    client: Client,
}

/// A client of either kind.
#[derive(Debug)]
#[allow(clippy::exhaustive_enums, reason = "not published")]
pub enum Client {
    /// For callers that block.
    Blocking(blocking::PerSql),
    /// For asynchronous callers.
    Async(PerSql),
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
        let client = Client::open(mode, &directory)?;
        Ok(Self { mode, directory, client })
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
        if self.mode.is_file() { Client::open(self.mode, &self.directory)?.db(NAME) } else { self.db() }
    }

    /// A handle to the world's database through a client of its own that waits no longer than this for others. In
    /// memory it is another database, and an empty one.
    ///
    /// # Errors
    /// None in practice.
    pub fn impatient_db(&self, wait: Duration) -> Result<Any> {
        let options = Options { busy_timeout: wait, ..Options::default() };
        Client::open_at(self.mode, &storage(self.mode, &self.directory), options)?.db(NAME)
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
        let path = if self.mode.is_file() { path.as_ref() } else { Path::new(MEMORY) };
        Client::open_at(self.mode, path, options)
    }

    /// The file of the world's database, if it is in one.
    pub fn file(&self) -> Option<PathBuf> {
        self.mode.is_file().then(|| self.directory.path().join(format!("{NAME}.db")))
    }

    /// A directory for whatever else a case needs.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("other")
    }
}

/// What a case can set differently from the others.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "not published")]
pub struct Options {
    /// See [`Builder::strict_limits`].
    pub strict_limits: bool,
    /// See [`Builder::busy_timeout`].
    pub busy_timeout: Duration,
    /// See [`Builder::durability`].
    pub durability: Durability,
}

impl Default for Options {
    /// Every client keeps the service's limits, so that no case passes locally that would fail remotely.
    fn default() -> Self {
        Self { strict_limits: true, busy_timeout: Duration::from_secs(60), durability: Durability::default() }
    }
}

fn storage(mode: Mode, directory: &TempDir) -> PathBuf {
    if mode.is_file() { directory.path().to_owned() } else { MEMORY.into() }
}

impl Client {
    fn open(mode: Mode, directory: &TempDir) -> Result<Self> {
        Self::open_at(mode, &storage(mode, directory), Options::default())
    }

    fn open_at(mode: Mode, path: &Path, options: Options) -> Result<Self> {
        Ok(if mode.is_async() {
            Client::Async(configure(PerSql::builder().local(path), options).build()?)
        } else {
            Client::Blocking(configure(blocking::PerSql::builder().local(path), options).build()?)
        })
    }

    /// A handle to a database of this name.
    ///
    /// # Errors
    /// If it is not a name.
    pub fn db(&self, name: &str) -> Result<Any> {
        Ok(match self {
            Client::Blocking(client) => Any::blocking(client.database(name)?),
            Client::Async(client) => Any::asynchronous(client.database(name)?),
        })
    }

    /// See [`PerSql::close`].
    pub fn close(&self) {
        match self {
            Client::Blocking(client) => client.close(),
            Client::Async(client) => client.close(),
        }
    }

    /// See [`PerSql::usage`].
    pub fn usage(&self) -> Meta {
        match self {
            Client::Blocking(client) => client.usage(),
            Client::Async(client) => client.usage(),
        }
    }
}

fn configure<C>(builder: Builder<C>, options: Options) -> Builder<C> {
    builder.strict_limits(options.strict_limits).busy_timeout(options.busy_timeout).durability(options.durability)
}
