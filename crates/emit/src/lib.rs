//! `secondsource-emit`: files that say what results already say; no number is computed here.

pub mod arrival;
pub mod csv;
pub mod curves;
pub mod focus;
pub mod kernel;
pub mod scatter;
pub mod trace;
