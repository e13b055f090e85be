//! The event simulation: exact start and end of every item.
//!
//! Order on a device is fixed, so the schedule is an acyclic graph and each item is looked at once: a device runs until
//! its next item lacks an input, then sleeps until that very input is made. O(items), no queue of events, no maps.

use secondsource_base::Diagnostic;

use super::{Item, Kind, P2p, Plan, StageTimes};

/// When everything happens. Items are in the order of [`Plan::items`].
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Seconds from the first start to the last end.
    pub makespan_s: f64,
    pub start_s: Vec<f64>,
    pub end_s: Vec<f64>,
    /// Seconds of compute, by device.
    pub busy_s: Vec<f64>,
    /// Seconds that a device stood still for its blocking sends.
    pub sending_s: Vec<f64>,
    /// Most micro-batch-chunks whose activations a device held at once: from the start of the forward to the end of the
    /// backward (of the weight gradient where it is split off).
    pub peak_in_flight: Vec<u32>,
}

impl Timeline {
    /// Seconds a device neither computed nor stood in a blocking send.
    pub fn idle_s(&self, device: usize) -> f64 {
        let used = self.busy_s.get(device).copied().unwrap_or(0.0) + self.sending_s.get(device).copied().unwrap_or(0.0);
        (self.makespan_s - used).max(0.0)
    }

    /// Share of the makespan that a device did not compute (waiting and blocking sends).
    pub fn idle_fraction(&self, device: usize) -> f64 {
        let busy = self.busy_s.get(device).copied().unwrap_or(0.0);
        if self.makespan_s > 0.0 { (1.0 - busy / self.makespan_s).max(0.0) } else { 0.0 }
    }

    /// Pipeline bubble as Narayanan et al. 2021 count it: time lost over the ideal time, here the busiest device's compute.
    pub fn bubble_fraction(&self) -> f64 {
        let ideal = self.busy_s.iter().copied().fold(0.0, f64::max);
        if ideal > 0.0 { (self.makespan_s - ideal) / ideal } else { 0.0 }
    }
}

/// No input is awaited.
const NOTHING: usize = usize::MAX;

struct Run<'a> {
    plan: &'a Plan,
    times: &'a StageTimes,
    hop_s: f64,
    blocking: bool,
    m: usize,
    /// Arrival of the output of forwards (first `stages * m`), then of input gradients, at whoever needs it; NaN before.
    arrival: Vec<f64>,
    gradients: usize,
}

impl Run<'_> {
    fn slot(&self, stage: usize, item: Item) -> usize {
        stage * self.m + item.micro_batch as usize
    }

    /// The output an item waits for.
    fn needs(&self, stage: usize, item: Item) -> usize {
        let slot = self.slot(stage, item);
        match item.kind {
            Kind::Fwd if stage > 0 => slot - self.m,
            Kind::Bwd | Kind::BwdInput if slot + self.m < self.gradients => self.gradients + slot + self.m,
            _ => NOTHING,
        }
    }

    /// The output an item makes for a neighbour.
    fn makes(&self, stage: usize, item: Item) -> usize {
        let slot = self.slot(stage, item);
        match item.kind {
            Kind::Fwd if slot + self.m < self.gradients => slot,
            Kind::Bwd | Kind::BwdInput if stage > 0 => self.gradients + slot,
            _ => NOTHING,
        }
    }

    /// Seconds when the item's inputs are there; None when not yet known.
    fn ready(&self, stage: usize, item: Item) -> Result<f64, usize> {
        let need = self.needs(stage, item);
        if need == NOTHING {
            return Ok(0.0);
        }
        let at = self.arrival[need];
        if at.is_nan() { Err(need) } else { Ok(at) }
    }

    fn seconds(&self, stage: usize, kind: Kind) -> f64 {
        match kind {
            Kind::Fwd => self.times.fwd[stage],
            Kind::Bwd => self.times.bwd(stage),
            Kind::BwdInput => self.times.bwd_input[stage],
            Kind::BwdWeight => self.times.bwd_weight[stage],
        }
    }

    /// Device of the neighbour that uses what the item made.
    fn consumer(&self, device: usize, item: Item) -> usize {
        let pp = self.plan.pp as usize;
        let down = (item.kind == Kind::Fwd) != (self.plan.schedule == super::Schedule::Dualpipe && item.chunk == 1);
        if down { (device + 1) % pp } else { (device + pp - 1) % pp }
    }
}

