//! Chips come in hosts and racks: from a fractional plan to whole units.

use super::recourse::Ready;
use super::risk::cvar;
use super::solve::{Aim, Together};

/// Scenarios on which moves are judged.
const FEW: usize = 250;

/// At most so many units of a commitment make it coarse: whether to take it at all is then the question, not how much.
const COARSE: f64 = 2.0;

/// The nearest good plan in whole units: rounded up (a plan that is short pays list prices), or one commitment alone where
/// units are as large as the need; then single units and swaps are moved while that helps on the first scenarios. Gives the
/// plan and its risk-weighed cost on all scenarios.
///
/// The result is a local optimum; how far it can be from the best is the difference to the bound of the fractional plan.
pub fn whole(all: &Together<'_, '_>, aim: &Aim, x: &[f64]) -> (Vec<f64>, f64) {
    let few: Vec<Ready<'_>> = all.parts.iter().map(|r| r.first(FEW)).collect();
    let search = Moves::new(Together::new(few.iter().collect()), aim, x);
    let best = search.climb(search.start(x));
    let usd = aim.risk.of(&all.usd(&best));
    (best, usd)
}

struct Moves<'r, 'p, 'a> {
    programs: Together<'r, 'p>,
    aim: &'a Aim,
    units: Vec<f64>,
    cap: Vec<f64>,
    /// Commitments that may be taken: those of the fractional plan, and all that are coarse.
    open: Vec<usize>,
}

impl<'r, 'p, 'a> Moves<'r, 'p, 'a> {
    fn new(programs: Together<'r, 'p>, aim: &'a Aim, x: &[f64]) -> Self {
        let (units, most) = (programs.units(), programs.most());
        let cap: Vec<f64> = (0..x.len()).map(|o| (most[o] / units[o] + 1e-9).floor() * units[o]).collect();
        let open = (0..x.len()).filter(|o| cap[*o] > 0.0 && (x[*o] > 1e-6 * units[*o] || cap[*o] <= COARSE * units[*o])).collect();
        Moves { programs, aim, units, cap, open }
    }

    /// Risk-weighed cost; a plan inside the budget beats any outside it.
    fn value(&self, x: &[f64]) -> f64 {
        let usd = self.programs.usd(x);
        let over = self.aim.budget.map_or(0.0, |(level, most)| (cvar(&usd, level) - most).max(0.0));
        self.aim.risk.of(&usd) + over * 1e3
    }

    fn start(&self, x: &[f64]) -> Vec<f64> {
        let mut rounded = vec![0.0; x.len()];
        for &o in &self.open {
            let exact = x[o] / self.units[o];
            let near = if (exact - exact.round()).abs() < 1e-6 { exact.round() } else { exact.ceil() };
            rounded[o] = (near * self.units[o]).min(self.cap[o]);
        }
        let mut best = (self.value(&rounded), rounded);
        for &o in self.open.iter().filter(|o| self.cap[**o] <= COARSE * self.units[**o]) {
            let mut alone = vec![0.0; x.len()];
            alone[o] = self.cap[o];
            let v = self.value(&alone);
            if v < best.0 {
                best = (v, alone);
            }
        }
        best.1
    }

    /// Moves one unit at a time, or from one commitment to another, as long as that helps.
    fn climb(&self, mut best: Vec<f64>) -> Vec<f64> {
        let mut usd = self.value(&best);
        // Every round improves the plan, so no plan is seen twice; the bound is for safety.
        for _ in 0..64 {
            let mut found: Option<(Vec<f64>, f64)> = None;
            for step in self.steps(&best) {
                let mut y = best.clone();
                for (o, by) in &step {
                    y[*o] += by;
                }
                if step.iter().any(|(o, _)| y[*o] < 0.0 || y[*o] > self.cap[*o]) {
                    continue;
                }
                let v = self.value(&y);
                if v < found.as_ref().map_or(usd, |f| f.1) {
                    found = Some((y, v));
                }
            }
            let Some((y, v)) = found else { break };
            if v >= usd * (1.0 - 1e-9) {
                break;
            }
            (best, usd) = (y, v);
        }
        best
    }

    fn steps(&self, x: &[f64]) -> Vec<Vec<(usize, f64)>> {
        let mut steps = Vec::new();
        for &o in &self.open {
            steps.push(vec![(o, -self.units[o])]);
            steps.push(vec![(o, self.units[o])]);
            // Of many commitments only neighbours are swapped: blocks that begin together are in order of their length.
            let near = |p: &&usize| **p != o && (self.open.len() <= 4 || p.abs_diff(o) <= 1);
            for &other in self.open.iter().filter(near).filter(|_| x[o] > 0.0) {
                steps.push(vec![(o, -self.units[o]), (other, self.units[other])]);
            }
        }
        steps
    }
}
