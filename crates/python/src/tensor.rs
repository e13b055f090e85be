//! `NkiTensor`: a view of a tensor of the machine.

mod index;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use secondsource_neuroncore::{Allocation, Dims, Dtype, Indirect, Place, ScalarIndex, SourceLine, TensorId, View};

pub use self::index::{DynamicSlice, ds};
use self::index::{is_dynamic, parse_key};
use crate::dtypes::{self, DType};
use crate::layout::{Axis, Index, Layout};
pub use crate::region::{MemoryRegion, Region, region};
use crate::register::Register;
use crate::session::{self, Session};

/// The allocation behind one or more views.
pub struct Storage {
    epoch: u64,
    pub id: TensorId,
    pub region: Region,
    name: String,
    dtype: Dtype,
    shape: Vec<i64>,
    /// Something wrote to it.
    pub written: AtomicBool,
    /// Argument or result: stays until the launch ends.
    pinned: bool,
}

impl Drop for Storage {
    fn drop(&mut self) {
        if !self.pinned {
            session::dropped(self.epoch, self.id);
        }
    }
}

/// A dynamic address.
pub enum Dynamic {
    Scalar { index: Py<PyAny>, row: i64, rows: i64, dim: usize },
    Vector { index: Py<Tensor>, row: i64, rows: i64 },
    Free { index: Py<Tensor> },
}

#[pyclass(frozen, module = "nki.language", name = "NkiTensor", weakref)]
pub struct Tensor {
    pub storage: Arc<Storage>,
    pub dtype: Dtype,
    pub layout: Layout,
    pub dynamic: Option<Arc<Dynamic>>,
}

fn bad(wrong: String) -> PyErr {
    PyValueError::new_err(wrong)
}

impl Tensor {
    pub fn on_chip(&self) -> bool {
        matches!(self.storage.region, Region::Sbuf | Region::Psum)
    }

    pub fn place(&self) -> Place {
        match self.storage.region {
            Region::Sbuf => Place::Sbuf,
            Region::Psum => Place::Psum,
            Region::Hbm | Region::SharedHbm => Place::Hbm,
        }
    }

    fn with(&self, layout: Result<Layout, String>) -> PyResult<Tensor> {
        Ok(Tensor { storage: self.storage.clone(), dtype: self.dtype, layout: layout.map_err(bad)?, dynamic: self.dynamic.clone() })
    }

    fn static_only(&self, what: &str) -> PyResult<()> {
        match self.dynamic {
            None => Ok(()),
            Some(_) => Err(PyValueError::new_err(format!("{what} of a view whose address is already dynamic"))),
        }
    }

    fn fixed_first(&self) -> bool {
        self.on_chip() || matches!(self.dynamic.as_deref(), Some(Dynamic::Vector { .. }))
    }

    /// The machine of an ended launch is gone, and the number of its tensor names another one now.
    fn of_this_launch(&self, session: &Session) -> PyResult<()> {
        if session.epoch == self.storage.epoch {
            return Ok(());
        }
        let name = if self.storage.name.is_empty() { String::new() } else { format!(" `{}`", self.storage.name) };
        Err(PyRuntimeError::new_err(format!("the tensor{name} belongs to a kernel launch that has ended")))
    }

