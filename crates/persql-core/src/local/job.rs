//! What waits in a writer's queue, and how it is answered.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    connection::from_now,
    error::{busy, timed_out},
    workers,
};
use crate::{Access, Answer, Batch, Error, ErrorKind, Result, database::lock};

pub(super) type Outcome = Result<Answer>;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) batch: Batch,
    pub(super) wait: Wait,
    pub(super) reply: Reply,
}

/// How long a job may wait for other processes, and take in all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    until: Instant,
    pub(super) deadline: Option<Instant>,
}

#[derive(Debug)]
pub(super) enum Reply {
    Thread(Seated),
    Task(oneshot::Sender<(Batch, Outcome)>),
}

/// A seat as the queue holds it.
#[derive(Debug)]
pub(super) struct Seated(Arc<Seat>);

/// Where a thread waits for its outcome, or for its turn to lead.
#[derive(Debug, Default)]
pub(super) struct Seat {
    call: Mutex<Option<Call>>,
    called: Condvar,
}

#[derive(Debug)]
pub(super) enum Call {
    Lead,
    Done(Outcome),
}

impl Wait {
    pub(super) fn new(busy_timeout: Duration, limit: Option<Duration>) -> Self {
        Self { until: from_now(busy_timeout), deadline: limit.map(from_now) }
    }

    /// What to tell those who have waited long enough.
    pub(super) fn over(&self, now: Instant) -> Option<Error> {
        match self.deadline {
            Some(deadline) if deadline <= now => Some(timed_out()),
            _ => (self.until <= now).then(busy),
        }
    }

    /// Names a wait that ended after what ended it: the request's own limit, or the patience with others.
    pub(super) fn judge<T>(&self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Err(error) if error.kind() == ErrorKind::Busy => Err(self.over(Instant::now()).unwrap_or(error)),
            outcome => outcome,
        }
    }

    /// Until when to wait for the lock, for whichever reason.
    pub(super) fn end(&self) -> Instant {
        self.deadline.map_or(self.until, |deadline| deadline.min(self.until))
    }
}

impl Job {
    pub(super) fn runs_alone(&self) -> bool {
        runs_alone(&self.batch, self.wait)
    }

    pub(super) fn bytes(&self) -> usize {
        self.batch.statements().iter().flat_map(|statement| statement.params()).map(crate::Value::size).sum()
    }

    pub(super) fn answer(self, outcome: Outcome) {
        match self.reply {
            Reply::Thread(seat) => seat.0.call(Call::Done(outcome)),
            // Nobody waits for a dropped future's outcome.
            Reply::Task(sender) => drop(sender.send((self.batch, outcome))),
        }
    }
}

/// Raw SQL may do anything to the transaction, and a time limit ends in an interrupt, which kills it. A server's
/// requests are all raw and limited, so those that only change rows share transactions all the same.
pub(super) fn runs_alone(batch: &Batch, wait: Wait) -> bool {
    if batch.is_served() {
        !batch.only_changes_rows()
    } else {
        wait.deadline.is_some() || batch.access() != Access::Write
    }
}

impl Drop for Seated {
    /// Whoever waits is told something, even if the leader panicked. An answer that was given stays.
    fn drop(&mut self) {
        lock(&self.0.call).get_or_insert_with(|| Call::Done(Err(workers::lost())));
        self.0.called.notify_one();
    }
}

impl Seated {
    /// Tells the thread that it is its turn to lead.
    pub(super) fn lead(&self) {
        self.0.call(Call::Lead);
    }
}

impl Seat {
    /// A seat for this thread, and what stands for it in the queue.
    pub(super) fn take() -> (Arc<Self>, Reply) {
        let seat = Arc::new(Self::default());
        (Arc::clone(&seat), Reply::Thread(Seated(seat)))
    }

    fn call(&self, call: Call) {
        *lock(&self.call) = Some(call);
        self.called.notify_one();
    }

    pub(super) fn wait(&self) -> Call {
        let mut call = lock(&self.call);
        loop {
            if let Some(call) = call.take() {
                return call;
            }
            call = self.called.wait(call).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
