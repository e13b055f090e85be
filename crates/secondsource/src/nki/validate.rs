//! Predicted against published kernel times.

use super::WINDOW;
use super::table::{Quantity, Timing as Row, read};
use crate::validate::{quantile, spearman};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_neuroncore::kernels::published;
use secondsource_neuroncore::schedule::{bound, price, schedule, transfer};
use secondsource_neuroncore::timing::Spread;
use secondsource_neuroncore::trace::{Direction, Engine, Trace};
use secondsource_neuroncore::{Calibration, Fitted, Generation, Timing};
use serde::Serialize;
use std::collections::BTreeMap;

/// A row with what is predicted for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiRow {
    pub id: String,
    pub group: String,
    pub kernel: String,
    pub target: String,
    pub published: String,
    /// Seconds; a fraction for relative rates.
    pub measured: f64,
    /// After the compiler's reordering.
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    pub error_pct: f64,
    /// Same unit: in the order of the source, and what no order can beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_written: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// With as many bytes to and from device memory as the profiler counted, and the error then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_counted_traffic: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_error_pct: Option<f64>,
    /// Bytes counted over bytes of the instruction stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic_ratio: Option<f64>,
    pub gemm: bool,
    pub source: String,
}

/// Errors of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiGroup {
    pub group: String,
    pub rows: u64,
    pub not_run: u64,
    pub median_abs_error_pct: f64,
    pub p90_abs_error_pct: f64,
    pub bias_pct: f64,
    /// Share of rows inside 5-95%.
    pub inside: f64,
    /// The same median with counted traffic where there is any.
    pub median_counted_pct: f64,
}

/// Order of the variants of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiKernelRank {
    pub kernel: String,
    pub variants: u64,
    /// Spearman's.
    pub rank_correlation: f64,
}

/// Everything `secondsource validate --nki` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiAnswer {
    pub groups: Vec<NkiGroup>,
    pub ranks: Vec<NkiKernelRank>,
    /// Predicted over measured time of the kda rows, one factor for all: their scale is not that of one core.
    pub kda_factor: f64,
    pub rows: Vec<NkiRow>,
    /// Rows that are not predicted, by reason.
    pub not_run: BTreeMap<String, Vec<String>>,
}

/// Predicted value of a row: reordered, as written, bound, and with counted traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Predicted {
    pub value: f64,
    pub as_written: Option<f64>,
    pub bound: Option<f64>,
    pub counted: Option<(f64, f64)>,
}

/// Timings of the three generations with given parameters.
pub(super) fn timings(fitted: &Fitted) -> Result<Vec<Timing>, Diagnostic> {
    let catalog = Catalog::embedded();
    secondsource_neuroncore::Gen::ALL.iter().map(|g| Timing::read(catalog, &Generation::read(catalog, *g)?, fitted)).collect()
}

