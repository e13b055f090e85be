//! The file of an order book: one SQLite database, or a text file that is only read.
//!
//! What is on disk is the history, row by row, never changed; the book is what its rows add up to. A row is written in a
//! transaction that is on disk before anybody is told about it.

mod day;
mod salvage;
mod schema;
mod store;
mod words;

pub use day::{Today, today};
pub use salvage::salvage;
pub use store::{Store, Write};

use crate::failure::Failure;
use crate::io;
use secondsource::orders::{Book, Desk, Entry, Event, Slip, default_policy, read_book, read_history};
use secondsource::{Catalog, Diagnostic};

/// A book that has been read, with its history.
pub struct Read {
    pub book: Book,
    pub entries: Vec<Entry>,
}

/// Reads a book for looking only: a database, a history (`.json`) or a book by hand (`.toml`).
pub fn read(path: &str, catalog: &Catalog, today: Today) -> Result<Read, Failure> {
    if schema::is_database(path)? {
        let mut store = Store::open(path, catalog)?;
        let entries = store.history()?;
        return Ok(Read { book: store.into_book(), entries });
    }
    let text = io::read_text(path, "order book", io::MAX_TABLE)?;
    let mut book = Book::new(default_policy(catalog)?);
    let mut entries = Vec::new();
    if path.ends_with(".toml") {
        let file = read_book(path, &text, catalog, today.day)?;
        let day = file.as_of.unwrap_or(today.day);
        let mut desk = Desk::new(book);
        for (event, line) in events_of(file) {
            entries.push(desk.enter(day, event).map_err(|slip| slip_at(path, line, &slip))?);
        }
        return Ok(Read { book: desk.book, entries });
    }
    if path.ends_with(".json") {
        entries = read_history(path, &text)?;
        for entry in &entries {
            book.apply(entry).map_err(|slip| Diagnostic::error(format!("entry {}: {}", entry.seq, slip.words())).in_file(path))?;
        }
        return Ok(Read { book, entries });
    }
    Err(Diagnostic::error("this is no order book")
        .in_file(path)
        .hint("a book is a database that `orders import` makes, a history (.json) or a file by hand (.toml)")
        .into())
}

/// What a book by hand says, as events with the lines that they stand on.
pub fn events_of(file: secondsource::orders::BookFile) -> Vec<(Event, usize)> {
    let policy = file.policy.map(|policy| (Event::Policy { policy }, 1));
    let supply = file.supply.map(|supply| (Event::Supply { supply }, 1));
    let orders = file.orders.into_iter().map(|p| (Event::Accept { order: Box::new(p.order) }, p.line));
    policy.into_iter().chain(supply).chain(orders).collect()
}

/// A slip with the place in the file that it came from.
pub fn slip_at(file: &str, line: usize, slip: &Slip) -> Diagnostic {
    let d = Diagnostic::error(slip.words()).at_line(file, line);
    match slip {
        Slip::NoRoom(_) => d.hint("`state = \"proposed\"` enters a claim that holds no racks"),
        Slip::Wrong(_) => d,
    }
}
