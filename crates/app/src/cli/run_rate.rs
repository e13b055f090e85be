//! `secondsource run-rate`: a stated yearly revenue as the combinations of chips and prices that make it.

use super::Context;
use super::job_args::twin_over;
use super::units::{count, of_flag};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;
use secondsource::Diagnostic;
use secondsource::sell::RunRateAsk;
use secondsource::seller::Range;

/// What a stated revenue of chips says, and what it leaves open
///
/// A yearly revenue is chips times price plus the rest: one equation, three unknowns. Prints the prices that
/// each number of chips would need, the published figures that bound them, and the revenue that those bounds
/// allow, as a curve and an interval, never as a point. Prints the last quarters of NVIDIA and AWS four
/// times over, from their filings.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct RunRateArgs {
    /// Yearly revenue, USD [default: the latest statement of what Amazon's chips would sell for]
    #[arg(long, value_name = "USD")]
    total: Option<String>,
    /// Chips a year: 5%, middle, 95% [default: from published figures, which the page names]
    #[arg(long, value_name = "LOW,MIDDLE,HIGH")]
    chips: Option<String>,
    /// USD per chip: 5%, middle, 95% [default: from published figures]
    #[arg(long, value_name = "LOW,MIDDLE,HIGH")]
    price: Option<String>,
    /// Revenue that is not these chips, USD a year: 5%, middle, 95% [default: from published figures]
    #[arg(long, value_name = "LOW,MIDDLE,HIGH")]
    other: Option<String>,
    /// Seed of the samples
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Draw the curve with its bounds (SVG)
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<String>,
    /// A catalog file of your own, laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml")]
    catalog: Vec<String>,
}

const AFTER: &str = "\
Examples:
  secondsource run-rate
  secondsource run-rate --plot my-run-rate.svg
  What would $25 billion ask for, if 1 to 2 million chips are all that is sold?
    secondsource run-rate --total 25B --chips 1M,1.5M,2M --other 0,0,0

Exit codes: 0 answered; 2 bad input; 3 internal.";

pub fn run(args: &RunRateArgs, context: &Context) -> Result<Outcome, Failure> {
    let twin = twin_over(&args.catalog)?;
    let ask = RunRateAsk {
        total_usd: args.total.as_deref().map(|w| count("--total", w)).transpose()?,
        chips: three("--chips", args.chips.as_deref())?,
        price_usd: three("--price", args.price.as_deref())?,
        other_usd: three("--other", args.other.as_deref())?,
        seed: args.seed,
    };
    let answer = twin.run_rate(&ask)?;
    if let Some(path) = &args.plot {
        io::write_whole(path, &twin.plot_run_rate(&answer)?)?;
        context.say(&format!("picture written to {path}"));
    }
    context.answer(&answer, render::run_rate::page)?;
    Ok(Outcome::Answered)
}

/// `1M,1.5M,2M`, or one number for all three.
fn three(flag: &str, word: Option<&str>) -> Result<Option<Range>, Diagnostic> {
    let Some(word) = word else { return Ok(None) };
    let parts: Vec<Option<f64>> = word.split(',').map(|w| secondsource::quantity::parse_count(w.trim().trim_start_matches('$'))).collect();
    let range = match parts.as_slice() {
        [Some(one)] => Some(Range::exactly(*one)),
        [Some(low), Some(middle), Some(high)] => Some(Range { low: *low, middle: *middle, high: *high }),
        _ => None,
    };
    let fits = |r: &Range| r.low >= 0.0 && r.low <= r.middle && r.middle <= r.high && r.high <= 1e15;
    let bad = || {
        Diagnostic::error(format!("`{word}` is not three rising numbers")).hint("for example 1M,1.5M,2M; one number stands for all three")
    };
    range.filter(fits).map(Some).ok_or_else(|| of_flag(flag, bad()))
}
