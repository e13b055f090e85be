//! Facility power says what it rests on; run length is plain division.

use secondsource_base::Kind;
use secondsource_campaign::energy::{energy_kwh, facility_power, overhead_ratio};
use secondsource_campaign::length::run_length;
use secondsource_catalog::Catalog;

#[test]
fn published_power_is_taken_as_it_is() {
    let p = facility_power(Catalog::embedded(), "h100").unwrap();
    assert_eq!((p.kw_per_chip, p.kind), (1.73, Kind::ThirdParty));
    assert_eq!(p.sources, ["INFX"]);
    assert!(p.basis.contains("published all-in power of h100-sxm"));
    assert_eq!(energy_kwh(&p, 8.0, 10.0), 1.73 * 80.0);
}

#[test]
fn other_chips_take_the_median_ratio() {
    let over = overhead_ratio(Catalog::embedded()).unwrap();
    assert_eq!(over.chips.len(), 9);
    assert!(over.range.0 >= 1.0 && over.range.0 < over.ratio && over.ratio < over.range.1);
    // B200: 2.17 kW at 1,000 W is the middle one of the nine.
    assert_eq!(over.ratio, 2.17);
    let p = facility_power(Catalog::embedded(), "trn2").unwrap();
    assert_eq!((p.kw_per_chip, p.kind), (0.5 * 2.17, Kind::Derived));
    assert_eq!(
        p.basis,
        "derived: TDP of trn2 (500 W) times 2.17, the median of published all-in power over TDP of 9 other chips \
         (from 1.50 to 2.47)"
    );
    assert!(p.sources.contains(&"INFX".to_owned()) && p.sources.contains(&"EPOCH-CHIP".to_owned()));
}

#[test]
fn no_tdp_no_power() {
    assert!(facility_power(Catalog::embedded(), "mi455x").is_none());
    assert!(facility_power(Catalog::embedded(), "nothing").is_none());
}

#[test]
fn length_is_tokens_over_rate() {
    // 15.6e12 tokens at 1e6 tokens/s: 15.6e6 s.
    let run = run_length(15.6e12, 1e6, 1024.0).unwrap();
    assert!((run.days - 180.555_555).abs() < 1e-5);
    assert!((run.chip_hours - 15.6e6 / 3600.0 * 1024.0).abs() < 1e-3);
    for (tokens, rate, chips) in [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, f64::NAN, 1.0), (1.0, 1.0, -1.0)] {
        assert!(run_length(tokens, rate, chips).is_none());
    }
}
