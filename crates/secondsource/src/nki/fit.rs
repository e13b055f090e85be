//! Fits the parameters of instruction times to published rows: least squares of log errors with priors.

use super::table::{Timing as Row, read};
use super::validate::{predict, timings};
use crate::validate::quantile;
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_neuroncore::timing::{Parameter, Spread};
use secondsource_neuroncore::{Calibration, Fitted};
use serde::Serialize;
use std::fmt::Write as _;

/// One parameter of `secondsource calibrate --neuroncore`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiParameter {
    pub name: &'static str,
    pub unit: String,
    pub prior: f64,
    pub value: f64,
    /// One standard deviation, as a factor.
    pub factor: f64,
    /// Rows that it moves.
    pub rows: Vec<String>,
}

/// Everything `secondsource calibrate --neuroncore` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NkiCalibrateAnswer {
    pub rows: u64,
    pub parameters: Vec<NkiParameter>,
    pub spread_gemm: f64,
    pub spread_other: f64,
    /// Median |error| of the fitted rows at the priors and at the fit, percent.
    pub median_before_pct: f64,
    pub median_after_pct: f64,
    #[serde(skip)]
    pub file_text: String,
}

/// Log error at which a row begins to count less.
const KNEE: f64 = 0.1;
/// Step of the numerical derivative, in the log.
const STEP: f64 = 0.05;
/// A parameter holds a row when a tenth of its own move or more arrives.
const MOVES: f64 = 0.1;

/// Rows with the scale of one core, measured: what the fit may look at.
fn usable(rows: &[Row]) -> Vec<&Row> {
    rows.iter().filter(|r| !r.trace.is_empty() && r.group != "kda" && r.group != "engines").collect()
}

fn residuals(x: &[f64; Fitted::COUNT], rows: &[&Row]) -> Result<Vec<f64>, Diagnostic> {
    let t = timings(&Fitted::from_array(x.map(f64::exp)))?;
    rows.par_iter().map(|r| Ok((predict(&t, r, true)?.value / r.value).ln())).collect()
}

/// Fits all parameters, starting from the priors.
///
/// # Errors
/// A table that cannot be read, or constants that are missing.
pub fn calibrate(name: &str, text: &str, progress: &dyn Fn(u64, u64)) -> Result<NkiCalibrateAnswer, Vec<Diagnostic>> {
    let one = |d: Diagnostic| vec![d];
    let table = read(name, text)?;
    let rows = usable(&table);
    let priors = Calibration::embedded().map_err(one)?.list;
    let mut x = [0.0; Fitted::COUNT];
    for (x, p) in x.iter_mut().zip(&priors) {
        *x = p.prior.ln();
    }
    let before = residuals(&x, &rows).map_err(one)?;
    let rounds = 8;
    let mut last = (before.clone(), vec![[0.0; Fitted::COUNT]; rows.len()], [0.0; Fitted::COUNT]);
    for round in 0..rounds {
        progress(round, rounds);
        let (r, jacobian) = derivatives(&x, &rows).map_err(one)?;
        let weights: Vec<f64> = r.iter().map(|e| (KNEE / e.abs().max(KNEE)) / (KNEE * KNEE)).collect();
        let (step, sd) = solve(&x, &r, &jacobian, &weights, &priors);
        for ((x, s), p) in x.iter_mut().zip(step).zip(&priors) {
            *x = (*x + s.clamp(-0.3, 0.3)).clamp(p.low.ln(), p.high.ln());
        }
        last = (r, jacobian, sd);
    }
    progress(rounds, rounds);
    let after = residuals(&x, &rows).map_err(one)?;
    let (_, jacobian, sd) = last;
    let parameters: Vec<NkiParameter> = Fitted::NAMES
        .iter()
        .enumerate()
        .map(|(j, name)| NkiParameter {
            name,
            unit: priors[j].unit.clone(),
            prior: priors[j].prior,
            value: x[j].exp(),
            factor: sd[j].exp(),
            rows: rows.iter().zip(&jacobian).filter(|(_, g)| g[j].abs() >= MOVES).map(|(r, _)| r.id.clone()).collect(),
        })
        .collect();
    let spread = |gemm: bool| {
        let e: Vec<f64> = rows.iter().zip(&after).filter(|(r, _)| r.gemm == gemm).map(|(_, e)| e.abs()).collect();
        (quantile(e, 0.9) / 1.645).clamp(0.02, 1.0)
    };
    let spread = Spread { gemm: spread(true), other: spread(false) };
    let median = |r: &[f64]| quantile(r.iter().map(|e| (e.exp() - 1.0).abs() * 100.0).collect(), 0.5);
    Ok(NkiCalibrateAnswer {
        rows: rows.len() as u64,
        file_text: file_text(&priors, &parameters, spread),
        spread_gemm: spread.gemm,
        spread_other: spread.other,
        median_before_pct: median(&before),
        median_after_pct: median(&after),
        parameters,
    })
}

