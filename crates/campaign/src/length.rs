//! How long a run takes when nothing fails.

use serde::Serialize;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Length of a run without failures, checkpoints, restarts or evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RunLength {
    pub seconds: f64,
    pub days: f64,
    /// Chips times hours.
    pub chip_hours: f64,
}

/// Days = tokens / (tokens per second) / 86,400.
///
/// Nothing else is in it: no failures, no checkpoints, no evaluation, no warm-up. `None` unless tokens, rate and
/// chips are positive and finite.
pub fn run_length(tokens: f64, tokens_per_second: f64, chips: f64) -> Option<RunLength> {
    let good = |x: f64| x.is_finite() && x > 0.0;
    if !(good(tokens) && good(tokens_per_second) && good(chips)) {
        return None;
    }
    let seconds = tokens / tokens_per_second;
    Some(RunLength { seconds, days: seconds / SECONDS_PER_DAY, chip_hours: seconds / 3600.0 * chips })
}
