//! `calibrate --mine`: a correction per stack from a user's own runs.

use super::overlay::{OwnRuns, OwnStack};
use super::predict;
use crate::answer::{MineAnswer, OwnRow, OwnStackOut};
use crate::runs::{Case, Stack};
use crate::setup;
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use std::collections::BTreeMap;

/// Runs of one group: of a chip and stack, or of a chip.
struct Group<'a> {
    stack: Option<Stack>,
    /// Cases with ln(measured / predicted).
    runs: Vec<(&'a Case, f64)>,
}

impl Twin {
    /// Corrections from the user's own runs, with warnings.
    pub(crate) fn mine_table(&self, file: &str, text: &str) -> Result<(MineAnswer, Vec<Diagnostic>), Vec<Diagnostic>> {
        let Some(prior) = self.calibration.own else {
            let d = Diagnostic::error("this calibration does not say how stacks differ from one another");
            return Err(vec![d.hint("run `secondsource calibrate` on a table with several sources first")]);
        };
        let (cases, skipped, warnings) = self.cases(file, text)?;
        let mut runs = Vec::new();
        for c in &cases {
            if let Some(s) = predict(c, &self.calibration.params, &self.calibration.energy).filter(|s| s.is_finite() && *s > 0.0) {
                runs.push((c, s));
            }
        }
        if runs.is_empty() {
            let d = Diagnostic::error("none of these runs can be predicted, so there is nothing to correct by").in_file(file);
            return Err(vec![skipped.iter().take(5).fold(d, |d, s| d.hint(format!("{}: {}", s.id, s.why)))]);
        }
        let mut chips: BTreeMap<&str, Vec<(&Case, f64)>> = BTreeMap::new();
        for (c, s) in &runs {
            chips.entry(&c.hw.chip.id).or_default().push((c, (c.measured / s).ln()));
        }
        let mut own = OwnRuns { calibration: self.calibration.fingerprint(), stacks: Vec::new() };
        let (mut stacks, mut weights) = (Vec::new(), BTreeMap::new());
        for (chip, all) in chips {
            for g in groups(all) {
                let residuals: Vec<f64> = g.runs.iter().map(|r| r.1).collect();
                let fit = prior.fit(&residuals);
                let ids: Vec<String> = g.runs.iter().map(|r| r.0.id.clone()).collect();
                if g.stack.is_some() {
                    weights.extend(ids.iter().cloned().zip(fit.weights.iter().copied()));
                }
                let entry = OwnStack::new(chip, g.stack, ids, &fit, &prior);
                let moe = g.runs.iter().filter(|r| r.0.model.is_moe()).count() * 2 > g.runs.len();
                stacks.push(self.own_out(&entry, moe));
                own.stacks.push(entry);
            }
        }
        let answer = MineAnswer {
            runs: runs
                .iter()
                .map(|(c, s)| OwnRow {
                    id: c.id.clone(),
                    chip: c.hw.chip.id.clone(),
                    stack: c.stack.name().to_owned(),
                    measured_step_s: c.measured,
                    predicted_s: *s,
                    error_pct: (s / c.measured - 1.0) * 100.0,
                    weight: weights.get(&c.id).copied().unwrap_or(1.0),
                })
                .collect(),
            skipped: skipped.into_iter().map(|s| (s.id, s.why)).collect(),
            stacks,
            file_text: own.write(),
        };
        Ok((answer, warnings))
    }

    fn own_out(&self, o: &OwnStack, moe: bool) -> OwnStackOut {
        let before = setup::usual_spread(&self.calibration, &o.chip, moe);
        OwnStackOut {
            chip: o.chip.clone(),
            stack: o.stack_name().to_owned(),
            runs: o.runs.len() as u64,
            factor: o.factor,
            interval: (o.p5.exp(), o.p95.exp()),
            interval_before: before.map(|(a, b)| (a.exp(), b.exp())),
        }
    }
}

/// The stacks of a chip; and, where there are several, all of them together.
fn groups(all: Vec<(&Case, f64)>) -> Vec<Group<'_>> {
    let mut out: Vec<Group<'_>> = Stack::ALL
        .into_iter()
        .map(|s| Group { stack: Some(s), runs: all.iter().filter(|r| r.0.stack == s).copied().collect() })
        .filter(|g| !g.runs.is_empty())
        .collect();
    if out.len() > 1 {
        out.push(Group { stack: None, runs: all });
    }
    out
}
