//! `rent` and `own`: what a number of chips costs under each contract, and as one's own.

mod export;
mod own;
mod read;
mod rent;

pub use export::{bill_csv, focus_csv, offers_csv};
pub use own::{AgainstOut, BillOut, InputOut, LineOut, OwnAnswer, TornadoOut};
pub use read::{OwnJob, read_own, set_input};
pub use rent::{OfferOut, PathMonth, PathOut, PointOut, ReferenceOut, RentAnswer, RentJob, SeriesOut, SystemOffers};
pub use secondsource_market::own::{Key, Site};

use crate::answer::Interval;
use secondsource_base::Diagnostic;
use secondsource_catalog::{Catalog, Price};
use secondsource_market::calendar;

pub(crate) fn interval([p5, p50, p95]: [f64; 3]) -> Interval {
    Interval { p5, p50, p95 }
}

/// `Title [ID]` of each source.
pub(crate) fn titles(catalog: &Catalog, ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| catalog.source(id).map_or_else(|| id.clone(), |s| format!("{} [{id}]", s.title))).collect()
}

/// The latest date of a price in the catalog, which is "today" unless the user says otherwise: answers do not depend on
/// the clock.
pub(crate) fn latest_price(catalog: &Catalog) -> String {
    catalog.prices().iter().map(|p| p.date.as_str()).filter(|d| d.len() == 10).max().unwrap_or("2026-01-01").to_owned()
}

/// A day of the calendar as an instant.
pub(crate) fn day(what: &str, date: &str) -> Result<i64, Diagnostic> {
    let good = date.trim();
    let bad = || Diagnostic::error(format!("{what}: `{date}` is not a day")).hint("write YYYY-MM-DD, for example 2027-01-01");
    if good.len() == 10 { calendar::instant(good).ok_or_else(bad) } else { Err(bad()) }
}

/// The latest published price of each of some series that nobody offers (indices, estimates of private contracts).
pub(crate) fn references<'c>(catalog: &'c Catalog, chip: &str, as_of: i64, bases: &[&str]) -> Vec<&'c Price> {
    let prices: Vec<&Price> = catalog.prices().iter().filter(|p| p.chip == chip && p.per_chip_hour.is_some()).collect();
    let known = |p: &&&Price| calendar::instant(&p.date).is_some_and(|t| t <= as_of);
    let latest = |basis: &&str| prices.iter().filter(|p| p.basis == **basis).filter(known).max_by(|a, b| a.date.cmp(&b.date)).copied();
    bases.iter().filter_map(latest).collect()
}
