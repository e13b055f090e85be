//! The second stage: the cheapest way to serve the demands of one scenario once the commitments are known.
//!
//! Committed hours cost nothing more, so those of a period are one pool. Demands that never want the same period are filled
//! in merit order (`fill`), which is exact because the feasible use of sources forms a polymatroid: a total, and a most per
//! period. Demands that share periods go through a cheapest flow (`flow`).

use super::program::{Program, Scenario};
use super::{fill, flow};
use rayon::prelude::*;

/// One source in one period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    /// USD per chip-hour, the demand's lateness included where the cell belongs to one demand.
    pub cost: f64,
    pub period: u32,
    /// [`POOL`], or the rental.
    pub source: u32,
}

/// The source of committed hours.
pub(crate) const POOL: u32 = u32::MAX;

/// Sources of a scenario in merit order: computed once, used for every trial of commitments.
#[derive(Debug, Clone)]
enum Merit {
    /// Per demand.
    Alone(Vec<Vec<Cell>>),
    /// Per period.
    Shared(Vec<Vec<Cell>>),
}

/// A program whose scenarios are sorted and ready to be evaluated.
#[derive(Debug, Clone)]
pub struct Ready<'p> {
    pub program: &'p Program,
    merits: Vec<Merit>,
}

/// What a scenario does under given commitments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Use {
    /// Committed chip-hours used per period.
    pub pooled: Vec<f64>,
    /// Chip-hours per rental and period.
    pub rented: Vec<f64>,
    /// Chip-hours per demand and period.
    pub served: Vec<f64>,
    /// Chip-hours never done, per demand.
    pub dropped: Vec<f64>,
    /// USD that one more chip-hour, free of charge, would save in each period; at least 0.
    pub(crate) worth: Vec<f64>,
    /// Committed chip-hours to be had per period.
    pub(crate) pool: Vec<f64>,
}

/// Costs of all scenarios, and how each moves with the commitments.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    pub usd: Vec<f64>,
    /// d cost / d x, per scenario and commitment.
    pub slope: Vec<f64>,
}

/// Scenarios that one task evaluates: a scenario takes microseconds.
const CHUNK: usize = 32;

impl<'p> Ready<'p> {
    /// Sorts the scenarios of a program that passes [`Program::check`].
    pub fn new(program: &'p Program) -> Ready<'p> {
        let alone = apart(program);
        let merits = program.scenarios.par_iter().map(|s| Merit::of(program, s, alone)).collect();
        Ready { program, merits }
    }

    /// The first `n` scenarios only.
    pub fn first(&self, n: usize) -> Ready<'p> {
        Ready { program: self.program, merits: self.merits.iter().take(n).cloned().collect() }
    }

    /// Scenarios that are evaluated.
    pub fn scenarios(&self) -> usize {
        self.merits.len()
    }

    /// Costs and slopes of all scenarios.
    pub fn costs(&self, x: &[f64]) -> Costs {
        let p = self.program;
        let (n, t) = (p.commitments.len(), p.periods);
        let parts: Vec<Costs> = self
            .merits
            .par_chunks(CHUNK)
            .zip(p.scenarios.par_chunks(CHUNK))
            .map(|(merits, scenarios)| {
                let mut part = Costs { usd: Vec::with_capacity(CHUNK), slope: Vec::with_capacity(CHUNK * n) };
                let mut used = Use::of(p);
                for (merit, s) in merits.iter().zip(scenarios) {
                    merit.solve(p, s, x, &mut used);
                    part.usd.push(cost(p, s, x, &used));
                    // d cost / d x of a commitment: its price less what its hours save.
                    let saved = |o: usize| dot(&s.commit_hours[o * t..(o + 1) * t], &used.worth);
                    part.slope.extend((0..n).map(|o| s.commit_cost[o] - saved(o)));
                }
                part
            })
            .collect();
        // Results stay in index order, whatever the threads do.
        let mut all = Costs { usd: Vec::with_capacity(self.merits.len()), slope: Vec::with_capacity(self.merits.len() * n) };
        for part in parts {
            all.usd.extend(part.usd);
            all.slope.extend(part.slope);
        }
        all
    }

    /// What every scenario does.
    pub fn uses(&self, x: &[f64]) -> Vec<Use> {
        let p = self.program;
        let one = |(m, s): (&Merit, &Scenario)| {
            let mut used = Use::of(p);
            m.solve(p, s, x, &mut used);
            used
        };
        self.merits.par_iter().zip(&p.scenarios).map(one).collect()
    }
}

impl Use {
    /// Nothing used yet.
    pub(crate) fn of(p: &Program) -> Use {
        let t = p.periods;
        Use {
            pooled: vec![0.0; t],
            rented: vec![0.0; p.rentals.len() * t],
            served: vec![0.0; p.demands.len() * t],
            dropped: vec![0.0; p.demands.len()],
            worth: vec![0.0; t],
            pool: vec![0.0; t],
        }
    }

