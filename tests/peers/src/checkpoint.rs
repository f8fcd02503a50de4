//! LangGraph's checkpointer. Values of channels cross as the tag and the bytes of LangGraph's serializer, so that each
//! of them is read and written by ours too.

use std::collections::BTreeMap;

use persql_checkpoint::{
    Checkpoint, CheckpointTuple, Config, Data, DeltaChannelHistory, Layout, ListOptions, PendingWrite, PerSqlSaver,
    PruneStrategy, Serializer,
};
use pyo3::{
    Bound, IntoPyObjectExt as _, PyAny, PyResult, Python,
    exceptions::{PyKeyError, PyValueError},
    prelude::{PyAnyMethods as _, PyDictMethods as _},
    pyclass, pymethods,
    types::{PyBytes, PyDict, PyList, PyMapping, PyString},
};

use crate::{
    database::Database,
    error::raise,
    handle::{Peer, answer, nothing},
    value::{Typed, dumps, from_python, loads, map_from_python, map_to_python},
};

/// A checkpointer.
#[pyclass(frozen)]
pub(crate) struct Saver(PerSqlSaver<Peer>);

#[pymethods]
impl Saver {
    #[new]
    #[pyo3(signature = (database, *, asynchronous, layout))]
    fn new(database: &Database, asynchronous: bool, layout: &str) -> PyResult<Self> {
        let layout = match layout {
            "persql" => Layout::PerSql,
            "sqlite_saver" => Layout::SqliteSaver,
            other => return Err(PyValueError::new_err(format!("there is no layout {other:?}"))),
        };
        PerSqlSaver::builder(database.peer(asynchronous)).layout(layout).build().map(Self).map_err(raise)
    }

    fn get_tuple<'py>(&self, py: Python<'py>, config: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let config = config_from_python(config)?;
        answer(
            py,
            || self.0.get_tuple(&config),
            |py, tuple| tuple.map(|tuple| tuple_to_python(py, &tuple)).transpose()?.into_bound_py_any(py),
        )
    }

    fn list<'py>(
        &self,
        py: Python<'py>,
        config: Option<&Bound<'py, PyDict>>,
        filter: Option<&Bound<'py, PyDict>>,
        before: Option<&Bound<'py, PyDict>>,
        limit: Option<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let config = config.map(config_from_python).transpose()?;
        let mut options = ListOptions::default().limit(limit);
        if let Some(filter) = filter {
            options.filter = map_from_python(filter)?;
        }
        if let Some(before) = before {
            options = options.before(&config_from_python(before)?);
        }
        answer(
            py,
            || self.0.list(config.as_ref(), options),
            |py, tuples| {
                let tuples = tuples.iter().map(|tuple| tuple_to_python(py, tuple)).collect::<PyResult<Vec<_>>>()?;
                PyList::new(py, tuples)?.into_bound_py_any(py)
            },
        )
    }

    fn put<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyDict>,
        checkpoint: Typed,
        metadata: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let config = config_from_python(config)?;
        let checkpoint = Checkpoint::from_data(loads(&checkpoint)?).map_err(raise)?;
        let metadata = map_from_python(metadata)?.into();
        answer(
            py,
            || self.0.put(&config, &checkpoint, &metadata),
            |py, config| config_to_python(py, &config)?.into_bound_py_any(py),
        )
    }

    fn put_writes<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyDict>,
        writes: Vec<(String, Typed)>,
        task_id: &str,
        task_path: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let config = config_from_python(config)?;
        let writes = writes.into_iter().map(|(channel, value)| Ok((channel, loads(&value)?)));
        let writes = writes.collect::<PyResult<Vec<(String, Data)>>>()?;
        answer(py, || self.0.put_writes(&config, &writes, task_id, task_path), nothing)
    }

    fn delete_thread<'py>(&self, py: Python<'py>, thread_id: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.delete_thread(thread_id), nothing)
    }

    fn delete_for_runs<'py>(&self, py: Python<'py>, run_ids: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.delete_for_runs(&run_ids), nothing)
    }

    fn copy_thread<'py>(&self, py: Python<'py>, source: &str, target: &str) -> PyResult<Bound<'py, PyAny>> {
        answer(py, || self.0.copy_thread(source, target), nothing)
    }

    fn prune<'py>(&self, py: Python<'py>, thread_ids: Vec<String>, strategy: &str) -> PyResult<Bound<'py, PyAny>> {
        let strategy = match strategy {
            "keep_latest" => PruneStrategy::KeepLatest,
            "delete" => PruneStrategy::Delete,
            other => return Err(PyValueError::new_err(format!("there is no strategy {other:?}"))),
        };
        answer(py, || self.0.prune(&thread_ids, strategy), nothing)
    }

    fn get_delta_channel_history<'py>(
        &self,
        py: Python<'py>,
        config: &Bound<'py, PyDict>,
        channels: Vec<String>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let config = config_from_python(config)?;
        answer(py, || self.0.get_delta_channel_history(&config, &channels), histories_to_python)
    }

    fn get_next_version(&self, current: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
        let current = current.map(from_python).transpose()?;
        self.0.get_next_version(current.as_ref()).map_err(raise)
    }
}

