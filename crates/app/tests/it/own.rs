use crate::run::{assert_shape, scratch, scratch_file, secondsource, secondsource_at};
use serde_json::json;

const RACKS: [&str; 5] = ["own", "--on", "gb200-nvl72", "--chips", "4608"];

#[test]
fn the_page_says_what_it_rests_on() {
    let text = secondsource(&RACKS).ok();
    for word in [
        "an effective chip-hour",
        "Bill",
        "sum",
        "$245,315,764.71",
        "Against renting",
        "What moves",
        "Inputs, and what they rest on",
        "staff is not in the bill",
    ] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
    for columns in [80, 100, 160] {
        let text = secondsource_at(&RACKS, &columns.to_string()).ok();
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > columns).collect();
        assert!(long.is_empty(), "{columns} columns: {long:#?}");
    }
}

/// The fields that docs/json.md describes; the bill adds up to the cent.
#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&["own", "examples/own-gb200.toml", "--json"]).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let line = json!({"group": "", "item": "", "when": "", "quantity": 0, "unit": "", "unit_usd": null, "usd": 0, "kind": "", "basis": "", "sources": []});
    let against = json!({
        "contract": "", "offered": true, "provider": "", "item": "", "usd_per_chip_hour": 0, "price_date": "", "price_kind": "",
        "break_even_utilisation": null, "payback_months": null, "project_months": null, "npv_usd": 0, "npv_interval_usd": interval, "own_wins": 0
    });
    let cost = json!({
        "once_usd": 0, "resalable_usd": 0, "shell_usd": 0, "capital_usd_per_year": 0, "running_usd_per_year": 0, "residual_usd": 0,
        "usd_per_chip_hour": 0, "usd_per_used_hour": 0, "usd_per_effective_hour": 0
    });
    let bar = json!({"input": "", "key": "", "unit": "", "low": 0, "high": 0, "at_low": 0, "at_high": 0});
    let fabric =
        json!({"units": 0, "leaf": 0, "spine": 0, "core": 0, "node_leaf_cables": 0, "leaf_spine_cables": 0, "spine_core_cables": 0});
    assert_shape(
        &value,
        &json!({"system": "gb200-nvl72", "chip": "gb200", "chips": 4608, "chips_bought": 4608, "units": 64, "unit_name": "rack", "site": "colocation",
            "delivery": "2027-03-01", "as_of": "", "seed": 1, "scenarios": 2000, "bill": {"lines": [line], "once_usd": 0, "yearly_usd": 0},
            "cost": cost, "once_usd": interval, "usd_per_chip_hour": interval, "usd_per_used_hour": interval, "usd_per_effective_hour": interval,
            "fabric": fabric, "against": [against], "tornado": [bar], "notes": [""],
            "inputs": {"utilisation": {"value": 0, "low": 0, "high": 0, "unit": "", "kind": "", "basis": "", "sources": []}}}),
        "own",
    );
    for (when, total) in [("once", "once_usd"), ("yearly", "yearly_usd")] {
        let cents = |v: &serde_json::Value| (v.as_f64().expect("a number") * 100.0).round() as i64;
        let lines = value["bill"]["lines"].as_array().expect("lines");
        let sum: i64 = lines.iter().filter(|l| l["when"] == when).map(|l| cents(&l["usd"])).sum();
        assert_eq!(sum, cents(&value["bill"][total]), "{when}");
    }
    assert_eq!(value["inputs"]["utilisation"]["kind"], "user");
    let notes = value["notes"].as_array().expect("notes");
    assert!(!notes.iter().any(|n| n.as_str().is_some_and(|n| n.contains("staff is not"))), "{notes:?}");
}

#[test]
fn a_flag_overrides_the_file() {
    let hour = |more: &[&str]| {
        let args: Vec<&str> = ["own", "examples/own-gb200.toml", "--json"].into_iter().chain(more.iter().copied()).collect();
        secondsource(&args).json()["cost"]["usd_per_effective_hour"].as_f64().expect("a number")
    };
    let (full, half) = (hour(&["--set", "utilisation=0.8"]), hour(&["--set", "utilisation=0.4"]));
    assert!((half / full - 2.0).abs() < 1e-9, "{full} {half}");
}

