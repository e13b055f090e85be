//! BT22: a queue that took 39 weeks in September 2023, and what it takes in April 2024.
//!
//! Supply is what was shipped (Epoch AI's counts). Orders in between are not published, so they are fitted on the first date
//! alone: the second one is the test.

use super::backtests::{BackTest, UnitRow, Verdict};
use super::figures::Reader;
use secondsource_base::Diagnostic;
use secondsource_market::calendar::{DAY, instant};

const WEEK: i64 = 7 * DAY;

/// Chips of one kind by fiscal quarter, each spread evenly over it: (first instant, the instant after its last, chips).
struct Shipped(Vec<(i64, i64, f64)>);

impl Shipped {
    fn of(rows: &[UnitRow], chips: &[&str]) -> Shipped {
        let at = |d: &str| instant(d).unwrap_or(0);
        let mine = rows.iter().filter(|r| chips.contains(&r.chip.as_str()));
        Shipped(mine.map(|r| (at(&r.start), at(&r.end) + DAY, r.units_median)).collect())
    }

    fn between(&self, from: i64, until: i64) -> f64 {
        let part = |a: i64, b: i64| (until.min(b) - from.max(a)).max(0) as f64 / (b - a) as f64;
        self.0.iter().map(|(a, b, units)| units * part(*a, *b)).sum()
    }

    /// Chips a week at an instant.
    fn rate(&self, t: i64) -> f64 {
        self.between(t, t + WEEK)
    }

    fn first(&self) -> i64 {
        self.0.iter().map(|q| q.0).min().unwrap_or(0)
    }

    /// Whole weeks until so many more have been shipped.
    fn weeks(&self, from: i64, chips: f64) -> f64 {
        (0..200).find(|w| self.between(from, from + w * WEEK) >= chips).unwrap_or(200) as f64
    }
}

/// How a vendor turns chips that are owed into weeks.
#[derive(Clone, Copy)]
enum Quote {
    /// The ramp is known: the weeks in which so many are in fact shipped.
    Ramp,
    /// What is owed over what is shipped now.
    Present,
}

impl Quote {
    fn owed(self, s: &Shipped, at: i64, weeks: f64) -> f64 {
        match self {
            Quote::Ramp => s.between(at, at + (weeks * WEEK as f64) as i64),
            Quote::Present => s.rate(at) * weeks,
        }
    }

    fn weeks(self, s: &Shipped, at: i64, owed: f64) -> f64 {
        match self {
            Quote::Ramp => s.weeks(at, owed.max(0.0)),
            Quote::Present => (owed / s.rate(at).max(1e-9)).max(0.0),
        }
    }
}

pub fn queue(r: &Reader<'_>, rows: &[UnitRow]) -> Result<BackTest, Diagnostic> {
    let at = |d: &str| instant(d).unwrap_or(0);
    let low = r.value("decide.delivery-low")? / 7.0;
    let high = r.value("decide.delivery-mid")? / 7.0;
    let first = r.value("decide.delivery-high")? / 7.0;
    let other = r.value("decide.delivery-hpe")? / 7.0;
    let s = Shipped::of(rows, &["H100", "H800"]);
    let (then, now) = (at("2023-09-05"), at("2024-04-12"));
    let between = s.between(then, now);
    let span = (now - then) as f64 / WEEK as f64;
    let (mut waits, mut needed) = (Vec::new(), Vec::new());
    for quote in [Quote::Ramp, Quote::Present] {
        let owed = quote.owed(&s, then, first);
        // Orders as many as deliveries; or as many a week as made this queue since the first chip.
        let pace = (s.between(s.first(), then) + owed) / ((then - s.first()) as f64 / WEEK as f64);
        for orders in [between, pace * span] {
            waits.push(quote.weeks(&s, now, owed + orders - between));
        }
        let wanted = quote.owed(&s, now, f64::midpoint(low, high));
        needed.push(100.0 * (wanted - owed + between) / between);
    }
    let steady = waits[0];
    let (least, most) = waits.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), w| (a.min(*w), b.max(*w)));
    Ok(BackTest {
        id: "BT22",
        what: "weeks to an H100 server, from a queue of 39 weeks",
        published: format!("{low:.0} to {high:.0} weeks in April 2024 (Dell)"),
        tolerance: "within the window",
        ours: format!(
            "{steady:.0} weeks if orders keep up with deliveries ({least:.0} to {most:.0} with orders as before and by two ways to quote); the \
             window needs orders of {:.0} to {:.0}% of them; HPE quoted {other:.0} weeks in March",
            needed[0], needed[1]
        ),
        value: steady,
        verdict: if (low..=high).contains(&steady) { Verdict::Inside } else { Verdict::Outside },
        trust: "B",
        caveat: "orders after September 2023 are not published, nor how many were cancelled, doubled at two vendors, or sold on: any of \
                 these explains the fall, and none has a number to test; two vendors differed twofold within a month",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred chips a week, then two hundred.
    #[test]
    fn two_ways_to_quote() {
        let s = Shipped(vec![(0, 10 * WEEK, 1000.0), (10 * WEEK, 20 * WEEK, 2000.0)]);
        assert_eq!((s.between(5 * WEEK, 12 * WEEK), s.rate(0), s.first()), (900.0, 100.0, 0));
        let owed = Quote::Ramp.owed(&s, 5 * WEEK, 7.0);
        assert_eq!((owed, Quote::Present.owed(&s, 5 * WEEK, 7.0)), (900.0, 700.0));
        assert_eq!((Quote::Ramp.weeks(&s, 5 * WEEK, owed), Quote::Present.weeks(&s, 5 * WEEK, owed)), (7.0, 9.0));
        assert_eq!(Quote::Present.weeks(&s, 0, -5.0), 0.0);
    }
}
