//! The limit on current swings: after idling, the Tensor engine runs at half of its rate until it is in steady use.
//!
//! "On Trn2 and Trn3 the Tensor Engine starts at roughly 50% utilization and ramps to full over about the first 3
//! microseconds; if utilization drops below 50% over any such window, the limit re-engages" is what the profiler's pages say
//! in other words. Utilisation is taken as the share of the array's cells that hold weights while data moves, so that a
//! product of one row of weights stays limited however long it runs: published profiles of broadcasts by products show
//! exactly twice the cycles, and products of 64 rows run at either rate, by how closely they follow each other.

use std::collections::VecDeque;

use super::price::Ps;
use crate::timing::Timing;
use crate::trace::Cost;

/// What one core's array did in the last window.
#[derive(Debug, Clone, Default)]
pub(super) struct Throttle {
    /// (start, end, cells), in order of start.
    past: VecDeque<(Ps, Ps, u32)>,
    /// Sum of time x cells in `past`.
    used: u128,
}

/// All cells of the array.
const CELLS: u32 = 128 * 128;

impl Throttle {
    /// Starts an instruction of `busy` and returns the time by which the limit stretches it.
    pub fn run(&mut self, t: &Timing, start: Ps, busy: Ps, cost: &Cost) -> Ps {
        if t.throttle_limit >= 1.0 || busy == 0 {
            return 0;
        }
        let window = t.throttle_window as Ps;
        let from = start.saturating_sub(window);
        while let Some((first, last, cells)) = self.past.front().copied()
            && last <= from
        {
            self.used -= u128::from(last - first) * u128::from(cells);
            self.past.pop_front();
        }
        // The oldest one may have begun before the window.
        let early = self.past.front().map_or(0, |(first, _, cells)| u128::from(from.saturating_sub(*first)) * u128::from(*cells));
        let full = u128::from(window) * u128::from(CELLS);
        // A millionth for the rounding of times to picoseconds.
        let limited = ((self.used - early) as f64) < full as f64 * (t.throttle_below - 1e-4);
        let more = if limited { (busy as f64 * (1.0 / t.throttle_limit - 1.0)).round() as Ps } else { 0 };
        let cells = u32::from(cost.k.min(128)) * u32::from(cost.m.min(128));
        self.used += u128::from(busy + more) * u128::from(cells);
        self.past.push_back((start, start + busy + more, cells));
        more
    }
}