/// Reads a `RunnableConfig`. Entries that are neither text, numbers nor the like are the graph's own: no saver stores
/// them.
fn config_from_python(config: &Bound<'_, PyDict>) -> PyResult<Config> {
    // LangGraph makes some of them by chaining others.
    let part = |name: &str| -> PyResult<Option<Bound<'_, PyDict>>> {
        let Some(part) = config.get_item(name)?.filter(|part| !part.is_none()) else { return Ok(None) };
        let dict = PyDict::new(config.py());
        dict.update(part.cast::<PyMapping>()?)?;
        Ok(Some(dict))
    };
    let configurable = part("configurable")?.ok_or_else(|| PyKeyError::new_err("configurable"))?;
    let thread_id = configurable.get_item("thread_id")?.ok_or_else(|| PyKeyError::new_err("thread_id"))?;
    let mut read = Config::new(thread_id.str()?.extract::<String>()?);
    for (key, value) in &configurable {
        let Ok(key) = key.extract::<String>() else { continue };
        match key.as_str() {
            "thread_id" => {}
            "checkpoint_ns" => read.checkpoint_ns = value.extract()?,
            "checkpoint_id" => read.checkpoint_id = value.extract()?,
            _ => extend(&mut read.configurable, key, &value),
        }
    }
    for (key, value) in part("metadata")?.iter().flatten() {
        if let Ok(key) = key.extract::<String>() {
            extend(&mut read.metadata, key, &value);
        }
    }
    Ok(read)
}

fn extend(map: &mut persql_checkpoint::serde::Map, key: String, value: &Bound<'_, PyAny>) {
    if let Ok(value) = from_python(value) {
        map.push(key, value);
    }
}

fn config_to_python<'py>(py: Python<'py>, config: &Config) -> PyResult<Bound<'py, PyDict>> {
    let configurable = map_to_python(py, &config.configurable)?;
    configurable.set_item("thread_id", &config.thread_id)?;
    for (key, value) in [("checkpoint_ns", &config.checkpoint_ns), ("checkpoint_id", &config.checkpoint_id)] {
        if let Some(value) = value {
            configurable.set_item(key, value)?;
        }
    }
    let written = PyDict::new(py);
    written.set_item("configurable", configurable)?;
    if !config.metadata.is_empty() {
        written.set_item("metadata", map_to_python(py, &config.metadata)?)?;
    }
    Ok(written)
}

/// Config, checkpoint, metadata, the parent's config and the writes, as the constructor of `CheckpointTuple` takes them.
fn tuple_to_python<'py>(py: Python<'py>, tuple: &CheckpointTuple) -> PyResult<Bound<'py, PyAny>> {
    let parent = tuple.parent_config.as_ref().map(|config| config_to_python(py, config)).transpose()?;
    (
        config_to_python(py, &tuple.config)?,
        dumps(py, &tuple.checkpoint.clone().into_data())?,
        map_to_python(py, tuple.metadata.entries())?,
        parent,
        writes_to_python(py, &tuple.pending_writes)?,
    )
        .into_bound_py_any(py)
}

fn writes_to_python<'py>(py: Python<'py>, writes: &[PendingWrite]) -> PyResult<Bound<'py, PyList>> {
    let writes = writes.iter().map(|write| Ok((&write.task_id, &write.channel, dumps(py, &write.value)?)));
    PyList::new(py, writes.collect::<PyResult<Vec<_>>>()?)
}

/// For each channel its writes, and its seed if it has one.
fn histories_to_python(py: Python<'_>, histories: BTreeMap<String, DeltaChannelHistory>) -> PyResult<Bound<'_, PyAny>> {
    let all = PyDict::new(py);
    for (channel, history) in &histories {
        let seed = history.seed.as_ref().map(|seed| dumps(py, seed)).transpose()?;
        all.set_item(channel, (writes_to_python(py, &history.writes)?, seed))?;
    }
    all.into_bound_py_any(py)
}

/// LangGraph's serializer: bytes of Python's to a value of ours and back to bytes.
#[pyclass(frozen)]
pub(crate) struct Serde(Serializer);

#[pymethods]
impl Serde {
    /// With a key, bytes that go out are encrypted, and bytes that come in have to be.
    #[new]
    #[pyo3(signature = (key=None))]
    fn new(key: Option<&[u8]>) -> PyResult<Self> {
        key.map_or_else(|| Ok(Serializer::new()), Serializer::aes).map(Self).map_err(raise)
    }

    /// Reads plain bytes, and writes them as this serializer does.
    fn dumps<'py>(&self, py: Python<'py>, typed: Typed) -> PyResult<Bound<'py, PyAny>> {
        let (tag, bytes) = self.0.dumps_typed(&loads(&typed)?).map_err(raise)?;
        (PyString::new(py, tag), PyBytes::new(py, &bytes)).into_bound_py_any(py)
    }

    /// Reads bytes as this serializer does, and writes them plainly.
    fn loads<'py>(&self, py: Python<'py>, typed: Typed) -> PyResult<Bound<'py, PyAny>> {
        dumps(py, &self.0.loads_typed(&typed.0, &typed.1).map_err(raise)?)
    }
}
