//! Time that goes by when a test says so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use persql_core::{BoxFuture, Timer};
use tokio::sync::watch;

/// A client's time. A pause between two attempts is over at once; an attempt runs out of time only when somebody
/// [lets it](VirtualTime::advance). Clones share their time, and a client should have one of its own: the pause of one
/// request would end the attempts of others.
#[derive(Clone, Debug)]
pub struct VirtualTime {
    start: Instant,
    passed: Arc<watch::Sender<Duration>>,
}

impl VirtualTime {
    /// Time that stands still.
    pub fn new() -> Self {
        Self { start: Instant::now(), passed: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }

    /// How much time has gone by.
    pub fn passed(&self) -> Duration {
        *self.passed.borrow()
    }

    /// Lets time go by.
    pub fn advance(&self, time: Duration) {
        self.passed.send_modify(|passed| *passed = passed.saturating_add(time));
    }
}

impl Default for VirtualTime {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for VirtualTime {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        let this = self.clone();
        Box::pin(async move { this.advance(time) })
    }

    fn timeout(&self, time: Duration) -> BoxFuture<()> {
        let end = self.passed().saturating_add(time);
        let mut passed = self.passed.subscribe();
        Box::pin(async move {
            // A sender that is gone lets no time go by, and there is none: this future holds it.
            if passed.wait_for(|passed| *passed >= end).await.is_err() {
                std::future::pending().await
            }
        })
    }
}
