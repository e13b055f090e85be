//! From a place to run and the jobs on it to a program: commitments, rentals, demands, and a table row per scenario.

use super::factors::{Draws, Held, Of};
use super::job::{Period, Way, Work};
use super::owning::OwnCosts;
use super::world::{Price, World};
use rayon::prelude::*;
use secondsource_base::Stream;
use secondsource_campaign::closed_form;
use secondsource_market::contract::{SpotTerms, bill};
use secondsource_market::decide::{Commitment, Demand, Program, Scenario};
use std::ops::Range as Span;

const MONTH_HOURS: f64 = 730.0;
/// Work that is never done is charged at so many times the dearest hour of the place.
pub(super) const DROP: f64 = 4.0;

/// Chips that a month's steady work may use at once, over those that it is planned on.
const STEADY: f64 = 2.0;

/// A commitment as it was bought: way, first month, months.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bought {
    pub way: Way,
    /// Index into the site's prices.
    pub price: usize,
    /// Month of the start (of the order for machines).
    pub start: f64,
    /// Hours that are used at most, and hours that are paid.
    pub hours: f64,
    pub billed: f64,
}

/// A demand: which task, and which month of steady work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub task: usize,
    pub month: u32,
}

/// A program with what its rows mean.
#[derive(Debug, Clone)]
pub(super) struct Built {
    pub site: usize,
    pub program: Program,
    pub bought: Vec<Bought>,
    /// Ways of the rentals.
    pub rented: Vec<(Way, usize)>,
    pub asked: Vec<Asked>,
}

/// Everything that programs are built from.
#[derive(Clone)]
pub(super) struct Shop<'a> {
    pub world: &'a World<'a>,
    pub own: &'a [Option<OwnCosts>],
    pub spot: SpotTerms,
    pub period: Period,
    pub periods: usize,
    /// Per year.
    pub discount: f64,
    /// USD per month of lateness that a deadline asks for beyond what the file says, per task.
    pub strict: Vec<f64>,
}

