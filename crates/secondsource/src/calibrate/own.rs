//! What a few runs of one's own say: a robust, shrunk correction of one stack.
//!
//! A run spends its step on parts (products, attention, traffic...); x is the vector of their shares. It also has a number
//! format, experts or none, and a number of chips N. What a stack does otherwise than predicted, ln(measured / predicted),
//! is taken as f(run) plus the scatter of single runs. Before any run is seen f is normal around 0 with the covariance
//!
//! ```text
//! k(i, j) = s0^2 (0.2 + 0.2 e^(-d^2 / (2 l^2)) + 0.6 [same format, same kind] e^(-d^2 / (2 m^2) - (ln Ni/Nj)^2 / (2 w^2)))
//! d = |xi - xj|,   l = 0.12,   m = 0.2,   w = 1.5
//! ```
//!
//! a fifth of it common to all runs of the stack, a fifth to runs that spend their time alike (a slow link shows where
//! traffic shows), the rest to runs of one kind: what a stack does badly it does badly in one number format, at one scale.
//! Given residuals r_i, f minimises
//!
//! ```text
//! sum_i rho((r_i - f_i) / s) + f' K^-1 f / 2,        rho: Huber's loss with its knee at 1
//! ```
//!
//! s is the scatter of runs that are alike: 1.4826 times the median difference of a published run, held out, from the run
//! of its group that is most like it, over sqrt(2). s0 is what remains of the spread of held-out runs around zero: stacks
//! differ from one another, and within a stack kinds of runs do. The objective is convex, so f is unique; with no runs it
//! is 0, with many alike it goes to where they are; one run moves it by at most s0^2 / s, however odd it is, and a run
//! unlike all own runs is corrected by a fifth as much. A later run lies around f with the variance
//!
//! ```text
//! (n0 s^2 + n m^2) / (n0 + n)  +  k(x, x) - k' (K + s^2 / W)^-1 k,      n0 = 4
//! ```
//!
//! (scatter, with the table's counting as n0 runs; and what is not known of f). m is 1.4826 times the median of
//! |r_i - f_i|, so one odd run of three does not widen it while runs that all disagree do; w_i = min(1, s / |r_i - f_i|).
//! How many of these standard deviations hold 90% is not assumed but counted: on the published groups, with three of
//! their runs as own runs.

use super::spread::{Residual, quantiles};
use secondsource_base::Dtype;
use secondsource_step::Breakdown;
use std::collections::BTreeMap;

/// Shares of a step by part, in the order of [`Breakdown::NAMES`].
pub type Shares = [f64; Breakdown::NAMES.len()];
/// Most runs that one correction is made from: its linear algebra is cubic in them.
pub const MOST_RUNS: usize = 500;
/// Distance of shares within which runs are alike: a tenth of the step spent otherwise. From 0.1 to 0.2 it hardly matters.
const ALIKE: f64 = 0.12;
/// The same among runs of one number format and kind.
const KIN: f64 = 0.2;
/// ln of the ratio of chips within which runs are of one scale: a factor of 4 or so.
const SCALE: f64 = 1.5;
/// Part of a stack's variance that all its runs share, and part that runs with like shares do.
const SHARED: f64 = 0.2;
const LIKE_SHARES: f64 = 0.2;
/// Runs that the table's scatter counts for.
const TABLE_COUNTS: f64 = 4.0;
/// From the median absolute deviation to the standard deviation of a normal distribution.
const NORMAL: f64 = 1.4826;
/// A published group that plays a new stack has at least this many rows.
pub const FEWEST_OF_GROUP: usize = 6;
/// Runs that it gives as its own.
pub const OWN: usize = 3;
/// Draws per group.
const DRAWS: usize = 20;

/// The parts of a step as shares of it.
fn shares(b: &Breakdown) -> Shares {
    let total = b.total();
    b.to_array().map(|v| if total > 0.0 { v / total } else { 0.0 })
}

/// What makes runs of a stack err alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Traits {
    pub shares: Shares,
    /// Number format of the linear layers.
    pub format: Dtype,
    pub experts: bool,
    pub chips: u64,
}

impl Traits {
    pub fn new(b: &Breakdown, format: Dtype, experts: bool, chips: u64) -> Traits {
        Traits { shares: shares(b), format, experts, chips }
    }

