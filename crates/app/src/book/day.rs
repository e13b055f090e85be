//! Today.

use secondsource::Diagnostic;
use secondsource::orders::Day;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day, and whether somebody said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    pub day: Day,
    /// Given with `--date`, not read off the clock.
    pub said: bool,
}

/// The day given, or the clock's, UTC.
pub fn today(given: Option<&str>) -> Result<Today, Diagnostic> {
    if let Some(word) = given {
        let day = Day::parse(word).filter(|_| word.len() == 10);
        return day
            .map(|day| Today { day, said: true })
            .ok_or_else(|| Diagnostic::error(format!("--date: `{word}` is not a day")).hint("write YYYY-MM-DD, for example 2026-11-23"));
    }
    let seconds = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(d) => d.as_secs() as i64,
        Err(e) => -(e.duration().as_secs() as i64),
    };
    Ok(Today { day: Day::of(seconds), said: false })
}

impl Today {
    /// The day of the next entry, after an entry of `last`; words for stderr when it is not this one.
    pub fn after(self, last: Option<Day>) -> Result<(Day, Option<Diagnostic>), Diagnostic> {
        self.not_before(last, "entered under")
    }

    /// The day to look at a book from whose last entry is of `last`.
    pub fn looking(self, last: Option<Day>) -> Result<(Day, Option<Diagnostic>), Diagnostic> {
        self.not_before(last, "looked at as of")
    }

    fn not_before(self, last: Option<Day>, done: &str) -> Result<(Day, Option<Diagnostic>), Diagnostic> {
        match last {
            Some(last) if self.day < last && self.said => {
                Err(Diagnostic::error(format!("--date {}: the book's last entry is of {last}", self.day))
                    .hint("entries stay in their order; give that day or a later one"))
            }
            Some(last) if self.day < last => {
                let d = Diagnostic::warning(format!("the clock says {}, but the book's last entry is of {last}: {done} {last}", self.day));
                Ok((last, Some(d.hint("the history is in the order of its numbers, whatever a clock says"))))
            }
            _ => Ok((self.day, None)),
        }
    }
}
