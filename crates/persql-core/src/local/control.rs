//! What a client does with databases as a whole: makes, copies, restores and removes them.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use super::{Engine, Options, Store, catalog, identity::Identity, shelf};
use crate::{BranchEnd, Control, Controlled, DatabaseName, Error, ErrorKind, Me, Result};

impl Engine {
    /// Does what is asked. On the calling thread.
    pub(super) fn control(&self, name: &DatabaseName, control: &Control) -> Result<Controlled> {
        self.settle()?;
        if control.makes_something() {
            self.sweep()?;
        }
        let name = self.key(name);
        match control {
            Control::Me => Ok(Controlled::Me(Me::local())),
            Control::CreateDatabase { namespace, slug, ttl_days } => {
                let made = self.create_database(&self.named(namespace.as_deref(), slug)?, *ttl_days)?;
                Ok(Controlled::Databases(vec![made]))
            }
            Control::ListDatabases { namespace } => {
                self.refuse_one_file()?;
                self.list_databases(namespace.as_deref().unwrap_or(DatabaseName::LOCAL)).map(Controlled::Databases)
            }
            Control::DeleteDatabase { namespace, slug } => {
                self.delete_database(&self.named(namespace.as_deref(), slug)?)?;
                Ok(Controlled::Done)
            }
            Control::SweepDatabases => self.sweep().map(Controlled::Count),
            Control::ClaimBranch { reference, ttl, with_data, purpose, .. } => {
                let reference = reference.as_deref().map_or_else(new_id, str::to_owned);
                let end = Some(self.clock.now() + *ttl);
                self.fork(name, &reference, None, end, *with_data, purpose.as_deref())
            }
            Control::UpsertBranch { reference, from, end, with_data } => {
                let end = match end {
                    BranchEnd::Never => None,
                    BranchEnd::At(time) => Some(*time),
                };
                self.fork(name, reference, from.as_deref(), end, *with_data, None)
            }
            Control::ListBranches => self.list_branches(name).map(Controlled::Branches),
            Control::DeleteBranch { reference } => self.delete_branch(name, reference).map(|()| Controlled::Done),
            #[cfg(feature = "server")]
            Control::FindBranch { database_slug } => self.find_branch(name, database_slug).map(Controlled::Branches),
            Control::CreateSnapshot { label } => {
                self.create_snapshot(name, label).map(|made| Controlled::Snapshots(vec![made]))
            }
            Control::ListSnapshots => self.list_snapshots(name).map(Controlled::Snapshots),
            Control::RestoreSnapshot { id } => self.restore_snapshot(name, id).map(|()| Controlled::Done),
            Control::DeleteSnapshot { id } => self.delete_snapshot(name, id).map(|()| Controlled::Done),
        }
    }

    fn named(&self, namespace: Option<&str>, slug: &str) -> Result<DatabaseName> {
        self.refuse_one_file()?;
        DatabaseName::of(namespace.unwrap_or(DatabaseName::LOCAL), slug)
    }

    fn refuse_one_file(&self) -> Result<()> {
        if self.location.is_one_file() {
            return Err(Error::new(ErrorKind::Unsupported, "this client is of one file, and has no other databases"));
        }
        Ok(())
    }

    /// Ends the deletions whose process was killed: those that had removed the file.
    fn settle(&self) -> Result<()> {
        if !self.catalog.is_there() {
            return Ok(());
        }
        for (namespace, slug, file) in self.catalog.transact(catalog::deletions)? {
            let name = DatabaseName::of(&namespace, &slug)?;
            let Some(path) = self.location.path(&name) else { continue };
            let is_there = identity_text(&path)?.is_some_and(|now| now == file);
            self.catalog.transact(|sqlite| {
                if is_there { catalog::end_deletion(sqlite, &name) } else { catalog::forget(sqlite, &name) }
            })?;
        }
        Ok(())
    }

    fn sweep(&self) -> Result<u64> {
        if !self.catalog.is_there() {
            return Ok(0);
        }
        let now = self.now();
        let (databases, branches) = self
            .catalog
            .transact(|sqlite| Ok((catalog::expired(sqlite, now)?, catalog::expire_branches(sqlite, now)?)))?;
        let mut swept = branches.len() as u64;
        for (namespace, slug, file) in databases {
            let name = DatabaseName::of(&namespace, &slug)?;
            let is_it = match self.location.path(&name) {
                Some(path) => identity_text(&path)?.is_some_and(|now| now == file),
                None => true,
            };
            if is_it {
                match self.delete_database(&name) {
                    Ok(()) => swept += 1,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.clear_litter()?;
        Ok(swept)
    }

    /// Removes the copies that nobody knows.
    pub(super) fn clear_litter(&self) -> Result<()> {
        let now = self.now();
        for id in self.catalog.transact(|sqlite| catalog::litter(sqlite, now))? {
            self.remove_copy(&id)?;
        }
        Ok(())
    }

    /// Does `work` on a connection to a database.
    pub(super) fn with_database<T>(
        &self,
        name: &DatabaseName,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        match self.store(name) {
            Store::File(store) => store.read(None, |conn| conn.as_ours(work)),
            Store::Memory(store) => store.with(|conn| conn.as_ours(work)),
        }
    }

    /// Makes a copy that nobody knows yet, and gives its name and size.
    pub(super) fn make_copy(&self, fill: impl FnOnce(&mut Connection) -> Result<()>) -> Result<(String, u64)> {
        let id = new_id();
        let now = self.now();
        self.catalog.transact(|sqlite| catalog::begin_copy(sqlite, &id, now))?;
        match self.shelf.add(&id, self.branch_options(), fill) {
            Ok(bytes) => Ok((id, bytes)),
            Err(error) => {
                self.discard(&id);
                Err(error)
            }
        }
    }

    /// Removes a copy that came to nothing. If that fails too, the next sweep does it.
    pub(super) fn discard(&self, id: &str) {
        if let Err(error) = self.remove_copy(id) {
            tracing::debug!(%error, "a copy is left to the next sweep");
        }
    }

    pub(super) fn remove_copy(&self, id: &str) -> Result<()> {
        self.cache.forget_copy(id);
        self.shelf.remove(id)?;
        self.catalog.transact(|sqlite| catalog::end_copy(sqlite, id))
    }

    pub(super) fn branch_options(&self) -> Options {
        Options { must_exist: true, ..self.options }
    }

    pub(super) fn now(&self) -> i64 {
        seconds(self.clock.now())
    }
}

pub(super) fn identity_text(path: &Path) -> Result<Option<String>> {
    Identity::of(path).map(|identity| identity.map(Identity::text)).map_err(shelf::unavailable)
}

pub(super) fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

pub(super) fn time_of(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}

/// A name that no other copy has.
fn new_id() -> String {
    // The standard library seeds these from the system, and never alike.
    let part = |salt: u64| RandomState::new().hash_one((salt, SystemTime::now()));
    format!("{:016x}{:016x}", part(1), part(2))
}
