//! Robust maximum a posteriori fit of the parameters to log step times.
//!
//! Minimises sum_i w_i rho(r_i / 0.08) + sum_j ((ln x_j - ln prior_j) / sd_j)^2 with r = ln(predicted /
//! published), rho the pseudo-Huber loss at 1.5 (so one odd row pulls at most linearly), and w_i proportional
//! to n^-1/2 of the row's (source, chip) group, so 109 rows of one cluster do not rule. Levenberg-Marquardt
//! with a forward-difference Jacobian on ln x, clamped to the bounds of the priors.

use super::files::Priors;
use super::own::Traits;
use crate::runs::Case;
use rayon::prelude::*;
use secondsource_catalog::calibration::Params;
use secondsource_step::StepModel;
use std::collections::BTreeMap;

const N: usize = Params::COUNT;
/// Identical submissions of one machine differ by 2-12%; 8% is the scale of one standard deviation.
const NOISE: f64 = 0.08;

/// Result of a fit.
#[derive(Debug, Clone)]
pub struct Fit {
    pub params: Params,
    /// One-sigma of ln x from the curvature at the optimum.
    pub sigma: [f64; N],
    pub iterations: u32,
    pub objective: f64,
}

/// What parameters say of one case.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    pub seconds: f64,
    pub traits: Traits,
}

/// Predicted seconds of one case, `None` when the chip lacks the needed peak.
pub fn predict(case: &Case, params: &Params, energy: &[(String, f64)]) -> Option<f64> {
    predict_parts(case, params, energy).map(|p| p.seconds)
}

/// The same with what the step is spent on.
pub fn predict_parts(case: &Case, params: &Params, energy: &[(String, f64)]) -> Option<Prediction> {
    let m = StepModel::new(case.step_input(), case.recipe, params, energy).ok()?;
    let r = m.evaluate(&case.layout, false).ok()?;
    let traits = Traits::new(&r.breakdown, case.recipe.linear, case.model.is_moe(), case.layout.devices());
    Some(Prediction { seconds: r.seconds, traits })
}

fn residuals(cases: &[&Case], x: &[f64; N], energy: &[(String, f64)]) -> Vec<f64> {
    let p = Params::from_array(&x.map(f64::exp));
    cases.par_iter().map(|c| predict(c, &p, energy).map_or(0.0, |s| (s / c.measured).ln())).collect()
}

/// Fits all parameters to the cases, from `start`.
pub fn fit(cases: &[&Case], priors: &Priors, start: &Params, max_iterations: u32, tick: &(dyn Fn(u32) + Sync)) -> Fit {
    let mut groups: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for c in cases {
        *groups.entry((&c.source, &c.chip)).or_default() += 1.0;
    }
    let raw: Vec<f64> = cases.iter().map(|c| 1.0 / groups[&(c.source.as_str(), c.chip.as_str())].sqrt()).collect();
    let scale = cases.len() as f64 / raw.iter().sum::<f64>().max(1e-9);
    let weight: Vec<f64> = raw.iter().map(|w| w * scale * if cases.is_empty() { 0.0 } else { 1.0 }).collect();
    let mu: Vec<f64> = priors.list.iter().map(|p| p.prior.ln()).collect();
    let (lo, hi): (Vec<f64>, Vec<f64>) = priors.list.iter().map(|p| (p.low.ln(), p.high.ln())).unzip();
    let mut x = start.to_array().map(f64::ln);
    for j in 0..N {
        x[j] = x[j].clamp(lo[j], hi[j]);
    }
    let objective = |x: &[f64; N], r: &[f64]| -> f64 {
        let data: f64 = r.iter().zip(&weight).map(|(r, w)| w * huber(r / NOISE)).sum();
        let prior: f64 = (0..N).map(|j| ((x[j] - mu[j]) / priors.list[j].sd).powi(2)).sum();
        data + prior
    };
    let mut r = residuals(cases, &x, &priors.energy);
    let mut best = objective(&x, &r);
    let mut lambda = 1e-2;
    let mut hessian = vec![0.0; N * N];
    let mut curvature = hessian.clone();
    let mut iterations = 0;
    for it in 0..max_iterations {
        iterations = it + 1;
        tick(it);
        let h = 1e-4;
        let columns: Vec<Vec<f64>> = (0..N)
            .map(|j| {
                let mut y = x;
                y[j] += h;
                residuals(cases, &y, &priors.energy).iter().zip(&r).map(|(a, b)| (a - b) / h).collect()
            })
            .collect();
        let mut gradient = [0.0; N];
        hessian.iter_mut().for_each(|v| *v = 0.0);
        for i in 0..cases.len() {
            let w = weight[i] / (NOISE * NOISE) * huber_weight(r[i] / NOISE);
            for a in 0..N {
                let ja = columns[a][i];
                if ja == 0.0 {
                    continue;
                }
                gradient[a] += w * ja * r[i];
                for b in 0..=a {
                    hessian[a * N + b] += w * ja * columns[b][i];
                }
            }
        }
        for a in 0..N {
            let inv = 1.0 / (priors.list[a].sd * priors.list[a].sd);
            gradient[a] += (x[a] - mu[a]) * inv;
            hessian[a * N + a] += inv;
        }
        curvature.clone_from(&hessian);
        // A parameter at a bound that wants further out stays there and is no part of the step.
        for a in 0..N {
            let held = (x[a] <= lo[a] && gradient[a] > 0.0) || (x[a] >= hi[a] && gradient[a] < 0.0);
            if held {
                gradient[a] = 0.0;
                hold(&mut hessian, a);
            }
        }
        let mut improved = false;
        for _ in 0..8 {
            let step = solve(&hessian, &gradient, lambda);
            let mut y = x;
            for j in 0..N {
                y[j] = (x[j] - step[j].clamp(-0.5, 0.5)).clamp(lo[j], hi[j]);
            }
            let ry = residuals(cases, &y, &priors.energy);
            let o = objective(&y, &ry);
            if o < best {
                let gain = best - o;
                (x, r, best) = (y, ry, o);
                lambda = (lambda * 0.3_f64).max(1e-6);
                improved = gain > 1e-3 * best.max(1.0) * 0.01;
                break;
            }
            lambda *= 4.0;
        }
        if !improved {
            break;
        }
    }
    let mut sigma = [0.0; N];
    for (j, s) in sigma.iter_mut().enumerate() {
        let mut e = [0.0; N];
        e[j] = 1.0;
        *s = solve(&curvature, &e, 0.0)[j].max(0.0).sqrt();
    }
    Fit { params: Params::from_array(&x.map(f64::exp)), sigma, iterations, objective: best }
}