impl Shop<'_> {
    fn hours(&self) -> f64 {
        self.period.hours()
    }

    /// Start of a period in months.
    pub fn start(&self, period: usize) -> f64 {
        period as f64 * self.period.months()
    }

    fn present(&self, month: f64) -> f64 {
        libm::pow(1.0 + self.discount, -month / 12.0)
    }

    /// Share of a period that lies in [from, until), months.
    fn overlap(&self, period: usize, from: f64, until: f64) -> f64 {
        let (a, b) = (self.start(period), self.start(period + 1));
        ((until.min(b) - from.max(a)) / (b - a)).clamp(0.0, 1.0)
    }

    /// First month in which any of the tasks can run.
    fn earliest(&self, tasks: &[usize]) -> f64 {
        tasks.iter().map(|t| self.world.job.tasks[*t].earliest).fold(f64::INFINITY, f64::min)
    }

    /// Rows of a site's program that hold a number per period: commitments, rentals, demands.
    pub fn rows(&self, site: usize, tasks: &[usize]) -> usize {
        self.bought(site, tasks).len() + 2 * self.world.sites[site].prices.len() + 2 * self.asked(tasks).len()
    }

    /// Whether a site can run all of the tasks.
    pub fn can(&self, site: usize, tasks: &[usize]) -> bool {
        let s = &self.world.sites[site];
        !s.prices.is_empty() && tasks.iter().all(|t| self.world.systems[s.system].fits[*t].is_ok())
    }

    /// The program of tasks on a site over some scenarios, with one input held and some of the ways to pay.
    pub fn build(&self, site: usize, tasks: &[usize], draws: &Draws, scenarios: Span<usize>, held: Held, ways: &[Way]) -> Built {
        let asked = self.asked(tasks);
        let bought: Vec<Bought> = self.bought(site, tasks).into_iter().filter(|b| ways.contains(&b.way)).collect();
        let prices = &self.world.sites[site].prices;
        let open = prices.iter().enumerate().filter(|(_, p)| !p.way.commits() && ways.contains(&p.way));
        let rented: Vec<(Way, usize)> = open.map(|(i, p)| (p.way, i)).collect();
        let commitments = bought.iter().map(|b| self.commitment(site, b, tasks)).collect();
        let demands = asked.iter().map(|a| self.demand(a)).collect();
        let rows = scenarios.into_par_iter().map(|s| self.scenario(site, &asked, &bought, &rented, draws, s, held)).collect();
        let program = Program {
            periods: self.periods,
            commitments,
            rentals: rented.iter().map(|r| r.0.name().to_owned()).collect(),
            demands,
            scenarios: rows,
        };
        Built { site, program, bought, rented, asked }
    }

    pub fn fit(&self, site: usize, task: usize) -> Option<&super::sizing::Fit> {
        self.world.systems[self.world.sites[site].system].fits[task].as_ref().ok()
    }

    /// Chips that a task is billed for on a site: whole hosts, and whole racks where they come whole.
    pub fn billed(&self, site: usize, task: usize) -> f64 {
        self.fit(site, task).map_or(0.0, |f| f.billed * self.racks(site, task))
    }

    /// What whole racks add on a site: where machines are bought, or a contract rents scale-up domains whole.
    fn racks(&self, site: usize, task: usize) -> f64 {
        let s = &self.world.sites[site];
        let domain = self.world.systems[s.system].domain;
        let whole = s.own || s.prices.iter().any(|p| p.unit >= domain);
        self.fit(site, task).filter(|_| whole).map_or(1.0, |f| f.whole_racks)
    }

    fn asked(&self, tasks: &[usize]) -> Vec<Asked> {
        let of = |task: &usize| match self.world.job.tasks[*task].work {
            Work::Run { .. } => vec![Asked { task: *task, month: 0 }],
            Work::Steady { months, .. } => (0..months).map(|month| Asked { task: *task, month }).collect(),
        };
        tasks.iter().flat_map(of).collect()
    }

    fn demand(&self, a: &Asked) -> Demand {
        let t = &self.world.job.tasks[a.task];
        let last = self.periods;
        let first = (t.earliest / self.period.months() + 1e-9).floor() as usize;
        let (from, until) = match t.work {
            Work::Run { .. } => (first, last),
            Work::Steady { .. } => {
                let month = self.month_of(a);
                (month, month + 1 + t.carry_months as usize)
            }
        };
        Demand { name: t.name.clone(), from: from.min(last - 1), until: until.clamp(1, last) }
    }

    /// Period of a month of steady work: the first is the first whole period after the task's earliest start.
    fn month_of(&self, a: &Asked) -> usize {
        let t = &self.world.job.tasks[a.task];
        (t.earliest / self.period.months() - 1e-9).ceil().max(0.0) as usize + a.month as usize
    }

    fn commitment(&self, site: usize, b: &Bought, tasks: &[usize]) -> Commitment {
        let s = &self.world.sites[site];
        let host = self.world.unit(site, b.price, self.own);
        let up = |chips: f64| (chips / host).ceil() * host;
        let billed = |t: &usize| self.billed(site, *t);
        // A run takes all of its chips or none: with runs alone, commitments come in units of the smallest of them.
        let gang = tasks.iter().all(|t| matches!(self.world.job.tasks[*t].work, Work::Run { .. }) && !self.world.job.tasks[*t].elastic);
        let unit = if gang { up(tasks.iter().map(billed).fold(f64::INFINITY, f64::min)) } else { host };
        // Machines break and some months need more: own fleets may be larger than the jobs.
        let most = up(tasks.iter().map(billed).sum()) * if s.own && !gang { 2.0 } else { 1.0 };
        let most = most.min(self.world.limit(site, b.price, self.own));
        Commitment { name: format!("{} from month {:.1}", b.way.name(), b.start), unit, most: (most / unit + 1e-9).floor() * unit }
    }

    /// Commitments that could be made: machines, terms of one and three years one after the other, blocks of every length.
    fn bought(&self, site: usize, tasks: &[usize]) -> Vec<Bought> {
        let s = &self.world.sites[site];
        let first = self.earliest(tasks);
        let mut out = Vec::new();
        for (price, p) in s.prices.iter().enumerate().filter(|(_, p)| p.way.commits()) {
            match p.way {
                Way::Buy | Way::Lease => out.push(Bought { way: p.way, price, start: first, hours: f64::INFINITY, billed: 0.0 }),
                Way::Reserved1y | Way::Reserved3y => {
                    let years = if p.way == Way::Reserved1y { 1.0 } else { 3.0 };
                    let hours = p.rules.as_ref().and_then(|r| r.max_hours).unwrap_or(8760.0 * years);
                    let mut start = first;
                    while start < self.world.horizon - 1e-9 && out.len() < 64 {
                        out.push(Bought { way: p.way, price, start, hours, billed: hours });
                        start += hours / MONTH_HOURS;
                    }
                }
                Way::CapacityBlock => self.blocks(p, price, first, &mut out),
                Way::OnDemand | Way::Spot => {}
            }
        }
        out
    }

    /// Blocks that start at `first` or when the longest block before has ended, in every length of whole periods.
    fn blocks(&self, p: &Price, price: usize, first: f64, out: &mut Vec<Bought>) {
        let Some(rules) = &p.rules else { return };
        let longest = rules.max_hours.unwrap_or(self.hours());
        let mut start = first;
        for _ in 0..24 {
            if start >= self.world.horizon - 1e-9 {
                break;
            }
            let left = (self.world.horizon - start) * MONTH_HOURS;
            let mut hours = 0.0;
            loop {
                hours = (hours + self.hours()).min(longest).min(left);
                let billed = bill::length(rules, hours + rules.lost_at_end_hours).min(longest);
                let used = hours.min(billed - rules.lost_at_end_hours);
                out.push(Bought { way: Way::CapacityBlock, price, start, hours: used, billed });
                if hours >= longest.min(left) - 1e-9 {
                    break;
                }
            }
            start += longest / MONTH_HOURS;
        }
    }
}

