//! `validate` and `calibrate`: predictions against published runs.

use crate::answer::{CalibrateAnswer, ErrorSummary, ParamOut, ValidateAnswer, ValidateRow};
use crate::calibrate::{Calibration, Fold, Priors, SpreadGroup, fit, hold_out, predict};
use crate::runs::{Case, Grade, Skipped, convert, read};
use crate::setup;
use crate::twin::{Progress, Twin};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_catalog::calibration::Params;
use secondsource_step::StepModel;
use std::collections::BTreeMap;

/// Prediction of one case.
struct Predicted<'a> {
    case: &'a Case,
    seconds: f64,
    memory_ratio: f64,
    /// Predicted by the fold that never saw the row's source, and its chip.
    without_source: Option<f64>,
    without_chip: Option<f64>,
}

impl Twin {
    pub(crate) fn cases(&self, file: &str, text: &str) -> Result<(Vec<Case>, Vec<Skipped>, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (rows, warnings) = read(file, text)?;
        let hardware = |chip: &str| self.catalog.hardware(chip).map_err(|d| d.message);
        let preset = |name: &str| secondsource_workload::builtin(name).ok();
        let (mut cases, mut skipped) = (Vec::new(), Vec::new());
        for row in &rows {
            match convert(row, &hardware, &preset) {
                Ok(c) => cases.push(c),
                Err(s) => skipped.push(s),
            }
        }
        Ok((cases, skipped, warnings))
    }

