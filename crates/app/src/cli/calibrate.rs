//! `secondsource calibrate`: fits the parameters again and says what moved.

use super::Context;
use super::validate::{run_table, timing_table};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::{Twin, nki};

/// Fit the parameters to published runs, or correct predictions by runs of your own
///
/// Starts from the priors of calibration/priors.toml and fits a small set of parameters with physical meaning
/// to the log of published step times. Prints each with its prior, its value, its uncertainty (a factor) and
/// whether the data says anything of it. The file that ships was written by this command.
///
/// With --mine, the parameters stay as they are, and a few measured steps of your own give one correction per
/// chip and software stack. It is robust (one odd run moves it by a bounded amount) and shrunk towards none
/// (few runs move it less). Give the file that --write makes to plan, step, fit and validate as --calibration.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct CalibrateArgs {
    /// Table of published runs (CSV); as for `secondsource validate`
    #[arg(long, value_name = "FILE.csv")]
    runs: Option<String>,
    /// Table of your own measured runs (CSV, columns as of the run table); three are enough to matter
    ///
    /// Needs the columns id, chip, chips, model, seq_len, global_batch_seqs, micro_batch, tp, pp, cp, dp,
    /// precision, framework, and one of derived_step_s (seconds) or metric_name with metric_value (step_s,
    /// tokens_per_s_per_chip or seq_per_s). A blank cell means what it means in the run table.
    #[arg(long, value_name = "MY_RUNS.csv", conflicts_with = "runs")]
    mine: Option<String>,
    /// Write the fitted parameters with the rows that they rest on; with --mine, the corrections
    #[arg(long, value_name = "FILE.toml")]
    write: Option<String>,
    /// Instead, fit the instruction times of the NeuronCore to published times of kernels
    ///
    /// Starts from the priors of calibration/neuroncore.toml and looks at the rows of validation/nki_timings.csv
    /// that have an instruction stream and the time of one core.
    #[arg(long, conflicts_with_all = ["runs", "mine", "ablate"])]
    neuroncore: bool,
    /// Instead, repeat the fit without each piece of physics and print what the errors become
    #[arg(long, conflicts_with_all = ["write", "mine"])]
    ablate: bool,
}

const AFTER: &str = "\
Examples:
  secondsource calibrate
  secondsource calibrate --write calibration/fitted.toml
  secondsource calibrate --ablate
  secondsource calibrate --neuroncore --write calibration/neuroncore.toml
  secondsource calibrate --mine my-runs.csv --write my-cluster.toml
  secondsource plan --model llama-3.1-70b --on h100-sxm --chips 512 --calibration my-cluster.toml

Exit codes: 0 fitted; 2 bad input, nothing written; 3 internal.";

pub fn run(args: &CalibrateArgs, context: &Context) -> Result<Outcome, Failure> {
    if args.neuroncore {
        return neuroncore(args.write.as_deref(), context);
    }
    if let Some(path) = &args.mine {
        return mine(path, args.write.as_deref(), context);
    }
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

fn neuroncore(write: Option<&str>, context: &Context) -> Result<Outcome, Failure> {
    let (file, text) = timing_table(None)?;
    let progress = Progress::new("fitting", context.quiet);
    let result = nki::calibrate(&file, &text, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = result?;
    if let Some(path) = write {
        io::write_whole(path, &answer.file_text)?;
        context.say(&format!("fitted parameters written to {path}"));
    }
    context.answer(&answer, render::nki::calibration)?;
    Ok(Outcome::Answered)
}

/// Corrections from the user's own runs.
fn mine(path: &str, write: Option<&str>, context: &Context) -> Result<Outcome, Failure> {
    let text = io::read_text(path, "run table", io::MAX_TABLE)?;
    let twin = Twin::embedded().map_err(Failure::Internal)?;
    let (answer, warnings) = twin.mine(path, &text)?;
    context.warn(&warnings);
    if let Some(target) = write {
        io::write_whole(target, &answer.file_text)?;
        context.say(&format!("corrections written to {target}; use them with --calibration {target}"));
    }
    context.answer(&answer, |answer, page| render::mine::page(answer, path, page))?;
    Ok(Outcome::Answered)
}
