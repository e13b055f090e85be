//! Contracts under which a chip can be rented: what each costs by the hour, and the rules that turn hours into a
//! bill. Prices and rules are the catalog's; where no price of a commitment is published, a measured ratio of the
//! on-demand price stands in, and the offer says so.

pub mod bill;
pub mod offers;
pub mod spot;
pub mod uncertain;

use secondsource_base::{Diagnostic, Kind};
use secondsource_catalog::{Catalog, Table};
use serde::Serialize;

pub use bill::{Need, RentBill, Segment, bill};
pub use offers::{offers, offers_of_every_item};
pub use spot::{Range, SpotTerms};
pub use uncertain::{bill_interval, implied_fall};

/// The kinds of contract. Their names are the series of the catalog, which are never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContractKind {
    /// By the hour, returned at will.
    OnDemand,
    /// By the hour, whole clusters.
    ClusterOnDemand,
    /// By the hour, taken back when the cloud wants it.
    Spot,
    /// Starts when there is capacity; at most a week.
    FlexStart,
    /// Days to half a year, paid when bought, not cancelled.
    CapacityBlock,
    /// A reservation of unstated length.
    Reserved,
    #[serde(rename = "reserved-1y")]
    Reserved1y,
    #[serde(rename = "reserved-3y")]
    Reserved3y,
    /// A list price without further terms.
    List,
}

impl ContractKind {
    pub const ALL: [ContractKind; 9] = [
        ContractKind::OnDemand,
        ContractKind::ClusterOnDemand,
        ContractKind::Spot,
        ContractKind::FlexStart,
        ContractKind::CapacityBlock,
        ContractKind::Reserved,
        ContractKind::Reserved1y,
        ContractKind::Reserved3y,
        ContractKind::List,
    ];

    /// The name of the series in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            ContractKind::OnDemand => "on-demand",
            ContractKind::ClusterOnDemand => "cluster-on-demand",
            ContractKind::Spot => "spot",
            ContractKind::FlexStart => "flex-start",
            ContractKind::CapacityBlock => "capacity-block",
            ContractKind::Reserved => "reserved",
            ContractKind::Reserved1y => "reserved-1y",
            ContractKind::Reserved3y => "reserved-3y",
            ContractKind::List => "list",
        }
    }

    pub fn parse(text: &str) -> Option<ContractKind> {
        ContractKind::ALL.into_iter().find(|k| k.name() == text)
    }
}

/// How hours become billed hours, and what may be bought. All plain numbers, from `catalog/contracts/`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rules {
    /// Shortest time that is billed, hours (0: as used).
    pub min_hours: f64,
    /// Longest time of one contract, hours.
    pub max_hours: Option<f64>,
    /// Length comes in steps of this many hours up to `fine_up_to_hours`; 0 for any length.
    pub fine_step_hours: f64,
    pub fine_up_to_hours: f64,
    /// Steps beyond, hours.
    pub step_hours: f64,
    /// Hours at the end of a contract that are paid but cannot be used.
    pub lost_at_end_hours: f64,
    /// Latest start after the purchase, days.
    pub max_lead_days: Option<f64>,
    /// Earliest start after the purchase, hours; `None` when the start waits for capacity for an unknown time.
    pub min_lead_hours: Option<f64>,
    /// Most instances in one contract, and at one time over all contracts.
    pub max_instances_each: Option<u32>,
    pub max_instances_total: Option<u32>,
    /// Second of the day (UTC) at which every contract ends.
    pub ends_at_s: Option<i64>,
    /// Paid in full when bought.
    pub prepaid: bool,
    /// May be given back before its end without paying the rest.
    pub cancellable: bool,
    /// May be taken away by the cloud.
    pub interruptible: bool,
    /// The hourly price is fixed for the whole contract when it is signed; else it follows the market.
    pub price_locked: bool,
}

