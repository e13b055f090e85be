//! The bill of an owned cluster: what is paid once, and what is paid each year.

use secondsource_base::Kind;
use serde::Serialize;

use super::{Input, Key, OwnInput, Site};
use crate::calendar::YEAR_HOURS;
use crate::money::Cents;

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    Units,
    Spares,
    Network,
    Storage,
    Installation,
    Site,
    Energy,
    Staff,
    Support,
}

impl Group {
    pub const fn name(self) -> &'static str {
        match self {
            Group::Units => "units",
            Group::Spares => "spares",
            Group::Network => "network",
            Group::Storage => "storage",
            Group::Installation => "installation",
            Group::Site => "site",
            Group::Energy => "energy",
            Group::Staff => "staff",
            Group::Support => "support",
        }
    }
}

/// How often a line is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    Once,
    Yearly,
}

impl When {
    pub const fn name(self) -> &'static str {
        match self {
            When::Once => "once",
            When::Yearly => "yearly",
        }
    }
}

/// One line: quantity times unit price, rounded to the cent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub group: Group,
    pub item: String,
    pub when: When,
    pub quantity: f64,
    pub unit: String,
    /// USD per `unit`; `None` for what is counted but has no public price of its own.
    pub unit_usd: Option<f64>,
    pub usd: Cents,
    pub kind: Kind,
    /// What the price rests on.
    pub basis: String,
    pub sources: Vec<String>,
}

/// The bill at the middle of every input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    pub lines: Vec<Line>,
    /// Sum of the lines that are paid once.
    pub once: Cents,
    /// Sum of the lines that are paid each year.
    pub yearly: Cents,
}

/// Price of network and storage per USD of units: shares of a cluster that with the units' own share make 1.
pub(super) fn around(network: f64, storage: f64) -> f64 {
    1.0 / (1.0 - network - storage).max(0.05) - 1.0
}

/// The bill of an input at the middle of its ranges. A hosts' line is missing because racks and servers come with
/// their hosts; financing is no line because it is in the cost per hour (`cost`).
pub fn bill(x: &OwnInput) -> Bill {
    let mut lines = Vec::new();
    let v = |key| x.value(key);
    let units = x.units as f64;
    let price = v(Key::UnitUsd);
    let of_price = format!("{} price", x.unit_name);
    let mut add = |group, when, item: String, quantity: f64, unit: &str, unit_usd: Option<f64>, from: &[Key], basis: Option<&str>| {
        let of: Vec<&Input> = from.iter().filter_map(|k| x.inputs.get(k)).collect();
        let mut sources: Vec<String> = of.iter().flat_map(|i| i.sources.iter().cloned()).collect();
        sources.dedup();
        lines.push(Line {
            group,
            item,
            when,
            quantity,
            unit: unit.to_owned(),
            unit_usd,
            usd: Cents::from_usd(quantity * unit_usd.unwrap_or(0.0)),
            kind: of.first().map_or(Kind::Derived, |i| i.kind),
            basis: basis.map_or_else(|| of.iter().map(|i| i.basis.as_str()).collect::<Vec<_>>().join("; "), str::to_owned),
            sources,
        });
    };
    add(Group::Units, When::Once, format!("{} {}", x.unit_name, x.system), units, x.unit_name, Some(price), &[Key::UnitUsd], None);
    let spares = format!("spares, {} of the units", percent(v(Key::Spares)));
    add(Group::Spares, When::Once, spares, units * v(Key::Spares), x.unit_name, Some(price), &[Key::Spares], None);
    if !x.all_in {
        let per_usd = around(v(Key::NetworkShare), v(Key::StorageShare));
        let shares = v(Key::NetworkShare) + v(Key::StorageShare);
        for (group, key, what) in [(Group::Network, Key::NetworkShare, "network"), (Group::Storage, Key::StorageShare, "storage")] {
            let part = if shares > 0.0 { per_usd * v(key) / shares } else { 0.0 };
            let item = format!("{what}, {} of the cluster", percent(v(key)));
            add(group, When::Once, item, units * part, &of_price, Some(price), &[key], None);
        }
        if let Some(f) = &x.fabric {
            let held = "counted by the fat-tree rule; no price of its own is public: the network line holds it";
            let item = format!("switches: {} leaf, {} spine, {} core", f.leaf, f.spine, f.core);
            add(Group::Network, When::Once, item, f.switches() as f64, "switch", None, &[], Some(held));
            add(Group::Network, When::Once, "cables of the compute fabric".to_owned(), f.cables() as f64, "cable", None, &[], Some(held));
        }
    }
    let installed = format!("installation, {} of the units", percent(v(Key::Installation)));
    add(Group::Installation, When::Once, installed, units * v(Key::Installation), &of_price, Some(price), &[Key::Installation], None);
    let kw = x.chips_bought() as f64 * v(Key::KwPerChip);
    let colocated = x.site == Site::Colocation;
    if colocated {
        let keys = [Key::ColocationUsdPerKwMonth, Key::KwPerChip];
        add(Group::Site, When::Yearly, "colocation".to_owned(), kw * 12.0, "kW-month", Some(v(keys[0])), &keys, None);
    } else {
        let keys = [Key::ShellUsdPerKw, Key::KwPerChip];
        add(Group::Site, When::Once, "powered shell".to_owned(), kw, "kW", Some(v(keys[0])), &keys, None);
    }
    if !(colocated && x.energy_included) {
        let kwh = kw * v(Key::Pue) * v(Key::Load) * YEAR_HOURS;
        let keys = [Key::UsdPerKwh, Key::KwPerChip, Key::Load, Key::Pue];
        add(Group::Energy, When::Yearly, "electricity".to_owned(), kwh, "kWh", Some(v(keys[0])), &keys, None);
    }
    let staff = v(Key::StaffUsdPerYear);
    let item = if staff > 0.0 { "staff" } else { "staff: not stated" };
    add(Group::Staff, When::Yearly, item.to_owned(), 1.0, "year", Some(staff), &[Key::StaffUsdPerYear], None);
    let support = format!("support and repairs, {} of the units", percent(v(Key::Support)));
    add(Group::Support, When::Yearly, support, units * v(Key::Support), &of_price, Some(price), &[Key::Support], None);
    let sum = |when| lines.iter().filter(|l: &&Line| l.when == when).map(|l| l.usd).sum();
    Bill { once: sum(When::Once), yearly: sum(When::Yearly), lines }
}

fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}
