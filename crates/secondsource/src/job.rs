//! A job: what to train, on what, within which limits. Read from a TOML file or built from flags.

use crate::campaign::spec::{self, CampaignSpec};
use crate::overrides::{self, Overrides};
use secondsource_base::{Diagnostic, Dtype, SourceText, quantity};
use secondsource_market::calendar;
use secondsource_workload::layout::{CpMode, Recompute, Schedule, Zero};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where the model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// A built-in name.
    Name(String),
    /// A Hugging Face `config.json`: its path, for messages, and its text.
    Config { file: String, text: String },
}

/// How many chips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chips {
    Count(u64),
    /// The smallest count that meets `within_days` (or the budget).
    Auto,
}

/// Parts of a layout that the user fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fix {
    pub tp: Option<u32>,
    pub cp: Option<u32>,
    pub pp: Option<u32>,
    pub vpp: Option<u32>,
    pub dp: Option<u32>,
    pub ep: Option<u32>,
    pub etp: Option<u32>,
    pub micro_batch: Option<u32>,
    pub zero: Option<Zero>,
    pub recompute: Option<Recompute>,
    pub schedule: Option<Schedule>,
    pub cp_mode: Option<CpMode>,
    pub sequence_parallel: Option<bool>,
    pub shard_group: Option<u32>,
}

/// Software era that a plan assumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Era {
    /// Stacks of 2023: Triton or early flash attention, eager, first MoE dispatchers.
    Y2023,
    /// Mid-2025: vendor attention kernels, fused operators.
    Y2025,
    /// Mid-2026: vendor kernels, CUDA graphs, DeepEP-class dispatch.
    #[default]
    Y2026,
}

impl Era {
    pub const ALL: [Era; 3] = [Era::Y2023, Era::Y2025, Era::Y2026];

    pub const fn name(self) -> &'static str {
        match self {
            Era::Y2023 => "2023",
            Era::Y2025 => "2025",
            Era::Y2026 => "2026",
        }
    }
}

/// Everything that a plan is asked for. `None` means "choose, and say what was chosen".
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub model: ModelSource,
    pub tokens: Option<f64>,
    pub on: Vec<String>,
    pub chips: Chips,
    pub within_days: Option<f64>,
    pub budget_usd: Option<f64>,
    /// Day on which racks are ordered (`YYYY-MM-DD`); `None` is the day of the latest price of the catalog.
    pub ordered: Option<String>,
    pub seq: Option<u64>,
    /// Sequences per optimizer step.
    pub global_batch: Option<u64>,
    pub precision: Option<Dtype>,
    /// LoRA rank; `None` trains all weights.
    pub lora_rank: Option<u32>,
    pub era: Era,
    pub overrides: Overrides,
    pub fix: Fix,
    pub campaign: CampaignSpec,
    /// Layouts to list per system.
    pub top: usize,
    /// Name and text of the job file, for messages.
    pub origin: Option<(String, String)>,
}

impl Job {
    /// Gives an error that names something of the job file its place there.
    pub(crate) fn locate(&self, d: Diagnostic) -> Diagnostic {
        let (Some((name, text)), None) = (&self.origin, &d.file) else { return d };
        let quoted = d.message.split('`').nth(1).unwrap_or_default().to_owned();
        match text.find(&quoted) {
            Some(at) if !quoted.is_empty() => d.at_offset(SourceText { name, text }, at),
            _ => d.in_file(name.clone()),
        }
    }

    pub fn new(model: ModelSource) -> Job {
        Job {
            model,
            tokens: None,
            on: Vec::new(),
            chips: Chips::Auto,
            within_days: None,
            budget_usd: None,
            ordered: None,
            seq: None,
            global_batch: None,
            precision: None,
            lora_rank: None,
            era: Era::default(),
            overrides: Overrides::default(),
            fix: Fix::default(),
            campaign: CampaignSpec::default(),
            top: 1,
            origin: None,
        }
    }
}

