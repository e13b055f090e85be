//! Reading and writing of the calibration files.

use super::own::{OwnPrior, fnv};
use secondsource_base::{Diagnostic, SourceText};
use secondsource_catalog::calibration::Params;
use serde::Deserialize;
use std::fmt::Write as _;

/// What is believed of a parameter before any run is looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    pub prior: f64,
    /// Standard deviation of the natural log.
    pub sd: f64,
    pub low: f64,
    pub high: f64,
    pub unit: String,
    pub reason: String,
}

/// All priors, in the order of [`Params::NAMES`], and the energy table of chip families.
#[derive(Debug, Clone)]
pub struct Priors {
    pub list: Vec<Prior>,
    pub energy: Vec<(String, f64)>,
}

const PRIORS: &str = include_str!("../../../../calibration/priors.toml");
const FAMILIES: &str = include_str!("../../../../calibration/families.toml");
const FITTED: &str = include_str!("../../../../calibration/fitted.toml");

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Diagnostic> {
    toml::from_str(text).map_err(|e| {
        let d = Diagnostic::error(e.message().to_owned());
        match e.span() {
            Some(s) => d.at_offset(SourceText { name, text }, s.start),
            None => d.in_file(name),
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Families {
    energy: std::collections::BTreeMap<String, f64>,
}

impl Priors {
    /// The priors that ship.
    pub fn embedded() -> Result<Priors, Diagnostic> {
        Priors::read("calibration/priors.toml", PRIORS, FAMILIES)
    }

    pub fn read(name: &str, text: &str, families: &str) -> Result<Priors, Diagnostic> {
        let mut table: std::collections::BTreeMap<String, Prior> = parse(name, text)?;
        let mut list = Vec::with_capacity(Params::COUNT);
        for wanted in Params::NAMES {
            let Some(p) = table.remove(*wanted) else {
                return Err(Diagnostic::error(format!("parameter `{wanted}` is missing"))
                    .in_file(name)
                    .suggest(wanted, table.keys().map(String::as_str)));
            };
            let sane = p.low > 0.0 && p.low <= p.prior && p.prior <= p.high && p.high.is_finite() && p.sd > 0.0;
            if !sane {
                return Err(Diagnostic::error(format!("`{wanted}` needs 0 < low <= prior <= high and sd above 0")).in_file(name));
            }
            list.push(p);
        }
        if let Some((extra, _)) = table.iter().next() {
            return Err(Diagnostic::error(format!("`{extra}` is not a parameter"))
                .in_file(name)
                .suggest(extra, Params::NAMES.iter().copied()));
        }
        let families: Families = parse("calibration/families.toml", families)?;
        Ok(Priors { list, energy: families.energy.into_iter().collect() })
    }

    /// Every parameter at its prior.
    pub fn params(&self) -> Params {
        let mut a = [0.0; Params::COUNT];
        for (x, p) in a.iter_mut().zip(&self.list) {
            *x = p.prior;
        }
        Params::from_array(&a)
    }
}

/// Parameters fitted without one source or one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Fold {
    /// `source` or `chip`.
    pub kind: String,
    pub name: String,
    pub params: Params,
}

/// Quantiles of ln(published / predicted) of held-out rows, by what predicts the spread.
#[derive(Debug, Clone, PartialEq)]
pub struct SpreadGroup {
    pub name: String,
    pub rows: u64,
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
}

/// What `calibrate` wrote: values, folds, spreads.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub params: Params,
    pub folds: Vec<Fold>,
    pub spread: Vec<SpreadGroup>,
    /// What stacks that the fit had not seen do; absent when the rows are too few to say.
    pub own: Option<OwnPrior>,
    pub energy: Vec<(String, f64)>,
    /// Rows of the fit, for the record.
    pub rows: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FittedFile {
    rows: u64,
    value: std::collections::BTreeMap<String, f64>,
    own_runs: Option<OwnEntry>,
    #[serde(default)]
    spread: Vec<SpreadEntry>,
    #[serde(default)]
    fold: Vec<FoldEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpreadEntry {
    name: String,
    rows: u64,
    p5: f64,
    p50: f64,
    p95: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnEntry {
    stack_sd: f64,
    run_sd: f64,
    low_z: f64,
    high_z: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FoldEntry {
    kind: String,
    name: String,
    values: Vec<f64>,
}

impl Calibration {
    /// The calibration that ships.
    pub fn embedded() -> Result<Calibration, Diagnostic> {
        Calibration::read("calibration/fitted.toml", FITTED, &Priors::embedded()?)
    }

    pub fn read(name: &str, text: &str, priors: &Priors) -> Result<Calibration, Diagnostic> {
        let mut file: FittedFile = parse(name, text)?;
        let mut a = [0.0; Params::COUNT];
        for (x, wanted) in a.iter_mut().zip(Params::NAMES) {
            *x = match file.value.remove(*wanted) {
                Some(v) if v.is_finite() && v > 0.0 => v,
                Some(v) => return Err(Diagnostic::error(format!("`{wanted}` is {v}, but must be positive")).in_file(name)),
                None => {
                    return Err(Diagnostic::error(format!("value of `{wanted}` is missing"))
                        .in_file(name)
                        .hint("run `secondsource calibrate` again"));
                }
            };
        }
        if let Some((extra, _)) = file.value.iter().next() {
            return Err(Diagnostic::error(format!("`{extra}` is not a parameter"))
                .in_file(name)
                .suggest(extra, Params::NAMES.iter().copied()));
        }
        let mut folds = Vec::with_capacity(file.fold.len());
        for f in file.fold {
            let values: [f64; Params::COUNT] = f.values.try_into().map_err(|_| {
                Diagnostic::error(format!("fold `{}` does not have {} values", f.name, Params::COUNT))
                    .in_file(name)
                    .hint("run `secondsource calibrate` again")
            })?;
            folds.push(Fold { kind: f.kind, name: f.name, params: Params::from_array(&values) });
        }
        let spread =
            file.spread.into_iter().map(|s| SpreadGroup { name: s.name, rows: s.rows, p5: s.p5, p50: s.p50, p95: s.p95 }).collect();
        let own = match file.own_runs {
            Some(o) if [o.stack_sd, o.run_sd, o.low_z, o.high_z].iter().all(|v| v.is_finite() && *v > 0.0) => {
                Some(OwnPrior { stack_sd: o.stack_sd, run_sd: o.run_sd, low_z: o.low_z, high_z: o.high_z })
            }
            Some(_) => return Err(Diagnostic::error("every value of [own_runs] must be positive").in_file(name)),
            None => None,
        };
        Ok(Calibration { params: Params::from_array(&a), folds, spread, own, energy: priors.energy.clone(), rows: file.rows })
    }

    /// Tells calibrations with other values apart.
    pub fn fingerprint(&self) -> String {
        let values: Vec<String> = self.params.to_array().iter().map(|v| digits(*v)).collect();
        format!("{:016x}", fnv(&values.join(" ")))
    }

    /// The file as it is shipped: six significant digits, fixed order.
    pub fn write(&self) -> String {
        let mut s = String::from(
            "# Written by `secondsource calibrate` from validation/published_runs.csv and calibration/priors.toml.\n# Do not edit: change the priors or the rows and run it again.\n",
        );
        let _ = writeln!(s, "rows = {}\n\n[value]", self.rows);
        for (n, v) in Params::NAMES.iter().zip(self.params.to_array()) {
            let _ = writeln!(s, "{n} = {}", digits(v));
        }
        if let Some(o) = &self.own {
            let _ = writeln!(
                s,
                "\n# Stacks that a fit had not seen: spread from stack to stack and from run to run (standard deviations of\n# ln(measured / predicted)), and how many standard deviations hold 90% after three own runs.\n[own_runs]\nstack_sd = {}\nrun_sd = {}\nlow_z = {}\nhigh_z = {}",
                digits(o.stack_sd),
                digits(o.run_sd),
                digits(o.low_z),
                digits(o.high_z)
            );
        }
        for g in &self.spread {
            let _ = writeln!(
                s,
                "\n[[spread]]\nname = \"{}\"\nrows = {}\np5 = {}\np50 = {}\np95 = {}",
                g.name,
                g.rows,
                digits(g.p5),
                digits(g.p50),
                digits(g.p95)
            );
        }
        for f in &self.folds {
            let values: Vec<String> = f.params.to_array().iter().map(|v| digits(*v)).collect();
            let _ = writeln!(s, "\n[[fold]]\nkind = \"{}\"\nname = \"{}\"\nvalues = [{}]", f.kind, f.name, values.join(", "));
        }
        s
    }
}

/// Six significant digits, always a TOML float.
fn digits(v: f64) -> String {
    let s = format!("{v:.5e}");
    let (m, e) = s.split_once('e').unwrap_or((&s, "0"));
    format!("{m}e{e}")
}
