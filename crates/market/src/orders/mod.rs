//! Orders and reservations of racks: the book, what it can still promise, and when each claim arrives.
//!
//! A book is the list of its entries in the order in which they were accepted; everything else is computed from them.
//! Quantities are racks in records and chips inside; dates are whole days in UTC. Equations stand in docs/orders.md.

mod behave;
mod book;
mod capable;
mod day;
mod desk;
mod entry;
mod line;
mod plan;
mod queue;
mod record;
mod share;
mod shift;
mod state;
mod statement;
mod status;

pub use book::{Book, Slip, grouped};
pub use capable::{Capable, Path, Resource, Step, capable};
pub use day::Day;
pub use desk::{Desk, Drivers, Promise, share_curve};
pub use entry::{Class, Entry, Event, MOST_SCENARIOS, Policy, Rule};
pub use line::{Line, Room};
pub use plan::{MOST_CELLS, PlanClaim, PlanProblem, Planned, plan, value as plan_value};
pub use queue::{NEVER, Queue, With, quantile, told};
pub use record::{Claim, MOST_CHIPS_PER_RACK, MOST_RACKS, Order, Promised, Tranche};
pub use share::fair_share;
pub use shift::{Shift, shifts};
pub use state::State;
pub use statement::{ProductSupply, Statement};
pub use status::{Status, Taken, statuses};
