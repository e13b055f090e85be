//! A book as a file by hand: TOML with a policy, a supply and claims. Every slip is told with its place.

use super::defaults::{default_policy, figure, rack};
use crate::job::MAX_JOB_BYTES;
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::orders::{Claim, Class, Day, Order, Path, Policy, ProductSupply, Resource, Rule, State, Statement, Step, Tranche};
use toml::de::{DeTable, DeValue};

/// A claim with the line of the file that it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub order: Order,
    pub line: usize,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct BookFile {
    /// Day on which the file stands; claims are placed on it unless they say otherwise.
    pub as_of: Option<Day>,
    pub policy: Option<Policy>,
    pub supply: Option<Statement>,
    pub orders: Vec<Placed>,
}

const TOP: [&str; 5] = ["name", "as-of", "policy", "supply", "order"];
const POLICY: [&str; 8] = ["confidence", "rule", "class", "cancel", "lapse", "firm-up", "scenarios", "seed"];
const CLASS: [&str; 2] = ["name", "share"];
const SUPPLY: [&str; 6] = ["start", "period", "together", "product", "resource", "path"];
const RESOURCE: [&str; 2] = ["name", "free"];
const PATH: [&str; 3] = ["name", "chip", "step"];
const STEP: [&str; 3] = ["resource", "per-chip", "days-before"];
const PRODUCT: [&str; 6] = ["chip", "low", "median", "high", "after-days", "why"];
const ORDER: [&str; 17] = [
    "id",
    "claim",
    "customer",
    "class",
    "system",
    "chip",
    "chips-per-rack",
    "racks",
    "state",
    "wanted",
    "slot",
    "ramp",
    "expires",
    "usd-per-rack",
    "deposit-usd",
    "take-or-pay",
    "note",
];
const TRANCHE: [&str; 2] = ["day", "racks"];
const CLAIMS: [&str; 2] = ["order", "reservation"];

/// Reads a file. `today` is the day of claims where neither they nor the file name one.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_book(name: &str, text: &str, catalog: &Catalog, today: Day) -> Result<BookFile, Vec<Diagnostic>> {
    if text.len() > MAX_JOB_BYTES.max(4 << 20) {
        return Err(vec![Diagnostic::error(format!("file of {} bytes; at most 4 MiB are read", text.len())).in_file(name)]);
    }
    let walk = Walk::new(name, text);
    let document = match DeTable::parse(text) {
        Ok(d) => d,
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            return Err(vec![walk.error(at, format!("not valid TOML: {}", e.message().trim_end_matches('.').replace('\n', ", ")))]);
        }
    };
    let reader = Reader { w: &walk, catalog };
    let file = reader.file(Tab { table: document.get_ref(), at: 0 }, today);
    let diags = walk.into_diags();
    match file {
        Some(file) if diags.is_empty() => Ok(file),
        _ if diags.is_empty() => Err(vec![Diagnostic::error("the file cannot be read").in_file(name)]),
        _ => Err(diags),
    }
}

struct Reader<'w, 't> {
    w: &'w Walk<'t>,
    catalog: &'w Catalog,
}

