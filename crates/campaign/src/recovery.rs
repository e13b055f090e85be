//! What a checkpoint and a recovery take, from bytes, bandwidths and published times.

use crate::input::Band;
use crate::known::{Known, known, known_seconds};
use secondsource_base::Kind;
use secondsource_catalog::Catalog;
use serde::Serialize;

const TABLE: &str = "recovery";
/// Chips of the storage guideline.
const GUIDELINE_CHIPS: f64 = 1024.0;

/// From the failure until it is noticed, seconds.
pub fn detection(catalog: &Catalog) -> Option<Known> {
    known_seconds(catalog, TABLE, "detection")
}

/// From noticing until training resumes, seconds. Compiled stacks (XLA, Neuron) load their compile cache too.
pub fn restart(catalog: &Catalog, compiled: bool) -> Option<Known> {
    let base = known_seconds(catalog, TABLE, "restart")?;
    if !compiled {
        return Some(base);
    }
    let cache = known_seconds(catalog, TABLE, "compile-cache")?;
    let value = base.value + cache.value;
    let end = |pick: fn(Band) -> f64| base.value * pick(base.band) + cache.value * pick(cache.band);
    let band = Band::around(end(|b| b.low), value, end(|b| b.high));
    let basis = format!("{}; and {} minutes for the compile cache: {}", base.basis, cache.value / 60.0, cache.basis);
    let sources = [base.sources, cache.sources].concat();
    Some(Known { value, band, kind: Kind::Assumed, basis, sources })
}

/// From the loss of a node until it is back as a spare, seconds.
pub fn repair(catalog: &Catalog) -> Option<Known> {
    known_seconds(catalog, TABLE, "repair")
}

/// How long training stands still at an asynchronous checkpoint, seconds.
pub fn async_stall(catalog: &Catalog) -> Option<Known> {
    known_seconds(catalog, TABLE, "async-stall")
}

/// Bytes per second that storage takes from a job of so many chips: the guideline in proportion to the chips.
pub fn write_bandwidth(catalog: &Catalog, chips: f64) -> Option<Known> {
    let known = known(catalog, TABLE, "write-per-1024")?.times(1e9 * chips / GUIDELINE_CHIPS);
    let extrapolated = if chips > GUIDELINE_CHIPS { ", which extrapolates it" } else { "" };
    Some(Known { basis: format!("{}; in proportion to the chips{extrapolated}", known.basis), ..known })
}

/// How a checkpoint is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Saving {
    /// Training waits for the write.
    Sync,
    /// Training waits for a copy to host memory; the write runs beside it.
    #[default]
    Async,
}

/// How a checkpoint of so many bytes is saved: what was asked for, with its stall and lag in seconds and the band of what
/// dominates them. Where the write is as quick as the copy to host memory, training might as well wait for it.
pub fn save_times(asked: Saving, bytes: f64, bandwidth: &Known, stall: &Known) -> (Saving, f64, f64, Band) {
    let write = bytes / bandwidth.value;
    // A faster storage is a shorter write.
    let write_band = Band { low: 1.0 / bandwidth.band.high, high: 1.0 / bandwidth.band.low };
    match asked {
        Saving::Async if stall.value < write => (Saving::Async, stall.value, write, stall.band),
        // Who would copy if the storage were slow never stands still for longer than a copy takes.
        Saving::Async => {
            let longest = stall.value * stall.band.high / write;
            (Saving::Sync, write, 0.0, Band { high: write_band.high.min(longest.max(1.0)), ..write_band })
        }
        Saving::Sync => (Saving::Sync, write, 0.0, write_band),
    }
}
