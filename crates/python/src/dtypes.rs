//! `nki.language` data types as Python objects.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use secondsource_neuroncore::Dtype;

/// One element type. Equal to its name, to itself, and to whatever numpy, `ml_dtypes` or torch type means the same.
#[pyclass(frozen, module = "nki.language", name = "DType")]
pub struct DType {
    pub code: Dtype,
}

static ALL: PyOnceLock<Vec<Py<DType>>> = PyOnceLock::new();
static CONVERT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn all(py: Python<'_>) -> PyResult<&Vec<Py<DType>>> {
    ALL.get_or_try_init(py, || Dtype::ALL.iter().map(|code| Py::new(py, DType { code: *code })).collect())
}

/// The one Python object of a type.
pub fn object(py: Python<'_>, code: Dtype) -> PyResult<Py<DType>> {
    let at = Dtype::ALL.iter().position(|d| *d == code).unwrap_or(0);
    Ok(all(py)?[at].clone_ref(py))
}

/// Any way of naming a type: ours, a string, numpy, `ml_dtypes`, torch.
pub fn parse(any: &Bound<'_, PyAny>) -> PyResult<Dtype> {
    if let Ok(own) = any.cast::<DType>() {
        return Ok(own.get().code);
    }
    let py = any.py();
    let convert = CONVERT
        .get_or_try_init(py, || -> PyResult<Py<PyAny>> { Ok(py.import("secondsource.nki._dtypes")?.getattr("convert")?.unbind()) })?;
    let own = convert.bind(py).call1((any,))?;
    Ok(own.cast::<DType>()?.get().code)
}

#[pymethods]
impl DType {
    #[getter]
    fn name(&self) -> &'static str {
        self.code.name()
    }

    /// Bytes of one element; four packed values count as one element.
    #[getter]
    fn itemsize(&self) -> usize {
        self.code.size()
    }

    #[getter]
    fn is_integer(&self) -> bool {
        self.code.is_integer()
    }

    #[getter]
    fn is_packed(&self) -> bool {
        self.code.is_packed()
    }

    /// What numpy stores it as.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py.import("secondsource.nki._dtypes")?.getattr("NUMPY")?.get_item(self.code.name())?.unbind())
    }

    fn __str__(&self) -> &'static str {
        self.code.name()
    }

    fn __repr__(&self) -> &'static str {
        self.code.name()
    }

    /// As the name, but packed types as the numpy type that holds them: tables by type are asked with either.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        if self.code.is_packed() {
            return self.dtype(py)?.bind(py).hash();
        }
        pyo3::types::PyString::intern(py, self.code.name()).hash()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        match other.cast::<DType>() {
            Ok(own) => own.get().code == self.code,
            Err(_) if other.is_none() => false,
            Err(_) => parse(other).is_ok_and(|code| code == self.code),
        }
    }

    fn __ne__(&self, other: &Bound<'_, PyAny>) -> bool {
        !self.__eq__(other)
    }

    fn __reduce__(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, (&'static str,))> {
        Ok((py.import("secondsource._native")?.getattr("dtype")?.unbind(), (self.code.name(),)))
    }
}

/// The type of a name.
#[pyfunction]
pub fn dtype(py: Python<'_>, name: &str) -> PyResult<Py<DType>> {
    let code = Dtype::parse(name).ok_or_else(|| pyo3::exceptions::PyTypeError::new_err(format!("`{name}` is no NKI data type")))?;
    object(py, code)
}
