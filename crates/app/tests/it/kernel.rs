use crate::run::{assert_shape, scratch, secondsource, secondsource_at};
use serde_json::json;

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["kernel", "rmsnorm_matmul", "--on", "trn1", "--json", "--quiet"]).json();
    let shape = json!({
        "kernel": "", "chip": "", "instructions": 0, "p5": 0, "p50": 0, "p95": 0, "as_written": 0, "bound": 0, "bound_by": "", "mfu": 0,
        "flops": 0, "engines": [{"core": 0, "engine": "", "instructions": 0, "busy": 0}], "dma_read_bytes": 0, "dma_written_bytes": 0,
        "dma_bytes_per_second": 0, "dma_transfers": 0, "dma_mean_run_bytes": 0, "dma_short_run_share": 0, "table_loads": 0,
        "table_seconds": 0, "critical": [{"line": 0, "instruction": "", "engine": "", "seconds": 0, "share": 0, "instructions": 0}],
        "what_if": [{"free": "", "seconds": 0, "saved": 0}],
    });
    assert_shape(&value, &shape, "kernel");
    // AccelOpt measured 1.056 ms on Trainium1.
    let (p5, p95) = (value["p5"].as_f64().expect("p5"), value["p95"].as_f64().expect("p95"));
    assert!(p5 < 1.056e-3 && 1.056e-3 < p95, "{p5} {p95}");
}

#[test]
fn the_page_has_its_parts() {
    for columns in ["80", "100", "160"] {
        let text = secondsource_at(&["kernel", "silu", "--on", "trn1", "--quiet"], columns).ok();
        for word in ["as written", "bound", "Vector", "What to change first", "Critical path", "reciprocal"] {
            assert!(text.contains(word), "`{word}` is missing at {columns}:\n{text}");
        }
        let most = columns.parse::<usize>().expect("a number");
        assert!(text.lines().all(|l| l.chars().count() <= most), "{text}");
    }
}

#[test]
fn a_timeline_is_written_for_the_viewer() {
    let path = scratch("kernel-trace").join("k.json");
    let file = path.to_str().expect("UTF-8");
    secondsource(&["kernel", "silu", "--on", "trn1", "--trace", file, "--quiet"]).ok();
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("written")).expect("JSON");
    assert!(json["traceEvents"].as_array().expect("events").len() > 2_000);
}

#[test]
fn wrong_names_are_named_with_the_nearest_right_one() {
    let wrong = secondsource(&["kernel", "silo"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("silu"), "{}", wrong.stderr);
    let chip = secondsource(&["kernel", "silu", "--on", "trn9"]);
    assert_eq!(chip.code, 2);
    assert!(chip.stderr.contains("trn1"), "{}", chip.stderr);
    assert!(secondsource(&["kernel", "--list"]).ok().contains("tutorial-v5"));
}
