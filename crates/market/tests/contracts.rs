//! What renting costs: rules of contracts, ratios, the back-tests of list prices.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use secondsource_base::Kind;
use secondsource_catalog::Catalog;
use secondsource_market::calendar::{date, instant, rfc3339};
use secondsource_market::contract::bill::length;
use secondsource_market::contract::{ContractKind, Need, Offer, RuleBook, SpotTerms, bill, bill_interval, implied_fall, offers};
use secondsource_market::money::Cents;
use secondsource_market::paths::{PathParams, price_paths};

fn at(day: &str) -> i64 {
    instant(day).expect("a date")
}

fn offer(chip: &str, provider: &str, kind: ContractKind) -> Offer {
    let all = offers(Catalog::embedded(), chip, at("2026-10-08")).expect("offers");
    all.into_iter().find(|o| o.provider == provider && o.contract == kind).unwrap_or_else(|| panic!("{chip} {provider} {kind:?}"))
}

fn spot() -> SpotTerms {
    SpotTerms::of(Catalog::embedded()).expect("spot table")
}

fn need(chips: u64, hours: f64, start: &str) -> Need {
    Need { chips, hours, start: at(start), as_of: at("2026-10-08") }
}

/// AWS: steps of a day up to 14 days, of 7 days up to 182.
#[test]
fn blocks_have_the_published_lengths() {
    let book = RuleBook::of(Catalog::embedded()).expect("rules");
    let rules = book.rules(ContractKind::CapacityBlock);
    let days: Vec<f64> =
        [0.1, 1.0, 1.01, 13.5, 14.0, 14.1, 21.0, 27.9, 181.0, 182.0].iter().map(|d| length(rules, d * 24.0) / 24.0).collect();
    assert_eq!(days, [1.0, 1.0, 2.0, 14.0, 14.0, 21.0, 21.0, 28.0, 182.0, 182.0]);
    assert_eq!((rules.max_instances_each, rules.max_instances_total), (Some(64), Some(256)));
    assert_eq!((rules.max_lead_days, rules.prepaid, rules.cancellable), (Some(56.0), true, false));
}

/// 512 Trainium2 for 30 days: 32 instances, a block of 35 days, 5 of them for nothing; ends at 11:30 UTC.
#[test]
fn a_block_is_paid_whole() {
    let o = offer("trn2", "AWS", ContractKind::CapacityBlock);
    assert_eq!((o.chips_per_instance, o.usd_per_chip_hour), (16, 35.7608 / 16.0));
    let b = bill(&o, &need(512, 720.0, "2027-01-01"), &spot());
    assert_eq!((b.instances, b.segments.len()), (32, 1));
    let s = b.segments[0];
    assert_eq!(s.billed_hours, 840.0);
    assert_eq!(b.usd, Cents::from_usd(35.7608 * 32.0 * 840.0));
    assert_eq!((rfc3339(s.start).as_str(), rfc3339(s.end).as_str()), ("2027-01-01T11:30:00Z", "2027-02-05T11:30:00Z"));
    assert_eq!(b.buy_from.map(date).as_deref(), Some("2026-11-06"));
    assert!((b.unused_usd.usd() / b.usd.usd() - 1.0 / 7.0).abs() < 1e-3);
    // Half an hour of the last day is lost.
    assert_eq!(bill(&o, &need(512, 336.0, "2026-11-01"), &spot()).missing_hours, 0.5);
    assert_eq!(bill(&o, &need(512, 720.0, "2026-11-01"), &spot()).missing_hours, 0.0);
}

#[test]
fn a_block_has_its_limits() {
    let o = offer("h100-sxm", "AWS", ContractKind::CapacityBlock);
    assert_eq!(o.chips_per_instance, 8);
    assert!(bill(&o, &need(2048, 24.0, "2026-11-01"), &spot()).obstacles.is_empty());
    let b = bill(&o, &need(2056, 24.0, "2026-11-01"), &spot());
    assert!(b.obstacles[0].contains("at most 256"), "{:?}", b.obstacles);
    // Longer than 26 weeks: one after the other.
    let b = bill(&o, &need(8, 200.0 * 24.0, "2026-11-01"), &spot());
    assert_eq!(b.segments.iter().map(|s| s.billed_hours / 24.0).collect::<Vec<_>>(), [182.0, 21.0]);
    assert_eq!(b.segments[0].end, b.segments[1].start);
}

#[test]
fn a_term_is_paid_whole() {
    let o = offer("h100-sxm", "AWS", ContractKind::Reserved3y);
    assert_eq!((o.usd_per_chip_hour, o.kind), (2.972, Kind::VendorViaThirdParty));
    let b = bill(&o, &need(512, 720.0, "2027-01-01"), &spot());
    assert_eq!(b.usd, Cents::from_usd(2.972 * 512.0 * 26280.0));
    assert!((b.usd_per_used_chip_hour - 2.972 * 26280.0 / 720.0).abs() < 1e-4);
}