type Cell = toml::Spanned<toml::Value>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct JobFile {
    model: Cell,
    tokens: Option<Cell>,
    on: Cell,
    chips: Option<Cell>,
    within_days: Option<Cell>,
    budget_usd: Option<Cell>,
    ordered: Option<Cell>,
    seq: Option<Cell>,
    global_batch: Option<Cell>,
    precision: Option<Cell>,
    lora_rank: Option<Cell>,
    era: Option<Cell>,
    top: Option<Cell>,
    #[serde(default)]
    recipe: RecipeFile,
    #[serde(default)]
    fix: FixFile,
    #[serde(default)]
    campaign: BTreeMap<toml::Spanned<String>, Cell>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RecipeFile {
    recompute_modules: Option<Cell>,
    optimizer_bytes: Option<Cell>,
    grad_bytes: Option<Cell>,
    offload_activations: Option<Cell>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FixFile {
    tp: Option<Cell>,
    cp: Option<Cell>,
    pp: Option<Cell>,
    vpp: Option<Cell>,
    dp: Option<Cell>,
    ep: Option<Cell>,
    etp: Option<Cell>,
    #[serde(alias = "micro_batch")]
    micro_batch: Option<Cell>,
    zero: Option<Cell>,
    recompute: Option<Cell>,
    schedule: Option<Cell>,
    #[serde(alias = "cp_mode")]
    cp_mode: Option<Cell>,
    #[serde(alias = "sequence_parallel")]
    sequence_parallel: Option<Cell>,
    #[serde(alias = "shard_group")]
    shard_group: Option<Cell>,
}

/// A job file is refused above this size, before parsing.
pub const MAX_JOB_BYTES: usize = 1 << 20;

/// Values of a job file with their places.
struct Reader<'a> {
    source: SourceText<'a>,
}

impl Reader<'_> {
    fn bad(&self, cell: &Cell, message: String) -> Diagnostic {
        Diagnostic::error(message).at_offset(self.source, cell.span().start)
    }

    /// `15600000000000`, `15.6e12` or `"15.6T"`; above zero.
    fn count(&self, cell: Option<&Cell>, key: &str) -> Result<Option<f64>, Diagnostic> {
        let Some(cell) = cell else { return Ok(None) };
        let v = match cell.get_ref() {
            toml::Value::Integer(n) => Some(*n as f64),
            toml::Value::Float(f) => Some(*f),
            toml::Value::String(t) => quantity::parse_count(t),
            _ => None,
        };
        match v {
            Some(v) if v.is_finite() && v > 0.0 => Ok(Some(v)),
            _ => Err(self.bad(cell, format!("`{key}` must be a count above zero")).hint("for example 4096, 15.6e12 or \"15.6T\"")),
        }
    }

    fn whole(&self, cell: Option<&Cell>, key: &str, most: f64) -> Result<Option<u64>, Diagnostic> {
        match (self.count(cell, key)?, cell) {
            (Some(v), Some(cell)) if v.fract() != 0.0 || v > most => {
                Err(self.bad(cell, format!("`{key}` must be a whole number from 1 to {most}")))
            }
            (v, _) => Ok(v.map(|v| v as u64)),
        }
    }

    fn word<'c>(&self, cell: &'c Cell, key: &str) -> Result<&'c str, Diagnostic> {
        cell.get_ref().as_str().ok_or_else(|| self.bad(cell, format!("`{key}` must be a text in quotes")))
    }

    /// A value that the command line spells as a word: text, or a plain number or truth value.
    fn spelt(&self, cell: &Cell, key: &str) -> Result<String, Diagnostic> {
        match cell.get_ref() {
            toml::Value::String(s) => Ok(s.clone()),
            toml::Value::Integer(n) => Ok(n.to_string()),
            toml::Value::Boolean(b) => Ok(b.to_string()),
            _ => Err(self.bad(cell, format!("`{key}` must be a word or a whole number"))),
        }
    }

    /// A day: `2027-01-15`, in quotes or as TOML writes dates.
    fn day(&self, cell: &Cell, key: &str) -> Result<String, Diagnostic> {
        match cell.get_ref() {
            toml::Value::String(s) => Ok(s.clone()),
            toml::Value::Datetime(d) => Ok(d.to_string()),
            _ => Err(self.bad(cell, format!("`{key}` must be a day")).hint("2027-01-15")),
        }
    }

    /// The same, with fractions and lists of numbers (`2.3,3.8,6.5`).
    fn spelt_numbers(&self, cell: &Cell, key: &str) -> Result<String, Diagnostic> {
        let number = |v: &toml::Value| match v {
            toml::Value::Float(f) => Some(f.to_string()),
            toml::Value::Integer(n) => Some(n.to_string()),
            _ => None,
        };
        match cell.get_ref() {
            toml::Value::Array(a) => a.iter().map(number).collect::<Option<Vec<_>>>().map(|w| w.join(",")),
            toml::Value::Float(f) => Some(f.to_string()),
            _ => return self.spelt(cell, key),
        }
        .ok_or_else(|| self.bad(cell, format!("`{key}` must be a word, a number or a list of numbers")))
    }

    fn at<T>(&self, cell: &Cell, r: Result<T, Diagnostic>) -> Result<T, Diagnostic> {
        r.map_err(|d| d.at_offset(self.source, cell.span().start))
    }
}