    /// Correlation of two runs of a stack.
    fn likeness(&self, o: &Traits) -> f64 {
        let d2: f64 = self.shares.iter().zip(&o.shares).map(|(x, y)| (x - y) * (x - y)).sum();
        let kin = if self.format == o.format && self.experts == o.experts {
            let w = (self.chips.max(1) as f64 / o.chips.max(1) as f64).ln() / SCALE;
            (-d2 / (2.0 * KIN * KIN) - w * w / 2.0).exp()
        } else {
            0.0
        };
        SHARED + LIKE_SHARES * (-d2 / (2.0 * ALIKE * ALIKE)).exp() + (1.0 - SHARED - LIKE_SHARES) * kin
    }
}

/// What the published runs say of stacks that a fit has not seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnPrior {
    /// Standard deviation of ln(measured / predicted) from stack to stack.
    pub stack_sd: f64,
    /// The same from run to run within a stack.
    pub run_sd: f64,
    /// Standard deviations below and above the corrected prediction that hold 90% of later runs.
    pub low_z: f64,
    pub high_z: f64,
}

/// One measured run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnRun {
    /// ln(measured / predicted).
    pub residual: f64,
    pub traits: Traits,
}

/// The correction of one stack.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnFit {
    prior: OwnPrior,
    at: Vec<Traits>,
    /// (K + s^2 / W)^-1 r.
    pull: Vec<f64>,
    /// Cholesky factor of K + s^2 / W, row by row.
    factor: Vec<f64>,
    scatter: f64,
    /// Weight of each run, 1 for those that agree.
    pub weights: Vec<f64>,
}

/// The correction of one prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// ln of the factor on predicted seconds.
    pub shift: f64,
    /// Standard deviation of a later run around it.
    pub later_sd: f64,
}

impl OwnPrior {
    /// Covariance of two runs of a stack.
    fn covariance(&self, a: &Traits, b: &Traits) -> f64 {
        self.stack_sd * self.stack_sd * a.likeness(b)
    }

    /// The correction that these runs ask for; those beyond [`MOST_RUNS`] are not looked at.
    pub fn fit(&self, runs: &[OwnRun]) -> OwnFit {
        let runs = &runs[..runs.len().min(MOST_RUNS)];
        let n = runs.len();
        let s2 = self.run_sd * self.run_sd;
        let at: Vec<Traits> = runs.iter().map(|r| r.traits).collect();
        let k: Vec<f64> = (0..n * n).map(|i| self.covariance(&at[i / n], &at[i % n])).collect();
        let residuals: Vec<f64> = runs.iter().map(|r| r.residual).collect();
        let mut weights = vec![1.0; n];
        let (mut pull, mut factor, mut off);
        // Reweighted least squares: each round lowers the objective, and the last few change nothing.
        let mut rounds = 0;
        loop {
            let mut c = k.clone();
            for i in 0..n {
                c[i * n + i] += s2 / weights[i];
            }
            factor = cholesky(c, n);
            pull = back(&factor, forward(&factor, residuals.clone()));
            off = (0..n).map(|i| (pull[i] * s2 / weights[i]).abs()).collect::<Vec<f64>>();
            let next: Vec<f64> = off.iter().map(|o| self.run_sd / o.max(self.run_sd)).collect();
            let moved = weights.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            rounds += 1;
            if moved < 1e-10 || rounds == 200 {
                break;
            }
            weights = next;
        }
        let m = if n == 0 { 0.0 } else { NORMAL * median(off) };
        let scatter = (TABLE_COUNTS * s2 + n as f64 * m * m) / (TABLE_COUNTS + n as f64);
        OwnFit { prior: *self, at, pull, factor, scatter, weights }
    }

    /// ln of the 5% and 95% quantiles of a later run over the corrected prediction.
    pub fn interval(&self, c: Correction) -> (f64, f64) {
        (-self.low_z * c.later_sd, self.high_z * c.later_sd)
    }

    /// From held-out residuals. `None` when no group of them is large enough.
    pub fn learn(residuals: &[Residual]) -> Option<OwnPrior> {
        let prior = OwnPrior::scales(residuals)?;
        let later: Vec<Later> = trials(residuals, &|_| Some(prior));
        Some(prior.with_quantiles(later.iter()))
    }