/// No public price of Trainium3: refused with a hint, or priced by the user's own and said to be.
#[test]
fn a_price_of_ones_own() {
    let ran = secondsource(&["own", "--on", "trn3-ultraserver", "--chips", "1440"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("no public price") && ran.stderr.contains("unit-usd"), "{}", ran.stderr);
    let text = secondsource(&["own", "--on", "trn3-ultraserver", "--chips", "1440", "--set", "unit-usd=2.5M:3.5M:5M"]).ok();
    assert!(text.contains("is yours: 3500000 USD") && text.contains("no public rental price"), "{text}");
}

#[test]
fn a_building_of_ones_own() {
    let value = secondsource(&["own", "--on", "h100-sxm", "--chips", "1024", "--site", "shell", "--json"]).json();
    let lines = value["bill"]["lines"].as_array().expect("lines");
    assert!(lines.iter().any(|l| l["item"] == "powered shell") && !lines.iter().any(|l| l["item"] == "colocation"));
    let value = secondsource(&["own", "--on", "h100-sxm", "--chips", "1024", "--energy-included", "--json"]).json();
    assert!(!value["bill"]["lines"].as_array().expect("lines").iter().any(|l| l["item"] == "electricity"));
}

#[test]
fn files_hold_the_bill() {
    let folder = scratch("own-files");
    let file = |name: &str| folder.join(name).to_str().expect("UTF-8").to_owned();
    let (focus, table) = (file("focus.csv"), file("bill.csv"));
    secondsource(&["own", "examples/own-gb200.toml", "--focus", &focus, "--csv", &table, "--quiet"]).ok();
    let text = std::fs::read_to_string(focus).expect("the file");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    assert_eq!((header.len(), &header[57]), (58, "x_EnergyKwh"));
    let column = |name: &str| header.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name}"));
    let bought: i64 = reader
        .records()
        .map(|r| r.expect("a row"))
        .filter(|r| &r[column("ChargeCategory")] == "Purchase")
        .map(|r| (r[column("BilledCost")].parse::<f64>().expect("a number") * 100.0).round() as i64)
        .sum();
    let text = std::fs::read_to_string(table).expect("the file");
    let once = text.lines().find(|l| l.starts_with("total,,once")).expect("a sum");
    assert_eq!(once, format!("total,,once,,,,{}.{:02},,,", bought / 100, bought % 100));
}

#[test]
fn bad_input_is_told_with_its_place() {
    for (name, text, says) in [
        ("key", "on = \"gb200-nvl72\"\nchips = 72\nsit = \"shell\"\n", ":3:1"),
        ("input", "on = \"gb200-nvl72\"\nchips = 72\n[input]\nutilization = 0.9\n", "did you mean `utilisation`"),
        ("bound", "on = \"gb200-nvl72\"\nchips = 72\n[input]\nutilisation = 1.9\n", ":4:"),
        ("order", "on = \"gb200-nvl72\"\nchips = 72\n[input]\nrate = [0.2, 0.1, 0.3]\n", "low, middle, high"),
        ("system", "on = \"gb200-nvl27\"\nchips = 72\n", ":1:"),
        ("region", "on = \"gb200-nvl72\"\nchips = 72\nregion = \"ohoi\"\n", "did you mean `ohio`"),
        ("shares", "on = \"gb200-nvl72\"\nchips = 72\n[input]\nnetwork-share = 0.65\n", "network-share"),
        ("chips", "on = \"gb200-nvl72\"\n", "has no `chips`"),
        ("toml", "on = \n", "not valid TOML"),
    ] {
        let path = scratch_file(&format!("own-bad-{name}"), "job.toml", text);
        let ran = secondsource(&["own", &path]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{name}: {}", ran.stderr);
    }
    for (args, says) in [
        (vec!["own"], "no system"),
        (vec!["own", "--on", "gb200-nvl72"], "number of chips"),
        (vec!["own", "--on", "gb200-nvl72", "--chips", "72", "--set", "goodput=2"], "--set: `goodput`"),
        (vec!["own", "--on", "gb200-nvl72", "--chips", "72", "--set", "goodput"], "INPUT=VALUE"),
        (vec!["own", "--on", "gb200-nvl72", "--chips", "72", "--site", "shel"], "did you mean `shell`"),
        (vec!["own", "gb200-nvl72"], "--on gb200-nvl72"),
        (vec!["own", "--on", "mi300x", "--chips", "64"], "chips alone"),
    ] {
        let ran = secondsource(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}
