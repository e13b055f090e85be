//! The seller's choice: closed forms, a second solver, and the back-tests BT01, BT11 and BT23.

use proptest::prelude::*;
use secondsource_market::finance::{capital_recovery, discount};
use secondsource_market::seller::{
    Batch, Chip, Demand, Fleet, Plan, Rack, Range, Rent, RunRate, Terms, Waterfall, allocate, annualised, break_even_share, curve, draw,
    price_at, quantiles, rent_value, revenue, sell_value, solve, sum_of_bands, tornado,
};
use serde_json::Value;

const GOLDENS: &str = include_str!("../../../validation/seller/goldens.json");

const CHIP: Chip = Chip { life_years: 4.0, kw: 1.0, system_usd: 10_000.0, residual: 0.1 };
const TERMS: Terms = Terms { rate: 0.1, site_usd_per_kw: 12_000.0, site_years: 15.0, usd_per_kwh: 0.07, draw: 0.8 };
const RENT: Rent = Rent { usd_per_hour: 2.0, decline: 0.2, utilisation: 0.8, attach: 0.2, margin: 0.9, opex_usd: 300.0, start_years: 0.0 };
const RACK: Rack = Rack {
    price_usd: 21_000.0,
    support: 0.05,
    support_years: 4.0,
    support_margin: 0.6,
    software_usd: 500.0,
    freed_usd_per_kw_year: 200.0,
    start_years: 0.0,
};

fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-9), "{a} is not {b} within {tolerance}");
}

fn adds_up(w: &Waterfall) {
    assert_eq!(w.total_usd, w.lines.iter().map(|l| l.usd).sum::<f64>());
}

/// The formula of docs/seller.md written out by hand for four years.
#[test]
fn rent_is_its_formula() {
    let w = rent_value(&CHIP, &TERMS, &RENT);
    adds_up(&w);
    let (mut by_hand, mut price) = (0.0, 2.0);
    for t in 1..=4 {
        let site = 12_000.0 * 1.0 * capital_recovery(0.1, 15.0);
        let year = price * 0.8 * 8760.0 * 1.2 * 0.9 - 1.0 * 0.8 * 8760.0 * 0.07 - 300.0 - site;
        by_hand += year / 1.1f64.powi(t);
        price *= 0.8;
    }
    by_hand += -10_000.0 + 1_000.0 / 1.1f64.powi(4);
    near(w.total_usd, by_hand, 1e-12);
}

#[test]
fn a_sale_is_its_formula() {
    let w = sell_value(&CHIP, &TERMS, &RACK);
    adds_up(&w);
    let annuity: f64 = (1..=4).map(|t| discount(0.1, f64::from(t))).sum();
    near(w.total_usd, 21_000.0 - 10_000.0 + 21_000.0 * 0.05 * 0.6 * annuity + 500.0 + 200.0 * annuity, 1e-12);
}

/// Half a year is half of it; service that begins later is worth less by the discount and by the fallen price.
#[test]
fn parts_of_years_and_late_starts() {
    let flat = Rent { decline: 0.0, ..RENT };
    let hours = |life: f64, rent: &Rent| rent_value(&Chip { life_years: life, ..CHIP }, &TERMS, rent).lines[0].usd;
    near(hours(2.5, &flat) - hours(2.0, &flat), 0.5 * 2.0 * 0.8 * 8760.0 / 1.1f64.powi(3), 1e-9);
    let late = Rent { start_years: 1.0, ..RENT };
    near(hours(3.0, &late), hours(3.0, &RENT) * 0.8 / 1.1, 1e-12);
}

