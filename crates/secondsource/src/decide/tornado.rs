//! Which input flips the choice: each at its P5 and P95 with the others as they are, and the value at which another plan
//! becomes the best.

use super::answer::TornadoOut;
use super::build::Shop;
use super::choose::{Quick, Tried};
use super::factors::{Factor, Held, Of};
use super::run::{FEW, Found};
use super::words;
use rayon::prelude::*;

/// Steps of the bisection: a thousandth of the bracket.
const STEPS: usize = 12;
/// How far beyond P5 and P95 a flip is looked for, as a factor on the middle.
const BEYOND: f64 = 4.0;

/// Inputs shown.
const SHOWN: usize = 20;

struct Bench<'f, 'a> {
    found: &'f Found<'a>,
    /// The rival that is best on few scenarios with nothing held, which flips are told from.
    base: usize,
}

impl Bench<'_, '_> {
    /// What a rival comes to with an input held; as it was when the input is no concern of its.
    fn quick(&self, rival: usize, held: Held) -> Quick {
        let (tried, known) = &self.found.rivals[rival];
        let Some((f, _)) = held else { return known.clone() };
        if !self.concerns(tried, &self.found.draws.factors[f]) {
            return known.clone();
        }
        let shop = Shop { strict: tried.strict.clone(), ..self.found.shop.clone() };
        shop.quick(&tried.choice, &self.found.draws, 0..self.found.draws.scenarios.min(FEW), held)
    }

    fn concerns(&self, tried: &Tried, factor: &Factor) -> bool {
        let draws = &self.found.draws;
        let sites = &self.found.shop.world.sites;
        tried.choice.sites.iter().any(|s| {
            let system = sites[*s].system;
            match factor.of {
                Of::Speed(x) | Of::Failures(x) | Of::Restart(x) | Of::Delivery(x) | Of::Arrival(x) | Of::SpeedUp(x) | Of::Queue(x) => {
                    x == system
                }
                Of::Own(x, _) => x == system && sites[*s].own,
                Of::Price(x) => draws.path_of[x] == draws.path_of[system],
                Of::Hazard => sites[*s].prices.iter().any(|p| p.way == super::job::Way::Spot),
                Of::Assumed(x, _) => x == *s,
            }
        })
    }

    /// The best rival with an input held, and every rival's figures.
    fn best(&self, held: Held) -> (usize, Vec<Quick>) {
        let all: Vec<Quick> = (0..self.found.rivals.len()).map(|r| self.quick(r, held)).collect();
        let shop = &self.found.shop;
        let best = (0..all.len()).reduce(|a, b| if shop.better(&all[b].summary, &all[a].summary) { b } else { a }).unwrap_or(0);
        (best, all)
    }

    /// Whether the choice under an input is another one: another place, or another main way to pay there.
    fn flips(&self, held: Held) -> Option<(usize, Quick)> {
        let (best, mut all) = self.best(held);
        let quick = all.swap_remove(best);
        let base = &self.found.rivals[self.base].1;
        (best != self.base || quick.lead != base.lead).then_some((best, quick))
    }

    /// The value between one that does not flip and one that does.
    fn threshold(&self, factor: usize, mut stays: f64, mut flips: f64) -> f64 {
        for _ in 0..STEPS {
            let middle = f64::midpoint(stays, flips);
            if self.flips(Some((factor, middle))).is_some() {
                flips = middle;
            } else {
                stays = middle;
            }
        }
        flips
    }

    fn bar(&self, index: usize, factor: &Factor) -> TornadoOut {
        let [p5, p50, p95] = [0.05, 0.5, 0.95].map(|p| factor.quantile(p));
        let shop = &self.found.shop;
        let (low_best, low) = self.best(Some((index, p5)));
        let (high_best, high) = self.best(Some((index, p95)));
        let label = |best: usize, all: &[Quick]| words::label(shop, &self.found.rivals[best].0.choice, all[best].lead);
        let mut out = TornadoOut {
            input: factor.name.clone(),
            unit: factor.unit.to_owned(),
            p5,
            p50,
            p95,
            at_p5_usd: low[self.base].summary.total_mean,
            at_p95_usd: high[self.base].summary.total_mean,
            choice_at_p5: label(low_best, &low),
            choice_at_p95: label(high_best, &high),
            flips_at: None,
            flips_when: None,
            flips_to: None,
            flips_within: false,
            assumed: factor.assumed,
            basis: factor.basis.clone(),
        };
        // The nearest flip: within the interval on either side, then beyond it.
        let middle_stays = self.flips(Some((index, p50))).is_none();
        if !middle_stays {
            return out;
        }
        let floor = if matches!(factor.of, Of::Arrival(_) | Of::Queue(_) | Of::Delivery(_)) { 0.0 } else { p50 / BEYOND };
        let sides = [(p50, p5, true), (p50, p95, true), (p5, floor.min(p5), false), (p95, (p50 * BEYOND).max(p95), false)];
        for (from, to, within) in sides {
            if (to - from).abs() <= 1e-12 * p50.abs() || out.flips_at.is_some() {
                continue;
            }
            let Some((best, quick)) = self.flips(Some((index, to))) else { continue };
            out.flips_at = Some(self.threshold(index, from, to));
            out.flips_when = Some(if to > from { "above" } else { "below" }.to_owned());
            out.flips_to = Some(words::label(shop, &self.found.rivals[best].0.choice, quick.lead));
            out.flips_within = within;
        }
        out
    }
}

/// The tornado: inputs of the choice and of its rivals, those that flip it within their interval first, then by how far
/// they move its cost.
pub(super) fn tornado(found: &Found<'_>) -> Vec<TornadoOut> {
    let base = Bench { found, base: 0 }.best(None).0;
    let bench = Bench { found, base };
    let concerned = |f: &Factor| found.rivals.iter().any(|(t, _)| bench.concerns(t, f));
    let list: Vec<(usize, &Factor)> = found.draws.factors.iter().enumerate().filter(|(_, f)| f.varies() && concerned(f)).collect();
    let mut bars: Vec<TornadoOut> = list.par_iter().map(|(i, f)| bench.bar(*i, f)).collect();
    let swing = |b: &TornadoOut| (b.at_p95_usd - b.at_p5_usd).abs();
    bars.sort_by(|a, b| {
        let order = |x: &TornadoOut| (!x.flips_within, x.flips_at.is_none() && swing(x) <= 0.0);
        order(a).cmp(&order(b)).then(swing(b).total_cmp(&swing(a))).then(a.input.cmp(&b.input))
    });
    // An input that moves nothing of the choice and flips nothing is no news, unless the user assumed it.
    let least = 1e-3 * found.best.summary.total_mean.abs();
    let stated = |b: &TornadoOut| list.iter().any(|(_, f)| f.stated && f.name == b.input);
    bars.retain(|b| b.flips_at.is_some() || swing(b) > least || stated(b));
    bars.truncate(SHOWN);
    bars
}
