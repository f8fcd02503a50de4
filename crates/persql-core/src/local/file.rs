//! A database in a file: one writer, several readers.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Options, WriteStats, connection::Conn, readers::Readers, writer::Writer};
use crate::{Access, Answer, Batch, ErrorKind, Request, Result, Rows, SqlErrorKind, Statement, statement::after_blank};

#[derive(Debug)]
pub(super) struct FileStore {
    path: PathBuf,
    options: Options,
    readers: Readers,
    writer: Arc<Writer>,
}

impl FileStore {
    /// No I/O: the file is opened when it is needed.
    pub(super) fn new(path: PathBuf, options: Options) -> Self {
        Self { writer: Arc::new(Writer::new(path.clone(), options)), path, options, readers: Readers::default() }
    }

    pub(super) fn write_stats(&self) -> WriteStats {
        self.writer.stats()
    }

    /// Runs one request on the calling thread.
    pub(super) fn send(&self, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        match request {
            Request::Batch(batch) => {
                self.read_batch(batch, limit).unwrap_or_else(|| self.writer.run(batch, limit)).map(Answer::Sets)
            }
            Request::Tables => self.read(limit, |conn| conn.tables()).map(Answer::Tables),
            Request::Describe => self.read(limit, |conn| conn.describe()).map(Answer::Description),
        }
    }

    /// Runs a batch that only reads; `None` if it writes, and nothing has run. SQL of the user's own is looked at
    /// first, on a reader.
    pub(super) fn read_batch(&self, batch: &Batch, limit: Option<Duration>) -> Option<Result<Vec<Rows>>> {
        match batch.access() {
            Access::Read => Some(self.read(limit, |conn| conn.execute_all(batch.statements()))),
            Access::Write | Access::Schema => None,
            Access::Raw { transaction } => match self.only_reads(batch) {
                Ok(true) => Some(self.read(limit, |conn| run_raw(conn, batch.statements(), transaction))),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            },
        }
    }

    /// Puts the batch into the writer's queue at once; the future gives it back with its outcome.
    pub(super) fn enqueue(
        &self,
        batch: Batch,
        limit: Option<Duration>,
    ) -> impl Future<Output = Result<(Batch, Result<Vec<Rows>>)>> + use<> {
        self.writer.enqueue(batch, limit)
    }

    fn read<T>(&self, limit: Option<Duration>, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let now = Instant::now();
        self.readers.with(&self.path, self.options, |conn| {
            conn.waiting(now + self.options.busy_timeout, |conn| conn.limited(limit.map(|limit| now + limit), work))
        })
    }

    /// Whether raw SQL can go to a reader. Errors of the SQL itself are found here too.
    fn only_reads(&self, batch: &Batch) -> Result<bool> {
        let looked = self.read(None, |conn| {
            for statement in batch.statements() {
                if !conn.only_reads(statement)? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match looked {
            Err(error) if error.sql_kind() == Some(SqlErrorKind::UnknownDatabase) => {
                if batch.statements().iter().all(reads_by_its_first_word) { Err(error) } else { Ok(false) }
            }
            // A later statement may need a table that an earlier one of the same batch creates.
            Err(error) if error.kind() == ErrorKind::Sql && batch.statements().len() > 1 => Ok(false),
            looked => looked,
        }
    }
}

/// Runs SQL of the user's own.
pub(super) fn run_raw(conn: &Conn, statements: &[Statement], transaction: bool) -> Result<Vec<Rows>> {
    if transaction && !(statements.len() == 1 && conn.only_reads_all(statements)) {
        let begin = if conn.only_reads_all(statements) { "BEGIN" } else { "BEGIN IMMEDIATE" };
        conn.control(begin)?;
        return conn.finish(conn.execute_all(statements));
    }
    statements
        .iter()
        .map(|statement| {
            if conn.only_reads(statement)? {
                conn.execute(statement)
            } else {
                one_of(conn.transaction(std::slice::from_ref(statement)))
            }
        })
        .collect()
}

fn one_of(sets: Result<Vec<Rows>>) -> Result<Rows> {
    sets.map(|sets| sets.into_iter().next().unwrap_or_default())
}

impl Conn {
    fn only_reads_all(&self, statements: &[Statement]) -> bool {
        statements.iter().all(|statement| self.only_reads(statement).unwrap_or(false))
    }
}

/// Without a database there is nothing to prepare the SQL on, so its first word decides.
pub(super) fn reads_by_its_first_word(statement: &Statement) -> bool {
    let text = after_blank(statement.sql());
    let word = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("").to_ascii_uppercase();
    match word.as_str() {
        "SELECT" | "VALUES" | "EXPLAIN" | "PRAGMA" => true,
        "WITH" => {
            let text = text.to_ascii_uppercase();
            !["INSERT", "UPDATE", "DELETE", "REPLACE"].iter().any(|verb| text.contains(verb))
        }
        _ => false,
    }
}
