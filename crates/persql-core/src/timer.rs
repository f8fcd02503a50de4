//! Whose time the HTTP client waits by.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::BoxFuture;

/// Whose time the HTTP client waits by: its deadlines, the time limits of its attempts, the pauses between them.
///
/// The default is real time. A test sets one of its own with [`Builder::timer`](crate::Builder::timer), so that a
/// minute of retries takes none. The futures are polled on the client's own thread, inside of a tokio runtime. The time
/// limit for making a connection is always real.
pub trait Timer: fmt::Debug + Send + Sync + 'static {
    /// What time it is: never earlier than it was.
    fn now(&self) -> Instant;

    /// Ends when this much time has gone by. The request that waits does nothing meanwhile, so a timer of a test may
    /// go on to the end at once.
    fn sleep(&self, time: Duration) -> BoxFuture<()>;

    /// Ends when this much time has gone by, and is dropped if an answer comes first. A timer of a test must not go on
    /// by itself here, or no answer would be in time.
    fn timeout(&self, time: Duration) -> BoxFuture<()> {
        self.sleep(time)
    }
}

/// The time of this machine.
#[derive(Debug)]
pub(crate) struct RealTime;

impl Timer for RealTime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }
}
