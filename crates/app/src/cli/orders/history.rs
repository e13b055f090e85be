//! `secondsource orders history` and `check`

use super::{BookArgs, find};
use crate::book::Store;
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::render;
use clap::Args;
use secondsource::Catalog;
use secondsource::orders::Entry;

/// Print what was entered, in its order
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders history --book examples/supply/trainium-orders.toml
  secondsource orders history --book examples/supply/trainium-orders.toml T4-2")]
pub struct HistoryArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Only entries about this claim
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Only the last entries
    #[arg(long, value_name = "N")]
    last: Option<usize>,
}

/// Check every page and every entry of a book
///
/// SQLite checks its pages; then each entry is checked against the hash that was written with it, and the whole
/// history is played again.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  secondsource orders check --book my-orders.db

Exit codes: 0 sound; 2 damaged; 3 disk or internal.")]
pub struct CheckArgs {
    #[command(flatten)]
    book: BookArgs,
}

#[derive(serde::Serialize)]
struct HistoryOut {
    entries: Vec<Entry>,
}

pub fn run(args: &HistoryArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let read = args.book.read(catalog)?;
    if let Some(id) = &args.id {
        find(&read.book, id)?;
    }
    let mut entries: Vec<Entry> = read.entries.into_iter().filter(|e| args.id.is_none() || e.event.id() == args.id.as_deref()).collect();
    let first = entries.len().saturating_sub(args.last.unwrap_or(usize::MAX));
    entries.drain(..first);
    context.answer(&HistoryOut { entries }, |h, page| render::orders::history(&h.entries, page))?;
    Ok(Outcome::Answered)
}

pub fn check(args: &CheckArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let store = Store::look(args.book.database()?, catalog, &mut |_| {})?;
    store.verify()?;
    let (entries, claims) = (store.book().seq, store.book().orders().len());
    let out = serde_json::json!({"ok": true, "entries": entries, "claims": claims});
    context.answer(&out, |_, _| format!("{}: sound, {entries} entries, {claims} claims\n", args.book.book))?;
    Ok(Outcome::Answered)
}
