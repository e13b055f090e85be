//! The seller's choice: what a chip is worth rented out over its life, what it is worth sold in a rack, and what a fleet
//! does with chips and megawatts that are both scarce.
//!
//! Rates are per year, powers in kW at the meter, amounts in dollars of today per chip unless a name says otherwise.
//! Equations stand in docs/seller.md.

mod allocate;
mod program;
mod run_rate;
mod sample;
mod share;
mod value;

pub use allocate::{Allocation, Batch, Demand, Fleet, Limit, Outcome, Plan, allocate};
pub use program::{Program, Row, Solved, solve};
pub use run_rate::{Band, Curve, RunRate, SumOfBands, annualised, curve, price_at, revenue, sum_of_bands};
pub use sample::{Draws, Range, Tornado, draw, quantiles, tornado};
pub use share::{BreakEven, break_even_share};
pub use value::{Chip, Line, Rack, Rent, Service, Terms, Waterfall, rent_value, sell_value};
