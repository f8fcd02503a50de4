//! Snapshots: what a database was at a moment, kept to go back to.

use std::time::SystemTime;

use crate::{Control, Controlled, Handle, Plan, plan::unexpected};

/// A snapshot as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// What to restore or delete it by.
    pub id: String,
    /// What it is, in the words of whoever made it.
    pub label: String,
    /// When it was made.
    pub created_at: SystemTime,
    /// How large it is.
    pub bytes: u64,
}

/// The snapshots of a database: [`Database::snapshots`](crate::Database::snapshots). In local mode only: the HTTP API
/// documents none.
///
/// # Examples
/// ```
/// use persql_core::blocking::Database;
///
/// # fn main() -> persql_core::Result<()> {
/// let db = Database::local(":memory:")?;
/// db.transaction(["CREATE TABLE note(text TEXT)", "INSERT INTO note VALUES ('hello')"])?;
/// let before = db.snapshots().create("before the clean-up")?;
/// db.query("DELETE FROM note", ())?;
/// db.snapshots().restore(&before.id)?;
/// assert_eq!(db.query("SELECT * FROM note", ())?.len(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Snapshots<D: Handle>(D);

impl<D: Handle> Snapshots<D> {
    /// The snapshots of the database that this is a handle to.
    pub fn new(db: D) -> Self {
        Self(db)
    }

    /// Copies the database as it is at one moment. Writers go on meanwhile. The label is for people: 200 bytes at most.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if nothing was written to the database yet;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the disk has no room.
    pub fn create(&self, label: &str) -> D::Reply<SnapshotInfo> {
        self.0.run(Plan::control(Control::CreateSnapshot { label: label.into() }).try_map(|answer| match answer {
            Controlled::Snapshots(mut made) if made.len() == 1 => made.pop().ok_or_else(unexpected),
            _ => Err(unexpected()),
        }))
    }

    /// The snapshots, oldest first.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn list(&self) -> D::Reply<Vec<SnapshotInfo>> {
        self.0.run(Plan::control(Control::ListSnapshots).try_map(|answer| match answer {
            Controlled::Snapshots(snapshots) => Ok(snapshots),
            _ => Err(unexpected()),
        }))
    }

    /// Makes the database what it was, in one transaction: whoever reads it sees the one state or the other, and a
    /// process that is killed in the middle leaves the old one. What was written since is gone; the snapshot stays.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such snapshot of this database.
    pub fn restore(&self, id: &str) -> D::Reply<()> {
        self.0.run(Plan::control(Control::RestoreSnapshot { id: id.into() }).map(drop))
    }

    /// Deletes a snapshot.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such snapshot of this database.
    pub fn delete(&self, id: &str) -> D::Reply<()> {
        self.0.run(Plan::control(Control::DeleteSnapshot { id: id.into() }).map(drop))
    }
}
