//! Calibration of serving as files: priors read, fitted values read and written.

use crate::calibrate::{Prior, SpreadGroup};
use secondsource_base::{Diagnostic, SourceText};
use secondsource_step::serve::ServeParams;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PRIORS: &str = include_str!("../../../../calibration/serving_priors.toml");
const FITTED: &str = include_str!("../../../../calibration/serving.toml");

/// Priors in the order of [`ServeParams::NAMES`].
#[derive(Debug, Clone)]
pub struct ServePriors {
    pub list: Vec<Prior>,
}

/// Parameters fitted without one source or one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeFold {
    /// `source` or `chip`.
    pub kind: String,
    pub name: String,
    pub params: ServeParams,
}

/// What `tokens --calibrate` wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct ServeCalibration {
    pub params: ServeParams,
    pub folds: Vec<ServeFold>,
    /// Quantiles of ln(published / predicted) of held-out rows.
    pub spread: Vec<SpreadGroup>,
    /// Chips with rows in the fit.
    pub chips: Vec<String>,
    pub rows: u64,
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, text: &str) -> Result<T, Diagnostic> {
    toml::from_str(text).map_err(|e| {
        let d = Diagnostic::error(e.message().to_owned());
        match e.span() {
            Some(s) => d.at_offset(SourceText { name, text }, s.start),
            None => d.in_file(name),
        }
    })
}

impl ServePriors {
    pub fn embedded() -> Result<ServePriors, Diagnostic> {
        let name = "calibration/serving_priors.toml";
        let mut table: BTreeMap<String, Prior> = parse(name, PRIORS)?;
        let list = ServeParams::NAMES.iter().map(|wanted| {
            let p = table.remove(*wanted).ok_or_else(|| Diagnostic::error(format!("parameter `{wanted}` is missing")).in_file(name))?;
            let sane = p.low > 0.0 && p.low <= p.prior && p.prior <= p.high && p.high.is_finite() && p.sd > 0.0;
            if sane {
                Ok(p)
            } else {
                Err(Diagnostic::error(format!("`{wanted}` needs 0 < low <= prior <= high and sd above 0")).in_file(name))
            }
        });
        let list = list.collect::<Result<Vec<Prior>, Diagnostic>>()?;
        match table.keys().next() {
            Some(extra) => Err(Diagnostic::error(format!("`{extra}` is not a parameter of serving")).in_file(name)),
            None => Ok(ServePriors { list }),
        }
    }

    /// Every parameter at its prior.
    pub fn params(&self) -> ServeParams {
        let mut a = [0.0; ServeParams::COUNT];
        for (x, p) in a.iter_mut().zip(&self.list) {
            *x = p.prior;
        }
        ServeParams::from_array(&a)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rows: u64,
    chips: Vec<String>,
    value: BTreeMap<String, f64>,
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
struct FoldEntry {
    kind: String,
    name: String,
    values: Vec<f64>,
}

impl ServeCalibration {
    /// The calibration that ships.
    pub fn embedded() -> Result<ServeCalibration, Diagnostic> {
        ServeCalibration::read("calibration/serving.toml", FITTED)
    }

    pub fn read(name: &str, text: &str) -> Result<ServeCalibration, Diagnostic> {
        let mut file: File = parse(name, text)?;
        let again = |d: Diagnostic| d.in_file(name).hint("run `secondsource tokens --calibrate` again");
        let mut a = [0.0; ServeParams::COUNT];
        for (x, wanted) in a.iter_mut().zip(ServeParams::NAMES) {
            *x = match file.value.remove(*wanted) {
                Some(v) if v.is_finite() && v > 0.0 => v,
                _ => return Err(again(Diagnostic::error(format!("`{wanted}` is missing or not positive")))),
            };
        }
        if let Some(extra) = file.value.keys().next() {
            return Err(again(Diagnostic::error(format!("`{extra}` is not a parameter of serving"))));
        }
        let folds = file.fold.into_iter().map(|f| {
            let values: [f64; ServeParams::COUNT] =
                f.values.try_into().map_err(|_| again(Diagnostic::error(format!("fold `{}` has the wrong number of values", f.name))))?;
            Ok(ServeFold { kind: f.kind, name: f.name, params: ServeParams::from_array(&values) })
        });
        let folds = folds.collect::<Result<Vec<_>, Diagnostic>>()?;
        let spread = file.spread.into_iter().map(|s| SpreadGroup { name: s.name, rows: s.rows, p5: s.p5, p50: s.p50, p95: s.p95 });
        Ok(ServeCalibration { params: ServeParams::from_array(&a), folds, spread: spread.collect(), chips: file.chips, rows: file.rows })
    }

    /// The file as it is shipped: six significant digits, fixed order.
    pub fn write(&self) -> String {
        let mut s = String::from(
            "# Written by `secondsource tokens --calibrate` from validation/serving_published.csv and\n\
             # calibration/serving_priors.toml, on top of calibration/fitted.toml.\n\
             # Do not edit: change the priors or the rows and run it again.\n",
        );
        let chips: Vec<String> = self.chips.iter().map(|c| format!("{c:?}")).collect();
        let _ = writeln!(s, "rows = {}\nchips = [{}]\n\n[value]", self.rows, chips.join(", "));
        for (n, v) in ServeParams::NAMES.iter().zip(self.params.to_array()) {
            let _ = writeln!(s, "{n} = {}", digits(v));
        }
        s += "\n# Quantiles of ln(published / predicted) of rows that the parameters had not seen.\n";
        for g in &self.spread {
            let (p5, p50, p95) = (digits(g.p5), digits(g.p50), digits(g.p95));
            let _ = writeln!(s, "[[spread]]\nname = {:?}\nrows = {}\np5 = {p5}\np50 = {p50}\np95 = {p95}\n", g.name, g.rows);
        }
        s += "# Values of fits that left out one source, or one chip, in the order above.\n";
        for f in &self.folds {
            let values: Vec<String> = f.params.to_array().iter().map(|v| digits(*v)).collect();
            let _ = writeln!(s, "[[fold]]\nkind = {:?}\nname = {:?}\nvalues = [{}]\n", f.kind, f.name, values.join(", "));
        }
        s
    }
}

fn digits(v: f64) -> String {
    format!("{v:.5e}")
}
