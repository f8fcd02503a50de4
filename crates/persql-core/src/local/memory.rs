//! A database in memory: one connection under a lock.

use std::{sync::Mutex, time::Duration};

use super::{
    Options,
    connection::{Conn, from_now},
    error::{missing, not_here, read_only},
    file::run_raw,
};
use crate::{Access, Answer, Batch, Request, Result, Rows, database::lock, tokens};

#[derive(Debug)]
pub(super) struct MemoryStore {
    options: Options,
    conn: Mutex<Option<Conn>>,
}

impl MemoryStore {
    pub(super) fn new(options: Options) -> Self {
        Self { options, conn: Mutex::default() }
    }

    /// A database that is there already.
    pub(super) fn of(conn: Conn, options: Options) -> Self {
        Self { options, conn: Mutex::new(Some(conn)) }
    }

    /// Makes the database, empty; false if there is one.
    pub(super) fn create(&self) -> Result<bool> {
        let mut slot = lock(&self.conn);
        let is_new = slot.is_none();
        if is_new {
            *slot = Some(Conn::open_memory(self.options)?);
        }
        Ok(is_new)
    }

    /// Whether anything was written.
    pub(super) fn is_there(&self) -> bool {
        lock(&self.conn).is_some()
    }

    /// Drops the content.
    pub(super) fn empty(&self) -> bool {
        lock(&self.conn).take().is_some()
    }

    /// Does `work` on the connection, if there is one.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        match &mut *lock(&self.conn) {
            Some(conn) => work(conn),
            None => Err(missing(self.options)),
        }
    }

    pub(super) fn send(&self, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        let deadline = limit.map(from_now);
        let mut slot = lock(&self.conn);
        let conn = match &mut *slot {
            Some(conn) => conn,
            // As everywhere, the first write makes the database.
            none if creates(request) && !self.options.must_exist => none.insert(Conn::open_memory(self.options)?),
            _ => return Err(missing(self.options)),
        };
        conn.limited(deadline, |conn| match request {
            Request::Batch(batch) => run(conn, batch).map(Answer::Sets),
            Request::Tables => conn.tables().map(Answer::Tables),
            Request::Describe => conn.describe().map(Answer::Description),
            Request::Control(_) => Err(not_here()),
        })
    }
}

fn run(conn: &Conn, batch: &Batch) -> Result<Vec<Rows>> {
    match batch.access() {
        Access::Read => {
            for statement in batch.statements() {
                if !conn.only_reads(statement)? {
                    return Err(read_only());
                }
            }
            conn.execute_all(batch.statements())
        }
        Access::Write | Access::Schema => conn.transaction(batch.statements()),
        Access::Raw { transaction } => run_raw(conn, batch.statements(), transaction, Conn::begin_write),
    }
}

fn creates(request: &Request) -> bool {
    match request {
        Request::Batch(batch) => match batch.access() {
            Access::Read => false,
            Access::Write | Access::Schema => true,
            Access::Raw { .. } => !batch.statements().iter().all(|statement| tokens::reads(statement.sql())),
        },
        Request::Tables | Request::Describe | Request::Control(_) => false,
    }
}
