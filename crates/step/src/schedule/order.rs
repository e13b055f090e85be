//! Orders of the one-directional schedules.

use super::{Item, Kind};

/// All forwards, then all backwards in the same order.
pub(super) fn gpipe(m: u32, out: &mut Vec<Item>) {
    out.extend((0..m).map(|i| Item::new(Kind::Fwd, 0, i)));
    out.extend((0..m).map(|i| Item::new(Kind::Bwd, 0, i)));
}

/// ZB-H1: forwards and input gradients in the order of 1F1B; device `rank` starts weight gradients `rank` micro-batches
/// late, so that each device keeps up to `pp` micro-batches and the tail of late ranks is filled with weight gradients.
pub(super) fn zb_h1(pp: u32, m: u32, rank: u32, out: &mut Vec<Item>) {
    let warm = m.min(pp - rank - 1);
    out.extend((0..warm).map(|i| Item::new(Kind::Fwd, 0, i)));
    for i in 0..m {
        if i + warm < m {
            out.push(Item::new(Kind::Fwd, 0, i + warm));
        }
        out.push(Item::new(Kind::BwdInput, 0, i));
        if i >= rank {
            out.push(Item::new(Kind::BwdWeight, 0, i - rank));
        }
    }
    out.extend((m - m.min(rank)..m).map(|i| Item::new(Kind::BwdWeight, 0, i)));
}

/// The order in which every device of an interleaved pipeline takes (chunk, micro-batch): in groups of N micro-batches,
/// and inside a group chunk after chunk. Backwards take the chunks the other way round.
pub(super) struct Sequence {
    pp: u32,
    vpp: u32,
    m: u32,
    group: u32,
    /// Micro-batches with the padding of `m < pp`.
    padded: u32,
}

impl Sequence {
    pub(super) fn new(pp: u32, vpp: u32, m: u32, group: u32) -> Self {
        let (group, padded) = if vpp == 1 { (1, m) } else { (group, m.max(pp)) };
        Sequence { pp, vpp, m, group, padded }
    }

    /// Slots (chunk passes) of one device, padding included.
    pub(super) fn slots(&self) -> u64 {
        u64::from(self.padded) * u64::from(self.vpp)
    }

    /// Forwards before the first backward but one: Megatron-LM's warm-up, `pp - rank - 1`, and with chunks
    /// `2 (pp - rank - 1) + (vpp - 1) N`.
    pub(super) fn warmup(&self, rank: u32) -> u64 {
        let behind = u64::from(self.pp - rank - 1);
        let w = if self.vpp == 1 { behind } else { 2 * behind + u64::from(self.vpp - 1) * u64::from(self.group) };
        w.min(self.slots())
    }

    /// Slots of backwards that a device has passed when it starts its last real forward.
    pub(super) fn backwards_before_last_forward(&self, rank: u32) -> u64 {
        let padding = u64::from(self.padded - self.m);
        (self.slots() - 1).saturating_sub(padding).saturating_sub(self.warmup(rank))
    }

    /// Calls `f(place of the chunk, micro-batch)` for all slots in order.
    fn walk(&self, mut f: impl FnMut(u32, u32)) {
        let mut start = 0;
        while start < self.padded {
            let end = self.padded.min(start.saturating_add(self.group));
            for place in 0..self.vpp {
                for mb in start..end {
                    f(place, mb);
                }
            }
            start = end;
        }
    }

    /// How many of the first `n` slots hold a real micro-batch of the chunk at `place`.
    pub(super) fn count(&self, n: u64, place: u32) -> u64 {
        let (group, vpp) = (u64::from(self.group), u64::from(self.vpp));
        let groups = u64::from(self.padded).div_ceil(group);
        let whole = (n / (group * vpp)).min(groups - 1);
        let size = if whole + 1 == groups { u64::from(self.padded) - whole * group } else { group };
        let rest = n - whole * group * vpp;
        let inside = rest.saturating_sub(u64::from(place) * size).min(size);
        (whole * group + inside).min(u64::from(self.m))
    }

    pub(super) fn device(&self, rank: u32, out: &mut Vec<Item>) {
        let warm = self.warmup(rank) as usize;
        let mut slots: Vec<(u16, u32)> = Vec::with_capacity(self.slots() as usize);
        self.walk(|place, mb| slots.push((place as u16, mb)));
        let last = (self.vpp - 1) as u16;
        let mut push = |kind, (chunk, mb): (u16, u32)| {
            if mb < self.m {
                out.push(Item::new(kind, chunk, mb));
            }
        };
        for slot in &slots[..warm] {
            push(Kind::Fwd, *slot);
        }
        for (k, (place, mb)) in slots.iter().enumerate() {
            if let Some(ahead) = slots.get(k + warm) {
                push(Kind::Fwd, *ahead);
            }
            push(Kind::Bwd, (last - place, *mb));
        }
    }
}
