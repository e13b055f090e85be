use crate::run::{assert_shape, scratch, scratch_file, secondsource, secondsource_at};
use serde_json::{Value, json};

const MONTH: [&str; 9] = ["rent", "--on", "trn2,h100-sxm", "--chips", "512", "--hours", "720", "--start", "2027-01-01"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    MONTH.iter().copied().chain(more.iter().copied()).collect()
}

fn offer<'v>(value: &'v Value, system: usize, provider: &str, contract: &str) -> &'v Value {
    let offers = value["systems"][system]["offers"].as_array().expect("offers");
    let found = offers.iter().find(|o| o["provider"] == provider && o["contract"] == contract);
    found.unwrap_or_else(|| panic!("no {provider} {contract} in {offers:#?}"))
}

#[test]
fn a_month_of_512_chips() {
    let text = secondsource(&MONTH).ok();
    for word in [
        "trn2",
        "capacity-block",
        "$961,250",
        "Rules",
        "1 to 182 days",
        "can be bought from 2026-11-06",
        "state of the market: tight",
        "Sources of prices",
    ] {
        assert!(text.contains(word), "`{word}` is missing:\n{text}");
    }
}

/// The fields that docs/json.md describes.
#[test]
fn json_keeps_its_contract() {
    let value = secondsource(&with(&["--json"])).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let offer_shape = json!({
        "contract": "", "provider": "", "item": "", "region": "", "usd_per_chip_hour": 0, "price_date": "", "price_kind": "",
        "price_sources": [""], "rules": [""], "instances": 0, "chips_per_instance": 0, "chips": 0, "billed_hours": 0, "bill_usd": 0,
        "bill_interval_usd": interval, "unused_usd": 0, "usd_per_used_chip_hour": 0
    });
    let path = json!({
        "state": "", "basis": "", "kappa_per_year": 0, "sigma_per_year": 0, "tight_over_glut": 0, "fall_per_year": 0, "tight_years": 0,
        "glut_years": 0, "price_over_level": 0, "series": [{"name": "", "points": [{"date": "", "usd_per_chip_hour": 0, "pages": 0}], "sources": [""]}],
        "months": [{"month": 0, "from": "", "p5": 0, "p50": 0, "p95": 0}]
    });
    let reference = json!({"basis": "", "item": "", "usd_per_chip_hour": 0, "date": "", "kind": "", "note": ""});
    assert_shape(
        &value,
        &json!({"chips": 512, "hours": 720, "start": "", "as_of": "", "seed": 0, "scenarios": 0, "assumed": [""], "price_path": path,
            "systems": [{"asked": "", "chip": "", "offers": [offer_shape], "more": 0, "references": [reference]}]}),
        "rent",
    );
    assert_eq!(value["price_path"]["months"].as_array().map(Vec::len), Some(25));
    let block = offer(&value, 0, "AWS", "capacity-block");
    assert_eq!(
        (block["bill_usd"].as_f64(), block["billed_hours"].as_f64(), block["instances"].as_u64()),
        (Some(961_250.3), Some(840.0), Some(32))
    );
    for o in value["systems"].as_array().expect("systems").iter().flat_map(|s| s["offers"].as_array().expect("offers")) {
        let i = &o["bill_interval_usd"];
        assert!(i["p5"].as_f64() <= i["p50"].as_f64() && i["p50"].as_f64() <= i["p95"].as_f64(), "{o}");
        assert!(!o["price_sources"].as_array().expect("sources").is_empty(), "{o}");
    }
}

/// Promise 3: same input and seed, same bytes, under one thread and two.
#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |threads: &str| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_secondsource"))
            .args(with(&["--json", "--seed", "7"]))
            .env("RAYON_NUM_THREADS", threads)
            .output()
            .expect("the binary runs");
        out.stdout
    };
    assert_eq!(run("1"), run("2"));
    assert_ne!(secondsource(&with(&["--json", "--seed", "8"])).stdout.into_bytes(), run("1"));
}

#[test]
fn pages_fit_their_width() {
    for columns in [80, 100, 160] {
        let text = secondsource_at(&MONTH, &columns.to_string()).ok();
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > columns).collect();
        assert!(long.is_empty(), "{columns} columns: {long:#?}");
    }
}

