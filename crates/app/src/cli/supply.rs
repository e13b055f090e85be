//! `secondsource supply`: wafers to racks, and who gets them.

use super::Context;
use super::job_args::twin_over;
use super::units::{whole, whole_within};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::{Diagnostic, supply};

/// Wafers to racks: which line is short in each quarter, how many chips of whom come out, who gets what
///
/// Reads a world of fabs, memory, packaging lines, designers and their chips from a TOML file and runs it quarter
/// by quarter, work in progress carried, over scenarios of capacity, yield, lead times, shares and orders. Prints
/// the bottleneck of each quarter, chips by customer and product with their interval, what each rule of division
/// would give to whom and what an inflated order would gain, and what one more wafer or gigabit is worth. Every
/// input without a public source is named.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct SupplyArgs {
    /// The world (docs/supply.md describes the keys)
    #[arg(value_name = "SUPPLY.toml")]
    file: String,
    /// One product by quarter instead of all by year
    #[arg(long, value_name = "ID")]
    product: Option<String>,
    /// A catalog file of your own (a defect density, a capacity), laid over the built-in catalog; may be repeated
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
  secondsource supply examples/supply/accelerators-2025-2027.toml
  secondsource supply examples/supply/accelerators-2025-2027.toml --product trn3
  secondsource supply examples/supply/accelerators-2025-2027.toml --json > supply.json

How well published outcomes are met: secondsource validate --supply

Exit codes: 0 answered; 2 bad input; 3 internal.";

pub fn run(args: &SupplyArgs, context: &Context) -> Result<Outcome, Failure> {
    let twin = twin_over(&args.catalog)?;
    let text = io::read_text(&args.file, "world", io::MAX_CONFIG)?;
    let mut job = supply::read_supply(&args.file, &text, &twin.catalog, None)?;
    if let Some(word) = &args.scenarios {
        job.scenarios = whole_within("--scenarios", word, supply::LEAST_SCENARIOS, supply::MOST_SCENARIOS)?;
    }
    if let Some(word) = &args.seed {
        job.seed = whole("--seed", word)?;
    }
    if let Some(id) = &args.product
        && !job.products.iter().any(|p| p.id == *id)
    {
        let known: Vec<&str> = job.products.iter().map(|p| p.id.as_str()).collect();
        let d = Diagnostic::error(format!("--product: unknown product `{id}`")).suggest(id, known.iter().copied());
        return Err(d.hint(format!("one of: {}", known.join(", "))).into());
    }
    let progress = Progress::new("scenarios", context.quiet);
    let result = supply::supply(&job, &|done, total| progress.tick(done, total));
    progress.finish();
    context.answer(&result?, |answer, page| render::supply::page(answer, args.product.as_deref(), page))?;
    Ok(Outcome::Answered)
}
