//! `secondsource rent`: what chips cost to rent under every contract, by the contract's own rules.

use super::Context;
use super::job_args::twin_over;
use super::units::{days, whole};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;
use secondsource::Diagnostic;
use secondsource::costs::{self, RentJob};

/// Price a number of chips for a time under every contract on offer, and show where prices may go
///
/// Lists on-demand, spot, flex-start, capacity blocks and commitments of one and three years by provider, each with
/// its rules, its price with date and source, and the bill by those rules: whole instances, whole blocks, whole terms,
/// with what is left unused. Prices of different kinds are never averaged. Below stands the price path of the market
/// (P5, P50, P95), tight or in glut.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct RentArgs {
    /// Chips or systems, separated by commas
    #[arg(long, value_name = "ID,...", value_delimiter = ',', required = true, help_heading = "What to rent")]
    on: Vec<String>,
    /// Number of chips
    #[arg(short, long, value_name = "N", help_heading = "What to rent")]
    chips: String,
    /// Running time in hours (720), or with a unit (30d, 12w)
    #[arg(long, value_name = "HOURS", help_heading = "What to rent")]
    hours: String,
    /// First day of the job; else the day of the prices
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "What to rent")]
    start: Option<String>,

    /// Day of the decision: later prices are not read. Else the day of the latest price
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "Which offers")]
    as_of: Option<String>,
    /// Only this kind of contract: on-demand, cluster-on-demand, spot, flex-start, capacity-block, reserved,
    /// reserved-1y, reserved-3y, list
    #[arg(long, value_name = "KIND", help_heading = "Which offers")]
    contract: Option<String>,
    /// Only this provider
    #[arg(long, value_name = "NAME", help_heading = "Which offers")]
    provider: Option<String>,
    /// Providers to show for each kind of contract, the cheapest bills first [default: 3]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Which offers")]
    top: Option<u16>,
    /// A catalog file of your own (a private price), laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml", help_heading = "Which offers")]
    catalog: Vec<String>,

    /// Spot: interruptions of one host a month
    #[arg(long, value_name = "N", help_heading = "What is uncertain")]
    hazard: Option<f64>,
    /// Spot: hours between checkpoints
    #[arg(long, value_name = "HOURS", help_heading = "What is uncertain")]
    checkpoint: Option<f64>,
    /// Spot: billed hours from a new allocation to the first step
    #[arg(long, value_name = "HOURS", help_heading = "What is uncertain")]
    restart: Option<f64>,
    /// Months of price path to show [default: 24]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=120), help_heading = "What is uncertain")]
    months: Option<u16>,
    /// Scenarios [default: 4000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "What is uncertain")]
    scenarios: Option<u32>,
    /// Seed of the scenarios
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "What is uncertain")]
    seed: u64,

    /// Write the charges of one offer as FOCUS 1.2 rows (with --contract and --provider)
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    focus: Option<String>,
    /// Write the offers as plain CSV
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    csv: Option<String>,
}

const AFTER: &str = "\
Examples:
  512 Trainium2 or H100 for a month from New Year:
    secondsource rent --on trn2,h100-sxm --chips 512 --hours 720 --start 2027-01-01
  All offers of H100 on demand, the way they stood in September:
    secondsource rent --on h100-sxm --chips 64 --hours 7d --contract on-demand --top 20 \\
        --as-of 2026-09-30
  The same block as rows for a billing tool:
    secondsource rent --on trn2 --chips 512 --hours 720 --contract capacity-block --provider AWS \\
        --focus my-block.csv

Exit codes: 0 answered; 1 none of the systems has a price; 2 bad input, nothing written; 3 internal.";

/// `720`, or `30d`, `12w`, `36h`.
fn hours(word: &str) -> Result<f64, Diagnostic> {
    match word.trim().parse::<f64>() {
        Ok(h) if h.is_finite() && h > 0.0 => Ok(h),
        _ => Ok(days("--hours", word)? * 24.0),
    }
}

pub fn run(args: &RentArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = RentJob {
        on: args.on.iter().map(|w| w.trim().to_owned()).collect(),
        chips: whole("--chips", &args.chips)?,
        hours: hours(&args.hours)?,
        start: args.start.clone(),
        as_of: args.as_of.clone(),
        contract: args.contract.clone(),
        provider: args.provider.clone(),
        top: args.top.map(usize::from),
        hazard_per_month: args.hazard,
        checkpoint_hours: args.checkpoint,
        restart_hours: args.restart,
        months: args.months.map(usize::from),
        scenarios: args.scenarios.map(|n| n as usize),
        seed: args.seed,
    };
    let twin = twin_over(&args.catalog)?;
    let answer = twin.rent(&job)?;
    if let Some(path) = &args.focus {
        let charges = twin.rent_charges(&job)?;
        io::write_whole(path, &costs::focus_csv(&charges))?;
        context.say(&format!("{} charges written to {path}", charges.len()));
    }
    if let Some(path) = &args.csv {
        io::write_whole(path, &costs::offers_csv(&answer))?;
    }
    context.answer(&answer, render::rent::page)?;
    Ok(if answer.systems.iter().all(|s| s.offers.is_empty()) { Outcome::Nothing } else { Outcome::Answered })
}
