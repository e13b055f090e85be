//! Multi-ring all-reduce on a torus, message by message.
//!
//! Parts of the buffer, their shares and their order over the axes are those that the closed form picked (one part per
//! axis in rotated order, mostly). A part reduces along its axes and gathers back in the opposite order; parts on the same axis in the same phase
//! share their messages. Along an axis of n, every owner gets two chains of partial sums,
//! one from either side; on a ring of even length the chip opposite splits its contribution between both. All parts
//! run freely: a message starts when its data is there and its link has finished what the program put before it.

use super::{Outcome, Torus, value};

/// State of one part of the buffer.
struct Part {
    /// When the data of the current phase is at a chip.
    ready: Vec<f64>,
    /// Bytes per chip at the start of the current phase.
    bytes: f64,
    /// With `check`: values per rank, block of the part and half block.
    values: Vec<u64>,
    /// Axis, extent and rank stride of each phase.
    lines: Vec<(usize, usize, usize)>,
    /// With `check`: partial sums under way to the right and to the left.
    partial: [Vec<u64>; 2],
}

impl Part {
    /// Whether a message along the axis of a phase, from `chip` to the owner at coordinate `owner`, has this block in
    /// it: chip and block agree in the axes that were reduced over before.
    fn carries(&self, phase: usize, chip: usize, block: usize, owner: usize) -> bool {
        let (_, n, stride) = self.lines[phase];
        block / stride % n == owner && self.lines[..phase].iter().all(|(_, n, stride)| block / stride % n == chip / stride % n)
    }

    /// Moves partial sums on by one hop, the chip's own values added. A half message carries its side's half.
    fn add(&mut self, phase: usize, (chip, next): (usize, usize), (side, half): (usize, bool), owner: usize) {
        let chips = self.ready_chips();
        for b in (0..chips).filter(|b| self.carries(phase, chip, *b, owner)).collect::<Vec<_>>() {
            for h in (0..2).filter(|h| !half || *h == side) {
                let at = (chip * chips + b) * 2 + h;
                let sum = self.values[at].wrapping_add(self.partial[side][at]);
                self.partial[side][at] = 0;
                self.partial[side][(next * chips + b) * 2 + h] = sum;
            }
        }
    }

    /// Copies finished values on by one hop.
    fn copy(&mut self, phase: usize, (chip, next): (usize, usize), (side, half): (usize, bool), owner: usize) {
        let chips = self.ready_chips();
        for b in (0..chips).filter(|b| self.carries(phase, chip, *b, owner)).collect::<Vec<_>>() {
            for h in (0..2).filter(|h| !half || *h == side) {
                self.values[(next * chips + b) * 2 + h] = self.values[(chip * chips + b) * 2 + h];
            }
        }
    }

    /// Chips, from the size of the values (chips x blocks x 2 halves, as many blocks as chips).
    fn ready_chips(&self) -> usize {
        (self.values.len() / 2).isqrt()
    }
}

struct Run<'a> {
    torus: &'a Torus,
    chips: usize,
    /// Next free time per axis, direction and chip.
    free: Vec<f64>,
    load: Vec<f64>,
    messages: u64,
    received: f64,
    /// Arrivals of the current and the last round, right-going then left-going.
    now: [Vec<f64>; 2],
    last: [Vec<f64>; 2],
}

