//! `calibrate`: the fit, its held-out folds, and what each parameter rests on.

use super::own::OwnPrior;
use super::spread::Residuals;
use super::{Calibration, Fit, Fold, Priors, fit, hold_out, predict, predict_parts};
use crate::answer::{CalibrateAnswer, ParamOut};
use crate::runs::{Case, Grade};
use crate::twin::{Progress, Twin};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_catalog::calibration::Params;

impl Twin {
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
                Some((*c, predict_parts(c, fold(kind, name)?, &priors.energy)?))
            }))
        };
        let (by_source, by_chip) = (held("source"), held("chip"));
        let spread = [by_source.groups(true), Residuals::unseen_groups(&by_source, &by_chip)].concat();
        let own = OwnPrior::learn(&by_source.list);
        let rows = used.len() as u64;
        let calibration = Calibration { params: full.params, folds, spread, own, energy: priors.energy.clone(), rows };
        let params = describe(&used, &priors, &full);
        Ok(CalibrateAnswer {
            rows,
            iterations: u64::from(full.iterations),
            objective: full.objective,
            params,
            file_text: calibration.write(),
        })
    }
}

/// Value, prior, spread and the rows that hold each parameter.
fn describe(used: &[&Case], priors: &Priors, full: &Fit) -> Vec<ParamOut> {
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
