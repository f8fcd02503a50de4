//! A handle of any mode that answers as a blocking one, and counts its requests.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use persql_core::{
    Database, Description, Handle, Lease, Leasing, Params, Plan, Result, Rows, Sql, Statement, TableInfo, blocking,
};
use tokio::runtime::Runtime;

/// The runtime that asynchronous callers of all cases share.
#[allow(clippy::expect_used, reason = "without a runtime there is no test")]
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a tokio runtime"));

/// A handle of any mode. Clones count together.
#[derive(Clone, Debug)]
pub struct Any {
    inner: Inner,
    requests: Arc<AtomicUsize>,
}

#[derive(Clone, Debug)]
enum Inner {
    Blocking(blocking::Database),
    Async(Database),
}

impl Any {
    /// Wraps a blocking handle.
    pub fn blocking(db: blocking::Database) -> Self {
        Self { inner: Inner::Blocking(db), requests: Arc::default() }
    }

    /// Wraps an asynchronous handle; its futures are run to their end.
    pub fn asynchronous(db: Database) -> Self {
        Self { inner: Inner::Async(db), requests: Arc::default() }
    }

    /// The asynchronous handle to the same database, whatever the mode.
    pub fn to_async(&self) -> Database {
        match &self.inner {
            Inner::Blocking(db) => db.asynchronous(),
            Inner::Async(db) => db.clone(),
        }
    }

    /// The blocking handle to the same database, whatever the mode.
    pub fn to_blocking(&self) -> blocking::Database {
        match &self.inner {
            Inner::Blocking(db) => db.clone(),
            Inner::Async(db) => db.blocking(),
        }
    }

    /// The same database with a time limit on every request: see [`Database::with_timeout`].
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        let inner = match &self.inner {
            Inner::Blocking(db) => Inner::Blocking(db.with_timeout(limit)),
            Inner::Async(db) => Inner::Async(db.with_timeout(limit)),
        };
        Self { inner, requests: Arc::clone(&self.requests) }
    }

    /// Waits for a future, on the runtime that asynchronous modes use.
    pub fn block_on<T>(future: impl Future<Output = T>) -> T {
        RUNTIME.block_on(future)
    }

    /// How many requests `work` sends through this handle and its clones, and what it gives.
    pub fn counting<T>(&self, work: impl FnOnce() -> T) -> (usize, T) {
        let before = self.requests.load(Ordering::SeqCst);
        let value = work();
        (self.requests.load(Ordering::SeqCst) - before, value)
    }

    /// See [`Database::query`].
    ///
    /// # Errors
    /// As there.
    pub fn query(&self, sql: impl Into<Sql>, params: impl Params) -> Result<Rows> {
        self.run(Plan::query(Statement::new(sql, params)))
    }

    /// See [`Database::batch`].
    ///
    /// # Errors
    /// As there.
    pub fn batch<S: Into<Statement>>(&self, statements: impl IntoIterator<Item = S>) -> Result<Vec<Rows>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), false))
    }

    /// See [`Database::transaction`].
    ///
    /// # Errors
    /// As there.
    pub fn transaction<S: Into<Statement>>(&self, statements: impl IntoIterator<Item = S>) -> Result<Vec<Rows>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), true))
    }

    /// See [`Database::tables`].
    ///
    /// # Errors
    /// As there.
    pub fn tables(&self) -> Result<Vec<TableInfo>> {
        self.run(Plan::tables())
    }

    /// See [`Database::describe`].
    ///
    /// # Errors
    /// As there.
    pub fn describe(&self) -> Result<Description> {
        self.run(Plan::describe())
    }
}

impl Leasing for Any {
    fn leased(&self, lease: &Lease) -> Result<Self> {
        let inner = match &self.inner {
            Inner::Blocking(db) => Inner::Blocking(db.leased(lease)?),
            Inner::Async(db) => Inner::Async(db.leased(lease)?),
        };
        Ok(Self { inner, requests: Arc::clone(&self.requests) })
    }
}

impl Handle for Any {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Result<T> {
        let requests = Arc::clone(&self.requests);
        let plan = plan.inspect(move |_| {
            requests.fetch_add(1, Ordering::SeqCst);
        });
        match &self.inner {
            Inner::Blocking(db) => db.run(plan),
            // On the runtime's own threads, as a program would: a future that is not `Send` does not compile here.
            Inner::Async(db) => match RUNTIME.block_on(RUNTIME.spawn(db.run(plan))) {
                Ok(result) => result,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
}
