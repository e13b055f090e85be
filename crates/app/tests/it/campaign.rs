use crate::run::{assert_shape, scratch_file, secondsource, secondsource_at};
use serde_json::{Value, json};

const EXAMPLE: &str = "examples/llama-3.1-405b-campaign.toml";

#[test]
fn the_page_tells_the_whole_campaign() {
    for columns in ["80", "100", "160"] {
        let text = secondsource_at(&["campaign", EXAMPLE, "--runs", "200"], columns).ok();
        for word in [
            "undisturbed",
            "with failures",
            "ends",
            "goodput",
            "closed form",
            "checkpoints",
            "Where the wall time goes",
            "training lost with failures",
            "planned stops",
            "whole campaign",
            "rent",
            "at the meter",
            "for comparison only: TDP",
            "cents/kWh",
            "CO2e, location-based",
            "What matters most",
            "step time",
            "What it rests on",
            "(LLAMA3, ",
        ] {
            assert!(text.contains(word), "`{word}` is missing at {columns} columns:\n{text}");
        }
        let wide = text.lines().filter(|l| l.chars().count() > columns.parse().expect("a number")).collect::<Vec<_>>();
        assert!(wide.is_empty(), "{columns}: {wide:#?}");
    }
}

/// The days of the table, as printed, add up to its last row.
#[test]
fn the_column_adds_up() {
    let text = secondsource(&["campaign", EXAMPLE, "--runs", "200", "--spares", "2"]).ok();
    let table = text.split("Where the wall time goes").nth(1).and_then(|t| t.split("\n\n").next()).expect("the table");
    let hundredths = |line: &str| -> i64 {
        let cell = line.split_whitespace().find(|w| w.contains('.') && w.parse::<f64>().is_ok()).expect("a number of days");
        cell.replace('.', "").parse().expect("two decimals")
    };
    let rows: Vec<&str> = table.lines().skip(3).collect();
    let (last, parts) = rows.split_last().expect("rows");
    assert!(last.starts_with("whole campaign") && parts.len() == 7, "{table}");
    assert_eq!(parts.iter().map(|l| hundredths(l)).sum::<i64>(), hundredths(last), "{table}");
}

#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["campaign", EXAMPLE, "--runs", "200", "--json"]).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let outcomes = json!({"p5": 0, "p50": 0, "p95": 0, "mean": 0});
    let input = json!({"name": "", "unit": "", "value": 0, "low": 0, "high": 0, "kind": "", "basis": "", "sources": [""]});
    let local = json!({"value": 0, "basis": "", "sources": [""]});
    assert_shape(
        &value,
        &json!({
            "job": {"model": ""}, "plan": {"system": "", "days": interval}, "nodes": 0, "chips_per_node": 0, "spares": 0,
            "spares_enough": 0, "runs": 0, "seed": 0, "inputs": [input],
            "checkpoint": {"saving": "", "bytes": 0, "bytes_per_s": 0, "write_s": 0, "stall_s": 0, "interval_s": 0,
                "best_interval_s": 0, "steps": 0},
            "mtti_h": 0, "days_undisturbed": interval, "days": outcomes,
            "finish": {"start": "", "p5": "", "p50": "", "p95": ""}, "goodput": outcomes,
            "closed_form": {"days": 0, "goodput": 0},
            "parts_days": {"productive": 0, "checkpoint": 0, "lost": 0, "detection": 0, "restart": 0, "waiting": 0, "planned": 0},
            "failures": outcomes, "nodes_lost": 0, "planned_stops": 0, "cost_usd": interval,
            "energy": {"mwh": outcomes, "kw_training": 0, "kw_waiting": 0, "mean_mw": 0, "tdp_mwh": 0, "inputs": [input]},
            "place": {"region": "", "electricity_usd": interval, "cents_per_kwh": local, "carbon_t": interval, "kg_per_mwh": local},
            "sensitivity": [{"input": "", "days_low": 0, "days_high": 0}], "unfinished": 0, "caveats": [""], "notes": [""]
        }),
        "campaign",
    );
    let parts = value["parts_days"].as_object().expect("a map");
    let sum: f64 = parts.values().filter_map(Value::as_f64).sum();
    assert!((sum / value["days"]["mean"].as_f64().expect("days") - 1.0).abs() < 1e-9);
}

