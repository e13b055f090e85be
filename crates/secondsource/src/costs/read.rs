//! The job of `own`: a TOML file, or flags.

use std::collections::BTreeMap;

use secondsource_base::{Diagnostic, SourceText, quantity};
use secondsource_catalog::walk::{Tab, Walk};
use secondsource_market::contract::Range;
use secondsource_market::own::{Key, Site};
use toml::de::{DeTable, DeValue};

use crate::job::MAX_JOB_BYTES;

/// What is asked of `own`. `None` takes the default, which the answer states.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OwnJob {
    /// Rack, server or chip.
    pub on: String,
    pub chips: u64,
    pub site: Site,
    pub energy_included: bool,
    /// Prices of a unit that hold network and storage.
    pub all_in: bool,
    /// Region of the electricity tables.
    pub region: Option<String>,
    /// Day of the delivery; default: `as_of`.
    pub delivery: Option<String>,
    /// Day of the rental prices to compare with; default: the day of the latest price.
    pub as_of: Option<String>,
    /// Inputs in place of the catalog's, with their ranges.
    pub inputs: BTreeMap<Key, Range>,
    /// Rental providers to compare with, for each contract.
    pub top: Option<usize>,
    pub scenarios: Option<usize>,
    pub seed: u64,
    /// Name and text of the job file, for messages.
    pub origin: Option<(String, String)>,
}

impl OwnJob {
    /// Gives an error that names something of the job file its place there.
    pub(crate) fn locate(&self, d: Diagnostic) -> Diagnostic {
        let (Some((name, text)), None) = (&self.origin, &d.file) else { return d };
        let quoted = d.message.split('`').nth(1).unwrap_or_default().to_owned();
        match text.find(&quoted) {
            Some(at) if !quoted.is_empty() => d.at_offset(SourceText { name, text }, at),
            _ => d.in_file(name.clone()),
        }
    }
}

const KEYS: [&str; 12] =
    ["on", "chips", "site", "energy-included", "all-in", "region", "delivery", "as-of", "top", "scenarios", "seed", "input"];

/// Reads a job file.
pub fn read_own(name: &str, text: &str) -> Result<OwnJob, Vec<Diagnostic>> {
    if text.len() > MAX_JOB_BYTES {
        let d = Diagnostic::error(format!("job file of {} bytes; at most {MAX_JOB_BYTES} are read", text.len()));
        return Err(vec![d.in_file(name)]);
    }
    let walk = Walk::new(name, text);
    let mut job = OwnJob { origin: Some((name.to_owned(), text.to_owned())), ..OwnJob::default() };
    match DeTable::parse(text) {
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            walk.fail(at, format!("not valid TOML: {}", e.message().trim_end_matches('.').replace('\n', ", ")));
        }
        Ok(doc) => fill(&walk, Tab { table: doc.get_ref(), at: 0 }, &mut job),
    }
    let diags = walk.into_diags();
    if diags.is_empty() { Ok(job) } else { Err(diags) }
}

fn fill<'t>(walk: &Walk<'t>, top: Tab<'_, 't>, job: &mut OwnJob) {
    let what = "the job";
    walk.keys(top, what, &KEYS);
    job.on = walk.need(top, what, "on").map(|t| t.0).unwrap_or_default();
    job.chips = whole(walk, top, "chips", 1e9).unwrap_or(0);
    if !top.table.contains_key("chips") {
        walk.fail(top.at, "the job has no `chips`");
    }
    if let Some((word, at)) = walk.text(top, "site") {
        job.site = if walk.one_of(at, "site", &word, &["colocation", "shell"]) == Some("shell") { Site::Shell } else { Site::Colocation };
    }
    job.energy_included = walk.flag(top, "energy-included");
    job.all_in = walk.flag(top, "all-in");
    job.region = walk.text(top, "region").map(|t| t.0);
    let date = |key: &str| walk.text(top, key).filter(|(d, at)| walk.date(*at, key, d)).map(|t| t.0);
    job.delivery = date("delivery");
    job.as_of = date("as-of");
    job.top = whole(walk, top, "top", 100.0).map(|v| v as usize);
    job.scenarios = whole(walk, top, "scenarios", 2e4).map(|v| v as usize);
    job.seed = whole(walk, top, "seed", 9e15).unwrap_or(1);
    let Some(value) = top.table.get("input") else { return };
    let DeValue::Table(table) = value.get_ref() else {
        walk.fail(value.span().start, "`input` must be a table");
        return;
    };
    let tab = Tab { table, at: value.span().start };
    let names: Vec<&'static str> = Key::ALL.iter().map(|k| k.name()).collect();
    walk.keys(tab, "the inputs", &names);
    for key in Key::ALL {
        let Some(cell) = table.get(key.name()) else { continue };
        match range(cell.get_ref()).and_then(|r| bounded(key, r)) {
            Some(r) => drop(job.inputs.insert(key, r)),
            None => {
                let (low, high) = key.bounds();
                let d = walk.error(cell.span().start, format!("`{}` must be from {low} to {high}", key.name()));
                walk.push(d.hint(format!("one number, or [low, middle, high]; in {}", key.unit())));
            }
        }
    }
}

