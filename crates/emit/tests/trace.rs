//! The trace of a schedule is JSON of the documented form, the same bytes every time.

use secondsource_emit::trace::{Arg, TraceSpan, TraceWriter, Track, write_pipeline};
use secondsource_step::schedule::{P2p, Schedule, StageTimes, build, simulate};

fn pipeline(schedule: Schedule) -> (usize, Vec<u8>) {
    let plan = build(schedule, 4, 1, 8).unwrap();
    let times = StageTimes { pair_saving: 0.2e-3, ..StageTimes::uniform(4, 1e-3, 1.1e-3, 0.9e-3) };
    let line = simulate(&plan, &times, &P2p::overlapped(12.3456e-6)).unwrap();
    (plan.items().len(), write_pipeline(Vec::new(), &plan, &line).unwrap())
}

#[test]
fn every_item_is_one_event() {
    for schedule in [Schedule::OneFOneB, Schedule::ZeroBubble, Schedule::Dualpipe, Schedule::Gpipe] {
        let (items, bytes) = pipeline(schedule);
        assert_eq!(bytes, pipeline(schedule).1);
        if let Some(dir) = option_env!("SECONDSOURCE_TRACE_DIR") {
            std::fs::write(format!("{dir}/{schedule:?}.json"), &bytes).unwrap();
        }
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let events = json["traceEvents"].as_array().unwrap();
        let spans: Vec<_> = events.iter().filter(|e| e["ph"] == "X").collect();
        assert_eq!(spans.len(), items);
        // On one track bars come in order and do not overlap.
        let mut ends = std::collections::BTreeMap::new();
        for s in spans {
            let (ts, dur) = (s["ts"].as_f64().unwrap(), s["dur"].as_f64().unwrap());
            let end = ends.insert((s["pid"].as_u64(), s["tid"].as_u64()), ts + dur).unwrap_or(0.0);
            // A fourth decimal may stand behind the nanosecond.
            assert!(ts >= end - 2.5e-4, "{s}");
        }
    }
}

#[test]
fn text_is_escaped_and_times_have_nanoseconds() {
    let mut trace = TraceWriter::new(Vec::new()).unwrap();
    let track = Track { device: 1, stream: 0 };
    trace.device(1, "a \"b\"\n").unwrap();
    let args = [("x", Arg::Num(f64::NAN)), ("y", Arg::Text("\\")), ("z", Arg::Int(-3))];
    let span = TraceSpan { track, name: "mm", category: "c", start_s: 1.5e-9, dur_s: 1.2345e-3, args: &args };
    trace.span(&span).unwrap();
    assert!(trace.span(&TraceSpan { start_s: 0.0, ..span }).is_err());
    assert!(trace.span(&TraceSpan { start_s: f64::NAN, ..span }).is_err());
    assert!(trace.span(&TraceSpan { start_s: 1.0, dur_s: -0.5, ..span }).is_err());
    let text = String::from_utf8(trace.finish().unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["traceEvents"][0]["args"]["name"], "a \"b\"\n");
    assert!(text.contains("\"ts\":0.002,\"dur\":1234.500"), "{text}");
    assert!(text.contains("{\"x\":null,\"y\":\"\\\\\",\"z\":-3}"), "{text}");
}
