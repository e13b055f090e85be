//! The file of one's own runs: what `calibrate --mine` writes and `--calibration` reads.

use super::own::{Correction, MOST_RUNS, OwnFit, OwnPrior, OwnRun, Shares};
use crate::runs::Stack;
use secondsource_base::{Diagnostic, SourceText};
use secondsource_step::Breakdown;
use serde::Deserialize;
use std::fmt::Write as _;
use toml::Spanned;

/// A run of one's own in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedRun {
    pub id: String,
    pub run: OwnRun,
}

/// The correction of one stack on one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnStack {
    /// Catalog id.
    pub chip: String,
    /// `None`: all stacks of the chip together.
    pub(crate) stack: Option<Stack>,
    pub runs: Vec<NamedRun>,
    prior: OwnPrior,
    fit: OwnFit,
}

impl OwnStack {
    /// Residuals and shares are rounded to what the file keeps, so that it says the same when it is read.
    pub(crate) fn new(chip: &str, stack: Option<Stack>, runs: Vec<NamedRun>, prior: OwnPrior) -> OwnStack {
        let kept = |r: NamedRun| NamedRun {
            id: r.id,
            run: OwnRun { residual: rounded(r.run.residual.clamp(-MOST, MOST)), shares: r.run.shares.map(rounded) },
        };
        let runs: Vec<NamedRun> = runs.into_iter().map(kept).collect();
        let fit = prior.fit(&runs.iter().map(|r| r.run).collect::<Vec<OwnRun>>());
        OwnStack { chip: chip.to_owned(), stack, runs, prior, fit }
    }

    /// Weight of each run, 1 for those that agree.
    pub fn weights(&self) -> &[f64] {
        &self.fit.weights
    }

    /// The correction of a prediction with these shares.
    pub fn correction(&self, shares: &Shares) -> Correction {
        self.fit.correction(shares)
    }

    /// ln of the 5% and 95% quantiles of a later run over the corrected prediction.
    pub fn interval(&self, c: Correction) -> (f64, f64) {
        self.prior.interval(c)
    }

    /// The correction of a run that spends its time as the mean of the own runs does.
    pub fn typical(&self) -> Correction {
        let mut mean = Shares::default();
        for r in &self.runs {
            for (m, x) in mean.iter_mut().zip(r.run.shares) {
                *m += x / self.runs.len() as f64;
            }
        }
        self.correction(&mean)
    }

    /// On predicted seconds of such a run.
    pub fn factor(&self) -> f64 {
        self.typical().shift.exp()
    }

    /// `nemo`, or `any`.
    pub fn stack_name(&self) -> &'static str {
        self.stack.map_or(ANY, Stack::name)
    }

    /// `3 own runs on h100-sxm (nemo)`.
    pub fn basis(&self) -> String {
        let (n, s) = (self.runs.len(), if self.runs.len() == 1 { "" } else { "s" });
        match self.stack {
            Some(stack) => format!("{n} own run{s} on {} ({})", self.chip, stack.name()),
            None => format!("{n} own run{s} on {}", self.chip),
        }
    }
}

/// Corrections from one's own runs, and the calibration that they correct.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnRuns {
    /// [`super::Calibration::fingerprint`] of it.
    pub calibration: String,
    pub stacks: Vec<OwnStack>,
}