    /// The engine's view of it.
    pub fn view(&self, py: Python<'_>) -> PyResult<View> {
        if !session::is_running(self.storage.epoch) {
            session::with(|s| self.of_this_launch(s))?;
        }
        let mut dims = [(0i64, 0u32); crate::layout::MAX_DIMS];
        for (slot, axis) in dims.iter_mut().zip(self.layout.axes()) {
            *slot = (axis.step, u32::try_from(axis.count).map_err(|_| PyValueError::new_err("a dimension of more than 2^32 positions"))?);
        }
        let dims = Dims::new(&dims[..self.layout.rank()]).ok_or_else(|| PyValueError::new_err("too many dimensions"))?;
        let indirect = match self.dynamic.as_deref() {
            None => None,
            Some(Dynamic::Scalar { index, row, rows, .. }) => {
                let any = index.bind(py);
                let index = match any.cast::<Register>() {
                    Ok(register) => ScalarIndex::Register(register.get().id),
                    Err(_) => ScalarIndex::View(any.cast::<Tensor>()?.get().view(py)?),
                };
                Some(Box::new(Indirect::Scalar { index, row: *row, rows: *rows as u32 }))
            }
            Some(Dynamic::Vector { index, row, rows }) => {
                Some(Box::new(Indirect::Vector { index: index.get().view(py)?, row: *row, rows: *rows as u32 }))
            }
            Some(Dynamic::Free { index }) => Some(Box::new(Indirect::Free { index: index.get().view(py)? })),
        };
        Ok(View { tensor: self.storage.id, dtype: self.dtype, offset: self.layout.offset, dims, indirect })
    }

    fn select_dynamic(&self, py: Python<'_>, dim: i64, index: &Bound<'_, PyAny>, size: i64, keep: bool) -> PyResult<Tensor> {
        self.static_only("a dynamic index")?;
        let rank = self.layout.rank() as i64;
        let at = if dim < 0 { dim + rank } else { dim };
        let axis = *usize::try_from(at)
            .ok()
            .and_then(|a| self.layout.axes().get(a))
            .ok_or_else(|| bad(format!("dimension {dim} of a tensor with {rank}")))?;
        if self.on_chip() && at == 0 {
            return Err(PyValueError::new_err("the partition dimension cannot be indexed dynamically"));
        }
        let cut = if keep { self.layout.slice(at, 0, size, 1) } else { self.layout.select(at, 0, self.on_chip()) };
        let mut out = self.with(cut)?;
        let _ = py;
        out.dynamic = Some(Arc::new(Dynamic::Scalar {
            index: index.clone().unbind(),
            row: axis.step,
            rows: axis.count - size + 1,
            dim: at as usize,
        }));
        Ok(out)
    }
}

fn pairs(pattern: &Bound<'_, PyAny>) -> PyResult<Vec<Axis>> {
    let mut out = Vec::with_capacity(5);
    for pair in pattern.try_iter()? {
        let pair = pair?;
        out.push(Axis { step: pair.get_item(0)?.extract()?, count: pair.get_item(1)?.extract()? });
    }
    Ok(out)
}

