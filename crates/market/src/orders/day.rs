//! A day of the calendar, written `2026-11-23`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

use crate::calendar::{DAY, date, days_from_civil, instant};

/// Days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// `YYYY-MM-DD`, or the first day of `YYYY-MM` or `YYYY`; years 1990 to 2100.
    pub fn parse(text: &str) -> Option<Day> {
        instant(text).map(Day::of)
    }

    /// The day that holds an instant.
    pub fn of(instant: i64) -> Day {
        Day(instant.div_euclid(DAY).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32)
    }

    /// Its first second.
    pub const fn instant(self) -> i64 {
        self.0 as i64 * DAY
    }

    /// First and last day that a book can name: what [`Day::parse`] reads.
    pub const FIRST: Day = Day(days_from_civil(1990, 1, 1) as i32);
    pub const LAST: Day = Day(days_from_civil(2100, 12, 31) as i32);

    /// Whether it is read again as it is written.
    pub fn is_readable(self) -> bool {
        (Day::FIRST..=Day::LAST).contains(&self)
    }

    /// Days from another day to this one.
    pub const fn since(self, other: Day) -> i32 {
        self.0.saturating_sub(other.0)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&date(self.instant()))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Day, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Day::parse(&text).filter(|_| text.len() == 10).ok_or_else(|| de::Error::custom(format!("`{text}` is not a day; write YYYY-MM-DD")))
    }
}
