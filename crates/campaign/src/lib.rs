//! A whole training run: how long with failures, checkpoints and spares, how much energy.
//!
//! [`CampaignInput`] holds plain numbers. [`closed_form`] is for a search that asks a hundred thousand times,
//! [`simulate`] for the answer. Never here: layouts and operators; prices.

pub mod activity;
mod clock;
mod closed;
pub mod cubes;
pub mod dates;
pub mod energy;
mod input;
pub mod known;
pub mod length;
pub mod rates;
pub mod recovery;
pub mod region;
mod simulate;

pub use clock::renewals;
pub use closed::{Goodput, Parts, best_interval, closed_form, daly, interval, nodes_in_repair, save_period, spares_for, young};
pub use input::{Band, CampaignInput, Clock, SECONDS_PER_DAY, Spread};
pub use simulate::{Distribution, MOST_RUNS, MOST_STRETCH, Outcome, Quantiles, quantile, simulate, simulate_with};
