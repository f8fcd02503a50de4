//! Databases, by URL.

use pyo3::{PyResult, pyclass, pymethods};

use crate::{error::raise, handle::Peer};

/// A database: `sqlite:path`, `sqlite::memory:`, or `persql://namespace/database` at the server that the environment
/// names.
#[pyclass(frozen)]
pub(crate) struct Database(persql_core::Database);

impl Database {
    pub(crate) fn peer(&self, asynchronous: bool) -> Peer {
        if asynchronous { Peer::Async(self.0.clone()) } else { Peer::Blocking(self.0.blocking()) }
    }
}

#[pymethods]
impl Database {
    #[new]
    fn new(url: &str) -> PyResult<Self> {
        persql_core::Database::from_url(url).map(Self).map_err(raise)
    }

    fn close(&self) {
        self.0.close();
    }
}
