//! One training step: time, memory and schedule of a model under a layout on a system; and serving it ([`serve`]).
//!
//! Never here: money, failures, files. Parameter values come in as [`Params`].

mod comm;
mod input;
mod layer;
pub mod memory;
mod pipeline;
mod result;
pub mod schedule;
pub mod serve;
mod step;

pub use input::{Misfit, StepInput, seat};
pub use layer::{LayerTime, Part, Pass};
pub use pipeline::Split;
pub use result::{Binds, Breakdown, PowerUse, StepResult};
pub use secondsource_catalog::calibration::Params;
pub use step::{Layers, StepModel, Waits};
