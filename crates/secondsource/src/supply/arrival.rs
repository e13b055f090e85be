//! When a new buyer's chips could be in service: the default supply of the catalog, and the part of it that is not spoken for.

use super::read::{SupplyJob, read_supply};
use secondsource_base::random::Stream;
use secondsource_base::{Diagnostic, quantity};
use secondsource_catalog::{Catalog, System};
use secondsource_market::calendar::{DAY, date, instant};
use secondsource_market::seller::Range;
use secondsource_market::supply::{Stage, Supply, simulate};
use serde::Serialize;

/// The world that stands in where nobody gives one.
pub const DEFAULT: &str = include_str!("../../../../examples/supply/accelerators-2025-2027.toml");
const DEFAULT_NAME: &str = "examples/supply/accelerators-2025-2027.toml";

/// Quarters simulated: to the end of 2028.
const QUARTERS: usize = 16;
/// Scenarios of a date.
const SCENARIOS: usize = 1000;

/// What a stage has in the waiting time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Driver {
    /// A line (`HBM`, `CoWoS`), `orders of others`, `packaging and integration`, `shipping`, `install`, `site`.
    pub stage: String,
    /// Share of the mean wait over the scenarios that arrive; all shares add up to 1.
    pub share: f64,
    /// The same in days.
    pub days: f64,
}

/// When chips could be in service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Arrival {
    pub system: String,
    /// The product of the supply that it is built of.
    pub product: String,
    pub racks: f64,
    pub chips: f64,
    /// Day of the question.
    pub asked: String,
    /// Dates by which a tenth, half and nine tenths of the scenarios have all chips in service. Absent beyond `until`.
    pub p10: Option<String>,
    pub p50: Option<String>,
    pub p90: Option<String>,
    /// Last day of the supply that is looked at, and the share of scenarios that arrive by then.
    pub until: String,
    pub within: f64,
    pub drivers: Vec<Driver>,
    /// What the dates rest on that nobody publishes.
    pub assumptions: Vec<String>,
    /// Days from the question to service, sorted; scenarios that do not arrive are infinite.
    #[serde(skip)]
    pub days: Vec<f64>,
}

/// A simulated supply that dates can be asked of.
#[derive(Debug, Clone)]
pub struct Outlook {
    job: SupplyJob,
    supply: Supply,
    seed: u64,
}

/// Simulates the catalog's default supply: slow next to a question, so that many can be asked of one.
///
/// # Errors
/// A catalog, overlays included, that the default supply does not fit.
pub fn outlook(catalog: &Catalog, seed: u64) -> Result<Outlook, Diagnostic> {
    let job = read_supply(DEFAULT_NAME, DEFAULT, catalog, Some(QUARTERS)).map_err(|mut d| d.remove(0))?;
    let supply = simulate(&job.chain, SCENARIOS, seed, &|_, _| {}).map_err(Diagnostic::error)?;
    Ok(Outlook { job, supply, seed })
}

/// One question: [`outlook`] and [`Outlook::arrival`] together.
///
/// # Errors
/// As both of them.
pub fn arrival(catalog: &Catalog, system: &str, racks: f64, as_of: &str, seed: u64) -> Result<Arrival, Diagnostic> {
    outlook(catalog, seed)?.arrival(catalog, system, racks, as_of)
}

/// What is asked for: its id, its chip, and the chips in one rack of it. A node counts as a rack; a chip that no system is described
/// of counts by itself.
fn asked_for<'c>(catalog: &'c Catalog, name: &str) -> Result<(&'c str, Option<&'c str>, f64), Diagnostic> {
    match catalog.system(name) {
        Ok(s) => {
            let chips = s.si("chips").unwrap_or(1.0);
            let in_rack = s.si("chips_per_rack").unwrap_or_else(|| chips / s.si("racks").unwrap_or(1.0).max(1.0));
            Ok((&s.id, s.chip.as_deref(), in_rack))
        }
        Err(e) => catalog.chip(name).map(|c| (c.id.as_str(), Some(c.id.as_str()), 1.0)).map_err(|_| e),
    }
}