/// Reads a job file. A `model` that ends in `.json` is a path: the caller's `load` turns it into text.
pub fn read_job(name: &str, text: &str, load: &dyn Fn(&str) -> Result<String, Diagnostic>) -> Result<Job, Diagnostic> {
    if text.len() > MAX_JOB_BYTES {
        return Err(Diagnostic::error(format!("job file of {} bytes; at most {MAX_JOB_BYTES} are read", text.len())).in_file(name));
    }
    let r = Reader { source: SourceText { name, text } };
    let file: JobFile = toml::from_str(text).map_err(|e| toml_error(r.source, &e))?;
    let model = r.word(&file.model, "model")?;
    let mut job = Job::new(match model_source(model, load) {
        Err(d) if d.file.is_none() => return r.at(&file.model, Err(d)),
        other => other?,
    });
    job.tokens = r.count(file.tokens.as_ref(), "tokens")?;
    job.on = match file.on.get_ref() {
        toml::Value::String(s) => s.split(',').map(|w| w.trim().to_owned()).collect(),
        toml::Value::Array(a) if a.iter().all(toml::Value::is_str) && !a.is_empty() => {
            a.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        }
        _ => {
            return Err(r
                .bad(&file.on, "`on` must be a list of systems".into())
                .hint("for example on = [\"h100-sxm\", \"trn2-ultraserver\"]"));
        }
    };
    if let Some(c) = &file.chips {
        job.chips = match c.get_ref() {
            toml::Value::String(s) if s == "auto" => Chips::Auto,
            _ => match r.whole(Some(c), "chips", 1e9) {
                Ok(Some(n)) => Chips::Count(n),
                _ => return Err(r.bad(c, "`chips` must be a whole number above zero or \"auto\"".into())),
            },
        };
    }
    job.within_days = r.count(file.within_days.as_ref(), "within-days")?;
    job.budget_usd = r.count(file.budget_usd.as_ref(), "budget-usd")?;
    if let Some(c) = &file.ordered {
        job.ordered = Some(r.at(c, parse_day(&r.day(c, "ordered")?))?);
    }
    job.seq = r.whole(file.seq.as_ref(), "seq", MOST_TOKENS)?;
    job.global_batch = r.whole(file.global_batch.as_ref(), "global-batch", MOST_TOKENS)?;
    if let Some(c) = &file.precision {
        job.precision = Some(r.at(c, parse_precision(r.word(c, "precision")?))?);
    }
    if let Some(c) = &file.era {
        job.era = r.at(c, parse_era(&r.spelt(c, "era")?))?;
    }
    job.lora_rank = r.whole(file.lora_rank.as_ref(), "lora-rank", 1e6)?.map(|v| v as u32);
    if let Some(top) = r.whole(file.top.as_ref(), "top", 100.0)? {
        job.top = top as usize;
    }
    let p = &file.recipe;
    let recipe = [&p.recompute_modules, &p.optimizer_bytes, &p.grad_bytes, &p.offload_activations];
    for (key, cell) in overrides::PARTS.iter().zip(recipe) {
        if let Some(cell) = cell {
            let word = match cell.get_ref() {
                toml::Value::Float(f) => f.to_string(),
                toml::Value::Array(a) => a.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(","),
                _ => r.spelt(cell, key)?,
            };
            r.at(cell, job.overrides.set(key, &word))?;
        }
    }
    for (key, cell) in &file.campaign {
        let at = if spec::KEYS.contains(&key.get_ref().as_str()) { cell.span().start } else { key.span().start };
        let word = r.spelt_numbers(cell, key.get_ref())?;
        job.campaign.set(key.get_ref(), &word).map_err(|d| d.at_offset(r.source, at))?;
    }
    let f = &file.fix;
    let parts = [
        ("tp", &f.tp),
        ("cp", &f.cp),
        ("pp", &f.pp),
        ("vpp", &f.vpp),
        ("dp", &f.dp),
        ("ep", &f.ep),
        ("etp", &f.etp),
        ("micro-batch", &f.micro_batch),
        ("zero", &f.zero),
        ("recompute", &f.recompute),
        ("schedule", &f.schedule),
        ("cp-mode", &f.cp_mode),
        ("sequence-parallel", &f.sequence_parallel),
        ("shard-group", &f.shard_group),
    ];
    for (key, cell) in parts {
        if let Some(cell) = cell {
            let word = format!("{key}={}", r.spelt(cell, key)?);
            r.at(cell, apply_fix(&mut job.fix, &word))?;
        }
    }
    job.origin = Some((name.to_owned(), text.to_owned()));
    Ok(job)
}

