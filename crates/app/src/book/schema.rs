//! The database: one table of rows that can be added but neither changed nor deleted.

use super::words::{no_book, told};
use crate::failure::Failure;
use rusqlite::{Connection, OpenFlags};
use secondsource::Diagnostic;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// Marks the file as an order book ("SSOB").
pub const APPLICATION: i32 = 0x5353_4f42;
/// Largest file that is opened.
const MOST_BYTES: u64 = 8 << 30;
pub const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest text of one row.
const MOST_TEXT: i32 = 1 << 20;

/// Step `n` brings a database from version `n` to `n + 1`. Steps are never changed, only added.
const MIGRATIONS: [&str; 2] = [
    // Rows hold the entry as JSON, so that each can be read by itself even where the rest of the file is damaged. `chain` is a
    // hash over the row and the chain before it.
    "CREATE TABLE history (
       seq INTEGER PRIMARY KEY,
       day TEXT NOT NULL,
       event TEXT NOT NULL,
       claim TEXT,
       body TEXT NOT NULL,
       chain TEXT NOT NULL
     ) STRICT;
     CREATE UNIQUE INDEX accepted ON history (claim) WHERE event = 'accept';
     CREATE TRIGGER history_is_never_changed BEFORE UPDATE ON history
       BEGIN SELECT RAISE(ABORT, 'the history is never changed'); END;
     CREATE TRIGGER history_is_never_deleted BEFORE DELETE ON history
       BEGIN SELECT RAISE(ABORT, 'the history is never deleted'); END;
     CREATE TRIGGER history_has_no_gaps BEFORE INSERT ON history
       WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM history)
         OR NEW.day < (SELECT COALESCE(MAX(day), '') FROM history WHERE seq = NEW.seq - 1)
       BEGIN SELECT RAISE(ABORT, 'the history has no gaps and goes forward'); END;",
    // For people with other tools: what was accepted, and where it stands.
    "CREATE INDEX of_claim ON history (claim, seq);
     CREATE VIEW claims AS
       SELECT a.seq, a.day AS accepted, a.claim AS id,
         json_extract(a.body, '$.order.customer') AS customer,
         json_extract(a.body, '$.order.class') AS class,
         json_extract(a.body, '$.order.system') AS system,
         json_extract(a.body, '$.order.racks') AS racks,
         json_extract(a.body, '$.order.wanted') AS wanted,
         COALESCE((SELECT json_extract(m.body, '$.to') FROM history m WHERE m.claim = a.claim AND m.event = 'move'
                   ORDER BY m.seq DESC LIMIT 1), json_extract(a.body, '$.order.state')) AS state,
         COALESCE((SELECT SUM(json_extract(d.body, '$.racks')) FROM history d WHERE d.claim = a.claim AND d.event = 'deliver'), 0)
           AS delivered
       FROM history a WHERE a.event = 'accept';",
];

/// Whether a file is a database by its first bytes. An empty file is none.
pub fn is_database(path: &str) -> Result<bool, Failure> {
    let refuse = |words: &str| Diagnostic::error(words).in_file(path);
    let meta = match fs::metadata(path) {
        Ok(m) => m,
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let d = refuse("there is no such order book");
            return Err(d.hint(format!("`secondsource orders import --book {path} FILE` makes one")).into());
        }
        Err(e) => return Err(refuse(&format!("this order book cannot be read: {e}")).into()),
    };
    if !meta.is_file() {
        return Err(refuse("this is not a file, but an order book is needed").into());
    }
    if meta.len() > MOST_BYTES {
        return Err(refuse("this file is too large for an order book: at most 8 GiB are opened").into());
    }
    let mut head = [0u8; 16];
    let read = File::open(path).and_then(|mut f| {
        let mut n = 0;
        while n < head.len() {
            match f.read(&mut head[n..])? {
                0 => break,
                k => n += k,
            }
        }
        Ok(n)
    });
    match read {
        Ok(n) => Ok(n == 16 && head == *MAGIC || !is_text(path)),
        Err(e) => Err(refuse(&format!("this order book cannot be read: {e}")).into()),
    }
}

