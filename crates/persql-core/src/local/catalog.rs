//! What a client knows of its databases beyond their files: ends, branches, snapshots, and what is to be removed.
//!
//! A copy is made under a name that nobody knows, and noted as litter before it is begun. One transaction then makes it
//! known and whatever it replaces litter. So a process that is killed in the middle leaves the old state or the new
//! one, and the rest is removed at the next sweep.

use std::{path::PathBuf, sync::Mutex};

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Durability, Options, Owner,
    connection::{Conn, Purpose, from_now},
    error::translate,
};
use crate::{DatabaseName, Result, database::lock};

const CREATE: &str = "\
    CREATE TABLE IF NOT EXISTS database (
        namespace TEXT NOT NULL, slug TEXT NOT NULL, file TEXT NOT NULL,
        created_at INTEGER NOT NULL, expires_at INTEGER,
        PRIMARY KEY (namespace, slug)) STRICT;
    CREATE TABLE IF NOT EXISTS branch (
        namespace TEXT NOT NULL, slug TEXT NOT NULL, reference TEXT NOT NULL, copy TEXT NOT NULL UNIQUE,
        purpose TEXT, created_at INTEGER NOT NULL, expires_at INTEGER,
        PRIMARY KEY (namespace, slug, reference)) STRICT;
    CREATE TABLE IF NOT EXISTS snapshot (
        id TEXT PRIMARY KEY, namespace TEXT NOT NULL, slug TEXT NOT NULL,
        label TEXT NOT NULL, created_at INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS snapshot_of ON snapshot (namespace, slug);
    CREATE TABLE IF NOT EXISTS litter (copy TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS deletion (
        namespace TEXT NOT NULL, slug TEXT NOT NULL, file TEXT NOT NULL,
        PRIMARY KEY (namespace, slug)) STRICT;";

/// How long a copy may take. What is older is of a process that was killed.
const MAKING: i64 = 60 * 60;

/// The catalogue of one storage. Opened when it is needed.
#[derive(Debug)]
pub(super) struct Catalog {
    /// Its file; none in memory.
    path: Option<PathBuf>,
    options: Options,
    conn: Mutex<Option<Conn>>,
}

/// A row of `database`.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) slug: String,
    /// Which file it is about: a later one of the same name is another database.
    pub(super) file: String,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
}

/// A row of `branch`.
#[derive(Debug)]
pub(super) struct Forked {
    pub(super) reference: String,
    pub(super) copy: String,
    pub(super) expires_at: Option<i64>,
}

/// A row of `snapshot`.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) created_at: i64,
    pub(super) bytes: i64,
}

impl Catalog {
    pub(super) fn new(path: Option<PathBuf>, options: Options) -> Self {
        // What the catalogue says of files must not be older than the files.
        let options = Options {
            durability: Durability::Full,
            strict_limits: false,
            must_exist: false,
            hides_records: false,
            owner: Owner::NOBODY,
            ..options
        };
        Self { path, options, conn: Mutex::default() }
    }

    /// Whether anything was ever noted.
    pub(super) fn is_there(&self) -> bool {
        match &self.path {
            Some(path) => path.exists(),
            None => lock(&self.conn).is_some(),
        }
    }

    /// Does `work` in one transaction.
    pub(super) fn transact<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.transact_with(|sqlite| work(sqlite).map_err(translate))
    }

    /// The same for work that can fail in other ways too.
    pub(super) fn transact_with<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let until = from_now(self.options.busy_timeout);
        let mut slot = lock(&self.conn);
        // The whole directory may have been removed, and the catalogue with it.
        if slot.as_ref().is_some_and(|conn| conn.check_file().is_err()) {
            *slot = None;
        }
        let conn = match &mut *slot {
            Some(conn) => conn,
            none => none.insert(self.open(until)?),
        };
        conn.waiting(until, |conn| {
            conn.begin_write()?;
            conn.finish(conn.as_ours(work))
        })
    }

    fn open(&self, until: std::time::Instant) -> Result<Conn> {
        let mut conn = match &self.path {
            Some(path) => Conn::open_file(path, Purpose::Write, self.options, until)?,
            None => Conn::open_memory(self.options)?,
        };
        conn.waiting(until, |conn| conn.as_ours(|sqlite| sqlite.execute_batch(CREATE))).map_err(translate)?;
        Ok(conn)
    }

    /// Closes the connection.
    pub(super) fn close(&self) {
        if self.path.is_some() {
            *lock(&self.conn) = None;
        }
    }
}

/// Notes a copy as litter before it is begun.
pub(super) fn begin_copy(sqlite: &Connection, copy: &str, now: i64) -> rusqlite::Result<()> {
    sqlite.execute("INSERT INTO litter (copy, since) VALUES (?1, ?2)", params![copy, now]).map(drop)
}

