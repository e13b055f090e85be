//! NCCL and RCCL: rings and trees over all ranks, chunks flowing through all levels at once.
//!
//! With one network card per chip there are as many rings as members per node, each entering a node through another
//! card, so the bytes of one node leave through all `lanes` of it. The step counts are those of NCCL's tuning model
//! (`src/graph/tuning.cc`): a ring of N ranks on m nodes takes N-1 steps per phase, m-1 of them between nodes; a tree
//! takes the chain inside a node and log2(m) between nodes, up and down.

use crate::place::Placement;
use crate::stage::{Stage, Stages, Tally};
use crate::types::{Algorithm, Collective, Cost, Efficiency, Library, LibraryKind};

/// AllReduce, ReduceScatter, AllGather or Broadcast of `bytes` on levels that are no torus.
pub(crate) fn cost(stages: &Stages, p: &Placement, what: Collective, bytes: f64, eff: &Efficiency, lib: &Library) -> Cost {
    let mut best = ring(stages, p, what, bytes, eff);
    let mut offer = |other: Cost| {
        if other.seconds < best.seconds {
            best = other;
        }
    };
    match what {
        Collective::AllReduce => {
            if let Some(kept) = lib.tree {
                offer(tree(stages, p, bytes, kept, eff));
            }
        }
        Collective::ReduceScatter | Collective::AllGather => {
            if let (Some(kept), 1, 1) = (lib.pat, p.per_node, stages.len()) {
                offer(pat(stages, bytes, kept, eff));
            }
        }
        _ => return best,
    }
    if let Some(other) = lib.switch_reduction.and_then(|kept| in_switch(stages, what, bytes, kept, eff, lib)) {
        offer(other);
    }
    if let (LibraryKind::Rccl, Some(other)) = (lib.kind, direct(stages, what, bytes, eff, lib)) {
        offer(other);
    }
    best
}

/// Passes over the data: reduce and spread, or one of them.
fn phases(what: Collective) -> f64 {
    if what == Collective::AllReduce { 2.0 } else { 1.0 }
}

/// One ring over all N members. Of its N edges 1/lanes start a hop at a level or further out; every edge carries
/// (N-1)/N of the ring's part per phase (a broadcast: all of it, N-1 hops deep).
fn ring(stages: &Stages, p: &Placement, what: Collective, bytes: f64, eff: &Efficiency) -> Cost {
    let mut tally = Tally::new();
    let all = f64::from(p.size);
    let per_edge = if what == Collective::Broadcast { 1.0 } else { (all - 1.0) / all };
    let top = stages.top().map_or(0, |s| s.level);
    let mut blocks = 1.0;
    for s in stages.iter().rev() {
        let edges = if s.level == top { 1.0 } else { (s.n() - 1.0) / s.n() };
        let sent = phases(what) * bytes / s.lanes * edges * per_edge;
        let hops = phases(what) * (s.n() - 1.0) * blocks;
        tally.add(s, Algorithm::Ring, sent / s.rate, hops * s.step, sent);
        blocks *= s.n();
    }
    tally.finish(true, eff.launch)
}

/// Double binary tree over nodes, chains inside them. Every chip of n sends (n-1)/n of the buffer up and as much
/// down. A scale-up level larger than a node (NVL72) counts as many nodes on a fast network, as NCCL does.
fn tree(stages: &Stages, p: &Placement, bytes: f64, kept: f64, eff: &Efficiency) -> Cost {
    let mut tally = Tally::new();
    let top = stages.top().map_or(0, |s| s.level);
    let mut inside = 1u32;
    for s in stages.iter() {
        let n = s.n();
        let sent = 2.0 * bytes / s.lanes * (n - 1.0) / n;
        // Units of this level that still fit in one node form the chain; the rest of them the tree.
        let chain = (p.per_node.max(1) / inside.max(1)).clamp(1, s.units);
        let depth = f64::from(s.units.div_ceil(chain).next_power_of_two().ilog2());
        let hops = f64::from(chain - 1) * f64::from(inside) + depth;
        inside = inside.saturating_mul(chain);
        tally.add(s, Algorithm::Tree, sent / (s.rate * kept), 2.0 * hops * s.step, sent);
        if s.level == top {
            break;
        }
    }
    tally.finish(true, eff.launch)
}

/// Parallel aggregated trees: ring traffic in log2 steps, one member per node only.
fn pat(stages: &Stages, bytes: f64, kept: f64, eff: &Efficiency) -> Cost {
    let mut tally = Tally::new();
    for s in stages.iter() {
        let sent = bytes * (s.n() - 1.0) / s.n();
        let depth = f64::from(s.units.next_power_of_two().ilog2());
        tally.add(s, Algorithm::Pat, sent / (s.rate * kept), depth * s.step, sent);
    }
    tally.finish(true, eff.launch)
}

/// NVLS on the innermost active level, if that is a scale-up switch; the levels beyond by ring or tree, whichever has
/// fewer steps (NVLSTree; all-reduce only). Per chip of n, an all-reduce sends the whole buffer to be reduced and its
/// n-th of the result to be multicast: (n+1)/n buffers (nccl-tests: in-network factor (n-1)/(n+1)); reduce-scatter
/// and all-gather move one whole buffer in the busier direction.
fn in_switch(stages: &Stages, what: Collective, bytes: f64, kept: f64, eff: &Efficiency, lib: &Library) -> Option<Cost> {
    let mut tally = Tally::new();
    for (i, s) in stages.iter().enumerate() {
        let n = s.n();
        if i == 0 {
            if !s.is_switched() || s.at.scale_out || (what != Collective::AllReduce && stages.len() > 1) {
                return None;
            }
            let moved = bytes / s.lanes * if what == Collective::AllReduce { (n + 1.0) / n } else { 1.0 };
            let sent = if what == Collective::AllGather { bytes / n } else { moved };
            tally.add(s, Algorithm::InSwitch, moved / (s.rate * kept), phases(what) * s.step, sent);
        } else {
            let sent = 2.0 * bytes / s.lanes * (n - 1.0) / n;
            let ring = (sent / s.rate, 2.0 * (n - 1.0) * s.step);
            let depth = f64::from(s.units.next_power_of_two().ilog2());
            let part = match lib.tree {
                Some(t) if sent / (s.rate * t) + 2.0 * depth * s.step < ring.0 + ring.1 => (sent / (s.rate * t), 2.0 * depth * s.step),
                _ => ring,
            };
            tally.add(s, Algorithm::InSwitch, part.0, part.1, sent);
        }
    }
    Some(tally.finish(true, eff.launch))
}

/// Direct exchange with every peer on the full mesh of one node, one step per phase.
fn direct(stages: &Stages, what: Collective, bytes: f64, eff: &Efficiency, lib: &Library) -> Option<Cost> {
    let s: &Stage = stages.top()?;
    let allowed = lib.thresholds(s.at.scale_out).mesh_max.is_some_and(|m| bytes <= m);
    if stages.len() != 1 || !allowed {
        return None;
    }
    let mut tally = Tally::new();
    let sent = phases(what) * bytes * (s.n() - 1.0) / s.n();
    let posting = (s.n() - 1.0) * eff.per_message;
    tally.add(s, Algorithm::Mesh, sent / s.rate, phases(what) * (s.step + posting), sent);
    Some(tally.finish(true, eff.launch))
}
