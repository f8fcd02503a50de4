//! The asynchronous handle to one database.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Answer, Branches, Description, Error, ErrorKind, Handle, Lease, Leasing, Open, Params, PerSql, Plan, Request,
    Result, Rows, Snapshots, Sql, Statement, Step, TableInfo, Then, blocking, branches::Scope, client::Shared,
    url::Url,
};

/// A boxed future that can move between threads: what [`Database`] replies with.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An asynchronous handle to one database. Cheap to clone; clones share the client.
///
/// In local mode the work is done on threads of the library's own, so the executor is never blocked and none is
/// needed. Dropping a future stops nothing that has begun: a write is done as a whole or not at all.
#[derive(Clone)]
pub struct Database(pub(crate) Link);

impl Database {
    /// A handle to a database that this URL names: `persql://namespace/database`, `sqlite:path/to/file.db` or
    /// `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones, or a bad
    /// name; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if this build has not that mode.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> persql_core::Result<()> {
    /// let db = persql_core::Database::from_url("sqlite::memory:")?;
    /// db.query("CREATE TABLE note(text TEXT)", ()).await?;
    /// # Ok(()) }
    /// ```
    pub fn from_url(url: &str) -> Result<Self> {
        let (shared, name) = Url::parse(url)?.open::<PerSql>(|client| client.0)?;
        Ok(Self(Link::new(shared, name)))
    }

