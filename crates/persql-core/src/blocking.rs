//! The same client and handle for callers that block: in programs without an executor, and on threads of your own.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Branches, Builder, Databases, Description, Handle, Lease, Leasing, Me, Meta, Open, Params, Plan, Result, Rows,
    Snapshots, Sql, Statement, Step, TableInfo,
    client::Shared,
    database::{DatabaseName, Link},
    me::me,
    url::Url,
};

/// A blocking client: makes [`Database`] handles. Cheap to clone; clones share everything.
///
/// # Examples
/// ```
/// use persql_core::blocking::PerSql;
///
/// # fn main() -> persql_core::Result<()> {
/// let db = PerSql::local(":memory:")?.database("acme/agent-state")?;
/// db.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('hello')"])?;
/// assert_eq!(db.tables()?[0].row_count, 1);
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
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the path is empty or holds a NUL.
    #[cfg(feature = "local")]
    pub fn local(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Self::builder().local(path).build()
    }

    /// A client for databases at PerSQL: see [`PerSql::new`](crate::PerSql::new).
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "remote")]
    pub fn new(token: impl Into<String>) -> Result<Self> {
        Self::builder().token(token).build()
    }

    /// A client with the settings of the environment: see [`PerSql::from_env`](crate::PerSql::from_env).
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "remote")]
    pub fn from_env() -> Result<Self> {
        Self::builder().from_env()?.build()
    }

    /// A handle to the database `namespace/database`. No I/O: the first write creates the database.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the name is not such a name: see
    /// [`DatabaseName::parse`].
    pub fn database(&self, name: &str) -> Result<Database> {
        Ok(Database(Link::new(Arc::clone(&self.0), DatabaseName::parse(name)?)))
    }

    /// The databases of this client.
    pub fn databases(&self) -> Databases<Database> {
        Databases::new(Database(Link::new(Arc::clone(&self.0), DatabaseName::only())))
    }

    /// Who this client is to its server: see [`PerSql::me`](crate::PerSql::me).
    ///
    /// # Errors
    /// As there.
    pub fn me(&self) -> Result<Me> {
        Database(Link::new(Arc::clone(&self.0), DatabaseName::only())).run(me())
    }

    /// What all requests of this client have cost so far.
    pub fn usage(&self) -> Meta {
        self.0.usage()
    }

    /// Closes the client: see [`PerSql::close`](crate::PerSql::close).
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

/// A blocking handle to one database. Cheap to clone; clones share the client.
#[derive(Clone)]
pub struct Database(pub(crate) Link);

impl Database {
    /// A handle to the database that this URL names: see [`Database::from_url`](crate::Database::from_url).
    ///
    /// # Errors
    /// As there.
    pub fn from_url(url: &str) -> Result<Self> {
        let (shared, name) = Url::parse(url)?.open::<PerSql>(|client| client.0)?;
        Ok(Self(Link::new(shared, name)))
    }

    /// A handle to the database that the environment names: see [`Database::from_env`](crate::Database::from_env).
    ///
    /// # Errors
    /// As there.
    pub fn from_env() -> Result<Self> {
        let (shared, name) = Url::open_env::<PerSql>(|client| client.0)?;
        Ok(Self(Link::new(shared, name)))
    }

