//! Rent, buy or wait: prices and what follows from them.
//!
//! Never here: operators, layouts, step times, or a price that is not in the catalog.

pub mod finance;
pub mod rent;
