//! Where a rental price may go: a market that is either tight or in glut, and a log price that is drawn to the
//! level of the state it is in, while both levels fall as generations pass.
//!
//! `d ln p = kappa (theta_s(t) - ln p) dt + sigma dW`, with `theta_s` falling by `fall` per year and the state `s`
//! switching at exponential times. Pure decay is the special case of one state and no noise; it cannot rise.

pub mod estimate;
pub mod series;
pub mod simulate;

use serde::Serialize;

pub use estimate::{Estimate, estimate};
pub use series::{Point, Series};
pub use simulate::{Fan, fan, price_paths, quantile};

/// Parameters of the process. Times in years.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PathParams {
    /// Speed at which the price moves to the level of its state, 1/year.
    pub kappa: f64,
    /// Standard deviation of a year's noise in ln p.
    pub sigma: f64,
    /// ln of the tight level over the level in glut.
    pub spread: f64,
    /// Fall of both levels by new generations, in ln p per year.
    pub fall: f64,
    /// Mean time in the tight state and in glut.
    pub tight_years: f64,
    pub glut_years: f64,
    /// Probability that the market is tight in month 0: 1 or 0 when it is known.
    pub tight_now: f64,
    /// ln of today's price over the level that its state is drawn to (in the mean): below 0, the price has yet to rise.
    pub gap: f64,
    /// Standard errors of `ln kappa`, `spread` and `fall`; each scenario draws its own. 0 for known values.
    pub ln_kappa_se: f64,
    pub spread_se: f64,
    pub fall_se: f64,
    /// Shape of the gamma distribution of the switching rates: one more than the switches seen; each scenario draws
    /// its own rates. 0 takes the mean times as known.
    pub dwell_shape: f64,
}
