//! The file of `sell`: TOML, every key checked, every slip told with its place and the nearest right name. A number may be
//! given as `7`, as `[5, 7, 9]` (5%, middle, 95%) or as `{ low = 5, middle = 7, high = 9, why = "..." }`.

use super::inputs::{At, Input, Inputs};
use crate::job::{MAX_JOB_BYTES, ModelSource, model_source};
use secondsource_base::{Diagnostic, quantity};
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::seller::Range;
use toml::de::{DeTable, DeValue};

pub const LEAST_SCENARIOS: u64 = 16;
pub const MOST_SCENARIOS: u64 = 20_000;
pub const MOST_QUARTERS: u64 = 40;
const MOST_CHIPS: usize = 8;

/// A use of a generation.
#[derive(Debug, Clone, PartialEq)]
pub struct UseFile {
    /// One of [`USES`].
    pub name: &'static str,
    /// USD per chip-hour, or per million tokens; absent: the catalog's price.
    pub price: Option<At>,
    pub decline: At,
    pub utilisation: At,
    pub margin: At,
    /// What is served, for tokens.
    pub tokens: Option<TokensFile>,
}

/// The model behind a price per token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokensFile {
    pub model: ModelSource,
    pub prompt: u64,
    pub output: u64,
    pub latency_s: Option<f64>,
    /// Offset of the table, for messages.
    pub at: usize,
}

/// Racks.
#[derive(Debug, Clone, PartialEq)]
pub struct RackFile {
    pub price: At,
    pub support: At,
    pub support_years: At,
    pub support_margin: At,
    pub software: At,
}

/// A generation of chips.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipFile {
    pub id: String,
    pub at: usize,
    /// New chips in each quarter.
    pub chips: Vec<f64>,
    pub life: At,
    /// Facility kW; absent: the catalog's.
    pub kw: Option<At>,
    pub system: At,
    pub residual: At,
    pub opex: At,
    pub uses: Vec<UseFile>,
    pub racks: Option<RackFile>,
}

/// A file as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct SellJob {
    pub name: String,
    pub seed: u64,
    pub scenarios: u64,
    pub quarters: usize,
    pub inputs: Inputs,
    pub rate: At,
    pub site: At,
    pub site_years: At,
    pub draw: At,
    pub kappa: At,
    /// Absent: from the catalog.
    pub energy: Option<At>,
    pub attach: Option<At>,
    pub freed: Option<At>,
    /// Factors on all supply and all demand.
    pub supply: At,
    pub demand_scale: At,
    pub megawatts: Vec<f64>,
    pub in_service: Option<Vec<f64>>,
    /// Limits by use, as [`USES`] names them.
    pub demand: Vec<(&'static str, Vec<f64>)>,
    pub chips: Vec<ChipFile>,
    pub origin: (String, String),
}

/// What a chip can be used for; the last one leaves the seller's house.
pub const USES: [&str; 4] = ["on-demand", "reserved", "tokens", "racks"];

const TOP: [&str; 8] = ["name", "seed", "scenarios", "quarters", "money", "site", "demand", "chip"];
const MONEY: [&str; 10] = [
    "discount-rate",
    "usd-per-kwh",
    "site-usd-per-kw",
    "site-years",
    "power-draw",
    "attach",
    "kappa",
    "freed-usd-per-kw-year",
    "supply-factor",
    "demand-factor",
];
const CHIP: [&str; 11] =
    ["id", "chips", "life-years", "kw", "system-usd", "residual", "opex-usd", "on-demand", "reserved", "tokens", "racks"];
const HOURS: [&str; 4] = ["usd-per-hour", "decline", "utilisation", "margin"];
const TOKENS: [&str; 8] = ["model", "prompt", "output", "latency", "usd-per-million", "decline", "utilisation", "margin"];
const RACKS: [&str; 5] = ["price-usd", "support", "support-years", "support-margin", "software-usd"];
const RANGE: [&str; 4] = ["low", "middle", "high", "why"];

/// Loads the text of a model configuration.
pub type Load<'a> = &'a dyn Fn(&str) -> Result<String, Diagnostic>;

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_sell(name: &str, text: &str, load: Load<'_>) -> Result<SellJob, Vec<Diagnostic>> {
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
    let mut reader = Reader { walk: &walk, load, inputs: Inputs::default() };
    let job = reader.job(Tab { table: document.get_ref(), at: 0 }, name, text);
    let diags = walk.into_diags();
    match job {
        Some(job) if diags.is_empty() => Ok(job),
        _ if diags.is_empty() => Err(vec![Diagnostic::error("the file cannot be read").in_file(name)]),
        _ => Err(diags),
    }
}

/// Unit, and the limits between which every point must lie.
#[derive(Clone, Copy)]
struct Kind {
    unit: &'static str,
    low: f64,
    high: f64,
}

