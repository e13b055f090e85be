//! What owning costs: the bill, the hour, break-even against every rental offer, and what moves it.

use std::collections::BTreeMap;

use secondsource_base::Diagnostic;
use secondsource_market::calendar;
use secondsource_market::charge::{self, Charge};
use secondsource_market::contract::{self, Need, SpotTerms};
use secondsource_market::own::bill::{Group, When};
use secondsource_market::own::{
    self, Cost, FabricPlan, Key, OwnInput, Rent, Site, Wishes, break_even, compare, compare::months, cost, of_catalog, simulate, tornado,
};
use secondsource_market::paths::{estimate, price_paths};
use serde::Serialize;

use super::read::OwnJob;
use super::{day, interval, latest_price, references, titles};
use crate::answer::Interval;
use crate::twin::Twin;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnAnswer {
    pub system: String,
    pub chip: String,
    /// Chips asked for, and chips in whole units.
    pub chips: u64,
    pub chips_bought: u64,
    pub units: u64,
    pub unit_name: String,
    pub site: Site,
    /// Day of the delivery, and of the prices.
    pub delivery: String,
    pub as_of: String,
    pub seed: u64,
    pub scenarios: usize,
    pub bill: BillOut,
    /// At the middle of every input.
    pub cost: Cost,
    pub once_usd: Interval,
    pub usd_per_chip_hour: Interval,
    pub usd_per_used_hour: Interval,
    pub usd_per_effective_hour: Interval,
    /// Switches and cables of the compute fabric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fabric: Option<FabricPlan>,
    /// Against each rental offer.
    pub against: Vec<AgainstOut>,
    pub tornado: Vec<TornadoOut>,
    pub inputs: BTreeMap<&'static str, InputOut>,
    pub notes: Vec<String>,
}

/// Lines to the cent, with their sums.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BillOut {
    pub lines: Vec<LineOut>,
    pub once_usd: f64,
    pub yearly_usd: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineOut {
    pub group: Group,
    pub item: String,
    pub when: When,
    pub quantity: f64,
    pub unit: String,
    /// `null` for what is counted, but has no price of its own.
    pub unit_usd: Option<f64>,
    pub usd: f64,
    pub kind: String,
    pub basis: String,
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputOut {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub unit: String,
    pub kind: String,
    pub basis: String,
    pub sources: Vec<String>,
}

/// Owning against one rental offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgainstOut {
    /// A kind of contract; or `contract-1y` and `TCO-rent-3y`, estimates of what is agreed in private, which nobody
    /// offers.
    pub contract: String,
    /// Whether somebody publishes it as an offer.
    pub offered: bool,
    pub provider: String,
    pub item: String,
    /// Per used hour: for spot with what interruptions lose.
    pub usd_per_chip_hour: f64,
    pub price_date: String,
    pub price_kind: String,
    /// Utilisation from which owning costs less; `null` when it never does. 0 where the rent is paid for every hour and
    /// owning is cheaper.
    pub break_even_utilisation: Option<f64>,
    /// Months after which the rent avoided has paid for the purchase with interest, nothing being sold; `null` when never
    /// within the years of use.
    pub payback_months: Option<f64>,
    /// Shortest project for which buying, using and selling again costs less; as weak as the residual value.
    pub project_months: Option<f64>,
    /// Rent avoided less the cost of owning, discounted, at a rent that stays.
    pub npv_usd: f64,
    /// The same with sampled inputs and price paths.
    pub npv_interval_usd: Interval,
    /// Share of scenarios in which owning costs less.
    pub own_wins: f64,
    /// Why the offer cannot hold so many chips.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub obstacles: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TornadoOut {
    pub input: &'static str,
    pub key: &'static str,
    pub unit: &'static str,
    pub low: f64,
    pub high: f64,
    /// USD per effective hour.
    pub at_low: f64,
    pub at_high: f64,
}

/// Largest number of scenarios.
const MOST_SCENARIOS: usize = 20_000;

impl Twin {
    /// The bill and the cost of an owned cluster.
    pub fn own(&self, job: &OwnJob) -> Result<OwnAnswer, Diagnostic> {
        self.own_job(job).map_err(|d| job.locate(d))
    }

    /// Charges from the delivery over the years in the books.
    pub fn own_charges(&self, job: &OwnJob) -> Result<Vec<Charge>, Diagnostic> {
        let located = |d| job.locate(d);
        let x = self.own_input(job).map_err(located)?;
        let delivery = self.delivery(job).map_err(located)?;
        Ok(charge::of_own(&x, &own::bill(&x), delivery, &format!("own-{}-{}", x.system, calendar::date(delivery))))
    }

    fn own_input(&self, job: &OwnJob) -> Result<OwnInput, Diagnostic> {
        let wishes = Wishes {
            system: job.on.clone(),
            chips: job.chips,
            site: job.site,
            all_in: job.all_in,
            energy_included: job.energy_included,
            region: job.region.clone(),
            stated: job.inputs.clone(),
        };
        of_catalog(&self.catalog, &wishes)
    }

    fn as_of(&self, job: &OwnJob) -> Result<i64, Diagnostic> {
        let date = job.as_of.clone().unwrap_or_else(|| latest_price(&self.catalog));
        day("as-of", &date)
    }

    fn delivery(&self, job: &OwnJob) -> Result<i64, Diagnostic> {
        job.delivery.as_ref().map_or_else(|| self.as_of(job), |date| day("delivery", date))
    }

