//! The rental price of a chip is one published price, picked by the documented rule.

use secondsource_base::Kind;
use secondsource_catalog::Catalog;
use secondsource_market::rent::{Basis, quote};

fn best(chip: &str) -> Option<(f64, String, String, String)> {
    let q = quote(Catalog::embedded(), chip, Basis::Best)?;
    Some(((q.usd_per_chip_hour * 1e4).round() / 1e4, q.basis, q.provider, q.date))
}

fn row(usd: f64, basis: &str, provider: &str, date: &str) -> Option<(f64, String, String, String)> {
    Some((usd, basis.to_owned(), provider.to_owned(), date.to_owned()))
}

#[test]
fn one_price_a_chip() {
    for (chip, expected) in [
        ("h100-sxm", row(6.88, "on-demand", "AWS", "2026-09-19")),
        ("h200", row(7.912, "on-demand", "AWS", "2026-09-19")),
        ("b200", row(14.0, "on-demand", "OCI", "2026-09-19")),
        ("gb300", row(18.0, "on-demand", "OCI", "2026-09-19")),
        ("mi300x", row(6.0, "on-demand", "Azure", "2026-09-19")),
        ("trn1", row(1.3438, "on-demand", "AWS", "2026-09-19")),
        ("trn2", row(2.2351, "capacity-block", "AWS", "2026-10-08")),
        ("tpu-v5p", row(4.2, "on-demand", "GCP", "2026-08-19")),
        ("mi350x", row(4.76, "reserved-1y", "DigitalOcean", "2026-09")),
        ("trn3", None),
        ("tpu-v7", None),
        ("gaudi3", None),
        ("h20", None),
    ] {
        assert_eq!(best(chip), expected, "{chip}");
    }
    assert_eq!(best("trainium2"), best("trn2"), "aliases mean the same");
}

#[test]
fn a_series_can_be_asked_for() {
    let c = Catalog::embedded();
    let spot = quote(c, "h100", Basis::Spot).unwrap();
    assert_eq!((spot.basis.as_str(), spot.provider.as_str()), ("spot", "GCP"));
    let block = quote(c, "h100", Basis::CapacityBlock).unwrap();
    assert_eq!((block.usd_per_chip_hour, block.date.as_str(), block.source.as_str()), (5.970, "2026-10-07", "CB-OCT"));
    assert!(!block.source_title.is_empty());
    assert!(quote(c, "trn2", Basis::OnDemand).is_none());
    for basis in Basis::PREFERENCE {
        assert_eq!(Basis::parse(basis.name()), Some(basis));
        if let Some(q) = quote(c, "h200", basis) {
            assert_eq!(q.basis, basis.name());
        }
    }
}

#[test]
fn a_private_price_wins() {
    let mine = "[[price]]\nitem = \"deal\"\nchip = \"trn3\"\nchips_in_item = 144\nprovider = \"AWS\"\nbasis = \"reserved-3y\"\n\
                price = 288\nunit = \"USD/h\"\ndate = \"2026-11-01\"\nkind = \"user\"\n";
    let c = Catalog::embedded().with_overlay("mine.toml", mine).unwrap();
    let q = quote(&c, "trn3", Basis::Best).unwrap();
    assert_eq!((q.usd_per_chip_hour, q.basis.as_str(), q.kind), (2.0, "reserved-3y", Kind::User));
}

#[test]
fn prices_that_are_not_rents_never_appear() {
    for chip in Catalog::embedded().chips() {
        if let Some(q) = quote(Catalog::embedded(), &chip.id, Basis::Best) {
            assert!(Basis::parse(&q.basis).is_some() && q.usd_per_chip_hour < 50.0, "{}: {q:?}", chip.id);
            assert!(!q.provider.is_empty() && !q.date.is_empty() && !q.source.is_empty());
        }
    }
}
