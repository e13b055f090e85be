//! The inputs of owning from the catalog, with what the user stated over them.

use std::collections::BTreeMap;

use secondsource_base::{Diagnostic, Kind};
use secondsource_catalog::{Catalog, Figures, Price, System, Thing};

use super::{FabricPlan, FabricRule, Input, Key, OwnInput, Site, fabric};
use crate::calendar;
use crate::contract::Range;

/// What the user asks for. What is not stated comes from the catalog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wishes {
    /// Rack, server or chip, by catalog id or alias.
    pub system: String,
    pub chips: u64,
    pub site: Site,
    /// The price of a unit holds network and storage: `purchase-all-in` prices are taken.
    pub all_in: bool,
    pub energy_included: bool,
    /// A region of the electricity tables (`ohio`, `us`).
    pub region: Option<String>,
    /// Stated inputs, with their ranges.
    pub stated: BTreeMap<Key, Range>,
}

/// Most chips of a cluster.
pub const MOST_CHIPS: u64 = 1_000_000_000;

/// The inputs for a system: each from its table of the catalog, replaced by what the user stated.
pub fn of_catalog(catalog: &Catalog, wishes: &Wishes) -> Result<OwnInput, Diagnostic> {
    let system = catalog.system(&wishes.system)?;
    let no_chip = || Diagnostic::error(format!("no source names the chip of `{}`", system.id));
    let chip = system.chip.clone().ok_or_else(no_chip)?;
    let per = system
        .si("chips")
        .filter(|c| *c >= 1.0)
        .ok_or_else(|| Diagnostic::error(format!("no source gives the chips of `{}`", system.id)))?;
    let chips_per_unit = per as u64;
    let chips = wishes.chips.clamp(1, MOST_CHIPS);
    let units = chips.div_ceil(chips_per_unit);
    let mut x = OwnInput {
        system: system.id.clone(),
        chip: chip.clone(),
        chips,
        units,
        chips_per_unit,
        unit_name: unit_name(system),
        all_in: wishes.all_in,
        site: wishes.site,
        energy_included: wishes.energy_included && wishes.site == Site::Colocation,
        fabric: None,
        inputs: BTreeMap::new(),
        notes: Vec::new(),
    };
    for key in Key::ALL {
        let input = match wishes.stated.get(&key) {
            Some(range) => stated(key, *range)?,
            None => default(catalog, system, &x, wishes, key)?,
        };
        x.inputs.insert(key, input);
    }
    let (network, storage) = (x.value(Key::NetworkShare), x.value(Key::StorageShare));
    if network + storage > 0.9 {
        return Err(Diagnostic::error(format!("network-share and storage-share add up to {:.2}: at most 0.9", network + storage)));
    }
    x.fabric = fabric_of(catalog, system, chips_per_unit, units);
    x.notes = notes(&x, wishes);
    Ok(x)
}

/// What one of a system is called: a pod or an UltraServer is more than a rack.
fn unit_name(system: &System) -> &'static str {
    match system.thing {
        Thing::Rack if system.si("racks").is_some_and(|n| n > 1.0) || system.id.ends_with("-pod") => "system",
        Thing::Rack => "rack",
        _ => "server",
    }
}

/// A stated input, within its bounds.
fn stated(key: Key, range: Range) -> Result<Input, Diagnostic> {
    let (low, high) = key.bounds();
    let fine =
        [range.low, range.mid, range.high].iter().all(|v| (low..=high).contains(v)) && range.low <= range.mid && range.mid <= range.high;
    if !fine {
        let text = format!("`{}` must be between {low} and {high}, as one number or as low, middle and high", key.name());
        return Err(Diagnostic::error(text).hint(format!("in {}", key.unit())));
    }
    Ok(Input {
        value: range.mid,
        low: range.low,
        high: range.high,
        unit: key.unit().to_owned(),
        kind: Kind::User,
        basis: "stated in the job".to_owned(),
        sources: Vec::new(),
    })
}