/// No one-year price of p5 is published: the measured ratio stands in, and the offer says so.
#[test]
fn missing_commitments_are_derived_and_say_so() {
    let o = offer("h100-sxm", "AWS", ContractKind::Reserved1y);
    assert_eq!(o.kind, Kind::Derived);
    assert!((o.usd_per_chip_hour - 6.88 * 0.586).abs() < 1e-9);
    assert!(o.note.contains("not published") && o.note.contains("0.586"), "{}", o.note);
    // Trainium2 has no on-demand price, so nothing can be derived from one.
    let trn2 = offers(Catalog::embedded(), "trn2", at("2026-10-08")).expect("offers");
    assert_eq!(trn2.iter().map(|o| o.contract.name()).collect::<Vec<_>>(), ["spot", "capacity-block"]);
    assert!(offers(Catalog::embedded(), "trn3", at("2026-10-08")).expect("offers").is_empty());
}

/// The ratios of `commitments.toml` against the archived list prices that the catalog holds (2022 on).
#[test]
fn ratios_are_those_of_the_archived_prices() {
    let c = Catalog::embedded();
    let table = &c.table("commitments").expect("table").figures;
    let mut checked = 0;
    for (provider, prefix) in [("Amazon Web Services", "aws"), ("Google Cloud", "gcp"), ("Microsoft Azure", "azure")] {
        let rows: Vec<_> = c.history().iter().filter(|r| r.provider == provider).collect();
        for term in ["1y", "3y"] {
            let mut ratios: Vec<f64> = rows
                .iter()
                .filter_map(|r| {
                    Some(
                        (if term == "1y" { r.reserved_1y_usd_per_chip_h } else { r.reserved_3y_usd_per_chip_h })?
                            / r.on_demand_usd_per_chip_h?,
                    )
                })
                .collect();
            ratios.sort_by(f64::total_cmp);
            let n = ratios.len();
            let median = f64::midpoint(ratios[(n - 1) / 2], ratios[n / 2]);
            let set = &table[&format!("{prefix}-{term}")];
            // Azure's figure rests on older chips too: its rival is the ratio since 2022.
            let figure = set.rivals.first().unwrap_or(&set.main).value;
            assert!((median / figure - 1.0).abs() < 0.005, "{prefix} {term}: {median} of {n}, table {figure}");
            checked += n;
        }
    }
    assert!(checked > 80);
}

/// BT16: the rise of capacity blocks by 15% in January 2026.
#[test]
fn bt16_block_price_rise() {
    for (family, before, after) in [("p5e ", 34.61, 39.80), ("p5en ", 36.18, 41.61)] {
        let found: Vec<f64> = Catalog::embedded()
            .prices_of("h200")
            .filter(|p| {
                p.basis == "capacity-block"
                    && p.item.starts_with(family)
                    && p.unit == "USD/h"
                    && ["2025-12", "2026-01"].contains(&p.date.as_str())
            })
            .map(|p| p.price)
            .collect();
        assert_eq!(found, [before, after]);
        assert!((before * 1.15 / after - 1.0).abs() < 0.001);
    }
}

/// BT17: the cut of p5 by 44% in June 2025, from the list price before to the one since.
#[test]
fn bt17_list_price_cut() {
    let prices: Vec<_> = Catalog::embedded().prices_of("h100-sxm").filter(|p| p.item == "p5.48xlarge" && p.basis == "on-demand").collect();
    let of = |date: &str, region: &str| prices.iter().find(|p| p.date == date && p.region == region).map(|p| p.price).expect("price");
    let (before, since) = (of("2025-03-17", "us-east"), of("2026-09-19", "us-east-1"));
    assert_eq!(before, 98.32);
    assert!((before * (1.0 - 0.44) / since - 1.0).abs() < 0.005, "{since}");
}

/// BT19: commitments are priced as if list prices fell by 58 to 69% a year; neocloud prices fell by 28%.
#[test]
fn bt19_commitments_imply_a_steeper_fall_than_was_seen() {
    let (one, three) = (implied_fall(0.586, 1.0), implied_fall(0.354, 3.0));
    assert!((one - 0.69).abs() < 0.01 && (three - 0.58).abs() < 0.01, "{one} {three}");
    let seen = 1.0 - (2.49_f64 / 4.40).powf(1.0 / 1.75);
    assert!((seen - 0.28).abs() < 0.01, "{seen}");
    assert!(one < 3.0 * seen && three < 3.0 * seen);
    assert_eq!(implied_fall(1.0, 1.0), 0.0);
}

