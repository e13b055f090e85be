//! `nki.isa`: one function an instruction, each of which builds an [`secondsource_neuroncore::Op`] and executes it.

#![expect(clippy::too_many_arguments, reason = "the functions have the arguments of the instructions that they wrap")]

pub mod dma;
pub mod gpsimd;
pub mod scalar;
pub mod tensor_engine;
pub mod vector;
