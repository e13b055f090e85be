//! Explicit addresses that overlap while both tensors are in use: a tensor is read after another one was written over it.

use std::collections::BTreeMap;

use super::bits::{Bits, overlap};
use super::name;
use crate::TensorId;
use crate::tensor::Tensor;
use crate::trace::{Finding, Range, Trace};

/// One explicit tensor: the bytes that it wrote and that others have overwritten since.
#[derive(Debug)]
struct Owner {
    /// Box around everything it has written.
    written: Range,
    bits: Bits,
    lost: Option<Lost>,
}

#[derive(Debug)]
struct Lost {
    bits: Bits,
    by: TensorId,
    line: u32,
}

pub(super) fn find(trace: &Trace, tensors: &[Tensor]) -> Vec<Finding> {
    let mut owners: BTreeMap<TensorId, Owner> = BTreeMap::new();
    let mut found = Vec::new();
    let image = |r: &Range| trace.storages.get(r.storage.0 as usize).is_some_and(|s| s.image);
    for i in &trace.instrs {
        for r in trace.reads(i).iter().filter(|r| image(r)) {
            let Some(lost) = owners.get_mut(&r.tensor).and_then(|o| o.lost.as_mut()) else { continue };
            if !lost.bits.meets(r) {
                continue;
            }
            let (own, other) = (name(tensors, r.tensor), name(tensors, lost.by));
            found.push(Finding {
                rule: "overlap-live",
                core: i.core,
                line: i.line,
                other: Some(lost.line),
                message: format!("{} reads {own} after {other} was written over part of it", i.op.name()),
                hint: Some("their explicit addresses overlap: give one of them another, or finish with the first before the second".into()),
            });
            if let Some(o) = owners.get_mut(&r.tensor) {
                o.lost = None;
            }
        }
        for r in trace.writes(i).iter().filter(|r| image(r)) {
            let info = &trace.storages[r.storage.0 as usize];
            let (rows, bytes) = (usize::from(info.partitions), info.bytes as usize);
            let around = tensor_bytes(tensors, r.tensor).unwrap_or(bytes).min(bytes);
            for (_, o) in owners.iter_mut().filter(|(id, o)| **id != r.tensor && overlap(&whole(&o.written), &whole(r))) {
                if o.bits.meets(r) {
                    let lost = o.lost.get_or_insert_with(|| Lost { bits: Bits::new(rows, bytes), by: r.tensor, line: i.line });
                    lost.bits.insert(r);
                    (lost.by, lost.line) = (r.tensor, i.line);
                }
            }
            let own = owners.entry(r.tensor).or_insert_with(|| Owner { written: *r, bits: Bits::new(rows, around), lost: None });
            own.bits.insert(r);
            own.written.first = own.written.first.min(r.first);
            own.written.last = own.written.last.max(r.last);
            own.written.low = own.written.low.min(r.low);
            own.written.high = own.written.high.max(r.high);
            if let Some(lost) = &mut own.lost {
                lost.bits.remove(r);
            }
        }
        // A tensor that the kernel has let go cannot be read again.
        if owners.len() > 256 {
            owners.retain(|id, _| tensors.get(id.0 as usize).is_some_and(|t| t.live));
        }
    }
    found
}

fn whole(r: &Range) -> Range {
    Range { period: 0, run: r.high - r.low, ..*r }
}

/// End of a tensor's bytes in its partitions.
fn tensor_bytes(tensors: &[Tensor], id: TensorId) -> Option<usize> {
    tensors.get(id.0 as usize).map(|t| (t.first_byte + t.row_bytes) as usize)
}
