//! Serving: published measurements, the fit of its parameters, and tokens per second and per dollar of each system.

pub mod answer;
mod files;
mod fit;
mod rows;
mod spread;
mod tokens;
mod validate;

pub use files::{ServeCalibration, ServeFold, ServePriors};
pub use fit::{Base, ServeFit, fit, hold_out};
pub use rows::{EMBEDDED, LIMITS, Metric, Mode, ServeCase, ServeSkipped, read};
pub use tokens::TokensJob;
