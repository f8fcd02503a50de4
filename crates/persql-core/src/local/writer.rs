//! One writer for each file, and group commit: writers that come at the same time share one transaction.
//!
//! Whoever finds nobody writing becomes the leader: it takes SQLite's write lock, and then everything that queued up
//! in the meantime into the same transaction, each job in a savepoint of its own. A lone caller is its own leader and
//! pays no thread hop. The leader serves one group and hands over, so nobody works for the others forever.
//!
//! A job never suffers for another's fault. One that fails is rolled back to its savepoint. One that kills the whole
//! transaction (`OR ROLLBACK`, an interrupt, a full disk) or makes its COMMIT fail (a deferred foreign key) sends all
//! jobs of the group back to be run one by one, in their order. Raw SQL and requests with a time limit run alone.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    Options, WriteStats,
    connection::{Conn, Purpose},
    file::run_raw,
    workers,
};
use crate::{Access, Batch, ErrorKind, Result, Rows, database::lock};

/// A transaction is kept short: those who come later make the next one.
const MOST_JOBS: usize = 64;
const MOST_BYTES: usize = 4_000_000;

type Outcome = Result<Vec<Rows>>;

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    options: Options,
    queue: Mutex<Queue>,
    /// Touched by the leader only; the lock is there to show it.
    conn: Mutex<Option<Conn>>,
    transactions: AtomicU64,
    writes: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    jobs: VecDeque<Job>,
    has_leader: bool,
}

#[derive(Debug)]
struct Job {
    batch: Batch,
    limit: Option<Duration>,
    /// Until when it may wait for other processes.
    patience: Instant,
    reply: Reply,
}

#[derive(Debug)]
enum Reply {
    Thread(Seated),
    Task(oneshot::Sender<(Batch, Outcome)>),
}

/// A seat as the queue holds it.
#[derive(Debug)]
struct Seated(Arc<Seat>);

/// Where a thread waits for its outcome, or for its turn to lead.
#[derive(Debug, Default)]
struct Seat {
    call: Mutex<Option<Call>>,
    called: Condvar,
}

#[derive(Debug)]
enum Call {
    Lead,
    Done(Outcome),
}

