//! What a schedule says about a kernel: where the time goes and what would shorten it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use secondsource_base::Diagnostic;

use crate::Dtype;
use crate::schedule::{Bound, BoundBy, Cause, Free, Graph, Ps, Schedule, bound, schedule, without};
use crate::timing::Timing;
use crate::trace::{Direction, Engine, Flags, Instr, OpCode, SourceLine, Trace};

/// One engine of one core.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineUse {
    pub core: u16,
    pub engine: Engine,
    pub instructions: u64,
    /// Share of the kernel's time; DMA: mean over its engines.
    pub busy: f64,
}

/// Bytes moved by DMA.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DmaUse {
    pub transfers: u64,
    /// Out of and into device memory, and everything else.
    pub read: u64,
    pub written: u64,
    pub inside: u64,
    /// All bytes over the kernel's time, bytes per second.
    pub rate: f64,
    /// Bytes of a contiguous run, weighted by bytes.
    pub mean_run: f64,
    /// Share of the bytes in runs below 512 B.
    pub short_runs: f64,
}

/// A source line's part of the critical path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineUse {
    pub line: SourceLine,
    /// The instruction and engine that hold most of the line's part.
    pub op: OpCode,
    pub engine: Engine,
    pub seconds: f64,
    pub share: f64,
    pub instructions: u64,
}

/// What the kernel would take if one kind of work cost nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WhatIf {
    pub free: Free,
    pub seconds: f64,
    /// Share of the kernel's time saved.
    pub saved: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub instructions: u64,
    /// From call to return, in the order of the source.
    pub seconds: f64,
    /// The same when a compiler may look `window` instructions ahead in each stream.
    pub reordered: f64,
    pub window: usize,
    pub bound: f64,
    pub bound_by: BoundBy,
    pub engines: Vec<EngineUse>,
    pub dma: DmaUse,
    /// Of products, transposes left out.
    pub flops: f64,
    /// Time that the products need at the peak of their types, over the kernel's time.
    pub mfu: f64,
    pub table_loads: u64,
    pub table_seconds: f64,
    /// Parts of the critical path, largest first.
    pub lines: Vec<LineUse>,
    /// Largest saving first.
    pub what_if: Vec<WhatIf>,
    /// Instructions that never start: a meeting that not all cores reach.
    pub stuck: u64,
}

const SECOND: f64 = 1e-12;

/// Schedules a trace and reports. `window`: how far the compiler looks ahead for `reordered`.
///
/// # Errors
/// A trace too long to schedule.
pub fn report(t: &Timing, trace: &Trace, window: usize) -> Result<(Report, Graph, Schedule), Diagnostic> {
    let (g, s) = schedule(t, trace, 1)?;
    let reordered = schedule(t, trace, window)?.1.seconds();
    let Bound { total, by } = bound(t, trace, &g);
    let seconds = s.seconds();
    let (flops, ideal) = products(t, trace);
    let time = seconds.max(1e-15);
    let frees = [
        Free::Engine(Engine::Tensor),
        Free::Engine(Engine::Vector),
        Free::Engine(Engine::Scalar),
        Free::Engine(Engine::GpSimd),
        Free::ActTable,
        Free::DmaBytes,
        Free::DmaLatency,
    ];
    let used = |f: &Free| match f {
        Free::Engine(e) => s.work.iter().any(|w| w[*e as usize] > 0),
        Free::ActTable => s.table_loads > 0,
        _ => trace.instrs.iter().any(|i| i.engine == Engine::Dma),
    };
    let frees: Vec<Free> = frees.into_iter().filter(used).collect();
    let mut what_if: Vec<WhatIf> = frees
        .into_par_iter()
        .map(|free| {
            let without = without(t, trace, &g, free).seconds();
            WhatIf { free, seconds: without, saved: 1.0 - without / time }
        })
        .collect();
    what_if.sort_by(|a, b| b.saved.total_cmp(&a.saved));
    let report = Report {
        instructions: trace.instrs.len() as u64,
        seconds,
        reordered,
        window,
        bound: total as f64 * SECOND,
        bound_by: by,
        engines: engines(t, trace, &s, time),
        dma: dma(trace, time),
        flops,
        mfu: ideal / time,
        table_loads: s.table_loads,
        table_seconds: s.table_time as f64 * SECOND,
        lines: critical(trace, &g, &s, time),
        what_if,
        stuck: s.stuck,
    };
    Ok((report, g, s))
}

fn engines(t: &Timing, trace: &Trace, s: &Schedule, time: f64) -> Vec<EngineUse> {
    let mut out = Vec::new();
    for (core, work) in s.work.iter().enumerate() {
        for engine in Engine::ALL {
            let instructions = trace.instrs.iter().filter(|i| usize::from(i.core) == core && i.engine == engine).count() as u64;
            let over = if engine == Engine::Dma { f64::from(t.dma_engines) } else { 1.0 };
            if instructions > 0 {
                out.push(EngineUse { core: core as u16, engine, instructions, busy: work[engine as usize] as f64 * SECOND / time / over });
            }
        }
    }
    out
}

