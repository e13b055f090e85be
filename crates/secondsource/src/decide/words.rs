//! What was found, as an answer in words and numbers.

use super::answer::{
    ByContractOut, CommitmentOut, DecideAnswer, DecideJobOut, FallenOut, InformationOut, JobOnOut, OptionOut, PlanOut, PriceOut,
    ScenarioOut, SystemOut,
};
use super::build::{Bought, Shop};
use super::choose::{Choice, Tried, lead};
use super::job::{Way, Work};
use super::outcome::Summary;
use super::owning::OwnCosts;
use super::run::Found;
use super::world::{Price, World};
use super::{tornado, wait};
use crate::answer::Interval;
use secondsource_market::calendar::{self, DAY};
use secondsource_market::decide::risk::mean;
use secondsource_market::own::Key;

/// `buy`, `reserve for a year`...
fn verb(way: Way) -> &'static str {
    match way {
        Way::OnDemand => "rent on demand",
        Way::Spot => "rent spot",
        Way::CapacityBlock => "capacity blocks",
        Way::Reserved1y => "reserve by the year",
        Way::Reserved3y => "reserve for three years",
        Way::Buy => "buy",
        Way::Lease => "lease",
    }
}

pub(super) fn label_of(shop: &Shop<'_>, site: usize, lead: Way) -> String {
    format!("{}: {}", shop.world.sites[site].label, verb(lead))
}

/// A plan in a few words: place and main way to pay, or the places of the jobs.
pub(super) fn label(shop: &Shop<'_>, choice: &Choice, lead: Way) -> String {
    let world = shop.world;
    let first = choice.sites[0];
    if choice.sites.iter().all(|s| *s == first) {
        return label_of(shop, first, lead);
    }
    let parts: Vec<String> =
        choice.sites.iter().zip(&world.job.tasks).map(|(s, t)| format!("{} on {}", t.name, world.sites[*s].label)).collect();
    format!("{}: mainly {}", parts.join(", "), verb(lead))
}

fn interval(v: [f64; 3]) -> Interval {
    Interval { p5: v[0], p50: v[1], p95: v[2] }
}

fn finite(v: [f64; 3]) -> [Option<f64>; 3] {
    v.map(|x| x.is_finite().then_some(x))
}

fn date(world: &World<'_>, month: f64) -> String {
    calendar::date(world.as_of + (month * 730.0 / 24.0 * DAY as f64) as i64)
}

fn dates(world: &World<'_>, v: [f64; 3]) -> [Option<String>; 3] {
    v.map(|m| m.is_finite().then(|| date(world, m)))
}

fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Commitments that are made, with their chips and mean cost.
fn commitments<'t>(shop: &'t Shop<'_>, t: &'t Tried) -> Vec<(&'t Bought, CommitmentOut)> {
    let world = shop.world;
    let mut out = Vec::new();
    let mut at = 0;
    for part in &t.parts {
        for (o, b) in part.bought.iter().enumerate() {
            let chips = t.x[at + o];
            if chips <= 0.0 {
                continue;
            }
            let unit = part.program.commitments[o].unit;
            let each: Vec<f64> = part.program.scenarios.iter().map(|s| s.commit_cost[o]).collect();
            out.push((
                b,
                CommitmentOut {
                    on: world.sites[part.site].label.clone(),
                    contract: b.way.name().to_owned(),
                    chips,
                    units: chips / unit,
                    chips_per_unit: unit,
                    from: date(world, b.start),
                    days: b.billed.gt(&0.0).then_some(b.billed / 24.0),
                    usd: mean(&each) * chips,
                },
            ));
        }
        at += part.bought.len();
    }
    out
}

