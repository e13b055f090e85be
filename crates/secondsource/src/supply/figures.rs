//! Figures of the catalog's tables as numbers with their range.

use secondsource_base::{Diagnostic, Figure, Kind};
use secondsource_catalog::{Catalog, FigureSet};
use secondsource_market::seller::Range;

/// A figure `table.name`, its rivals with it.
///
/// # Errors
/// A word with the nearest right name.
pub fn set<'a>(catalog: &'a Catalog, path: &str) -> Result<&'a FigureSet, Diagnostic> {
    let Some((table, name)) = path.split_once('.') else {
        return Err(Diagnostic::error(format!("`{path}` is not TABLE.FIGURE")).hint("for example \"packaging.cowos-2025-12\""));
    };
    let found = catalog.table(table)?;
    found.figures.get(name).ok_or_else(|| {
        let d =
            Diagnostic::error(format!("table `{table}` has no figure `{name}`")).suggest(name, found.figures.keys().map(String::as_str));
        d.hint(format!("`secondsource catalog show {table}` lists its figures"))
    })
}

/// From the lowest to the highest of a figure and its rivals, the figure itself in the middle.
pub fn range(set: &FigureSet) -> Range {
    let all = || set.rivals.iter().map(|r| r.value).chain([set.main.value]);
    Range { low: all().fold(f64::INFINITY, f64::min), middle: set.main.value, high: all().fold(f64::NEG_INFINITY, f64::max) }
}

/// Multiplier that brings a figure's unit to plain pieces, dollars, shares.
pub fn scale(unit: &str) -> f64 {
    match unit {
        "k wafers" => 1e3,
        "million" | "M USD" => 1e6,
        "G USD" => 1e9,
        "percent" => 0.01,
        _ => 1.0,
    }
}

/// A figure in plain units.
pub fn plain(figure: &Figure) -> f64 {
    figure.value * scale(&figure.unit)
}

/// Where a figure comes from, in one line.
pub fn origin(path: &str, figure: &Figure) -> String {
    let by = if figure.sources.is_empty() { figure.note.clone() } else { figure.sources.join(", ") };
    format!("catalog: {path}, {} {}: {by}", figure.kind.name(), figure.as_of)
}

pub fn assumed(set: &FigureSet) -> bool {
    set.main.kind == Kind::Assumed
}

/// Tables read for back-tests: a figure that is missing is told once, by name.
pub struct Reader<'c> {
    pub catalog: &'c Catalog,
}

impl Reader<'_> {
    /// Plain value.
    pub fn value(&self, path: &str) -> Result<f64, Diagnostic> {
        set(self.catalog, path).map(|s| plain(&s.main))
    }

    /// Plain range over the rivals.
    pub fn range(&self, path: &str) -> Result<Range, Diagnostic> {
        let s = set(self.catalog, path)?;
        let (r, k) = (range(s), scale(&s.main.unit));
        Ok(Range { low: r.low * k, middle: r.middle * k, high: r.high * k })
    }
}
