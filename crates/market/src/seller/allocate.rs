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
    /// Chips that nobody takes at a gain.
    pub idle: Vec<f64>,
    pub megawatts_used: Vec<f64>,
    /// Dual minus primal optimum over their size.
    pub gap: f64,
}

/// The program of a fleet, and where its rows stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub program: Program,
    /// (batch, use) of each activity.
    pub activities: Vec<(usize, usize)>,
    pub chip_rows: std::ops::Range<usize>,
    pub megawatt_rows: std::ops::Range<usize>,
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
        let pick = |takes: &dyn Fn(&Batch, usize) -> f64| -> Vec<(usize, f64)> {
            let all = activities.iter().enumerate().map(|(j, (b, u))| (j, takes(&f.batches[*b], *u)));
            all.filter(|(_, a)| *a != 0.0).collect()
        };
        let mut rows = Vec::new();
        for (b, batch) in f.batches.iter().enumerate() {
            let takes = activities.iter().enumerate().filter(|(_, (k, _))| *k == b).map(|(j, _)| (j, 1.0)).collect();
            rows.push(Row { takes, there: batch.count });
        }
        let chip_rows = 0..rows.len();
        for (q, megawatts) in f.megawatts.iter().enumerate() {
            let takes = pick(&|batch, u| if batch.quarter <= q && !f.leaves[u] { batch.kw / 1e3 } else { 0.0 });
            rows.push(Row { takes, there: *megawatts });
        }
        let megawatt_rows = chip_rows.end..rows.len();
        for q in 0..quarters {
            for (u, limit) in f.demand.uses.iter().enumerate() {
                let Some(there) = limit.as_ref().and_then(|l| l.get(q)) else { continue };
                let takes = pick(&|batch, v| {
                    let counts = if f.leaves[u] { batch.quarter == q } else { batch.quarter <= q };
                    f64::from(u8::from(u == v && counts))
                });
                rows.push(Row { takes, there: *there });
            }
            if let Some(there) = f.demand.in_service.as_ref().and_then(|l| l.get(q)) {
                let takes = pick(&|batch, u| {
                    if batch.quarter > q {
                        0.0
                    } else if f.leaves[u] {
                        f.demand.kappa
                    } else {
                        1.0
                    }
                });
                rows.push(Row { takes, there: *there });
            }
        }
        rows.iter_mut().for_each(|r| r.there = r.there.max(0.0));
        Plan { program: Program { gains, rows }, activities, chip_rows, megawatt_rows }
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
            chip_prices: s.prices[self.chip_rows.clone()].to_vec(),
            megawatt_prices: s.prices[self.megawatt_rows.clone()].to_vec(),
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
