//! Sold out, fully reserved: words for how much of a chip's supply is spoken for, computed.

use super::book::Book;
use super::day::Day;
use super::record::Claim;
use super::state::State;

/// How much is spoken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It lies in the past: nothing can be promised for it.
    Over,
    /// Nothing surely comes.
    Nothing,
    /// Less than half is held, and more than half can still be promised.
    Open,
    /// Half or more is held by orders and reservations.
    LargelyReserved,
    /// Nine tenths or more.
    NearlySubscribed,
    /// Not one more rack can be promised, and most of what is held is reserved.
    FullyReserved,
    /// Not one more rack can be promised, and most of what is held is ordered.
    SoldOut,
}

impl Taken {
    pub const fn words(self) -> &'static str {
        match self {
            Taken::Over => "over",
            Taken::Nothing => "nothing surely comes",
            Taken::Open => "open",
            Taken::LargelyReserved => "largely reserved",
            Taken::NearlySubscribed => "nearly fully subscribed",
            Taken::FullyReserved => "fully reserved",
            Taken::SoldOut => "sold out",
        }
    }
}

/// A stretch of time of one chip, in chips.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    pub from: Day,
    /// The day after its last.
    pub until: Day,
    /// Surely comes in it.
    pub sure: f64,
    pub ordered: f64,
    pub reserved: f64,
    pub pending: f64,
    pub proposed: f64,
    /// Can still be promised with a slot before `until`, by the highest class; nothing of what is over.
    pub free: f64,
    pub taken: Taken,
}

/// The calendar years of a chip's stated supply, and last the whole of it, seen from a day.
pub fn statuses(book: &Book, product: &str, today: Day) -> Vec<Status> {
    let Some(line) = book.line(product) else { return Vec::new() };
    let edges = line.edges();
    let (start, end) = (edges[0], edges[edges.len() - 1]);
    let mut cuts = vec![start];
    cuts.extend(edges.iter().copied().filter(|e| *e > start && *e < end && e.to_string().ends_with("-01-01")));
    cuts.push(end);
    let mut spans: Vec<(Day, Day)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
    if spans.len() > 1 {
        spans.push((start, end));
    }
    let rack = book.orders().iter().filter(|o| o.product == product).map(|o| f64::from(o.chips_per_rack)).fold(f64::INFINITY, f64::min);
    let rack = if rack.is_finite() { rack } else { 1.0 };
    let seen = |s: Status| if s.until <= today { Status { free: 0.0, taken: Taken::Over, ..s } } else { s };
    spans.into_iter().map(|(from, until)| seen(status(book, product, from, until, rack))).collect()
}

fn status(book: &Book, product: &str, from: Day, until: Day, rack: f64) -> Status {
    let mut left = f64::INFINITY;
    let mut s = Status { from, until, sure: 0.0, ordered: 0.0, reserved: 0.0, pending: 0.0, proposed: 0.0, free: 0.0, taken: Taken::Open };
    if let Some(line) = book.line(product) {
        let rooms = line.rooms();
        let sum = |day: Day| rooms.iter().take_while(|r| r.from < day).last().map_or(0.0, |r| r.sure);
        s.sure = sum(until) - sum(from);
        let last = rooms.iter().rposition(|r| r.from < until).unwrap_or(0);
        left = rooms.get(last).map_or(0.0, |r| r.free);
        s.free = line.free(&book.policy, 0).get(last).copied().unwrap_or(0.0);
    }
    let first = book.supply.as_ref().map_or(from, |s| s.start);
    for o in book.orders().iter().filter(|o| o.product == product) {
        let inside = |day: Day| (day >= from || from == first) && day < until;
        let per_rack = f64::from(o.chips_per_rack);
        let coming: u32 = o.to_come().iter().filter(|t| inside(t.day)).map(|t| t.racks).sum();
        let gone: u32 = o.delivered.iter().filter(|t| t.day >= first && inside(t.day)).map(|t| t.racks).sum();
        let gone = f64::from(gone) * per_rack;
        match o.claim {
            Claim::Order => s.ordered += gone,
            Claim::Reservation => s.reserved += gone,
        }
        let chips = f64::from(coming) * per_rack;
        match (o.state, o.claim) {
            (State::Active, Claim::Order) => s.ordered += chips,
            (State::Active, Claim::Reservation) => s.reserved += chips,
            (State::Pending, _) => s.pending += chips,
            (State::Proposed, _) => s.proposed += chips,
            _ => {}
        }
    }
    let held = s.ordered + s.reserved + s.pending;
    // What was handed over or is due later may leave less than what is held inside the span.
    let gone = s.sure - left;
    s.taken = match held.max(gone) / s.sure.max(1e-9) {
        _ if s.sure < 1.0 => Taken::Nothing,
        _ if s.free < rack && s.ordered >= s.reserved + s.pending => Taken::SoldOut,
        _ if s.free < rack => Taken::FullyReserved,
        share if share >= 0.9 => Taken::NearlySubscribed,
        share if share >= 0.5 => Taken::LargelyReserved,
        _ => Taken::Open,
    };
    s
}