#[pymethods]
impl Tensor {
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.layout.axes().iter().map(|a| a.count))
    }
    #[getter]
    fn strides<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.layout.axes().iter().map(|a| a.step))
    }
    #[getter]
    fn offset(&self) -> i64 {
        self.layout.offset
    }
    #[getter]
    fn ndim(&self) -> usize {
        self.layout.rank()
    }
    #[getter]
    fn size(&self) -> i64 {
        self.layout.elements()
    }
    #[getter]
    fn itemsize(&self) -> usize {
        self.dtype.size()
    }
    #[getter]
    fn nbytes(&self) -> i64 {
        self.layout.elements() * self.dtype.size() as i64
    }
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<Py<DType>> {
        dtypes::object(py, self.dtype)
    }
    #[getter]
    fn name(&self) -> &str {
        &self.storage.name
    }
    #[getter]
    fn buffer(&self) -> MemoryRegion {
        MemoryRegion {
            name: match self.storage.region {
                Region::Sbuf => "sbuf",
                Region::Psum => "psum",
                Region::Hbm => "hbm",
                Region::SharedHbm => "shared_hbm",
            },
        }
    }
    /// Shape of the allocation that the view looks into.
    #[getter]
    fn _storage_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.storage.shape)
    }
    #[getter]
    fn _storage_dtype(&self, py: Python<'_>) -> PyResult<Py<DType>> {
        dtypes::object(py, self.storage.dtype)
    }
    #[getter]
    fn _written(&self) -> bool {
        self.storage.written.load(Ordering::Relaxed)
    }
    #[getter]
    fn _id(&self) -> u32 {
        self.storage.id.0
    }

    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<Tensor> {
        let (entries, dynamic) = parse_key(key)?;
        let layout = self.layout.index(&entries, self.on_chip()).map_err(|e| {
            PyIndexError::new_err(format!("{e} (tensor of shape {:?})", self.layout.axes().iter().map(|a| a.count).collect::<Vec<_>>()))
        })?;
        let mut out = self.with(Ok(layout))?;
        if let Some((entry, index, size, _)) = dynamic {
            self.static_only("a dynamic index")?;
            let dim = dimension_of(&entries, entry, self.layout.rank());
            if self.on_chip() && dim == 0 {
                return Err(PyIndexError::new_err("the partition dimension cannot be indexed dynamically"));
            }
            let axis = self.layout.axes()[dim];
            out.dynamic = Some(Arc::new(Dynamic::Scalar { index: index.unbind(), row: axis.step, rows: axis.count - size + 1, dim }));
        }
        Ok(out)
    }

    #[pyo3(signature = (dim, start, end, step=1))]
    fn slice(&self, dim: i64, start: &Bound<'_, PyAny>, end: &Bound<'_, PyAny>, step: i64) -> PyResult<Tensor> {
        self.with(self.layout.slice(dim, start.extract()?, end.extract()?, step))
    }

    fn select(&self, py: Python<'_>, dim: i64, index: &Bound<'_, PyAny>) -> PyResult<Tensor> {
        if is_dynamic(index) {
            return self.select_dynamic(py, dim, index, 1, false);
        }
        self.with(self.layout.select(dim, index.extract()?, self.on_chip()))
    }

    fn vector_select(&self, dim: i64, vector_offset: Py<Tensor>) -> PyResult<Tensor> {
        self.static_only("a dynamic index")?;
        if dim != 0 || self.on_chip() {
            return Err(PyValueError::new_err("vector_select works on dimension 0 of a tensor in HBM"));
        }
        let axis = *self.layout.axes().first().ok_or_else(|| PyValueError::new_err("a tensor without dimensions"))?;
        let count = vector_offset.get().layout.axes().first().map_or(1, |a| a.count);
        let mut axes = self.layout.axes().to_vec();
        axes[0].count = count;
        let mut out = self.with(Layout::new(self.layout.offset, &axes))?;
        out.dynamic = Some(Arc::new(Dynamic::Vector { index: vector_offset, row: axis.step, rows: axis.count }));
        Ok(out)
    }

    fn permute(&self, dims: Vec<i64>) -> PyResult<Tensor> {
        self.with(self.layout.permute(&dims, self.fixed_first()))
    }

    fn broadcast(&self, dim: i64, size: i64) -> PyResult<Tensor> {
        self.with(self.layout.broadcast(dim, size, self.fixed_first()))
    }

    fn expand_dim(&self, dim: i64) -> PyResult<Tensor> {
        self.with(self.layout.expand_dim(dim, self.fixed_first()))
    }

    fn squeeze_dim(&self, dim: i64) -> PyResult<Tensor> {
        self.with(self.layout.squeeze_dim(dim, self.fixed_first()))
    }

    fn reshape_dim(&self, dim: i64, shape: Vec<i64>) -> PyResult<Tensor> {
        self.with(self.layout.reshape_dim(dim, &shape, self.fixed_first()))
    }

    fn flatten_dims(&self, start_dim: i64, end_dim: i64) -> PyResult<Tensor> {
        self.with(self.layout.flatten_dims(start_dim, end_dim, self.fixed_first()))
    }

    #[pyo3(signature = (*shape))]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<Tensor> {
        let sizes: Vec<i64> = match shape.len() {
            1 => match shape.get_item(0)?.extract::<Vec<i64>>() {
                Ok(list) => list,
                Err(_) => vec![shape.get_item(0)?.extract()?],
            },
            _ => shape.extract::<Vec<i64>>()?,
        };
        self.with(self.layout.reshape(&sizes, self.fixed_first()))
    }

    /// einops-style: names of dimensions before and after; a tuple of names is split or merged.
    #[pyo3(signature = (src_pattern, dst_pattern, fixed_sizes=None))]
    fn rearrange(
        &self,
        src_pattern: &Bound<'_, PyAny>,
        dst_pattern: &Bound<'_, PyAny>,
        fixed_sizes: Option<std::collections::BTreeMap<String, i64>>,
    ) -> PyResult<Tensor> {
        let fixed = fixed_sizes.unwrap_or_default();
        let (source, target) = (names(src_pattern)?, names(dst_pattern)?);
        if source.len() != self.layout.rank() {
            return Err(bad(format!("a pattern of {} dimensions for a tensor with {}", source.len(), self.layout.rank())));
        }
        let first = self.fixed_first();
        let mut layout = self.layout;
        let mut order: Vec<String> = Vec::new();
        for group in &source {
            let at = order.len() as i64;
            if group.len() > 1 {
                let sizes: Vec<i64> = group.iter().map(|n| fixed.get(n).copied().unwrap_or(-1)).collect();
                layout = layout.reshape_dim(at, &sizes, first).map_err(bad)?;
            }
            order.extend(group.iter().cloned());
        }
        let flat: Vec<&String> = target.iter().flatten().collect();
        let places = flat.iter().map(|n| order.iter().position(|o| o == *n).map(|p| p as i64));
        let places: Option<Vec<i64>> = places.collect();
        let places =
            places.filter(|p| p.len() == order.len()).ok_or_else(|| bad(format!("{order:?} and {flat:?} are not the same names")))?;
        layout = layout.permute(&places, first).map_err(bad)?;
        for (at, group) in target.iter().enumerate() {
            if group.len() > 1 {
                layout = layout.flatten_dims(at as i64, (at + group.len() - 1) as i64, first).map_err(bad)?;
            }
        }
        self.with(Ok(layout))
    }

    fn view_as(&self, dtype: &Bound<'_, PyAny>) -> PyResult<Tensor> {
        let code = dtypes::parse(dtype)?;
        if code.size() != self.dtype.size() {
            self.static_only("another element size")?;
        }
        let mut out = self.with(self.layout.reinterpret(self.dtype.size() as i64, code.size() as i64))?;
        out.dtype = code;
        Ok(out)
    }

    #[pyo3(name = "view")]
    fn view_method(&self, dtype: &Bound<'_, PyAny>) -> PyResult<Tensor> {
        self.view_as(dtype)
    }

    fn reinterpret_cast(&self, dtype: &Bound<'_, PyAny>) -> PyResult<Tensor> {
        self.view_as(dtype)
    }

    #[pyo3(signature = (pattern, offset=None, scalar_offset=None, vector_offset=None, indirect_dim=0, dtype=None))]
    fn ap(
        &self,
        pattern: &Bound<'_, PyAny>,
        offset: Option<&Bound<'_, PyAny>>,
        scalar_offset: Option<&Bound<'_, PyAny>>,
        vector_offset: Option<Py<Tensor>>,
        indirect_dim: i64,
        dtype: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Tensor> {
        let code = dtype.filter(|d| !d.is_none()).map_or(Ok(self.dtype), dtypes::parse)?;
        let (old, new) = (self.dtype.size() as i64, code.size() as i64);
        let mut axes = pairs(pattern)?;
        if axes.iter().any(|a| a.count < 1) {
            return Err(PyValueError::new_err("every count of an access pattern is at least 1"));
        }
        let offset = match offset.filter(|o| !o.is_none()) {
            Some(o) => o.extract()?,
            None => self.layout.offset * old / new,
        };
        let row_elements = self.storage.shape.iter().skip(1).product::<i64>() * self.storage.dtype.size() as i64 / new;
        if self.on_chip() {
            // A pattern of one dimension walks one partition.
            if axes.len() == 1 {
                axes.insert(0, Axis { step: row_elements, count: 1 });
            } else if axes[0].step != row_elements && axes[0].count > 1 {
                return Err(PyValueError::new_err(format!(
                    "the first step of an on-chip access pattern is the partition's: {} for this tensor of shape {:?}, not {}",
                    row_elements, self.storage.shape, axes[0].step
                )));
            } else {
                axes[0].step = row_elements;
            }
        }
        let mut out = self.with(Layout::new(offset, &axes))?;
        out.dtype = code;
        out.dynamic = None;
        let rank = self.layout.rank() as i64;
        let dim = if indirect_dim < 0 { indirect_dim + rank } else { indirect_dim };
        let axis = *usize::try_from(dim)
            .ok()
            .and_then(|d| self.layout.axes().get(d))
            .ok_or_else(|| bad(format!("indirect_dim {indirect_dim} of a tensor with {rank} dimensions")))?;
        let row = axis.step * old / new;
        match (scalar_offset.filter(|s| !s.is_none()), vector_offset) {
            (Some(_), Some(_)) => return Err(PyValueError::new_err("scalar_offset and vector_offset exclude each other")),
            (Some(index), None) => {
                if is_dynamic(index) {
                    out.dynamic =
                        Some(Arc::new(Dynamic::Scalar { index: index.clone().unbind(), row, rows: axis.count, dim: dim as usize }));
                } else {
                    let moved = index.extract::<i64>()?.checked_mul(row).and_then(|by| out.layout.offset.checked_add(by));
                    out.layout.offset = moved.ok_or_else(|| bad(format!("scalar_offset {index}: the address is beyond 64 bits")))?;
                }
            }
            (None, Some(index)) => {
                out.dynamic = Some(Arc::new(Dynamic::Vector { index, row, rows: axis.count }));
            }
            (None, None) => {}
        }
        Ok(out)
    }

    #[pyo3(signature = (index, num_elem=None))]
    fn indirect(&self, index: Py<Tensor>, num_elem: Option<i64>) -> PyResult<Tensor> {
        self.static_only("an indirect view")?;
        let count = num_elem.unwrap_or_else(|| index.get().layout.elements());
        let first = *self.layout.axes().first().ok_or_else(|| PyValueError::new_err("a tensor without dimensions"))?;
        let mut out = self.with(Layout::new(self.layout.offset, &[first, Axis { step: 1, count }]))?;
        out.dynamic = Some(Arc::new(Dynamic::Free { index }));
        Ok(out)
    }

    fn get_pattern(&self) -> Vec<Vec<i64>> {
        self.layout.axes().iter().map(|a| vec![a.step, a.count]).collect()
    }

    fn is_contiguous(&self) -> bool {
        self.dynamic.is_none() && self.layout.is_contiguous(self.on_chip())
    }

    fn is_indirect(&self) -> bool {
        self.dynamic.is_some()
    }

    fn __len__(&self) -> usize {
        self.layout.axes().first().map_or(0, |a| a.count as usize)
    }

    fn __iter__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a tensor cannot be iterated; index it"))
    }

    /// A tensor is something: `if bias:` asks whether one was given.
    fn __bool__(&self) -> bool {
        true
    }

    /// The values as a numpy array (for debugging and `device_print`).
    fn numpy(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        Ok(py.import("secondsource.nki._arrays")?.getattr("to_numpy")?.call1((slf,))?.unbind())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let t = slf.get();
        let shape: Vec<String> = t.layout.axes().iter().map(|a| a.count.to_string()).collect();
        let name = if t.storage.name.is_empty() { String::new() } else { format!(" `{}`", t.storage.name) };
        format!("NkiTensor{name} ({}) {} in {}", shape.join(", "), t.dtype.name(), t.place().name())
    }
}

