//! Numbers of a supply file: `7`, `[5, 7, 9]`, `"table.figure"`, `"chip.ID.FIGURE"`, or `{ low = 5, middle = 7, high = 9, why = "..." }`.

use super::figures::{assumed, origin, range, set};
use secondsource_base::quantity;
use secondsource_catalog::Catalog;
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::seller::Range;
use serde::Serialize;
use std::cell::RefCell;
use toml::de::{DeTable, DeValue};

/// One number that the answer rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// `line cowos capacity 2025-12`.
    pub name: String,
    pub unit: String,
    #[serde(flatten)]
    pub range: Range,
    /// `catalog: packaging.cowos-2025-12, third-party 2025-11: MS-COWOS` or what the file says.
    pub origin: String,
    /// True when no public source stands behind it.
    pub assumed: bool,
}

/// What a number is of: the unit of the file, its limits, and the units of figures that fit with their scale.
#[derive(Debug, Clone, Copy)]
pub struct Of {
    pub unit: &'static str,
    pub low: f64,
    pub high: f64,
    pub figures: &'static [(&'static str, f64)],
}

pub const SHARE: Of = Of { unit: "share", low: 0.0, high: 1.0, figures: &[("ratio", 1.0), ("percent", 0.01)] };
pub const DAYS: Of = Of { unit: "days", low: 0.0, high: 3650.0, figures: &[("days", 1.0)] };
pub const CHIPS: Of = Of { unit: "chips", low: 0.0, high: 1e12, figures: &[("chips", 1.0), ("count", 1.0), ("million", 1e6)] };
pub const USD: Of = Of { unit: "USD", low: 0.0, high: 1e9, figures: &[("USD/chip", 1.0)] };
pub const GIGABYTES: Of = Of { unit: "GB", low: 0.0, high: 1e6, figures: &[("GB", 1.0)] };
pub const PER_WAFER: Of = Of { unit: "packages a wafer", low: 0.1, high: 1e6, figures: &[("packages/wafer", 1.0)] };
pub const AREA: Of = Of { unit: "mm2", low: 1.0, high: 70_000.0, figures: &[("mm2", 1.0)] };
pub const DEFECTS: Of = Of { unit: "defects per cm2", low: 0.0, high: 100.0, figures: &[("per cm2", 1.0)] };
pub const AMOUNT: Of = Of { unit: "of the line", low: 0.0, high: 1e9, figures: &[] };
/// Wafers or chips a quarter.
pub const PIECES: Of =
    Of { unit: "a quarter", low: 0.0, high: 1e12, figures: &[("k wafers/month", 3000.0), ("million", 1e6), ("chips", 1.0)] };
/// Gbit a quarter.
pub const BITS: Of = Of { unit: "Gbit a quarter", low: 0.0, high: 1e15, figures: &[("G Gbit/year", 0.25e9)] };

/// Reads values and remembers each.
pub struct Values<'w, 't, 'c> {
    pub walk: &'w Walk<'t>,
    pub catalog: &'c Catalog,
    pub inputs: RefCell<Vec<Input>>,
}

/// A number as TOML has it, or a count in words (`"250k"`).
pub fn number(v: &DeValue<'_>) -> Option<f64> {
    let parsed = match v {
        DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
        DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
        DeValue::String(s) => quantity::parse_count(s),
        _ => None,
    };
    parsed.filter(|v: &f64| v.is_finite())
}

/// Every range of the file's own has these keys.
const RANGE: [&str; 4] = ["low", "middle", "high", "why"];

impl<'t> Values<'_, 't, '_> {
    /// A value that must be there.
    pub fn need(&self, tab: Tab<'_, 't>, what: &str, key: &str, of: Of) -> Option<Range> {
        if !tab.table.contains_key(key) {
            let d = self.walk.error(tab.at, format!("{what} has no `{key}`"));
            self.walk.push(d.hint(format!(
                "{key} = 7, {key} = [5, 7, 9], {key} = \"table.figure\" or {key} = {{ low = .., middle = .., high = .., why = \"..\" }}"
            )));
            return None;
        }
        self.maybe(tab, what, key, of)
    }

    /// A value; absent is `None` without a message.
    pub fn maybe(&self, tab: Tab<'_, 't>, what: &str, key: &str, of: Of) -> Option<Range> {
        let v = tab.table.get(key)?;
        let name = if key == "value" { what.to_owned() } else { format!("{what} {key}") };
        self.value(v.get_ref(), v.span().start, &name, of)
    }

