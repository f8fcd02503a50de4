//! SQLite in this process: where the databases are, and who has them open.

mod connection;
mod describe;
mod error;
mod execute;
mod file;
mod job;
mod leader;
mod location;
mod memory;
mod readers;
mod rules;
mod workers;
mod writer;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) use location::Location;

use crate::{Answer, Batch, DatabaseName, Plan, Request, Result, Then, database::lock};
use file::FileStore;
use memory::MemoryStore;

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
}

/// All local databases of a client.
#[derive(Debug)]
pub(crate) struct Engine {
    location: Location,
    options: Options,
    stores: Mutex<HashMap<DatabaseName, Store>>,
}

/// One local database. Cheap to clone.
#[derive(Clone, Debug)]
enum Store {
    File(Arc<FileStore>),
    Memory(Arc<MemoryStore>),
}

impl Engine {
    pub(crate) fn new(location: Location, options: Options) -> Self {
        Self { location, options, stores: Mutex::default() }
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
        rules::check_texts(request)?;
        self.store(name).send(request, limit)
    }

    /// Runs one request away from the calling task, and the continuation of a read with it: decoding a long answer is
    /// work that does not belong on an executor. Dropping the future stops nothing that has begun.
    pub(crate) async fn advance<T: Send + 'static>(
        &self,
        name: &DatabaseName,
        request: Request,
        limit: Option<Duration>,
        then: Then<T>,
    ) -> Plan<T> {
        if let Err(error) = rules::check_texts(&request) {
            return then.resume(request, Err(error));
        }
        let (store, batch) = match (self.store(name), request) {
            (Store::File(store), Request::Batch(batch)) => (store, batch),
            (store, request) => {
                let work = move || {
                    let outcome = store.send(&request, limit);
                    then.resume(request, outcome)
                };
                return workers::run(work).await.unwrap_or_else(Plan::err);
            }
        };
        let (batch, then) = if batch.access().surely_writes() {
            (batch, then)
        } else {
            let reader = Arc::clone(&store);
            // A worker must not wait for the writer: those that wait could be all there are.
            let work = move || match reader.read_batch(&batch, limit) {
                Some(outcome) => Went::Read(then.resume(Request::Batch(batch), outcome.map(Answer::Sets))),
                None => Went::Writes(batch, then),
            };
            match workers::run(work).await {
                Ok(Went::Read(plan)) => return plan,
                Ok(Went::Writes(batch, then)) => (batch, then),
                Err(error) => return Plan::err(error),
            }
        };
        match store.enqueue(batch, limit).await {
            Ok((batch, outcome)) => then.resume(Request::Batch(batch), outcome.map(Answer::Sets)),
            Err(error) => Plan::err(error),
        }
    }

    /// Forgets every open database; each closes when its last operation ends.
    pub(crate) fn close(&self) {
        lock(&self.stores).clear();
    }

    fn store(&self, name: &DatabaseName) -> Store {
        // Every name means the same file where the location is one file.
        let name = if self.location.is_one_file() { &DatabaseName::only() } else { name };
        let mut stores = lock(&self.stores);
        if let Some(store) = stores.get(name) {
            return store.clone();
        }
        let store = match self.location.path(name) {
            Some(path) => Store::File(Arc::new(FileStore::new(path, self.options))),
            None => Store::Memory(Arc::new(MemoryStore::new(self.options))),
        };
        stores.insert(name.clone(), store.clone());
        store
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
