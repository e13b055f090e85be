//! The uncertain inputs of a fleet: each with three points, limits and where it comes from.

use secondsource_market::seller::Range;
use serde::Serialize;

/// One number that a scenario draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Input {
    /// `trn2 on-demand usd-per-hour`.
    pub name: String,
    pub unit: &'static str,
    #[serde(flatten)]
    pub range: Range,
    #[serde(skip)]
    pub bounds: (f64, f64),
    /// `assumption of the file`, `catalog: ...` or `serving model: ...`.
    pub origin: String,
    /// True when no public source stands behind it.
    pub assumed: bool,
}

/// All inputs, in the order in which scenarios draw them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inputs {
    pub list: Vec<Input>,
}

/// Index of an input.
pub type At = usize;

impl Inputs {
    pub fn add(&mut self, input: Input) -> At {
        self.list.push(input);
        self.list.len() - 1
    }

    pub fn ranges(&self) -> Vec<Range> {
        self.list.iter().map(|i| i.range).collect()
    }

    pub fn bounds(&self) -> Vec<(f64, f64)> {
        self.list.iter().map(|i| i.bounds).collect()
    }

    pub fn middle(&self) -> Vec<f64> {
        self.list.iter().map(|i| i.range.middle).collect()
    }
}
