//! What a plan comes to in every scenario: bills, when each job ends, what is never done.

use super::build::{Built, Shop};
use super::job::{Way, Work};
use secondsource_market::decide::Use;
use secondsource_market::decide::risk::{cvar, mean, quantile};

/// One scenario. USD are present values.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    /// What is paid for chips, less what machines fetch at the end.
    pub bills: f64,
    /// What the time until the ends of the jobs costs, by the file's value of a month.
    pub time: f64,
    /// What work that is never done is charged.
    pub undone: f64,
    /// Month in which each run ends (infinite: not within the horizon); for steady work the share of it that is done.
    pub end: Vec<f64>,
    /// Bills by way to pay, in the order of [`Way::ALL`].
    pub by_way: [f64; 7],
    /// Chip-hours used by way.
    pub hours_by_way: [f64; 7],
    /// Committed chip-hours that nothing uses.
    pub idle_hours: f64,
}

impl Outcome {
    pub fn total(&self) -> f64 {
        self.bills + self.time + self.undone
    }
}

fn place(way: Way) -> usize {
    Way::ALL.iter().position(|w| *w == way).unwrap_or(0)
}

/// Outcomes of the programs of one plan: `uses[part][scenario]`, `x` part after part.
pub(super) fn outcomes(shop: &Shop<'_>, parts: &[Built], x: &[f64], uses: &[Vec<Use>]) -> Vec<Outcome> {
    let scenarios = parts.first().map_or(0, |p| p.program.scenarios.len());
    let tasks = shop.world.job.tasks.len();
    let mut out = vec![Outcome { end: vec![1.0; tasks], ..Outcome::default() }; scenarios];
    let mut from = 0;
    for (part, uses) in parts.iter().zip(uses) {
        let n = part.program.commitments.len();
        let x = &x[from..from + n];
        from += n;
        for (s, (o, used)) in out.iter_mut().zip(uses).enumerate() {
            one(shop, part, x, s, used, o);
        }
    }
    out
}

fn one(shop: &Shop<'_>, part: &Built, x: &[f64], scenario: usize, used: &Use, out: &mut Outcome) {
    let (p, t) = (&part.program, part.program.periods);
    let s = &p.scenarios[scenario];
    for (o, b) in part.bought.iter().enumerate() {
        let hours: f64 = if x[o] > 0.0 { used.of_commitment(p, s, x, o).iter().sum() } else { 0.0 };
        let to_be_had: f64 = s.commit_hours[o * t..(o + 1) * t].iter().sum::<f64>() * x[o];
        let usd = s.commit_cost[o] * x[o];
        out.bills += usd;
        out.by_way[place(b.way)] += usd;
        out.hours_by_way[place(b.way)] += hours;
        out.idle_hours += (to_be_had - hours).max(0.0);
    }
    for (f, (way, _)) in part.rented.iter().enumerate() {
        for j in 0..t {
            let q = used.rented[f * t + j];
            let usd = q * s.rent_price[f * t + j];
            out.bills += usd;
            out.by_way[place(*way)] += usd;
            out.hours_by_way[place(*way)] += q;
        }
    }
    let span = shop.period.months();
    // Steady work: done and asked over all months of a task.
    let mut steady: Vec<(f64, f64)> = vec![(0.0, 0.0); shop.world.job.tasks.len()];
    for (k, a) in part.asked.iter().enumerate() {
        let task = &shop.world.job.tasks[a.task];
        out.undone += used.dropped[k] * s.drop[k];
        let served = &used.served[k * t..(k + 1) * t];
        match task.work {
            Work::Run { .. } => {
                let dust = 1e-9 * s.work[k];
                let last = (0..t).rev().find(|j| served[*j] > dust);
                let end = match last {
                    Some(j) if used.dropped[k] <= 1e-6 * s.work[k] => {
                        // In its last period a run works from the period's beginning at its full rate.
                        let full = s.rate[k * t + j].max(f64::MIN_POSITIVE);
                        shop.start(j).max(task.earliest) + span.min(span * served[j] / full * part_of(shop, j, task.earliest))
                    }
                    _ => f64::INFINITY,
                };
                out.end[a.task] = end;
                let until = if end.is_finite() { end } else { shop.world.horizon };
                let deadline = task.deadline.unwrap_or(f64::INFINITY);
                out.time += task.value_per_month.unwrap_or(0.0) * (until - task.earliest).max(0.0)
                    + task.late_per_month * (until - deadline).max(0.0);
            }
            Work::Steady { .. } => {
                out.time += served.iter().zip(&s.late[k * t..(k + 1) * t]).map(|(q, c)| q * c).sum::<f64>();
                steady[a.task].0 += s.work[k] - used.dropped[k];
                steady[a.task].1 += s.work[k];
            }
        }
    }
    for (task, (done, asked)) in steady.into_iter().enumerate() {
        if asked > 0.0 {
            out.end[task] = done / asked;
        }
    }
}

