//! Where copies are kept: files beside the databases, or databases in memory.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Instant,
};

use rusqlite::{Connection, OpenFlags};

use super::{
    Options,
    checkpoint::log_of,
    connection::Conn,
    error::{branch_gone, translate},
    memory::MemoryStore,
};
use crate::{Error, ErrorKind, Result, database::lock};

/// The copies of one storage by their names, which are ids of our own making.
#[derive(Debug)]
pub(super) enum Shelf {
    /// In files of this directory.
    Files(PathBuf),
    /// In memory.
    Memory(Mutex<HashMap<String, Arc<MemoryStore>>>),
}

impl Shelf {
    pub(super) fn new(directory: Option<PathBuf>) -> Self {
        directory.map_or_else(|| Shelf::Memory(Mutex::default()), Shelf::Files)
    }

    /// Makes a copy that `fill` fills, safe on the disk when this returns, and says how large it is.
    pub(super) fn add(
        &self,
        copy: &str,
        options: Options,
        fill: impl FnOnce(&mut Connection) -> Result<()>,
    ) -> Result<u64> {
        match self {
            Shelf::Files(directory) => {
                fs::create_dir_all(directory).map_err(unavailable)?;
                let path = file(directory, copy);
                let mut sqlite = Connection::open(&path).map_err(translate)?;
                // Until the catalogue knows it nobody misses it, so it needs no journal, and one sync at the end.
                sqlite.execute_batch("PRAGMA synchronous=OFF").map_err(translate)?;
                pragma(&sqlite, "PRAGMA journal_mode=MEMORY")?;
                fill(&mut sqlite)?;
                pragma(&sqlite, "PRAGMA journal_mode=WAL")?;
                sqlite.close().map_err(|(_, error)| translate(error))?;
                let file = File::open(&path).map_err(unavailable)?;
                file.sync_all().map_err(unavailable)?;
                sync_directory(directory)?;
                Ok(file.metadata().map_err(unavailable)?.len())
            }
            Shelf::Memory(stores) => {
                let conn = Conn::open_memory_with(options, fill)?;
                let bytes = conn.bytes()?;
                lock(stores).insert(copy.to_owned(), Arc::new(MemoryStore::of(conn, options)));
                Ok(bytes)
            }
        }
    }

    /// Does `work` with a copy.
    pub(super) fn with<T>(&self, copy: &str, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        match self {
            Shelf::Files(directory) => {
                let path = file(directory, copy);
                if !path.exists() {
                    return Err(branch_gone());
                }
                // For reading, but the log of a branch that is in use needs its index to be written.
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                work(&Connection::open_with_flags(path, flags).map_err(translate)?)
            }
            Shelf::Memory(_) => self.memory(copy).ok_or_else(branch_gone)?.with(|conn| conn.as_ours(work)),
        }
    }

    /// The file of a copy, if copies are in files.
    pub(super) fn path(&self, copy: &str) -> Option<PathBuf> {
        match self {
            Shelf::Files(directory) => Some(file(directory, copy)),
            Shelf::Memory(_) => None,
        }
    }

    /// A copy in memory.
    pub(super) fn memory(&self, copy: &str) -> Option<Arc<MemoryStore>> {
        match self {
            Shelf::Files(_) => None,
            Shelf::Memory(stores) => lock(stores).get(copy).cloned(),
        }
    }

    /// Removes a copy; that there is none is as good.
    pub(super) fn remove(&self, copy: &str) -> Result<()> {
        match self {
            Shelf::Files(directory) => remove_database(&file(directory, copy)).map(drop),
            Shelf::Memory(stores) => {
                drop(lock(stores).remove(copy));
                Ok(())
            }
        }
    }
}

fn file(directory: &Path, copy: &str) -> PathBuf {
    directory.join(format!("{copy}.db"))
}

/// Removes a database with its log; false if there is none. It is gone when its file is: a log without one is nothing
/// to SQLite.
pub(super) fn remove_database(path: &Path) -> Result<bool> {
    let removed = match fs::remove_file(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(unavailable(error)),
    };
    if path.exists() {
        // Somebody made another meanwhile, and the log beside it is the other's.
        return Ok(removed);
    }
    let mut index = path.as_os_str().to_owned();
    index.push("-shm");
    for beside in [log_of(path), index.into()] {
        match fs::remove_file(beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unavailable(error)),
            _ => {}
        }
    }
    Ok(removed)
}

/// Gives a finished copy the name of a database, unless something has it.
pub(super) fn put_in_place(copy: &Path, path: &Path) -> Result<()> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(unavailable)?;
    // Unlike a rename, a link never replaces anything.
    match fs::hard_link(copy, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(exists()),
        // A file system without links. A rename could replace what somebody makes at this very moment.
        Err(_) if !path.exists() => fs::rename(copy, path).map_err(unavailable)?,
        Err(error) => return Err(unavailable(error)),
    }
    sync_directory(directory)
}

pub(super) fn exists() -> Error {
    Error::new(ErrorKind::Conflict, "there is a database of this name")
}

/// A name is safe on the disk when its directory is.
fn sync_directory(directory: &Path) -> Result<()> {
    if cfg!(unix) {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(unavailable)
    } else {
        Ok(())
    }
}

fn pragma(sqlite: &Connection, sql: &str) -> Result<()> {
    sqlite.query_row(sql, [], |_| Ok(())).map_err(translate)
}

pub(super) fn unavailable(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the file system refused").with_source(error)
}

/// How long a copy may wait for others.
pub(super) fn patience(options: Options) -> Instant {
    super::connection::from_now(options.busy_timeout)
}
