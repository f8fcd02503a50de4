//! The one who writes: alone, or for a group in one transaction.

use std::{sync::Arc, time::Instant};

use super::{
    connection::{Conn, Purpose, sleep_a_little},
    error::{busy, timed_out, unknown_database},
    file::run_raw,
    job::{Job, Outcome, Reply, Wait, runs_alone},
    workers,
    writer::Writer,
};
use crate::{Access, Answer, Batch, Error, ErrorKind, Result, database::lock};

/// A transaction is kept short: those who come later make the next one.
const MOST_JOBS: usize = 64;
const MOST_BYTES: usize = 4_000_000;

/// Whoever holds this writes. Dropping it hands over to the next in the queue, after a panic too.
#[derive(Debug)]
pub(super) struct Leader {
    writer: Arc<Writer>,
}

impl Drop for Leader {
    fn drop(&mut self) {
        let mut queue = lock(&self.writer.queue);
        match queue.jobs.front().map(|job| &job.reply) {
            None => queue.has_leader = false,
            Some(Reply::Thread(seat)) => seat.lead(),
            Some(Reply::Task(_)) => {
                drop(queue);
                self.writer.lead_on_a_worker();
            }
        }
    }
}

impl Leader {
    /// For the caller who found nobody leading, or was handed the lead.
    pub(super) fn new(writer: Arc<Writer>) -> Self {
        Self { writer }
    }

    /// Serves the group at the front of the queue.
    pub(super) fn serve(self) {
        self.serve_group();
    }

    /// Serves one group after the other while tasks are first in the queue and nobody else wants the thread of the pool:
    /// to hand over to another thread costs as much as a small group.
    pub(super) fn serve_tasks(self) {
        self.serve_group();
        while self.is_task_next() && workers::is_unwanted() {
            self.serve_group();
        }
    }

    fn is_task_next(&self) -> bool {
        matches!(lock(&self.writer.queue).jobs.front(), Some(Job { reply: Reply::Task(_), .. }))
    }

    fn serve_group(&self) {
        let Some(first) = lock(&self.writer.queue).jobs.pop_front() else { return };
        let mut group = vec![first];
        match self.run(&mut group) {
            Ok(outcomes) => group.into_iter().zip(outcomes).for_each(|(job, outcome)| job.answer(outcome)),
            // Nothing could be opened or locked, so nobody has joined: only the first has waited its full time.
            Err(error) => group.into_iter().for_each(|job| job.answer(Err(copy(&error)))),
        }
    }

    /// Serves the caller's own batch, and whoever joins it. Saves the lone caller a copy and a seat.
    pub(super) fn serve_with(self, batch: &Batch, wait: Wait) -> Outcome {
        self.with_conn(wait, batch.must_exist(), |conn| {
            if runs_alone(batch, wait) {
                return self.alone(conn, batch, wait);
            }
            if let Some(outcome) = self.at_once(conn, batch) {
                return outcome;
            }
            self.begin(conn, wait)?;
            let joined = self.join(0);
            if joined.is_empty() {
                return self.only(conn, batch, wait);
            }
            let others = joined.iter().map(|job| (&job.batch, job.wait));
            let batches: Vec<_> = std::iter::once((batch, wait)).chain(others).collect();
            let mut outcomes = self.together(conn, &batches).into_iter();
            let first = outcomes.next().unwrap_or_else(|| Err(workers::lost()));
            joined.into_iter().zip(outcomes).for_each(|(job, outcome)| job.answer(outcome));
            first
        })
    }

    /// Runs the first job of the group alone, or with all that can join it.
    fn run(&self, group: &mut Vec<Job>) -> Result<Vec<Outcome>> {
        let Some((wait, must_exist)) = group.first().map(|first| (first.wait, first.batch.must_exist())) else {
            return Ok(Vec::new());
        };
        self.with_conn(wait, must_exist, |conn| {
            let bytes = match group.first() {
                Some(first) if first.runs_alone() => return Ok(vec![self.alone(conn, &first.batch, wait)]),
                first => first.map_or(0, Job::bytes),
            };
            let at_once = group.first().and_then(|first| self.at_once(conn, &first.batch));
            if let Some(outcome) = at_once {
                return Ok(vec![outcome]);
            }
            self.begin(conn, wait)?;
            group.extend(self.join(bytes));
            if let [only] = group.as_slice() {
                return Ok(vec![self.only(conn, &only.batch, wait)]);
            }
            Ok(self.together(conn, &group.iter().map(|job| (&job.batch, job.wait)).collect::<Vec<_>>()))
        })
    }

