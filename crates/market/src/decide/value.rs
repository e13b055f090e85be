//! What knowing would be worth, and how good a plan from samples is.

use super::program::{Program, Scenario};
use super::recourse::Ready;
use super::risk::mean;
use super::solve::{Aim, Together, solve};
use rayon::prelude::*;

/// Least cost of every scenario if it were known beforehand ("wait and see"), over several groups of programs of which
/// one is chosen. Groups that a simple bound rules out in a scenario are not solved there.
///
/// The bound lets every commitment be bought by the hour, at its cost spread over all hours that it delivers.
pub fn wait_and_see(groups: &[Vec<&Program>], scenarios: usize) -> Vec<f64> {
    (0..scenarios)
        .into_par_iter()
        .map(|s| {
            let mut order: Vec<(f64, &Vec<&Program>)> = groups.iter().map(|g| (g.iter().map(|p| by_the_hour(p, s)).sum(), g)).collect();
            order.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut least = f64::INFINITY;
            for (bound, group) in order {
                if bound >= least {
                    break;
                }
                least = least.min(group.iter().map(|p| known(p, s)).sum());
            }
            least
        })
        .collect()
}

/// Least cost of one scenario that is known.
fn known(p: &Program, scenario: usize) -> f64 {
    let one = p.over(vec![p.scenarios[scenario].clone()]);
    let ready = Ready::new(&one);
    solve(&Together::new(vec![&ready]), &Aim { gap: 1e-6, ..Aim::MEAN }, &|_| true).usd
}

/// A lower bound of [`known`].
fn by_the_hour(p: &Program, scenario: usize) -> f64 {
    let s = &p.scenarios[scenario];
    let (t, n) = (p.periods, p.commitments.len());
    let mut x = vec![0.0; n];
    let mut by_hour = Scenario { rent_price: Vec::new(), rent_hours: Vec::new(), ..s.clone() };
    for (o, c) in p.commitments.iter().enumerate() {
        let hours = &s.commit_hours[o * t..(o + 1) * t];
        let sum: f64 = hours.iter().sum();
        if s.commit_cost[o] < 0.0 {
            // Paid for being taken: all of it.
            x[o] = c.most;
            by_hour.rent_hours.extend(vec![0.0; t]);
        } else {
            by_hour.rent_hours.extend(hours.iter().map(|h| h * c.most));
        }
        let each = if sum > 0.0 { s.commit_cost[o].max(0.0) / sum } else { 0.0 };
        by_hour.rent_price.extend(vec![each; t]);
    }
    by_hour.rent_price.extend(&s.rent_price);
    by_hour.rent_hours.extend(&s.rent_hours);
    let rentals = p.commitments.iter().map(|c| c.name.clone()).chain(p.rentals.iter().cloned()).collect();
    let one = Program { rentals, ..p.over(vec![by_hour]) };
    Ready::new(&one).costs(&x).usd[0]
}

/// Worth of the stochastic solution: what a plan made on averages costs more, on average, than the plan given
/// (Birge and Louveaux, Introduction to Stochastic Programming, section 4.2). Also the plan on averages.
pub fn of_stochastic_solution(programs: &Together<'_, '_>, mean_cost: f64) -> (f64, Vec<f64>) {
    let averages: Vec<Program> = programs.parts.iter().map(|r| r.program.over(vec![r.program.mean()])).collect();
    let ready: Vec<Ready<'_>> = averages.iter().map(Ready::new).collect();
    let x = solve(&Together::new(ready.iter().collect()), &Aim::MEAN, &|_| true).x;
    (mean(&programs.usd(&x)) - mean_cost, x)
}

/// How far a plan can be from the best one of all possible plans, judged on batches of fresh scenarios
/// (Mak, Morton and Wood 1999): on each batch, what the plan costs more than the batch's own best plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// Mean over batches, USD. Never below 0.
    pub usd: f64,
    /// 95% of batches of samples would give less than this, USD.
    pub upper: f64,
    pub batches: usize,
}

/// Needs two batches or more; each is a list of programs as in [`Together`].
pub fn gap(batches: &[Vec<Program>], x: &[f64]) -> Option<Gap> {
    let over: Vec<f64> = batches
        .par_iter()
        .map(|programs| {
            let ready: Vec<Ready<'_>> = programs.iter().map(Ready::new).collect();
            let together = Together::new(ready.iter().collect());
            let best = solve(&together, &Aim::MEAN, &|_| true);
            (mean(&together.usd(x)) - best.bound).max(0.0)
        })
        .collect();
    let n = over.len();
    if n < 2 {
        return None;
    }
    let middle = mean(&over);
    let spread = libm::sqrt(over.iter().map(|g| (g - middle) * (g - middle)).sum::<f64>() / (n - 1) as f64 / n as f64);
    Some(Gap { usd: middle, upper: middle + student95(n - 1) * spread, batches: n })
}

/// The one-sided 95% point of Student's t distribution: the expansion about the normal quantile (Abramowitz
/// and Stegun 26.7.5), within 1% from 3 degrees of freedom; exact values below.
fn student95(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        1 => 6.313_752,
        2 => 2.919_986,
        v => {
            let (z, v) = (secondsource_base::random::Z95, v as f64);
            let z3 = z * z * z;
            let (z5, z7) = (z3 * z * z, z3 * z3 * z);
            let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * v * v * v);
            z + (z3 + z) / (4.0 * v) + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * v * v) + third
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun, table 26.10, one-sided 5%.
    #[test]
    fn student_as_tabulated() {
        for (v, t) in [(3, 2.353), (4, 2.132), (7, 1.895), (9, 1.833), (30, 1.697)] {
            assert!((student95(v) / t - 1.0).abs() < 0.01, "{v}: {}", student95(v));
        }
    }
}