    /// The two spreads, by medians, over groups of one source and chip.
    fn scales(residuals: &[Residual]) -> Option<OwnPrior> {
        let (mut alike, mut all) = (Vec::new(), Vec::new());
        for rows in groups(residuals).into_values() {
            for i in &rows {
                let like = |j: &usize| residuals[*i].traits.likeness(&residuals[*j].traits);
                let others = rows.iter().filter(|j| *j != i);
                let nearest = others.fold(None, |best: Option<(f64, usize)>, j| {
                    let l = like(j);
                    if best.is_none_or(|b| l > b.0) { Some((l, *j)) } else { best }
                });
                alike.extend(nearest.map(|(_, j)| (residuals[*i].value - residuals[j].value).abs()));
            }
            all.push(median(rows.iter().map(|i| residuals[*i].value.abs()).collect()));
        }
        if all.is_empty() {
            return None;
        }
        let run_sd = (NORMAL * median(alike) / std::f64::consts::SQRT_2).max(0.01);
        let spread = NORMAL * median(all);
        let stack_sd = (spread * spread - run_sd * run_sd).max(1e-4).sqrt();
        Some(OwnPrior { stack_sd, run_sd, low_z: 1.645, high_z: 1.645 })
    }

    fn with_quantiles<'a>(self, later: impl Iterator<Item = &'a Later>) -> OwnPrior {
        let mut rows: BTreeMap<usize, f64> = BTreeMap::new();
        let later: Vec<&Later> = later.collect();
        for l in &later {
            *rows.entry(l.group).or_default() += 1.0;
        }
        let z: Vec<(f64, f64)> = later.iter().map(|l| (l.error / l.sd, 1.0 / rows[&l.group].sqrt())).collect();
        let (low, _, high) = quantiles(&z);
        OwnPrior { low_z: (-low).max(0.5), high_z: high.max(0.5), ..self }
    }
}

impl OwnFit {
    /// What a prediction with these traits is corrected by.
    pub fn correction(&self, x: &Traits) -> Correction {
        let k: Vec<f64> = self.at.iter().map(|a| self.prior.covariance(a, x)).collect();
        let shift = k.iter().zip(&self.pull).map(|(a, b)| a * b).sum();
        let known: f64 = forward(&self.factor, k).iter().map(|v| v * v).sum();
        let unknown = (self.prior.stack_sd * self.prior.stack_sd - known).max(0.0);
        Correction { shift, later_sd: (self.scatter + unknown).sqrt() }
    }
}

/// Lower factor of a positive definite matrix, in place of its lower half.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let v = a[i * n + j] - dot;
            a[i * n + j] = if i == j { v.max(f64::MIN_POSITIVE).sqrt() } else { v / a[j * n + j] };
        }
    }
    a
}

/// L^-1 b.
fn forward(l: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i * n + k] * b[k]).sum();
        b[i] = (b[i] - dot) / l[i * n + i];
    }
    b
}

/// L'^-1 b.
fn back(l: &[f64], mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k * n + i] * b[k]).sum();
        b[i] = (b[i] - dot) / l[i * n + i];
    }
    b
}

/// A row of a group after the group gave three other rows as own runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Later {
    /// Position of the row among the residuals.
    pub row: usize,
    group: usize,
    /// ln(published / corrected prediction).
    pub error: f64,
    sd: f64,
    /// Whether the published value lies in the 90% interval.
    pub inside: bool,
}

/// Every group of at least six rows plays a new stack: three of its rows, drawn twenty times, correct the rest.
/// The spreads and quantiles of each come from the residuals of other sources.
pub fn new_stacks(residuals: &[Residual]) -> Vec<Later> {
    let sources: Vec<&str> = {
        let mut s: Vec<&str> = residuals.iter().map(|r| r.source.as_str()).collect();
        s.sort_unstable();
        s.dedup();
        s
    };
    let others = |source: &str| -> Vec<Residual> { residuals.iter().filter(|r| r.source != source).cloned().collect() };
    let priors: BTreeMap<&str, OwnPrior> = sources.into_iter().filter_map(|s| Some((s, OwnPrior::scales(&others(s))?))).collect();
    let mut later = trials(residuals, &|source| priors.get(source).copied());
    let source_of = |l: &Later| residuals[l.row].source.as_str();
    let full: BTreeMap<&str, OwnPrior> =
        priors.iter().map(|(s, p)| (*s, p.with_quantiles(later.iter().filter(|l| source_of(l) != *s)))).collect();
    for l in &mut later {
        let p = &full[residuals[l.row].source.as_str()];
        l.inside = (-p.low_z * l.sd..=p.high_z * l.sd).contains(&l.error);
    }
    later
}

