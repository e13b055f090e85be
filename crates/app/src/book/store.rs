//! Reading and adding rows.

use super::day::Today;
use super::salvage;
use super::schema::{To, connect};
use super::words::{damaged, told};
use crate::failure::Failure;
use rusqlite::Connection;
use secondsource::orders::{Book, Day, Desk, Entry, Event, MOST_ENTRIES, Slip, default_policy};
use secondsource::{Catalog, Diagnostic};

/// An open book.
pub struct Store {
    path: String,
    db: Connection,
    /// As of the last row that was read.
    desk: Desk,
    chain: u64,
}

/// Events to be entered, made from the book as it is at that moment, when no other writer can come between.
pub trait Write {
    /// Called once, in the transaction.
    fn events(&mut self, book: &Book, day: Day) -> Result<Vec<Event>, Failure>;

    /// An event that cannot be entered.
    fn refuse(&self, at: usize, slip: &Slip) -> Failure {
        let _ = at;
        Diagnostic::error(slip.words()).into()
    }
}

impl<F: FnMut(&Book, Day) -> Result<Vec<Event>, Failure>> Write for F {
    fn events(&mut self, book: &Book, day: Day) -> Result<Vec<Event>, Failure> {
        self(book, day)
    }
}

impl Store {
    /// Opens a book that is there.
    pub fn open(path: &str, catalog: &Catalog) -> Result<Store, Failure> {
        Store::with(path, catalog, To::Enter, &mut |_| {})
    }

    /// Opens a book, or makes an empty one.
    pub fn open_or_make(path: &str, catalog: &Catalog) -> Result<Store, Failure> {
        Store::with(path, catalog, To::Make, &mut |_| {})
    }

    /// Opens a book that is there to look at it; nothing is written. Gives each entry as it is read.
    pub fn look(path: &str, catalog: &Catalog, seen: &mut dyn FnMut(Entry)) -> Result<Store, Failure> {
        Store::with(path, catalog, To::Look, seen)
    }

    fn with(path: &str, catalog: &Catalog, to: To, seen: &mut dyn FnMut(Entry)) -> Result<Store, Failure> {
        let db = connect(path, to)?;
        let desk = Desk::new(Book::new(default_policy(catalog)?));
        let mut store = Store { path: path.to_owned(), db, desk, chain: salvage::CHAIN_START };
        store.catch_up(seen)?;
        Ok(store)
    }

    pub fn book(&self) -> &Book {
        &self.desk.book
    }

    pub fn into_book(self) -> Book {
        self.desk.book
    }

    /// Applies rows that others have added since.
    fn catch_up(&mut self, seen: &mut dyn FnMut(Entry)) -> Result<(), Failure> {
        let (path, desk) = (&self.path, &mut self.desk);
        let chain = read_rows(&self.db, path, desk.book.seq, self.chain, &mut |entry| {
            desk.apply(&entry).map_err(|slip| damaged(path, &format!("entry {}: {}", entry.seq, slip.words())))?;
            seen(entry);
            Ok(())
        })?;
        self.chain = chain;
        Ok(())
    }

