//! All conversations of a database: listing and retention.

use std::{fmt, sync::Arc, time::Duration};

use persql_core::{Database, Handle, Result, Row};

use crate::{ListSessions, PerSqlSession, plan, sql::Texts};

/// The sessions of a database. Made like a [`PerSqlSession`], for one pair of tables.
///
/// # Examples
/// ```
/// use persql_agents_session::{ListSessions, blocking::{Database, PerSqlSessions}};
/// use serde_json::json;
///
/// # fn main() -> persql_agents_session::Result<()> {
/// let sessions = PerSqlSessions::new(Database::local(":memory:")?);
/// for id in ["user:ada", "user:bob", "job:7"] {
///     sessions.session(id).add_items(&[json!({"role": "user", "content": "hi"})])?;
/// }
/// let users = sessions.list(ListSessions::default().with_prefix("user:"))?;
/// assert_eq!(users[0].session_id, "user:ada");
/// assert_eq!(sessions.count()?, 3);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PerSqlSessions<D: Handle = Database> {
    db: D,
    texts: Arc<Texts>,
}

impl<D: Handle> PerSqlSessions<D> {
    /// The sessions in the SDK's own tables. No I/O.
    pub fn new(db: D) -> Self {
        Self { db, texts: Texts::default_names() }
    }

    /// The sessions in tables of these names. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a name is empty, too long or reserved.
    pub fn with_tables(db: D, sessions_table: &str, messages_table: &str) -> Result<Self> {
        Ok(Self { db, texts: Texts::new(sessions_table, messages_table, true)? })
    }

    /// The session with this id. No I/O.
    pub fn session(&self, session_id: impl Into<Arc<str>>) -> PerSqlSession<D> {
        PerSqlSession::with_texts(self.db.clone(), session_id.into(), Arc::clone(&self.texts))
    }

    /// The sessions and how many rows each has, by id in the order of its bytes.
    ///
    /// One request, unless more than 256 are asked for: then one for each page. A row of another program whose id is
    /// NULL or a blob is left out.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn list(&self, options: ListSessions) -> D::Reply<Vec<SessionInfo>> {
        self.db.run(plan::list(&self.texts, options))
    }

    /// How many sessions there are.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn count(&self) -> D::Reply<u64> {
        self.db.run(plan::count(&self.texts))
    }

    /// Deletes the sessions that nothing was added to for this long, with all their items, and says how many.
    ///
    /// Two requests for each 1,000 sessions; one if there are none. One that comes to life between the two stays, and is
    /// counted all the same.
    ///
    /// # Errors
    /// Those of the connection only.
    pub fn delete_inactive(&self, for_longer_than: Duration) -> D::Reply<u64> {
        self.db.run(plan::delete_inactive(&self.texts, for_longer_than))
    }
}

impl<D: Handle> fmt::Debug for PerSqlSessions<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSqlSessions").finish_non_exhaustive()
    }
}

/// A session in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session's id.
    pub session_id: String,
    /// When it was made, in UTC as `2026-11-21 01:23:22`, if the row says so.
    pub created_at: Option<String>,
    /// When something was last added to it, likewise.
    pub updated_at: Option<String>,
    /// How many rows it has, those that are not JSON included.
    pub items: u64,
}

impl SessionInfo {
    pub(crate) fn from_row(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            session_id: row.get(0)?,
            // Others may have stored what they liked here.
            created_at: row.get(1).unwrap_or_default(),
            updated_at: row.get(2).unwrap_or_default(),
            items: row.get(3)?,
        })
    }
}
