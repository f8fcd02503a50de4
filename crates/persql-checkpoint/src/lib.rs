#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
mod checkpoint;
mod config;
mod filter;
mod ids;
mod json;
mod layout;
mod list;
mod metadata;
mod plan;
mod row;
mod saver;
pub mod serde;
mod sql;
mod texts;
mod threads;
mod transfer;
mod tuple;

pub use builder::Builder;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use ids::{checkpoint_time, new_checkpoint_id, next_version, timestamp};
pub use layout::Layout;
pub use list::ListOptions;
pub use metadata::Metadata;
pub use saver::{PerSqlSaver, PruneStrategy};
pub use serde::{Data, Serializer};
pub use threads::{ListThreads, ThreadInfo};
pub use transfer::ExportedPage;
pub use tuple::{CheckpointTuple, DeltaChannelHistory, PendingWrite};

pub use persql_core::{self, Database, Error, ErrorKind, Result};

/// The same saver for callers that block.
pub mod blocking {
    pub use crate::transfer::copy_all;
    pub use persql_core::blocking::{Database, PerSql};

    /// A saver on a blocking handle.
    pub type PerSqlSaver = crate::PerSqlSaver<Database>;
}
