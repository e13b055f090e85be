//! The parameters of the price process from the few series there are, with the uncertainty that so few leave.
//!
//! Given the speed kappa and the dates on which the market turned, a price that is drawn to a level is linear in the
//! levels of the series, in the spread between the states and in the fall of both: each pair of neighbours of a series
//! is one equation of a regression with normal priors on spread and fall. Kappa runs over a grid, each value weighted
//! by its evidence (Laplace), so its uncertainty goes into every other.

use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use serde::Serialize;

use super::PathParams;
use super::series::{Series, h100_series};
use crate::calendar;
use crate::contract::figure;

/// What was estimated, and from what.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    pub params: PathParams,
    pub spread_sd_prior: f64,
    pub series: Vec<Series>,
    /// Pairs of neighbouring observations behind the regression.
    pub pairs: usize,
    /// Dates on which the market turned: decimal year, and whether it was tight from then on.
    pub turns: Vec<(f64, bool)>,
    /// Decimal year of the estimate.
    pub as_of: f64,
}

/// Priors of `catalog/market/price-process.toml`.
#[derive(Debug, Clone, PartialEq)]
struct Prior {
    ln_kappa: (f64, f64),
    spread: (f64, f64),
    fall: (f64, f64),
    sigma: f64,
    sigma_weight: f64,
    dwell: f64,
    turns: Vec<(f64, bool)>,
}

impl Prior {
    fn of(catalog: &Catalog) -> Result<Prior, Diagnostic> {
        let t = catalog.table("price-process")?;
        let f = |name: &str| figure(t, name);
        let words = t.facts.get("turns").map_or("", |f| f.value.as_str());
        let mut turns = Vec::new();
        for part in words.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let parsed = part.split_once(' ').and_then(|(state, date)| {
                let tight = ["glut", "tight"].iter().position(|s| *s == state)? == 1;
                Some((calendar::year_of(calendar::instant(date)?), tight))
            });
            let bad =
                || Diagnostic::error(format!("the fact `turns` of the table `price-process` has `{part}`")).hint("write `glut 2024-01-01`");
            turns.push(parsed.ok_or_else(bad)?);
        }
        turns.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Prior {
            ln_kappa: (libm::log(f("kappa-mid")?.max(1e-3)), f("kappa-ln-sd")?.max(1e-3)),
            spread: (f("spread-mid")?, f("spread-sd")?.max(1e-3)),
            fall: (f("fall-mid")?, f("fall-sd")?.max(1e-3)),
            sigma: f("sigma-mid")?.max(1e-3),
            sigma_weight: f("sigma-weight")?.max(1.0),
            dwell: f("dwell-mid")?.max(1e-2),
            turns,
        })
    }
}

/// Values of kappa on the grid, per year, evenly in the logarithm.
const GRID: usize = 61;
const KAPPA: (f64, f64) = (0.3, 12.0);

/// Estimates the process from the catalog's series up to `as_of` (seconds since 1970): nothing later is read, neither
/// prices nor turns of the market.
pub fn estimate(catalog: &Catalog, as_of: i64) -> Result<Estimate, Diagnostic> {
    let now = calendar::year_of(as_of);
    let mut prior = Prior::of(catalog)?;
    prior.turns.retain(|t| t.0 <= now);
    let series = h100_series(catalog, now);
    let pairs: Vec<Pair> = pairs(&series);
    let levels = pairs.iter().map(|p| p.series + 1).max().unwrap_or(0);
    let mut fits: Vec<Fit> = Vec::new();
    for i in 0..GRID {
        let (low, high) = (libm::log(KAPPA.0), libm::log(KAPPA.1));
        let ln_kappa = low + (high - low) * i as f64 / (GRID - 1) as f64;
        fits.extend(fit(&pairs, levels, ln_kappa, &prior));
    }
    let best = fits.iter().map(|f| f.ln_weight).fold(f64::NEG_INFINITY, f64::max);
    if !best.is_finite() {
        return Err(Diagnostic::error("the rental price series of the catalog cannot be fitted"));
    }
    let weights: Vec<f64> = fits.iter().map(|f| libm::exp(f.ln_weight - best)).collect();
    let total: f64 = weights.iter().sum();
    let mean = |of: &dyn Fn(&Fit) -> f64| fits.iter().zip(&weights).map(|(f, w)| of(f) * w).sum::<f64>() / total;
    let spread = mean(&|f| f.spread.0);
    let fall = mean(&|f| f.fall.0);
    let ln_kappa = mean(&|f| f.ln_kappa);
    // Within plus between the values of kappa.
    let sd = |of: &dyn Fn(&Fit) -> (f64, f64), middle: f64| {
        libm::sqrt(mean(&|f| {
            let (m, s) = of(f);
            s * s + (m - middle) * (m - middle)
        }))
    };
    let (tight_years, glut_years, dwell_shape) = dwell(&prior, &series, now);
    let tight = prior.turns.last().is_none_or(|t| t.1);
    Ok(Estimate {
        params: PathParams {
            kappa: libm::exp(ln_kappa),
            sigma: mean(&|f| f.sigma),
            spread,
            fall,
            tight_years,
            glut_years,
            tight_now: if tight { 1.0 } else { 0.0 },
            gap: mean(&|f| f.gap),
            ln_kappa_se: sd(&|f| (f.ln_kappa, 0.0), ln_kappa),
            spread_se: sd(&|f| f.spread, spread),
            fall_se: sd(&|f| f.fall, fall),
            dwell_shape,
        },
        spread_sd_prior: prior.spread.1,
        pairs: pairs.len(),
        series,
        turns: prior.turns,
        as_of: now,
    })
}