/// Longest sequence and largest batch.
const MOST_TOKENS: f64 = 4_294_967_296.0;

fn toml_error(source: SourceText<'_>, e: &toml::de::Error) -> Diagnostic {
    let mut d = Diagnostic::error(e.message().lines().next().unwrap_or("not a TOML file").to_owned());
    if let Some(s) = e.span() {
        d = d.at_offset(source, s.start);
        // Only a key that is not known has a nearest one.
        if e.message().contains("unknown field") {
            let word = source.text.get(s).unwrap_or("").trim();
            d = d.suggest(word, KEYS.into_iter().chain(PARTS).chain(overrides::PARTS).chain(spec::KEYS));
        }
    } else {
        d = d.in_file(source.name);
    }
    d
}

/// Keys of a job file beside [`PARTS`].
const KEYS: [&str; 15] = [
    "model",
    "tokens",
    "on",
    "chips",
    "within-days",
    "budget-usd",
    "seq",
    "global-batch",
    "precision",
    "lora-rank",
    "era",
    "top",
    "recipe",
    "fix",
    "campaign",
];

/// Parts of a layout that can be fixed.
const PARTS: [&str; 14] = [
    "tp",
    "cp",
    "pp",
    "vpp",
    "dp",
    "ep",
    "etp",
    "micro-batch",
    "zero",
    "recompute",
    "schedule",
    "cp-mode",
    "sequence-parallel",
    "shard-group",
];

/// A built-in name, or the text of a `config.json` that `load` brings.
pub fn model_source(word: &str, load: &dyn Fn(&str) -> Result<String, Diagnostic>) -> Result<ModelSource, Diagnostic> {
    if word.ends_with(".json") {
        return Ok(ModelSource::Config { file: word.to_owned(), text: load(word)? });
    }
    Ok(ModelSource::Name(word.to_owned()))
}

/// Number format of the linear layers.
pub fn parse_precision(word: &str) -> Result<Dtype, Diagnostic> {
    let near = match word.to_ascii_lowercase().as_str() {
        "bfloat16" | "float16" | "half" => Some("bf16"),
        "float8" | "e4m3" | "e5m2" => Some("fp8"),
        "fp4" | "float4" => Some("nvfp4` (NVIDIA) or `mxfp4"),
        "float32" | "float" => Some("fp32"),
        _ => None,
    };
    if let Some(n) = near {
        return Err(Diagnostic::error(format!("`{word}` is not a number format here")).hint(format!("did you mean `{n}`?")));
    }
    Dtype::parse(word).ok_or_else(|| {
        Diagnostic::error(format!("`{word}` is not a number format"))
            .suggest(word, Dtype::ALL.map(Dtype::name))
            .hint("one of bf16, fp8, mxfp8, nvfp4, mxfp4, int8, tf32, fp32")
    })
}

