//! The seller's choice: values of one chip, and allocations of a fleet with their prices.

use divan::{Bencher, black_box};
use secondsource_market::seller::{Batch, Chip, Demand, Fleet, Range, Rent, RunRate, Terms, allocate, rent_value, sum_of_bands};

fn main() {
    divan::main();
}

/// Generations by quarters, four uses, the last of them a sale; chips, megawatts and buyers are all short somewhere.
fn fleet(generations: usize, quarters: usize) -> Fleet {
    let mut batches = Vec::new();
    for g in 0..generations {
        for q in 0..quarters {
            let worth = 1e4 * (1.0 + 0.3 * g as f64) * 0.97f64.powi(q as i32);
            let usd = [1.0, 1.15, 0.6, 0.55].iter().map(|s| Some(worth * s)).collect();
            batches.push(Batch { chip: g, quarter: q, count: 1e5 * (1.0 + 0.1 * q as f64), kw: 1.0 + 0.5 * g as f64, usd });
        }
    }
    let grow = |first: f64, step: f64| (0..quarters).map(|q| first + step * q as f64).collect::<Vec<f64>>();
    Fleet {
        batches,
        leaves: vec![false, false, false, true],
        megawatts: grow(150.0, 120.0),
        demand: Demand {
            uses: vec![Some(grow(5e4, 1e4)), None, Some(grow(3e4, 1e4)), Some(grow(6e4, 5e3))],
            in_service: Some(grow(1.5e5, 1.1e5)),
            kappa: 0.3,
        },
    }
}

#[divan::bench]
fn rented_for_five_years(bencher: Bencher) {
    let chip = Chip { life_years: 5.0, kw: 1.1, system_usd: 7000.0, residual: 0.05 };
    let terms = Terms { rate: 0.1, site_usd_per_kw: 13_000.0, site_years: 15.0, usd_per_kwh: 0.1, draw: 0.8 };
    let rent = Rent { usd_per_hour: 1.5, decline: 0.15, utilisation: 0.7, attach: 0.2, margin: 0.9, opex_usd: 300.0, start_years: 0.0 };
    bencher.bench(|| rent_value(black_box(&chip), &terms, &rent));
}

#[divan::bench(args = [(2, 8), (4, 12), (8, 40)])]
fn allocation(bencher: Bencher, (generations, quarters): (usize, usize)) {
    let f = fleet(generations, quarters);
    bencher.bench(|| allocate(black_box(&f)));
}

#[divan::bench]
fn sum_of_bands_20000(bencher: Bencher) {
    let range = |middle: f64| Range { low: 0.5 * middle, middle, high: 2.0 * middle };
    let r = RunRate { total_usd: 50e9, chips: range(2e6), price_usd: range(21e3), other_usd: range(8e9) };
    bencher.bench(|| sum_of_bands(black_box(&r), 20_000, 1));
}