/// The plan in one sentence.
fn sentence(shop: &Shop<'_>, t: &Tried, made: &[(&Bought, CommitmentOut)]) -> String {
    let world = shop.world;
    let mut parts: Vec<String> = Vec::new();
    for part in &t.parts {
        let site = &world.sites[part.site];
        let jobs: Vec<&str> =
            (0..t.choice.sites.len()).filter(|j| t.choice.sites[*j] == part.site).map(|j| world.job.tasks[j].name.as_str()).collect();
        let mut ways: Vec<String> = Vec::new();
        for (b, c) in made.iter().filter(|(_, c)| c.on == site.label) {
            let chips = count(c.chips);
            ways.push(match b.way {
                Way::Buy | Way::Lease => {
                    let rack = world
                        .catalog
                        .system(&world.systems[site.system].planned_on)
                        .is_ok_and(|s| s.thing == secondsource_catalog::Thing::Rack);
                    let noun = if rack { "racks" } else { "servers" };
                    format!("{} {} {noun} ({chips} chips)", verb(b.way), count(c.units))
                }
                Way::CapacityBlock => {
                    format!("capacity blocks of {chips} chips for {} days from {}", count(c.days.unwrap_or(0.0)), c.from)
                }
                _ => format!("{} {chips} chips from {}", verb(b.way), c.from),
            });
        }
        let rented: Vec<&str> =
            part.rented.iter().filter(|(w, _)| t.summary.hours_by_way[place(*w)] > 0.0).map(|(w, _)| w.name()).collect();
        let total: f64 = t.summary.hours_by_way.iter().sum();
        let share: f64 = part.rented.iter().map(|(w, _)| t.summary.hours_by_way[place(*w)]).sum::<f64>() / total.max(1e-9);
        if !rented.is_empty() && (share > 0.005 || ways.is_empty()) {
            let what = rented.join(" and ");
            ways.push(if ways.is_empty() {
                format!("rent {what} as needed")
            } else {
                format!("the rest {what} ({:.0}% of chip-hours)", share * 100.0)
            });
        }
        parts.push(format!("{} on {}: {}", jobs.join(" and "), site.label, ways.join("; ")));
    }
    parts.join(". ")
}

fn place(way: Way) -> usize {
    Way::ALL.iter().position(|w| *w == way).unwrap_or(0)
}

fn plan_out(shop: &Shop<'_>, t: &Tried, run: &Summary) -> PlanOut {
    let world = shop.world;
    let made = commitments(shop, t);
    let jobs = (0..world.job.tasks.len())
        .map(|j| {
            let (task, site) = (&world.job.tasks[j], t.choice.sites[j]);
            let fit = shop.fit(site, j);
            let single = matches!(task.work, Work::Run { .. });
            JobOnOut {
                job: task.name.clone(),
                on: world.sites[site].label.clone(),
                chips: fit.map_or(0, |f| f.chips),
                layout: fit.map_or_else(String::new, |f| f.layout.clone()),
                end_months: single.then(|| finite(run.end[j])),
                end_dates: single.then(|| dates(world, run.end[j])),
                deadline_met: (single && task.deadline.is_some()).then_some(run.met[j]),
                deadline_sure: (single && task.deadline.is_some()).then_some(task.deadline_sure),
                work_done: (!single).then_some(run.met[j]),
            }
        })
        .collect();
    let by_contract = Way::ALL
        .iter()
        .enumerate()
        .filter(|(i, _)| run.hours_by_way[*i] > 0.0 || run.by_way[*i] != 0.0)
        .map(|(i, w)| ByContractOut { contract: w.name().to_owned(), usd: run.by_way[i], chip_hours: run.hours_by_way[i] })
        .collect();
    let mut on: Vec<String> = t.parts.iter().map(|p| world.sites[p.site].label.clone()).collect();
    on.dedup();
    PlanOut {
        words: sentence(shop, t, &made),
        on,
        mainly: lead(&t.summary).name().to_owned(),
        jobs,
        commitments: made.into_iter().map(|m| m.1).collect(),
        by_contract,
        cost_usd: interval(run.bills),
        cost_mean_usd: run.bills_mean,
        cost_cvar_usd: run.bills_cvar,
        total_usd: interval(run.total),
        total_mean_usd: run.total_mean,
        within_budget: run.within_budget,
        idle: run.idle_share,
        keeps_limits: shop.misses(run) <= 1e-9,
        lateness_price_usd: t.strict.clone(),
    }
}

