//! DualPipe's order (DeepSeek-AI, DeepSeek-V3 technical report, 2024, section 3.2.1 and figure 5).

use std::collections::VecDeque;

use super::{Item, Kind};

/// Writes one device's list. `near` is the direction whose first stage is on this device's half (it comes first),
/// `far` the other one; each has its own counters of forwards and backwards.
struct Writer<'a> {
    out: &'a mut Vec<Item>,
    near: u16,
    /// Micro-batches of each direction; the slots above are padding and are left out.
    real: [u32; 2],
    /// Micro-batch id of each direction's first.
    base: [u32; 2],
    forwards: [u32; 2],
    backwards: [u32; 2],
    weights: VecDeque<Option<Item>>,
}

const NEAR: u16 = 0;
const FAR: u16 = 1;

impl Writer<'_> {
    fn slot(&self, kind: Kind, chunk: u16, index: u32) -> Option<Item> {
        let c = usize::from(chunk);
        (index < self.real[c]).then(|| Item::new(kind, chunk, self.base[c] + index))
    }

    fn take_forward(&mut self, side: u16) -> Option<Item> {
        let chunk = side ^ self.near;
        let i = self.forwards[usize::from(chunk)];
        self.forwards[usize::from(chunk)] += 1;
        self.slot(Kind::Fwd, chunk, i)
    }

    fn take_backward(&mut self, side: u16, kind: Kind) -> Option<Item> {
        let chunk = side ^ self.near;
        let i = self.backwards[usize::from(chunk)];
        self.backwards[usize::from(chunk)] += 1;
        self.slot(kind, chunk, i)
    }

    fn forward(&mut self, side: u16) {
        let item = self.take_forward(side);
        self.out.extend(item);
    }

    fn backward(&mut self, side: u16) {
        let item = self.take_backward(side, Kind::Bwd);
        self.out.extend(item);
    }

    /// The input gradient now, the weight gradient when [`Writer::weight`] comes to it.
    fn backward_input(&mut self, side: u16) {
        let item = self.take_backward(side, Kind::BwdInput);
        self.weights.push_back(item.map(|i| Item { kind: Kind::BwdWeight, ..i }));
        self.out.extend(item);
    }

    /// The oldest weight gradient that waits.
    fn weight(&mut self) {
        self.out.extend(self.weights.pop_front().flatten());
    }

    /// A forward of `side` over a backward of the other.
    fn pair(&mut self, side: u16) {
        let forward = self.take_forward(side);
        let backward = self.take_backward(side ^ 1, Kind::Bwd);
        let paired = backward.is_some();
        self.out.extend(forward.map(|f| Item { paired, ..f }));
        self.out.extend(backward);
    }
}

/// Appends the items of `rank`. Direction 0 has the first `ceil(m / 2)` micro-batches, direction 1 the others.
pub(super) fn device(pp: u32, m: u32, rank: u32, out: &mut Vec<Item>) {
    let half = pp / 2;
    let depth = rank.min(pp - 1 - rank); // 0 at the ends, half - 1 in the middle
    let inner = half - 1 - depth;
    let slots = m.div_ceil(2).max(pp); // a direction, padding included
    let near = u16::from(rank >= half);
    let mut w = Writer {
        out,
        near,
        real: [m.div_ceil(2), m / 2],
        base: [0, m.div_ceil(2)],
        forwards: [0; 2],
        backwards: [0; 2],
        weights: VecDeque::new(),
    };
    // Warm-up: near forwards until far ones arrive, then both in turn.
    for _ in 0..2 * inner {
        w.forward(NEAR);
    }
    for _ in 0..=depth {
        w.forward(NEAR);
        w.forward(FAR);
    }
    // Far backwards arrive: pass them on at once, fill with weight gradients.
    for _ in 0..inner {
        w.backward_input(FAR);
        w.weight();
        w.forward(FAR);
    }
    // Steady state. The two middle devices start with an open pair.
    for i in 0..slots + depth + 1 - pp {
        if i == 0 && inner == 0 {
            w.forward(NEAR);
            w.backward(FAR);
        } else {
            w.pair(NEAR);
        }
        w.pair(FAR);
    }
    // Near forwards have run out.
    for _ in 0..inner {
        w.backward(FAR);
        w.pair(FAR);
    }
    // Only backwards are left; in the second half of them weight gradients are put off.
    let drain = 2 * (depth + 1);
    for i in 0..drain {
        let side = if i % 2 == 0 { FAR } else { NEAR };
        if i <= depth { w.backward(side) } else { w.backward_input(side) }
    }
    for _ in 0..inner {
        w.weight();
        w.backward_input(NEAR);
    }
    while !w.weights.is_empty() {
        w.weight();
    }
}
