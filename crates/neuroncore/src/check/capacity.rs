//! Room in SBUF and PSUM: what is live when, and whether it fits.
//!
//! A tensor lives from the first instruction that touches it to the last. Tensors of few partitions may stand beside
//! each other (quarters of 32 partitions), so a tensor counts as its bytes times the quarters that it takes: a bound
//! that no placement can beat. What is over the limit by this bound fits in no way.

use std::fmt::Write as _;

use crate::generation::Generation;
use crate::tensor::{Place, Tensor};
use crate::trace::Trace;

/// One tensor that is live at the fullest point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub name: String,
    /// Index into [`Trace::lines`] of its allocation.
    pub line: u32,
    pub partitions: u32,
    /// Bytes a partition.
    pub bytes: u32,
    /// (first partition, byte) of an explicit address.
    pub address: Option<(u32, u32)>,
    /// Instructions between which it lives.
    pub life: (u32, u32),
}

/// The fullest point of one memory of one core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    pub place: Place,
    pub core: u16,
    /// Bytes a partition that the memory has.
    pub limit: u32,
    /// Bytes a partition that are taken at the fullest point, averaged over the quarters.
    pub peak: u64,
    /// Instruction and line of that point.
    pub at: u32,
    pub line: u32,
    /// Largest first.
    pub holders: Vec<Holder>,
}

impl Usage {
    /// Who holds what at the fullest point, a line each.
    pub fn map(&self) -> String {
        const SHOWN: usize = 12;
        let mut out = format!("{} of core {}, {} of {} bytes a partition:", self.place.name(), self.core, self.peak, self.limit);
        for h in self.holders.iter().take(SHOWN) {
            let at = h.address.map_or(String::new(), |(p, b)| format!(" at partition {p}, byte {b}"));
            // Writing to a String cannot fail.
            let _ = write!(out, "\n    {:>8} x {:<3} {}{at}", h.bytes, h.partitions, if h.name.is_empty() { "(unnamed)" } else { &h.name });
        }
        if self.holders.len() > SHOWN {
            let _ = write!(out, "\n    and {} more", self.holders.len() - SHOWN);
        }
        out
    }
}

/// Quarters of 32 partitions that a tensor takes.
fn quarters(rows: u32) -> u64 {
    u64::from(rows.div_ceil(32).clamp(1, 4))
}

/// The fullest point of SBUF and PSUM of every core that used them.
pub fn capacity(trace: &Trace, tensors: &[Tensor], generation: &Generation) -> Vec<Usage> {
    let mut lives: Vec<Option<(u32, u32)>> = vec![None; tensors.len()];
    for (at, i) in trace.instrs.iter().enumerate() {
        for r in trace.reads(i).iter().chain(trace.writes(i)) {
            if let Some(life) = lives.get_mut(r.tensor.0 as usize) {
                let at = at as u32;
                *life = Some(life.map_or((at, at), |(first, _)| (first, at)));
            }
        }
    }
    let cores = tensors.iter().map(|t| t.core + 1).max().unwrap_or(0);
    let mut out = Vec::new();
    for core in 0..cores {
        for (place, limit) in [(Place::Sbuf, generation.sbuf_physical), (Place::Psum, generation.psum_bytes())] {
            let here: Vec<(usize, (u32, u32))> = tensors
                .iter()
                .enumerate()
                .filter(|(_, t)| t.place == place && t.core == core)
                .filter_map(|(i, _)| lives[i].map(|l| (i, l)))
                .collect();
            if let Some(usage) = fullest(trace, tensors, &here, (place, core, limit)) {
                out.push(usage);
            }
        }
    }
    out
}

fn fullest(trace: &Trace, tensors: &[Tensor], here: &[(usize, (u32, u32))], (place, core, limit): (Place, u16, u32)) -> Option<Usage> {
    let weight = |i: usize| u64::from(tensors[i].row_bytes) * quarters(tensors[i].rows);
    // What dies at an instruction still holds its place there: an end counts from the next.
    let mut events: Vec<(u32, bool, usize)> = Vec::with_capacity(2 * here.len());
    for (i, (first, last)) in here {
        events.push((*first, true, *i));
        events.push((last.saturating_add(1), false, *i));
    }
    events.sort_unstable();
    let (mut placed, mut explicit) = (0u64, 0u64);
    let (mut best, mut at) = (0, here.first()?.1.0);
    for (time, begins, i) in events {
        let sum = if tensors[i].explicit { &mut explicit } else { &mut placed };
        *sum = if begins { *sum + weight(i) } else { *sum - weight(i) };
        // Explicit tensors may share bytes on purpose: only where their sum is too much are the bytes counted one by one.
        let mut total = placed + explicit;
        if total > best && total > 4 * u64::from(limit) && explicit > 0 {
            let live = here.iter().filter(|(k, (first, last))| tensors[*k].explicit && *first <= time && time <= *last);
            total = placed + union(live.map(|(k, _)| &tensors[*k]));
        }
        if total > best {
            (best, at) = (total, time);
        }
    }
    let mut holders: Vec<Holder> = here
        .iter()
        .filter(|(_, (first, last))| *first <= at && at <= *last)
        .map(|(i, life)| {
            let t = &tensors[*i];
            let address = t.explicit.then_some((t.first_partition, t.first_byte));
            Holder { name: t.name.clone(), line: t.line, partitions: t.rows, bytes: t.row_bytes, address, life: *life }
        })
        .collect();
    holders.sort_by(|a, b| (b.bytes, &a.name, a.line).cmp(&(a.bytes, &b.name, b.line)));
    let line = trace.instrs.get(at as usize).map_or(0, |i| i.line);
    Some(Usage { place, core, limit, peak: best.div_ceil(4), at, line, holders })
}

/// Bytes that explicit tensors take together, summed over the quarters.
fn union<'a>(live: impl Iterator<Item = &'a Tensor>) -> u64 {
    let mut spans: [Vec<(u32, u32)>; 4] = Default::default();
    for t in live {
        let last = (t.first_partition + t.rows - 1) / 32;
        for q in spans.iter_mut().take(last as usize + 1).skip(t.first_partition as usize / 32) {
            q.push((t.first_byte, t.first_byte + t.row_bytes));
        }
    }
    let mut total = 0;
    for mut q in spans {
        q.sort_unstable();
        let mut end = 0;
        for (low, high) in q {
            total += u64::from(high.saturating_sub(low.max(end)));
            end = end.max(high);
        }
    }
    total
}
