//! What one step needs to be known about, and the rules a layout must keep.

use secondsource_catalog::hardware::{Hardware, ScaleUpShape};
use secondsource_fabric::Library;
use secondsource_workload::layout::{CpMode, Layout, Schedule};
use secondsource_workload::model::{Ffn, Model};

/// A job and where it runs; everything but the layout.
#[derive(Debug, Clone, Copy)]
pub struct StepInput<'a> {
    pub model: &'a Model,
    pub hw: &'a Hardware,
    /// Tokens per sequence.
    pub seq: u64,
    /// Sequences per optimizer step.
    pub global_batch: u64,
    /// Chips of the job: the part of the machine it is placed on.
    pub chips: u64,
    /// Communication library with its size thresholds.
    pub library: Library,
}

/// Why a layout cannot run. `rule` is a stable short name, for counting in the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    pub rule: &'static str,
    pub why: String,
}

impl Misfit {
    pub(crate) fn new(rule: &'static str, why: String) -> Misfit {
        Misfit { rule, why }
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Misfit {}

/// The machine as a job of `chips` chips uses it: units of switched levels (a rack of 72) are filled with the largest
/// number that divides the job and is a multiple of the unit inside, so that parallel groups do not straddle racks.
/// This is how 64 of 72 chips come to be used; the rest of the rack stands idle or runs something else.
pub fn seat(hw: &Hardware, chips: u64) -> Hardware {
    let mut seated = hw.clone();
    let mut inner = 1u64;
    for level in seated.levels.iter_mut().filter(|l| !l.scale_out && !matches!(l.shape, ScaleUpShape::Torus(_))) {
        let full = u64::from(level.chips);
        let fit = (1..=full.min(chips.max(1))).rev().find(|d| chips.is_multiple_of(*d) && d.is_multiple_of(inner));
        // A job that leaves most of the unit empty would rather straddle.
        if let Some(d) = fit.filter(|d| *d * 2 > full.min(chips)) {
            level.chips = d as u32;
        }
        inner = u64::from(level.chips);
    }
    seated
}

impl StepInput<'_> {
    /// Checks the divisibility rules that every framework of the table shares. `strict` also asks for what a
    /// planner should ask but published runs sometimes break (heads over tp, whole micro-batches).
    pub fn check(&self, l: &Layout, strict: bool) -> Result<(), Misfit> {
        let no = |rule, why: String| Err(Misfit::new(rule, why));
        for (name, v) in [
            ("tp", l.tp),
            ("cp", l.cp),
            ("pp", l.pp),
            ("vpp", l.vpp),
            ("dp", l.dp),
            ("ep", l.ep),
            ("etp", l.etp),
            ("micro_batch", l.micro_batch),
        ] {
            if v == 0 {
                return no("zero", format!("{name} is 0; every parallel size is at least 1"));
            }
        }
        let layers = self.model.layers();
        let stages = u64::from(l.pp) * u64::from(l.vpp);
        if strict && stages > layers {
            return no("stages", format!("pp {} x vpp {} makes {stages} stages, but {} has {layers} layers", l.pp, l.vpp, self.model.name));
        }
        if l.vpp > 1 && l.pp == 1 {
            return no("vpp", format!("vpp {} needs pp above 1", l.vpp));
        }
        let ranks = u64::from(l.dp) * u64::from(l.cp);
        if l.shard_group > 0 && !ranks.is_multiple_of(u64::from(l.shard_group)) {
            return no("shard-group", format!("a shard group of {} does not divide dp x cp = {ranks}", l.shard_group));
        }
        if l.vpp > 1 && l.schedule != Schedule::OneFOneB {
            return no("vpp", format!("vpp {} interleaves 1F1B only; the other schedules take vpp 1", l.vpp));
        }
        if l.schedule == Schedule::Dualpipe && !l.pp.is_multiple_of(2) {
            return no("dualpipe", format!("DualPipe needs an even pp, not {}", l.pp));
        }
        if l.ep > 1 || l.etp > 1 {
            let experts = self.model.runs.iter().find_map(|r| match r.layer.ffn {
                Ffn::Moe { moe, .. } => Some(moe.experts),
                _ => None,
            });
            let Some(experts) = experts else {
                return no("ep-dense", format!("ep {} needs a model with experts; {} has none", l.ep, self.model.name));
            };
            if !experts.is_multiple_of(u64::from(l.ep)) {
                return no("ep", format!("ep {} does not divide the {experts} experts", l.ep));
            }
            let ranks = u64::from(l.tp) * u64::from(l.cp) * u64::from(l.dp);
            if !ranks.is_multiple_of(u64::from(l.ep) * u64::from(l.etp)) {
                return no("ep", format!("ep {} x etp {} does not divide tp x cp x dp = {ranks}", l.ep, l.etp));
            }
        }
        if !strict {
            return Ok(());
        }
        for run in &self.model.runs {
            if let Some(a) = run.layer.attention {
                if !a.heads.is_multiple_of(u64::from(l.tp)) {
                    return no("tp-heads", format!("tp {} does not divide the {} attention heads", l.tp, a.heads));
                }
                let ulysses = l.cp_mode == CpMode::Ulysses && l.cp > 1;
                if ulysses && !(a.heads / u64::from(l.tp)).is_multiple_of(u64::from(l.cp)) {
                    return no("cp-heads", format!("Ulysses cp {} does not divide {} heads per tp rank", l.cp, a.heads / u64::from(l.tp)));
                }
            }
            if let Some(s) = run.layer.ssm
                && s.heads > 0
                && !s.heads.is_multiple_of(u64::from(l.tp))
            {
                return no("tp-heads", format!("tp {} does not divide the {} state-space heads", l.tp, s.heads));
            }
            let width = match run.layer.ffn {
                Ffn::Dense { width, .. } => Some(width),
                Ffn::Moe { moe, .. } => (l.etp > 1).then_some(moe.width),
                Ffn::None => None,
            };
            let over = if matches!(run.layer.ffn, Ffn::Moe { .. }) { l.etp } else { l.tp };
            if let Some(w) = width
                && !w.is_multiple_of(u64::from(over))
            {
                return no("tp-ffn", format!("tp {over} does not divide the feed-forward width {w}"));
            }
        }
        let chunk = 2 * u64::from(l.cp) * if l.sequence_parallel { u64::from(l.tp) } else { 1 };
        if l.cp > 1 && !self.seq.is_multiple_of(chunk) {
            return no("cp-seq", format!("cp {} needs the sequence of {} tokens in {chunk} equal pieces", l.cp, self.seq));
        }
        let per_rank = u64::from(l.dp) * u64::from(l.micro_batch);
        if !self.global_batch.is_multiple_of(per_rank) {
            return no(
                "batch",
                format!("dp {} x micro-batch {} does not divide the global batch of {} sequences", l.dp, l.micro_batch, self.global_batch),
            );
        }
        let m = self.global_batch / per_rank;
        if l.vpp > 1 && !m.is_multiple_of(u64::from(l.pp)) {
            return no("vpp-batch", format!("interleaving needs the {m} micro-batches to be a multiple of pp {}", l.pp));
        }
        Ok(())
    }

    /// Micro-batches per data-parallel rank (rounded up) and their mean size in sequences.
    pub fn micro_batches(&self, l: &Layout) -> (f64, f64) {
        let per_rank = self.global_batch as f64 / f64::from(l.dp);
        let m = (per_rank / f64::from(l.micro_batch)).ceil().max(1.0);
        (m, per_rank / m)
    }
}
