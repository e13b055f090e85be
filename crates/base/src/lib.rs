//! Shared vocabulary of secondsource: number formats, figures that carry their source, and
//! diagnostics that carry file, line and hint.
//!
//! Never here: files, clocks, terminals, randomness without a seed, or any knowledge of chips and models.

pub mod diag;
pub mod dtype;
pub mod figure;
pub mod quantity;
pub mod random;

pub use diag::{Diagnostic, Severity, SourceText, nearest};
pub use dtype::Dtype;
pub use figure::{Figure, Kind};
pub use random::Stream;
