//! Pipeline schedules: which device runs which chunk of which micro-batch in what order, how long that takes
//! ([`simulate`], exact) and how much of it a formula already tells ([`makespan_closed`], [`in_flight`]).
//!
//! Times are seconds. Stages are *global virtual stages*: with `vpp` chunks a device, stage `v * pp + device` is
//! chunk `v` of `device` (Megatron-LM's placement). DualPipe has `pp` stages and each device holds two of them:
//! chunk 0 is stage `device` (micro-batches that travel down), chunk 1 is stage `pp - 1 - device` (those that travel up).
//!
//! Never here: bytes, chips, fabrics or models; durations come in as numbers.

mod ascii;
mod bounds;
mod closed;
mod dualpipe;
mod order;
mod sim;
mod spans;

use secondsource_base::Diagnostic;
pub use secondsource_workload::layout::Schedule;

pub use ascii::render_ascii;
pub use closed::{in_flight, makespan_bound, makespan_closed, makespan_fast};
pub use sim::{Timeline, simulate};
pub use spans::{Span, timeline_spans};

/// Plans above this number of work items are refused (16 bytes of result an item).
pub const MAX_ITEMS: u64 = 1 << 24;

/// What a work item computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Forward pass.
    Fwd,
    /// Input and weight gradients in one go.
    Bwd,
    /// Gradient of the chunk's input: what the stage before waits for.
    BwdInput,
    /// Gradient of the chunk's weights: nobody waits for it.
    BwdWeight,
}

impl Kind {
    /// Name for traces and pictures.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Fwd => "fwd",
            Kind::Bwd => "bwd",
            Kind::BwdInput => "bwd-input",
            Kind::BwdWeight => "bwd-weight",
        }
    }
}

/// One piece of work on one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    pub kind: Kind,
    /// This item and the next on its device run together as one overlapped pair (DualPipe's F&B).
    pub paired: bool,
    /// Which of the device's chunks; see [`Plan::stage_of`].
    pub chunk: u16,
    pub micro_batch: u32,
}

impl Item {
    pub(crate) fn new(kind: Kind, chunk: u16, micro_batch: u32) -> Self {
        Item { kind, paired: false, chunk, micro_batch }
    }
}

/// Ordered work of every device. Made by [`build`] only, so that the order is free of deadlocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    schedule: Schedule,
    pp: u32,
    vpp: u32,
    micro_batches: u32,
    items: Vec<Item>,
    /// `items[first[d]..first[d + 1]]` belongs to device `d`.
    first: Vec<usize>,
}

impl Plan {
    pub fn schedule(&self) -> Schedule {
        self.schedule
    }

    /// Pipeline devices.
    pub fn pp(&self) -> u32 {
        self.pp
    }

    /// Virtual stages a device (1 for DualPipe, which holds two stages in another way).
    pub fn vpp(&self) -> u32 {
        self.vpp
    }

    pub fn micro_batches(&self) -> u32 {
        self.micro_batches
    }

    /// Global virtual stages: `pp * vpp`.
    pub fn stages(&self) -> usize {
        self.pp as usize * self.vpp as usize
    }

    /// All items, device after device.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Range of `device` in [`Plan::items`]; empty past the last device.
    pub fn range(&self, device: usize) -> std::ops::Range<usize> {
        match (self.first.get(device), self.first.get(device + 1)) {
            (Some(a), Some(b)) => *a..*b,
            _ => 0..0,
        }
    }

    /// Items of one device, in order.
    pub fn device(&self, device: usize) -> &[Item] {
        &self.items[self.range(device)]
    }

    /// Global virtual stage of a device's chunk.
    pub fn stage_of(&self, device: usize, chunk: u16) -> usize {
        let pp = self.pp as usize;
        match (self.schedule, chunk) {
            (Schedule::Dualpipe, 1) => pp - 1 - device,
            (Schedule::Dualpipe, _) => device,
            _ => usize::from(chunk) * pp + device,
        }
    }

