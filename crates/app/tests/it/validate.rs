use crate::run::{assert_shape, secondsource, secondsource_at};
use serde_json::json;

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["validate", "--json", "--quiet"]).json();
    let summary = json!({"n": 0, "skipped": 0, "median_abs_error_pct": 0, "p90_abs_error_pct": 0, "bias_pct": 0, "coverage_90": 0});
    assert_shape(&value, &json!({"rows": [{"id": ""}], "summary": summary, "by_chip": {"h100-sxm": summary}, "by_source": {}}), "validate");
    let (mut predicted, mut skipped) = (0, 0);
    for row in value["rows"].as_array().expect("rows") {
        if row.get("skipped").is_some() {
            assert_shape(row, &json!({"id": "", "skipped": ""}), "skipped row");
            skipped += 1;
        } else {
            let shape = json!({"id": "", "chip": "", "grade": "", "measured_step_s": 0, "p5": 0, "p50": 0, "p95": 0, "error_pct": 0});
            assert_shape(row, &shape, "row");
            predicted += 1;
        }
    }
    let table = std::fs::read_to_string(crate::run::root().join("validation/published_runs.csv")).expect("the table");
    let rows = table.lines().filter(|l| !l.is_empty() && !l.starts_with("id,") && !l.starts_with('#')).count();
    assert_eq!(predicted + skipped, rows, "no row is dropped in silence");
}

#[test]
fn the_page_has_its_tables() {
    for columns in ["80", "100", "160"] {
        let ran = secondsource_at(&["validate", "--quiet", "--worst", "4"], columns);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        for word in ["A and B", "source not seen in the fit", "By chip", "By source", "Largest errors, grades A and B (4 of", "Skipped"] {
            assert!(ran.stdout.contains(word), "`{word}` is missing at {columns}:\n{}", ran.stdout);
        }
    }
}
