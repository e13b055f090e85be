//! The whole program as one linear program, all scenarios at once: the second route.

#![expect(clippy::needless_range_loop, reason = "a period indexes several tables at once")]

use good_lp::{Expression, Solution as _, SolverModel as _, Variable, constraint, microlp, variable, variables};
use secondsource_market::decide::{Program, Risk};

/// The solver wants numbers near 1: chips in hundreds, chip-hours and USD in hundreds of thousands.
const CHIPS: f64 = 1e2;
const HOURS: f64 = 1e5;

/// Least mean + weight x CVaR, and the commitments. With `fixed`, the commitments are given.
pub fn least(p: &Program, risk: Risk, budget: Option<(f64, f64)>, fixed: Option<&[f64]>) -> Option<(f64, Vec<f64>)> {
    let mut q = p.clone();
    q.commitments.iter_mut().for_each(|c| c.most /= CHIPS);
    for s in &mut q.scenarios {
        s.fixed /= HOURS;
        s.commit_cost.iter_mut().chain(&mut s.commit_hours).for_each(|v| *v *= CHIPS / HOURS);
        s.rent_hours.iter_mut().chain(&mut s.work).chain(&mut s.rate).for_each(|v| *v /= HOURS);
    }
    let fixed: Option<Vec<f64>> = fixed.map(|x| x.iter().map(|x| x / CHIPS).collect());
    let (usd, x) = scaled(&q, risk, budget.map(|(level, usd)| (level, usd / HOURS)), fixed.as_deref())?;
    Some((usd * HOURS, x.iter().map(|x| x * CHIPS).collect()))
}

fn scaled(p: &Program, risk: Risk, budget: Option<(f64, f64)>, fixed: Option<&[f64]>) -> Option<(f64, Vec<f64>)> {
    let (t, n) = (p.periods, p.scenarios.len() as f64);
    let mut vars = variables!();
    let x: Vec<Variable> = p.commitments.iter().map(|c| vars.add(variable().min(0.0).max(c.most))).collect();
    let tail_from = vars.add(variable());
    let mut rows = Vec::new();
    let mut mean = Expression::from(0.0);
    let mut tail = Expression::from(tail_from);
    let budget_from = vars.add(variable().min(if budget.is_some() { f64::NEG_INFINITY } else { 0.0 }));
    let mut limit = Expression::from(budget_from);
    if let Some(fixed) = fixed {
        for (x, v) in x.iter().zip(fixed) {
            rows.push(constraint!(*x == *v));
        }
    }
    for s in &p.scenarios {
        let mut cost = Expression::from(s.fixed);
        for (x, c) in x.iter().zip(&s.commit_cost) {
            cost.add_mul(*c, *x);
        }
        // Taken per source and period, served per demand and period, never done per demand.
        let mut supply = vec![Expression::from(0.0); t];
        for (o, x) in x.iter().enumerate() {
            for j in 0..t {
                let y = vars.add(variable().min(0.0));
                rows.push(constraint!(y <= s.commit_hours[o * t + j] * *x));
                supply[j] += y;
            }
        }
        for f in 0..p.rentals.len() {
            for j in 0..t {
                let y = vars.add(variable().min(0.0).max(s.rent_hours[f * t + j].min(1e9)));
                cost.add_mul(s.rent_price[f * t + j], y);
                supply[j] += y;
            }
        }
        let mut need = vec![Expression::from(0.0); t];
        for (k, d) in p.demands.iter().enumerate() {
            let undone = vars.add(variable().min(0.0));
            cost.add_mul(s.drop[k], undone);
            let mut done = Expression::from(undone);
            for (j, need) in need.iter_mut().enumerate().take(d.until).skip(d.from) {
                let q = vars.add(variable().min(0.0).max(s.rate[k * t + j]));
                cost.add_mul(s.late[k * t + j], q);
                done += q;
                *need += q;
            }
            rows.push(constraint!(done == s.work[k]));
        }
        for (supply, need) in supply.into_iter().zip(need) {
            rows.push(constraint!(supply - need == 0.0));
        }
        mean += cost.clone() / n;
        if risk.weight > 0.0 {
            let over = vars.add(variable().min(0.0));
            rows.push(constraint!(cost.clone() - tail_from <= over));
            tail.add_mul(1.0 / (n * (1.0 - risk.level)), over);
        }
        if let Some((level, _)) = budget {
            let over = vars.add(variable().min(0.0));
            rows.push(constraint!(cost - budget_from <= over));
            limit.add_mul(1.0 / (n * (1.0 - level)), over);
        }
    }
    if let Some((_, most)) = budget {
        rows.push(constraint!(limit <= most));
    }
    let objective = if risk.weight > 0.0 { mean + tail * risk.weight } else { mean };
    let mut model = vars.minimise(objective.clone()).using(microlp);
    for row in rows {
        model.add_constraint(row);
    }
    let solved = match model.solve() {
        Ok(solved) => solved,
        Err(good_lp::ResolutionError::Infeasible) => return None,
        Err(e) => panic!("the second solver gave up: {e}"),
    };
    Some((solved.eval(objective), x.iter().map(|x| solved.value(*x)).collect()))
}
