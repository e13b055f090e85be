//! From a file to an answer.

use super::answer::{
    CustomerOut, LimitOut, LineQuarter, ProductOut, QuarterOut, RuleOut, SqueezeOut, SqueezeRule, SupplyAnswer, WorthOut, YearOut,
};
use super::read::SupplyJob;
use crate::answer::Interval;
use crate::twin::Progress;
use secondsource_base::Diagnostic;
use secondsource_market::paths::quantile;
use secondsource_market::supply::worth::{Quarter, worth};
use secondsource_market::supply::{Claim, Rule, Run, Stage, Supply, World, compare, run, simulate};

/// By how much an order is inflated where gaming is shown.
const INFLATED: f64 = 1.5;

fn interval(mut v: Vec<f64>) -> Interval {
    v.sort_by(f64::total_cmp);
    Interval { p5: quantile(&v, 0.05), p50: quantile(&v, 0.5), p95: quantile(&v, 0.95) }
}

/// Simulates, divides by every rule, prices.
pub fn supply(job: &SupplyJob, progress: Progress<'_>) -> Result<SupplyAnswer, Diagnostic> {
    let chain = &job.chain;
    let words = Diagnostic::error;
    let all = simulate(chain, job.scenarios as usize, job.seed, &|done, total| progress(done, total)).map_err(words)?;
    let world = chain.middle();
    let base = run(chain, &world, chain.rule);
    let (prices, worst_line) = line_worth(job, &world, &base)?;
    let (per_customer, worst_customer) = customer_worth(job, &world, &base)?;
    let mut rules = Vec::new();
    for rule in Rule::ALL {
        let r = run(chain, &world, rule);
        rules.push(rule_out(job, rule, &r));
    }
    Ok(SupplyAnswer {
        name: job.name.clone(),
        scenarios: job.scenarios,
        seed: job.seed,
        rule: chain.rule.name(),
        quarters: quarters(job, &all, &prices),
        customers: customers(job, &all, &world, &base),
        rules,
        squeeze: squeeze(job, &world, &base),
        worth: per_customer,
        worst_gap: worst_line.max(worst_customer),
        // Free shares are for dates, not for this.
        inputs: job.inputs.iter().filter(|i| !i.name.ends_with(" free")).cloned().collect(),
        notes: job.notes.clone(),
    })
}

fn quarters(job: &SupplyJob, all: &Supply, prices: &[Vec<Option<f64>>]) -> Vec<QuarterOut> {
    let chain = &job.chain;
    (0..chain.quarters)
        .map(|q| {
            let lines: Vec<LineQuarter> = chain
                .lines
                .iter()
                .enumerate()
                .map(|(l, line)| {
                    let [p5, p50, p95] = all.use_share[l][q];
                    LineQuarter {
                        line: line.name.clone(),
                        binds: all.binds[l][q],
                        used: Interval { p5, p50, p95 },
                        worth_usd: prices[q][l],
                    }
                })
                .collect();
            let most = lines.iter().max_by(|a, b| a.binds.total_cmp(&b.binds)).filter(|l| l.binds >= 0.5);
            let bottleneck = most.map_or_else(|| "orders".to_owned(), |l| l.line.clone());
            QuarterOut { quarter: all.deliveries.label(q), bottleneck, lines }
        })
        .collect()
}

