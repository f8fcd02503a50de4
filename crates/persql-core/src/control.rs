//! Managing databases, branches and snapshots: what is asked, and what is answered.

use std::{sync::Arc, time::Duration, time::SystemTime};

use crate::{
    Branch, DatabaseInfo, DatabaseName, Error, Me, Result, Role, SnapshotInfo,
    branches::{BranchEnd, check_reference},
};

/// A request that is about databases, and not about what is in them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Control {
    /// Asks who the client is.
    Me,
    /// Makes an empty database.
    #[non_exhaustive]
    CreateDatabase {
        /// Whose it is; the token's own, or `local`, if it is not said.
        namespace: Option<Arc<str>>,
        /// The name of the database in the namespace.
        slug: Arc<str>,
        /// After how many days it is deleted.
        ttl_days: Option<u32>,
    },
    /// Asks for the databases of a namespace.
    #[non_exhaustive]
    ListDatabases {
        /// Whose they are.
        namespace: Option<Arc<str>>,
    },
    /// Deletes a database with its branches and snapshots.
    #[non_exhaustive]
    DeleteDatabase {
        /// Whose it is.
        namespace: Option<Arc<str>>,
        /// The name of the database in the namespace.
        slug: Arc<str>,
    },
    /// Deletes the databases and branches whose time is over.
    #[non_exhaustive]
    SweepDatabases,
    /// Makes a branch of this database, or resets it, and leases it.
    #[non_exhaustive]
    ClaimBranch {
        /// The branch; a new one if it is not said.
        reference: Option<Arc<str>>,
        /// What the lease allows.
        role: Role,
        /// How long the lease lasts.
        ttl: Duration,
        /// Whether the rows are copied too.
        with_data: bool,
        /// What it is for; shown to people.
        purpose: Option<Arc<str>>,
    },
    /// Makes a branch of this database, or resets it.
    #[non_exhaustive]
    UpsertBranch {
        /// The branch.
        reference: Arc<str>,
        /// The branch it is made from; the database itself if it is not said.
        from: Option<Arc<str>>,
        /// When it is deleted.
        end: BranchEnd,
        /// Whether the rows are copied too.
        with_data: bool,
    },
    /// Asks for the branches of this database.
    #[non_exhaustive]
    ListBranches,
    /// Deletes a branch.
    #[non_exhaustive]
    DeleteBranch {
        /// The branch.
        reference: Arc<str>,
    },
    /// Asks which branch of this namespace the database of this name holds.
    #[cfg(feature = "server")]
    #[non_exhaustive]
    FindBranch {
        /// The database's name.
        database_slug: Arc<str>,
    },
    /// Keeps a copy of this database.
    #[non_exhaustive]
    CreateSnapshot {
        /// What it is; shown to people.
        label: Arc<str>,
    },
    /// Asks for the snapshots of this database.
    #[non_exhaustive]
    ListSnapshots,
    /// Makes this database what it was.
    #[non_exhaustive]
    RestoreSnapshot {
        /// The snapshot.
        id: Arc<str>,
    },
    /// Deletes a snapshot.
    #[non_exhaustive]
    DeleteSnapshot {
        /// The snapshot.
        id: Arc<str>,
    },
}

/// What is answered to a [`Control`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Controlled {
    /// It is done.
    Done,
    /// Who the client is.
    Me(Me),
    /// This many were deleted.
    Count(u64),
    /// Databases.
    Databases(Vec<DatabaseInfo>),
    /// Branches.
    Branches(Vec<Branch>),
    /// Snapshots.
    Snapshots(Vec<SnapshotInfo>),
}

const MOST_LABEL_BYTES: usize = 200;
const DAYS: std::ops::RangeInclusive<u32> = 1..=30;
const LEASE: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(30 * 24 * 60 * 60);

impl Control {
    /// Whether there is more afterwards than there was: a good time to remove what is over.
    #[cfg(feature = "local")]
    pub(crate) fn makes_something(&self) -> bool {
        matches!(
            self,
            Control::CreateDatabase { .. }
                | Control::ClaimBranch { .. }
                | Control::UpsertBranch { .. }
                | Control::CreateSnapshot { .. }
        )
    }

    /// Whose databases this is about, if it is about databases of a namespace; whoever asks where it is not said.
    #[cfg(feature = "remote")]
    pub(crate) fn namespace_mut(&mut self) -> Option<&mut Option<Arc<str>>> {
        match self {
            Control::CreateDatabase { namespace, .. }
            | Control::ListDatabases { namespace }
            | Control::DeleteDatabase { namespace, .. } => Some(namespace),
            _ => None,
        }
    }

    /// Refuses what cannot be meant, and names that could lead out of the directory.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Control::CreateDatabase { namespace, slug, ttl_days } => {
                if ttl_days.is_some_and(|days| !DAYS.contains(&days)) {
                    return Err(Error::invalid("a database lives for 1 to 30 days, or for ever"));
                }
                check_slug(namespace.as_deref(), slug)
            }
            Control::DeleteDatabase { namespace, slug } => check_slug(namespace.as_deref(), slug),
            Control::ListDatabases { namespace } => check_slug(namespace.as_deref(), "any"),
            Control::ClaimBranch { reference, ttl, purpose, .. } => {
                if !LEASE.contains(ttl) {
                    return Err(Error::invalid("a lease lasts 60 seconds to 30 days"));
                }
                check_label(purpose.as_deref().unwrap_or(""))?;
                reference.as_deref().map_or(Ok(()), check_reference)
            }
            Control::UpsertBranch { reference, from, .. } => {
                check_reference(reference)?;
                from.as_deref().map_or(Ok(()), check_reference)
            }
            Control::DeleteBranch { reference } => check_reference(reference),
            #[cfg(feature = "server")]
            Control::FindBranch { database_slug } => check_slug(None, database_slug),
            Control::CreateSnapshot { label } => check_label(label),
            Control::RestoreSnapshot { id } | Control::DeleteSnapshot { id } => {
                let is_id = (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
                if is_id { Ok(()) } else { Err(Error::invalid("this is not the id of a snapshot")) }
            }
            Control::Me | Control::SweepDatabases | Control::ListBranches | Control::ListSnapshots => Ok(()),
        }
    }
}

fn check_slug(namespace: Option<&str>, slug: &str) -> Result<()> {
    DatabaseName::of(namespace.unwrap_or(DatabaseName::LOCAL), slug).map(drop)
}

fn check_label(label: &str) -> Result<()> {
    if label.len() > MOST_LABEL_BYTES || label.contains('\0') {
        return Err(Error::invalid(format!("a label has {MOST_LABEL_BYTES} bytes at most, and no NUL character")));
    }
    Ok(())
}

/// Whose time decides when a lease or a database ends.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}
