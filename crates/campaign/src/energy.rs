//! Power that a chip takes at the meter of the building, and energy of a run.

use secondsource_base::Kind;
use secondsource_catalog::Catalog;
use serde::Serialize;

/// Facility power per chip, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerBasis {
    /// Kilowatts per chip: server, network and cooling included.
    pub kw_per_chip: f64,
    /// `third-party` for a published all-in figure, `derived` for TDP times the overhead ratio.
    pub kind: Kind,
    /// One sentence that says where the figure comes from.
    pub basis: String,
    /// Source ids of the catalog.
    pub sources: Vec<String>,
}

/// Median of a ratio of two published powers over the things that have both figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OverheadRatio {
    pub ratio: f64,
    /// Lowest and highest ratio among them.
    pub range: (f64, f64),
    /// The chips or systems it was computed over, in id order.
    pub chips: Vec<String>,
    pub sources: Vec<String>,
}

impl OverheadRatio {
    /// Median and range of (ratio, what it is of, sources); `None` of no rows.
    pub(crate) fn of(mut rows: Vec<(f64, String, Vec<String>)>) -> Option<OverheadRatio> {
        let chips = rows.iter().map(|r| r.1.clone()).collect();
        let mut sources: Vec<String> = rows.iter().flat_map(|r| r.2.iter().cloned()).collect();
        sources.sort();
        sources.dedup();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (low, high) = (rows.first()?.0, rows.last()?.0);
        let middle = rows.len() / 2;
        let ratio = if rows.len() % 2 == 1 { rows[middle].0 } else { f64::midpoint(rows[middle - 1].0, rows[middle].0) };
        Some(OverheadRatio { ratio, range: (low, high), chips, sources })
    }
}

/// The overhead ratio of [`facility_power`]; `None` when no chip has both figures.
pub fn overhead_ratio(catalog: &Catalog) -> Option<OverheadRatio> {
    let rows = catalog.all_in().iter().filter_map(|(id, set)| {
        let tdp = catalog.chip(id).ok().and_then(|c| c.si("tdp"))?;
        Some((set.main.value * 1e3 / tdp, id.clone(), set.main.sources.clone()))
    });
    OverheadRatio::of(rows.collect())
}

/// Facility power of one chip.
///
/// 1. A published all-in figure of this chip, where there is one.
/// 2. Else its TDP times the median of all-in power over TDP of the chips that have both (derived).
///
/// `None` when no source gives the chip's TDP either. All-in figures include cooling: do not multiply by a PUE.
pub fn facility_power(catalog: &Catalog, chip: &str) -> Option<PowerBasis> {
    let chip = catalog.chip(chip).ok()?;
    if let Some(set) = catalog.all_in_kw(&chip.id) {
        let figure = &set.main;
        return Some(PowerBasis {
            kw_per_chip: figure.value,
            kind: figure.kind,
            basis: format!(
                "published all-in power of {}: {} kW a chip with server, network and cooling ({}, {})",
                chip.id,
                figure.value,
                figure.sources.join(", "),
                figure.as_of
            ),
            sources: figure.sources.clone(),
        });
    }
    let tdp = chip.figures.get("tdp")?;
    let watts = chip.si("tdp")?;
    let over = overhead_ratio(catalog)?;
    let mut sources = tdp.main.sources.clone();
    sources.extend(over.sources.iter().cloned());
    sources.sort();
    sources.dedup();
    Some(PowerBasis {
        kw_per_chip: watts / 1e3 * over.ratio,
        kind: Kind::Derived,
        basis: format!(
            "derived: TDP of {} ({watts} W) times {:.2}, the median of published all-in power over TDP of {} other chips \
             (from {:.2} to {:.2})",
            chip.id,
            over.ratio,
            over.chips.len(),
            over.range.0,
            over.range.1
        ),
        sources,
    })
}

/// Energy at the meter in kWh of so many chips over so many hours.
pub fn energy_kwh(power: &PowerBasis, chips: f64, hours: f64) -> f64 {
    power.kw_per_chip * chips * hours
}
