//! `secondsource validate`: predictions against published, measured runs.

use super::Context;
use super::job_args::{KernelArgs, with_own_runs};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::{Twin, nki, runs, supply};
use std::path::Path;

/// Predict published runs and print the error, by chip and by source, with none left out
///
/// Prints the median and the 90th percentile of the absolute error of the step time, the bias, and the share
/// of measurements inside the 90% interval: for complete rows (A), for rows with some inferred cells (A and
/// B), for sources and chips that the calibration had not seen, and for a new stack after three of its own
/// runs. Rows that cannot be predicted are listed with the reason.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ValidateArgs {
    /// Table of published runs (CSV)
    ///
    /// Without it: validation/published_runs.csv below the current directory if there is one, else the copy
    /// that the program carries.
    #[arg(long, value_name = "FILE.csv")]
    pub runs: Option<String>,
    /// Rows with the largest error to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    worst: usize,
    /// Rows of grade C too, which are for sanity only: in the summaries and among the worst
    #[arg(long)]
    all: bool,
    /// Corrections from runs of your own, as `secondsource calibrate --mine` writes them
    #[arg(long, value_name = "MINE.toml")]
    calibration: Option<String>,
    /// Operator rates of Trainium chips, as `secondsource profile` writes them, instead of those that the program
    /// carries; `none` leaves both out
    #[arg(long, value_name = "FILE.toml|none")]
    profile: Option<String>,
    /// Instead, predict published times of NeuronCore kernels by the instruction model
    ///
    /// Prints every row of validation/nki_timings.csv that has an instruction stream (published, predicted with
    /// its interval, error; in the order of the source, and what no order can beat), medians by group, the order
    /// of the variants of a kernel, and the rows that are not run with the reason.
    #[arg(long, conflicts_with_all = ["runs", "worst", "all", "calibration", "profile", "plot", "plot_intervals"])]
    nki: bool,
    /// Instead, meet published outcomes of wafers, packages, units and revenue: the back-tests of supply
    ///
    /// Prints one row a back-test: what was published, the tolerance, what the model gives, and whether that is
    /// inside, outside, in sample (fitted on what it is compared with), unresolved (published figures contradict
    /// each other) or informative only; then the forecast frozen on 2026-05-20 and what came of it.
    #[arg(long, conflicts_with_all = ["runs", "worst", "all", "calibration", "plot", "plot_intervals", "nki"])]
    supply: bool,
    /// Table of published kernel times (CSV), instead of the one that the program carries
    #[arg(long, value_name = "FILE.csv", requires = "nki")]
    timings: Option<String>,
    /// Draw predicted against published step times (SVG)
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<String>,
    /// Draw the 90% interval of every run too
    #[arg(long, requires = "plot")]
    plot_intervals: bool,
}

const AFTER: &str = "\
Examples:
  secondsource validate
  secondsource validate --runs my-runs.csv --worst 30
  secondsource validate --plot my-validation.svg
  secondsource validate --json > validation.json
  secondsource validate --nki
  secondsource validate --supply

Exit codes: 0 at least one row was predicted; 1 none; 2 bad input; 3 internal.";

/// The table that ships, below the current directory.
const USUAL: &str = "validation/published_runs.csv";

/// Name and text of the run table.
pub fn run_table(given: Option<&str>) -> Result<(String, String), Failure> {
    let path = match given {
        Some(path) => path,
        None if Path::new(USUAL).is_file() => USUAL,
        None => return Ok((format!("{USUAL} (built in)"), runs::EMBEDDED.to_owned())),
    };
    Ok((path.to_owned(), io::read_text(path, "run table", io::MAX_TABLE)?))
}

/// Name and text of the table of kernel times.
pub fn timing_table(given: Option<&str>) -> Result<(String, String), Failure> {
    match given {
        Some(path) => Ok((path.to_owned(), io::read_text(path, "table of kernel times", io::MAX_TABLE)?)),
        None => Ok(("validation/nki_timings.csv (built in)".to_owned(), nki::EMBEDDED.to_owned())),
    }
}

fn kernels(args: &ValidateArgs, context: &Context) -> Result<Outcome, Failure> {
    let (file, text) = timing_table(args.timings.as_deref())?;
    let progress = Progress::new("predicting kernels", context.quiet);
    let result = nki::validate(&file, &text, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = result?;
    context.answer(&answer, |answer, page| render::nki::page(answer, &file, page))?;
    Ok(if answer.rows.is_empty() { Outcome::Nothing } else { Outcome::Answered })
}

pub fn run(args: &ValidateArgs, context: &Context) -> Result<Outcome, Failure> {
    if args.nki {
        return kernels(args, context);
    }
    if args.supply {
        let twin = Twin::embedded().map_err(Failure::Internal)?;
        let answer = supply::validate_supply(&twin.catalog).map_err(Failure::Internal)?;
        context.answer(&answer, render::supply_tests::page)?;
        return Ok(Outcome::Answered);
    }
    let (file, text) = run_table(args.runs.as_deref())?;
    let twin = with_own_runs(Twin::embedded().map_err(Failure::Internal)?, args.calibration.as_deref())?;
    let twin = KernelArgs { profile: args.profile.clone(), own: Vec::new() }.profiled(twin, None)?;
    let progress = Progress::new("predicting runs", context.quiet);
    let result = twin.validate(&file, &text, &|done, total| progress.tick(done, total));
    progress.finish();
    let (answer, warnings) = result?;
    context.warn(&warnings);
    if let Some(path) = &args.plot {
        io::write_whole(path, &twin.plot(&answer, args.plot_intervals)?)?;
        context.say(&format!("picture written to {path}"));
    }
    context.answer(&answer, |answer, page| render::validate::page(answer, &file, args.worst, args.all, page))?;
    Ok(if answer.summary_all.n == 0 { Outcome::Nothing } else { Outcome::Answered })
}
