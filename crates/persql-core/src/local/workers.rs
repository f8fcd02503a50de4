//! The threads on which asynchronous callers' work is done, so that no executor is blocked.
//!
//! One pool for the process. Threads are started when work waits for them and end after a while without work. No job
//! waits for another job, so the pool cannot lock itself up.
//!
//! Nobody gets all threads, however many jobs he has and however long they run: each owner has at most as many as are
//! left to the others.

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result, database::lock};

type Job = Box<dyn FnOnce() + Send>;

/// Whose work it is: those who share a namespace share this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner(u64);

impl Owner {
    /// For work that nobody waits for.
    pub(crate) const NOBODY: Self = Self(0);

    pub(super) fn of(name: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish())
    }
}

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<(Owner, Job)>,
    /// How many jobs of each owner run. Those without any are not in it.
    running: HashMap<Owner, usize>,
    idle: usize,
    threads: usize,
}

impl State {
    /// The first job whose owner may have one thread more.
    fn next(&mut self) -> Option<(Owner, Job)> {
        let free = MOST_THREADS.saturating_sub(self.running.values().sum());
        let may_run = |owner| self.running.get(owner).copied().unwrap_or(0) < free;
        let index = self.jobs.iter().position(|(owner, _)| may_run(owner))?;
        let (owner, job) = self.jobs.remove(index)?;
        *self.running.entry(owner).or_insert(0) += 1;
        Some((owner, job))
    }

    fn end(&mut self, owner: Owner) {
        if let Some(running) = self.running.get_mut(&owner) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&owner);
            }
        }
    }
}

/// Enough that jobs which wait for another process's lock do not hold up the others.
const MOST_THREADS: usize = 64;
const IDLE_FOR: Duration = Duration::from_secs(10);

static POOL: LazyLock<Pool> = LazyLock::new(|| Pool { state: Mutex::default(), work: Condvar::new() });

/// Does the work on a thread of the pool and gives its value. The work is done even if the future is dropped.
pub(super) async fn run<T: Send + 'static>(owner: Owner, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    // A dropped future has no use for the value.
    spawn(owner, Box::new(move || drop(sender.send(work()))));
    receiver.await.map_err(|_| lost())
}

/// The error for work whose thread ended without an answer.
pub(super) fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the thread that did the work ended early").with_may_have_applied(true)
}

/// Does the work on a thread of the pool.
pub(super) fn spawn(owner: Owner, job: Job) {
    let mut state = lock(&POOL.state);
    state.jobs.push_back((owner, job));
    if state.idle > 0 {
        POOL.work.notify_one();
    }
    if state.idle < state.jobs.len() && state.threads < MOST_THREADS {
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
}

/// Does the work that there is.
fn work_through(mut state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    while let Some((owner, job)) = state.next() {
        drop(state);
        // A panic in a caller's own decoding must not cost the pool a thread. The caller sees its channel closed.
        drop(catch_unwind(AssertUnwindSafe(job)));
        state = lock(&POOL.state);
        state.end(owner);
        // Others may have one thread more now, too.
        if state.idle > 0 && state.jobs.len() > 1 {
            POOL.work.notify_one();
        }
    }
    state
}

fn work_until_idle() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_leaves_threads_to_the_next() {
        let mut state = State::default();
        let mut runs = |owner: u64| {
            state.jobs.extend((0..100).map(|_| (Owner(owner), Box::new(|| ()) as Job)));
            std::iter::from_fn(|| state.next()).filter(|(of, _)| *of == Owner(owner)).count()
        };
        assert_eq!([runs(1), runs(2), runs(3), runs(4)], [32, 16, 8, 4]);
        // Whoever has to wait does so behind his own, and what ends makes room.
        assert!(state.next().is_none());
        (0..32).for_each(|_| state.end(Owner(1)));
        assert_eq!(state.running.len(), 3);
        assert_eq!(state.next().unwrap().0, Owner(1));
    }
}
