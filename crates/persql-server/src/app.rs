//! What all requests share.

use std::time::SystemTime;

use persql_core::PerSql;

use crate::{
    config::{Clock, Limits},
    tokens::Tokens,
};

#[derive(Debug)]
pub(crate) struct App {
    /// The databases.
    pub(crate) client: PerSql,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
}

impl App {
    pub(crate) fn now(&self) -> SystemTime {
        (self.clock.0)()
    }
}
