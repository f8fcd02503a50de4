//! Databases, by URL.

use persql_checkpoint::Data;
use persql_core::{Durability, Handle as _, PerSql, Plan, Rows, Statement, Value, ValueRef};
use pyo3::{
    Bound, IntoPyObjectExt as _, PyAny, PyResult, Python,
    exceptions::{PyTypeError, PyValueError},
    prelude::PyAnyMethods as _,
    pyclass, pymethods,
    types::{PyBytes, PyNone, PyTuple},
};

use crate::{
    error::raise,
    handle::{Peer, answer},
    value::from_python,
};

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
    /// With the durability `"full"` each commit to a local file is on the disk when it returns.
    #[new]
    #[pyo3(signature = (url, *, durability="normal"))]
    fn new(url: &str, durability: &str) -> PyResult<Self> {
        let file = url.strip_prefix("sqlite:");
        match (durability, file) {
            ("normal", _) => persql_core::Database::from_url(url),
            ("full", Some(file)) => {
                let client = PerSql::builder().local(file).durability(Durability::Full).build();
                client.and_then(|client| client.database("peers/peers"))
            }
            _ => return Err(PyValueError::new_err(format!("there is no durability {durability:?} here"))),
        }
        .map(Self)
        .map_err(raise)
    }

    /// The rows that a statement gives, as tuples: what suites use where they look behind an adapter.
    #[pyo3(signature = (sql, *params))]
    fn query<'py>(&self, py: Python<'py>, sql: String, params: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
        let params = params.try_iter()?.map(|param| value_from_python(&param?)).collect::<PyResult<Vec<_>>>()?;
        let plan = Plan::query(Statement::new(sql, params));
        answer(py, || self.peer(false).run(plan), rows_to_python)
    }

    fn close(&self) {
        self.0.close();
    }
}

fn value_from_python(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    match from_python(value)? {
        Data::Nil => Ok(Value::Null),
        Data::Bool(truth) => Ok(truth.into()),
        Data::Int(_) => Ok(value.extract::<i64>()?.into()),
        Data::Float(float) => Ok(float.into()),
        Data::Str(text) => Ok(text.into()),
        Data::Bytes(bytes) => Ok(bytes.into()),
        other => Err(PyTypeError::new_err(format!("SQL has no value of type {}", other.type_name()))),
    }
}

fn rows_to_python(py: Python<'_>, rows: Rows) -> PyResult<Bound<'_, PyAny>> {
    let cell = |value: Value| match value.as_ref() {
        ValueRef::Null => PyNone::get(py).into_bound_py_any(py),
        ValueRef::Integer(integer) => integer.into_bound_py_any(py),
        ValueRef::Real(float) => float.into_bound_py_any(py),
        ValueRef::Text(text) => text.into_bound_py_any(py),
        ValueRef::Blob(bytes) => PyBytes::new(py, bytes).into_bound_py_any(py),
    };
    let rows = rows
        .iter()
        .map(|row| PyTuple::new(py, Vec::<Value>::from(row).into_iter().map(cell).collect::<PyResult<Vec<_>>>()?));
    rows.collect::<PyResult<Vec<_>>>()?.into_bound_py_any(py)
}
