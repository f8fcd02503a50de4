//! The HTTP API without I/O: requests to bodies, bodies to answers. docs/wire.md numbers what is assumed here.

mod branches;
mod databases;
mod decode;
mod encode;
mod failure;
mod sets;
mod time;

use std::time::Duration;

pub(crate) use decode::decode;
pub(crate) use encode::encode;

/// What HTTP calls what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

/// A request as it goes over the wire.
#[derive(Debug)]
pub(crate) struct Call {
    /// The last word of the documented route: what logs call it.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    /// JSON.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) repeat: Repeat,
}

impl Call {
    /// Whether something may be different afterwards.
    pub(crate) fn writes(&self) -> bool {
        self.repeat != Repeat::Reads
    }

    /// Whether it is about one database.
    pub(crate) fn is_of_database(&self) -> bool {
        self.path.starts_with("/v1/db/")
    }
}

/// What it does to send a request twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing: it reads.
    Reads,
    /// Nothing, for the server knows the key of the first.
    Keyed,
    /// It may do twice what it does. Keys are documented for SQL alone.
    Twice,
    /// If it failed, again what came before the statement that failed. Keys protect what succeeded.
    InPart,
}

/// Everything but the status and the body that matters in an answer.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) retry_after: Option<Duration>,
}
