//! From Python arguments to operands of an instruction.

use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt};
use secondsource_neuroncore::op::{ActFn, AluOp, AluStage, Operand, OutOfBounds, Pattern, ReduceCmd, Reduction};
use secondsource_neuroncore::trace::Dge;
use secondsource_neuroncore::{Engine, InstrId, View};

use crate::dtypes;
use crate::session;
use crate::tensor::Tensor;

pub type Any<'a, 'py> = &'a Bound<'py, PyAny>;
pub type Maybe<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// An issued instruction.
#[pyclass(frozen, module = "nki.isa", name = "NkiInstruction")]
pub struct Instruction {
    id: InstrId,
}

#[pymethods]
impl Instruction {
    /// Orders this instruction after `producers`.
    #[pyo3(signature = (*producers))]
    fn depends_on<'py>(slf: Bound<'py, Self>, producers: Vec<Bound<'py, Instruction>>) -> PyResult<Bound<'py, Self>> {
        let earlier: Vec<InstrId> = producers.iter().map(|p| p.get().id).collect();
        let later = slf.get().id;
        session::with(|s| {
            s.machine.depends(later, &earlier);
            Ok(())
        })?;
        Ok(slf)
    }

    #[getter]
    fn index(&self) -> u32 {
        self.id.0
    }

    fn __repr__(&self) -> String {
        format!("NkiInstruction({})", self.id.0)
    }
}

pub fn issued(id: InstrId) -> Instruction {
    Instruction { id }
}

fn given<'a, 'py>(any: Maybe<'a, 'py>) -> Option<Any<'a, 'py>> {
    any.filter(|a| !a.is_none())
}

fn not_a_tensor(any: Any<'_, '_>, name: &str) -> PyErr {
    let kind = any.get_type().name().map_or_else(|_| "this".to_string(), |n| n.to_string());
    PyTypeError::new_err(format!("`{name}` must be a tensor, not {kind}"))
}

/// A tensor that is read.
pub fn src(any: Any<'_, '_>, name: &str) -> PyResult<View> {
    any.cast::<Tensor>().map_err(|_| not_a_tensor(any, name))?.get().view(any.py())
}

/// A tensor that is written.
pub fn dst(any: Any<'_, '_>, name: &str) -> PyResult<View> {
    let tensor = any.cast::<Tensor>().map_err(|_| not_a_tensor(any, name))?.get();
    let view = tensor.view(any.py())?;
    tensor.storage.written.store(true, Ordering::Relaxed);
    Ok(view)
}

/// `dst` of an instruction whose older API names a type too. Kernels of that time name one that differs from `dst`'s, which
/// decides: an instruction writes values of the type of its `dst`.
pub fn dst_of_type(any: Any<'_, '_>, dtype: Maybe<'_, '_>) -> PyResult<View> {
    given(dtype).map(dtypes::parse).transpose()?;
    dst(any, "dst")
}

pub fn maybe_dst(any: Maybe<'_, '_>, name: &str) -> PyResult<Option<View>> {
    given(any).map(|a| dst(a, name)).transpose()
}

/// A number or a `[P, 1]` tensor; absent: `default`.
pub fn operand(any: Maybe<'_, '_>, name: &str, default: f64) -> PyResult<Operand> {
    let Some(any) = given(any) else {
        return Ok(Operand::Value(default));
    };
    if let Ok(tensor) = any.cast::<Tensor>() {
        return Ok(Operand::View(tensor.get().view(any.py())?));
    }
    any.extract::<f64>().map(Operand::Value).map_err(|_| not_a_tensor(any, name))
}

static OPERATORS: PyOnceLock<(Py<PyDict>, Py<PyDict>, Py<PyDict>)> = PyOnceLock::new();

/// Tables from Python objects to operator names: arithmetic, activation, and the enums of `nki.isa`.
#[pyfunction]
pub fn register_operators(py: Python<'_>, alu: Py<PyDict>, act: Py<PyDict>, names: Py<PyDict>) -> PyResult<()> {
    OPERATORS.set(py, (alu, act, names)).map_err(|_| PyValueError::new_err("registered twice"))
}

fn look_up(any: Any<'_, '_>, table: usize) -> PyResult<Option<u8>> {
    let py = any.py();
    let Some(tables) = OPERATORS.get(py) else { return Ok(None) };
    let table = match table {
        0 => &tables.0,
        1 => &tables.1,
        _ => &tables.2,
    };
    match table.bind(py).get_item(any) {
        Ok(Some(found)) => Ok(Some(found.extract()?)),
        Ok(None) => Ok(None),
        // Not hashable: no operator.
        Err(_) => Ok(None),
    }
}

fn described(any: Any<'_, '_>) -> String {
    any.getattr("__name__").and_then(|n| n.extract::<String>()).unwrap_or_else(|_| any.to_string())
}

/// Names of the operators, in the order of the numbers that [`register_operators`] takes.
#[pyfunction]
pub fn operator_names() -> (Vec<String>, Vec<String>) {
    (AluOp::ALL.iter().map(|op| format!("{op:?}")).collect(), ActFn::ALL.iter().map(|f| format!("{f:?}")).collect())
}

pub fn alu(any: Any<'_, '_>, name: &str) -> PyResult<AluOp> {
    look_up(any, 0)?
        .and_then(|n| AluOp::ALL.get(usize::from(n)).copied())
        .ok_or_else(|| PyTypeError::new_err(format!("`{name}`: {} is no arithmetic operator of nki.language", described(any))))
}

pub fn maybe_alu(any: Maybe<'_, '_>, name: &str, default: AluOp) -> PyResult<AluOp> {
    given(any).map_or(Ok(default), |a| alu(a, name))
}