/// Predicts one row. `brief`: only the value.
pub(super) fn predict(timings: &[Timing], row: &Row, brief: bool) -> Result<Predicted, Diagnostic> {
    let none = || Diagnostic::error(format!("row {} cannot be predicted", row.id));
    let version = row.version().ok_or_else(none)?;
    let t = timings.iter().find(|t| t.version == version).ok_or_else(none)?;
    let trace = published::trace(&row.trace, version).ok_or_else(none)?;
    let only = |value: f64| Predicted { value, as_written: None, bound: None, counted: None };
    let first = |engine: Engine| trace.instrs.iter().find(|i| i.engine == engine).ok_or_else(none);
    Ok(match row.quantity {
        Quantity::EngineBusy => only(transfer(t, first(Engine::Dma)?).each as f64 * 1e-12),
        Quantity::Instruction => only(price(t, first(Engine::Scalar)?).done as f64 * 1e-12),
        Quantity::PerLink => only(schedule(t, &trace, 1)?.1.total as f64 * 1e-12 / f64::from(published::REPEATS)),
        Quantity::RelativeRate => {
            let rate = |trace: &Trace| -> Result<f64, Diagnostic> {
                let bytes: u64 = trace.instrs.iter().map(|i| i.cost.bytes).sum();
                Ok(bytes as f64 / schedule(t, trace, 1)?.1.total as f64)
            };
            let plateau = published::trace("copy-128x32768", version).ok_or_else(none)?;
            only(rate(&trace)? / rate(&plateau)?)
        }
        Quantity::Latency | Quantity::Other => {
            let value = schedule(t, &trace, WINDOW)?.1.seconds();
            if brief {
                return Ok(only(value));
            }
            let (g, written) = schedule(t, &trace, 1)?;
            let limit = bound(t, &trace, &g).total as f64 * 1e-12;
            let counted = match row.traffic {
                None => None,
                Some((read, write)) => {
                    // Where the order of loads is known that gives the counted bytes, that order; what is left is stretched.
                    let own = bytes(&trace);
                    let order = published::trace(&format!("{}-reload", row.trace), version).unwrap_or(trace);
                    let trace = with_traffic(&order, read, write);
                    let ratio = (read + write) / own;
                    Some((schedule(t, &trace, WINDOW)?.1.seconds(), ratio))
                }
            };
            Predicted { value, as_written: Some(written.seconds()), bound: Some(limit), counted }
        }
    })
}

/// Bytes that a stream moves to and from device memory.
fn bytes(trace: &Trace) -> f64 {
    moved(trace, Direction::HbmToSbuf) + moved(trace, Direction::SbufToHbm)
}

fn moved(trace: &Trace, d: Direction) -> f64 {
    trace.instrs.iter().filter(|i| i.engine == Engine::Dma && i.cost.direction == d).map(|i| i.cost.bytes as f64).sum::<f64>().max(1.0)
}

/// The stream with its loads and stores stretched to the counted bytes.
fn with_traffic(trace: &Trace, read: f64, write: f64) -> Trace {
    let (in_bytes, out_bytes) = (moved(trace, Direction::HbmToSbuf), moved(trace, Direction::SbufToHbm));
    let mut out = trace.clone();
    for i in out.instrs.iter_mut().filter(|i| i.engine == Engine::Dma) {
        let factor = match i.cost.direction {
            Direction::HbmToSbuf => read / in_bytes,
            Direction::SbufToHbm => write / out_bytes,
            _ => 1.0,
        };
        i.cost.rows = (f64::from(i.cost.rows) * factor).round().clamp(1.0, 1e9) as u32;
    }
    out
}

/// Predicts every row of a table that has an instruction stream.
///
/// # Errors
/// A table that cannot be read, or constants that are missing.
pub fn validate(name: &str, text: &str, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<NkiAnswer, Vec<Diagnostic>> {
    let one = |d: Diagnostic| vec![d];
    let table = read(name, text)?;
    let calibration = Calibration::embedded().map_err(one)?;
    let timings = timings(&calibration.fitted()).map_err(one)?;
    let runs: Vec<&Row> = table.iter().filter(|r| !r.trace.is_empty()).collect();
    let done = std::sync::atomic::AtomicU64::new(0);
    let predicted: Vec<Predicted> = runs
        .par_iter()
        .map(|row| {
            let p = predict(&timings, row, false);
            progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, runs.len() as u64);
            p
        })
        .collect::<Result<_, _>>()
        .map_err(one)?;
    let logs: Vec<f64> = runs.iter().zip(&predicted).filter(|(r, _)| r.group == "kda").map(|(r, p)| (p.value / r.value).ln()).collect();
    let kda_factor = quantile(logs, 0.5).exp();
    let rows: Vec<NkiRow> =
        runs.iter().zip(&predicted).map(|(r, p)| row(r, *p, if r.group == "kda" { kda_factor } else { 1.0 }, calibration.spread)).collect();
    let mut not_run: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for r in table.iter().filter(|r| r.trace.is_empty()) {
        not_run.entry(r.not_run.clone()).or_default().push(r.id.clone());
    }
    Ok(NkiAnswer { groups: groups(&rows, &table), ranks: ranks(&rows), kda_factor, rows, not_run })
}

