//! What SQLite says, in words for the reader.

use crate::failure::Failure;
use rusqlite::{Error, ErrorCode};
use secondsource::Diagnostic;
use std::fs::File;
use std::io::Read;

/// A damaged book, and how to get out of it what can be read.
pub fn damaged(path: &str, what: &str) -> Failure {
    let d = Diagnostic::error(format!("this order book is damaged: {what}")).in_file(path);
    d.hint("it has not been touched; keep a copy of it")
        .hint(format!(
            "`secondsource orders export --book {path} --salvage --to RESCUED.json` reads what can be read, and says what cannot"
        ))
        .into()
}

/// Something else than a book.
pub fn no_book(path: &str, what: &str) -> Failure {
    let d = Diagnostic::error(format!("this is no order book{what}")).in_file(path);
    d.hint("a book is a database that `orders import` makes, a history (.json) or a file by hand (.toml)").into()
}

/// Whether a file begins like a text, which no database does.
fn is_words(path: &str) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|f| f.take(512).read_to_end(&mut head));
    read.is_ok() && !head.is_empty() && head.iter().all(|b| !b.is_ascii_control() || b.is_ascii_whitespace())
}

/// A failure of the database.
pub fn told(path: &str, e: &Error) -> Failure {
    let internal = |words: String| Diagnostic::error(words).in_file(path);
    let unchanged = "nothing was entered; the book is as it was";
    match e.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) if is_words(path) => no_book(path, ""),
        Some(ErrorCode::NotADatabase) => damaged(path, "its first page is not that of a database"),
        Some(ErrorCode::DatabaseCorrupt) => damaged(path, "a page of it does not read"),
        Some(ErrorCode::DiskFull) => Failure::Internal(internal("the disk is full".to_owned()).hint(unchanged)),
        Some(ErrorCode::SystemIoFailure) => Failure::Internal(
            internal(format!("the disk refused: {e}")).hint(unchanged).hint("a full disk or a limit on file sizes says this too"),
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Failure::Internal(internal("another writer has held this book for a minute".to_owned()).hint(unchanged))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            Failure::Internal(internal("this order book may not be written".to_owned()).hint(unchanged))
        }
        Some(ErrorCode::CannotOpen) => Failure::Internal(
            internal("this order book cannot be opened".to_owned()).hint("is its folder there, and may it be written to?"),
        ),
        Some(ErrorCode::ConstraintViolation) => damaged(path, &format!("a row would not fit: {e}")),
        _ => match e {
            Error::InvalidColumnType(..) | Error::FromSqlConversionFailure(..) | Error::Utf8Error(..) => {
                damaged(path, "a row holds something else than text")
            }
            _ => Failure::Internal(internal(format!("the book's database says: {e}"))),
        },
    }
}