fn trials(residuals: &[Residual], prior: &dyn Fn(&str) -> Option<OwnPrior>) -> Vec<Later> {
    let mut later = Vec::new();
    for (group, ((source, chip), rows)) in groups(residuals).into_iter().enumerate() {
        let Some(prior) = prior(source) else { continue };
        let mut random = Random::of(&format!("{source}/{chip}"));
        for _ in 0..DRAWS {
            let mut order = rows.clone();
            for i in 0..OWN {
                let j = i + random.below(order.len() - i);
                order.swap(i, j);
            }
            let own = order[..OWN].iter().map(|i| OwnRun { residual: residuals[*i].value, traits: residuals[*i].traits });
            let fit = prior.fit(&own.collect::<Vec<OwnRun>>());
            later.extend(order[OWN..].iter().map(|i| {
                let c = fit.correction(&residuals[*i].traits);
                Later { row: *i, group, error: residuals[*i].value - c.shift, sd: c.later_sd, inside: false }
            }));
        }
    }
    later
}

/// Rows of each (source, chip), where there are enough.
fn groups(residuals: &[Residual]) -> BTreeMap<(&str, &str), Vec<usize>> {
    let mut all: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, r) in residuals.iter().enumerate() {
        all.entry((&r.source, &r.chip)).or_default().push(i);
    }
    all.retain(|_, rows| rows.len() >= FEWEST_OF_GROUP);
    all
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    f64::midpoint(v[(v.len() - 1) / 2], v[v.len() / 2])
}

/// SplitMix64, seeded by a name (FNV-1a): the same draws on every machine.
struct Random(u64);