/// Runs a plan. `times` has one entry a global virtual stage.
///
/// An item starts when its device is free and its input has arrived: the forward of the stage before, or the input gradient
/// of the stage after, plus one hop. Links carry any number of transfers at once. With blocking sends the sender is busy for
/// the hop too; a receiver never holds a sender up.
pub fn simulate(plan: &Plan, times: &StageTimes, p2p: &P2p) -> Result<Timeline, Diagnostic> {
    times.check(plan.stages())?;
    p2p.check()?;
    let (pp, m) = (plan.pp as usize, plan.micro_batches as usize);
    let slots = plan.stages() * m;
    let mut run =
        Run { plan, times, hop_s: p2p.hop(plan.pp), blocking: p2p.blocking, m, arrival: vec![f64::NAN; 2 * slots], gradients: slots };
    let mut line = Timeline {
        makespan_s: 0.0,
        start_s: vec![0.0; plan.items.len()],
        end_s: vec![0.0; plan.items.len()],
        busy_s: vec![0.0; pp],
        sending_s: vec![0.0; pp],
        peak_in_flight: (0..pp).map(|d| peak_in_flight(plan.device(d))).collect(),
    };
    let mut next: Vec<usize> = plan.first[..pp].to_vec();
    let mut free = vec![0.0_f64; pp];
    let mut waits = vec![NOTHING; pp];
    let mut awake: Vec<usize> = (0..pp).rev().collect();
    let mut done = 0;
    while let Some(device) = awake.pop() {
        let end = plan.first[device + 1];
        while next[device] < end {
            let at = next[device];
            let count = if plan.items[at].paired && at + 1 < end { 2 } else { 1 };
            let mut start = free[device];
            let mut work = 0.0;
            let mut longest = 0.0_f64;
            waits[device] = NOTHING;
            for item in &plan.items[at..at + count] {
                let stage = plan.stage_of(device, item.chunk);
                match run.ready(stage, *item) {
                    Ok(t) => start = start.max(t),
                    Err(need) => waits[device] = need,
                }
                let seconds = run.seconds(stage, item.kind);
                work += seconds;
                longest = longest.max(seconds);
            }
            if waits[device] != NOTHING {
                break;
            }
            if count == 2 {
                work = (work - times.pair_saving).max(longest);
            }
            let finish = start + work;
            let mut sends = false;
            for i in at..at + count {
                let item = plan.items[i];
                (line.start_s[i], line.end_s[i]) = (start, finish);
                let made = run.makes(plan.stage_of(device, item.chunk), item);
                if made != NOTHING {
                    sends = true;
                    run.arrival[made] = finish + run.hop_s;
                    let other = run.consumer(device, item);
                    if waits[other] == made && other != device {
                        waits[other] = NOTHING;
                        awake.push(other);
                    }
                }
            }
            line.busy_s[device] += work;
            free[device] = finish;
            if sends && run.blocking {
                line.sending_s[device] += run.hop_s;
                free[device] += run.hop_s;
            }
            line.makespan_s = line.makespan_s.max(finish);
            next[device] += count;
            done += count;
        }
    }
    if done != plan.items.len() {
        return Err(Diagnostic::error("the schedule stands still: its devices wait for each other"));
    }
    Ok(line)
}

/// Most chunks held at once, from the order alone: a device runs one item after the other, and a paired forward starts
/// before its backward ends.
fn peak_in_flight(items: &[Item]) -> u32 {
    let (mut held, mut peak) = (0_u32, 0);
    let split = items.iter().any(|i| i.kind == Kind::BwdWeight);
    for item in items {
        match item.kind {
            Kind::Fwd => held += 1,
            Kind::Bwd | Kind::BwdWeight => held = held.saturating_sub(1),
            Kind::BwdInput if !split => held = held.saturating_sub(1),
            Kind::BwdInput => {}
        }
        peak = peak.max(held);
    }
    peak
}