impl Writer {
    pub(super) fn new(path: PathBuf, options: Options) -> Self {
        Self {
            path,
            options,
            queue: Mutex::default(),
            conn: Mutex::default(),
            transactions: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    pub(super) fn stats(&self) -> WriteStats {
        WriteStats {
            transactions: self.transactions.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    /// Runs the batch and waits for its outcome.
    pub(super) fn run(self: &Arc<Self>, batch: &Batch, limit: Option<Duration>) -> Outcome {
        let seat = {
            let mut queue = lock(&self.queue);
            if queue.has_leader {
                let seat = Arc::new(Seat::default());
                queue.jobs.push_back(self.job(batch.clone(), limit, Reply::Thread(Seated(Arc::clone(&seat)))));
                Some(seat)
            } else {
                queue.has_leader = true;
                None
            }
        };
        let Some(seat) = seat else {
            return Leader { writer: self }.serve_with(batch, limit);
        };
        match seat.wait() {
            Call::Done(outcome) => outcome,
            Call::Lead => {
                // Our own job is still at the front of the queue.
                Leader { writer: self }.serve();
                match seat.wait() {
                    Call::Done(outcome) => outcome,
                    Call::Lead => Err(workers::lost()),
                }
            }
        }
    }

    /// Puts the batch into the queue; a thread of the pool leads if nobody does. The batch is written even if the
    /// future is dropped.
    pub(super) fn enqueue(
        self: &Arc<Self>,
        batch: Batch,
        limit: Option<Duration>,
    ) -> impl Future<Output = Result<(Batch, Outcome)>> + use<> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(self.job(batch, limit, Reply::Task(sender)));
        let leads = !std::mem::replace(&mut queue.has_leader, true);
        drop(queue);
        if leads {
            self.lead_on_a_worker();
        }
        async { receiver.await.map_err(|_| workers::lost()) }
    }

    fn job(&self, batch: Batch, limit: Option<Duration>, reply: Reply) -> Job {
        Job { batch, limit, patience: self.patience(limit), reply }
    }

    /// Until when a job that comes now may wait for other processes.
    fn patience(&self, limit: Option<Duration>) -> Instant {
        let wait = limit.map_or(self.options.busy_timeout, |limit| limit.min(self.options.busy_timeout));
        Instant::now() + wait
    }

    fn lead_on_a_worker(self: &Arc<Self>) {
        let writer = Arc::clone(self);
        workers::spawn(Box::new(move || Leader { writer: &writer }.serve()));
    }
}

impl Job {
    fn runs_alone(&self) -> bool {
        runs_alone(&self.batch, self.limit)
    }

    fn bytes(&self) -> usize {
        self.batch.statements().iter().flat_map(|statement| statement.params()).map(crate::Value::size).sum()
    }

    fn answer(self, outcome: Outcome) {
        match self.reply {
            Reply::Thread(seat) => seat.0.call(Call::Done(outcome)),
            // Nobody waits for a dropped future's outcome.
            Reply::Task(sender) => drop(sender.send((self.batch, outcome))),
        }
    }
}

/// Raw SQL may do anything to the transaction, and a time limit ends in an interrupt, which kills it.
fn runs_alone(batch: &Batch, limit: Option<Duration>) -> bool {
    limit.is_some() || batch.access() != Access::Write
}

impl Drop for Seated {
    /// Whoever waits is told something, even if the leader panicked. An answer that was given stays.
    fn drop(&mut self) {
        lock(&self.0.call).get_or_insert_with(|| Call::Done(Err(workers::lost())));
        self.0.called.notify_one();
    }
}

impl Seat {
    fn call(&self, call: Call) {
        *lock(&self.call) = Some(call);
        self.called.notify_one();
    }

    fn wait(&self) -> Call {
        let mut call = lock(&self.call);
        loop {
            if let Some(call) = call.take() {
                return call;
            }
            call = self.called.wait(call).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whoever holds this writes. Dropping it hands over to the next in the queue, after a panic too.
struct Leader<'a> {
    writer: &'a Arc<Writer>,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut queue = lock(&self.writer.queue);
        match queue.jobs.front().map(|job| &job.reply) {
            None => queue.has_leader = false,
            Some(Reply::Thread(seat)) => seat.0.call(Call::Lead),
            Some(Reply::Task(_)) => {
                drop(queue);
                self.writer.lead_on_a_worker();
            }
        }
    }
}

impl Leader<'_> {
    /// Serves the group at the front of the queue.
    fn serve(self) {
        let Some(first) = lock(&self.writer.queue).jobs.pop_front() else { return };
        let mut group = vec![first];
        let outcomes = self.with_conn(|conn| self.run(conn, &mut group));
        match outcomes {
            Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(job, outcome)| job.answer(outcome)),
            // Nothing could be opened or locked: only the first has waited its full time.
            Err(error) => group.into_iter().for_each(|job| job.answer(Err(copy(&error)))),
        }
    }

    /// Serves the caller's own batch, and whoever joins it. Saves the lone caller a copy and a seat.
    fn serve_with(self, batch: &Batch, limit: Option<Duration>) -> Outcome {
        let patience = self.writer.patience(limit);
        self.with_conn(|conn| {
            if runs_alone(batch, limit) {
                return self.alone(conn, batch, limit, patience);
            }
            conn.waiting(patience, |conn| conn.control("BEGIN IMMEDIATE"))?;
            let joined = self.join(0);
            if joined.is_empty() {
                self.count(1);
                return conn.finish(conn.execute_all(batch.statements()));
            }
            let batches: Vec<&Batch> = std::iter::once(batch).chain(joined.iter().map(|job| &job.batch)).collect();
            let mut outcomes = self.together(conn, &batches).into_iter();
            let first = outcomes.next().unwrap_or_else(|| Err(workers::lost()));
            joined.into_iter().zip(outcomes).for_each(|(job, outcome)| job.answer(outcome));
            first
        })
    }

    /// Runs the first job of the group alone, or with all that can join it.
    fn run(&self, conn: &mut Conn, group: &mut Vec<Job>) -> Result<Vec<Outcome>> {
        let Some(first) = group.first() else { return Ok(Vec::new()) };
        if first.runs_alone() {
            return Ok(vec![self.alone(conn, &first.batch, first.limit, first.patience)]);
        }
        let bytes = first.bytes();
        conn.waiting(first.patience, |conn| conn.control("BEGIN IMMEDIATE"))?;
        group.extend(self.join(bytes));
        if let [only] = group.as_slice() {
            self.count(1);
            return Ok(vec![conn.finish(conn.execute_all(only.batch.statements()))]);
        }
        Ok(self.together(conn, &group.iter().map(|job| &job.batch).collect::<Vec<_>>()))
    }

    /// Takes from the queue what can share the transaction that has just begun.
    fn join(&self, mut bytes: usize) -> Vec<Job> {
        let mut joined = Vec::new();
        let mut queue = lock(&self.writer.queue);
        while joined.len() + 1 < MOST_JOBS
            && bytes < MOST_BYTES
            && queue.jobs.front().is_some_and(|job| !job.runs_alone())
        {
            let Some(job) = queue.jobs.pop_front() else { break };
            bytes += job.bytes();
            joined.push(job);
        }
        joined
    }

    /// Runs several batches in the open transaction, each in a savepoint.
    fn together(&self, conn: &mut Conn, batches: &[&Batch]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            match in_savepoint(conn, batch) {
                Some(outcome) => outcomes.push(outcome),
                None => return self.one_by_one(conn, batches),
            }
        }
        match conn.control("COMMIT") {
            Ok(()) => {
                self.count(batches.len() as u64);
                outcomes
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                conn.roll_back();
                self.one_by_one(conn, batches)
            }
            // The disk refused: the group may be found whole in the log at the next start, so nothing is run again.
            Err(error) => {
                conn.roll_back();
                let failed = |outcome: Outcome| match outcome {
                    Ok(_) => Err(copy(&error).with_may_have_applied(true)),
                    Err(own) => Err(own),
                };
                outcomes.into_iter().map(failed).collect()
            }
        }
    }

    /// Each in a transaction of its own, in their order. What failed in the group failed in a state that never was, so
    /// it is run again as well.
    fn one_by_one(&self, conn: &mut Conn, batches: &[&Batch]) -> Vec<Outcome> {
        tracing::debug!(jobs = batches.len(), "a transaction broke and its jobs are run one by one");
        let wait = self.writer.options.busy_timeout;
        batches.iter().map(|batch| self.alone(conn, batch, None, Instant::now() + wait)).collect()
    }

    fn alone(&self, conn: &mut Conn, batch: &Batch, limit: Option<Duration>, patience: Instant) -> Outcome {
        self.count(1);
        let deadline = limit.map(|limit| Instant::now() + limit);
        conn.waiting(patience, |conn| {
            conn.limited(deadline, |conn| match batch.access() {
                Access::Raw { transaction } => run_raw(conn, batch.statements(), transaction),
                _ => conn.transaction(batch.statements()),
            })
        })
    }

    fn count(&self, writes: u64) {
        self.writer.transactions.fetch_add(1, Ordering::Relaxed);
        self.writer.writes.fetch_add(writes, Ordering::Relaxed);
    }

    fn with_conn<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut slot = lock(&self.writer.conn);
        let conn = match &mut *slot {
            Some(conn) => conn,
            none => none.insert(Conn::open_file(&self.writer.path, Purpose::Write, self.writer.options)?),
        };
        let result = work(conn);
        // Whatever happened, the next one starts outside of any transaction.
        conn.roll_back();
        result
    }
}

/// Runs a batch in a savepoint; `None` if it ended the transaction, and with it the work of the others.
fn in_savepoint(conn: &Conn, batch: &Batch) -> Option<Outcome> {
    let outcome = conn.control("SAVEPOINT job").and_then(|()| conn.execute_all(batch.statements()));
    if conn.sqlite.is_autocommit() {
        return None;
    }
    let closed = match &outcome {
        Ok(_) => conn.control("RELEASE job"),
        Err(_) => conn.control("ROLLBACK TO job").and_then(|()| conn.control("RELEASE job")),
    };
    match closed {
        Ok(()) => Some(outcome),
        Err(_) => {
            conn.roll_back();
            None
        }
    }
}

/// The same error for another caller. The source stays with the first.
fn copy(error: &crate::Error) -> crate::Error {
    let copy = crate::Error::new(error.kind(), error.to_string()).with_may_have_applied(error.may_have_applied());
    match error.sql() {
        Some(detail) => copy.with_sql(detail.clone()),
        None => copy,
    }
}
