//! The hosted service: each database of a case is a branch of the one that the environment names.
//!
//! A branch has the schema of its database and no rows, so the database of a run should be an empty one. Branches are
//! deleted when the case ends, and by the service an hour later if that fails.

use std::{
    collections::HashMap,
    env, fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use persql_core::{Claim, Result, Role, blocking};

/// Whether the environment names a database of the hosted service: `PERSQL_TOKEN` and `PERSQL_DATABASE` do, and
/// `PERSQL_API_URL` for another server than the hosted one.
pub fn is_configured() -> bool {
    ["PERSQL_TOKEN", "PERSQL_DATABASE"].iter().all(|name| env::var_os(name).is_some())
}

/// A storage at the hosted service. Clones are the same storage, which ends with the last of them.
#[derive(Clone)]
pub struct Live(Arc<Storage>);

struct Storage {
    client: blocking::PerSql,
    parent: blocking::Database,
    /// By the names that cases call them.
    branches: Mutex<HashMap<String, (String, blocking::Database)>>,
}

/// Branches of other runs and trials have other names.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Live {
    /// A storage that is empty.
    ///
    /// # Errors
    /// If the environment names no database.
    pub fn new() -> Result<Self> {
        let client = blocking::PerSql::from_env()?;
        let parent = client.database(&env::var("PERSQL_DATABASE").unwrap_or_default())?;
        Ok(Self(Arc::new(Storage { client, parent, branches: Mutex::default() })))
    }

    /// The client that the branches belong to.
    pub fn client(&self) -> &blocking::PerSql {
        &self.0.client
    }

    /// The branch that stands for the database of this name.
    ///
    /// # Errors
    /// If it is no name, or the branch cannot be claimed.
    pub fn db(&self, name: &str) -> Result<blocking::Database> {
        persql_core::DatabaseName::parse(name)?;
        let mut branches = self.0.branches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, branch)) = branches.get(name) {
            return Ok(branch.clone());
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        let reference = format!("conformance-{since}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let claim = Claim::of(&reference).role(Role::Admin).purpose("conformance suites");
        let branch = self.0.parent.branches().claim(claim)?.database;
        branches.insert(name.to_owned(), (reference, branch.clone()));
        Ok(branch)
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // A case may have closed the client.
        let Ok(parent) = Live::new().map(|live| live.0.parent.clone()) else { return };
        for (reference, _) in self.branches.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            // Its lease ends soon anyway.
            drop(parent.branches().delete(reference));
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}