/// The copy is known by now, or gone.
pub(super) fn end_copy(sqlite: &Connection, copy: &str) -> rusqlite::Result<()> {
    sqlite.execute("DELETE FROM litter WHERE copy = ?1", params![copy]).map(drop)
}

/// Nobody needs this copy any more.
pub(super) fn throw_away(sqlite: &Connection, copy: &str) -> rusqlite::Result<()> {
    sqlite.execute("INSERT OR REPLACE INTO litter (copy, since) VALUES (?1, 0)", params![copy]).map(drop)
}

/// The copies that can be removed.
pub(super) fn litter(sqlite: &Connection, now: i64) -> rusqlite::Result<Vec<String>> {
    collect(sqlite, "SELECT copy FROM litter WHERE since <= ?1", params![now - MAKING], |row| row.get(0))
}

/// Which file the row of a database is about; by primary key.
pub(super) fn known_file(sqlite: &Connection, name: &DatabaseName) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT file FROM database WHERE namespace = ?1 AND slug = ?2";
    sqlite.query_row(sql, params![name.namespace(), name.database()], |row| row.get(0)).optional()
}

/// By primary key.
pub(super) fn known(sqlite: &Connection, namespace: &str) -> rusqlite::Result<Vec<Known>> {
    let sql = "SELECT slug, file, created_at, expires_at FROM database WHERE namespace = ?1";
    collect(sqlite, sql, params![namespace], |row| {
        Ok(Known { slug: row.get(0)?, file: row.get(1)?, created_at: row.get(2)?, expires_at: row.get(3)? })
    })
}

