//! The file of one's own runs: what `calibrate --mine` writes and `--calibration` reads.

use super::own::{OwnFit, OwnPrior};
use crate::runs::Stack;
use secondsource_base::{Diagnostic, SourceText};
use serde::Deserialize;
use std::fmt::Write as _;
use toml::Spanned;

/// The correction of one stack on one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnStack {
    /// Catalog id.
    pub chip: String,
    /// `None`: all stacks of the chip together.
    pub(crate) stack: Option<Stack>,
    /// Ids of the runs.
    pub runs: Vec<String>,
    /// On predicted seconds.
    pub factor: f64,
    /// ln of the 5% and 95% quantiles of a later run over the corrected prediction.
    pub p5: f64,
    pub p95: f64,
}

impl OwnStack {
    pub(crate) fn new(chip: &str, stack: Option<Stack>, runs: Vec<String>, fit: &OwnFit, prior: &OwnPrior) -> OwnStack {
        let (p5, p95) = prior.interval(fit);
        let [factor, p5, p95] = [fit.shift.exp(), p5, p95].map(rounded);
        OwnStack { chip: chip.to_owned(), stack, runs, factor, p5, p95 }
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
const KEYS: [&str; 8] = ["calibration", "stack", "chip", "runs", "factor", "p5", "p95", "software"];
/// A correction beyond this is no correction but another machine.
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
    runs: Vec<String>,
    factor: Spanned<f64>,
    p5: Spanned<f64>,
    p95: Spanned<f64>,
}

impl OwnRuns {
    /// Reads a file. `chip` gives the id of a chip's name.
    pub fn read(
        name: &str,
        text: &str,
        fingerprint: &str,
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
            let checks = [
                ("factor", &e.factor, 1.0 / MOST..=MOST, "from 0.05 to 20"),
                ("p5", &e.p5, -MOST.ln()..=0.0, "from -2.99 to 0"),
                ("p95", &e.p95, 0.0..=MOST.ln(), "from 0 to 2.99"),
            ];
            for (key, v, range, words) in checks {
                if !range.contains(v.get_ref()) {
                    return Err(at(format!("`{key}` is {}, but must be {words}", v.get_ref()), v.span().start));
                }
            }
            if e.runs.is_empty() {
                return Err(at("`runs` names no run".to_owned(), start));
            }
            if stacks.iter().any(|s| s.chip == id && s.stack == stack) {
                return Err(at(format!("{} on {id} stands in this file already", e.software.get_ref()), start));
            }
            let [factor, p5, p95] = [e.factor, e.p5, e.p95].map(Spanned::into_inner);
            stacks.push(OwnStack { chip: id, stack, runs: e.runs, factor, p5, p95 });
        }
        Ok(OwnRuns { calibration: fingerprint.to_owned(), stacks })
    }

    /// The file.
    pub fn write(&self) -> String {
        let mut s = String::from(
            "# Written by `secondsource calibrate --mine`. Corrections of predicted step times from one's own runs; give this\n# file as --calibration. `factor` multiplies predicted seconds; 90% of later runs are expected between\n# e^p5 and e^p95 of the corrected prediction.\n",
        );
        let _ = writeln!(s, "calibration = \"{}\"", self.calibration);
        for o in &self.stacks {
            let runs: Vec<String> = o.runs.iter().map(|r| toml::Value::String(r.clone()).to_string()).collect();
            let _ = writeln!(
                s,
                "\n[[stack]]\nchip = \"{}\"\nsoftware = \"{}\"\nruns = [{}]\nfactor = {:?}\np5 = {:?}\np95 = {:?}",
                o.chip,
                o.stack_name(),
                runs.join(", "),
                o.factor,
                o.p5,
                o.p95
            );
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
