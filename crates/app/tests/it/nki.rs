//! `validate --nki`.

use crate::run::{assert_shape, scratch, secondsource, secondsource_at};
use serde_json::json;

#[test]
fn every_row_is_predicted_or_listed_and_the_errors_are_those_of_the_docs() {
    let value = secondsource(&["validate", "--nki", "--json", "--quiet"]).json();
    let group = json!({"group": "", "rows": 0, "not_run": 0, "median_abs_error_pct": 0, "p90_abs_error_pct": 0, "bias_pct": 0, "inside": 0, "median_counted_pct": 0});
    let row = json!({"id": "", "group": "", "kernel": "", "target": "", "published": "", "measured": 0, "p5": 0, "p50": 0, "p95": 0, "error_pct": 0, "gemm": true, "source": ""});
    assert_shape(
        &value,
        &json!({"groups": [group], "ranks": [{"kernel": "", "variants": 0, "rank_correlation": 0}], "kda_factor": 0, "rows": [row], "not_run": {}}),
        "validate --nki",
    );
    let rows = value["rows"].as_array().expect("rows");
    let listed: usize = value["not_run"].as_object().expect("reasons").values().map(|v| v.as_array().map_or(0, Vec::len)).sum();
    let table = std::fs::read_to_string(crate::run::root().join("validation/nki_timings.csv")).expect("the table");
    assert_eq!(rows.len() + listed, table.lines().count() - 1, "no row is dropped in silence");
    // Targets of accuracy: medians of kernels by group.
    let median = |name: &str| {
        let g = value["groups"].as_array().and_then(|g| g.iter().find(|g| g["group"] == name)).unwrap_or_else(|| panic!("group {name}"));
        g["median_abs_error_pct"].as_f64().expect("a number")
    };
    for (name, most) in [("docs", 15.0), ("NKIBench", 25.0), ("all but kda: products", 10.0), ("autocomp", 15.0)] {
        assert!(median(name) < most, "{name}: {}", median(name));
    }
}

#[test]
fn a_table_of_ones_own_and_its_mistakes() {
    let folder = scratch("nki-table");
    let head = "id,group,kernel,target,shapes,dtype,quantity,value,unit,kind,bound,trace,read_bytes,write_bytes,not_run,source";
    let write = |name: &str, rows: &str| {
        let path = folder.join(name);
        std::fs::write(&path, format!("{head}\n{rows}\n")).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = write("good.csv", "a,mine,silu,trn1,,fp32,latency,1.3,ms,measured,other,silu,,,,me");
    for columns in ["80", "100"] {
        let text = secondsource_at(&["validate", "--nki", "--timings", &good, "--quiet"], columns).ok();
        assert!(text.contains("mine") && text.contains("1.30 ms"), "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= columns.parse().expect("a number")), "{text}");
    }
    for (rows, word) in [
        ("a,mine,silu,trn1,,fp32,latency,1.3,ms,measured,other,silo,,,,me", "silo"),
        ("a,mine,silu,trn7,,fp32,latency,1.3,ms,measured,other,silu,,,,me", "trn7"),
        ("a,mine,silu,trn1,,fp32,latency,-1,ms,measured,other,silu,,,,me", "-1"),
        ("a,mine,silu,trn1,,fp32,latency,1.3,ms,measured,other,silu,5,,,me", "read_bytes"),
        ("a,mine", "row 2"),
    ] {
        let ran = secondsource(&["validate", "--nki", "--timings", &write("bad.csv", rows)]);
        assert_eq!(ran.code, 2, "{rows}");
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}
