//! Campaigns event by event: from failure to failure, not from step to step.

use crate::clock::{ClockPlan, NextFailure};
use crate::closed::{Goodput, Parts, closed_form, interval};
use crate::input::CampaignInput;
use rayon::prelude::*;
use secondsource_base::{Diagnostic, Stream};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// One simulated campaign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcome {
    /// Seconds by what they were spent on; they add up to the wall time.
    pub parts: Parts,
    /// Unplanned interruptions, those during recovery counted.
    pub failures: u32,
    pub planned_stops: u32,
    /// Nodes lost and sent to repair.
    pub nodes_lost: u32,
    /// False when it was given up: after [`MOST_STRETCH`] times its work, or far more failures than expected.
    pub finished: bool,
}

impl Outcome {
    /// Wall time, seconds.
    pub fn wall_s(&self) -> f64 {
        self.parts.total()
    }

    /// Kept training time over wall time.
    pub fn goodput(&self) -> f64 {
        self.parts.productive / self.wall_s()
    }
}

/// Simulated campaigns in the order of their streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub runs: Vec<Outcome>,
    /// Training time between checkpoints, the same in all runs.
    pub interval_s: f64,
    /// What the closed form expects at the middle of every band.
    pub expected: Goodput,
}

/// 5%, 50% and 95% of the simulated campaigns lie below, and their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    pub mean: f64,
}

impl Distribution {
    /// Quantiles of anything that a run gives.
    pub fn quantiles(&self, of: impl Fn(&Outcome) -> f64) -> Quantiles {
        let mut values: Vec<f64> = self.runs.iter().map(of).collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        values.sort_by(f64::total_cmp);
        Quantiles { p5: quantile(&values, 0.05), p50: quantile(&values, 0.5), p95: quantile(&values, 0.95), mean }
    }

    /// Mean seconds by part; they add up to the mean wall time.
    pub fn mean_parts(&self) -> Parts {
        let n = self.runs.len().max(1) as f64;
        let mean = |of: fn(&Parts) -> f64| self.runs.iter().map(|r| of(&r.parts)).sum::<f64>() / n;
        Parts {
            productive: mean(|p| p.productive),
            checkpoint: mean(|p| p.checkpoint),
            lost: mean(|p| p.lost),
            detection: mean(|p| p.detection),
            restart: mean(|p| p.restart),
            waiting: mean(|p| p.waiting),
            planned: mean(|p| p.planned),
        }
    }

    /// Share of runs that were given up.
    pub fn unfinished(&self) -> f64 {
        self.runs.iter().filter(|r| !r.finished).count() as f64 / self.runs.len().max(1) as f64
    }
}

/// Quantile of sorted values, linear between neighbours; 0 of none.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let i = (place as usize).min(last);
    let next = sorted[(i + 1).min(last)];
    sorted[i] + (next - sorted[i]) * (place - i as f64)
}

/// A run is given up after so many times its work.
pub const MOST_STRETCH: f64 = 200.0;
/// Most runs, and most failures over all of them, that are simulated.
pub const MOST_RUNS: u32 = 1_000_000;
const MOST_FAILURES: f64 = 1e9;
/// A run is given up after so many times the expected failures, and as many more as make no difference.
const MOST_TIMES: f64 = 50.0;
const FEW_FAILURES: f64 = 1e4;
const PROGRESS_EVERY: u64 = 256;

/// Simulates campaigns. The same input, count and seed give the same bytes under any number of threads.
///
/// # Errors
/// An input that [`CampaignInput::check`] refuses, a job that makes no headway, or more failures than can be simulated.
pub fn simulate(input: &CampaignInput, runs: u32, seed: u64) -> Result<Distribution, Diagnostic> {
    simulate_with(input, runs, seed, &|_, _| {})
}

