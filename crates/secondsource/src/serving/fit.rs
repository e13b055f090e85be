//! The fit of the parameters of serving: the same robust maximum a posteriori fit as `calibrate` has for training steps
//! (crates/secondsource/src/calibrate/fit.rs), on ln(predicted / published) of rates and times alike.

use super::files::ServePriors;
use super::rows::ServeCase;
use crate::calibrate::{huber, huber_weight, solve};
use rayon::prelude::*;
use secondsource_catalog::calibration::Params;
use secondsource_step::serve::ServeParams;
use std::collections::BTreeMap;

const N: usize = ServeParams::COUNT;
/// Scale of one standard deviation: equal submissions of serving differ by about a tenth.
const NOISE: f64 = 0.1;

/// Result of a fit.
#[derive(Debug, Clone)]
pub struct ServeFit {
    pub params: ServeParams,
    /// One-sigma of ln x from the curvature at the optimum.
    pub sigma: [f64; N],
    pub iterations: u32,
    pub objective: f64,
}

/// The chip's own calibration, which the fit takes as it is.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    pub params: &'a Params,
    pub energy: &'a [(String, f64)],
}

fn residuals(cases: &[&ServeCase], base: Base<'_>, x: &[f64; N]) -> Vec<f64> {
    let p = ServeParams::from_array(&x.map(libm::exp));
    cases.par_iter().map(|c| c.predict(base.params, base.energy, &p).map_or(0.0, |v| libm::log(v / c.value))).collect()
}

/// Fits all parameters from `start`. Rows count n^-1/2 of their (source, chip) group.
pub fn fit(cases: &[&ServeCase], base: Base<'_>, priors: &ServePriors, start: &ServeParams, most: u32) -> ServeFit {
    let mut groups: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for c in cases {
        *groups.entry((&c.source, &c.chip)).or_default() += 1.0;
    }
    let weight: Vec<f64> = cases.iter().map(|c| 1.0 / groups[&(c.source.as_str(), c.chip.as_str())].sqrt()).collect();
    let scale = cases.len() as f64 / weight.iter().sum::<f64>().max(1e-9);
    let mu: Vec<f64> = priors.list.iter().map(|p| libm::log(p.prior)).collect();
    let bounds: Vec<(f64, f64)> = priors.list.iter().map(|p| (libm::log(p.low), libm::log(p.high))).collect();
    let mut x = start.to_array().map(libm::log);
    let objective = |x: &[f64; N], r: &[f64]| -> f64 {
        let data: f64 = r.iter().zip(&weight).map(|(r, w)| w * scale * huber(r / NOISE)).sum();
        let prior: f64 = (0..N).map(|j| ((x[j] - mu[j]) / priors.list[j].sd).powi(2)).sum();
        data + prior
    };
    let mut r = residuals(cases, base, &x);
    let mut best = objective(&x, &r);
    let mut lambda = 1e-2;
    let mut hessian = vec![0.0; N * N];
    let mut iterations = 0;
    for it in 0..most {
        iterations = it + 1;
        let h = 1e-4;
        let column = |j: usize| -> Vec<f64> {
            let mut y = x;
            y[j] += h;
            residuals(cases, base, &y).iter().zip(&r).map(|(a, b)| (a - b) / h).collect()
        };
        let columns: Vec<Vec<f64>> = (0..N).map(column).collect();
        let mut gradient = [0.0; N];
        hessian.iter_mut().for_each(|v| *v = 0.0);
        for i in 0..cases.len() {
            let w = weight[i] * scale / (NOISE * NOISE) * huber_weight(r[i] / NOISE);
            for a in 0..N {
                gradient[a] += w * columns[a][i] * r[i];
                for b in 0..=a {
                    hessian[a * N + b] += w * columns[a][i] * columns[b][i];
                }
            }
        }
        for a in 0..N {
            let inv = 1.0 / (priors.list[a].sd * priors.list[a].sd);
            gradient[a] += (x[a] - mu[a]) * inv;
            hessian[a * N + a] += inv;
        }
        let before = best;
        for _ in 0..8 {
            let step = solve(&hessian, &gradient, lambda);
            let mut y = x;
            for j in 0..N {
                y[j] = (x[j] - step[j].clamp(-0.5, 0.5)).clamp(bounds[j].0, bounds[j].1);
            }
            let ry = residuals(cases, base, &y);
            let o = objective(&y, &ry);
            if o < best {
                (x, r, best) = (y, ry, o);
                lambda = (lambda * 0.3_f64).max(1e-6);
                break;
            }
            lambda *= 4.0;
        }
        if before - best < 1e-5 * best {
            break;
        }
    }
    let mut sigma = [0.0; N];
    for (j, s) in sigma.iter_mut().enumerate() {
        let mut e = [0.0; N];
        e[j] = 1.0;
        *s = solve(&hessian, &e, 0.0)[j].max(0.0).sqrt();
    }
    ServeFit { params: ServeParams::from_array(&x.map(libm::exp)), sigma, iterations, objective: best }
}

/// Fits once per group of `key`, each time without that group, starting from the full fit.
pub fn hold_out(
    cases: &[&ServeCase],
    base: Base<'_>,
    priors: &ServePriors,
    full: &ServeParams,
    key: &dyn Fn(&ServeCase) -> &str,
    tick: &dyn Fn(),
) -> Vec<(String, ServeParams)> {
    let mut names: Vec<&str> = cases.iter().map(|c| key(c)).collect();
    names.sort_unstable();
    names.dedup();
    let one = |name: &str| {
        tick();
        let rest: Vec<&ServeCase> = cases.iter().copied().filter(|c| key(c) != name).collect();
        (name.to_owned(), fit(&rest, base, priors, full, 6).params)
    };
    names.into_iter().map(one).collect()
}
