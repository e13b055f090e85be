//! Wafers to racks: what a maker can deliver, when, and to whom.
//!
//! Times are days unless a name says otherwise; units are chips (accelerator packages). Equations stand in docs/supply.md.

pub mod allocate;
pub mod chain;
mod deliveries;
pub mod forecast;
pub mod grid;
pub mod replay;
pub mod share;
pub mod simulate;
pub mod units;
pub mod worth;
pub mod yields;

pub use allocate::{Claim, Outcome, Rule, allocate, compare};
pub use chain::{Amount, Chain, Customer, Days, Line, Maker, Product, Stage, World, line_through};
pub use deliveries::{Deliveries, Period, Stated};
pub use simulate::{QUARTER, Run, Supply, run, simulate};
