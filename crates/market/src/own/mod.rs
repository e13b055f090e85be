//! Owning: what a cluster costs to buy and to keep, as a bill that adds up, and what an effective hour of it costs.
//!
//! Every input is an [`Input`] with its range and its source. What no source gives is the user's to state; the default
//! then has a wide range and says so.

pub mod bill;
pub mod compare;
pub mod cost;
pub mod defaults;
pub mod fabric;
pub mod keys;

use std::collections::BTreeMap;

use secondsource_base::Kind;
use serde::Serialize;

pub use bill::{Bill, Group, Line, When, bill};
pub use compare::{BreakEven, Comparison, Rent, break_even, compare};
pub use cost::{Cost, OwnIntervals, TornadoBar, cost, payback_price, simulate, tornado};
pub use defaults::{Wishes, of_catalog};
pub use fabric::{FabricPlan, FabricRule, fabric};
pub use keys::{Key, Values};

/// An input with its range and its source. Sampled as a triangle between `low` and `high` with its mode at `value`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub unit: String,
    pub kind: Kind,
    /// Where the value comes from, in words.
    pub basis: String,
    /// Source ids of the catalog.
    pub sources: Vec<String>,
}

/// Where the machines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// Space rented by the kilowatt of contracted IT power ([`Key::ColocationUsdPerKwMonth`]).
    #[default]
    Colocation,
    /// A building of one's own ([`Key::ShellUsdPerKw`], recovered over [`Key::ShellLifeYears`]).
    Shell,
}

/// What a cluster of one's own takes. Amounts are in USD of the day of the purchase; shares are of 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnInput {
    /// Catalog id of the rack or server, and of its chip.
    pub system: String,
    pub chip: String,
    /// Chips that the plan asks for.
    pub chips: u64,
    /// Racks or servers that hold them, and chips in each.
    pub units: u64,
    pub chips_per_unit: u64,
    /// `rack`, `server`, or `system` for more than a rack (an UltraServer, a pod).
    pub unit_name: &'static str,
    /// Whether the price of a unit already holds network and storage of the cluster (`purchase-all-in`).
    pub all_in: bool,
    pub site: Site,
    /// Whether the colocation rent includes the energy; it usually does not.
    pub energy_included: bool,
    /// Switches and cables by the fabric rule; counts only, no price of them is published.
    pub fabric: Option<FabricPlan>,
    /// One for each [`Key`].
    pub inputs: BTreeMap<Key, Input>,
    /// What was taken for want of a source, and what the user stated, in sentences.
    pub notes: Vec<String>,
}

impl OwnInput {
    /// The middle value of an input; 0 for one that is missing.
    pub fn value(&self, key: Key) -> f64 {
        self.inputs.get(&key).map_or(0.0, |i| i.value)
    }

    /// The middle values of all inputs.
    pub fn values(&self) -> Values {
        Key::ALL.map(|k| self.value(k))
    }

    /// Chips that are bought: whole units, without spares.
    pub fn chips_bought(&self) -> u64 {
        self.units * self.chips_per_unit
    }

    /// Whether an input plays a part: the other kind of site does not.
    pub fn matters(&self, key: Key) -> bool {
        match key {
            Key::ColocationUsdPerKwMonth => self.site == Site::Colocation,
            Key::ShellUsdPerKw | Key::ShellLifeYears => self.site == Site::Shell,
            Key::NetworkShare | Key::StorageShare => !self.all_in,
            Key::BookYears => false,
            Key::Pue | Key::UsdPerKwh | Key::Load => !(self.site == Site::Colocation && self.energy_included),
            _ => true,
        }
    }
}
