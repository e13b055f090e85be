//! What one more wafer, package or gigabit is worth: the prices of a linear program over one quarter.
//!
//! ```text
//! maximise sum_p value_p units_p    under    sum_p need_lp units_p <= capacity_l,    0 <= units_p <= orders_p
//! ```

use serde::Serialize;

use crate::seller::{Program, Row, solve};

/// One quarter's program. Rows of `needs` are products, columns lines, per good unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarter {
    /// USD per unit, by product.
    pub value: Vec<f64>,
    pub orders: Vec<f64>,
    pub capacity: Vec<f64>,
    pub needs: Vec<Vec<(usize, f64)>>,
}

/// What a quarter's lines are worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worth {
    pub value_usd: f64,
    /// USD for one more of each line's capacity.
    pub lines: Vec<f64>,
    /// Units of each product in the best plan.
    pub units: Vec<f64>,
    /// Relative difference of primal and dual optimum.
    pub gap: f64,
}

/// Solves a quarter with the library's primal and dual.
///
/// # Errors
/// Words of the solver.
pub fn worth(q: &Quarter) -> Result<Worth, String> {
    let products = q.value.len();
    let mut rows: Vec<Row> = q
        .capacity
        .iter()
        .enumerate()
        .map(|(l, there)| {
            let takes = (0..products).filter_map(|p| q.needs[p].iter().find(|(k, _)| *k == l).map(|(_, a)| (p, *a))).collect();
            Row { takes, there: *there }
        })
        .collect();
    rows.extend(q.orders.iter().enumerate().map(|(p, o)| Row { takes: vec![(p, 1.0)], there: *o }));
    // A row of each resource in its own size: orders of millions stand beside billions of gigabits.
    let scales: Vec<f64> = rows.iter().map(|r| r.there.max(1e-9)).collect();
    for (row, scale) in rows.iter_mut().zip(&scales) {
        row.there = if row.there > 0.0 { 1.0 } else { 0.0 };
        for (p, a) in &mut row.takes {
            *a *= q.orders[*p].max(1e-9) / scale;
        }
    }
    let gains = q.value.iter().zip(&q.orders).map(|(v, o)| v * o.max(1e-9)).collect();
    let solved = solve(&Program { gains, rows })?;
    let lines = solved.prices.iter().zip(&scales).take(q.capacity.len()).map(|(p, s)| p / s).collect();
    let units = solved.x.iter().zip(&q.orders).map(|(x, o)| x * o).collect();
    Ok(Worth { value_usd: solved.value, lines, units, gap: solved.gap })
}