/// Two neighbouring observations.
struct Pair {
    series: usize,
    years: (f64, f64),
    ln: (f64, f64),
    last: bool,
}

fn pairs(series: &[Series]) -> Vec<Pair> {
    let mut out = Vec::new();
    for (index, s) in series.iter().filter(|s| s.points.len() > 1).enumerate() {
        for (i, w) in s.points.windows(2).enumerate() {
            let ln = (libm::log(w[0].usd_per_chip_hour), libm::log(w[1].usd_per_chip_hour));
            out.push(Pair { series: index, years: (w[0].year, w[1].year), ln, last: i + 2 == s.points.len() });
        }
    }
    out
}

struct Fit {
    ln_kappa: f64,
    ln_weight: f64,
    /// Mean and standard deviation.
    spread: (f64, f64),
    fall: (f64, f64),
    sigma: f64,
    gap: f64,
}

/// Time zero of the falling levels, so that levels of series are those of 2025.
const ORIGIN: f64 = 2025.0;

/// Share of the level that an observation has taken on from the tight state since the one before.
fn tight_share(prior: &Prior, kappa: f64, (from, to): (f64, f64)) -> f64 {
    let mut sum = 0.0;
    let mut start = f64::NEG_INFINITY;
    let mut tight = prior.turns.first().is_none_or(|t| !t.1);
    for (turn, next) in prior.turns.iter().copied().chain([(f64::INFINITY, false)]) {
        let (low, high) = (start.max(from), turn.min(to));
        if tight && high > low {
            sum += libm::exp(-kappa * (to - high)) - libm::exp(-kappa * (to - low));
        }
        (start, tight) = (turn, next);
    }
    sum
}

