//! Options of a repository, a manager or a storage.

use std::{fmt, sync::Arc};

use persql_core::{Handle, Result};

use crate::{PerSqlSessionManager, PerSqlSessionRepository, PerSqlStorage, texts::Texts};

/// Configures a [`PerSqlSessionRepository`], a [`PerSqlSessionManager`] or a [`PerSqlStorage`].
///
/// # Examples
/// ```
/// use persql_strands::blocking::{Database, PerSqlSessionRepository};
///
/// # fn main() -> persql_strands::Result<()> {
/// let db = Database::local(":memory:")?;
/// let repository = PerSqlSessionRepository::builder(db).table_prefix("team_a_").build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<D: Handle> {
    db: D,
    table_prefix: String,
    create_tables: bool,
}

impl<D: Handle> Builder<D> {
    pub(crate) fn new(db: D) -> Self {
        Self { db, table_prefix: Texts::PREFIX.to_owned(), create_tables: true }
    }

    /// What the tables' names start with. The default is `strands_`.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// Whether the first write may create the tables. True unless said otherwise; without it a write to tables that
    /// are not there fails.
    pub fn create_tables(mut self, create: bool) -> Self {
        self.create_tables = create;
        self
    }

    /// Makes a repository. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the prefix makes a name that is too long or
    /// reserved.
    pub fn build(self) -> Result<PerSqlSessionRepository<D>> {
        let texts = Texts::new(&self.table_prefix, self.create_tables)?;
        Ok(PerSqlSessionRepository::with_texts(self.db, texts))
    }

    /// Makes the manager of this session. No I/O.
    ///
    /// # Errors
    /// As [`build`](Builder::build).
    pub fn build_manager(self, session_id: impl Into<Arc<str>>) -> Result<PerSqlSessionManager<D>> {
        Ok(self.build()?.manager(session_id))
    }

    /// Makes a storage. No I/O.
    ///
    /// # Errors
    /// As [`build`](Builder::build).
    pub fn build_storage(self) -> Result<PerSqlStorage<D>> {
        let texts = Texts::new(&self.table_prefix, self.create_tables)?;
        Ok(PerSqlStorage::with_texts(self.db, texts))
    }
}

impl<D: Handle> fmt::Debug for Builder<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("table_prefix", &self.table_prefix).finish_non_exhaustive()
    }
}
