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
use secondsource::orders::{Book, Day, Desk, Entry, Event, Slip, default_policy, read_book, read_history};
use secondsource::{Catalog, Diagnostic};
use std::fs;

/// A book that has been read, with its history.
pub struct Read {
    pub book: Book,
    pub entries: Vec<Entry>,
}

/// Reads a book for looking only: a database, a history (`.json`) or a book by hand (`.toml`).
pub fn read(path: &str, catalog: &Catalog, today: Today) -> Result<Read, Failure> {
    if schema::is_database(path)? {
        let mut entries = Vec::new();
        let store = Store::look(path, catalog, &mut |entry| entries.push(entry))?;
        return Ok(Read { book: store.into_book(), entries });
    }
    let text = io::read_text(path, "order book", limit(path))?;
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
    Err(words::no_book(path, ""))
}

/// Largest file that is read: a history may have as many entries as a book has.
pub fn limit(path: &str) -> u64 {
    if path.ends_with(".json") { 4 << 30 } else { io::MAX_TABLE }
}

/// Refuses to write over an order book: the one that is asked, by whatever name, or any other database.
pub fn keep(target: &str, flag: &str, book: Option<&str>) -> Result<(), Diagnostic> {
    let refuse = |what: &str| Diagnostic::error(format!("{flag} {target}: {what}")).hint("nothing was written; give another name");
    if let (Ok(to), Some(Ok(of))) = (fs::canonicalize(target), book.map(fs::canonicalize))
        && to == of
    {
        return Err(refuse("this is the order book itself"));
    }
    let mut head = [0; schema::MAGIC.len()];
    match fs::File::open(target).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut head)) {
        Ok(()) if head == *schema::MAGIC => Err(refuse("there is a database of that name")),
        _ => Ok(()),
    }
}

/// Whether events could be entered into a new book, without making it.
pub fn try_on(catalog: &Catalog, day: Day, write: &mut dyn Write, most: usize) -> Result<(), Failure> {
    let mut book = Book::new(default_policy(catalog)?);
    let events = write.events(&book, day)?;
    for (at, mut event) in events.into_iter().enumerate().take(most) {
        if let Event::Accept { order } = &mut event
            && order.id.is_empty()
        {
            order.id = book.next_id();
        }
        let entered = book.draft(day, event).and_then(|entry| book.apply(&entry));
        entered.map_err(|slip| write.refuse(at, &slip))?;
    }
    Ok(())
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
