#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod batch;
pub mod blocking;
mod branches;
mod client;
mod control;
mod database;
mod databases;
mod error;
mod handle;
pub mod json;
mod list;
#[cfg(feature = "local")]
mod local;
mod me;
mod operation;
mod pack;
mod page;
mod plan;
#[cfg(feature = "remote")]
mod remote;
#[cfg(feature = "remote")]
mod retry;
mod rows;
mod schema;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;
mod snapshots;
mod sql;
mod statement;
mod tables;
#[cfg(feature = "remote")]
mod timer;
pub mod timestamp;
#[cfg_attr(not(feature = "local"), allow(dead_code, reason = "local mode asks most of these questions"))]
mod tokens;
mod transport;
mod url;
mod value;
#[cfg(feature = "remote")]
mod wire;

pub use batch::{Access, Batch};
pub use branches::{Branch, BranchEnd, Branches, Claim, Claimed, Lease, Leasing, Outcome, Role};
pub use client::{Builder, PerSql};
pub use control::{Control, Controlled};
pub use database::{BoxFuture, Database, DatabaseName};
pub use databases::{DatabaseInfo, Databases};
pub use error::{Error, ErrorKind, Result, SqlDetail, SqlErrorKind};
pub use handle::{Handle, Open};
pub use list::{ListSessions, delete_inactive, end_of_prefix};
#[cfg(feature = "local")]
pub use local::{Durability, WriteStats};
pub use me::Me;
pub use operation::{Operation, Recorded};
pub use pack::{Pack, pack, pack_rows};
pub use page::{Page, PageSize};
pub use plan::{Answer, Plan, Request, Step, Then};
pub use rows::{Column, Meta, Row, Rows};
pub use schema::{ColumnDescription, Description, ForeignKey, TableDescription, TableInfo};
pub use snapshots::{SnapshotInfo, Snapshots};
pub use statement::{Ident, Params, Sql, Statement, limits};
pub use tables::Schema;
#[cfg(feature = "remote")]
pub use timer::Timer;
pub use value::{FromValue, Value, ValueRef};
