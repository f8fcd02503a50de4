//! Write-ahead logs: emptied in the background where a database was closed, and kept from growing while it is open.

use std::{
    collections::{HashSet, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    Options, Owner,
    connection::{Conn, Purpose, from_now},
    error::translate,
    workers,
};
use crate::{Error, ErrorKind, Result, SqlDetail, SqlErrorKind, database::lock};

/// Twice what the checkpoints of every 4,000 pages leave when nobody is in their way.
const LARGE: u64 = 32 << 20;

/// A little more than they leave: there was no checkpoint when one was due.
const OVERDUE: u64 = 17 << 20;

/// How long a writer may be held up by readers, now and then, to begin the log anew.
const PAUSE: Duration = Duration::from_millis(20);

/// The log is looked at after this many uses of the connection.
const SELDOM: u64 = 16;

/// Where SQLite keeps the log of this file.
pub(super) fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Logs of databases that were closed without a checkpoint, which takes ten times as long as all else in a close.
#[derive(Debug)]
pub(super) struct LeftLogs {
    options: Options,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: VecDeque<PathBuf>,
    known: HashSet<PathBuf>,
    is_worked_on: bool,
}

impl LeftLogs {
    pub(super) fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { options, state: Mutex::default() })
    }

    /// Leaves the log of this database to a thread of the pool. If the process ends before, the next one to open the
    /// database finds the log and uses it.
    pub(super) fn add(self: &Arc<Self>, path: PathBuf) {
        let mut state = lock(&self.state);
        if !state.known.insert(path.clone()) {
            return;
        }
        state.files.push_back(path);
        if !std::mem::replace(&mut state.is_worked_on, true) {
            drop(state);
            let this = Arc::clone(self);
            workers::spawn(Owner::NOBODY, Box::new(move || this.work()));
        }
    }

    fn work(&self) {
        loop {
            let path = {
                let mut state = lock(&self.state);
                let Some(path) = state.files.pop_front() else {
                    state.is_worked_on = false;
                    return;
                };
                state.known.remove(&path);
                path
            };
            if let Err(error) = self.empty(&path) {
                tracing::debug!(%error, "a log stays until its database is opened again");
            }
        }
    }

    /// The last connection to a database takes the log with it when it closes.
    fn empty(&self, path: &Path) -> Result<()> {
        if !path.exists() {
            return Ok(());
        }
        let until = from_now(PAUSE);
        let mut conn = Conn::open_file(path, Purpose::Read, self.options, until)?;
        conn.waiting(until, |conn| conn.empty_log())
    }
}

impl Conn {
    /// Moves the log's content into the database and begins the log anew, if no reader is in the way.
    fn empty_log(&self) -> Result<()> {
        self.as_ours(|sqlite| sqlite.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))).map_err(translate)
    }
}

/// The log of a database that is written to.
///
/// SQLite can begin a log anew only at a moment when no reader uses it. Readers that overlap leave no such moment, so
/// now and then the writer waits for one. A reader that stays for ever cannot be waited for: then the log has a limit.
#[derive(Debug)]
pub(super) struct Log {
    file: PathBuf,
    most: u64,
    uses: AtomicU64,
    is_overdue: AtomicBool,
    /// The size at which the next attempt is worth it.
    next: AtomicU64,
}

impl Log {
    pub(super) fn new(path: &Path, most: u64) -> Self {
        Self {
            file: log_of(path),
            most,
            uses: AtomicU64::new(0),
            is_overdue: AtomicBool::new(false),
            next: AtomicU64::new(LARGE.min(most)),
        }
    }

    /// Called before each use of the writing connection.
    pub(super) fn tend(&self, conn: &mut Conn) -> Result<()> {
        let is_full = self.next.load(Ordering::Relaxed) >= self.most && self.size() >= self.most;
        if !is_full && !self.uses.fetch_add(1, Ordering::Relaxed).is_multiple_of(SELDOM) {
            return Ok(());
        }
        let size = self.size();
        self.is_overdue.store(size >= OVERDUE, Ordering::Relaxed);
        if size < self.next.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Err(error) = conn.waiting(from_now(PAUSE), |conn| conn.empty_log()) {
            tracing::debug!(%error, "a log could not be emptied");
        }
        let left = self.size();
        let next = if left < LARGE { LARGE } else { left + LARGE };
        self.next.store(next.min(self.most), Ordering::Relaxed);
        if left < self.most {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Busy,
            "a reader that stays keeps the write-ahead log from being emptied, and the log has reached its limit",
        )
        .with_sql(SqlDetail::new(SqlErrorKind::DatabaseLocked))
        .context("bytes", left))
    }

    /// Whether the log waits for a checkpoint. SQLite makes one behind a write, unless its connection reads as well.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue.load(Ordering::Relaxed)
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |metadata| metadata.len())
    }
}
