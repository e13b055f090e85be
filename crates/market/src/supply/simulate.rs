//! Running a chain quarter by quarter, with work in progress carried.
//!
//! A quarter's flow is spread evenly over it, so a lag of a + f quarters (f < 1) brings 1 - f of it a quarters later and f of it
//! a + 1 quarters later. In each quarter, in this order: wafers are started for the packages that are wanted a fab's time later;
//! packages are started from dies, memory and packaging capacity; good packages go to the rack line; what leaves it is delivered.

use rayon::prelude::*;

use super::allocate::{Claim, Rule, allocate_into};
use super::chain::{Chain, Stage, World};
use super::deliveries::{Deliveries, Period};

/// Days of a quarter.
pub const QUARTER: f64 = 365.25 / 4.0;

/// Times that capacity which one line leaves unused, because another one binds, is offered again.
const ROUNDS: usize = 8;

/// A line that is used to this share of its capacity is exhausted: what is offered again converges to all of it.
const FULL: f64 = 0.995;

/// What one world brings. Rows are `[product * quarters + quarter]` or `[line * quarters + quarter]`, warm-up included.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Chips that leave the rack line.
    pub units: Vec<f64>,
    /// Packages started.
    pub started: Vec<f64>,
    /// Wafers or packages granted in package equivalents of dies.
    pub dies: Vec<f64>,
    /// Packages to be started for what is ordered later, by quarter; those that wait not counted.
    pub wanted: Vec<f64>,
    /// Packages wanted and not started, waiting.
    pub waiting: Vec<f64>,
    /// Use of each line.
    pub used: Vec<f64>,
    /// Whether the line kept anybody from more.
    pub binds: Vec<bool>,
    /// `[product][quarter]`: the line that gave the product the least, `lines` where it was the dies, `lines + 1` where nothing did.
    pub limit: Vec<u8>,
    /// Packages' worth of dies in stock at the end, and packages and chips on their way.
    pub stock: Vec<f64>,
    pub on_the_way: Vec<f64>,
}

/// Room for one pass, reused over scenarios.
struct Desk {
    customer_claims: Vec<Claim>,
    customer_got: Vec<f64>,
    orders: Vec<f64>,
    least: Vec<f64>,
    left: Vec<f64>,
    open: Vec<f64>,
}

/// Adds a flow of a quarter to the quarters in which it comes out; what comes out after the end is returned.
fn flow(out: &mut [f64], at: usize, amount: f64, days: f64) -> f64 {
    let lag = days / QUARTER;
    let whole = libm::floor(lag);
    let part = lag - whole;
    let first = at + whole as usize;
    let mut lost = 0.0;
    for (place, share) in [(first, 1.0 - part), (first + 1, part)] {
        match out.get_mut(place) {
            Some(o) => *o += amount * share,
            None => lost += amount * share,
        }
    }
    lost
}

