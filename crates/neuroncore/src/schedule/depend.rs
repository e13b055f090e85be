//! From a trace to streams and the edges between them.
//!
//! A stream is a list of instructions that one engine, or one DMA queue, starts in order. Edges say what else an
//! instruction waits for: data (ranges of bytes), memory that must become free, and what the kernel ordered.

use std::collections::BTreeMap;

use super::place::Pool;
use super::segments::{Access, Segments};
use crate::tensor::Place;
use crate::timing::Timing;
use crate::trace::{Direction, Engine, Instr, Trace};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EdgeKind {
    /// Reads what the earlier one wrote.
    Data,
    /// Writes what the earlier one wrote.
    Overwrite,
    /// Writes what the earlier one read.
    Reader,
    /// Takes the memory that the earlier one used for something else.
    Space,
    /// Ordered by the kernel.
    Order,
}

impl EdgeKind {
    const ALL: [EdgeKind; 5] = [EdgeKind::Data, EdgeKind::Overwrite, EdgeKind::Reader, EdgeKind::Space, EdgeKind::Order];

    /// True when it is enough that the earlier one has read its inputs.
    pub const fn early(self) -> bool {
        matches!(self, EdgeKind::Reader | EdgeKind::Space)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// The instruction waited for.
    pub on: u32,
    pub kind: EdgeKind,
}

/// What a stream belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamKey {
    pub core: u16,
    pub engine: Engine,
    /// DMA: the engine that triggers, the number that the kernel gave, and whether device memory is written.
    pub trigger: Engine,
    pub queue: u8,
    pub store: bool,
}

/// Streams, and the edges of each instruction.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub keys: Vec<StreamKey>,
    /// Stream of each instruction.
    pub stream: Vec<u16>,
    /// Instructions of each stream, in order.
    pub order: Vec<Vec<u32>>,
    /// Edges of instruction i: `edges[first[i]..first[i + 1]]`, packed.
    first: Vec<u32>,
    edges: Vec<u32>,
    /// Instructions of a stream that may start out of order.
    pub window: usize,
    /// PSUM bank that an instruction reads or writes on Vector or Scalar (255: none).
    pub bank: Vec<u8>,
}

/// Bits of an instruction number in a packed edge.
const BITS: u32 = 29;
/// Instructions that a schedule can hold.
pub const MAX_INSTRS: usize = 1 << BITS;

impl Graph {
    pub fn edges(&self, i: usize) -> impl Iterator<Item = Edge> + '_ {
        self.edges[self.first[i] as usize..self.first[i + 1] as usize]
            .iter()
            .map(|e| Edge { on: e & ((1 << BITS) - 1), kind: EdgeKind::ALL[(e >> BITS) as usize] })
    }

    pub fn edge_count(&self) -> usize {
        self.edges.len()
    }
}

pub(super) fn key(i: &Instr) -> StreamKey {
    let dma = i.engine == Engine::Dma;
    StreamKey {
        core: i.core,
        engine: i.engine,
        trigger: if dma { i.cost.trigger } else { i.engine },
        queue: if dma { i.cost.queue } else { 0 },
        store: dma && matches!(i.cost.direction, Direction::SbufToHbm | Direction::HbmToHbm),
    }
}

/// State of one storage during the walk.
#[derive(Debug, Clone, Default)]
struct Storage {
    /// Never written in this trace: reads need no record.
    constant: bool,
    /// Place and units taken from a pool.
    pool: Option<(u32, u32, u32)>,
    last: u32,
    seen: bool,
    segments: Segments,
}

/// Walks the trace once. `trace.instrs` must be shorter than [`MAX_INSTRS`]. `window`: how far a compiler may look ahead in
/// each stream (1: none, as written).
pub fn graph(t: &Timing, trace: &Trace, window: usize) -> Graph {
    let n = trace.instrs.len();
    let mut g = Graph { first: Vec::with_capacity(n + 1), stream: Vec::with_capacity(n), bank: vec![255; n], window, ..Graph::default() };
    let mut streams: BTreeMap<StreamKey, u16> = BTreeMap::new();
    let (mut storages, mut dying) = lives(trace);
    let mut pools = pools(t, trace);
    let mut waits: Vec<Edge> = Vec::new();
    for (at, i) in trace.instrs.iter().enumerate() {
        let k = key(i);
        let stream = *streams.entry(k).or_insert_with(|| {
            g.keys.push(k);
            g.order.push(Vec::new());
            (g.keys.len() - 1) as u16
        });
        g.stream.push(stream);
        g.order[usize::from(stream)].push(at as u32);
        g.first.push(g.edges.len() as u32);
        waits.clear();
        for (range, write) in trace.reads(i).iter().map(|r| (r, false)).chain(trace.writes(i).iter().map(|r| (r, true))) {
            let id = range.storage.0 as usize;
            let Some(s) = storages.get_mut(id) else { continue };
            if !s.seen {
                s.seen = true;
                s.pool = pools.take(t, trace, id, &mut waits);
            }
            if trace.storages.get(id).is_some_and(|info| info.place == Place::Psum) && matches!(i.engine, Engine::Vector | Engine::Scalar) {
                let first = s.pool.map_or(0, |(_, first, _)| first);
                g.bank[at] = (first + range.low / t.psum_bank_bytes).min(254) as u8;
            }
            if s.constant {
                continue;
            }
            let (access, low, high) = Access::new(range, at as u32, stream, write);
            s.segments.touch(access, low, high, window > 1, |e| {
                if e.instr != at as u32 {
                    let kind = match (e.write, write) {
                        (true, false) => EdgeKind::Data,
                        (true, true) => EdgeKind::Overwrite,
                        _ => EdgeKind::Reader,
                    };
                    waits.push(Edge { on: e.instr, kind });
                }
            });
        }
        waits.extend(trace.after(i).iter().filter(|a| (a.0 as usize) < at).map(|a| Edge { on: a.0, kind: EdgeKind::Order }));
        keep(&mut waits, stream, k, &g);
        g.edges.extend(waits.iter().map(|e| e.on | (e.kind as u32) << BITS));
        while dying.last().is_some_and(|(last, _)| *last as usize <= at) {
            let Some((_, id)) = dying.pop() else { break };
            let s = std::mem::take(&mut storages[id as usize]);
            if let Some((pool, first, units)) = s.pool {
                let mut after: Vec<Edge> = s.segments.drain().map(|a| Edge { on: a.instr, kind: EdgeKind::Space }).collect();
                keep(&mut after, u16::MAX, k, &g);
                pools.list[pool as usize].give(first, units, after);
            }
        }
    }
    g.first.push(g.edges.len() as u32);
    g
}