    pub(crate) fn validate_table(
        &self,
        file: &str,
        text: &str,
        progress: Progress<'_>,
    ) -> Result<(ValidateAnswer, Vec<Diagnostic>), Vec<Diagnostic>> {
        let (cases, mut skipped, warnings) = self.cases(file, text)?;
        let calibration = &self.calibration;
        let fold = |kind: &str, name: &str| calibration.folds.iter().find(|f| f.kind == kind && f.name == name).map(|f| &f.params);
        let total = cases.len() as u64;
        let done = std::sync::atomic::AtomicU64::new(0);
        let predicted: Vec<Result<Predicted<'_>, Skipped>> = cases
            .par_iter()
            .map(|c| {
                progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), total);
                let skip = |why: String| Skipped { id: c.id.clone(), grade: c.grade, why };
                let model =
                    StepModel::new(c.step_input(), c.recipe, &calibration.params, &calibration.energy).map_err(|e| skip(e.to_string()))?;
                let r = model.evaluate(&c.layout, false).map_err(|e| skip(e.why))?;
                if !r.seconds.is_finite() || r.seconds <= 0.0 {
                    return Err(skip("the cells give no finite step time".to_owned()));
                }
                Ok(Predicted {
                    case: c,
                    seconds: r.seconds,
                    memory_ratio: r.memory.total() / c.hw.chip.hbm_bytes,
                    without_source: fold("source", &c.source).and_then(|p| predict(c, p, &calibration.energy)),
                    without_chip: fold("chip", &c.chip).and_then(|p| predict(c, p, &calibration.energy)),
                })
            })
            .collect();
        progress(total, total);
        let mut good = Vec::new();
        for p in predicted {
            match p {
                Ok(p) => good.push(p),
                Err(s) => skipped.push(s),
            }
        }
        let residuals = Residuals::new(good.iter().map(|p| (p.case, p.without_source.unwrap_or(p.seconds))));
        let mut rows: Vec<ValidateRow> = good
            .iter()
            .map(|p| {
                let (i, _) = setup::interval(calibration, &p.case.chip, p.case.model.is_moe(), p.seconds);
                ValidateRow::Predicted {
                    id: p.case.id.clone(),
                    chip: p.case.chip.clone(),
                    grade: p.case.grade.name().to_owned(),
                    measured_step_s: p.case.measured,
                    p5: i.p5,
                    p50: i.p50,
                    p95: i.p95,
                    error_pct: (p.seconds / p.case.measured - 1.0) * 100.0,
                    memory_ratio: p.memory_ratio,
                    inferred: p.case.inferred.clone(),
                }
            })
            .collect();
        rows.extend(skipped.iter().map(|s| ValidateRow::Skipped {
            id: s.id.clone(),
            grade: s.grade.name().to_owned(),
            skipped: s.why.clone(),
        }));

        let inside = |p: &Predicted<'_>| {
            let (i, _) = setup::interval(calibration, &p.case.chip, p.case.model.is_moe(), p.seconds);
            (i.p5..=i.p95).contains(&p.case.measured)
        };
        // Held out twice: neither the parameters nor the quantiles of the interval saw the row's source.
        let inside_held_out = |p: &Predicted<'_>| p.without_source.is_some_and(|s| residuals.inside_without_source(p.case, s));
        let ab = |p: &&Predicted<'_>| p.case.grade <= Grade::B;
        let a = |p: &&Predicted<'_>| p.case.grade == Grade::A;
        let sum = |keep: &dyn Fn(&&Predicted<'_>) -> bool,
                   value: &dyn Fn(&Predicted<'_>) -> Option<f64>,
                   inside: &dyn Fn(&Predicted<'_>) -> bool,
                   lost: u64| { summarise(good.iter().filter(keep), value, inside, lost) };
        let now = |p: &Predicted<'_>| Some(p.seconds);
        let lost = |g: Grade| skipped.iter().filter(|s| s.grade <= g).count() as u64;
        let mut by_chip = BTreeMap::new();
        let mut by_source = BTreeMap::new();
        for p in good.iter().filter(ab) {
            by_chip.entry(p.case.chip.clone()).or_insert_with(|| sum(&|q| ab(q) && q.case.chip == p.case.chip, &now, &inside, 0));
            by_source.entry(p.case.source.clone()).or_insert_with(|| sum(&|q| ab(q) && q.case.source == p.case.source, &now, &inside, 0));
        }
        let misfit = |g: Grade| good.iter().filter(|p| p.case.grade <= g && p.memory_ratio > 1.0).count() as u64;
        let answer = ValidateAnswer {
            summary: sum(&ab, &now, &inside, lost(Grade::B)),
            summary_a: sum(&a, &now, &inside, lost(Grade::A)),
            summary_a_without_mosaic: sum(&|p| a(p) && p.case.source != "mosaic", &now, &inside, 0),
            summary_moe: sum(&|p| ab(p) && p.case.model.is_moe(), &now, &inside, 0),
            leave_one_source_out: sum(&ab, &|p| p.without_source, &inside_held_out, 0),
            leave_one_source_out_a: sum(&a, &|p| p.without_source, &inside_held_out, 0),
            leave_one_chip_out: sum(&ab, &|p| p.without_chip, &inside, 0),
            leave_one_chip_out_a: sum(&a, &|p| p.without_chip, &inside, 0),
            layout_pairs: pairs(good.iter().filter(ab)),
            misfits: (misfit(Grade::A), misfit(Grade::B)),
            by_chip,
            by_source,
            rows,
        };
        Ok((answer, warnings))
    }

    pub(crate) fn calibrate_table(&self, file: &str, text: &str, progress: Progress<'_>) -> Result<CalibrateAnswer, Vec<Diagnostic>> {
        let (cases, _, _) = self.cases(file, text)?;
        let priors = Priors::embedded().map_err(|d| vec![d])?;
        let used: Vec<&Case> =
            cases.iter().filter(|c| c.grade <= Grade::B && predict(c, &priors.params(), &priors.energy).is_some()).collect();
        if used.len() < 3 {
            return Err(vec![
                Diagnostic::error(format!("{} rows of grade A or B can be simulated; a fit needs at least 3", used.len())).in_file(file),
            ]);
        }
        let groups = |key: &dyn Fn(&Case) -> &str| {
            let mut v: Vec<&str> = used.iter().map(|c| key(c)).collect();
            v.sort_unstable();
            v.dedup();
            v.len() as u64
        };
        let total = 1 + groups(&|c| &c.source) + groups(&|c| &c.chip);
        let done = std::sync::atomic::AtomicU64::new(0);
        let tick = || progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), total);
        tick();
        let full = fit(&used, &priors, &priors.params(), 60, &|_| {});
        let mut folds = Vec::new();
        for (kind, key) in [("source", (|c: &Case| c.source.clone()) as fn(&Case) -> String), ("chip", |c: &Case| c.chip.clone())] {
            for (name, params) in hold_out(&used, &priors, &full.params, key, &|_| tick()) {
                folds.push(Fold { kind: kind.to_owned(), name, params });
            }
        }
        progress(total, total);
        let fold = |kind: &str, name: &str| folds.iter().find(|f| f.kind == kind && f.name == name).map(|f| &f.params);
        let held = |kind: &str| {
            Residuals::new(used.iter().filter_map(|c| {
                let name = if kind == "source" { &c.source } else { &c.chip };
                Some((*c, predict(c, fold(kind, name)?, &priors.energy)?))
            }))
        };
        let (by_source, by_chip) = (held("source"), held("chip"));
        let spread = [(true, &by_source), (false, &by_chip)]
            .into_iter()
            .flat_map(|(seen, r)| [false, true].into_iter().filter_map(move |moe| r.group(setup::spread_name(seen, moe), moe)))
            .collect();
        let calibration = Calibration { params: full.params, folds, spread, energy: priors.energy.clone(), rows: used.len() as u64 };
        let params = describe(&used, &priors, &full);
        Ok(CalibrateAnswer {
            rows: used.len() as u64,
            iterations: u64::from(full.iterations),
            objective: full.objective,
            params,
            file_text: calibration.write(),
        })
    }
}