fn option_out(shop: &Shop<'_>, t: &Tried, best: &Tried) -> OptionOut {
    let world = shop.world;
    let s = &t.summary;
    let all = t.choice.ways.len() == Way::ALL.len();
    let contract = if all { "all" } else { t.choice.ways.last().map_or("", |w| w.name()) };
    let runs: Vec<usize> = (0..world.job.tasks.len()).filter(|j| matches!(world.job.tasks[*j].work, Work::Run { .. })).collect();
    let last = |q: usize| runs.iter().map(|j| s.end[*j][q]).fold(0.0, f64::max);
    let deadlines = runs.iter().filter(|j| world.job.tasks[**j].deadline.is_some()).map(|j| s.met[*j]);
    OptionOut {
        on: label_places(shop, t),
        contract: contract.to_owned(),
        mainly: lead(s).name().to_owned(),
        committed_chips: committed(t),
        cost_usd: interval(s.bills),
        total_mean_usd: s.total_mean,
        end_months: (!runs.is_empty()).then(|| finite([last(0), last(1), last(2)])),
        deadline_met: deadlines.reduce(f64::min),
        within_budget: s.within_budget,
        keeps_limits: shop.misses(s) <= 1e-9,
        more_usd: s.total_mean - best.summary.total_mean,
    }
}

/// Most chips committed at one time, in the mean over scenarios of each period.
fn committed(t: &Tried) -> f64 {
    let mut at = 0;
    let mut sum = 0.0;
    for part in &t.parts {
        let (n, periods) = (part.bought.len(), part.program.periods);
        let x = &t.x[at..at + n];
        at += n;
        let s = part.program.mean();
        let longest = s.commit_hours.iter().copied().fold(0.0, f64::max);
        let chips = |j: usize| (0..n).map(|o| x[o] * s.commit_hours[o * periods + j]).sum::<f64>() / longest.max(1.0);
        sum += (0..periods).map(chips).fold(0.0, f64::max);
    }
    sum.round()
}

/// Rows worth showing: a mix of contracts only where it beats each of them, a commitment only where some is made. The others
/// fall out, with the reason.
fn rows(found: &Found<'_>) -> (Vec<OptionOut>, Vec<FallenOut>) {
    let shop = &found.shop;
    let all = |t: &Tried| t.choice.ways.len() == Way::ALL.len();
    let mut out = Vec::new();
    let mut none = Vec::new();
    for t in &found.rows {
        let pure = found.rows.iter().filter(|o| o.choice.sites == t.choice.sites && !all(o));
        let best_pure = pure.map(|o| shop.rank(&o.summary)).reduce(|a, b| if b < a { b } else { a });
        if all(t) {
            let (limits, usd) = shop.rank(&t.summary);
            if best_pure.is_some_and(|p| limits >= p.0 && usd > p.1 * (1.0 - MIXED)) {
                continue;
            }
        } else if t.choice.ways.iter().any(|w| w.commits()) && committed(t) <= 0.0 {
            let way = t.choice.ways.iter().find(|w| w.commits()).map_or("", |w| w.name());
            let why = format!("the best amount is none: {} alone costs no more", lead(&t.summary).name());
            none.push(FallenOut { on: label_places(shop, t), contract: way.to_owned(), why });
            continue;
        }
        out.push(option_out(shop, t, &found.best));
    }
    (out, none)
}

/// A mix of contracts is shown when it costs so much less than each of them.
const MIXED: f64 = 5e-4;

fn label_places(shop: &Shop<'_>, t: &Tried) -> String {
    let mut names: Vec<&str> = t.choice.sites.iter().map(|s| shop.world.sites[*s].label.as_str()).collect();
    if names.iter().all(|n| *n == names[0]) {
        names.truncate(1);
    }
    names.join(" + ")
}

