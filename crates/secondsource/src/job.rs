//! A job: what to train, on what, within which limits. Read from a TOML file or built from flags.

use secondsource_base::{Diagnostic, Dtype, SourceText, quantity};
use secondsource_workload::layout::{CpMode, Recompute, Schedule, Zero};
use serde::Deserialize;

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
    pub seq: Option<u64>,
    /// Sequences per optimizer step.
    pub global_batch: Option<u64>,
    pub precision: Option<Dtype>,
    /// LoRA rank; `None` trains all weights.
    pub lora_rank: Option<u32>,
    pub era: Era,
    pub fix: Fix,
    /// Layouts to list per system.
    pub top: usize,
}

impl Job {
    pub fn new(model: ModelSource) -> Job {
        Job {
            model,
            tokens: None,
            on: Vec::new(),
            chips: Chips::Auto,
            within_days: None,
            budget_usd: None,
            seq: None,
            global_batch: None,
            precision: None,
            lora_rank: None,
            era: Era::default(),
            fix: Fix::default(),
            top: 1,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct JobFile {
    model: String,
    tokens: Option<Count>,
    on: Vec<String>,
    chips: Option<toml::Spanned<toml::Value>>,
    within_days: Option<f64>,
    budget_usd: Option<Count>,
    seq: Option<Count>,
    global_batch: Option<Count>,
    precision: Option<toml::Spanned<String>>,
    lora_rank: Option<u32>,
    era: Option<toml::Spanned<String>>,
    top: Option<usize>,
    #[serde(default)]
    fix: FixFile,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FixFile {
    tp: Option<u32>,
    cp: Option<u32>,
    pp: Option<u32>,
    vpp: Option<u32>,
    dp: Option<u32>,
    ep: Option<u32>,
    etp: Option<u32>,
    micro_batch: Option<u32>,
    zero: Option<u8>,
    recompute: Option<Recompute>,
    schedule: Option<Schedule>,
    cp_mode: Option<CpMode>,
    sequence_parallel: Option<bool>,
    shard_group: Option<u32>,
}

/// `15600000000000`, `15.6e12` or `"15.6T"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(f64),
    Text(String),
}

impl Count {
    fn value(self, name: &str) -> Result<f64, Diagnostic> {
        let v = match &self {
            Count::Number(n) => Some(*n).filter(|n| n.is_finite() && *n > 0.0),
            Count::Text(t) => quantity::parse_count(t).filter(|n| *n > 0.0),
        };
        v.ok_or_else(|| Diagnostic::error(format!("`{name}` must be a positive count")).hint("for example 4096, 15.6e12 or \"15.6T\""))
    }
}

/// A job file is refused above this size, before parsing.
pub const MAX_JOB_BYTES: usize = 1 << 20;

/// Reads a job file. A `model` that ends in `.json` is a path: the caller's `load` turns it into text.
pub fn read_job(name: &str, text: &str, load: &dyn Fn(&str) -> Result<String, Diagnostic>) -> Result<Job, Diagnostic> {
    if text.len() > MAX_JOB_BYTES {
        return Err(Diagnostic::error(format!("job file of {} bytes; at most {MAX_JOB_BYTES} are read", text.len())).in_file(name));
    }
    let source = SourceText { name, text };
    let file: JobFile = toml::from_str(text).map_err(|e| {
        let mut d = Diagnostic::error(e.message().lines().next().unwrap_or("not a TOML file").to_owned());
        if let Some(s) = e.span() {
            let word = text.get(s.clone()).unwrap_or("").trim();
            d = d.at_offset(source, s.start).suggest(word, KEYS);
        } else {
            d = d.in_file(name);
        }
        d
    })?;
    let whole = |c: Option<Count>, key: &str| -> Result<Option<f64>, Diagnostic> {
        c.map(|c| c.value(key).map_err(|d| d.in_file(name))).transpose()
    };
    let model = model_source(&file.model, load)?;
    let mut job = Job::new(model);
    job.tokens = whole(file.tokens, "tokens")?;
    job.on = file.on;
    if let Some(c) = file.chips {
        let at = c.span().start;
        job.chips = match c.into_inner() {
            toml::Value::String(s) if s == "auto" => Chips::Auto,
            toml::Value::Integer(n) if n > 0 => Chips::Count(n as u64),
            _ => return Err(Diagnostic::error("`chips` must be a positive whole number or \"auto\"").at_offset(source, at)),
        };
    }
    job.within_days = file.within_days.map(|d| positive(d, "within-days").map_err(|e| e.in_file(name))).transpose()?;
    job.budget_usd = whole(file.budget_usd, "budget-usd")?;
    job.seq = whole(file.seq, "seq")?.map(|v| v as u64);
    job.global_batch = whole(file.global_batch, "global-batch")?.map(|v| v as u64);
    if let Some(p) = file.precision {
        let at = p.span().start;
        job.precision = Some(parse_precision(p.get_ref()).map_err(|d| d.at_offset(source, at))?);
    }
    if let Some(e) = file.era {
        let at = e.span().start;
        job.era = parse_era(e.get_ref()).map_err(|d| d.at_offset(source, at))?;
    }
    job.lora_rank = file.lora_rank;
    job.top = file.top.unwrap_or(1).clamp(1, 100);
    let f = file.fix;
    job.fix = Fix {
        tp: f.tp,
        cp: f.cp,
        pp: f.pp,
        vpp: f.vpp,
        dp: f.dp,
        ep: f.ep,
        etp: f.etp,
        micro_batch: f.micro_batch,
        zero: f.zero.map(|z| parse_zero(&z.to_string()).map_err(|d| d.in_file(name))).transpose()?,
        recompute: f.recompute,
        schedule: f.schedule,
        cp_mode: f.cp_mode,
        sequence_parallel: f.sequence_parallel,
        shard_group: f.shard_group,
    };
    Ok(job)
}

const KEYS: [&str; 27] = [
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
    "fix",
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

fn positive(v: f64, name: &str) -> Result<f64, Diagnostic> {
    if v.is_finite() && v > 0.0 { Ok(v) } else { Err(Diagnostic::error(format!("`{name}` must be above zero"))) }
}

/// Number format of the linear layers.
pub fn parse_precision(word: &str) -> Result<Dtype, Diagnostic> {
    Dtype::parse(word).ok_or_else(|| {
        Diagnostic::error(format!("`{word}` is not a number format"))
            .suggest(word, Dtype::ALL.map(Dtype::name))
            .hint("one of bf16, fp8, mxfp8, nvfp4, mxfp4, int8, tf32, fp32")
    })
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
    const NAMES: [&str; 14] = [
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
                .suggest(key, NAMES)
                .hint(format!("one of {}", NAMES.join(", "))));
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
