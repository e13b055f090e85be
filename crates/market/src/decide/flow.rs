//! Demands that share periods: the cheapest flow from sources through periods to demands, by successive cheapest
//! paths (Ford and Fulkerson; Busacker and Gowen 1961). The graph is tiny: a node per period and per demand.

#![expect(clippy::needless_range_loop, reason = "a period indexes several tables at once")]

use super::program::{Program, Scenario};
use super::recourse::{Cell, POOL, Use};

/// Hours below this share of the work are rounding.
const DUST: f64 = 1e-11;

struct Graph<'a> {
    p: &'a Program,
    s: &'a Scenario,
    rows: &'a [Vec<Cell>],
    /// Chip-hours of each cell of a period.
    size: Vec<Vec<f64>>,
    /// How many cells of a period are used in full, and how much of the next one is.
    at: Vec<(usize, f64)>,
    /// Served chip-hours, per demand and period.
    q: Vec<f64>,
    dropped: Vec<f64>,
    dust: f64,
}

/// How a path reaches a node.
#[derive(Clone, Copy, PartialEq)]
enum Via {
    Start,
    /// At a period, coming from a demand that takes more here.
    Takes(usize),
    /// At a demand, coming from a period where it takes less.
    Leaves(usize),
}

/// Where a path ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The next source of a period.
    Source(usize),
    /// Work of a demand that is never done.
    Drop(usize),
}

/// Fills `used`, which is clear but for the pool.
pub(crate) fn flow(p: &Program, s: &Scenario, rows: &[Vec<Cell>], used: &mut Use) {
    let t = p.periods;
    let there =
        |c: &Cell| if c.source == POOL { used.pool[c.period as usize] } else { s.rent_hours[c.source as usize * t + c.period as usize] };
    let size: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(there).collect()).collect();
    let work: f64 = s.work.iter().sum();
    let mut g = Graph {
        p,
        s,
        rows,
        size,
        at: vec![(0, 0.0); t],
        q: vec![0.0; p.demands.len() * t],
        dropped: vec![0.0; p.demands.len()],
        dust: work * DUST,
    };
    (0..t).for_each(|j| g.settle(j));
    for k in 0..p.demands.len() {
        let mut left = s.work[k];
        // Every path fills a source, a rate or a demand, or empties a flow: the bound is far above what is needed.
        for _ in 0..100_000 {
            if left <= g.dust {
                break;
            }
            left -= g.augment(k, left);
        }
        g.dropped[k] += left.max(0.0);
    }
    for j in 0..t {
        let (full, part) = g.at[j];
        for (i, c) in rows[j].iter().enumerate().take(full + 1) {
            let q = if i < full { g.size[j][i] } else { part };
            if c.source == POOL {
                used.pooled[j] += q;
            } else {
                used.rented[c.source as usize * t + j] += q;
            }
        }
    }
    used.worth = g.worth().into_iter().map(|w| w.max(0.0)).collect();
    (used.served, used.dropped) = (g.q, g.dropped);
}

