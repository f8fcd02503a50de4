//! The databases of a storage: made, listed, removed.

use std::path::Path;

use super::{
    Engine, Location, Store, catalog,
    control::{identity_text, time_of},
    error::{translate, unknown_database},
    shelf,
};
use crate::{DatabaseInfo, DatabaseName, Result};

impl Engine {
    pub(super) fn create_database(&self, name: &DatabaseName, ttl_days: Option<u32>) -> Result<DatabaseInfo> {
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

    pub(super) fn list_databases(&self, namespace: &str) -> Result<Vec<DatabaseInfo>> {
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
    pub(super) fn present(&self, namespace: &str) -> Result<Vec<(String, String)>> {
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

    pub(super) fn delete_database(&self, name: &DatabaseName) -> Result<()> {
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
}
