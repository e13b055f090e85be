//! From a fleet's model to the answer: waterfalls at the middle, scenarios, the allocation, and what flips it.

use super::answer::{ChipOut, ChipPrice, FleetOut, QuarterOut, SellAnswer, TornadoOut, UseChips, UseOut, UseShare};
use super::model::{Model, RACKS, Worth};
use super::read::{SellJob, USES};
use crate::answer::Interval;
use crate::twin::{Progress, Twin};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_market::seller::{Allocation, Fleet, allocate, break_even_share, draw, quantiles, tornado};

/// What a scenario leaves behind.
struct Scenario {
    worth: Vec<Worth>,
    kappa: f64,
    fleet: Fleet,
    allocation: Allocation,
}

impl Twin {
    pub(crate) fn sell_job(&self, job: &SellJob, progress: Progress<'_>) -> Result<SellAnswer, Diagnostic> {
        let model = Model::new(self, job)?;
        let middle = model.inputs.middle();
        let run = |v: &[f64]| -> Result<Scenario, Diagnostic> {
            let fleet = model.fleet(v);
            let allocation = allocate(&fleet).map_err(|e| Diagnostic::error(format!("the allocation cannot be solved: {e}")))?;
            let worth = (0..model.generations()).map(|g| model.worth(g, v, 0.0)).collect();
            Ok(Scenario { worth, kappa: model.kappa(v), fleet, allocation })
        };
        let base = run(&middle)?;
        let (ranges, bounds) = (model.inputs.ranges(), model.inputs.bounds());
        let done = std::sync::atomic::AtomicU64::new(0);
        let scenarios: Vec<Scenario> = (0..job.scenarios)
            .into_par_iter()
            .map(|i| {
                let s = run(&draw(&ranges, &bounds, job.seed, i));
                progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, job.scenarios);
                s
            })
            .collect::<Result<_, Diagnostic>>()?;
        let chips = (0..model.generations()).map(|g| chip_out(&model, g, &middle, &base, &scenarios)).collect();
        let fleet = fleet_out(&model, &base, &scenarios);
        let racks = sold(&base);
        let rented: f64 = base.allocation.chips.iter().map(|c| c[..RACKS].iter().sum::<f64>()).sum();
        let choice = match (rented > 0.0, racks > 0.0) {
            (true, true) => "both",
            (false, true) => "sell",
            (true, false) => "rent",
            (false, false) => "neither",
        };
        let tornado = tornado_out(&model, &run)?;
        Ok(SellAnswer {
            name: job.name.clone(),
            quarters: model.quarters() as u64,
            scenarios: job.scenarios,
            seed: job.seed,
            choice,
            chips,
            fleet,
            tornado,
            notes: notes(&model),
            inputs: model.inputs.list.clone(),
        })
    }
}

fn interval(values: &[f64]) -> Interval {
    let q = quantiles(values);
    Interval { p5: q.low, p50: q.middle, p95: q.high }
}

fn over(scenarios: &[Scenario], f: impl Fn(&Scenario) -> f64) -> Interval {
    interval(&scenarios.iter().map(f).collect::<Vec<f64>>())
}

/// Share of all new chips that are sold.
fn sold(s: &Scenario) -> f64 {
    share_of(s, RACKS)
}

fn share_of(s: &Scenario, u: usize) -> f64 {
    let all: f64 = s.fleet.batches.iter().map(|b| b.count).sum();
    let part: f64 = s.allocation.chips.iter().map(|c| c[u]).sum();
    if all > 0.0 { part / all } else { 0.0 }
}

/// What selling one more chip gains over the best other use, USD: both pay for the megawatts and rental buyers that they
/// take up at the prices of the allocation. Mean over all new chips that can be sold.
fn gain_of_selling(s: &Scenario) -> f64 {
    let (mut sum, mut chips) = (0.0, 0.0);
    for (b, net) in s.fleet.batches.iter().zip(&s.allocation.net_usd) {
        let Some(sale) = net[RACKS] else { continue };
        let other = net[..RACKS].iter().flatten().copied().fold(0.0, f64::max);
        sum += b.count * (sale - other);
        chips += b.count;
    }
    // To the cent: an allocation that is indifferent is so up to rounding only.
    let mean = if chips > 0.0 { sum / chips } else { 0.0 };
    libm::round(mean * 100.0) / 100.0
}

fn chip_out(model: &Model, g: usize, middle: &[f64], base: &Scenario, scenarios: &[Scenario]) -> ChipOut {
    let worth = &base.worth[g];
    let uses = worth.uses.iter().enumerate().map(|(i, (kind, w, hour))| UseOut {
        name: USES[*kind],
        usd_per_chip_hour: *hour,
        lines: w.lines.clone(),
        total_usd: w.total_usd,
        usd: over(scenarios, |s| s.worth[g].uses[i].1.total_usd),
        usd_per_kw: w.total_usd / worth.kw,
    });
    let rent = |s: &Scenario| s.worth[g].rent().map_or(0.0, |r| r.1.total_usd);
    let sale = |s: &Scenario| s.worth[g].sale().map_or(0.0, |w| w.total_usd);
    let (can_rent, can_sell) = (worth.rent().is_some(), worth.sale().is_some());
    let both = can_rent && can_sell;
    let break_even = both.then(|| break_even_share(rent(base), sale(base), model.demand_share(middle).unwrap_or(f64::MAX), base.kappa));
    let renting_pays: Vec<f64> = scenarios.iter().filter(|s| rent(s) > 0.0).map(|s| (sale(s) / rent(s)).max(0.0)).collect();
    ChipOut {
        id: worth.id.clone(),
        chips: model.supply(g, middle),
        kw: worth.kw,
        uses: uses.collect(),
        best_rent: worth.rent().map(|r| USES[r.0]),
        rent_usd: can_rent.then(|| over(scenarios, rent)),
        sell_usd: can_sell.then(|| over(scenarios, sale)),
        sell_after_cannibalisation_usd: both.then(|| over(scenarios, |s| sale(s) - s.kappa * rent(s))),
        break_even_kappa: (both && rent(base) > 0.0).then(|| interval(&renting_pays)),
        break_even,
        selling_wins: both.then(|| scenarios.iter().filter(|s| sale(s) > rent(s)).count() as f64 / scenarios.len().max(1) as f64),
    }
}

