//! A fleet over some quarters: each quarter's new chips go to the uses that pay best, as long as there are chips, megawatts
//! and buyers.

use super::program::{Program, Row, Solved, solve};

/// Chips of one generation that come in one quarter, and what each use makes of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Index of the generation.
    pub chip: usize,
    pub quarter: usize,
    pub count: f64,
    /// Facility kW of a chip that the seller runs.
    pub kw: f64,
    /// USD per chip today of each use of the fleet; `None` where the chip has no such use.
    pub usd: Vec<Option<f64>>,
}

/// How many chips buyers take.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Chips of each use and quarter: in service at that time for uses that the seller runs, taken in that quarter for
    /// chips that leave. `None`: no limit.
    pub uses: Vec<Option<Vec<f64>>>,
    /// All chips in service by quarter, together.
    pub in_service: Option<Vec<f64>>,
    /// Chips of rental demand that one sold chip takes away.
    pub kappa: f64,
}

/// The question.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    pub batches: Vec<Batch>,
    /// Which uses are sales: their chips leave, with their power.
    pub leaves: Vec<bool>,
    /// Megawatts that the seller has by the end of each quarter.
    pub megawatts: Vec<f64>,
    pub demand: Demand,
}

/// What the program said.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    pub value_usd: f64,
    /// Chips of each batch and use.
    pub chips: Vec<Vec<f64>>,
    /// Worth of one more chip of each batch, USD today.
    pub chip_prices: Vec<f64>,
    /// Worth of one more megawatt from each quarter on, USD today.
    pub megawatt_prices: Vec<f64>,
    /// What each use of each batch brings beyond the megawatts and the rental buyers that it takes up, USD per chip at
    /// these prices: what a chip is worth to whoever finds a buyer for it. `None` where the chip has no such use.
    pub net_usd: Vec<Vec<Option<f64>>>,
    /// Chips that nobody takes at a gain.
    pub idle: Vec<f64>,
    pub megawatts_used: Vec<f64>,
    /// Dual minus primal optimum over their size.
    pub gap: f64,
}

/// What a row of the program limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Chips of a batch.
    Chips(usize),
    /// Megawatts at the end of a quarter.
    Megawatts(usize),
    /// Buyers of (use, quarter).
    Use(usize, usize),
    /// All chips in service in a quarter.
    InService(usize),
}

impl Limit {
    /// What one chip of a batch put to a use takes of it.
    fn takes(self, f: &Fleet, batch: usize, u: usize) -> f64 {
        let (b, leaves) = (&f.batches[batch], f.leaves[u]);
        let one = |yes: bool| f64::from(u8::from(yes));
        match self {
            Limit::Chips(k) => one(k == batch),
            Limit::Megawatts(q) => one(b.quarter <= q && !leaves) * b.kw / 1e3,
            Limit::Use(v, q) => one(u == v && if leaves { b.quarter == q } else { b.quarter <= q }),
            Limit::InService(q) => one(b.quarter <= q) * if leaves { f.demand.kappa } else { 1.0 },
        }
    }
}

/// The program of a fleet, and what its rows and columns mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub program: Program,
    /// (batch, use) of each activity.
    pub activities: Vec<(usize, usize)>,
    pub limits: Vec<Limit>,
}

/// What a run of the program is kept as.
pub type Outcome = Result<Allocation, String>;

impl Plan {
    pub fn new(f: &Fleet) -> Plan {
        let quarters = f.megawatts.len();
        let mut activities = Vec::new();
        let mut gains = Vec::new();
        for (b, batch) in f.batches.iter().enumerate() {
            for (u, usd) in batch.usd.iter().enumerate() {
                // What loses money is not done; leaving it out keeps the program small.
                if let Some(usd) = usd.filter(|v| *v > 0.0 && batch.count > 0.0) {
                    activities.push((b, u));
                    gains.push(usd);
                }
            }
        }
        let mut limits: Vec<(Limit, f64)> = f.batches.iter().enumerate().map(|(b, batch)| (Limit::Chips(b), batch.count)).collect();
        limits.extend(f.megawatts.iter().enumerate().map(|(q, there)| (Limit::Megawatts(q), *there)));
        for q in 0..quarters {
            for (u, list) in f.demand.uses.iter().enumerate() {
                limits.extend(list.as_ref().and_then(|l| l.get(q)).map(|there| (Limit::Use(u, q), *there)));
            }
            limits.extend(f.demand.in_service.as_ref().and_then(|l| l.get(q)).map(|there| (Limit::InService(q), *there)));
        }
        let row = |limit: Limit, there: f64| {
            let all = activities.iter().enumerate().map(|(j, (b, u))| (j, limit.takes(f, *b, *u)));
            Row { takes: all.filter(|(_, a)| *a != 0.0).collect(), there: there.max(0.0) }
        };
        let rows = limits.iter().map(|(limit, there)| row(*limit, *there)).collect();
        Plan { program: Program { gains, rows }, activities, limits: limits.into_iter().map(|l| l.0).collect() }
    }

    /// Prices of the rows that `what` picks, in their order.
    pub fn prices(&self, s: &Solved, what: impl Fn(Limit) -> bool) -> Vec<f64> {
        self.limits.iter().zip(&s.prices).filter(|(l, _)| what(**l)).map(|(_, p)| *p).collect()
    }

    /// What a use of a batch brings beyond the megawatts and rental buyers that it takes up.
    fn net(&self, f: &Fleet, s: &Solved, batch: usize, u: usize) -> Option<f64> {
        let usd = f.batches[batch].usd.get(u).copied().flatten()?;
        let scarce = self.limits.iter().zip(&s.prices).filter(|(l, price)| {
            let own = matches!(l, Limit::Chips(_)) || matches!(l, Limit::Use(v, _) if f.leaves[*v]);
            **price > 0.0 && !own
        });
        Some(usd - scarce.map(|(l, price)| price * l.takes(f, batch, u)).sum::<f64>())
    }

    fn read(&self, f: &Fleet, s: &Solved) -> Allocation {
        let mut chips: Vec<Vec<f64>> = f.batches.iter().map(|b| vec![0.0; b.usd.len()]).collect();
        for ((b, u), x) in self.activities.iter().zip(&s.x) {
            chips[*b][*u] = *x;
        }
        let idle = f.batches.iter().zip(&chips).map(|(b, c)| (b.count - c.iter().sum::<f64>()).max(0.0)).collect();
        let used = (0..f.megawatts.len()).map(|q| {
            let in_service = f.batches.iter().zip(&chips).filter(|(b, _)| b.quarter <= q);
            in_service.map(|(b, c)| c.iter().zip(&f.leaves).filter(|(_, l)| !**l).map(|(x, _)| x * b.kw / 1e3).sum::<f64>()).sum()
        });
        Allocation {
            value_usd: s.value,
            chip_prices: self.prices(s, |l| matches!(l, Limit::Chips(_))),
            megawatt_prices: self.prices(s, |l| matches!(l, Limit::Megawatts(_))),
            net_usd: (0..f.batches.len()).map(|b| (0..f.leaves.len()).map(|u| self.net(f, s, b, u)).collect()).collect(),
            idle,
            megawatts_used: used.collect(),
            chips,
            gap: s.gap,
        }
    }
}

/// The best use of a fleet, with the worth of one more chip and of one more megawatt.
///
/// # Errors
/// Words from the solver.
pub fn allocate(f: &Fleet) -> Outcome {
    let plan = Plan::new(f);
    Ok(plan.read(f, &solve(&plan.program)?))
}
