use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::supply::grid::{Wafer, corrected_count, exponential_count, per_wafer, per_wafer_of_area};
use secondsource_market::supply::yields::{Harvest, at_least, expected, murphy, negative_binomial, poisson, seeds};

const BARE: Wafer = Wafer { diameter: 300.0, edge: 0.0, street: 0.0 };

fn few() -> ProptestConfig {
    ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn small_grids_by_hand() {
    // The largest square in a circle of diameter 300 has a side of 212.13; two 150 x 200 rectangles cannot lie side by side
    // (diagonal of 300 x 200 is 360), two 100 x 200 ones can (diagonal of 200 x 200 is 283).
    assert_eq!(per_wafer(&BARE, 212.0, 212.0), 1);
    assert_eq!(per_wafer(&BARE, 213.0, 213.0), 0);
    assert_eq!(per_wafer(&BARE, 150.0, 200.0), 1);
    assert_eq!(per_wafer(&BARE, 100.0, 200.0), 2);
    // Four squares of side s fit if 2s sqrt(2) <= 300.
    assert_eq!(per_wafer(&BARE, 106.0, 106.0), 4);
    assert_eq!(per_wafer(&BARE, 0.0, 5.0) + per_wafer(&BARE, f64::NAN, 5.0) + per_wafer(&BARE, 1e-9, 1e-9), 0);
    assert_eq!(per_wafer(&Wafer { edge: 200.0, ..BARE }, 1.0, 1.0), 0);
}

/// Brute force: every die of every offset is tried by its four corners.
fn by_corners(w: f64, h: f64, radius: f64, street: f64) -> u32 {
    let mut best = 0;
    for j in 0..40 {
        for i in 0..40 {
            let (x0, y0) = ((w + street) * f64::from(i) / 40.0, (h + street) * f64::from(j) / 40.0);
            let inside = |x: f64, y: f64| x * x + y * y <= radius * radius + 1e-9;
            let mut n = 0;
            for r in -40..=40 {
                for c in -40..=40 {
                    let (x, y) = (x0 + f64::from(c) * (w + street), y0 + f64::from(r) * (h + street));
                    n += u32::from(inside(x, y) && inside(x + w, y) && inside(x, y + h) && inside(x + w, y + h));
                }
            }
            best = best.max(n);
        }
    }
    best
}

proptest! {
    #![proptest_config(few())]

    #[test]
    fn rows_count_what_corners_count(w in 12.0..90.0f64, h in 12.0..90.0f64, edge in 0.0..5.0f64, street in 0.0..0.5f64) {
        let wafer = Wafer { diameter: 300.0, edge, street };
        prop_assert_eq!(per_wafer(&wafer, w, h), by_corners(w, h, 150.0 - edge, street));
    }

    #[test]
    fn never_more_than_the_area_allows(w in 2.0..90.0f64, h in 2.0..90.0f64) {
        let n = per_wafer(&BARE, w, h);
        prop_assert!(f64::from(n) * w * h <= std::f64::consts::PI * 150.0 * 150.0);
        prop_assert!(per_wafer(&BARE, w, h * 1.2) <= n);
    }
}

#[test]
fn small_dies_agree_with_the_approximation() {
    // The corrected formula is asymptotic; the best offset lies a little above it.
    for (area, tolerance) in [(4.0, 0.01), (25.0, 0.02), (100.0, 0.03)] {
        let grid = f64::from(per_wafer_of_area(&BARE, area, 1.0));
        assert!((grid / corrected_count(300.0, area) - 1.0).abs() < tolerance, "{area}: {grid}");
    }
    assert!((corrected_count(300.0, 814.0) - 63.5).abs() < 0.1 && (exponential_count(300.0, 814.0) - 71.8).abs() < 0.1);
}

#[test]
fn yields_in_closed_form() {
    // One expected defect: 1/e, (1 - 1/e)^2, 1/2.
    let x = expected(1000.0, 0.1);
    assert!((x - 1.0).abs() < 1e-15);
    assert!((poisson(x) - 0.367_879_441_171).abs() < 1e-12);
    assert!((murphy(x) - 0.399_576_400_894).abs() < 1e-12);
    assert!((seeds(x) - 0.5).abs() < 1e-15);
    assert!((negative_binomial(x, 1.0) - seeds(x)).abs() < 1e-15 && (negative_binomial(x, 1e9) - poisson(x)).abs() < 1e-8);
    assert!((murphy(0.0) - 1.0).abs() < 1e-15);
    // Order of the models: Poisson is the most pessimistic, Seeds the most optimistic.
    for x in [0.1, 0.5, 1.0, 3.0] {
        assert!(poisson(x) < negative_binomial(x, 3.0) && negative_binomial(x, 3.0) < seeds(x) && poisson(x) < murphy(x));
    }
}

#[test]
fn harvest_in_closed_form() {
    // Binomial(3, 0.5): P[>= 2] = 1/2; of 0 all; above n nothing.
    assert!((at_least(3, 2, 0.5) - 0.5).abs() < 1e-15);
    assert!((at_least(144, 0, 0.3) - 1.0).abs() < 1e-15 && at_least(3, 4, 0.9) == 0.0);
    let sum: f64 = (0..=144).map(|k| at_least(144, k, 0.97) - at_least(144, k + 1, 0.97)).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    // All cores needed and none spare: the plain Poisson yield of the die.
    let die = Harvest { area: 814.0, cores_share: 0.6, cores: 144, needed: 144 };
    assert!((die.share_good(0.1) - poisson(expected(814.0, 0.1))).abs() < 1e-12);
    let spare = Harvest { needed: 132, ..die };
    assert!(spare.share_good(0.1) > 1.3 * die.share_good(0.1) && spare.share_good(0.0) == 1.0);
    assert!((Harvest::none(814.0).share_good(0.1) - die.share_good(0.1)).abs() < 1e-12);
}
