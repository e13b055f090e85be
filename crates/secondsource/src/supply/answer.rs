//! Answers of `supply` as data. docs/json.md documents each field.

pub use super::value::Input;
use crate::answer::Interval;
use secondsource_market::supply::Outcome;
use serde::Serialize;

/// A line in one quarter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineQuarter {
    pub line: String,
    /// Share of scenarios in which it keeps somebody from more.
    pub binds: f64,
    /// Use over capacity.
    pub used: Interval,
    /// Worth of one more, USD, at the middle of every input; absent for lines that nothing priced uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth_usd: Option<f64>,
}

/// All lines in one quarter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuarterOut {
    pub quarter: String,
    /// The line that binds in most scenarios; `orders` where none binds in half of them.
    pub bottleneck: String,
    pub lines: Vec<LineQuarter>,
}

/// A product: chips that leave the rack line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductOut {
    pub id: String,
    pub name: String,
    pub chips: Vec<String>,
    pub units: Vec<Interval>,
    pub years: Vec<YearOut>,
    /// Chips wanted by quarter, at the middle.
    pub orders: Vec<f64>,
    /// Packages that wait for a line at the end of each quarter, at the middle.
    pub waiting: Vec<f64>,
    /// Share of scenarios by what limits it, over all quarters with orders: each line, `dies`, `nothing`.
    pub limits: Vec<LimitOut>,
    /// Days from rack line to service.
    pub after_days: Interval,
}

/// What kept a product from more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitOut {
    pub cause: String,
    pub share: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct YearOut {
    pub year: String,
    pub units: Interval,
    pub orders: f64,
}

/// A customer and its products.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CustomerOut {
    pub id: String,
    pub name: String,
    pub products: Vec<ProductOut>,
}

/// A rule, over all quarters at the middle of every input.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleOut {
    pub rule: &'static str,
    /// Chips (or wafers, for who counts wafers) of each customer over all quarters, in the order of `customers`.
    pub units: Vec<f64>,
    /// Worth of what is delivered, USD, priced products only.
    pub value_usd: f64,
}

/// The tightest line in its tightest quarter, divided by every rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SqueezeOut {
    pub line: String,
    pub quarter: String,
    pub capacity: f64,
    pub claimed: f64,
    /// An inflated order is so many times the true one.
    pub inflated: f64,
    /// Claims of each customer, in the line's unit.
    pub claims: Vec<f64>,
    /// `[rule][customer]`.
    pub rules: Vec<SqueezeRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SqueezeRule {
    pub rule: &'static str,
    pub customers: Vec<Outcome>,
}

/// Worth of one more of a line to one customer, within what it was given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorthOut {
    pub customer: String,
    pub line: String,
    /// USD for one more wafer or Gbit: mean over the quarters in which it has orders.
    pub usd: f64,
    /// Share of those quarters in which it is worth something.
    pub binding: f64,
}

/// Everything `secondsource supply` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SupplyAnswer {
    pub name: String,
    pub scenarios: u64,
    pub seed: u64,
    pub rule: &'static str,
    pub quarters: Vec<QuarterOut>,
    pub customers: Vec<CustomerOut>,
    pub rules: Vec<RuleOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub squeeze: Option<SqueezeOut>,
    pub worth: Vec<WorthOut>,
    /// Largest relative difference of a linear program's two optima.
    pub worst_gap: f64,
    pub inputs: Vec<Input>,
    pub notes: Vec<String>,
}
