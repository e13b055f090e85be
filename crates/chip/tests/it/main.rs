//! Operators of one chip: counts by hand, bounds that no chip breaks, published measurements.

#[path = "../support/calibration.rs"]
mod calibration;

mod attention;
mod engines;
mod gemm;
mod kernels;
mod power;

use secondsource_base::Dtype;
use secondsource_catalog::Catalog;
use secondsource_chip::Engine;
use secondsource_workload::recipe::Recipe;

/// A chip of the catalog under the shipped calibration and the software of 2026.
pub fn engine(chip: &str, linear: Dtype) -> Engine {
    let hw = Catalog::embedded().hardware(chip).expect("a chip of the catalog");
    let recipe = Recipe::mixed(linear, calibration::MODERN);
    Engine::new(&hw.chip, &recipe, &calibration::params(), &calibration::energy()).expect("the chip has the peaks")
}

pub fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs(), "{a} is not {b} within {tolerance}");
}
