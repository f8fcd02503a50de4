//! The threads on which asynchronous callers' work is done, so that no executor is blocked.
//!
//! One pool for the process. Threads are started when work waits for them and end after a while without work. No job
//! waits for another job, so the pool cannot lock itself up. A job that waits for another process gives its place to
//! another thread, so that databases which others hold do not hold up the rest.
//!
//! Nobody gets all places, however many jobs he has and however long they run: each owner has at most as many as are
//! left to the others.

use std::{
    cell::Cell,
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{Error, ErrorKind, Result, database::lock};

type Job = Box<dyn FnOnce() + Send>;

/// Whose work it is: those who share a namespace share this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Places, of which everybody leaves as many as he takes.
struct Places {
    free: usize,
    /// Those without any are not in it.
    taken: BTreeMap<Owner, usize>,
}

impl Places {
    const fn new(free: usize) -> Self {
        Self { free, taken: BTreeMap::new() }
    }

    /// Takes a place, if the owner may have another.
    fn take(&mut self, owner: Owner) -> bool {
        let has = self.taken.get(&owner).copied().unwrap_or(0);
        if has >= self.free {
            return false;
        }
        self.free -= 1;
        self.taken.insert(owner, has + 1);
        true
    }

    fn leave(&mut self, owner: Owner) {
        self.free += 1;
        if let Some(has) = self.taken.get_mut(&owner) {
            *has -= 1;
            if *has == 0 {
                self.taken.remove(&owner);
            }
        }
    }
}

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// Jobs without a place.
    queue: VecDeque<(Owner, Job)>,
    /// Jobs that have a place at work. A thread comes for each.
    ready: VecDeque<(Owner, Job)>,
    at_work: Places,
    /// Of those whose jobs wait for another process.
    waiting: Places,
    idle: usize,
    threads: usize,
}

impl State {
    const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            ready: VecDeque::new(),
            at_work: Places::new(MOST_AT_WORK),
            waiting: Places::new(MOST_THREADS - MOST_AT_WORK),
            idle: 0,
            threads: 0,
        }
    }

    /// Gives the job a place, or lets it wait for one. Says whether it has one.
    fn add(&mut self, owner: Owner, job: Job) -> bool {
        let has_place = self.at_work.take(owner);
        let jobs = if has_place { &mut self.ready } else { &mut self.queue };
        jobs.push_back((owner, job));
        has_place
    }

    /// Gives a place to the first job in the queue whose owner may have another. Says whether there was one.
    fn admit(&mut self) -> bool {
        let Some(index) = self.queue.iter().position(|(owner, _)| self.at_work.take(*owner)) else { return false };
        self.ready.extend(self.queue.remove(index));
        true
    }

    fn leave(&mut self, part: Part) {
        match part {
            Part::None => {}
            Part::Works(owner) => self.at_work.leave(owner),
            Part::Waits(owner) => self.waiting.leave(owner),
        }
    }
}

/// Jobs that work at the same time.
const MOST_AT_WORK: usize = 64;
/// Threads in all. A thread costs little while it waits, but the system has not any number of them.
const MOST_THREADS: usize = 512;
const IDLE_FOR: Duration = Duration::from_secs(10);

thread_local! {
    /// What this thread does for the pool.
    static PART: Cell<Part> = const { Cell::new(Part::None) };
}

/// Which place a thread has.
#[derive(Clone, Copy, Debug)]
enum Part {
    None,
    Works(Owner),
    Waits(Owner),
}

static POOL: Pool = Pool { state: Mutex::new(State::new()), work: Condvar::new() };

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
    if state.add(owner, job) {
        call_thread(state);
    }
}

/// Whether this thread may go on with more of the same: it has its place at work, and no other job waits.
pub(super) fn is_unwanted() -> bool {
    let state = lock(&POOL.state);
    matches!(PART.get(), Part::Works(_)) && state.queue.is_empty() && state.ready.is_empty()
}

/// Says that this thread is about to wait for another process. If it is the pool's, it counts as waiting until its job
/// ends. Whoever waits on too many threads already keeps his place at work.
pub(super) fn about_to_wait() {
    let Part::Works(owner) = PART.get() else { return };
    let mut state = lock(&POOL.state);
    if !state.waiting.take(owner) {
        return;
    }
    PART.set(Part::Waits(owner));
    state.at_work.leave(owner);
    while state.admit() {
        call_thread(state);
        state = lock(&POOL.state);
    }
}

/// Gets a thread for a job that has just become ready.
fn call_thread(mut state: MutexGuard<'static, State>) {
    // With as many threads as there may be, those without a job are enough for all that are ready.
    if state.idle >= state.ready.len() || state.threads >= MOST_THREADS {
        drop(state);
        POOL.work.notify_one();
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
    while let Some((owner, job)) = state.ready.pop_front() {
        drop(state);
        let outer = PART.replace(Part::Works(owner));
        // A panic in a caller's own decoding must not cost the pool a thread. The caller sees its channel closed.
        drop(catch_unwind(AssertUnwindSafe(job)));
        let part = PART.replace(outer);
        state = lock(&POOL.state);
        state.leave(part);
        // This thread takes the first. A place may be what the next owner was short of as well.
        if state.admit() {
            while state.admit() {
                call_thread(state);
                state = lock(&POOL.state);
            }
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
        if waited.timed_out() && state.ready.is_empty() {
            state.threads -= 1;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the owner a hundred jobs, and says how many of them have a place.
    fn start(state: &mut State, owner: u64) -> usize {
        (0..100).filter(|_| state.add(Owner(owner), Box::new(|| ()))).count()
    }

    #[test]
    fn each_owner_leaves_threads_to_the_next() {
        let mut state = State::new();
        assert_eq!([1, 2, 3, 4].map(|owner| start(&mut state, owner)), [32, 16, 8, 4]);
        // Whoever has to wait does so behind his own, and what ends makes room.
        assert!(!state.admit());
        (0..32).for_each(|_| state.leave(Part::Works(Owner(1))));
        assert_eq!(state.at_work.taken.len(), 3);
        assert!(state.admit());
        assert_eq!(state.ready.back().unwrap().0, Owner(1));
    }

    #[test]
    fn all_places_are_there_again_when_all_jobs_have_ended() {
        let mut state = State::new();
        let at_once: usize = (1..=9).map(|owner| start(&mut state, owner)).sum();
        assert_eq!(at_once, MOST_AT_WORK);
        let mut done = 0;
        while let Some((owner, _)) = state.ready.pop_front() {
            done += 1;
            let waits = done % 2 == 0 && state.waiting.take(owner);
            if waits {
                state.leave(Part::Works(owner));
            }
            state.leave(if waits { Part::Waits(owner) } else { Part::Works(owner) });
            while state.admit() {}
        }
        assert_eq!((done, state.queue.len()), (900, 0));
        assert_eq!((state.at_work.free, state.waiting.free), (MOST_AT_WORK, MOST_THREADS - MOST_AT_WORK));
        assert!(state.at_work.taken.is_empty() && state.waiting.taken.is_empty());
    }
}
