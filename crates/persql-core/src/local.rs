//! SQLite in this process: where the databases are, and who has them open.

mod branches;
mod cache;
mod catalog;
mod checkpoint;
mod connection;
mod control;
mod copy;
mod databases;
mod describe;
mod error;
mod execute;
mod file;
mod identity;
mod job;
mod leader;
mod location;
mod memory;
#[cfg(feature = "server")]
mod once;
mod readers;
mod rules;
mod shelf;
mod snapshots;
mod workers;
mod writer;

use std::{path::Path, sync::Arc, time::Duration};

pub(crate) use location::Location;
pub(crate) use workers::Owner;

use crate::{Answer, Batch, DatabaseName, Plan, Request, Result, Then, control::Clock};
use cache::Cache;
use catalog::Catalog;
use checkpoint::LeftLogs;
use file::FileStore;
use memory::MemoryStore;
use shelf::Shelf;

/// What an acknowledged write survives, for databases in files.
///
/// Both survive the end of the process, whatever ends it, and neither ever leaves half a write behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// `synchronous=NORMAL`: a power cut or a crash of the operating system may undo the last writes.
    #[default]
    Normal,
    /// `synchronous=FULL`: every acknowledged write survives a power cut. Each transaction waits for the disk.
    Full,
}

/// How a local file was written: fewer transactions than writes means that callers shared them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteStats {
    /// Transactions.
    pub transactions: u64,
    /// Requests that wrote.
    pub writes: u64,
}

/// How local databases are opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) durability: Durability,
    pub(crate) strict_limits: bool,
    pub(crate) busy_timeout: Duration,
    /// The largest write-ahead log that a reader who stays may cause.
    pub(crate) log_limit: u64,
    /// Whether a write does not create the database.
    pub(crate) must_exist: bool,
    /// Whether SQL cannot name the service's own tables.
    pub(crate) hides_records: bool,
    /// Whose share of the threads the work takes.
    pub(crate) owner: Owner,
    /// Bytes that SQLite may have in the whole process.
    pub(crate) memory: Option<usize>,
}

impl Options {
    /// What a client has unless it says otherwise.
    pub(crate) const DEFAULT: Self = Self {
        durability: Durability::Normal,
        strict_limits: false,
        busy_timeout: Duration::from_secs(30),
        log_limit: 1 << 30,
        must_exist: false,
        hides_records: false,
        owner: Owner::NOBODY,
        memory: None,
    };
}

/// All local databases of a client.
#[derive(Debug)]
pub(crate) struct Engine {
    location: Location,
    options: Options,
    only: DatabaseName,
    clock: Clock,
    cache: Cache,
    catalog: Catalog,
    shelf: Shelf,
}

/// One local database. Cheap to clone.
#[derive(Clone, Debug)]
enum Store {
    File(Arc<FileStore>),
    Memory(Arc<MemoryStore>),
}

impl Store {
    /// How many connections are open. A database in memory has none that could be closed.
    fn connections(&self) -> usize {
        match self {
            Store::File(store) => store.connections(),
            Store::Memory(_) => 0,
        }
    }

    /// Whether it can be closed: nobody but the cache has it. A database in memory would be lost.
    fn is_idle(&self) -> bool {
        match self {
            Store::File(store) => Arc::strong_count(store) == 1 && !store.is_written_to(),
            Store::Memory(_) => false,
        }
    }
}

impl Engine {
    /// `most` is how many connections stay open while nobody uses them.
    pub(crate) fn new(location: Location, options: Options, most: Option<usize>, clock: Clock) -> Self {
        let side = location.side();
        Self {
            catalog: Catalog::new(side.as_ref().map(|side| side.join("catalog.db")), options),
            shelf: Shelf::new(side.map(|side| side.join("copies"))),
            cache: Cache::new(most, LeftLogs::new(options)),
            only: DatabaseName::only(),
            location,
            options,
            clock,
        }
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.options.strict_limits
    }

