//! A plan run month by month: what a buyer would really do, who sees the prices of today and none of tomorrow's.
//!
//! The program's second stage knows a scenario to its end, so it waits for cheap months that nobody could have known of.
//! Here every period is decided with what is seen by then: a rental's price is expected to move from today's as the mean
//! of all scenarios does. What comes out is a cost that can be had, above the program's; the difference is what looking
//! ahead is worth.

#![expect(clippy::needless_range_loop, reason = "a demand indexes several tables at once")]

use super::program::{Program, Scenario};
use super::recourse::{Use, solve};
use rayon::prelude::*;

/// What every scenario does under given commitments when it is decided period by period.
pub fn run(p: &Program, x: &[f64]) -> Vec<Use> {
    let outlook = p.mean();
    p.scenarios.par_iter().map(|s| follow(p, s, &outlook, x)).collect()
}

fn follow(p: &Program, s: &Scenario, outlook: &Scenario, x: &[f64]) -> Use {
    let (t, n) = (p.periods, p.demands.len());
    let mut done = Use::of(p);
    let mut left = s.work.clone();
    for now in 0..t {
        let seen = expected(p, s, outlook, now, &left);
        let plan = solve(p, &seen, x);
        done.pooled[now] = plan.pooled[now];
        for f in 0..p.rentals.len() {
            done.rented[f * t + now] = plan.rented[f * t + now];
        }
        for k in 0..n {
            let q = plan.served[k * t + now];
            done.served[k * t + now] = q;
            left[k] = (left[k] - q).max(0.0);
        }
    }
    // Rounding of a sum of periods is not unfinished work.
    for (k, left) in left.into_iter().enumerate() {
        done.dropped[k] = if left > 1e-9 * s.work[k] { left } else { 0.0 };
    }
    done
}

/// The scenario as it is expected in period `now`, with the work that is left.
fn expected(p: &Program, s: &Scenario, outlook: &Scenario, now: usize, left: &[f64]) -> Scenario {
    let t = p.periods;
    let mut seen = s.clone();
    for f in 0..p.rentals.len() {
        let today = outlook.rent_price[f * t + now];
        let scale = if today > 0.0 { s.rent_price[f * t + now] / today } else { 1.0 };
        for j in now + 1..t {
            seen.rent_price[f * t + j] = outlook.rent_price[f * t + j] * scale;
            seen.rent_hours[f * t + j] = outlook.rent_hours[f * t + j];
        }
    }
    for k in 0..p.demands.len() {
        seen.rate[k * t..k * t + now].fill(0.0);
    }
    seen.work = left.to_vec();
    seen
}
