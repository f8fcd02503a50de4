//! The adapters as Python classes: each method of ours once, for callers that block and for those that await.
//!
//! Only what the frameworks ask for is here, and nothing is decided here: the classes in `python/` translate names, this
//! crate translates values.

mod checkpoint;
mod database;
mod error;
mod handle;
mod history;
mod session;
mod strands;
mod value;

use pyo3::prelude::pymodule;

/// What `import persql_native` gives.
#[pymodule]
mod persql_native {
    #[pymodule_export]
    use crate::{
        checkpoint::{Saver, Serde},
        database::Database,
        error::PerSqlError,
        history::{Provider, Run},
        session::{Session, Tail},
        strands::{Repository, Storage},
    };
}