const fn kind(unit: &'static str, low: f64, high: f64) -> Kind {
    Kind { unit, low, high }
}

const SHARE: Kind = kind("share", 0.0, 1.0);
const USD: Kind = kind("USD", 0.0, 1e9);

struct Reader<'w, 't, 'l> {
    walk: &'w Walk<'t>,
    load: Load<'l>,
    inputs: Inputs,
}

impl<'t> Reader<'_, 't, '_> {
    fn job(&mut self, top: Tab<'_, 't>, name: &str, text: &str) -> Option<SellJob> {
        let w = self.walk;
        w.keys(top, "the file", &TOP);
        let whole = |key: &str, low: u64, high: u64, other: u64| w.whole_within(top, key, low, high).unwrap_or(other);
        let scenarios = whole("scenarios", LEAST_SCENARIOS, MOST_SCENARIOS, 400);
        let seed = whole("seed", 0, 1 << 52, 1);
        let quarters = whole("quarters", 1, MOST_QUARTERS, 8) as usize;
        let money = self.table(top, "money", &MONEY)?;
        let rate = self.need(money, "money", "discount-rate", kind("share a year", 0.0, 1.0))?;
        let site = self.need(money, "money", "site-usd-per-kw", kind("USD/kW", 0.0, 1e6))?;
        let site_years = self.or(
            money,
            "money",
            "site-years",
            kind("years", 1.0, 60.0),
            15.0,
            "straight line over 15 years where the file says nothing",
        );
        let draw = self.or(money, "money", "power-draw", SHARE, 0.8, "0.8 of the facility power where the file says nothing");
        let kappa = self.need(money, "money", "kappa", SHARE)?;
        let energy = self.maybe(money, "money", "usd-per-kwh", kind("USD/kWh", 0.0, 10.0));
        let attach = self.maybe(money, "money", "attach", kind("ratio", 0.0, 10.0));
        let freed = self.maybe(money, "money", "freed-usd-per-kw-year", kind("USD/kW a year", 0.0, 1e5));
        let supply = self.or(money, "money", "supply-factor", kind("factor", 0.0, 10.0), 1.0, "as the file lists them");
        let demand_scale = self.or(money, "money", "demand-factor", kind("factor", 0.0, 100.0), 1.0, "as the file lists it");
        let site_table = self.table(top, "site", &["megawatts"])?;
        let megawatts = self.quarters(site_table, "megawatts", quarters)?;
        let (mut in_service, mut demand) = (None, Vec::new());
        if top.table.contains_key("demand") {
            let names: [&'static str; 5] = ["in-service", USES[0], USES[1], USES[2], USES[3]];
            let table = self.table(top, "demand", &names)?;
            for name in names.into_iter().filter(|n| table.table.contains_key(*n)) {
                let list = self.quarters(table, name, quarters)?;
                if name == "in-service" { in_service = Some(list) } else { demand.push((name, list)) }
            }
        }
        let tables = w.list(top, "chip");
        if tables.is_empty() {
            w.push(Diagnostic::error("no chip to sell or rent out").in_file(name).hint("a table [[chip]] with `id` and `chips`"));
        }
        if tables.len() > MOST_CHIPS {
            w.fail(tables[MOST_CHIPS].at, format!("more than {MOST_CHIPS} chips"));
        }
        let chips: Vec<ChipFile> = tables.into_iter().take(MOST_CHIPS).filter_map(|t| self.chip(t, quarters)).collect();
        Some(SellJob {
            name: w.text(top, "name").map_or_else(|| name.to_owned(), |t| t.0.chars().take(200).collect()),
            seed,
            scenarios,
            quarters,
            rate,
            site,
            site_years,
            draw,
            kappa,
            energy,
            attach,
            freed,
            supply,
            demand_scale,
            megawatts,
            in_service,
            demand,
            chips,
            inputs: std::mem::take(&mut self.inputs),
            origin: (name.to_owned(), text.to_owned()),
        })
    }

    fn chip(&mut self, tab: Tab<'_, 't>, quarters: usize) -> Option<ChipFile> {
        let w = self.walk;
        let (id, at) = w.need(tab, "a chip", "id")?;
        w.keys(tab, &format!("chip `{id}`"), &CHIP);
        let chips = self.quarters(tab, "chips", quarters);
        let life = self.need(tab, &id, "life-years", kind("years", 0.25, 30.0));
        let kw = self.maybe(tab, &id, "kw", kind("kW", 1e-3, 1e3));
        let system = self.need(tab, &id, "system-usd", USD);
        let residual = self.need(tab, &id, "residual", SHARE);
        let opex = self.need(tab, &id, "opex-usd", USD);
        let mut uses = Vec::new();
        for name in &USES[..3] {
            if tab.table.contains_key(*name) {
                uses.extend(self.rented(tab, &id, name));
            }
        }
        let racks = if tab.table.contains_key("racks") { self.racks(tab, &id) } else { None };
        if uses.is_empty() && racks.is_none() {
            let d = w.error(tab.at, format!("chip `{id}` has no use"));
            w.push(d.hint("tables [chip.on-demand], [chip.reserved], [chip.tokens], [chip.racks] say what it can be used for"));
        }
        Some(ChipFile { id, at, chips: chips?, life: life?, kw, system: system?, residual: residual?, opex: opex?, uses, racks })
    }

    fn rented(&mut self, chip: Tab<'_, 't>, id: &str, name: &'static str) -> Option<UseFile> {
        let w = self.walk;
        let tokens = name == "tokens";
        let tab = self.table(chip, name, if tokens { &TOKENS } else { &HOURS })?;
        let what = format!("{id} {name}");
        let served = tokens.then(|| self.served(tab, w));
        let price = match name {
            "tokens" => self.need(tab, &what, "usd-per-million", kind("USD per million tokens", 0.0, 1e6)),
            "on-demand" => self.maybe(tab, &what, "usd-per-hour", kind("USD/h", 0.0, 1e5)),
            _ => self.need(tab, &what, "usd-per-hour", kind("USD/h", 0.0, 1e5)),
        };
        Some(UseFile {
            name,
            price,
            decline: self.need(tab, &what, "decline", kind("share a year", -0.5, 0.95))?,
            utilisation: self.need(tab, &what, "utilisation", SHARE)?,
            margin: self.need(tab, &what, "margin", SHARE)?,
            tokens: served.flatten(),
        })
    }

    fn served(&self, tab: Tab<'_, 't>, w: &Walk<'t>) -> Option<TokensFile> {
        let (word, at) = w.need(tab, "[chip.tokens]", "model")?;
        let model = match model_source(&word, self.load) {
            Ok(m) => m,
            Err(d) => {
                w.push(if d.file.is_none() { d.at_offset(w.source, at) } else { d });
                return None;
            }
        };
        let count = |key: &str| w.number_within(tab, key, 1.0, 1e7).map_or(1024, |v| v as u64);
        let latency = w.text(tab, "latency").and_then(|(t, at)| {
            let parsed = parse_seconds(&t);
            if parsed.is_none() {
                w.push(w.error(at, format!("`latency` is `{t}`, which is not a time above zero")).hint("for example \"50ms\""));
            }
            parsed
        });
        Some(TokensFile { model, prompt: count("prompt"), output: count("output"), latency_s: latency, at })
    }

    fn racks(&mut self, chip: Tab<'_, 't>, id: &str) -> Option<RackFile> {
        let tab = self.table(chip, "racks", &RACKS)?;
        let what = format!("{id} racks");
        Some(RackFile {
            price: self.need(tab, &what, "price-usd", USD)?,
            support: self.or(tab, &what, "support", SHARE, 0.0, "none where the file says nothing"),
            support_years: self.or(tab, &what, "support-years", kind("years", 0.0, 30.0), 0.0, "none where the file says nothing"),
            support_margin: self.or(tab, &what, "support-margin", SHARE, 0.0, "none where the file says nothing"),
            software: self.or(tab, &what, "software-usd", USD, 0.0, "none where the file says nothing"),
        })
    }

    fn table<'d>(&self, tab: Tab<'d, 't>, key: &str, keys: &[&'static str]) -> Option<Tab<'d, 't>> {
        let w = self.walk;
        let Some(value) = tab.table.get(key) else {
            w.push(w.error(tab.at, format!("no table [{key}]")).hint(format!("keys of [{key}]: {}", keys.join(", "))));
            return None;
        };
        let Some(table) = value.get_ref().as_table() else {
            w.fail(value.span().start, format!("`{key}` must be a table"));
            return None;
        };
        let inner = Tab { table, at: value.span().start };
        w.keys(inner, &format!("[{key}]"), keys);
        Some(inner)
    }

    /// An input that the file must give.
    fn need(&mut self, tab: Tab<'_, 't>, what: &str, key: &str, k: Kind) -> Option<At> {
        if !tab.table.contains_key(key) {
            let d = self.walk.error(tab.at, format!("{what} has no `{key}`"));
            self.walk.push(d.hint(format!(
                "no public source gives it: state your own, for example {key} = {{ low = .., middle = .., high = .., why = \"..\" }}"
            )));
            return None;
        }
        self.maybe(tab, what, key, k)
    }

    /// An input with a value of ours where the file has none.
    fn or(&mut self, tab: Tab<'_, 't>, what: &str, key: &str, k: Kind, usual: f64, why: &str) -> At {
        if let Some(at) = self.maybe(tab, what, key, k) {
            return at;
        }
        let range = Range::exactly(usual);
        let origin = format!("default: {why}");
        self.inputs.add(Input { name: format!("{what} {key}"), unit: k.unit, range, bounds: (k.low, k.high), origin, assumed: true })
    }

    fn maybe(&mut self, tab: Tab<'_, 't>, what: &str, key: &str, k: Kind) -> Option<At> {
        let w = self.walk;
        let value = tab.table.get(key)?;
        let at = value.span().start;
        let (range, why) = match value.get_ref() {
            DeValue::Array(items) if items.len() == 3 => {
                let n: Vec<Option<f64>> = items.iter().map(|i| number(i.get_ref())).collect();
                (n[0].zip(n[1]).zip(n[2]).map(|((low, middle), high)| Range { low, middle, high }), String::new())
            }
            DeValue::Table(table) => {
                let inner = Tab { table, at };
                w.keys(inner, &format!("`{key}`"), &RANGE);
                let part = |name: &str| table.get(name).and_then(|v| number(v.get_ref()));
                let range = match (part("low"), part("middle"), part("high")) {
                    (Some(low), Some(middle), Some(high)) => Some(Range { low, middle, high }),
                    (None, Some(middle), None) => Some(Range::exactly(middle)),
                    _ => None,
                };
                (range, w.text_or_empty(inner, "why"))
            }
            other => (number(other).map(Range::exactly), String::new()),
        };
        let Some(r) = range else {
            w.push(
                w.error(at, format!("`{key}` of {what} is not a number or a range"))
                    .hint(format!("{key} = 7, {key} = [5, 7, 9] or {key} = {{ low = 5, middle = 7, high = 9, why = \"..\" }}")),
            );
            return None;
        };
        let ordered = r.low <= r.middle && r.middle <= r.high;
        if !ordered || r.low < k.low || r.high > k.high {
            w.fail(at, format!("`{key}` of {what} must rise from low to high between {} and {} ({})", k.low, k.high, k.unit));
            return None;
        }
        let why: String = why.chars().take(300).collect();
        let origin = if why.is_empty() { "assumption of the file".to_owned() } else { format!("assumption of the file: {why}") };
        Some(self.inputs.add(Input {
            name: format!("{what} {key}"),
            unit: k.unit,
            range: r,
            bounds: (k.low, k.high),
            origin,
            assumed: true,
        }))
    }

    /// One number for each quarter: a list, one number for all, or `{ first, growth }` a quarter.
    fn quarters(&self, tab: Tab<'_, 't>, key: &str, quarters: usize) -> Option<Vec<f64>> {
        let w = self.walk;
        let Some(value) = tab.table.get(key) else {
            w.fail(tab.at, format!("no `{key}`"));
            return None;
        };
        let at = value.span().start;
        let list = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|i| number(i.get_ref())).collect::<Option<Vec<f64>>>(),
            DeValue::Table(table) => {
                w.keys(Tab { table, at }, &format!("`{key}`"), &["first", "growth"]);
                let part = |name: &str| table.get(name).and_then(|v| number(v.get_ref()));
                let growth = part("growth").unwrap_or(0.0);
                part("first")
                    .filter(|_| (-0.9..=9.0).contains(&growth))
                    .map(|first| std::iter::successors(Some(first), |v| Some(v * (1.0 + growth))).take(quarters).collect())
            }
            other => number(other).map(|v| vec![v; quarters]),
        };
        match list {
            Some(l) if l.len() == quarters && l.iter().all(|v| (0.0..=1e12).contains(v)) => Some(l),
            Some(l) if l.len() != quarters => {
                w.fail(at, format!("`{key}` has {} numbers for {quarters} quarters", l.len()));
                None
            }
            _ => {
                w.push(
                    w.error(at, format!("`{key}` must be numbers that are not negative"))
                        .hint(format!("{key} = 1000, {key} = [1000, 1200, ..] or {key} = {{ first = 1000, growth = 0.1 }}")),
                );
                None
            }
        }
    }
}

/// A number as TOML has it, or a count in words (`"250k"`, `"1.4M"`).
fn number(v: &DeValue<'_>) -> Option<f64> {
    let parsed = match v {
        DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
        DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
        DeValue::String(s) => quantity::parse_count(s),
        _ => None,
    };
    parsed.filter(|v: &f64| v.is_finite())
}

fn parse_seconds(text: &str) -> Option<f64> {
    let t = text.trim();
    let (n, scale) = match t.strip_suffix("ms") {
        Some(n) => (n, 1e-3),
        None => (t.strip_suffix('s')?, 1.0),
    };
    n.trim().parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0).map(|v| v * scale)
}