/// As [`simulate`]; `progress` is told (done, total) now and then.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_with(
    input: &CampaignInput,
    runs: u32,
    seed: u64,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Distribution, Diagnostic> {
    input.check()?;
    if !(1..=MOST_RUNS).contains(&runs) {
        return Err(Diagnostic::error(format!("{runs} simulated campaigns; it must be from 1 to {MOST_RUNS}")));
    }
    let Some(expected) = closed_form(input) else { return Err(no_headway(input)) };
    if expected.failures * f64::from(runs) > MOST_FAILURES {
        return Err(Diagnostic::error(format!(
            "{:.2e} failures a campaign in {runs} campaigns are more than can be simulated",
            expected.failures
        ))
        .hint(format!("simulate at most {:.0} campaigns", (MOST_FAILURES / expected.failures).max(1.0).floor())));
    }
    let interval_s = interval(input);
    let clock = ClockPlan::new(input);
    let most = (expected.failures * MOST_TIMES + FEW_FAILURES) as u32;
    let (done, total) = (AtomicU64::new(0), u64::from(runs));
    let one = |i: u32| {
        let mut stream = Stream::numbered(seed, "campaign", u64::from(i));
        let outcome = run(input, &clock, interval_s, most, &mut stream);
        let n = done.fetch_add(1, Ordering::Relaxed) + 1;
        if n.is_multiple_of(PROGRESS_EVERY) {
            progress(n, total);
        }
        outcome
    };
    let runs = (0..runs).into_par_iter().map(one).collect();
    Ok(Distribution { runs, interval_s, expected })
}

fn no_headway(input: &CampaignInput) -> Diagnostic {
    let minutes = |s: f64| format!("{:.1} minutes", s / 60.0);
    Diagnostic::error(format!(
        "the job makes no headway: it is interrupted every {} on average, and detection, restart and checkpoint take {}, {} and {}",
        minutes(input.mtti_s()),
        minutes(input.detect_s),
        minutes(input.restart_s),
        minutes(input.stall_s + input.lag_s)
    ))
    .hint("fewer nodes, a lower failure rate, or a faster restart")
}

/// The state of one campaign under way.
struct Run<'a> {
    input: &'a CampaignInput,
    stream: &'a mut Stream,
    failure: NextFailure,
    /// Seconds on the clock of the failures: those of training, detection and restart.
    active: f64,
    /// All seconds.
    wall: f64,
    spares: Pool,
    out: Outcome,
    detect_s: f64,
    restart_s: f64,
    repair_s: f64,
    /// Where it is given up.
    most_wall: f64,
    most: u32,
}

fn run(input: &CampaignInput, plan: &ClockPlan, tau: f64, most: u32, stream: &mut Stream) -> Outcome {
    let spread = &input.spread;
    let work = input.work_s * spread.work.draw(stream);
    let failures = spread.failures.draw(stream);
    let detect_s = input.detect_s * spread.detect.draw(stream);
    let restart_s = input.restart_s * spread.restart.draw(stream);
    let save = spread.checkpoint.draw(stream);
    let repair_s = input.repair_s * spread.repair.draw(stream);
    let (stall, lag) = (input.stall_s * save, input.lag_s * save);
    let tau = tau.max(lag);
    let s = tau + stall;
    let failure = plan.start(failures, stream);
    let out = Outcome { parts: Parts::default(), failures: 0, planned_stops: 0, nodes_lost: 0, finished: true };
    let spares = Pool::new(input.spares);
    let most_wall = MOST_STRETCH * work;
    let mut r = Run { input, stream, failure, active: 0.0, wall: 0.0, spares, out, detect_s, restart_s, repair_s, most_wall, most };
    let mut done = 0.0;
    let mut trained = 0.0;
    let mut next_stop = input.planned_every_s;
    loop {
        // Train until the end, a failure or a planned stop, whichever comes first. No checkpoint follows the last piece.
        let left = work - done;
        let saves = (libm::ceil(left / tau) - 1.0).max(0.0);
        let to_end = left + saves * stall;
        let to_failure = r.failure.at - r.active;
        let to_stop = (next_stop - r.wall).max(0.0);
        let x = to_end.min(to_failure).min(to_stop);
        let pieces = libm::floor(x / s).min(saves);
        let computed = (pieces * tau + (x - pieces * s).min(tau)).min(left);
        trained += computed;
        r.out.parts.checkpoint += x - computed;
        r.active += x;
        r.wall += x;
        if x == to_end {
            break;
        }
        if x == to_stop {
            done += computed;
            r.out.planned_stops += 1;
            r.out.parts.planned += input.planned_s;
            r.wall += input.planned_s;
            next_stop = r.wall + input.planned_every_s;
        } else {
            let durable = if lag > 0.0 { libm::floor((x - lag) / s).clamp(0.0, pieces) } else { pieces };
            done += durable * tau;
            if input.silent_share > 0.0 && r.stream.chance(input.silent_share) {
                done = (done - input.silent_rollback * tau).max(0.0);
            }
            r.recover();
        }
        if r.wall > most_wall || r.out.failures > most {
            r.out.finished = false;
            break;
        }
    }
    let kept = if r.out.finished { work } else { done.min(trained) };
    r.out.parts.productive = kept;
    r.out.parts.lost = (trained - kept).max(0.0);
    r.out
}

