//! Search for the best layout: every layout within stated bounds is either timed, or cut by a rule that cannot
//! cut the best one.
//!
//! Never here: prices, failures, files.

mod search;
mod space;

pub use search::{Candidate, Found, Options, search};
pub use space::{Pins, Space};
