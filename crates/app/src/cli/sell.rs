//! `secondsource sell`: rent a fleet's chips out, or sell them in racks.

use super::Context;
use super::job_args::twin_over;
use super::units::{whole, whole_within};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::sell;

/// The seller's choice: rent chips out, serve tokens on them, or sell them in racks
///
/// Reads a fleet from a TOML file: generations of chips with their quarters, what each use of them brings, and
/// how many megawatts and buyers there are. Prints what a chip is worth in each use as a waterfall whose lines
/// add up, the cannibalisation at which selling stops paying, what the whole fleet does when chips and
/// megawatts are scarce and what one more of each is worth, and which input flips the choice. Every input
/// without a public source is an assumption of the file, and is listed as one.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct SellArgs {
    /// The fleet (docs/seller.md describes the keys)
    #[arg(value_name = "SELL.toml")]
    file: String,
    /// A catalog file of your own (a private price), laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml")]
    catalog: Vec<String>,
    /// Scenarios to draw, in place of the file's
    #[arg(long, value_name = "N")]
    scenarios: Option<String>,
    /// Seed of the scenarios, in place of the file's
    #[arg(long, value_name = "N")]
    seed: Option<String>,
}

const AFTER: &str = "\
Examples:
  secondsource sell examples/sell-trainium.toml
  secondsource sell examples/sell-trainium.toml --scenarios 2000 --seed 7
  secondsource sell examples/sell-trainium.toml --json > sell.json

Exit codes: 0 answered; 2 bad input; 3 internal.";

pub fn run(args: &SellArgs, context: &Context) -> Result<Outcome, Failure> {
    let twin = twin_over(&args.catalog)?;
    let text = io::read_text(&args.file, "fleet", io::MAX_CONFIG)?;
    let mut job = sell::read_sell(&args.file, &text, &|path| io::read_text(path, "model configuration", io::MAX_CONFIG))?;
    if let Some(word) = &args.scenarios {
        job.scenarios = whole_within("--scenarios", word, sell::LEAST_SCENARIOS, sell::MOST_SCENARIOS)?;
    }
    if let Some(word) = &args.seed {
        job.seed = whole("--seed", word)?;
    }
    let progress = Progress::new("scenarios", context.quiet);
    let result = twin.sell(&job, &|done, total| progress.tick(done, total));
    progress.finish();
    context.answer(&result?, render::sell::page)?;
    Ok(Outcome::Answered)
}
