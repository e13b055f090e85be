//! Wafers to racks: a world of fabs, packaging lines and designers in, chips by quarter, bottlenecks and dates out; and how well
//! published outcomes are met.

pub mod answer;
mod arrival;
mod backtests;
mod figures;
mod frozen;
mod lead_time;
mod read;
mod run;
mod value;
mod worked;

pub use arrival::{Arrival, Driver, Outlook, arrival, outlook};
pub use backtests::{BackTest, SupplyValidation, Verdict, validate_supply};
pub use frozen::{FROZEN, Forecast, SERIES};
pub use read::{LEAST_SCENARIOS, MOST_QUARTERS, MOST_SCENARIOS, ProductFile, SupplyJob, read_supply};
pub use run::supply;
pub use value::Input;
