use crate::run::{assert_shape, scratch, secondsource, secondsource_at};
use serde_json::{Value, json};

const BY_HAND: &str = "examples/llama-3.1-70b-by-hand.toml";

fn sum(parts: &Value) -> f64 {
    parts.as_object().expect("a map").values().map(|v| v.as_f64().expect("a number")).sum()
}

#[test]
fn parts_add_up_to_the_whole() {
    let value = secondsource(&["step", BY_HAND, "--json"]).json();
    let shape = json!({"system": "", "chips": 0, "layout": {"tp": 0}, "step_s": {"p50": 0}, "hbm_gib": {"peak": 0}, "breakdown_s": {}, "memory_gib": {}});
    assert_shape(&value, &shape, "step");
    let near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-6;
    let step = value["step_s"]["p50"].as_f64().expect("seconds");
    assert!(near(sum(&value["breakdown_s"]), step), "{} and {step}", sum(&value["breakdown_s"]));
    let peak = value["hbm_gib"]["peak"].as_f64().expect("GiB");
    assert!(near(sum(&value["memory_gib"]), peak), "{} and {peak}", sum(&value["memory_gib"]));
    assert_eq!(value["memory_by_stage_gib"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_page_says_where_time_and_memory_go() {
    for columns in ["80", "100", "160"] {
        let text = secondsource_at(&["step", BY_HAND], columns).ok();
        for word in
            ["Where the time goes", "whole step", "floor", "Where the memory goes", "capacity", "(fullest)", "with software of 2023"]
        {
            assert!(text.contains(word), "`{word}` is missing at {columns} columns:\n{text}");
        }
    }
}

#[test]
fn flags_change_the_layout() {
    let value =
        secondsource(&["step", BY_HAND, "--tp", "4", "--vpp", "1", "--schedule", "zero-bubble", "--recompute", "full", "--json"]).json();
    let layout = &value["layout"];
    assert_eq!(
        (layout["tp"].as_u64(), layout["schedule"].as_str(), layout["recompute"].as_str()),
        (Some(4), Some("zero-bubble"), Some("full"))
    );
}

#[test]
fn a_trace_is_written_whole() {
    let dir = scratch("step-trace");
    let file = dir.join("step.json");
    let ran = secondsource(&["step", BY_HAND, "--trace", file.to_str().expect("UTF-8")]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("trace written"), "{}", ran.stderr);
    let trace: Value = serde_json::from_str(&std::fs::read_to_string(&file).expect("the trace")).expect("JSON");
    assert!(trace["traceEvents"].as_array().is_some_and(|e| e.len() > 100));
    assert_eq!(std::fs::read_dir(&dir).expect("scratch").count(), 1, "no temporary file stays");
}

#[test]
fn nothing_is_written_when_the_layout_is_wrong() {
    let dir = scratch("step-no-trace");
    let file = dir.join("step.json");
    let ran = secondsource(&["step", BY_HAND, "--tp", "3", "--trace", file.to_str().expect("UTF-8")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert_eq!(std::fs::read_dir(&dir).expect("scratch").count(), 0);
}

#[test]
fn a_trace_that_cannot_be_written_is_exit_3() {
    let file = scratch("step-trace-nowhere").join("no/such/folder/step.json");
    let ran = secondsource(&["step", BY_HAND, "--trace", file.to_str().expect("UTF-8")]);
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
}
