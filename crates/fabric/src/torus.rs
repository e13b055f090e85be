//! Rings over the axes of a torus: the closed forms of Google's TPU collectives.
//!
//! Along one axis of n members, reduce-scatter runs two chains per owner, one from either side, so both directions
//! carry (n-1)/(2n) of the buffer in floor(n/2) steps on a ring, (n-1)/n in n-1 steps on a line without wrap-around.
//! With k axes the buffer is cut in k parts that go over the axes in rotated order, so that every axis works all
//! the time ("How to Scale Your Model", part 3: T = V / (W * axes)); short messages and slow axes have other plans.

use crate::place::TorusPart;

/// One axis as a group sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// Members.
    pub n: f64,
    /// Bytes per second in both directions together on a ring, in one direction on a line.
    pub bandwidth: f64,
    /// 1 / bandwidth and 1 / n: the search calls this often enough for divisions to count.
    pub inverse: f64,
    pub inverse_n: f64,
    /// Bytes per second of one link in one direction, after sharing with interleaved siblings.
    pub link: f64,
    /// Seconds per step between neighbouring members.
    pub step: f64,
    /// Steps of a reduce-scatter.
    pub steps: f64,
    pub ring: bool,
    pub members: u32,
}

/// How a collective goes over the axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// One part per axis, in rotated order: all axes work all the time. Shares follow the bandwidth of the first axis.
    Rotating,
    /// The same with shares that ignore the bandwidth.
    Even,
    /// Two axes rotating, this one last: for one slow or long axis.
    Last(usize),
    /// One part over all axes, the fastest first: fewest steps, for short messages.
    Sequential,
}

/// The used axes of a group, at most three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axes {
    pub axis: [Axis; 3],
    pub count: usize,
}

impl Axes {
    /// `link` is the wire rate per axis and direction, `efficiency` what large messages reach of it, `latency`
    /// seconds per hop, `software` seconds per step.
    pub fn new(part: &TorusPart, link: &[f64; 3], efficiency: f64, latency: f64, software: f64) -> Axes {
        let unused = Axis {
            n: 1.0,
            bandwidth: f64::INFINITY,
            inverse: 0.0,
            inverse_n: 1.0,
            link: f64::INFINITY,
            step: 0.0,
            steps: 0.0,
            ring: false,
            members: 1,
        };
        let mut axes = Axes { axis: [unused; 3], count: 0 };
        for (a, wire) in link.iter().enumerate() {
            let members = part.extents[a];
            if members <= 1 {
                continue;
            }
            let spacing = f64::from(part.spacing[a].max(1));
            let ring = part.wraps[a] && members > 2;
            let rate = wire * efficiency / spacing;
            let bandwidth = if ring { 2.0 * rate } else { rate };
            axes.axis[axes.count] = Axis {
                n: f64::from(members),
                bandwidth,
                // Finite, so that an axis without bandwidth and without a share does not make 0 * infinity.
                inverse: (1.0 / bandwidth).min(f64::MAX),
                inverse_n: 1.0 / f64::from(members),
                link: rate,
                step: latency * spacing + software,
                steps: f64::from(if ring { members / 2 } else { members - 1 }),
                ring,
                members,
            };
            axes.count += 1;
        }
        axes
    }

    pub fn used(&self) -> &[Axis] {
        &self.axis[..self.count]
    }

    /// Bandwidth and latency seconds of a reduce-scatter (or all-gather) of `bytes` by the cheapest plan.
    pub fn reduce_scatter(&self, bytes: f64) -> (f64, f64) {
        self.plan(bytes).1
    }

    /// The cheapest way over the axes, and its bandwidth and latency seconds for one phase.
    pub fn plan(&self, bytes: f64) -> (Plan, (f64, f64)) {
        let mut best = (Plan::Rotating, rotate(self.used(), bytes, false));
        // No plan beats all bytes over all links plus all steps; equal axes reach it.
        let total: f64 = self.used().iter().map(|a| a.bandwidth).sum();
        let share = 1.0 - self.used().iter().map(|a| a.inverse_n).product::<f64>();
        if best.1.0 <= bytes * share / total * (1.0 + 1e-12) {
            return best;
        }
        let mut offer = |plan: Plan, cost: (f64, f64)| {
            if cost.0 + cost.1 < best.1.0 + best.1.1 {
                best = (plan, cost);
            }
        };
        if self.count >= 2 {
            offer(Plan::Sequential, self.sequential(bytes));
            if self.used().iter().any(|a| a.bandwidth != self.axis[0].bandwidth) {
                offer(Plan::Even, rotate(self.used(), bytes, true));
            }
        }
        if self.count == 3 {
            for last in 0..3 {
                let fast = self.without(last);
                let first = rotate(fast.used(), bytes, false);
                let a = &self.axis[last];
                let left = bytes * fast.axis[0].inverse_n * fast.axis[1].inverse_n;
                let then = ((left - left * a.inverse_n) * a.inverse, a.steps * a.step);
                offer(Plan::Last(last), (first.0 + then.0, first.1 + then.1));
            }
        }
        best
    }

    fn sequential(&self, bytes: f64) -> (f64, f64) {
        let (mut left, mut bandwidth, mut latency) = (bytes, 0.0, 0.0);
        for i in self.fastest_first().into_iter().take(self.count) {
            let a = &self.axis[i];
            bandwidth += (left - left * a.inverse_n) * a.inverse;
            latency += a.steps * a.step;
            left *= a.inverse_n;
        }
        (bandwidth, latency)
    }

