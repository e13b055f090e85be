//! The core of `decide` at the size of the speed target: 24 months, 1,000 scenarios.

#[path = "../tests/decide/cases.rs"]
mod cases;

use cases::{Size, program};
use secondsource_market::decide::{Aim, Ready, Risk, Together, solve};

const SYSTEM: Size = Size { periods: 24, commitments: 12, rentals: 2, demands: 1, scenarios: 1000, shared: false };

fn main() {
    divan::main();
}

/// Costs and slopes of 1,000 scenarios for one trial of commitments.
#[divan::bench(args = [1, 3])]
fn costs(bencher: divan::Bencher, demands: usize) {
    let p = program(1, Size { demands, shared: demands > 1, ..SYSTEM });
    let ready = Ready::new(&p);
    let x: Vec<f64> = p.commitments.iter().map(|c| c.most * 0.1).collect();
    bencher.bench(|| ready.costs(&x));
}

/// The best commitments of one system.
#[divan::bench(args = [0.0, 0.5])]
fn best(bencher: divan::Bencher, weight: f64) {
    let p = program(1, SYSTEM);
    let ready = Ready::new(&p);
    let aim = Aim { risk: Risk { level: 0.9, weight }, ..Aim::MEAN };
    bencher.bench(|| solve(&Together::new(vec![&ready]), &aim, &|_| true).cuts);
}
