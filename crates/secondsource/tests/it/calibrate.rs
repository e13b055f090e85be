//! The calibration file that ships is what `calibrate` writes.

use crate::twin;
use secondsource::calibrate::{Calibration, Priors};
use secondsource::runs::EMBEDDED;

const FITTED: &str = include_str!("../../../../calibration/fitted.toml");

#[test]
fn calibrate_writes_the_file_that_ships() {
    let t = std::time::Instant::now();
    let answer = twin().calibrate("published_runs.csv", EMBEDDED, &|_, _| {}).unwrap_or_else(|e| panic!("{e:?}"));
    println!("calibrate: {:?}, {} iterations", t.elapsed(), answer.iterations);
    let differs = answer.file_text.lines().zip(FITTED.lines()).find(|(a, b)| a != b);
    assert!(answer.file_text == FITTED, "run `secondsource calibrate` again: {differs:?}");
}

/// Values lie between the bounds of their priors, and reading and writing give the same bytes.
#[test]
fn the_file_keeps_its_own_rules() {
    let priors = Priors::embedded().unwrap();
    let c = Calibration::read("fitted.toml", FITTED, &priors).unwrap();
    assert_eq!(c.write(), FITTED);
    let all = std::iter::once(&c.params).chain(c.folds.iter().map(|f| &f.params));
    for params in all {
        for (v, p) in params.to_array().iter().zip(&priors.list) {
            assert!(*v >= p.low * (1.0 - 1e-5) && *v <= p.high * (1.0 + 1e-5), "{v} outside {} to {}", p.low, p.high);
        }
    }
    assert!(c.folds.iter().any(|f| f.kind == "source") && c.folds.iter().any(|f| f.kind == "chip"));
    assert!(c.spread.iter().all(|g| g.p5 < g.p50 && g.p50 < g.p95 && g.rows >= 20));
}