/// What a file says where all stacks of a chip are taken together.
const ANY: &str = "any";
const KEYS: [&str; 8] = ["calibration", "stack", "chip", "software", "run", "id", "residual", "shares"];
/// ln of the most that a run may differ from its prediction.
const MOST: f64 = 20.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    calibration: Spanned<String>,
    #[serde(default)]
    stack: Vec<Spanned<StackEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StackEntry {
    chip: Spanned<String>,
    software: Spanned<String>,
    #[serde(default)]
    run: Vec<RunEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunEntry {
    id: String,
    residual: Spanned<f64>,
    shares: Spanned<Vec<f64>>,
}

impl OwnRuns {
    /// Reads a file for the calibration with this fingerprint and prior. `chip` gives the id of a chip's name.
    pub fn read(
        name: &str,
        text: &str,
        fingerprint: &str,
        prior: OwnPrior,
        chip: &dyn Fn(&str) -> Result<String, Diagnostic>,
    ) -> Result<OwnRuns, Diagnostic> {
        let source = SourceText { name, text };
        let file: OverlayFile = toml::from_str(text).map_err(|e| {
            let d = Diagnostic::error(e.message().lines().next().unwrap_or("not a TOML file").to_owned());
            match e.span() {
                Some(s) => d.suggest(text.get(s.clone()).unwrap_or("").trim(), KEYS).at_offset(source, s.start),
                None => d.in_file(name),
            }
        })?;
        let at = |message: String, start: usize| Diagnostic::error(message).at_offset(source, start);
        if file.calibration.get_ref() != fingerprint {
            return Err(at("these corrections belong to another calibration".to_owned(), file.calibration.span().start)
                .hint("run `secondsource calibrate --mine FILE.csv --write FILE.toml` again"));
        }
        if file.stack.is_empty() {
            return Err(Diagnostic::error("no [[stack]] in this file").in_file(name));
        }
        let mut stacks: Vec<OwnStack> = Vec::new();
        for entry in file.stack {
            let start = entry.span().start;
            let e = entry.into_inner();
            let id = chip(e.chip.get_ref()).map_err(|d| Diagnostic { hints: d.hints, ..at(d.message, e.chip.span().start) })?;
            let stack = match e.software.get_ref().as_str() {
                ANY => None,
                word => Some(Stack::parse(word).ok_or_else(|| {
                    let names = Stack::ALL.map(Stack::name);
                    at(format!("`{word}` is not a software stack"), e.software.span().start)
                        .suggest(word, names.into_iter().chain([ANY]))
                        .hint(format!("one of {ANY}, {}", names.join(", ")))
                })?),
            };
            if e.run.is_empty() || e.run.len() > MOST_RUNS {
                return Err(at(format!("a stack has 1 to {MOST_RUNS} [[stack.run]], not {}", e.run.len()), start));
            }
            let mut runs = Vec::with_capacity(e.run.len());
            for r in e.run {
                let (residual, from) = (*r.residual.get_ref(), r.residual.span().start);
                if !(-MOST..=MOST).contains(&residual) {
                    return Err(at(format!("`residual` is {residual}, but must be from -{MOST} to {MOST}"), from));
                }
                let from = r.shares.span().start;
                let parts = r.shares.into_inner();
                let sum: f64 = parts.iter().sum();
                let shares = Shares::try_from(parts).ok().filter(|x| x.iter().all(|v| (0.0..=1.0).contains(v)));
                let Some(shares) = shares.filter(|_| (sum - 1.0).abs() < 1e-3) else {
                    let n = Shares::default().len();
                    return Err(at(format!("`shares` must be {n} values from 0 to 1 that add up to 1"), from));
                };
                runs.push(NamedRun { id: r.id, run: OwnRun { residual, shares } });
            }
            if stacks.iter().any(|s| s.chip == id && s.stack == stack) {
                return Err(at(format!("{} on {id} stands in this file already", e.software.get_ref()), start));
            }
            stacks.push(OwnStack::new(&id, stack, runs, prior));
        }
        Ok(OwnRuns { calibration: fingerprint.to_owned(), stacks })
    }

    /// The file.
    pub fn write(&self) -> String {
        let mut s = String::from(
            "# Written by `secondsource calibrate --mine`. One's own runs, by which later predictions are corrected; give this file\n# as --calibration. A residual is ln(measured / predicted); shares are parts of the predicted step, in the order\n",
        );
        let _ = writeln!(s, "# {}.", Breakdown::NAMES.join(", "));
        let _ = writeln!(s, "calibration = \"{}\"", self.calibration);
        for o in &self.stacks {
            let _ = writeln!(s, "\n[[stack]]\nchip = \"{}\"\nsoftware = \"{}\"", o.chip, o.stack_name());
            for r in &o.runs {
                let id = toml::Value::String(r.id.clone());
                let shares: Vec<String> = r.run.shares.iter().map(|v| format!("{v:?}")).collect();
                let _ = writeln!(s, "\n[[stack.run]]\nid = {id}\nresidual = {:?}\nshares = [{}]", r.run.residual, shares.join(", "));
            }
        }
        s
    }

    /// The correction for a chip: that of the stack; else that of all stacks together; a prediction for no stack
    /// in particular (`plan`, `step`, `fit`) takes that, or the only one there is.
    pub(crate) fn of(&self, chip: &str, stack: Option<Stack>) -> Option<&OwnStack> {
        let mut here = self.stacks.iter().filter(|s| s.chip == chip);
        let exact = here.clone().find(|s| stack.is_some() && s.stack == stack).or_else(|| here.clone().find(|s| s.stack.is_none()));
        if exact.is_some() || stack.is_some() {
            return exact;
        }
        let only = here.next();
        if here.next().is_none() { only } else { None }
    }
}

/// Six significant digits, so that what is read is what was written.
fn rounded(v: f64) -> f64 {
    format!("{v:.5e}").parse().unwrap_or(v)
}
