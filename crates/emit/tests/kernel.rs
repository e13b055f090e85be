//! The timeline of a NeuronCore kernel: JSON trace events, a track an engine, bars that do not overlap.

use secondsource_emit::kernel::write_kernel;
use secondsource_neuroncore::kernels::published;
use secondsource_neuroncore::schedule::schedule;
use secondsource_neuroncore::{Gen, Timing};
use std::collections::BTreeMap;

fn timeline(name: &str) -> (usize, Vec<u8>) {
    let t = Timing::embedded(Gen::Gen2).unwrap();
    let trace = published::trace(name, Gen::Gen2).unwrap();
    let (g, s) = schedule(&t, &trace, 1).unwrap();
    (trace.instrs.len(), write_kernel(Vec::new(), &trace, &g, &s, &|_| "kernel.py".to_owned()).unwrap())
}

#[test]
fn every_instruction_is_one_bar_on_its_engines_track() {
    let (count, bytes) = timeline("rmsnorm_matmul");
    assert_eq!(bytes, timeline("rmsnorm_matmul").1);
    if let Some(dir) = option_env!("SECONDSOURCE_TRACE_DIR") {
        std::fs::write(format!("{dir}/rmsnorm_matmul.json"), &bytes).unwrap();
    }
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let mut names = BTreeMap::new();
    for e in events.iter().filter(|e| e["name"] == "thread_name") {
        let earlier = names.insert(e["tid"].as_u64().unwrap(), e["args"]["name"].as_str().unwrap().to_owned());
        assert_eq!(earlier, None, "one name a track");
    }
    for engine in ["Tensor", "Vector", "Scalar"] {
        assert_eq!(names.values().filter(|n| *n == engine).count(), 1, "{names:?}");
    }
    let bars: Vec<_> = events.iter().filter(|e| e["ph"] == "X").collect();
    assert_eq!(bars.len(), count);
    let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
    for b in bars {
        let (ts, dur, tid) = (b["ts"].as_f64().unwrap(), b["dur"].as_f64().unwrap(), b["tid"].as_u64().unwrap());
        let track = &names[&tid];
        assert!(track.starts_with(b["cat"].as_str().unwrap()), "{b} on {track}");
        let end = ends.insert(tid, ts + dur).unwrap_or(0.0);
        assert!(ts >= end - 1e-3, "{b} starts before {end}");
        assert_eq!(b["args"]["file"], "kernel.py");
    }
}
