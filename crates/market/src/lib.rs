//! Rent, buy or wait: prices and what follows from them.
//!
//! Never here: operators, layouts, step times, or a price that is not in the catalog.

pub mod calendar;
pub mod charge;
pub mod contract;
pub mod decide;
pub mod finance;
pub mod money;
pub mod orders;
pub mod own;
pub mod paths;
pub mod rent;
pub mod seller;
pub mod supply;
