//! `secondsource decide`: rent, reserve, buy, lease or wait.

use super::Context;
use super::job_args::{twin_over, with_own_runs};
use super::units::whole;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::io;
use crate::progress::Progress;
use crate::render;
use clap::Args;
use secondsource::decide::{latest_price, read_decide};
use std::path::Path;

/// Decide how to get the chips: rent, reserve, buy, lease or wait
///
/// Plans each job on each system, prices every contract by its own rules, draws prices, speeds, failures and dates
/// in a thousand scenarios, and finds the commitments of least cost (a two-stage stochastic program) within the
/// limits on budget and deadline. Names the choice, its cost and finish with their intervals, the runner-up, what
/// knowing the future would be worth, and which input flips the choice.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct DecideArgs {
    /// The job file (TOML): jobs, systems, contracts, limits, assumptions; docs/decide.md describes it
    #[arg(value_name = "JOB.toml")]
    pub job: String,
    /// Scenarios to draw, instead of the file's
    #[arg(long, value_name = "N")]
    pub scenarios: Option<String>,
    /// Seed of the scenarios, instead of the file's
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    /// Write cost and end of the choice in every scenario to a CSV file
    #[arg(long, value_name = "FILE.csv")]
    pub csv: Option<String>,
    /// A catalog file of your own, laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml")]
    pub catalog: Vec<String>,
    /// Corrections from runs of your own, as `secondsource calibrate --mine` writes them
    #[arg(long, value_name = "MINE.toml")]
    pub calibration: Option<String>,
}

const AFTER: &str = "\
Examples:
  A 70B model in 60 days under a budget: H100, Trainium2 capacity blocks, or TPUs?
    secondsource decide examples/decide-70b-in-60-days.toml
  A fleet for three years: buy GB200 racks, buy Trainium3 racks, or rent?
    secondsource decide examples/decide-fleet-of-three-years.toml
  Wait for Trainium4, or start now? Every scenario of the answer for a spreadsheet:
    secondsource decide examples/decide-wait-for-trainium4.toml --csv my-scenarios.csv

Exit codes: 0 a plan was found; 1 nothing can run the jobs; 2 bad input; 3 internal.";

pub fn run(args: &DecideArgs, context: &Context) -> Result<Outcome, Failure> {
    let twin = twin_over(&args.catalog)?;
    let twin = with_own_runs(twin, args.calibration.as_deref())?;
    let text = io::read_text(&args.job, "job file", io::MAX_CONFIG)?;
    let folder = Path::new(&args.job).parent();
    let mut job = read_decide(&args.job, &text, &latest_price(&twin.catalog), &|p| {
        let beside = folder.map_or_else(|| p.into(), |f| f.join(p));
        io::read_text(&beside.to_string_lossy(), "model configuration", io::MAX_CONFIG)
    })?;
    if let Some(word) = &args.scenarios {
        job.set_scenarios(whole("--scenarios", word)?)?;
    }
    if let Some(word) = &args.seed {
        job.seed = whole("--seed", word)?;
    }
    let progress = Progress::new("trying plans", context.quiet);
    let answer = twin.decide(&job, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = answer?;
    if let Some(path) = &args.csv {
        io::write_whole(path, &answer.csv())?;
        context.say(&format!("wrote {path}"));
    }
    context.answer(&answer, render::decide::page)?;
    Ok(if answer.choice.is_some() { Outcome::Answered } else { Outcome::Nothing })
}
