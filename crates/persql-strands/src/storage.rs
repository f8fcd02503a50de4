//! The framework's newer contract: bytes under keys.

use std::{fmt, sync::Arc};

use persql_core::{Database, Handle, Open, Result};

use crate::{
    Builder, SearchResult, SnapshotKeys, key,
    plan::{
        checked,
        storage::{self as plan, Shelf},
    },
    texts::Texts,
};

/// The framework's `Storage` (strands-agents 1.62), on which its snapshot manager works: bytes under keys, in the table
/// `strands_storage`.
///
/// With [`Database`] every method gives a future, with [`blocking::Database`](crate::blocking::Database) the result
/// itself. Keys are the framework's: slashes are collapsed and stripped, `..` and backslashes are refused. A value may
/// have 31 MB of text, or 23 MB of other bytes. Every operation is one request, a long list one for each 4,096 keys.
/// Cheap to clone.
///
/// # Examples
/// ```
/// use persql_strands::{SnapshotKeys, blocking::{Database, PerSqlStorage}};
///
/// # fn main() -> persql_strands::Result<()> {
/// let storage = PerSqlStorage::new(Database::local(":memory:")?);
/// let key = SnapshotKeys::new("support-42")?.latest("helper")?;
/// storage.write(&key, b"{}")?;
///
/// assert_eq!(storage.list("session/support-42/")?, [key.as_str()]);
/// assert_eq!(storage.read(&key)?.as_deref(), Some(&b"{}"[..]));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlStorage<D: Handle = Database> {
    db: D,
    shelf: Shelf,
    /// Whether the storage made the client itself.
    owns_client: bool,
}

impl<D: Handle> PerSqlStorage<D> {
    /// A storage in the table `strands_storage`. No I/O: the first write creates it.
    pub fn new(db: D) -> Self {
        Self::with_texts(db, Texts::default_names())
    }

    pub(crate) fn with_texts(db: D, texts: Arc<Texts>) -> Self {
        Self { db, shelf: Shelf { texts, prefix: "".into() }, owns_client: false }
    }

    /// Starts to configure: the table's prefix, and whether it may be created.
    pub fn builder(db: D) -> Builder<D> {
        Builder::new(db)
    }

    /// The handle to the database.
    pub fn database(&self) -> &D {
        &self.db
    }

    /// A view of the keys that begin with this prefix, under which it shows them without it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for `..` or a backslash in it.
    pub fn namespace(&self, prefix: &str) -> Result<Self> {
        let normalized = key::normalize_prefix(prefix)?;
        let inner = normalized.trim_end_matches('/');
        let mut view = self.clone();
        if !inner.is_empty() {
            view.shelf.prefix = format!("{}{inner}/", self.shelf.prefix).into();
        }
        Ok(view)
    }

    /// Creates the table if it is not there. Not needed before the first write, which does so itself.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`](crate::ErrorKind::Denied) if the token may not create tables.
    pub fn create_tables(&self) -> D::Reply<()> {
        self.db.run(self.shelf.texts.storage_schema.create())
    }

    /// Stores bytes under a key, in place of what was there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a key that the framework refuses, with its text,
    /// and for a value over the limit. Nothing is sent then.
    pub fn write(&self, key: &str, data: impl AsRef<[u8]>) -> D::Reply<()> {
        self.db.run(checked(plan::write(&self.shelf, &[(key, data.as_ref())])))
    }

    /// Stores several values in one transaction: an immutable snapshot and the latest one, say.
    ///
    /// # Errors
    /// As [`write`](PerSqlStorage::write), naming the position; and for more than one transaction can carry: 100
    /// statements, of which a value takes one and one for each 2 MB.
    pub fn write_all(&self, values: &[(&str, &[u8])]) -> D::Reply<()> {
        self.db.run(checked(plan::write(&self.shelf, values)))
    }

    /// The bytes under a key, or `None`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a key that the framework refuses,
    /// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the row is not what was written.
    pub fn read(&self, key: &str) -> D::Reply<Option<Vec<u8>>> {
        self.db.run(checked(plan::read(&self.shelf, key)))
    }

