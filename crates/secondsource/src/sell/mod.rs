//! The seller's choice: a fleet's file in, waterfalls, break-even, allocation and what flips it out; and the run rates that
//! filings and letters state.

pub mod answer;
mod choose;
mod inputs;
mod model;
mod plot;
mod read;
mod run_rate;

pub use read::{LEAST_SCENARIOS, MOST_QUARTERS, MOST_SCENARIOS, SellJob, read_sell};
pub use run_rate::RunRateAsk;
