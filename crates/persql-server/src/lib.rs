#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod app;
mod body;
mod branches;
mod caller;
mod config;
mod connection;
mod connections;
mod databases;
mod failure;
mod flood;
mod idempotency;
mod log;
mod routes;
mod server;
mod sql;
mod statements;
mod tokens;

pub use config::{Config, Limits};
pub use persql_core::{Durability, Error, ErrorKind, Result, Role};
pub use server::{Running, Server};
pub use tokens::{TokenInfo, Tokens};