fn fallen(world: &World<'_>) -> Vec<FallenOut> {
    let mut out = Vec::new();
    for site in &world.sites {
        let mut whole = None;
        for (task, fit) in world.systems[site.system].fits.iter().enumerate() {
            if let Err(why) = fit {
                let name = if world.job.tasks.len() > 1 { format!("{}: ", world.job.tasks[task].name) } else { String::new() };
                whole = Some(format!("{name}{why}"));
            }
        }
        if let Some(why) = whole {
            out.push(FallenOut { on: site.label.clone(), contract: String::new(), why });
            continue;
        }
        // What another provider's site of the same system offers is not missing.
        let offered = |way: Way| world.sites.iter().any(|s| s.system == site.system && !s.own && s.prices.iter().any(|p| p.way == way));
        let gone = site.gone.iter().filter(|(w, _)| !offered(*w));
        out.extend(gone.map(|(w, why)| FallenOut { on: site.label.clone(), contract: w.name().to_owned(), why: why.clone() }));
    }
    out
}

fn prices(world: &World<'_>, own: &[Option<OwnCosts>]) -> Vec<PriceOut> {
    let mut out: Vec<PriceOut> = Vec::new();
    for site in &world.sites {
        let mut machines = false;
        for p in &site.prices {
            if !matches!(p.way, Way::Buy | Way::Lease) {
                out.push(price_out(site, p));
                continue;
            }
            // Bought and leased machines have one price: that of the owning model.
            let Some(model) = own.get(site.system).and_then(Option::as_ref).filter(|_| !std::mem::replace(&mut machines, true)) else {
                continue;
            };
            let Some(unit) = model.input.inputs.get(&Key::UnitUsd) else { continue };
            let each = |usd: f64| usd / model.input.chips_per_unit as f64;
            let stated = p.usd.mid.is_finite();
            out.push(PriceOut {
                on: site.label.clone(),
                contract: "buy or lease".to_owned(),
                usd: each(unit.value),
                low_usd: each(unit.low),
                high_usd: each(unit.high),
                unit: "USD/chip".to_owned(),
                date: String::new(),
                kind: unit.kind.name().to_owned(),
                basis: if stated { p.basis.clone() } else { unit.basis.clone() },
                sources: unit.sources.clone(),
            });
        }
    }
    out
}

fn price_out(site: &super::world::Site, p: &Price) -> PriceOut {
    PriceOut {
        on: site.label.clone(),
        contract: p.way.name().to_owned(),
        usd: p.usd.mid,
        low_usd: p.usd.low,
        high_usd: p.usd.high,
        unit: "USD/chip-h".to_owned(),
        date: p.date.clone(),
        kind: p.kind.name().to_owned(),
        basis: p.basis.clone(),
        sources: p.sources.clone(),
    }
}

fn systems(world: &World<'_>) -> Vec<SystemOut> {
    let mut out = Vec::new();
    for s in &world.systems {
        for (task, fit) in s.fits.iter().enumerate() {
            let Ok(f) = fit else { continue };
            let goodput = secondsource_campaign::closed_form(&f.interruptions.input).map_or(0.0, |g| g.goodput);
            let mut notes = f.notes.clone();
            notes.extend(f.sized.clone());
            if s.next.is_some() {
                notes.push(format!("planned on {} as its stand-in, before the assumed speed-up", s.planned_on));
            }
            out.push(SystemOut {
                system: s.name.clone(),
                job: world.job.tasks[task].name.clone(),
                chips: f.chips,
                days: f.days,
                goodput,
                layout: f.layout.clone(),
                interval_basis: f.interval_basis.clone(),
                notes,
            });
        }
    }
    out
}

fn job_out(world: &World<'_>, period: &str, periods: usize, discount: f64) -> DecideJobOut {
    let job = world.job;
    DecideJobOut {
        as_of: calendar::date(world.as_of),
        horizon_months: world.horizon,
        period: period.to_owned(),
        periods,
        scenarios: job.scenarios,
        seed: job.seed,
        discount_rate: discount,
        budget_usd: job.budget_usd,
        budget_sure: job.budget_sure,
        cvar_level: job.cvar_level,
        cvar_weight: job.cvar_weight,
        jobs: job.tasks.iter().map(|t| t.name.clone()).collect(),
        assumed: world.assumed.clone(),
    }
}