/// A whole number from 0 to `most`; absent is `None`.
fn whole<'t>(walk: &Walk<'t>, tab: Tab<'_, 't>, key: &str, most: f64) -> Option<u64> {
    let cell = tab.table.get(key)?;
    match number(cell.get_ref()) {
        Some(v) if v.fract() == 0.0 && (0.0..=most).contains(&v) => Some(v as u64),
        _ => {
            walk.fail(cell.span().start, format!("`{key}` must be a whole number up to {most}"));
            None
        }
    }
}

/// A number, or a count such as `"3M"`.
fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(i) if i.radix() == 10 => i.as_str().replace('_', "").parse().ok(),
        DeValue::Float(f) => f.as_str().replace('_', "").parse().ok(),
        DeValue::String(s) => quantity::parse_count(s.trim().trim_start_matches('$')),
        _ => None,
    }
}

fn range(value: &DeValue<'_>) -> Option<Range> {
    if let DeValue::Array(items) = value {
        let numbers: Option<Vec<f64>> = items.iter().map(|v| number(v.get_ref())).collect();
        return match numbers?.as_slice() {
            [low, mid, high] => Some(Range { low: *low, mid: *mid, high: *high }),
            _ => None,
        };
    }
    number(value).map(Range::exactly)
}

fn bounded(key: Key, r: Range) -> Option<Range> {
    let (low, high) = key.bounds();
    (low <= r.low && r.low <= r.mid && r.mid <= r.high && r.high <= high).then_some(r)
}

/// Sets an input as the command line spells it: `utilisation=0.9` or `utilisation=0.7:0.85:0.95`.
pub fn set_input(inputs: &mut BTreeMap<Key, Range>, word: &str) -> Result<(), Diagnostic> {
    let names = || Key::ALL.iter().map(|k| k.name());
    let Some((name, text)) = word.split_once('=') else {
        return Err(Diagnostic::error(format!("`{word}` is not of the form INPUT=VALUE")).hint("for example utilisation=0.9"));
    };
    let name = name.trim();
    let Some(key) = Key::parse(name) else {
        let d = Diagnostic::error(format!("unknown input `{name}`")).suggest(name, names());
        return Err(d.hint(format!("known inputs: {}", names().collect::<Vec<_>>().join(", "))));
    };
    let parts: Option<Vec<f64>> = text.split(':').map(|p| quantity::parse_count(p.trim().trim_start_matches('$'))).collect();
    let range = match parts.as_deref() {
        Some([v]) => Some(Range::exactly(*v)),
        Some([low, mid, high]) => Some(Range { low: *low, mid: *mid, high: *high }),
        _ => None,
    };
    match range.and_then(|r| bounded(key, r)) {
        Some(r) => {
            inputs.insert(key, r);
            Ok(())
        }
        None => {
            let (low, high) = key.bounds();
            let d = Diagnostic::error(format!("`{name}` must be from {low} to {high}, not `{text}`"));
            Err(d.hint(format!("one number, or low:middle:high; in {}", key.unit())))
        }
    }
}
