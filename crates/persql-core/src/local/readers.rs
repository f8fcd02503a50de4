//! The connections that read one file. They never wait for its writer.

use std::{
    path::Path,
    sync::{Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::{
    Options,
    connection::{Conn, Purpose},
    error::{crowded, missing},
};
use crate::{Error, ErrorKind, Result, database::lock};

/// Connections that read one file at the same time: three descriptors and about 200 kB each.
const MOST: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Readers {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Conn>,
    open: usize,
    /// Threads that wait for a connection.
    waiting: usize,
}

impl Readers {
    /// Lends a connection to `work`, opening one if all are in use.
    pub(super) fn with<T>(
        &self,
        path: &Path,
        options: Options,
        until: Instant,
        work: impl FnOnce(&mut Conn) -> Result<T>,
    ) -> Result<T> {
        let mut lease = Lease { conn: self.take(until)?, readers: self };
        if let Some(Err(error)) = lease.conn.as_ref().map(Conn::check_file) {
            lease.conn = None;
            self.close_idle();
            return Err(error);
        }
        let conn = match &mut lease.conn {
            Some(conn) => conn,
            none => {
                // Only SQLite may open a live database: closing any descriptor of it would drop SQLite's locks.
                match path.try_exists() {
                    Ok(true) => none.insert(Conn::open_file(path, Purpose::Read, options, until)?),
                    Ok(false) => return Err(missing(options)),
                    Err(error) => {
                        let text = "the directory of the database cannot be read";
                        return Err(Error::new(ErrorKind::Unavailable, text).with_source(error));
                    }
                }
            }
        };
        work(conn)
    }

    /// How many connections there are.
    pub(super) fn open(&self) -> usize {
        lock(&self.state).open
    }

    /// Leaves the log as it is when the idle connections close.
    pub(super) fn keep_log(&self) {
        lock(&self.state).idle.iter().for_each(Conn::keep_log);
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close_idle(&self) {
        let mut state = lock(&self.state);
        let idle = std::mem::take(&mut state.idle);
        state.open -= idle.len();
        drop(state);
        drop(idle);
        self.returned.notify_all();
    }

    /// An idle connection, or leave to open one.
    fn take(&self, until: Instant) -> Result<Option<Conn>> {
        let mut state = lock(&self.state);
        loop {
            if let Some(conn) = state.idle.pop() {
                return Ok(Some(conn));
            }
            if state.open < MOST {
                state.open += 1;
                return Ok(None);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(crowded());
            }
            state.waiting += 1;
            state = self.returned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            state.waiting -= 1;
        }
    }
}

/// Gives the connection back, or its place if it ended in a panic: nobody knows what is open on it then.
struct Lease<'a> {
    readers: &'a Readers,
    conn: Option<Conn>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let conn = self.conn.take().filter(|conn| !thread::panicking() && conn.sqlite.is_autocommit());
        let mut state = lock(&self.readers.state);
        match conn {
            Some(conn) => state.idle.push(conn),
            None => state.open -= 1,
        }
        // To notify is a system call, and nearly always nobody waits.
        let is_awaited = state.waiting > 0;
        drop(state);
        if is_awaited {
            self.readers.returned.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::SqlErrorKind;

    const OPTIONS: Options = Options { strict_limits: true, busy_timeout: Duration::ZERO, ..Options::DEFAULT };

    /// Holds so many connections, and asks for one more.
    fn one_more(readers: &Readers, path: &Path, held: usize) -> Result<()> {
        readers.with(
            path,
            OPTIONS,
            Instant::now(),
            |_| if held == 0 { Ok(()) } else { one_more(readers, path, held - 1) },
        )
    }

    #[test]
    fn a_reader_who_gets_no_connection_does_not_blame_a_writer() {
        let directory = tempfile::tempdir().unwrap();
        let (readers, path) = (Readers::default(), directory.path().join("a.db"));
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
        one_more(&readers, &path, MOST - 1).unwrap();
        let error = one_more(&readers, &path, MOST).unwrap_err();
        assert_eq!((error.kind(), error.sql_kind()), (ErrorKind::Busy, Some(SqlErrorKind::DatabaseLocked)));
        assert_eq!(error.to_string(), "other readers have all connections to the database");
        one_more(&readers, &path, MOST - 1).unwrap();
    }
}