/// The groups of names of one side of a pattern.
fn names(pattern: &Bound<'_, PyAny>) -> PyResult<Vec<Vec<String>>> {
    let mut out = Vec::new();
    for entry in pattern.try_iter()? {
        let entry = entry?;
        out.push(match entry.extract::<String>() {
            Ok(name) => vec![name],
            Err(_) => entry.extract()?,
        });
    }
    Ok(out)
}

/// Which dimension the entry number `entry` of an index expression names.
fn dimension_of(entries: &[Index], entry: usize, rank: usize) -> usize {
    let names = |list: &[Index]| list.iter().filter(|k| !matches!(k, Index::Ellipsis | Index::NewAxis)).count();
    let before = names(&entries[..entry]);
    if entries[..entry].contains(&Index::Ellipsis) { rank.saturating_sub(names(&entries[entry..])) } else { before }
}

/// A fresh tensor on the machine of the running kernel.
#[pyfunction]
#[pyo3(signature = (shape, dtype, buffer=None, name=None, address=None, pinned=false))]
pub fn allocate(
    py: Python<'_>,
    shape: Vec<i64>,
    dtype: &Bound<'_, PyAny>,
    buffer: Option<&Bound<'_, PyAny>>,
    name: Option<&str>,
    address: Option<(u32, u32)>,
    pinned: bool,
) -> PyResult<Tensor> {
    let code = dtypes::parse(dtype)?;
    let region = region(buffer)?;
    let layout = Layout::contiguous(&shape).map_err(bad)?;
    if shape.is_empty() || shape.iter().any(|s| *s < 1) {
        return Err(PyValueError::new_err(format!("shape {shape:?}: every dimension has at least 1 position")));
    }
    let at = session::caller(py)?;
    alloc_at(py, shape, layout, code, region, name.unwrap_or(""), address, pinned, at)
}

