//! Instructions of the GpSimd engine.

use pyo3::prelude::*;
use secondsource_neuroncore::Op;
use secondsource_neuroncore::op::AluOp;

use crate::args::{Any, Instruction, Maybe, alu, dst, issued, maybe_alu, pattern, src};
use crate::session::exec;

#[pyfunction]
#[pyo3(signature = (dst, op, data, name=None))]
pub fn tensor_partition_reduce(
    py: Python<'_>,
    dst: Any<'_, '_>,
    op: Any<'_, '_>,
    data: Any<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::TensorPartitionReduce { dst: self::dst(dst, "dst")?, data: src(data, "data")?, op: alu(op, "op")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, pattern, offset=0, channel_multiplier=0, name=None))]
pub fn iota(
    py: Python<'_>,
    dst: Any<'_, '_>,
    pattern: Any<'_, '_>,
    offset: i32,
    channel_multiplier: i32,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Iota { dst: self::dst(dst, "dst")?, pattern: self::pattern(pattern, offset, channel_multiplier)? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, pattern, channel_multiplier, on_true_tile, on_false_value, cmp_op=None, offset=0, name=None))]
pub fn affine_select(
    py: Python<'_>,
    dst: Any<'_, '_>,
    pattern: Any<'_, '_>,
    channel_multiplier: i32,
    on_true_tile: Any<'_, '_>,
    on_false_value: f64,
    cmp_op: Maybe<'_, '_>,
    offset: i32,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::AffineSelect {
        dst: self::dst(dst, "dst")?,
        pattern: self::pattern(pattern, offset, channel_multiplier)?,
        on_true: src(on_true_tile, "on_true_tile")?,
        on_false: on_false_value as f32,
        op: maybe_alu(cmp_op, "cmp_op", AluOp::Equal)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src_buffer, index, num_elem_per_idx=1, num_valid_indices=None, name=None))]
pub fn local_gather(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src_buffer: Any<'_, '_>,
    index: Any<'_, '_>,
    num_elem_per_idx: u32,
    num_valid_indices: Option<u32>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::LocalGather {
        dst: self::dst(dst, "dst")?,
        src: src(src_buffer, "src_buffer")?,
        index: src(index, "index")?,
        elems: num_elem_per_idx,
        valid: num_valid_indices,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, data, indices, name=None))]
pub fn nc_n_gather(
    py: Python<'_>,
    dst: Any<'_, '_>,
    data: Any<'_, '_>,
    indices: Any<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NcNGather { dst: self::dst(dst, "dst")?, data: src(data, "data")?, indices: src(indices, "indices")? };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (val_dst, idx_dst, src, n, name=None))]
pub fn topk(
    py: Python<'_>,
    val_dst: Any<'_, '_>,
    idx_dst: Any<'_, '_>,
    src: Any<'_, '_>,
    n: u32,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::Topk { val_dst: dst(val_dst, "val_dst")?, idx_dst: dst(idx_dst, "idx_dst")?, src: self::src(src, "src")?, n };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, index_offset=0, padding_val=-1, name=None))]
pub fn nonzero_with_count(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    index_offset: i32,
    padding_val: i32,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::NonzeroWithCount { dst: self::dst(dst, "dst")?, src: self::src(src, "src")?, index_offset, padding: padding_val };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, segment_ids, name=None))]
pub fn sequence_bounds(py: Python<'_>, dst: Any<'_, '_>, segment_ids: Any<'_, '_>, name: Maybe<'_, '_>) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::SequenceBounds { dst: self::dst(dst, "dst")?, segment_ids: src(segment_ids, "segment_ids")? };
    exec(py, op).map(issued)
}