/// Value, prior, spread and the rows that hold each parameter.
fn describe(used: &[&Case], priors: &Priors, full: &crate::calibrate::Fit) -> Vec<ParamOut> {
    let base: Vec<f64> = used.iter().map(|c| predict(c, &full.params, &priors.energy).unwrap_or(f64::NAN).ln()).collect();
    Params::NAMES
        .iter()
        .enumerate()
        .map(|(j, name)| {
            let mut x = full.params.to_array();
            x[j] *= 1.01;
            let moved = Params::from_array(&x);
            let mut pull: Vec<(f64, &str)> = used
                .par_iter()
                .zip(&base)
                .map(|(c, b)| (((predict(c, &moved, &priors.energy).unwrap_or(f64::NAN).ln() - b) / 0.01_f64.ln_1p()).abs(), c.id.as_str()))
                .collect();
            let sensitivity = pull.iter().map(|p| p.0).sum::<f64>() / pull.len().max(1) as f64;
            pull.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
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
                sigma_factor: full.sigma[j].exp(),
                low: p.low,
                high: p.high,
                flag: flag.to_owned(),
                sensitivity,
                top_rows: pull.iter().take(3).filter(|x| x.0 > 1e-6).map(|x| x.1.to_owned()).collect(),
            }
        })
        .collect()
}

/// Held-out residuals ln(published / predicted), by group.
struct Residuals {
    list: Vec<(String, bool, f64)>,
}

impl Residuals {
    fn new<'a>(cases: impl Iterator<Item = (&'a Case, f64)>) -> Residuals {
        Residuals {
            list: cases
                .filter(|(c, _)| c.grade <= Grade::B)
                .map(|(c, s)| (c.source.clone(), c.model.is_moe(), (c.measured / s).ln()))
                .collect(),
        }
    }

    fn quantiles(mut v: Vec<f64>) -> Option<(f64, f64, f64)> {
        if v.is_empty() {
            return None;
        }
        v.sort_by(f64::total_cmp);
        // Split-conformal ranks: the k-th of n with k = ceil(p (n + 1)), so small groups give wider intervals.
        let n = v.len() as f64;
        let at = |k: f64| v[(k.clamp(1.0, n) as usize) - 1];
        Some((at((0.05 * (n + 1.0)).floor()), at((0.5 * (n + 1.0)).round()), at((0.95 * (n + 1.0)).ceil())))
    }

    fn group(&self, name: &str, moe: bool) -> Option<SpreadGroup> {
        let v: Vec<f64> = self.list.iter().filter(|r| r.1 == moe).map(|r| r.2).collect();
        let rows = v.len() as u64;
        let (p5, p50, p95) = Residuals::quantiles(v)?;
        Some(SpreadGroup { name: name.to_owned(), rows, p5, p50, p95 })
    }

    fn inside_without_source(&self, c: &Case, seconds: f64) -> bool {
        let others = |same_kind: bool| -> Vec<f64> {
            self.list.iter().filter(|r| r.0 != c.source && (!same_kind || r.1 == c.model.is_moe())).map(|r| r.2).collect()
        };
        let v = others(true);
        let Some((p5, _, p95)) = Residuals::quantiles(if v.len() >= 20 { v } else { others(false) }) else { return false };
        let r = (c.measured / seconds).ln();
        (p5.min(0.0)..=p95.max(0.0)).contains(&r)
    }
}

