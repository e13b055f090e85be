//! The claims of a book as CSV, one a line: what a spreadsheet reads and writes.

use super::defaults::rack;
use super::read::Placed;
use secondsource_base::{Diagnostic, nearest};
use secondsource_catalog::Catalog;
use secondsource_market::orders::{Claim, Day, Order, Promised, State, Tranche};

const COLUMNS: [&str; 23] = [
    "id",
    "claim",
    "customer",
    "class",
    "system",
    "chip",
    "racks",
    "chips_per_rack",
    "state",
    "placed",
    "wanted",
    "slots",
    "ramp",
    "expires",
    "usd_per_rack",
    "deposit_usd",
    "take_or_pay",
    "p10",
    "p50",
    "p90",
    "delivered",
    "superseded_by",
    "note",
];

/// Columns that a table must have.
const NEEDED: [&str; 4] = ["customer", "system", "racks", "wanted"];

fn tranches(list: &[Tranche]) -> String {
    list.iter().map(|t| format!("{}:{}", t.day, t.racks)).collect::<Vec<_>>().join(";")
}

/// The claims as CSV; every field of a claim has its column.
///
/// # Errors
/// When the table cannot be built, which only a fault of ours can cause.
pub fn write_table<'a>(orders: impl Iterator<Item = &'a Order>) -> Result<String, Diagnostic> {
    let mut w = csv::Writer::from_writer(Vec::new());
    let fault = |e: &dyn std::fmt::Display| Diagnostic::error(format!("the table cannot be written: {e}"));
    w.write_record(COLUMNS).map_err(|e| fault(&e))?;
    let day = |d: Option<Day>| d.map_or(String::new(), |d| d.to_string());
    for o in orders {
        let p = |pick: fn(&Promised) -> Option<Day>| match &o.promised {
            None => String::new(),
            Some(p) => pick(p).map_or("never".to_owned(), |d| d.to_string()),
        };
        let row = [
            o.id.clone(),
            o.claim.name().to_owned(),
            o.customer.clone(),
            o.class.clone(),
            o.system.clone(),
            o.product.clone(),
            o.racks.to_string(),
            o.chips_per_rack.to_string(),
            o.state.name().to_owned(),
            o.placed.to_string(),
            o.wanted.to_string(),
            tranches(&o.slots),
            tranches(&o.ramp),
            day(o.expires),
            o.usd_per_rack.map_or(String::new(), |v| v.to_string()),
            o.deposit_usd.to_string(),
            o.take_or_pay.to_string(),
            p(|p| p.p10),
            p(|p| p.p50),
            p(|p| p.p90),
            tranches(&o.delivered),
            o.superseded_by.clone().unwrap_or_default(),
            o.note.clone(),
        ];
        w.write_record(&row).map_err(|e| fault(&e))?;
    }
    let bytes = w.into_inner().map_err(|e| fault(&e))?;
    String::from_utf8(bytes).map_err(|e| fault(&e))
}

/// Claims of a CSV table. Only `customer`, `system`, `racks` and `wanted` must be there; `today` is the day of what has no
/// `placed`, `class` the class of what has none.
///
/// # Errors
/// Every cell that cannot be read, with its line.
pub fn read_table(name: &str, text: &str, catalog: &Catalog, today: Day, class: &str) -> Result<Vec<Placed>, Vec<Diagnostic>> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let at = |line: usize, message: String| Diagnostic::error(message).at_line(name, line);
    let head = reader.headers().map_err(|e| vec![at(1, format!("not a CSV table: {e}"))])?.clone();
    let mut diags = Vec::new();
    for (i, column) in head.iter().enumerate() {
        if !COLUMNS.contains(&column) {
            let d = at(1, format!("unknown column `{column}`"));
            diags.push(match nearest(column, COLUMNS) {
                Some(n) => d.hint(format!("did you mean `{n}`?")),
                None => d.hint(format!("columns: {}", COLUMNS.join(", "))),
            });
        } else if head.iter().take(i).any(|c| c == column) {
            diags.push(at(1, format!("column `{column}` stands twice")));
        }
    }
    diags.extend(NEEDED.iter().filter(|n| !head.iter().any(|c| c == **n)).map(|n| at(1, format!("no column `{n}`"))));
    if !diags.is_empty() {
        return Err(diags);
    }
    let mut out = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(r) => r,
            Err(e) => {
                let line = e.position().map_or(0, |p| p.line() as usize);
                diags.push(at(line, format!("not a row of this table: {e}")));
                break;
            }
        };
        let line = record.position().map_or(0, |p| p.line() as usize);
        let cell =
            |column: &str| head.iter().position(|c| c == column).and_then(|i| record.get(i)).map(str::trim).filter(|t| !t.is_empty());
        match row(catalog, today, class, &cell) {
            Ok(order) => out.push(Placed { order, line }),
            Err(d) => diags.push(Diagnostic { file: Some(name.to_owned()), at: Some((line, 1)), ..d }),
        }
        if diags.len() >= 50 {
            break;
        }
    }
    if diags.is_empty() { Ok(out) } else { Err(diags) }
}