fn fleet_out(model: &Model, base: &Scenario, scenarios: &[Scenario]) -> FleetOut {
    let used: Vec<usize> = (0..USES.len()).filter(|u| base.fleet.batches.iter().any(|b| b.usd[*u].is_some())).collect();
    let all = |s: &Scenario| s.fleet.batches.iter().map(|b| b.count).sum::<f64>();
    let idle = |s: &Scenario| if all(s) > 0.0 { s.allocation.idle.iter().sum::<f64>() / all(s) } else { 0.0 };
    let chip_price = |s: &Scenario, g: usize| {
        let of = s.fleet.batches.iter().zip(&s.allocation.chip_prices).filter(|(b, _)| b.chip == g);
        let (sum, n) = of.fold((0.0, 0.0), |(sum, n), (b, p)| (sum + p * b.count, n + b.count));
        if n > 0.0 { sum / n } else { 0.0 }
    };
    let megawatt = |s: &Scenario| s.allocation.megawatt_prices.iter().sum::<f64>();
    let mut binds = Vec::new();
    if (0..model.generations()).any(|g| chip_price(base, g) > 1e-6) {
        binds.push("chips");
    }
    if megawatt(base) > 1e-6 {
        binds.push("megawatts");
    }
    if binds.is_empty() {
        binds.push("buyers");
    }
    let quarters = (0..model.quarters()).map(|q| {
        let here: Vec<usize> = (0..base.fleet.batches.len()).filter(|b| base.fleet.batches[*b].quarter == q).collect();
        QuarterOut {
            quarter: q as u64 + 1,
            chips: used
                .iter()
                .map(|u| UseChips { name: USES[*u], chips: here.iter().map(|b| base.allocation.chips[*b][*u]).sum() })
                .collect(),
            idle: here.iter().map(|b| base.allocation.idle[*b]).sum(),
            megawatts: base.fleet.megawatts[q],
            megawatts_used: base.allocation.megawatts_used[q],
            megawatt_price_usd: base.allocation.megawatt_prices[q],
        }
    });
    FleetOut {
        value_usd: over(scenarios, |s| s.allocation.value_usd),
        shares: used.iter().map(|u| UseShare { name: USES[*u], share: over(scenarios, |s| share_of(s, *u)) }).collect(),
        idle: over(scenarios, idle),
        chip_price_usd: (0..model.generations())
            .map(|g| ChipPrice { id: model.id(g).to_owned(), usd: over(scenarios, |s| chip_price(s, g)) })
            .collect(),
        megawatt_price_usd: over(scenarios, megawatt),
        gain_of_selling_usd: over(scenarios, gain_of_selling),
        binds,
        quarters: quarters.collect(),
        worst_gap: scenarios.iter().map(|s| s.allocation.gap.abs()).fold(base.allocation.gap.abs(), f64::max),
    }
}

fn tornado_out(model: &Model, run: &(dyn Fn(&[f64]) -> Result<Scenario, Diagnostic> + Sync)) -> Result<Vec<TornadoOut>, Diagnostic> {
    let both: Vec<usize> = (0..model.generations())
        .filter(|g| {
            let w = model.worth(*g, &model.inputs.middle(), 0.0);
            w.rent().is_some() && w.sale().is_some()
        })
        .collect();
    if both.is_empty() {
        return Ok(Vec::new());
    }
    // An end that cannot be solved is an error below.
    let gain = |v: &[f64]| run(v).map_or(0.0, |s| gain_of_selling(&s));
    let bars = tornado(&model.inputs.ranges(), &gain);
    let middle = model.inputs.middle();
    bars.into_par_iter()
        .map(|b| {
            let input = &model.inputs.list[b.input];
            let at = |v: f64| {
                let mut x = middle.clone();
                x[b.input] = v;
                run(&x).map(|s| sold(&s))
            };
            Ok(TornadoOut {
                input: input.name.clone(),
                unit: input.unit,
                low: input.range.low,
                high: input.range.high,
                gain_at_low_usd: b.at_low,
                gain_at_high_usd: b.at_high,
                sold_at_low: at(input.range.low)?,
                sold_at_high: at(input.range.high)?,
                flips: b.flips,
                flips_at: b.flips_at,
            })
        })
        .collect()
}

fn notes(model: &Model) -> Vec<String> {
    let n = model.inputs.list.iter().filter(|i| i.assumed).count();
    vec![
        format!("{n} of {} inputs have no public source: they are assumptions, and the answer is theirs", model.inputs.list.len()),
        "chips stay in service through all quarters; each is valued over its whole life, its price falling from today on".to_owned(),
        "per chip, a sale and a rental are compared as if both could be had at once; the allocation knows how many buyers, chips and megawatts there are".to_owned(),
    ]
}
