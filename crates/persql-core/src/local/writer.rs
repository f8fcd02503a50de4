//! One writer for each file, and group commit: writers that come at the same time share one transaction.
//!
//! Whoever finds nobody writing becomes the leader: it takes SQLite's write lock, and then everything that queued up
//! in the meantime into the same transaction, each job in a savepoint of its own. A lone caller is its own leader and
//! pays no thread hop. The leader serves one group and hands over, so nobody works for the others forever.
//!
//! A job never suffers for another's fault. One that fails is rolled back to its savepoint. One that kills the whole
//! transaction (`OR ROLLBACK`, an interrupt, a full disk) or makes its COMMIT fail (a deferred foreign key) sends all
//! jobs of the group back to be run one by one, in their order. Raw SQL and requests with a time limit run alone.
//!
//! While the leader waits for another process, it also sends away those in the queue whose time has run out.

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
    connection::{Conn, Purpose, sleep_a_little},
    error::{busy, timed_out},
    file::run_raw,
    workers,
};
use crate::{Access, Batch, Error, ErrorKind, Result, Rows, database::lock};

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
    wait: Wait,
    reply: Reply,
}

/// How long a job may wait for other processes, and take in all.
#[derive(Clone, Copy, Debug)]
struct Wait {
    until: Instant,
    deadline: Option<Instant>,
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
        let wait = Wait::new(self.options.busy_timeout, limit);
        let seat = {
            let mut queue = lock(&self.queue);
            if queue.has_leader {
                let seat = Arc::new(Seat::default());
                let reply = Reply::Thread(Seated(Arc::clone(&seat)));
                queue.jobs.push_back(Job { batch: batch.clone(), wait, reply });
                Some(seat)
            } else {
                queue.has_leader = true;
                None
            }
        };
        let Some(seat) = seat else {
            return self.leader().serve_with(batch, wait);
        };
        match seat.wait() {
            Call::Done(outcome) => outcome,
            Call::Lead => {
                // Our own job is still at the front of the queue.
                self.leader().serve();
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
        let wait = Wait::new(self.options.busy_timeout, limit);
        let mut queue = lock(&self.queue);
        queue.jobs.push_back(Job { batch, wait, reply: Reply::Task(sender) });
        let leads = !std::mem::replace(&mut queue.has_leader, true);
        drop(queue);
        if leads {
            self.lead_on_a_worker();
        }
        async { receiver.await.map_err(|_| workers::lost()) }
    }

    /// For the caller who found nobody leading, or was handed the lead.
    fn leader(self: &Arc<Self>) -> Leader {
        Leader { writer: Arc::clone(self) }
    }

    fn lead_on_a_worker(self: &Arc<Self>) {
        let leader = self.leader();
        workers::spawn(Box::new(move || leader.serve()));
    }
}

impl Wait {
    fn new(busy_timeout: Duration, limit: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { until: now + busy_timeout, deadline: limit.map(|limit| now + limit) }
    }

    /// What to tell those who have waited long enough.
    fn over(&self, now: Instant) -> Option<Error> {
        match self.deadline {
            Some(deadline) if deadline <= now => Some(timed_out()),
            _ => (self.until <= now).then(busy),
        }
    }