fn summarise<'a, 'b: 'a>(
    rows: impl Iterator<Item = &'a Predicted<'b>>,
    value: &dyn Fn(&Predicted<'_>) -> Option<f64>,
    inside: &dyn Fn(&Predicted<'_>) -> bool,
    skipped: u64,
) -> ErrorSummary {
    let mut errors = Vec::new();
    let mut within = 0u64;
    let mut by_source: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for p in rows {
        let Some(s) = value(p) else { continue };
        errors.push((s / p.case.measured - 1.0) * 100.0);
        within += u64::from(inside(p));
        let work = p.case.global_batch as f64 * p.case.seq as f64 / p.case.layout.devices() as f64;
        by_source.entry(&p.case.source).or_default().push((work / s, work / p.case.measured));
    }
    let n = errors.len();
    if n == 0 {
        return ErrorSummary { skipped, ..ErrorSummary::default() };
    }
    let bias = quantile(errors.clone(), 0.5);
    let abs: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    let ranks: Vec<f64> = by_source.values().filter(|v| v.len() >= 5).map(|v| spearman(v)).collect();
    ErrorSummary {
        n: n as u64,
        skipped,
        median_abs_error_pct: quantile(abs.clone(), 0.5),
        p90_abs_error_pct: quantile(abs, 0.9),
        bias_pct: bias,
        coverage_90: within as f64 / n as f64,
        rank_correlation: if ranks.is_empty() { 0.0 } else { ranks.iter().sum::<f64>() / ranks.len() as f64 },
    }
}

/// Linear interpolation between order statistics.
fn quantile(mut v: Vec<f64>, q: f64) -> f64 {
    v.sort_by(f64::total_cmp);
    let at = (v.len() - 1) as f64 * q;
    let (i, f) = (at.floor() as usize, at.fract());
    v[i] + f * (v[(i + 1).min(v.len() - 1)] - v[i])
}

/// Spearman's rank correlation.
fn spearman(v: &[(f64, f64)]) -> f64 {
    let ranks = |x: Vec<f64>| -> Vec<f64> {
        let mut order: Vec<usize> = (0..x.len()).collect();
        order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
        let mut r = vec![0.0; x.len()];
        let mut i = 0;
        while i < order.len() {
            let mut j = i;
            while j + 1 < order.len() && x[order[j + 1]] == x[order[i]] {
                j += 1;
            }
            for k in i..=j {
                r[order[k]] = f64::midpoint(i as f64, j as f64);
            }
            i = j + 1;
        }
        r
    };
    let (a, b) = (ranks(v.iter().map(|x| x.0).collect()), ranks(v.iter().map(|x| x.1).collect()));
    let mean = (v.len() - 1) as f64 / 2.0;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(&b) {
        ab += (x - mean) * (y - mean);
        aa += (x - mean).powi(2);
        bb += (y - mean).powi(2);
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Pairs of rows of one source, chip, model and chip count whose published time per token differs by more than
/// 5%: how many are ordered right, and how many there are.
fn pairs<'a, 'b: 'a>(rows: impl Iterator<Item = &'a Predicted<'b>>) -> (u64, u64) {
    let mut groups: BTreeMap<(&str, &str, &str, u64), Vec<(f64, f64)>> = BTreeMap::new();
    for p in rows {
        let c = p.case;
        let tokens = c.global_batch as f64 * c.seq as f64;
        groups.entry((&c.source, &c.chip, &c.model.name, c.layout.devices())).or_default().push((p.seconds / tokens, c.measured / tokens));
    }
    let (mut right, mut all) = (0, 0);
    for g in groups.values() {
        for (i, a) in g.iter().enumerate() {
            for b in &g[i + 1..] {
                if (a.1 / b.1).ln().abs() > 1.05_f64.ln() {
                    all += 1;
                    right += u64::from((a.0 < b.0) == (a.1 < b.1));
                }
            }
        }
    }
    (right, all)
}
