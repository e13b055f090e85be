//! How often large jobs are interrupted: published fleets, and which of them stands for a chip.

use crate::input::Band;
use crate::known::{Known, figure};
use secondsource_base::Diagnostic;
use secondsource_catalog::{Catalog, Table};
use serde::Serialize;

const TABLE: &str = "failure-rates";
const UNIT: &str = "per 1000 node-days";

/// An interruption rate and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailureRate {
    /// `llama-3-405b`, `rsc-1`, `published-range`, ...; `stated` for the user's own.
    pub id: String,
    /// Unplanned interruptions per 1000 days of a node of 8 chips (see `chips-per-node`).
    pub per_1000_node_days: f64,
    pub band: Band,
    /// Chips of the node that the rate is for.
    pub chips_per_node: f64,
    pub basis: String,
    pub sources: Vec<String>,
    /// Why the whole published range stands in, where it does: no public rate of the chip was found.
    pub borrowed: Option<String>,
}

impl FailureRate {
    /// Per node and day, for nodes of another size: in proportion to the chips.
    pub fn per_node_day(&self, chips_per_node: f64) -> f64 {
        self.per_1000_node_days / 1e3 * chips_per_node / self.chips_per_node
    }
}

fn table(catalog: &Catalog) -> Result<&Table, Diagnostic> {
    catalog.table(TABLE)
}

fn chips_per_node(table: &Table) -> f64 {
    table.figures.get("chips-per-node").map_or(8.0, |f| f.main.value)
}

/// Names of the rates that the catalog has, in order.
pub fn rate_names(catalog: &Catalog) -> Vec<String> {
    let Ok(table) = table(catalog) else { return Vec::new() };
    let end = |name: &str| ["-low", "-high"].iter().any(|s| name.strip_suffix(s).is_some_and(|base| table.figures.contains_key(base)));
    table.figures.iter().filter(|(name, set)| set.main.unit == UNIT && !end(name)).map(|(name, _)| name.clone()).collect()
}

/// The rate of a published fleet.
///
/// # Errors
/// A name that the catalog does not have, with the nearest.
pub fn failure_rate(catalog: &Catalog, name: &str) -> Result<FailureRate, Diagnostic> {
    let table = table(catalog)?;
    let id = name.trim().to_ascii_lowercase().replace('_', "-");
    let names = rate_names(catalog);
    let found = names.contains(&id).then(|| figure(table, &id)).flatten();
    let Some(Known { value, band, basis, sources, .. }) = found else {
        return Err(Diagnostic::error(format!("no failure rate is called `{name}`"))
            .suggest(name, names.iter().map(String::as_str))
            .hint(format!("one of {}", names.join(", "))));
    };
    let other = table.facts.get("other").filter(|f| f.value == id);
    let borrowed = other.map(|f| f.note.clone());
    Ok(FailureRate { id, per_1000_node_days: value, band, chips_per_node: chips_per_node(table), basis, sources, borrowed })
}

/// The rate that stands for a chip family: that of its own fleets where there are any, else the published range.
///
/// # Errors
/// A catalog without the table or with a fact that names nothing.
pub fn rate_of_family(catalog: &Catalog, family: &str) -> Result<FailureRate, Diagnostic> {
    let table = table(catalog)?;
    let Some(fact) = table.facts.get(family).or_else(|| table.facts.get("other")) else {
        return Err(Diagnostic::error(format!("the table `{TABLE}` does not say which rate the family {family} takes")));
    };
    failure_rate(catalog, &fact.value)
}

/// A rate of the user's own, per 1000 days of a node with so many chips as the published ones have.
pub fn stated_rate(catalog: &Catalog, per_1000_node_days: f64, band: Band) -> FailureRate {
    let chips = table(catalog).map_or(8.0, chips_per_node);
    FailureRate {
        id: "stated".to_owned(),
        per_1000_node_days,
        band,
        chips_per_node: chips,
        basis: "as stated".to_owned(),
        sources: Vec::new(),
        borrowed: None,
    }
}

/// A warning when a job is so small that the measured failures are more frequent than the model's.
pub fn domain_note(catalog: &Catalog, chips: u64) -> Option<String> {
    let table = table(catalog).ok()?;
    let at = table.figures.get("domain-chips")?.main.value;
    let measured = table.figures.get("domain-measured")?.main.value;
    let rsc = failure_rate(catalog, "rsc-1").ok()?;
    let model = 24.0 / (at / rsc.chips_per_node * rsc.per_node_day(rsc.chips_per_node));
    (chips as f64 <= at).then(|| {
        format!(
            "outside the domain of the failure model: rate times nodes is checked on jobs of thousands of chips. At {at:.0} A100 it gives \
             a failure every {model:.1} h where Meta measured {measured} h, because small jobs are stopped by other causes too"
        )
    })
}
