//! What a job says about failures, checkpoints, recovery and place. Flags and the table `[campaign]` of a job file set
//! the same keys with the same words.

use secondsource_base::quantity::{Dimension, unit_scale};
use secondsource_base::{Diagnostic, quantity};
use secondsource_campaign::MOST_RUNS;
use secondsource_campaign::recovery::Saving;

/// `None` takes what is published, and the answer says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CampaignSpec {
    /// A published fleet: `llama-3-405b`, `rsc-1`, ...
    pub failures: Option<String>,
    /// Own rate per 1000 days of a node of eight chips: low, middle, high.
    pub failure_rate: Option<(f64, f64, f64)>,
    pub weibull_shape: Option<f64>,
    pub checkpoint: Option<Saving>,
    /// Seconds of training between checkpoints; `None`: the best.
    pub checkpoint_every: Option<f64>,
    /// Bytes of a checkpoint per parameter.
    pub checkpoint_bytes: Option<f64>,
    /// Bytes per second that storage takes from the whole job.
    pub storage: Option<f64>,
    /// Seconds.
    pub detect: Option<f64>,
    /// Seconds.
    pub restart: Option<f64>,
    /// Nodes; `None`: replacements never run out.
    pub spares: Option<u32>,
    /// Seconds.
    pub repair: Option<f64>,
    /// Share of node losses that take several nodes.
    pub group_share: Option<f64>,
    pub group_nodes: Option<u32>,
    /// Checkpoints that silent corruption throws away.
    pub silent_rollback: Option<f64>,
    /// Seconds between planned stops, and the length of one.
    pub planned_every: Option<f64>,
    pub planned_stop: Option<f64>,
    /// A state, grid or country.
    pub region: Option<String>,
    /// US cents per kWh.
    pub electricity: Option<f64>,
    /// kg CO2e per MWh.
    pub carbon: Option<f64>,
    pub pue: Option<f64>,
    /// `2027-01-04`.
    pub start: Option<String>,
    pub runs: Option<u32>,
    pub seed: Option<u64>,
}

/// Keys of `[campaign]`, each a flag too.
pub const KEYS: [&str; 23] = [
    "failures",
    "failure-rate",
    "weibull-shape",
    "checkpoint",
    "checkpoint-every",
    "checkpoint-bytes",
    "storage",
    "detect",
    "restart",
    "spares",
    "repair",
    "group-share",
    "group-nodes",
    "silent-rollback",
    "planned-every",
    "planned-stop",
    "region",
    "electricity",
    "carbon",
    "pue",
    "start",
    "runs",
    "seed",
];

impl CampaignSpec {
    /// Sets one key from what was typed: `10m`, `80GB/s`, `2.3,3.8,6.5`.
    ///
    /// # Errors
    /// A key that is not one of [`KEYS`], or a word that does not fit it.
    pub fn set(&mut self, key: &str, word: &str) -> Result<(), Diagnostic> {
        let word = word.trim();
        match key {
            "failures" => self.failures = Some(word.to_owned()),
            "failure-rate" => self.failure_rate = Some(rate(key, word)?),
            "weibull-shape" => self.weibull_shape = Some(number(key, word, 0.4, 3.0)?),
            "checkpoint" => {
                self.checkpoint = Some(match word {
                    "sync" => Saving::Sync,
                    "async" => Saving::Async,
                    _ => {
                        return Err(
                            Diagnostic::error(format!("`{key}` is `{word}`, but must be sync or async")).suggest(word, ["sync", "async"])
                        );
                    }
                });
            }
            "checkpoint-every" if word == "auto" => self.checkpoint_every = None,
            "checkpoint-every" => self.checkpoint_every = Some(seconds(key, word)?),
            "checkpoint-bytes" => self.checkpoint_bytes = Some(number(key, word, 0.01, 64.0)?),
            "storage" => self.storage = Some(bandwidth(key, word)?),
            "detect" => self.detect = Some(seconds(key, word)?),
            "restart" => self.restart = Some(seconds(key, word)?),
            "spares" => self.spares = Some(whole(key, word, 0, 1_000_000)? as u32),
            "repair" => self.repair = Some(seconds(key, word)?),
            "group-share" => self.group_share = Some(number(key, word, 0.0, 1.0)?),
            "group-nodes" => self.group_nodes = Some(whole(key, word, 1, 10_000)? as u32),
            "silent-rollback" => self.silent_rollback = Some(number(key, word, 0.0, 1e6)?),
            "planned-every" => self.planned_every = Some(seconds(key, word)?),
            "planned-stop" => self.planned_stop = Some(seconds(key, word)?),
            "region" => self.region = Some(word.to_owned()),
            "electricity" => self.electricity = Some(number(key, word, 0.0, 1000.0)?),
            "carbon" => self.carbon = Some(number(key, word, 0.0, 5000.0)?),
            "pue" => self.pue = Some(number(key, word, 1.0, 5.0)?),
            "start" => {
                if secondsource_campaign::dates::day_number(word).is_none() {
                    return Err(Diagnostic::error(format!("`{key}` is `{word}`, which is not a day")).hint("for example 2027-01-04"));
                }
                self.start = Some(word.to_owned());
            }
            "runs" => self.runs = Some(whole(key, word, 1, u64::from(MOST_RUNS))? as u32),
            "seed" => self.seed = Some(whole(key, word, 0, u64::MAX)?),
            _ => {
                return Err(Diagnostic::error(format!("`{key}` is not a key of a campaign"))
                    .suggest(key, KEYS)
                    .hint(format!("one of {}", KEYS.join(", "))));
            }
        }
        Ok(())
    }
}

