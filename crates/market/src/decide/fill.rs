//! Demands that never meet: each takes the cheapest hours of its own periods until it is done.

use super::program::{Program, Scenario};
use super::recourse::{Cell, POOL, Use};

/// Fills `used`, which is clear but for the pool.
pub(crate) fn fill(p: &Program, s: &Scenario, rows: &[Vec<Cell>], used: &mut Use) {
    let t = p.periods;
    for (k, (d, cells)) in p.demands.iter().zip(rows).enumerate() {
        let mut left = s.work[k];
        // What the last hour cost, over all periods; in `worth`, what it cost in each period that is full.
        let mut margin = f64::NEG_INFINITY;
        used.worth[d.from..d.until].fill(f64::NAN);
        for c in cells {
            if left <= 0.0 || c.cost >= s.drop[k] {
                break;
            }
            let j = c.period as usize;
            let room = s.rate[k * t + j] - used.served[k * t + j];
            let there = if c.source == POOL { used.pool[j] } else { s.rent_hours[c.source as usize * t + j] };
            let q = there.min(room).min(left);
            if q <= 0.0 {
                continue;
            }
            if c.source == POOL {
                used.pooled[j] += q;
            } else {
                used.rented[c.source as usize * t + j] += q;
            }
            used.served[k * t + j] += q;
            left -= q;
            margin = c.cost;
            if q >= room {
                used.worth[j] = c.cost;
            }
        }
        if left > 0.0 {
            used.dropped[k] = left;
            margin = s.drop[k];
        }
        for j in d.from..d.until {
            let full = used.worth[j];
            let worth = if full.is_nan() { margin } else { full } - s.late[k * t + j];
            // A period in which nothing may run, or that only dearer hours would fill, is worth nothing.
            used.worth[j] = if s.rate[k * t + j] > 0.0 { worth.max(0.0) } else { 0.0 };
        }
    }
}
