//! The NeuronCore at instruction level: memories with real bytes, the numerics of each `nki.isa` instruction, the
//! rules that the machine sets, and a trace of what ran from which time is computed.
//!
//! A front end allocates tensors in a [`Machine`], executes [`Op`]s one by one, and reads the results; each `exec`
//! really computes. No instruction panics on any input: what the hardware would refuse is a [`Fault`].

mod access;
mod act;
mod alu;
mod approx;
pub mod check;
pub mod convert;
pub mod dtype;
mod exec;
pub mod fault;
pub mod generation;
pub mod kernels;
mod legal;
pub mod machine;
mod memory;
pub mod op;
pub mod report;
mod rows;
pub mod schedule;
pub mod tensor;
pub mod timing;
pub mod trace;
mod wide;

pub use dtype::Dtype;
pub use fault::Fault;
pub use generation::{Gen, Generation};
pub use machine::{Allocation, Machine, MxScale};
pub use op::Op;
pub use tensor::{Dim, Dims, Indirect, Place, RegId, ScalarIndex, StorageId, Tensor, TensorId, View};
pub use timing::{Calibration, Fitted, Timing};
pub use trace::{Cost, Engine, Finding, Flags, Instr, InstrId, OpCode, Range, SourceLine, Trace};
