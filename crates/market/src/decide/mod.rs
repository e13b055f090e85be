//! Deciding under uncertainty: which commitments to make before prices, speeds and dates are known.
//!
//! - [`program`]: the two-stage stochastic program as plain data; [`recourse`]: its second stage; [`solve()`]: its
//!   first; [`units`]: in whole hosts and racks.
//! - [`risk`]: CVaR; [`newsvendor`]: the closed form that the program must agree with.
//! - [`value`]: what knowing would be worth, and how far a plan from samples can be from the best.
//! - [`policy`]: a plan run period by period, without knowing what comes.
//! - [`assign`]: which job runs on which system.
//! - [`waiting`]: now or later, as a stopping problem.

pub mod assign;
mod fill;
mod flow;
pub mod newsvendor;
pub mod policy;
pub mod program;
pub mod recourse;
pub mod risk;
pub mod solve;
pub mod units;
pub mod value;
pub mod waiting;

pub use program::{Commitment, Demand, Program, Scenario};
pub use recourse::{Ready, Use};
pub use risk::Risk;
pub use solve::{Aim, Solution, Together, solve};