    pub(crate) fn write_stats(&self, name: &DatabaseName) -> Option<WriteStats> {
        match self.store(name) {
            Store::File(store) => Some(store.write_stats()),
            Store::Memory(_) => None,
        }
    }

    /// Runs one request on the calling thread.
    pub(crate) fn send(&self, name: &DatabaseName, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        if let Request::Control(control) = request {
            return self.control(name, control).map(Answer::Controlled);
        }
        rules::check_texts(request, self.options)?;
        self.store(name).send(request, limit)
    }

    /// Runs one request away from the calling task, and the continuation of a read with it: decoding a long answer is
    /// work that does not belong on an executor. Dropping the future stops nothing that has begun.
    pub(crate) async fn advance<T: Send + 'static>(
        self: &Arc<Self>,
        name: &DatabaseName,
        request: Request,
        limit: Option<Duration>,
        then: Then<T>,
    ) -> Plan<T> {
        if matches!(request, Request::Control(_)) {
            let (this, owner, name) = (Arc::clone(self), self.owner(name), name.clone());
            let work = move || {
                let outcome = this.send(&name, &request, limit);
                then.resume(request, outcome)
            };
            return workers::run(owner, work).await.unwrap_or_else(Plan::err);
        }
        if let Err(error) = rules::check_texts(&request, self.options) {
            return then.resume(request, Err(error));
        }
        let (store, batch) = match (self.store(name), request) {
            (Store::File(store), Request::Batch(batch)) => (store, batch),
            (store, request) => {
                let work = move || {
                    let outcome = store.send(&request, limit);
                    then.resume(request, outcome)
                };
                return workers::run(self.owner(name), work).await.unwrap_or_else(Plan::err);
            }
        };
        let (batch, then) = if batch.surely_writes() {
            (batch, then)
        } else {
            let reader = Arc::clone(&store);
            // A worker must not wait for the writer: those that wait could be all there are.
            let work = move || match reader.read_batch(&batch, limit) {
                Some(outcome) => Went::Read(then.resume(Request::Batch(batch), outcome.map(Answer::Sets))),
                None => Went::Writes(batch, then),
            };
            match workers::run(self.owner(name), work).await {
                Ok(Went::Read(plan)) => return plan,
                Ok(Went::Writes(batch, then)) => (batch, then),
                Err(error) => return Plan::err(error),
            }
        };
        match store.enqueue(batch, limit).await {
            Ok((batch, outcome)) => then.resume(Request::Batch(batch), outcome),
            Err(error) => Plan::err(error),
        }
    }

    /// Forgets every open database; each closes when its last operation ends.
    pub(crate) fn close(&self) {
        self.cache.clear();
        self.catalog.close();
    }

    /// Every name means the same file where the location is one file, but a branch is always another.
    fn key<'a>(&'a self, name: &'a DatabaseName) -> &'a DatabaseName {
        if self.location.is_one_file() && name.as_branch().is_none() { &self.only } else { name }
    }

    /// Whose work it is that is done for this database: its namespace's.
    fn owner(&self, name: &DatabaseName) -> Owner {
        let path = self.location.path(name);
        Owner::of(path.as_deref().and_then(Path::parent).unwrap_or(Path::new(name.namespace())))
    }

    fn store(&self, name: &DatabaseName) -> Store {
        let name = self.key(name);
        if let Some(slug) = name.as_branch() {
            return self.cache.get(name, || self.branch_store(slug, self.owner(name)));
        }
        self.cache.get(name, || match self.location.path(name) {
            Some(path) => {
                let options = Options { owner: self.owner(name), ..self.options };
                Store::File(Arc::new(FileStore::new(path, options)))
            }
            None => Store::Memory(Arc::new(MemoryStore::new(self.options))),
        })
    }
}

impl Store {
    fn send(&self, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        match self {
            Store::File(store) => store.send(request, limit),
            Store::Memory(store) => store.send(request, limit),
        }
    }
}

/// What became of a batch that could have been a read.
enum Went<T> {
    Read(Plan<T>),
    Writes(Batch, Then<T>),
}
