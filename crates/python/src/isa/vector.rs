//! Instructions of the Vector engine.

use pyo3::prelude::*;
use secondsource_neuroncore::Op;
use secondsource_neuroncore::op::{AluOp, ReduceCmd};

use crate::args::{Any, Instruction, Maybe, alu, dst, dst_of_type, engine, issued, maybe_dst, operand, reduction, src, stage};
use crate::session::exec;

#[pyfunction]
#[pyo3(signature = (dst, src, engine=None, name=None, dtype=None))]
pub fn tensor_copy(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
    dtype: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let to = dst_of_type(dst, dtype)?;
    let op = Op::TensorCopy { dst: to, src: self::src(src, "src")?, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, predicate, reverse_pred=false, name=None))]
pub fn tensor_copy_predicated(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    predicate: Any<'_, '_>,
    reverse_pred: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorCopyPredicated {
        dst: self::dst(dst, "dst")?,
        src: operand(Some(src), "src", 0.0)?,
        predicate: self::src(predicate, "predicate")?,
        reverse: reverse_pred,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, value, engine=None, name=None))]
pub fn memset(py: Python<'_>, dst: Any<'_, '_>, value: f64, engine: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Memset { dst: self::dst(dst, "dst")?, value, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data1, data2, op, engine=None, name=None))]
pub fn tensor_tensor(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data1: Any<'_, '_>,
    data2: Any<'_, '_>,
    op: Any<'_, '_>,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorTensor {
        dst: self::dst(dst, "dst")?,
        data1: src(data1, "data1")?,
        data2: src(data2, "data2")?,
        op: alu(op, "op")?,
        engine: self::engine(engine)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, op0, operand0=None, reverse0=false, op1=None, operand1=None, reverse1=false, engine=None, name=None))]
pub fn tensor_scalar(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    op0: Any<'_, '_>,
    operand0: Maybe<'_, '_>,
    reverse0: bool,
    op1: Maybe<'_, '_>,
    operand1: Maybe<'_, '_>,
    reverse1: bool,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let stage1 = op1.filter(|o| !o.is_none()).map(|o| stage((o, "op1"), (operand1, "operand1"), reverse1)).transpose()?;
    let op = Op::TensorScalar {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        stage0: stage((op0, "op0"), (operand0, "operand0"), reverse0)?,
        stage1,
        engine: self::engine(engine)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, op0, operand0, op1, operand1, reverse0=false, reverse1=false, name=None, dtype=None))]
pub fn scalar_tensor_tensor(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    op0: Any<'_, '_>,
    operand0: Maybe<'_, '_>,
    op1: Any<'_, '_>,
    operand1: Any<'_, '_>,
    reverse0: bool,
    reverse1: bool,
    name: Maybe<'_, '_>,
    dtype: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    // Kernels in use give the type of their arithmetic; what is written has the type of `dst`.
    let _ = (name, dtype);
    let op = Op::ScalarTensorTensor {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        stage0: stage((op0, "op0"), (operand0, "operand0"), reverse0)?,
        op1: alu(op1, "op1")?,
        operand1: src(operand1, "operand1")?,
        reverse1,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, op0, operand0, reduce_op, reduce_res=None, reverse0=false, reduce_cmd=None, reduce_init=None, reduce_res_negate=false, name=None))]
pub fn tensor_scalar_reduce(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    op0: Any<'_, '_>,
    operand0: Maybe<'_, '_>,
    reduce_op: Any<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reverse0: bool,
    reduce_cmd: Maybe<'_, '_>,
    reduce_init: Maybe<'_, '_>,
    reduce_res_negate: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorScalarReduce {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        stage0: stage((op0, "op0"), (operand0, "operand0"), reverse0)?,
        reduction: reduction(reduce_cmd, ReduceCmd::ResetReduce, Some(reduce_op), AluOp::Add, reduce_res, reduce_init, reduce_res_negate)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, op0, op1, imm0, imm1=None, reduce_cmd=None, reverse0=false, name=None))]
pub fn tensor_scalar_cumulative(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    op0: Any<'_, '_>,
    op1: Any<'_, '_>,
    imm0: Maybe<'_, '_>,
    imm1: Maybe<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    reverse0: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorScalarCumulative {
        dst: self::dst(dst, "dst")?,
        src: self::src(src, "src")?,
        stage0: stage((op0, "op0"), (imm0, "imm0"), reverse0)?,
        reduction: reduction(reduce_cmd, ReduceCmd::ResetReduce, Some(op1), AluOp::Add, None, imm1, false)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, op, data, axis, negate=false, keepdims=false, name=None))]