/// All-reduce of `bytes` per chip over all chips of the torus. `check` lets values travel along (memory and time
/// grow with the square of the chips).
pub fn torus_all_reduce(torus: &Torus, bytes: f64, check: bool) -> Outcome {
    let chips = torus.chips();
    let used = torus.used();
    let axes = torus.axes();
    let plan = axes.parts(axes.plan(bytes).0);
    let fresh = || [vec![0.0f64; chips], vec![0.0f64; chips]];
    let mut run = Run {
        torus,
        chips,
        free: vec![0.0; 6 * chips],
        load: vec![0.0; 6 * chips],
        messages: 0,
        received: 0.0,
        now: fresh(),
        last: fresh(),
    };
    let mut parts: Vec<Part> = plan
        .into_iter()
        .enumerate()
        .map(|(p, (share, order))| Part {
            ready: vec![0.0; chips],
            bytes: bytes * share,
            values: if check { initial(chips, p) } else { Vec::new() },
            lines: order.into_iter().map(|a| used[a]).collect(),
            partial: [Vec::new(), Vec::new()],
        })
        .collect();
    for phase in 0..used.len() {
        for together in parts.chunk_by_mut(|a, b| a.lines[phase] == b.lines[phase]) {
            run.reduce(phase, together);
        }
    }
    for phase in (0..used.len()).rev() {
        for together in parts.chunk_by_mut(|a, b| a.lines[phase] == b.lines[phase]) {
            run.gather(phase, together);
        }
    }
    let seconds = parts.iter().flat_map(|p| p.ready.iter()).fold(0.0, |a: f64, b| a.max(*b));
    let complete = check.then(|| parts.iter().enumerate().all(|(p, part)| is_sum(chips, p, &part.values)));
    Outcome {
        seconds,
        messages: run.messages,
        bytes_sent: run.load.iter().sum(),
        bytes_received: run.received,
        busiest_link: run.load.iter().fold(0.0, |a: f64, b| a.max(*b)),
        complete,
    }
}

fn initial(chips: usize, part: usize) -> Vec<u64> {
    (0..chips * chips * 2).map(|i| value(i / (2 * chips), part * chips + i / 2 % chips, i % 2)).collect()
}

fn is_sum(chips: usize, part: usize, values: &[u64]) -> bool {
    let sums: Vec<u64> =
        (0..chips * 2).map(|i| (0..chips).fold(0u64, |s, r| s.wrapping_add(value(r, part * chips + i / 2, i % 2)))).collect();
    values.chunks(chips * 2).all(|row| row == sums)
}

