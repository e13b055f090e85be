//! The machine, instruction by instruction.

#[path = "../support/mod.rs"]
mod support;

mod generation;
