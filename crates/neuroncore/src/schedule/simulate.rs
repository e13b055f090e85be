//! Runs the streams against each other in time order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::throttle::Throttle;

use super::depend::{Edge, Graph};
use super::price::{Ps, act_table, price, transfer};
use super::{Cause, Free, Schedule};
use crate::timing::Timing;
use crate::trace::{Cost, Dge, Engine, Flags, Instr, OpCode, Trace};

/// PE tiles are multiples of 32 rows and columns: sixteen cells.
const CELLS: usize = 16;

/// What one core's engines share.
#[derive(Debug, Clone)]
struct Core {
    cells: [Ps; CELLS],
    /// Until when the other engine holds SBUF: [by Vector, by GpSimd].
    port: [Ps; 2],
    /// Until when PSUM bank b is held: [by Vector, by Scalar].
    psum: Vec<[Ps; 2]>,
    table: u8,
    throttle: Throttle,
    dma: Vec<Ps>,
    /// GpSimd is busy making descriptors until then.
    software: Ps,
}

/// Instructions of one stream that may start: all edges met, and within the window.
#[derive(Debug, Clone, Default)]
struct Stream {
    /// Time from which it can start another.
    free: Ps,
    /// Last one started.
    last: Option<u32>,
    /// First that has not started, and first that is not looked at yet.
    head: usize,
    seen: usize,
    /// By the time when their edges are met; by program order once that time has come.
    later: BinaryHeap<Reverse<(Ps, u32)>>,
    now: BinaryHeap<Reverse<u32>>,
    started: Vec<bool>,
    /// At a meeting that others have not reached.
    waits: bool,
}

struct Run<'a> {
    t: &'a Timing,
    trace: &'a Trace,
    g: &'a Graph,
    free_of: Free,
    window: usize,
    cores: Vec<Core>,
    streams: Vec<Stream>,
    /// Place of each instruction in its stream.
    position: Vec<u32>,
    unmet: Vec<u32>,
    ready: Vec<Ps>,
    /// When to look at a stream again.
    heap: BinaryHeap<Reverse<(Ps, u32)>>,
    /// Instructions that must meet, and those that have come.
    meetings: BTreeMap<u32, (u32, Vec<u32>)>,
    out: Schedule,
}

/// Successors of each instruction, packed like [`Graph::edges`].
struct Successors {
    first: Vec<u32>,
    list: Vec<u32>,
}

const EARLY: u32 = 1 << 31;

fn successors(g: &Graph, n: usize) -> Successors {
    let mut first = vec![0u32; n + 1];
    for i in 0..n {
        for e in g.edges(i) {
            first[e.on as usize + 1] += 1;
        }
    }
    for i in 0..n {
        first[i + 1] += first[i];
    }
    let mut at = first.clone();
    let mut list = vec![0u32; g.edge_count()];
    for i in 0..n {
        for Edge { on, kind } in g.edges(i) {
            list[at[on as usize] as usize] = i as u32 | if kind.early() { EARLY } else { 0 };
            at[on as usize] += 1;
        }
    }
    Successors { first, list }
}

/// Runs a trace. `free` takes the time of one kind of work away, to see what it is worth.
pub(super) fn run(t: &Timing, trace: &Trace, g: &Graph, free: Free) -> Schedule {
    let n = trace.instrs.len();
    let cores = trace.instrs.iter().map(|i| usize::from(i.core) + 1).max().unwrap_or(0);
    let next = successors(g, n);
    let core = Core {
        cells: [0; CELLS],
        port: [0; 2],
        psum: vec![[0; 2]; if t.psum_exclusive { 1 } else { t.psum_banks as usize }],
        table: 0,
        throttle: Throttle::default(),
        dma: vec![0; t.dma_engines as usize],
        software: 0,
    };
    let meets = trace.instrs.iter().any(|i| i.meeting > 0);
    let mut position = vec![0u32; n];
    for order in &g.order {
        for (at, i) in order.iter().enumerate() {
            position[*i as usize] = at as u32;
        }
    }
    let mut r = Run {
        t,
        trace,
        g,
        free_of: free,
        window: if meets { 1 } else { g.window.max(1) },
        cores: vec![core; cores],
        streams: g.order.iter().map(|o| Stream { started: vec![false; o.len()], ..Stream::default() }).collect(),
        position,
        unmet: (0..n).map(|i| g.edges(i).count() as u32).collect(),
        ready: vec![0; n],
        heap: BinaryHeap::new(),
        meetings: BTreeMap::new(),
        out: Schedule::empty(n),
    };
    for i in trace.instrs.iter().filter(|i| i.meeting > 0) {
        r.meetings.entry(i.meeting).or_default().0 += 1;
    }
    for s in 0..g.keys.len() {
        r.look(s);
    }
    while let Some(Reverse((time, s))) = r.heap.pop() {
        r.step(time, s as usize, &next);
    }
    r.out.stuck = r.streams.iter().map(|s| s.started.iter().filter(|x| !**x).count() as u64).sum();
    r.out.launch = if free == Free::Launch { 0 } else { t.launch.round() as Ps };
    r.out
}

