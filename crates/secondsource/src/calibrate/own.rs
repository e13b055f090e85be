//! What a few runs of one's own say: a robust, shrunk correction of one stack.
//!
//! With r_i = ln(measured / predicted) of the stack's runs, the correction d minimises
//!
//! ```text
//! sum_i rho((r_i - d) / s) + (d / s0)^2 / 2,        rho: Huber's loss with its knee at 1
//! ```
//!
//! s0 is the spread of stacks that the fit had not seen around zero, s the scatter of runs within such a stack;
//! both come from the held-out residuals of the published runs. The objective is convex, so d is unique and
//! grows with every r_i; one run moves it by at most s0^2 / s, however odd it is; with no runs d is 0; with many
//! alike it goes to where they are. A later run of the stack lies around d with the variance
//!
//! ```text
//! (n0 s^2 + n m^2) / (n0 + n)  +  1 / (1 / s0^2 + sum_i w_i / s^2),      n0 = 4
//! ```
//!
//! (scatter, with the table's counting as n0 runs; and what is not known of d). m is 1.4826 times the median of
//! |r_i - d|, so one odd run of three does not widen it while runs that all disagree do; w_i = min(1, s / |r_i - d|).
//! How many of these standard deviations hold 90% is not assumed but counted: on the published groups, with three of
//! their runs as own runs.

use super::spread::{Residual, quantiles};
use std::collections::BTreeMap;

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

/// The correction of one stack.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnFit {
    /// ln of the factor on predicted seconds.
    pub shift: f64,
    /// Standard deviation of a later run around it.
    pub later_sd: f64,
    /// Weight of each run, 1 for those that agree.
    pub weights: Vec<f64>,
}

