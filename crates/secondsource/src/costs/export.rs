//! Quotes and bills as files: FOCUS 1.2 rows for billing tools, and plain CSV.

use secondsource_emit::csv::table;
use secondsource_emit::focus::{self, Account};
use secondsource_market::charge::Charge;

use super::{OwnAnswer, RentAnswer};

/// Charges as a FOCUS 1.2 dataset. The account is that of a simulation: nothing of it was ever invoiced.
pub fn focus_csv(charges: &[Charge]) -> String {
    let account = Account { id: "secondsource".to_owned(), name: "secondsource simulation".to_owned() };
    focus::csv(charges, &account)
}

/// The offers of an answer, one a line.
pub fn offers_csv(answer: &RentAnswer) -> String {
    let header = [
        "system",
        "chip",
        "contract",
        "provider",
        "item",
        "region",
        "usd_per_chip_hour",
        "price_date",
        "price_kind",
        "instances",
        "chips_paid",
        "billed_hours",
        "bill_usd",
        "bill_p5_usd",
        "bill_p50_usd",
        "bill_p95_usd",
        "unused_usd",
        "usd_per_used_chip_hour",
        "obstacles",
    ];
    let rows = answer.systems.iter().flat_map(|s| {
        s.offers.iter().map(|o| {
            let i = o.bill_interval_usd;
            let money = |v: f64| format!("{v:.2}");
            vec![
                s.asked.clone(),
                s.chip.clone(),
                o.contract.name().to_owned(),
                o.provider.clone(),
                o.item.clone(),
                o.region.clone(),
                o.usd_per_chip_hour.to_string(),
                o.price_date.clone(),
                o.price_kind.clone(),
                o.instances.to_string(),
                o.chips.to_string(),
                o.billed_hours.to_string(),
                money(o.bill_usd),
                money(i.p5),
                money(i.p50),
                money(i.p95),
                money(o.unused_usd),
                o.usd_per_used_chip_hour.to_string(),
                o.obstacles.join("; "),
            ]
        })
    });
    table(&header, rows)
}

/// The lines of a bill, one a line, and their sums.
pub fn bill_csv(answer: &OwnAnswer) -> String {
    let header = ["group", "item", "paid", "quantity", "unit", "unit_usd", "usd", "kind", "basis", "sources"];
    let lines = answer.bill.lines.iter().map(|l| {
        vec![
            l.group.name().to_owned(),
            l.item.clone(),
            l.when.name().to_owned(),
            l.quantity.to_string(),
            l.unit.clone(),
            l.unit_usd.map_or_else(String::new, |v| v.to_string()),
            format!("{:.2}", l.usd),
            l.kind.clone(),
            l.basis.clone(),
            l.sources.join("; "),
        ]
    });
    let sum = |what: &str, usd: f64| {
        let mut row = vec![String::new(); header.len()];
        row[0] = "total".to_owned();
        row[2] = what.to_owned();
        row[6] = format!("{usd:.2}");
        row
    };
    table(&header, lines.chain([sum("once", answer.bill.once_usd), sum("yearly", answer.bill.yearly_usd)]))
}
