//! `secondsource step`: one layout, fixed by hand, and where its time and memory go.

use super::Context;
use super::job_args::OneLayoutArgs;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;

/// Time one training step under a layout fixed by hand, and say where time and memory go
///
/// Prints the step time with its interval, its parts (they add up to the whole), the memory of each
/// pipeline stage by part, what binds, and the same step under other software eras.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct StepArgs {
    #[command(flatten)]
    one: OneLayoutArgs,
    /// Write the pipeline schedule as a trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE.json", help_heading = "Output")]
    trace: Option<String>,
}

const AFTER: &str = "\
Examples:
  Close to the layout of the Llama 3 paper:
    secondsource step --model llama-3.1-405b --on h100-sxm --chips 16384 --tp 8 --pp 16 --vpp 7 \\
        --seq 8192 --global-batch 2048 --recompute none
  The same, with its schedule as a picture:
    secondsource step examples/llama-3.1-70b-by-hand.toml --trace step.json

Exit codes: 0 answered; 2 bad input (a layout that does not divide is one), nothing written; 3 internal.";

pub fn run(args: &StepArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = args.one.job("step")?;
    let twin = args.one.job.twin(&job, context.quiet)?;
    let answer = twin.step(&job)?;
    if let Some(path) = &args.trace {
        io::write_whole(path, &twin.trace(&job)?)?;
        context.say(&format!("trace written to {path}; open it in https://ui.perfetto.dev"));
    }
    context.answer(&answer, render::step::page)?;
    Ok(Outcome::Answered)
}
