//! What the catalog holds: figures with rivals, chips, systems, links, tables, prices, sources.

use std::collections::BTreeMap;

use secondsource_base::{Figure, Kind};
use serde::Serialize;

use crate::fields::scale;

/// A figure and the ones that other sources give for the same thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureSet {
    /// The figure that is used.
    pub main: Figure,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Figure>,
}

/// A statement in words (`hbm_gen = "HBM3"`), sourced like a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    pub value: String,
    pub kind: Kind,
    pub as_of: String,
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub qualifier: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

pub type Figures = BTreeMap<String, FigureSet>;
pub type Facts = BTreeMap<String, Fact>;

fn si(figures: &Figures, field: &str) -> Option<f64> {
    figures.get(field).map(|f| f.main.value * scale(&f.main.unit))
}

/// An accelerator package.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chip {
    pub id: String,
    pub name: String,
    pub vendor: String,
    /// Calibration family, reviewed: see [`crate::hardware::ChipSpec::family`].
    pub family: String,
    /// The system that the bare chip id stands for.
    pub usual: Option<String>,
    pub note: String,
    pub figures: Figures,
    pub facts: Facts,
}

impl Chip {
    /// The figure in base units (FLOP/s, bytes, bytes/s, watts, seconds; plain units as they are).
    pub fn si(&self, field: &str) -> Option<f64> {
        si(&self.figures, field)
    }
}

/// What sort of file a thing was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    Chip,
    Node,
    Rack,
    Link,
    Table,
}

impl Thing {
    pub const ALL: [Thing; 5] = [Thing::Chip, Thing::Node, Thing::Rack, Thing::Link, Thing::Table];

    pub const fn name(self) -> &'static str {
        match self {
            Thing::Chip => "chip",
            Thing::Node => "node",
            Thing::Rack => "rack",
            Thing::Link => "link",
            Thing::Table => "table",
        }
    }
}

/// Where a number of a network level stands: `chip.F`, `figure.F` (of the system itself) or `link.ID.F`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Reference {
    Chip(String),
    Own(String),
    Link(String, String),
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reference::Chip(field) => write!(f, "chip.{field}"),
            Reference::Own(field) => write!(f, "figure.{field}"),
            Reference::Link(id, field) => write!(f, "link.{id}.{field}"),
        }
    }
}

/// How the chips of a level are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Switched,
    FullMesh,
    Torus,
}

/// One network level of a system, innermost first. It holds no numbers: it names the figures that do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Level {
    pub name: String,
    /// `None` stands for the whole cluster.
    pub chips: Option<Reference>,
    pub shape: Shape,
    /// The fact that gives a torus its extents.
    pub extents: Option<String>,
    pub injection: Reference,
    /// Bandwidth of one link along each axis of a torus.
    pub axes: Vec<Reference>,
    pub latency: Reference,
    pub scale_out: bool,
}

/// A node, rack, UltraServer or pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    pub id: String,
    pub thing: Thing,
    pub name: String,
    pub vendor: String,
    /// `None` where no source names the chip.
    pub chip: Option<String>,
    pub levels: Vec<Level>,
    pub note: String,
    pub figures: Figures,
    pub facts: Facts,
}

impl System {
    /// As [`Chip::si`].
    pub fn si(&self, field: &str) -> Option<f64> {
        si(&self.figures, field)
    }
}

/// A link, switch, card or network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Link {
    pub id: String,
    pub name: String,
    pub vendor: String,
    pub note: String,
    pub figures: Figures,
    pub facts: Facts,
}

impl Link {
    /// As [`Chip::si`].
    pub fn si(&self, field: &str) -> Option<f64> {
        si(&self.figures, field)
    }
}

/// Free-named figures on one subject: electricity by region, PUE by operator, all-in power by chip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    pub id: String,
    pub name: String,
    pub vendor: String,
    pub note: String,
    pub figures: Figures,
    pub facts: Facts,
}

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    pub title: String,
    pub at: String,
    pub date: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub license: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// One published price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Price {
    /// What is priced, as the seller names it.
    pub item: String,
    /// Catalog id of the chip.
    pub chip: String,
    pub chips_in_item: u32,
    pub provider: String,
    /// `on-demand`, `capacity-block`, `spot`, `reserved-1y`, `purchase`... ([`crate::prices::BASES`]).
    pub basis: String,
    /// In `unit`, for the whole item.
    pub price: f64,
    pub unit: String,
    /// USD per chip and hour; `None` for things that are bought.
    pub per_chip_hour: Option<f64>,
    /// USD per chip; `None` for things that are rented.
    pub per_chip: Option<f64>,
    pub region: String,
    /// Day, month or year of the price.
    pub date: String,
    pub kind: Kind,
    pub sources: Vec<String>,
    pub note: String,
}
