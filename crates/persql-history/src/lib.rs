#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod approval;
mod canonical;
mod content;
mod dedup;
mod history;
mod identity;
mod message;
mod operation;
mod options;
mod plan;
mod provider;
mod repair;
mod run;
mod saved;
mod sessions;
mod slice;
mod sql;
mod tail;

pub use content::Content;
pub use dedup::Dedup;
pub use history::History;
pub use message::Message;
pub use operation::OnceOnly;
pub use provider::{Builder, PerSqlHistoryProvider};
pub use run::Run;
pub use saved::Saved;
pub use sessions::SessionInfo;
pub use tail::Tail;

pub use persql_core::{self, Database, Error, ErrorKind, ListSessions, Result};

/// The same provider for callers that block.
pub mod blocking {
    pub use persql_core::blocking::{Database, PerSql};

    /// A provider on a blocking handle.
    pub type PerSqlHistoryProvider = crate::PerSqlHistoryProvider<Database>;
}
