//! What `decide` is asked: jobs, systems, contracts, limits, and what the user assumes.

use crate::job::ModelSource;
use secondsource_base::{Diagnostic, Dtype};
use secondsource_market::contract::Range;

/// A way to get chips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    OnDemand,
    Spot,
    CapacityBlock,
    Reserved1y,
    Reserved3y,
    Buy,
    Lease,
}

impl Way {
    pub const ALL: [Way; 7] = [Way::OnDemand, Way::Spot, Way::CapacityBlock, Way::Reserved1y, Way::Reserved3y, Way::Buy, Way::Lease];

    /// As a job file spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Way::OnDemand => "on-demand",
            Way::Spot => "spot",
            Way::CapacityBlock => "capacity-block",
            Way::Reserved1y => "reserved-1y",
            Way::Reserved3y => "reserved-3y",
            Way::Buy => "buy",
            Way::Lease => "lease",
        }
    }

    pub fn parse(text: &str) -> Option<Way> {
        Way::ALL.into_iter().find(|w| w.name() == text)
    }

    /// Decided before anything is known, and paid whether used or not.
    pub const fn commits(self) -> bool {
        !matches!(self, Way::OnDemand | Way::Spot)
    }
}

/// Length of the periods in which the horizon is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Week,
    Month,
}

impl Period {
    pub const fn name(self) -> &'static str {
        match self {
            Period::Week => "week",
            Period::Month => "month",
        }
    }

    /// Hours: a month is a twelfth of 8,760.
    pub const fn hours(self) -> f64 {
        match self {
            Period::Week => 168.0,
            Period::Month => 730.0,
        }
    }

    pub fn months(self) -> f64 {
        self.hours() / Period::Month.hours()
    }
}

/// How much work, when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Work {
    /// One run of so many tokens.
    Run { tokens: f64 },
    /// So many tokens in each of so many months.
    Steady { tokens_per_month: f64, months: u32 },
}

/// One job of the portfolio. Times are in months after the decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub name: String,
    pub model: ModelSource,
    pub work: Work,
    pub seq: Option<u64>,
    pub global_batch: Option<u64>,
    pub precision: Option<Dtype>,
    /// Chips on every system; `None` sizes each system by the deadline or by the month's work.
    pub chips: Option<u64>,
    pub earliest: f64,
    pub deadline: Option<f64>,
    /// Share of scenarios in which the deadline is to be met.
    pub deadline_sure: f64,
    /// USD for each month until the run is finished; for steady work, of a month's work. `None`: as soon as it can be.
    pub value_per_month: Option<f64>,
    /// USD for each month after the deadline, besides.
    pub late_per_month: f64,
    /// Whether a run may take any number of chips up to its own, more in one period than in another.
    pub elastic: bool,
    /// Months by which a month's work may be late (steady work).
    pub carry_months: u32,
    /// Byte offset of the job in the file.
    pub at: usize,
}

/// What the user says about one system.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms {
    pub ways: Option<Vec<Way>>,
    pub chips: Option<u64>,
    pub most_chips: Option<u64>,
    /// Chips that can be had as spot at one time: nobody publishes it.
    pub spot_chips: Option<u64>,
    /// Share of periods in which on-demand and spot chips are to be had.
    pub available: Option<f64>,
    /// Months from the decision until bought or leased chips run.
    pub delivery_months: Option<Range>,
    /// Inputs of owning that differ from `[own]`.
    pub own: Vec<(String, Range, usize)>,
}

/// A price that is nowhere published.
#[derive(Debug, Clone, PartialEq)]
pub struct Assumption {
    pub system: String,
    pub way: Way,
    /// USD per chip-hour, or per chip for [`Way::Buy`] and [`Way::Lease`].
    pub usd: Range,
    pub why: String,
    pub at: usize,
}

/// A system that is not to be had yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Next {
    pub name: String,
    /// The system whose plan stands in for it.
    pub like: String,
    /// Months after the decision.
    pub arrives: Range,
    /// How many times as fast per chip as `like`.
    pub speed_up: Range,
    /// Months in the queue after arrival.
    pub queue_months: Range,
    pub why: String,
    pub at: usize,
}

/// Everything that `decide` is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct DecideJob {
    /// Date of the decision: prices after it are not read.
    pub as_of: Option<String>,
    pub horizon_months: Option<f64>,
    pub period: Option<Period>,
    pub scenarios: usize,
    pub seed: u64,
    /// Per year; `None` takes the cost of capital of the catalog.
    pub discount_rate: Option<f64>,
    pub budget_usd: Option<f64>,
    /// Level of the CVaR that the budget limits.
    pub budget_sure: f64,
    pub cvar_level: f64,
    pub cvar_weight: f64,
    pub on: Vec<(String, usize)>,
    pub ways: Vec<Way>,
    pub providers: Vec<String>,
    pub tasks: Vec<Task>,
    pub terms: Vec<(String, Terms, usize)>,
    pub assumptions: Vec<Assumption>,
    pub next: Vec<Next>,
    /// `[own]` inputs of owning by name: what a user states of site, power, staff, financing.
    pub own: Vec<(String, Range, usize)>,
    /// Failures per 1,000 node-days, minutes to restart: see docs/decide.md.
    pub failures: Option<Range>,
    pub restart_minutes: Option<Range>,
    /// Name and text of the file, for messages.
    pub origin: (String, String),
}

impl DecideJob {
    /// Another number of scenarios.
    ///
    /// # Errors
    /// One that is out of bounds.
    pub fn set_scenarios(&mut self, n: u64) -> Result<(), Diagnostic> {
        let most = super::read::MOST_SCENARIOS as u64;
        if !(16..=most).contains(&n) {
            return Err(Diagnostic::error(format!("{n} scenarios; there can be from 16 to {most}")));
        }
        self.scenarios = n as usize;
        Ok(())
    }
}