/// Nothing later than the date is read: before the cut of June 2025 p5 cost 12.29.
#[test]
fn an_earlier_date_has_its_own_prices() {
    let args = ["rent", "--on", "h100-sxm", "--chips", "8", "--hours", "24", "--contract", "on-demand", "--provider", "aws", "--json"];
    let at = |date: &str| {
        let value = secondsource(&args.iter().copied().chain(["--as-of", date]).collect::<Vec<_>>()).json();
        (offer(&value, 0, "AWS", "on-demand")["usd_per_chip_hour"].as_f64(), value["price_path"]["state"].clone())
    };
    assert_eq!(at("2025-04-01"), (Some(12.29), json!("glut")));
    assert_eq!(at("2026-10-08"), (Some(6.88), json!("tight")));
}

#[test]
fn what_has_no_price_says_so() {
    let ran = secondsource(&["rent", "--on", "trn3", "--chips", "64", "--hours", "24"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("trn3: no public rental price"), "{}", ran.stdout);
    let overlay = "examples/overlays/private-price.toml";
    let value = secondsource(&["rent", "--on", "trn3", "--chips", "64", "--hours", "24", "--catalog", overlay, "--json"]).json();
    assert_eq!(value["systems"][0]["offers"][0]["price_kind"], "user");
}

/// The rows add up to the bill; the block is bought once and used up.
#[test]
fn focus_rows_are_the_bill() {
    let path = scratch("rent-focus").join("block.csv");
    let path = path.to_str().expect("UTF-8");
    let args = ["rent", "--on", "trn2", "--chips", "512", "--hours", "720", "--start", "2027-01-01", "--contract", "capacity-block"];
    let ran = secondsource(&args.iter().copied().chain(["--focus", path, "--quiet"]).collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = std::fs::read_to_string(path).expect("the file");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap_or_else(|| panic!("{name}"));
    let rows: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    let cents = |name: &str| rows.iter().map(|r| (r[column(name)].parse::<f64>().expect("a number") * 100.0).round() as i64).sum::<i64>();
    assert_eq!((header.len(), cents("BilledCost"), cents("EffectiveCost")), (57, 96_125_030, 96_125_030));
    assert_eq!(rows.iter().filter(|r| &r[column("ChargeCategory")] == "Purchase").count(), 1);
    assert!(rows.iter().any(|r| &r[column("CapacityReservationStatus")] == "Unused"));
    let table = scratch_file("rent-csv", "offers.csv", "");
    secondsource(&with(&["--csv", &table, "--quiet"])).ok();
    let text = std::fs::read_to_string(table).expect("the file");
    assert!(text.starts_with("system,chip,contract,") && text.contains(",961250.30,"), "{text}");
}

#[test]
fn bad_input_is_told_and_writes_nothing() {
    let path = scratch("rent-bad").join("out.csv");
    let path = path.to_str().expect("UTF-8");
    for (more, says) in [
        (vec!["--start", "2027-13-01"], "is not a day"),
        (vec!["--start", "2020-01-01"], "before the day"),
        (vec!["--start", "2099-01-01"], "more than ten years"),
        (vec!["--contract", "capacity-blok"], "did you mean `capacity-block`"),
        (vec!["--hazard=-1"], "hazard"),
        (vec!["--checkpoint", "0"], "checkpoint"),
        (vec!["--hours", "NaN"], "--hours"),
        (vec!["--chips", "0"], "--chips"),
        (vec!["--on", "h100-sxn"], "did you mean `h100-sxm`"),
        (vec!["--focus", path], "charges are those of one offer"),
    ] {
        // A flag under test takes the place of the usual one.
        let usual = [["--on", "h100-sxm"], ["--chips", "8"], ["--hours", "24"]];
        let kept = usual.iter().filter(|pair| pair[0] != more[0]).flatten();
        let args: Vec<&str> = ["rent"].iter().chain(kept).chain(&more).copied().collect();
        let ran = secondsource(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{more:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(says), "{more:?}: {}", ran.stderr);
    }
    assert!(!std::path::Path::new(path).exists());
}
