//! Reads of memory that nothing has written.

use super::bits::Bits;
use super::name;
use crate::tensor::{Place, Tensor};
use crate::trace::{Finding, Flags, OpCode, Range, Trace};

/// Device memory larger than this is not followed byte by byte.
const LARGEST: u32 = 1 << 28;

#[derive(Debug, Default)]
struct State {
    complete: bool,
    bits: Option<Bits>,
}

pub(super) fn find(trace: &Trace, tensors: &[Tensor]) -> Vec<Finding> {
    let mut states: Vec<State> = trace
        .storages
        .iter()
        .map(|s| State { complete: s.place == Place::Register || s.bytes == 0 || s.bytes > LARGEST, bits: None })
        .collect();
    for id in &trace.host_written {
        if let Some(s) = states.get_mut(id.0 as usize) {
            s.complete = true;
        }
    }
    let mut found = Vec::new();
    for i in &trace.instrs {
        let writes = trace.writes(i);
        // What an instruction only passes on (unselected elements, rows that it keeps) is its own business.
        let keeps = matches!(i.op, OpCode::TensorCopyPredicated | OpCode::NcStreamShuffle | OpCode::NcMatmul | OpCode::NcMatmulMx);
        // A barrier only names what it guards.
        let reads = if i.op == OpCode::CoreBarrier { &[] } else { trace.reads(i) };
        for r in reads {
            let Some(s) = states.get_mut(r.storage.0 as usize) else { continue };
            if s.complete || i.cost.flags.has(Flags::INDIRECT) || (keeps && writes.contains(r)) {
                continue;
            }
            if !s.bits.as_mut().is_some_and(|b| b.contains(r)) {
                found.push(Finding {
                    rule: "read-unwritten",
                    core: i.core,
                    line: i.line,
                    other: tensors.get(r.tensor.0 as usize).map(|t| t.line),
                    message: format!("{} reads bytes of {} that nothing has written", i.op.name(), name(tensors, r.tensor)),
                    hint: Some("write the whole tile first, with `memset` where there is nothing to load".into()),
                });
                // Once for each storage.
                s.complete = true;
            }
        }
        for r in writes {
            let Some(s) = states.get_mut(r.storage.0 as usize) else { continue };
            if s.complete {
                continue;
            }
            let info = &trace.storages[r.storage.0 as usize];
            if covers(r, info.partitions, info.bytes) {
                *s = State { complete: true, bits: None };
                continue;
            }
            s.bits.get_or_insert_with(|| Bits::new(usize::from(info.partitions), info.bytes as usize)).insert(r);
        }
    }
    found
}

fn covers(r: &Range, partitions: u16, bytes: u32) -> bool {
    r.period == 0 && r.first == 0 && u16::from(r.last) >= partitions && r.low == 0 && r.high >= bytes
}
