//! `calibrate --mine`: a correction per stack from a user's own runs.

use super::fit::Prediction;
use super::overlay::{NamedRun, OwnRuns, OwnStack};
use super::own::{MOST_RUNS, OwnRun};
use super::predict_parts;
use crate::answer::{MineAnswer, OwnRow, OwnStackOut};
use crate::runs::{Case, Stack};
use crate::setup;
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use std::collections::BTreeMap;

/// Runs of one group: of a chip and stack, or of a chip.
struct Group<'a> {
    stack: Option<Stack>,
    /// Cases with what was predicted.
    runs: Vec<(&'a Case, Prediction)>,
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
            let predicted = predict_parts(c, &self.calibration.params, &self.calibration.energy);
            runs.extend(predicted.filter(|p| p.seconds.is_finite() && p.seconds > 0.0).map(|p| (c, p)));
        }
        if runs.is_empty() {
            let d = Diagnostic::error("none of these runs can be predicted, so there is nothing to correct by").in_file(file);
            return Err(vec![skipped.iter().take(5).fold(d, |d, s| d.hint(format!("{}: {}", s.id, s.why)))]);
        }
        let mut chips: BTreeMap<&str, Vec<(&Case, Prediction)>> = BTreeMap::new();
        for (c, p) in &runs {
            chips.entry(&c.hw.chip.id).or_default().push((c, *p));
        }
        let mut own = OwnRuns { calibration: self.calibration.fingerprint(), stacks: Vec::new() };
        let (mut stacks, mut weights) = (Vec::new(), BTreeMap::new());
        for (chip, all) in chips {
            for g in groups(all) {
                if g.runs.len() > MOST_RUNS {
                    let d = Diagnostic::error(format!("{} runs on {chip}; a correction is made from at most {MOST_RUNS}", g.runs.len()));
                    return Err(vec![d.in_file(file).hint("give those that are most like the runs to come")]);
                }
                let named = g.runs.iter().map(|(c, p)| {
                    let run = OwnRun { residual: (c.measured / p.seconds).ln(), traits: p.traits };
                    NamedRun { id: c.id.clone(), run }
                });
                let entry = OwnStack::new(chip, g.stack, named.collect(), prior);
                if g.stack.is_some() {
                    weights.extend(entry.runs.iter().map(|r| r.id.clone()).zip(entry.weights().iter().copied()));
                }
                let moe = g.runs.iter().filter(|r| r.0.model.is_moe()).count() * 2 > g.runs.len();
                stacks.push(self.own_out(&entry, moe));
                own.stacks.push(entry);
            }
        }
        let answer = MineAnswer {
            runs: runs
                .iter()
                .map(|(c, p)| OwnRow {
                    id: c.id.clone(),
                    chip: c.hw.chip.id.clone(),
                    stack: c.stack.name().to_owned(),
                    measured_step_s: c.measured,
                    predicted_s: p.seconds,
                    error_pct: (p.seconds / c.measured - 1.0) * 100.0,
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
            factor: o.factor(),
            interval: {
                let (low, high) = o.interval(o.typical());
                (low.exp(), high.exp())
            },
            interval_before: before.map(|(a, b)| (a.exp(), b.exp())),
        }
    }
}

/// The stacks of a chip; and, where there are several, all of them together.
fn groups(all: Vec<(&Case, Prediction)>) -> Vec<Group<'_>> {
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
