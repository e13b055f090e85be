//! The uncertain inputs: one value in each scenario, each from its own random stream of the seed. A tornado fixes one of
//! them and leaves the others as they are.

use super::job::Way;
use super::owning::{Delivery, OwnCosts};
use super::world::World;
use secondsource_base::{Diagnostic, Stream, random::Z95};
use secondsource_campaign::Band;
use secondsource_market::contract::{Range, SpotTerms};
use secondsource_market::decide::risk::quantile;
use secondsource_market::own::Key;
use secondsource_market::paths::{PathParams, price_paths};
use std::collections::BTreeMap;

/// What an uncertain input is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// Step time over the middle prediction, of a system.
    Speed(usize),
    /// Interruptions over the middle rate, of a system.
    Failures(usize),
    /// Restart time over its middle, of a system.
    Restart(usize),
    /// Mean rental price over the horizon, over today's, of a chip (first system with it).
    Price(usize),
    /// Interruptions of a spot instance per month.
    Hazard,
    /// An assumed price: site, and place in its list.
    Assumed(usize, usize),
    /// An input of owning, of a system.
    Own(usize, Key),
    /// Months until bought or leased chips run, of a system.
    Delivery(usize),
    /// Months until a next generation arrives; its speed; its queue: of a system.
    Arrival(usize),
    SpeedUp(usize),
    Queue(usize),
}

/// One uncertain input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Factor {
    pub of: Of,
    pub name: String,
    pub unit: &'static str,
    /// Per scenario.
    pub values: Vec<f64>,
    pub basis: String,
    /// Stated by the user, or taken for want of a source.
    pub assumed: bool,
    /// Stated by the user.
    pub stated: bool,
}

impl Factor {
    pub fn quantile(&self, p: f64) -> f64 {
        quantile(&self.values, p)
    }

    /// False for an input that does not vary.
    pub fn varies(&self) -> bool {
        let first = self.values.first().copied().unwrap_or(0.0);
        self.values.iter().any(|v| (v - first).abs() > 1e-12 * first.abs())
    }
}

/// One factor held at a value.
pub(super) type Held = Option<(usize, f64)>;

/// All uncertain inputs and price paths of a set of scenarios.
#[derive(Debug, Clone)]
pub(super) struct Draws {
    pub scenarios: usize,
    pub seed: u64,
    pub factors: Vec<Factor>,
    /// Place of each factor.
    index: BTreeMap<Of, usize>,
    /// Per system: index into `paths`.
    pub path_of: Vec<usize>,
    /// Price multipliers by month, scenario after scenario.
    pub paths: Vec<Vec<f64>>,
    /// Months of a path.
    pub months: usize,
}

impl Draws {
    pub fn new(world: &World<'_>, own: &[Option<OwnCosts>], params: &PathParams, scenarios: usize, seed: u64) -> Result<Draws, Diagnostic> {
        let months = world.horizon.ceil() as usize + 2;
        let mut d = Draws { scenarios, seed, factors: Vec::new(), index: BTreeMap::new(), path_of: Vec::new(), paths: Vec::new(), months };
        d.prices(world, params)?;
        for (s, info) in world.systems.iter().enumerate() {
            d.system(world, s, &info.name)?;
            if let Some(costs) = &own[s] {
                for (key, input) in costs.input.inputs.iter().filter(|(k, _)| costs.input.matters(**k) && costs.uses(**k)) {
                    let range = Range { low: input.low, mid: input.value, high: input.high };
                    let name = format!("{} of {}", key.words(), info.name);
                    let assumed = matches!(input.kind, secondsource_base::Kind::User | secondsource_base::Kind::Assumed);
                    d.triangle(Of::Own(s, *key), name, key.unit(), range, &input.basis, assumed);
                    d.stated(input.kind == secondsource_base::Kind::User && *key == Key::UnitUsd);
                }
            }
        }
        let spot = SpotTerms::of(world.catalog)?;
        if world.sites.iter().any(|s| s.prices.iter().any(|p| p.way == Way::Spot)) {
            let basis = "bands of the Spot Instance Advisor; open at the top (catalog table `spot`)";
            d.triangle(Of::Hazard, "spot interruptions".into(), "a month and instance", spot.hazard_per_month, basis, true);
        }
        for (i, site) in world.sites.iter().enumerate() {
            for (p, price) in site
                .prices
                .iter()
                .enumerate()
                .filter(|(_, p)| p.kind == secondsource_base::Kind::User && p.way != Way::Buy && p.way != Way::Lease)
            {
                let name = format!("{} price of {}", price.way.name(), site.label);
                d.triangle(Of::Assumed(i, p), name, "USD/chip-h", price.usd, &price.basis, true);
                d.stated(true);
            }
        }
        Ok(d)
    }

