//! What all requests share.

use persql_core::PerSql;

use crate::{config::Limits, tokens::Tokens};

#[derive(Debug)]
pub(crate) struct App {
    /// The databases.
    pub(crate) client: PerSql,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
}
