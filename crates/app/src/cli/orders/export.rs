//! `secondsource orders export`

use super::BookArgs;
use crate::book;
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::io;
use clap::Args;
use secondsource::orders::{write_history, write_table};
use secondsource::{Catalog, Diagnostic};

/// Write a book as text: its whole history (.json) or its claims (.csv)
///
/// A history loses nothing: imported into an empty book it makes the same book. A table has every field of every
/// claim, as it stands now.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ExportArgs {
    #[command(flatten)]
    book: BookArgs,
    /// The file to write, .json or .csv
    #[arg(long, value_name = "FILE")]
    to: String,
    /// Read what can be read of a damaged book (.json only)
    #[arg(long)]
    salvage: bool,
}

const AFTER: &str = "\
Examples:
  secondsource orders export --book my-orders.db --to my-orders.csv
  secondsource orders export --book my-damaged.db --salvage --to my-rescued.json

Exit codes: 0 written; 1 salvage found gaps; 2 bad input; 3 disk or internal.";

pub fn run(args: &ExportArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    book::keep(&args.to, "--to", Some(&args.book.book))?;
    if args.salvage {
        return rescue(args, context);
    }
    let text = if args.to.ends_with(".json") {
        write_history(&args.book.read(catalog)?.entries)?
    } else if args.to.ends_with(".csv") {
        let book = args.book.read(catalog)?.book;
        let today = args.book.day_of(&book, context)?;
        write_table(book.as_of(today).orders().iter())?
    } else {
        return Err(Diagnostic::error("--to: the name must end in .json or .csv").into());
    };
    io::write_whole(&args.to, &text)?;
    let out = serde_json::json!({"written": args.to, "bytes": text.len()});
    context.answer(&out, |_, _| format!("{} written\n", args.to))?;
    Ok(Outcome::Answered)
}

/// The first numbers of a list.
fn listed(numbers: &[u64]) -> String {
    let first: Vec<String> = numbers.iter().take(20).map(u64::to_string).collect();
    format!("{}{}", first.join(", "), if numbers.len() > 20 { ", ...: --json has them all" } else { "" })
}

fn rescue(args: &ExportArgs, context: &Context) -> Result<Outcome, Failure> {
    if !args.to.ends_with(".json") {
        return Err(Diagnostic::error("--to: with --salvage the name must end in .json").into());
    }
    let found = book::salvage(&args.book.book)?;
    io::write_whole(&args.to, &write_history(&found.entries)?)?;
    let gaps = found.missing.len();
    if found.entries.is_empty() {
        let d = Diagnostic::warning("nothing in it reads as an entry of a book").in_file(&args.book.book);
        context.warn(&[d.hint("is it the right file, and is there an older copy?")]);
    }
    if gaps > 0 {
        let d = Diagnostic::warning(format!("entries that are gone: {}", listed(&found.missing)));
        context.warn(&[d.hint("renumber the entries after a gap by hand before `orders import`, when you know what was there")]);
    }
    let out = serde_json::json!({
        "written": args.to, "entries": found.entries.len(), "uncertain": found.uncertain, "missing": found.missing,
    });
    context.answer(&out, |_, page| {
        let (n, unsure) = (found.entries.len(), found.uncertain.len());
        let mut text = format!("{}: {n} entries written, {unsure} of them uncertain, {gaps} missing\n", args.to);
        for (what, list) in [("uncertain", &found.uncertain), ("missing", &found.missing)].iter().filter(|l| !l.1.is_empty()) {
            text.push_str(&page.field(what, &listed(list)));
        }
        text
    })?;
    Ok(if gaps == 0 && !found.entries.is_empty() { Outcome::Answered } else { Outcome::Nothing })
}
