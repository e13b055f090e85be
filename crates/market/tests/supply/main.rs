//! Supply: closed forms, published counts, properties, a second route.

mod allocation;
mod chain;
mod deliveries;
mod forecast;
mod geometry;
mod units;
