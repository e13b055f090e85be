//! What there is to choose from: places to run, ways to pay, prices with their sources, and why some fall out.

use super::job::{DecideJob, Task, Way, Work};
use super::owning::OwnCosts;
use super::sizing::Fit;
use crate::supply::{self, Arrival};
use crate::twin::Twin;
use secondsource_base::{Diagnostic, Kind, SourceText};
use secondsource_catalog::Catalog;
use secondsource_market::calendar;
use secondsource_market::contract::{ContractKind, Offer, Range, Rules, offers};
use secondsource_market::rent;

/// Share of the scenarios of a supply in which machines must come at all, for its dates to be used.
const LEAST_TO_BE_HAD: f64 = 0.05;

/// A price with where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Price {
    pub way: Way,
    /// USD per chip-hour; per chip for [`Way::Buy`] and [`Way::Lease`] when it is an assumption.
    pub usd: Range,
    pub kind: Kind,
    /// Date of a published price; empty for an assumption.
    pub date: String,
    pub basis: String,
    pub sources: Vec<String>,
    /// Chips come in multiples of this.
    pub unit: f64,
    pub rules: Option<Rules>,
}

/// A place to run: a system at a provider, or of one's own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Site {
    /// `h100-sxm`, `h100-sxm at CoreWeave`, `gb200-nvl72, own`.
    pub label: String,
    /// Index into [`World::systems`].
    pub system: usize,
    pub provider: String,
    pub own: bool,
    pub prices: Vec<Price>,
    /// Ways that were asked for and cannot be had here.
    pub gone: Vec<(Way, String)>,
}

/// A system that jobs are planned on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SystemInfo {
    pub name: String,
    /// What `plan` is asked: the system itself, or the stand-in of a next generation.
    pub planned_on: String,
    pub chip: String,
    /// Chips of a scale-up domain; infinite where the catalog cannot say.
    pub domain: f64,
    /// Index into the job's `next`.
    pub next: Option<usize>,
    /// Per task.
    pub fits: Vec<Result<Fit, String>>,
}

/// Everything that the choice is made from.
#[derive(Debug, Clone)]
pub(super) struct World<'a> {
    pub catalog: &'a Catalog,
    pub job: &'a DecideJob,
    /// Seconds since 1970.
    pub as_of: i64,
    pub horizon: f64,
    pub systems: Vec<SystemInfo>,
    pub sites: Vec<Site>,
    pub assumed: Vec<String>,
    /// Per system: when machines of one's own could be in service, where the supply of the catalog has some to give.
    pub deliveries: Vec<Option<Arrival>>,
}

/// The date of the latest price of the catalog: the day of a decision whose file names none.
pub fn latest_price(catalog: &Catalog) -> String {
    let latest = catalog.prices().iter().filter_map(|p| calendar::instant(&p.date)).max().unwrap_or(0);
    calendar::date(latest)
}

