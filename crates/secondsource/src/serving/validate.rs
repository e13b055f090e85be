//! `tokens --validate` and `tokens --calibrate`: published rows against the model, and the fit to them.

use super::answer::{ServeCalibrateAnswer, ServeRowOut, ServeSummary, ServeValidateAnswer};
use super::files::{ServeCalibration, ServeFold, ServePriors};
use super::fit::{Base, fit, hold_out};
use super::rows::{ServeCase, read};
use super::spread::{Residual, groups, held_out, interval};
use crate::answer::{ErrorSummary, ParamOut};
use crate::twin::Twin;
use crate::validate::quantile;
use secondsource_base::Diagnostic;
use secondsource_step::serve::ServeParams;
use std::collections::BTreeMap;

/// A row with what the fits say of it.
struct Seen<'a> {
    case: &'a ServeCase,
    value: f64,
    low_high: (f64, f64),
    without_source: Option<f64>,
    without_chip: Option<f64>,
}

impl Twin {
    fn base(&self) -> Base<'_> {
        Base { params: &self.calibration.params, energy: &self.calibration.energy }
    }

    pub(crate) fn validate_serving_table(&self, file: &str, text: &str) -> Result<ServeValidateAnswer, Vec<Diagnostic>> {
        let (cases, skipped) = read(&self.catalog, file, text)?;
        let c = ServeCalibration::embedded().map_err(|d| vec![d])?;
        let base = self.base();
        let mut skipped: Vec<(String, String)> = skipped.into_iter().map(|s| (s.id, s.why)).collect();
        let fold = |kind: &str, name: &str| c.folds.iter().find(|f| f.kind == kind && f.name == name).map(|f| &f.params);
        let mut seen: Vec<Seen<'_>> = Vec::new();
        for case in &cases {
            let with = |p: &ServeParams| case.predict(base.params, base.energy, p);
            match with(&c.params) {
                Err(why) => skipped.push((case.id.clone(), why)),
                Ok(value) => {
                    let known = c.chips.contains(&chip_key(case));
                    let i = interval(&c.spread, case.metric.group(), known, case.model.is_moe(), value).0;
                    let held = |kind: &str, name: &str| fold(kind, name).and_then(|p| with(p).ok());
                    seen.push(Seen {
                        case,
                        value,
                        low_high: (i.p5, i.p95),
                        without_source: held("source", &case.source),
                        without_chip: held("chip", &case.chip),
                    });
                }
            }
        }
        skipped.sort();
        Ok(ServeValidateAnswer {
            summary: summaries(&seen),
            by_source: by(&seen, |c| &c.source),
            by_chip: by(&seen, |c| &c.chip),
            rows: seen.iter().map(row).collect(),
            skipped,
        })
    }

    pub(crate) fn calibrate_serving_table(
        &self,
        file: &str,
        text: &str,
        progress: crate::twin::Progress<'_>,
    ) -> Result<ServeCalibrateAnswer, Vec<Diagnostic>> {
        let (cases, _) = read(&self.catalog, file, text)?;
        let priors = ServePriors::embedded().map_err(|d| vec![d])?;
        let base = self.base();
        let used: Vec<&ServeCase> = cases.iter().filter(|c| c.predict(base.params, base.energy, &priors.params()).is_ok()).collect();
        if used.len() < 3 {
            return Err(vec![Diagnostic::error(format!("{} rows can be predicted; a fit needs at least 3", used.len())).in_file(file)]);
        }
        let count = |key: fn(&ServeCase) -> &str| {
            let mut v: Vec<&str> = used.iter().map(|c| key(c)).collect();
            v.sort_unstable();
            v.dedup();
            v.len() as u64
        };
        let total = 1 + count(|c| &c.source) + count(|c| &c.chip);
        let done = std::sync::atomic::AtomicU64::new(0);
        let tick = || progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), total);
        tick();
        let full = fit(&used, base, &priors, &priors.params(), 60);
        let mut folds: Vec<ServeFold> = Vec::new();
        let mut residuals: Vec<Vec<Residual>> = Vec::new();
        for (kind, key) in [("source", (|c| &c.source) as fn(&ServeCase) -> &str), ("chip", |c| &c.chip)] {
            let held = hold_out(&used, base, &priors, &full.params, &key, &tick);
            let of =
                |c: &ServeCase| held.iter().find(|(name, _)| name == key(c)).and_then(|(_, p)| c.predict(base.params, base.energy, p).ok());
            residuals.push(used.iter().filter_map(|c| Some(Residual::new(c, of(c)?))).collect());
            folds.extend(held.into_iter().map(|(name, params)| ServeFold { kind: kind.to_owned(), name, params }));
        }
        progress(total, total);
        let mut chips: Vec<String> = used.iter().map(|c| chip_key(c)).collect();
        chips.sort_unstable();
        chips.dedup();
        let spread = groups(&residuals[0], &residuals[1]);
        let rows = used.len() as u64;
        let calibration = ServeCalibration { params: full.params, folds, spread, chips, rows };
        let params = ServeParams::NAMES.iter().enumerate().map(|(j, name)| {
            let p = &priors.list[j];
            let v = full.params.to_array()[j];
            let flag = if (v / p.low - 1.0).abs() < 1e-3 || (v / p.high - 1.0).abs() < 1e-3 {
                "at its bound"
            } else if full.sigma[j] > 0.9 * p.sd {
                "held by its prior"
            } else {
                ""
            };
            ParamOut {
                name: (*name).to_owned(),
                unit: p.unit.clone(),
                meaning: p.reason.clone(),
                prior: p.prior,
                value: v,
                sigma_factor: libm::exp(full.sigma[j]),
                low: p.low,
                high: p.high,
                flag: flag.to_owned(),
                sensitivity: 0.0,
                top_rows: Vec::new(),
            }
        });
        Ok(ServeCalibrateAnswer {
            rows,
            iterations: u64::from(full.iterations),
            objective: full.objective,
            params: params.collect(),
            file_text: calibration.write(),
        })
    }
}

