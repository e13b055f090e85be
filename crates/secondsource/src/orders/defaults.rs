//! What a book takes from the catalog: its policy where it states none, and what a rack is.

use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_market::orders::{Class, Policy, Rule};

/// The table of the defaults.
const TABLE: &str = "order-book";

pub(super) fn figure(catalog: &Catalog, name: &str) -> Result<f64, Diagnostic> {
    let found = catalog.table(TABLE)?.figures.get(name).map(|f| f.main.value);
    found.ok_or_else(|| Diagnostic::error(format!("the table `{TABLE}` has no figure `{name}`")))
}

/// The policy of a book that states none: one class, first come.
///
/// # Errors
/// When the catalog lacks a figure of it.
pub fn default_policy(catalog: &Catalog) -> Result<Policy, Diagnostic> {
    let range = |name: &str| -> Result<(f64, f64), Diagnostic> {
        Ok((figure(catalog, &format!("{name}-low"))?, figure(catalog, &format!("{name}-high"))?))
    };
    Ok(Policy {
        confidence: figure(catalog, "confidence")?,
        rule: Rule::FirstCome,
        classes: vec![Class { name: "standard".to_owned(), share: 1.0 }],
        cancel: range("cancel")?,
        lapse: range("lapse")?,
        firm_up: range("firm-up")?,
        scenarios: 1000,
        seed: 1,
    })
}

/// A rack as an order names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rack {
    pub system: String,
    /// The chip whose supply it takes.
    pub product: String,
    pub chips: u32,
}

/// A rack of the catalog; or one of the user's own, of which the chip and the chips in it are given.
///
/// # Errors
/// When the catalog does not know the rack and the user has not said what is in it, or has said another chip or number than
/// the catalog.
pub fn rack(catalog: &Catalog, system: &str, chip: Option<&str>, chips: Option<u32>) -> Result<Rack, Diagnostic> {
    let own_chip = chip.map(|c| catalog.chip(c).map(|c| c.id.clone())).transpose()?;
    match catalog.system(system) {
        Ok(s) => {
            if let (Some(said), Some(known)) = (&own_chip, &s.chip)
                && said != known
            {
                return Err(Diagnostic::error(format!("{}: the catalog says that its chip is {known}, not {said}", s.id))
                    .hint("leave the chip out, or give a rack of your own another name"));
            }
            let product = own_chip.or_else(|| s.chip.clone());
            // A system of several racks says how many chips one of them has; a node counts as one.
            let one = s.si("chips_per_rack").or_else(|| Some(s.si("chips")? / s.si("racks").unwrap_or(1.0).max(1.0)));
            let known = one.filter(|c| (1.0..=1e5).contains(c)).map(|c| c as u32);
            if let (Some(said), Some(known)) = (chips, known.filter(|k| Some(*k) != chips)) {
                return Err(Diagnostic::error(format!("{}: the catalog says that one rack has {known} chips, not {said}", s.id))
                    .hint("leave the number out, or give a rack of your own another name"));
            }
            let count = chips.or(known);
            match (product, count) {
                (Some(product), Some(chips)) => Ok(Rack { system: s.id.clone(), product, chips }),
                (product, _) => {
                    let lack = if product.is_none() { "its chip" } else { "how many chips it has" };
                    Err(Diagnostic::error(format!("{}: no source names {lack}", s.id))
                        .hint("give --chip and --chips-per-rack (keys `chip`, `chips-per-rack`)"))
                }
            }
        }
        Err(e) => match (own_chip, chips) {
            (Some(product), Some(chips)) => Ok(Rack { system: system.to_owned(), product, chips }),
            _ => Err(e.hint("a rack that the catalog does not have needs --chip and --chips-per-rack (keys `chip`, `chips-per-rack`)")),
        },
    }
}
