//! Clients with a clock that the case sets, and what the cases say often.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use persql_conformance::{Any, Client, Kind, World};
use persql_core::{Builder, Durability, ErrorKind, PerSql, Result, blocking};
use persql_server::{Config, Role, Server};

/// A client, and the time that it goes by, or its server.
pub(crate) struct Timed {
    pub(crate) client: Client,
    now: Arc<AtomicU64>,
}

impl Timed {
    /// A client of a storage of its own.
    pub(crate) fn new(world: &World) -> Result<Self> {
        Self::at(world, &world.directory(), |builder| builder, |builder| builder)
    }

    /// A client of this path, or of an empty storage in memory.
    pub(crate) fn at(
        world: &World,
        path: &Path,
        blocking: impl FnOnce(Builder<blocking::PerSql>) -> Builder<blocking::PerSql>,
        asynchronous: impl FnOnce(Builder<PerSql>) -> Builder<PerSql>,
    ) -> Result<Self> {
        // Beside a server stands a client with a clock that nobody sets: the server decides what is over.
        let now = if world.mode().is_server() { seconds_now() } else { 1_700_000_000 };
        let now = Arc::new(AtomicU64::new(now));
        let time = Arc::clone(&now);
        let clock = move || UNIX_EPOCH + Duration::from_secs(time.load(Ordering::SeqCst));
        if world.mode().is_server() {
            return Ok(Self { client: served(path, world.mode().is_async(), clock)?, now });
        }
        let path = if world.mode().is_file() { path } else { Path::new(":memory:") };
        let client = if world.mode().is_async() {
            let builder = PerSql::builder().local(path).strict_limits(true).clock(clock);
            Client::new(Kind::Async(asynchronous(builder).build()?))
        } else {
            let builder = blocking::PerSql::builder().local(path).strict_limits(true).clock(clock);
            Client::new(Kind::Blocking(blocking(builder).build()?))
        };
        Ok(Self { client, now })
    }

    pub(crate) fn db(&self) -> Result<Any> {
        self.client.db("acme/agent-state")
    }

    /// A database with a table of one row.
    pub(crate) fn with_note(&self) -> Result<Any> {
        let db = self.db()?;
        db.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('first')"])?;
        Ok(db)
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.now.fetch_add(time.as_secs(), Ordering::SeqCst);
    }

    pub(crate) fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now.load(Ordering::SeqCst))
    }
}

/// A client of a server of its own, whose data is in this directory.
fn served(directory: &Path, is_async: bool, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Result<Client> {
    let config = Config::new(directory).listen(([127, 0, 0, 1], 0).into()).durability(Durability::Normal);
    let server = Server::start(config.clock(clock))?;
    let make = move |namespace: &str| {
        let (token, url) = (server.tokens().create(namespace, Role::Admin)?, server.url());
        Ok(if is_async {
            Kind::Async(PerSql::builder().token(token).api_url(url).build()?)
        } else {
            Kind::Blocking(blocking::PerSql::builder().token(token).api_url(url).build()?)
        })
    };
    Ok(Client::with_others(make("acme")?, make))
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// The notes of a database.
pub(crate) fn notes(db: &Any) -> Result<Vec<String>> {
    db.query("SELECT text FROM note ORDER BY rowid", ())?.iter().map(|row| row.get("text")).collect()
}

/// The kind of the error that there must be.
pub(crate) fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}
