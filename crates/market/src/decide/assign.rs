//! Which job runs on which system. A job runs on one system: software is ported for a job, not for an hour.

use std::collections::BTreeMap;

/// A choice of systems, one a job, and the sum of the costs of its systems.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub system: Vec<usize>,
    pub usd: f64,
}

/// Most (system, set of jobs) pairs that are priced before the search turns from all assignments to moves of one job.
pub const MOST_SETS: usize = 400;

/// Prices sets of jobs on systems, each once.
struct Prices<'c> {
    systems: usize,
    jobs: usize,
    known: BTreeMap<(usize, u64), Option<f64>>,
    cost: &'c mut dyn FnMut(usize, &[usize]) -> Option<f64>,
}

impl Prices<'_> {
    fn set(&mut self, system: usize, jobs: &[usize]) -> Option<f64> {
        let mask = jobs.iter().fold(0u64, |m, j| m | 1 << j);
        let cost = &mut self.cost;
        *self.known.entry((system, mask)).or_insert_with(|| cost(system, jobs))
    }

    fn of(&mut self, assignment: &[usize]) -> Option<Assignment> {
        let mut usd = 0.0;
        for s in 0..self.systems {
            let set: Vec<usize> = (0..self.jobs).filter(|j| assignment[*j] == s).collect();
            if !set.is_empty() {
                usd += self.set(s, &set)?;
            }
        }
        Some(Assignment { system: assignment.to_vec(), usd })
    }
}

/// The `keep` cheapest assignments of up to 60 jobs, cheapest first, and whether all were looked at. `cost(system, jobs)`
/// prices a set of jobs on one system, `None` when it cannot be; costs of systems add up.
pub fn cheapest(jobs: usize, systems: usize, keep: usize, cost: &mut dyn FnMut(usize, &[usize]) -> Option<f64>) -> (Vec<Assignment>, bool) {
    let mut prices = Prices { systems, jobs, known: BTreeMap::new(), cost };
    let sets = 1usize.checked_shl(jobs as u32).map_or(usize::MAX, |n| (n - 1).saturating_mul(systems));
    let all = systems.saturating_pow(jobs as u32);
    let whole = sets <= MOST_SETS && all <= 1_000_000;
    let mut found: Vec<Assignment> = Vec::new();
    if whole {
        for code in 0..all {
            let system: Vec<usize> = (0..jobs).map(|j| code / systems.pow(j as u32) % systems).collect();
            found.extend(prices.of(&system));
        }
    } else {
        moves(&mut prices, &mut found);
    }
    found.sort_by(|a, b| a.usd.total_cmp(&b.usd).then_with(|| a.system.cmp(&b.system)));
    found.dedup_by(|a, b| a.system == b.system);
    found.truncate(keep);
    (found, whole)
}

/// Every job alone where it is cheapest, then the best move of one job while that helps. All assignments seen are kept.
fn moves(prices: &mut Prices<'_>, found: &mut Vec<Assignment>) {
    let mut at = Vec::new();
    for j in 0..prices.jobs {
        let alone: Vec<(f64, usize)> = (0..prices.systems).filter_map(|s| Some((prices.set(s, &[j])?, s))).collect();
        let Some(best) = alone.into_iter().min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) else { return };
        at.push(best.1);
    }
    let Some(mut best) = prices.of(&at) else { return };
    loop {
        found.push(best.clone());
        let mut next: Option<Assignment> = None;
        for j in 0..prices.jobs {
            for s in (0..prices.systems).filter(|s| *s != best.system[j]) {
                let mut moved = best.system.clone();
                moved[j] = s;
                let Some(a) = prices.of(&moved) else { continue };
                found.push(a.clone());
                if a.usd < next.as_ref().map_or(best.usd, |n| n.usd) {
                    next = Some(a);
                }
            }
        }
        let Some(better) = next else { break };
        best = better;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alone on a system a job pays for itself; two together on system 1 share.
    fn cost(system: usize, jobs: &[usize]) -> Option<f64> {
        match (system, jobs.len()) {
            (0, n) => Some(10.0 * n as f64),
            (1, 1) => Some(12.0),
            (1, n) => Some(5.0 * n as f64),
            _ if jobs.contains(&0) => None,
            _ => Some(30.0),
        }
    }

    #[test]
    fn sharing_is_found_by_looking_at_all() {
        let mut asked = Vec::new();
        let (found, whole) = cheapest(3, 3, 4, &mut |s, j| {
            asked.push((s, j.to_vec()));
            cost(s, j)
        });
        assert!(whole);
        assert_eq!((found[0].system.as_slice(), found[0].usd, found.len()), ([1, 1, 1].as_slice(), 15.0, 4));
        asked.sort();
        let before = asked.len();
        asked.dedup();
        assert_eq!(asked.len(), before, "a set was priced twice");
    }

    #[test]
    fn many_jobs_are_moved_one_by_one() {
        let (found, whole) = cheapest(12, 3, 100, &mut |s, j| Some(j.iter().map(|j| ((s + j) % 3) as f64).sum()));
        assert!(!whole);
        assert_eq!(found[0].usd, 0.0);
        assert!(cheapest(2, 1, 3, &mut |_, _| None).0.is_empty());
    }
}