type Jacobian = Vec<[f64; Fitted::COUNT]>;

fn derivatives(x: &[f64; Fitted::COUNT], rows: &[&Row]) -> Result<(Vec<f64>, Jacobian), Diagnostic> {
    let r = residuals(x, rows)?;
    let mut jacobian = vec![[0.0; Fitted::COUNT]; rows.len()];
    for j in 0..Fitted::COUNT {
        let (mut up, mut down) = (*x, *x);
        up[j] += STEP;
        down[j] -= STEP;
        for ((g, u), d) in jacobian.iter_mut().zip(residuals(&up, rows)?).zip(residuals(&down, rows)?) {
            g[j] = (u - d) / (2.0 * STEP);
        }
    }
    Ok((r, jacobian))
}

/// One Gauss-Newton step of weighted squares and priors; and standard deviations of the log.
fn solve(
    x: &[f64; Fitted::COUNT],
    r: &[f64],
    jacobian: &Jacobian,
    weights: &[f64],
    priors: &[Parameter],
) -> ([f64; Fitted::COUNT], [f64; Fitted::COUNT]) {
    const N: usize = Fitted::COUNT;
    // Normal equations with the identity beside them: the inverse gives the variances.
    let mut a = [[0.0; 2 * N + 1]; N];
    for j in 0..N {
        a[j][N + 1 + j] = 1.0;
        let w = 1.0 / (priors[j].sd * priors[j].sd);
        a[j][j] += w;
        a[j][N] -= w * (x[j] - priors[j].prior.ln());
        for ((e, g), w) in r.iter().zip(jacobian).zip(weights) {
            a[j][N] -= w * g[j] * e;
            for k in 0..N {
                a[j][k] += w * g[j] * g[k];
            }
        }
    }
    for j in 0..N {
        let pivot = a[j][j];
        a[j].iter_mut().for_each(|x| *x /= pivot);
        for i in (0..N).filter(|i| *i != j) {
            let f = a[i][j];
            let row = a[j];
            for (to, from) in a[i].iter_mut().zip(row) {
                *to -= f * from;
            }
        }
    }
    (std::array::from_fn(|j| a[j][N]), std::array::from_fn(|j| a[j][N + 1 + j].max(0.0).sqrt()))
}

/// The calibration file again, with fitted values.
fn file_text(priors: &[Parameter], fitted: &[NkiParameter], spread: Spread) -> String {
    let mut out = String::from(
        "# Parameters of NeuronCore instruction times that published timings settle. Priors, bounds and reasons are written by\n\
         # hand; `secondsource calibrate --neuroncore --write calibration/neuroncore.toml` fits and writes value, factor and rows.\n\
         # sd is one standard deviation of the natural log before, factor after the fit; rows of validation/nki_timings.csv are\n\
         # listed that follow the parameter by a tenth of its own move or more.\n",
    );
    for (p, f) in priors.iter().zip(fitted) {
        let rows: Vec<String> = f.rows.iter().map(|r| format!("{r:?}")).collect();
        let _ = write!(
            out,
            "\n[{}]\nprior = {:?}\nsd = {:?}\nlow = {:?}\nhigh = {:?}\nunit = {:?}\nreason = {:?}\nvalue = {:.5e}\nfactor = {:.4}\nrows = [{}]\n",
            f.name,
            p.prior,
            p.sd,
            p.low,
            p.high,
            p.unit,
            p.reason,
            f.value,
            f.factor,
            rows.join(", ")
        );
    }
    let _ = write!(
        out,
        "\n# Standard deviation of the natural log of predicted over measured time, so that 90% of the fitted rows lie inside 5-95%.\n[spread]\ngemm = {:.4}\nother = {:.4}\n",
        spread.gemm, spread.other
    );
    out
}
