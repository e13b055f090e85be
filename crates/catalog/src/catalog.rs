//! The catalog as a whole, and looking things up in it by id or alias.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use secondsource_base::Diagnostic;

use crate::profile::{Kernel, KernelProfile};
use crate::series::{HistoryRow, Statement, SupplyRow};
use crate::types::{Chip, Link, Price, Source, System, Table, Thing};

mod files {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// All chips, systems, links, tables, prices and sources, checked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    pub(crate) chips: BTreeMap<String, Chip>,
    pub(crate) systems: BTreeMap<String, System>,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) sources: BTreeMap<String, Source>,
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) prices: Vec<Price>,
    pub(crate) supply: Vec<SupplyRow>,
    pub(crate) history: Vec<HistoryRow>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) profiles: Vec<KernelProfile>,
    /// Times of own kernels over the library's: (chip, kernel, factor).
    pub(crate) own_kernels: Vec<(String, Kernel, f64)>,
}

/// The files that the program carries: path below the repository root, text.
pub fn embedded_files() -> &'static [(&'static str, &'static str)] {
    files::FILES
}

impl Catalog {
    /// The catalog compiled into the program. Its files are checked by the tests of this crate; a file that
    /// does not pass leaves out only its own things.
    pub fn embedded() -> &'static Catalog {
        static EMBEDDED: OnceLock<Catalog> = OnceLock::new();
        EMBEDDED.get_or_init(|| Catalog::from_files(embedded_files()).0)
    }

    /// The profile of a chip's kernels.
    pub fn kernel_profile(&self, chip: &str) -> Option<&KernelProfile> {
        self.profiles.iter().find(|p| p.chips.iter().any(|c| c == chip))
    }

    /// Lays a profile over those of its chips.
    pub fn add_profile(&mut self, profile: KernelProfile) {
        self.profiles.insert(0, profile);
    }

    /// Leaves the profiles out: operator times then come from the datasheet and the calibration alone.
    pub fn drop_profiles(&mut self) {
        self.profiles.clear();
    }

    /// Says that a kernel of the user's takes `factor` times the library's time on a chip.
    pub fn own_kernel(&mut self, chip: &str, kernel: Kernel, factor: f64) {
        self.own_kernels.retain(|(c, k, _)| !(c == chip && *k == kernel));
        self.own_kernels.push((chip.to_owned(), kernel, factor));
    }

    /// What sort of thing an id (not an alias) is.
    pub fn thing(&self, id: &str) -> Option<Thing> {
        if self.chips.contains_key(id) {
            Some(Thing::Chip)
        } else if let Some(system) = self.systems.get(id) {
            Some(system.thing)
        } else if self.links.contains_key(id) {
            Some(Thing::Link)
        } else {
            self.tables.contains_key(id).then_some(Thing::Table)
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let things = self.chips.keys().chain(self.systems.keys()).chain(self.links.keys()).chain(self.tables.keys());
        things.chain(self.aliases.keys()).map(String::as_str)
    }

    /// The id that a name stands for: itself when it is an id, else the target of the alias (case ignored).
    pub fn resolve_alias<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        if self.thing(name).is_some() {
            return Some(name);
        }
        if let Some(target) = self.aliases.get(name) {
            return Some(target);
        }
        let lower = name.trim().to_ascii_lowercase().replace('_', "-");
        let own = self.ids().find(|id| **id == *lower)?;
        Some(self.aliases.get(own).map_or(own, String::as_str))
    }

    fn unknown<'a>(&self, what: &str, name: &str, candidates: impl Iterator<Item = &'a str>) -> Diagnostic {
        Diagnostic::error(format!("unknown {what} `{name}`"))
            .suggest(name, candidates)
            .hint("`secondsource catalog list` names everything there is")
    }

    /// A chip by id or alias.
    pub fn chip(&self, name: &str) -> Result<&Chip, Diagnostic> {
        let names = self.chips.keys().map(String::as_str);
        self.resolve_alias(name)
            .and_then(|id| self.chips.get(id))
            .ok_or_else(|| self.unknown("chip", name, names.chain(self.aliases.keys().map(String::as_str))))
    }

    /// A node, rack or pod by id or alias; a chip's name means its usual system.
    pub fn system(&self, name: &str) -> Result<&System, Diagnostic> {
        let id = self.resolve_alias(name);
        if let Some(system) = id.and_then(|id| self.systems.get(id)) {
            return Ok(system);
        }
        match id.and_then(|id| self.chips.get(id)) {
            Some(chip) => match chip.usual.as_ref().and_then(|u| self.systems.get(u)) {
                Some(system) => Ok(system),
                None => Err(self.no_system(chip)),
            },
            None => Err(self.unknown("system", name, self.ids().filter(|i| !self.is_other(i)))),
        }
    }

    fn is_other(&self, id: &str) -> bool {
        self.links.contains_key(id) || self.tables.contains_key(id)
    }

    fn no_system(&self, chip: &Chip) -> Diagnostic {
        let needed = ["hbm_capacity", "hbm_bw", "scaleup_bw_uni"];
        let missing: Vec<_> = needed.into_iter().filter(|f| chip.si(f).is_none()).collect();
        let lack = if missing.is_empty() { String::new() } else { format!("; nor gives {}", missing.join(", ")) };
        Diagnostic::error(format!("{}: no source describes a system of this chip{lack}", chip.id))
            .hint("an overlay may describe one: see docs/catalog.md")
    }

    /// A link, switch or network by id or alias.
    pub fn link(&self, name: &str) -> Result<&Link, Diagnostic> {
        let links = self.links.keys().map(String::as_str);
        self.resolve_alias(name).and_then(|id| self.links.get(id)).ok_or_else(|| self.unknown("link", name, links))
    }

    /// A table of figures (`pue`, `all-in-kw`, `electricity-us-commercial-2026-04`...).
    pub fn table(&self, name: &str) -> Result<&Table, Diagnostic> {
        let tables = self.tables.keys().map(String::as_str);
        self.tables.get(name).ok_or_else(|| self.unknown("table", name, tables))
    }

    pub fn chips(&self) -> impl Iterator<Item = &Chip> {
        self.chips.values()
    }

    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    /// All prices, in file order; overlays come last.
    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    pub fn prices_of<'a>(&'a self, chip: &'a str) -> impl Iterator<Item = &'a Price> {
        let id = self.resolve_alias(chip);
        self.prices.iter().filter(move |p| Some(p.chip.as_str()) == id)
    }

    pub fn source(&self, id: &str) -> Option<&Source> {
        self.sources.get(id)
    }

    pub fn sources(&self) -> &BTreeMap<String, Source> {
        &self.sources
    }

    /// Aliases and the ids they stand for.
    pub fn aliases(&self) -> &BTreeMap<String, String> {
        &self.aliases
    }

    /// Chips made or sold per quarter (Epoch AI).
    pub fn supply(&self) -> &[SupplyRow] {
        &self.supply
    }

    /// Filings, calls and forecasts, in file order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// One series of them, oldest first.
    pub fn series<'a>(&'a self, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Statement> {
        self.statements.iter().filter(move |s| s.series == name)
    }

    /// Dated, archived list prices of 2022 to 2025 (Epoch AI).
    pub fn history(&self) -> &[HistoryRow] {
        &self.history
    }
}
