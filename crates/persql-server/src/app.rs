//! What all requests share.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::SystemTime,
};

use persql_core::PerSql;
use tokio::sync::Semaphore;

use crate::{
    config::{Clock, Limits},
    flood::Flood,
    tokens::Tokens,
};

#[derive(Debug)]
pub(crate) struct App {
    /// The databases.
    pub(crate) client: PerSql,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) flood: Flood,
    /// Memory for bodies that are not small, in shares.
    pub(crate) bodies: Arc<Semaphore>,
    /// How many requests there were.
    pub(crate) requests: AtomicU64,
}

impl App {
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock.0)()
    }
}
