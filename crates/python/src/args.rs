//! From Python arguments to operands of an instruction.

use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use secondsource_neuroncore::op::{ActFn, AluOp, AluStage, Operand, OutOfBounds, Pattern, ReduceCmd, Reduction};
use secondsource_neuroncore::trace::Dge;
use secondsource_neuroncore::{Engine, InstrId, View};

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
    tensor.storage.written.store(true, Ordering::Relaxed);
    tensor.view(any.py())
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

pub fn engine(any: Maybe<'_, '_>) -> PyResult<Option<Engine>> {
    let Some(any) = given(any) else { return Ok(None) };
    Ok(match look_up(any, 2)? {
        Some(1) => Some(Engine::Tensor),
        Some(5) => Some(Engine::Vector),
        Some(2) => Some(Engine::Scalar),
        Some(3) => Some(Engine::GpSimd),
        Some(6) => Some(Engine::Sync),
        Some(4) => Some(Engine::Dma),
        _ => None,
    })
}

pub fn dge(any: Maybe<'_, '_>) -> PyResult<Dge> {
    let Some(any) = given(any) else { return Ok(Dge::Unknown) };
    Ok(match look_up(any, 2)? {
        Some(11) => Dge::Software,
        Some(12) => Dge::Hardware,
        Some(13) => Dge::None,
        _ => Dge::Unknown,
    })
}

pub fn oob(any: Maybe<'_, '_>) -> PyResult<OutOfBounds> {
    let Some(any) = given(any) else { return Ok(OutOfBounds::Error) };
    Ok(if look_up(any, 2)? == Some(21) { OutOfBounds::Skip } else { OutOfBounds::Error })
}

pub fn reduce_cmd(any: Maybe<'_, '_>, default: ReduceCmd) -> PyResult<ReduceCmd> {
    let Some(any) = given(any) else { return Ok(default) };
    Ok(match look_up(any, 2)? {
        Some(30) => ReduceCmd::Idle,
        Some(31) => ReduceCmd::Reset,
        Some(32) => ReduceCmd::Reduce,
        Some(33) => ReduceCmd::ResetReduce,
        Some(34) => ReduceCmd::LoadReduce,
        _ => default,
    })
}

/// True when the object is the enum member with this number (`double_row`: 41, `gpsimd_dma`: 51).
pub fn is_named(any: Maybe<'_, '_>, number: u8) -> PyResult<bool> {
    given(any).map_or(Ok(false), |a| Ok(look_up(a, 2)? == Some(number)))
}

pub fn stage(op: Any<'_, '_>, value: Maybe<'_, '_>, reverse: bool, name: &str) -> PyResult<AluStage> {
    Ok(AluStage { op: alu(op, name)?, operand: operand(value, "operand", 0.0)?, reverse })
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
