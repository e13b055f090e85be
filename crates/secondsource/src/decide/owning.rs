//! What a chip of one's own costs in a scenario: paid when it is delivered, each month, and fetched at the end.

use super::factors::{Draws, Held, Of};
use super::job::Way;
use super::world::{World, located};
use secondsource_base::Diagnostic;
use secondsource_market::contract::Range;
use secondsource_market::finance::{capital_recovery, sinking_fund};
use secondsource_market::own::{self, Key, OwnInput, Site, Wishes};
use std::collections::BTreeMap;

/// The owning model of a system over the job's horizon.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OwnCosts {
    pub input: OwnInput,
    /// Years from the middle delivery to the horizon, after which a bought machine is sold.
    pub years: f64,
    /// Years of a lease.
    pub lease_years: f64,
    pub leases: bool,
}

/// USD per chip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PerChip {
    pub once: f64,
    pub running_per_year: f64,
    /// What a bought chip fetches at the horizon.
    pub resale: f64,
    /// Yearly payment of a lease that gives the machine back.
    pub lease_per_year: f64,
}

/// Years of a lease that is not stated.
const LEASE_YEARS: f64 = 3.0;

impl OwnCosts {
    /// Inputs that play a part here: how much of the time a chip works is what the program decides.
    pub fn uses(&self, key: Key) -> bool {
        match key {
            Key::Goodput | Key::Utilisation | Key::Years | Key::BookYears => false,
            Key::Rate => self.leases,
            _ => true,
        }
    }

    /// Costs in a scenario.
    pub fn at(&self, draws: &Draws, system: usize, scenario: usize, held: Held) -> PerChip {
        let mut values = self.input.values();
        for key in self.input.inputs.keys() {
            if let Some(v) = draws.value(Of::Own(system, *key), scenario, held) {
                values[*key as usize] = v;
            }
        }
        let chips = self.input.chips_bought().max(1) as f64;
        let c = own::cost::cost_at(&self.input, &values);
        let rate = values[Key::Rate as usize];
        let once = c.once_usd / chips;
        let resale = c.residual_usd / chips;
        let lease_per_year = capital_recovery(rate, self.lease_years) * once - sinking_fund(rate, self.lease_years) * resale;
        PerChip { once, running_per_year: c.running_usd_per_year / chips, resale, lease_per_year: lease_per_year.max(0.0) }
    }
}

/// Months from an order until machines run.
pub(super) enum Delivery {
    /// As stated, or the lead times of the catalog.
    Range(Range, String),
    /// As the catalog's supply says: days, sorted, infinite where machines never come.
    Days(Vec<f64>, String),
}

const MONTHS_PER_DAY: f64 = 24.0 / 730.0;

impl Delivery {
    /// The middle, in months; of machines that do not come in the middle scenario, infinite.
    pub fn middle(&self) -> f64 {
        match self {
            Delivery::Range(r, _) => r.mid,
            Delivery::Days(days, _) => days.get(days.len() / 2).map_or(0.0, |d| d * MONTHS_PER_DAY),
        }
    }

    /// Months at a share of the scenarios; `never` where machines do not come.
    pub fn at(days: &[f64], share: f64, never: f64) -> f64 {
        let at = ((days.len() as f64 * share) as usize).min(days.len().saturating_sub(1));
        days.get(at).map_or(never, |d| (d * MONTHS_PER_DAY).min(never))
    }
}

/// What the job states for a system, else what the supply says, else the lead times of the catalog.
pub(super) fn delivery(world: &World<'_>, system: usize) -> Result<Delivery, Diagnostic> {
    if let Some(r) = world.terms(&world.systems[system].name).and_then(|t| t.delivery_months) {
        return Ok(Delivery::Range(r, "stated in the job".to_owned()));
    }
    if let Some(a) = world.deliveries.get(system).and_then(Option::as_ref) {
        let waits: Vec<String> = a.drivers.iter().take(3).map(|d| format!("{} {:.0}%", d.stage, d.share * 100.0)).collect();
        return Ok(Delivery::Days(a.days.clone(), format!("the catalog's supply (docs/supply.md): waits on {}", waits.join(", "))));
    }
    let table = world.catalog.table("decide")?;
    let get = |name: &str| {
        table.figures.get(name).map(|f| f.main.value).ok_or_else(|| Diagnostic::error(format!("the table `decide` has no figure `{name}`")))
    };
    let days = MONTHS_PER_DAY;
    let range = Range { low: get("delivery-low")? * days, mid: get("delivery-mid")? * days, high: get("delivery-high")? * days };
    let basis = "lead times of H100 servers, 2023 to 2024 (catalog table `decide`); the catalog's supply has none of this system";
    Ok(Delivery::Range(range, basis.to_owned()))
}

