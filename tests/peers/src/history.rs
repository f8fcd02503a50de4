//! The history provider of Agent Framework. Messages cross as the JSON texts that are stored.

use persql_history::{Dedup, History, ListSessions, Message, PerSqlHistoryProvider};
use pyo3::{Bound, IntoPyObjectExt as _, PyAny, PyRef, PyResult, Python, exceptions::PyValueError, pyclass, pymethods};

use crate::{
    database::Database,
    error::raise,
    handle::{Peer, answer, nothing},
};

/// A provider.
#[pyclass(frozen)]
pub(crate) struct Provider(PerSqlHistoryProvider<Peer>);

/// What a provider knows between the two ends of a run.
#[pyclass(frozen)]
pub(crate) struct Run(persql_history::Run);

#[pymethods]
impl Provider {
    #[new]
    #[pyo3(signature = (
        database, source_id, *, asynchronous, load_messages, store_inputs, store_context_messages, store_context_from,
        store_outputs, skip_excluded, dedup, max_messages
    ))]
    #[allow(clippy::too_many_arguments, reason = "the framework's flags")]
    fn new(
        database: &Database,
        source_id: &str,
        asynchronous: bool,
        load_messages: bool,
        store_inputs: bool,
        store_context_messages: bool,
        store_context_from: Option<Vec<String>>,
        store_outputs: bool,
        skip_excluded: bool,
        dedup: &str,
        max_messages: Option<usize>,
    ) -> PyResult<Self> {
        let dedup = match dedup {
            "upstream" => Dedup::Upstream,
            "by_id_only" => Dedup::ByIdOnly,
            "off" => Dedup::Off,
            other => return Err(PyValueError::new_err(format!("there is no deduplication {other:?}"))),
        };
        let mut builder = PerSqlHistoryProvider::builder(database.peer(asynchronous))
            .source_id(source_id)
            .load_messages(load_messages)
            .store_inputs(store_inputs)
            .store_context_messages(store_context_messages)
            .store_outputs(store_outputs)
            .skip_excluded(skip_excluded)
            .dedup(dedup)
            .max_messages(max_messages);
        if let Some(sources) = store_context_from {
            builder = builder.store_context_from(sources);
        }
        builder.build().map(Self).map_err(raise)
    }

    fn create_tables<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.create_tables(), nothing)
    }

    fn get_messages<'py>(&self, py: Python<'py>, session_id: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.get_messages(session_id),
            |py, history: History| texts(history.messages()).into_bound_py_any(py),
        )
    }

    fn save_messages<'py>(
        &self,
        py: Python<'py>,
        session_id: Option<&str>,
        messages: Vec<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let messages = messages_from_python(&messages)?;
        answer(py, || self.0.save_messages(session_id, &messages), |py, saved| saved.stored().into_bound_py_any(py))
    }

    fn clear<'py>(&self, py: Python<'py>, session_id: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.clear(session_id), nothing)
    }

    fn list_sessions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        answer(
            py,
            || self.0.list_sessions(ListSessions::default()),
            |py, sessions| {
                sessions.into_iter().map(|session| session.session_id).collect::<Vec<_>>().into_bound_py_any(py)
            },
        )
    }

    fn before_run<'py>(
        &self,
        py: Python<'py>,
        session_id: Option<&str>,
        inputs: Vec<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = messages_from_python(&inputs)?;
        answer(py, || self.0.before_run(session_id, &inputs), |py, run| Run(run).into_bound_py_any(py))
    }

    fn after_run<'py>(
        &self,
        py: Python<'py>,
        run: PyRef<'py, Run>,
        context: Vec<(String, Vec<String>)>,
        outputs: Vec<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut run = run.0.clone();
        for (source_id, messages) in context {
            run.add_context(&source_id, &messages_from_python(&messages)?);
        }
        let outputs = messages_from_python(&outputs)?;
        answer(py, || self.0.after_run(&run, &outputs), |py, saved| saved.stored().into_bound_py_any(py))
    }
}

#[pymethods]
impl Run {
    #[getter]
    fn messages(&self) -> Vec<String> {
        texts(self.0.messages())
    }
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.as_json().to_owned()).collect()
}

fn messages_from_python(texts: &[String]) -> PyResult<Vec<Message>> {
    texts.iter().map(|text| Message::from_json(text).map_err(raise)).collect()
}
