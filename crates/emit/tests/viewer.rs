//! What the viewer shows of our traces, by the rules of its reader (Perfetto's trace processor, importers/json and
//! importers/common/slice_tracker): nothing may be dropped, renamed or moved.
//!
//! - One object with `traceEvents`; `ph`, `name` and `cat` are text, `pid` and `tid` whole numbers below 2^32.
//! - Times are doubles in microseconds, multiplied by 1000, the rest cut off. A bar without `dur` is left out.
//! - Events are sorted by time, those of one time as they come. On one track (`pid`, `tid`) a bar that begins inside another
//!   has to end inside it, else it is dropped.
//! - A `thread_name` names the thread that was last made with that `tid`, so it directly follows nothing of another process.

use std::collections::BTreeMap;

use secondsource_emit::kernel::write_kernel;
use secondsource_emit::trace::{TraceSpan, TraceWriter, Track, write_pipeline};
use secondsource_neuroncore::kernels::published;
use secondsource_neuroncore::schedule::schedule;
use secondsource_neuroncore::{Gen, Timing};
use secondsource_step::schedule::{P2p, Schedule, StageTimes, build, simulate};
use serde_json::Value;

#[derive(Default)]
struct Shown {
    /// Start and length (ns) of the bars of each track, as drawn.
    bars: BTreeMap<(u32, u32), Vec<(i64, i64)>>,
    dropped: usize,
    threads: BTreeMap<(u32, u32), String>,
    processes: BTreeMap<u32, String>,
}

fn nanoseconds(v: &Value) -> Option<i64> {
    match v.as_i64() {
        Some(whole) => Some(whole * 1000),
        None => v.as_f64().map(|d| (d * 1000.0) as i64),
    }
}

fn number(e: &Value, key: &str) -> Option<u32> {
    e.get(key).map(|v| v.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_else(|| panic!("`{key}` of {e}")))
}

fn shown(bytes: &[u8]) -> Shown {
    let json: Value = serde_json::from_slice(bytes).expect("JSON");
    let mut out = Shown::default();
    // Threads of each number, by process: a name goes to the last of them.
    let mut last_process: BTreeMap<u32, u32> = BTreeMap::new();
    let mut bars = Vec::new();
    for e in json["traceEvents"].as_array().expect("an array of events") {
        let name = e["name"].as_str().expect("a name");
        let pid = number(e, "pid").expect("a process");
        let tid = number(e, "tid").unwrap_or(pid);
        last_process.insert(tid, pid);
        match e["ph"].as_str().expect("a phase") {
            "M" => match name {
                "process_name" => drop(out.processes.insert(pid, e["args"]["name"].as_str().expect("text").to_owned())),
                "thread_name" => drop(out.threads.insert((last_process[&tid], tid), e["args"]["name"].as_str().expect("text").to_owned())),
                "process_sort_index" | "thread_sort_index" => assert!(e["args"]["sort_index"].is_u64()),
                other => panic!("metadata {other}"),
            },
            "X" => {
                assert!(e["cat"].is_string() && e["args"].is_object() | e["args"].is_null());
                let (ts, dur) = (nanoseconds(&e["ts"]).expect("ts"), nanoseconds(&e["dur"]).expect("dur"));
                assert!(ts >= 0 && dur >= 0);
                bars.push((ts, dur, (pid, tid)));
            }
            other => panic!("phase {other}"),
        }
    }
    bars.sort_by_key(|b| b.0);
    let mut open: BTreeMap<(u32, u32), Vec<i64>> = BTreeMap::new();
    for (ts, dur, track) in bars {
        let stack = open.entry(track).or_default();
        while stack.last().is_some_and(|end| *end <= ts) {
            stack.pop();
        }
        if stack.last().is_some_and(|end| ts + dur > *end) {
            out.dropped += 1;
            continue;
        }
        stack.push(ts + dur);
        out.bars.entry(track).or_default().push((ts, dur));
    }
    out
}

fn bars(bytes: &[u8]) -> usize {
    bytes.split(|b| *b == b'\n').filter(|line| line.starts_with(b"{\"ph\":\"X\"")).count()
}

#[test]
fn every_nanosecond_is_read_as_it_was_written() {
    let mut trace = TraceWriter::new(Vec::new()).unwrap();
    // Bars that touch, of 1, 2, 3... ns: each start is another sum.
    let (mut at, mut want) = (0i64, Vec::new());
    for dur in 1..3000i64 {
        let track = Track { device: 0, stream: 0 };
        let span = TraceSpan { track, name: "x", category: "c", start_s: at as f64 * 1e-9, dur_s: dur as f64 * 1e-9, args: &[] };
        trace.span(&span).unwrap();
        want.push((at, dur));
        at += dur;
    }
    let seen = shown(&trace.finish().unwrap());
    assert_eq!((seen.dropped, &seen.bars[&(0, 0)]), (0, &want));
}

#[test]
fn no_bar_of_a_kernel_is_dropped_and_each_track_has_its_name() {
    for name in ["rmsnorm_matmul", "swiglu", "bmm_softmax", "rope", "mamba"] {
        let trace = published::trace(name, Gen::Gen2).unwrap();
        let (g, s) = schedule(&Timing::embedded(Gen::Gen2).unwrap(), &trace, 1).unwrap();
        let bytes = write_kernel(Vec::new(), &trace, &g, &s, &|_| "kernel.py".to_owned()).unwrap();
        let seen = shown(&bytes);
        assert_eq!((seen.dropped, seen.bars.values().map(Vec::len).sum::<usize>()), (0, bars(&bytes)));
        assert!(seen.bars.keys().all(|track| seen.threads.contains_key(track) && seen.processes.contains_key(&track.0)));
    }
}

#[test]
fn no_bar_of_a_pipeline_is_dropped_and_each_track_has_its_name() {
    for which in [Schedule::OneFOneB, Schedule::ZeroBubble, Schedule::Dualpipe, Schedule::Gpipe] {
        let plan = build(which, 4, 1, 8).unwrap();
        let times = StageTimes { pair_saving: 0.2e-3, ..StageTimes::uniform(4, 1.0007e-3, 1.1e-3, 0.9e-3) };
        let line = simulate(&plan, &times, &P2p::overlapped(12.3456e-6)).unwrap();
        let bytes = write_pipeline(Vec::new(), &plan, &line).unwrap();
        let seen = shown(&bytes);
        assert_eq!((seen.dropped, seen.bars.values().map(Vec::len).sum::<usize>()), (0, bars(&bytes)));
        assert!(seen.bars.keys().all(|track| seen.threads.contains_key(track)));
        assert_eq!(seen.processes.len(), 4);
    }
}