    /// Deletes what is under a key, if anything is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a key that the framework refuses.
    pub fn delete(&self, key: &str) -> D::Reply<()> {
        self.db.run(checked(plan::delete(&self.shelf, key)))
    }

    /// Deletes all that is under keys which begin with this prefix, in one request. An empty prefix is every
    /// key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a prefix that the framework refuses.
    pub fn delete_all(&self, prefix: &str) -> D::Reply<()> {
        self.db.run(checked(plan::delete_all(&self.shelf, &[prefix])))
    }

    /// Deletes a session in one request: its snapshots, and what its agents have stashed.
    ///
    /// # Errors
    /// None of its own: the keys were checked when they were made.
    pub fn delete_session(&self, keys: &SnapshotKeys) -> D::Reply<()> {
        self.db.run(checked(plan::delete_all(&self.shelf, &[keys.session(), keys.stash()])))
    }

    /// The ids of an agent's immutable snapshots, oldest first: at most so many, from behind the one that is given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for an agent id with a `/` in it, and a snapshot id
    /// that is no UUID of version 7.
    pub fn list_snapshot_ids(
        &self,
        keys: &SnapshotKeys,
        agent_id: &str,
        start_after: Option<&str>,
        limit: Option<usize>,
    ) -> D::Reply<Vec<String>> {
        self.db.run(checked(plan::list_snapshot_ids(&self.shelf, keys, agent_id, start_after, limit)))
    }

    /// The keys that begin with this prefix, in order. An empty prefix is every key.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a prefix that the framework refuses.
    pub fn list(&self, prefix: &str) -> D::Reply<Vec<String>> {
        self.db.run(checked(plan::list(&self.shelf, prefix)))
    }

    /// The values in which a word of the question is, those with most of its words first, then by key.
    ///
    /// The framework's keyword search: words are runs of letters, digits and underscores, in any case, of the value and of
    /// its key without the extension; words such as `the` and `what` are not searched for. A value that is no text is
    /// searched as far as it is, and one that cannot be read is passed over. A namespace searches its own keys, and those
    /// as it shows them.
    ///
    /// Every value is read: one request for 256 rows, and one for each page of about 4 MB behind them. Nothing is
    /// sent for a question without such words. What is found is held in memory, all of it.
    ///
    /// # Errors
    /// Those of the connection only.
    ///
    /// # Examples
    /// ```
    /// # use persql_strands::blocking::{Database, PerSqlStorage};
    /// # fn main() -> persql_strands::Result<()> {
    /// let storage = PerSqlStorage::new(Database::local(":memory:")?);
    /// storage.write("notes/theme.md", "Dark mode can be switched on in the settings.")?;
    /// storage.write("notes/deploy.md", "Deploy on Mondays.")?;
    ///
    /// let found = storage.search("Where is the dark mode?")?;
    /// assert_eq!((found[0].key.as_str(), found[0].score, found.len()), ("notes/theme.md", 2, 1));
    /// # Ok(()) }
    /// ```
    pub fn search(&self, question: &str) -> D::Reply<Vec<SearchResult>> {
        self.db.run(plan::search(&self.shelf, question))
    }
}

impl<D: Open> PerSqlStorage<D> {
    /// A storage in the database `namespace/database` at PerSQL, or at the server that `PERSQL_API_URL` names.
    /// It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if the token or the name is not one.
    #[cfg(feature = "remote")]
    pub fn from_token(token: impl Into<String>, database: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_token(token.into(), database)?) })
    }

    /// A storage in the database that the URL names: `persql://namespace/database`, `sqlite:path/to/file.db` or
    /// `sqlite::memory:`. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for another scheme, naming the accepted ones.
    pub fn from_url(url: &str) -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_url(url)?) })
    }

    /// A storage in the database that `PERSQL_DATABASE` names. It owns its client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if it is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Ok(Self { owns_client: true, ..Self::new(D::open_env()?) })
    }

    /// Closes the client if the storage made it itself; every later operation then fails with
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed). A client of yours stays open.
    pub fn close(&self) {
        if self.owns_client {
            self.db.close_client();
        }
    }
}

impl<D: Handle> fmt::Debug for PerSqlStorage<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlStorage").field("prefix", &self.shelf.prefix).finish_non_exhaustive()
    }
}