impl Shop<'_> {
    #[expect(clippy::too_many_arguments, reason = "one row of the program needs all that the program is made of")]
    fn scenario(
        &self,
        site: usize,
        asked: &[Asked],
        bought: &[Bought],
        rented: &[(Way, usize)],
        draws: &Draws,
        scenario: usize,
        held: Held,
    ) -> Scenario {
        let t = self.periods;
        let system = self.world.sites[site].system;
        let ready = self.ready(system, draws, scenario, held);
        let mut row = Scenario {
            fixed: 0.0,
            commit_cost: Vec::with_capacity(bought.len()),
            commit_hours: vec![0.0; bought.len() * t],
            rent_price: vec![0.0; rented.len() * t],
            rent_hours: vec![0.0; rented.len() * t],
            work: Vec::new(),
            rate: vec![0.0; asked.len() * t],
            late: vec![0.0; asked.len() * t],
            drop: Vec::new(),
        };
        let view = View { shop: self, site, system, draws, scenario, held, ready };
        let mut dearest: f64 = 0.0;
        for (o, b) in bought.iter().enumerate() {
            let (usd, from, until) = view.commit(b);
            row.commit_cost.push(usd);
            let mut left = b.hours;
            let mut all = 0.0;
            for j in 0..t {
                let hours = (self.overlap(j, from, until) * self.hours()).min(left);
                left -= hours;
                all += hours;
                row.commit_hours[o * t + j] = hours;
            }
            if all > 0.0 {
                dearest = dearest.max(usd / all);
            }
        }
        let mut stream = Stream::numbered(draws.seed, &format!("availability of {}", self.world.sites[site].label), scenario as u64);
        let terms = self.world.terms(&self.world.systems[system].name);
        let share = terms.and_then(|t| t.available).unwrap_or(1.0);
        let spot = terms.and_then(|t| t.spot_chips).map_or(0.0, |n| n as f64 * self.hours());
        for j in 0..t {
            let there = stream.uniform() < share;
            for (f, (way, price)) in rented.iter().enumerate() {
                let usd = view.rent(*way, *price, self.start(j) + self.period.months() / 2.0);
                row.rent_price[f * t + j] = usd * self.present(self.start(j));
                let open = self.overlap(j, ready, f64::INFINITY);
                row.rent_hours[f * t + j] = match way {
                    _ if !there || open <= 0.0 => 0.0,
                    Way::Spot => spot * open,
                    _ => f64::INFINITY,
                };
                dearest = dearest.max(usd);
            }
        }
        for (k, a) in asked.iter().enumerate() {
            view.demand(&mut row, k, a, dearest);
        }
        row
    }

    /// Month from which a system is to be had at all.
    fn ready(&self, system: usize, draws: &Draws, scenario: usize, held: Held) -> f64 {
        let of = |f: Of| draws.value(f, scenario, held).unwrap_or(0.0);
        of(Of::Arrival(system)) + of(Of::Queue(system))
    }
}

