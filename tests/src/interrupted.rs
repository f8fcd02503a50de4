//! A handle whose requests a rival sees coming: for what happens between the requests of one operation.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use persql_core::{Handle, Plan, Result, blocking};

use crate::{Any, World};

/// A handle to the world's database that lets a rival act before each of its requests. Clones count together.
#[derive(Clone)]
pub struct Interrupted {
    db: Any,
    sent: Arc<AtomicUsize>,
    rival: Arc<dyn Fn(usize) -> Result<()> + Send + Sync>,
}

impl Interrupted {
    /// The rival has a client of its own, and is told the number of the request that comes, from 1.
    ///
    /// # Errors
    /// If the database cannot be opened.
    pub fn by(
        world: &World,
        rival: impl Fn(&blocking::Database, usize) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        // A blocking handle, since the work of an asynchronous one is interrupted on a thread of the runtime.
        let theirs = world.other_db()?.to_blocking();
        let rival = Arc::new(move |number| rival(&theirs, number));
        Ok(Self { db: world.db()?, sent: Arc::default(), rival })
    }

    /// The rival acts once, before the request of this number.
    ///
    /// # Errors
    /// If the database cannot be opened.
    pub fn once(
        world: &World,
        request: usize,
        rival: impl Fn(&blocking::Database) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::by(world, move |db, number| if number == request { rival(db) } else { Ok(()) })
    }

    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Handle for Interrupted {
    type Reply<T: Send + 'static> = Result<T>;

    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Result<T> {
        let Self { sent, rival, .. } = self.clone();
        self.db.run(plan.inspect(move |_| {
            let number = sent.fetch_add(1, Ordering::SeqCst) + 1;
            assert_eq!(rival(number).map_err(|error| error.kind()), Ok(()));
        }))
    }
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupted").field("db", &self.db).field("sent", &self.sent).finish_non_exhaustive()
    }
}