impl Outlook {
    /// Index of the product that a chip of the catalog is.
    fn product(&self, chip: &str) -> Option<usize> {
        self.job.products.iter().position(|p| p.chips.iter().any(|c| c == chip))
    }

    /// Whether a supply is known for a system or chip, by name.
    pub fn supplies(&self, catalog: &Catalog, name: &str) -> bool {
        asked_for(catalog, name).is_ok_and(|(_, chip, _)| chip.and_then(|c| self.product(c)).is_some())
    }

    /// Whether a supply is known for a system.
    pub fn knows(&self, system: &System) -> bool {
        system.chip.as_deref().and_then(|c| self.product(c)).is_some()
    }

    /// When so many racks of a system (or nodes, of a system that is one) could be in service, asked on a day.
    ///
    /// A new buyer gets the free share of every quarter's chips from the day of the question on, in the order of asking, and none that
    /// is packaged before the order: the first chip comes a packaging and integration time later at the earliest.
    ///
    /// # Errors
    /// An unknown system, one whose supply is not described, a count that is not above zero, a day outside the supply.
    pub fn arrival(&self, catalog: &Catalog, system: &str, racks: f64, as_of: &str) -> Result<Arrival, Diagnostic> {
        let (id, chip, in_rack) = asked_for(catalog, system)?;
        if !(racks > 0.0 && racks <= 1e6) {
            return Err(Diagnostic::error(format!("{racks} racks: a number above 0, at most 1,000,000")));
        }
        let (job, d) = (&self.job, &self.supply.deliveries);
        let Some(p) = chip.and_then(|c| self.product(c)) else {
            let known: Vec<&str> = job.products.iter().flat_map(|p| &p.chips).map(String::as_str).collect();
            let e = Diagnostic::error(format!("no supply is known for {id}"));
            return Err(e.hint(format!("the catalog's supply has {}; `secondsource supply FILE` takes one of your own", known.join(", "))));
        };
        let (first, end) = (d.starts(0), d.starts(d.periods));
        let Some(asked) = instant(as_of).filter(|t| (first..end).contains(t)) else {
            let e = Diagnostic::error(format!("`{as_of}` is no day of the supply"));
            return Err(e.hint(format!("a day from {} to {}", date(first), date(end - DAY))));
        };
        let chips = racks * in_rack;
        let product = &job.chain.products[p];
        let free = job.products[p].free.unwrap_or(Range::exactly(1.0));
        let packing = product.needs.iter().map(|(l, _)| &job.chain.lines[*l]).find(|l| l.stage == Stage::Packaging).map(|l| l.days);
        // Mean days by stage, over the scenarios that arrive.
        let names: Vec<String> = job.chain.lines.iter().map(|l| l.name.clone()).chain(["dies".into(), "orders of others".into()]).collect();
        let mut waits = vec![0.0; names.len()];
        let (mut building, mut after) = (0.0, vec![0.0; product.after.len()]);
        let mut days = Vec::with_capacity(d.scenarios);
        let mut arrived = 0.0;
        for s in 0..d.scenarios {
            let mut stream = Stream::numbered(self.seed, "arrival", s as u64);
            let part = free.at(stream.normal()).clamp(1e-4, 1.0);
            let build = packing.map_or(0.0, |p| p.at(stream.normal())) + product.integration.at(stream.normal());
            let stages: Vec<f64> = product.after.iter().map(|(_, d)| d.at(stream.normal())).collect();
            let Some(out) = self.queue(s, p, asked, chips / part) else {
                days.push(f64::INFINITY);
                continue;
            };
            let queue = ((out - asked) as f64 / DAY as f64).max(build);
            days.push(queue + stages.iter().sum::<f64>());
            arrived += 1.0;
            building += build;
            for (a, v) in after.iter_mut().zip(&stages) {
                *a += v;
            }
            // The queue before the build time by what limited the product in the quarters of the wait.
            let (from, to) = (d.period_of(asked).unwrap_or(0), d.period_of(out.min(end - 1)).unwrap_or(d.periods - 1));
            for q in from..=to {
                for (w, share) in waits.iter_mut().zip(&self.supply.limits[p][q]) {
                    *w += (queue - build) * share / (to - from + 1) as f64;
                }
            }
        }
        days.sort_by(f64::total_cmp);
        let at = |q: f64| {
            let v = days[((days.len() as f64 * q) as usize).min(days.len() - 1)];
            v.is_finite().then(|| date(asked + libm::ceil(v) as i64 * DAY))
        };
        let mut drivers: Vec<Driver> = names
            .into_iter()
            .zip(waits)
            .chain([("packaging and integration".to_owned(), building)])
            .chain(product.after.iter().zip(after).map(|((name, _), sum)| (name.clone(), sum)))
            .filter(|(_, sum)| *sum > 0.0)
            .map(|(stage, sum)| Driver { stage, share: 0.0, days: sum / f64::max(arrived, 1.0) })
            .collect();
        let total: f64 = drivers.iter().map(|d| d.days).sum();
        for d in &mut drivers {
            d.share = d.days / total.max(1e-9);
        }
        drivers.sort_by(|a, b| b.days.total_cmp(&a.days));
        Ok(Arrival {
            system: id.to_owned(),
            product: product.name.clone(),
            racks,
            chips,
            asked: date(asked),
            p10: at(0.1),
            p50: at(0.5),
            p90: at(0.9),
            until: date(end - DAY),
            within: arrived / d.scenarios as f64,
            drivers,
            assumptions: self.assumptions(p),
            days,
        })
    }

