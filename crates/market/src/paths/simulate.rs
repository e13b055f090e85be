//! Sampling price paths month by month, exactly at any step length.

use rayon::prelude::*;
use secondsource_base::random::Stream;
use serde::Serialize;

use super::PathParams;

/// Length of a step, years.
const MONTH: f64 = 1.0 / 12.0;

/// Bounds on sampled parameters, so that no input overflows: ln of the largest multiplier.
const MOST: f64 = 20.0;

/// Price multipliers, `scenarios x months` in one flat vector: element `s * months + m` is the price in month `m` of
/// scenario `s` over today's price. Month 0 is today and is 1.
///
/// Each scenario has its own random stream of the seed, so the first of 100 scenarios are those of 10.
pub fn price_paths(params: &PathParams, months: usize, scenarios: usize, seed: u64) -> Vec<f64> {
    let mut out = vec![1.0; months.saturating_mul(scenarios)];
    if months == 0 {
        return out;
    }
    out.par_chunks_mut(months).enumerate().for_each(|(i, row)| path(params, row, &mut Stream::numbered(seed, "rental price", i as u64)));
    out
}

fn path(p: &PathParams, row: &mut [f64], stream: &mut Stream) {
    let kappa = (p.kappa * libm::exp(p.ln_kappa_se * stream.normal())).clamp(1e-6, 1e3);
    let spread = p.spread + p.spread_se * stream.normal();
    let fall = p.fall + p.fall_se * stream.normal();
    let mut dwell = |mean: f64| {
        // The rate is gamma of whole shape n, a sum of n exponentials, with mean 1 / mean time.
        if p.dwell_shape <= 0.0 {
            return mean;
        }
        let n = libm::round(p.dwell_shape).clamp(1.0, 50.0) as u32;
        let sum: f64 = (0..n).map(|_| stream.exponential(1.0)).sum();
        mean * f64::from(n) / sum.max(1e-9)
    };
    let leave = [dwell(p.glut_years), dwell(p.tight_years)].map(|years| -libm::expm1(-MONTH / years.max(1e-6)));
    let keep = libm::exp(-kappa * MONTH);
    let noise = p.sigma * libm::sqrt((1.0 - keep * keep) / (2.0 * kappa));
    let mut tight = stream.chance(p.tight_now);
    // Distance of ln p from the mean path of the present state, and that path over its start.
    let (mut off, mut level) = (p.gap, 0.0);
    for cell in row.iter_mut().skip(1) {
        if stream.chance(leave[usize::from(tight)]) {
            tight = !tight;
            let jump = if tight { spread } else { -spread };
            level += jump;
            off -= jump;
        }
        level -= fall * MONTH;
        off = off * keep + noise * stream.normal();
        *cell = libm::exp((level + off - p.gap).clamp(-MOST, MOST));
    }
}

/// Quantiles of a month over all scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fan {
    pub month: usize,
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    pub mean: f64,
}

/// Quantiles by month of what [`price_paths`] gave.
pub fn fan(paths: &[f64], months: usize) -> Vec<Fan> {
    let scenarios = paths.len().checked_div(months).unwrap_or(0);
    let month = |m: usize| {
        let mut column: Vec<f64> = (0..scenarios).map(|s| paths[s * months + m]).collect();
        let mean = column.iter().sum::<f64>() / scenarios.max(1) as f64;
        column.sort_by(f64::total_cmp);
        let [p5, p50, p95] = [0.05, 0.5, 0.95].map(|q| quantile(&column, q));
        Fan { month: m, p5, p50, p95, mean }
    };
    if scenarios == 0 { Vec::new() } else { (0..months).map(month).collect() }
}

/// Quantile of sorted values, linear between neighbours; NaN for none.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let low = libm::floor(at) as usize;
    let high = (low + 1).min(last);
    sorted[low] + (sorted[high] - sorted[low]) * (at - low as f64)
}
