//! The first stage by cutting planes (Van Slyke and Wets 1969, "L-shaped"): the cost of a scenario is convex in the
//! commitments, so each evaluation gives a plane below the objective, and a small linear program over the planes
//! gives the next commitments and a lower bound.

use super::recourse::{Costs, Ready};
use super::risk::{Risk, cvar, tail_weights};
use good_lp::{Expression, ResolutionError, Solution as _, SolverModel as _, constraint, microlp, variable, variables};

/// What is asked of a solution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    pub risk: Risk,
    /// CVaR of the cost at this level may not pass this many USD.
    pub budget: Option<(f64, f64)>,
    /// Stop when upper and lower bound are this close, as a share of the cost.
    pub gap: f64,
    pub most_cuts: usize,
}

impl Aim {
    /// Expected cost, to a ten-thousandth.
    pub const MEAN: Aim = Aim { risk: Risk::MEAN, budget: None, gap: 1e-4, most_cuts: 400 };
}

/// Commitments, and how good they are known to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Chips per commitment, program after program.
    pub x: Vec<f64>,
    /// Risk-weighed cost of `x`, USD.
    pub usd: f64,
    /// No commitments cost less than this.
    pub bound: f64,
    pub cuts: usize,
    /// False when no commitments keep the budget: then `x` has the least CVaR that was found.
    pub within_budget: bool,
}

/// Programs that are decided together: their costs add up scenario by scenario.
#[derive(Debug, Clone)]
pub struct Together<'r, 'p> {
    pub parts: Vec<&'r Ready<'p>>,
}

impl<'r, 'p> Together<'r, 'p> {
    pub fn new(parts: Vec<&'r Ready<'p>>) -> Together<'r, 'p> {
        Together { parts }
    }

    /// Most chips per commitment.
    pub fn most(&self) -> Vec<f64> {
        self.parts.iter().flat_map(|r| r.program.commitments.iter().map(|c| c.most)).collect()
    }

    pub fn units(&self) -> Vec<f64> {
        self.parts.iter().flat_map(|r| r.program.commitments.iter().map(|c| c.unit)).collect()
    }

    /// Costs and slopes of every scenario, over all programs.
    pub fn costs(&self, x: &[f64]) -> Costs {
        let wide: usize = self.parts.iter().map(|r| r.program.commitments.len()).sum();
        let scenarios = self.parts.first().map_or(0, |r| r.scenarios());
        let mut all = Costs { usd: vec![0.0; scenarios], slope: vec![0.0; scenarios * wide] };
        let mut from = 0;
        for r in &self.parts {
            let n = r.program.commitments.len();
            let part = r.costs(&x[from..from + n]);
            for (s, usd) in part.usd.iter().enumerate() {
                all.usd[s] += usd;
                all.slope[s * wide + from..s * wide + from + n].copy_from_slice(&part.slope[s * n..(s + 1) * n]);
            }
            from += n;
        }
        all
    }

    /// Costs of every scenario.
    pub fn usd(&self, x: &[f64]) -> Vec<f64> {
        self.costs(x).usd
    }
}

/// A plane: value + sum of slope x (x - at).
struct Cut {
    constant: f64,
    slope: Vec<f64>,
}

impl Cut {
    fn new(costs: &Costs, weights: &[f64], x: &[f64]) -> Cut {
        let n = x.len();
        let mut slope = vec![0.0; n];
        let mut value = 0.0;
        for (s, w) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
            value += w * costs.usd[s];
            for (o, g) in slope.iter_mut().enumerate() {
                *g += w * costs.slope[s * n + o];
            }
        }
        let at: f64 = slope.iter().zip(x).map(|(g, x)| g * x).sum();
        Cut { constant: value - at, slope }
    }
}

/// The commitments of least risk-weighed cost; `allowed` says which may be used at all.
pub fn solve(programs: &Together<'_, '_>, aim: &Aim, allowed: &dyn Fn(usize) -> bool) -> Solution {
    let most: Vec<f64> = programs.most().iter().enumerate().map(|(o, m)| if allowed(o) { *m } else { 0.0 }).collect();
    let free: Vec<usize> = (0..most.len()).filter(|o| most[*o] > 0.0).collect();
    let mut search = Search::new(programs, aim, &most);
    let mut x = vec![0.0; most.len()];
    for _ in 0..aim.most_cuts {
        search.look(&x);
        if free.is_empty() {
            search.bound = search.best.1;
            break;
        }
        let (next, bound) = match search.master(&free) {
            Ok(found) => found,
            // The planes of the budget leave nothing; or the solver of the master gave up, and the gap says so.
            Err(_) => break,
        };
        search.bound = search.bound.max(bound);
        if search.done() {
            break;
        }
        // Between the master's point and the best one seen: fewer swings from corner to corner (Ben-Ameur and Neto 2007).
        x = match search.cuts.len() {
            1 => next,
            _ => next.iter().zip(&search.best.0).map(|(a, b)| 0.5 * a + 0.5 * b).collect(),
        };
    }
    search.finish()
}

