//! A time that no order of the same instructions can beat.

use super::depend::{EdgeKind, Graph};
use super::price::{Ps, price, transfer};
use crate::timing::Timing;
use crate::trace::{Engine, Trace};

/// The bound and what sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub total: Ps,
    pub by: BoundBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundBy {
    /// All work of one engine of one core.
    Engine(Engine),
    /// The longest chain of instructions that each read what the one before wrote.
    Data,
}

/// The larger of the busiest engine's work and the longest chain of data, with unlimited memory, no table switches and no conflicts.
pub fn bound(t: &Timing, trace: &Trace, g: &Graph) -> Bound {
    let cores = trace.instrs.iter().map(|i| usize::from(i.core) + 1).max().unwrap_or(0);
    let mut work = vec![[0 as Ps; Engine::ALL.len()]; cores];
    let mut done: Vec<Ps> = Vec::with_capacity(trace.instrs.len());
    let mut chain = 0;
    for (at, i) in trace.instrs.iter().enumerate() {
        let after =
            g.edges(at).filter(|e| matches!(e.kind, EdgeKind::Data | EdgeKind::Order)).map(|e| done[e.on as usize]).max().unwrap_or(0);
        let engine = &mut work[usize::from(i.core)][i.engine as usize];
        let takes = if i.engine == Engine::Dma {
            let x = transfer(t, i);
            *engine += x.each * u64::from(x.engines);
            x.start + x.each + x.end
        } else {
            let p = price(t, i);
            // Sixteen PE tiles can run at once.
            let [_, _, rows, columns] = i.cost.tile.map(u64::from);
            let share = if i.engine == Engine::Tensor && rows * columns > 0 { rows * columns } else { 128 * 128 };
            *engine += p.busy * share / (128 * 128);
            p.done
        };
        done.push(after + takes);
        chain = chain.max(after + takes);
    }
    let mut best = Bound { total: chain, by: BoundBy::Data };
    for core in work {
        for (engine, mut busy) in Engine::ALL.into_iter().zip(core) {
            if engine == Engine::Dma {
                busy /= u64::from(t.dma_engines);
            }
            if busy > best.total {
                best = Bound { total: busy, by: BoundBy::Engine(engine) };
            }
        }
    }
    best.total += t.launch.round() as Ps;
    best
}
