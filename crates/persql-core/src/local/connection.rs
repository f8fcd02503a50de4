//! Opening SQLite the way we want it, and waiting for other processes fairly.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{Arc, Once, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    Durability, Options,
    error::{missing, translate},
    identity::OpenFile,
    rules::{self, Asked, Settled},
    workers,
};
use crate::{Error, ErrorKind, Result};

/// The oldest SQLite whose SQL the adapters are written in.
const OLDEST: i32 = 3_046_000;

/// Statements kept prepared on each connection: more than all adapters together have.
const PREPARED: usize = 128;

/// An open connection with our rules on it.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) sqlite: Connection,
    pub(super) asked: Arc<Asked>,
    /// The longest string, blob or row.
    #[cfg(feature = "server")]
    pub(super) longest: i32,
    /// How much more the answer to a server's request may hold.
    #[cfg(feature = "server")]
    pub(super) room: Cell<Option<crate::server::Room>>,
    /// The file; a database in memory has none.
    file: Option<OpenFile>,
}

impl Drop for Conn {
    /// The last connection to a file deletes the log beside its name when it closes. If the name is another file's by
    /// now, that would be the other's log.
    fn drop(&mut self) {
        if self.file.as_ref().is_some_and(|file| !file.is_in_place()) {
            self.keep_log();
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reads from a file that must be there.
    Read,
    /// Writes to a file that is created if it is not there.
    Write,
}

impl Conn {
    /// Opens a file, and waits for other processes until `until` at most.
    pub(super) fn open_file(path: &Path, purpose: Purpose, options: Options, until: Instant) -> Result<Self> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if options.must_exist {
            if !path.exists() {
                return Err(missing(options));
            }
        } else if purpose == Purpose::Write {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
            if let Some(directory) = path.parent() {
                std::fs::create_dir_all(directory).map_err(|error| {
                    Error::new(ErrorKind::Unavailable, "the directory of the database cannot be created")
                        .with_source(error)
                })?;
            }
        }
        let sqlite = Connection::open_with_flags(path, flags).map_err(translate)?;
        let mut conn = Self::prepare(sqlite, options)?;
        conn.waiting(until, |conn| match purpose {
            Purpose::Read => conn.set_up_reader(),
            Purpose::Write => conn.set_up_writer(options, until),
        })?;
        conn.apply_rules(options)?;
        conn.file = OpenFile::note(path);
        Ok(conn)
    }

    /// Refuses to go on if the file has lost its name since it was opened.
    pub(super) fn check_file(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), OpenFile::check)
    }

    /// How large the database is.
    pub(super) fn bytes(&self) -> Result<u64> {
        const BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        self.as_ours(|sqlite| sqlite.query_row(BYTES, [], |row| row.get::<_, i64>(0)))
            .map(|bytes| bytes.try_into().unwrap_or(0))
            .map_err(translate)
    }

    /// Leaves the log as it is when the connection closes.
    pub(super) fn keep_log(&self) {
        if let Err(error) = self.sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true) {
            tracing::debug!(%error, "a log will be emptied at its close");
        }
    }

    /// Opens a database in memory that nobody else sees.
    pub(super) fn open_memory(options: Options) -> Result<Self> {
        Self::open_memory_with(options, |_| Ok(()))
    }

    /// The same, and fills it before the rules are in force.
    pub(super) fn open_memory_with(options: Options, fill: impl FnOnce(&mut Connection) -> Result<()>) -> Result<Self> {
        let mut conn = Self::prepare(Connection::open_in_memory().map_err(translate)?, options)?;
        fill(&mut conn.sqlite)?;
        conn.apply_rules(options)?;
        Ok(conn)
    }

    #[allow(unused_mut, reason = "the newest rusqlite wants it, the oldest does not")]
    fn prepare(mut sqlite: Connection, options: Options) -> Result<Self> {
        let version = rusqlite::version_number();
        if version < OLDEST {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("SQLite 3.46 or newer is needed, and this program is linked with {}", rusqlite::version()),
            ));
        }
        sqlite.set_prepared_statement_cache_capacity(PREPARED);
        sqlite.busy_handler(Some(wait_a_little as fn(i32) -> bool)).settled().map_err(translate)?;
        for (setting, on) in [
            // A damaged or hostile file must not get at the engine through its schema.
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            // As the service has it; SQLite's own default is off, rusqlite's bundled one is on.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
            // A plan depends on the SQL alone. If it may depend on the parameters, SQLite as rusqlite bundles it prepares
            // a statement that looks something up in an index again each time it is run.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        ] {
            sqlite.set_db_config(setting, on).map_err(translate)?;
        }
        tell_version_once(options);
        let conn = Self {
            sqlite,
            asked: Arc::default(),
            #[cfg(feature = "server")]
            longest: if options.strict_limits { 2_000_000 } else { 1_000_000_000 },
            #[cfg(feature = "server")]
            room: Cell::default(),
            file: None,
        };
        if let Some(bytes) = options.memory {
            // Some functions of SQLite collect without a bound: json_group_array, say.
            conn.pragma_text(&format!("PRAGMA hard_heap_limit={bytes}"))?;
        }
        Ok(conn)
    }

    /// A reader takes the file as it is: whoever only reads has no business changing it.
    fn set_up_reader(&mut self) -> Result<()> {
        // The first access: a file that is no database is refused here.
        self.pragma_text("PRAGMA schema_version")?;
        self.sqlite.execute_batch("PRAGMA query_only=ON").map_err(translate)
    }

    fn set_up_writer(&mut self, options: Options, until: Instant) -> Result<()> {
        // To switch to WAL needs the file for itself for a moment, and SQLite does not call the busy handler for that.
        while self.pragma_text("PRAGMA journal_mode")? != "wal" {
            match self.pragma_text("PRAGMA journal_mode=WAL") {
                Ok(mode) if mode == "wal" => break,
                Ok(_) => {
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "the file system does not support SQLite's WAL mode",
                    ));
                }
                Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < until => sleep_a_little(),
                Err(error) => return Err(error),
            }
        }
        let synchronous = match options.durability {
            Durability::Normal => "PRAGMA synchronous=NORMAL",
            Durability::Full => "PRAGMA synchronous=FULL",
        };
        self.sqlite.execute_batch(synchronous).map_err(translate)?;
        // A checkpoint waits for the disk, and all writers with it. SQLite's own 1,000 pages are a tenth of a second's
        // writes of many callers, most of which change the same pages again.
        self.pragma_text("PRAGMA wal_autocheckpoint=4000")?;
        // After a burst of writes the log gives its space back.
        self.pragma_text("PRAGMA journal_size_limit=16777216").map(drop)
    }

    fn apply_rules(&mut self, options: Options) -> Result<()> {
        // What a statement keeps aside while it runs, such as the rows of a RETURNING: in a temporary file it gets a page
        // cache of 20 pages each time, which costs half as much as a whole transaction of four rows. Under strict limits
        // the SQL may come from strangers, whose sorts must not fill the memory.
        if !options.strict_limits {
            self.sqlite.execute_batch("PRAGMA temp_store=MEMORY").map_err(translate)?;
        }
        rules::apply(&mut self.sqlite, options, &self.asked).map_err(translate)
    }

    /// Runs one of our own statements, which the rules do not concern: BEGIN, COMMIT and the like.
    pub(super) fn control(&self, sql: &'static str) -> Result<()> {
        self.as_ours(|sqlite| sqlite.prepare_cached(sql)?.raw_execute().map(drop)).map_err(translate)
    }

    /// Lifts the rules for what `work` does. Only what `rules::check_texts` refuses to users may go through the cache of
    /// statements: the rules are asked when a statement is prepared, and the same text of a user's would pass them.
    pub(super) fn as_ours<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        self.asked.ours.store(true, Ordering::Relaxed);
        let result = work(&self.sqlite);
        self.asked.ours.store(false, Ordering::Relaxed);
        result
    }

    /// Waits for other processes until `deadline` at most, in everything that `work` does.
    pub(super) fn waiting<T>(&mut self, deadline: Instant, work: impl FnOnce(&mut Self) -> T) -> T {
        BUSY_UNTIL.set(Some(deadline));
        let result = work(self);
        BUSY_UNTIL.set(None);
        result
    }

    /// Interrupts whatever statement of `work` runs after `deadline`.
    pub(super) fn limited<T>(
        &mut self,
        deadline: Option<Instant>,
        work: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(deadline) = deadline else { return work(self) };
        // Often enough for a limit of milliseconds, too rarely to be felt.
        const OPERATIONS: i32 = 2_000;
        let expired = move || Instant::now() >= deadline;
        self.sqlite.progress_handler(OPERATIONS, Some(expired)).settled().map_err(translate)?;
        let result = work(self);
        self.sqlite.progress_handler(0, None::<fn() -> bool>).settled().map_err(translate)?;
        result
    }

    fn pragma_text(&self, sql: &str) -> Result<String> {
        self.sqlite
            .query_row(sql, [], |row| {
                row.get_ref(0).map(|value| match value {
                    rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    _ => String::new(),
                })
            })
            .map_err(translate)
    }
}