fn row<'r>(catalog: &Catalog, today: Day, class: &str, cell: &dyn Fn(&str) -> Option<&'r str>) -> Result<Order, Diagnostic> {
    let bad = |column: &str, text: &str, want: &str| Diagnostic::error(format!("`{column}` is `{text}`, which is not {want}"));
    let day = |column: &str| -> Result<Option<Day>, Diagnostic> {
        cell(column).map(|t| Day::parse(t).ok_or_else(|| bad(column, t, "a day (YYYY-MM-DD)"))).transpose()
    };
    let whole = |column: &str| -> Result<Option<u32>, Diagnostic> {
        cell(column).map(|t| t.parse().map_err(|_| bad(column, t, "a whole number"))).transpose()
    };
    let number = |column: &str| -> Result<Option<f64>, Diagnostic> {
        cell(column).map(|t| t.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| bad(column, t, "a number"))).transpose()
    };
    let list = |column: &str| -> Result<Vec<Tranche>, Diagnostic> {
        let one = |t: &str| {
            let (day, racks) = t.split_once(':')?;
            Some(Tranche { day: Day::parse(day.trim())?, racks: racks.trim().parse().ok()? })
        };
        cell(column).map_or(Ok(Vec::new()), |text| {
            text.split(';').map(|t| one(t).ok_or_else(|| bad(column, text, "a list like 2027-01-01:10;2027-04-01:20"))).collect()
        })
    };
    let needed = |column: &str| cell(column).ok_or_else(|| Diagnostic::error(format!("`{column}` is empty")));
    let promise = |column: &str| -> Result<Option<Day>, Diagnostic> { if cell(column) == Some("never") { Ok(None) } else { day(column) } };
    let told = ["p10", "p50", "p90"].iter().any(|c| cell(c).is_some());
    let promised = if told { Some(Promised { p10: promise("p10")?, p50: promise("p50")?, p90: promise("p90")? }) } else { None };
    let r = rack(catalog, needed("system")?, cell("chip"), whole("chips_per_rack")?)?;
    let ramp = list("ramp")?;
    let order = Order {
        id: cell("id").unwrap_or_default().to_owned(),
        claim: match cell("claim") {
            None | Some("order") => Claim::Order,
            Some("reservation") => Claim::Reservation,
            Some(other) => return Err(bad("claim", other, "order or reservation")),
        },
        customer: needed("customer")?.to_owned(),
        class: cell("class").unwrap_or(class).to_owned(),
        system: r.system,
        product: r.product,
        racks: whole("racks")?.ok_or_else(|| Diagnostic::error("`racks` is empty"))?,
        chips_per_rack: r.chips,
        state: match cell("state") {
            None => State::Active,
            Some(word) => State::parse(word).ok_or_else(|| bad("state", word, "a state").suggest(word, State::ALL.map(State::name)))?,
        },
        placed: day("placed")?.unwrap_or(today),
        wanted: day("wanted")?.ok_or_else(|| Diagnostic::error("`wanted` is empty"))?,
        slots: list("slots")?,
        ramp,
        expires: day("expires")?,
        usd_per_rack: number("usd_per_rack")?,
        deposit_usd: number("deposit_usd")?.unwrap_or(0.0),
        take_or_pay: number("take_or_pay")?.unwrap_or(0.0),
        promised,
        delivered: list("delivered")?,
        superseded_by: cell("superseded_by").map(str::to_owned),
        note: cell("note").unwrap_or_default().to_owned(),
    };
    let checked = if order.id.is_empty() { Order { id: "-".to_owned(), ..order.clone() }.check() } else { order.check() };
    checked.map_err(Diagnostic::error)?;
    Ok(order)
}
