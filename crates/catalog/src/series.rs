//! The two time series of Epoch AI: chips per quarter, and archived list prices.

use std::collections::BTreeSet;

use secondsource_base::{Diagnostic, Kind};
use serde::{Deserialize, Serialize};

use crate::walk::is_date;

/// Chips made or sold in one quarter, with the 90% interval of the estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplyRow {
    pub maker: String,
    /// As the data set names it (`H100`, `Trainium2`).
    pub chip: String,
    pub quarter_start: String,
    pub quarter_end: String,
    pub units_median: f64,
    pub units_p5: f64,
    pub units_p95: f64,
    pub kind: Kind,
    pub source: String,
}

/// One archived list price. USD per chip and hour, or USD per chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryRow {
    pub date: String,
    /// Catalog id; empty where the catalog has no such chip.
    pub chip: String,
    pub name: String,
    pub provider: String,
    pub region: String,
    pub on_demand_usd_per_chip_h: Option<f64>,
    pub reserved_1y_usd_per_chip_h: Option<f64>,
    pub reserved_3y_usd_per_chip_h: Option<f64>,
    pub purchase_usd_per_chip: Option<f64>,
    pub gpus_in_listing: Option<f64>,
    pub kind: Kind,
    pub source: String,
    /// The archived page.
    pub url: String,
}

/// One figure of a filing, a call or a forecast, for a period or a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// `nvidia-revenue`, `aws-backlog`, `tpu-units`...
    pub series: String,
    pub maker: String,
    pub start: String,
    pub end: String,
    pub value: f64,
    pub unit: String,
    /// `above`, `about`, `guidance, +/- 2%`...
    pub qualifier: String,
    pub kind: Kind,
    pub as_of: String,
    pub source: String,
    pub note: String,
}

impl Statement {
    /// The value in plain dollars, dollars a year or pieces.
    pub fn plain(&self) -> f64 {
        self.value
            * match self.unit.as_str() {
                "G USD" | "G USD/year" => 1e9,
                "M USD" | "million" => 1e6,
                _ => 1.0,
            }
    }
}

const STATEMENT_UNITS: [&str; 5] = ["G USD", "G USD/year", "M USD", "million", "USD"];

fn rows<T: for<'de> Deserialize<'de>>(name: &str, text: &str, wrong: impl Fn(&T) -> Option<String>) -> (Vec<T>, Vec<Diagnostic>) {
    let mut out = Vec::new();
    let mut diags = Vec::new();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let headers = match reader.headers() {
        Ok(h) => h.clone(),
        Err(e) => return (out, vec![Diagnostic::error(format!("not readable as CSV: {e}")).at_line(name, 1)]),
    };
    loop {
        let line = usize::try_from(reader.position().line()).unwrap_or(usize::MAX);
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Err(e) => {
                diags.push(Diagnostic::error(format!("not readable as CSV: {e}")).at_line(name, line));
                break;
            }
            Ok(true) => match record.deserialize::<T>(Some(&headers)) {
                Err(e) => {
                    let why = match e.kind() {
                        csv::ErrorKind::Deserialize { err, .. } => {
                            let column = err.field().and_then(|f| headers.get(usize::try_from(f).ok()?));
                            column.map_or_else(|| err.to_string(), |c| format!("column `{c}`: {}", err.kind()))
                        }
                        _ => e.to_string(),
                    };
                    diags.push(Diagnostic::error(why).at_line(name, line));
                }
                Ok(row) => match wrong(&row) {
                    Some(why) => diags.push(Diagnostic::error(why).at_line(name, line)),
                    None => out.push(row),
                },
            },
        }
    }
    (out, diags)
}

fn source_wrong(id: &str, known: &BTreeSet<&str>) -> Option<String> {
    (!known.contains(id)).then(|| format!("unknown source `{id}`"))
}

pub(crate) fn read_supply(name: &str, text: &str, known: &BTreeSet<&str>) -> (Vec<SupplyRow>, Vec<Diagnostic>) {
    rows(name, text, |r: &SupplyRow| {
        if !is_date(&r.quarter_start) || !is_date(&r.quarter_end) {
            return Some("the quarter is not given by two dates".to_owned());
        }
        let ordered = 0.0 <= r.units_p5 && r.units_p5 <= r.units_median && r.units_median <= r.units_p95;
        if !(ordered && r.units_p95.is_finite()) {
            return Some("units must be p5 <= median <= p95, none negative".to_owned());
        }
        source_wrong(&r.source, known)
    })
}

pub(crate) fn read_history(name: &str, text: &str, known: &BTreeSet<&str>) -> (Vec<HistoryRow>, Vec<Diagnostic>) {
    rows(name, text, |r: &HistoryRow| {
        if !is_date(&r.date) {
            return Some(format!("`{}` is not a date", r.date));
        }
        let prices = [r.on_demand_usd_per_chip_h, r.reserved_1y_usd_per_chip_h, r.reserved_3y_usd_per_chip_h, r.purchase_usd_per_chip];
        if prices.iter().flatten().any(|p| !p.is_finite() || *p < 0.0) {
            return Some("a price is negative or not finite".to_owned());
        }
        if prices.iter().all(Option::is_none) {
            return Some("the row has no price".to_owned());
        }
        source_wrong(&r.source, known)
    })
}

pub(crate) fn read_statements(name: &str, text: &str, known: &BTreeSet<&str>) -> (Vec<Statement>, Vec<Diagnostic>) {
    rows(name, text, |r: &Statement| {
        if ![&r.start, &r.end, &r.as_of].into_iter().all(|d| is_date(d)) {
            return Some("start, end and as_of must be dates".to_owned());
        }
        if !(r.value.is_finite() && r.value >= 0.0) {
            return Some("the value is negative or not finite".to_owned());
        }
        if !STATEMENT_UNITS.contains(&r.unit.as_str()) {
            return Some(format!("unit `{}`; one of {}", r.unit, STATEMENT_UNITS.join(", ")));
        }
        source_wrong(&r.source, known)
    })
}