/// Without price noise and at one hazard, the interval is the bill; noise opens it only for what is not locked.
#[test]
fn intervals_follow_what_is_locked() {
    let still = PathParams {
        kappa: 1.0,
        sigma: 0.0,
        spread: 0.0,
        fall: 0.0,
        tight_years: 1.0,
        glut_years: 1.0,
        tight_now: 1.0,
        gap: 0.0,
        ln_kappa_se: 0.0,
        spread_se: 0.0,
        fall_se: 0.0,
        dwell_shape: 0.0,
    };
    let wild = PathParams { sigma: 0.5, ..still };
    let n = need(512, 720.0, "2027-01-01");
    for (provider, kind) in [("AWS", ContractKind::OnDemand), ("AWS", ContractKind::CapacityBlock), ("AWS", ContractKind::Reserved3y)] {
        let o = offer("h100-sxm", provider, kind);
        let b = bill(&o, &n, &spot());
        let quiet = bill_interval(&o, &n, &b, &spot(), &price_paths(&still, 24, 50, 1), 24, 1);
        assert!(quiet.iter().all(|q| (q / b.usd.usd() - 1.0).abs() < 1e-9), "{quiet:?}");
        let open = bill_interval(&o, &n, &b, &spot(), &price_paths(&wild, 24, 400, 1), 24, 1);
        // The block can first be bought a month from now, the term begins when it is bought.
        assert!(open[0] < b.usd.usd() && b.usd.usd() < open[2], "{open:?}");
        if kind != ContractKind::OnDemand {
            let today = Need { start: n.as_of, ..n };
            let b = bill(&o, &today, &spot());
            let open = bill_interval(&o, &today, &b, &spot(), &price_paths(&wild, 24, 400, 1), 24, 1);
            assert!(open.iter().all(|q| (q / b.usd.usd() - 1.0).abs() < 1e-9), "bought today: {open:?}");
        }
    }
}

/// Waste against a direct simulation of work, interruption and restart.
#[test]
fn spot_waste_is_that_of_a_simulated_job() {
    let terms = SpotTerms { checkpoint_hours: 2.0, restart_hours: 0.5, ..spot() };
    for rate_per_hour in [0.02, 0.2] {
        let mut stream = secondsource_base::Stream::new(1, "waste");
        let (mut billed, mut kept) = (0.0, 0.0);
        for _ in 0..20_000 {
            // One stretch to the next checkpoint.
            let mut ahead = stream.exponential(1.0 / rate_per_hour);
            while ahead < terms.checkpoint_hours {
                billed += ahead;
                ahead = stream.exponential(1.0 / rate_per_hour);
                while ahead < terms.restart_hours {
                    billed += ahead;
                    ahead = stream.exponential(1.0 / rate_per_hour);
                }
                billed += terms.restart_hours;
                ahead -= terms.restart_hours;
            }
            billed += terms.checkpoint_hours;
            kept += terms.checkpoint_hours;
        }
        let simulated = 1.0 - kept / billed;
        let closed = terms.waste(rate_per_hour * 730.0, 1.0);
        assert!((simulated - closed).abs() < 0.01, "{rate_per_hour}: {simulated} {closed}");
    }
    assert_eq!(terms.waste(0.0, 1e9), 0.0);
    assert_eq!(terms.waste(1e9, 1e9), 1.0);
}

/// For any job: the segments add up, no bill is below the hours used at the offer's price, more hours never cost less.
#[test]
fn bills_are_sound() {
    let c = Catalog::embedded();
    let all: Vec<Offer> = ["h100-sxm", "trn2", "gb200", "tpu-v5p", "b200"]
        .iter()
        .flat_map(|chip| offers(c, chip, at("2026-10-08")).expect("offers"))
        .collect();
    let config = Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, cases: 300, ..Config::default() };
    let job = (0..all.len(), 1u64..3000, 0.0..20_000.0f64, 0i64..1000, 0.0..2000.0f64);
    TestRunner::new(config)
        .run(&job, |(i, chips, hours, day, more)| {
            let o = &all[i];
            let start = at("2026-10-08") + day * 86_400;
            let n = Need { chips, hours, start, as_of: at("2026-10-08") };
            let b = bill(o, &n, &spot());
            prop_assert_eq!(b.segments.iter().map(|s| s.usd).sum::<Cents>(), b.usd);
            prop_assert!(
                b.usd.usd() + 0.01 * b.segments.len() as f64 >= o.usd_per_chip_hour * chips as f64 * (hours - b.missing_hours) - 0.01
            );
            prop_assert!(b.unused_usd >= Cents(-1) && b.unused_usd <= b.usd);
            prop_assert!(b.usd_low <= b.usd && b.usd <= b.usd_high);
            prop_assert!(b.chips >= chips && b.chips < chips + u64::from(o.chips_per_instance));
            prop_assert!(b.segments.windows(2).all(|w| w[0].end == w[1].start));
            let longer = bill(o, &Need { hours: hours + more, ..n }, &spot());
            prop_assert!(longer.usd >= b.usd);
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}