pub fn act(any: Any<'_, '_>) -> PyResult<ActFn> {
    look_up(any, 1)?
        .and_then(|n| ActFn::ALL.get(usize::from(n)).copied())
        .ok_or_else(|| PyTypeError::new_err(format!("`op`: {} is no activation function of nki.language", described(any))))
}

/// A member of one of the enums of `nki.isa`, by the numbers that [`register_operators`] was given, or a member's value, which
/// counts from `base` there.
fn member<T>(any: Any<'_, '_>, name: &str, right: &str, base: u8, pick: impl Fn(u8) -> Option<T>) -> PyResult<T> {
    let value = || any.cast_exact::<PyInt>().ok().and_then(|n| n.extract::<u8>().ok()).filter(|n| *n < 10).map(|n| n + base);
    look_up(any, 2)?.or_else(value).and_then(pick).ok_or_else(|| {
        let given = any.repr().map_or_else(|_| described(any), |r| r.to_string());
        PyTypeError::new_err(format!("`{name}`: {given} is none of {right}"))
    })
}

pub fn engine(any: Maybe<'_, '_>) -> PyResult<Option<Engine>> {
    let Some(any) = given(any) else { return Ok(None) };
    member(any, "engine", "nisa.engine.tensor, vector, scalar, gpsimd, dma, sync and unknown", 0, |n| match n {
        0 => Some(None),
        1 => Some(Some(Engine::Tensor)),
        2 => Some(Some(Engine::Scalar)),
        3 => Some(Some(Engine::GpSimd)),
        4 => Some(Some(Engine::Dma)),
        5 => Some(Some(Engine::Vector)),
        6 => Some(Some(Engine::Sync)),
        _ => None,
    })
}

pub fn dge(any: Maybe<'_, '_>) -> PyResult<Dge> {
    let Some(any) = given(any) else { return Ok(Dge::Unknown) };
    member(any, "dge_mode", "nisa.dge_mode.unknown, swdge, hwdge and none", 10, |n| match n {
        10 => Some(Dge::Unknown),
        11 => Some(Dge::Software),
        12 => Some(Dge::Hardware),
        13 => Some(Dge::None),
        _ => None,
    })
}

pub fn oob(any: Maybe<'_, '_>) -> PyResult<OutOfBounds> {
    let Some(any) = given(any) else { return Ok(OutOfBounds::Error) };
    member(any, "oob_mode", "nisa.oob_mode.error and skip", 20, |n| match n {
        20 => Some(OutOfBounds::Error),
        21 => Some(OutOfBounds::Skip),
        _ => None,
    })
}

pub fn reduce_cmd(any: Maybe<'_, '_>, default: ReduceCmd) -> PyResult<ReduceCmd> {
    let Some(any) = given(any) else { return Ok(default) };
    member(any, "reduce_cmd", "nisa.reduce_cmd.idle, reset, reduce, reset_reduce and load_reduce", 30, |n| match n {
        30 => Some(ReduceCmd::Idle),
        31 => Some(ReduceCmd::Reset),
        32 => Some(ReduceCmd::Reduce),
        33 => Some(ReduceCmd::ResetReduce),
        34 => Some(ReduceCmd::LoadReduce),
        _ => None,
    })
}

/// Whether a product takes two rows a cycle.
pub fn double_row(any: Maybe<'_, '_>) -> PyResult<bool> {
    let Some(any) = given(any) else { return Ok(false) };
    member(any, "perf_mode", "nisa.matmul_perf_mode.none and double_row", 100, |n| match n {
        40 => Some(false),
        41 => Some(true),
        _ => None,
    })
}

/// Whether GpSimd's own DMA carries a `sendrecv`.
pub fn gpsimd_dma(any: Maybe<'_, '_>) -> PyResult<bool> {
    let Some(any) = given(any) else { return Ok(false) };
    member(any, "dma_engine", "nisa.dma_engine.dma and gpsimd_dma", 49, |n| match n {
        50 => Some(false),
        51 => Some(true),
        _ => None,
    })
}

/// An operation of a chain and its scalar operand; both by the names of their arguments.
pub fn stage(op: (Any<'_, '_>, &str), value: (Maybe<'_, '_>, &str), reverse: bool) -> PyResult<AluStage> {
    let what = op.0;
    let op = alu(what, op.1)?;
    if given(value.0).is_none() && !takes_one(op) {
        return Err(PyTypeError::new_err(format!("`{}` is missing: {} takes two values", value.1, described(what))));
    }
    Ok(AluStage { op, operand: operand(value.0, value.1, 0.0)?, reverse })
}

/// Operators that do not look at an operand.
fn takes_one(op: AluOp) -> bool {
    op.is_unary() || op == AluOp::Bypass
}

pub fn reduction(
    cmd: Maybe<'_, '_>,
    default_cmd: ReduceCmd,
    op: Maybe<'_, '_>,
    default_op: AluOp,
    result: Maybe<'_, '_>,
    init: Maybe<'_, '_>,
    negate: bool,
) -> PyResult<Reduction> {
    let cmd = reduce_cmd(cmd, default_cmd)?;
    let init = match cmd {
        ReduceCmd::LoadReduce => Some(operand(init, "reduce_init", 0.0)?),
        _ => None,
    };
    Ok(Reduction { cmd, op: maybe_alu(op, "reduce_op", default_op)?, result: maybe_dst(result, "reduce_res")?, init, negate })
}

pub fn pattern(any: Any<'_, '_>, offset: i32, channel: i32) -> PyResult<Pattern> {
    let mut dims = Vec::with_capacity(4);
    for pair in any.try_iter()? {
        let pair = pair?;
        dims.push((pair.get_item(0)?.extract()?, pair.get_item(1)?.extract()?));
    }
    Ok(Pattern { dims, offset, channel })
}
