//! Published prices: what is rented or bought, from whom, where, when.

use crate::read::Reader;
use crate::types::Price;
use crate::walk::Tab;

/// What a price is for. The series are kept apart; nothing averages over them.
pub const BASES: [&str; 18] = [
    "on-demand",
    "capacity-block",
    "flex-start",
    "cluster-on-demand",
    "spot",
    "reserved",
    "reserved-1y",
    "reserved-3y",
    "contract-1y",
    "list",
    "market-average",
    "index",
    "TCO-own",
    "TCO-rent-3y",
    "purchase",
    "purchase-all-in",
    "purchase-used",
    "BOM",
];

/// Bases under which a chip can be rented by the hour from the named provider.
pub const RENTAL: [&str; 9] =
    ["on-demand", "capacity-block", "flex-start", "cluster-on-demand", "spot", "reserved", "reserved-1y", "reserved-3y", "list"];

const UNITS: [&str; 4] = ["USD/h", "USD/chip-h", "USD/year", "USD"];

const KEYS: [&str; 12] =
    ["item", "chip", "chips_in_item", "provider", "basis", "price", "unit", "region", "date", "kind", "sources", "note"];

/// Hours in a year of 365 days, for servers priced by the year.
const HOURS_PER_YEAR: f64 = 8760.0;

/// Reads one `[[price]]` entry; the offset is that of its chip.
pub(crate) fn read_price<'t>(reader: &Reader<'_, 't>, tab: Tab<'_, 't>) -> Option<(Price, usize)> {
    let w = reader.walk;
    let what = "the price";
    w.keys(tab, what, &KEYS);
    let item = w.need(tab, what, "item");
    let chip = w.need(tab, what, "chip");
    let provider = w.need(tab, what, "provider");
    let chips = w.number(tab, what, "chips_in_item").and_then(|(n, at)| {
        let whole = ((1.0..=1e6).contains(&n) && n.fract() == 0.0).then_some(n as u32);
        if whole.is_none() {
            w.fail(at, "`chips_in_item` must be a whole number from 1 to a million");
        }
        whole
    });
    let basis = w.need(tab, what, "basis").and_then(|(b, at)| w.one_of(at, "basis", &b, &BASES));
    let price = w.number(tab, what, "price");
    let unit = w.need(tab, what, "unit").and_then(|(u, at)| w.one_of(at, "unit of a price", &u, &UNITS));
    let date = w.need(tab, what, "date").filter(|(d, at)| w.date(*at, "date", d));
    let kind = w.need(tab, what, "kind").and_then(|(k, at)| reader.kind(&k, at));
    let sources = reader.sources(what, kind, tab);
    let (price, unit, chips_in_item) = (price?.0, unit?, chips?);
    let n = f64::from(chips_in_item);
    let (per_chip_hour, per_chip) = match unit {
        "USD/h" => (Some(price / n), None),
        "USD/chip-h" => (Some(price), None),
        "USD/year" => (Some(price / HOURS_PER_YEAR / n), None),
        _ => (None, Some(price / n)),
    };
    let (chip, at) = chip?;
    let price = Price {
        item: item?.0,
        chip,
        chips_in_item,
        provider: provider?.0,
        basis: basis?.to_owned(),
        price,
        unit: unit.to_owned(),
        per_chip_hour,
        per_chip,
        region: w.text_or_empty(tab, "region"),
        date: date?.0,
        kind: kind?,
        sources: sources?,
        note: w.text_or_empty(tab, "note"),
    };
    Some((price, at))
}
