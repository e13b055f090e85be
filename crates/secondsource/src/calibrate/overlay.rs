//! The file of one's own runs: what `calibrate --mine` writes and `--calibration` reads.

use super::own::{Correction, MOST_RUNS, OwnFit, OwnPrior, OwnRun, Shares, Traits};
use crate::runs::Stack;
use secondsource_base::{Diagnostic, Dtype, SourceText};
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
            run: OwnRun {
                residual: rounded(r.run.residual.clamp(-MOST, MOST)),
                traits: Traits { shares: r.run.traits.shares.map(rounded), ..r.run.traits },
            },
        };
        let runs: Vec<NamedRun> = runs.into_iter().map(kept).collect();
        let fit = prior.fit(&runs.iter().map(|r| r.run).collect::<Vec<OwnRun>>());
        OwnStack { chip: chip.to_owned(), stack, runs, prior, fit }
    }

    /// Weight of each run, 1 for those that agree.
    pub fn weights(&self) -> &[f64] {
        &self.fit.weights
    }

    /// The correction of a prediction with these traits.
    pub fn correction(&self, traits: &Traits) -> Correction {
        self.fit.correction(traits)
    }

    /// ln of the 5% and 95% quantiles of a later run over the corrected prediction.
    pub fn interval(&self, c: Correction) -> (f64, f64) {
        self.prior.interval(c)
    }

    /// The correction of runs like the own ones, on average.
    pub fn typical(&self) -> Correction {
        let n = self.runs.len() as f64;
        let each = self.runs.iter().map(|r| self.correction(&r.run.traits));
        let (shift, variance) = each.fold((0.0, 0.0), |(s, v), c| (s + c.shift / n, v + c.later_sd * c.later_sd / n));
        Correction { shift, later_sd: variance.sqrt() }
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
const KEYS: [&str; 12] =
    ["version", "calibration", "stack", "chip", "software", "run", "id", "residual", "precision", "experts", "chips", "shares"];
/// Of the file's format. 1 had no number: its runs kept their shares only.
const VERSION: i64 = 2;
const FORMATS: [Dtype; 6] = [Dtype::Bf16, Dtype::Fp8, Dtype::MxFp8, Dtype::NvFp4, Dtype::MxFp4, Dtype::Int8];
const MOST_CHIPS: u64 = 1 << 24;
/// ln of the most that a run may differ from its prediction.
const MOST: f64 = 20.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverlayFile {
    #[serde(rename = "version")]
    _version: i64,
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
    precision: Spanned<String>,
    experts: bool,
    chips: Spanned<u64>,
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
        let again = "run `secondsource calibrate --mine FILE.csv --write FILE.toml` again";
        if let Ok(table) = text.parse::<toml::Table>()
            && table.contains_key("calibration")
        {
            match table.get("version").map_or(Some(1), toml::Value::as_integer) {
                Some(VERSION) => {}
                Some(v) if v > VERSION => {
                    let d = Diagnostic::error(format!("a newer program wrote these corrections (version {v}, this one reads {VERSION})"));
                    return Err(d.in_file(name).hint(again));
                }
                Some(v) => {
                    let d = Diagnostic::error(format!("an older program wrote these corrections (version {v}, this one reads {VERSION})"));
                    return Err(d.in_file(name).hint(again));
                }
                None => return Err(Diagnostic::error(format!("`version` must be {VERSION}")).in_file(name).hint(again)),
            }
        }
        let file: OverlayFile = toml::from_str(text).map_err(|e| {
            let d = Diagnostic::error(e.message().lines().next().unwrap_or("not a TOML file").to_owned());
            match e.span() {
                Some(s) => d.suggest(text.get(s.clone()).unwrap_or("").trim(), KEYS).at_offset(source, s.start),
                None => d.in_file(name),
            }
        })?;
        let at = |message: String, start: usize| Diagnostic::error(message).at_offset(source, start);
        if file.calibration.get_ref() != fingerprint {
            return Err(at("these corrections belong to another calibration".to_owned(), file.calibration.span().start).hint(again));
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
                let word = r.precision.get_ref();
                let format = Dtype::parse(word).ok_or_else(|| {
                    at(format!("`{word}` is not a number format"), r.precision.span().start).suggest(word, FORMATS.map(Dtype::name))
                })?;
                let chips = *r.chips.get_ref();
                if !(1..=MOST_CHIPS).contains(&chips) {
                    return Err(at(format!("`chips` is {chips}, but must be from 1 to {MOST_CHIPS}"), r.chips.span().start));
                }
                let traits = Traits { shares, format, experts: r.experts, chips };
                runs.push(NamedRun { id: r.id, run: OwnRun { residual, traits } });
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
        let _ = writeln!(s, "version = {VERSION}\ncalibration = \"{}\"", self.calibration);
        for o in &self.stacks {
            let _ = writeln!(s, "\n[[stack]]\nchip = \"{}\"\nsoftware = \"{}\"", o.chip, o.stack_name());
            for r in &o.runs {
                let id = toml::Value::String(r.id.clone());
                let t = &r.run.traits;
                let shares: Vec<String> = t.shares.iter().map(|v| format!("{v:?}")).collect();
                let _ = writeln!(s, "\n[[stack.run]]\nid = {id}\nresidual = {:?}", r.run.residual);
                let _ = writeln!(s, "precision = \"{}\"\nexperts = {}\nchips = {}", t.format.name(), t.experts, t.chips);
                let _ = writeln!(s, "shares = [{}]", shares.join(", "));
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
