//! Snapshots: copies to go back to.

use super::{
    Engine, Store,
    catalog::{self, Kept},
    connection::{Conn, Purpose},
    control::time_of,
    copy::{Extent, copy, copy_pages},
    error::unknown_database,
    shelf::{self, patience},
};
use crate::{DatabaseName, Error, ErrorKind, Result, SnapshotInfo};

impl Engine {
    pub(super) fn create_snapshot(&self, name: &DatabaseName, label: &str) -> Result<SnapshotInfo> {
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

    pub(super) fn list_snapshots(&self, name: &DatabaseName) -> Result<Vec<SnapshotInfo>> {
        if !self.catalog.is_there() {
            return Ok(Vec::new());
        }
        let kept = self.catalog.transact(|sqlite| catalog::snapshots(sqlite, name))?;
        Ok(kept.into_iter().map(Into::into).collect())
    }

    pub(super) fn restore_snapshot(&self, name: &DatabaseName, id: &str) -> Result<()> {
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

    pub(super) fn delete_snapshot(&self, name: &DatabaseName, id: &str) -> Result<()> {
        if self.catalog.transact(|sqlite| catalog::remove_snapshot(sqlite, name, id))? {
            self.remove_copy(id)
        } else {
            Err(no_snapshot(id))
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

fn no_snapshot(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, "the database has no such snapshot").context("snapshot", id)
}
