//! `secondsource fit`: will it fit before I pay, and what would make it fit.

use super::Context;
use super::job_args::OneLayoutArgs;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;

/// Say whether a layout fits in memory, and the cheapest changes that make it fit
///
/// Prints the verdict and the margin, the memory of each pipeline stage by part, and changes to the layout,
/// each with what it costs in speed, the cheapest first.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct FitArgs {
    #[command(flatten)]
    one: OneLayoutArgs,
}

const AFTER: &str = "\
Examples:
  A LoRA of 7B on one node:
    secondsource fit --model llama-2-7b --lora 16 --on a100-80g-sxm --chips 8 --zero 3
  70B on 64 chips, without recomputation:
    secondsource fit --model llama-3.1-70b --on h100-sxm --chips 64 --tp 8 --recompute none

Exit codes: 0 it fits; 1 it does not; 2 bad input; 3 internal.";

pub fn run(args: &FitArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = args.one.job("fit")?;
    let answer = args.one.job.twin(&job, context.quiet)?.fit(&job)?;
    context.answer(&answer, render::fit::page)?;
    Ok(if answer.fits { Outcome::Answered } else { Outcome::Nothing })
}
