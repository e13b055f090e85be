//! Intervals by split conformal prediction: quantiles of ln(published / predicted) over rows that the
//! parameters had not seen, by what predicts the spread.
//!
//! A chip that has published runs gets the residuals of the folds that left out the row's source, a chip that
//! has none those of the folds that left out the row's chip, or its source where they spread more. Within each,
//! rows are grouped by experts or not, by tokens that a chip works on in a step (small steps are host-bound and
//! spread more), and by whether every input was stated or some had to be inferred. A group needs [`FEWEST`] rows, else the next coarser one speaks. A row counts n^-1/2 of its
//! (source, chip) group, as in the fit, so that 109 rows of one cluster do not rule. Precision was tried as a
//! third key: with it, quantiles of new sources hold less of what they promise, for the groups become too few.

use super::files::SpreadGroup;
use super::fit::Prediction;
use super::own::Traits;
use crate::runs::{Case, Grade};
use std::collections::BTreeMap;

/// Rows that a group needs to speak for itself.
pub const FEWEST: usize = 30;
/// Tokens a chip and step below which launches, latencies and fixed costs show.
const SMALL_STEP: f64 = 4096.0;

/// From the finest grouping to none.
const LEVELS: usize = 4;

/// What predicts the spread of a prediction, beside whether its chip was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpreadKey {
    pub moe: bool,
    /// Fewer than 4,096 tokens a chip and step.
    pub small: bool,
    /// Every input that matters is stated, as in rows of grade A and in any plan; else some are inferred.
    pub stated: bool,
}

/// What names of groups start with.
const SEEN: &str = "calibrated chip";
const UNSEEN: &str = "chip without calibration runs";

impl SpreadKey {
    /// Of a job that states all that it runs.
    pub fn new(moe: bool, tokens: f64, chips: u64) -> SpreadKey {
        SpreadKey { moe, small: tokens / (chips.max(1) as f64) < SMALL_STEP, stated: true }
    }

    pub fn of(case: &Case) -> SpreadKey {
        let tokens = case.global_batch as f64 * case.seq as f64;
        SpreadKey { stated: case.grade == Grade::A, ..SpreadKey::new(case.model.is_moe(), tokens, case.layout.devices()) }
    }

    /// Whether two keys fall into one group at a level: 0 all alike, 1 experts and size, 2 experts, 3 everything.
    fn alike(self, other: SpreadKey, level: usize) -> bool {
        (level > 2 || self.moe == other.moe) && (level > 1 || self.small == other.small) && (level > 0 || self.stated == other.stated)
    }

    /// Name of the group at a level.
    pub fn name(self, seen: bool, level: usize) -> String {
        let mut name = String::from(if seen { SEEN } else { UNSEEN });
        let mut add = |deepest: usize, is: bool, yes: &str, no: &str| {
            if level <= deepest {
                name.push_str(", ");
                name.push_str(if is { yes } else { no });
            }
        };
        add(2, self.moe, "MoE model", "dense model");
        add(1, self.small, "under 4,096 tokens a chip and step", "4,096 tokens a chip and step or more");
        add(0, self.stated, "every input stated", "some inputs inferred");
        name
    }

    /// The finest group that the calibration has for this key.
    pub fn group(self, seen: bool, groups: &[SpreadGroup]) -> Option<&SpreadGroup> {
        (0..LEVELS).find_map(|level| {
            let name = self.name(seen, level);
            groups.iter().find(|g| g.name == name)
        })
    }
}

/// A held-out residual, ln(published / predicted).
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    pub source: String,
    pub chip: String,
    pub key: SpreadKey,
    pub value: f64,
    pub traits: Traits,
}

/// Held-out residuals of rows of grades A and B.
#[derive(Debug, Clone, Default)]
pub struct Residuals {
    pub list: Vec<Residual>,
}

impl Residuals {
    /// From cases and what a fold predicts that had not seen them.
    pub fn new<'a>(cases: impl Iterator<Item = (&'a Case, Prediction)>) -> Residuals {
        let residual = |(c, p): (&Case, Prediction)| Residual {
            source: c.source.clone(),
            chip: c.chip.clone(),
            key: SpreadKey::of(c),
            value: (c.measured / p.seconds).ln(),
            traits: p.traits,
        };
        Residuals { list: cases.filter(|(c, _)| c.grade <= Grade::B).map(residual).collect() }
    }

    /// Groups large enough to speak, finest first, and the one of everything.
    pub fn groups(&self, seen: bool) -> Vec<SpreadGroup> {
        let mut out: Vec<SpreadGroup> = Vec::new();
        for level in 0..LEVELS {
            let mut keys: Vec<SpreadKey> = self.list.iter().map(|r| r.key).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let name = key.name(seen, level);
                if out.iter().any(|g| g.name == name) {
                    continue;
                }
                let rows: Vec<&Residual> = self.list.iter().filter(|r| r.key.alike(key, level)).collect();
                if rows.len() >= FEWEST || level + 1 == LEVELS {
                    let n = rows.len() as u64;
                    let (p5, p50, p95) = quantiles(&weighted(&rows));
                    out.push(SpreadGroup { name, rows: n, p5, p50, p95 });
                }
            }
        }
        out
    }

    /// The groups of chips without runs: the wider of both ends, since such a chip is a new source too.
    pub fn unseen_groups(by_source: &Residuals, by_chip: &Residuals) -> Vec<SpreadGroup> {
        let seen = by_source.groups(true);
        let mut unseen = by_chip.groups(false);
        for u in &mut unseen {
            if let Some(s) = seen.iter().find(|s| s.name.strip_prefix(SEEN) == u.name.strip_prefix(UNSEEN)) {
                (u.p5, u.p95) = (u.p5.min(s.p5), u.p95.max(s.p95));
            }
        }
        unseen
    }

    /// The 5% and 95% quantiles for a key from those residuals only that `keep` lets through.
    pub fn held_out(&self, key: SpreadKey, keep: &dyn Fn(&Residual) -> bool) -> Option<(f64, f64)> {
        (0..LEVELS).find_map(|level| {
            let rows: Vec<&Residual> = self.list.iter().filter(|r| keep(r) && r.key.alike(key, level)).collect();
            if rows.is_empty() || (rows.len() < FEWEST && level + 1 < LEVELS) {
                return None;
            }
            let (p5, _, p95) = quantiles(&weighted(&rows));
            Some((p5.min(0.0), p95.max(0.0)))
        })
    }
}

