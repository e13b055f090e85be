//! Published kernels as instruction streams, written from their descriptions, to hold predicted times against measured ones.
//!
//! They carry no data. Where a compiler chose the engine or the order, the choice here is the one that the published
//! profile shows.

pub mod build;
pub mod elementwise;
pub mod fused;
pub mod gemm;
pub mod library;
pub mod micro;
pub mod published;

pub use build::{Builder, Tile};
