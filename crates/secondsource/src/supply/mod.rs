//! Wafers to racks: a world of fabs, packaging lines and designers in, chips by quarter, bottlenecks and dates out; and how well
//! published outcomes are met.

mod backtests;
mod figures;
mod frozen;

pub use backtests::{BackTest, SupplyValidation, Verdict, validate_supply};
pub use frozen::{FROZEN, Forecast, SERIES};