/// A fleet of which any share can be sold, tried share by share.
fn brute(rent: f64, sell: f64, demand: f64, kappa: f64) -> (f64, f64, f64) {
    let value = |s: f64| s * sell + (1.0 - s).min(demand - kappa * s).max(0.0) * rent.max(0.0);
    let shares = (0..=100_000).map(|i| f64::from(i) / 1e5);
    let best = shares.clone().map(value).fold(f64::NEG_INFINITY, f64::max);
    let last = shares.filter(|s| value(*s) >= value(0.0) - 1e-9 * value(0.0).abs()).fold(0.0, f64::max);
    (best - value(0.0), last, value(0.0))
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn break_even_is_what_trying_finds(rent in 100.0..30_000.0f64, sell in -5_000.0..30_000.0f64, demand in 0.0..2.0f64, kappa in 0.0..1.0f64) {
        let b = break_even_share(rent, sell, demand, kappa);
        let (gain, share, scale) = brute(rent, sell, demand, kappa);
        prop_assert!((b.gain_usd - gain).abs() < 1e-3 * scale.abs().max(sell.abs()), "{b:?} {gain}");
        prop_assert!((b.share - share).abs() < 2e-3, "{b:?} {share}");
        prop_assert!((b.kappa.unwrap() - (sell / rent).max(0.0)).abs() < 1e-12);
    }

    /// Chips split between two uses: nothing is lost, nothing is made, and what is left over costs nothing.
    #[test]
    fn allocations_keep_their_limits(
        counts in proptest::collection::vec(0.0..5e5f64, 3), usd in proptest::collection::vec(-2e4..5e4f64, 9), megawatts in 1.0..900.0f64, cap in 1e3..1e6f64, kappa in 0.0..1.0f64,
    ) {
        let f = Fleet {
            batches: (0..3).map(|q| Batch { chip: 0, quarter: q, count: counts[q], kw: 1.2, usd: usd[3 * q..3 * q + 3].iter().map(|v| Some(*v)).collect() }).collect(),
            leaves: vec![false, false, true],
            megawatts: vec![megawatts, megawatts * 1.5, megawatts * 2.0],
            demand: Demand { uses: vec![None, Some(vec![cap; 3]), None], in_service: Some(vec![cap * 2.0; 3]), kappa },
        };
        let a = allocate(&f).unwrap();
        prop_assert!(a.gap.abs() < 1e-7, "{}", a.gap);
        for (b, chips) in f.batches.iter().zip(&a.chips) {
            prop_assert!(chips.iter().sum::<f64>() <= b.count * (1.0 + 1e-9) + 1e-3);
        }
        for (used, there) in a.megawatts_used.iter().zip(&f.megawatts) {
            prop_assert!(*used <= there * (1.0 + 1e-9) + 1e-6);
        }
        // Complementary slackness: what is not used up has no price, and what has a price is used up.
        for (i, (b, chips)) in f.batches.iter().zip(&a.chips).enumerate() {
            let left = b.count - chips.iter().sum::<f64>();
            prop_assert!(left * a.chip_prices[i] <= 1e-6 * a.value_usd.max(1.0), "{left} chips left at {}", a.chip_prices[i]);
        }
        for (q, (used, there)) in a.megawatts_used.iter().zip(&f.megawatts).enumerate() {
            prop_assert!((there - used) * a.megawatt_prices[q] <= 1e-6 * a.value_usd.max(1.0));
        }
        // No use brings more than a chip is worth once it has paid for what is scarce; those that are done bring just that.
        for (i, (net, chips)) in a.net_usd.iter().zip(&a.chips).enumerate() {
            for (net, x) in net.iter().zip(chips) {
                let over = net.unwrap() - a.chip_prices[i];
                prop_assert!(over <= 1e-2 && (*x < 1.0 || over >= -1e-2), "{x} chips at {over} over their price");
            }
        }
        // One more chip or megawatt, solved again, gains no more than its price, and a little less loses no less.
        let more = |change: &dyn Fn(&mut Fleet)| { let mut g = f.clone(); change(&mut g); allocate(&g).unwrap().value_usd - a.value_usd };
        for i in 0..3 {
            let up = more(&|g| g.batches[i].count += 100.0) / 100.0;
            prop_assert!(up <= a.chip_prices[i] + 1e-6 * a.value_usd.max(1.0) / 100.0, "{up} {}", a.chip_prices[i]);
            let down = -more(&|g| g.megawatts[i] -= 0.1) / 0.1;
            prop_assert!(down >= a.megawatt_prices[i] - 1e-6 * a.value_usd.max(1.0) / 0.1, "{down} {}", a.megawatt_prices[i]);
        }
    }

    #[test]
    fn curves_are_of_equal_revenue(total in 1e9..1e12f64, other in 0.0..1e9f64, chips in 1e3..1e8f64) {
        let price = price_at(total, chips, other).unwrap();
        prop_assert!((revenue(chips, price, other) / total - 1.0).abs() < 1e-12);
    }
}

/// Forty fleets modelled and solved a second time by HiGHS (validation/seller/goldens.py): the same optimum, and every price
/// between what one more unit gains and what the last one gained.
#[test]
fn highs_agrees() {
    let goldens: Vec<Value> = serde_json::from_str(GOLDENS).unwrap();
    let numbers = |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
    let optional = |v: &Value| if v.is_null() { None } else { Some(numbers(v)) };
    assert_eq!(goldens.len(), 40);
    for (n, g) in goldens.iter().enumerate() {
        let f = &g["fleet"];
        let batches = f["batches"].as_array().unwrap().iter().map(|b| Batch {
            chip: b["chip"].as_u64().unwrap() as usize,
            quarter: b["quarter"].as_u64().unwrap() as usize,
            count: b["count"].as_f64().unwrap(),
            kw: b["kw"].as_f64().unwrap(),
            usd: b["usd"].as_array().unwrap().iter().map(Value::as_f64).collect(),
        });
        let fleet = Fleet {
            batches: batches.collect(),
            leaves: f["leaves"].as_array().unwrap().iter().map(|b| b.as_bool().unwrap()).collect(),
            megawatts: numbers(&f["megawatts"]),
            demand: Demand {
                uses: f["uses"].as_array().unwrap().iter().map(optional).collect(),
                in_service: optional(&f["in_service"]),
                kappa: f["kappa"].as_f64().unwrap(),
            },
        };
        let a = allocate(&fleet).unwrap_or_else(|e| panic!("{n}: {e}"));
        near(a.value_usd, g["value"].as_f64().unwrap(), 1e-7);
        assert!(a.gap.abs() < 1e-7, "{n}: {}", a.gap);
        let prices = a.chip_prices.iter().chain(&a.megawatt_prices);
        for (i, (price, ends)) in prices.zip(g["ends"].as_array().unwrap()).enumerate() {
            let (more, less) = (ends[0].as_f64().unwrap(), ends[1].as_f64());
            // Differences of values of 1e10 with steps of 1e-6 keep four digits.
            let slack = 1e-3 * price.abs() + 1e-9 * a.value_usd / 1e-3;
            assert!(*price >= more - slack, "{n}.{i}: {price} below {more}");
            assert!(less.is_none_or(|l| *price <= l + slack), "{n}.{i}: {price} above {less:?}");
        }
    }
}