struct Search<'s, 'r, 'p> {
    programs: &'s Together<'r, 'p>,
    aim: &'s Aim,
    most: &'s [f64],
    cuts: Vec<Cut>,
    /// Planes below the CVaR that the budget limits.
    limits: Vec<Cut>,
    best: (Vec<f64>, f64),
    /// Least CVaR seen, for the case that no commitments keep the budget.
    least: (Vec<f64>, f64),
    feasible: bool,
    bound: f64,
    scale: f64,
}

impl<'s, 'r, 'p> Search<'s, 'r, 'p> {
    fn new(programs: &'s Together<'r, 'p>, aim: &'s Aim, most: &'s [f64]) -> Self {
        let nothing = vec![0.0; most.len()];
        Search {
            programs,
            aim,
            most,
            cuts: Vec::new(),
            limits: Vec::new(),
            best: (nothing.clone(), f64::INFINITY),
            least: (nothing, f64::INFINITY),
            feasible: false,
            bound: f64::NEG_INFINITY,
            scale: 1.0,
        }
    }

    /// Evaluates a point and keeps its planes.
    fn look(&mut self, x: &[f64]) {
        let costs = self.programs.costs(x);
        let value = self.aim.risk.of(&costs.usd);
        if self.cuts.is_empty() {
            self.scale = value.abs().max(1.0);
        }
        self.cuts.push(Cut::new(&costs, &self.aim.risk.weights(&costs.usd), x));
        let mut inside = true;
        if let Some((level, most)) = self.aim.budget {
            let tail = cvar(&costs.usd, level);
            inside = tail <= most * (1.0 + 1e-9);
            self.limits.push(Cut::new(&costs, &tail_weights(&costs.usd, level), x));
            if tail < self.least.1 {
                self.least = (x.to_vec(), tail);
            }
        }
        if inside && value < self.best.1 {
            self.best = (x.to_vec(), value);
            self.feasible = true;
        } else if !self.feasible && self.best.1 == f64::INFINITY {
            self.best.0 = x.to_vec();
        }
    }

    fn done(&self) -> bool {
        self.feasible && self.best.1 - self.bound <= self.aim.gap * self.best.1.abs().max(1.0)
    }

    /// The least of the highest plane, as (commitments, value).
    fn master(&self, free: &[usize]) -> Result<(Vec<f64>, f64), ResolutionError> {
        let mut vars = variables!();
        let z: Vec<_> = free.iter().map(|_| vars.add(variable().min(0.0).max(1.0))).collect();
        let top = vars.add(variable());
        let mut model = vars.minimise(top).using(microlp);
        let plane = |cut: &Cut| -> Expression {
            let mut e = Expression::from(cut.constant / self.scale);
            for (z, o) in z.iter().zip(free) {
                e.add_mul(cut.slope[*o] * self.most[*o] / self.scale, *z);
            }
            e
        };
        for cut in &self.cuts {
            model.add_constraint(constraint!(plane(cut) <= top));
        }
        if let Some((_, most)) = self.aim.budget {
            for cut in &self.limits {
                model.add_constraint(constraint!(plane(cut) <= most / self.scale));
            }
        }
        let solved = model.solve()?;
        let mut x = vec![0.0; self.most.len()];
        for (z, o) in z.iter().zip(free) {
            x[*o] = solved.value(*z).clamp(0.0, 1.0) * self.most[*o];
        }
        Ok((x, solved.value(top) * self.scale))
    }

    fn finish(self) -> Solution {
        let (x, usd) = if self.feasible {
            self.best
        } else {
            let usd = self.aim.risk.of(&self.programs.usd(&self.least.0));
            (self.least.0, usd)
        };
        Solution { x, usd, bound: self.bound.min(usd), cuts: self.cuts.len(), within_budget: self.feasible }
    }
}
