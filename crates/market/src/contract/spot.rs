//! Spot: cheap hours that may be taken away. What is paid per hour of kept work.

use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use serde::Serialize;

use super::figure;

/// Low, middle and high of an uncertain input; sampled as a triangle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    pub low: f64,
    pub mid: f64,
    pub high: f64,
}

impl Range {
    pub const fn exactly(v: f64) -> Range {
        Range { low: v, mid: v, high: v }
    }
}

/// What turns a spot price into the price of kept work.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpotTerms {
    /// Interruptions of one host per month of 730 hours.
    pub hazard_per_month: Range,
    /// Hours between checkpoints.
    pub checkpoint_hours: f64,
    /// Billed hours from a new allocation to the first step.
    pub restart_hours: f64,
}

/// Hours in an average month.
pub const MONTH_HOURS: f64 = 730.0;

impl SpotTerms {
    /// The defaults of `catalog/contracts/spot.toml`.
    pub fn of(catalog: &Catalog) -> Result<SpotTerms, Diagnostic> {
        let t = catalog.table("spot")?;
        Ok(SpotTerms {
            hazard_per_month: Range { low: figure(t, "hazard-low")?, mid: figure(t, "hazard-mid")?, high: figure(t, "hazard-high")? },
            checkpoint_hours: figure(t, "checkpoint")?,
            restart_hours: figure(t, "restart")?,
        })
    }

    /// Share of billed hours that is lost when any of `hosts` hosts being taken stops the job.
    ///
    /// Interruptions come at rate `λ = hazard x hosts / 730 h`. A stretch of `τ` hours of work between two
    /// checkpoints then takes `e^(λR) (e^(λτ) - 1) / λ` billed hours, each interruption costing the work since the
    /// last checkpoint and a restart of `R` hours that may itself be interrupted (Daly, Future Generation Computer
    /// Systems 22, 2006, eq. 13, without the time to write). In [0, 1].
    pub fn waste(&self, hazard_per_month: f64, hosts: f64) -> f64 {
        let rate = hazard_per_month * hosts / MONTH_HOURS;
        let work = self.checkpoint_hours;
        if rate * work < 1e-12 {
            return (rate * self.restart_hours).clamp(0.0, 1.0);
        }
        let billed = libm::exp(rate * self.restart_hours) * libm::expm1(rate * work) / rate;
        if billed.is_finite() { (1.0 - work / billed).clamp(0.0, 1.0) } else { 1.0 }
    }
}