/// The owning model of every system that may be bought or leased; a reason where there is none.
pub(super) fn models(world: &mut World<'_>) -> Result<Vec<Option<OwnCosts>>, Diagnostic> {
    let mut out: Vec<Option<OwnCosts>> = vec![None; world.systems.len()];
    let (mut stated, mut lease_years) = (BTreeMap::new(), LEASE_YEARS);
    keys(world, &world.job.own, &mut stated, &mut lease_years)?;
    for (_, terms, _) in &world.job.terms {
        // Slips are told even where nothing is bought.
        keys(world, &terms.own, &mut BTreeMap::new(), &mut 0.0)?;
    }
    for i in 0..world.sites.len() {
        if !world.sites[i].own {
            continue;
        }
        let s = world.sites[i].system;
        match model(world, i, &stated, lease_years) {
            Ok(costs) => out[s] = Some(costs),
            Err(d) => {
                let why = format!("{}; a price of your own goes into [[assume]]", d.message);
                let (gone, kept) =
                    std::mem::take(&mut world.sites[i].prices).into_iter().partition(|p| matches!(p.way, Way::Buy | Way::Lease));
                world.sites[i].prices = kept;
                let gone: Vec<super::world::Price> = gone;
                world.sites[i].gone.extend(gone.into_iter().map(|p| (p.way, why.clone())));
            }
        }
    }
    Ok(out)
}

/// Reads stated inputs of owning.
fn keys(
    world: &World<'_>,
    list: &[(String, Range, usize)],
    stated: &mut BTreeMap<Key, Range>,
    lease_years: &mut f64,
) -> Result<(), Diagnostic> {
    for (name, range, at) in list {
        match Key::parse(name) {
            Some(key) if !matches!(key, Key::Goodput | Key::Utilisation | Key::Years | Key::BookYears) => {
                stated.insert(key, *range);
            }
            _ if name == "lease-years" => *lease_years = range.mid.clamp(0.5, 30.0),
            _ => {
                let names = Key::ALL.map(Key::name);
                let d =
                    Diagnostic::error(format!("unknown key `{name}` of owning")).suggest(name, names.into_iter().chain(["lease-years"]));
                return Err(located(world.job, d, *at));
            }
        }
    }
    Ok(())
}

fn model(world: &World<'_>, site: usize, stated: &BTreeMap<Key, Range>, lease_years: f64) -> Result<OwnCosts, Diagnostic> {
    let place = &world.sites[site];
    let info = &world.systems[place.system];
    let wait = delivery(world, place.system)?.middle();
    let earliest = world.job.tasks.iter().map(|t| t.earliest).fold(f64::INFINITY, f64::min);
    let years = ((world.horizon - wait.max(earliest)) / 12.0).clamp(0.5, 30.0);
    let chips = info.fits.iter().flatten().map(|f| f.chips).max().unwrap_or(1);
    let rack = world.catalog.system(&info.planned_on)?;
    let per_unit = rack.si("chips").filter(|c| *c >= 1.0).unwrap_or(1.0);
    let mut stated = stated.clone();
    stated.insert(Key::Years, Range::exactly(years));
    if let Some(p) = place.prices.iter().find(|p| matches!(p.way, Way::Buy | Way::Lease) && p.usd.mid.is_finite()) {
        let scale = |v: f64| v * per_unit;
        stated.insert(Key::UnitUsd, Range { low: scale(p.usd.low), mid: scale(p.usd.mid), high: scale(p.usd.high) });
    }
    if let Some(terms) = world.terms(&info.name) {
        keys(world, &terms.own, &mut stated, &mut 0.0)?;
    }
    let wishes = Wishes {
        system: info.planned_on.clone(),
        chips,
        site: Site::Colocation,
        all_in: false,
        energy_included: false,
        region: None,
        stated,
    };
    let input = own::of_catalog(world.catalog, &wishes)?;
    Ok(OwnCosts { input, years, lease_years, leases: place.prices.iter().any(|p| p.way == Way::Lease) })
}