/// The regression at one kappa.
fn fit(pairs: &[Pair], levels: usize, ln_kappa: f64, prior: &Prior) -> Option<Fit> {
    let kappa = libm::exp(ln_kappa);
    let n = levels + 2;
    let rows: Vec<(Vec<f64>, f64, f64)> = pairs
        .iter()
        .map(|p| {
            let (from, to) = p.years;
            let keep = libm::exp(-kappa * (to - from));
            let mut x = vec![0.0; n];
            x[p.series] = 1.0 - keep;
            x[levels] = tight_share(prior, kappa, p.years);
            let lag = |t: f64| t - ORIGIN - 1.0 / kappa;
            x[levels + 1] = lag(from) * keep - lag(to);
            let variance = (1.0 - keep * keep) / (2.0 * kappa);
            (x, p.ln.1 - keep * p.ln.0, variance)
        })
        .collect();
    let mut sigma2 = prior.sigma * prior.sigma;
    let mut solved = None;
    for _ in 0..30 {
        let mut a = vec![vec![0.0; n]; n];
        let mut b = vec![0.0; n];
        for (x, y, v) in &rows {
            for i in 0..n {
                b[i] += x[i] * y / v / sigma2;
                for j in 0..n {
                    a[i][j] += x[i] * x[j] / v / sigma2;
                }
            }
        }
        for (i, (mean, sd)) in [(levels, prior.spread), (levels + 1, prior.fall)] {
            a[i][i] += 1.0 / (sd * sd);
            b[i] += mean / (sd * sd);
        }
        let (beta, inverse, ln_det) = solve(a, b)?;
        let squares: f64 = rows.iter().map(|(x, y, v)| (y - dot(x, &beta)) * (y - dot(x, &beta)) / v).sum();
        let weight = prior.sigma_weight;
        sigma2 = (weight * prior.sigma * prior.sigma + squares) / (weight + rows.len() as f64);
        solved = Some((beta, inverse, ln_det, squares));
    }
    let (beta, inverse, ln_det, squares) = solved?;
    let miss = |at: usize, (mean, sd): (f64, f64)| -0.5 * ((beta[at] - mean) / sd) * ((beta[at] - mean) / sd);
    let spread_of_kappa = (ln_kappa - prior.ln_kappa.0) / prior.ln_kappa.1;
    let ln_weight = -0.5 * squares / sigma2
        - 0.5 * rows.iter().map(|r| libm::log(r.2)).sum::<f64>()
        - 0.5 * (rows.len() as f64 + prior.sigma_weight) * libm::log(sigma2)
        - 0.5 * prior.sigma_weight * prior.sigma * prior.sigma / sigma2
        + miss(levels, prior.spread)
        + miss(levels + 1, prior.fall)
        - 0.5 * spread_of_kappa * spread_of_kappa
        - 0.5 * ln_det;
    // Where the last observation of the series that ends last stands against the level of the present state.
    let tight = f64::from(u8::from(prior.turns.last().is_none_or(|t| t.1)));
    let last = pairs.iter().filter(|p| p.last).max_by(|a, b| a.years.1.total_cmp(&b.years.1));
    let gap = last.map_or(0.0, |p| {
        let level = beta[p.series] + beta[levels] * tight - beta[levels + 1] * (p.years.1 - ORIGIN - 1.0 / kappa);
        p.ln.1 - level
    });
    let with_sd = |i: usize| (beta[i], libm::sqrt(inverse[i].max(0.0)));
    Some(Fit { ln_kappa, ln_weight, spread: with_sd(levels), fall: with_sd(levels + 1), sigma: libm::sqrt(sigma2), gap })
}

/// Mean times in the tight state and in glut: exposure and switches seen since the first price, with a prior worth one
/// switch; and the shape of the gamma of the rates, after the state that was left less often.
fn dwell(prior: &Prior, series: &[Series], now: f64) -> (f64, f64, f64) {
    let first = series.iter().filter_map(|s| s.points.first()).map(|p| p.year).fold(now, f64::min);
    let (mut exposure, mut switches) = ([0.0, 0.0], [0.0, 0.0]);
    let mut start = first;
    let mut tight = prior.turns.first().is_none_or(|t| !t.1);
    for (turn, next) in prior.turns.iter().copied().chain([(now, false)]) {
        let state = usize::from(tight);
        exposure[state] += (turn - start).max(0.0);
        if turn < now {
            switches[state] += 1.0;
        }
        (start, tight) = (turn.max(start), next);
    }
    let mean = |s: usize| (exposure[s] + prior.dwell) / (switches[s] + 1.0);
    (mean(1), mean(0), 1.0 + switches[0].min(switches[1]))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Solves a symmetric positive system by Cholesky: the solution, the diagonal of the inverse, ln of the determinant.
fn solve(mut a: Vec<Vec<f64>>, b: Vec<f64>) -> Option<(Vec<f64>, Vec<f64>, f64)> {
    let n = b.len();
    let mut ln_det = 0.0;
    for j in 0..n {
        for i in j..n {
            let s: f64 = (0..j).map(|k| a[i][k] * a[j][k]).sum();
            if i == j {
                let d = a[j][j] - s;
                if !(d > 0.0 && d.is_finite()) {
                    return None;
                }
                a[j][j] = libm::sqrt(d);
                ln_det += libm::log(d);
            } else {
                a[i][j] = (a[i][j] - s) / a[j][j];
            }
        }
    }
    let substitute = |mut y: Vec<f64>| {
        for i in 0..n {
            let s: f64 = (0..i).map(|k| a[i][k] * y[k]).sum();
            y[i] = (y[i] - s) / a[i][i];
        }
        for i in (0..n).rev() {
            let s: f64 = (i + 1..n).map(|k| a[k][i] * y[k]).sum();
            y[i] = (y[i] - s) / a[i][i];
        }
        y
    };
    let x = substitute(b);
    let unit = |i: usize| substitute((0..n).map(|k| f64::from(u8::from(k == i))).collect())[i];
    Some((x, (0..n).map(unit).collect(), ln_det))
}