    /// Used axes by falling bandwidth: the best order for one part, whatever the extents (exchange argument: of two
    /// neighbouring axes the faster one goes first).
    fn fastest_first(&self) -> [usize; 3] {
        let mut order = [0usize, 1, 2];
        let faster = |a: usize, b: usize| self.axis[a].bandwidth > self.axis[b].bandwidth;
        if self.count == 3 {
            if faster(order[2], order[1]) {
                order.swap(1, 2);
            }
            if faster(order[1], order[0]) {
                order.swap(0, 1);
            }
            if faster(order[2], order[1]) {
                order.swap(1, 2);
            }
        } else if self.count == 2 && faster(1, 0) {
            order.swap(0, 1);
        }
        order
    }

    fn without(&self, last: usize) -> Axes {
        let mut rest = *self;
        rest.axis.copy_within(last + 1..self.count, last);
        rest.count = self.count - 1;
        rest
    }

    /// The parts of the buffer under a plan: their share and the order in which they go over the used axes.
    pub fn parts(&self, plan: Plan) -> Vec<(f64, Vec<usize>)> {
        let rotating = |axes: &[Axis], names: &[usize], even: bool| -> Vec<(f64, Vec<usize>)> {
            let share = shares(axes, even);
            let order = |p: usize| (0..names.len()).map(|i| names[(p + i) % names.len()]).collect();
            (0..names.len()).map(|p| (share[p], order(p))).collect()
        };
        let all: Vec<usize> = (0..self.count).collect();
        match plan {
            Plan::Rotating | Plan::Even => rotating(self.used(), &all, plan == Plan::Even),
            Plan::Sequential => vec![(1.0, self.fastest_first()[..self.count].to_vec())],
            Plan::Last(last) => {
                let names: Vec<usize> = all.into_iter().filter(|a| *a != last).collect();
                let mut parts = rotating(self.without(last).used(), &names, false);
                parts.iter_mut().for_each(|(_, order)| order.push(last));
                parts
            }
        }
    }

    /// Seconds that the busiest link works on an all-to-all of `bytes` per member, shortest-way dimension-order
    /// routing: ring S*n/8 per link and direction (n even; (n^2-1)/(8n) for n odd), line S*n/4.
    pub fn all_to_all(&self, bytes: f64) -> f64 {
        self.used().iter().map(|a| bytes * pair_load(a) / a.link).fold(0.0, f64::max)
    }

    /// Seconds to push `bytes` through all links of one chip.
    pub fn stream(&self, bytes: f64) -> f64 {
        bytes / self.used().iter().map(|a| a.bandwidth).sum::<f64>()
    }

    /// Latency of the longest path.
    pub fn diameter(&self) -> f64 {
        self.used().iter().map(|a| a.steps * a.step).sum()
    }

    /// Recursive halving, one link at a time, nearest partners first while the pieces are large. On a ring of 4 both
    /// partners are neighbours (a ring of 4 is a square); further partners share links with as many pairs as the
    /// distance, so every step but the first two of a square costs as much as the first.
    pub fn recursive_halving(&self, bytes: f64) -> (f64, f64) {
        let (mut left, mut bandwidth, mut latency) = (bytes, 0.0, 0.0);
        for a in self.used() {
            let log = f64::from(a.members.ilog2());
            let loads = if a.ring && a.members == 4 { 0.75 } else { 0.5 * log };
            bandwidth += left * loads / a.link;
            latency += log * a.step;
            left /= a.n;
        }
        (bandwidth, latency)
    }
}

/// Load of the busiest directed link per byte that every member spreads over all members.
fn pair_load(a: &Axis) -> f64 {
    if a.ring {
        let odd = f64::from(a.members % 2);
        (a.n * a.n - odd) / (8.0 * a.n)
    } else {
        f64::from(a.members / 2) * f64::from(a.members.div_ceil(2)) / a.n
    }
}

/// Shares of the buffer for parts that start on each axis: such that all axes finish their first phase together
/// (`even`: would, if all were equally fast).
fn shares(axes: &[Axis], even: bool) -> [f64; 3] {
    let mut share = [0.0; 3];
    let mut sum = 0.0;
    for (s, a) in share.iter_mut().zip(axes) {
        *s = if even { 1.0 } else { a.bandwidth } * a.n / (a.n - 1.0);
        sum += *s;
    }
    if sum.is_finite() && sum > 0.0 {
        share.iter_mut().for_each(|s| *s /= sum);
    } else {
        share = [1.0 / axes.len().max(1) as f64; 3];
    }
    share
}

/// Parts in rotated order, running freely: a part enters its next axis when its data is there and when the part before
/// it in the program has put its last message on that axis (one step before it arrives). Bandwidth and latency
/// seconds; latency is what every part needs for its steps, waiting counts as bandwidth.
fn rotate(axes: &[Axis], bytes: f64, even: bool) -> (f64, f64) {
    let k = axes.len();
    let mut left = shares(axes, even).map(|s| s * bytes);
    let (mut ready, mut free) = ([0.0f64; 3], [0.0f64; 3]);
    for phase in 0..k {
        for p in 0..k {
            let line = if p + phase >= k { p + phase - k } else { p + phase };
            let a = &axes[line];
            let after = left[p] * a.inverse_n;
            ready[p] = ready[p].max(free[line]) + (left[p] - after) * a.inverse + a.steps * a.step;
            free[line] = ready[p] - a.step;
            left[p] = after;
        }
    }
    let end = ready.iter().fold(0.0f64, |x, y| x.max(*y));
    let latency: f64 = axes.iter().map(|a| a.steps * a.step).sum();
    ((end - latency).max(0.0), latency)
}
