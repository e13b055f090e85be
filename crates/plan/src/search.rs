//! Best-first search with bounds.
//!
//! Layer times depend on (tp, cp, ep, etp, micro-batch, recompute) only. Their sum, spread evenly over the
//! devices, bounds the step from below for every pp, vpp, dp and ZeRO stage. Keys are visited by rising bound,
//! in batches of fixed size; a key whose bound exceeds the k-th best step found in earlier batches is cut with all
//! its layouts. Batches, not threads, decide what is cut, so counts and results do not depend on the machine.

use crate::space::{Key, Space};
use rayon::prelude::*;
use secondsource_step::{Layers, Split, StepModel};
use secondsource_workload::layout::{Layout, Recompute, Schedule, Zero};
use std::collections::BTreeMap;

/// How much to return and how much to hold back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Layouts to return.
    pub top: usize,
    /// Bytes that a device may use.
    pub capacity: f64,
    /// False times every layout, without cutting by bound (for measurement).
    pub cut: bool,
    /// Times pipelines by their schedule where the closed form alone does not rule a layout out.
    pub exact: bool,
}

/// A layout that fits, with its step time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    pub seconds: f64,
    pub memory: f64,
    pub layout: Layout,
}

/// What the search found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Best first; at most `top`.
    pub best: Vec<Candidate>,
    /// Best step ignoring memory: when it is faster than `best`, memory capacity binds.
    pub unlimited: Option<Candidate>,
    /// The layout that needs the least memory, whether or not it fits.
    pub leanest: Option<Candidate>,
    /// Layouts of the space.
    pub weighed: u64,
    /// Of them, cut: they do not divide, do not fit, or cannot be among the best.
    pub pruned: u64,
    /// Cut by each rule; adds up to `pruned`. A choice of sizes that divides with no pipeline at all counts once.
    pub by_rule: BTreeMap<&'static str, u64>,
}

/// Keys between two looks at what the others found: few at first, when every find rules much out.
const FIRST_BATCH: usize = 4;
const BATCH: usize = 64;

/// Searches the space.
pub fn search(model: &StepModel<'_>, space: &Space, options: &Options) -> Found {
    let input = &model.input;
    let splits = Splits::new(model, space);
    let mut found = Found::default();

    // Phase 1: which keys divide, and their bounds.
    let checked: Vec<Result<Bounded, (&'static str, u64)>> =
        space.keys().into_par_iter().map(|k| bound(model, space, &splits, k)).collect();
    let mut keys = Vec::with_capacity(checked.len());
    for c in checked {
        match c {
            Ok(k) => keys.push(k),
            Err((rule, n)) => {
                *found.by_rule.entry(rule).or_default() += n;
                found.weighed += n;
                found.pruned += n;
            }
        }
    }
    keys.sort_by(|a, b| a.lower.total_cmp(&b.lower).then(a.key.cmp(&b.key)));

    // Phase 2: best first.
    let (mut at, mut batch) = (0, FIRST_BATCH);
    while at < keys.len() {
        let worst = found.best.get(options.top.saturating_sub(1)).map_or(f64::INFINITY, |c| c.seconds);
        if options.cut && keys[at].lower > worst {
            break;
        }
        let end = (at + batch).min(keys.len());
        batch = (2 * batch).min(BATCH);
        let rivals = Rivals { worst, free: found.unlimited.map_or(f64::INFINITY, |c| c.seconds) };
        let parts: Vec<Found> = keys[at..end].par_iter().map(|b| visit(model, space, &splits, options, b, rivals)).collect();
        for p in parts {
            found.merge(p, options.top);
        }
        at = end;
    }
    let left: u64 = keys[at..].iter().map(|b| b.count).sum();
    if left > 0 {
        *found.by_rule.entry("bound").or_default() += left;
        found.pruned += left;
        found.weighed += left;
    }
    debug_assert!(input.chips > 0);
    found
}

/// A key that divides: no layout of it takes less than `lower` seconds.
struct Bounded {
    lower: f64,
    key: Key,
    layers: Layers,
    /// Layouts that it stands for.
    count: u64,
}

/// Splits of the model for every (pp, vpp) of the space.
struct Splits {
    list: Vec<(u32, u32, Split)>,
}

impl Splits {
    fn new(model: &StepModel<'_>, space: &Space) -> Splits {
        let layers = model.input.model.layers();
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        for &pp in &space.pp {
            for &vpp in &space.vpp {
                if (pp == 1 && vpp > 1) || u64::from(pp) * u64::from(vpp) > layers {
                    continue;
                }
                pairs.push((pp, vpp));
            }
        }
        let list = pairs
            .into_par_iter()
            .map(|(pp, vpp)| (pp, vpp, Split::new(model.input.model, &Layout { pp, vpp, ..Layout::SINGLE })))
            .collect();
        Splits { list }
    }
}

/// The (pp, vpp) pairs that a key can be combined with, the data-parallel size, and the split with its index.
fn fits<'s>(
    model: &StepModel<'_>,
    space: &'s Space,
    splits: &'s Splits,
    k: Key,
) -> impl Iterator<Item = (usize, u32, u32, u32, &'s Split)> {
    let (chips, batch) = (model.input.chips, model.input.global_batch);
    splits.list.iter().enumerate().filter_map(move |(at, (pp, vpp, split))| {
        let inner = u64::from(k.tp) * u64::from(k.cp) * u64::from(*pp);
        if !chips.is_multiple_of(inner) {
            return None;
        }
        let dp = chips / inner;
        if space.pins.dp.is_some_and(|d| u64::from(d) != dp) {
            return None;
        }
        let per_rank = dp * u64::from(k.micro_batch);
        if !batch.is_multiple_of(per_rank) {
            return None;
        }
        let m = batch / per_rank;
        if (*vpp > 1 && !m.is_multiple_of(u64::from(*pp))) || m < u64::from(*pp).min(2) && *pp > 1 {
            return None;
        }
        let ranks = u64::from(k.tp) * u64::from(k.cp) * dp;
        let expert = u64::from(k.ep) * u64::from(k.etp);
        let shard = u64::from(space.pins.shard_group.unwrap_or(1).max(1));
        if !ranks.is_multiple_of(expert) || !(dp * u64::from(k.cp)).is_multiple_of(shard) {
            return None;
        }
        Some((at, *pp, *vpp, dp as u32, split))
    })
}

