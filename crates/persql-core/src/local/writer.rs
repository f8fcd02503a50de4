//! One writer for each file, and group commit: writers that come at the same time share one transaction.
//!
//! Whoever finds nobody writing becomes the leader: it takes SQLite's write lock, and then everything that queued up
//! in the meantime into the same transaction, each job in a savepoint of its own. A lone caller is its own leader and
//! pays no thread hop, and for a single statement no BEGIN and COMMIT. The leader serves one group and hands over, so nobody works for the others forever.
//!
//! A job never suffers for another's fault. One that fails is rolled back to its savepoint. One that kills the whole
//! transaction (`OR ROLLBACK`, an interrupt, a full disk) or makes its COMMIT fail (a deferred foreign key) sends all
//! jobs of the group back to be run one by one, in their order. Raw SQL and requests with a time limit run alone, but for
//! a server's that only change rows.
//!
//! While the leader waits for another process, it also sends away those in the queue whose time has run out.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    Options, WriteStats,
    checkpoint::Log,
    connection::Conn,
    job::{Call, Job, Outcome, Reply, Seat, Wait},
    leader::Leader,
    workers,
};
use crate::{Batch, Result, database::lock};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) options: Options,
    pub(super) queue: Mutex<Queue>,
    /// Touched by the leader only; the lock is there to show it.
    pub(super) conn: Mutex<Option<Conn>>,
    pub(super) log: Log,
    transactions: AtomicU64,
    writes: AtomicU64,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) jobs: VecDeque<Job>,
    pub(super) has_leader: bool,
}

impl Writer {
    pub(super) fn new(path: PathBuf, options: Options) -> Self {
        Self {
            log: Log::new(&path, options.log_limit),
            path,
            options,
            queue: Mutex::default(),
            conn: Mutex::default(),
            transactions: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    /// How many connections there are: one, or none yet.
    pub(super) fn open(&self) -> usize {
        // Whoever holds the lock is about to use it.
        self.conn.try_lock().map_or(1, |slot| usize::from(slot.is_some()))
    }

    /// Leaves the log as it is when the connection closes.
    pub(super) fn keep_log(&self) {
        if let Some(conn) = &*lock(&self.conn) {
            conn.keep_log();
        }
    }

    pub(super) fn stats(&self) -> WriteStats {
        WriteStats {
            transactions: self.transactions.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
        }
    }

    /// Counts a transaction and the requests that it served.
    pub(super) fn count(&self, writes: u64) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }

    /// Runs the batch and waits for its outcome.
    pub(super) fn run(self: &Arc<Self>, batch: &Batch, limit: Option<Duration>) -> Outcome {
        let wait = Wait::new(self.options.busy_timeout, limit);
        let seat = {
            let mut queue = lock(&self.queue);
            if queue.has_leader {
                let (seat, reply) = Seat::take();
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
        Leader::new(Arc::clone(self))
    }

    pub(super) fn lead_on_a_worker(self: &Arc<Self>) {
        let leader = self.leader();
        workers::spawn(self.options.owner, Box::new(move || leader.serve()));
    }
}
