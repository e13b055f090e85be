//! What it costs to rent a chip by the hour: one published price, chosen by a fixed rule, never an average.

use secondsource_base::Kind;
use secondsource_catalog::{Catalog, Price};
use serde::Serialize;

/// Which price series to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The first series of [`Basis::PREFERENCE`] that has a price for the chip.
    #[default]
    Best,
    OnDemand,
    ClusterOnDemand,
    CapacityBlock,
    FlexStart,
    #[serde(rename = "reserved-1y")]
    Reserved1y,
    Reserved,
    #[serde(rename = "reserved-3y")]
    Reserved3y,
    List,
    Spot,
}

impl Basis {
    /// The order in which [`Basis::Best`] looks.
    pub const PREFERENCE: [Basis; 9] = [
        Basis::OnDemand,
        Basis::CapacityBlock,
        Basis::ClusterOnDemand,
        Basis::FlexStart,
        Basis::Reserved1y,
        Basis::Reserved,
        Basis::Reserved3y,
        Basis::List,
        Basis::Spot,
    ];

    /// The name of the series in the catalog; `best` for [`Basis::Best`].
    pub const fn name(self) -> &'static str {
        match self {
            Basis::Best => "best",
            Basis::OnDemand => "on-demand",
            Basis::ClusterOnDemand => "cluster-on-demand",
            Basis::CapacityBlock => "capacity-block",
            Basis::FlexStart => "flex-start",
            Basis::Reserved1y => "reserved-1y",
            Basis::Reserved => "reserved",
            Basis::Reserved3y => "reserved-3y",
            Basis::List => "list",
            Basis::Spot => "spot",
        }
    }

    pub fn parse(text: &str) -> Option<Basis> {
        let all = Basis::PREFERENCE.into_iter().chain([Basis::Best]);
        all.into_iter().find(|b| b.name() == text)
    }
}

/// A rental price with where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quote {
    pub usd_per_chip_hour: f64,
    /// The series it belongs to: `on-demand`, `capacity-block`, `reserved-1y`...
    pub basis: String,
    pub item: String,
    pub provider: String,
    pub region: String,
    /// Day, month or year of the price.
    pub date: String,
    pub kind: Kind,
    pub source: String,
    pub source_title: String,
    pub note: String,
}

/// Clouds that rent out more than their own neighbourhood's machines; their list prices come first for chips
/// that no cloud makes itself.
pub const HYPERSCALERS: [&str; 4] = ["AWS", "Azure", "GCP", "OCI"];

/// The rental price of a chip.
///
/// The rule, in order:
/// 1. A price of the user's own (`kind = "user"`, from an overlay) beats every published one.
/// 2. The series asked for; [`Basis::Best`] takes the first of [`Basis::PREFERENCE`] with any price.
/// 3. The chip maker's own cloud (AWS for Trainium, GCP for TPUs), else the hyperscalers, else anybody.
/// 4. The latest date (a bare month counts as earlier than a day in it).
/// 5. The more direct kind (measured, vendor, vendor via a third party, third party), then the lower price,
///    then the order of the catalog.
///
/// `None` when no public price exists in the series (Trainium3 has none in any).
pub fn quote(catalog: &Catalog, chip: &str, basis: Basis) -> Option<Quote> {
    let vendor = catalog.chip(chip).ok()?.vendor.as_str();
    let prices: Vec<&Price> = catalog.prices_of(chip).filter(|p| p.per_chip_hour.is_some()).collect();
    let series: &[Basis] = match &basis {
        Basis::Best => &Basis::PREFERENCE,
        one => std::slice::from_ref(one),
    };
    let pick = |wanted: &dyn Fn(&Price) -> bool| {
        series.iter().find_map(|b| {
            let rows = prices.iter().copied().filter(|p| p.basis == b.name() && wanted(p));
            best_of(vendor, rows)
        })
    };
    let price = pick(&|p| p.kind == Kind::User).or_else(|| pick(&|p| p.kind != Kind::User))?;
    let source = price.sources.first().cloned().unwrap_or_default();
    let source_title = catalog.source(&source).map_or_else(String::new, |s| s.title.clone());
    Some(Quote {
        usd_per_chip_hour: price.per_chip_hour?,
        basis: price.basis.clone(),
        item: price.item.clone(),
        provider: price.provider.clone(),
        region: price.region.clone(),
        date: price.date.clone(),
        kind: price.kind,
        source,
        source_title,
        note: price.note.clone(),
    })
}

/// Steps 3 to 5 of [`quote`].
fn best_of<'p>(vendor: &str, rows: impl Iterator<Item = &'p Price>) -> Option<&'p Price> {
    let mut best: Option<&Price> = None;
    for row in rows {
        let better = best.is_none_or(|old| {
            let nearer = closeness(vendor, row).cmp(&closeness(vendor, old));
            let later = old.date.cmp(&row.date);
            let directer = directness(row.kind).cmp(&directness(old.kind));
            let cheaper = row.per_chip_hour.unwrap_or(f64::MAX).total_cmp(&old.per_chip_hour.unwrap_or(f64::MAX));
            nearer.then(later).then(directer).then(cheaper).is_lt()
        });
        if better {
            best = Some(row);
        }
    }
    best
}

fn closeness(vendor: &str, price: &Price) -> u8 {
    let own = match vendor {
        "AWS" => "AWS",
        "Google" => "GCP",
        _ => "",
    };
    if price.provider == own {
        0
    } else if HYPERSCALERS.contains(&price.provider.as_str()) {
        1
    } else {
        2
    }
}

pub(crate) fn directness(kind: Kind) -> u8 {
    match kind {
        Kind::User => 0,
        Kind::Measured => 1,
        Kind::Vendor => 2,
        Kind::VendorViaThirdParty => 3,
        Kind::ThirdParty => 4,
        Kind::Derived => 5,
        Kind::Assumed => 6,
    }
}
