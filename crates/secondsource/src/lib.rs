//! The facade: a job in, an answer out. Pure: texts and numbers come in, values or diagnostics go out.

pub mod answer;
pub mod calibrate;
pub mod campaign;
pub mod costs;
pub mod decide;
pub mod job;
pub mod nki;
pub mod orders;
pub mod overrides;
mod plan;
pub mod runs;
pub mod sell;
pub mod serving;
mod setup;
mod step;
pub mod supply;
mod twin;
mod validate;

pub use plan::words;
pub use secondsource_base::{Diagnostic, Dtype, Figure, Severity, quantity};
pub use secondsource_catalog as catalog;
pub use secondsource_catalog::Catalog;
pub use secondsource_market::seller;
pub use secondsource_workload as workload;
pub use twin::{Progress, Twin};
