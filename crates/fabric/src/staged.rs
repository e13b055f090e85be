//! Collectives level after level: reduce-scatter inside, the same further out on what is left, all-gather on the way
//! back. Neuron ("Inter-node Collective Communications", Hierarchical Algorithm), XLA over slices, HCCL.

use crate::place::Placement;
use crate::stage::{Stage, Stages, Tally};
use crate::types::{Algorithm, Collective, Cost, Efficiency, Library};

/// Seconds of bytes, seconds of steps, bytes sent per chip.
type Part = (f64, f64, f64);

/// AllReduce, ReduceScatter, AllGather or Broadcast of `bytes`.
pub(crate) fn cost(stages: &Stages, p: &Placement, what: Collective, bytes: f64, eff: &Efficiency, lib: &Library) -> Cost {
    let mut tally = Tally::new();
    let top = stages.top().map_or(0, |s| s.level);
    for stage in stages.iter() {
        let local = bytes / stage.lanes;
        let (algorithm, part) = match what {
            Collective::Broadcast => broadcast(stage, p, bytes, eff, lib),
            Collective::AllReduce if stage.level == top => all_reduce(stage, p, local, eff, lib),
            Collective::AllReduce => twice(reduce_scatter(stage, p, local, eff, lib)),
            _ => reduce_scatter(stage, p, local, eff, lib),
        };
        tally.add(stage, algorithm, part.0, part.1, part.2);
    }
    tally.finish(lib.pipelined(), eff.launch)
}

fn cheaper(best: &mut (Algorithm, Part), algorithm: Algorithm, part: Part) {
    if part.0 + part.1 < best.1.0 + best.1.1 {
        *best = (algorithm, part);
    }
}

fn twice((algorithm, part): (Algorithm, Part)) -> (Algorithm, Part) {
    (algorithm, (2.0 * part.0, 2.0 * part.1, 2.0 * part.2))
}

/// Reduce-scatter of `bytes` per chip among the units of a level; all-gather is its mirror image and costs the same.
/// Thakur, Rabenseifner, Gropp 2005 for ring and recursive halving; AWS Neuron deep dives for mesh.
fn reduce_scatter(s: &Stage, p: &Placement, bytes: f64, eff: &Efficiency, lib: &Library) -> (Algorithm, Part) {
    let n = s.n();
    let sent = bytes * (n - 1.0) / n;
    let limits = lib.thresholds(s.at.scale_out);
    let mesh = limits.mesh_max.is_some_and(|m| bytes <= m);
    let halving = limits.rdh_max.is_some_and(|m| bytes <= m);
    let posting = (n - 1.0) * eff.per_message;
    if s.is_torus() {
        let axes = s.axes(p, eff);
        let (bandwidth, latency) = axes.reduce_scatter(bytes);
        let mut best = (Algorithm::MultiRing, (bandwidth, latency, sent));
        if mesh {
            cheaper(&mut best, Algorithm::Mesh, (axes.all_to_all(bytes), s.step + posting, sent));
        }
        if halving && axes.used().iter().all(|a| a.members.is_power_of_two()) {
            let (bandwidth, latency) = axes.recursive_halving(bytes);
            cheaper(&mut best, Algorithm::RecursiveDoubling, (bandwidth, latency, sent));
        }
        return best;
    }
    let mut best = (Algorithm::Ring, (sent / s.rate, (n - 1.0) * s.step, sent));
    if mesh {
        cheaper(&mut best, Algorithm::Mesh, (sent / s.rate, s.step + posting, sent));
    }
    if halving && s.units.is_power_of_two() {
        let latency = f64::from(s.units.ilog2()) * s.step;
        cheaper(&mut best, Algorithm::RecursiveDoubling, (sent / s.link, latency, sent));
    }
    best
}

/// Reduce-scatter and all-gather, or the single-step mesh where every rank sends its whole buffer to every other.
fn all_reduce(s: &Stage, p: &Placement, bytes: f64, eff: &Efficiency, lib: &Library) -> (Algorithm, Part) {
    let mut best = twice(reduce_scatter(s, p, bytes, eff, lib));
    if lib.thresholds(s.at.scale_out).mesh_max.is_some_and(|m| bytes <= m) {
        let n = s.n();
        let sent = (n - 1.0) * bytes;
        let bandwidth = if s.is_torus() { s.axes(p, eff).all_to_all(n * bytes) } else { sent / s.rate };
        cheaper(&mut best, Algorithm::Mesh, (bandwidth, s.step + (n - 1.0) * eff.per_message, sent));
    }
    best
}

/// Binomial tree for short messages, scatter and all-gather for long ones (Thakur et al. 2005); on a torus a stream
/// over all links of the root.
fn broadcast(s: &Stage, p: &Placement, bytes: f64, eff: &Efficiency, lib: &Library) -> (Algorithm, Part) {
    if s.is_torus() {
        let axes = s.axes(p, eff);
        return (Algorithm::MultiRing, (axes.stream(bytes), axes.diameter(), bytes));
    }
    let mut best = twice(reduce_scatter(s, p, bytes, eff, lib));
    let log = f64::from(s.units.next_power_of_two().ilog2());
    cheaper(&mut best, Algorithm::Tree, (log * bytes / s.link, log * s.step, bytes));
    best
}
