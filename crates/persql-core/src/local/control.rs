//! What a client does with databases as a whole: makes, copies, restores and removes them.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::Connection;

use super::{
    Engine, Location, Options, Store,
    catalog::{self, Forked, Kept},
    connection::{Conn, Purpose},
    copy::{Extent, copy, copy_pages},
    error::{translate, unknown_database},
    identity::Identity,
    shelf::{self, patience},
};
use crate::{
    Branch, BranchEnd, Control, Controlled, DatabaseInfo, DatabaseName, Error, ErrorKind, Outcome, Result, SnapshotInfo,
};

/// The database itself, where a branch may be named.
const MAIN: &str = "main";

impl Engine {
    /// Does what is asked. On the calling thread.
    pub(super) fn control(&self, name: &DatabaseName, control: &Control) -> Result<Controlled> {
        self.settle()?;
        if control.makes_something() {
            self.sweep()?;
        }
        let name = self.key(name);
        match control {
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

    fn create_database(&self, name: &DatabaseName, ttl_days: Option<u32>) -> Result<DatabaseInfo> {
        let now = self.now();
        let expires_at = ttl_days.map(|days| now + i64::from(days) * 24 * 60 * 60);
        match self.location.path(name) {
            None => {
                let Store::Memory(store) = self.store(name) else { return Err(unknown_database()) };
                if !store.create()? {
                    return Err(shelf::exists());
                }
                self.catalog.transact(|sqlite| catalog::know(sqlite, name, "", now, expires_at))?;
            }
            Some(path) => self.create_file(name, &path, now, expires_at)?,
        }
        tracing::debug!(database = %name, "a database was created");
        Ok(DatabaseInfo {
            namespace: name.namespace().to_owned(),
            slug: name.database().to_owned(),
            created_at: Some(time_of(now)),
            expires_at: expires_at.map(time_of),
        })
    }

    /// The row says which file it is about, so it may come first: without that file it says nothing.
    fn create_file(&self, name: &DatabaseName, path: &Path, now: i64, expires_at: Option<i64>) -> Result<()> {
        if path.exists() {
            return Err(shelf::exists());
        }
        let id = self.make_copy(|_| Ok(()))?.0;
        let made = self.shelf.path(&id).ok_or_else(unknown_database)?;
        let file = identity_text(&made)?.ok_or_else(unknown_database)?;
        let noted = self.catalog.transact_with(|sqlite| {
            if path.exists() {
                return Err(shelf::exists());
            }
            catalog::know(sqlite, name, &file, now, expires_at).map_err(translate)
        });
        let placed = noted.and_then(|()| {
            self.catalog.transact_with(|sqlite| {
                // Of those who create it at the same time the last to note its file goes on.
                match catalog::known_file(sqlite, name).map_err(translate)? {
                    Some(noted) if noted == file => shelf::put_in_place(&made, path),
                    _ => Err(shelf::exists()),
                }
            })
        });
        self.remove_copy(&id)?;
        placed
    }

    fn list_databases(&self, namespace: &str) -> Result<Vec<DatabaseInfo>> {
        let now = self.now();
        let known = if self.catalog.is_there() {
            self.catalog.transact(|sqlite| catalog::known(sqlite, namespace))?
        } else {
            Vec::new()
        };
        let mut databases = Vec::new();
        for (slug, file) in self.present(namespace)? {
            let row = known.iter().find(|row| row.slug == slug && row.file == file);
            let expires_at = row.and_then(|row| row.expires_at);
            if expires_at.is_some_and(|end| end <= now) {
                continue;
            }
            databases.push(DatabaseInfo {
                namespace: namespace.to_owned(),
                slug,
                created_at: row.map(|row| time_of(row.created_at)),
                expires_at: expires_at.map(time_of),
            });
        }
        databases.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(databases)
    }

    /// The databases that are there, and which files they are.
    fn present(&self, namespace: &str) -> Result<Vec<(String, String)>> {
        let Location::Directory(directory) = &self.location else {
            let stores = self.cache.names().into_iter();
            let is_one = |(name, store): &(DatabaseName, Store)| {
                name.namespace() == namespace && matches!(store, Store::Memory(store) if store.is_there())
            };
            return Ok(stores.filter(is_one).map(|(name, _)| (name.database().to_owned(), String::new())).collect());
        };
        let entries = match std::fs::read_dir(directory.join(namespace)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(shelf::unavailable(error)),
        };
        let mut present = Vec::new();
        for entry in entries {
            let entry = entry.map_err(shelf::unavailable)?;
            let file_name = entry.file_name();
            let Some(slug) = file_name.to_str().and_then(|name| name.strip_suffix(".db")) else { continue };
            if DatabaseName::of(namespace, slug).is_ok()
                && let Some(file) = identity_text(&entry.path())?
            {
                present.push((slug.to_owned(), file));
            }
        }
        Ok(present)
    }

    fn delete_database(&self, name: &DatabaseName) -> Result<()> {
        let removed = match self.location.path(name) {
            None => matches!(self.store(name), Store::Memory(store) if store.empty()),
            Some(path) => match identity_text(&path)? {
                Some(file) => self.delete_file(name, &path, &file)?,
                None => false,
            },
        };
        if !removed {
            return Err(unknown_database());
        }
        if self.catalog.is_there() {
            self.catalog.transact(|sqlite| catalog::forget(sqlite, name))?;
            self.clear_litter()?;
        }
        tracing::debug!(database = %name, "a database was deleted");
        Ok(())
    }

    /// The database is gone when its file is. The note before says what else is to go then.
    fn delete_file(&self, name: &DatabaseName, path: &Path, file: &str) -> Result<bool> {
        self.catalog.transact(|sqlite| catalog::begin_deletion(sqlite, name, file))?;
        drop(self.cache.forget(name));
        shelf::remove_database(path)
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
    fn clear_litter(&self) -> Result<()> {
        let now = self.now();
        for id in self.catalog.transact(|sqlite| catalog::litter(sqlite, now))? {
            self.remove_copy(&id)?;
        }
        Ok(())
    }

    /// Makes a branch. What it replaces stays until the new one is whole.
    fn fork(
        &self,
        name: &DatabaseName,
        reference: &str,
        from: Option<&str>,
        end: Option<SystemTime>,
        with_data: bool,
        purpose: Option<&str>,
    ) -> Result<Controlled> {
        let now = self.now();
        let extent = if with_data { Extent::Data } else { Extent::Schema };
        let until = patience(self.options);
        let (id, _) = match from.filter(|from| *from != MAIN) {
            None => self.make_copy(|to| self.with_database(name, |from| copy(from, to, extent, until)))?,
            Some(from) => {
                let found = self.catalog.transact(|sqlite| catalog::branch(sqlite, name, from))?;
                let Some(found) = found.filter(|found| found.expires_at.is_none_or(|end| end > now)) else {
                    return Err(no_branch(from));
                };
                self.make_copy(|to| self.shelf.with(&found.copy, |from| copy(from, to, extent, until)))?
            }
        };
        let expires_at = end.map(seconds);
        let forked = Forked { reference: reference.to_owned(), copy: id.clone(), expires_at };
        let known = self.catalog.transact(|sqlite| catalog::set_branch(sqlite, name, &forked, purpose, now));
        let old = match known {
            Ok(old) => old,
            Err(error) => {
                self.discard(&id);
                return Err(error);
            }
        };
        let outcome = if old.is_some() { Outcome::Reset } else { Outcome::Created };
        if let Some(old) = old {
            self.remove_copy(&old)?;
        }
        Ok(Controlled::Branches(vec![shown(forked, Some(outcome))]))
    }

    fn list_branches(&self, name: &DatabaseName) -> Result<Vec<Branch>> {
        if !self.catalog.is_there() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let branches = self.catalog.transact(|sqlite| catalog::branches(sqlite, name))?.into_iter();
        let live = branches.filter(|branch| branch.expires_at.is_none_or(|end| end > now));
        Ok(live.map(|branch| shown(branch, None)).collect())
    }

    fn delete_branch(&self, name: &DatabaseName, reference: &str) -> Result<()> {
        match self.catalog.transact(|sqlite| catalog::remove_branch(sqlite, name, reference))? {
            Some(copy) => self.remove_copy(&copy),
            None => Err(no_branch(reference)),
        }
    }

    fn create_snapshot(&self, name: &DatabaseName, label: &str) -> Result<SnapshotInfo> {
        let now = self.now();
        let until = patience(self.options);
        let (id, bytes) = self.make_copy(|to| self.with_database(name, |from| copy(from, to, Extent::Whole, until)))?;
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let kept = Kept { id: id.clone(), label: label.to_owned(), created_at: now, bytes };
        if let Err(error) = self.catalog.transact(|sqlite| catalog::keep(sqlite, name, &kept)) {
            self.discard(&id);
            return Err(error);
        }
        Ok(kept.into())
    }

    fn list_snapshots(&self, name: &DatabaseName) -> Result<Vec<SnapshotInfo>> {
        if !self.catalog.is_there() {
            return Ok(Vec::new());
        }
        let kept = self.catalog.transact(|sqlite| catalog::snapshots(sqlite, name))?;
        Ok(kept.into_iter().map(Into::into).collect())
    }

    fn restore_snapshot(&self, name: &DatabaseName, id: &str) -> Result<()> {
        if !self.catalog.transact(|sqlite| catalog::is_kept(sqlite, name, id))? {
            return Err(no_snapshot(id));
        }
        let until = patience(self.options);
        match self.location.path(name) {
            None => {
                let Store::Memory(store) = self.store(name) else { return Err(unknown_database()) };
                store.create()?;
                self.shelf.with(id, |from| store.with(|conn| copy_pages(from, &mut conn.sqlite, until)))
            }
            // The file was lost: another takes its place.
            Some(path) if !path.exists() => {
                let (copied, _) =
                    self.make_copy(|to| self.shelf.with(id, |from| copy(from, to, Extent::Whole, until)))?;
                let made = self.shelf.path(&copied).ok_or_else(unknown_database)?;
                let placed = shelf::put_in_place(&made, &path);
                self.remove_copy(&copied)?;
                placed
            }
            Some(path) => {
                let mut conn = Conn::open_file(&path, Purpose::Write, self.options, until)?;
                self.shelf.with(id, |from| conn.waiting(until, |conn| copy_pages(from, &mut conn.sqlite, until)))
            }
        }
    }

    fn delete_snapshot(&self, name: &DatabaseName, id: &str) -> Result<()> {
        if self.catalog.transact(|sqlite| catalog::remove_snapshot(sqlite, name, id))? {
            self.remove_copy(id)
        } else {
            Err(no_snapshot(id))
        }
    }

    /// Does `work` on a connection to a database.
    fn with_database<T>(&self, name: &DatabaseName, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self.store(name) {
            Store::File(store) => store.read(None, |conn| conn.as_ours(work)),
            Store::Memory(store) => store.with(|conn| conn.as_ours(work)),
        }
    }

    /// Makes a copy that nobody knows yet, and gives its name and size.
    fn make_copy(&self, fill: impl FnOnce(&mut Connection) -> Result<()>) -> Result<(String, u64)> {
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
    fn discard(&self, id: &str) {
        if let Err(error) = self.remove_copy(id) {
            tracing::debug!(%error, "a copy is left to the next sweep");
        }
    }

    fn remove_copy(&self, id: &str) -> Result<()> {
        self.cache.forget_copy(id);
        self.shelf.remove(id)?;
        self.catalog.transact(|sqlite| catalog::end_copy(sqlite, id))
    }

    pub(super) fn branch_options(&self) -> Options {
        Options { must_exist: true, ..self.options }
    }

    fn now(&self) -> i64 {
        seconds(self.clock.now())
    }

    /// The store of a branch.
    pub(super) fn branch_store(&self, slug: &str) -> Store {
        let options = self.branch_options();
        match (self.shelf.path(slug), self.shelf.memory(slug)) {
            (Some(path), _) => Store::File(Arc::new(super::FileStore::new(path, options))),
            (None, Some(store)) => Store::Memory(store),
            (None, None) => Store::Memory(Arc::new(super::MemoryStore::new(options))),
        }
    }
}

impl From<Kept> for SnapshotInfo {
    fn from(kept: Kept) -> Self {
        Self {
            id: kept.id,
            label: kept.label,
            created_at: time_of(kept.created_at),
            bytes: kept.bytes.try_into().unwrap_or(0),
        }
    }
}

fn shown(forked: Forked, outcome: Option<Outcome>) -> Branch {
    Branch {
        reference: forked.reference,
        database_slug: forked.copy,
        expires_at: forked.expires_at.map(time_of),
        outcome,
    }
}

fn no_branch(reference: &str) -> Error {
    Error::new(ErrorKind::NotFound, "the database has no such branch").context("branch", reference)
}

fn no_snapshot(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, "the database has no such snapshot").context("snapshot", id)
}

fn identity_text(path: &Path) -> Result<Option<String>> {
    Identity::of(path).map(|identity| identity.map(Identity::text)).map_err(shelf::unavailable)
}

fn seconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

fn time_of(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0))
}

/// A name that no other copy has.
fn new_id() -> String {
    // The standard library seeds these from the system, and never alike.
    let part = |salt: u64| RandomState::new().hash_one((salt, SystemTime::now()));
    format!("{:016x}{:016x}", part(1), part(2))
}