    /// As [`Outlook::arrival`], for so many chips in whole racks.
    ///
    /// # Errors
    /// As there.
    pub fn arrival_of_chips(&self, catalog: &Catalog, system: &str, chips: f64, as_of: &str) -> Result<Arrival, Diagnostic> {
        let (_, _, in_rack) = asked_for(catalog, system)?;
        self.arrival(catalog, system, libm::ceil(chips / in_rack.max(1.0)), as_of)
    }

    /// Instant at which so many chips have left the rack line after a day in a scenario.
    fn queue(&self, scenario: usize, product: usize, asked: i64, chips: f64) -> Option<i64> {
        let d = &self.supply.deliveries;
        let q = d.period_of(asked)?;
        let before: f64 = d.cumulative(scenario, product).take(q).last().unwrap_or(0.0);
        let (from, until) = (d.starts(q), d.starts(q + 1));
        let gone = f64::from(d.row(scenario, product)[q]) * (asked - from) as f64 / (until - from) as f64;
        d.reached(scenario, product, before + gone + chips)
    }

    /// Assumed inputs of a product and of the lines that it takes, and what stands behind every date.
    fn assumptions(&self, p: usize) -> Vec<String> {
        let (job, product) = (&self.job, &self.job.chain.products[p]);
        let heads: Vec<String> = product
            .needs
            .iter()
            .map(|(l, _)| format!("line {} ", job.line_ids[*l]))
            .chain([format!("product {} ", job.products[p].id), "after ".to_owned()])
            .collect();
        let mut out: Vec<String> = job
            .inputs
            .iter()
            .filter(|i| i.assumed && i.range.low < i.range.high && !i.name.ends_with(" usd"))
            .filter(|i| heads.iter().any(|h| i.name.starts_with(h.as_str())))
            .map(|i| {
                let origin = i.origin.trim_start_matches("catalog: ");
                let why = origin.split_once(": ").map_or(origin, |o| o.1);
                let short = |v: f64| if v >= 1e4 { quantity::si(v) } else { v.to_string() };
                format!("{} {} to {} {}: {why}", i.name, short(i.range.low), short(i.range.high), i.unit)
            })
            .collect();
        out.push("a site stands ready but for its last weeks of work; one that must be built takes eight months to a year".to_owned());
        out
    }
}
