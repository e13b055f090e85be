//! The order book of a seller of racks: what files say, as values of the book, and what the book says, as answers.

mod defaults;
mod history;
mod list;
mod plan;
mod promise;
mod read;
mod table;

pub use defaults::{Rack, default_policy, rack};
pub use history::{MOST_ENTRIES, read_history, write_history};
pub use list::{Asked, ListAnswer, PeriodOut, ProductOut, list};
pub use plan::{PlanTerms, PlannedChip, PlannedClaim, SellerPlan, plan_terms, seller_plan};
pub use promise::{
    Ahead, ArrivalOut, ArrivalsAnswer, CurvePoint, DriverOut, MovedOut, PromiseAnswer, SpanOut, StatusOut, SupplyAnswer, arrivals, promise,
    promise_svg, promise_without_book, status, supply_answer,
};
pub use read::{BookFile, Placed, read_book};
pub use secondsource_market::orders::*;
pub use table::{read_table, write_table};