    /// Runs one batch in the open transaction that nobody else shares.
    fn only(&self, conn: &mut Conn, batch: &Batch, wait: Wait) -> Outcome {
        self.writer.count(1);
        conn.limited(wait.deadline, |conn| conn.finish(conn.perform(batch)))
    }

    /// Runs a single statement that nobody would share a transaction with: SQLite makes one for it, which saves a BEGIN and
    /// a COMMIT. `None` if there are others to share with, or another process has the lock; nothing has run then.
    fn at_once(&self, conn: &Conn, batch: &Batch) -> Option<Outcome> {
        let [statement] = batch.statements() else { return None };
        if batch.is_served() || !lock(&self.writer.queue).jobs.is_empty() {
            return None;
        }
        let in_two = if self.writer.log.is_overdue() { Ok(None) } else { conn.execute_in_two(statement) };
        match in_two.and_then(|rows| rows.map_or_else(|| conn.execute(statement), Ok)) {
            Err(error) if error.kind() == ErrorKind::Busy => return None,
            // It may have been the commit that the disk refused: see `Conn::finish`.
            Err(error) if error.kind() == ErrorKind::Unavailable => Some(Err(error.with_may_have_applied(true))),
            outcome => Some(outcome.map(|rows| Answer::Sets(vec![rows]))),
        }
        .inspect(|_| self.writer.count(1))
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
    fn together(&self, conn: &mut Conn, batches: &[(&Batch, Wait)]) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(batches.len());
        for (batch, wait) in batches {
            let outcome = match late(batch, *wait) {
                Some(error) => Ok(Err(error)),
                None => in_savepoint(conn, batch, *wait),
            };
            match outcome {
                Ok(outcome) => outcomes.push(outcome),
                Err(Ended(error)) => {
                    // Whoever was interrupted at the end of its own time has had it.
                    let is_over = wait.deadline.is_some_and(|deadline| deadline <= Instant::now());
                    let over = error.filter(|_| is_over).map(|error| (outcomes.len(), error));
                    return self.one_by_one(conn, batches, over);
                }
            }
        }
        match conn.control("COMMIT") {
            Ok(()) => {
                self.writer.count(batches.len() as u64);
                outcomes
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {
                conn.roll_back();
                self.one_by_one(conn, batches, None)
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
    /// it is run again as well, but for the one whose time is over.
    fn one_by_one(
        &self,
        conn: &mut Conn,
        batches: &[(&Batch, Wait)],
        mut over: Option<(usize, Error)>,
    ) -> Vec<Outcome> {
        tracing::debug!(jobs = batches.len(), "a transaction broke and its jobs are run one by one");
        let mut outcomes = Vec::with_capacity(batches.len());
        for (index, (batch, wait)) in batches.iter().enumerate() {
            outcomes.push(match over.take_if(|(at, _)| *at == index) {
                Some((_, error)) => Err(error),
                None if batch.is_served() => self.alone(conn, batch, *wait),
                None => self.alone(conn, batch, Wait::new(self.writer.options.busy_timeout, None)),
            });
        }
        outcomes
    }

    fn alone(&self, conn: &mut Conn, batch: &Batch, wait: Wait) -> Outcome {
        if let Some(error) = late(batch, wait) {
            return Err(error);
        }
        self.writer.count(1);
        conn.limited(wait.deadline, |conn| match batch.access() {
            #[cfg(feature = "server")]
            Access::Raw { transaction: false } if batch.is_served() => {
                conn.perform_each(batch, |conn| self.begin(conn, wait))
            }
            Access::Raw { transaction } if !batch.is_served() => {
                run_raw(conn, batch.statements(), transaction, |conn| self.begin(conn, wait)).map(Answer::Sets)
            }
            _ => {
                self.begin(conn, wait)?;
                conn.finish(conn.perform(batch))
            }
        })
    }

    fn with_conn<T>(&self, wait: Wait, must_exist: bool, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut slot = lock(&self.writer.conn);
        // Out of its place, so that a panic closes it, and with it whatever was open on it.
        let mut conn = match slot.take() {
            Some(conn) => {
                conn.check_file()?;
                conn
            }
            None if must_exist && !self.writer.path.exists() => return Err(unknown_database()),
            None => self.open(wait)?,
        };
        let tended = self.writer.log.tend(&mut conn);
        if let Err(error) = tended {
            *slot = Some(conn);
            return Err(error);
        }
        let result = work(&mut conn);
        // Whatever happened, the next one starts outside of any transaction.
        conn.roll_back();
        if conn.sqlite.is_autocommit() {
            *slot = Some(conn);
        }
        result
    }

    fn open(&self, wait: Wait) -> Result<Conn> {
        wait.judge(Conn::open_file(&self.writer.path, Purpose::Write, self.writer.options, wait.end()))
    }
}

/// A batch ended the transaction, and with it the work of the others: its error.
struct Ended(Option<Error>);

/// What to tell a batch whose turn comes too late. A server's may come again; another's own limit has run out.
fn late(batch: &Batch, wait: Wait) -> Option<Error> {
    let now = Instant::now();
    match wait.deadline {
        _ if batch.is_served() => wait.over(now).map(|_| busy()),
        Some(deadline) if deadline <= now => Some(timed_out()),
        _ => None,
    }
}

/// Runs a batch in a savepoint.
fn in_savepoint(conn: &mut Conn, batch: &Batch, wait: Wait) -> Result<Outcome, Ended> {
    let outcome = conn.control("SAVEPOINT job").and_then(|()| conn.limited(wait.deadline, |conn| conn.perform(batch)));
    if conn.sqlite.is_autocommit() {
        return Err(Ended(outcome.err()));
    }
    let closed = match &outcome {
        Ok(_) => conn.control("RELEASE job"),
        Err(_) => conn.control("ROLLBACK TO job").and_then(|()| conn.control("RELEASE job")),
    };
    match closed {
        Ok(()) => Ok(outcome),
        Err(_) => {
            conn.roll_back();
            Err(Ended(None))
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

#[cfg(test)]
mod tests {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        path::Path,
        sync::atomic::{AtomicBool, Ordering},
    };

    use tokio::sync::oneshot;

    use super::*;
    use crate::{
        Sql, Statement,
        local::{
            Durability, Options,
            checkpoint::log_of,
            connection::from_now,
            job::{Call, Seat},
        },
    };

    const OPTIONS: Options = Options { strict_limits: true, ..Options::DEFAULT };

    fn writer(directory: &Path) -> Arc<Writer> {
        let writer = Arc::new(Writer::new(directory.join("test.db"), OPTIONS));
        writer.run(&Batch::schema(["CREATE TABLE t(a INTEGER PRIMARY KEY)".into()]), None).unwrap();
        writer
    }

    fn insert(number: i64) -> Batch {
        Batch::write([Statement::new("INSERT INTO t VALUES (?1)", [number])])
    }

    fn stored(writer: &Arc<Writer>) -> Vec<i64> {
        let answer = writer.run(&Batch::raw(["SELECT a FROM t ORDER BY a".into()], true), None).unwrap();
        let Answer::Sets(sets) = answer else { panic!("no sets") };
        sets[0].iter().map(|row| row.get(0usize).unwrap()).collect()
    }

    fn wait() -> Wait {
        Wait::new(OPTIONS.busy_timeout, None)
    }

    #[test]
    fn an_interrupt_in_a_group_costs_nobody_a_write() {
        let directory = tempfile::tempdir().unwrap();
        let writer = writer(directory.path());
        let long = "WITH RECURSIVE n(a) AS (SELECT 100 UNION ALL SELECT a + 1 FROM n LIMIT 2000)
            INSERT INTO t SELECT a FROM n";
        let batches = [insert(1), Batch::write([long.into()]), insert(2)];
        lock(&writer.queue).has_leader = true;
        let leader = Leader::new(Arc::clone(&writer));
        let interrupted = Arc::new(AtomicBool::new(false));
        let first_time = Arc::clone(&interrupted);
        let outcomes = leader.with_conn(wait(), false, |conn| {
            // What `sqlite3_interrupt` does, in the middle of the long statement and only once.
            let handler = move || !first_time.swap(true, Ordering::Relaxed);
            let _ = conn.sqlite.progress_handler(1_000, Some(handler));
            conn.begin_write()?;
            Ok(leader.together(conn, &batches.iter().map(|batch| (batch, wait())).collect::<Vec<_>>()))
        });
        drop(leader);
        assert!(interrupted.load(Ordering::Relaxed));
        assert!(outcomes.unwrap().iter().all(Result::is_ok));
        assert_eq!(stored(&writer).len(), 2_002);
        // One for the table, three after the group broke, one for the read.
        assert_eq!(writer.stats().transactions, 5);
    }

    #[test]
    fn a_log_is_emptied_although_a_guard_reads_beside_each_write() {
        let directory = tempfile::tempdir().unwrap();
        let writer = writer(directory.path());
        writer.run(&Batch::schema(["CREATE TABLE large(a, b, c)".into()]), None).unwrap();
        let sql = Sql::from("INSERT INTO large VALUES (?1, zeroblob(8000), 'whole')").guarded(
            "SELECT 'in two' FROM (SELECT max(rowid) FROM large)",
            "INSERT INTO large VALUES (?1, zeroblob(8000), ?2)",
        );
        let mut largest = 0;
        for number in 0..3_000 {
            writer.run(&Batch::write([Statement::new(sql.clone(), [number])]), None).unwrap();
            largest = largest.max(std::fs::metadata(log_of(&writer.path)).unwrap().len());
        }
        // SQLite's own 4,000 pages, and a little more.
        assert!((16_000_000..19_000_000).contains(&largest), "{largest}");
        let counted = writer.run(&Batch::read("SELECT count(*) FROM large WHERE c = 'in two'".into()), None);
        let Ok(Answer::Sets(sets)) = counted else { panic!("no sets") };
        assert!(sets[0].first().unwrap().get::<i64>(0usize).unwrap() > 2_500);
    }

    #[test]
    fn a_leader_that_panics_leaves_the_others_working() {
        let directory = tempfile::tempdir().unwrap();
        let writer = writer(directory.path());
        lock(&writer.queue).has_leader = true;
        let leader = Leader::new(Arc::clone(&writer));
        let (seat, reply) = Seat::take();
        lock(&writer.queue).jobs.push_back(Job { batch: insert(1), wait: wait(), reply });
        let later = writer.enqueue(insert(2), None);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let leader = leader;
            leader.with_conn(wait(), false, |conn| -> Result<()> {
                conn.begin_write()?;
                conn.execute_all(insert(3).statements())?;
                panic!("a mistake of ours");
            })
        }));
        assert!(panicked.is_err());
        // The thread in the queue is called to lead, and serves the task behind it as well.
        assert!(matches!(seat.wait(), Call::Lead));
        Leader::new(Arc::clone(&writer)).serve();
        assert!(matches!(seat.wait(), Call::Done(Ok(_))));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(later).unwrap().1.is_ok());
        writer.run(&insert(4), None).unwrap();
        assert_eq!(stored(&writer), [1, 2, 4]);
    }

    #[test]
    fn a_job_that_is_lost_is_answered_all_the_same() {
        let (seat, reply) = Seat::take();
        let (sender, mut receiver) = oneshot::channel();
        drop(Job { batch: insert(1), wait: wait(), reply });
        drop(Job { batch: insert(1), wait: wait(), reply: Reply::Task(sender) });
        let Call::Done(Err(error)) = seat.wait() else { panic!("no answer") };
        assert!(error.kind() == ErrorKind::Unavailable && error.may_have_applied());
        assert!(receiver.try_recv().is_err());
    }

    #[test]
    fn durability_is_set_on_the_connection_that_writes() {
        let directory = tempfile::tempdir().unwrap();
        for (durability, level) in [(Durability::Normal, 1), (Durability::Full, 2)] {
            let options = Options { durability, ..OPTIONS };
            let path = directory.path().join(format!("{level}.db"));
            let conn = Conn::open_file(&path, Purpose::Write, options, from_now(OPTIONS.busy_timeout)).unwrap();
            let ask = |sql| conn.as_ours(|sqlite| sqlite.query_row(sql, [], |row| row.get::<_, i64>(0))).unwrap();
            assert_eq!(ask("PRAGMA synchronous"), level);
            assert_eq!(ask("PRAGMA foreign_keys"), 1);
        }
    }
}