    fn clear(&mut self) {
        for v in [&mut self.pooled, &mut self.rented, &mut self.served, &mut self.dropped, &mut self.worth, &mut self.pool] {
            v.fill(0.0);
        }
    }

    /// Chip-hours of one commitment per period: the pool's use in proportion to what each commitment puts in.
    pub fn of_commitment(&self, p: &Program, s: &Scenario, x: &[f64], o: usize) -> Vec<f64> {
        let t = p.periods;
        let pool = |j: usize| -> f64 { (0..x.len()).map(|i| x[i] * s.commit_hours[i * t + j]).sum() };
        (0..t)
            .map(|j| {
                let all = pool(j);
                if all > 0.0 { self.pooled[j] * (x[o] * s.commit_hours[o * t + j] / all) } else { 0.0 }
            })
            .collect()
    }
}

/// Sum of products, in four lanes of fixed order, so that it is fast and the same everywhere.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (whole, rest) = a.as_chunks::<4>();
    let (other, tail) = b.as_chunks::<4>();
    for (x, y) in whole.iter().zip(other) {
        for i in 0..4 {
            lanes[i] += x[i] * y[i];
        }
    }
    let last: f64 = rest.iter().zip(tail).map(|(x, y)| x * y).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + last
}

/// The cheapest use of one scenario.
pub fn solve(p: &Program, s: &Scenario, x: &[f64]) -> Use {
    let mut used = Use::of(p);
    Merit::of(p, s, apart(p)).solve(p, s, x, &mut used);
    used
}

/// USD of a scenario under commitments and a use of them.
pub fn cost(p: &Program, s: &Scenario, x: &[f64], used: &Use) -> f64 {
    let dropped: f64 = used.dropped.iter().zip(&s.drop).map(|(u, c)| u * c).sum();
    // Outside its own periods a demand is served nothing.
    let own = |k: usize, d: &super::program::Demand| k * p.periods + d.from..k * p.periods + d.until;
    let late: f64 = p.demands.iter().enumerate().map(|(k, d)| dot(&used.served[own(k, d)], &s.late[own(k, d)])).sum();
    s.fixed + dot(x, &s.commit_cost) + dot(&used.rented, &s.rent_price) + late + dropped
}

/// True when no two demands want the same period.
fn apart(p: &Program) -> bool {
    let mut seen = vec![false; p.periods];
    p.demands.iter().all(|d| seen[d.from..d.until].iter_mut().all(|t| !std::mem::replace(t, true)))
}

impl Merit {
    fn of(p: &Program, s: &Scenario, alone: bool) -> Merit {
        let t = p.periods;
        // The pool of a period, then what can be rented in it.
        let cells = |j: usize| {
            let rented = (0..p.rentals.len()).filter(move |f| s.rent_hours[f * t + j] > 0.0);
            let pool = Cell { cost: 0.0, period: j as u32, source: POOL };
            std::iter::once(pool).chain(rented.map(move |f| Cell { cost: s.rent_price[f * t + j], period: j as u32, source: f as u32 }))
        };
        let sort = |cells: &mut Vec<Cell>| {
            // Among equals the earliest: nothing waits without a reason. The pool comes before rentals that are free.
            let key = |c: &Cell| c.source.wrapping_add(1);
            cells.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.period.cmp(&b.period)).then(key(a).cmp(&key(b))));
        };
        if alone {
            let of = |(k, d): (usize, &super::program::Demand)| {
                let late = |c: Cell| Cell { cost: c.cost + s.late[k * t + c.period as usize], ..c };
                let mut row: Vec<Cell> = (d.from..d.until).flat_map(cells).map(late).collect();
                sort(&mut row);
                row
            };
            Merit::Alone(p.demands.iter().enumerate().map(of).collect())
        } else {
            let mut rows: Vec<Vec<Cell>> = (0..t).map(|j| cells(j).collect()).collect();
            rows.iter_mut().for_each(sort);
            Merit::Shared(rows)
        }
    }

    fn solve(&self, p: &Program, s: &Scenario, x: &[f64], used: &mut Use) {
        used.clear();
        let t = p.periods;
        for (x, hours) in x.iter().zip(s.commit_hours.chunks_exact(t)).filter(|(x, _)| **x > 0.0) {
            for (pool, hours) in used.pool.iter_mut().zip(hours) {
                *pool += x * hours;
            }
        }
        match self {
            Merit::Alone(rows) => fill::fill(p, s, rows, used),
            Merit::Shared(rows) => flow::flow(p, s, rows, used),
        }
    }
}