/// Divides the lines of some stages among claims, in packages: `claims` in, granted out into `granted`.
#[expect(clippy::too_many_arguments, reason = "one step of the pass, all of it by reference")]
fn grant(
    chain: &Chain,
    world: &World,
    rule: Rule,
    quarter: usize,
    stages: &[Stage],
    claims: &[f64],
    granted: &mut [f64],
    run: &mut Run,
    desk: &mut Desk,
) {
    let (n, lines) = (chain.all(), chain.lines.len());
    granted.fill(0.0);
    desk.open.copy_from_slice(claims);
    let inside = |l: usize| stages.contains(&chain.lines[l].stage);
    for l in 0..lines {
        desk.left[l] = if inside(l) { world.capacity[l][quarter] } else { f64::INFINITY };
    }
    for round in 0..ROUNDS {
        desk.least.fill(1.0);
        for l in (0..lines).filter(|l| inside(*l)) {
            desk.orders.fill(0.0);
            let mut all = 0.0;
            for (p, needs) in world.needs.iter().enumerate() {
                // A product that another, exhausted line stops has no use for this one.
                let stopped = round > 0
                    && needs.iter().any(|(k, a)| *k != l && *a > 0.0 && desk.left[*k] <= 1e-9 * world.capacity[*k][quarter].max(1e-300));
                if let (false, Some((_, amount))) = (stopped, needs.iter().find(|(k, _)| *k == l)) {
                    desk.orders[chain.products[p].customer] += desk.open[p] * amount;
                    all += desk.open[p] * amount;
                }
            }
            if all <= desk.left[l] {
                continue;
            }
            let shares = world.shares[l].iter().rev().find(|(from, _)| *from <= quarter).map(|(_, s)| s);
            for (c, claim) in desk.customer_claims.iter_mut().enumerate() {
                let order = desk.orders[c];
                *claim = Claim { order, share: shares.map_or(order, |s| s[c]), class: chain.customers[c].class };
            }
            allocate_into(rule, desk.left[l], &desk.customer_claims, &mut desk.customer_got);
            for (p, needs) in world.needs.iter().enumerate() {
                if desk.open[p] <= 0.0 || !needs.iter().any(|(k, a)| *k == l && *a > 0.0) {
                    continue;
                }
                let c = chain.products[p].customer;
                let part = if desk.orders[c] > 0.0 { (desk.customer_got[c] / desk.orders[c]).min(1.0) } else { 0.0 };
                desk.least[p] = desk.least[p].min(part);
            }
        }
        let mut more = false;
        for (p, needs) in world.needs.iter().enumerate() {
            let open = desk.open[p];
            if open <= 0.0 {
                continue;
            }
            let stopped = round > 0
                && needs.iter().any(|(k, a)| *a > 0.0 && desk.left[*k] <= 1e-9 * world.capacity[*k][quarter].max(1e-300) && inside(*k));
            let got = if stopped { 0.0 } else { open * desk.least[p] };
            granted[p] += got;
            desk.open[p] = open - got;
            for (l, amount) in needs.iter().filter(|(l, _)| inside(*l)) {
                let take = got * amount;
                desk.left[*l] = (desk.left[*l] - take).max(0.0);
                run.used[l * n + quarter] += take;
            }
            more |= desk.open[p] > 1e-9 * claims[p];
        }
        if !more {
            break;
        }
    }
    // Whoever is short is so because of an exhausted line, the one with the least room for it.
    for (p, needs) in world.needs.iter().enumerate().filter(|(p, _)| desk.open[*p] > 1e-6 * claims[*p]) {
        let room = |l: usize| desk.left[l] / world.capacity[l][quarter].max(1e-300);
        let full = needs.iter().filter(|(l, a)| inside(*l) && *a > 0.0 && room(*l) <= 1.0 - FULL).map(|(l, _)| *l);
        if let Some(l) = full.min_by(|a, b| room(*a).total_cmp(&room(*b))) {
            run.binds[l * n + quarter] = true;
            run.limit[p * n + quarter] = l as u8;
        }
    }
}

