//! Published runs: the table's format, its conventions, and the cases that the step model can be asked about.

mod conventions;
mod convert;
mod stacks;
mod table;

pub(crate) use conventions::Stack;
pub use convert::{Case, Skipped, convert};
pub use table::{Grade, RunRow, Workload, read};

/// The published-run table that ships (`validation/published_runs.csv`).
pub const EMBEDDED: &str = include_str!("../../../../validation/published_runs.csv");
