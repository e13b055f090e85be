//! `secondsource orders promise`

use super::{BookArgs, find};
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::Catalog;
use secondsource::orders::arrivals;

/// When claims of the book arrive, and how that differs from what they were told
///
/// Every claim that holds racks, or those named, in the same scenarios: capacity, days to service and what the
/// other claims do. A claim that has none yet is asked about with `secondsource promise`.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders promise --book examples/supply/trainium-orders.toml
  secondsource orders promise --book examples/supply/trainium-orders.toml T3-7 T3-8")]
pub struct PromiseArgs {
    #[command(flatten)]
    book: BookArgs,
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

pub fn run(args: &PromiseArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let read = args.book.read(catalog)?;
    for id in &args.ids {
        find(&read.book, id)?;
    }
    let today = args.book.day_of(&read.book, context)?;
    let answer = arrivals(&read.book, &args.book.book, &args.ids, today);
    context.answer(&answer, render::orders::promise::arrivals)?;
    Ok(Outcome::Answered)
}