impl<'a> World<'a> {
    pub fn new(twin: &'a Twin, job: &'a DecideJob, progress: &dyn Fn(u64, u64)) -> Result<World<'a>, Diagnostic> {
        let catalog = &twin.catalog;
        let latest = latest_price(catalog);
        let as_of = calendar::instant(job.as_of.as_deref().unwrap_or(&latest)).unwrap_or_default();
        let mut assumed = Vec::new();
        if job.as_of.is_none() {
            assumed.push(format!("decided on {latest}, the date of the latest price of the catalog (give `as-of`)"));
        }
        let last = job.tasks.iter().map(end_of).fold(0.0, f64::max);
        let horizon = job.horizon_months.unwrap_or_else(|| {
            let months = (last * 1.5).ceil().clamp(3.0, super::read::MOST_MONTHS);
            assumed.push(format!("a horizon of {months} months, half as long again as the last job needs (give `horizon-months`)"));
            months
        });
        for t in &job.tasks {
            let late = match t.work {
                Work::Run { .. } => t.earliest >= horizon || t.deadline.is_some_and(|d| d > horizon),
                // The first month is the first whole one.
                Work::Steady { months, .. } => t.earliest.ceil() + f64::from(months) > horizon.ceil() + 1e-9,
            };
            if late {
                let d = Diagnostic::error(format!("the job `{}` does not end within the horizon of {horizon} months", t.name));
                return Err(located(job, d.hint("give a longer `horizon-months`"), t.at));
            }
        }
        let mut world = World { catalog, job, as_of, horizon, systems: Vec::new(), sites: Vec::new(), assumed, deliveries: Vec::new() };
        let total = (job.on.len() + job.next.len()) as u64;
        for (i, (word, at)) in job.on.iter().enumerate() {
            progress(i as u64, total);
            let (name, provider) = word.split_once('@').map_or((word.as_str(), None), |(n, p)| (n, Some(p)));
            let located = |d: Diagnostic| located(job, d, *at);
            let planned = catalog.system(name).map(|s| s.id.clone()).or_else(|e| match catalog.chip(name) {
                Ok(c) => Ok(c.usual.clone().unwrap_or_else(|| c.id.clone())),
                Err(_) => Err(e),
            });
            let planned = planned.map_err(located)?;
            let chip = catalog.system(&planned).ok().and_then(|s| s.chip.clone()).unwrap_or_else(|| planned.clone());
            let info = catalog.chip(&chip).map_err(located)?;
            let system = match world.systems.iter().position(|s| s.name == name && s.next.is_none()) {
                Some(s) => s,
                None => world.add_system(twin, name, &planned, &info.id, None),
            };
            world.add_sites(system, provider);
        }
        for (n, next) in job.next.iter().enumerate() {
            let located = |d: Diagnostic| located(job, d, next.at);
            let planned = catalog.system(&next.like).map_err(located)?.id.clone();
            let chip = catalog.system(&planned).ok().and_then(|s| s.chip.clone()).unwrap_or_else(|| planned.clone());
            let system = world.add_system(twin, &next.name, &planned, &chip, Some(n));
            world.add_sites(system, None);
        }
        progress(total, total);
        world.check_names()?;
        world.expect_deliveries();
        Ok(world)
    }

    /// Asks the catalog's supply for the machines that each system's largest plan takes, ordered on the day of the decision. A day
    /// that the supply does not cover, and a system of which it has nothing left, leave `None`.
    fn expect_deliveries(&mut self) {
        let owned = |s: usize, w: &World<'_>| w.systems[s].next.is_none() && w.sites.iter().any(|x| x.own && x.system == s);
        let asked: Vec<bool> = (0..self.systems.len()).map(|s| owned(s, self)).collect();
        self.deliveries = vec![None; self.systems.len()];
        if !asked.contains(&true) {
            return;
        }
        let Ok(outlook) = supply::outlook(self.catalog, self.job.seed) else { return };
        let day = calendar::date(self.as_of);
        for (s, info) in self.systems.iter().enumerate().filter(|(s, _)| asked[*s]) {
            let chips = info.fits.iter().flatten().map(|f| f.billed).fold(0.0, f64::max);
            if chips > 0.0 {
                let arrival = outlook.arrival_of_chips(self.catalog, &info.planned_on, chips, &day).ok();
                self.deliveries[s] = arrival.filter(|a| a.within >= LEAST_TO_BE_HAD);
            }
        }
    }

    fn add_system(&mut self, twin: &Twin, name: &str, planned: &str, chip: &str, next: Option<usize>) -> usize {
        let terms = self.terms(name).and_then(|t| t.chips);
        let faster = next.map_or(1.0, |n| self.job.next[n].speed_up.mid);
        let fits = self
            .job
            .tasks
            .iter()
            .map(|t| {
                let days = match t.work {
                    Work::Steady { .. } => Some(730.0 / 24.0),
                    Work::Run { .. } => t.deadline.map(|d| (d - t.earliest) * 730.0 / 24.0),
                };
                twin.fit_task(self.job, t, planned, terms.or(t.chips), days, faster)
            })
            .collect();
        let hw = self.catalog.hardware(planned);
        let domain = hw.map_or(f64::INFINITY, |h| h.levels.iter().filter(|l| !l.scale_out).map(|l| f64::from(l.chips)).fold(1.0, f64::max));
        let (name, planned_on, chip) = (name.to_owned(), planned.to_owned(), chip.to_owned());
        self.systems.push(SystemInfo { name, planned_on, chip, domain, next, fits });
        self.systems.len() - 1
    }

    pub fn terms(&self, system: &str) -> Option<&'a super::job::Terms> {
        self.job.terms.iter().find(|t| t.0 == system).map(|t| &t.1)
    }

    fn add_sites(&mut self, system: usize, provider: Option<&str>) {
        let info = &self.systems[system];
        let asked = self.terms(&info.name).and_then(|t| t.ways.clone()).unwrap_or_else(|| self.job.ways.clone());
        let rented: Vec<Way> = asked.iter().copied().filter(|w| !matches!(w, Way::Buy | Way::Lease)).collect();
        let owned: Vec<Way> = asked.iter().copied().filter(|w| matches!(w, Way::Buy | Way::Lease)).collect();
        let all = match info.next {
            Some(_) => Vec::new(),
            None => offers(self.catalog, &info.chip, self.as_of).unwrap_or_default(),
        };
        let usual = rent::quote(self.catalog, &info.chip, rent::Basis::Best).map_or_else(String::new, |q| q.provider);
        let names: Vec<String> = match (provider, self.job.providers.as_slice()) {
            (Some(p), _) => vec![p.to_owned()],
            (None, []) => self.usual(system, &usual, &rented, &all),
            (None, list) => list.iter().filter(|p| all.iter().any(|o| o.provider == **p)).cloned().collect(),
        };
        let names = if names.is_empty() { vec![usual.clone()] } else { names };
        let mut sites = Vec::new();
        if !rented.is_empty() {
            for name in &names {
                sites.push(self.rented(system, name, names.len() > 1 || provider.is_some(), &rented, &all));
            }
        }
        if !owned.is_empty() && !self.sites.iter().any(|s| s.own && s.system == system) {
            sites.push(self.owned(system, &owned, &names[0], &all));
        }
        self.sites.extend(sites);
    }

    /// The provider whose price `plan` takes, and for each contract that it does not publish the cheapest that does: large
    /// clouds before others.
    fn usual(&self, system: usize, usual: &str, ways: &[Way], all: &[Offer]) -> Vec<String> {
        let mut names = vec![usual.to_owned()];
        for way in ways.iter().filter(|w| **w != Way::Spot && self.assumption(system, **w).is_none()) {
            let of = |o: &&Offer| Some(o.contract) == contract(*way);
            if all.iter().any(|o| of(&o) && names.contains(&o.provider)) {
                continue;
            }
            let large = |o: &&Offer| rent::HYPERSCALERS.contains(&o.provider.as_str());
            let found = all.iter().filter(of).find(large).or_else(|| all.iter().find(of));
            names.extend(found.map(|o| o.provider.clone()));
        }
        names
    }

    fn rented(&self, system: usize, provider: &str, named: bool, ways: &[Way], all: &[Offer]) -> Site {
        let info = &self.systems[system];
        let label = if named { format!("{} at {provider}", info.name) } else { info.name.clone() };
        let mut site = Site { label, system, provider: provider.to_owned(), own: false, prices: Vec::new(), gone: Vec::new() };
        for way in ways {
            let kind = contract(*way);
            let offer = all.iter().find(|o| Some(o.contract) == kind && o.provider == provider);
            let cluster = all.iter().find(|o| o.contract == ContractKind::ClusterOnDemand && o.provider == provider);
            let offer = offer.or(if *way == Way::OnDemand { cluster } else { None });
            if *way == Way::Spot && self.terms(&info.name).and_then(|t| t.spot_chips).is_none() {
                site.gone.push((*way, "nobody publishes how many spot chips can be had at once: state `spot-chips`".to_owned()));
                continue;
            }
            match (self.assumption(system, *way), offer) {
                (Some(price), _) => site.prices.push(price),
                (None, Some(o)) => site.prices.push(published(*way, o)),
                (None, None) => {
                    let elsewhere: Vec<&str> = all.iter().filter(|o| Some(o.contract) == kind).map(|o| o.provider.as_str()).collect();
                    let who = if provider.is_empty() { "anybody" } else { provider };
                    let hint = if elsewhere.is_empty() { String::new() } else { format!(" (there is one of {})", elsewhere.join(", ")) };
                    site.gone.push((*way, format!("no public price of {who}{hint}")));
                }
            }
        }
        site
    }

    /// Machines of one's own, with the provider's on-demand beside them for steady work.
    fn owned(&self, system: usize, ways: &[Way], provider: &str, all: &[Offer]) -> Site {
        let info = &self.systems[system];
        let mut site = Site {
            label: format!("{}, own", info.name),
            system,
            provider: provider.to_owned(),
            own: true,
            prices: Vec::new(),
            gone: Vec::new(),
        };
        for way in ways {
            let stated =
                self.assumption(system, *way).or_else(|| self.assumption(system, if *way == Way::Buy { Way::Lease } else { Way::Buy }));
            // The published price of a rack or server is read by the owning model.
            let blank = Range::exactly(f64::NAN);
            let price = stated.map(|p| Price { way: *way, ..p }).unwrap_or(Price {
                way: *way,
                usd: blank,
                kind: Kind::Derived,
                date: String::new(),
                basis: String::new(),
                sources: Vec::new(),
                unit: 1.0,
                rules: None,
            });
            site.prices.push(price);
        }
        let steady = self.job.tasks.iter().all(|t| matches!(t.work, Work::Steady { .. }));
        if steady && info.next.is_none() {
            let burst = self.assumption(system, Way::OnDemand).or_else(|| {
                let o = all.iter().find(|o| o.contract == ContractKind::OnDemand && o.provider == provider)?;
                Some(published(Way::OnDemand, o))
            });
            site.prices.extend(burst);
        }
        site
    }

    fn assumption(&self, system: usize, way: Way) -> Option<Price> {
        let name = &self.systems[system].name;
        let a = self.job.assumptions.iter().find(|a| a.system == *name && a.way == way)?;
        let host = self.catalog.hardware(&self.systems[system].planned_on).map_or(1.0, |h| f64::from(h.chips_per_node.max(1)));
        Some(Price {
            way,
            usd: a.usd,
            kind: Kind::User,
            date: String::new(),
            basis: a.why.clone(),
            sources: Vec::new(),
            unit: host,
            rules: rules_of(self.catalog, way),
        })
    }

    /// What the file leaves open and this answer fills in.
    pub fn say_what_is_assumed(&mut self) {
        let open = |s: &&Site| {
            s.prices.iter().any(|p| p.way == Way::OnDemand)
                && self.terms(&self.systems[s.system].name).is_none_or(|t| t.available.is_none())
        };
        if self.sites.iter().any(|s| open(&s)) {
            self.assumed.push("on-demand chips can always be had, in any number (give `available`)".to_owned());
        }
        if self.job.tasks.iter().any(|t| matches!(t.work, Work::Run { .. }) && t.value_per_month.is_none()) {
            let text = "runs start as soon as they can: nothing says what a month is worth (give `value-per-month`)";
            self.assumed.push(text.to_owned());
        }
        if self.job.tasks.iter().any(|t| matches!(t.work, Work::Steady { .. }) && t.value_per_month.is_none()) {
            let text = "work that is never done is charged at four times the dearest hour of its place (give `value-per-month`)";
            self.assumed.push(text.to_owned());
        }
    }

    /// Chips that a price is sold in.
    pub fn unit(&self, site: usize, price: usize, own: &[Option<OwnCosts>]) -> f64 {
        let s = &self.sites[site];
        let p = &s.prices[price];
        match (p.way, &own[s.system]) {
            (Way::Buy | Way::Lease, Some(own)) => own.input.chips_per_unit as f64,
            _ => p.unit,
        }
    }

    /// Most chips of a price at one time.
    pub fn limit(&self, site: usize, price: usize, own: &[Option<OwnCosts>]) -> f64 {
        let s = &self.sites[site];
        let unit = self.unit(site, price, own);
        let rule = s.prices[price].rules.as_ref().and_then(|r| r.max_instances_total).map_or(f64::INFINITY, |n| f64::from(n) * unit);
        let stated = self.terms(&self.systems[s.system].name).and_then(|t| t.most_chips).map_or(f64::INFINITY, |n| n as f64);
        (rule.min(stated) / unit).floor() * unit
    }

    /// Takes out commitments that are too small for any of the jobs, with the reason.
    pub fn drop_too_small(&mut self, own: &[Option<OwnCosts>]) {
        for site in 0..self.sites.len() {
            let fits: Vec<f64> = self.systems[self.sites[site].system].fits.iter().flatten().map(|f| f.billed).collect();
            let rigid = self.job.tasks.iter().all(|t| matches!(t.work, Work::Run { .. }) && !t.elastic);
            let Some(least) = fits.into_iter().reduce(f64::min).filter(|_| rigid) else { continue };
            for price in (0..self.sites[site].prices.len()).rev() {
                let way = self.sites[site].prices[price].way;
                let spot = self.terms(&self.systems[self.sites[site].system].name).and_then(|t| t.spot_chips).map_or(0.0, |n| n as f64);
                let limit = if way == Way::Spot { spot } else { self.limit(site, price, own) };
                if way != Way::OnDemand && limit < least {
                    let why = format!("at most {limit:.0} chips at one time, the job takes {least:.0} (give `chips`, or `elastic = true`)");
                    self.sites[site].prices.remove(price);
                    self.sites[site].gone.push((way, why));
                }
            }
        }
    }

    /// Names in `[[system]]` and `[[assume]]` must be systems of the job.
    fn check_names(&self) -> Result<(), Diagnostic> {
        let known = || self.systems.iter().map(|s| s.name.as_str());
        let told = self.job.terms.iter().map(|t| (&t.0, t.2)).chain(self.job.assumptions.iter().map(|a| (&a.system, a.at)));
        for (name, at) in told {
            if !known().any(|k| k == name) {
                let names: Vec<&str> = known().collect();
                let d = Diagnostic::error(format!("`{name}` is none of the job's systems")).suggest(name, known());
                return Err(located(self.job, d.hint(format!("one of {}", names.join(", "))), at));
            }
        }
        Ok(())
    }
}

