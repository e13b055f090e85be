//! Index expressions: `t[1:3, nl.ds(i, 4), ...]`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PyInt, PyList, PySlice, PyTuple};

use super::Tensor;
use crate::layout::Index;
use crate::register::Register;

/// `nl.ds(start, size)`.
#[pyclass(frozen, module = "nki.language", name = "DynamicSlice")]
pub struct DynamicSlice {
    #[pyo3(get)]
    start: Py<PyAny>,
    #[pyo3(get)]
    size: i64,
    #[pyo3(get)]
    step: i64,
}

#[pyfunction]
#[pyo3(signature = (start, size, step=1))]
pub fn ds(start: Py<PyAny>, size: i64, step: i64) -> DynamicSlice {
    DynamicSlice { start, size, step }
}

#[pymethods]
impl DynamicSlice {
    fn __repr__(&self, py: Python<'_>) -> String {
        format!("ds({}, {})", self.start.bind(py), self.size)
    }
}

/// The entries of an index expression; a dynamic one (its place, value, size) apart.
pub(super) type Parsed<'py> = (Vec<Index>, Option<(usize, Bound<'py, PyAny>, i64, bool)>);

pub(super) fn parse_key<'py>(key: &Bound<'py, PyAny>) -> PyResult<Parsed<'py>> {
    let mut out = Vec::with_capacity(4);
    let mut dynamic = None;
    let mut one = |item: Bound<'py, PyAny>| -> PyResult<()> {
        let entry = if let Ok(slice) = item.cast::<PySlice>() {
            let part = |name: &Bound<'py, pyo3::types::PyString>| -> PyResult<Option<i64>> {
                let v = slice.getattr(name)?;
                if v.is_none() { Ok(None) } else { v.extract().map(Some) }
            };
            let py = item.py();
            Index::Slice {
                start: part(pyo3::intern!(py, "start"))?,
                stop: part(pyo3::intern!(py, "stop"))?,
                step: part(pyo3::intern!(py, "step"))?.unwrap_or(1),
            }
        } else if item.is_instance_of::<PyInt>() {
            Index::At(item.extract()?)
        } else if item.is_instance_of::<PyEllipsis>() {
            Index::Ellipsis
        } else if let Ok(ds) = item.cast::<DynamicSlice>() {
            let ds = ds.get();
            let start = ds.start.bind(item.py());
            if is_dynamic(start) {
                dynamic = Some((out.len(), start.clone(), ds.size, true));
                Index::Size { start: 0, size: ds.size, step: ds.step }
            } else {
                Index::Size { start: start.extract()?, size: ds.size, step: ds.step }
            }
        } else if item.is_none() {
            Index::NewAxis
        } else if is_dynamic(&item) {
            dynamic = Some((out.len(), item.clone(), 1, false));
            Index::At(0)
        } else {
            match item.extract::<i64>() {
                Ok(at) => Index::At(at),
                Err(_) => {
                    return Err(PyTypeError::new_err(format!(
                        "an index is an integer, a slice, nl.ds(start, size), `...` or a register, not {}",
                        item.get_type().name()?
                    )));
                }
            }
        };
        out.push(entry);
        Ok(())
    };
    if let Ok(tuple) = key.cast::<PyTuple>() {
        for item in tuple.iter() {
            one(item)?;
        }
    } else if let Ok(list) = key.cast::<PyList>() {
        for item in list.iter() {
            one(item)?;
        }
    } else {
        one(key.clone())?;
    }
    Ok((out, dynamic))
}

pub(super) fn is_dynamic(any: &Bound<'_, PyAny>) -> bool {
    any.cast::<Register>().is_ok() || any.cast::<Tensor>().is_ok()
}
