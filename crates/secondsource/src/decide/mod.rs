//! `decide`: rent, reserve, buy, lease or wait, for a portfolio of jobs over a horizon.
//!
//! The job file ([`read_decide`]) becomes a world of places and prices (`world`), the uncertain inputs are drawn (`factors`),
//! each place with each set of jobs becomes a two-stage program (`build`), plans are tried on all scenarios (`choose`) and
//! judged by what they come to (`outcome`). `tornado` asks what would change the answer, `wait` whether to start now.

pub mod answer;
mod build;
mod cells;
mod choose;
mod factors;
mod goodput;
pub mod job;
mod outcome;
mod owning;
mod read;
mod run;
mod sizing;
mod tornado;
mod wait;
mod words;
mod world;

pub use answer::DecideAnswer;
pub use job::{DecideJob, Way};
pub use read::read_decide;
pub use world::latest_price;
