//! Values of Python's as values of ours, and back.

use persql_checkpoint::{Data, Serializer, serde::Map};
use pyo3::{
    Bound, IntoPyObjectExt as _, PyAny, PyResult, Python,
    exceptions::PyTypeError,
    prelude::{PyAnyMethods as _, PyDictMethods as _},
    pybacked::{PyBackedBytes, PyBackedStr},
    types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyNone, PyString, PyTuple},
};

use crate::error::raise;

/// What `dumps_typed` of a serializer of LangGraph gives: a tag, and bytes.
pub(crate) type Typed = (PyBackedStr, PyBackedBytes);

/// Reads what a serializer of LangGraph wrote.
pub(crate) fn loads((tag, bytes): &Typed) -> PyResult<Data> {
    Serializer::new().loads_typed(tag, bytes).map_err(raise)
}

/// Writes what a serializer of LangGraph reads.
pub(crate) fn dumps<'py>(py: Python<'py>, data: &Data) -> PyResult<Bound<'py, PyAny>> {
    let (tag, bytes) = Serializer::new().dumps_typed(data).map_err(raise)?;
    (tag, PyBytes::new(py, &bytes)).into_bound_py_any(py)
}

/// What JSON can hold too, and bytes; anything else is a `TypeError`.
pub(crate) fn from_python(value: &Bound<'_, PyAny>) -> PyResult<Data> {
    if value.is_none() {
        Ok(Data::Nil)
    } else if value.is_instance_of::<PyBool>() {
        Ok(Data::Bool(value.extract()?))
    } else if value.is_instance_of::<PyInt>() {
        Ok(Data::Int(value.extract()?))
    } else if value.is_instance_of::<PyFloat>() {
        Ok(Data::Float(value.extract()?))
    } else if value.is_instance_of::<PyString>() {
        Ok(Data::Str(value.extract()?))
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        Ok(Data::Bytes(bytes.extract()?))
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        value.try_iter()?.map(|item| from_python(&item?)).collect()
    } else if let Ok(dict) = value.cast::<PyDict>() {
        Ok(map_from_python(dict)?.into())
    } else {
        Err(PyTypeError::new_err(format!("a value of type {}", value.get_type())))
    }
}

/// A dictionary of such values.
pub(crate) fn map_from_python(dict: &Bound<'_, PyDict>) -> PyResult<Map> {
    dict.iter().map(|(key, value)| Ok((from_python(&key)?, from_python(&value)?))).collect()
}

/// What [`from_python`] reads.
pub(crate) fn to_python<'py>(py: Python<'py>, data: &Data) -> PyResult<Bound<'py, PyAny>> {
    match data {
        Data::Nil => PyNone::get(py).into_bound_py_any(py),
        Data::Bool(truth) => truth.into_bound_py_any(py),
        Data::Int(integer) => integer.into_bound_py_any(py),
        Data::Float(float) => float.into_bound_py_any(py),
        Data::Str(text) => text.into_bound_py_any(py),
        Data::Bytes(bytes) => PyBytes::new(py, bytes).into_bound_py_any(py),
        Data::List(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_bound_py_any(py)
        }
        Data::Map(map) => map_to_python(py, map)?.into_bound_py_any(py),
        other => Err(PyTypeError::new_err(format!("a value of type {}", other.type_name()))),
    }
}

/// What [`map_from_python`] reads.
pub(crate) fn map_to_python<'py>(py: Python<'py>, map: &Map) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in map.iter() {
        dict.set_item(to_python(py, key)?, to_python(py, value)?)?;
    }
    Ok(dict)
}