/// A site in a scenario.
struct View<'s, 'a> {
    shop: &'s Shop<'a>,
    site: usize,
    system: usize,
    draws: &'s Draws,
    scenario: usize,
    held: Held,
    ready: f64,
}

impl View<'_, '_> {
    fn price(&self, at: usize) -> &Price {
        &self.shop.world.sites[self.site].prices[at]
    }

    /// USD per chip-hour of a price today; of a next generation on the day of its arrival.
    fn today(&self, at: usize) -> f64 {
        self.draws.value(Of::Assumed(self.site, at), self.scenario, self.held).unwrap_or(self.price(at).usd.mid)
    }

    /// Price of the market at a month over that for which [`View::today`] holds.
    fn moved(&self, month: f64) -> f64 {
        let at = |m: f64| self.draws.multiplier(self.system, self.scenario, m, self.held);
        if self.ready > 0.0 { at(month.max(self.ready)) / at(self.ready) } else { at(month) }
    }

    /// USD per delivered chip-hour of a rental.
    fn rent(&self, way: Way, at: usize, month: f64) -> f64 {
        let usd = self.today(at) * self.moved(month);
        if way != Way::Spot {
            return usd;
        }
        let spot = &self.shop.spot;
        let hazard = self.draws.value(Of::Hazard, self.scenario, self.held).unwrap_or(spot.hazard_per_month.mid);
        let chips = self.shop.world.systems[self.system].fits.iter().flatten().map(|f| f.billed).fold(0.0, f64::max);
        usd / (1.0 - spot.waste(hazard, (chips / self.price(at).unit).max(1.0))).max(1e-6)
    }

    /// USD per chip of a commitment, and the months between which it delivers.
    fn commit(&self, b: &Bought) -> (f64, f64, f64) {
        let shop = self.shop;
        let horizon = shop.world.horizon;
        if matches!(b.way, Way::Buy | Way::Lease) {
            let delivered = self.draws.value(Of::Delivery(self.system), self.scenario, self.held).unwrap_or(0.0);
            // Ordered as late as the first job allows, so that the middle delivery meets it.
            let wait = self.draws.find(Of::Delivery(self.system)).map_or(0.0, |i| self.draws.factors[i].quantile(0.5));
            let from = ((b.start - wait).max(0.0) + delivered).max(self.ready);
            let Some(own) = &shop.own[self.system] else { return (0.0, from, f64::INFINITY) };
            let c = own.at(self.draws, self.system, self.scenario, self.held);
            let held_years = ((horizon - from) / 12.0).max(0.0);
            let running = self.monthly(c.running_per_year / 12.0, from, horizon);
            let usd = match b.way {
                // A machine that comes late is younger at the horizon; its value is that of the middle age all the same.
                Way::Buy if held_years > 0.0 => c.once * shop.present(from) - c.resale * shop.present(horizon),
                Way::Buy => 0.0,
                _ => self.monthly(c.lease_per_year / 12.0, from, from + own.lease_years * 12.0),
            };
            return (usd + running, from, f64::INFINITY);
        }
        let from = b.start.max(self.ready);
        let until = from + b.hours / MONTH_HOURS;
        let p = self.price(b.price);
        let rules = p.rules.as_ref();
        let ahead = rules.and_then(|r| r.max_lead_days).map_or(0.0, |d| d * 24.0 / MONTH_HOURS);
        // Bought as early as the rule lets it, at the price of that day.
        let signed = (from - ahead).max(0.0).max(if self.ready > 0.0 { self.ready } else { 0.0 });
        let rate = self.today(b.price) * self.moved(if rules.is_some_and(|r| r.prepaid) { signed } else { from });
        let usd = if rules.is_some_and(|r| r.prepaid) {
            rate * b.billed * shop.present(signed)
        } else {
            self.monthly(rate * MONTH_HOURS, from, from + b.billed / MONTH_HOURS)
        };
        (usd, from, until)
    }

    /// Present value of a payment for each month between two months.
    fn monthly(&self, usd: f64, from: f64, until: f64) -> f64 {
        let mut sum = 0.0;
        let mut at = from;
        while at < until - 1e-9 {
            let share = (until - at).min(1.0);
            sum += usd * share * self.shop.present(at);
            at += 1.0;
        }
        sum
    }

