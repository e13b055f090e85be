//! `secondsource calibrate`: fits the parameters again and says what moved.

use super::Context;
use super::validate::run_table;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::Twin;

/// Fit the parameters to published runs, and print what the data says of each
///
/// Starts from the priors of calibration/priors.toml and fits a small set of parameters with physical meaning
/// to the log of published step times. Prints each with its prior, its value, its uncertainty (a factor) and
/// whether the data says anything of it. The file that ships was written by this command.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct CalibrateArgs {
    /// Table of published runs (CSV); as for `secondsource validate`
    #[arg(long, value_name = "FILE.csv")]
    runs: Option<String>,
    /// Write the fitted parameters, with the rows that they rest on
    #[arg(long, value_name = "FILE.toml")]
    write: Option<String>,
    /// Instead, repeat the fit without each piece of physics and print what the errors become
    #[arg(long, conflicts_with = "write")]
    ablate: bool,
}

const AFTER: &str = "\
Examples:
  secondsource calibrate
  secondsource calibrate --write calibration/fitted.toml
  secondsource calibrate --ablate

Exit codes: 0 fitted; 2 bad input, nothing written; 3 internal.";

pub fn run(args: &CalibrateArgs, context: &Context) -> Result<Outcome, Failure> {
    let (file, text) = run_table(args.runs.as_deref())?;
    let twin = Twin::embedded().map_err(Failure::Internal)?;
    let progress = Progress::new("fitting", context.quiet);
    if args.ablate {
        let result = twin.ablate(&file, &text, &|done, total| progress.tick(done, total));
        progress.finish();
        context.answer(&result?, |rows, page| render::calibrate::ablation(rows, page))?;
        return Ok(Outcome::Answered);
    }
    let result = twin.calibrate(&file, &text, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = result?;
    if let Some(path) = &args.write {
        io::write_whole(path, &answer.file_text)?;
        context.say(&format!("fitted parameters written to {path}"));
    }
    context.answer(&answer, render::calibrate::page)?;
    Ok(Outcome::Answered)
}
