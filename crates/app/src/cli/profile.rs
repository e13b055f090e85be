//! `secondsource profile`: the library of kernels on a Trainium chip.

use super::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::nki;

/// Run our library of training kernels on a NeuronCore over shapes: what operators of a Trainium chip cost
///
/// Schedules products, attention forward and backward, norms, rotary embeddings, gates, softmax, cross-entropy,
/// AdamW and expert dispatch on the instruction model of one core, and prints the rates that they reach. The
/// file that --write makes is what `plan`, `step` and `fit` take their operator times from: written to
/// calibration/profile-CHIP.toml before a build it becomes the one that the program carries; given to those
/// commands by --profile it counts for one run. The same program writes the same bytes.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ProfileArgs {
    /// Chip: trn1, trn2 or trn3
    chip: String,
    /// Write the profile
    #[arg(long, value_name = "FILE.toml")]
    write: Option<String>,
}

const AFTER: &str = "\
Examples:
  secondsource profile trn2
  secondsource profile trn2 --write calibration/profile-trn2.toml
  secondsource step --model llama-3.1-70b --on trn2 --chips 64 --tp 8 --pp 4 --profile none
  secondsource step --model llama-3.1-70b --on trn2 --chips 64 --tp 8 --pp 4 \\
      --kernel attention=0.0009s@seq=4096,width=128

Exit codes: 0 answered; 2 bad input, nothing written; 3 a file or secondsource failed.";

pub fn run(args: &ProfileArgs, context: &Context) -> Result<Outcome, Failure> {
    let progress = Progress::new("running kernels", context.quiet);
    let result = nki::profile_answer(&args.chip, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = result?;
    if let Some(path) = &args.write {
        io::write_whole(path, &answer.file_text)?;
        context.say(&format!("profile written to {path}"));
    }
    context.answer(&answer, render::profile::page)?;
    Ok(Outcome::Answered)
}
