//! A handle that answers Python: at once, or with something to await.

use persql_core::{BoxFuture, Handle, Plan, Result, blocking};
use pyo3::{Bound, IntoPyObjectExt as _, PyAny, PyResult, Python, types::PyNone};
use pyo3_async_runtimes::tokio::future_into_py;

use crate::error::raise;

/// A handle of either kind; which one is the Python caller's choice.
#[derive(Clone)]
pub(crate) enum Peer {
    Blocking(blocking::Database),
    Async(persql_core::Database),
}

/// What a [`Peer`] answers with.
pub(crate) enum Reply<T> {
    Now(Result<T>),
    Later(BoxFuture<Result<T>>),
}

impl Handle for Peer {
    type Reply<T: Send + 'static> = Reply<T>;

    fn run<T: Send + 'static>(&self, plan: Plan<T>) -> Reply<T> {
        match self {
            Self::Blocking(db) => Reply::Now(db.run(plan)),
            Self::Async(db) => Reply::Later(db.run(plan)),
        }
    }
}

/// How a value of ours becomes a value of Python's.
pub(crate) type Into<T> = for<'py> fn(Python<'py>, T) -> PyResult<Bound<'py, PyAny>>;

/// Does the work while other threads of Python run, and gives its value, or an awaitable of it.
pub(crate) fn answer<'py, T: Send + 'static>(
    py: Python<'py>,
    work: impl FnOnce() -> Reply<T> + Send,
    into: Into<T>,
) -> PyResult<Bound<'py, PyAny>> {
    match py.detach(work) {
        Reply::Now(result) => into(py, result.map_err(raise)?),
        Reply::Later(future) => future_into_py(py, async move {
            let value = future.await.map_err(raise)?;
            Python::attach(|py| into(py, value).map(Bound::unbind))
        }),
    }
}

/// For operations that give nothing.
pub(crate) fn nothing<'py>(py: Python<'py>, (): ()) -> PyResult<Bound<'py, PyAny>> {
    PyNone::get(py).into_bound_py_any(py)
}