#[test]
fn programs_at_the_edge() {
    let none =
        Fleet { batches: vec![], leaves: vec![], megawatts: vec![1.0], demand: Demand { uses: vec![], in_service: None, kappa: 0.0 } };
    assert_eq!(allocate(&none).unwrap().value_usd, 0.0);
    let mut plan = Plan::new(&none);
    plan.program.gains.push(1.0);
    plan.program.rows.clear();
    assert_eq!(solve(&plan.program).unwrap_err(), "the program has no bound");
}

/// BT01 and BT23: filings, four times a quarter. The article's 326 B is NVIDIA's whole revenue, not its data centres'.
#[test]
fn run_rates_of_filings() {
    near(annualised(81.615e9), 326e9, 0.005);
    near(annualised(75.246e9), 301e9, 0.001);
    near(annualised(96.2e9), 385e9, 0.001);
    assert_eq!(364.0 + 100.0, 464.0);
}

/// BT11: 50 B is on the curve at each of the published points, and no point is singled out.
#[test]
fn fifty_billion_is_a_curve() {
    for (chips, price, other) in [(2.0e6, 21_000.0, 8e9), (1.5e6, 28_000.0, 8e9), (2.5e6, 16_800.0, 8e9)] {
        near(revenue(chips, price, other), 50e9, 1e-12);
        near(price_at(50e9, chips, other).unwrap(), price, 1e-12);
    }
    assert_eq!(price_at(50e9, 0.0, 0.0), None);
    assert_eq!(price_at(50e9, 1e6, 60e9), None);
    let c = curve(50e9, 8e9, &[1e6, 2e6, 4e6]);
    assert!(c.points.windows(2).all(|w| w[0].1 > w[1].1));
    let bands = RunRate {
        total_usd: 50e9,
        chips: Range { low: 1.2e6, middle: 2.0e6, high: 3.0e6 },
        price_usd: Range { low: 12_000.0, middle: 21_000.0, high: 30_000.0 },
        other_usd: Range { low: 2e9, middle: 8e9, high: 15e9 },
    };
    let s = sum_of_bands(&bands, 4000, 1);
    assert!(s.contains && s.revenue_usd.high > 1.5 * s.revenue_usd.low, "{s:?}");
    assert_eq!(s, sum_of_bands(&bands, 4000, 1));
    // Bands that cannot make it say so.
    let poor = RunRate { price_usd: Range { low: 1_000.0, middle: 2_000.0, high: 3_000.0 }, ..bands };
    assert!(!sum_of_bands(&poor, 4000, 1).contains);
}

#[test]
fn draws_keep_their_quantiles() {
    let ranges = [Range { low: 1.0, middle: 2.0, high: 5.0 }, Range::exactly(3.0)];
    let values: Vec<Vec<f64>> = (0..20_000).map(|i| draw(&ranges, &[(0.5, 5.5), (0.0, 9.0)], 7, i)).collect();
    let q = quantiles(&values.iter().map(|v| v[0]).collect::<Vec<_>>());
    near(q.low, 1.0, 0.03);
    near(q.middle, 2.0, 0.02);
    near(q.high, 5.0, 0.02);
    assert!(values.iter().all(|v| v[1] == 3.0 && (0.5..=5.5).contains(&v[0])));
    assert_eq!(draw(&ranges, &[(0.5, 5.5), (0.0, 9.0)], 7, 3), values[3]);
}

/// 2 x - y flips where y passes 2 x, and only inputs with a width are listed, widest swing first.
#[test]
fn the_tornado_finds_what_flips() {
    let ranges = [Range { low: 0.9, middle: 1.0, high: 1.1 }, Range { low: 1.0, middle: 1.5, high: 4.0 }, Range::exactly(9.0)];
    let bars = tornado(&ranges, &|x| 2.0 * x[0] - x[1]);
    assert_eq!(bars.len(), 2);
    assert_eq!((bars[0].input, bars[0].flips, bars[1].input, bars[1].flips), (1, true, 0, false));
    near(bars[0].flips_at.unwrap(), 2.0, 1e-12);
    near(bars[1].at_low, 0.3, 1e-12);
}
