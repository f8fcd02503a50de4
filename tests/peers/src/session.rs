//! Sessions of the OpenAI Agents SDK. Items cross as the JSON texts that are stored.

use persql_agents_session::PerSqlSession;
use pyo3::{Bound, IntoPyObjectExt as _, PyAny, PyRef, PyResult, Python, exceptions::PyValueError, pyclass, pymethods};
use serde_json::value::RawValue;

use crate::{
    database::Database,
    error::raise,
    handle::{Peer, answer, nothing},
};

/// One conversation.
#[pyclass(frozen)]
pub(crate) struct Session(PerSqlSession<Peer>);

/// The newest items as they were read.
#[pyclass(frozen)]
pub(crate) struct Tail(persql_agents_session::Tail);

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (database, session_id, *, asynchronous, sessions_table, messages_table, create_tables))]
    fn new(
        database: &Database,
        session_id: &str,
        asynchronous: bool,
        sessions_table: &str,
        messages_table: &str,
        create_tables: bool,
    ) -> PyResult<Self> {
        let session = PerSqlSession::builder(database.peer(asynchronous), session_id)
            .sessions_table(sessions_table)
            .messages_table(messages_table)
            .create_tables(create_tables)
            .build();
        session.map(Self).map_err(raise)
    }

    fn create_tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.create_tables(), nothing)
    }

    fn get_items<'py>(&self, py: Python<'py>, limit: Option<usize>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.get_items_text(limit), |py, texts| texts.into_bound_py_any(py))
    }

    fn add_items<'py>(&self, py: Python<'py>, items: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.add_items_text(&items), nothing)
    }

    fn pop_item<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.pop_item_text(), |py, text| text.into_bound_py_any(py))
    }

    fn clear_session<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.clear_session(), nothing)
    }

    fn tail<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.tail(n), |py, tail| Tail(tail).into_bound_py_any(py))
    }

    fn replace_tail<'py>(
        &self,
        py: Python<'py>,
        tail: PyRef<'py, Tail>,
        start: usize,
        items: Vec<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let items = items.into_iter().map(RawValue::from_string).collect::<Result<Vec<_>, _>>();
        let items = items.map_err(|_| PyValueError::new_err("an item is not JSON"))?;
        let tail = &tail.0;
        answer(py, || self.0.replace_tail(tail, start, &items), nothing)
    }
}

#[pymethods]
impl Tail {
    #[getter]
    fn items(&self) -> Vec<&str> {
        self.0.texts().collect()
    }

    #[getter]
    fn complete(&self) -> bool {
        self.0.is_complete()
    }
}