/// The databases whose time is over.
pub(super) fn expired(sqlite: &Connection, now: i64) -> rusqlite::Result<Vec<(String, String, String)>> {
    let sql = "SELECT namespace, slug, file FROM database WHERE expires_at <= ?1";
    collect(sqlite, sql, params![now], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

pub(super) fn know(
    sqlite: &Connection,
    name: &DatabaseName,
    file: &str,
    now: i64,
    expires_at: Option<i64>,
) -> rusqlite::Result<()> {
    let sql =
        "INSERT OR REPLACE INTO database (namespace, slug, file, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    sqlite.execute(sql, params![name.namespace(), name.database(), file, now, expires_at]).map(drop)
}

/// Forgets all about a database; what it leaves behind is litter.
pub(super) fn forget(sqlite: &Connection, name: &DatabaseName) -> rusqlite::Result<()> {
    let of = params![name.namespace(), name.database()];
    for sql in [
        "INSERT OR REPLACE INTO litter (copy, since) SELECT copy, 0 FROM branch WHERE namespace = ?1 AND slug = ?2",
        "INSERT OR REPLACE INTO litter (copy, since) SELECT id, 0 FROM snapshot WHERE namespace = ?1 AND slug = ?2",
        "DELETE FROM branch WHERE namespace = ?1 AND slug = ?2",
        "DELETE FROM snapshot WHERE namespace = ?1 AND slug = ?2",
        "DELETE FROM database WHERE namespace = ?1 AND slug = ?2",
        "DELETE FROM deletion WHERE namespace = ?1 AND slug = ?2",
    ] {
        sqlite.execute(sql, of)?;
    }
    Ok(())
}

/// Notes that this file of a database is about to be removed.
pub(super) fn begin_deletion(sqlite: &Connection, name: &DatabaseName, file: &str) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO deletion (namespace, slug, file) VALUES (?1, ?2, ?3)";
    sqlite.execute(sql, params![name.namespace(), name.database(), file]).map(drop)
}

/// The deletion came to nothing.
pub(super) fn end_deletion(sqlite: &Connection, name: &DatabaseName) -> rusqlite::Result<()> {
    let sql = "DELETE FROM deletion WHERE namespace = ?1 AND slug = ?2";
    sqlite.execute(sql, params![name.namespace(), name.database()]).map(drop)
}

/// The deletions that are under way, or were when their process was killed.
pub(super) fn deletions(sqlite: &Connection) -> rusqlite::Result<Vec<(String, String, String)>> {
    let sql = "SELECT namespace, slug, file FROM deletion";
    collect(sqlite, sql, params![], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
}

/// By primary key, so in the order of names.
pub(super) fn branches(sqlite: &Connection, name: &DatabaseName) -> rusqlite::Result<Vec<Forked>> {
    let sql = "SELECT reference, copy, expires_at FROM branch WHERE namespace = ?1 AND slug = ?2 ORDER BY reference";
    collect(sqlite, sql, params![name.namespace(), name.database()], forked)
}

/// By primary key.
pub(super) fn branch(sqlite: &Connection, name: &DatabaseName, reference: &str) -> rusqlite::Result<Option<Forked>> {
    let sql = "SELECT reference, copy, expires_at FROM branch WHERE namespace = ?1 AND slug = ?2 AND reference = ?3";
    sqlite.query_row(sql, params![name.namespace(), name.database(), reference], forked).optional()
}

/// By the unique index on `copy`.
#[cfg(feature = "server")]
pub(super) fn branch_of_copy(sqlite: &Connection, namespace: &str, copy: &str) -> rusqlite::Result<Option<Forked>> {
    let sql = "SELECT reference, copy, expires_at FROM branch WHERE copy = ?1 AND namespace = ?2";
    sqlite.query_row(sql, params![copy, namespace], forked).optional()
}

/// The copies of all branches.
#[cfg(feature = "server")]
pub(super) fn copies(sqlite: &Connection) -> rusqlite::Result<Vec<String>> {
    collect(sqlite, "SELECT copy FROM branch", params![], |row| row.get(0))
}

/// The copies of the branches whose time is over, which are litter from now on.
pub(super) fn expire_branches(sqlite: &Connection, now: i64) -> rusqlite::Result<Vec<String>> {
    let copies = collect(sqlite, "DELETE FROM branch WHERE expires_at <= ?1 RETURNING copy", params![now], |row| {
        row.get::<_, String>(0)
    })?;
    copies.iter().try_for_each(|copy| throw_away(sqlite, copy))?;
    Ok(copies)
}

fn forked(row: &Row<'_>) -> rusqlite::Result<Forked> {
    Ok(Forked { reference: row.get(0)?, copy: row.get(1)?, expires_at: row.get(2)? })
}

/// Makes a copy the branch of this name, and what was that before litter. Gives what was.
pub(super) fn set_branch(
    sqlite: &Connection,
    name: &DatabaseName,
    new: &Forked,
    purpose: Option<&str>,
    now: i64,
) -> rusqlite::Result<Option<String>> {
    let old = branch(sqlite, name, &new.reference)?.map(|old| old.copy);
    if let Some(old) = &old {
        throw_away(sqlite, old)?;
    }
    let sql = "INSERT OR REPLACE INTO branch (namespace, slug, reference, copy, purpose, created_at, expires_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![name.namespace(), name.database(), new.reference, new.copy, purpose, now, new.expires_at];
    sqlite.execute(sql, values)?;
    end_copy(sqlite, &new.copy)?;
    Ok(old)
}

/// Forgets a branch, and gives its copy, which is litter from now on.
pub(super) fn remove_branch(
    sqlite: &Connection,
    name: &DatabaseName,
    reference: &str,
) -> rusqlite::Result<Option<String>> {
    let sql = "DELETE FROM branch WHERE namespace = ?1 AND slug = ?2 AND reference = ?3 RETURNING copy";
    let copy: Option<String> =
        sqlite.query_row(sql, params![name.namespace(), name.database(), reference], |row| row.get(0)).optional()?;
    if let Some(copy) = &copy {
        throw_away(sqlite, copy)?;
    }
    Ok(copy)
}

/// Served by `snapshot_of`.
pub(super) fn snapshots(sqlite: &Connection, name: &DatabaseName) -> rusqlite::Result<Vec<Kept>> {
    let sql = "SELECT id, label, created_at, bytes FROM snapshot WHERE namespace = ?1 AND slug = ?2 ORDER BY rowid";
    collect(sqlite, sql, params![name.namespace(), name.database()], |row| {
        Ok(Kept { id: row.get(0)?, label: row.get(1)?, created_at: row.get(2)?, bytes: row.get(3)? })
    })
}

pub(super) fn keep(sqlite: &Connection, name: &DatabaseName, new: &Kept) -> rusqlite::Result<()> {
    let sql = "INSERT INTO snapshot (id, namespace, slug, label, created_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    sqlite.execute(sql, params![new.id, name.namespace(), name.database(), new.label, new.created_at, new.bytes])?;
    end_copy(sqlite, &new.id)
}

/// Whether there is such a snapshot of this database; by primary key.
pub(super) fn is_kept(sqlite: &Connection, name: &DatabaseName, id: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM snapshot WHERE id = ?1 AND namespace = ?2 AND slug = ?3)";
    sqlite.query_row(sql, params![id, name.namespace(), name.database()], |row| row.get(0))
}

/// Forgets a snapshot, which is litter from now on; false if there was none.
pub(super) fn remove_snapshot(sqlite: &Connection, name: &DatabaseName, id: &str) -> rusqlite::Result<bool> {
    let sql = "DELETE FROM snapshot WHERE id = ?1 AND namespace = ?2 AND slug = ?3";
    let removed = sqlite.execute(sql, params![id, name.namespace(), name.database()])? > 0;
    if removed {
        throw_away(sqlite, id)?;
    }
    Ok(removed)
}

fn collect<T>(
    sqlite: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    sqlite.prepare(sql)?.query_map(values, read)?.collect()
}