#[expect(clippy::too_many_arguments, reason = "one allocation has this many independent facts")]
fn alloc_at(
    py: Python<'_>,
    shape: Vec<i64>,
    layout: Layout,
    code: Dtype,
    region: Region,
    name: &str,
    address: Option<(u32, u32)>,
    pinned: bool,
    line: SourceLine,
) -> PyResult<Tensor> {
    let (place, rows, row_elements) = match region {
        Region::Sbuf | Region::Psum => (
            if region == Region::Sbuf { Place::Sbuf } else { Place::Psum },
            u32::try_from(shape[0]).unwrap_or(u32::MAX),
            shape[1..].iter().product::<i64>() as u64,
        ),
        Region::Hbm | Region::SharedHbm => (Place::Hbm, 1, shape.iter().product::<i64>() as u64),
    };
    let made = session::with(|s| {
        s.drain();
        let request = Allocation { core: s.core, place, dtype: code, rows, row_elements, address, name: name.to_string(), line };
        Ok(s.machine.alloc(request).map(|id| (id, s.epoch)))
    })?;
    let (id, epoch) = made.map_err(|fault| session::raise(py, &fault, line))?;
    let storage =
        Arc::new(Storage { epoch, id, region, name: name.to_string(), dtype: code, shape, written: AtomicBool::new(false), pinned });
    Ok(Tensor { storage, dtype: code, layout, dynamic: None })
}

/// Fills a whole tensor with bytes, row by row.
#[pyfunction]
pub fn write_bytes(py: Python<'_>, tensor: &Tensor, bytes: &[u8]) -> PyResult<()> {
    let at = session::caller(py)?;
    session::with(|s| tensor.of_this_launch(s).map(|()| s.machine.write(tensor.storage.id, bytes)))?
        .map_err(|fault| session::raise(py, &fault, at))
}

/// All bytes of the tensor that the view looks into, row by row.
#[pyfunction]
pub fn read_bytes<'py>(py: Python<'py>, tensor: &Tensor) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
    let bytes = session::with(|s| {
        tensor.of_this_launch(s)?;
        Ok(s.machine.read(tensor.storage.id))
    })?;
    Ok(pyo3::types::PyBytes::new(py, &bytes))
}

/// The values of any view as f64, row-major (dynamic addresses resolved).
#[pyfunction]
pub fn read_values(py: Python<'_>, tensor: &Tensor) -> PyResult<Vec<f64>> {
    let view = tensor.view(py)?;
    let at = session::caller(py)?;
    session::with(|s| Ok(s.machine.values(&view)))?.map_err(|fault| session::raise(py, &fault, at))
}