    /// A handle to the database that the environment names: `PERSQL_DATABASE` holds a URL, or `namespace/database`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env() -> Result<Self> {
        let (shared, name) = Url::open_env::<PerSql>(|client| client.0)?;
        Ok(Self(Link::new(shared, name)))
    }

    /// A handle to the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names. It owns
    /// its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
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

    /// The same database with a time limit on every request. A request that takes longer is interrupted, leaves
    /// nothing behind and fails with [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). The time that it waits for other
    /// writers counts. A server is not told of it: there the error says whether the write may have been done.
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        Self(self.0.with_timeout(limit))
    }

    /// The same database for callers that block.
    pub fn blocking(&self) -> blocking::Database {
        blocking::Database(self.0.clone())
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`](crate::ErrorKind::Sql), [`Conflict`](crate::ErrorKind::Conflict) for a broken rule,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for no statement or two in one text,
    /// [`Denied`](crate::ErrorKind::Denied) for `BEGIN`, `ATTACH` and the like,
    /// [`NotFound`](crate::ErrorKind::NotFound) for a read of a database that nothing was written to, and what the
    /// connection can suffer.
    pub fn query(&self, sql: impl Into<Sql>, params: impl Params) -> BoxFuture<Result<Rows>> {
        self.run(Plan::query(Statement::new(sql, params)))
    }

    /// Runs statements, each for itself: the first error ends the batch, and what came before it stays. No statement is
    /// no request.
    ///
    /// # Errors
    /// As [`query`](Database::query).
    pub fn batch<S: Into<Statement>>(&self, statements: impl IntoIterator<Item = S>) -> BoxFuture<Result<Vec<Rows>>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), false))
    }

    /// Runs statements in one transaction: all of them take effect, or none.
    ///
    /// # Errors
    /// As [`query`](Database::query).
    pub fn transaction<S: Into<Statement>>(
        &self,
        statements: impl IntoIterator<Item = S>,
    ) -> BoxFuture<Result<Vec<Rows>>> {
        self.run(Plan::raw_batch(statements.into_iter().map(Into::into), true))
    }

    /// The tables and how many rows each has, by name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing was written to the database yet.
    pub fn tables(&self) -> BoxFuture<Result<Vec<TableInfo>>> {
        self.run(Plan::tables())
    }

    /// The whole schema.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if nothing was written to the database yet.
    pub fn describe(&self) -> BoxFuture<Result<Description>> {
        self.run(Plan::describe())
    }

    /// The branches of this database.
    pub fn branches(&self) -> Branches<Self> {
        Branches::new(self.clone())
    }

    /// The snapshots of this database.
    pub fn snapshots(&self) -> Snapshots<Self> {
        Snapshots::new(self.clone())
    }

    /// Closes the client that this handle belongs to: see [`PerSql::close`].
    pub fn close(&self) {
        self.0.shared.close();
    }
}

impl Handle for Database {
    type Reply<T: Send + 'static> = BoxFuture<Result<T>>;

    fn run<T: Send + 'static>(&self, mut plan: Plan<T>) -> BoxFuture<Result<T>> {
        let link = self.0.clone();
        Box::pin(async move {
            // An operation that sends nothing is refused too.
            let open = link.shared.check_open();
            loop {
                plan = match plan.into_step() {
                    Step::Done(result) => return result.and_then(|value| open.map(|()| value)),
                    Step::Send(request, then) => link.advance(request, then).await,
                }
            }
        })
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
        f.debug_tuple("Database").field(&self.0.name).finish()
    }
}

/// What both kinds of handle are made of.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) name: DatabaseName,
    limit: Option<Duration>,
    scope: Option<Scope>,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, name: DatabaseName) -> Self {
        Self { shared, name, limit: None, scope: None }
    }

    pub(crate) fn with_timeout(&self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self.clone() }
    }

    /// The same for somebody who may not do everything.
    #[cfg(feature = "server")]
    pub(crate) fn with_scope(&self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self.clone() }
    }

    /// The same for a branch.
    pub(crate) fn leased(&self, lease: &Lease) -> Result<Self> {
        let slug = &lease.branch.database_slug;
        let scope = Some(Scope { role: lease.role, ends: lease.branch.expires_at });
        let (shared, name) = match &lease.branch.secret.0 {
            // A branch of the service is a database with a name and a token.
            Some(token) => {
                let name = DatabaseName::of(self.name.namespace(), slug);
                let unusable = |_| Error::new(ErrorKind::Corrupt, "the server gave the branch a name that is none");
                (self.shared.with_token(token)?, name.map_err(unusable)?)
            }
            None => (Arc::clone(&self.shared), DatabaseName::branch(&self.name, slug)),
        };
        Ok(Self { shared, name, limit: self.limit, scope })
    }

    /// What is sent instead of the request because of the lease, if anything.
    fn narrow(&self, request: &Request) -> Result<Option<Request>> {
        match self.scope {
            Some(scope) => scope.narrow(request, self.shared.now()),
            None => Ok(None),
        }
    }

    /// Sends one request and waits on this thread.
    pub(crate) fn send(&self, request: &Request) -> Result<Answer> {
        self.shared.check(request)?;
        let narrowed = self.narrow(request)?;
        let request = narrowed.as_ref().unwrap_or(request);
        let started = Instant::now();
        let mut outcome = self.shared.transport.send(&self.name, request, self.limit);
        self.shared.account(request, &mut outcome, started);
        outcome
    }

    /// Sends one request and goes on with its outcome.
    async fn advance<T: Send + 'static>(&self, request: Request, then: Then<T>) -> Plan<T> {
        let request = match self.shared.check(&request).and_then(|()| self.narrow(&request)) {
            Ok(narrowed) => narrowed.unwrap_or(request),
            Err(error) => return then.resume(request, Err(error)),
        };
        let shared = Arc::clone(&self.shared);
        let started = Instant::now();
        let then = then.first(move |request, outcome| shared.account(request, outcome, started));
        self.shared.transport.advance(&self.name, request, self.limit, then).await
    }
}

/// The name of a database: `namespace/database`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DatabaseName {
    namespace: Arc<str>,
    database: Arc<str>,
}

impl DatabaseName {
    /// Reads `namespace/database`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if it is not two parts of 1 to 100 letters, digits,
    /// `.`, `_` or `-`, each beginning with a letter or a digit. So a name is also a safe name for a file.
    pub fn parse(name: &str) -> Result<Self> {
        match name.split_once('/') {
            Some((namespace, database)) if is_part(namespace) && is_part(database) => {
                Ok(Self { namespace: namespace.into(), database: database.into() })
            }
            _ => Err(Error::invalid(
                "a database name is namespace/database, each part 1 to 100 letters, digits, '.', '_' or '-' that begin with a letter or a digit",
            )
            .context("name", format_args!("{name:?}"))),
        }
    }

    /// The namespace that local databases are in if none is said.
    pub(crate) const LOCAL: &str = "local";

    /// A name of these two parts.
    pub(crate) fn of(namespace: &str, database: &str) -> Result<Self> {
        Self::parse(&format!("{namespace}/{database}"))
    }

    /// The name of the branch that this database holds. No name that is parsed is of this form.
    pub(crate) fn branch(of: &Self, slug: &str) -> Self {
        Self { namespace: Arc::clone(&of.namespace), database: format!("~{slug}").into() }
    }

    /// The database that holds a branch, if this names one.
    #[cfg(feature = "local")]
    pub(crate) fn as_branch(&self) -> Option<&str> {
        self.database.strip_prefix('~')
    }

    /// The name of the only database of a file, or of a client of one database in memory.
    pub(crate) fn only() -> Self {
        Self { namespace: Self::LOCAL.into(), database: "main".into() }
    }

    /// The part before the slash.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The part after the slash.
    pub fn database(&self) -> &str {
        &self.database
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.database)
    }
}

impl fmt::Debug for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn is_part(part: &str) -> bool {
    part.len() <= 100
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Locks. Our own code does not panic under a lock, so what a panic left behind is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_two_safe_parts() {
        let name = DatabaseName::parse("acme/agent-state.v2_x").unwrap();
        assert_eq!(
            (name.namespace(), name.database(), name.to_string().as_str()),
            ("acme", "agent-state.v2_x", "acme/agent-state.v2_x")
        );
        let long = format!("a/{}", "b".repeat(101));
        for bad in [
            "",
            "acme",
            "/a",
            "a/",
            "a/b/c",
            "../etc/passwd",
            "a/..",
            "a/.hidden",
            "a/b c",
            "a/b\0",
            "ä/b",
            "a\\b/c",
            &long,
        ] {
            assert!(DatabaseName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
