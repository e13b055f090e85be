//! Shipments replayed from packaging capacity: what a maker's share of the wafers gives with a lag and an effective yield.

use crate::calendar::DAY;

use super::chain::line_through;

/// A chip's part in what a maker ships.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Packages per wafer.
    pub per_wafer: f64,
    pub yields: f64,
    /// Share of the units shipped.
    pub mix: f64,
}

/// Capacity in wafers a month at instants, piecewise linear between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// (instant, wafers a month), rising.
    pub points: Vec<(f64, f64)>,
}

/// Days of a month.
const MONTH: f64 = 365.25 / 12.0;

impl Capacity {
    pub fn new(points: &[(i64, f64)]) -> Capacity {
        Capacity { points: points.iter().map(|(t, v)| (*t as f64, *v)).collect() }
    }

    /// Wafers between two instants, by the trapezium rule between all points that lie there: exact.
    pub fn wafers(&self, from: i64, until: i64) -> f64 {
        let (from, until) = (from as f64, until as f64);
        let mut at: Vec<f64> = self.points.iter().map(|p| p.0).filter(|t| *t > from && *t < until).collect();
        at.insert(0, from);
        at.push(until);
        let value = |t: f64| line_through(&self.points, t);
        at.windows(2).map(|w| (value(w[0]) + value(w[1])) / 2.0 * (w[1] - w[0]) / (DAY as f64 * MONTH)).sum()
    }
}

/// Chips that so many wafers make in a given mix of units: wafers over the wafers of an average chip.
pub fn shipped(wafers: f64, parts: &[Part]) -> f64 {
    let of_one: f64 = parts.iter().map(|p| p.mix / (p.per_wafer * p.yields)).sum();
    if of_one > 0.0 { wafers / of_one } else { 0.0 }
}

/// Wafers that so many chips need: the same the other way round.
pub fn needed(units: &[(f64, f64, f64)]) -> f64 {
    units.iter().map(|(units, per_wafer, yields)| units / (per_wafer * yields)).sum()
}

/// Mean absolute error in percent of predictions against what came.
pub fn mape(predicted: &[f64], came: &[f64]) -> f64 {
    let n = predicted.len().min(came.len()).max(1) as f64;
    predicted.iter().zip(came).map(|(p, c)| (p / c - 1.0).abs()).sum::<f64>() / n * 100.0
}
