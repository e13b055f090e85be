//! A job on a system: how many chips, how many chip-hours, how surely. From `plan`, one layout search for each.

use super::goodput::Interruptions;
use super::job::{DecideJob, Task, Work};
use crate::answer::{Interval, PlanOption};
use crate::job::{Chips, Job};
use crate::plan::{MOST_CHIPS, Seat, sizes, words};
use crate::twin::Twin;
use secondsource_catalog::hardware::Hardware;

/// Share of the time to a deadline (or of a month) that a run is sized to fill at its middle speed, before failures: the
/// rest is for slow steps and interruptions.
pub(super) const FILL: f64 = 0.75;

/// A job on a system.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    pub chips: u64,
    /// Chips that are paid for: whole hosts.
    pub billed: f64,
    /// Chips of whole scale-up domains over those that the job uses of them: what a rack that is taken whole costs more.
    pub whole_racks: f64,
    /// Days without failures for the run, or for a month's work.
    pub days: Interval,
    /// Billed chip-hours without failures at the middle speed.
    pub chip_hours: f64,
    pub interruptions: Interruptions,
    pub layout: String,
    pub interval_basis: String,
    pub notes: Vec<String>,
    /// How the number of chips came to be, when it was not given.
    pub sized: Option<String>,
}

/// How a task is put to `plan`.
fn asked(task: &Task, system: &str, chips: u64) -> Job {
    let mut job = Job::new(task.model.clone());
    job.tokens = Some(match task.work {
        Work::Run { tokens } => tokens,
        Work::Steady { tokens_per_month, .. } => tokens_per_month,
    });
    job.on = vec![system.to_owned()];
    job.chips = Chips::Count(chips);
    job.seq = task.seq;
    job.global_batch = task.global_batch;
    job.precision = task.precision;
    job
}

impl Twin {
    /// The best layout of a task on a system with so many chips, or why there is none.
    fn fit_at(&self, whole: &DecideJob, task: &Task, system: &str, chips: u64) -> Result<Fit, String> {
        let job = asked(task, system, chips);
        let answer = self.plan_job(&job, &|_, _| {}).map_err(|d| d.message)?;
        let Some(option) = answer.options.first() else {
            return Err(answer.rejected.first().map_or_else(|| "no layout".to_owned(), |r| r.why.clone()));
        };
        let hw = self.catalog.hardware(system).map_err(|d| d.message)?;
        let host = u64::from(hw.chips_per_node.max(1));
        let interruptions = self.interruptions(whole, &job, option).map_err(|d| d.message)?;
        let seat = Seat::new(hw, chips);
        let domain = |h: &Hardware| h.levels.iter().filter(|l| !l.scale_out).map(|l| l.chips).max().unwrap_or(1);
        let (used, whole) = (domain(&seat.hw), domain(&seat.full));
        let whole_racks = if used < whole && u64::from(whole) <= chips { f64::from(whole) / f64::from(used) } else { 1.0 };
        Ok(fit_of(option, host, interruptions, whole_racks))
    }

    /// A task on a system: with the chips given, or with the fewest that do the work in [`FILL`] of the time there is
    /// (`days`). `faster` divides that time's need: a next generation is planned on its stand-in.
    pub(super) fn fit_task(
        &self,
        whole: &DecideJob,
        task: &Task,
        system: &str,
        chips: Option<u64>,
        days: Option<f64>,
        faster: f64,
    ) -> Result<Fit, String> {
        if let Some(n) = chips {
            return self.fit_at(whole, task, system, n);
        }
        let Some(days) = days else {
            return Err("neither `chips` nor a deadline says how many chips to take".to_owned());
        };
        let hw = self.catalog.hardware(system).map_err(|d| d.message)?;
        let list = candidates(&hw);
        let want = days * FILL * faster;
        // Chip-days change slowly with the number of chips, so a few guesses close in on the smallest size that does. Sizes
        // that the batch does not divide over are passed by.
        let mut why = "no size of this system holds the model".to_owned();
        let (mut low, mut high) = (0usize, list.len());
        let mut best: Option<Fit> = None;
        let mut at = list.iter().position(|n| *n >= 64).unwrap_or(list.len() / 2);
        while low < high {
            at = at.clamp(low, high - 1);
            let found = (at..high.min(at + PASSED)).find_map(|i| match self.fit_at(whole, task, system, list[i]) {
                Ok(fit) => Some((i, fit)),
                Err(e) => {
                    why = e;
                    None
                }
            });
            let Some((i, fit)) = found else {
                // Nothing from here up to the known best, or for a long stretch.
                if best.is_some() {
                    high = at;
                    at = usize::midpoint(low, high);
                } else {
                    low = at + PASSED;
                    at = low;
                }
                continue;
            };
            let need = list[i] as f64 * fit.days.p50 / want;
            let guess = list.iter().position(|n| *n as f64 >= need);
            if fit.days.p50 <= want {
                best = Some(fit);
                high = at;
                at = guess.unwrap_or(at).min(high.saturating_sub(1));
            } else {
                why =
                    format!("{} chips take {:.0} days, and no size up to its largest network does it in {want:.0}", list[i], fit.days.p50);
                low = i + 1;
                at = guess.unwrap_or(list.len());
            }
        }
        let mut fit = best.ok_or(why)?;
        let room = format!("{:.0}% of {days:.0} days", FILL * 100.0);
        fit.sized = Some(format!("{} chips: the fewest whose middle run without failures takes at most {room}", fit.chips));
        Ok(fit)
    }
}

/// Sizes that are passed by when the one tried has no layout.
const PASSED: usize = 8;

/// Sizes that a system is tried at: those of `plan --chips auto`, and powers of two times 4 to 7 hosts, which batches divide
/// over where racks do not.
fn candidates(hw: &Hardware) -> Vec<u64> {
    let host = u64::from(hw.chips_per_node.max(1));
    let most = hw.max_chips.unwrap_or(MOST_CHIPS).min(MOST_CHIPS);
    let mut list = sizes(hw);
    list.extend((0..40).flat_map(|k| [4, 5, 6, 7].map(|m| host.saturating_mul(m << k))).filter(|n| *n <= most));
    list.sort_unstable();
    list.dedup();
    list
}

fn fit_of(o: &PlanOption, host: u64, interruptions: Interruptions, whole_racks: f64) -> Fit {
    let billed = (o.chips.div_ceil(host) * host) as f64;
    let days = o.days.unwrap_or(Interval { p5: 0.0, p50: 0.0, p95: 0.0 });
    Fit {
        chips: o.chips,
        billed,
        whole_racks,
        days,
        chip_hours: days.p50 * 24.0 * billed,
        interruptions,
        layout: words(&o.layout),
        interval_basis: o.interval_basis.clone(),
        notes: o.notes.clone(),
        sized: None,
    }
}
