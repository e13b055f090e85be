//! `secondsource orders supply`

use super::BookArgs;
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;
use secondsource::orders::{Book, Day, Event, read_book, supply_answer};
use secondsource::{Catalog, Diagnostic};

/// How much of each chip is spoken for; with a file, enter a new supply and say whom it moves
///
/// The file is a book by hand (.toml) with a table [supply]. Every claim that holds racks is simulated under the
/// old and the new supply with the same scenarios; those who are hurt come first.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders supply --book examples/supply/trainium-orders.toml
  secondsource orders supply --book examples/supply/trainium-orders.toml --dry-run \\
      examples/supply/trainium-late.toml
  secondsource orders supply --book my-orders.db my-supply.toml")]
pub struct SupplyArgs {
    #[command(flatten)]
    book: BookArgs,
    /// The new supply
    #[arg(value_name = "FILE.toml")]
    file: Option<String>,
    /// Only say what it would do
    #[arg(long, requires = "file")]
    dry_run: bool,
}

pub fn run(args: &SupplyArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let name = &args.book.book;
    let Some(file) = &args.file else {
        let read = args.book.read(catalog)?;
        let today = args.book.day_of(&read.book, context)?;
        context.answer(&supply_answer(&read.book, name, None, today)?, render::orders::supply::page)?;
        return Ok(Outcome::Answered);
    };
    let text = io::read_text(file, "supply", io::MAX_CONFIG)?;
    let read = read_book(file, &text, catalog, args.book.today()?.day)?;
    let Some(supply) = read.supply else {
        return Err(Diagnostic::error("no table [supply]").in_file(file).hint("docs/orders.md has an example").into());
    };
    if args.dry_run {
        let read = args.book.read(catalog)?;
        let today = args.book.day_of(&read.book, context)?;
        context.answer(&supply_answer(&read.book, name, Some(&supply), today)?, render::orders::supply::page)?;
        return Ok(Outcome::Answered);
    }
    let mut store = args.book.store(catalog)?;
    let mut answer = None;
    let mut make = |book: &Book, today: Day| -> Result<Vec<Event>, Failure> {
        answer = Some(supply_answer(book, name, Some(&supply), today)?);
        Ok(vec![Event::Supply { supply: supply.clone() }])
    };
    args.book.enter(&mut store, context, &mut make)?;
    if let Some(mut answer) = answer {
        answer.entered = true;
        context.answer(&answer, render::orders::supply::page)?;
    }
    Ok(Outcome::Answered)
}
