//! The threads on which asynchronous callers' work is done, so that no executor is blocked.
//!
//! One pool for the process. Threads are started when work waits for them and end after a while without work. No job
//! waits for another job, so the pool cannot lock itself up. A job that waits for another process gives its place to
//! another thread, so that databases which others hold do not hold up the rest.

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result, database::lock};

type Job = Box<dyn FnOnce() + Send>;

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    /// Those whose jobs wait for another process.
    waiting: usize,
    threads: usize,
}

/// Threads that work at the same time.
const MOST_AT_WORK: usize = 64;
/// Threads in all. A thread costs little while it waits, but the system has not any number of them.
const MOST_THREADS: usize = 512;
const IDLE_FOR: Duration = Duration::from_secs(10);

thread_local! {
    /// What this thread does for the pool.
    static PART: Cell<Part> = const { Cell::new(Part::None) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    None,
    Works,
    Waits,
}

static POOL: Pool =
    Pool { state: Mutex::new(State { jobs: VecDeque::new(), idle: 0, waiting: 0, threads: 0 }), work: Condvar::new() };

/// Does the work on a thread of the pool and gives its value. The work is done even if the future is dropped.
pub(super) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    // A dropped future has no use for the value.
    spawn(Box::new(move || drop(sender.send(work()))));
    receiver.await.map_err(|_| lost())
}

/// The error for work whose thread ended without an answer.
pub(super) fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the thread that did the work ended early").with_may_have_applied(true)
}

/// Does the work on a thread of the pool.
pub(super) fn spawn(job: Job) {
    let mut state = lock(&POOL.state);
    state.jobs.push_back(job);
    if state.idle >= state.jobs.len() {
        drop(state);
        POOL.work.notify_one();
    } else {
        start_thread(state);
    }
}

/// Says that this thread is about to wait for another process. If it is the pool's, it counts as waiting until its job
/// ends.
pub(super) fn about_to_wait() {
    if PART.get() == Part::Works {
        PART.set(Part::Waits);
        let mut state = lock(&POOL.state);
        state.waiting += 1;
        if !state.jobs.is_empty() {
            start_thread(state);
        }
    }
}

/// Starts a thread, if there may be another.
fn start_thread(mut state: MutexGuard<'static, State>) {
    if state.threads >= MOST_THREADS || state.threads - state.waiting >= MOST_AT_WORK {
        return;
    }
    state.threads += 1;
    drop(state);
    let started = thread::Builder::new().name("persql-local".to_owned()).spawn(work_until_idle);
    if started.is_err() {
        // The system has no thread to give. Others of the pool will come to the job; without any, it is done here.
        let mut state = lock(&POOL.state);
        state.threads -= 1;
        if state.threads == 0 {
            drop(work_through(state));
        }
    }
}

/// Does the work that there is.
fn work_through(mut state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    while let Some(job) = state.jobs.pop_front() {
        drop(state);
        // A panic in a caller's own decoding must not cost the pool a thread. The caller sees its channel closed.
        drop(catch_unwind(AssertUnwindSafe(job)));
        state = lock(&POOL.state);
        if PART.get() == Part::Waits {
            PART.set(Part::Works);
            state.waiting -= 1;
        }
    }
    state
}

fn work_until_idle() {
    PART.set(Part::Works);
    let mut state = lock(&POOL.state);
    loop {
        state = work_through(state);
        state.idle += 1;
        let (woken, waited) = POOL.work.wait_timeout(state, IDLE_FOR).unwrap_or_else(PoisonError::into_inner);
        state = woken;
        state.idle -= 1;
        if waited.timed_out() && state.jobs.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}
