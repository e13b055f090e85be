//! Data movement, synchronisation and collectives.

use pyo3::prelude::*;
use secondsource_neuroncore::Op;
use secondsource_neuroncore::op::{AluOp, Collective, Metadata};

use crate::args::{Any, Instruction, Maybe, alu, dge, dst, engine, gpsimd_dma, issued, maybe_alu, oob, src};
use crate::session::exec;

#[pyfunction]
#[pyo3(signature = (dst, src, priority=None, oob_mode=None, dge_mode=None, engine=None, name=None))]
pub fn dma_copy(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    priority: Option<u8>,
    oob_mode: Maybe<'_, '_>,
    dge_mode: Maybe<'_, '_>,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::DmaCopy {
        dst: self::dst(dst, "dst")?,
        src: self::src(src, "src")?,
        oob: oob(oob_mode)?,
        dge: dge(dge_mode)?,
        engine: self::engine(engine)?,
        priority: priority.unwrap_or(0),
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, src, axes=None, priority=None, dge_mode=None, oob_mode=None, name=None))]
pub fn dma_transpose(
    py: Python<'_>,
    dst: Any<'_, '_>,
    src: Any<'_, '_>,
    axes: Option<Vec<i64>>,
    priority: Option<u8>,
    dge_mode: Maybe<'_, '_>,
    oob_mode: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let view = self::src(src, "src")?;
    let legal: &[i64] = match view.dims.as_slice().len() {
        2 => &[1, 0],
        3 => &[2, 1, 0],
        _ => &[3, 1, 2, 0],
    };
    if let Some(axes) = axes.filter(|a| a != legal) {
        return Err(pyo3::exceptions::PyValueError::new_err(format!(
            "dma_transpose, `axes`: {axes:?} of a tensor with {} dimensions; only {legal:?} is possible",
            view.dims.as_slice().len()
        )));
    }
    let op = Op::DmaTranspose {
        dst: self::dst(dst, "dst")?,
        src: view,
        oob: oob(oob_mode)?,
        dge: dge(dge_mode)?,
        priority: priority.unwrap_or(0),
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (dst, srcs, reduce_op, scales=None, unique_indices=true, oob_mode=None, name=None))]
pub fn dma_compute(
    py: Python<'_>,
    dst: Any<'_, '_>,
    srcs: Vec<Bound<'_, PyAny>>,
    reduce_op: Any<'_, '_>,
    scales: Option<Vec<f32>>,
    unique_indices: bool,
    oob_mode: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::DmaCompute {
        dst: self::dst(dst, "dst")?,
        srcs: srcs.iter().map(|s| src(s, "srcs")).collect::<PyResult<_>>()?,
        op: alu(reduce_op, "reduce_op")?,
        scales: scales.unwrap_or_default(),
        oob: oob(oob_mode)?,
        unique: unique_indices,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (src, dst, send_to_rank, recv_from_rank, pipe_id, dma_engine=None, name=None))]
pub fn sendrecv(
    py: Python<'_>,
    src: Any<'_, '_>,
    dst: Any<'_, '_>,
    send_to_rank: u8,
    recv_from_rank: u8,
    pipe_id: u32,
    dma_engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = name;
    let op = Op::SendRecv {
        dst: self::dst(dst, "dst")?,
        src: self::src(src, "src")?,
        send_to: send_to_rank,
        recv_from: recv_from_rank,
        pipe: pipe_id,
        gpsimd_dma: self::gpsimd_dma(dma_engine)?,
    };
    exec(py, op).map(issued)
}

#[pyfunction]
#[pyo3(signature = (data, cores=None, engine=None, name=None))]
pub fn core_barrier(
    py: Python<'_>,
    data: Maybe<'_, '_>,
    cores: Maybe<'_, '_>,
    engine: Maybe<'_, '_>,
    name: Maybe<'_, '_>,
) -> PyResult<Instruction> {
    let _ = (cores, name);
    let data = data.filter(|d| !d.is_none()).map(|d| src(d, "data")).transpose()?;
    exec(py, Op::CoreBarrier { data, engine: self::engine(engine)? }).map(issued)
}

/// `kind`: all_reduce, all_gather, reduce_scatter, all_to_all, permute, permute_reduce, all_gather_v or all_to_all_v; the last
/// two with their metadata tensor, whether the received counts are known, and whether it holds receive places.
#[pyfunction]
#[pyo3(signature = (kind, srcs, dsts, groups, pairs, op=None, dim=0, metadata=None))]
pub fn collective(
    py: Python<'_>,
    kind: &str,
    srcs: Vec<Bound<'_, PyAny>>,
    dsts: Vec<Bound<'_, PyAny>>,
    groups: Vec<Vec<u16>>,
    pairs: Vec<(u16, u16)>,
    op: Maybe<'_, '_>,
    dim: u8,
    metadata: Option<(Bound<'_, PyAny>, bool, bool)>,
) -> PyResult<Instruction> {
    let kind = match kind {
        "all_reduce" => Collective::AllReduce,
        "all_gather" => Collective::AllGather,
        "reduce_scatter" => Collective::ReduceScatter,
        "all_to_all" => Collective::AllToAll,
        "permute_reduce" => Collective::PermuteReduce,
        "all_gather_v" => Collective::AllGatherV,
        "all_to_all_v" => Collective::AllToAllV,
        _ => Collective::Permute,
    };
    let metadata = metadata.map(|(view, counts_known, displacements)| -> PyResult<Box<Metadata>> {
        let view = if counts_known { src(&view, "metadata_tensor")? } else { dst(&view, "metadata_tensor")? };
        Ok(Box::new(Metadata { view, counts_known, displacements }))
    });
    let op = Op::Collective {
        kind,
        dsts: dsts.iter().map(|d| dst(d, "dsts")).collect::<PyResult<_>>()?,
        srcs: srcs.iter().map(|s| src(s, "srcs")).collect::<PyResult<_>>()?,
        op: maybe_alu(op, "op", AluOp::Add)?,
        groups,
        pairs,
        dim,
        metadata: metadata.transpose()?,
    };
    exec(py, op).map(issued)
}