fn default(catalog: &Catalog, system: &System, x: &OwnInput, wishes: &Wishes, key: Key) -> Result<Input, Diagnostic> {
    let table = |id: &str| -> Result<&Figures, Diagnostic> { Ok(&catalog.table(id)?.figures) };
    match key {
        Key::UnitUsd => unit_price(catalog, system, x),
        Key::Spares => three(table("upkeep")?, key, ["spare-low", "spare-mid", "spare-high"], 100.0),
        Key::NetworkShare => three(table("cluster-split")?, key, ["network-low", "network", "network-high"], 100.0),
        Key::StorageShare => three(table("cluster-split")?, key, ["storage-low", "storage", "storage-high"], 100.0),
        Key::Installation => three(table("upkeep")?, key, ["installation-low", "installation-mid", "installation-high"], 100.0),
        Key::ColocationUsdPerKwMonth => colocation(catalog, key),
        Key::ShellUsdPerKw => {
            let t = table("owning-site")?;
            // 1 M USD/MW is 1,000 USD/kW; the middle of the printed range.
            let (low, high) = (get(t, "shell-low")?, get(t, "shell-high")?);
            let middle = f64::midpoint(low, high) * 1000.0;
            Ok(of_figure(t, "shell-low", key, middle, (low * 1000.0, high * 1000.0), "middle of a printed range"))
        }
        Key::ShellLifeYears => three(table("owning-site")?, key, ["shell-life-low", "shell-life-mid", "shell-life-high"], 1.0),
        Key::KwPerChip => power(catalog, system, x, key),
        Key::Pue => {
            let t = catalog.pue();
            let range = (get(t, "google")?, get(t, "industry-2023")?);
            Ok(of_figure(t, "aws-2023", key, get(t, "aws-2023")?, range, "AWS 2023; from Google's to the industry's survey mean"))
        }
        Key::UsdPerKwh => electricity(catalog, wishes.region.as_deref(), key),
        Key::Load => three(table("owning-site")?, key, ["load-low", "load-mid", "load-high"], 1.0),
        Key::StaffUsdPerYear => Ok(Input {
            value: 0.0,
            low: 0.0,
            high: 0.0,
            unit: key.unit().to_owned(),
            kind: Kind::Assumed,
            basis: "not stated: no staffing ratio is public, so none is charged".to_owned(),
            sources: Vec::new(),
        }),
        Key::Support => three(table("upkeep")?, key, ["support-low", "support-mid", "support-high"], 100.0),
        Key::Rate => three(table("financing")?, key, ["rate-low", "rate-mid", "rate-high"], 100.0),
        Key::Years | Key::BookYears => {
            let t = table("depreciation")?;
            let range = (get(t, "nebius")?, get(t, "microsoft")?);
            let words = "useful life of servers in filings: Amazon; from Nebius to Microsoft, Alphabet and CoreWeave";
            Ok(of_figure(t, "amazon", key, get(t, "amazon")?, range, words))
        }
        Key::Residual => residual(catalog, x, key),
        Key::Goodput => three(table("upkeep")?, key, ["goodput-low", "goodput-mid", "goodput-high"], 1.0),
        Key::Utilisation => three(table("upkeep")?, key, ["utilisation-low", "utilisation-mid", "utilisation-high"], 1.0),
    }
}

fn get(figures: &Figures, name: &str) -> Result<f64, Diagnostic> {
    figures.get(name).map(|f| f.main.value).ok_or_else(|| Diagnostic::error(format!("the catalog has no figure `{name}`")))
}

/// An input with the source of one figure.
fn of_figure(figures: &Figures, name: &str, key: Key, value: f64, (low, high): (f64, f64), words: &str) -> Input {
    let f = figures.get(name).map(|f| &f.main);
    Input {
        value,
        low: low.min(value),
        high: high.max(value),
        unit: key.unit().to_owned(),
        kind: f.map_or(Kind::Assumed, |f| f.kind),
        basis: words.to_owned(),
        sources: f.map(|f| f.sources.clone()).unwrap_or_default(),
    }
}

