//! `secondsource orders plan`

use super::BookArgs;
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::orders::{plan_terms, seller_plan};
use secondsource::{Catalog, Diagnostic};

/// Who gets racks when, and which offers are worth taking
///
/// Divides the supply that surely comes over quarters among internal need, orders and reservations, such that the
/// discounted value is largest and every slot is kept; offers are taken whole or turned down. Says what that does
/// to each customer's date, and what one more rack would be worth.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders plan --book examples/supply/trainium-orders.toml
  secondsource orders plan --book examples/supply/trainium-orders.toml --median --late 0.05")]
pub struct PlanArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Discount a year [default: 0.1, an assumption of the catalog]
    #[arg(long, value_name = "SHARE")]
    rate: Option<f64>,
    /// Share of the price that a rack costs for each period that it is late [default: 0.02, an assumption]
    #[arg(long, value_name = "SHARE")]
    late: Option<f64>,
    /// Share of the price that a promised rack costs that never comes [default: 0.5, an assumption]
    #[arg(long, value_name = "SHARE")]
    broken: Option<f64>,
    /// Plan on the middle of the supply, not on what surely comes
    #[arg(long)]
    median: bool,
}

pub fn run(args: &PlanArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let mut terms = plan_terms(catalog)?;
    for (flag, given, place) in
        [("--rate", args.rate, &mut terms.rate), ("--late", args.late, &mut terms.late), ("--broken", args.broken, &mut terms.broken)]
    {
        match given {
            Some(v) if (0.0..=10.0).contains(&v) => *place = v,
            Some(v) => return Err(Diagnostic::error(format!("{flag}: {v} is not a share from 0 to 10")).into()),
            None => {}
        }
    }
    terms.median = args.median;
    let read = args.book.read(catalog)?;
    let today = args.book.day_of(&read.book, context)?;
    context.answer(&seller_plan(&read.book, &args.book.book, terms, today)?, render::orders::plan::page)?;
    Ok(Outcome::Answered)
}