/// Runs one world under a rule.
pub fn run(chain: &Chain, world: &World, rule: Rule) -> Run {
    let (n, products, lines, customers) = (chain.all(), chain.products.len(), chain.lines.len(), chain.customers.len());
    let mut run = Run {
        units: vec![0.0; products * n],
        started: vec![0.0; products * n],
        dies: vec![0.0; products * n],
        wanted: Vec::new(),
        waiting: vec![0.0; products * n],
        used: vec![0.0; lines * n],
        binds: vec![false; lines * n],
        limit: vec![(lines + 1) as u8; products * n],
        stock: vec![0.0; products],
        on_the_way: vec![0.0; products],
    };
    let mut desk = Desk {
        customer_claims: vec![Claim { order: 0.0, share: 0.0, class: 0 }; customers],
        customer_got: vec![0.0; customers],
        orders: vec![0.0; customers],
        least: vec![1.0; products],
        left: vec![0.0; lines],
        open: vec![0.0; products],
    };
    let rack_lines = chain.lines.iter().any(|l| l.stage == Stage::Rack);
    let days_of = |p: usize, stage: Stage| -> Option<f64> {
        world.needs[p].iter().filter(|(l, _)| chain.lines[*l].stage == stage).map(|(l, _)| world.days[*l]).reduce(f64::max)
    };
    let fab: Vec<Option<f64>> = (0..products).map(|p| days_of(p, Stage::Wafers)).collect();
    let packing: Vec<f64> = (0..products).map(|p| days_of(p, Stage::Packaging).unwrap_or(0.0)).collect();
    let racking: Vec<f64> = (0..products).map(|p| days_of(p, Stage::Rack).unwrap_or(0.0) + world.integration[p]).collect();
    let (mut arriving, mut tested) = (vec![0.0; products * n], vec![0.0; products * n]);
    let (mut wafer_wait, mut package_wait, mut rack_queue) = (vec![0.0; products], vec![0.0; products], vec![0.0; products]);
    let (mut claims, mut granted) = (vec![0.0; products], vec![0.0; products]);
    // Orders are chips out of the rack line: packages for them are started a packaging and racking time earlier, wafers a fab's time
    // before that. Between quarters what is wanted later is spread as a flow that comes later is.
    let later = |row: &dyn Fn(usize) -> f64, q: usize, days: f64| {
        let lag = days / QUARTER;
        let (whole, part) = (libm::floor(lag) as usize, lag - libm::floor(lag));
        (1.0 - part) * row((q + whole).min(n - 1)) + part * row((q + whole + 1).min(n - 1))
    };
    let packages: Vec<f64> = (0..products * n)
        .map(|i| later(&|q| world.orders[i / n][q], i % n, packing[i / n] + racking[i / n]) / world.yields[i / n])
        .collect();
    let wanted = |p: usize, q: usize| packages[p * n + q];
    // The pipeline of the time before the first quarter: what is then wanted is on its way.
    let covered = |days: f64, q: usize| (days / QUARTER - q as f64).clamp(0.0, 1.0);
    for p in 0..products {
        let days = packing[p] + racking[p];
        for q in 0..(libm::ceil(days / QUARTER) as usize).min(n) {
            run.units[p * n + q] += world.orders[p][q] * covered(days, q);
        }
        if let Some(days) = fab[p] {
            for q in 0..(libm::ceil(days / QUARTER) as usize).min(n) {
                arriving[p * n + q] += wanted(p, q) * covered(days, q);
            }
        }
    }
    for q in 0..n {
        for p in 0..products {
            claims[p] = fab[p].map_or(0.0, |days| later(&|q| wanted(p, q), q, days) + wafer_wait[p]);
        }
        grant(chain, world, rule, q, &[Stage::Wafers], &claims, &mut granted, &mut run, &mut desk);
        for p in 0..products {
            wafer_wait[p] = (claims[p] - granted[p]).max(0.0) * chain.carry;
            run.dies[p * n + q] = granted[p];
            if let Some(days) = fab[p] {
                run.on_the_way[p] += flow(&mut arriving[p * n..(p + 1) * n], q, granted[p], days);
            }
            // Whoever waited for wafers is not told so by the packaging line.
            run.limit[p * n + q] = (lines + 1) as u8;
        }
        for p in 0..products {
            let want = wanted(p, q) + package_wait[p];
            if fab[p].is_some() {
                run.stock[p] += arriving[p * n + q];
                claims[p] = want.min(run.stock[p]);
                if claims[p] < want * (1.0 - 1e-9) {
                    run.limit[p * n + q] = lines as u8;
                }
            } else {
                claims[p] = want;
            }
        }
        grant(chain, world, rule, q, &[Stage::Memory, Stage::Packaging], &claims, &mut granted, &mut run, &mut desk);
        for p in 0..products {
            let want = wanted(p, q) + package_wait[p];
            package_wait[p] = (want - granted[p]).max(0.0) * chain.carry;
            run.waiting[p * n + q] = package_wait[p];
            run.started[p * n + q] = granted[p];
            if fab[p].is_some() {
                run.stock[p] = (run.stock[p] - granted[p]).max(0.0);
            }
            run.on_the_way[p] += flow(&mut tested[p * n..(p + 1) * n], q, granted[p] * world.yields[p], packing[p]);
        }
        for (p, queue) in rack_queue.iter_mut().enumerate() {
            *queue += tested[p * n + q];
        }
        claims.copy_from_slice(&rack_queue);
        if rack_lines {
            let limits: Vec<u8> = (0..products).map(|p| run.limit[p * n + q]).collect();
            grant(chain, world, rule, q, &[Stage::Rack], &claims, &mut granted, &mut run, &mut desk);
            for (p, before) in limits.into_iter().enumerate().filter(|(p, _)| granted[*p] >= claims[*p] * (1.0 - 1e-9)) {
                run.limit[p * n + q] = before;
            }
        } else {
            granted.copy_from_slice(&claims);
        }
        for p in 0..products {
            rack_queue[p] = (rack_queue[p] - granted[p]).max(0.0);
            run.on_the_way[p] += flow(&mut run.units[p * n..(p + 1) * n], q, granted[p], racking[p]);
        }
    }
    for (way, queue) in run.on_the_way.iter_mut().zip(&rack_queue) {
        *way += queue;
    }
    run.wanted = packages;
    run
}