/// Drops edges that others or the order of the own stream imply, and sorts the rest.
fn keep(waits: &mut Vec<Edge>, own: u16, key: StreamKey, g: &Graph) {
    let stream = |e: &Edge| g.stream[e.on as usize];
    if g.window > 1 {
        // Nothing is implied. An engine still reads and adds in the order in which it starts.
        for e in waits.iter_mut().filter(|e| stream(e) == own) {
            if key.engine == Engine::Tensor || e.kind == EdgeKind::Overwrite {
                e.kind = EdgeKind::Reader;
            }
        }
        waits.sort_unstable_by_key(|e| (e.on, e.kind.early(), e.kind));
        waits.dedup_by_key(|e| e.on);
        return;
    }
    waits.retain(|e| {
        // An engine reads its inputs in order, so only results are waited for. The array adds into PSUM in order.
        stream(e) != own || matches!(e.kind, EdgeKind::Data | EdgeKind::Order) && key.engine != Engine::Tensor
    });
    waits.sort_unstable_by_key(|e| (stream(e), e.kind.early(), std::cmp::Reverse(e.on), e.kind));
    // Of one engine the latest stands for all before it; transfers of a queue may end out of order.
    waits.dedup_by(|b, a| {
        stream(a) == stream(b)
            && (a.on == b.on && !a.kind.early()
                || a.kind.early() == b.kind.early() && (a.on == b.on || g.keys[usize::from(stream(a))].engine != Engine::Dma))
    });
}

/// Which storages are constant, and (last use, storage) with the earliest death at the end.
fn lives(trace: &Trace) -> (Vec<Storage>, Vec<(u32, u32)>) {
    let mut storages = vec![Storage { constant: true, ..Storage::default() }; trace.storages.len()];
    for (at, i) in trace.instrs.iter().enumerate() {
        for (range, write) in trace.reads(i).iter().map(|r| (r, false)).chain(trace.writes(i).iter().map(|r| (r, true))) {
            if let Some(s) = storages.get_mut(range.storage.0 as usize) {
                s.constant &= !write;
                s.last = at as u32;
            }
        }
    }
    let mut dying: Vec<(u32, u32)> = storages.iter().enumerate().map(|(id, s)| (s.last, id as u32)).collect();
    dying.sort_unstable_by(|a, b| b.cmp(a));
    (storages, dying)
}

#[derive(Debug)]
struct Pools {
    list: Vec<Pool>,
}

impl Pools {
    /// Gives a storage its place; None for device memory and for explicit addresses.
    fn take(&mut self, t: &Timing, trace: &Trace, id: usize, waits: &mut Vec<Edge>) -> Option<(u32, u32, u32)> {
        let info = trace.storages.get(id)?;
        if info.image || info.place == Place::Hbm {
            return None;
        }
        let psum = info.place == Place::Psum;
        let units = if psum { info.bytes.div_ceil(t.psum_bank_bytes) } else { info.bytes };
        let pool = u32::from(info.core) * 2 + u32::from(psum);
        let first = self.list.get_mut(pool as usize)?.take(units, waits);
        Some((pool, first, units))
    }
}

/// One pool for each memory of each core, less what explicit addresses use.
fn pools(t: &Timing, trace: &Trace) -> Pools {
    let cores = trace.storages.iter().map(|s| usize::from(s.core) + 1).max().unwrap_or(0);
    let mut taken = vec![0u32; cores * 2];
    for r in &trace.ranges {
        if let Some(s) = trace.storages.get(r.storage.0 as usize).filter(|s| s.image && s.place != Place::Hbm) {
            let units = if s.place == Place::Psum { r.high.div_ceil(t.psum_bank_bytes) } else { r.high };
            let at = &mut taken[usize::from(s.core) * 2 + usize::from(s.place == Place::Psum)];
            *at = units.max(*at);
        }
    }
    let size = |at: usize| if at % 2 == 1 { t.psum_banks } else { t.sbuf_bytes };
    Pools { list: taken.iter().enumerate().map(|(at, used)| Pool::new(size(at).saturating_sub(*used))).collect() }
}