/// Share of a period that lies after `from`, months.
fn part_of(shop: &Shop<'_>, period: usize, from: f64) -> f64 {
    let (a, b) = (shop.start(period), shop.start(period + 1));
    ((b - from.max(a)) / (b - a)).clamp(0.0, 1.0)
}

/// Figures over all scenarios.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    pub bills: [f64; 3],
    pub bills_mean: f64,
    pub total: [f64; 3],
    pub total_mean: f64,
    pub total_cvar: f64,
    pub bills_cvar: f64,
    /// Per task: months at which runs end; shares for steady work.
    pub end: Vec<[f64; 3]>,
    /// Per task: share of scenarios that meet the deadline; of steady work, the mean share that is done.
    pub met: Vec<f64>,
    /// Share of scenarios within the budget.
    pub within_budget: Option<f64>,
    pub by_way: [f64; 7],
    pub hours_by_way: [f64; 7],
    pub idle_share: f64,
}

pub(super) fn summary(shop: &Shop<'_>, all: &[Outcome]) -> Summary {
    let job = shop.world.job;
    let of = |f: &dyn Fn(&Outcome) -> f64| -> Vec<f64> { all.iter().map(f).collect() };
    let three = |v: &[f64]| [0.05, 0.5, 0.95].map(|p| quantile(v, p));
    let (bills, total) = (of(&|o| o.bills), of(&|o| o.total()));
    let mut by_way = [0.0; 7];
    let mut hours_by_way = [0.0; 7];
    for i in 0..7 {
        by_way[i] = mean(&of(&|o| o.by_way[i]));
        hours_by_way[i] = mean(&of(&|o| o.hours_by_way[i]));
    }
    let committed: f64 = Way::ALL.iter().enumerate().filter(|(_, w)| w.commits()).map(|(i, _)| hours_by_way[i]).sum();
    let idle = mean(&of(&|o| o.idle_hours));
    let met = |t: usize| {
        let task = &job.tasks[t];
        match task.work {
            Work::Steady { .. } => mean(&of(&|o| o.end[t])),
            Work::Run { .. } => {
                let due = task.deadline.unwrap_or(f64::MAX);
                mean(&of(&|o| f64::from(u8::from(o.end[t] <= due + 1e-9))))
            }
        }
    };
    Summary {
        bills: three(&bills),
        bills_mean: mean(&bills),
        total: three(&total),
        total_mean: mean(&total),
        total_cvar: cvar(&total, job.cvar_level),
        bills_cvar: cvar(&bills, job.budget_sure),
        end: (0..job.tasks.len()).map(|t| three(&of(&|o| o.end[t]))).collect(),
        met: (0..job.tasks.len()).map(met).collect(),
        within_budget: job.budget_usd.map(|b| mean(&of(&|o| f64::from(u8::from(o.bills <= b))))),
        by_way,
        hours_by_way,
        idle_share: if committed + idle > 0.0 { idle / (committed + idle) } else { 0.0 },
    }
}
