//! A database in memory: one connection under a lock.

use std::{sync::Mutex, time::Duration};

use super::{
    Options,
    connection::{Conn, from_now},
    error::{read_only, unknown_database},
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

    pub(super) fn send(&self, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        let deadline = limit.map(from_now);
        let mut slot = lock(&self.conn);
        let conn = match &mut *slot {
            Some(conn) => conn,
            // As everywhere, the first write makes the database.
            none if creates(request) => none.insert(Conn::open_memory(self.options)?),
            _ => return Err(unknown_database()),
        };
        conn.limited(deadline, |conn| match request {
            Request::Batch(batch) => run(conn, batch).map(Answer::Sets),
            Request::Tables => conn.tables().map(Answer::Tables),
            Request::Describe => conn.describe().map(Answer::Description),
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
        Request::Tables | Request::Describe => false,
    }
}
