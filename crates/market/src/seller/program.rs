//! Linear programs with exact prices of their resources: maximise c x with A x <= b and x >= 0, all b >= 0.
//!
//! The library gives no duals, so the dual program (minimise b y with A' y >= c, y >= 0) is solved as a program of its own;
//! the two optima must agree, which proves both.

use good_lp::{Expression, ResolutionError, Solution as _, SolverModel as _, constraint, microlp, variable, variables};

/// One resource: what each activity takes of it, and how much there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// (activity, amount a unit of it takes), by rising activity.
    pub takes: Vec<(usize, f64)>,
    pub there: f64,
}

/// Maximise `gains` x under `rows`.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub gains: Vec<f64>,
    pub rows: Vec<Row>,
}

/// An optimum.
#[derive(Debug, Clone, PartialEq)]
pub struct Solved {
    pub value: f64,
    pub x: Vec<f64>,
    /// Worth of one more unit of each row's resource. Where the optimum has several such prices this is one of them.
    pub prices: Vec<f64>,
    /// Dual optimum minus primal optimum over their size: 0 but for rounding.
    pub gap: f64,
}

/// Solves a program and its dual.
///
/// # Errors
/// Words for a program that has no bound, or that the solver gives up on.
pub fn solve(p: &Program) -> Result<Solved, String> {
    let words = |e: &ResolutionError| match e {
        ResolutionError::Unbounded => "the program has no bound".to_owned(),
        ResolutionError::Infeasible => "the program has no solution".to_owned(),
        other => format!("the solver gives up: {other}"),
    };
    if p.gains.is_empty() {
        return Ok(Solved { value: 0.0, x: Vec::new(), prices: vec![0.0; p.rows.len()], gap: 0.0 });
    }
    // Numbers of one size: gains of dollars per chip and resources of millions of chips differ by 1e9 otherwise.
    let size = |v: &mut dyn Iterator<Item = f64>| v.map(f64::abs).fold(0.0, f64::max).max(1e-300);
    let gain_size = size(&mut p.gains.iter().copied());
    let there_size = size(&mut p.rows.iter().map(|r| r.there));

    let mut vars = variables!();
    let x: Vec<_> = p.gains.iter().map(|_| vars.add(variable().min(0))).collect();
    let goal: Expression = x.iter().zip(&p.gains).map(|(v, g)| (g / gain_size) * *v).sum();
    let mut model = vars.maximise(goal).using(microlp);
    for row in &p.rows {
        let taken: Expression = row.takes.iter().map(|(j, a)| *a * x[*j]).sum();
        model = model.with(constraint!(taken <= row.there / there_size));
    }
    let primal = model.solve().map_err(|e| words(&e))?;
    let x: Vec<f64> = x.iter().map(|v| primal.value(*v).max(0.0) * there_size).collect();
    let value: f64 = x.iter().zip(&p.gains).map(|(x, g)| x * g).sum();

    let mut vars = variables!();
    let y: Vec<_> = p.rows.iter().map(|_| vars.add(variable().min(0))).collect();
    let goal: Expression = y.iter().zip(&p.rows).map(|(v, r)| (r.there / there_size) * *v).sum();
    let mut columns: Vec<Expression> = p.gains.iter().map(|_| Expression::from(0.0)).collect();
    for (v, row) in y.iter().zip(&p.rows) {
        for (j, a) in &row.takes {
            columns[*j] += *a * *v;
        }
    }
    let mut model = vars.minimise(goal).using(microlp);
    for (column, gain) in columns.into_iter().zip(&p.gains) {
        model = model.with(constraint!(column >= gain / gain_size));
    }
    let dual = model.solve().map_err(|e| words(&e))?;
    let prices: Vec<f64> = y.iter().map(|v| dual.value(*v).max(0.0) * gain_size).collect();
    let bound: f64 = prices.iter().zip(&p.rows).map(|(y, r)| y * r.there).sum();
    Ok(Solved { value, x, prices, gap: (bound - value) / value.abs().max(bound.abs()).max(1e-12) })
}