thread_local! {
    /// Until when the operation on this thread may wait. rusqlite's oldest version takes no closure as a busy handler.
    static BUSY_UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The moment after this time, or one that never comes if there is none.
pub(super) fn from_now(time: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(time.min(NEVER)).unwrap_or(now)
}

/// SQLite's own handler sleeps for up to 100 ms, which starves those who wait long: they ask more and more rarely.
fn wait_a_little(_attempts: i32) -> bool {
    let in_time = BUSY_UNTIL.get().is_some_and(|deadline| Instant::now() < deadline);
    if in_time {
        sleep_a_little();
    }
    in_time
}

/// Between 0.1 and 0.5 ms, so that waiters do not march in step.
pub(super) fn sleep_a_little() {
    workers::about_to_wait();
    let jitter = RandomState::new().hash_one(()) % 400;
    thread::sleep(Duration::from_micros(100 + jitter));
}

fn tell_version_once(options: Options) {
    static TOLD: Once = Once::new();
    TOLD.call_once(|| {
        tracing::debug!(sqlite = rusqlite::version(), durability = ?options.durability, "local mode is in use");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_strangers_may_send_goes_through_temporary_files() {
        for (strict_limits, wanted) in [(false, 2), (true, 0)] {
            let options = Options { strict_limits, ..Options::DEFAULT };
            let conn = Conn::open_memory(options).unwrap();
            let store = conn.as_ours(|sqlite| sqlite.query_row("PRAGMA temp_store", [], |row| row.get::<_, i64>(0)));
            assert_eq!(store.unwrap(), wanted);
        }
    }
}