    /// Copies of the stage parameters a device holds, in stages of `1 / (pp * vpp)` of the model: `vpp`, and 2 for
    /// DualPipe (DeepSeek-V3 report, Table 2: parameters 2x).
    pub fn stages_held(&self) -> u32 {
        if self.schedule == Schedule::Dualpipe { 2 } else { self.vpp }
    }
}

/// Seconds of each global virtual stage for one micro-batch.
#[derive(Debug, Clone, PartialEq)]
pub struct StageTimes {
    pub fwd: Vec<f64>,
    pub bwd_input: Vec<f64>,
    pub bwd_weight: Vec<f64>,
    /// Seconds saved when a forward and a backward run as an overlapped pair (communication of one hidden under the
    /// arithmetic of the other): F&B = F + B - saving, never below the longer of the two. Used by DualPipe only.
    pub pair_saving: f64,
}

impl StageTimes {
    /// The same times for all stages.
    pub fn uniform(stages: usize, fwd: f64, bwd_input: f64, bwd_weight: f64) -> Self {
        StageTimes { fwd: vec![fwd; stages], bwd_input: vec![bwd_input; stages], bwd_weight: vec![bwd_weight; stages], pair_saving: 0.0 }
    }

    /// Checks lengths and that every time is finite and not negative.
    pub(crate) fn check(&self, stages: usize) -> Result<(), Diagnostic> {
        for (name, times) in [("fwd", &self.fwd), ("bwd_input", &self.bwd_input), ("bwd_weight", &self.bwd_weight)] {
            if times.len() != stages {
                return Err(Diagnostic::error(format!("{} stage times `{name}` for {stages} virtual stages", times.len()))
                    .hint("one time for each global virtual stage: pp * vpp of them (pp for DualPipe)"));
            }
            if let Some(bad) = times.iter().find(|t| !usable(**t)) {
                return Err(Diagnostic::error(format!("stage time `{name}` is {bad} s")).hint("times are finite and not negative"));
            }
        }
        if !usable(self.pair_saving) {
            return Err(Diagnostic::error(format!("pair_saving is {} s", self.pair_saving)).hint("times are finite and not negative"));
        }
        Ok(())
    }

    /// Both gradients of a stage, seconds.
    pub(crate) fn bwd(&self, stage: usize) -> f64 {
        self.bwd_input[stage] + self.bwd_weight[stage]
    }
}

/// Sending activations (and their gradients) between neighbouring stages.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct P2p {
    /// Seconds when the neighbour is another device.
    pub cross_s: f64,
    /// Seconds when it is the same device (only with `pp` 1 and several chunks).
    pub local_s: f64,
    /// The sender stands still until the send is done; else sends run beside compute.
    pub blocking: bool,
}

impl P2p {
    /// Free transfers.
    pub const NONE: P2p = P2p { cross_s: 0.0, local_s: 0.0, blocking: false };

    /// Overlapped sends of `cross_s` seconds.
    pub fn overlapped(cross_s: f64) -> Self {
        P2p { cross_s, ..P2p::NONE }
    }

    /// Blocking sends of `cross_s` seconds.
    pub fn blocking(cross_s: f64) -> Self {
        P2p { cross_s, blocking: true, ..P2p::NONE }
    }

    /// Seconds of one hop. In every placement supported here neighbouring stages share a device only if there is one device.
    pub(crate) fn hop(&self, pp: u32) -> f64 {
        if pp == 1 { self.local_s } else { self.cross_s }
    }

    pub(crate) fn check(&self) -> Result<(), Diagnostic> {
        if usable(self.cross_s) && usable(self.local_s) {
            return Ok(());
        }
        Err(Diagnostic::error(format!("point-to-point times are {} s and {} s", self.cross_s, self.local_s))
            .hint("times are finite and not negative"))
    }
}

fn usable(t: f64) -> bool {
    t.is_finite() && t >= 0.0
}