/// A day: `YYYY-MM-DD`; a month or a year is its first day.
///
/// # Errors
/// Anything else.
pub fn parse_day(word: &str) -> Result<String, Diagnostic> {
    match calendar::instant(word) {
        Some(_) => Ok(word.to_owned()),
        None => Err(Diagnostic::error(format!("`{word}` is no day")).hint("for example 2027-01-15")),
    }
}

pub fn parse_era(word: &str) -> Result<Era, Diagnostic> {
    Era::ALL
        .into_iter()
        .find(|e| e.name() == word)
        .ok_or_else(|| Diagnostic::error(format!("`{word}` is not a software era")).hint("one of 2023, 2025, 2026"))
}

/// `0` to `3`, or `fsdp` for 3.
pub fn parse_zero(word: &str) -> Result<Zero, Diagnostic> {
    match word {
        "0" | "z0" => Ok(Zero::Z0),
        "1" | "z1" => Ok(Zero::Z1),
        "2" | "z2" => Ok(Zero::Z2),
        "3" | "z3" | "fsdp" => Ok(Zero::Z3),
        _ => Err(Diagnostic::error(format!("`{word}` is not a ZeRO stage")).hint("one of 0, 1, 2, 3 (3 is FSDP)")),
    }
}

/// Sets one part of a layout from `key=value` (`--fix tp=8`).
pub fn apply_fix(fix: &mut Fix, word: &str) -> Result<(), Diagnostic> {
    let Some((key, value)) = word.split_once('=') else {
        return Err(Diagnostic::error(format!("`{word}` is not of the form key=value")).hint("for example tp=8"));
    };
    let n = || -> Result<Option<u32>, Diagnostic> {
        value
            .parse::<u32>()
            .ok()
            .filter(|v| *v > 0)
            .map(Some)
            .ok_or_else(|| Diagnostic::error(format!("`{key}` must be a whole number above zero, not `{value}`")))
    };
    match key.replace('_', "-").as_str() {
        "tp" => fix.tp = n()?,
        "cp" => fix.cp = n()?,
        "pp" => fix.pp = n()?,
        "vpp" => fix.vpp = n()?,
        "dp" => fix.dp = n()?,
        "ep" => fix.ep = n()?,
        "etp" => fix.etp = n()?,
        "micro-batch" => fix.micro_batch = n()?,
        "shard-group" => fix.shard_group = n()?,
        "zero" => fix.zero = Some(parse_zero(value)?),
        "recompute" => {
            fix.recompute =
                Some(one_of(key, value, &[("none", Recompute::None), ("selective", Recompute::Selective), ("full", Recompute::Full)])?)
        }
        "schedule" => {
            let table = [
                ("1f1b", Schedule::OneFOneB),
                ("zero-bubble", Schedule::ZeroBubble),
                ("dualpipe", Schedule::Dualpipe),
                ("gpipe", Schedule::Gpipe),
            ];
            fix.schedule = Some(one_of(key, value, &table)?);
        }
        "cp-mode" => {
            fix.cp_mode =
                Some(one_of(key, value, &[("ring", CpMode::Ring), ("all-gather", CpMode::AllGather), ("ulysses", CpMode::Ulysses)])?)
        }
        "sequence-parallel" => {
            fix.sequence_parallel = Some(one_of(key, value, &[("on", true), ("off", false), ("true", true), ("false", false)])?)
        }
        _ => {
            return Err(Diagnostic::error(format!("`{key}` is not a part of a layout"))
                .suggest(key, PARTS)
                .hint(format!("one of {}", PARTS.join(", "))));
        }
    }
    Ok(())
}

fn one_of<T: Copy>(key: &str, value: &str, table: &[(&str, T)]) -> Result<T, Diagnostic> {
    table.iter().find(|(k, _)| *k == value).map(|(_, v)| *v).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(k, _)| *k).collect();
        Diagnostic::error(format!("`{key}` is `{value}`, but must be one of {}", names.join(", "))).suggest(value, names)
    })
}
