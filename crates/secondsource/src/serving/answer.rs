//! Answers of `tokens` as data. docs/json.md documents each field.

use crate::answer::{ErrorSummary, Interval, ParamOut};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was asked, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokensJobOut {
    pub model: String,
    pub params_total: u64,
    pub params_active: u64,
    /// Tokens read and written by each request.
    pub prompt: u64,
    pub output: u64,
    /// Most seconds between two tokens of a request, and to the first one, where limits were given.
    pub latency_s: Option<f64>,
    pub first_token_s: Option<f64>,
    pub on: Vec<String>,
    pub assumed: Vec<String>,
}

/// One way to run a replica on one system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServePoint {
    /// Chips of one copy of the model.
    pub replica_chips: u32,
    pub tp: u32,
    pub pp: u32,
    /// How attention is cut: `heads` or `requests`.
    pub split: &'static str,
    /// Requests in flight on one replica.
    pub batch: f64,
    pub first_token_s: f64,
    pub inter_token_s: f64,
    pub tokens_per_s_per_chip: f64,
    /// Weights and full caches over the chip's memory.
    pub memory_share: f64,
    /// USD per million output tokens at the system's price, middle.
    pub usd_per_million: Option<f64>,
}

/// Price behind a cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceOut {
    pub usd_per_chip_hour: f64,
    pub basis: String,
    pub provider: String,
    pub region: String,
    pub date: String,
    pub kind: String,
    /// Source with its id, and the item that was priced.
    pub source: String,
}

/// One system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokensOption {
    pub system: String,
    pub chip: String,
    pub weights: String,
    pub math: String,
    pub cache: String,
    /// The best point within the limits, by tokens a second and chip.
    pub best: ServePoint,
    pub tokens_per_s_per_chip: Interval,
    pub first_token_s: Interval,
    pub inter_token_s: Interval,
    /// USD per million output tokens; absent without a public price.
    pub usd_per_million: Option<Interval>,
    pub price: Option<PriceOut>,
    /// Seconds of one pass at the best point, by part.
    pub pass_s: BTreeMap<String, f64>,
    /// The part that takes most of it.
    pub binds: String,
    /// Points that no other beats in both rate and time between tokens, fastest reply first.
    pub frontier: Vec<ServePoint>,
    pub interval_basis: String,
    pub notes: Vec<String>,
}

/// Answer of `tokens`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokensAnswer {
    pub job: TokensJobOut,
    /// Cheapest first where all have a price, else fastest first.
    pub options: Vec<TokensOption>,
    pub rejected: Vec<crate::answer::Rejected>,
}

/// One published row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServeRowOut {
    pub id: String,
    pub source: String,
    pub chip: String,
    pub grade: String,
    /// `tokens/s`, `between tokens` or `first token`.
    pub metric: String,
    pub published: f64,
    pub predicted: f64,
    pub p5: f64,
    pub p95: f64,
    pub error_pct: f64,
    /// Predicted by fits that left out the row's source, and its chip.
    pub without_source: Option<f64>,
    pub without_chip: Option<f64>,
    pub inferred: String,
}

/// Errors by what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServeSummary {
    pub metric: String,
    pub in_sample: ErrorSummary,
    pub without_source: ErrorSummary,
    pub without_chip: ErrorSummary,
}

/// Answer of `tokens --validate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServeValidateAnswer {
    pub rows: Vec<ServeRowOut>,
    /// (id, why).
    pub skipped: Vec<(String, String)>,
    pub summary: Vec<ServeSummary>,
    pub by_source: BTreeMap<String, ErrorSummary>,
    pub by_chip: BTreeMap<String, ErrorSummary>,
}

/// Answer of `tokens --calibrate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServeCalibrateAnswer {
    pub rows: u64,
    pub iterations: u64,
    pub objective: f64,
    pub params: Vec<ParamOut>,
    /// The calibration file.
    #[serde(skip)]
    pub file_text: String,
}