#[test]
fn flags_override_the_table_of_the_file() {
    let flags = ["--failures", "rsc-2", "--spares", "3", "--runs", "50", "--seed", "9", "--region", "norway", "--fix", "tp=8"];
    let mut args = vec!["campaign", EXAMPLE, "--json"];
    args.extend(flags);
    let value = secondsource(&args).json();
    assert_eq!((value["spares"].as_u64(), value["runs"].as_u64(), value["seed"].as_u64()), (Some(3), Some(50), Some(9)));
    assert_eq!(value["inputs"][0]["name"], "failures (rsc-2)");
    assert_eq!(value["plan"]["layout"]["tp"], 8);
    assert!(value["place"]["electricity_usd"].is_null() && value["place"]["carbon_t"].is_object());
}

#[test]
fn bad_input_says_what_would_be_right() {
    let refused = |args: &[&str], words: &[&str]| {
        let ran = secondsource(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {}", ran.stderr);
        assert!(words.iter().all(|w| ran.stderr.contains(w)), "{}", ran.stderr);
    };
    let base = ["campaign", "--model", "llama-2-7b", "--tokens", "1T", "--on", "h100-sxm", "--chips", "2048"];
    for (flag, value, words) in [
        ("--failures", "rsc-9", &["rsc-9", "did you mean `rsc-1`?"][..]),
        ("--failure-rate", "many", &["--failure-rate", "low,middle,high"]),
        ("--storage", "80", &["--storage", "80GB/s", "bits and bytes"]),
        ("--restart", "10", &["--restart", "10m"]),
        ("--region", "atlantis", &["atlantis", "catalog list"]),
        ("--start", "tomorrow", &["--start", "2027-01-04"]),
        ("--spares", "-1", &["--spares"]),
        ("--runs", "0", &["--runs"]),
    ] {
        let joined = format!("{flag}={value}");
        let mut args = base.to_vec();
        args.push(&joined);
        refused(&args, words);
    }
    refused(&base[..3], &["no system was given"]);
    refused(&["campaign", "--model", "llama-2-7b", "--on", "h100-sxm", "--chips", "2048"], &["number of tokens", "--tokens"]);
    refused(&["campaign", "--model", "llama-2-7b", "--tokens", "1T", "--on", "h100-sxm,trn2", "--chips", "2048"], &["one system"]);
    let file = |name: &str, rest: &str| {
        let head = "model = \"llama-2-7b\"\non = [\"h100-sxm\"]\ntokens = \"1T\"\nchips = 2048\n";
        scratch_file(name, "job.toml", &format!("{head}{rest}"))
    };
    let misspelt = file("campaign-key", "[campaign]\nrestrat = \"5m\"\n");
    refused(&["campaign", &misspelt], &["job.toml:6:1", "did you mean `restart`?"]);
    let unit = file("campaign-unit", "[campaign]\nrestart = 5\n");
    refused(&["campaign", &unit], &["job.toml:6:11", "the unit must be there"]);
    let name = file("campaign-name", "[campaign]\nfailures = \"rsc-3\"\n");
    refused(&["campaign", &name], &["job.toml:6:13", "did you mean `rsc-1`?"]);
}

/// A catalog file of one's own may bring another fleet and another place.
#[test]
fn own_figures() {
    let overlay = "[table.failure-rates.figure.our-fleet]\nvalue = 5.0\nunit = \"per 1000 node-days\"\nkind = \"user\"\nas_of = \"2026-11\"\n\n\
                   [table.failure-rates.figure.our-fleet-low]\nvalue = 4.0\nunit = \"per 1000 node-days\"\nkind = \"user\"\nas_of = \"2026-11\"\n";
    let path = scratch_file("campaign-overlay", "mine.toml", overlay);
    let ran = secondsource(&["campaign", EXAMPLE, "--runs", "50", "--catalog", &path, "--failures", "our-fleet", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rate = &ran.json()["inputs"][0];
    assert_eq!((rate["value"].as_f64(), rate["low"].as_f64(), rate["high"].as_f64()), (Some(5.0), Some(4.0), Some(5.0)));
}

/// The bill of the median campaign: FOCUS rows whose billed amounts add up to the rent.
#[test]
fn focus_rows_are_the_rent() {
    let file = crate::run::scratch("campaign-focus").join("bill.csv");
    let path = file.to_str().expect("a path in UTF-8");
    let answer = secondsource(&["campaign", EXAMPLE, "--runs", "200", "--focus", path, "--quiet", "--json"]).json();
    let mut rows = csv::Reader::from_path(&file).expect("the file was written");
    let column = rows.headers().expect("a head").iter().position(|h| h == "BilledCost").expect("a column");
    let billed: f64 = rows.records().map(|r| r.expect("a row")[column].parse::<f64>().expect("an amount")).sum();
    let rent = answer["cost_usd"]["p50"].as_f64().expect("a price");
    assert!((billed / rent - 1.0).abs() < 0.01, "{billed} billed, {rent} of rent");
}
