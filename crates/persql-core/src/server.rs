//! What a server of the HTTP API needs of local mode, and nobody else does: the feature `server`.
//!
//! `persql-server` is that server. Programs that use databases need nothing of this module, and it may change in any
//! release.

pub use crate::timestamp::{parse as parse_timestamp, write as write_timestamp};

use std::sync::Arc;

use crate::{
    Control, Controlled, Database, DatabaseName, Error, Plan, Result, Role, branches::Scope, client::PerSql,
    database::Link, plan::unexpected,
};

/// How statements from the network are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    pub(crate) must_exist: bool,
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
