//! `decide`: the example files answered, errors with their place, the same bytes under any number of threads.

use crate::run::{root, scratch_file, secondsource, secondsource_at};
use serde_json::Value;
use std::process::Command;

const EXAMPLES: [&str; 3] =
    ["examples/decide-70b-in-60-days.toml", "examples/decide-fleet-of-three-years.toml", "examples/decide-wait-for-trainium4.toml"];

fn json(file: &str) -> Value {
    secondsource(&["decide", file, "--scenarios", "60", "--quiet", "--json"]).json()
}

#[test]
fn every_example_is_answered() {
    for file in EXAMPLES {
        let a = json(file);
        for plan in ["choice", "runner_up"] {
            let cost = &a[plan]["cost_usd"];
            let p = |k: &str| cost[k].as_f64().unwrap_or_else(|| panic!("{file}: {plan} {k}"));
            assert!(0.0 < p("p5") && p("p5") <= p("p50") && p("p50") <= p("p95"), "{file}: {cost}");
        }
        // The first row is the choice; none of the others is better.
        let options = a["options"].as_array().unwrap();
        assert!(options.len() >= 2, "{file}");
        for w in options.windows(2).filter(|w| w[0]["keeps_limits"] == w[1]["keeps_limits"]) {
            assert!(w[0]["more_usd"].as_f64() <= w[1]["more_usd"].as_f64(), "{file}: {w:?}");
        }
        assert!(a["information"]["evpi_usd"].as_f64().unwrap() >= 0.0, "{file}");
        assert!(!a["tornado"].as_array().unwrap().is_empty() && !a["prices"].as_array().unwrap().is_empty(), "{file}");
        // What is paid by contract is what the plan costs in the mean, resale aside.
        let by: f64 = a["choice"]["by_contract"].as_array().unwrap().iter().map(|c| c["usd"].as_f64().unwrap()).sum();
        assert!((by / a["choice"]["cost_mean_usd"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{file}: {by}");
    }
}

/// A price that only the file gives is said to be one.
#[test]
fn assumptions_are_named() {
    let a = json(EXAMPLES[1]);
    let said: Vec<&str> = a["assumptions"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(said.iter().any(|s| s.contains("trn3-ultraserver-gen2") && s.contains("no public price")), "{said:?}");
}

#[test]
fn the_page_fits_its_width() {
    for columns in ["80", "100"] {
        let text = secondsource_at(&["decide", EXAMPLES[0], "--scenarios", "60", "--quiet"], columns).ok();
        for word in ["runner-up", "deadline", "budget", "Falls out", "EVPI", "VSS", "Prices", "5–95%"] {
            assert!(text.contains(word), "`{word}` is missing:\n{text}");
        }
        let wide = text.lines().filter(|l| l.chars().count() > columns.parse().expect("a number")).collect::<Vec<_>>();
        assert!(wide.is_empty(), "{columns}: {wide:#?}");
    }
}

#[test]
fn a_misspelt_key_has_its_place() {
    let text = std::fs::read_to_string(root().join(EXAMPLES[0])).unwrap().replace("[[job]]", "[[job]]\ndeadlin = \"2027-01-01\"");
    let line = text.lines().position(|l| l.starts_with("deadlin =")).unwrap() + 1;
    let file = scratch_file("decide_misspelt", "job.toml", &text);
    let ran = secondsource(&["decide", &file]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains(&format!("job.toml:{line}:")) && ran.stderr.contains("deadline"), "{}", ran.stderr);
}

#[test]
fn threads_do_not_show() {
    let bytes = |threads: &str| {
        let args = ["decide", EXAMPLES[0], "--scenarios", "40", "--quiet", "--json"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_secondsource"));
        command.args(args).current_dir(root()).env("RAYON_NUM_THREADS", threads).output().expect("the binary runs").stdout
    };
    let one = bytes("1");
    assert!(!one.is_empty());
    assert_eq!(one, bytes("2"));
}

/// Inputs out of bounds are refused with what would be right, before anything is computed.
#[test]
fn bounds_are_told() {
    let job = |top: &str, months: &str| {
        format!(
            "as-of = \"2026-10-31\"\nscenarios = 32\n{top}\non = [\"h100-sxm\"]\n[[job]]\nmodel = \"llama-3.1-8b\"\n\
             tokens = \"200B\"\nchips = 256\nearliest = \"2026-12-01\"\n{months}\n"
        )
    };
    let cases = [
        (job("horizon-months = 2", "deadline-days = 90"), "does not end within the horizon of 2 months"),
        (job("horizon-months = 60\nperiod = \"week\"", "deadline-days = 40"), "261 periods; at most 120"),
        (job("", "deadline = \"2026-11-01\""), "the deadline of a job is not after its earliest start"),
        (job("", "").replace("scenarios = 32", "scenarios = 5"), "must be from 16 to 10000"),
        (job("", "").replace("chips = 256", "chips = 1.5"), "must be a whole number"),
    ];
    for (text, word) in cases {
        let file = scratch_file("decide_bounds", "job.toml", &text);
        let ran = secondsource(&["decide", &file]);
        assert_eq!(ran.code, 2, "{word}: {}", ran.stdout);
        assert!(ran.stderr.contains(word) && ran.stderr.contains("job.toml"), "{word}: {}", ran.stderr);
    }
}