/// Takes a parameter out of a lower triangle: its row and column become those of a unit matrix.
fn hold(h: &mut [f64], a: usize) {
    for b in 0..a {
        h[a * N + b] = 0.0;
    }
    for b in a + 1..N {
        h[b * N + a] = 0.0;
    }
    h[a * N + a] = 1.0;
}

/// Fits once per group of `key`, each time without that group, starting from the full fit.
pub fn hold_out(
    cases: &[&Case],
    priors: &Priors,
    full: &Params,
    key: impl Fn(&Case) -> String,
    tick: &(dyn Fn(&str) + Sync),
) -> Vec<(String, Params)> {
    let mut names: Vec<String> = cases.iter().map(|c| key(c)).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            tick(&name);
            let rest: Vec<&Case> = cases.iter().copied().filter(|c| key(c) != name).collect();
            let f = fit(&rest, priors, full, 20, &|_| {});
            (name, f.params)
        })
        .collect()
}

const KNEE: f64 = 1.5;

/// Pseudo-Huber: quadratic near zero, linear beyond the knee.
pub(crate) fn huber(z: f64) -> f64 {
    2.0 * KNEE * KNEE * ((1.0 + (z / KNEE) * (z / KNEE)).sqrt() - 1.0)
}

pub(crate) fn huber_weight(z: f64) -> f64 {
    1.0 / (1.0 + (z / KNEE) * (z / KNEE)).sqrt()
}

/// Solves (H + lambda diag H) s = g by Cholesky; H is given by its lower triangle.
pub(crate) fn solve(h: &[f64], g: &[f64], lambda: f64) -> Vec<f64> {
    let size = g.len();
    let mut l = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let mut s = h[i * size + j];
            if i == j {
                s *= 1.0 + lambda;
            }
            for k in 0..j {
                s -= l[i * size + k] * l[j * size + k];
            }
            l[i * size + j] = if i == j { s.max(1e-12).sqrt() } else { s / l[j * size + j] };
        }
    }
    let mut y = vec![0.0; size];
    for i in 0..size {
        let mut s = g[i];
        for k in 0..i {
            s -= l[i * size + k] * y[k];
        }
        y[i] = s / l[i * size + i];
    }
    let mut x = vec![0.0; size];
    for i in (0..size).rev() {
        let mut s = y[i];
        for k in i + 1..size {
            s -= l[k * size + i] * x[k];
        }
        x[i] = s / l[i * size + i];
    }
    x
}
