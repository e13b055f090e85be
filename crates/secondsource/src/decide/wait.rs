//! Now or later: for each run that a next generation could take, what being able to wait is worth.
//!
//! Starting in month t costs the bills of that month's prices and the project's value until the run's end. What is seen in
//! month t: the rental price of the present system against today's, whether the next generation has arrived, how long its
//! queue is, and its price. A rule for starting comes from least-squares Monte Carlo (`market::decide::waiting`).

use super::answer::WaitOut;
use super::build::Shop;
use super::choose::lead;
use super::factors::Of;
use super::job::Work;
use super::run::Found;
use crate::answer::Interval;
use secondsource_market::decide::risk::{mean, quantile};
use secondsource_market::decide::waiting::Waiting;

const MONTH_HOURS: f64 = 730.0;

/// What one place offers a run in one scenario.
struct Run {
    /// Months without pauses.
    length: f64,
    /// USD at today's price (at its arrival's for a next generation), not discounted.
    bills: f64,
    /// First month.
    ready: f64,
    /// Month from which it is known that it exists.
    known: f64,
}

/// A run on a place in every scenario, rented from its start to its end at the market's price of the start.
fn runs(found: &Found<'_>, site: usize, task: usize, usd_per_hour: &[f64]) -> Vec<Run> {
    let draws = &found.draws;
    let built = found.shop.build(site, &[task], draws, 0..draws.scenarios, None, &[]);
    let billed = found.shop.billed(site, task).max(1.0);
    let system = found.shop.world.sites[site].system;
    (0..draws.scenarios)
        .map(|s| {
            let work = built.program.scenarios[s].work[0];
            let of = |f: Of| draws.value(f, s, None).unwrap_or(0.0);
            let known = of(Of::Arrival(system));
            Run { length: work / (billed * MONTH_HOURS), bills: work * usd_per_hour[s], ready: known + of(Of::Queue(system)), known }
        })
        .collect()
}

/// USD per chip-hour used of a place, in every scenario: what its plan pays in the mean, moved with an assumed price.
fn hourly(found: &Found<'_>, rival: usize) -> Option<Vec<f64>> {
    let tried = &found.rivals[rival].0;
    let site = *tried.choice.sites.first()?;
    let used: f64 = tried.summary.hours_by_way.iter().sum();
    let mean_usd = (used > 0.0).then(|| tried.summary.bills_mean / used)?;
    let prices = &found.shop.world.sites[site].prices;
    let at = prices.iter().position(|p| p.way == lead(&tried.summary));
    let assumed = at.and_then(|at| found.draws.find(Of::Assumed(site, at)));
    let of = |s: usize| assumed.map_or(mean_usd, |f| mean_usd * found.draws.factors[f].values[s] / mean(&found.draws.factors[f].values));
    Some((0..found.draws.scenarios).map(of).collect())
}

struct Race<'f, 'a> {
    found: &'f Found<'a>,
    task: usize,
    now: Vec<Run>,
    next: Vec<Run>,
    now_system: usize,
    next_system: usize,
    months: usize,
}

impl Race<'_, '_> {
    fn discount(&self, month: f64) -> f64 {
        libm::pow(1.0 + self.found.shop.discount, -month / 12.0)
    }

    /// Bills of a run that starts in a month, at the market's price of that month.
    fn bills(&self, next: bool, s: usize, month: f64) -> f64 {
        let (run, system) = if next { (&self.next[s], self.next_system) } else { (&self.now[s], self.now_system) };
        let at = |m: f64| self.found.draws.multiplier(system, s, m, None);
        let moved = if next { at(month) / at(run.ready) } else { at(month) };
        run.bills * moved * self.discount(month)
    }

    /// Value of the project lost until a run ends that starts in a month.
    fn time(&self, next: bool, s: usize, month: f64, value: f64) -> f64 {
        let run = if next { &self.next[s] } else { &self.now[s] };
        let earliest = self.found.shop.world.job.tasks[self.task].earliest;
        value * (month + run.length - earliest).max(0.0)
    }

    /// First month in which the next generation can be started when it is chosen in a month.
    fn first(&self, s: usize, month: f64) -> f64 {
        month.max(self.next[s].ready)
    }

    /// Waiting as a stopping problem: a path per scenario, a period per month. Stopping takes the system that looks cheaper
    /// at the prices of the month; the next generation only once it is known.
    fn waiting(&self, value: f64) -> (Waiting, Vec<bool>) {
        let n = self.found.draws.scenarios;
        let mut w = Waiting { paths: n, periods: self.months, cost: Vec::new(), expected: None, state: Vec::new(), features: 4 };
        let mut onto_next = Vec::new();
        let earliest = self.found.shop.world.job.tasks[self.task].earliest;
        for s in 0..n {
            for m in 0..self.months {
                let month = earliest + m as f64;
                let known = month >= self.next[s].known;
                let later = self.first(s, month);
                let now = self.bills(false, s, month) + self.time(false, s, month, value);
                // What can be said in the month: today's price of the next generation carries over to its start.
                let expected = self.next[s].bills * self.discount(later) + self.time(true, s, later, value);
                let take_next = known && expected < now;
                let next = self.bills(true, s, later) + self.time(true, s, later, value);
                w.cost.push(if take_next { next } else { now });
                onto_next.push(take_next);
                let price = self.found.draws.multiplier(self.now_system, s, month, None);
                let queue = if known { (later - month) / 12.0 } else { 0.0 };
                w.state.extend([price, f64::from(u8::from(known)), queue, if known { expected / now.max(1.0) } else { 0.0 }]);
            }
        }
        (w, onto_next)
    }