    /// A handle to the database `namespace/database` at PerSQL: see
    /// [`Database::from_token`](crate::Database::from_token).
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str) -> Result<Self> {
        let (shared, name) =
            Url::PerSql(database.to_owned()).open_with::<PerSql>(Some(token.into()), |client| client.0)?;
        Ok(Self(Link::new(shared, name)))
    }

    /// A handle to a local database: see [`PerSql::local`] for what the path means. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the path is empty or holds a NUL.
    #[cfg(feature = "local")]
    pub fn local(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(Self(Link::new(PerSql::local(path)?.0, DatabaseName::only())))
    }

    /// The `namespace/database` that this is a handle to.
    pub fn name(&self) -> &DatabaseName {
        &self.0.name
    }

    /// The same database with a time limit on every request: see
    /// [`Database::with_timeout`](crate::Database::with_timeout).
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        Self(self.0.with_timeout(limit))
    }

    /// The same database for asynchronous callers.
    pub fn asynchronous(&self) -> crate::Database {
        crate::Database(self.0.clone())
    }

    /// Runs one statement: see [`Database::query`](crate::Database::query).
    ///
    /// # Errors
    /// As there.
    pub fn query(&self, sql: impl Into<Sql>, params: impl Params) -> Result<Rows> {
        self.run(Plan::query(Statement::new(sql, params)))
    }

    /// Runs statements, each for itself: the first error ends the batch, and what came before it stays.
    ///
    /// # Errors
    /// As [`query`](Database::query).
    pub fn batch<S: Into<Statement>>(&self, statements: impl IntoIterator<Item = S>) -> Result<Vec<Rows>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), false))
    }

    /// Runs statements in one transaction: all of them take effect, or none.
    ///
    /// # Errors
    /// As [`query`](Database::query).
    ///
    /// # Examples
    /// ```
    /// use persql_core::{ErrorKind, blocking::Database};
    ///
    /// # fn main() -> persql_core::Result<()> {
    /// let db = Database::local(":memory:")?;
    /// db.query("CREATE TABLE account(name TEXT PRIMARY KEY)", ())?;
    /// let insert = "INSERT INTO account VALUES ('ada')";
    /// let error = db.transaction([insert, insert]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Conflict);
    /// assert_eq!(db.tables()?[0].row_count, 0);
    /// # Ok(()) }
    /// ```
    pub fn transaction<S: Into<Statement>>(&self, statements: impl IntoIterator<Item = S>) -> Result<Vec<Rows>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), true))
    }

    /// The tables and how many rows each has, by name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing was written to the database yet.
    pub fn tables(&self) -> Result<Vec<TableInfo>> {
        self.run(Plan::tables())
    }

    /// The whole schema.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing was written to the database yet.
    pub fn describe(&self) -> Result<Description> {
        self.run(Plan::describe())
    }

    /// How a local file was written since this client opened it last; `None` for a database in memory or at a server.
    #[cfg(feature = "local")]
    pub fn write_stats(&self) -> Option<crate::WriteStats> {
        self.0.shared.transport.write_stats(&self.0.name)
    }

    /// The branches of this database.
    pub fn branches(&self) -> Branches<Self> {
        Branches::new(self.clone())
    }

    /// The snapshots of this database.
    pub fn snapshots(&self) -> Snapshots<Self> {
        Snapshots::new(self.clone())
    }

    /// Closes the client that this handle belongs to: see [`PerSql::close`](crate::PerSql::close).
    pub fn close(&self) {
        self.0.shared.close();
    }
}

impl Handle for Database {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, mut plan: Plan<T>) -> Result<T> {
        // An operation that sends nothing is refused too.
        let open = self.0.shared.check_open();
        loop {
            plan = match plan.into_step() {
                Step::Done(result) => return result.and_then(|value| open.map(|()| value)),
                Step::Send(request, then) => {
                    let outcome = self.0.send(&request);
                    then.resume(request, outcome)
                }
            }
        }
    }
}

impl Open for Database {
    #[cfg(feature = "remote")]
    fn open_token(token: String, database: &str) -> Result<Self> {
        Self::from_token(token, database)
    }

    fn open_url(url: &str) -> Result<Self> {
        Self::from_url(url)
    }

    fn open_env() -> Result<Self> {
        Self::from_env()
    }

    fn close_client(&self) {
        self.close();
    }
}

impl Leasing for Database {
    fn leased(&self, lease: &Lease) -> Result<Self> {
        self.0.leased(lease).map(Self)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("blocking::Database").field(&self.0.name).finish()
    }
}