impl Run<'_> {
    /// From a failure until the job trains again.
    fn recover(&mut self) {
        self.strike();
        loop {
            // Failures before anybody looks are found with the first.
            let noticed = self.active + self.detect_s;
            while self.failure.at < noticed {
                self.strike();
            }
            self.out.parts.detection += self.detect_s;
            self.wall += self.detect_s;
            self.active = noticed;
            let waited = self.spares.wait(self.wall);
            self.out.parts.waiting += waited;
            self.wall += waited;
            let back = self.active + self.restart_s;
            let until = back.min(self.failure.at);
            self.out.parts.restart += until - self.active;
            self.wall += until - self.active;
            self.active = until;
            if until == back || self.wall > self.most_wall || self.out.failures > self.most {
                return;
            }
            self.strike();
        }
    }

    /// Counts the failure that is due, takes its nodes away and looks for the next.
    fn strike(&mut self) {
        self.out.failures = self.out.failures.saturating_add(1);
        self.failure.pass(self.stream);
        let input = self.input;
        if input.node_loss_share < 1.0 && !self.stream.chance(input.node_loss_share) {
            return;
        }
        let group = input.group_share > 0.0 && self.stream.chance(input.group_share);
        let nodes = if group { input.group_nodes } else { 1 };
        self.out.nodes_lost = self.out.nodes_lost.saturating_add(nodes);
        if self.spares.counted() {
            for _ in 0..nodes {
                let back = self.wall + self.stream.exponential(self.repair_s);
                self.spares.lose(back);
            }
        }
    }
}

/// Spare nodes and those under repair.
struct Pool {
    /// Ready; below zero the job lacks nodes. `None` never runs out.
    ready: Option<i64>,
    /// Wall times at which nodes come back, latest first.
    repairs: Vec<f64>,
}

impl Pool {
    fn new(spares: Option<u32>) -> Pool {
        Pool { ready: spares.map(i64::from), repairs: Vec::new() }
    }

    fn counted(&self) -> bool {
        self.ready.is_some()
    }

    fn lose(&mut self, back: f64) {
        let at = self.repairs.partition_point(|t| *t > back);
        self.repairs.insert(at, back);
        self.ready = self.ready.map(|n| n - 1);
    }

    /// Seconds from `now` until the job has all its nodes.
    fn wait(&mut self, now: f64) -> f64 {
        let Some(mut ready) = self.ready else { return 0.0 };
        let mut until = now;
        while let Some(back) = self.repairs.last().copied() {
            if back > until && ready >= 0 {
                break;
            }
            until = until.max(back);
            ready += 1;
            self.repairs.pop();
        }
        self.ready = Some(ready);
        until - now
    }
}
