//! One claim on racks: an order or a reservation.

use serde::{Deserialize, Serialize};

use super::day::Day;
use super::state::State;

/// Most racks of one claim, and most chips of one rack.
pub const MOST_RACKS: u32 = 1_000_000;
pub const MOST_CHIPS_PER_RACK: u32 = 100_000;
/// Most characters of a name and of a note.
const MOST_NAME: usize = 80;
const MOST_NOTE: usize = 400;
const MOST_TRANCHES: usize = 60;
const MOST_USD: f64 = 1e12;

/// What kind of claim it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// A purchase.
    Order,
    /// A right to racks, paid by a deposit and a share that is owed even when they are not taken.
    Reservation,
}

impl Claim {
    pub const fn name(self) -> &'static str {
        match self {
            Claim::Order => "order",
            Claim::Reservation => "reservation",
        }
    }
}

/// Racks on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tranche {
    pub day: Day,
    pub racks: u32,
}

/// What a buyer was told: days by which the last rack is in service in 10%, 50% and 90% of scenarios. `None`: not within
/// the stated supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promised {
    pub p10: Option<Day>,
    pub p50: Option<Day>,
    pub p90: Option<Day>,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: String,
    pub claim: Claim,
    pub customer: String,
    /// A class of the policy.
    pub class: String,
    /// The rack as the catalog names it, or a name of the user's.
    pub system: String,
    /// The chip whose supply it takes.
    pub product: String,
    pub racks: u32,
    pub chips_per_rack: u32,
    pub state: State,
    /// When it was accepted.
    pub placed: Day,
    /// No rack is wanted before.
    pub wanted: Day,
    /// Days for which racks are set aside, fixed when they were; one part for each part of the ramp. Empty while nothing is
    /// held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<Tranche>,
    /// Racks by day, where they are not all wanted at once; rising days, together `racks`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Tranche>,
    /// Last day of an offer or of a held slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd_per_rack: Option<f64>,
    #[serde(default)]
    pub deposit_usd: f64,
    /// Share that is paid for even when it is not taken.
    #[serde(default)]
    pub take_or_pay: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promised: Option<Promised>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<Tranche>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Order {
    pub fn chips(&self) -> f64 {
        f64::from(self.racks) * f64::from(self.chips_per_rack)
    }

    /// Whether it is offered or held no longer than to a day.
    pub fn may_run_out(&self, last: Day) -> bool {
        matches!(self.state, State::Proposed | State::Pending) && self.expires == Some(last)
    }

    pub fn delivered_racks(&self) -> u32 {
        self.delivered.iter().map(|t| t.racks).sum()
    }

    pub fn outstanding_racks(&self) -> u32 {
        self.racks.saturating_sub(self.delivered_racks())
    }

    /// Racks by day as they were asked for.
    pub fn asked(&self) -> Vec<Tranche> {
        if self.ramp.is_empty() { vec![Tranche { day: self.wanted, racks: self.racks }] } else { self.ramp.clone() }
    }

    /// Day of the last slot, or the last day that was asked for where there is none.
    pub fn complete(&self) -> Day {
        self.slots.last().or(self.ramp.last()).map_or(self.wanted, |t| t.day)
    }

    /// What is still to come, by day: the slots (without them, what was asked for) less what was delivered, earliest first.
    pub fn to_come(&self) -> Vec<Tranche> {
        self.left(if self.slots.is_empty() { self.asked() } else { self.slots.clone() })
    }

    /// What was asked for less what was delivered, earliest first.
    pub fn asked_left(&self) -> Vec<Tranche> {
        self.left(self.asked())
    }

    fn left(&self, planned: Vec<Tranche>) -> Vec<Tranche> {
        let mut gone = self.delivered_racks();
        let mut left = Vec::with_capacity(planned.len());
        for t in &planned {
            let taken = gone.min(t.racks);
            gone -= taken;
            if t.racks > taken {
                left.push(Tranche { day: t.day, racks: t.racks - taken });
            }
        }
        left
    }

    fn days(&self) -> impl Iterator<Item = Day> {
        let lists = self.slots.iter().chain(&self.ramp).chain(&self.delivered).map(|t| t.day);
        let told = self.promised.iter().flat_map(|p| [p.p10, p.p50, p.p90]).flatten();
        [self.placed, self.wanted].into_iter().chain(lists).chain(self.expires).chain(told)
    }

    fn parts(&self, what: &str, list: &[Tranche]) -> Result<(), String> {
        let sum: u64 = list.iter().map(|t| u64::from(t.racks)).sum();
        if list.len() > MOST_TRANCHES || list.windows(2).any(|w| w[0].day > w[1].day) || list.iter().any(|t| t.racks == 0) {
            return Err(format!("{what}: at most {MOST_TRANCHES} days that do not fall, each with racks"));
        }
        if !list.is_empty() && sum != u64::from(self.racks) {
            return Err(format!("{what}: {sum} racks, but the claim has {}", self.racks));
        }
        Ok(())
    }

    /// Whether all fields are inside their bounds. Words for the first that is not.
    pub fn check(&self) -> Result<(), String> {
        let name = |what: &str, text: &str| {
            let good = !text.trim().is_empty() && text.chars().count() <= MOST_NAME && !text.chars().any(char::is_control);
            if good { Ok(()) } else { Err(format!("{what} must be 1 to {MOST_NAME} characters in one line")) }
        };
        name("the id", &self.id)?;
        name("the customer", &self.customer)?;
        name("the class", &self.class)?;
        name("the system", &self.system)?;
        name("the chip", &self.product)?;
        if self.note.chars().count() > MOST_NOTE || self.note.chars().any(char::is_control) {
            return Err(format!("the note must be at most {MOST_NOTE} characters in one line"));
        }
        if !(1..=MOST_RACKS).contains(&self.racks) {
            return Err(format!("racks must be from 1 to {MOST_RACKS}"));
        }
        if !(1..=MOST_CHIPS_PER_RACK).contains(&self.chips_per_rack) {
            return Err(format!("chips of a rack must be from 1 to {MOST_CHIPS_PER_RACK}"));
        }
        let money = |what: &str, v: f64| {
            if (0.0..=MOST_USD).contains(&v) { Ok(()) } else { Err(format!("{what} must be from 0 to {MOST_USD:e} USD")) }
        };
        money("the deposit", self.deposit_usd)?;
        money("the price of a rack", self.usd_per_rack.unwrap_or(0.0))?;
        if !(0.0..=1.0).contains(&self.take_or_pay) {
            return Err("take-or-pay is a share from 0 to 1".to_owned());
        }
        self.parts("the ramp", &self.ramp)?;
        self.parts("the slots", &self.slots)?;
        if self.delivered.len() > 10 * MOST_TRANCHES || self.delivered.iter().map(|t| u64::from(t.racks)).sum::<u64>() > self.racks.into() {
            return Err("more racks delivered than claimed".to_owned());
        }
        match self.days().find(|d| !d.is_readable()) {
            Some(d) => Err(format!("{d} is no day of a book: they are from {} to {}", Day::FIRST, Day::LAST)),
            None => Ok(()),
        }
    }

    /// Whether a claim that is entered on a day contradicts itself. Words for the first contradiction. What is already in a
    /// history is not asked: that is what happened.
    pub fn consistent(&self, day: Day) -> Result<(), String> {
        let told = |words: String| Err(format!("claim `{}`: {words}", self.id));
        for (what, text) in [
            ("the id", &self.id),
            ("the customer", &self.customer),
            ("the class", &self.class),
            ("the system", &self.system),
            ("the chip", &self.product),
        ] {
            if text.trim() != text {
                return Err(format!("{what} `{text}` begins or ends with a space"));
            }
        }
        if let Some(t) = self.ramp.first().filter(|t| t.day < self.wanted) {
            return told(format!("its ramp begins on {}, but no rack is wanted before {}", t.day, self.wanted));
        }
        let asked = self.asked();
        let early = self.slots.iter().enumerate().find_map(|(i, s)| {
            let wanted = if self.slots.len() == asked.len() { asked[i].day } else { self.wanted };
            (s.day < wanted).then_some((s.day, wanted))
        });
        if let Some((slot, wanted)) = early {
            return told(format!("its slot {slot} is before {wanted}, from when it is wanted"));
        }
        if let Some(price) = self.usd_per_rack.map(|p| p * f64::from(self.racks)).filter(|p| self.deposit_usd > *p) {
            return told(format!("its deposit of {} USD is more than its price, {price} USD", self.deposit_usd));
        }
        if let Some(t) = self.delivered.iter().find(|t| t.day > day) {
            return told(format!("racks are delivered on {}, after {day}, the day of the entry", t.day));
        }
        if let Some(p) = self.promised {
            let days = [p.p10, p.p50, p.p90].map(|d| d.map_or(i32::MAX, |d| d.0));
            if !days.is_sorted() {
                return told("the days of 10%, 50% and 90% must rise".to_owned());
            }
        }
        let left = self.outstanding_racks();
        match self.state {
            State::Exhausted if left > 0 => return told(format!("it is exhausted, but {left} racks are not delivered")),
            State::Active if left == 0 => return told("all its racks are delivered: its state is exhausted".to_owned()),
            State::Proposed | State::Pending if !self.delivered.is_empty() => {
                return told(format!("racks are delivered, but it is {}", self.state.name()));
            }
            State::Pending => match self.expires {
                None => return told("it is pending, so it needs the day on which it expires".to_owned()),
                Some(e) if e < day => return told(format!("it is pending, but it expired on {e}")),
                Some(_) => {}
            },
            _ => {}
        }
        match (self.state, &self.superseded_by) {
            (State::Superseded, Some(by)) if *by != self.id => Ok(()),
            (State::Superseded, _) => told("it is superseded by which other claim?".to_owned()),
            (_, Some(_)) => told("only a superseded claim names another".to_owned()),
            (_, None) => Ok(()),
        }
    }
}