impl Graph<'_> {
    /// Skips cells of a period that are used up.
    fn settle(&mut self, j: usize) {
        let (mut i, mut part) = self.at[j];
        while i < self.size[j].len() && part >= self.size[j][i] {
            (i, part) = (i + 1, 0.0);
        }
        self.at[j] = (i, part);
    }

    fn next_price(&self, j: usize) -> f64 {
        self.rows[j].get(self.at[j].0).map_or(f64::INFINITY, |c| c.cost)
    }

    /// Price of the dearest hour used in a period.
    fn last_price(&self, j: usize) -> Option<f64> {
        let (i, part) = self.at[j];
        if part > self.dust {
            return Some(self.rows[j][i].cost);
        }
        (0..i).rev().find(|i| self.size[j][*i] > self.dust).map(|i| self.rows[j][i].cost)
    }

    fn room(&self, k: usize, j: usize) -> f64 {
        self.s.rate[k * self.p.periods + j] - self.q[k * self.p.periods + j]
    }

    /// Sends up to `left` of demand `k` along the cheapest path; how much went.
    fn augment(&mut self, k: usize, left: f64) -> f64 {
        let (t, n) = (self.p.periods, self.p.demands.len());
        let mut to_demand = vec![(f64::INFINITY, Via::Start); n];
        let mut to_period = vec![(f64::INFINITY, Via::Start); t];
        to_demand[k] = (0.0, Via::Start);
        // Bellman and Ford: costs of reversed arcs are negative, cycles are not.
        let tolerance = 1e-12 * (1.0 + self.s.drop.iter().fold(0.0f64, |a, b| a.max(*b)));
        for _ in 0..=n + t {
            let mut moved = false;
            for (d, demand) in self.p.demands.iter().enumerate() {
                if to_demand[d].0 == f64::INFINITY {
                    continue;
                }
                for j in demand.from..demand.until {
                    let c = to_demand[d].0 + self.s.late[d * t + j];
                    if self.room(d, j) > self.dust && c < to_period[j].0 - tolerance {
                        to_period[j] = (c, Via::Takes(d));
                        moved = true;
                    }
                }
            }
            for (d, demand) in self.p.demands.iter().enumerate() {
                for j in demand.from..demand.until {
                    let c = to_period[j].0 - self.s.late[d * t + j];
                    if self.q[d * t + j] > self.dust && c < to_demand[d].0 - tolerance {
                        to_demand[d] = (c, Via::Leaves(j));
                        moved = true;
                    }
                }
            }
            if !moved {
                break;
            }
        }
        let mut best = (f64::INFINITY, End::Drop(k));
        for j in 0..t {
            let c = to_period[j].0 + self.next_price(j);
            if c < best.0 {
                best = (c, End::Source(j));
            }
        }
        for (d, to) in to_demand.iter().enumerate() {
            let c = to.0 + self.s.drop[d];
            if c <= best.0 {
                best = (c, End::Drop(d));
            }
        }
        self.push(k, left, best.1, &to_demand, &to_period)
    }

    fn push(&mut self, k: usize, left: f64, end: End, to_demand: &[(f64, Via)], to_period: &[(f64, Via)]) -> f64 {
        let t = self.p.periods;
        // The path backwards: (demand, period, takes more or less).
        let mut path: Vec<(usize, usize, bool)> = Vec::new();
        let mut amount = left;
        let mut demand = match end {
            End::Drop(d) => d,
            End::Source(j) => {
                let Via::Takes(d) = to_period[j].1 else { return left };
                amount = amount.min(self.size[j][self.at[j].0] - self.at[j].1).min(self.room(d, j));
                path.push((d, j, true));
                d
            }
        };
        while demand != k || to_demand[demand].1 != Via::Start {
            let Via::Leaves(j) = to_demand[demand].1 else { break };
            let Via::Takes(d) = to_period[j].1 else { break };
            amount = amount.min(self.q[demand * t + j]).min(self.room(d, j));
            path.push((demand, j, false));
            path.push((d, j, true));
            demand = d;
            if path.len() > 4 * (t + self.p.demands.len()) {
                break;
            }
        }
        for (d, j, more) in path {
            self.q[d * t + j] += if more { amount } else { -amount };
        }
        match end {
            End::Source(j) => {
                self.at[j].1 += amount;
                // A remainder of dust would cost a path of its own.
                if self.size[j][self.at[j].0] - self.at[j].1 <= self.dust {
                    self.at[j].1 = self.size[j][self.at[j].0];
                }
                self.settle(j);
            }
            End::Drop(d) => self.dropped[d] += amount,
        }
        amount
    }

    /// What one more free chip-hour would save in each period: the dearest hour that it can push out, directly or by
    /// moving demands.
    fn worth(&self) -> Vec<f64> {
        let (t, n) = (self.p.periods, self.p.demands.len());
        let mut worth: Vec<f64> = (0..t).map(|j| self.last_price(j).unwrap_or(0.0)).collect();
        for _ in 0..=n + t {
            let mut moved = false;
            for (d, demand) in self.p.demands.iter().enumerate() {
                let dropped = if self.dropped[d] > self.dust { self.s.drop[d] } else { f64::NEG_INFINITY };
                let periods = demand.from..demand.until;
                let gain = periods
                    .clone()
                    .filter(|j| self.q[d * t + j] > self.dust)
                    .map(|j| self.s.late[d * t + j] + worth[j])
                    .fold(dropped, f64::max);
                for j in periods.filter(|j| self.room(d, *j) > self.dust) {
                    let w = gain - self.s.late[d * t + j];
                    if w > worth[j] * (1.0 + 1e-12) + 1e-15 {
                        worth[j] = w;
                        moved = true;
                    }
                }
            }
            if !moved {
                break;
            }
        }
        worth
    }
}
