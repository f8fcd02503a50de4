//! A database in a file: one writer, several readers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{
    Options, WriteStats,
    checkpoint::log_of,
    connection::Conn,
    error::not_here,
    job::{Outcome, Wait},
    readers::Readers,
    writer::Writer,
};
use crate::{Access, Answer, Batch, ErrorKind, Request, Result, Rows, SqlErrorKind, Statement, tokens};

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

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the write-ahead log is.
    pub(super) fn log(&self) -> PathBuf {
        log_of(&self.path)
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        self.readers.open() + self.writer.open()
    }

    /// Whether a job of a caller that went away is still to be done.
    pub(super) fn is_written_to(&self) -> bool {
        Arc::strong_count(&self.writer) > 1
    }

    /// Leaves the log as it is when the connections close.
    pub(super) fn keep_log(&self) {
        self.readers.keep_log();
        self.writer.keep_log();
    }

    pub(super) fn write_stats(&self) -> WriteStats {
        self.writer.stats()
    }

    /// Runs one request on the calling thread.
    pub(super) fn send(&self, request: &Request, limit: Option<Duration>) -> Result<Answer> {
        match request {
            Request::Batch(batch) => match self.read_batch(batch, limit) {
                Some(read) => read.map(Answer::Sets),
                None => self.writer.run(batch, limit),
            },
            Request::Tables => self.read(limit, |conn| conn.tables()).map(Answer::Tables),
            Request::Describe => self.read(limit, |conn| conn.describe()).map(Answer::Description),
            Request::Control(_) => Err(not_here()),
        }
    }

    /// Runs a batch that only reads; `None` if it writes, and nothing has run. SQL of the user's own is looked at
    /// first, on a reader.
    pub(super) fn read_batch(&self, batch: &Batch, limit: Option<Duration>) -> Option<Result<Vec<Rows>>> {
        match batch.access() {
            Access::Read => {
                Some(self.read(limit, |conn| conn.within(batch, |conn| conn.execute_all(batch.statements()))))
            }
            Access::Write | Access::Schema => None,
            Access::Raw { .. } if batch.surely_writes() => None,
            Access::Raw { transaction } => match self.only_reads(batch, limit) {
                Ok(true) => Some(self.read(limit, |conn| {
                    conn.within(batch, |conn| run_raw(conn, batch.statements(), transaction, Conn::begin_write))
                })),
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
    ) -> impl Future<Output = Result<(Batch, Outcome)>> + use<> {
        self.writer.enqueue(batch, limit)
    }

    pub(super) fn read<T>(&self, limit: Option<Duration>, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let wait = Wait::new(self.options.busy_timeout, limit);
        wait.judge(self.readers.with(&self.path, self.options, wait.end(), |conn| {
            conn.waiting(wait.end(), |conn| conn.limited(wait.deadline, work))
        }))
    }

    /// Whether raw SQL can go to a reader. Errors of the SQL itself are found here too.
    fn only_reads(&self, batch: &Batch, limit: Option<Duration>) -> Result<bool> {
        let looked = self.read(limit, |conn| {
            for statement in batch.statements() {
                if !conn.only_reads(statement)? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        match looked {
            Err(error) if error.sql_kind() == Some(SqlErrorKind::UnknownDatabase) => {
                if batch.must_exist() || batch.statements().iter().all(|statement| tokens::reads(statement.sql())) {
                    Err(error)
                } else {
                    Ok(false)
                }
            }
            // A later statement may need a table that an earlier one of the same batch creates.
            Err(error) if error.kind() == ErrorKind::Sql && batch.statements().len() > 1 => Ok(false),
            looked => looked,
        }
    }
}

/// Runs SQL of the user's own. `begin` begins a transaction that writes.
pub(super) fn run_raw(
    conn: &Conn,
    statements: &[Statement],
    transaction: bool,
    begin: impl Fn(&Conn) -> Result<()>,
) -> Result<Vec<Rows>> {
    if transaction {
        return run_together(conn, statements, &begin);
    }
    let mut sets = Vec::with_capacity(statements.len());
    for statement in statements {
        sets.extend(run_together(conn, std::slice::from_ref(statement), &begin)?);
    }
    Ok(sets)
}

fn run_together(conn: &Conn, statements: &[Statement], begin: impl Fn(&Conn) -> Result<()>) -> Result<Vec<Rows>> {
    let reads = statements.iter().all(|statement| conn.only_reads(statement).unwrap_or(false));
    match statements {
        // A pragma may set something until the end of the transaction, so it needs one that ends.
        [only] if reads && !tokens::is(only.sql(), "pragma") => return conn.execute_all(statements),
        _ if reads => conn.control("BEGIN")?,
        _ => begin(conn)?,
    }
    conn.finish(conn.execute_all(statements))
}