/// One way to rent a chip, with its price and where that comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Offer {
    /// Catalog id of the chip.
    pub chip: String,
    pub contract: ContractKind,
    pub provider: String,
    /// As the seller names it.
    pub item: String,
    /// Chips that are rented as one: an instance, an UltraServer, or a single chip.
    pub chips_per_instance: u32,
    /// Chips on one host, which is what spot takes away at once.
    pub chips_per_host: u32,
    /// USD per chip and hour.
    pub usd_per_chip_hour: f64,
    pub region: String,
    /// Day, month or year of the price.
    pub date: String,
    /// Kind of the price: [`Kind::Derived`] for an on-demand price times a measured commitment ratio.
    pub kind: Kind,
    /// Source ids of the catalog.
    pub sources: Vec<String>,
    /// How a derived price came to be; the catalog's note otherwise.
    pub note: String,
    pub rules: Rules,
}

/// The rule tables of `catalog/contracts/`.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBook {
    open: Rules,
    spot: Rules,
    flex: Rules,
    block: Rules,
    year: Rules,
    three_years: Rules,
}

impl RuleBook {
    /// Reads the tables; an error names the figure that is missing.
    pub fn of(catalog: &Catalog) -> Result<RuleBook, Diagnostic> {
        let block = catalog.table("capacity-block-aws")?;
        let flex = catalog.table("flex-start-gcp")?;
        let terms = catalog.table("commitments")?;
        let open = Rules {
            min_hours: 0.0,
            max_hours: None,
            fine_step_hours: 0.0,
            fine_up_to_hours: 0.0,
            step_hours: 0.0,
            lost_at_end_hours: 0.0,
            max_lead_days: None,
            min_lead_hours: Some(0.0),
            max_instances_each: None,
            max_instances_total: None,
            ends_at_s: None,
            prepaid: false,
            cancellable: true,
            interruptible: false,
            price_locked: false,
        };
        let term = |field: &str| -> Result<Rules, Diagnostic> {
            let hours = figure(terms, field)?;
            let steps = Rules { min_hours: hours, max_hours: Some(hours), fine_step_hours: hours, fine_up_to_hours: hours, ..open.clone() };
            Ok(Rules { step_hours: hours, cancellable: false, price_locked: true, ..steps })
        };
        let day = 24.0;
        Ok(RuleBook {
            spot: Rules { interruptible: true, min_lead_hours: None, ..open.clone() },
            flex: Rules { max_hours: Some(figure(flex, "longest")? * day), min_lead_hours: None, ..open.clone() },
            block: Rules {
                min_hours: figure(block, "shortest")? * day,
                max_hours: Some(figure(block, "longest")? * day),
                fine_step_hours: figure(block, "shortest")? * day,
                fine_up_to_hours: figure(block, "daily-up-to")? * day,
                step_hours: figure(block, "step-beyond")? * day,
                lost_at_end_hours: figure(block, "lost-at-end")? / 60.0,
                max_lead_days: Some(figure(block, "ahead")?),
                min_lead_hours: Some(figure(block, "lead")? / 60.0),
                max_instances_each: Some(figure(block, "instances-each")? as u32),
                max_instances_total: Some(figure(block, "instances-total")? as u32),
                ends_at_s: block.facts.get("ends").and_then(|f| second_of_day(&f.value)),
                prepaid: true,
                cancellable: false,
                interruptible: false,
                price_locked: true,
            },
            year: term("term-1y")?,
            three_years: term("term-3y")?,
            open,
        })
    }

    pub fn rules(&self, kind: ContractKind) -> &Rules {
        match kind {
            ContractKind::OnDemand | ContractKind::ClusterOnDemand | ContractKind::List | ContractKind::Reserved => &self.open,
            ContractKind::Spot => &self.spot,
            ContractKind::FlexStart => &self.flex,
            ContractKind::CapacityBlock => &self.block,
            ContractKind::Reserved1y => &self.year,
            ContractKind::Reserved3y => &self.three_years,
        }
    }
}

/// A figure of a table, or an error that names it.
pub(crate) fn figure(table: &Table, field: &str) -> Result<f64, Diagnostic> {
    let set = table.figures.get(field);
    set.map(|s| s.main.value).ok_or_else(|| Diagnostic::error(format!("the table `{}` has no figure `{field}`", table.id)))
}

/// `11:30` as seconds after midnight.
fn second_of_day(text: &str) -> Option<i64> {
    let (h, m) = text.split_once(':')?;
    let (h, m) = (h.parse::<i64>().ok()?, m.parse::<i64>().ok()?);
    ((0..24).contains(&h) && (0..60).contains(&m)).then_some(h * 3600 + m * 60)
}
