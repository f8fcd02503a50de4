#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod agent;
mod builder;
mod bytes;
mod conversation;
mod id;
mod json_text;
mod key;
mod list;
mod manager;
mod members;
mod message;
mod multi_agent;
mod plan;
mod repository;
mod search;
mod session;
mod snapshot;
mod sql;
mod storage;
mod texts;
mod tool_use;
mod tracked;

pub use agent::SessionAgent;
pub use builder::Builder;
pub use bytes::Bytes;
pub use json_text::JsonText;
pub use list::{AgentInfo, SessionInfo};
pub use manager::PerSqlSessionManager;
pub use message::{Page, SessionMessage};
pub use multi_agent::MultiAgentState;
pub use repository::PerSqlSessionRepository;
pub use search::SearchResult;
pub use session::Session;
pub use snapshot::{Scope, Snapshot, SnapshotKeys};
pub use storage::PerSqlStorage;
pub use tool_use::{repair_tool_use, repair_tool_use_text};
pub use tracked::{Restored, Tracked};

pub use persql_core::{self, Database, Error, ErrorKind, ListSessions, Result};

/// The same repository, manager and storage for callers that block.
pub mod blocking {
    pub use persql_core::blocking::{Database, PerSql};

    /// A repository on a blocking handle.
    pub type PerSqlSessionRepository = crate::PerSqlSessionRepository<Database>;
    /// A manager on a blocking handle.
    pub type PerSqlSessionManager = crate::PerSqlSessionManager<Database>;
    /// A storage on a blocking handle.
    pub type PerSqlStorage = crate::PerSqlStorage<Database>;
}