impl Run<'_> {
    /// Books a message of `bytes` on the link of `axis` and `direction` that leaves `chip`; returns its arrival.
    #[inline]
    fn send(&mut self, axis: usize, direction: usize, chip: usize, ready: f64, bytes: f64, busy: f64) -> f64 {
        let link = (axis * 2 + direction) * self.chips + chip;
        let done = self.free[link].max(ready) + busy;
        self.free[link] = done;
        self.load[link] += bytes;
        self.messages += 1;
        self.received += bytes;
        done + self.torus.latency
    }

    /// When all parts of a group are at a chip.
    fn meet(group: &mut [Part]) -> (Vec<f64>, f64) {
        let mut ready = std::mem::take(&mut group[0].ready);
        for part in &group[1..] {
            ready.iter_mut().zip(&part.ready).for_each(|(a, b)| *a = a.max(*b));
        }
        (ready, group.iter().map(|p| p.bytes).sum())
    }

    /// Reduce-scatter of parts along one axis: rounds of decreasing distance to the owner.
    fn reduce(&mut self, phase: usize, group: &mut [Part]) {
        let (axis, n, stride) = group[0].lines[phase];
        let ring = self.torus.is_ring(axis);
        let (mut ready, bytes) = Self::meet(group);
        let block = bytes / n as f64;
        for side in 0..2 {
            self.last[side].copy_from_slice(&ready);
            group.iter_mut().for_each(|p| p.partial[side] = vec![0; p.values.len()]);
        }
        for distance in (1..=if ring { n / 2 } else { n - 1 }).rev() {
            let half = ring && 2 * distance == n;
            let bytes = if half { 0.5 * block } else { block };
            let busy = bytes / self.torus.link[axis];
            if !ring {
                // Chips at the end of a line get nothing in this round; what they start next is their own data.
                self.now.iter_mut().for_each(|side| side.copy_from_slice(&ready));
            }
            for (chip, mine) in ready.iter().enumerate() {
                let x = chip / stride % n;
                for side in 0..2 {
                    let Some((to, owner)) = reach(x, distance, n, ring, side) else { continue };
                    let next = chip - x * stride + to * stride;
                    let start = self.last[side][chip].max(*mine);
                    self.now[side][next] = self.send(axis, side, chip, start, bytes, busy);
                    for part in group.iter_mut().filter(|p| !p.values.is_empty()) {
                        part.add(phase, (chip, next), (side, half), owner);
                    }
                }
            }
            std::mem::swap(&mut self.now, &mut self.last);
        }
        for (chip, at) in ready.iter_mut().enumerate() {
            let x = chip / stride % n;
            for side in 0..2 {
                // The ends of a line get nothing from one side.
                if ring || (side == 0 && x > 0) || (side == 1 && x + 1 < n) {
                    *at = at.max(self.last[side][chip]);
                }
            }
        }
        for part in group {
            let [right, left] = &part.partial;
            for (v, (r, l)) in part.values.iter_mut().zip(right.iter().zip(left)) {
                *v = v.wrapping_add(*r).wrapping_add(*l);
            }
            part.bytes /= n as f64;
            part.ready.clone_from(&ready);
        }
    }

    /// All-gather of parts along one axis: rounds of increasing distance from the owner.
    fn gather(&mut self, phase: usize, group: &mut [Part]) {
        let (axis, n, stride) = group[0].lines[phase];
        let ring = self.torus.is_ring(axis);
        let (ready, block) = Self::meet(group);
        for side in 0..2 {
            self.last[side].copy_from_slice(&ready);
        }
        let mut done = ready;
        for distance in 1..=if ring { n / 2 } else { n - 1 } {
            let half = ring && 2 * distance == n;
            let bytes = if half { 0.5 * block } else { block };
            let busy = bytes / self.torus.link[axis];
            for chip in 0..self.chips {
                let x = chip / stride % n;
                for side in 0..2 {
                    let Some((to, owner)) = pass_on(x, distance, n, ring, side) else { continue };
                    let next = chip - x * stride + to * stride;
                    let arrival = self.send(axis, side, chip, self.last[side][chip], bytes, busy);
                    self.now[side][next] = arrival;
                    done[next] = done[next].max(arrival);
                    for part in group.iter_mut().filter(|p| !p.values.is_empty()) {
                        part.copy(phase, (chip, next), (side, half), owner);
                    }
                }
            }
            std::mem::swap(&mut self.now, &mut self.last);
        }
        for part in group {
            part.bytes *= n as f64;
            part.ready.clone_from(&done);
        }
    }
}

/// Reduce: the neighbour that coordinate x sends to, for the owner `distance` away on that side (0 = right).
#[inline]
fn reach(x: usize, distance: usize, n: usize, ring: bool, side: usize) -> Option<(usize, usize)> {
    if side == 0 {
        let owner = x + distance;
        if ring { Some(((x + 1) % n, owner % n)) } else { (owner < n).then_some((x + 1, owner)) }
    } else if ring {
        Some(((x + n - 1) % n, (x + n - distance) % n))
    } else {
        (x >= distance).then(|| (x - 1, x - distance))
    }
}

/// Gather: the neighbour that coordinate x passes the block to which, arrived there, is `distance` from its owner.
#[inline]
fn pass_on(x: usize, distance: usize, n: usize, ring: bool, side: usize) -> Option<(usize, usize)> {
    let behind = distance - 1;
    if side == 0 {
        let to = x + 1;
        if ring { Some((to % n, (x + n - behind) % n)) } else { (to < n && x >= behind).then(|| (to, x - behind)) }
    } else if ring {
        Some(((x + n - 1) % n, (x + behind) % n))
    } else {
        (x >= 1 && x + behind < n).then(|| (x - 1, x + behind))
    }
}