impl Random {
    fn of(name: &str) -> Random {
        Random(fnv(name))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// FNV-1a, 64 bits.
pub fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIOR: OwnPrior = OwnPrior { stack_sd: 0.1, run_sd: 0.08, low_z: 2.0, high_z: 2.5 };

    /// A run that spends `a` on products and the rest on scores.
    fn spent(a: f64) -> Traits {
        let b = Breakdown { matrix: a, attention: 1.0 - a, ..Breakdown::default() };
        Traits::new(&b, Dtype::Bf16, false, 64)
    }

    /// Runs that all spend their time alike.
    fn runs(residuals: &[f64]) -> Vec<OwnRun> {
        residuals.iter().map(|r| OwnRun { residual: *r, traits: spent(0.7) }).collect()
    }

    fn correction(residuals: &[f64]) -> Correction {
        PRIOR.fit(&runs(residuals)).correction(&spent(0.7))
    }

    fn shift(residuals: &[f64]) -> f64 {
        correction(residuals).shift
    }

    #[test]
    fn no_runs_change_nothing() {
        let c = correction(&[]);
        assert_eq!(c.shift, 0.0);
        assert!((c.later_sd - 0.1f64.hypot(0.08)).abs() < 1e-12, "both spreads: {}", c.later_sd);
    }

    /// Runs alike: the minimum of sum rho((r - d) / s) + (d / s0)^2 / 2, by bisection of its slope.
    #[test]
    fn runs_alike_give_the_robust_mean() {
        for r in [vec![0.3], vec![0.05, 0.06, 1.0], vec![-0.4, 0.1, 0.12, 0.3], vec![0.02; 9]] {
            let slope = |d: f64| r.iter().map(|r| ((r - d) / 0.08).clamp(-1.0, 1.0)).sum::<f64>() / 0.08 - d / 0.01;
            let (mut low, mut high) = (-2.0, 2.0);
            for _ in 0..100 {
                let middle = f64::midpoint(low, high);
                if slope(middle) > 0.0 { low = middle } else { high = middle }
            }
            assert!((shift(&r) - low).abs() < 1e-7, "{r:?}: {} against {low}", shift(&r));
        }
    }

    /// However odd, one run of three moves the correction by at most s0^2 / s, and is told apart.
    #[test]
    fn one_odd_run_is_bounded() {
        let without = shift(&[0.05, 0.06]);
        for odd in [-20.0, -1.0, 0.5, 1.0, 20.0] {
            let fit = PRIOR.fit(&runs(&[0.05, 0.06, odd]));
            let moved = fit.correction(&spent(0.7)).shift - without;
            assert!(moved.abs() <= 0.1 * 0.1 / 0.08, "{odd}: {moved}");
            assert!(fit.weights[2] < 0.3 && fit.weights[0] > 0.9, "{odd}: {:?}", fit.weights);
        }
        assert!((shift(&[0.05, 0.06, 1.0]) - shift(&[0.05, 0.06, 20.0])).abs() < 1e-7, "beyond the knee it does not matter how far");
    }

    #[test]
    fn few_runs_are_shrunk_and_many_are_believed() {
        let of = |n: usize| shift(&vec![0.2; n]);
        assert!(of(1) > 0.05 && of(1) < 0.15, "{}", of(1));
        assert!((1..40).all(|n| of(n) < of(n + 1) && of(n) < 0.2));
        assert!((of(400) - 0.2).abs() < 1e-3);
        // Runs around their median, one in ten far away: near the median of the others.
        let runs: Vec<f64> = (0..300).map(|i| if i % 10 == 0 { 3.0 } else { 0.2 + 0.001 * f64::from(i % 7 - 3) }).collect();
        assert!((shift(&runs) - 0.2).abs() < 0.02, "{}", shift(&runs));
    }

    /// Far from the own runs a fifth of what they say holds, and less is known.
    #[test]
    fn runs_unlike_are_corrected_by_a_fifth() {
        let fit = PRIOR.fit(&runs(&[0.2; 50]));
        let (near, far) = (fit.correction(&spent(0.7)), fit.correction(&Traits { format: Dtype::Fp8, ..spent(-0.3) }));
        assert!((far.shift / near.shift - 0.2).abs() < 1e-6, "{far:?} against {near:?}");
        // Of another format, kind or scale: between the two.
        for other in
            [Traits { format: Dtype::Fp8, ..spent(0.7) }, Traits { experts: true, ..spent(0.7) }, Traits { chips: 8192, ..spent(0.7) }]
        {
            let c = fit.correction(&other);
            assert!(c.shift > far.shift * 1.5 && c.shift < near.shift * 0.6, "{c:?}");
        }
        assert!(far.later_sd > near.later_sd && far.later_sd < PRIOR.fit(&[]).correction(&spent(0.0)).later_sd);
        // Two kinds of runs that err in opposite ways are told apart.
        let mut two = runs(&[0.1; 10]);
        two.extend((0..10).map(|_| OwnRun { residual: -0.1, traits: spent(0.1) }));
        let fit = PRIOR.fit(&two);
        assert!(fit.correction(&spent(0.7)).shift > 0.05 && fit.correction(&spent(0.1)).shift < -0.05);
    }

    #[test]
    fn a_slower_run_never_makes_predictions_of_its_kind_faster() {
        let base = [0.1, -0.05, 0.02, 0.4];
        for i in 0..base.len() {
            let mut last = f64::NEG_INFINITY;
            for step in -30..30 {
                let mut runs = base;
                runs[i] = f64::from(step) * 0.05;
                let now = shift(&runs);
                assert!(now >= last - 1e-8, "run {i} at {}: {now} after {last}", runs[i]);
                last = now;
            }
        }
    }

    #[test]
    fn the_order_of_runs_does_not_matter_and_both_signs_are_alike() {
        assert!((shift(&[0.1, 0.3, -0.1]) - shift(&[-0.1, 0.1, 0.3])).abs() < 1e-8);
        assert!((shift(&[0.1, 0.3]) + shift(&[-0.1, -0.3])).abs() < 1e-8);
    }

    #[test]
    fn runs_that_agree_narrow_the_interval() {
        let sd = |runs: &[f64]| correction(runs).later_sd;
        assert!(sd(&[0.05; 3]) < sd(&[0.05]) && sd(&[0.05]) < sd(&[]));
        assert!(sd(&[0.05, 0.06, 1.0]) < sd(&[]), "one odd run does not widen it");
        assert!(sd(&[-0.5, 0.0, 0.5]) > sd(&[0.0; 3]), "runs that disagree do");
    }

    #[test]
    fn spreads_are_learnt_from_groups() {
        let mut list = Vec::new();
        for (g, centre) in [("a", -0.1), ("b", 0.1), ("c", 0.1)] {
            for i in 0..9 {
                let key = crate::calibrate::spread::SpreadKey { moe: false, small: false, stated: true };
                let value = centre + 0.02 * (f64::from(i) - 4.0);
                // The more alike the nearer.
                let traits = spent(0.5 + 0.01 * f64::from(i));
                list.push(Residual { source: g.to_owned(), chip: "x".to_owned(), key, value, traits });
            }
        }
        let p = OwnPrior::learn(&list).expect("three groups");
        let run = 0.02 * NORMAL / std::f64::consts::SQRT_2;
        assert!((p.run_sd - run).abs() < 1e-9, "{p:?}");
        assert!((p.stack_sd.hypot(p.run_sd) - 0.1 * NORMAL).abs() < 1e-9, "{p:?}");
        let later = new_stacks(&list);
        assert_eq!(later.len(), 3 * DRAWS * 6);
        assert_eq!(later, new_stacks(&list));
        assert!(OwnPrior::learn(&list[..4]).is_none(), "no group has six rows");
    }
}
