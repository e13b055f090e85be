//! Trying plans: which system for which job, which commitments, judged on all scenarios.

use super::build::{Built, Shop};
use super::factors::{Draws, Held};
use super::job::{Way, Work};
use super::outcome::{Summary, outcomes, summary};
use secondsource_market::decide::{Aim, Ready, Risk, Together, Use, solve, units};
use std::ops::Range as Span;

/// A plan: sites of the tasks and the ways to pay that it may use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    /// Site of each task.
    pub sites: Vec<usize>,
    pub ways: Vec<Way>,
}

/// A plan with its commitments and what it comes to.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub choice: Choice,
    /// With the mean scenario alone.
    pub parts: Vec<Built>,
    /// Chips per commitment, part after part, in whole units.
    pub x: Vec<f64>,
    /// Risk-weighed cost in the program, of the whole units, of the best fraction, and the lower bound.
    pub usd: f64,
    pub fractional: f64,
    pub bound: f64,
    /// USD a month of lateness that the deadlines ask for, per task.
    pub strict: Vec<f64>,
    pub summary: Summary,
}

impl Shop<'_> {
    /// The sites of a choice with their tasks.
    fn parts(&self, sites: &[usize]) -> Vec<(usize, Vec<usize>)> {
        // A task without a site is left out.
        let mut order: Vec<usize> = sites.iter().copied().filter(|s| *s < self.world.sites.len()).collect();
        order.sort_unstable();
        order.dedup();
        order.into_iter().map(|s| (s, (0..sites.len()).filter(|t| sites[*t] == s).collect())).collect()
    }

    pub fn programs(&self, choice: &Choice, draws: &Draws, span: Span<usize>, held: Held) -> Vec<Built> {
        self.parts(&choice.sites)
            .into_iter()
            .map(|(site, tasks)| self.build(site, &tasks, draws, span.clone(), held, &choice.ways))
            .collect()
    }

    fn aim(&self) -> Aim {
        let job = self.world.job;
        Aim {
            risk: Risk { level: job.cvar_level, weight: job.cvar_weight },
            budget: job.budget_usd.map(|b| (job.budget_sure, b)),
            ..Aim::MEAN
        }
    }

    /// A choice on some scenarios: for comparing many.
    pub fn quick(&self, choice: &Choice, draws: &Draws, span: Span<usize>, held: Held) -> Quick {
        let parts = self.programs(choice, draws, span, held);
        let ready: Vec<Ready<'_>> = parts.iter().map(|p| Ready::new(&p.program)).collect();
        let aim = Aim { budget: None, gap: 1e-3, most_cuts: 60, ..self.aim() };
        let together = Together::new(ready.iter().collect());
        let plan = solve(&together, &aim, &|_| true);
        // Where a unit is a whole job, fractions mislead; of many small units they do not.
        let coarse = parts.iter().flat_map(|p| &p.program.commitments).any(|c| c.most > 0.0 && c.most <= 2.0 * c.unit);
        let (x, usd) = if coarse { units::whole(&together, &aim, &plan.x) } else { (plan.x, plan.usd) };
        let outcomes = outcomes(self, &parts, &x, &uses(&ready, &x));
        let summary = summary(self, &outcomes);
        Quick { usd, lead: lead(&summary), summary }
    }

    /// The best commitments of a choice on all scenarios.
    fn attempt(&self, choice: &Choice, draws: &Draws) -> Tried {
        let parts = self.programs(choice, draws, 0..draws.scenarios, None);
        let ready: Vec<Ready<'_>> = parts.iter().map(|p| Ready::new(&p.program)).collect();
        let together = Together::new(ready.iter().collect());
        let mut aim = self.aim();
        let mut plan = solve(&together, &aim, &|_| true);
        if !plan.within_budget {
            // The budget is of bills alone; the program counts time as well. What the plan comes to says whether it is kept.
            aim.budget = None;
            plan = solve(&together, &aim, &|_| true);
        }
        let (x, usd) = units::whole(&together, &aim, &plan.x);
        let outcomes = outcomes(self, &parts, &x, &uses(&ready, &x));
        let summary = summary(self, &outcomes);
        drop(ready);
        // Many plans are tried: only the mean scenario of each is kept.
        let parts = parts.into_iter().map(|p| Built { program: p.program.over(vec![p.program.mean()]), ..p }).collect();
        Tried { choice: choice.clone(), parts, x, usd, fractional: plan.usd, bound: plan.bound, strict: self.strict.clone(), summary }
    }

    /// The best commitments of a choice, with lateness made dear enough that the deadlines are met as surely as asked for,
    /// if that is possible at all: the price of a month of lateness rises until it is, or until it helps no more.
    pub fn plan(&self, choice: &Choice, draws: &Draws) -> Tried {
        let mut strict = Shop { strict: vec![0.0; self.world.job.tasks.len()], ..self.clone() };
        let mut best = strict.attempt(choice, draws);
        let late = self.late(&best.summary);
        if late.is_empty() {
            return best;
        }
        let spans: Vec<f64> = self.world.job.tasks.iter().map(|t| t.deadline.map_or(1.0, |d| d - t.earliest)).collect();
        let scale = best.summary.bills_mean.abs().max(1.0);
        for times in [1.0, 4.0, 16.0, 64.0] {
            for t in &late {
                strict.strict[*t] = times * scale / spans[*t].max(0.1);
            }
            let next = strict.attempt(choice, draws);
            if shortfall(self, &next.summary) < shortfall(self, &best.summary) - 1e-12 {
                best = next;
            }
            if self.late(&best.summary).is_empty() {
                break;
            }
        }
        best
    }

    /// Runs whose deadline is not met as surely as asked for.
    fn late(&self, s: &Summary) -> Vec<usize> {
        let tasks = self.world.job.tasks.iter().enumerate();
        let run = tasks.filter(|(_, t)| t.deadline.is_some() && matches!(t.work, Work::Run { .. }));
        run.filter(|(i, t)| s.met[*i] < t.deadline_sure).map(|(i, _)| i).collect()
    }

    /// Risk-weighed cost of what a plan comes to: bills, time and undone work.
    pub fn worth(&self, s: &Summary) -> f64 {
        s.total_mean + self.world.job.cvar_weight * s.total_cvar
    }

    /// How far a plan is from its limits; 0 when it keeps them.
    pub fn misses(&self, s: &Summary) -> f64 {
        let over = self.world.job.budget_usd.map_or(0.0, |b| (s.bills_cvar / b - 1.0).max(0.0));
        shortfall(self, s) + over
    }

    /// What plans are ordered by: how many percent they are from their limits, then cost.
    pub fn rank(&self, s: &Summary) -> (f64, f64) {
        ((self.misses(s) * 100.0 - 1e-6).ceil().max(0.0), self.worth(s))
    }

    /// Whether the first of two plans is the better one: nearer to the limits by a percent, else cheaper.
    pub fn better(&self, a: &Summary, b: &Summary) -> bool {
        self.rank(a) < self.rank(b)
    }
}

/// Sum over deadlines of how much surer they should be met.
fn shortfall(shop: &Shop<'_>, s: &Summary) -> f64 {
    let tasks = shop.world.job.tasks.iter().enumerate().filter(|(_, t)| t.deadline.is_some() && matches!(t.work, Work::Run { .. }));
    tasks.map(|(i, t)| (t.deadline_sure - s.met[i]).max(0.0)).sum()
}

/// A choice on few scenarios.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    /// Risk-weighed cost in the program.
    pub usd: f64,
    pub lead: Way,
    pub summary: Summary,
}

/// The way to pay with the most chip-hours.
pub(super) fn lead(s: &Summary) -> Way {
    let most = (0..7).max_by(|a, b| s.hours_by_way[*a].total_cmp(&s.hours_by_way[*b]).then(b.cmp(a)));
    Way::ALL[most.unwrap_or(0)]
}

/// Second stages of all parts of a plan.
fn uses(ready: &[Ready<'_>], x: &[f64]) -> Vec<Vec<Use>> {
    let mut from = 0;
    let of = |r: &Ready<'_>| {
        let n = r.program.commitments.len();
        from += n;
        r.uses(&x[from - n..from])
    };
    ready.iter().map(of).collect()
}
