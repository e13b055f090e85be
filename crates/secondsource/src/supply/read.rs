//! The file of `supply`: TOML, every key checked, every slip told with its place and the nearest right name.

use super::value::{AMOUNT, AREA, BITS, CHIPS, DAYS, DEFECTS, GIGABYTES, Input, PER_WAFER, PIECES, SHARE, USD, Values, entries, number};
use crate::job::MAX_JOB_BYTES;
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_catalog::walk::{Tab, Walk, is_date};
use secondsource_market::calendar::{instant, month_start};
use secondsource_market::seller::Range;
use secondsource_market::supply::grid::{Wafer, per_wafer_of_area};
use secondsource_market::supply::share::Record;
use secondsource_market::supply::{Amount, Chain, Customer, Days, Line, Maker, Product, Rule, Stage, line_through};
use std::cell::RefCell;
use toml::de::{DeTable, DeValue};

pub const MOST_SCENARIOS: u64 = 20_000;
pub const LEAST_SCENARIOS: u64 = 16;
pub const MOST_QUARTERS: u64 = 40;
const MOST_ROWS: usize = 64;

/// What the answer says about a product besides its chain.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductFile {
    pub id: String,
    /// Chips of the catalog that are this product.
    pub chips: Vec<String>,
    /// Worth of one.
    pub usd: Option<Range>,
    /// Share of its supply that a new buyer can still get.
    pub free: Option<Range>,
}

/// A file as it was read, its figures looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct SupplyJob {
    pub name: String,
    pub seed: u64,
    pub scenarios: u64,
    pub chain: Chain,
    pub customer_ids: Vec<String>,
    pub line_ids: Vec<String>,
    pub products: Vec<ProductFile>,
    pub inputs: Vec<Input>,
    /// What the reader took without being told.
    pub notes: Vec<String>,
}

const TOP: [&str; 14] = [
    "name",
    "start",
    "quarters",
    "warm-up",
    "scenarios",
    "seed",
    "rule",
    "carry",
    "orders-together",
    "customer",
    "maker",
    "line",
    "after",
    "product",
];
const MAKER: [&str; 2] = ["name", "together"];
const CUSTOMER: [&str; 2] = ["name", "class"];
const LINE: [&str; 7] = ["name", "maker", "stage", "capacity", "days", "defects", "shares"];
const STAGES: [&str; 4] = ["wafers", "memory", "packaging", "rack"];
const RULES: [&str; 5] = ["contract", "priority", "proportional", "uniform", "linear"];
const AFTER: [&str; 4] = ["integration", "shipping", "install", "site"];
const PRODUCT: [&str; 13] =
    ["name", "customer", "chips", "wafers", "memory", "packaging", "rack", "yield", "usd", "free", "orders", "after", "aspect"];
const WAFERS: [&str; 6] = ["line", "dies", "area", "amount", "cores", "per-wafer"];
const NEED: [&str; 4] = ["line", "amount", "gigabytes", "per-wafer"];
const ORDER: [&str; 4] = ["from", "until", "units", "epoch"];
/// Rim and street of a wafer of dies, mm.
const DIES: Wafer = Wafer { diameter: 300.0, edge: 3.0, street: 0.1 };

/// Reads a file; `quarters` in place of its own when given.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_supply(name: &str, text: &str, catalog: &Catalog, quarters: Option<usize>) -> Result<SupplyJob, Vec<Diagnostic>> {
    if text.len() > MAX_JOB_BYTES {
        let d = Diagnostic::error(format!("file of {} bytes; at most {MAX_JOB_BYTES} are read", text.len()));
        return Err(vec![d.in_file(name)]);
    }
    let walk = Walk::new(name, text);
    let document = match DeTable::parse(text) {
        Ok(d) => d,
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            return Err(vec![walk.error(at, format!("not valid TOML: {}", e.message().trim_end_matches('.').replace('\n', ", ")))]);
        }
    };
    let values = Values { walk: &walk, catalog, inputs: RefCell::new(Vec::new()) };
    let job = Reader { v: &values, w: &walk }.job(Tab { table: document.get_ref(), at: 0 }, name, quarters);
    let inputs = values.inputs.take();
    let diags = walk.into_diags();
    match job {
        Some(job) if diags.is_empty() => match job.chain.check() {
            Ok(()) => Ok(SupplyJob { inputs, ..job }),
            Err(words) => Err(vec![Diagnostic::error(words).in_file(name)]),
        },
        _ if diags.is_empty() => Err(vec![Diagnostic::error("the file cannot be read").in_file(name)]),
        _ => Err(diags),
    }
}

