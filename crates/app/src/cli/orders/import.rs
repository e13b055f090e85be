//! `secondsource orders import`

use super::BookArgs;
use crate::book::{self, Store, Write};
use crate::cli::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::io;
use clap::Args;
use secondsource::orders::{Book, Day, Event, Placed, Slip, default_policy, read_book, read_history, read_table};
use secondsource::{Catalog, Diagnostic};
use std::collections::BTreeSet;
use std::path::Path;

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
    /// Enter each claim by itself and print its id as soon as it is on disk (with --json an object a line); at an
    /// error those that were printed stay entered
    #[arg(long)]
    each: bool,
}

const AFTER: &str = "\
Examples:
  secondsource orders import --book my-orders.db examples/supply/trainium-orders.toml
  secondsource orders import --book my-orders.db my-claims.csv --each

Exit codes: 0 entered; 2 bad input or no room, nothing entered (with --each, what was printed is); 3 disk or
internal.";

/// Events of a file, with the lines that they come from.
struct FromFile<'a> {
    name: &'a str,
    events: &'a [(Event, usize)],
    /// Ids of the whole file.
    ids: &'a BTreeSet<&'a str>,
}

impl Write for FromFile<'_> {
    fn events(&mut self, book: &Book, _: Day) -> Result<Vec<Event>, Failure> {
        for (event, line) in self.events {
            if let Event::Accept { order } = event
                && let Some(by) = order.superseded_by.as_deref().filter(|by| !self.ids.contains(by) && book.order(by).is_none())
            {
                let words = format!("claim `{}` is superseded by `{by}`, which is neither in this file nor in the book", order.id);
                return Err(Diagnostic::error(words).at_line(self.name, *line).into());
            }
        }
        Ok(self.events.iter().map(|(e, _)| e.clone()).collect())
    }

    fn refuse(&self, at: usize, slip: &Slip) -> Failure {
        book::slip_at(self.name, self.events.get(at).map_or(1, |e| e.1), slip).into()
    }
}

pub fn run(args: &ImportArgs, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let today = args.book.today()?;
    named(args)?;
    let text = io::read_text(&args.file, "file of claims", book::limit(&args.file))?;
    let name = args.file.as_str();
    let accepted = |list: Vec<Placed>| list.into_iter().map(|p| (Event::Accept { order: Box::new(p.order) }, p.line)).collect::<Vec<_>>();
    if name.ends_with(".json") {
        return replay(args, &text, catalog, context);
    }
    // A file that does not read makes no book.
    let there = Path::new(&args.book.book).exists();
    let opened = if there { Some(open(args, catalog)?) } else { None };
    let usual = default_policy(catalog)?;
    let (policy, last) = opened.as_ref().map_or((&usual, None), |s| (&s.book().policy, s.book().last));
    let day = today.after(last)?.0;
    let events = if name.ends_with(".toml") {
        book::events_of(read_book(name, &text, catalog, today.day)?)
    } else if name.ends_with(".csv") {
        let class = policy.classes.last().map(|c| c.name.as_str()).unwrap_or_default();
        accepted(read_table(name, &text, catalog, day, class)?)
    } else {
        return Err(Diagnostic::error("the name must end in .csv, .toml or .json").in_file(name).into());
    };
    let ids: BTreeSet<&str> = events.iter().filter_map(|(e, _)| e.id()).collect();
    let mut all = FromFile { name, events: &events, ids: &ids };
    let mut store = match opened {
        Some(store) => store,
        // Nor does one that cannot be entered.
        None => {
            book::try_on(catalog, day, &mut all, if args.each { 1 } else { usize::MAX })?;
            open(args, catalog)?
        }
    };
    if args.each {
        for one in events.chunks(1) {
            for entry in args.book.enter(&mut store, context, &mut FromFile { name, events: one, ids: &ids })? {
                let id = entry.event.id();
                match (context.json, id) {
                    (true, _) => io::print(&serde_json::json!({"seq": entry.seq, "event": entry.event.name(), "id": id}).to_string())?,
                    (false, Some(id)) => io::print(id)?,
                    (false, None) => {}
                }
            }
        }
        return Ok(Outcome::Answered);
    }
    args.book.enter(&mut store, context, &mut all)?;
    report(args, events.len(), context)
}

fn named(args: &ImportArgs) -> Result<(), Failure> {
    let name = &args.book.book;
    if [".toml", ".json", ".csv"].iter().any(|end| name.ends_with(end)) {
        let d = Diagnostic::error(format!("--book {name}: a book that is written to is a database"));
        return Err(d.hint("give it another ending, for example .db").into());
    }
    Ok(())
}

fn open(args: &ImportArgs, catalog: &Catalog) -> Result<Store, Failure> {
    Store::open_or_make(&args.book.book, catalog)
}

/// A history, entry by entry, on the days that it names.
fn replay(args: &ImportArgs, text: &str, catalog: &Catalog, context: &Context) -> Result<Outcome, Failure> {
    let entries = read_history(&args.file, text)?;
    let refuse =
        |seq: u64, slip: &Slip| -> Failure { Diagnostic::error(format!("entry {seq}: {}", slip.words())).in_file(&args.file).into() };
    if !Path::new(&args.book.book).exists() {
        let mut book = Book::new(default_policy(catalog)?);
        for entry in &entries {
            book.apply(entry).map_err(|slip| refuse(entry.seq, &slip))?;
        }
    }
    open(args, catalog)?.replay(&entries, &refuse)?;
    report(args, entries.len(), context)
}

fn report(args: &ImportArgs, total: usize, context: &Context) -> Result<Outcome, Failure> {
    let out = serde_json::json!({"book": args.book.book, "entered": total});
    context.answer(&out, |_, _| format!("{}: {total} entries\n", args.book.book))?;
    Ok(Outcome::Answered)
}
