//! Which file a connection is to: a path may come to name another.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

use crate::{Error, ErrorKind, Result};

/// What tells a file from every other of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    /// The identity of the file that has this name now. Nothing is opened: to close a descriptor of a live database
    /// would drop SQLite's locks on it.
    pub(super) fn of(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(numbers(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As text, for the catalogue.
    pub(super) fn text(self) -> String {
        format!("{}:{}", self.device, self.number)
    }
}

#[cfg(unix)]
fn numbers(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Identity { device: metadata.dev(), number: metadata.ino() }
}

/// Where an open file cannot be removed, its name is enough.
#[cfg(not(unix))]
fn numbers(_: &Metadata) -> Identity {
    Identity { device: 0, number: 0 }
}

/// The file that a connection has open.
#[derive(Debug)]
pub(super) struct OpenFile {
    path: PathBuf,
    identity: Identity,
}

impl OpenFile {
    /// Notes which file was opened just now; `None` if it is gone already.
    pub(super) fn note(path: &Path) -> Option<Self> {
        let identity = Identity::of(path).ok()??;
        Some(Self { path: path.to_owned(), identity })
    }

    pub(super) fn is_in_place(&self) -> bool {
        // A directory that cannot be read for a moment says nothing about the file.
        Identity::of(&self.path).map_or(true, |now| now == Some(self.identity))
    }

    /// Refuses to go on with a file that has lost its name: SQLite would read and write it as if nothing had happened,
    /// and what is written there is lost.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_in_place() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::NotFound,
            "the file of the database was removed or replaced while it was open; the next request uses what is there then",
        ))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_takes_the_name_of_another_is_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        assert!(OpenFile::note(&path).is_none());
        fs::write(&path, "1").unwrap();
        let open = OpenFile::note(&path).unwrap();
        open.check().unwrap();
        let other = directory.path().join("b.db");
        fs::write(&other, "2").unwrap();
        fs::rename(other, &path).unwrap();
        assert_eq!(open.check().unwrap_err().kind(), ErrorKind::NotFound);
        fs::remove_file(&path).unwrap();
        assert!(!open.is_in_place());
    }
}
