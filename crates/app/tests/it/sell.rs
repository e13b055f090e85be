use crate::run::{assert_shape, fits, scratch, scratch_file, secondsource};
use serde_json::json;

const EXAMPLE: &str = "examples/sell-trainium.toml";

#[test]
fn the_sellers_page() {
    let words = [
        "Rent some, sell some",
        "Assumptions: no public source gives these",
        "From the catalog and the serving model",
        "attached services",
        "break-even",
        "USD/MW",
        "flips at",
        "megawatt through all quarters",
        "catalog: AWS capacity-block",
    ];
    fits(&["sell", EXAMPLE, "--scenarios", "32"], &words);
}

#[test]
fn sell_keeps_its_json() {
    let value = secondsource(&["sell", EXAMPLE, "--scenarios", "32", "--json"]).json();
    let interval = json!({"p5": 0, "p50": 0, "p95": 0});
    let used = json!({"name": "", "lines": [{"name": "", "usd": 0}], "total_usd": 0, "usd": interval, "usd_per_kw": 0});
    let chip = json!({
        "id": "", "chips": 0, "kw": 0, "uses": [used], "best_rent": "", "rent_usd": interval, "sell_usd": interval,
        "sell_after_cannibalisation_usd": interval, "break_even_kappa": interval,
        "break_even": {"kappa": 0, "best_share": 0, "gain_usd": 0, "share": 0}, "selling_wins": 0
    });
    let quarter =
        json!({"quarter": 0, "chips": [{"name": "", "chips": 0}], "idle": 0, "megawatts": 0, "megawatts_used": 0, "megawatt_price_usd": 0});
    let fleet = json!({
        "value_usd": interval, "shares": [{"name": "", "share": interval}], "idle": interval, "chip_price_usd": [{"id": "", "usd": interval}],
        "megawatt_price_usd": interval, "gain_of_selling_usd": interval, "binds": [""], "quarters": [quarter], "worst_gap": 0
    });
    let input = json!({"name": "", "unit": "", "low": 0, "middle": 0, "high": 0, "origin": "", "assumed": true});
    let bar = json!({
        "input": "", "unit": "", "low": 0, "high": 0, "gain_at_low_usd": 0, "gain_at_high_usd": 0, "sold_at_low": 0, "sold_at_high": 0,
        "flips": true
    });
    assert_shape(
        &value,
        &json!({
            "name": "", "quarters": 0, "scenarios": 0, "seed": 0, "choice": "", "chips": [chip], "fleet": fleet, "tornado": [bar],
            "inputs": [input], "notes": [""]
        }),
        "sell",
    );
}

#[test]
fn nonsense_is_refused() {
    for (name, text, word) in [
        ("empty", "", "no table [money]"),
        ("torn", "[money", "not valid TOML"),
        ("other", "[mony]\n", "mony"),
        ("bytes", "name = \"\u{0}\"", "not valid TOML"),
    ] {
        let path = scratch_file("sell", &format!("{name}.toml"), text);
        let ran = secondsource(&["sell", &path]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.stdout);
        assert!(ran.stderr.contains(word) && ran.stderr.contains(&format!("{name}.toml:")), "{name}: {}", ran.stderr);
    }
    for args in [vec!["sell", "no-such.toml"], vec!["sell", EXAMPLE, "--scenarios", "1"], vec!["sell", EXAMPLE, "--scenarios", "21000"]] {
        assert_eq!(secondsource(&args).code, 2, "{args:?}");
    }
}

#[test]
fn the_page_of_run_rates() {
    let words = ["$50.0B a year", "326.46B", "384.80B", "300.98B", "guidance", "lies within", "Trainium3 forecast", "none is a price"];
    fits(&["run-rate"], &words);
    let text = secondsource(&["run-rate", "--total", "5T"]).ok();
    assert!(text.contains("lies outside"), "{text}");
    let text = secondsource(&["run-rate", "--total", "25B", "--chips", "1M,1.5M,2M", "--other", "0"]).ok();
    assert!(text.contains("chips: as asked") && text.contains("25,000"), "{text}");
    for (flag, word) in [
        ("--chips=2M,1M,3M", "three rising numbers"),
        ("--price=1,2", "three rising numbers"),
        ("--other=-5", "three rising numbers"),
        ("--total=nothing", "--total"),
    ] {
        let ran = secondsource(&["run-rate", flag]);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{flag}: {}", ran.stderr);
    }
}

#[test]
fn run_rate_keeps_its_json_and_draws() {
    let file = scratch("run-rate").join("curve.svg");
    let path = file.to_str().expect("UTF-8");
    let value = secondsource(&["run-rate", "--json", "--plot", path]).json();
    let range = json!({"low": 0, "middle": 0, "high": 0});
    assert_shape(
        &value,
        &json!({
            "total_usd": 0, "total_origin": "", "combinations": [{"chips": 0, "prices": [{"other_usd": 0, "usd_per_chip": 0}], "beyond": []}],
            "curves": [{"other_usd": 0, "points": [[0, 0]]}], "bands": [{"name": "", "axis": "", "low": 0, "high": 0, "source": ""}],
            "chips": range, "price_usd": range, "other_usd": range, "band_origins": [""],
            "allowed": {"revenue_usd": range, "near": 0, "contains": true},
            "filings": [{"series": "", "start": "", "end": "", "quarter_usd": 0, "annualised_usd": 0, "qualifier": "", "source": ""}],
            "statements": [""]
        }),
        "run-rate",
    );
    let svg = std::fs::read_to_string(&file).expect("a picture");
    assert!(svg.starts_with("<svg") && svg.contains("TPU v7 rack order"));
}
