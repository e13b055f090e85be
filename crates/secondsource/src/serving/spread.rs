//! Intervals of serving: conformal quantiles of ln(published / predicted) over rows that the parameters had not seen, by
//! what was measured, by experts or not, and by whether the chip has rows of that kind. A row counts n^-1/2 of its
//! (source, chip) group, as in the fit.

use super::rows::ServeCase;
use crate::answer::Interval;
use crate::calibrate::SpreadGroup;
use crate::calibrate::spread::quantiles;
use std::collections::BTreeMap;

/// Rows that a group needs to speak for itself.
const FEWEST: usize = 20;

/// A held-out residual.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    pub source: String,
    pub chip: String,
    pub metric: &'static str,
    pub moe: bool,
    pub value: f64,
}

impl Residual {
    pub fn new(case: &ServeCase, predicted: f64) -> Residual {
        Residual {
            source: case.source.clone(),
            chip: case.chip.clone(),
            metric: case.metric.group(),
            moe: case.model.is_moe(),
            value: libm::log(case.value / predicted),
        }
    }
}

/// Name of a group: level 0 tells experts apart, level 1 does not.
pub(super) fn group_name(metric: &str, seen: bool, moe: bool, level: usize) -> String {
    let chip = if seen { "chip with published rows" } else { "chip without published rows" };
    let kind = match level {
        0 if moe => ", MoE model",
        0 => ", dense model",
        _ => "",
    };
    format!("{metric}, {chip}{kind}")
}

fn of(list: &[&Residual]) -> (f64, f64, f64) {
    let mut counts: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for r in list {
        *counts.entry((&r.source, &r.chip)).or_default() += 1.0;
    }
    let v: Vec<(f64, f64)> = list.iter().map(|r| (r.value, 1.0 / libm::sqrt(counts[&(r.source.as_str(), r.chip.as_str())]))).collect();
    quantiles(&v)
}

/// All groups that have rows enough, finest first; those of unseen chips are at least as wide as those of seen ones.
pub(super) fn groups(by_source: &[Residual], by_chip: &[Residual]) -> Vec<SpreadGroup> {
    let mut out: Vec<SpreadGroup> = Vec::new();
    for (seen, list) in [(true, by_source), (false, by_chip)] {
        for metric in ["tokens/s", "between tokens", "first token"] {
            for (level, moe) in [(0, false), (0, true), (1, false)] {
                let rows: Vec<&Residual> = list.iter().filter(|r| r.metric == metric && (level == 1 || r.moe == moe)).collect();
                if rows.len() < FEWEST && level == 0 || rows.is_empty() {
                    continue;
                }
                let (mut p5, p50, mut p95) = of(&rows);
                if let Some(s) = out.iter().find(|g| !seen && g.name == group_name(metric, true, moe, level)) {
                    (p5, p95) = (p5.min(s.p5), p95.max(s.p95));
                }
                out.push(SpreadGroup { name: group_name(metric, seen, moe, level), rows: rows.len() as u64, p5, p50, p95 });
            }
        }
    }
    out
}

/// The quantiles from residuals of other sources (or chips) only, for counting how often intervals hold.
pub(super) fn held_out(list: &[Residual], like: &Residual, keep: &dyn Fn(&Residual) -> bool) -> Option<(f64, f64)> {
    [0, 1].into_iter().find_map(|level| {
        let rows: Vec<&Residual> =
            list.iter().filter(|r| keep(r) && r.metric == like.metric && (level == 1 || r.moe == like.moe)).collect();
        if rows.len() < FEWEST && level == 0 || rows.is_empty() {
            return None;
        }
        let (p5, _, p95) = of(&rows);
        Some((p5.min(0.0), p95.max(0.0)))
    })
}

/// A predicted value with the finest interval that the calibration has for it, and what it rests on. The middle is the
/// prediction itself.
pub(super) fn interval(groups: &[SpreadGroup], metric: &str, seen: bool, moe: bool, value: f64) -> (Interval, String) {
    let found = [0, 1].into_iter().find_map(|level| groups.iter().find(|g| g.name == group_name(metric, seen, moe, level)));
    match found {
        Some(g) => (
            Interval { p5: value * libm::exp(g.p5.min(0.0)), p50: value, p95: value * libm::exp(g.p95.max(0.0)) },
            format!("90% of {} held-out published rows ({})", g.rows, g.name),
        ),
        None => (Interval { p5: value, p50: value, p95: value }, "no calibration".to_owned()),
    }
}
