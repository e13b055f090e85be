//! Wafers to racks: what a maker can deliver, when, and to whom.
//!
//! Times are days unless a name says otherwise; units are chips (accelerator packages). Equations stand in docs/supply.md.

mod deliveries;

pub use deliveries::{Deliveries, Period, Stated};