/// Low, middle and high of a table, over `scale` (100 for percent).
fn three(figures: &Figures, key: Key, names: [&str; 3], scale: f64) -> Result<Input, Diagnostic> {
    let [low, value, high] = [get(figures, names[0])?, get(figures, names[1])?, get(figures, names[2])?].map(|v| v / scale);
    let middle = figures.get(names[1]).map(|f| &f.main);
    let words = middle.map(|f| if f.qualifier.is_empty() { &f.note } else { &f.qualifier }).cloned().unwrap_or_default();
    Ok(of_figure(figures, names[1], key, value, (low, high), &words))
}

/// Published prices of the whole unit from the newest year that has any: their median, and their range.
fn unit_price(catalog: &Catalog, system: &System, x: &OwnInput) -> Result<Input, Diagnostic> {
    let basis = if x.all_in { "purchase-all-in" } else { "purchase" };
    let all: Vec<&Price> = catalog.prices_of(&x.chip).filter(|p| p.per_chip.is_some()).collect();
    let whole = |p: &&&Price| p.basis == basis && u64::from(p.chips_in_item) == x.chips_per_unit;
    let own: Vec<&Price> = all.iter().filter(whole).filter(|p| p.kind == Kind::User).copied().collect();
    let mut rows: Vec<&Price> = if own.is_empty() { all.iter().filter(whole).copied().collect() } else { own };
    let newest = rows.iter().filter_map(|p| calendar::middle_year(&p.date)).fold(f64::NEG_INFINITY, f64::max);
    rows.retain(|p| calendar::middle_year(&p.date).is_some_and(|y| y > newest - 1.0));
    if rows.is_empty() {
        let mut d = Diagnostic::error(format!("no public price of a {} of {} ({} chips)", x.unit_name, system.id, x.chips_per_unit));
        let bare: Vec<f64> = all.iter().filter(|p| p.basis == "purchase").filter_map(|p| p.per_chip).collect();
        if !bare.is_empty() {
            let (low, high) = (bare.iter().copied().fold(f64::MAX, f64::min), bare.iter().copied().fold(0.0, f64::max));
            d = d.hint(format!("chips alone, or in other units, are {low:.0} to {high:.0} USD each in the catalog"));
        }
        return Err(d.hint("state your own: unit-usd = 3.0e6 in the job, or --set unit-usd=3.0e6; the answer says that it is yours"));
    }
    let mut prices: Vec<f64> = rows.iter().map(|p| p.price).collect();
    prices.sort_by(f64::total_cmp);
    let (n, half) = (prices.len(), prices.len() / 2);
    let value = if n % 2 == 1 { prices[half] } else { f64::midpoint(prices[half - 1], prices[half]) };
    let mut sources: Vec<String> = rows.iter().flat_map(|p| p.sources.iter().cloned()).collect();
    sources.sort();
    sources.dedup();
    let names: Vec<String> = rows.iter().map(|p| format!("{} {}, {}", p.item, short_usd(p.price), p.date)).collect();
    let which = if n == 1 { String::new() } else { format!("median of {n}: ") };
    Ok(Input {
        value,
        low: prices[0],
        high: prices[n - 1],
        unit: Key::UnitUsd.unit().to_owned(),
        kind: rows[0].kind,
        basis: format!("{which}{}", names.join("; ")),
        sources,
    })
}

fn short_usd(v: f64) -> String {
    if v >= 1e6 { format!("{:.2}M USD", v / 1e6) } else { format!("{:.0}k USD", v / 1e3) }
}

/// Campus rent in the middle, the colocation table's ends around it.
fn colocation(catalog: &Catalog, key: Key) -> Result<Input, Diagnostic> {
    let site = &catalog.table("owning-site")?.figures;
    let t = &catalog.table("colocation")?.figures;
    let range = (get(t, "wholesale-1mw-plus-low")?, get(t, "gpu-liquid-high")?);
    let value = get(site, "campus-rent")? / 12.0;
    let words = "100 MW lease at 1.65 M USD per MW and year; from wholesale space to liquid-cooled space";
    Ok(of_figure(site, "campus-rent", key, value, range, words))
}

