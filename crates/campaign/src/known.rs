//! Figures of the catalog with the ends of their 90% bands.

use crate::input::Band;
use secondsource_base::Kind;
use secondsource_catalog::{Catalog, Table};
use serde::Serialize;

/// A figure with its band and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Known {
    /// In the unit that the caller asked for.
    pub value: f64,
    /// Factors on `value`.
    pub band: Band,
    pub kind: Kind,
    /// One sentence that says where the figure comes from.
    pub basis: String,
    /// Source ids of the catalog.
    pub sources: Vec<String>,
}

impl Known {
    /// A figure that the user states, with the ends of its band if there are any.
    pub fn stated(value: f64, band: Band) -> Known {
        Known { value, band, kind: Kind::User, basis: "as stated".to_owned(), sources: Vec::new() }
    }

    /// The figure in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Known {
        Known { value: self.value * factor, ..self }
    }
}

/// Figure `name` of a table, with `name-low` and `name-high` as the ends of its band; values as the table has them.
pub fn figure(table: &Table, name: &str) -> Option<Known> {
    let set = table.figures.get(name)?;
    let end = |suffix: &str| table.figures.get(&format!("{name}-{suffix}")).map_or(set.main.value, |s| s.main.value);
    let main = &set.main;
    let mut basis = [main.qualifier.as_str(), main.note.as_str()].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(": ");
    if basis.is_empty() {
        basis.clone_from(&table.name);
    }
    let from = if main.sources.is_empty() { String::new() } else { format!("{}, ", main.sources.join(", ")) };
    basis.push_str(&format!(" ({from}{}, {})", main.as_of, main.kind.name()));
    Some(Known {
        value: main.value,
        band: Band::around(end("low"), main.value, end("high")),
        kind: main.kind,
        basis,
        sources: main.sources.clone(),
    })
}

/// The same from a table by its id.
pub fn known(catalog: &Catalog, table: &str, name: &str) -> Option<Known> {
    figure(catalog.table(table).ok()?, name)
}

/// Seconds in a unit of time that tables use.
fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "seconds" => 1.0,
        "minutes" => 60.0,
        "hours" => 3600.0,
        "days" => 86_400.0,
        _ => return None,
    })
}

/// A time in seconds; `None` when the figure is not there or is no time.
pub fn known_seconds(catalog: &Catalog, table: &str, name: &str) -> Option<Known> {
    let unit = &catalog.table(table).ok()?.figures.get(name)?.main.unit;
    Some(known(catalog, table, name)?.times(seconds_in(unit)?))
}
