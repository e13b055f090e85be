//! `secondsource model`: parameters and FLOPs of a model, exact.

use super::Context;
use super::job_args::read_model;
use super::units::whole;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::Twin;
use secondsource::workload::FlopsConvention;
use secondsource::workload::breakdown::{Part, RunPart};
use secondsource::workload::builtin::builtin_names;
use serde::Serialize;

/// Show the parameters and FLOPs of a model, by part and by layer
///
/// Counts are exact for every architecture that is known. One that is not known is an error that names the
/// nearest, and the fields that are missing; nothing is guessed.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ModelArgs {
    /// Built-in model, or path of a Hugging Face config.json (or of the directory that holds it)
    #[arg(value_name = "NAME|PATH.json", required_unless_present = "list", conflicts_with = "list")]
    model: Option<String>,
    /// Tokens per sequence, for the FLOPs of attention
    #[arg(long, value_name = "N", default_value = "4096", conflicts_with = "list")]
    seq: String,
    /// List the built-in models
    #[arg(long)]
    list: bool,
}

const AFTER: &str = "\
Examples:
  secondsource model deepseek-v3
  secondsource model ./Qwen3-30B-A3B/config.json --seq 32768
  secondsource model --list

FLOPs are those of matrix products and attention, two per multiply-add, of one forward pass; a training
step takes three times as many. Both conventions for attention are given: every query against every key (what
operator counters measure), and causal (what model FLOPs and MFU are counted from).";

/// FLOPs at one sequence length.
#[derive(Debug, Serialize)]
pub struct FlopsOut {
    pub seq: u64,
    /// Every query against every key.
    pub value: f64,
    /// Masked keys not counted; MFU is counted from this.
    pub causal: f64,
}

/// Answer of `model`.
#[derive(Debug, Serialize)]
pub struct ModelOut {
    pub name: String,
    pub arch: String,
    pub params_total: u64,
    pub params_active: u64,
    pub params_embedding: u64,
    pub flops_forward_per_token: FlopsOut,
    pub parts: Vec<Part>,
    pub layers: Vec<RunPart>,
    pub kv_bytes_per_token: u64,
    pub mtp_layers: u64,
}

pub fn run(args: &ModelArgs, context: &Context) -> Result<Outcome, Failure> {
    let Some(word) = &args.model else {
        context.answer(&builtin_names(), |models, page| render::model::list(models, page))?;
        return Ok(Outcome::Answered);
    };
    let seq = whole("--seq", &args.seq)?;
    let model = Twin::embedded().map_err(Failure::Internal)?.model(&read_model(word)?)?;
    let full = model.breakdown_with(seq, FlopsConvention::Full);
    let causal = model.flops_forward_per_token(seq, FlopsConvention::Causal);
    let answer = ModelOut {
        name: full.name,
        arch: full.arch,
        params_total: full.params_total,
        params_active: full.params_active,
        params_embedding: full.params_embedding,
        flops_forward_per_token: FlopsOut { seq, value: full.flops_forward_per_token, causal },
        parts: full.parts,
        layers: full.runs,
        kv_bytes_per_token: full.kv_bytes_per_token,
        mtp_layers: full.mtp_layers,
    };
    context.answer(&answer, render::model::page)?;
    Ok(Outcome::Answered)
}
