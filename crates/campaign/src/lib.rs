//! A whole training run: how long, how much energy.
//!
//! Never here: layouts and operators; prices.

pub mod energy;
pub mod length;