    /// Until when to wait for the lock, for whichever reason.
    fn end(&self) -> Instant {
        self.deadline.map_or(self.until, |deadline| deadline.min(self.until))
    }
}

impl Job {
    fn runs_alone(&self) -> bool {
        runs_alone(&self.batch, self.wait)
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
fn runs_alone(batch: &Batch, wait: Wait) -> bool {
    wait.deadline.is_some() || batch.access() != Access::Write
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
struct Leader {
    writer: Arc<Writer>,
}

impl Drop for Leader {
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

impl Leader {
    /// Serves the group at the front of the queue.
    fn serve(self) {
        let Some(first) = lock(&self.writer.queue).jobs.pop_front() else { return };
        let mut group = vec![first];
        match self.run(&mut group) {
            Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(job, outcome)| job.answer(outcome)),
            // Nothing could be opened or locked, so nobody has joined: only the first has waited its full time.
            Err(error) => group.into_iter().for_each(|job| job.answer(Err(copy(&error)))),
        }
    }

    /// Serves the caller's own batch, and whoever joins it. Saves the lone caller a copy and a seat.
    fn serve_with(self, batch: &Batch, wait: Wait) -> Outcome {
        self.with_conn(wait, |conn| {
            if runs_alone(batch, wait) {
                return self.alone(conn, batch, wait);
            }
            self.begin(conn, wait)?;
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
    fn run(&self, group: &mut Vec<Job>) -> Result<Vec<Outcome>> {
        let Some(wait) = group.first().map(|first| first.wait) else { return Ok(Vec::new()) };
        self.with_conn(wait, |conn| {
            let bytes = match group.first() {
                Some(first) if first.runs_alone() => return Ok(vec![self.alone(conn, &first.batch, wait)]),
                first => first.map_or(0, Job::bytes),
            };
            self.begin(conn, wait)?;
            group.extend(self.join(bytes));
            if let [only] = group.as_slice() {
                self.count(1);
                return Ok(vec![conn.finish(conn.execute_all(only.batch.statements()))]);
            }
            Ok(self.together(conn, &group.iter().map(|job| &job.batch).collect::<Vec<_>>()))
        })
    }

    /// Begins a transaction, after whoever has the lock in another process.
    fn begin(&self, conn: &Conn, wait: Wait) -> Result<()> {
        loop {
            match conn.begin_write() {
                Err(error) if error.kind() == ErrorKind::Busy => {
                    let now = Instant::now();
                    if let Some(error) = wait.over(now) {
                        return Err(error);
                    }
                    self.dismiss(now);
                    sleep_a_little();
                }
                outcome => return outcome,
            }
        }
    }

    /// Sends those away who have waited in the queue for as long as they were willing to.
    fn dismiss(&self, now: Instant) {
        let mut queue = lock(&self.writer.queue);
        if queue.jobs.iter().all(|job| job.wait.over(now).is_none()) {
            return;
        }
        let (over, waiting) = queue.jobs.drain(..).partition::<Vec<_>, _>(|job| job.wait.over(now).is_some());
        queue.jobs = waiting.into();
        drop(queue);
        for job in over {
            let error = job.wait.over(now).unwrap_or_else(busy);
            job.answer(Err(error));
        }
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
        let again = |batch: &&Batch| self.alone(conn, batch, Wait::new(self.writer.options.busy_timeout, None));
        batches.iter().map(again).collect()
    }

    fn alone(&self, conn: &mut Conn, batch: &Batch, wait: Wait) -> Outcome {
        if wait.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(timed_out());
        }
        self.count(1);
        conn.limited(wait.deadline, |conn| match batch.access() {
            Access::Raw { transaction } => {
                run_raw(conn, batch.statements(), transaction, |conn| self.begin(conn, wait))
            }
            _ => {
                self.begin(conn, wait)?;
                conn.finish(conn.execute_all(batch.statements()))
            }
        })
    }

    fn count(&self, writes: u64) {
        self.writer.transactions.fetch_add(1, Ordering::Relaxed);
        self.writer.writes.fetch_add(writes, Ordering::Relaxed);
    }

    fn with_conn<T>(&self, wait: Wait, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut slot = lock(&self.writer.conn);
        // Out of its place, so that a panic closes it, and with it whatever was open on it.
        let mut conn = match slot.take() {
            Some(conn) => conn,
            None => self.open(wait)?,
        };
        let result = work(&mut conn);
        // Whatever happened, the next one starts outside of any transaction.
        conn.roll_back();
        if conn.sqlite.is_autocommit() {
            *slot = Some(conn);
        }
        result
    }

    fn open(&self, wait: Wait) -> Result<Conn> {
        let opened = Conn::open_file(&self.writer.path, Purpose::Write, self.writer.options, wait.end());
        opened.map_err(|error| match wait.over(Instant::now()) {
            Some(over) if error.kind() == ErrorKind::Busy => over,
            _ => error,
        })
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
fn copy(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.to_string()).with_may_have_applied(error.may_have_applied());
    match error.sql() {
        Some(detail) => copy.with_sql(detail.clone()),
        None => copy,
    }
}