impl Run<'_> {
    /// Moves the window of a stream up and says when to step it.
    fn look(&mut self, stream: usize) {
        let order = &self.g.order[stream];
        let s = &mut self.streams[stream];
        while s.head < order.len() && s.started[s.head] {
            s.head += 1;
        }
        while s.seen < order.len() && s.seen < s.head + self.window {
            let i = order[s.seen];
            if self.unmet[i as usize] == 0 {
                s.later.push(Reverse((self.ready[i as usize], i)));
            }
            s.seen += 1;
        }
        self.wake(stream);
    }

    fn wake(&mut self, stream: usize) {
        let s = &self.streams[stream];
        let at = if s.now.is_empty() { s.later.peek().map(|Reverse((t, _))| *t) } else { Some(0) };
        if let Some(at) = at.filter(|_| !s.waits) {
            self.heap.push(Reverse((at.max(s.free), stream as u32)));
        }
    }

    fn step(&mut self, time: Ps, stream: usize, next: &Successors) {
        let s = &mut self.streams[stream];
        if s.free > time || s.waits {
            return;
        }
        while let Some(Reverse((t, i))) = s.later.peek().copied()
            && t <= time
        {
            s.later.pop();
            s.now.push(Reverse(i));
        }
        let Some(Reverse(first)) = s.now.pop() else { return };
        let at = first as usize;
        let i = &self.trace.instrs[at];
        if i.meeting > 0 {
            self.meet(time, at, stream, next);
            return;
        }
        let start = self.shared(time, i, at);
        if start > time {
            self.out.cause[at] = Cause::Port;
            self.streams[stream].now.push(Reverse(first));
            self.heap.push(Reverse((start, stream as u32)));
            return;
        }
        self.commit(time, at, next);
    }

    fn meet(&mut self, time: Ps, at: usize, stream: usize, next: &Successors) {
        self.streams[stream].waits = true;
        let Some((count, come)) = self.meetings.get_mut(&self.trace.instrs[at].meeting) else { return };
        come.push(at as u32);
        if come.len() < *count as usize {
            return;
        }
        for j in std::mem::take(come) {
            if j as usize != at {
                self.out.cause[j as usize] = Cause::Meeting(at as u32);
            }
            self.streams[usize::from(self.g.stream[j as usize])].waits = false;
            self.commit(time, j as usize, next);
        }
    }

    /// When the shared parts that an instruction needs are free.
    fn shared(&self, time: Ps, i: &Instr, at: usize) -> Ps {
        let core = &self.cores[usize::from(i.core)];
        let mut start = time;
        match i.engine {
            Engine::Tensor => start = cells(&i.cost).map(|c| core.cells[c]).fold(start, Ps::max),
            Engine::GpSimd => {
                start = start.max(core.software);
                if self.t.vector_gpsimd_exclusive && touches_sbuf(&i.cost) {
                    start = start.max(core.port[0]);
                }
            }
            Engine::Vector | Engine::Scalar => {
                let me = usize::from(i.engine == Engine::Scalar);
                if me == 0 && self.t.vector_gpsimd_exclusive && touches_sbuf(&i.cost) {
                    start = start.max(core.port[1]);
                }
                if let Some(bank) = self.bank(core, i, at) {
                    start = start.max(core.psum[bank][1 - me]);
                }
            }
            Engine::Dma if i.cost.dge == Dge::Software => start = start.max(core.software),
            Engine::Dma | Engine::Sync => {}
        }
        start
    }

    fn bank(&self, core: &Core, i: &Instr, at: usize) -> Option<usize> {
        let psum = i.cost.flags.has(Flags::READS_PSUM) || i.cost.flags.has(Flags::WRITES_PSUM);
        (psum && self.g.bank[at] != 255).then(|| usize::from(self.g.bank[at]) % core.psum.len())
    }

    fn commit(&mut self, start: Ps, at: usize, next: &Successors) {
        let i = &self.trace.instrs[at];
        let (issue, free, done) = if i.engine == Engine::Dma { self.dma(start, i) } else { self.engine(start, i, at) };
        self.out.start[at] = start;
        self.out.free[at] = free;
        self.out.done[at] = done;
        self.out.total = self.out.total.max(done);
        let stream = usize::from(self.g.stream[at]);
        // What decided the start, unless a shared part did: the stream or the last edge.
        if self.out.cause[at] == Cause::Nothing {
            self.out.cause[at] = self.why(start, at, stream);
        }
        let position = self.position[at] as usize;
        let s = &mut self.streams[stream];
        s.free = issue;
        s.last = Some(at as u32);
        s.started[position] = true;
        for e in &next.list[next.first[at] as usize..next.first[at + 1] as usize] {
            let s = (e & !EARLY) as usize;
            self.ready[s] = self.ready[s].max(if e & EARLY != 0 { free } else { done });
            self.unmet[s] -= 1;
            let other = usize::from(self.g.stream[s]);
            if self.unmet[s] == 0 && (self.position[s] as usize) < self.streams[other].seen {
                self.streams[other].later.push(Reverse((self.ready[s], s as u32)));
                self.wake(other);
            }
        }
        self.look(stream);
    }

    fn why(&self, start: Ps, at: usize, stream: usize) -> Cause {
        let s = &self.streams[stream];
        if let Some(b) = s.last
            && s.free == start
            && start > 0
        {
            return Cause::Stream(b);
        }
        self.g
            .edges(at)
            .find(|e| {
                let on = e.on as usize;
                (if e.kind.early() { self.out.free[on] } else { self.out.done[on] }) == start
            })
            .map_or(Cause::Nothing, Cause::Edge)
    }

    /// (stream free, inputs read, result there) of an instruction on an engine.
    fn engine(&mut self, start: Ps, i: &Instr, at: usize) -> (Ps, Ps, Ps) {
        let mut p = price(self.t, i);
        if self.free_of.takes(i) {
            p.busy = 0;
            p.done = 0;
        }
        let core = usize::from(i.core);
        if i.engine == Engine::Scalar && matches!(i.op, OpCode::Activation | OpCode::ActivationReduce | OpCode::Activate2) {
            let table = act_table(i.cost.alu0);
            if table != 0 && table != self.cores[core].table {
                self.cores[core].table = table;
                let load = if self.free_of == Free::ActTable { 0 } else { self.t.act_table_load.round() as Ps };
                self.out.table_loads += 1;
                self.out.table_time += load;
                p.busy += load;
                p.done += load;
            }
        }
        if i.engine == Engine::Tensor {
            let more = self.cores[core].throttle.run(self.t, start, p.busy, &i.cost);
            p.busy += more;
            p.done += more;
        }
        if i.op == OpCode::SendRecv || i.op == OpCode::Collective {
            let x = transfer(self.t, i);
            p.done = p.done.max(x.start + x.each + x.end);
        } else if i.op == OpCode::CoreBarrier {
            p.done = p.done.max(self.t.dma_end.round() as Ps);
        }
        let end = start + p.busy;
        let bank = self.bank(&self.cores[core], i, at);
        let c = &mut self.cores[core];
        match i.engine {
            Engine::Tensor => cells(&i.cost).for_each(|cell| c.cells[cell] = end),
            Engine::Vector | Engine::Scalar => {
                let me = usize::from(i.engine == Engine::Scalar);
                if me == 0 {
                    c.port[0] = end;
                }
                if let Some(bank) = bank {
                    c.psum[bank][me] = end;
                }
            }
            Engine::GpSimd => c.port[1] = end,
            Engine::Sync | Engine::Dma => {}
        }
        // Independent PE tiles run side by side, and start one after the other.
        let tiled = i.engine == Engine::Tensor && cells(&i.cost).count() < CELLS;
        let issue = if tiled { start + (p.busy / 16) } else { end };
        self.out.busy(i, p.busy);
        (issue, end, start + p.done)
    }

    fn dma(&mut self, start: Ps, i: &Instr) -> (Ps, Ps, Ps) {
        let mut x = transfer(self.t, i);
        match self.free_of {
            Free::DmaBytes => x.each = 0,
            Free::DmaLatency => (x.start, x.end, x.issue) = (0, 0, 0),
            _ => {}
        }
        let core = &mut self.cores[usize::from(i.core)];
        if i.cost.dge == Dge::Software {
            core.software = start + x.issue;
        }
        // The engines that become free first carry it when it does not need all of them.
        let count = x.engines as usize;
        let begin = start + x.start;
        let mut end = begin;
        if count >= core.dma.len() {
            for e in &mut core.dma {
                *e = begin.max(*e) + x.each;
                end = end.max(*e);
            }
        } else {
            let mut order: Vec<usize> = (0..core.dma.len()).collect();
            order.sort_unstable_by_key(|e| (core.dma[*e], *e));
            for e in &order[..count] {
                core.dma[*e] = begin.max(core.dma[*e]) + x.each;
                end = end.max(core.dma[*e]);
            }
        }
        self.out.busy(i, x.each * u64::from(x.engines));
        (start + x.issue, end, end + x.end)
    }
}

fn touches_sbuf(c: &Cost) -> bool {
    c.flags.has(Flags::READS_SBUF) || c.flags.has(Flags::WRITES_SBUF)
}

/// Cells of the array that a matmul covers.
fn cells(c: &Cost) -> impl Iterator<Item = usize> + use<> {
    let [row, column, rows, columns] = c.tile.map(|x| usize::from(x) / 32);
    let (rows, columns) = if rows == 0 || columns == 0 { (4, 4) } else { (rows, columns) };
    let (row, column) = if rows == 4 && columns == 4 { (0, 0) } else { (row, column) };
    (row..(row + rows).min(4)).flat_map(move |r| (column..(column + columns).min(4)).map(move |c| r * 4 + c))
}