/// What a chip must have rows of to count as seen.
pub(super) fn chip_key(case: &ServeCase) -> String {
    format!("{}: {}", case.chip, case.metric.group())
}

fn row(s: &Seen<'_>) -> ServeRowOut {
    let c = s.case;
    ServeRowOut {
        id: c.id.clone(),
        source: c.source.clone(),
        chip: c.chip.clone(),
        grade: c.grade.name().to_owned(),
        metric: c.metric.group().to_owned(),
        published: c.value,
        predicted: s.value,
        p5: s.low_high.0,
        p95: s.low_high.1,
        error_pct: (s.value / c.value - 1.0) * 100.0,
        without_source: s.without_source,
        without_chip: s.without_chip,
        inferred: c.inferred.clone(),
    }
}

fn by(seen: &[Seen<'_>], key: fn(&ServeCase) -> &str) -> BTreeMap<String, ErrorSummary> {
    let mut names: Vec<&str> = seen.iter().map(|s| key(s.case)).collect();
    names.sort_unstable();
    names.dedup();
    let one = |name: &str| errors(seen.iter().filter(|s| key(s.case) == name).map(|s| (s.case.value, s.value, s.low_high)));
    names.into_iter().map(|n| (n.to_owned(), one(n))).collect()
}

/// By what was measured: in sample with the shipped interval; held out with intervals from other sources and chips only.
fn summaries(seen: &[Seen<'_>]) -> Vec<ServeSummary> {
    let residual = |s: &Seen<'_>, v: Option<f64>| v.map(|v| Residual::new(s.case, v));
    let by_source: Vec<Residual> = seen.iter().filter_map(|s| residual(s, s.without_source)).collect();
    let by_chip: Vec<Residual> = seen.iter().filter_map(|s| residual(s, s.without_chip)).collect();
    let one = |metric: &str| -> ServeSummary {
        let rows = || seen.iter().filter(|s| s.case.metric.group() == metric);
        let held = |list: &[Residual], value: &dyn Fn(&Seen<'_>) -> Option<f64>, other: &dyn Fn(&Residual, &Residual) -> bool| {
            errors(rows().filter_map(|s| {
                let v = value(s)?;
                let me = Residual::new(s.case, v);
                let (low, high) = held_out(list, &me, &|r| other(r, &me))?;
                Some((s.case.value, v, (v * libm::exp(low), v * libm::exp(high))))
            }))
        };
        ServeSummary {
            metric: metric.to_owned(),
            in_sample: errors(rows().map(|s| (s.case.value, s.value, s.low_high))),
            without_source: held(&by_source, &|s| s.without_source, &|r, me| r.source != me.source),
            without_chip: held(&by_chip, &|s| s.without_chip, &|r, me| r.chip != me.chip),
        }
    };
    ["tokens/s", "between tokens", "first token"].map(one).into_iter().collect()
}

/// Of (published, predicted, interval).
fn errors(rows: impl Iterator<Item = (f64, f64, (f64, f64))>) -> ErrorSummary {
    let list: Vec<(f64, bool)> = rows
        .map(|(published, predicted, (low, high))| ((predicted / published - 1.0) * 100.0, (low..=high).contains(&published)))
        .collect();
    let n = list.len();
    if n == 0 {
        return ErrorSummary::default();
    }
    let abs: Vec<f64> = list.iter().map(|e| e.0.abs()).collect();
    ErrorSummary {
        n: n as u64,
        skipped: 0,
        median_abs_error_pct: quantile(abs.clone(), 0.5),
        p90_abs_error_pct: quantile(abs, 0.9),
        bias_pct: quantile(list.iter().map(|e| e.0).collect(), 0.5),
        coverage_90: list.iter().filter(|e| e.1).count() as f64 / n as f64,
        rank_correlation: 0.0,
    }
}