    /// Makes events of the book as it stands and enters all of them, or none. What it gives back is on disk.
    pub fn write(&mut self, today: Today, say: &dyn Fn(&Diagnostic), write: &mut dyn Write) -> Result<Vec<Entry>, Failure> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| told(&path, &e);
        // Only one writer at a time gets past here, and readers see nothing of it before the commit.
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
        let done = self.enter_all(today, say, write);
        match done {
            Ok((entries, chain)) => match self.db.execute_batch("COMMIT") {
                Ok(()) => {
                    self.chain = chain;
                    Ok(entries)
                }
                Err(e) => {
                    self.undo();
                    Err(told(&path, &e))
                }
            },
            Err(failure) => {
                self.undo();
                Err(failure)
            }
        }
    }

    /// After a transaction that came to nothing. The book in memory is no longer that of the file.
    fn undo(&mut self) {
        if !self.db.is_autocommit() {
            // Closing the connection rolls back too.
            drop(self.db.execute_batch("ROLLBACK"));
        }
    }

    fn enter_all(&mut self, today: Today, say: &dyn Fn(&Diagnostic), write: &mut dyn Write) -> Result<(Vec<Entry>, u64), Failure> {
        self.catch_up(&mut |_| {})?;
        let (day, warning) = today.after(self.desk.book.last)?;
        if let Some(d) = warning {
            say(&d);
        }
        self.desk.look(day);
        let events = write.events(&self.desk.book, day)?;
        let mut chain = self.chain;
        let mut entries = Vec::with_capacity(events.len());
        for (at, event) in events.into_iter().enumerate() {
            if self.desk.book.seq as usize >= MOST_ENTRIES {
                return Err(Diagnostic::error(format!("a book has at most {MOST_ENTRIES} entries")).into());
            }
            let entry = self.desk.enter(day, event).map_err(|slip| write.refuse(at, &slip))?;
            chain = self.insert(&entry, chain)?;
            entries.push(entry);
        }
        Ok((entries, chain))
    }

    /// Fills an empty book with entries as they are, or enters nothing.
    pub fn replay(&mut self, entries: &[Entry], refuse: &dyn Fn(u64, &Slip) -> Failure) -> Result<(), Failure> {
        let path = self.path.clone();
        let fail = |e: rusqlite::Error| told(&path, &e);
        self.db.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
        let done = self.copy_all(entries, refuse).and_then(|chain| {
            self.db.execute_batch("COMMIT").map_err(fail)?;
            self.chain = chain;
            Ok(())
        });
        if done.is_err() {
            self.undo();
        }
        done
    }

    fn copy_all(&mut self, entries: &[Entry], refuse: &dyn Fn(u64, &Slip) -> Failure) -> Result<u64, Failure> {
        self.catch_up(&mut |_| {})?;
        let there = self.desk.book.seq;
        if there > 0 {
            let d = Diagnostic::error(format!("a history is only read into an empty book; this one has {there} entries"));
            return Err(d.in_file(&self.path).hint("claims alone are read from a table: `orders export --to FILE.csv`").into());
        }
        let mut chain = self.chain;
        for entry in entries {
            self.desk.apply(entry).map_err(|slip| refuse(entry.seq, &slip))?;
            chain = self.insert(entry, chain)?;
        }
        Ok(chain)
    }

    /// Adds a row; gives the chain after it.
    fn insert(&self, entry: &Entry, chain: u64) -> Result<u64, Failure> {
        let fail = |e: rusqlite::Error| told(&self.path, &e);
        let body =
            serde_json::to_string(entry).map_err(|e| Failure::Internal(Diagnostic::error(format!("an entry cannot be written: {e}"))))?;
        // Nothing is acknowledged that could not be read again.
        serde_json::from_str::<Entry>(&body).map_err(|e| {
            Diagnostic::error(format!("entry {} could not be read again: {e}", entry.seq))
                .hint("nothing was entered; the book is as it was")
        })?;
        let chain = salvage::link(chain, &body);
        let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
        let mut row = self
            .db
            .prepare_cached("INSERT INTO history (seq, day, event, claim, body, chain) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
            .map_err(fail)?;
        row.execute((seq, entry.day.to_string(), entry.event.name(), entry.event.id(), &body, format!("{chain:016x}"))).map_err(fail)?;
        Ok(chain)
    }

    /// SQLite's own check of every page, then every row against the chain. Words of what is wrong.
    pub fn verify(&self) -> Result<(), Failure> {
        let fail = |e: rusqlite::Error| told(&self.path, &e);
        let words: String = self.db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(fail)?;
        if words != "ok" {
            return Err(damaged(&self.path, words.lines().next().unwrap_or("a page does not read")));
        }
        read_rows(&self.db, &self.path, 0, salvage::CHAIN_START, &mut |_| Ok(())).map(|_| ())
    }
}

/// Rows after a number, each checked against the chain; gives the chain of the last one.
fn read_rows(
    db: &Connection,
    path: &str,
    after: u64,
    mut chain: u64,
    take: &mut dyn FnMut(Entry) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let fail = |e: rusqlite::Error| told(path, &e);
    let mut select = db.prepare_cached("SELECT seq, body, chain FROM history WHERE seq > ?1 ORDER BY seq").map_err(fail)?;
    let mut rows = select.query([i64::try_from(after).unwrap_or(i64::MAX)]).map_err(fail)?;
    let mut seq = after;
    while let Some(row) = rows.next().map_err(fail)? {
        seq += 1;
        let (number, body, kept): (i64, String, String) = (row.get(0).map_err(fail)?, row.get(1).map_err(fail)?, row.get(2).map_err(fail)?);
        chain = salvage::link(chain, &body);
        if number != i64::try_from(seq).unwrap_or(i64::MAX) || kept != format!("{chain:016x}") {
            return Err(damaged(path, &format!("entry {seq} is not what was written")));
        }
        let entry: Entry = serde_json::from_str(&body).map_err(|e| damaged(path, &format!("entry {seq} does not read: {e}")))?;
        if entry.seq != seq {
            return Err(damaged(path, &format!("entry {seq} carries the number {}", entry.seq)));
        }
        take(entry)?;
    }
    Ok(chain)
}

/// Opens what is left of a damaged book, without checks and without writing.
pub fn open_anyhow(path: &str) -> Option<Connection> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).ok()
}
