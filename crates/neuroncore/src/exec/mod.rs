//! What each instruction does to memory. Everything runs at once and in order; engines exist only in the trace.

pub(crate) mod comm;
mod copy;
mod cx;
mod dma;
mod gather;
mod map;
mod matmul;
mod mx;
mod pointwise;
pub(crate) mod psum;
mod quick;
#[cfg(test)]
mod quick_tests;
mod random;
mod reduce;
mod search;
mod select;
mod tile;

use crate::fault::Fault;
use crate::machine::Machine;
use crate::op::Op;
use crate::trace::{InstrId, SourceLine};
pub(crate) use cx::Cx;

/// Work of this size is worth sharing between threads, and there are threads to share it with.
fn shared(size: usize, least: usize) -> bool {
    size >= least && rayon::current_num_threads() > 1
}

/// Checks, computes and traces one instruction.
pub(crate) fn run(m: &mut Machine, core: u16, op: &Op, line: SourceLine) -> Result<InstrId, Fault> {
    let name = op.code().name();
    if core >= m.cores() {
        let message = format!("core {core} of a machine of {}", m.cores());
        return Err(Fault { rule: "core", op: name, operand: "", message, hint: None });
    }
    if m.waiting(core) {
        let message = "this core waits for others at a barrier, sendrecv or collective".into();
        return Err(Fault { rule: "waiting", op: name, operand: "", message, hint: None });
    }
    let line = m.line(line);
    match quick::run(m, core, op, line) {
        Some(id) => Ok(id),
        None => general(m, core, op, line),
    }
}

/// The way that every instruction can go.
fn general(m: &mut Machine, core: u16, op: &Op, line: u32) -> Result<InstrId, Fault> {
    let mut cx = Cx::new(m, core, op.code(), line);
    let result = dispatch(&mut cx, op);
    cx.end();
    result
}

fn dispatch(cx: &mut Cx<'_>, op: &Op) -> Result<InstrId, Fault> {
    match op {
        Op::DmaCopy { .. } | Op::DmaTranspose { .. } | Op::DmaCompute { .. } => dma::run(cx, op),
        Op::TensorCopy { .. }
        | Op::TensorCopyPredicated { .. }
        | Op::Memset { .. }
        | Op::NcTranspose { .. }
        | Op::NcStreamShuffle { .. } => copy::run(cx, op),
        Op::NcMatmul { .. } => matmul::run(cx, op),
        Op::NcMatmulMx { .. } | Op::QuantizeMx { .. } => mx::run(cx, op),
        Op::TensorTensor { .. }
        | Op::TensorScalar { .. }
        | Op::ScalarTensorTensor { .. }
        | Op::Reciprocal { .. }
        | Op::Activation { .. }
        | Op::ActivationReduce { .. }
        | Op::Activate2 { .. }
        | Op::Exponential { .. }
        | Op::TensorScalarReduce { .. } => pointwise::run(cx, op),
        Op::TensorReduce { .. }
        | Op::TensorPartitionReduce { .. }
        | Op::TensorTensorScan { .. }
        | Op::TensorScalarCumulative { .. }
        | Op::BnStats { .. }
        | Op::BnAggr { .. } => reduce::run(cx, op),
        Op::SelectReduce { .. } | Op::RangeSelect { .. } | Op::AffineSelect { .. } | Op::Iota { .. } => select::run(cx, op),
        Op::Max8 { .. }
        | Op::NcFindIndex8 { .. }
        | Op::NcMatchReplace8 { .. }
        | Op::Topk { .. }
        | Op::NonzeroWithCount { .. }
        | Op::SequenceBounds { .. } => search::run(cx, op),
        Op::LocalGather { .. } | Op::NcNGather { .. } => gather::run(cx, op),
        Op::Dropout { .. }
        | Op::Rng { .. }
        | Op::Rand2 { .. }
        | Op::RandSetState { .. }
        | Op::RandGetState { .. }
        | Op::SetRngSeed { .. } => random::run(cx, op),
        Op::RegisterMove { .. }
        | Op::RegisterLoad { .. }
        | Op::RegisterStore { .. }
        | Op::SendRecv { .. }
        | Op::CoreBarrier { .. }
        | Op::Collective { .. } => comm::run(cx, op),
    }
}
