//! A revenue that is stated in one sum: R = N P + R_other has one equation and three unknowns, so it is a curve, never a
//! point.

use super::sample::Range;
use serde::Serialize;

/// Four quarters like this one.
pub fn annualised(quarter: f64) -> f64 {
    4.0 * quarter
}

/// R = N P + R_other.
pub fn revenue(chips: f64, price: f64, other: f64) -> f64 {
    chips * price + other
}

/// The price per chip that the revenue asks of so many chips; `None` without chips, or when the rest is more than all.
pub fn price_at(total: f64, chips: f64, other: f64) -> Option<f64> {
    (chips > 0.0 && other <= total).then(|| (total - other) / chips)
}

/// A published limit or anchor on one axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Band {
    pub name: String,
    /// `chips` or `price`.
    pub axis: &'static str,
    pub low: f64,
    pub high: f64,
    pub source: String,
}

/// Points of one curve of equal revenue: (chips, price).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    pub other_usd: f64,
    pub points: Vec<(f64, f64)>,
}

/// The curve of a total for one value of the other revenue, at these numbers of chips.
pub fn curve(total: f64, other: f64, chips: &[f64]) -> Curve {
    Curve { other_usd: other, points: chips.iter().filter_map(|n| Some((*n, price_at(total, *n, other)?))).collect() }
}

/// All revenues that bands of chips, price and other revenue allow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SumOfBands {
    /// Quantiles of the sampled revenue.
    pub revenue_usd: Range,
    /// Share of samples within 10% of the stated sum.
    pub near: f64,
    /// Whether the stated sum lies between the 5% and 95% quantile.
    pub contains: bool,
}

/// A stated yearly revenue with the bands it must fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunRate {
    pub total_usd: f64,
    pub chips: Range,
    pub price_usd: Range,
    pub other_usd: Range,
}

/// Samples of the revenue that the bands give.
pub fn sum_of_bands(r: &RunRate, scenarios: u64, seed: u64) -> SumOfBands {
    let bounds = [(0.0, f64::MAX); 3];
    let ranges = [r.chips, r.price_usd, r.other_usd];
    let draws = (0..scenarios).map(|i| super::sample::draw(&ranges, &bounds, seed, i));
    let sums: Vec<f64> = draws.map(|d| revenue(d[0], d[1], d[2])).collect();
    let near = sums.iter().filter(|s| (**s / r.total_usd - 1.0).abs() <= 0.1).count() as f64 / (sums.len().max(1)) as f64;
    let q = super::sample::quantiles(&sums);
    SumOfBands { revenue_usd: q, near, contains: (q.low..=q.high).contains(&r.total_usd) }
}