fn customers(job: &SupplyJob, all: &Supply, world: &World, base: &Run) -> Vec<CustomerOut> {
    let chain = &job.chain;
    let (d, n, warm) = (&all.deliveries, chain.all(), chain.warm);
    let product = |p: usize| {
        let scenarios = 0..d.scenarios;
        let units = (0..chain.quarters).map(|q| interval(scenarios.clone().map(|s| f64::from(d.row(s, p)[q])).collect())).collect();
        let mut years: Vec<(String, Vec<usize>)> = Vec::new();
        for q in 0..chain.quarters {
            let year = d.label(q)[..4].to_owned();
            match years.last_mut() {
                Some((last, list)) if *last == year => list.push(q),
                _ => years.push((year, vec![q])),
            }
        }
        let years = years
            .into_iter()
            .map(|(year, list)| YearOut {
                year,
                units: interval(scenarios.clone().map(|s| list.iter().map(|q| f64::from(d.row(s, p)[*q])).sum()).collect()),
                orders: list.iter().map(|q| world.orders[p][warm + q]).sum(),
            })
            .collect();
        let with_orders: Vec<usize> = (0..chain.quarters).filter(|q| world.orders[p][warm + q] > 0.0).collect();
        let names = chain.lines.iter().map(|l| l.name.clone()).chain(["dies".to_owned(), "nothing".to_owned()]);
        let limits = names
            .enumerate()
            .map(|(i, cause)| {
                let share = with_orders.iter().map(|q| all.limits[p][*q][i]).sum::<f64>() / with_orders.len().max(1) as f64;
                LimitOut { cause, share }
            })
            .filter(|l| l.share > 0.0005)
            .collect();
        ProductOut {
            id: job.products[p].id.clone(),
            name: chain.products[p].name.clone(),
            chips: job.products[p].chips.clone(),
            units,
            years,
            orders: world.orders[p][warm..].to_vec(),
            waiting: base.waiting[p * n + warm..(p + 1) * n].to_vec(),
            limits,
            after_days: interval(scenarios.clone().map(|s| d.days_after(s, p)).collect()),
        }
    };
    chain
        .customers
        .iter()
        .enumerate()
        .map(|(c, customer)| CustomerOut {
            id: job.customer_ids[c].clone(),
            name: customer.name.clone(),
            products: (0..chain.products.len()).filter(|p| chain.products[*p].customer == c).map(product).collect(),
        })
        .collect()
}

fn rule_out(job: &SupplyJob, rule: Rule, r: &Run) -> RuleOut {
    let chain = &job.chain;
    let (n, warm) = (chain.all(), chain.warm);
    let made = |p: usize| r.units[p * n + warm..(p + 1) * n].iter().sum::<f64>();
    let units = (0..chain.customers.len())
        .map(|c| (0..chain.products.len()).filter(|p| chain.products[*p].customer == c).map(made).sum())
        .collect();
    let value_usd = (0..chain.products.len()).filter_map(|p| Some(job.products[p].usd?.middle * made(p))).sum();
    RuleOut { rule: rule.name(), units, value_usd }
}

/// Packages that each product wants in a quarter, orders that wait included, at the middle.
fn wanted(job: &SupplyJob, base: &Run, q: usize) -> Vec<f64> {
    let n = job.chain.all();
    (0..job.chain.products.len()).map(|p| base.wanted[p * n + q] + if q > 0 { base.waiting[p * n + q - 1] } else { 0.0 }).collect()
}

/// The line and quarter with the largest shortage in relation to what is there.
fn squeeze(job: &SupplyJob, world: &World, base: &Run) -> Option<SqueezeOut> {
    let chain = &job.chain;
    let mut best: Option<(f64, usize, usize, Vec<f64>)> = None;
    for q in chain.warm..chain.all() {
        let want = wanted(job, base, q);
        for (l, line) in chain.lines.iter().enumerate() {
            if line.stage == Stage::Rack || line.stage == Stage::Wafers {
                continue;
            }
            let mut claims = vec![0.0; chain.customers.len()];
            for (p, needs) in world.needs.iter().enumerate() {
                if let Some((_, a)) = needs.iter().find(|(k, _)| *k == l) {
                    claims[chain.products[p].customer] += want[p] * a;
                }
            }
            let ratio = claims.iter().sum::<f64>() / world.capacity[l][q].max(1e-9);
            if ratio > 1.0 && best.as_ref().is_none_or(|b| ratio > b.0) {
                best = Some((ratio, l, q, claims));
            }
        }
    }
    let (_, l, q, claims) = best?;
    let shares = world.shares[l].iter().rev().find(|(from, _)| *from <= q).map(|(_, s)| s.clone());
    let list: Vec<Claim> = claims
        .iter()
        .enumerate()
        .map(|(c, order)| Claim { order: *order, share: shares.as_ref().map_or(*order, |s| s[c]), class: chain.customers[c].class })
        .collect();
    let rules = Rule::ALL
        .iter()
        .zip(compare(world.capacity[l][q], &list, INFLATED))
        .map(|(rule, customers)| SqueezeRule { rule: rule.name(), customers })
        .collect();
    Some(SqueezeOut {
        line: chain.lines[l].name.clone(),
        quarter: label(job, q),
        capacity: world.capacity[l][q],
        claimed: claims.iter().sum(),
        inflated: INFLATED,
        claims,
        rules,
    })
}

fn label(job: &SupplyJob, q: usize) -> String {
    use secondsource_market::calendar::{date, month_start};
    let first = date(month_start(job.chain.start, 3 * (q as i64 - job.chain.warm as i64)));
    let month: usize = first[5..7].parse().unwrap_or(1);
    format!("{}Q{}", &first[..4], month.div_ceil(3))
}

