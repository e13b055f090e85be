//! `supply` and `validate --supply`.

use crate::run::{assert_shape, fits, scratch_file, secondsource, secondsource_at};
use serde_json::json;

const EXAMPLE: &str = "examples/supply/accelerators-2025-2027.toml";

#[test]
fn the_page_of_supply() {
    let words = [
        "HBM is the",
        "in how many scenarios",
        "Trainium3",
        "Who gets what under each rule",
        "proportional",
        "times claimed",
        "regret",
        "Worth of one more",
        "inputs have no public source",
        "interpolated",
    ];
    fits(&["supply", EXAMPLE, "--scenarios", "64"], &words);
    let wide = secondsource_at(&["supply", EXAMPLE, "--scenarios", "64"], "100").ok();
    assert!(wide.contains("no defect density of N3"), "the reasons of assumptions");
    let words = ["Trainium3: chips out of the rack line", "2027Q4", "waiting", "limited by", "days from the rack line"];
    fits(&["supply", EXAMPLE, "--scenarios", "64", "--product", "trn3"], &words);
}

#[test]
fn the_page_of_the_back_tests() {
    let words =
        ["13 inside", "2 outside", "4 not claimed", "BT28", "unresolved", "in sample", "OUTSIDE", "not found", "147.2", "2026-05-20"];
    fits(&["validate", "--supply"], &words);
    let value = secondsource(&["validate", "--supply", "--json"]).json();
    let row =
        json!({"id": "", "what": "", "published": "", "tolerance": "", "ours": "", "value": 0, "verdict": "", "trust": "", "caveat": ""});
    let forecast = json!({"series": "", "what": "", "known_until": "", "published": "", "quarters": 0, "p10": 0, "p50": 0, "p90": 0,
        "growths": 0});
    let scored = json!({"actual": 0, "actual_published": "", "inside": true});
    assert_shape(&value["forecast"][0], &scored, "validate --supply forecast");
    assert_shape(
        &value,
        &json!({"rows": [row], "inside": 0, "outside": 0, "not_claimed": 0, "frozen_on": "", "forecast": [forecast]}),
        "validate --supply",
    );
}

#[test]
fn supply_keeps_its_json() {
    let value = secondsource(&["supply", EXAMPLE, "--scenarios", "32", "--json"]).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let line = json!({"line": "", "binds": 0, "used": interval});
    let quarter = json!({"quarter": "", "bottleneck": "", "lines": [line]});
    let product = json!({
        "id": "", "name": "", "chips": [""], "units": [interval], "years": [{"year": "", "units": interval, "orders": 0}], "orders": [0],
        "waiting": [0], "limits": [{"cause": "", "share": 0}], "after_days": interval
    });
    let outcome = json!({"got": 0, "unserved": 0, "regret": 0, "gaming": 0});
    let squeeze = json!({
        "line": "", "quarter": "", "capacity": 0, "claimed": 0, "inflated": 0, "claims": [0], "rules": [{"rule": "", "customers": [outcome]}]
    });
    let input = json!({"name": "", "unit": "", "low": 0, "middle": 0, "high": 0, "origin": "", "assumed": true});
    assert_shape(
        &value,
        &json!({
            "name": "", "scenarios": 0, "seed": 0, "rule": "", "quarters": [quarter],
            "customers": [{"id": "", "name": "", "products": [product]}], "rules": [{"rule": "", "units": [0], "value_usd": 0}],
            "squeeze": squeeze, "worth": [{"customer": "", "line": "", "usd": 0, "binding": 0}], "worst_gap": 0, "inputs": [input],
            "notes": [""]
        }),
        "supply",
    );
}

#[test]
fn seeds_and_flags() {
    let one = |args: &[&str]| secondsource(&[&["supply", EXAMPLE, "--scenarios", "32", "--json"], args].concat()).ok();
    assert_ne!(one(&[]), one(&["--seed", "2"]));
    assert_eq!(one(&[]), one(&["--seed", "1"]));
    for (args, word) in [
        (vec!["supply", EXAMPLE, "--product", "trn33"], "trn3"),
        (vec!["supply", EXAMPLE, "--scenarios", "1"], "--scenarios"),
        (vec!["supply", "no-such.toml"], "no-such.toml"),
    ] {
        let ran = secondsource(&args);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
    }
    let path = scratch_file("supply", "torn.toml", "start = \"2025-01\"\n[line.x]\nstage = \"foundry\"\n");
    let ran = secondsource(&["supply", &path]);
    assert!(ran.code == 2 && ran.stderr.contains("torn.toml:"), "{}", ran.stderr);
    // A defect density of one's own.
    let own = "[table.foundry.figure.d0-n3]\nvalue = 0.5\nunit = \"per cm2\"\nkind = \"user\"\nas_of = \"2026-11\"\n";
    let path = scratch_file("supply", "own.toml", own);
    assert_ne!(one(&[]), one(&["--catalog", &path]));
}