/// Everything that many scenarios say.
#[derive(Debug, Clone, PartialEq)]
pub struct Supply {
    /// Chips out of the rack line, without the warm-up.
    pub deliveries: Deliveries,
    /// `[line][quarter]`: share of scenarios in which the line keeps somebody from more.
    pub binds: Vec<Vec<f64>>,
    /// `[line][quarter]`: 5%, 50% and 95% of use over capacity.
    pub use_share: Vec<Vec<[f64; 3]>>,
    /// `[product][quarter]`: share of scenarios by what limits the product: each line, dies, nothing.
    pub limits: Vec<Vec<Vec<f64>>>,
}

/// Scenarios of a seed. The first of 100 scenarios are those of 10.
///
/// # Errors
/// Words for a chain that [`Chain::check`] refuses.
pub fn simulate(chain: &Chain, scenarios: usize, seed: u64, tick: &(dyn Fn(u64, u64) + Sync)) -> Result<Supply, String> {
    chain.check()?;
    let (n, quarters, warm, products, lines) = (chain.all(), chain.quarters, chain.warm, chain.products.len(), chain.lines.len());
    let names = chain.products.iter().map(|p| p.name.clone()).collect();
    let mut deliveries = Deliveries::empty(chain.start, Period::Quarter, quarters, names, scenarios)?;
    let done = std::sync::atomic::AtomicU64::new(0);
    // What each scenario leaves: use over capacity, who binds, what limits.
    let width = lines * quarters;
    let mut used = vec![0.0_f32; width * scenarios];
    let mut limits = vec![0_u8; products * quarters * scenarios];
    let mut binds = vec![false; width * scenarios];
    let rows = deliveries.units.par_chunks_mut(products * quarters).zip(deliveries.after.par_chunks_mut(products));
    let notes = used.par_chunks_mut(width.max(1)).zip(binds.par_chunks_mut(width.max(1))).zip(limits.par_chunks_mut(products * quarters));
    let one = |s: usize, units: &mut [f32], after: &mut [f32], used: &mut [f32], binds: &mut [bool], limits: &mut [u8]| {
        let world = chain.draw(seed, s as u64);
        let r = run(chain, &world, chain.rule);
        for p in 0..products {
            after[p] = world.after[p].iter().sum::<f64>() as f32;
            for q in 0..quarters {
                units[p * quarters + q] = r.units[p * n + warm + q] as f32;
                limits[p * quarters + q] = r.limit[p * n + warm + q];
            }
        }
        for l in 0..lines {
            for q in 0..quarters {
                used[l * quarters + q] = (r.used[l * n + warm + q] / world.capacity[l][warm + q].max(1e-9)) as f32;
                binds[l * quarters + q] = r.binds[l * n + warm + q];
            }
        }
        let so_far = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
        if so_far.is_multiple_of(64) {
            tick(so_far, scenarios as u64);
        }
    };
    if width == 0 {
        rows.zip(limits.par_chunks_mut(products * quarters))
            .enumerate()
            .for_each(|(s, ((units, after), limits))| one(s, units, after, &mut [], &mut [], limits));
    } else {
        rows.zip(notes).enumerate().for_each(|(s, ((units, after), ((used, binds), limits)))| one(s, units, after, used, binds, limits));
    }
    let count = scenarios as f64;
    let share = |table: &[bool], l: usize, q: usize| (0..scenarios).filter(|s| table[s * width + l * quarters + q]).count() as f64 / count;
    let spread = |l: usize, q: usize| -> [f64; 3] {
        let mut v: Vec<f64> = (0..scenarios).map(|s| f64::from(used[s * width + l * quarters + q])).collect();
        v.sort_by(f64::total_cmp);
        [0.05, 0.5, 0.95].map(|x| crate::paths::quantile(&v, x))
    };
    let limit = |p: usize, q: usize| -> Vec<f64> {
        let mut counts = vec![0.0; lines + 2];
        for s in 0..scenarios {
            let at = usize::from(limits[(s * products + p) * quarters + q]);
            counts[at.min(lines + 1)] += 1.0 / count;
        }
        counts
    };
    Ok(Supply {
        binds: (0..lines).map(|l| (0..quarters).map(|q| share(&binds, l, q)).collect()).collect(),
        use_share: (0..lines).map(|l| (0..quarters).map(|q| spread(l, q)).collect()).collect(),
        limits: (0..products).map(|p| (0..quarters).map(|q| limit(p, q)).collect()).collect(),
        deliveries,
    })
}
