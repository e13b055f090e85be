//! What a change of supply does to those who were promised something.

use super::book::Book;
use super::day::Day;
use super::desk::Desk;
use super::entry::Event;
use super::record::Promised;
use super::statement::Statement;

/// A claim before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Place in the book.
    pub place: usize,
    pub before: Promised,
    pub after: Promised,
}

impl Shift {
    /// Days that a quantile moves, positive for later. `None` where it is beyond the stated supply on either side.
    pub fn days(&self, pick: impl Fn(&Promised) -> Option<Day>) -> Option<i32> {
        Some(pick(&self.after)?.since(pick(&self.before)?))
    }

    /// Whether the claim falls out of the stated supply (1), comes back into it (-1), or neither (0), at its middle.
    pub fn lost(&self) -> i32 {
        i32::from(self.after.p50.is_none()) - i32::from(self.before.p50.is_none())
    }
}

/// The same claims under the supply of the book and under another one, with the same scenarios, the most hurt first: those
/// that fall out of the stated supply, then by days at the middle, then at 90%, then by place. With them the book as it is
/// under the other one.
///
/// # Errors
/// Words where the new supply cannot be entered.
pub fn shifts(book: &Book, supply: &Statement, today: Day) -> Result<(Vec<Shift>, Book), String> {
    let mut after = Desk::new(book.clone());
    after.enter(today, Event::Supply { supply: supply.clone() }).map_err(|s| s.words().to_owned())?;
    let before = Desk::new(book.clone()).arrivals(today);
    let then = after.arrivals(today);
    // A product that one of the statements lacks has no days on that side.
    let nothing = Promised { p10: None, p50: None, p90: None };
    let find = |list: &[(usize, Promised)], place: usize| list.binary_search_by_key(&place, |x| x.0).map_or(nothing, |i| list[i].1);
    let mut places: Vec<usize> = before.iter().chain(&then).map(|x| x.0).collect();
    places.sort_unstable();
    places.dedup();
    let mut out: Vec<Shift> =
        places.into_iter().map(|place| Shift { place, before: find(&before, place), after: find(&then, place) }).collect();
    let moved = |s: &Shift, pick: fn(&Promised) -> Option<Day>| s.days(pick).unwrap_or(0);
    out.sort_by_key(|s| (-s.lost(), -moved(s, |p| p.p50), -moved(s, |p| p.p90), s.place));
    Ok((out, after.book))
}