impl<'t> Reader<'_, 't> {
    fn file(&self, top: Tab<'_, 't>, today: Day) -> Option<BookFile> {
        let w = self.w;
        w.keys(top, "the file", &TOP);
        let as_of = self.day(top, "as-of");
        let table = |key: &str| -> Option<Tab<'_, 't>> {
            let value = top.table.get(key)?;
            let inner = value.get_ref().as_table();
            if inner.is_none() {
                w.fail(value.span().start, format!("`{key}` must be a table"));
            }
            inner.map(|table| Tab { table, at: value.span().start })
        };
        let policy = table("policy").and_then(|t| self.policy(t));
        let supply = table("supply").and_then(|t| self.supply(t));
        let usual = policy.as_ref().or(default_policy(self.catalog).ok().as_ref()).and_then(|p| p.classes.last().map(|c| c.name.clone()));
        let placed = as_of.unwrap_or(today);
        let claims = w.list(top, "order").into_iter();
        let orders = claims.filter_map(|t| self.order(t, placed, usual.as_deref().unwrap_or_default())).collect();
        // A title for whoever opens the file.
        w.text(top, "name");
        Some(BookFile { as_of, policy, supply, orders })
    }

    fn policy(&self, t: Tab<'_, 't>) -> Option<Policy> {
        let w = self.w;
        w.keys(t, "[policy]", &POLICY);
        let mut p = default_policy(self.catalog).map_err(|d| w.push(d)).ok()?;
        if let Some(v) = w.number_within(t, "confidence", 0.5, 0.999) {
            p.confidence = v;
        }
        if let Some((word, at)) = w.text(t, "rule") {
            p.rule = Rule::parse(w.one_of(at, "rule", &word, &Rule::ALL.map(Rule::name))?)?;
        }
        for (key, place) in [("cancel", &mut p.cancel), ("lapse", &mut p.lapse), ("firm-up", &mut p.firm_up)] {
            if let Some(list) = self.numbers(t, key) {
                match list.as_slice() {
                    [a, b] => *place = (*a, *b),
                    _ => w.fail(t.at, format!("`{key}` needs two shares, 5% and 95%")),
                }
            }
        }
        if let Some(v) = w.whole_within(t, "scenarios", 10, 20_000) {
            p.scenarios = v as u32;
        }
        if let Some(v) = w.whole_within(t, "seed", 0, 1 << 52) {
            p.seed = v;
        }
        let classes = w.list(t, "class");
        if !classes.is_empty() {
            p.classes = classes
                .into_iter()
                .filter_map(|c| {
                    w.keys(c, "a class", &CLASS);
                    let name = w.need(c, "a class", "name")?.0;
                    if !c.table.contains_key("share") {
                        w.fail(c.at, format!("class `{name}` has no `share`"));
                    }
                    Some(Class { name, share: w.number_within(c, "share", 0.0, 1.0)? })
                })
                .collect();
        }
        p.check().map_err(|words| w.fail(t.at, words)).ok()?;
        Some(p)
    }

    fn supply(&self, t: Tab<'_, 't>) -> Option<Statement> {
        let w = self.w;
        w.keys(t, "[supply]", &SUPPLY);
        if !t.table.contains_key("start") {
            w.fail(t.at, "[supply] has no `start`");
        }
        let start = self.day(t, "start");
        let months = match w.need(t, "[supply]", "period") {
            Some((word, at)) => w.one_of(at, "period", &word, &["month", "quarter"]).map(|p| if p == "month" { 1 } else { 3 }),
            None => None,
        };
        let together = match w.number_within(t, "together", 0.0, 1.0) {
            Some(v) => v,
            None => figure(self.catalog, "together").map_err(|d| w.push(d)).ok()?,
        };
        let products = w.list(t, "product").into_iter().filter_map(|p| self.product(p)).collect();
        let resources = w.list(t, "resource").into_iter().filter_map(|r| self.resource(r)).collect();
        let paths = w.list(t, "path").into_iter().filter_map(|p| self.path(p)).collect();
        let s = Statement { start: start?, months: months?, together, products, resources, paths };
        s.check().map_err(|words| w.fail(t.at, words)).ok()?;
        Some(s)
    }

    fn resource(&self, t: Tab<'_, 't>) -> Option<Resource> {
        self.w.keys(t, "a resource", &RESOURCE);
        let (name, _) = self.w.need(t, "a resource", "name")?;
        let free = self.numbers(t, "free");
        if free.is_none() {
            self.w.fail(t.at, format!("resource `{name}` has no `free`"));
        }
        Some(Resource { name, free: free? })
    }

    fn path(&self, t: Tab<'_, 't>) -> Option<Path> {
        let w = self.w;
        w.keys(t, "a path", &PATH);
        let (name, _) = w.need(t, "a path", "name")?;
        let (word, at) = w.need(t, "a path", "chip")?;
        let product = self.catalog.chip(&word).map_err(|d| w.push(d.at_offset(w.source, at))).ok()?.id.clone();
        let step = |s: Tab<'_, 't>| {
            w.keys(s, "a step", &STEP);
            let (resource, _) = w.need(s, "a step", "resource")?;
            let per_chip = w.number(s, "a step", "per-chip")?.0;
            Some(Step { resource, per_chip, days_before: w.number(s, "a step", "days-before")?.0 })
        };
        Some(Path { name, product, steps: w.list(t, "step").into_iter().filter_map(step).collect() })
    }

    fn product(&self, t: Tab<'_, 't>) -> Option<ProductSupply> {
        let w = self.w;
        w.keys(t, "a product", &PRODUCT);
        let (word, at) = w.need(t, "a product", "chip")?;
        let product = match self.catalog.chip(&word) {
            Ok(c) => c.id.clone(),
            Err(d) => {
                w.push(d.at_offset(w.source, at));
                return None;
            }
        };
        let need = |key: &str| {
            let list = self.numbers(t, key);
            if list.is_none() {
                w.push(
                    w.error(t.at, format!("{product} has no `{key}`"))
                        .hint("a list with the chips of each period; repeat the median where a figure is exact"),
                );
            }
            list
        };
        let (low, median, high) = (need("low"), need("median"), need("high"));
        let after = need("after-days");
        let after_days = match after.as_deref() {
            Some([a, b]) => (*a, *b),
            Some(_) => {
                w.fail(t.at, "`after-days` needs two numbers, 5% and 95%");
                return None;
            }
            None => return None,
        };
        Some(ProductSupply { product, low: low?, median: median?, high: high?, after_days, why: w.text_or_empty(t, "why") })
    }

    fn order(&self, t: Tab<'_, 't>, placed: Day, class: &str) -> Option<Placed> {
        let w = self.w;
        w.keys(t, "an order", &ORDER);
        let (customer, _) = w.need(t, "an order", "customer")?;
        let (system, at) = w.need(t, "an order", "system")?;
        let chip = w.text(t, "chip").map(|c| c.0);
        let chips = w.whole_within(t, "chips-per-rack", 1, 100_000).map(|c| c as u32);
        let r = rack(self.catalog, &system, chip.as_deref(), chips).map_err(|d| w.push(d.at_offset(w.source, at))).ok()?;
        for key in ["racks", "wanted"] {
            if !t.table.contains_key(key) {
                w.fail(t.at, format!("an order has no `{key}`"));
            }
        }
        let claim = match w.text(t, "claim") {
            Some((word, at)) if w.one_of(at, "claim", &word, &CLAIMS)? == "reservation" => Claim::Reservation,
            _ => Claim::Order,
        };
        let state = match w.text(t, "state") {
            Some((word, at)) => State::parse(w.one_of(at, "state", &word, &State::ALL.map(State::name))?)?,
            None => State::Active,
        };
        let order = Order {
            id: w.text_or_empty(t, "id"),
            claim,
            customer,
            class: w.text(t, "class").map_or_else(|| class.to_owned(), |c| c.0),
            system: r.system,
            product: r.product,
            racks: w.whole_within(t, "racks", 1, u64::from(secondsource_market::orders::MOST_RACKS))? as u32,
            chips_per_rack: r.chips,
            state,
            placed,
            wanted: self.day(t, "wanted")?,
            slots: Vec::new(),
            ramp: self.ramp(t),
            expires: self.day(t, "expires"),
            usd_per_rack: w.number_within(t, "usd-per-rack", 0.0, 1e12),
            deposit_usd: w.number_within(t, "deposit-usd", 0.0, 1e12).unwrap_or(0.0),
            take_or_pay: w.number_within(t, "take-or-pay", 0.0, 1.0).unwrap_or(0.0),
            promised: None,
            delivered: Vec::new(),
            superseded_by: None,
            note: w.text_or_empty(t, "note"),
        };
        let mut order = order;
        if let Some(day) = self.day(t, "slot") {
            // A ramp moves as a whole so that its last part comes on that day.
            let late = order.asked().last().map_or(0, |l| day.since(l.day));
            order.slots = order.asked().into_iter().map(|t| Tranche { day: Day(t.day.0 + late), ..t }).collect();
        }
        let named = Order { id: if order.id.is_empty() { "-".to_owned() } else { order.id.clone() }, ..order.clone() };
        named.check().map_err(|words| w.fail(t.at, words)).ok()?;
        Some(Placed { order, line: w.source.line_col(t.at).0 })
    }

    fn ramp(&self, t: Tab<'_, 't>) -> Vec<Tranche> {
        let w = self.w;
        let one = |c: Tab<'_, 't>| {
            w.keys(c, "a part of a ramp", &TRANCHE);
            for key in TRANCHE.iter().filter(|k| !c.table.contains_key(**k)) {
                w.fail(c.at, format!("a part of a ramp has no `{key}`"));
            }
            Some(Tranche {
                day: self.day(c, "day")?,
                racks: w.whole_within(c, "racks", 1, u64::from(secondsource_market::orders::MOST_RACKS))? as u32,
            })
        };
        w.list(t, "ramp").into_iter().filter_map(one).collect()
    }

    fn day(&self, t: Tab<'_, 't>, key: &str) -> Option<Day> {
        let (text, at) = self.w.text(t, key)?;
        if !self.w.date(at, key, &text) {
            return None;
        }
        Day::parse(&text)
    }

    /// A list of numbers; absent is `None` without a message.
    fn numbers(&self, t: Tab<'_, 't>, key: &str) -> Option<Vec<f64>> {
        let w = self.w;
        let value = t.table.get(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            w.fail(value.span().start, format!("`{key}` must be a list of numbers"));
            return None;
        };
        let mut out = Vec::new();
        for item in items {
            let number: Option<f64> = match item.get_ref() {
                DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
                DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
                _ => None,
            };
            match number.filter(|n| n.is_finite() && *n >= 0.0) {
                Some(n) => out.push(n),
                None => {
                    w.fail(item.span().start, format!("`{key}` must be a list of numbers from 0 up"));
                    return None;
                }
            }
        }
        Some(out)
    }
}
