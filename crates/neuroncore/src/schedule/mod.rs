//! When each instruction of a trace starts and ends.
//!
//! Engines take their instructions in order; DMA queues too. An instruction starts when its stream is free, its data is
//! there, its memory is free, and no other engine holds a port or PSUM bank that it needs. Same trace, same times.

mod assign;
mod bound;
mod depend;
mod place;
mod price;
mod segments;
mod simulate;
mod throttle;

pub use bound::{Bound, BoundBy, bound};
pub use depend::{Edge, EdgeKind, Graph, MAX_INSTRS, StreamKey, graph};
pub use price::{Price, Ps, Transfer, act_table, price, transfer};

use crate::timing::Timing;
use crate::trace::{Engine, Instr, OpCode, Trace};
use secondsource_base::Diagnostic;

/// What decided when an instruction started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It started at once.
    Nothing,
    /// The instruction before it on its engine or queue.
    Stream(u32),
    /// Data, memory or an order.
    Edge(Edge),
    /// A port, PSUM bank, PE tile or GpSimd held by another engine.
    Port,
    /// The last of those that meet.
    Meeting(u32),
}

/// Work to leave out, to see what it is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Free {
    Nothing,
    Engine(Engine),
    ActTable,
    DmaBytes,
    DmaLatency,
    Launch,
}

impl Free {
    fn takes(self, i: &Instr) -> bool {
        self == Free::Engine(i.engine)
    }
}

/// Times of all instructions, in picoseconds from the first start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub start: Vec<Ps>,
    /// Inputs are read, and the engine is free.
    pub free: Vec<Ps>,
    /// Others can read the result.
    pub done: Vec<Ps>,
    pub cause: Vec<Cause>,
    /// Last `done`.
    pub total: Ps,
    /// Before the first and after the last instruction.
    pub launch: Ps,
    pub table_loads: u64,
    pub table_time: Ps,
    /// Instructions that never start: a meeting that not all reach.
    pub stuck: u64,
    /// Busy time by core and engine; DMA: summed over its engines.
    pub work: Vec<[Ps; Engine::ALL.len()]>,
}

impl Schedule {
    fn empty(n: usize) -> Schedule {
        Schedule {
            start: vec![0; n],
            free: vec![0; n],
            done: vec![0; n],
            cause: vec![Cause::Nothing; n],
            total: 0,
            launch: 0,
            table_loads: 0,
            table_time: 0,
            stuck: 0,
            work: Vec::new(),
        }
    }

    fn busy(&mut self, i: &Instr, time: Ps) {
        let core = usize::from(i.core);
        if self.work.len() <= core {
            self.work.resize(core + 1, [0; Engine::ALL.len()]);
        }
        self.work[core][i.engine as usize] += time;
    }

    /// Seconds from call to return.
    pub fn seconds(&self) -> f64 {
        (self.total + self.launch) as f64 * 1e-12
    }
}

/// Checks that a trace can be scheduled.
///
/// # Errors
/// More than [`MAX_INSTRS`] instructions.
pub fn check(trace: &Trace) -> Result<(), Diagnostic> {
    if trace.instrs.len() >= MAX_INSTRS {
        return Err(Diagnostic::error(format!(
            "the trace has {} instructions; at most {} can be scheduled",
            trace.instrs.len(),
            MAX_INSTRS - 1
        )));
    }
    Ok(())
}

/// Schedules a trace: as it was written with `window` 1, else as a compiler would have it: streams may start any of their
/// next `window` instructions, and what names no engine runs on Vector or Scalar by their work, where that is faster.
///
/// # Errors
/// As [`check`].
pub fn schedule(t: &Timing, trace: &Trace, window: usize) -> Result<(Graph, Schedule), Diagnostic> {
    check(trace)?;
    let g = graph(t, trace, window);
    let s = simulate::run(t, trace, &g, Free::Nothing);
    if window > 1
        && let Some(placed) = assign::assign(t, trace)
    {
        let other = graph(t, &placed, window);
        let moved = simulate::run(t, &placed, &other, Free::Nothing);
        if moved.total < s.total {
            return Ok((other, moved));
        }
    }
    Ok((g, s))
}

/// The same with one kind of work taken away.
pub fn without(t: &Timing, trace: &Trace, g: &Graph, free: Free) -> Schedule {
    simulate::run(t, trace, g, free)
}

/// True for instructions that only move control.
pub const fn is_control(op: OpCode) -> bool {
    matches!(op, OpCode::RegisterMove | OpCode::RegisterLoad | OpCode::RegisterStore | OpCode::CoreBarrier)
}
