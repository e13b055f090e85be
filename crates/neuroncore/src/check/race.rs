//! Cores of one rank that touch the same bytes of device memory with no barrier between them.
//!
//! A barrier or exchange that both pass orders everything before it on one core against everything after it on
//! the other. Between two of them, accesses of different cores to one byte, of which one writes, are a race.

use std::collections::BTreeMap;

use super::bits::overlap;
use super::name;
use crate::StorageId;
use crate::tensor::{Place, Tensor};
use crate::trace::{Finding, OpCode, Range, Trace};

#[derive(Debug, Clone, Copy)]
struct Touch {
    range: Range,
    core: u16,
    line: u32,
    op: OpCode,
    write: bool,
}

/// Pairs compared in one interval and storage at most.
const PAIRS: usize = 4_000_000;

pub(super) fn find(trace: &Trace, tensors: &[Tensor], lnc: u16) -> Vec<Finding> {
    if lnc < 2 {
        return Vec::new();
    }
    let mut passed: BTreeMap<u16, u32> = BTreeMap::new();
    let mut touches: BTreeMap<(StorageId, u32), Vec<Touch>> = BTreeMap::new();
    for i in &trace.instrs {
        let interval = *passed.entry(i.core).or_insert(0);
        // Collectives join ranks, not the cores of one.
        if i.meeting != 0 && matches!(i.op, OpCode::CoreBarrier | OpCode::SendRecv) {
            passed.insert(i.core, interval + 1);
        }
        if i.op == OpCode::CoreBarrier {
            continue;
        }
        let both = trace.reads(i).iter().map(|r| (r, false)).chain(trace.writes(i).iter().map(|r| (r, true)));
        for (range, write) in both {
            if trace.storages.get(range.storage.0 as usize).is_some_and(|s| s.place == Place::Hbm) {
                let touch = Touch { range: *range, core: i.core, line: i.line, op: i.op, write };
                touches.entry((range.storage, interval)).or_default().push(touch);
            }
        }
    }
    let mut found = Vec::new();
    for list in touches.values_mut() {
        if !list.iter().any(|t| t.write) || list.iter().all(|t| t.core == list[0].core) {
            continue;
        }
        list.sort_by_key(|t| (t.range.low, t.range.high, t.core, t.line));
        let mut pairs = 0;
        for (k, a) in list.iter().enumerate() {
            for b in list[k + 1..].iter().take_while(|b| b.range.low < a.range.high) {
                pairs += 1;
                if pairs > PAIRS {
                    break;
                }
                if a.core != b.core && (a.write || b.write) && overlap(&a.range, &b.range) {
                    let (first, second) = if a.write { (a, b) } else { (b, a) };
                    let does = if second.write { "writes" } else { "reads" };
                    found.push(Finding {
                        rule: "missing-barrier",
                        core: second.core,
                        line: second.line,
                        other: Some(first.line),
                        message: format!(
                            "core {} {does} bytes of {} that core {} writes by {}, with no barrier between them",
                            second.core % lnc,
                            name(tensors, second.range.tensor),
                            first.core % lnc,
                            first.op.name()
                        ),
                        hint: Some("put `core_barrier(data, (0, 1))` between the two".into()),
                    });
                    break;
                }
            }
        }
    }
    found
}