/// Values with n^-1/2 of their (source, chip) group.
fn weighted(rows: &[&Residual]) -> Vec<(f64, f64)> {
    let mut counts: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for r in rows {
        *counts.entry((&r.source, &r.chip)).or_default() += 1.0;
    }
    rows.iter().map(|r| (r.value, 1.0 / counts[&(r.source.as_str(), r.chip.as_str())].sqrt())).collect()
}

/// The 5%, 50% and 95% conformal quantiles.
pub fn quantiles(v: &[(f64, f64)]) -> (f64, f64, f64) {
    let flipped: Vec<(f64, f64)> = v.iter().map(|(x, w)| (-x, *w)).collect();
    (-upper(&flipped, 0.95), upper(v, 0.5), upper(v, 0.95))
}

/// Smallest value below which a share `p` of the weight lies, when a new row of mean weight may lie above all:
/// with equal weights the ceil(p (n + 1))-th of n, so small groups give wider intervals. 0 for nothing.
fn upper(v: &[(f64, f64)], p: f64) -> f64 {
    let mut sorted = v.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = sorted.iter().map(|x| x.1).sum();
    let wanted = p * (total + total / (sorted.len().max(1) as f64)) * (1.0 - 1e-12);
    let mut below = 0.0;
    for (x, w) in &sorted {
        below += w;
        if below >= wanted {
            return *x;
        }
    }
    sorted.last().map_or(0.0, |x| x.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traits() -> Traits {
        Traits::new(&secondsource_step::Breakdown::default(), secondsource_base::Dtype::Bf16, false, 8)
    }

    #[test]
    fn equal_weights_give_the_conformal_ranks() {
        let v: Vec<(f64, f64)> = (1..=39).map(|i| (f64::from(i), 1.0)).collect();
        // ceil(0.95 x 40) = 38; floor(0.05 x 40) = 2.
        assert_eq!(quantiles(&v), (2.0, 20.0, 38.0));
        assert_eq!(quantiles(&[(3.0, 1.0)]), (3.0, 3.0, 3.0));
        assert_eq!(quantiles(&[]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn heavy_groups_count_by_their_root() {
        let row = |source: &str, value: f64| Residual {
            source: source.to_owned(),
            chip: String::new(),
            key: SpreadKey { moe: false, small: false, stated: true },
            value,
            traits: traits(),
        };
        let mut list: Vec<Residual> = (0..100).map(|_| row("many", 0.0)).collect();
        list.extend((0..4).map(|_| row("few", 1.0)));
        // Weights: 100 rows count 10, 4 rows count 2: a sixth of all, where 4 of 104 rows would be under 5%.
        assert_eq!(Residuals { list }.groups(true)[0].p95, 1.0);
    }

    #[test]
    fn small_groups_fall_back() {
        let key = |moe, small| SpreadKey { moe, small, stated: true };
        let row = |k: SpreadKey, value: f64| Residual { source: "s".to_owned(), chip: "c".to_owned(), key: k, value, traits: traits() };
        let mut list: Vec<Residual> = (0..40).map(|i| row(key(false, false), f64::from(i))).collect();
        list.extend((0..5).map(|_| row(key(true, true), 100.0)));
        let groups = Residuals { list }.groups(true);
        assert_eq!(key(false, false).group(true, &groups).map(|g| g.rows), Some(40));
        assert_eq!(key(true, true).group(true, &groups).map(|g| (g.rows, g.name.as_str())), Some((45, "calibrated chip")));
        assert!(key(true, true).group(false, &groups).is_none());
        // Too few with inferred inputs: they get the group of both.
        let inferred = SpreadKey { stated: false, ..key(false, false) };
        let found = inferred.group(true, &groups).map(|g| g.name.as_str());
        assert_eq!(found, Some("calibrated chip, dense model, 4,096 tokens a chip and step or more"));
    }
}