/// ZeRO-3 with a pipeline gathers whole stages: dominated by ZeRO-1 in time and not offered by frameworks with
/// 1F1B; it is searched for pp = 1, unless fixed.
fn zeros(space: &Space, pp: u32) -> impl Iterator<Item = Zero> {
    let fixed = space.pins.zero.is_some();
    space.zero.iter().copied().filter(move |z| fixed || pp == 1 || *z != Zero::Z3)
}

fn schedules(space: &Space, pp: u32, vpp: u32) -> impl Iterator<Item = Schedule> {
    space.schedule.iter().copied().filter(move |s| match s {
        Schedule::OneFOneB => true,
        Schedule::Dualpipe => vpp == 1 && pp > 1 && pp.is_multiple_of(2),
        Schedule::ZeroBubble | Schedule::Gpipe => vpp == 1 && pp > 1,
    })
}

fn bound(model: &StepModel<'_>, space: &Space, splits: &Splits, k: Key) -> Result<Bounded, (&'static str, u64)> {
    let count: u64 =
        fits(model, space, splits, k).map(|(_, pp, vpp, ..)| (zeros(space, pp).count() * schedules(space, pp, vpp).count()) as u64).sum();
    let Some((_, pp, vpp, dp, _)) = fits(model, space, splits, k).next() else {
        return Err(("divide", 1));
    };
    let l = space.layout(&k, pp, vpp, dp, Zero::Z1, Schedule::OneFOneB);
    if let Err(e) = model.input.check(&l, true) {
        return Err((e.rule, count));
    }
    let layers = model.layers(&l);
    Ok(Bounded { lower: model.lower_bound(&layers, &l), key: k, layers, count })
}

/// What a search holds against the layouts of a key: the best times of earlier batches.
#[derive(Clone, Copy)]
struct Rivals {
    /// The last of the best that fit, seconds.
    worst: f64,
    /// The best without a limit on memory.
    free: f64,
}

/// A layout that its closed form does not rule out; its schedule has still to be run.
struct Pending {
    /// No run of the schedule takes less, seconds.
    least: f64,
    /// Seconds by the closed form.
    closed: f64,
    fits: bool,
    memory: f64,
    layout: Layout,
    /// Index of the split.
    split: usize,
}

