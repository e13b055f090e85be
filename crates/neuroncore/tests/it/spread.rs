//! Intervals of predicted times.

use secondsource_neuroncore::{Calibration, Gen};

/// Trainium3 has no published time, so its interval is wider than that of generations that have.
#[test]
fn what_nobody_measured_is_less_sure() {
    let c = Calibration::embedded().expect("it ships");
    for products in [true, false] {
        let of = |version| c.spread_of(version, products);
        assert!(of(Gen::Gen4) > 1.05 * of(Gen::Gen3) && of(Gen::Gen3) == of(Gen::Gen2), "{} {}", of(Gen::Gen4), of(Gen::Gen3));
    }
}