pub fn tensor_reduce(
    py: Python<'_>,
    dst: Any<'_, '_>,
    op: Any<'_, '_>,
    data: Any<'_, '_>,
    axis: Any<'_, '_>,
    negate: bool,
    keepdims: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let _ = keepdims;
    let data = src(data, "data")?;
    let op = Op::TensorReduce {
        dst: self::dst(dst, "dst")?,
        axes: last_axes(axis, data.dims.as_slice().len())?,
        data,
        op: alu(op, "op")?,
        negate,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data0, data1, initial, op0, op1, reverse0=false, reverse1=false, name=None))]
pub fn tensor_tensor_scan(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data0: Any<'_, '_>,
    data1: Any<'_, '_>,
    initial: Maybe<'_, '_>,
    op0: Any<'_, '_>,
    op1: Any<'_, '_>,
    reverse0: bool,
    reverse1: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorTensorScan {
        dst: self::dst(dst, "dst")?,
        data0: src(data0, "data0")?,
        data1: src(data1, "data1")?,
        initial: operand(initial, "initial", 0.0)?,
        op0: alu(op0, "op0")?,
        op1: alu(op1, "op1")?,
        reverse0,
        reverse1,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, max_value=None, reduce_res=None, reduce_cmd=None, reduce_init=None, name=None))]
pub fn exponential(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    max_value: Maybe<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    reduce_init: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Exponential {
        dst: self::dst(dst, "dst")?,
        src: self::src(src, "src")?,
        max_value: operand(max_value, "max_value", 0.0)?,
        reduction: reduction(reduce_cmd, ReduceCmd::Idle, None, AluOp::Add, reduce_res, reduce_init, false)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, name=None))]
pub fn reciprocal(py: Python<'_>, dst: Any<'_, '_>, data: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Reciprocal { dst: self::dst(dst, "dst")?, data: src(data, "data")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, predicate, on_true, on_false, reduce_res=None, reduce_cmd=None, reduce_op=None, reverse_pred=false, name=None))]
pub fn select_reduce(
    py: Python<'_>,
    dst: Any<'_, '_>,
    predicate: Any<'_, '_>,
    on_true: Any<'_, '_>,
    on_false: Maybe<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    reduce_op: Maybe<'_, '_>,
    reverse_pred: bool,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::SelectReduce {
        dst: self::dst(dst, "dst")?,
        predicate: src(predicate, "predicate")?,
        on_true: src(on_true, "on_true")?,
        on_false: operand(on_false, "on_false", 0.0)?,
        reverse: reverse_pred,
        reduction: reduction(reduce_cmd, ReduceCmd::Idle, reduce_op, AluOp::Max, reduce_res, None, false)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, on_true_tile, comp_op0, comp_op1, bound0, bound1, reduce_cmd=None, reduce_res=None, reduce_op=None, range_start=0, on_false_value=None, name=None))]
pub fn range_select(
    py: Python<'_>,
    dst: Any<'_, '_>,
    on_true_tile: Any<'_, '_>,
    comp_op0: Any<'_, '_>,
    comp_op1: Any<'_, '_>,
    bound0: Any<'_, '_>,
    bound1: Any<'_, '_>,
    reduce_cmd: Maybe<'_, '_>,
    reduce_res: Maybe<'_, '_>,
    reduce_op: Maybe<'_, '_>,
    range_start: i64,
    on_false_value: Option<f32>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::RangeSelect {
        dst: self::dst(dst, "dst")?,
        data: src(on_true_tile, "on_true_tile")?,
        op0: alu(comp_op0, "comp_op0")?,
        op1: alu(comp_op1, "comp_op1")?,
        bound0: src(bound0, "bound0")?,
        bound1: src(bound1, "bound1")?,
        start: range_start,
        on_false: on_false_value.unwrap_or(f32::MIN),
        reduction: reduction(reduce_cmd, ReduceCmd::ResetReduce, reduce_op, AluOp::Max, reduce_res, None, false)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, name=None))]
