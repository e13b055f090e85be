//! The seller's plan: which claims get racks in which period, and which offers to accept, so that the value is largest and
//! commitments are kept. A mixed-integer program: an offer is taken whole or not at all.
//!
//! With y(k,t) the racks of claim k delivered by the end of period t, asked a(k,t), committed d(k,t), price p(k), discount
//! f(t) and z(k) in {0, 1} (1 for claims that hold racks):
//!
//! maximise sum of p f(t) (y(t) - y(t-1)) - late p f(t) (a(t) z - y(t)) - broken p f(T) (n z - y(T))
//! with y rising, y(t) <= a(t) z, sum over a chip's claims of chips y(t) <= S(t), and, where commitments are kept,
//! y(t) >= d(t); an offer that is taken is delivered whole: y(T) = n z.

use good_lp::{Expression, ResolutionError, Solution as _, SolverModel as _, Variable, constraint, microlp, variable, variables};
use serde::{Deserialize, Serialize};

/// A claim as the program sees it. Tables are cumulative racks at the end of each period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanClaim {
    pub product: usize,
    pub racks: f64,
    pub chips_per_rack: f64,
    /// Not more than this is taken by then.
    pub asked: Vec<f64>,
    /// At least this was promised by then; all zeros for an offer.
    pub due: Vec<f64>,
    pub usd_per_rack: f64,
    /// Whether racks are held for it; else it is an offer that may be turned down.
    pub held: bool,
}

/// The question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanProblem {
    /// `[product][period]`: cumulative chips.
    pub supply: Vec<Vec<f64>>,
    pub claims: Vec<PlanClaim>,
    /// Worth of a dollar of each period today.
    pub discount: Vec<f64>,
    /// Share of the price that a rack costs for each period that it is late.
    pub late: f64,
    /// Share of the price that a rack costs that was promised and is never delivered.
    pub broken: f64,
    /// Whether slots are kept.
    pub keep: bool,
}

/// An optimum.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    pub value_usd: f64,
    /// `[claim][period]`: racks delivered in the period.
    pub racks: Vec<Vec<f64>>,
    pub taken: Vec<bool>,
}

/// Most claims times periods of one program.
pub const MOST_CELLS: usize = 6000;

/// Solves it; `None` where slots are to be kept and the supply does not allow it.
///
/// # Errors
/// Words for a program that is too large, or that the solver gives up on.
pub fn plan(p: &PlanProblem) -> Result<Option<Planned>, String> {
    let t = p.discount.len();
    if p.claims.len() * t > MOST_CELLS {
        return Err(format!("{} claims over {t} periods are more than this program solves ({MOST_CELLS} cells)", p.claims.len()));
    }
    let sound = |v: &[f64]| v.len() == t && v.iter().all(|x| x.is_finite() && *x >= 0.0);
    let claims = p.claims.iter().all(|c| sound(&c.asked) && sound(&c.due) && c.product < p.supply.len() && c.usd_per_rack >= 0.0);
    if t == 0 || !claims || !p.supply.iter().all(|s| sound(s)) {
        return Err("a table of the plan has the wrong size or a number below zero".to_owned());
    }
    if p.claims.is_empty() {
        return Ok(Some(Planned { value_usd: 0.0, racks: Vec::new(), taken: Vec::new() }));
    }
    // Dollars of one size: prices are millions, racks thousands.
    let size = p.claims.iter().map(|c| c.usd_per_rack * c.racks).fold(0.0, f64::max).max(1.0);
    let chips = p.supply.iter().flatten().copied().fold(1.0, f64::max);
    let mut vars = variables!();
    // Shares of the claim, so that all variables are of one size.
    let y: Vec<Vec<Variable>> = p.claims.iter().map(|_| (0..t).map(|_| vars.add(variable().min(0).max(1))).collect()).collect();
    let z: Vec<Option<Variable>> = p.claims.iter().map(|c| (!c.held).then(|| vars.add(variable().binary()))).collect();
    // What does not depend on the choice is left out; the value is summed up at the end.
    let mut goal = Expression::from(0.0);
    for (k, c) in p.claims.iter().enumerate() {
        let worth = c.usd_per_rack * c.racks / size;
        for (s, y) in y[k].iter().enumerate() {
            let next = if s + 1 < t { p.discount[s + 1] } else { 0.0 };
            // Delivered by s brings f(s), of which the part from s + 1 on would have brought f(s + 1); and it is not late.
            goal += worth * (p.discount[s] - next + p.late * p.discount[s]) * *y;
            if let Some(z) = z[k] {
                goal -= worth * p.late * p.discount[s] * c.asked[s] / c.racks * z;
            }
        }
        if c.held {
            goal += worth * p.broken * p.discount[t - 1] * y[k][t - 1];
        }
    }
    let mut model = vars.maximise(goal).using(microlp);
    for (k, c) in p.claims.iter().enumerate() {
        for s in 0..t {
            if s > 0 {
                model = model.with(constraint!(y[k][s] - y[k][s - 1] >= 0));
            }
            let asked = (c.asked[s] / c.racks).min(1.0);
            model = match z[k] {
                Some(z) => model.with(constraint!(y[k][s] - asked * z <= 0)),
                None => model.with(constraint!(y[k][s] <= asked)),
            };
            if p.keep && c.held && c.due[s] > 0.0 {
                model = model.with(constraint!(y[k][s] >= (c.due[s].min(c.asked[s]) / c.racks).min(asked)));
            }
        }
        if let Some(z) = z[k] {
            model = model.with(constraint!(y[k][t - 1] - z >= 0));
        }
    }
    for (product, supply) in p.supply.iter().enumerate() {
        for (s, there) in supply.iter().enumerate() {
            let of = p.claims.iter().enumerate().filter(|(_, c)| c.product == product);
            let used: Expression = of.map(|(k, c)| (c.racks * c.chips_per_rack / chips) * y[k][s]).sum();
            model = model.with(constraint!(used <= there / chips));
        }
    }
    let solved = match model.solve() {
        Ok(s) => s,
        Err(ResolutionError::Infeasible) => return Ok(None),
        Err(e) => return Err(format!("the solver gives up: {e}")),
    };
    let racks = p.claims.iter().zip(&y).map(|(c, y)| {
        let mut before = 0.0;
        let step = |v: &Variable| {
            let now = (solved.value(*v) * c.racks).clamp(before, c.racks);
            let racks = now - before;
            before = now;
            if racks < 1e-6 * c.racks { 0.0 } else { racks }
        };
        y.iter().map(step).collect::<Vec<f64>>()
    });
    let racks: Vec<Vec<f64>> = racks.collect();
    let taken = z.iter().map(|z| z.is_none_or(|z| solved.value(z) > 0.5)).collect::<Vec<bool>>();
    Ok(Some(Planned { value_usd: value(p, &racks, &taken), racks, taken }))
}

/// What a plan is worth: the sum of the module's formula.
pub fn value(p: &PlanProblem, racks: &[Vec<f64>], taken: &[bool]) -> f64 {
    let mut sum = 0.0;
    for ((c, racks), taken) in p.claims.iter().zip(racks).zip(taken) {
        if !taken {
            continue;
        }
        let mut done = 0.0;
        for (s, f) in p.discount.iter().enumerate() {
            done += racks[s];
            sum += c.usd_per_rack * f * (racks[s] - p.late * (c.asked[s] - done));
        }
        if c.held {
            let end = p.discount.len() - 1;
            sum -= c.usd_per_rack * p.broken * p.discount[end] * (c.asked[end] - done);
        }
    }
    sum
}
