//! The schedule of a NeuronCore kernel as a trace: a process a core, a track an engine; the DMAs of a queue on as many
//! tracks as overlap.

use std::collections::BTreeMap;
use std::io::{self, Write};

use secondsource_neuroncore::schedule::{Graph, Ps, Schedule, StreamKey};
use secondsource_neuroncore::trace::{Direction, Engine, Instr, Trace};

use crate::trace::{Arg, TraceSpan, TraceWriter, Track};

/// DMAs of one queue that are drawn side by side; the rest start when a track is free.
const LANES: usize = 16;

/// Writes one bar an instruction. `file` names source files by their number.
///
/// # Errors
/// Those of the writer.
pub fn write_kernel<W: Write>(out: W, trace: &Trace, g: &Graph, s: &Schedule, file: &dyn Fn(u16) -> String) -> io::Result<W> {
    let mut w = TraceWriter::new(out)?;
    let mut cores: Vec<u16> = g.keys.iter().map(|k| k.core).collect();
    cores.sort_unstable();
    cores.dedup();
    for core in &cores {
        w.device(u32::from(*core), &format!("NeuronCore {core}"))?;
    }
    let mut streams: Vec<usize> = (0..g.keys.len()).collect();
    streams.sort_by_key(|k| g.keys[*k]);
    // Engines keep their number; queues follow.
    let mut next: BTreeMap<u16, u32> = BTreeMap::new();
    for stream in streams {
        let key = g.keys[stream];
        let mut order = g.order[stream].clone();
        order.sort_unstable_by_key(|i| (s.start[*i as usize], *i));
        let dma = key.engine == Engine::Dma;
        let lanes = if dma { overlap(&order, s).clamp(1, LANES) } else { 1 };
        let first = if dma { *next.entry(key.core).or_insert(Engine::ALL.len() as u32) } else { key.engine as u32 };
        if dma {
            next.insert(key.core, first + lanes as u32);
        }
        for lane in 0..lanes {
            let name = if dma { format!("{} {}", queue(key), lane + 1) } else { key.engine.name().to_owned() };
            w.stream(Track { device: u32::from(key.core), stream: first + lane as u32 }, &name)?;
        }
        let mut free = vec![0 as Ps; lanes];
        for i in order {
            let at = i as usize;
            let end = if dma { s.done[at] } else { s.free[at] };
            let lane = free.iter().position(|f| *f <= s.start[at]).unwrap_or_else(|| (0..lanes).min_by_key(|l| free[*l]).unwrap_or(0));
            let start = s.start[at].max(free[lane]);
            if end < start {
                continue;
            }
            free[lane] = end;
            bar(&mut w, trace, &trace.instrs[at], Track { device: u32::from(key.core), stream: first + lane as u32 }, (start, end), file)?;
        }
    }
    w.finish()
}

fn queue(key: StreamKey) -> String {
    format!(
        "DMA {} ({}{})",
        if key.store { "out" } else { "in" },
        key.trigger.name(),
        if key.queue > 0 { format!(" {}", key.queue) } else { String::new() }
    )
}

/// Most DMAs of a queue at one time.
fn overlap(order: &[u32], s: &Schedule) -> usize {
    let mut edges: Vec<(Ps, i32)> = order.iter().flat_map(|i| [(s.start[*i as usize], 1), (s.done[*i as usize], -1)]).collect();
    edges.sort_unstable();
    let (mut now, mut most) = (0i32, 0i32);
    for (_, step) in edges {
        now += step;
        most = most.max(now);
    }
    most.max(0) as usize
}

fn bar<W: Write>(
    w: &mut TraceWriter<W>,
    trace: &Trace,
    i: &Instr,
    track: Track,
    (start, end): (Ps, Ps),
    file: &dyn Fn(u16) -> String,
) -> io::Result<()> {
    let line = trace.lines.get(i.line as usize).copied().unwrap_or_default();
    let place = file(line.file);
    let c = &i.cost;
    let mut args: Vec<(&str, Arg<'_>)> = vec![("file", Arg::Text(&place)), ("line", Arg::Int(i64::from(line.line)))];
    match i.engine {
        Engine::Dma => args.extend([
            ("bytes", Arg::Int(c.bytes as i64)),
            ("runs", Arg::Int(i64::from(c.rows))),
            ("bytes_per_run", Arg::Int(i64::from(c.row_bytes))),
            ("to_device_memory", Arg::Int(i64::from(c.direction == Direction::SbufToHbm))),
        ]),
        Engine::Tensor => args.extend([("K", Arg::Int(i64::from(c.k))), ("M", Arg::Int(i64::from(c.m))), ("N", Arg::Int(i64::from(c.n)))]),
        _ => args.push(("elements_per_partition", Arg::Int(i64::from(c.elements)))),
    }
    // In whole nanoseconds, so that the end of one bar and the start of the next are rounded alike.
    let whole = |ps: Ps| (ps + 500) / 1000;
    w.span(&TraceSpan {
        track,
        name: i.op.name(),
        category: i.engine.name(),
        start_s: whole(start) as f64 * 1e-9,
        dur_s: (whole(end) - whole(start)) as f64 * 1e-9,
        args: &args,
    })
}
