#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
mod item;
mod limit;
mod operation;
mod plan;
mod session;
mod sessions;
mod sql;
mod tail;

pub use limit::{Limit, SessionSettings};
pub use operation::OnceOnly;
pub use session::{Builder, PerSqlSession};
pub use sessions::{PerSqlSessions, SessionInfo};
pub use tail::Tail;

pub use persql_core::{self, Database, Error, ErrorKind, ListSessions, Result};

/// The same session for callers that block.
pub mod blocking {
    pub use persql_core::blocking::{Database, PerSql};

    /// A session on a blocking handle.
    pub type PerSqlSession = crate::PerSqlSession<Database>;
    /// The sessions of a blocking handle.
    pub type PerSqlSessions = crate::PerSqlSessions<Database>;
}