    /// Billed chip-hours of a task (of one of its months), failures included.
    fn work(&self, task: usize) -> f64 {
        let Some(fit) = self.shop.fit(self.site, task) else { return 0.0 };
        let of = |f: Of, none: f64| self.draws.value(f, self.scenario, self.held).unwrap_or(none);
        let s = self.system;
        let mut campaign = fit.interruptions.input;
        campaign.failures_per_node_day *= of(Of::Failures(s), 1.0);
        campaign.restart_s *= of(Of::Restart(s), 1.0);
        // A job that makes no headway at all takes a hundred times as long.
        let stretch = closed_form(&campaign).map_or(100.0, |g| 1.0 / g.goodput);
        fit.chip_hours * self.shop.racks(self.site, task) * of(Of::Speed(s), 1.0) * stretch / of(Of::SpeedUp(s), 1.0)
    }

    fn demand(&self, row: &mut Scenario, k: usize, a: &Asked, dearest: f64) {
        let shop = self.shop;
        let t = shop.periods;
        let task = &shop.world.job.tasks[a.task];
        let work = self.work(a.task);
        row.work.push(work);
        let billed = shop.billed(self.site, a.task);
        // A month's work may be spread over twice the chips that it is planned on.
        let spread = if matches!(task.work, Work::Steady { .. }) { STEADY } else { 1.0 };
        let full = billed * shop.hours() * spread;
        let earliest = match task.work {
            Work::Run { .. } => task.earliest,
            Work::Steady { .. } => shop.start(shop.month_of(a)),
        };
        for j in 0..t {
            row.rate[k * t + j] = full * shop.overlap(j, earliest, f64::INFINITY);
        }
        let span = shop.period.months();
        match task.work {
            Work::Run { .. } => {
                let length = work / (billed * MONTH_HOURS);
                let strict = shop.strict.get(a.task).copied().unwrap_or(0.0);
                // Without a word on the value of time a run starts as soon as it can: a month of delay must save more than the
                // chips of a month cost. That steers the run; no total counts it.
                let eager = dearest * billed * MONTH_HOURS;
                let value = task.value_per_month.unwrap_or(eager);
                let each = [(value, earliest + length), (task.late_per_month + strict, task.deadline.unwrap_or(f64::INFINITY))];
                for (usd, due) in each {
                    for j in 0..t {
                        let late = lateness(shop.start(j), span, due);
                        row.late[k * t + j] += usd * late / full * shop.present(shop.start(j));
                    }
                }
                // The run itself takes its time whatever is decided.
                row.fixed += task.value_per_month.unwrap_or(0.0) * length;
                let end = row.late[k * t..(k + 1) * t].iter().copied().fold(0.0, f64::max);
                row.drop.push(DROP * dearest + end);
            }
            Work::Steady { .. } => {
                let usd = if work > 0.0 { task.late_per_month / work } else { 0.0 };
                for j in 0..t {
                    row.late[k * t + j] = usd * (shop.start(j) - earliest).max(0.0).floor();
                }
                let worth = if work > 0.0 { task.value_per_month.unwrap_or(0.0) / work } else { 0.0 };
                row.drop.push((DROP * dearest).max(worth));
            }
        }
    }
}

/// Months of lateness that a full period of work stands for when it lies in the period that begins at `start`: the time from
/// `due` to the period's end, by the part of the period that lies after `due`.
///
/// One late period is charged what it is; of several that follow each other the i-th is charged i times. So the program never
/// leaves a small rest of a run for a cheap month far away, which a charge in proportion to the work would let it do. What a
/// plan comes to is counted by the true end of each run.
fn lateness(start: f64, span: f64, due: f64) -> f64 {
    let after = (start + span - due).max(0.0);
    after * (after / span).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_period_counts_the_time_to_its_end() {
        assert_eq!(lateness(3.0, 1.0, 4.0), 0.0);
        assert_eq!(lateness(4.0, 1.0, 4.0), 1.0);
        assert_eq!(lateness(7.0, 1.0, 4.0), 4.0);
        assert_eq!(lateness(3.0, 1.0, 3.5), 0.25);
    }
}
