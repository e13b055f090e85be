//! `secondsource orders import`

use super::BookArgs;
use crate::book::{self, Store, Write};
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::io;
use clap::Args;
use secondsource::orders::{Book, Day, Event, Placed, Slip, read_book, read_history, read_table};
use secondsource::{Catalog, Diagnostic};

/// Enter a file of claims; make the book if there is none
///
/// A table (.csv) adds its claims. A book by hand (.toml) sets policy and supply, if it has any, and adds its
/// claims. A history (.json) fills an empty book with exactly what was exported. All of a file is entered, or
/// nothing of it.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct ImportArgs {
    #[command(flatten)]
    book: BookArgs,
    /// Claims (.csv), a book by hand (.toml) or a history (.json)
    #[arg(value_name = "FILE")]
    file: String,
    /// Enter each claim by itself and print its id as soon as it is on disk
    #[arg(long)]
    each: bool,
}

const AFTER: &str = "\
Examples:
  secondsource orders import --book my-orders.db examples/supply/trainium-orders.toml
  secondsource orders import --book my-orders.db my-claims.csv --each

Exit codes: 0 entered; 2 bad input or no room, nothing entered; 3 disk or internal.";

/// Events of a file, with the lines that they come from.
struct FromFile<'a> {
    name: &'a str,
    events: Vec<(Event, usize)>,
}

impl Write for FromFile<'_> {
    fn events(&mut self, _: &Book, _: Day) -> Result<Vec<Event>, Failure> {
        Ok(self.events.iter().map(|(e, _)| e.clone()).collect())
    }

    fn refuse(&self, at: usize, slip: &Slip) -> Failure {
        book::slip_at(self.name, self.events.get(at).map_or(1, |e| e.1), slip).into()
    }
}

pub fn run(args: &ImportArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let today = args.book.today()?;
    let text = io::read_text(&args.file, "file of claims", io::MAX_TABLE)?;
    let name = args.file.as_str();
    let accepted = |list: Vec<Placed>| list.into_iter().map(|p| (Event::Accept { order: Box::new(p.order) }, p.line)).collect::<Vec<_>>();
    if name.ends_with(".json") {
        return replay(args, &text, catalog, context);
    }
    let mut store = open(args, catalog)?;
    let events = if name.ends_with(".toml") {
        book::events_of(read_book(name, &text, catalog, today.day)?)
    } else if name.ends_with(".csv") {
        let class = store.book().policy.classes.last().map(|c| c.name.clone()).unwrap_or_default();
        accepted(read_table(name, &text, catalog, today.after(store.book().last)?.0, &class)?)
    } else {
        return Err(Diagnostic::error("the name must end in .csv, .toml or .json").in_file(name).into());
    };
    let total = events.len();
    if args.each {
        for (event, line) in events {
            let mut one = FromFile { name, events: vec![(event, line)] };
            let entries = args.book.enter(&mut store, context, &mut one)?;
            for id in entries.iter().filter_map(|e| e.event.id()) {
                io::print(id)?;
            }
        }
        return Ok(Outcome::Answered);
    }
    args.book.enter(&mut store, context, &mut FromFile { name, events })?;
    report(args, total, context)
}

fn open(args: &ImportArgs, catalog: &Catalog) -> Result<Store, Failure> {
    let name = &args.book.book;
    if [".toml", ".json", ".csv"].iter().any(|end| name.ends_with(end)) {
        let d = Diagnostic::error(format!("--book {name}: a book that is written to is a database"));
        return Err(d.hint("give it another ending, for example .db").into());
    }
    Store::open_or_make(name, catalog)
}

/// A history, entry by entry, on the days that it names.
fn replay(args: &ImportArgs, text: &str, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let entries = read_history(&args.file, text)?;
    let mut store = open(args, catalog)?;
    let total = entries.len();
    store.replay(&entries, &|seq, slip| Diagnostic::error(format!("entry {seq}: {}", slip.words())).in_file(&args.file).into())?;
    report(args, total, context)
}

fn report(args: &ImportArgs, total: usize, context: &Context) -> Result<Outcome, Failure> {
    let out = serde_json::json!({"book": args.book.book, "entered": total});
    context.answer(&out, |_, _| format!("{}: {total} entries\n", args.book.book))?;
    Ok(Outcome::Answered)
}
