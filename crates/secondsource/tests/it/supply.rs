//! Supply: back-tests with their tolerance, and the frozen forecast.

use secondsource::Catalog;
use secondsource::supply::{BackTest, FROZEN, SupplyValidation, Verdict, validate_supply};

fn all() -> SupplyValidation {
    validate_supply(Catalog::embedded()).expect("the catalog has every figure")
}

fn row(v: &SupplyValidation, id: &str) -> BackTest {
    v.rows.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("{id} is not there")).clone()
}

/// Numbers that the study behind the back-tests printed, computed by another program.
#[test]
fn the_study_is_met() {
    let v = all();
    for (id, value, tolerance) in [
        ("BT02", 29.0, 0.5),
        ("BT03", 16.0, 0.0),
        ("BT04", 147.2, 0.05),
        ("BT05", 636.0, 1.0),
        ("BT06", 10.0, 1.0),
        ("BT07", 4.36, 0.03),
        ("BT08", 0.63, 0.005),
        ("BT13", 20.8, 0.05),
        ("BT14", 85.0, 0.5),
        ("BT15", 67.0, 1.0),
        ("BT27", 14.9, 0.05),
        ("BT28", 53.0, 0.5),
    ] {
        let r = row(&v, id);
        assert!((r.value - value).abs() <= tolerance, "{id}: {} instead of {value}", r.value);
    }
    assert!(row(&v, "BT04").ours.contains("160.2"));
    assert!(row(&v, "BT28").ours.contains("14.5"));
    assert!(row(&v, "BT27").ours.contains("12.4"));
    assert_eq!(row(&v, "BT14").ours, "harvest 72 to 85%, Poisson 44 to 67%, Murphy 47 to 67% for D0 0.10 to 0.05");
    // Best lag and yield of the replay, and the bar that it must pass.
    assert!(row(&v, "BT06").ours.contains("lag 0.25 and yield 0.60; persistence 15.9%"));
}

/// What is claimed, what is not, and what fails. A change of this list is a change of what the model can say.
#[test]
fn verdicts() {
    let v = all();
    let of = |verdict: Verdict| -> Vec<&str> { v.rows.iter().filter(|r| r.verdict == verdict).map(|r| r.id).collect() };
    assert_eq!(of(Verdict::Inside), ["BT02", "BT03", "BT04", "BT05", "BT08", "BT09", "BT10", "BT12", "BT13", "BT14", "BT15"]);
    assert_eq!(of(Verdict::Outside), ["BT22", "BT30"]);
    assert_eq!(of(Verdict::InSample), ["BT06"]);
    assert_eq!(of(Verdict::Unresolved), ["BT28"]);
    assert_eq!(of(Verdict::Informative), ["BT07", "BT27"]);
    assert_eq!((v.inside, v.outside, v.not_claimed), (11, 2, 4));
    assert!(v.rows.iter().all(|r| !r.caveat.is_empty() && ["A", "B", "C"].contains(&r.trust)));
    // Within tolerance as stated: 1% and 2%.
    assert!(row(&v, "BT09").value <= 1.0 && row(&v, "BT10").value <= 2.0);
}

/// Later filings do not move the frozen forecast: with every row published after the day taken away it is the same to the bit, and
/// then there is nothing to score.
#[test]
fn the_frozen_forecast_does_not_peek() {
    let v = all();
    assert_eq!(v.frozen_on, FROZEN);
    let files = secondsource::catalog::embedded_files();
    let cut: Vec<(&str, String)> = files
        .iter()
        .map(|(name, text)| {
            if !name.ends_with("statements.csv") {
                return (*name, (*text).to_owned());
            }
            let keep = |line: &&str| {
                // The date of publication stands right before the source.
                let cells: Vec<&str> = line.split(',').collect();
                let at = cells.iter().rposition(|c| secondsource::catalog::walk::is_date(c));
                at.is_none_or(|i| cells[i] <= FROZEN)
            };
            (*name, text.lines().filter(keep).map(|l| format!("{l}\n")).collect())
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = cut.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let (catalog, diags) = Catalog::from_files(&borrowed);
    assert!(diags.is_empty(), "{diags:?}");
    assert!(catalog.statements().len() < Catalog::embedded().statements().len());
    let blind = validate_supply(&catalog).expect("complete");
    assert_eq!(blind.forecast.len(), 8);
    for (a, b) in v.forecast.iter().zip(&blind.forecast) {
        assert_eq!((a.series, a.ahead, &a.known_until), (b.series, b.ahead, &b.known_until));
        assert!(b.actual.is_none() && b.inside.is_none() && a.published.as_str() <= FROZEN);
    }
}

/// What came of it, as it came: three of four inside, AWS's revenue above its interval.
#[test]
fn the_frozen_forecast_was_scored_once() {
    let v = all();
    let first: Vec<_> = v.forecast.iter().filter(|f| f.ahead.quarters == 1).collect();
    let g = |x: f64| (x / 1e8).round() / 10.0;
    let got: Vec<_> = first.iter().map(|f| (f.series, g(f.ahead.p10), g(f.ahead.p90), f.actual.map(g), f.inside)).collect();
    assert_eq!(
        got,
        [
            ("nvidia-revenue", 87.8, 100.9, Some(96.2), Some(true)),
            ("nvidia-data-centre-revenue", 80.4, 95.1, Some(89.0), Some(true)),
            ("aws-revenue", 38.6, 40.6, Some(42.2), Some(false)),
            ("aws-backlog", 298.0, 674.2, Some(496.0), Some(true)),
        ]
    );
    // Guidance is no result, so the second quarter has nothing to be scored with.
    assert!(v.forecast.iter().filter(|f| f.ahead.quarters == 2).all(|f| f.actual.is_none()));
}
