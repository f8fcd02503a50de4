//! The databases of a client: made, listed, deleted.

use std::{sync::Arc, time::SystemTime};

use crate::{Control, Controlled, Handle, Plan, plan::unexpected};

/// A database as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseInfo {
    /// The namespace it is in.
    pub namespace: String,
    /// Its name there.
    pub slug: String,
    /// When it was made, if it was made by [`Databases::create`] and not by a first write.
    pub created_at: Option<SystemTime>,
    /// When it is deleted, if ever.
    pub expires_at: Option<SystemTime>,
}

impl DatabaseInfo {
    /// The name to open it by: `namespace/database`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.slug)
    }
}

/// The databases of a client: [`PerSql::databases`](crate::PerSql::databases).
///
/// Over HTTP they are those of the token's namespace, which the client asks the server for once, with its first call
/// here: one request more. It then lists fewer than 1,000 databases, and `create` or `delete` whose answer was lost is
/// not tried again: the error says `may_have_applied`.
///
/// # Examples
/// ```
/// use persql_core::blocking::PerSql;
///
/// # fn main() -> persql_core::Result<()> {
/// let client = PerSql::local(":memory:")?;
/// let made = client.databases().create("agent-1", Some(7))?;
/// let db = client.database(&made.full_name())?;
/// db.query("CREATE TABLE note(text TEXT)", ())?;
/// assert_eq!(client.databases().list()?.len(), 1);
/// client.databases().delete("agent-1")?;
/// assert!(db.tables().is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Databases<D: Handle> {
    handle: D,
    namespace: Option<Arc<str>>,
}

impl<D: Handle> Databases<D> {
    /// The databases of the client that this handle belongs to.
    pub fn new(handle: D) -> Self {
        Self { handle, namespace: None }
    }

    /// The databases of this namespace. Without it: `local` in local mode, the token's own otherwise. Over HTTP any
    /// other is [`Denied`](crate::ErrorKind::Denied).
    #[must_use]
    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// Makes an empty database. With `ttl_days` (1 to 30) it is deleted after that time.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if there is one of this name;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name or the time is not one;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where the client is of one file.
    pub fn create(&self, slug: &str, ttl_days: Option<u32>) -> D::Reply<DatabaseInfo> {
        let control = Control::CreateDatabase { namespace: self.namespace.clone(), slug: slug.into(), ttl_days };
        self.handle.run(Plan::control(control).try_map(|answer| match answer {
            Controlled::Databases(mut made) if made.len() == 1 => made.pop().ok_or_else(unexpected),
            _ => Err(unexpected()),
        }))
    }

    /// The databases of the namespace, by name: those that were created, and in local mode those that a first write
    /// made.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) where the client is of one file;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) over HTTP, if there are 1,000 or more.
    pub fn list(&self) -> D::Reply<Vec<DatabaseInfo>> {
        let control = Control::ListDatabases { namespace: self.namespace.clone() };
        self.handle.run(Plan::control(control).try_map(|answer| match answer {
            Controlled::Databases(databases) => Ok(databases),
            _ => Err(unexpected()),
        }))
    }

    /// Deletes a database with its branches and snapshots. Handles to it find it gone.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is none of this name.
    pub fn delete(&self, slug: &str) -> D::Reply<()> {
        let control = Control::DeleteDatabase { namespace: self.namespace.clone(), slug: slug.into() };
        self.handle.run(Plan::control(control).map(drop))
    }

    /// Deletes what has reached its end, databases and branches of every namespace, and says how many. In local mode
    /// this is done now and then by the other calls that manage databases; the service does it by itself.
    ///
    /// # Errors
    /// Those of the file system; [`Unsupported`](crate::ErrorKind::Unsupported) over HTTP.
    pub fn sweep(&self) -> D::Reply<u64> {
        self.handle.run(Plan::control(Control::SweepDatabases).try_map(|answer| match answer {
            Controlled::Count(count) => Ok(count),
            _ => Err(unexpected()),
        }))
    }
}