/// Checks that the schedule exists for these sizes.
pub(crate) fn check_shape(schedule: Schedule, pp: u32, vpp: u32, m: u32) -> Result<(), Diagnostic> {
    for (name, n) in [("pipeline size pp", pp), ("virtual stages vpp", vpp), ("number of micro-batches", m)] {
        if n == 0 {
            return Err(Diagnostic::error(format!("{name} is 0")).hint("it is at least 1"));
        }
    }
    if vpp > 1 && schedule != Schedule::OneFOneB {
        return Err(Diagnostic::error(format!("the schedule has no interleaved form here: vpp is {vpp}"))
            .hint("set vpp = 1, or schedule = \"1f1b\""));
    }
    if schedule == Schedule::Dualpipe && !pp.is_multiple_of(2) {
        return Err(Diagnostic::error(format!("DualPipe needs an even number of pipeline devices, not {pp}"))
            .hint("each device holds stage i and stage pp - 1 - i"));
    }
    // Orders of few micro-batches are padded; 3 kinds of items at most.
    let padded = match schedule {
        Schedule::Dualpipe => m.max(pp.saturating_mul(2)),
        _ if vpp > 1 => m.max(pp),
        _ => m,
    };
    let items = u64::from(pp).saturating_mul(u64::from(vpp)).saturating_mul(u64::from(padded));
    if vpp > u32::from(u16::MAX) || pp > u32::from(u16::MAX) || items > MAX_ITEMS / 3 {
        return Err(Diagnostic::error(format!("a schedule of {pp} x {vpp} stages and {m} micro-batches is too large"))
            .hint(format!("pp * vpp * micro-batches is at most {}", MAX_ITEMS / 3)));
    }
    Ok(())
}

/// Work lists of all devices.
///
/// * `OneFOneB`, vpp 1: Narayanan et al. 2019/2021 (PipeDream-flush); vpp > 1: interleaved, see [`group_size`].
/// * `Gpipe`: Huang et al. 2019; backwards in the order of the forwards.
/// * `ZeroBubble`: ZB-H1 of Qi et al. 2023, without the post-validated optimizer step.
/// * `Dualpipe`: DeepSeek-V3 report 2024; `m` below `2 * pp` or odd is supported by leaving out the surplus of the next
///   even order, which stays free of deadlocks.
pub fn build(schedule: Schedule, pp: u32, vpp: u32, m: u32) -> Result<Plan, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    build_grouped(schedule, pp, vpp, m, group_size(pp, m))
}

/// [`build`] with a group size of one's own for the interleaved order.
pub(crate) fn build_grouped(schedule: Schedule, pp: u32, vpp: u32, m: u32, group: u32) -> Result<Plan, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    let kinds = if schedule == Schedule::ZeroBubble { 3 } else { 2 };
    let mut items = Vec::with_capacity(pp as usize * vpp as usize * m as usize * kinds);
    let mut first = Vec::with_capacity(pp as usize + 1);
    let sequence = order::Sequence::new(pp, vpp, m, group);
    first.push(0);
    for device in 0..pp {
        match schedule {
            Schedule::Gpipe => order::gpipe(m, &mut items),
            Schedule::OneFOneB => sequence.device(device, &mut items),
            Schedule::ZeroBubble => order::zb_h1(pp, m, device, &mut items),
            Schedule::Dualpipe => dualpipe::device(pp, m, device, &mut items),
        }
        first.push(items.len());
    }
    Ok(Plan { schedule, pp, vpp, micro_batches: m, items, first })
}

/// Micro-batches that pass a chunk before the device turns to its next chunk (Megatron-LM's
/// `microbatch_group_size_per_vp_stage`): the smallest N >= pp that leaves no remainder of `m`, or one of at least pp, which
/// is the condition that Megatron-LM checks. With `m` a multiple of pp that is pp, the order of Narayanan et al. 2021.
/// `m < pp`, which Megatron-LM refuses, runs the order of pp micro-batches with the missing ones left out.
pub fn group_size(pp: u32, m: u32) -> u32 {
    let pp = pp.max(1);
    (pp..m).find(|n| m.is_multiple_of(*n) || m % n >= pp).unwrap_or(m.max(pp))
}
