//! Branches: copies that go their own way.

use std::{sync::Arc, time::SystemTime};

use super::{
    Engine, FileStore, MemoryStore, Options, Owner, Store,
    catalog::{self, Forked},
    control::{seconds, time_of},
    copy::{Extent, copy},
    shelf::patience,
};
use crate::{Branch, Controlled, DatabaseName, Error, ErrorKind, Outcome, Result, branches::Secret};

/// The database itself, where a branch may be named.
const MAIN: &str = "main";

impl Engine {
    /// Makes a branch. What it replaces stays until the new one is whole.
    pub(super) fn fork(
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

    pub(super) fn list_branches(&self, name: &DatabaseName) -> Result<Vec<Branch>> {
        if !self.catalog.is_there() {
            return Ok(Vec::new());
        }
        let now = self.now();
        let branches = self.catalog.transact(|sqlite| catalog::branches(sqlite, name))?.into_iter();
        let live = branches.filter(|branch| branch.expires_at.is_none_or(|end| end > now));
        Ok(live.map(|branch| shown(branch, None)).collect())
    }

    /// The branch of this namespace whose copy has this name.
    #[cfg(feature = "server")]
    pub(super) fn find_branch(&self, name: &DatabaseName, copy: &str) -> Result<Vec<Branch>> {
        if !self.catalog.is_there() {
            return Ok(Vec::new());
        }
        let found = self.catalog.transact(|sqlite| catalog::branch_of_copy(sqlite, name.namespace(), copy))?;
        Ok(found.into_iter().map(|branch| shown(branch, None)).collect())
    }

    pub(super) fn delete_branch(&self, name: &DatabaseName, reference: &str) -> Result<()> {
        match self.catalog.transact(|sqlite| catalog::remove_branch(sqlite, name, reference))? {
            Some(copy) => self.remove_copy(&copy),
            None => Err(no_branch(reference)),
        }
    }

    /// The store of a branch.
    pub(super) fn branch_store(&self, slug: &str, owner: Owner) -> Store {
        let options = Options { owner, ..self.branch_options() };
        match (self.shelf.path(slug), self.shelf.memory(slug)) {
            (Some(path), _) => Store::File(Arc::new(FileStore::new(path, options))),
            (None, Some(store)) => Store::Memory(store),
            (None, None) => Store::Memory(Arc::new(MemoryStore::new(options))),
        }
    }
}

fn shown(forked: Forked, outcome: Option<Outcome>) -> Branch {
    Branch {
        reference: forked.reference,
        database_slug: forked.copy,
        expires_at: forked.expires_at.map(time_of),
        outcome,
        secret: Secret::default(),
    }
}

fn no_branch(reference: &str) -> Error {
    Error::new(ErrorKind::NotFound, "the database has no such branch").context("branch", reference)
}