/// Gives an error its place in the job file.
pub(super) fn located(job: &DecideJob, d: Diagnostic, at: usize) -> Diagnostic {
    let (name, text) = &job.origin;
    if d.file.is_some() { d } else { d.at_offset(SourceText { name, text }, at) }
}

/// Months from the decision to the end that a task is meant to have.
fn end_of(t: &Task) -> f64 {
    match t.work {
        Work::Steady { months, .. } => t.earliest + f64::from(months),
        Work::Run { .. } => t.deadline.unwrap_or(t.earliest + 12.0),
    }
}

fn contract(way: Way) -> Option<ContractKind> {
    Some(match way {
        Way::OnDemand => ContractKind::OnDemand,
        Way::Spot => ContractKind::Spot,
        Way::CapacityBlock => ContractKind::CapacityBlock,
        Way::Reserved1y => ContractKind::Reserved1y,
        Way::Reserved3y => ContractKind::Reserved3y,
        Way::Buy | Way::Lease => return None,
    })
}

fn rules_of(catalog: &Catalog, way: Way) -> Option<Rules> {
    let book = secondsource_market::contract::RuleBook::of(catalog).ok()?;
    Some(book.rules(contract(way)?).clone())
}

fn published(way: Way, o: &Offer) -> Price {
    let note = if o.note.is_empty() { String::new() } else { format!("; {}", o.note) };
    let region = if o.region.is_empty() { String::new() } else { format!(" {}", o.region) };
    Price {
        way,
        usd: Range::exactly(o.usd_per_chip_hour),
        kind: o.kind,
        date: o.date.clone(),
        basis: format!("{} {}{region}{note}", o.provider, o.item),
        sources: o.sources.clone(),
        unit: f64::from(o.chips_per_instance.max(1)),
        rules: Some(o.rules.clone()),
    }
}
