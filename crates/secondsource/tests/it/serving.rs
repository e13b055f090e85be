//! Serving: the calibration that ships is what the command writes, published rows are all accounted for, intervals hold.

use crate::twin;
use secondsource::job::ModelSource;
use secondsource::serving::{EMBEDDED, ServeCalibration, ServePriors, TokensJob, read};

const FITTED: &str = include_str!("../../../../calibration/serving.toml");

#[test]
fn calibrate_writes_the_file_that_ships() {
    let answer = twin().calibrate_serving("serving_published.csv", EMBEDDED, &|_, _| {}).unwrap_or_else(|e| panic!("{e:?}"));
    let differs = answer.file_text.lines().zip(FITTED.lines()).find(|(a, b)| a != b);
    assert!(answer.file_text == FITTED, "run `secondsource tokens --calibrate --write calibration/serving.toml` again: {differs:?}");
    let (priors, c) = (ServePriors::embedded().unwrap(), ServeCalibration::embedded().unwrap());
    assert_eq!(c.write(), FITTED);
    for params in std::iter::once(&c.params).chain(c.folds.iter().map(|f| &f.params)) {
        for (v, p) in params.to_array().iter().zip(&priors.list) {
            assert!(*v >= p.low * (1.0 - 1e-5) && *v <= p.high * (1.0 + 1e-5), "{v} outside {} to {}", p.low, p.high);
        }
    }
}

/// No row is lost, and held-out errors are what docs/tokens.md says.
#[test]
fn published_rows_are_all_there() {
    let a = twin().validate_serving("serving_published.csv", EMBEDDED).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(a.rows.len() + a.skipped.len(), EMBEDDED.lines().count() - 1);
    assert!(a.rows.len() >= 541, "{}", a.rows.len());
    let s = |metric: &str| a.summary.iter().find(|s| s.metric == metric).unwrap();
    for (metric, median, low, high) in
        [("tokens/s", 13.0, 0.85, 0.95), ("between tokens", 30.0, 0.78, 0.98), ("first token", 36.0, 0.75, 0.98)]
    {
        let held = &s(metric).without_source;
        println!("{metric}: {:.1} / {:.1}, {:.2} inside", held.median_abs_error_pct, held.p90_abs_error_pct, held.coverage_90);
        assert!(held.median_abs_error_pct < median, "{metric}: {}", held.median_abs_error_pct);
        assert!((low..=high).contains(&held.coverage_90), "{metric}: {}", held.coverage_90);
    }
    assert!(s("tokens/s").without_chip.median_abs_error_pct < 15.0);
    // docs/tokens.md prints what is reached today.
    let manual = include_str!("../../../../docs/tokens.md");
    let mut lacks = Vec::new();
    for (metric, name) in [("tokens/s", "tokens/s"), ("between tokens", "time between tokens"), ("first token", "time to the first token")]
    {
        for e in [&s(metric).without_source, &s(metric).without_chip] {
            let errors = format!("| {name} | {} | {:.1}% | {:.1}% |", e.n, e.median_abs_error_pct, e.p90_abs_error_pct);
            let inside = format!("| {:.0}% |", e.coverage_90 * 100.0);
            let row = manual.lines().find(|l| l.starts_with(&errors) && l.ends_with(&inside));
            if row.is_none() {
                lacks.push(format!("{errors} .. {:+.1}% {inside}", e.bias_pct));
            }
        }
    }
    assert!(lacks.is_empty(), "docs/tokens.md lacks {lacks:#?}");
}

#[test]
fn a_bad_table_is_told_by_line() {
    let twin = twin();
    let bad = |from: &str, to: &str| {
        let text: String = EMBEDDED.lines().take(3).collect::<Vec<_>>().join("\n").replacen(from, to, 1);
        read(&twin.catalog, "rows.csv", &text).expect_err(to)[0].clone()
    };
    assert_eq!(bad("first-token-s", "first-tokn-s").at, Some((2, 1)));
    assert!(bad("first-token-s", "first-tokn-s").hints.iter().any(|h| h.contains("first-token-s")));
    assert!(bad("grade", "grad").message.contains("`grade` is missing"));
    assert!(bad(",8,", ",-8,").message.contains("must be"));
    assert!(bad("int8", "int7").message.contains("number format"));
}

fn job(model: &str, on: &[&str]) -> TokensJob {
    TokensJob::new(ModelSource::Name(model.to_owned()), on.iter().map(|s| (*s).to_owned()).collect())
}

/// The limit is kept, a tighter one costs rate, and the cost is price over rate.
#[test]
fn latency_costs_rate() {
    let twin = twin();
    let rate = |ms: f64| {
        let mut j = job("llama-3.1-70b", &["h100-sxm"]);
        j.latency_s = Some(ms / 1e3);
        let a = twin.tokens(&j).unwrap();
        let o = &a.options[0];
        assert!(o.best.inter_token_s <= ms / 1e3);
        let (cost, price) = (o.usd_per_million.unwrap(), o.price.as_ref().unwrap().usd_per_chip_hour);
        assert!((cost.p50 * o.tokens_per_s_per_chip.p50 * 3600.0 / 1e6 / price - 1.0).abs() < 1e-12);
        assert!((cost.p5 * o.tokens_per_s_per_chip.p95 * 3600.0 / 1e6 / price - 1.0).abs() < 1e-12);
        assert!(
            o.frontier
                .windows(2)
                .all(|w| w[0].inter_token_s < w[1].inter_token_s && w[0].tokens_per_s_per_chip < w[1].tokens_per_s_per_chip)
        );
        assert!((o.pass_s.values().sum::<f64>() / o.best.inter_token_s - 1.0).abs() < 1e-9);
        o.best.tokens_per_s_per_chip
    };
    assert!(rate(20.0) < rate(50.0) && rate(50.0) < rate(200.0));
}

/// Every system of the catalog that resolves either serves the model or says why not, and no chip is without a word.
#[test]
fn every_system_answers() {
    let twin = twin();
    let systems: Vec<String> = twin.catalog.list().into_iter().filter(|r| r.runs.is_some()).map(|r| r.id).collect();
    let names: Vec<&str> = systems.iter().map(String::as_str).filter(|s| twin.catalog.system(s).is_ok()).collect();
    for model in ["llama-3.1-70b", "deepseek-r1"] {
        let a = twin.tokens(&job(model, &names)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(a.options.len() + a.rejected.len(), names.len());
        assert!(a.options.len() > 40, "{}", a.options.len());
        for o in &a.options {
            let i = o.tokens_per_s_per_chip;
            assert!(i.p5 > 0.0 && i.p5 <= i.p50 && i.p50 <= i.p95 && i.p95.is_finite(), "{}: {i:?}", o.system);
        }
    }
}
