#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod checkpoint;
pub mod serde;

pub use checkpoint::Checkpoint;
pub use serde::{Data, Serializer};

pub use persql_core::{self, Database, Error, ErrorKind, Result};
