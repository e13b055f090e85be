//! Units from money and from ramps, as Epoch AI counts chips: a cross-check that does not know the supply chain.

use secondsource_base::random::{Stream, Z95};

use crate::seller::Range;

/// Chips sold: compute revenue x share that is hardware x this chip's share of it, over its price.
pub fn units(revenue: f64, hardware: f64, mix: f64, price: f64) -> f64 {
    revenue * hardware * mix / price
}

/// Chips per dollar over what list prices say, when a share `h` of revenue comes from buyers with a discount `d`:
/// (1 - h d) / (1 - d) of a chip for a buyer with the discount.
pub fn discounted(h: f64, d: f64) -> f64 {
    (1.0 - h * d) / (1.0 - d)
}

/// One quarter of a maker: USD of compute, and each chip's share of it and price relative to its first year.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarter {
    pub revenue: f64,
    pub mix: Vec<f64>,
    pub deflator: Vec<f64>,
}

/// Prices and the hardware share as 10% and 90% points of lognormals.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    pub chips: Vec<(f64, f64)>,
    pub hardware: (f64, f64),
    /// Correlation of the log prices of two chips.
    pub together: f64,
}

/// 90% point of the standard normal distribution.
const Z90: f64 = 1.281_551_565_544_600_4;

fn lognormal80(low: f64, high: f64, z: f64) -> f64 {
    libm::sqrt(low * high) * libm::pow(high / low, z / (2.0 * Z90))
}

/// `[quarter][chip][sample]`. Each sample draws one price per chip and one hardware share and keeps them through all quarters:
/// drawn anew each quarter, they would average out and the interval of a sum would be too narrow (`anew` does that, to show it).
pub fn from_money(quarters: &[Quarter], prices: &Prices, samples: usize, seed: u64, anew: bool) -> Vec<Vec<Vec<f64>>> {
    let mut out = vec![vec![Vec::new(); prices.chips.len()]; quarters.len()];
    let (level, own) = (libm::sqrt(prices.together), libm::sqrt(1.0 - prices.together));
    for s in 0..samples {
        let mut stream = Stream::numbered(seed, "units from money", s as u64);
        let mut draw = || {
            let hardware = lognormal80(prices.hardware.0, prices.hardware.1, stream.normal());
            let common = stream.normal();
            let price: Vec<f64> =
                prices.chips.iter().map(|(low, high)| lognormal80(*low, *high, level * common + own * stream.normal())).collect();
            (hardware, price)
        };
        let mut drawn = draw();
        for (q, quarter) in quarters.iter().enumerate() {
            if anew && q > 0 {
                drawn = draw();
            }
            for (c, row) in out[q].iter_mut().enumerate() {
                row.push(units(quarter.revenue, drawn.0, quarter.mix[c], drawn.1[c] * quarter.deflator[c]));
            }
        }
    }
    out
}

/// A ramp of two years in eight quarters, geometric within each year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ramp {
    /// Units by the end, normal over 5% and 95% points as all but the growth.
    pub total: Range,
    /// Share made in the first year.
    pub first_year: Range,
    /// Growth a quarter in the first year, 5% and 95% points of a lognormal.
    pub growth: (f64, f64),
    /// Share of the second year that falls into its first half, h: the growth of that year is then sqrt(1/h - 1).
    pub half: Range,
}

/// Eight quarters for given values: a (r - 1) / (r^4 - 1) of a year's total in its first quarter.
pub fn ramp(total: f64, first_year: f64, growth: f64, half: f64) -> [f64; 8] {
    let mut out = [0.0; 8];
    let second = libm::sqrt(1.0 / half - 1.0);
    for (year, (sum, r)) in [(total * first_year, growth), (total * (1.0 - first_year), second)].into_iter().enumerate() {
        let first = if (r - 1.0).abs() < 1e-9 { sum / 4.0 } else { sum * (r - 1.0) / (r * r * r * r - 1.0) };
        let mut now = first;
        for q in 0..4 {
            out[year * 4 + q] = now;
            now *= r;
        }
    }
    out
}

/// Medians of the eight quarters over samples.
pub fn ramp_medians(r: &Ramp, samples: usize, seed: u64) -> [f64; 8] {
    let mut rows = vec![Vec::new(); 8];
    for s in 0..samples {
        let mut stream = Stream::numbered(seed, "ramp", s as u64);
        let growth = libm::sqrt(r.growth.0 * r.growth.1) * libm::pow(r.growth.1 / r.growth.0, stream.normal() / (2.0 * Z95));
        let at = |range: &Range, stream: &mut Stream| range.at(stream.normal()).max(0.0);
        let (total, first) = (at(&r.total, &mut stream), at(&r.first_year, &mut stream).clamp(0.01, 0.99));
        let half = at(&r.half, &mut stream).clamp(0.01, 0.99);
        for (row, v) in rows.iter_mut().zip(ramp(total, first, growth, half)) {
            row.push(v);
        }
    }
    let mut out = [0.0; 8];
    for (o, mut row) in out.iter_mut().zip(rows) {
        row.sort_by(f64::total_cmp);
        *o = crate::paths::quantile(&row, 0.5);
    }
    out
}