    /// Index of a factor.
    pub fn find(&self, of: Of) -> Option<usize> {
        self.index.get(&of).copied()
    }

    fn push(&mut self, of: Of, name: String, unit: &'static str, values: Vec<f64>, basis: &str, assumed: bool) {
        self.index.insert(of, self.factors.len());
        self.factors.push(Factor { of, name, unit, values, basis: basis.to_owned(), assumed, stated: false });
    }

    /// The last factor is the user's own statement.
    fn stated(&mut self, stated: bool) {
        if let Some(f) = self.factors.last_mut() {
            f.stated = stated;
        }
    }

    fn triangle(&mut self, of: Of, name: String, unit: &'static str, r: Range, basis: &str, assumed: bool) {
        let values = (0..self.scenarios).map(|i| Stream::numbered(self.seed, &name, i as u64).triangular(r.low, r.mid, r.high)).collect();
        self.push(of, name, unit, values, basis, assumed);
    }

    /// A factor around 1 whose halves are lognormal with their own ends.
    fn around(&mut self, of: Of, name: String, unit: &'static str, band: Band, basis: &str, assumed: bool) {
        let draw = |i: usize| {
            let z = Stream::numbered(self.seed, &name, i as u64).normal();
            let end = if z < 0.0 { 1.0 / band.low } else { band.high };
            libm::exp(z / Z95 * libm::log(end))
        };
        let values = (0..self.scenarios).map(draw).collect();
        self.push(of, name, unit, values, basis, assumed);
    }

    fn system(&mut self, world: &World<'_>, s: usize, name: &str) -> Result<(), Diagnostic> {
        let info = &world.systems[s];
        let Some(fit) = info.fits.iter().flatten().next() else { return Ok(()) };
        let band = Band::around(fit.days.p5, fit.days.p50, fit.days.p95);
        self.around(Of::Speed(s), format!("step time on {name}"), "x the middle", band, &fit.interval_basis, false);
        let f = &fit.interruptions;
        let spread = f.input.spread;
        self.around(Of::Failures(s), format!("failure rate of {name}"), "x the middle", spread.failures, &f.failures_basis, f.borrowed);
        self.around(Of::Restart(s), format!("restart time on {name}"), "x the middle", spread.restart, &f.restart_basis, f.borrowed);
        if world.sites.iter().any(|x| x.own && x.system == s) {
            let what = format!("delivery of {name}");
            match super::owning::delivery(world, s)? {
                Delivery::Range(range, basis) => self.triangle(Of::Delivery(s), what, "months", range, &basis, true),
                Delivery::Days(days, basis) => {
                    // What never comes comes after the horizon.
                    let never = 2.0 * world.horizon + 12.0;
                    let draw = |i: usize| Delivery::at(&days, Stream::numbered(self.seed, &what, i as u64).uniform(), never);
                    let values = (0..self.scenarios).map(draw).collect();
                    self.push(Of::Delivery(s), what, "months", values, &basis, true);
                }
            }
        }
        if let Some(n) = info.next {
            let next = &world.job.next[n];
            self.triangle(Of::Arrival(s), format!("arrival of {name}"), "months", next.arrives, &next.why, true);
            self.stated(true);
            self.triangle(Of::SpeedUp(s), format!("speed of {name}"), "x its stand-in", next.speed_up, &next.why, true);
            self.stated(true);
            self.triangle(Of::Queue(s), format!("queue for {name}"), "months", next.queue_months, &next.why, true);
            self.stated(true);
        }
        Ok(())
    }

