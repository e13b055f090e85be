//! `secondsource orders`: the order book of a seller of racks.

pub mod add;
mod change;
mod export;
mod history;
mod import;
mod list;
mod plan;
mod promise;
mod supply;

use super::Context;
use crate::book::{self, Store, Write};
use crate::exit::Outcome;
use crate::failure::Failure;
use clap::{Args, Subcommand};
use secondsource::orders::{Entry, Order};
use secondsource::{Catalog, Diagnostic};

/// The order book of a seller of racks: claims, slots, promises, and who waits for whom
///
/// A book holds the seller's policy, the supply that is expected, and claims on racks: orders and reservations,
/// each proposed, pending, active, exhausted, expired, cancelled or superseded. It is one SQLite file with a
/// history that only grows. A claim that holds racks gets a slot: the first day on which the supply that surely
/// comes has room for it without hurting a claim that is already there. Commands that only look also take a
/// book by hand (.toml) or a history (.json).
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct OrdersArgs {
    #[command(subcommand)]
    command: OrdersCommand,
}

const AFTER: &str = "\
Examples:
  secondsource orders list --book examples/supply/trainium-orders.toml
  secondsource orders import --book my-orders.db examples/supply/trainium-orders.toml
  secondsource orders add --book my-orders.db --customer Example --system trn3-ultraserver \\
      --racks 40 --wanted 2027-01-01
  secondsource orders export --book my-orders.db --to my-orders.csv

Exit codes: 0 answered; 1 no racks to promise; 2 bad input, nothing entered; 3 disk or internal.";

#[derive(Subcommand, Debug)]
enum OrdersCommand {
    Add(Box<add::AddArgs>),
    List(list::ListArgs),
    Promise(promise::PromiseArgs),
    Supply(supply::SupplyArgs),
    Plan(plan::PlanArgs),
    Cancel(change::CancelArgs),
    Set(change::SetArgs),
    Deliver(change::DeliverArgs),
    History(history::HistoryArgs),
    Check(history::CheckArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
}

/// Which book, and which day it is.
#[derive(Args, Debug)]
struct BookArgs {
    /// The order book
    #[arg(long, value_name = "BOOK")]
    book: String,
    /// Today, in place of the clock's day (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<String>,
}

pub fn run(args: &OrdersArgs, context: &Context) -> Result<Outcome, Failure> {
    let catalog = Catalog::embedded();
    match &args.command {
        OrdersCommand::Add(a) => add::run(a, catalog, context),
        OrdersCommand::List(a) => list::run(a, catalog, context),
        OrdersCommand::Promise(a) => promise::run(a, catalog, context),
        OrdersCommand::Plan(a) => plan::run(a, catalog, context),
        OrdersCommand::Supply(a) => supply::run(a, catalog, context),
        OrdersCommand::Cancel(a) => change::cancel(a, catalog, context),
        OrdersCommand::Set(a) => change::set(a, catalog, context),
        OrdersCommand::Deliver(a) => change::deliver(a, catalog, context),
        OrdersCommand::History(a) => history::run(a, catalog, context),
        OrdersCommand::Check(a) => history::check(a, catalog, context),
        OrdersCommand::Import(a) => import::run(a, catalog, context),
        OrdersCommand::Export(a) => export::run(a, catalog, context),
    }
}

impl BookArgs {
    fn today(&self) -> Result<book::Today, Diagnostic> {
        book::today(self.date.as_deref())
    }

    fn read(&self, catalog: &Catalog) -> Result<book::Read, Failure> {
        book::read(&self.book, catalog, self.today()?)
    }

    /// The day to look at a book from: not before its last entry.
    fn day_of(&self, book: &secondsource::orders::Book, context: &Context) -> Result<secondsource::orders::Day, Failure> {
        let (day, warning) = self.today()?.looking(book.last)?;
        context.warn(warning.as_slice());
        Ok(day)
    }

    fn store(&self, catalog: &Catalog) -> Result<Store, Failure> {
        Store::open(self.database()?, catalog)
    }

    /// The name of a book that is a database.
    fn database(&self) -> Result<&str, Failure> {
        let name = &self.book;
        if name.ends_with(".toml") || name.ends_with(".json") || name.ends_with(".csv") {
            let d = Diagnostic::error("this is a text file; what is entered, and checked, is a database").in_file(name);
            return Err(d.hint(format!("`secondsource orders import --book BOOK.db {name}` makes a book of it")).into());
        }
        Ok(name)
    }

    /// Enters events; warnings go to stderr.
    fn enter(&self, store: &mut Store, context: &Context, write: &mut dyn Write) -> Result<Vec<Entry>, Failure> {
        let say = |d: &Diagnostic| context.warn(std::slice::from_ref(d));
        store.write(self.today()?, &say, write)
    }
}

/// A claim of a book by its id.
fn find<'b>(book: &'b secondsource::orders::Book, id: &str) -> Result<&'b Order, Diagnostic> {
    book.order(id).ok_or_else(|| Diagnostic::error(format!("there is no claim `{id}` in this book")).suggest(id, book.ids()))
}