fn dma(trace: &Trace, time: f64) -> DmaUse {
    let mut d = DmaUse::default();
    let (mut weighted, mut short) = (0.0, 0.0);
    for i in trace.instrs.iter().filter(|i| i.engine == Engine::Dma) {
        d.transfers += 1;
        match i.cost.direction {
            Direction::HbmToSbuf => d.read += i.cost.bytes,
            Direction::SbufToHbm => d.written += i.cost.bytes,
            Direction::SbufToSbuf | Direction::HbmToHbm => d.inside += i.cost.bytes,
        }
        weighted += i.cost.bytes as f64 * f64::from(i.cost.row_bytes);
        short += if i.cost.row_bytes < 512 { i.cost.bytes as f64 } else { 0.0 };
    }
    let all = (d.read + d.written + d.inside) as f64;
    d.rate = all / time;
    if all > 0.0 {
        d.mean_run = weighted / all;
        d.short_runs = short / all;
    }
    d
}

/// FLOPs of products, and the time they need at peak.
fn products(t: &Timing, trace: &Trace) -> (f64, f64) {
    let (mut flops, mut ideal) = (0.0, 0.0);
    for i in
        trace.instrs.iter().filter(|i| i.engine == Engine::Tensor && !i.cost.flags.has(Flags::TRANSPOSE) && i.op != OpCode::NcTranspose)
    {
        let (f, peak) = product(t, i);
        flops += f;
        if peak > 0.0 {
            ideal += f / (peak * 1e12);
        }
    }
    // Cores run side by side.
    let cores = trace.instrs.iter().filter(|i| i.engine == Engine::Tensor).map(|i| i.core).max().map_or(1.0, |c| f64::from(c) + 1.0);
    (flops, ideal / cores)
}

fn product(t: &Timing, i: &Instr) -> (f64, f64) {
    let c = &i.cost;
    let flops = 2.0 * f64::from(c.k) * f64::from(c.m) * f64::from(c.n);
    let or = |peak: f64, multiple: f64| if peak > 0.0 { peak } else { t.bf16_tflops * multiple };
    if c.flags.has(Flags::MX) || i.op == OpCode::NcMatmulMx {
        (flops * 4.0, or(t.mx_tflops, 4.0))
    } else if c.flags.has(Flags::DOUBLE_ROW) {
        (flops * 2.0, or(t.fp8_tflops, 2.0))
    } else if c.flags.has(Flags::FP32) || c.input == Dtype::Fp32 {
        (flops, or(t.fp32_tflops, 0.25))
    } else {
        (flops, t.bf16_tflops)
    }
}

/// Instructions on the critical path, last first, with the time each adds.
fn path(trace: &Trace, g: &Graph, s: &Schedule) -> Vec<(u32, Ps)> {
    let mut out = Vec::new();
    let Some(mut at) = (0..trace.instrs.len()).max_by_key(|i| (s.done[*i], *i)) else { return out };
    let mut until = s.done[at];
    loop {
        out.push((at as u32, until.saturating_sub(s.start[at])));
        until = s.start[at];
        let before = match s.cause[at] {
            Cause::Stream(p) | Cause::Meeting(p) => Some(p),
            Cause::Edge(e) => Some(e.on),
            Cause::Port | Cause::Nothing => {
                let stream = &g.order[usize::from(g.stream[at])];
                stream.binary_search(&(at as u32)).ok().and_then(|k| k.checked_sub(1)).map(|k| stream[k])
            }
        };
        match before {
            Some(p)
                if (p as usize) < trace.instrs.len()
                    && s.start[p as usize] <= until
                    && p as usize != at
                    && out.len() <= trace.instrs.len() =>
            {
                at = p as usize
            }
            _ => return out,
        }
    }
}

/// A line's part of the critical path.
#[derive(Default)]
struct Part {
    time: Ps,
    instructions: u64,
    by: BTreeMap<(OpCode, Engine), Ps>,
}

/// The critical path by source line.
fn critical(trace: &Trace, g: &Graph, s: &Schedule, time: f64) -> Vec<LineUse> {
    let mut lines: BTreeMap<u32, Part> = BTreeMap::new();
    for (at, part) in path(trace, g, s) {
        let i = &trace.instrs[at as usize];
        let l = lines.entry(i.line).or_default();
        l.time += part;
        l.instructions += 1;
        *l.by.entry((i.op, i.engine)).or_default() += part;
    }
    let mut out: Vec<LineUse> = lines
        .into_iter()
        .filter_map(|(line, part)| {
            let ((op, engine), _) = part.by.into_iter().max_by_key(|(k, v)| (*v, std::cmp::Reverse(*k)))?;
            let (seconds, instructions) = (part.time as f64 * SECOND, part.instructions);
            let line = trace.lines.get(line as usize).copied().unwrap_or_default();
            Some(LineUse { line, op, engine, seconds, share: seconds / time, instructions })
        })
        .collect();
    out.sort_by(|a, b| b.seconds.total_cmp(&a.seconds).then(a.line.cmp(&b.line)));
    out
}