fn visit(model: &StepModel<'_>, space: &Space, splits: &Splits, options: &Options, b: &Bounded, rivals: Rivals) -> Found {
    let (k, layers) = (&b.key, &b.layers);
    let mut f = Found::default();
    let mut pending: Vec<Pending> = Vec::new();
    for (at, pp, vpp, dp, split) in fits(model, space, splits, *k) {
        for schedule in schedules(space, pp, vpp) {
            let mut beyond = None;
            for zero in zeros(space, pp) {
                let layout = space.layout(k, pp, vpp, dp, zero, schedule);
                f.weighed += 1;
                let memory = model.peak_memory(split, &layout).total();
                let fits = memory <= options.capacity;
                if f.leanest.is_none_or(|c| memory < c.memory) {
                    f.leanest = Some(Candidate { seconds: b.lower, memory, layout });
                }
                if !fits {
                    *f.by_rule.entry("memory").or_default() += 1;
                    f.pruned += 1;
                    // Still worth its time when nothing has fitted yet: it tells whether memory binds.
                    if k.recompute != Recompute::None || vpp > 1 {
                        continue;
                    }
                }
                let closed = model.time(layers, split, &layout).0;
                let seconds = closed.total();
                if !options.exact || pp == 1 {
                    f.take(Candidate { seconds, memory, layout }, fits, rivals, options.top);
                    continue;
                }
                // What the busiest device's work already rules out need not be run through its schedule.
                let work = seconds - closed.bubble - closed.pp;
                if !f.hopes(work, fits, rivals, options.top) {
                    continue;
                }
                let beyond = *beyond.get_or_insert_with(|| model.pipeline_correction_bound(layers, split, &layout));
                pending.push(Pending { least: seconds + beyond, closed: seconds, fits, memory, layout, split: at });
            }
        }
    }
    // The most hopeful first: most of the others then need no run.
    pending.sort_by(|a, b| a.least.total_cmp(&b.least).then_with(|| simplicity(&a.layout).cmp(&simplicity(&b.layout))));
    let mut runs: Vec<((u32, u32, Schedule), f64)> = Vec::new();
    for p in &pending {
        if !f.hopes(p.least, p.fits, rivals, options.top) {
            continue;
        }
        // ZeRO does not touch the pipeline.
        let same = (p.layout.pp, p.layout.vpp, p.layout.schedule);
        let beyond = match runs.iter().find(|(of, _)| *of == same) {
            Some((_, seconds)) => *seconds,
            None => {
                let seconds = model.pipeline_correction_of(layers, &splits.list[p.split].2, &p.layout);
                runs.push((same, seconds));
                seconds
            }
        };
        f.take(Candidate { seconds: p.closed + beyond, memory: p.memory, layout: p.layout }, p.fits, rivals, options.top);
    }
    f
}

impl Found {
    /// Whether a layout of at least `least` seconds can be among the best.
    fn hopes(&self, least: f64, fits: bool, rivals: Rivals, top: usize) -> bool {
        least < self.free(rivals) || (fits && least <= self.rival(rivals, top))
    }

    fn rival(&self, rivals: Rivals, top: usize) -> f64 {
        self.best.get(top.max(1) - 1).map_or(rivals.worst, |c| c.seconds.min(rivals.worst))
    }

    fn free(&self, rivals: Rivals) -> f64 {
        self.unlimited.map_or(rivals.free, |c| c.seconds.min(rivals.free))
    }

    fn take(&mut self, c: Candidate, fits: bool, rivals: Rivals, top: usize) {
        if c.seconds < self.free(rivals) {
            self.unlimited = Some(c);
        }
        if fits && c.seconds <= self.rival(rivals, top) {
            self.push(c, top);
        }
    }
}

impl Found {
    /// The first `top` layouts that differ in more than their name (the same time and memory).
    pub fn distinct(&mut self, top: usize) {
        self.best.dedup_by(|a, b| (a.seconds / b.seconds - 1.0).abs() < 1e-9 && (a.memory / b.memory - 1.0).abs() < 1e-9);
        self.best.truncate(top);
    }

    fn push(&mut self, c: Candidate, top: usize) {
        let at = self.best.partition_point(|b| order(b, &c).is_lt());
        self.best.insert(at, c);
        self.best.truncate(top.max(1));
    }

    fn merge(&mut self, o: Found, top: usize) {
        for c in o.best {
            self.push(c, top);
        }
        for (rule, n) in o.by_rule {
            *self.by_rule.entry(rule).or_default() += n;
        }
        self.weighed += o.weighed;
        self.pruned += o.pruned;
        if let Some(c) = o.unlimited
            && self.unlimited.is_none_or(|b| order(&c, &b).is_lt())
        {
            self.unlimited = Some(c);
        }
        if let Some(c) = o.leanest
            && self.leanest.is_none_or(|b| c.memory.total_cmp(&b.memory).then(simplicity(&c.layout).cmp(&simplicity(&b.layout))).is_lt())
        {
            self.leanest = Some(c);
        }
    }
}

/// By time; equal times by the simpler layout.
fn order(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    a.seconds.total_cmp(&b.seconds).then(simplicity(&a.layout).cmp(&simplicity(&b.layout)))
}

fn simplicity(l: &Layout) -> (u32, u32, u32, u32, u32, u32, u32, Zero, Recompute) {
    (l.pp, l.vpp, l.tp, l.cp, l.etp, l.ep, l.micro_batch, l.zero, l.recompute)
}
