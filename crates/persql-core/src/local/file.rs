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

    /// Runs a batch that only reads; `None` if it writes, and nothing has run.
    pub(super) fn read_batch(&self, batch: &Batch, limit: Option<Duration>) -> Option<Result<Vec<Rows>>> {
        match batch.access() {
            Access::Read => {
                Some(self.read(limit, |conn| conn.within(batch, |conn| conn.execute_all(batch.statements()))))
            }
            Access::Write | Access::Schema => None,
            Access::Raw { .. } if batch.surely_writes() => None,
            Access::Raw { transaction } => self.read_raw(batch, transaction, limit),
        }
    }

    /// The same for SQL of the user's own, which a reader looks at before it runs it. Errors of the SQL itself are found
    /// here too.
    fn read_raw(&self, batch: &Batch, transaction: bool, limit: Option<Duration>) -> Option<Result<Vec<Rows>>> {
        let statements = batch.statements();
        let mut reads = None;
        let outcome = self.read(limit, |conn| {
            for statement in statements {
                if !conn.only_reads(statement)? {
                    reads = Some(false);
                    return Ok(Vec::new());
                }
            }
            reads = Some(true);
            conn.within(batch, |conn| run_reads(conn, statements, transaction))
        });
        match (outcome, reads) {
            (_, Some(false)) => None,
            (Err(error), None) if error.sql_kind() == Some(SqlErrorKind::UnknownDatabase) => {
                let is_answer = batch.must_exist() || statements.iter().all(|statement| tokens::reads(statement.sql()));
                is_answer.then_some(Err(error))
            }
            // A later statement may need a table that an earlier one of the same batch creates.
            (Err(error), None) if error.kind() == ErrorKind::Sql && statements.len() > 1 => None,
            (outcome, _) => Some(outcome),
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
}

/// Runs SQL of the user's own. `begin` begins a transaction that writes, in which SQLite makes no checkpoint.
pub(super) fn run_raw(
    conn: &Conn,
    statements: &[Statement],
    transaction: bool,
    begin: impl Fn(&Conn) -> Result<()>,
) -> Result<Vec<Rows>> {
    each_or_all(statements, transaction, |statements| {
        if let [only] = statements
            && tokens::is_checkpoint(only.sql())
        {
            return conn.execute_all(statements);
        }
        if statements.iter().all(|statement| conn.only_reads(statement).unwrap_or(false)) {
            return read_together(conn, statements);
        }
        begin(conn)?;
        conn.finish(conn.execute_all(statements))
    })
}

/// Runs SQL of the user's own that is known to read.
fn run_reads(conn: &Conn, statements: &[Statement], transaction: bool) -> Result<Vec<Rows>> {
    each_or_all(statements, transaction, |statements| read_together(conn, statements))
}

fn each_or_all(
    statements: &[Statement],
    transaction: bool,
    run: impl Fn(&[Statement]) -> Result<Vec<Rows>>,
) -> Result<Vec<Rows>> {
    if transaction {
        return run(statements);
    }
    let mut sets: Vec<Rows> = Vec::with_capacity(statements.len());
    for statement in statements {
        match run(std::slice::from_ref(statement)) {
            Ok(set) => sets.extend(set),
            // What came before the error stays.
            Err(error) => {
                let may = error.may_have_applied() || sets.iter().any(|set| set.changes().is_some());
                return Err(error.with_may_have_applied(may));
            }
        }
    }
    Ok(sets)
}

fn read_together(conn: &Conn, statements: &[Statement]) -> Result<Vec<Rows>> {
    match statements {
        // A pragma may set something until the end of the transaction, so it needs one that ends.
        [only] if !tokens::is(only.sql(), "pragma") => conn.execute_all(statements),
        _ => {
            conn.control("BEGIN")?;
            conn.finish(conn.execute_all(statements))
        }
    }
}