/// Quarter of the calendar that a date lies in, counted from year 0.
fn quarter_of(date: &str) -> Option<i64> {
    let year: i64 = date.get(..4)?.parse().ok()?;
    let month: i64 = date.get(5..7).map_or(Some(1), |m| m.parse().ok())?;
    Some(year * 4 + (month - 1) / 3)
}

struct Reader<'r, 'w, 't, 'c> {
    v: &'r Values<'w, 't, 'c>,
    w: &'r Walk<'t>,
}

/// The calendar of a chain.
#[derive(Clone, Copy)]
struct Frame {
    /// First quarter shown, counted from year 0, and its first instant.
    first: i64,
    start: i64,
    warm: usize,
    all: usize,
}

impl<'t> Reader<'_, '_, 't, '_> {
    fn job(&self, top: Tab<'_, 't>, name: &str, other_quarters: Option<usize>) -> Option<SupplyJob> {
        let w = self.w;
        w.keys(top, "the file", &TOP);
        let whole = |key: &str, low: u64, high: u64, other: u64| w.whole_within(top, key, low, high).unwrap_or(other);
        let scenarios = whole("scenarios", LEAST_SCENARIOS, MOST_SCENARIOS, 2000);
        let seed = whole("seed", 0, 1 << 52, 1);
        let warm = whole("warm-up", 0, 12, 3) as usize;
        let quarters = other_quarters.unwrap_or(whole("quarters", 1, MOST_QUARTERS, 12) as usize);
        let (date, at) = w.need(top, "the file", "start")?;
        if !w.date(at, "start", &date) {
            return None;
        }
        let first = quarter_of(&date)?;
        let start = month_start(instant(&date)?, 0);
        let start = month_start(start, -(start_month(&date) % 3));
        let frame = Frame { first, start, warm, all: warm + quarters };
        let rule = match w.text(top, "rule") {
            None => Rule::Contract,
            Some((word, at)) => Rule::ALL[RULES.iter().position(|r| Some(*r) == w.one_of(at, "rule", &word, &RULES))?],
        };
        let carry = w.number_within(top, "carry", 0.0, 1.0).unwrap_or(1.0);
        let (customer_ids, customers) = self.customers(top)?;
        let orders_together = self.v.maybe(top, "the file", "orders-together", SHARE).unwrap_or(Range::exactly(0.0));
        let (maker_ids, makers) = self.makers(top);
        let (line_ids, lines) = self.lines(top, frame, &customer_ids, &maker_ids)?;
        let after = self.v.table(top, "after", &AFTER);
        let usual = after.map(|t| self.after(t, "after"));
        let mut products = Vec::new();
        let mut files = Vec::new();
        let tables = w.tables(top, "product");
        if tables.is_empty() {
            w.push(Diagnostic::error("no product").in_file(name).hint("a table [product.ID] with `customer` and `orders`"));
        }
        for (id, at, tab) in self.most(tables, "products", |t| t.1) {
            if let Some((p, f)) = self.product(&id, at, tab, frame, &customer_ids, &line_ids, &lines, usual.as_ref()) {
                products.push(p);
                files.push(f);
            }
        }
        if !products.is_empty() && products.iter().all(|p| p.orders.iter().skip(warm).all(|r| r.high <= 0.0)) {
            let words = format!("no order falls in the {quarters} quarters from {date}: there is nothing to simulate");
            w.push(w.error(at, words).hint("`start` and `quarters` say what is looked at, `orders` of each product when chips are wanted"));
        }
        let chain = Chain { start: frame.start, quarters, warm, customers, makers, lines, products, rule, carry, orders_together };
        Some(SupplyJob {
            name: w.text(top, "name").map_or_else(|| name.to_owned(), |t| t.0.chars().take(200).collect()),
            seed,
            scenarios,
            chain,
            customer_ids,
            line_ids,
            products: files,
            inputs: Vec::new(),
            notes: vec![
                "capacity between dated points is interpolated, and flat before the first and after the last".to_owned(),
                "orders of a stated interval are spread evenly over its quarters".to_owned(),
            ],
        })
    }

    /// Tells where there are more rows than a world may have.
    fn most<T>(&self, rows: Vec<T>, what: &str, at: impl Fn(&T) -> usize) -> Vec<T> {
        if let Some(row) = rows.get(MOST_ROWS) {
            self.w.fail(at(row), format!("{} {what}: at most {MOST_ROWS} are read", rows.len()));
        }
        rows
    }

    fn customers(&self, top: Tab<'_, 't>) -> Option<(Vec<String>, Vec<Customer>)> {
        let w = self.w;
        let (mut ids, mut out) = (Vec::new(), Vec::new());
        for (id, _, tab) in self.most(w.tables(top, "customer"), "customers", |t| t.1) {
            w.keys(tab, &format!("customer `{id}`"), &CUSTOMER);
            let class = w.whole_within(tab, "class", 0, 100).unwrap_or(0) as u32;
            let name = w.text(tab, "name").map_or_else(|| id.clone(), |t| t.0);
            out.push(Customer { name, class });
            ids.push(id);
        }
        if ids.is_empty() {
            w.push(w.error(top.at, "no customer").hint("[customer] with a line such as aws = { name = \"AWS\" }"));
            return None;
        }
        Some((ids, out))
    }

    fn days(&self, tab: Tab<'_, 't>, what: &str, key: &str) -> Days {
        self.v.maybe(tab, what, key, DAYS).map_or(Days::NONE, |r| Days { low: r.low, high: r.high })
    }

    fn after(&self, tab: Tab<'_, 't>, what: &str) -> (Days, Vec<(String, Days)>) {
        let rest = AFTER[1..].iter().filter(|k| tab.table.contains_key(**k)).map(|k| ((*k).to_owned(), self.days(tab, what, k))).collect();
        (self.days(tab, what, AFTER[0]), rest)
    }

    fn makers(&self, top: Tab<'_, 't>) -> (Vec<String>, Vec<Maker>) {
        let (w, mut ids, mut out) = (self.w, Vec::new(), Vec::new());
        for (id, _, tab) in self.most(w.tables(top, "maker"), "makers", |t| t.1) {
            let what = format!("maker {id}");
            w.keys(tab, &what, &MAKER);
            let together = self.v.need(tab, &what, "together", SHARE).unwrap_or(Range::exactly(0.0));
            out.push(Maker { name: w.text(tab, "name").map_or_else(|| id.clone(), |t| t.0), together });
            ids.push(id);
        }
        (ids, out)
    }

    fn lines(&self, top: Tab<'_, 't>, frame: Frame, customers: &[String], makers: &[String]) -> Option<(Vec<String>, Vec<Line>)> {
        let w = self.w;
        let (mut ids, mut out) = (Vec::new(), Vec::new());
        for (id, at, tab) in self.most(w.tables(top, "line"), "lines", |t| t.1) {
            let what = format!("line {id}");
            w.keys(tab, &what, &LINE);
            let stage = match w.need(tab, &what, "stage").and_then(|(word, at)| w.one_of(at, "stage", &word, &STAGES))? {
                "wafers" => Stage::Wafers,
                "memory" => Stage::Memory,
                "packaging" => Stage::Packaging,
                _ => Stage::Rack,
            };
            for (key, used) in [("days", stage != Stage::Memory), ("defects", stage == Stage::Wafers)] {
                if let (Some(v), false) = (tab.table.get(key), used) {
                    let d =
                        w.error(v.span().start, format!("`{key}` of {what} would have no effect: its stage is {}", STAGES[stage as usize]));
                    let why = if key == "days" {
                        "capacity is of memory that is ready to be packaged"
                    } else {
                        "only wafers have dies with defects"
                    };
                    w.push(d.hint(why));
                }
            }
            let of = if stage == Stage::Memory { BITS } else { PIECES };
            let mut points: Vec<(f64, Range)> = Vec::new();
            let list = w.list(tab, "capacity");
            if list.is_empty() {
                w.push(w.error(at, format!("{what} has no `capacity`")).hint("capacity = [{ at = \"2025-12\", value = 210000 }]"));
            }
            for point in self.most(list, &format!("points of the capacity of {what}"), |t| t.at) {
                w.keys(point, &format!("capacity of {what}"), &["at", "value"]);
                let (date, date_at) = w.need(point, "a capacity", "at")?;
                if !w.date(date_at, "at", &date) {
                    continue;
                }
                if let (Some(t), Some(r)) = (instant(&date), self.v.need(point, &format!("{what} capacity {date}"), "value", of)) {
                    points.push((t as f64, r));
                }
            }
            if points.windows(2).any(|p| p[0].0 >= p[1].0) {
                w.fail(at, format!("dates of the capacity of {what} must rise"));
            }
            let through = |f: &dyn Fn(&Range) -> f64, t: f64| line_through(&points.iter().map(|(x, r)| (*x, f(r))).collect::<Vec<_>>(), t);
            let capacity = (0..frame.all)
                .map(|q| {
                    let shift = 3 * (q as i64 - frame.warm as i64);
                    let t = f64::midpoint(month_start(frame.start, shift) as f64, month_start(frame.start, shift + 3) as f64);
                    Range { low: through(&|r| r.low, t), middle: through(&|r| r.middle, t), high: through(&|r| r.high, t) }
                })
                .collect();
            out.push(Line {
                name: w.text(tab, "name").map_or_else(|| id.clone(), |t| t.0),
                stage,
                capacity,
                maker: w.text(tab, "maker").and_then(|(word, at)| self.named(&word, at, "maker", makers)),
                days: self.days(tab, &what, "days"),
                defects: self.v.maybe(tab, &what, "defects", DEFECTS),
                records: self.shares(tab, &what, frame, customers),
            });
            ids.push(id);
        }
        Some((ids, out))
    }

    fn shares(&self, line: Tab<'_, 't>, what: &str, frame: Frame, customers: &[String]) -> Vec<(usize, Vec<Record>)> {
        let w = self.w;
        let mut out = Vec::new();
        for tab in self.most(w.list(line, "shares"), &format!("shares of {what}"), |t| t.at) {
            w.keys(tab, &format!("shares of {what}"), &["from", "records"]);
            let Some((date, at)) = w.need(tab, &format!("shares of {what}"), "from") else { continue };
            if !w.date(at, "from", &date) {
                continue;
            }
            // What holds from before the first quarter holds through the warm-up.
            let from = quarter_of(&date).map_or(0, |q| if q <= frame.first { 0 } else { (q - frame.first) as usize + frame.warm });
            let mut records = Vec::new();
            for r in self.most(w.list(tab, "records"), &format!("records of {what}"), |t| t.at) {
                w.keys(r, "a record", &["name", "share", "to"]);
                let Some((name, _)) = w.need(r, "a record", "name") else { continue };
                let Some(share) = self.v.need(r, &format!("{what} {date} {name}"), "share", SHARE) else { continue };
                let to = r.table.get("to").and_then(|t| t.get_ref().as_table()).map_or_else(Vec::new, |t| {
                    entries(t)
                        .into_iter()
                        .filter_map(|(id, at, v)| {
                            let customer = self.named(id, at, "customer", customers)?;
                            let label = format!("{what} {date} {name} to {id}");
                            let exact = number(v.get_ref()).filter(|n| (0.0..=1.0).contains(n)).map(Range::exactly);
                            // All or half of a record is a statement of fact or the file's; it is not listed as an input of its own.
                            let part = exact.or_else(|| self.v.value(v.get_ref(), v.span().start, &label, SHARE))?;
                            Some((customer, part))
                        })
                        .collect()
                });
                records.push(Record { name, share, to });
            }
            out.push((from, records));
        }
        if out.windows(2).any(|p| p[0].0 > p[1].0) {
            w.fail(line.at, format!("dates of the shares of {what} must rise"));
        }
        out
    }

    fn named(&self, word: &str, at: usize, what: &str, known: &[String]) -> Option<usize> {
        let hit = known.iter().position(|k| k == word);
        if hit.is_none() {
            let d = self.w.error(at, format!("unknown {what} `{word}`")).suggest(word, known.iter().map(String::as_str));
            let all = if known.is_empty() { "none is named".to_owned() } else { format!("one of: {}", known.join(", ")) };
            // A long list helps nobody who already has the nearest name.
            self.w.push(if known.len() > 24 { d } else { d.hint(all) });
        }
        hit
    }

    #[expect(clippy::too_many_arguments, reason = "what was read before, by reference")]
    fn product(
        &self,
        id: &str,
        at: usize,
        tab: Tab<'_, 't>,
        frame: Frame,
        customers: &[String],
        line_ids: &[String],
        lines: &[Line],
        usual: Option<&(Days, Vec<(String, Days)>)>,
    ) -> Option<(Product, ProductFile)> {
        let w = self.w;
        let what = format!("product {id}");
        w.keys(tab, &what, &PRODUCT);
        let (word, word_at) = w.need(tab, &what, "customer")?;
        let customer = self.named(&word, word_at, "customer", customers)?;
        let mut needs = Vec::new();
        for (key, stage, keys) in [
            ("wafers", Stage::Wafers, &WAFERS[..]),
            ("memory", Stage::Memory, &NEED[..]),
            ("packaging", Stage::Packaging, &NEED[..]),
            ("rack", Stage::Rack, &NEED[..]),
        ] {
            let Some(need) = self.v.table(tab, key, keys) else { continue };
            let (name, name_at) = w.need(need, &format!("{what} {key}"), "line")?;
            let line = self.named(&name, name_at, "line", line_ids)?;
            if lines[line].stage != stage {
                w.fail(name_at, format!("line `{name}` is not one of {key}"));
            }
            needs.push((line, self.amount(need, &format!("{what} {key}"), tab)?));
        }
        let yields = self.v.need(tab, &what, "yield", SHARE)?;
        if yields.low <= 0.0 {
            w.fail(at, format!("`yield` of {what} must be above zero"));
        }
        let chips: Vec<String> = w
            .texts(tab, "chips")
            .into_iter()
            .filter_map(|(name, at)| match self.v.catalog.chip(&name) {
                Ok(c) => Some(c.id.clone()),
                Err(d) => {
                    w.push(d.at_offset(w.source, at));
                    None
                }
            })
            .collect();
        let orders = self.orders(tab, &what, frame)?;
        let own = self.v.table(tab, "after", &AFTER).map(|t| self.after(t, &what));
        let (integration, after) = own.as_ref().or(usual).cloned().unwrap_or((Days::NONE, Vec::new()));
        let file = ProductFile {
            id: id.to_owned(),
            chips,
            usd: self.v.maybe(tab, &what, "usd", USD),
            free: self.v.maybe(tab, &what, "free", SHARE),
        };
        let name = w.text(tab, "name").map_or_else(|| id.to_owned(), |t| t.0);
        Some((Product { name, customer, orders, needs, yields, integration, after }, file))
    }

    fn amount(&self, need: Tab<'_, 't>, what: &str, product: Tab<'_, 't>) -> Option<Amount> {
        let has = |key: &str| need.table.contains_key(key);
        let given: Vec<&str> = ["dies", "per-wafer", "gigabytes", "amount"].into_iter().filter(|k| has(k)).collect();
        if let [first, second, ..] = given[..] {
            self.w.fail(need.at, format!("{what} has `{first}` and `{second}`: one of them says how much of the line a package takes"));
        }
        if let (Some(v), false) = (need.table.get("area").or(need.table.get("cores")), has("dies")) {
            self.w.fail(v.span().start, format!("`area` and `cores` of {what} would have no effect without `dies`"));
        }
        if has("dies") {
            let dies = self.w.number(need, what, "dies")?.0;
            let area = self.v.need(need, what, "area", AREA)?;
            let aspect = self.w.number_within(product, "aspect", 1.0, 10.0).unwrap_or(1.25);
            let steps = 9;
            let at = |i: usize| 0.5 * area.low + (2.0 * area.high - 0.5 * area.low) * i as f64 / (steps - 1) as f64;
            let gross = (0..steps).map(|i| (at(i), f64::from(per_wafer_of_area(&DIES, at(i), aspect)))).collect();
            let cores = self.cores(need, what);
            return Some(Amount::Dies { dies, area, gross, cores });
        }
        if has("per-wafer") {
            return self.v.need(need, what, "per-wafer", PER_WAFER).map(Amount::PerPiece);
        }
        if has("gigabytes") {
            let gb = self.v.need(need, what, "gigabytes", GIGABYTES)?;
            return Some(Amount::Stated(Range { low: 8.0 * gb.low, middle: 8.0 * gb.middle, high: 8.0 * gb.high }));
        }
        self.v.need(need, what, "amount", AMOUNT).map(Amount::Stated)
    }

    /// `cores = [share of the die, cores, needed]`; absent: every defect kills.
    fn cores(&self, need: Tab<'_, 't>, what: &str) -> (f64, u32, u32) {
        let Some(v) = need.table.get("cores") else { return (0.0, 0, 0) };
        let list: Vec<f64> = match v.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|i| number(i.get_ref())).collect(),
            _ => Vec::new(),
        };
        match list[..] {
            [share, n, k] if (0.0..=1.0).contains(&share) && (1.0..=10_000.0).contains(&n) && (0.0..=n).contains(&k) => {
                (share, n as u32, k as u32)
            }
            _ => {
                let d = self.w.error(v.span().start, format!("`cores` of {what} must be [share of the die, cores, cores that must work]"));
                self.w.push(d.hint("cores = [0.6, 144, 132]"));
                (0.0, 0, 0)
            }
        }
    }

    fn orders(&self, tab: Tab<'_, 't>, what: &str, frame: Frame) -> Option<Vec<Range>> {
        let w = self.w;
        let mut out = vec![Range::exactly(0.0); frame.all];
        let list = w.list(tab, "orders");
        if list.is_empty() {
            w.push(
                w.error(tab.at, format!("{what} has no `orders`"))
                    .hint("orders = [{ from = \"2026-01\", until = \"2026-12\", units = 250000 }]"),
            );
        }
        for order in self.most(list, &format!("orders of {what}"), |t| t.at) {
            w.keys(order, &format!("orders of {what}"), &ORDER);
            let (from, from_at) = w.need(order, "an order", "from")?;
            let (until, until_at) = w.need(order, "an order", "until")?;
            if !w.date(from_at, "from", &from) || !w.date(until_at, "until", &until) {
                continue;
            }
            let (a, b) = (quarter_of(&from)?, quarter_of(&until)?);
            if b < a {
                w.fail(until_at, format!("`until` lies before `from` in the orders of {what}"));
                continue;
            }
            let names = w.texts(order, "epoch");
            let each = if names.is_empty() {
                let r = self.v.need(order, &format!("{what} orders {from} to {until}"), "units", CHIPS)?;
                let n = (b - a + 1) as f64;
                vec![Range { low: r.low / n, middle: r.middle / n, high: r.high / n }; (b - a + 1).min(400) as usize]
            } else {
                self.counted(&names, a, b, what)
            };
            for (i, r) in each.into_iter().enumerate() {
                let q = a + i as i64 - frame.first + frame.warm as i64;
                if let Some(cell) = usize::try_from(q).ok().and_then(|q| out.get_mut(q)) {
                    *cell = Range { low: cell.low + r.low, middle: cell.middle + r.middle, high: cell.high + r.high };
                }
            }
        }
        // Without orders dated before the first quarter, the time before it was like that quarter.
        if out[..frame.warm].iter().all(|r| r.high == 0.0) {
            let first = out[frame.warm];
            out[..frame.warm].fill(first);
        }
        Some(out)
    }

    /// Chips that a count of the catalog says were made, by quarter.
    fn counted(&self, names: &[(String, usize)], a: i64, b: i64, what: &str) -> Vec<Range> {
        let mut out = vec![Range::exactly(0.0); (b - a + 1).min(400) as usize];
        let known: Vec<String> = {
            let mut k: Vec<String> = self.v.catalog.supply().iter().map(|r| format!("{}/{}", r.maker, r.chip)).collect();
            k.sort();
            k.dedup();
            k
        };
        for (name, at) in names {
            if self.named(name, *at, "count", &known).is_none() {
                continue;
            }
            for row in self.v.catalog.supply().iter().filter(|r| format!("{}/{}", r.maker, r.chip) == *name && is_date(&r.quarter_start)) {
                let Some(q) = quarter_of(&row.quarter_start) else { continue };
                if let Some(cell) = usize::try_from(q - a).ok().and_then(|i| out.get_mut(i)) {
                    *cell = Range { low: cell.low + row.units_p5, middle: cell.middle + row.units_median, high: cell.high + row.units_p95 };
                }
            }
            let sum = out.iter().fold(Range::exactly(0.0), |s, r| Range {
                low: s.low + r.low,
                middle: s.middle + r.middle,
                high: s.high + r.high,
            });
            self.v.inputs.borrow_mut().push(Input {
                name: format!("{what} orders, counted, up to {name}"),
                unit: "chips".to_owned(),
                range: sum,
                origin: "catalog: supply/quarterly-epoch.csv, third-party 2026-04-22: EPOCH-COUNT".to_owned(),
                assumed: false,
            });
        }
        out
    }
}

/// Months after January of a date.
fn start_month(date: &str) -> i64 {
    date.get(5..7).and_then(|m| m.parse::<i64>().ok()).map_or(0, |m| m - 1)
}
