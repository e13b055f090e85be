//! `validate`: predictions against published runs.

mod new_stack;
mod plot;
mod summary;

use crate::answer::{ValidateAnswer, ValidateRow};
use crate::calibrate::own::Traits;
use crate::calibrate::spread::{Residuals, SpreadKey};
use crate::calibrate::{OwnStack, Prediction, predict_parts};
use crate::runs::{Case, Grade, Skipped, convert, read};
use crate::setup::{self, Estimate};
use crate::twin::{Progress, Twin};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_step::StepModel;
use std::collections::BTreeMap;
use summary::{pairs, summarise};
pub(crate) use summary::{quantile, spearman};

/// Prediction of one case.
struct Predicted<'a> {
    case: &'a Case,
    /// Corrected by own runs, where there are some of this chip and stack.
    seconds: f64,
    estimate: Estimate,
    memory_ratio: f64,
    /// With the pipeline run event by event.
    simulated: f64,
    /// Predicted by the fold that never saw the row's source, and its chip.
    without_source: Option<Prediction>,
    without_chip: Option<Prediction>,
}

/// Rows that can be predicted, rows that cannot, warnings of the table.
pub(crate) type Cases = (Vec<Case>, Vec<Skipped>, Vec<Diagnostic>);

impl Twin {
    /// Rows as cases; what cannot be one says why. A blank vendor is that of the chip.
    pub(crate) fn cases(&self, file: &str, text: &str) -> Result<Cases, Vec<Diagnostic>> {
        let (mut rows, warnings) = read(file, text)?;
        for row in rows.iter_mut().filter(|r| r.vendor.is_empty()) {
            row.vendor = self.catalog.hardware(&row.chip).map(|h| h.chip.vendor).unwrap_or_default();
        }
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
                let simulated = r.seconds + model.pipeline_correction(&c.layout);
                let traits = Traits::new(&r.breakdown, c.recipe.linear, c.model.is_moe(), c.layout.devices());
                let estimate = setup::estimate(self, &c.hw.chip.id, Some(c.stack), SpreadKey::of(c), r.seconds, &traits);
                Ok(Predicted {
                    case: c,
                    seconds: estimate.interval.p50,
                    simulated: simulated * estimate.factor,
                    estimate,
                    memory_ratio: r.memory.total() / c.hw.chip.hbm_bytes,
                    without_source: fold("source", &c.source).and_then(|p| predict_parts(c, p, &calibration.energy)),
                    without_chip: fold("chip", &c.chip).and_then(|p| predict_parts(c, p, &calibration.energy)),
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
        let by_source = Residuals::new(good.iter().filter_map(|p| Some((p.case, p.without_source?))));
        let by_chip = Residuals::new(good.iter().filter_map(|p| Some((p.case, p.without_chip?))));
        let mut rows: Vec<ValidateRow> = good
            .iter()
            .map(|p| {
                let i = p.estimate.interval;
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
                    without_source_s: p.without_source.map(|w| w.seconds),
                    without_chip_s: p.without_chip.map(|w| w.seconds),
                    inferred: p.case.inferred.clone(),
                }
            })
            .collect();
        rows.extend(skipped.iter().map(|s| ValidateRow::Skipped {
            id: s.id.clone(),
            grade: s.grade.name().to_owned(),
            skipped: s.why.clone(),
        }));

        let inside = |p: &Predicted<'_>| (p.estimate.interval.p5..=p.estimate.interval.p95).contains(&p.case.measured);
        let inside_simulated = |p: &Predicted<'_>| {
            let (i, scale) = (p.estimate.interval, p.simulated / p.seconds);
            (i.p5 * scale..=i.p95 * scale).contains(&p.case.measured)
        };
        // Held out twice: neither the parameters nor the quantiles of the interval saw the row's source, or chip.
        let within = |p: &Predicted<'_>, seconds: Option<Prediction>, bounds: Option<(f64, f64)>| {
            seconds.zip(bounds).is_some_and(|(s, (low, high))| (low..=high).contains(&(p.case.measured / s.seconds).ln()))
        };
        let inside_source = |p: &Predicted<'_>| {
            let bounds = by_source.held_out(SpreadKey::of(p.case), &|r| r.source != p.case.source);
            within(p, p.without_source, bounds)
        };
        let inside_chip = |p: &Predicted<'_>| {
            let of = |list: &Residuals| list.held_out(SpreadKey::of(p.case), &|r| r.chip != p.case.chip);
            let bounds = of(&by_chip).zip(of(&by_source)).map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)));
            within(p, p.without_chip, bounds)
        };
        let ab = |p: &&Predicted<'_>| p.case.grade <= Grade::B;
        let a = |p: &&Predicted<'_>| p.case.grade == Grade::A;
        let sum = |keep: &dyn Fn(&&Predicted<'_>) -> bool,
                   value: &dyn Fn(&Predicted<'_>) -> Option<f64>,
                   inside: &dyn Fn(&Predicted<'_>) -> bool,
                   lost: u64| { summarise(good.iter().filter(keep), value, inside, lost) };
        let now = |p: &Predicted<'_>| Some(p.seconds);
        let without_source = |p: &Predicted<'_>| p.without_source.map(|w| w.seconds);
        let without_chip = |p: &Predicted<'_>| p.without_chip.map(|w| w.seconds);
        let lost = |g: Grade| skipped.iter().filter(|s| s.grade <= g).count() as u64;
        let mut by_chip_name = BTreeMap::new();
        let mut by_source_name = BTreeMap::new();
        for p in good.iter().filter(ab) {
            by_chip_name.entry(p.case.chip.clone()).or_insert_with(|| sum(&|q| ab(q) && q.case.chip == p.case.chip, &now, &inside, 0));
            by_source_name
                .entry(p.case.source.clone())
                .or_insert_with(|| sum(&|q| ab(q) && q.case.source == p.case.source, &now, &inside, 0));
        }
        let a_without_mosaic = |p: &&Predicted<'_>| a(p) && p.case.source != "mosaic";
        let moe = |p: &&Predicted<'_>| ab(p) && p.case.model.is_moe();
        let misfit = |g: Grade| good.iter().filter(|p| p.case.grade <= g && p.memory_ratio > 1.0).count() as u64;
        let answer = ValidateAnswer {
            summary: sum(&ab, &now, &inside, lost(Grade::B)),
            summary_a: sum(&a, &now, &inside, lost(Grade::A)),
            summary_a_without_mosaic: sum(&a_without_mosaic, &now, &inside, 0),
            summary_moe: sum(&moe, &now, &inside, 0),
            summary_simulated: sum(&ab, &|p| Some(p.simulated), &inside_simulated, 0),
            summary_all: sum(&|_| true, &now, &inside, lost(Grade::C)),
            leave_one_source_out: sum(&ab, &without_source, &inside_source, 0),
            leave_one_source_out_a: sum(&a, &without_source, &inside_source, 0),
            leave_one_source_out_a_without_mosaic: sum(&a_without_mosaic, &without_source, &inside_source, 0),
            leave_one_source_out_moe: sum(&moe, &without_source, &inside_source, 0),
            leave_one_chip_out: sum(&ab, &without_chip, &inside_chip, 0),
            leave_one_chip_out_a: sum(&a, &without_chip, &inside_chip, 0),
            leave_one_chip_out_a_without_mosaic: sum(&a_without_mosaic, &without_chip, &inside_chip, 0),
            new_stack_after_three: new_stack::after_three(&by_source),
            layout_pairs: pairs(good.iter().filter(ab)),
            misfits: (misfit(Grade::A), misfit(Grade::B)),
            by_chip: by_chip_name,
            by_source: by_source_name,
            corrections: self.own.iter().flat_map(|o| &o.stacks).map(correction).collect(),
            rows,
        };
        Ok((answer, warnings))
    }
}

/// A correction in words.
fn correction(o: &OwnStack) -> String {
    format!("x{:.3} by {}", o.factor(), o.basis())
}