fn assumptions(world: &World<'_>) -> Vec<String> {
    let range = |r: &secondsource_market::contract::Range| {
        if r.low == r.high { format!("{}", r.mid) } else { format!("{} ({} to {})", r.mid, r.low, r.high) }
    };
    let mut out: Vec<String> = Vec::new();
    for a in &world.job.assumptions {
        let unit = if matches!(a.way, Way::Buy | Way::Lease) { "USD a chip" } else { "USD a chip-hour" };
        out.push(format!("{} of {}: {} {unit}: {}", a.way.name(), a.system, range(&a.usd), a.why));
    }
    for n in &world.job.next {
        let months = |r: &secondsource_market::contract::Range| {
            format!("{} ({} to {})", date(world, r.mid), date(world, r.low), date(world, r.high))
        };
        out.push(format!(
            "{}: arrives {}, {} times as fast a chip as {}, {} months in the queue: {}",
            n.name,
            months(&n.arrives),
            range(&n.speed_up),
            n.like,
            range(&n.queue_months),
            n.why
        ));
    }
    out
}

/// The answer when no place can run the jobs.
pub(super) fn nothing(world: &World<'_>, own: &[Option<OwnCosts>]) -> DecideAnswer {
    DecideAnswer {
        job: job_out(world, "", 0, 0.0),
        choice: None,
        runner_up: None,
        options: Vec::new(),
        fallen: fallen(world),
        information: None,
        tornado: Vec::new(),
        waiting: Vec::new(),
        systems: systems(world),
        deliveries: world.deliveries.iter().flatten().cloned().collect(),
        prices: prices(world, own),
        assumptions: assumptions(world),
        notes: Vec::new(),
        scenarios: Vec::new(),
    }
}

pub(super) fn answer(found: &Found<'_>) -> DecideAnswer {
    let shop = &found.shop;
    let world = shop.world;
    let best = &found.best;
    let w = &found.worth;
    let mut notes = Vec::new();
    if !found.all_assignments {
        notes.push("too many jobs to look at every assignment to places: found by moving one job at a time".to_owned());
    }
    let (options, none) = rows(found);
    if shop.misses(&w.run) > 1e-9 {
        notes.push("no plan keeps all limits as surely as asked for: this one is the nearest".to_owned());
    }
    DecideAnswer {
        job: job_out(world, shop.period.name(), shop.periods, shop.discount),
        choice: Some(plan_out(shop, best, &w.run)),
        runner_up: found.next.as_ref().zip(w.run_of_next.as_ref()).map(|(t, run)| plan_out(shop, t, run)),
        options,
        fallen: [fallen(world), none].concat(),
        information: Some(InformationOut {
            evpi_usd: w.knowing.0,
            evpi_scenarios: w.knowing.1,
            vss_usd: w.stochastic,
            saa_gap_usd: w.gap.map(|g| g.usd),
            saa_gap_upper_usd: w.gap.map(|g| g.upper),
            saa_batches: w.gap.map_or(0, |g| g.batches),
            foresight_usd: w.run.total_mean - best.summary.total_mean,
            whole_units_usd: best.usd - best.fractional,
            program_gap: if best.bound > 0.0 { best.fractional / best.bound - 1.0 } else { 0.0 },
        }),
        tornado: tornado::tornado(found),
        waiting: wait::waiting(found),
        systems: systems(world),
        deliveries: world.deliveries.iter().flatten().cloned().collect(),
        prices: prices(world, shop.own),
        assumptions: assumptions(world),
        notes,
        scenarios: w
            .scenarios
            .iter()
            .map(|o| ScenarioOut {
                cost_usd: o.bills,
                total_usd: o.total(),
                end: o.end.iter().map(|e| e.is_finite().then_some(*e)).collect(),
            })
            .collect(),
    }
}