    fn own_job(&self, job: &OwnJob) -> Result<OwnAnswer, Diagnostic> {
        if job.chips == 0 || job.chips > own::defaults::MOST_CHIPS {
            return Err(Diagnostic::error("`chips` must be from 1 to a billion"));
        }
        let scenarios = job.scenarios.unwrap_or(2000);
        if scenarios == 0 || scenarios > MOST_SCENARIOS {
            return Err(Diagnostic::error(format!("`scenarios` must be from 1 to {MOST_SCENARIOS}")));
        }
        let x = self.own_input(job)?;
        let as_of = self.as_of(job)?;
        let b = own::bill(&x);
        let ranges = simulate(&x, scenarios, job.seed);
        let line = |l: own::Line| LineOut {
            group: l.group,
            item: l.item,
            when: l.when,
            quantity: l.quantity,
            unit: l.unit,
            unit_usd: l.unit_usd,
            usd: l.usd.usd(),
            kind: l.kind.name().to_owned(),
            basis: l.basis,
            sources: titles(&self.catalog, &l.sources),
        };
        let bars = tornado(&x).into_iter().map(|t| TornadoOut {
            input: t.input,
            key: t.key.name(),
            unit: t.unit,
            low: t.low,
            high: t.high,
            at_low: t.at_low,
            at_high: t.at_high,
        });
        let inputs = x.inputs.iter().filter(|(k, _)| x.matters(**k) || **k == Key::BookYears).map(|(key, i)| {
            let out = InputOut {
                value: i.value,
                low: i.low,
                high: i.high,
                unit: i.unit.clone(),
                kind: i.kind.name().to_owned(),
                basis: i.basis.clone(),
                sources: titles(&self.catalog, &i.sources),
            };
            (key.name(), out)
        });
        Ok(OwnAnswer {
            against: self.against(&x, as_of, scenarios, job)?,
            tornado: bars.collect(),
            inputs: inputs.collect(),
            cost: cost(&x),
            once_usd: interval(ranges.once_usd),
            usd_per_chip_hour: interval(ranges.usd_per_chip_hour),
            usd_per_used_hour: interval(ranges.usd_per_used_hour),
            usd_per_effective_hour: interval(ranges.usd_per_effective_hour),
            bill: BillOut { once_usd: b.once.usd(), yearly_usd: b.yearly.usd(), lines: b.lines.into_iter().map(line).collect() },
            delivery: calendar::date(self.delivery(job)?),
            as_of: calendar::date(as_of),
            seed: job.seed,
            scenarios,
            chips: x.chips,
            chips_bought: x.chips_bought(),
            units: x.units,
            unit_name: x.unit_name.to_owned(),
            site: x.site,
            fabric: x.fabric,
            system: x.system,
            chip: x.chip,
            notes: x.notes,
        })
    }

    /// Every rental offer for the chip, those of a contract by price; `top` providers of each.
    fn against(&self, x: &OwnInput, as_of: i64, scenarios: usize, job: &OwnJob) -> Result<Vec<AgainstOut>, Diagnostic> {
        let spot = SpotTerms::of(&self.catalog)?;
        let columns = months(x);
        let paths = price_paths(&estimate(&self.catalog, as_of)?.params, columns, scenarios, job.seed);
        let row = |rent: &Rent, name: &str| {
            let even = break_even(x, rent);
            let sampled = compare(x, rent, &paths, columns, job.seed);
            AgainstOut {
                contract: name.to_owned(),
                offered: true,
                provider: String::new(),
                item: String::new(),
                usd_per_chip_hour: rent.usd_per_chip_hour,
                price_date: String::new(),
                price_kind: String::new(),
                break_even_utilisation: (even.utilisation <= 1.0).then_some(even.utilisation),
                payback_months: even.payback_months,
                project_months: even.project_months,
                npv_usd: even.npv_usd,
                npv_interval_usd: interval(sampled.npv_usd),
                own_wins: sampled.own_wins,
                obstacles: Vec::new(),
            }
        };
        let mut out: Vec<AgainstOut> = Vec::new();
        for offer in contract::offers(&self.catalog, &x.chip, as_of)? {
            let name = offer.contract.name();
            if out.iter().filter(|o| o.contract == name).count() >= job.top.unwrap_or(2).max(1) {
                continue;
            }
            let need = Need { chips: x.chips, hours: 24.0, start: as_of, as_of };
            let day = contract::bill(&offer, &need, &spot);
            let (lock_months, every_hour) = terms(name);
            // A host that does nothing but restart: no price of kept work.
            let price = offer.usd_per_chip_hour / (1.0 - day.waste[1]).max(1e-6);
            let rent = Rent { usd_per_chip_hour: price, lock_months, every_hour };
            let known = row(&rent, name);
            out.push(AgainstOut {
                provider: offer.provider,
                item: offer.item,
                price_date: offer.date,
                price_kind: offer.kind.name().to_owned(),
                obstacles: day.obstacles,
                ..known
            });
        }
        for p in references(&self.catalog, &x.chip, as_of, &["contract-1y", "TCO-rent-3y"]) {
            let (lock_months, every_hour) = terms(&p.basis);
            let rent = Rent { usd_per_chip_hour: p.per_chip_hour.unwrap_or_default(), lock_months, every_hour };
            let known = row(&rent, &p.basis);
            out.push(AgainstOut {
                offered: false,
                provider: p.provider.clone(),
                item: p.item.clone(),
                price_date: p.date.clone(),
                price_kind: p.kind.name().to_owned(),
                ..known
            });
        }
        Ok(out)
    }
}

/// Months for which a price holds, and whether it is paid for every hour.
fn terms(contract: &str) -> (usize, bool) {
    match contract {
        "reserved-1y" | "contract-1y" => (12, true),
        "reserved-3y" | "TCO-rent-3y" => (36, true),
        _ => (1, false),
    }
}