/// IT power per chip that is contracted: the unit's own rated power, else the published all-in power less cooling,
/// else the chip's TDP times the median of all-in power over TDP of other chips, less cooling.
fn power(catalog: &Catalog, system: &System, x: &OwnInput, key: Key) -> Result<Input, Diagnostic> {
    let pue = get(catalog.pue(), "aws-2023")?;
    let per = x.chips_per_unit as f64;
    let rated = ["rack_power", "power_max"].into_iter().find_map(|f| Some((f, system.si(f)? / 1e3 / per)));
    let all_in = catalog.all_in_kw(&x.chip).map(|f| f.main.value / pue);
    let tdp = catalog.chip(&x.chip)?.si("tdp").map(|w| w / 1e3);
    let mut ratios: Vec<f64> = Vec::new();
    for (id, set) in catalog.all_in() {
        ratios.extend(catalog.chip(id).ok().and_then(|c| c.si("tdp")).map(|w| set.main.value * 1e3 / w / pue));
    }
    ratios.sort_by(f64::total_cmp);
    let scaled = |at: usize| Some(tdp? * *ratios.get(at)?);
    let around = [rated.map(|r| r.1), all_in].into_iter().flatten();
    let (low, high) = around.fold((f64::MAX, 0.0_f64), |(a, b), v| (a.min(v), b.max(v)));
    let (value, low, high, figures, name, words) = if let Some((field, kw)) = rated {
        (kw, low, high, &system.figures, field, format!("rated power of {} over its chips", system.id))
    } else if let Some(kw) = all_in {
        (kw, low, high, catalog.all_in(), x.chip.as_str(), format!("published all-in power of {} without cooling (over {pue})", x.chip))
    } else {
        let none = || {
            Diagnostic::error(format!("no source gives the power of `{}`", x.chip))
                .hint("state it: kw-per-chip in the job, or --set kw-per-chip=1.2")
        };
        let figures = &catalog.chip(&x.chip)?.figures;
        let kw = scaled(ratios.len() / 2).ok_or_else(none)?;
        let (low, high) = (scaled(0).unwrap_or(kw), scaled(ratios.len().saturating_sub(1)).unwrap_or(kw));
        let words = format!("TDP times {:.2}, the median of other chips' all-in power over TDP, without cooling", kw / tdp.unwrap_or(kw));
        let input = Input { kind: Kind::Derived, ..of_figure(figures, "tdp", key, kw, (low, high), &words) };
        return Ok(input);
    };
    Ok(of_figure(figures, name, key, value, (low, high), &words))
}

/// The price of a region, or the median of the industrial table; cents are turned into USD.
fn electricity(catalog: &Catalog, region: Option<&str>, key: Key) -> Result<Input, Diagnostic> {
    // Industrial before commercial, newer before older.
    let mut tables: Vec<_> = catalog.electricity().filter(|t| t.figures.values().all(|f| f.main.unit == "cents/kWh")).collect();
    tables.sort_by_key(|t| (!t.id.contains("industrial"), std::cmp::Reverse(t.id.clone())));
    let usd = |name: &str, t: &Figures| get(t, name).map(|v| v / 100.0);
    if let Some(region) = region {
        let wanted = region.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        let found = tables.iter().find(|t| t.figures.contains_key(&wanted));
        let Some(table) = found else {
            let names = tables.iter().flat_map(|t| t.figures.keys().map(String::as_str));
            return Err(Diagnostic::error(format!("no electricity price for the region `{region}`"))
                .suggest(region, names)
                .hint("or state usd-per-kwh yourself"));
        };
        let v = usd(&wanted, &table.figures)?;
        return Ok(of_figure(&table.figures, &wanted, key, v, (v, v), &format!("{wanted}, {}", table.name)));
    }
    let table = tables.first().ok_or_else(|| Diagnostic::error("the catalog has no electricity prices"))?;
    let mut all: Vec<f64> = table.figures.values().map(|f| f.main.value / 100.0).collect();
    all.sort_by(f64::total_cmp);
    let (value, low, high) = (all[all.len() / 2], all[0], all[all.len() - 1]);
    let name = table.figures.keys().next().map_or("", String::as_str);
    Ok(of_figure(&table.figures, name, key, value, (low, high), &format!("median of {} regions, {}", all.len(), table.name)))
}

