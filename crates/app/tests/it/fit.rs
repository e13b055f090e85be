use crate::run::{assert_shape, secondsource};
use serde_json::json;

#[test]
fn a_layout_that_fits_is_exit_0() {
    let ran = secondsource(&["fit", "examples/llama-3.1-70b-by-hand.toml"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("It fits:"), "{}", ran.stdout);
}

#[test]
fn a_layout_that_does_not_fit_is_exit_1_with_changes() {
    let args = ["fit", "--model", "llama-3.1-70b", "--on", "h100-sxm", "--chips", "64", "--tp", "8", "--recompute", "none"];
    let ran = secondsource(&args);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.starts_with("It does not fit:") && ran.stdout.contains("Changes that make it fit"), "{}", ran.stdout);

    let mut json_args = args.to_vec();
    json_args.push("--json");
    let value = secondsource(&json_args).json();
    let change = json!({"change": "", "layout": {"tp": 0}, "peak_gib": 0, "step_s": 0, "slowdown_pct": 0});
    assert_shape(
        &value,
        &json!({"system": "", "fits": false, "layout": {}, "hbm_gib": {"peak": 0, "capacity": 0}, "margin_gib": 0, "by_stage_gib": [{}], "step_s": 0, "changes": [change]}),
        "fit",
    );
    let capacity = value["hbm_gib"]["capacity"].as_f64().expect("GiB");
    for c in value["changes"].as_array().expect("changes") {
        assert!(c["peak_gib"].as_f64().expect("GiB") <= capacity, "{c}");
    }
}

#[test]
fn one_system_and_a_count_are_needed() {
    let two = secondsource(&["fit", "--model", "llama-2-7b", "--on", "trn1,trn2", "--chips", "16"]);
    assert!(two.code == 2 && two.stderr.contains("takes one system"), "{}", two.stderr);
    let none = secondsource(&["fit", "--model", "llama-2-7b", "--on", "trn1"]);
    assert!(none.code == 2 && none.stderr.contains("needs the number of chips"), "{}", none.stderr);
}