    /// A path per chip: what chips have in common and what is their own, mixed so that two chips are correlated as the
    /// catalog says and each keeps the spread of the process.
    fn prices(&mut self, world: &World<'_>, params: &PathParams) -> Result<(), Diagnostic> {
        let figure = |name: &str| -> Result<f64, Diagnostic> {
            let table = world.catalog.table("decide")?;
            table
                .figures
                .get(name)
                .map(|f| f.main.value)
                .ok_or_else(|| Diagnostic::error(format!("the table `decide` has no figure `{name}`")))
        };
        let correlation = figure("price-correlation")?.clamp(0.0, 1.0);
        let (months, scenarios) = (self.months, self.scenarios);
        let ln = |seed: u64| -> Vec<f64> { price_paths(params, months, scenarios, seed).into_iter().map(libm::log).collect() };
        let common = ln(self.seed);
        let mut middle = vec![0.0; self.months];
        for (i, v) in common.iter().enumerate() {
            middle[i % self.months] += v / self.scenarios as f64;
        }
        let mut chips: Vec<&str> = Vec::new();
        for (s, info) in world.systems.iter().enumerate() {
            // A next generation has a market of its own.
            let name = if info.next.is_some() { info.name.as_str() } else { info.chip.as_str() };
            if let Some(at) = chips.iter().position(|c| *c == name) {
                self.path_of.push(at);
                continue;
            }
            let own = ln(Stream::new(self.seed, &format!("market of {name}")).bits());
            let path: Vec<f64> = (0..common.len())
                .map(|i| {
                    let m = middle[i % self.months];
                    let off = libm::sqrt(correlation) * (common[i] - m) + libm::sqrt(1.0 - correlation) * (own[i] - m);
                    libm::exp(m + off)
                })
                .collect();
            let last = (world.horizon as usize).clamp(1, self.months - 1);
            let means = path.chunks(self.months).map(|p| p[1..=last].iter().sum::<f64>() / last as f64).collect();
            self.path_of.push(self.paths.len());
            self.paths.push(path);
            chips.push(name);
            let basis = "price process fitted to the H100 series of the catalog (docs/costs.md)";
            self.push(Of::Price(s), format!("rental price of {name}"), "x today's, mean over the horizon", means, basis, false);
        }
        Ok(())
    }
}

impl Draws {
    /// The value of an input in a scenario; `None` for an input that there is not.
    pub fn value(&self, of: Of, scenario: usize, held: Held) -> Option<f64> {
        let at = self.find(of)?;
        Some(match held {
            Some((i, v)) if i == at => v,
            _ => self.factors[at].values[scenario],
        })
    }

    /// The rental price of a system's chip at a time in months, over today's: averaged from month to month.
    pub fn multiplier(&self, system: usize, scenario: usize, month: f64, held: Held) -> f64 {
        let path = &self.paths[self.path_of[system]][scenario * self.months..(scenario + 1) * self.months];
        let low = (month.max(0.0) as usize).min(self.months - 1);
        let high = (low + 1).min(self.months - 1);
        let price = path[low] + (path[high] - path[low]) * (month - low as f64).clamp(0.0, 1.0);
        // Held at another mean: today's price stays what it is, that from the first month on is scaled.
        match held {
            Some((i, v)) if matches!(self.factors[i].of, Of::Price(s) if self.path_of[s] == self.path_of[system]) => {
                let scale = v / self.factors[i].values[scenario];
                price * libm::pow(scale, month.clamp(0.0, 1.0))
            }
            _ => price,
        }
    }
}
