//! What a case gets: a storage of its own, and handles to it.

use std::{path::PathBuf, time::Duration};

use persql_core::{Builder, PerSql, Result, blocking};
use tempfile::TempDir;

use crate::{Any, Mode};

/// The storage of one trial. Empty at first, and gone with it.
#[derive(Debug)]
pub struct World {
    mode: Mode,
    directory: TempDir,
    client: Client,
}

#[derive(Debug)]
enum Client {
    Blocking(blocking::PerSql),
    Async(PerSql),
}

/// The database that [`World::db`] is a handle to.
const NAME: &str = "acme/agent-state";

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

    /// The file of the world's database, if it is in one.
    pub fn file(&self) -> Option<PathBuf> {
        self.mode.is_file().then(|| self.directory.path().join(format!("{NAME}.db")))
    }

    /// A directory for whatever else a case needs.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("other")
    }
}

impl Client {
    /// Every client keeps the service's limits, so that no case passes locally that would fail remotely.
    fn open(mode: Mode, directory: &TempDir) -> Result<Self> {
        let path = if mode.is_file() { directory.path().to_owned() } else { ":memory:".into() };
        Ok(if mode.is_async() {
            Client::Async(configure(PerSql::builder().local(path)).build()?)
        } else {
            Client::Blocking(configure(blocking::PerSql::builder().local(path)).build()?)
        })
    }

    fn db(&self, name: &str) -> Result<Any> {
        Ok(match self {
            Client::Blocking(client) => Any::blocking(client.database(name)?),
            Client::Async(client) => Any::asynchronous(client.database(name)?),
        })
    }
}

fn configure<C>(builder: Builder<C>) -> Builder<C> {
    builder.strict_limits(true).busy_timeout(Duration::from_secs(60))
}