fn row(r: &Row, p: Predicted, factor: f64, spread: Spread) -> NkiRow {
    let sigma = if r.gemm { spread.gemm } else { spread.other };
    let (p50, off) = (p.value / factor, (1.645 * sigma).exp());
    let error = |x: f64| (x / r.value - 1.0) * 100.0;
    NkiRow {
        id: r.id.clone(),
        group: r.group.clone(),
        kernel: r.kernel.clone(),
        target: r.target.clone(),
        published: r.printed.clone(),
        measured: r.value,
        p5: p50 / off,
        p50,
        p95: p50 * off,
        error_pct: error(p50),
        as_written: p.as_written.map(|x| x / factor),
        bound: p.bound.map(|x| x / factor),
        with_counted_traffic: p.counted.map(|x| x.0 / factor),
        counted_error_pct: p.counted.map(|x| error(x.0 / factor)),
        traffic_ratio: p.counted.map(|x| x.1),
        gemm: r.gemm,
        source: r.source.clone(),
    }
}

fn summary(name: &str, rows: &[&NkiRow], not_run: u64) -> NkiGroup {
    let errors: Vec<f64> = rows.iter().map(|r| r.error_pct).collect();
    let abs: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    let counted = rows.iter().map(|r| r.counted_error_pct.unwrap_or(r.error_pct).abs()).collect();
    let inside = rows.iter().filter(|r| (r.p5..=r.p95).contains(&r.measured)).count();
    NkiGroup {
        group: name.to_owned(),
        rows: rows.len() as u64,
        not_run,
        median_abs_error_pct: quantile(abs.clone(), 0.5),
        p90_abs_error_pct: quantile(abs, 0.9),
        bias_pct: quantile(errors, 0.5),
        inside: inside as f64 / rows.len().max(1) as f64,
        median_counted_pct: quantile(counted, 0.5),
    }
}

fn groups(rows: &[NkiRow], table: &[Row]) -> Vec<NkiGroup> {
    let mut names: Vec<&str> = Vec::new();
    for r in table {
        if !names.contains(&r.group.as_str()) {
            names.push(&r.group);
        }
    }
    let missing = |group: Option<&str>| table.iter().filter(|r| r.trace.is_empty() && group.is_none_or(|g| r.group == g)).count() as u64;
    let mut out: Vec<NkiGroup> =
        names.iter().map(|g| summary(g, &rows.iter().filter(|r| r.group == *g).collect::<Vec<_>>(), missing(Some(g)))).collect();
    let absolute = |gemm: bool| rows.iter().filter(|r| r.group != "kda" && r.gemm == gemm).collect::<Vec<_>>();
    out.push(summary("all but kda: products", &absolute(true), 0));
    out.push(summary("all but kda: others", &absolute(false), 0));
    out
}

/// Kernels with three variants or more, by the word after the group's name.
fn ranks(rows: &[NkiRow]) -> Vec<NkiKernelRank> {
    let mut kernels: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for r in rows.iter().filter(|r| r.as_written.is_some()) {
        let words: Vec<&str> = r.kernel.split_whitespace().collect();
        let name = match r.group.as_str() {
            "docs" if r.kernel.starts_with("mamba") => "docs mamba".to_owned(),
            "docs" => "docs matmul".to_owned(),
            "kda" => format!("kda {}", words.get(1).unwrap_or(&"")),
            g => format!("{g} {}", words.get(1).unwrap_or(&"")),
        };
        kernels.entry(name).or_default().push((r.p50, r.measured));
    }
    kernels.retain(|_, v| v.len() >= 3);
    kernels.into_iter().map(|(kernel, v)| NkiKernelRank { kernel, variants: v.len() as u64, rank_correlation: spearman(&v) }).collect()
}