/// Needs of a good unit, by line, of the lines that a package takes at its start.
fn per_good(world: &World, p: usize) -> Vec<(usize, f64)> {
    world.needs[p].iter().map(|(l, a)| (*l, a / world.yields[p])).collect()
}

/// `[quarter][line]`.
type Prices = Vec<Vec<Option<f64>>>;

/// Worth of one more of each line in each quarter, `[quarter][line]`: what products without a price use is taken off first.
fn line_worth(job: &SupplyJob, world: &World, base: &Run) -> Result<(Prices, f64), Diagnostic> {
    let chain = &job.chain;
    let n = chain.all();
    let priced: Vec<usize> = (0..chain.products.len()).filter(|p| job.products[*p].usd.is_some()).collect();
    let mut worst = 0.0_f64;
    let mut out = Vec::new();
    for q in chain.warm..n {
        let want = wanted(job, base, q);
        let mut capacity: Vec<f64> = world.capacity.iter().map(|c| c[q]).collect();
        for p in (0..chain.products.len()).filter(|p| job.products[*p].usd.is_none()) {
            for (l, a) in &world.needs[p] {
                capacity[*l] = (capacity[*l] - a * want[p]).max(0.0);
            }
        }
        let w = worth(&Quarter {
            value: priced.iter().map(|p| job.products[*p].usd.map_or(0.0, |u| u.middle)).collect(),
            orders: priced.iter().map(|p| want[*p] * world.yields[*p]).collect(),
            capacity,
            needs: priced.iter().map(|p| per_good(world, *p)).collect(),
        })
        .map_err(Diagnostic::error)?;
        worst = worst.max(w.gap.abs());
        let used = |l: usize| priced.iter().any(|p| want[*p] > 0.0 && world.needs[*p].iter().any(|(k, _)| *k == l));
        out.push(w.lines.iter().enumerate().map(|(l, v)| used(l).then_some(*v)).collect());
    }
    Ok((out, worst))
}

/// Worth of one more of each line to each customer, within what the rule gave it.
fn customer_worth(job: &SupplyJob, world: &World, base: &Run) -> Result<(Vec<WorthOut>, f64), Diagnostic> {
    let chain = &job.chain;
    let n = chain.all();
    let mut worst = 0.0_f64;
    let mut out = Vec::new();
    for (c, customer) in chain.customers.iter().enumerate() {
        let own: Vec<usize> =
            (0..chain.products.len()).filter(|p| chain.products[*p].customer == c && job.products[*p].usd.is_some()).collect();
        if own.is_empty() {
            continue;
        }
        let mut sums = vec![(0.0, 0.0, 0.0); chain.lines.len()];
        for q in chain.warm..n {
            let want = wanted(job, base, q);
            // Dies of earlier quarters are in stock; lines of this quarter are what the package start takes.
            let given = |l: usize| {
                own.iter().filter_map(|p| world.needs[*p].iter().find(|(k, _)| *k == l).map(|(_, a)| a * base.started[p * n + q])).sum()
            };
            let w = worth(&Quarter {
                value: own.iter().map(|p| job.products[*p].usd.map_or(0.0, |u| u.middle)).collect(),
                orders: own.iter().map(|p| want[*p] * world.yields[*p]).collect(),
                capacity: (0..chain.lines.len()).map(given).collect(),
                needs: own.iter().map(|p| per_good(world, *p)).collect(),
            })
            .map_err(Diagnostic::error)?;
            worst = worst.max(w.gap.abs());
            for (l, s) in sums.iter_mut().enumerate() {
                if own.iter().any(|p| want[*p] > 0.0 && world.needs[*p].iter().any(|(k, _)| *k == l)) {
                    let scarce = base.binds[l * n + q];
                    *s = (s.0 + 1.0, s.1 + if scarce { w.lines[l] } else { 0.0 }, s.2 + f64::from(u8::from(scarce && w.lines[l] > 0.0)));
                }
            }
        }
        for (l, (quarters, usd, binding)) in sums.into_iter().enumerate().filter(|(_, s)| s.0 > 0.0) {
            out.push(WorthOut {
                customer: customer.name.clone(),
                line: chain.lines[l].name.clone(),
                usd: usd / quarters,
                binding: binding / quarters,
            });
        }
    }
    Ok((out, worst))
}