pub fn bn_stats(py: Python<'_>, dst: Any<'_, '_>, data: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::BnStats { dst: self::dst(dst, "dst")?, data: src(data, "data")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, name=None))]
pub fn bn_aggr(py: Python<'_>, dst: Any<'_, '_>, data: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::BnAggr { dst: self::dst(dst, "dst")?, data: src(data, "data")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, name=None))]
pub fn max8(py: Python<'_>, dst: Any<'_, '_>, src: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Max8 { dst: self::dst(dst, "dst")?, src: self::src(src, "src")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, vals, name=None))]
pub fn nc_find_index8(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    vals: Any<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcFindIndex8 { dst: self::dst(dst, "dst")?, data: src(data, "data")?, vals: src(vals, "vals")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, vals, imm, dst_idx=None, name=None))]
pub fn nc_match_replace8(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    vals: Any<'_, '_>,
    imm: f32,
    dst_idx: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcMatchReplace8 {
        dst: self::dst(dst, "dst")?,
        data: src(data, "data")?,
        vals: src(vals, "vals")?,
        imm,
        dst_idx: maybe_dst(dst_idx, "dst_idx")?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, shuffle_mask, name=None))]
pub fn nc_stream_shuffle(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    shuffle_mask: Vec<i64>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcStreamShuffle { dst: self::dst(dst, "dst")?, src: self::src(src, "src")?, mask: mask(&shuffle_mask)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, dst_scale, name=None))]
pub fn quantize_mx(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    dst_scale: Any<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::QuantizeMx { dst: self::dst(dst, "dst")?, src: self::src(src, "src")?, dst_scale: self::dst(dst_scale, "dst_scale")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, prob, name=None))]
pub fn dropout(py: Python<'_>, dst: Any<'_, '_>, data: Any<'_, '_>, prob: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Dropout { dst: self::dst(dst, "dst")?, data: src(data, "data")?, prob: operand(prob, "prob", 0.0)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, engine=None, name=None))]
pub fn rng(py: Python<'_>, dst: Any<'_, '_>, engine: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Rng { dst: self::dst(dst, "dst")?, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, min, max, name=None))]
pub fn rand2(py: Python<'_>, dst: Any<'_, '_>, min: Maybe<'_, '_>, max: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Rand2 { dst: self::dst(dst, "dst")?, min: operand(min, "min", 0.0)?, max: operand(max, "max", 1.0)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (src_seeds, engine=None, name=None))]
pub fn rand_set_state(py: Python<'_>, src_seeds: Any<'_, '_>, engine: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::RandSetState { src: src(src_seeds, "src_seeds")?, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, engine=None, name=None))]
pub fn rand_get_state(py: Python<'_>, dst: Any<'_, '_>, engine: Maybe<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::RandGetState { dst: self::dst(dst, "dst")?, engine: self::engine(engine)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (src_seeds, name=None))]
pub fn set_rng_seed(py: Python<'_>, src_seeds: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::SetRngSeed { src: src(src_seeds, "src_seeds")? };
    exec(py, op).map(issued)
}

/// The number of trailing dimensions that `axis` names.
pub(crate) fn last_axes(axis: Any<'_, '_>, rank: usize) -> PyResult<u8> {
    let mut axes: Vec<i64> = match axis.extract::<i64>() {
        Ok(one) => vec![one],
        Err(_) => axis.extract()?,
    };
    for a in &mut axes {
        if *a < 0 {
            *a += rank as i64;
        }
    }
    axes.sort_unstable();
    let count = axes.len();
    let wanted: Vec<i64> = (rank.saturating_sub(count)..rank).map(|a| a as i64).collect();
    if axes != wanted || count == 0 || count >= rank {
        return Err(pyo3::exceptions::PyValueError::new_err(format!(
            "`axis` {axes:?} of a tensor with {rank} dimensions: a reduction takes the last free dimensions, and never the partition dimension"
        )));
    }
    Ok(count as u8)
}

fn mask(entries: &[i64]) -> PyResult<[u8; 32]> {
    let bytes: Vec<u8> = entries.iter().filter_map(|e| u8::try_from(*e).ok()).collect();
    bytes.try_into().map_err(|_| {
        pyo3::exceptions::PyValueError::new_err(
            "`shuffle_mask` is a list of 32 partition numbers below 32, or 255 to leave a partition as it is",
        )
    })
}