/// Seconds in a unit of time.
const UNITS: [(&str, f64); 5] = [("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0), ("w", 604_800.0)];

/// `90s`, `10m`, `1.5h`, `2d`, `1w`; from 0 to a hundred years.
fn seconds(key: &str, word: &str) -> Result<f64, Diagnostic> {
    let parsed = UNITS.iter().find_map(|(unit, scale)| Some(word.strip_suffix(unit)?.trim().parse::<f64>().ok()? * scale));
    parsed.filter(|s| s.is_finite() && (0.0..=3.2e9).contains(s)).ok_or_else(|| {
        Diagnostic::error(format!("`{key}` is `{word}`, which is not a time"))
            .hint("for example 90s, 10m, 1.5h or 2d; the unit must be there")
    })
}

/// `80GB/s`, `1.2 TB/s`, `400Gbit/s`.
fn bandwidth(key: &str, word: &str) -> Result<f64, Diagnostic> {
    let split = word.find(|c: char| c.is_ascii_alphabetic() && c != 'e').unwrap_or(word.len());
    let (digits, unit) = word.split_at(split);
    let scale = unit_scale(unit.trim()).filter(|(d, _)| *d == Dimension::BytesPerSecond).map(|(_, s)| s);
    let value = digits.trim().parse::<f64>().ok().zip(scale).map(|(v, s)| v * s);
    value.filter(|v| (1e6..=1e16).contains(v)).ok_or_else(|| {
        Diagnostic::error(format!("`{key}` is `{word}`, which is not a bandwidth"))
            .hint("for example 80GB/s, 1.2TB/s or 400Gbit/s; the unit must be there, because bits and bytes differ by eight")
    })
}

fn number(key: &str, word: &str, low: f64, high: f64) -> Result<f64, Diagnostic> {
    word.parse::<f64>()
        .ok()
        .filter(|v| (low..=high).contains(v))
        .map(f64::abs)
        .ok_or_else(|| Diagnostic::error(format!("`{key}` is `{word}`, but must be a number from {low} to {high}")))
}

fn whole(key: &str, word: &str, low: u64, high: u64) -> Result<u64, Diagnostic> {
    let parsed = quantity::parse_count(word).filter(|v| v.fract() == 0.0 && *v <= 1.8e19);
    let exact = word.parse::<u64>().ok().or(parsed.map(|v| v as u64));
    exact
        .filter(|v| (low..=high).contains(v))
        .ok_or_else(|| Diagnostic::error(format!("`{key}` is `{word}`, but must be a whole number from {low} to {high}")))
}

/// One rate, or the ends of its band around it: `3.8` or `2.3,3.8,6.5`.
fn rate(key: &str, word: &str) -> Result<(f64, f64, f64), Diagnostic> {
    let parts: Option<Vec<f64>> = word.split(',').map(|w| w.trim().parse().ok().map(|v: f64| if v == 0.0 { 0.0 } else { v })).collect();
    let found = match parts.as_deref() {
        Some([r]) => Some((*r, *r, *r)),
        Some([a, b, c]) if a <= b && b <= c => Some((*a, *b, *c)),
        _ => None,
    };
    // A band a thousand times wide is a slip.
    let good = |r: &(f64, f64, f64)| r.2 == 0.0 || (r.0 > 0.0 && r.2 <= 1e5 && r.1 <= 1e3 * r.0 && r.2 <= 1e3 * r.1);
    found.filter(good).ok_or_else(|| {
        Diagnostic::error(format!("`{key}` is `{word}`, which is not a failure rate"))
            .hint("interruptions per 1000 days of a node of eight chips: 3.8, or low,middle,high as in 2.3,3.8,6.5")
    })
}
