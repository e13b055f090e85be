//! What electricity costs and emits in a place.

use secondsource_base::{Diagnostic, Figure};
use secondsource_catalog::{Catalog, Table};
use serde::Serialize;
use std::collections::BTreeSet;

/// A figure of a place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Local {
    pub value: f64,
    /// Which table and entry, how old, what kind.
    pub basis: String,
    pub sources: Vec<String>,
}

/// Price and emissions of electricity in a place; `None` where the catalog has none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    pub name: String,
    /// US cents per kWh.
    pub cents_per_kwh: Option<Local>,
    /// kg CO2e per MWh, location-based.
    pub kg_per_mwh: Option<Local>,
    /// What stands in for what.
    pub notes: Vec<String>,
}

fn local(table: &Table, entry: &str, figure: &Figure) -> Local {
    let what = if figure.qualifier.is_empty() { entry } else { &figure.qualifier };
    Local {
        value: figure.value,
        basis: format!("{}: {what} ({}, {}, {})", table.name, figure.sources.join(", "), figure.as_of, figure.kind.name()),
        sources: figure.sources.clone(),
    }
}

/// Every place that the catalog has a price or emissions for, in order.
pub fn region_names(catalog: &Catalog) -> BTreeSet<String> {
    let tables = catalog.electricity().chain(catalog.grid_carbon());
    tables.flat_map(|t| t.figures.keys().chain(t.facts.keys())).cloned().collect()
}

/// Price and emissions of a place: a state, a grid subregion or a country.
///
/// The price is the latest commercial one, among whose customers data centres are counted, else the latest industrial
/// one. The emissions are those of the place itself, else of the grid that serves the state, else of the United States.
///
/// # Errors
/// A name that no table has, with the nearest.
pub fn region(catalog: &Catalog, name: &str) -> Result<Region, Diagnostic> {
    let id = name.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    let names = region_names(catalog);
    if !names.contains(&id) {
        return Err(Diagnostic::error(format!("the catalog has no electricity figures for `{name}`"))
            .suggest(&id, names.iter().map(String::as_str))
            .hint(
                "`secondsource catalog list` names the tables: electricity-* and grid-carbon-*; or give a price and emissions yourself",
            ));
    }
    let mut notes = Vec::new();
    let mut prices: Vec<(&Table, &Figure)> = catalog.electricity().filter_map(|t| Some((t, &t.figures.get(&id)?.main))).collect();
    prices.sort_by(|a, b| a.0.id.contains("industrial").cmp(&b.0.id.contains("industrial")).then(b.1.as_of.cmp(&a.1.as_of)));
    let cents_per_kwh = prices.first().map(|(t, f)| local(t, &id, f));
    let of = |entry: &str| catalog.grid_carbon().find_map(|t| Some(local(t, entry, &t.figures.get(entry)?.main)));
    let grid = catalog.grid_carbon().find_map(|t| t.facts.get(&id));
    let kg_per_mwh = of(&id).or_else(|| {
        let grid = grid?;
        notes.push(format!("{id} is taken to be served by the grid {}: {}", grid.value, grid.note));
        of(&grid.value)
    });
    let kg_per_mwh = kg_per_mwh.or_else(|| {
        notes.push(format!("no emissions of {id} alone: the United States average stands in"));
        of("us")
    });
    Ok(Region { name: id, cents_per_kwh, kg_per_mwh, notes })
}