    /// Mean total of starting now, and of waiting for the next generation whatever happens.
    fn fixed(&self, value: f64) -> (f64, f64) {
        let n = self.found.draws.scenarios;
        let earliest = self.found.shop.world.job.tasks[self.task].earliest;
        let now: Vec<f64> = (0..n).map(|s| self.bills(false, s, earliest) + self.time(false, s, earliest, value)).collect();
        let next: Vec<f64> = (0..n)
            .map(|s| {
                let at = self.first(s, earliest);
                self.bills(true, s, at) + self.time(true, s, at, value)
            })
            .collect();
        (mean(&now), mean(&next))
    }

    fn out(&self, now_on: &str, next: &str) -> WaitOut {
        let task = &self.found.shop.world.job.tasks[self.task];
        let value = task.value_per_month.unwrap_or(0.0);
        let n = self.found.draws.scenarios;
        let (w, onto_next) = self.waiting(value);
        let rule = w.rule();
        let (now_usd, next_usd) = self.fixed(value);
        let fixed: Vec<f64> = (0..self.months).map(|m| w.fixed(m)).collect();
        let best = (0..fixed.len()).min_by(|a, b| fixed[*a].total_cmp(&fixed[*b])).unwrap_or(0);
        // Never worse than what can be fixed today.
        let rule_usd = mean(&rule.cost).min(now_usd);
        let start: Vec<f64> = (0..n)
            .map(|s| {
                let month = task.earliest + rule.start[s] as f64;
                if onto_next[s * self.months + rule.start[s]] { self.first(s, month) } else { month }
            })
            .collect();
        let e = task.earliest;
        let over = |f: &dyn Fn(usize) -> f64| mean(&(0..n).map(f).collect::<Vec<f64>>());
        let queue_usd = over(&|s| value * (self.first(s, e) - e.max(self.next[s].known)).max(0.0));
        let time_usd = over(&|s| self.time(true, s, self.first(s, e), value) - self.time(false, s, e, value)) - queue_usd;
        let price_performance_usd = over(&|s| self.bills(false, s, e) - self.bills(true, s, self.first(s, e)));
        // Both sides are linear in the value of a month, so one crossing at most.
        let (a, b) = (self.fixed(0.0), self.fixed(1e6));
        let slope = ((b.1 - b.0) - (a.1 - a.0)) / 1e6;
        let crossing = (a.0 - a.1) / slope;
        WaitOut {
            job: task.name.clone(),
            now_on: now_on.to_owned(),
            next: next.to_owned(),
            now_usd,
            best_fixed_usd: fixed[best],
            best_fixed_month: task.earliest + best as f64,
            next_usd,
            rule_usd,
            value_of_waiting_usd: now_usd - rule_usd,
            price_performance_usd,
            time_usd,
            queue_usd,
            starts_now: over(&|s| f64::from(u8::from(rule.start[s] == 0 && !onto_next[s * self.months]))),
            ends_on_next: over(&|s| f64::from(u8::from(onto_next[s * self.months + rule.start[s]]))),
            start_months: Interval { p5: quantile(&start, 0.05), p50: quantile(&start, 0.5), p95: quantile(&start, 0.95) },
            flips_at_value_per_month: (slope > 0.0 && crossing.is_finite() && crossing > 0.0).then_some(crossing),
        }
    }
}

/// Waiting for each next generation, for each run that both the present and the next system can take.
pub(super) fn waiting(found: &Found<'_>) -> Vec<WaitOut> {
    let shop: &Shop<'_> = &found.shop;
    let world = shop.world;
    let mut out = Vec::new();
    for (task, t) in world.job.tasks.iter().enumerate() {
        let Work::Run { .. } = t.work else { continue };
        let on = |present: bool| {
            (0..found.rivals.len()).filter(move |r| {
                let site = found.rivals[*r].0.choice.sites[task];
                let one_place = found.rivals[*r].0.choice.sites.iter().all(|s| *s == site);
                one_place && world.systems[world.sites[site].system].next.is_none() == present
            })
        };
        let better = |a: usize, b: usize| if shop.better(&found.rivals[b].0.summary, &found.rivals[a].0.summary) { b } else { a };
        let (Some(now), nexts) = (on(true).reduce(better), on(false).collect::<Vec<_>>()) else { continue };
        let Some(now_hourly) = hourly(found, now) else { continue };
        let now_site = found.rivals[now].0.choice.sites[task];
        for next in nexts {
            let Some(next_hourly) = hourly(found, next) else { continue };
            let next_site = found.rivals[next].0.choice.sites[task];
            let months = (world.horizon - t.earliest).floor().clamp(1.0, 120.0) as usize;
            let race = Race {
                found,
                task,
                now: runs(found, now_site, task, &now_hourly),
                next: runs(found, next_site, task, &next_hourly),
                now_system: world.sites[now_site].system,
                next_system: world.sites[next_site].system,
                months,
            };
            out.push(race.out(&super::words::label_of(shop, now_site, lead(&found.rivals[now].0.summary)), &world.sites[next_site].label));
        }
    }
    out
}