impl OwnPrior {
    /// The correction that runs with these residuals ask for.
    pub fn fit(&self, residuals: &[f64]) -> OwnFit {
        let (s, s0) = (self.run_sd, self.stack_sd);
        let slope = |d: f64| residuals.iter().map(|r| ((r - d) / s).clamp(-1.0, 1.0)).sum::<f64>() / s - d / (s0 * s0);
        // The slope falls from positive to negative; bisect until the bracket cannot be halved.
        let mut low = residuals.iter().copied().fold(0.0, f64::min);
        let mut high = residuals.iter().copied().fold(0.0, f64::max);
        for _ in 0..200 {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                break;
            }
            if slope(middle) > 0.0 { low = middle } else { high = middle }
        }
        let shift = f64::midpoint(low, high);
        let weights: Vec<f64> = residuals.iter().map(|r| s / (r - shift).abs().max(s)).collect();
        let n = residuals.len() as f64;
        let m = if residuals.is_empty() { 0.0 } else { NORMAL * median(residuals.iter().map(|r| (r - shift).abs()).collect()) };
        let scatter = (TABLE_COUNTS * s * s + n * m * m) / (TABLE_COUNTS + n);
        let unknown = 1.0 / (1.0 / (s0 * s0) + weights.iter().sum::<f64>() / (s * s));
        OwnFit { shift, later_sd: (scatter + unknown).sqrt(), weights }
    }

    /// ln of the 5% and 95% quantiles of a later run over the corrected prediction.
    pub fn interval(&self, fit: &OwnFit) -> (f64, f64) {
        (-self.low_z * fit.later_sd, self.high_z * fit.later_sd)
    }

    /// From held-out residuals. `None` when no group of them is large enough.
    pub fn learn(residuals: &[Residual]) -> Option<OwnPrior> {
        let prior = OwnPrior::scales(residuals)?;
        let later: Vec<Later> = trials(residuals, &|_| Some(prior));
        Some(prior.with_quantiles(later.iter()))
    }

    /// The two spreads, by medians, over groups of one source and chip.
    fn scales(residuals: &[Residual]) -> Option<OwnPrior> {
        let (mut within, mut between) = (Vec::new(), Vec::new());
        for rows in groups(residuals).into_values() {
            let centre = median(rows.iter().map(|i| residuals[*i].value).collect());
            between.push(centre.abs());
            within.extend(rows.iter().map(|i| (residuals[*i].value - centre).abs()));
        }
        if between.is_empty() {
            return None;
        }
        let sd = |v: Vec<f64>| (median(v) * NORMAL).max(0.01);
        Some(OwnPrior { stack_sd: sd(between), run_sd: sd(within), low_z: 1.645, high_z: 1.645 })
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
            let fit = prior.fit(&order[..OWN].iter().map(|i| residuals[*i].value).collect::<Vec<f64>>());
            later.extend(order[OWN..].iter().map(|i| Later {
                row: *i,
                group,
                error: residuals[*i].value - fit.shift,
                sd: fit.later_sd,
                inside: false,
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

    fn shift(runs: &[f64]) -> f64 {
        PRIOR.fit(runs).shift
    }

    #[test]
    fn no_runs_change_nothing() {
        let fit = PRIOR.fit(&[]);
        assert_eq!(fit.shift, 0.0);
        assert!((fit.later_sd - 0.1f64.hypot(0.08)).abs() < 1e-12, "both spreads: {}", fit.later_sd);
    }

    /// However odd, one run of three moves the correction by at most s0^2 / s, and is told apart.
    #[test]
    fn one_odd_run_is_bounded() {
        let without = shift(&[0.05, 0.06]);
        for odd in [-20.0, -1.0, 0.5, 1.0, 20.0] {
            let fit = PRIOR.fit(&[0.05, 0.06, odd]);
            assert!((fit.shift - without).abs() <= 0.1 * 0.1 / 0.08, "{odd}: {} against {without}", fit.shift);
            assert!(fit.weights[2] < 0.3 && fit.weights[0] > 0.9, "{odd}: {:?}", fit.weights);
        }
        assert_eq!(shift(&[0.05, 0.06, 1.0]), shift(&[0.05, 0.06, 20.0]), "beyond the knee it does not matter how far");
    }

    #[test]
    fn few_runs_are_shrunk_and_many_are_believed() {
        let of = |n: usize| shift(&vec![0.2; n]);
        assert!(of(1) > 0.05 && of(1) < 0.15, "{}", of(1));
        assert!((1..60).all(|n| of(n) < of(n + 1) && of(n) < 0.2));
        assert!((of(2000) - 0.2).abs() < 1e-3);
        // Runs around their median, one in ten far away: the median of the others.
        let runs: Vec<f64> = (0..1000).map(|i| if i % 10 == 0 { 3.0 } else { 0.2 + 0.001 * f64::from(i % 7 - 3) }).collect();
        assert!((shift(&runs) - 0.2).abs() < 0.02, "{}", shift(&runs));
    }

    #[test]
    fn a_slower_run_never_makes_predictions_faster() {
        let base = [0.1, -0.05, 0.02, 0.4];
        for i in 0..base.len() {
            let mut last = f64::NEG_INFINITY;
            for step in -30..30 {
                let mut runs = base;
                runs[i] = f64::from(step) * 0.05;
                let now = shift(&runs);
                assert!(now >= last, "run {i} at {}: {now} after {last}", runs[i]);
                last = now;
            }
        }
    }

    #[test]
    fn the_order_of_runs_does_not_matter_and_both_signs_are_alike() {
        assert!((shift(&[0.1, 0.3, -0.1]) - shift(&[-0.1, 0.1, 0.3])).abs() < 1e-12);
        assert!((shift(&[0.1, 0.3]) + shift(&[-0.1, -0.3])).abs() < 1e-12);
    }

    #[test]
    fn runs_that_agree_narrow_the_interval() {
        let sd = |runs: &[f64]| PRIOR.fit(runs).later_sd;
        assert!(sd(&[0.05; 3]) < sd(&[0.05]) && sd(&[0.05]) < sd(&[]));
        assert!(sd(&[0.05, 0.06, 1.0]) < sd(&[]), "one odd run does not widen it");
        assert!(sd(&[-0.5, 0.0, 0.5]) > sd(&[0.0; 3]), "runs that disagree do");
    }

    #[test]
    fn spreads_are_learnt_from_groups() {
        let mut list = Vec::new();
        for (g, centre) in [("a", -0.1), ("b", 0.1), ("c", 0.1)] {
            for i in 0..9 {
                let key = crate::calibrate::spread::SpreadKey { moe: false, small: false };
                let value = centre + 0.02 * (f64::from(i) - 4.0);
                list.push(Residual { source: g.to_owned(), chip: "x".to_owned(), key, value });
            }
        }
        let p = OwnPrior::learn(&list).expect("three groups");
        assert!((p.stack_sd - 0.1 * NORMAL).abs() < 1e-9 && (p.run_sd - 0.04 * NORMAL).abs() < 1e-9, "{p:?}");
        let later = new_stacks(&list);
        assert_eq!(later.len(), 3 * DRAWS * 6);
        assert_eq!(later, new_stacks(&list));
        assert!(OwnPrior::learn(&list[..4]).is_none(), "no group has six rows");
    }
}
