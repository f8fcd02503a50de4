//! What a server of the HTTP API needs of local mode, and nobody else does: the feature `server`.
//!
//! `persql-server` is that server. Programs that use databases need nothing of this module, and it may change in any
//! release.

use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{
    Builder, Control, Controlled, Database, DatabaseName, Error, Plan, Result, Role, Rows, branches::Scope,
    client::PerSql, database::Link, plan::unexpected,
};

/// How statements from the network are run on a local file.
///
/// Statements that only change rows share transactions with others', as an adapter's do, also under a time limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    pub(crate) must_exist: bool,
    pub(crate) keeps_schema: bool,
    pub(crate) room: Room,
    pub(crate) once: Option<Once>,
}

/// How large an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { rows: usize::MAX, bytes: usize::MAX }
    }
}

impl Terms {
    /// Terms that allow everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a write may create the database. It may, unless this says otherwise.
    #[must_use]
    pub fn creates(mut self, creates: bool) -> Self {
        self.must_exist = !creates;
        self
    }

    /// Whether the statements may create, alter and drop. They may, unless this says otherwise.
    #[must_use]
    pub fn alters(mut self, alters: bool) -> Self {
        self.keeps_schema = !alters;
        self
    }

    /// How many rows and bytes the whole answer may have. One that grows beyond is given up while it is made, and with
    /// it what was written.
    #[must_use]
    pub fn answers_within(mut self, rows: usize, bytes: usize) -> Self {
        self.room = Room { rows, bytes };
        self
    }

    /// Runs a batch that writes only if it was not run before. Reads are run whenever they are asked for.
    #[must_use]
    pub fn once(mut self, once: Once) -> Self {
        self.once = Some(once);
        self
    }
}

/// A write that is applied once, however often it is sent: its answer is kept for 24 hours, in the same transaction as
/// the write, and given to whoever sends the same again. See [`Answer::Kept`](crate::Answer::Kept).
///
/// An answer that holds text or bytes is forgotten as soon as they could be meant by a later deletion or update: then
/// the same again is a [`Conflict`](crate::ErrorKind::Conflict) that may have applied.
#[derive(Clone)]
pub struct Once {
    pub(crate) key: Arc<[u8]>,
    pub(crate) fingerprint: Arc<[u8]>,
    pub(crate) now: i64,
    pub(crate) encode: Arc<Encode>,
}

/// Writes an answer as it is kept.
type Encode = dyn Fn(&[Rows]) -> Vec<u8> + Send + Sync;

impl Once {
    /// A write with this key that comes now. The fingerprint tells it from other requests that claim the same key.
    pub fn new(
        key: impl Into<Arc<[u8]>>,
        fingerprint: impl Into<Arc<[u8]>>,
        now: SystemTime,
        encode: impl Fn(&[Rows]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self { key: key.into(), fingerprint: fingerprint.into(), now: seconds(now), encode: Arc::new(encode) }
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

impl PartialEq for Once {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, &self.fingerprint) == (&other.key, &other.fingerprint)
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl<C> Builder<C> {
    /// Sets up the databases for requests from the network: [`strict_limits`](Builder::strict_limits), and the server's
    /// own tables are out of reach for SQL.
    pub fn serving(self) -> Self {
        self.strict_limits(true).hide_records()
    }

    /// How many bytes of memory SQLite may have in the whole process: the statement that wants more fails. Whoever asks
    /// for less later lowers it for all, and nobody raises it.
    pub fn sqlite_memory(self, bytes: usize) -> Self {
        self.bound_memory(bytes)
    }
}

impl PerSql {
    /// A handle to the database that holds a branch: see [`Branch::database_slug`](crate::Branch::database_slug). Whose
    /// branch it is, is not looked at.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if no branch can have this name.
    pub fn branch(&self, namespace: &str, database_slug: &str) -> Result<Database> {
        if database_slug.len() != 32 || !database_slug.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid("no branch is held by a database of this name"));
        }
        let name = DatabaseName::branch(&DatabaseName::of(namespace, database_slug)?, database_slug);
        Ok(Database(Link::new(Arc::clone(&self.0), name)))
    }

    /// Deletes the kept answers that are older than a day, in every database of the directory and in every branch. Looks
    /// at one after the other, on the calling thread.
    ///
    /// # Errors
    /// Those of the file system. A database that cannot be opened is passed over.
    pub fn sweep_answers(&self) -> Result<()> {
        self.0.transport.sweep_answers()
    }
}

impl Database {
    /// The same database for somebody of this role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Self {
        Self(self.0.with_scope(Scope { role, ends: None }))
    }
}

/// The plan that finds the branch which a database of the handle's namespace holds.
pub fn find_branch(database_slug: &str) -> Plan<Option<crate::Branch>> {
    Plan::control(Control::FindBranch { database_slug: database_slug.into() }).try_map(|answer| match answer {
        Controlled::Branches(mut branches) => Ok(branches.pop()),
        _ => Err(unexpected()),
    })
}
