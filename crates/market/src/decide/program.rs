//! The two-stage program as plain data.
//!
//! First stage, before anything is known: how many chips to commit to under each commitment (`x`). Second stage, in
//! each scenario: which chip-hours each demand takes in each period, what is rented on top, and what comes late.
//!
//! ```text
//! C_s(x) = fixed_s + sum_o x_o cost_so
//!        + min  sum price_ft rented_ft + sum late_kt q_kt + sum drop_k u_k
//!          s.t. sum_t q_kt + u_k = work_k                for every demand k
//!               0 <= q_kt <= rate_kt                     for every demand and period
//!               sum_k q_kt <= sum_o x_o hours_ot + sum_f rented_ft    for every period
//!               0 <= rented_ft <= hours_ft               for every rental and period
//! ```
//!
//! Committed hours are paid whether they are used or not, and nothing besides.
//!
//! Never here: systems, contracts, dates. Whoever builds a program has turned them into these numbers.

use serde::{Deserialize, Serialize};

/// A commitment that is made before anything is known: chips for a time, at a price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commitment {
    pub name: String,
    /// Chips come in multiples of this.
    pub unit: f64,
    /// Most chips.
    pub most: f64,
}

/// Something that needs chip-hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    pub name: String,
    /// First period in which it can run, and the one after the last.
    pub from: usize,
    pub until: usize,
}

/// What one scenario says. Tables over periods are row by row: `[row * periods + period]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// USD, whatever is decided.
    pub fixed: f64,
    /// USD per chip committed, per commitment.
    pub commit_cost: Vec<f64>,
    /// Chip-hours that a committed chip delivers in a period.
    pub commit_hours: Vec<f64>,
    /// USD per delivered chip-hour of each rental.
    pub rent_price: Vec<f64>,
    /// Chip-hours to be had; may be infinite.
    pub rent_hours: Vec<f64>,
    /// Chip-hours of each demand.
    pub work: Vec<f64>,
    /// Most chip-hours that a demand can use in a period.
    pub rate: Vec<f64>,
    /// USD per chip-hour done in a period, for being late.
    pub late: Vec<f64>,
    /// USD per chip-hour never done, per demand.
    pub drop: Vec<f64>,
}

/// Commitments, rentals and demands of one system, over all scenarios (which are equally likely).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    pub periods: usize,
    pub commitments: Vec<Commitment>,
    /// Names of the rentals.
    pub rentals: Vec<String>,
    pub demands: Vec<Demand>,
    pub scenarios: Vec<Scenario>,
}

impl Program {
    /// Whether all tables have the sizes that the heads promise, and all numbers are usable. The reason if not.
    pub fn check(&self) -> Result<(), String> {
        let (t, o, r, k) = (self.periods, self.commitments.len(), self.rentals.len(), self.demands.len());
        if t == 0 || k == 0 || self.scenarios.is_empty() {
            return Err("a program needs a period, a demand and a scenario".to_owned());
        }
        if self.demands.iter().any(|d| d.from >= d.until || d.until > t) {
            return Err("a demand has no period to run in".to_owned());
        }
        if self.commitments.iter().any(|c| !(c.unit > 0.0 && c.most >= 0.0 && c.most.is_finite())) {
            return Err("a commitment needs a positive unit and a finite most".to_owned());
        }
        for s in &self.scenarios {
            let tables = [
                (&s.commit_cost, o, false),
                (&s.commit_hours, o * t, true),
                (&s.rent_price, r * t, true),
                (&s.work, k, true),
                (&s.rate, k * t, true),
                (&s.late, k * t, true),
                (&s.drop, k, true),
            ];
            let good = |v: &Vec<f64>, n: usize, positive: bool| v.len() == n && v.iter().all(|x| x.is_finite() && (!positive || *x >= 0.0));
            if !s.fixed.is_finite() || tables.iter().any(|(v, n, p)| !good(v, *n, *p)) {
                return Err("a table of a scenario has the wrong size, or a number that is negative or not finite".to_owned());
            }
            if s.rent_hours.len() != r * t || s.rent_hours.iter().any(|h| h.is_nan() || *h < 0.0) {
                return Err("`rent_hours` has the wrong size or a negative number".to_owned());
            }
        }
        Ok(())
    }

    /// The same program over other scenarios.
    pub fn over(&self, scenarios: Vec<Scenario>) -> Program {
        Program { scenarios, ..self.heads() }
    }

    /// The program without scenarios.
    pub fn heads(&self) -> Program {
        Program {
            periods: self.periods,
            commitments: self.commitments.clone(),
            rentals: self.rentals.clone(),
            demands: self.demands.clone(),
            scenarios: Vec::new(),
        }
    }

    /// The scenario of all means: what a plan on averages would look at.
    pub fn mean(&self) -> Scenario {
        let n = self.scenarios.len().max(1) as f64;
        let mean = |of: &dyn Fn(&Scenario) -> &[f64]| -> Vec<f64> {
            let mut sum = of(&self.scenarios[0]).to_vec();
            for s in &self.scenarios[1..] {
                for (a, b) in sum.iter_mut().zip(of(s)) {
                    *a += b;
                }
            }
            sum.iter_mut().for_each(|a| *a /= n);
            sum
        };
        Scenario {
            fixed: self.scenarios.iter().map(|s| s.fixed).sum::<f64>() / n,
            commit_cost: mean(&|s| &s.commit_cost),
            commit_hours: mean(&|s| &s.commit_hours),
            rent_price: mean(&|s| &s.rent_price),
            rent_hours: mean(&|s| &s.rent_hours),
            work: mean(&|s| &s.work),
            rate: mean(&|s| &s.rate),
            late: mean(&|s| &s.late),
            drop: mean(&|s| &s.drop),
        }
    }
}