/// Residual value at the middle of the years of use: through the printed shares of years one to three, beyond them
/// falling as from the second to the third.
fn residual(catalog: &Catalog, x: &OwnInput, key: Key) -> Result<Input, Diagnostic> {
    let t = &catalog.table("residual")?.figures;
    let mut points = vec![(0.0, 1.0, 1.0)];
    for year in [1, 2, 3] {
        let end = |side: &str| get(t, &format!("year-{year}-{side}")).map(|v| v / 100.0);
        points.push((f64::from(year), end("low")?, end("high")?));
    }
    let years = x.value(Key::Years);
    let at = |pick: &dyn Fn(&(f64, f64, f64)) -> f64| {
        let after = points.iter().position(|p| p.0 >= years).unwrap_or(points.len() - 1).max(1);
        let (a, b) = (&points[after - 1], &points[after]);
        let (la, lb) = (libm::log(pick(a)), libm::log(pick(b)));
        libm::exp(la + (lb - la) * (years - a.0) / (b.0 - a.0)).min(1.0)
    };
    let (low, high) = (at(&|p| p.1), at(&|p| p.2));
    let beyond = years > 3.0;
    let words = format!(
        "after {years} years{}; weak source{}",
        if beyond { ", extrapolated from years two and three" } else { "" },
        if beyond { ", so down to nothing" } else { "" }
    );
    Ok(of_figure(t, "year-3-low", key, f64::midpoint(low, high), (if beyond { 0.0 } else { low }, high), &words))
}

/// Switches and cables for the nodes of the cluster: as many rails as a node has chips.
fn fabric_of(catalog: &Catalog, system: &System, chips_per_unit: u64, units: u64) -> Option<FabricPlan> {
    let t = &catalog.table("owning-fabric").ok()?.figures;
    let chip = system.chip.as_deref()?;
    let ports = t.get(&format!("ports-{chip}")).or_else(|| t.get("ports-other"))?.main.value as u64;
    let rails = system.si("chips_per_node").map_or(chips_per_unit, |c| c as u64).clamp(1, 256);
    fabric(FabricRule { ports, rails }, units * chips_per_unit / rails)
}

fn notes(x: &OwnInput, wishes: &Wishes) -> Vec<String> {
    let mut notes = Vec::new();
    if wishes.stated.contains_key(&Key::UnitUsd) {
        notes.push(format!("the price of a {} is yours: {} USD", x.unit_name, x.value(Key::UnitUsd)));
    }
    if x.chips_bought() > x.chips {
        notes.push(format!("{} chips are bought for {} asked: whole {}s of {}", x.chips_bought(), x.chips, x.unit_name, x.chips_per_unit));
    }
    if x.value(Key::StaffUsdPerYear) == 0.0 {
        notes.push("staff is not in the bill: state staff-usd-per-year".to_owned());
    }
    if x.site == Site::Colocation {
        let with = if x.energy_included { "includes the energy, as stated" } else { "is taken without energy, which is billed by itself" };
        notes.push(format!("colocation rent {with}"));
    }
    let assumed: Vec<&str> = x.inputs.iter().filter(|(k, i)| i.kind == Kind::Assumed && x.matters(**k)).map(|(k, _)| k.words()).collect();
    if !assumed.is_empty() {
        notes.push(format!("assumed for want of a source, with a wide range: {}", assumed.join(", ")));
    }
    notes
}
