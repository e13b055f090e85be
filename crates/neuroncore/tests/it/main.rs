//! The machine, instruction by instruction.

#[path = "../support/mod.rs"]
mod support;

mod anything;
mod bugs;
mod copies;
mod dtypes;
mod exchange;
mod functions;
mod generation;
mod indirect;
mod legality;
mod matmul;
mod mx;
mod pointwise;
mod properties;
mod reductions;
mod searches;
mod selections;
mod spread;
