//! Which file a database is in.

use std::path::{Path, PathBuf};

use crate::{DatabaseName, Error, Result};

/// Where a client's local databases are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In memory, one for each name, gone with the client.
    Memory,
    /// In this directory, a file for each name.
    Directory(PathBuf),
    /// In this file, whatever the name.
    File(PathBuf),
}

const MEMORY: &str = ":memory:";
const FILE_ENDINGS: [&str; 3] = ["db", "sqlite", "sqlite3"];

impl Location {
    /// `:memory:`, a path that ends in `.db`, `.sqlite` or `.sqlite3` for that one file, or else a directory.
    pub(crate) fn parse(path: &Path) -> Result<Self> {
        if path == Path::new(MEMORY) {
            return Ok(Location::Memory);
        }
        let path = absolute(path)?;
        let is_file =
            path.extension().is_some_and(|ending| FILE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
        Ok(if is_file && !path.is_dir() { Location::File(path) } else { Location::Directory(path) })
    }

    /// `:memory:`, or a file whatever its ending.
    pub(crate) fn parse_file(path: &Path) -> Result<Self> {
        if path == Path::new(MEMORY) { Ok(Location::Memory) } else { absolute(path).map(Location::File) }
    }

    pub(super) fn is_one_file(&self) -> bool {
        matches!(self, Location::File(_))
    }

    /// Where the catalogue and the copies are; `None` in memory. No namespace has a name that begins with a dot.
    pub(super) fn side(&self) -> Option<PathBuf> {
        match self {
            Location::Memory => None,
            Location::File(path) => {
                let mut name = path.as_os_str().to_owned();
                name.push(".persql");
                Some(name.into())
            }
            Location::Directory(directory) => Some(directory.join(".persql")),
        }
    }

    /// The file of this database; `None` in memory. Names are checked when they are made, so they cannot leave the
    /// directory.
    pub(super) fn path(&self, name: &DatabaseName) -> Option<PathBuf> {
        match self {
            Location::Memory => None,
            Location::File(path) => Some(path.clone()),
            Location::Directory(directory) => {
                Some(directory.join(name.namespace()).join(format!("{}.db", name.database())))
            }
        }
    }
}

/// An absolute path keeps its meaning when the process changes its directory, and is never taken for a `file:` URI.
fn absolute(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() || path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(Error::invalid("a path cannot be empty or hold a NUL character"));
    }
    std::path::absolute(path).map_err(|error| Error::invalid("this path cannot be used").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Result<Location> {
        Location::parse(Path::new(path))
    }

    #[test]
    fn the_form_of_the_path_decides() {
        assert_eq!(parse(":memory:").unwrap(), Location::Memory);
        assert!(matches!(parse("a/chat.db").unwrap(), Location::File(path) if path.is_absolute()));
        assert!(matches!(parse("chat.SQLite3").unwrap(), Location::File(_)));
        assert!(matches!(parse("data").unwrap(), Location::Directory(_)));
        assert!(matches!(Location::parse_file(Path::new("data")).unwrap(), Location::File(_)));
        assert!(parse("").is_err());
    }

    #[test]
    fn a_directory_holds_a_file_for_each_name() {
        let path = parse("/data").unwrap().path(&DatabaseName::parse("acme/a.b").unwrap());
        assert_eq!(path, Some(PathBuf::from("/data/acme/a.b.db")));
    }
}