    /// A value wherever it stands.
    pub fn value(&self, v: &DeValue<'_>, at: usize, name: &str, of: Of) -> Option<Range> {
        let w = self.walk;
        let (r, origin, assumed) = match v {
            DeValue::String(text) if text.contains('.') && quantity::parse_count(text).is_none() => self.figure(text, at, name, of)?,
            DeValue::Array(items) if items.len() == 3 => {
                let n: Vec<Option<f64>> = items.iter().map(|i| number(i.get_ref())).collect();
                let r = n[0].zip(n[1]).zip(n[2]).map(|((low, middle), high)| Range { low, middle, high });
                (self.told(r, at, name)?, "assumption of the file".to_owned(), true)
            }
            DeValue::Table(table) => {
                let inner = Tab { table, at };
                self.range_keys(inner, name);
                let part = |key: &str| table.get(key).and_then(|v| number(v.get_ref()));
                let r = match (part("low"), part("middle"), part("high")) {
                    (Some(low), Some(middle), Some(high)) => Some(Range { low, middle, high }),
                    (None, Some(middle), None) => Some(Range::exactly(middle)),
                    _ => None,
                };
                let why: String = table.get("why").and_then(|v| v.get_ref().as_str()).unwrap_or("").chars().take(300).collect();
                let origin = if why.is_empty() { "assumption of the file".to_owned() } else { format!("assumption of the file: {why}") };
                (self.told(r, at, name)?, origin, true)
            }
            other => (self.told(number(other).map(Range::exactly), at, name)?, "assumption of the file".to_owned(), true),
        };
        if !(r.low <= r.middle && r.middle <= r.high) || r.low < of.low || r.high > of.high {
            w.fail(at, format!("{name} must rise from low to high between {} and {} ({})", of.low, of.high, of.unit));
            return None;
        }
        self.inputs.borrow_mut().push(Input { name: name.to_owned(), unit: of.unit.to_owned(), range: r, origin, assumed });
        Some(r)
    }

    fn range_keys(&self, tab: Tab<'_, '_>, name: &str) {
        for key in tab.table.keys() {
            let word = key.get_ref().as_ref();
            if !RANGE.contains(&word) {
                let d = self.walk.error(key.span().start, format!("unknown key `{word}` in {name}")).suggest(word, RANGE);
                self.walk.push(d.hint(format!("known keys: {}", RANGE.join(", "))));
            }
        }
    }

    fn told(&self, r: Option<Range>, at: usize, name: &str) -> Option<Range> {
        if r.is_none() {
            let d = self.walk.error(at, format!("{name} is not a number, a range or a figure of the catalog"));
            self.walk.push(d.hint("7, [5, 7, 9], \"packaging.cowos-2025-12\" or { low = 5, middle = 7, high = 9, why = \"..\" }"));
        }
        r
    }

    fn figure(&self, path: &str, at: usize, name: &str, of: Of) -> Option<(Range, String, bool)> {
        let w = self.walk;
        let (figures, k) = if let Some((chip, field)) = path.strip_prefix("chip.").and_then(|p| p.rsplit_once('.')) {
            let found = match self.catalog.chip(chip) {
                Ok(c) => c.figures.get(field),
                Err(d) => {
                    w.push(d.at_offset(w.source, at));
                    return None;
                }
            };
            let Some(found) = found else {
                w.fail(at, format!("chip `{chip}` has no figure `{field}`"));
                return None;
            };
            match quantity::unit_scale(&found.main.unit) {
                Some((quantity::Dimension::Bytes, bytes)) if of.unit == "GB" => (found, bytes / 1e9),
                _ => {
                    w.fail(at, format!("{path} is in {}, {name} is in {}", found.main.unit, of.unit));
                    return None;
                }
            }
        } else {
            match set(self.catalog, path) {
                Ok(s) => match of.figures.iter().find(|(unit, _)| *unit == s.main.unit) {
                    Some((_, k)) => (s, *k),
                    None => {
                        w.fail(at, format!("{path} is in {}, {name} is in {}", s.main.unit, of.unit));
                        return None;
                    }
                },
                Err(d) => {
                    w.push(d.at_offset(w.source, at));
                    return None;
                }
            }
        };
        let r = if path.starts_with("chip.") { Range::exactly(figures.main.value) } else { range(figures) };
        Some((Range { low: r.low * k, middle: r.middle * k, high: r.high * k }, origin(path, &figures.main), assumed(figures)))
    }

    /// Keys of a table that is a map with free names are not checked; of all others they are.
    pub fn table<'d>(&self, tab: Tab<'d, 't>, key: &str, keys: &[&'static str]) -> Option<Tab<'d, 't>> {
        let value = tab.table.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.walk.fail(value.span().start, format!("`{key}` must be a table"));
            return None;
        };
        let inner = Tab { table, at: value.span().start };
        self.walk.keys(inner, &format!("`{key}`"), keys);
        Some(inner)
    }
}

/// Entries of a table in the order in which they are written.
pub fn entries<'d, 't>(table: &'d DeTable<'t>) -> Vec<(&'d str, usize, &'d toml::Spanned<DeValue<'t>>)> {
    let mut out: Vec<_> = table.iter().map(|(k, v)| (k.get_ref().as_ref(), k.span().start, v)).collect();
    out.sort_by_key(|(_, at, _)| *at);
    out
}
