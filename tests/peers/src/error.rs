//! Our errors as an exception of Python's.

use persql_core::Error;
use pyo3::{PyErr, create_exception, exceptions::PyRuntimeError};

create_exception!(persql_native, PerSqlError, PyRuntimeError, "What went wrong: the error's kind, and its message.");

/// The exception that an error of ours is.
pub(crate) fn raise(error: Error) -> PyErr {
    PerSqlError::new_err((format!("{:?}", error.kind()), error.to_string()))
}