/// Whether a name says that the file is text.
fn is_text(path: &str) -> bool {
    let end = Path::new(path).extension().and_then(|e| e.to_str()).unwrap_or_default();
    matches!(end, "toml" | "json" | "csv")
}

/// What a book is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Nothing is written, but what a writer that died has left half done is undone.
    Look,
    /// It is brought up to date.
    Enter,
    /// A missing or empty file is made a book.
    Make,
}

/// Opens a database.
pub fn connect(path: &str, to: To) -> Result<Connection, Failure> {
    let create = to == To::Make;
    let fail = |e: rusqlite::Error| told(path, &e);
    let there = Path::new(path).exists();
    if there || !create {
        is_database(path)?;
    }
    if !create && fs::metadata(path).is_ok_and(|m| m.len() == 0) {
        return Err(no_book(path, ": the file is empty"));
    }
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut db = Connection::open_with_flags(path, flags).map_err(fail)?;
    db.busy_timeout(PATIENCE).map_err(fail)?;
    db.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, MOST_TEXT).map_err(fail)?;
    if to == To::Look {
        db.pragma_update(None, "query_only", true).map_err(fail)?;
        db.pragma_update(None, "trusted_schema", false).map_err(fail)?;
        db.pragma_update(None, "cell_size_check", true).map_err(fail)?;
        version(&db, path)?;
        return Ok(db);
    }
    if !there {
        db.pragma_update(None, "page_size", 16384).map_err(fail)?;
    }
    // A commit is on disk, file and folder, when it returns.
    db.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(fail)?;
    db.pragma_update(None, "synchronous", "EXTRA").map_err(fail)?;
    db.pragma_update(None, "trusted_schema", false).map_err(fail)?;
    db.pragma_update(None, "cell_size_check", true).map_err(fail)?;
    if !create {
        version(&db, path)?;
    }
    migrate(&mut db, path)?;
    Ok(db)
}

/// The version of a book that is one.
fn version(db: &Connection, path: &str) -> Result<i32, Failure> {
    match looked_at(db, path)? {
        0 => Err(no_book(path, ": the database is empty")),
        version => Ok(version),
    }
}

/// The version of a database that is a book, or that is empty (0) and can be made one.
fn looked_at(db: &Connection, path: &str) -> Result<i32, Failure> {
    let fail = |e: rusqlite::Error| told(path, &e);
    let number = |name: &str| db.pragma_query_value(None, name, |r| r.get::<_, i32>(0)).map_err(fail);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 = db.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(fail)?;
    if application != APPLICATION && (application != 0 || version != 0 || tables > 0) {
        return Err(Diagnostic::error("this is an SQLite database, but not an order book").in_file(path).into());
    }
    let newest = MIGRATIONS.len() as i32;
    if version > newest || version < 0 {
        let d = Diagnostic::error(format!("this book is of version {version}, but this program knows versions up to {newest}"));
        return Err(d.in_file(path).hint("a newer secondsource has written it; nothing was changed").into());
    }
    Ok(version)
}

fn migrate(db: &mut Connection, path: &str) -> Result<(), Failure> {
    let fail = |e: rusqlite::Error| told(path, &e);
    let newest = MIGRATIONS.len() as i32;
    if looked_at(db, path)? == newest {
        return Ok(());
    }
    let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(fail)?;
    // Another process may have been faster.
    let version = looked_at(&step, path)?;
    for sql in &MIGRATIONS[version as usize..] {
        step.execute_batch(sql).map_err(fail)?;
    }
    step.pragma_update(None, "application_id", APPLICATION).map_err(fail)?;
    step.pragma_update(None, "user_version", newest).map_err(fail)?;
    step.commit().map_err(fail)
}
