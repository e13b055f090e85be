//! `step` and `fit`: one layout, fixed by hand.

use crate::answer::{FitAnswer, FitChange, HbmOut, StepAnswer};
use crate::calibrate::OwnStack;
use crate::calibrate::own::Traits;
use crate::job::{Chips, Job};
use crate::plan::{MOST_CHIPS, Seat, pins, words};
use crate::setup;
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use secondsource_base::quantity::GIB;
use secondsource_emit::trace;
use secondsource_plan::{Candidate, Options, Pins, Space, search};
use secondsource_step::memory::Memory;
use secondsource_step::schedule::{self, P2p};
use secondsource_step::{Breakdown, Misfit, StepModel, StepResult};
use secondsource_workload::layout::{Layout, Recompute, Zero};
use secondsource_workload::model::Model;
use std::collections::BTreeMap;

/// The layout that a job fixes: sizes not given are 1, dp fills the chips.
fn layout_of(p: &Pins, chips: Chips) -> Result<(Layout, u64), Diagnostic> {
    let s = Layout::SINGLE;
    let mut l = Layout {
        tp: p.tp.unwrap_or(1),
        cp: p.cp.unwrap_or(1),
        pp: p.pp.unwrap_or(1),
        vpp: p.vpp.unwrap_or(1),
        dp: p.dp.unwrap_or(1),
        ep: p.ep.unwrap_or(1),
        etp: p.etp.unwrap_or(1),
        zero: p.zero.unwrap_or(s.zero),
        shard_group: p.shard_group.unwrap_or(0),
        micro_batch: p.micro_batch.unwrap_or(1),
        recompute: p.recompute.unwrap_or(s.recompute),
        schedule: p.schedule.unwrap_or(s.schedule),
        sequence_parallel: p.sequence_parallel.unwrap_or(true),
        cp_mode: p.cp_mode.unwrap_or(s.cp_mode),
    };
    for (name, v) in [
        ("tp", l.tp),
        ("cp", l.cp),
        ("pp", l.pp),
        ("dp", l.dp),
        ("micro-batch", l.micro_batch),
        ("vpp", l.vpp),
        ("ep", l.ep),
        ("etp", l.etp),
    ] {
        if v == 0 {
            return Err(Diagnostic::error(format!("{name} is 0; every parallel size is at least 1")));
        }
    }
    let inner = Layout { dp: 1, ..l }.devices();
    if l.devices() > MOST_CHIPS || matches!(chips, Chips::Count(n) if n > MOST_CHIPS) {
        return Err(Diagnostic::error(format!("a job of more than {MOST_CHIPS} chips")).hint("no network of the catalog joins that many"));
    }
    let Chips::Count(n) = chips else {
        return Ok((l, l.devices()));
    };
    if p.dp.is_some() {
        if l.devices() != n {
            return Err(Diagnostic::error(format!(
                "tp {} x cp {} x pp {} x dp {} is {} chips, not {n}",
                l.tp,
                l.cp,
                l.pp,
                l.dp,
                l.devices()
            ))
            .hint(if n.is_multiple_of(inner) {
                format!("dp {} would use all {n}", n / inner)
            } else {
                format!("use {} chips", l.devices())
            }));
        }
    } else if n.is_multiple_of(inner) {
        l.dp = u32::try_from(n / inner).unwrap_or(u32::MAX);
    } else {
        let below = n / inner * inner;
        return Err(Diagnostic::error(format!("tp {} x cp {} x pp {} = {inner} does not divide {n} chips", l.tp, l.cp, l.pp)).hint(
            if below > 0 { format!("{below} or {} chips would divide", below + inner) } else { format!("it needs at least {inner} chips") },
        ));
    }
    Ok((l, n))
}

fn misfit(m: Misfit) -> Diagnostic {
    Diagnostic::error(m.why)
}

fn gib(m: &Memory) -> BTreeMap<String, f64> {
    Memory::NAMES.iter().zip(m.to_array()).map(|(n, v)| ((*n).to_owned(), v / GIB)).collect()
}

struct Fixed {
    model: Model,
    seat: Seat,
    layout: Layout,
}

impl Twin {
    fn fixed(&self, job: &Job) -> Result<Fixed, Diagnostic> {
        let model = self.model(&job.model)?;
        let Some(name) = job.on.first() else {
            return Err(Diagnostic::error("no system given").hint("give one, for example --on h100-sxm"));
        };
        let mut full = self.catalog.hardware(name)?;
        full.system.clone_from(name);
        let (layout, chips) = layout_of(&pins(job), job.chips)?;
        if let Some(max) = full.max_chips
            && chips > max
        {
            return Err(Diagnostic::error(format!("{name} has at most {max} chips in one network, and the layout uses {chips}")));
        }
        Ok(Fixed { model, seat: Seat::new(full, chips), layout })
    }

    fn with_fixed<T>(&self, job: &Job, f: impl FnOnce(&Fixed, &StepModel<'_>) -> Result<T, Diagnostic>) -> Result<T, Diagnostic> {
        let fixed = self.fixed(job)?;
        setup::check(job, &fixed.model)?;
        let mut out = setup::fill(job, &fixed.model);
        if job.global_batch.is_none() {
            out.global_batch = setup::suited_batch(out.global_batch, fixed.seat.chips);
            // A batch nobody named must at least give every rank of the pipeline a micro-batch.
            let per = u64::from(fixed.layout.dp) * u64::from(fixed.layout.micro_batch) * u64::from(fixed.layout.pp);
            out.global_batch = out.global_batch.div_ceil(per).max(1) * per;
        }
        let step = self.step_model(job, &fixed.model, &fixed.seat, &out).map_err(Diagnostic::error)?;
        step.input.check(&fixed.layout, true).map_err(misfit)?;
        f(&fixed, &step)
    }

    pub(crate) fn step_job(&self, job: &Job) -> Result<StepAnswer, Diagnostic> {
        self.with_fixed(job, |x, step| {
            let r = step.evaluate_exact(&x.layout, true).map_err(misfit)?;
            let (mut option, factor) = self.option(job, step, &x.seat, &x.layout, &r);
            option.notes.push(format!("global batch {} sequences of {} tokens", step.input.global_batch, step.input.seq));
            let parts = |b: &Breakdown| Breakdown::NAMES.iter().zip(b.to_array()).map(|(n, v)| ((*n).to_owned(), v * factor)).collect();
            Ok(StepAnswer {
                option,
                breakdown_s: parts(&r.breakdown),
                energy_j: step.power(&x.layout, &r).map(|p| parts(&p.joules)),
                memory_gib: gib(&r.memory),
                memory_by_stage_gib: step.memory_by_stage(&x.layout).iter().map(gib).collect(),
                micro_batches: r.micro_batches,
            })
        })
    }

    pub(crate) fn trace_job(&self, job: &Job) -> Result<String, Diagnostic> {
        self.with_fixed(job, |x, step| {
            let l = &x.layout;
            let (m, _) = step.input.micro_batches(l);
            let plan = schedule::build(l.schedule, l.pp, l.vpp, m as u32)?;
            let timeline = schedule::simulate(&plan, &step.stage_times(l), &P2p::overlapped(step.send_seconds(l)))?;
            let bytes = trace::write_pipeline(Vec::new(), &plan, &timeline).map_err(|e| Diagnostic::error(e.to_string()))?;
            String::from_utf8(bytes).map_err(|e| Diagnostic::error(e.to_string()))
        })
    }

    pub(crate) fn fit_job(&self, job: &Job) -> Result<FitAnswer, Diagnostic> {
        self.with_fixed(job, |x, step| {
            let capacity = x.seat.hw.chip.hbm_bytes;
            let r = step.evaluate_exact(&x.layout, true).map_err(misfit)?;
            let peak = r.memory.total();
            let own = self.own.as_ref().and_then(|o| o.of(&x.seat.hw.chip.id, None));
            let traits = |r: &StepResult| Traits::new(&r.breakdown, step.recipe.linear, step.input.model.is_moe(), x.layout.devices());
            let corrected = |r: &StepResult| r.seconds * own.map_or(1.0, |o| o.correction(&traits(r)).shift.exp());
            let now = corrected(&r);
            let fits = peak <= capacity;
            let mut list: Vec<FitChange> = changes(&x.layout, step.input.global_batch)
                .into_iter()
                .filter_map(|(change, l)| {
                    let n = step.evaluate_exact(&l, true).ok()?;
                    let total = n.memory.total();
                    // When it does not fit: what makes it fit. When it fits: what would be faster and still fit.
                    let step_s = corrected(&n);
                    let useful = total <= capacity && if fits { step_s < now } else { true };
                    useful.then(|| FitChange {
                        change,
                        layout: l,
                        peak_gib: total / GIB,
                        step_s,
                        slowdown_pct: (step_s / now - 1.0) * 100.0,
                    })
                })
                .collect();
            list.sort_by(|a, b| a.step_s.total_cmp(&b.step_s).then(words(&a.layout).cmp(&words(&b.layout))));
            list.dedup_by(|a, b| a.layout == b.layout);
            list.truncate(6);
            if list.is_empty() && !fits {
                list = anything_that_fits(step, capacity, now, &corrected);
            }
            Ok(FitAnswer {
                system: x.seat.hw.system.clone(),
                fits,
                layout: x.layout,
                hbm_gib: HbmOut { peak: peak / GIB, capacity: capacity / GIB },
                margin_gib: (capacity - peak) / GIB,
                by_stage_gib: step.memory_by_stage(&x.layout).iter().map(gib).collect(),
                step_s: now,
                corrected_by: own.map(OwnStack::basis),
                changes: list,
            })
        })
    }
}

/// The fastest layouts of the whole search on the same chips, for when no small change is enough.
fn anything_that_fits(step: &StepModel<'_>, capacity: f64, now: f64, corrected: &dyn Fn(&StepResult) -> f64) -> Vec<FitChange> {
    let options = Options { top: 12, capacity, cut: true, exact: true };
    let mut found = search(step, &Space::new(step, Pins::default()), &options);
    found.distinct(3);
    let change = |c: &Candidate| {
        let step_s = corrected(&step.evaluate_exact(&c.layout, true).ok()?);
        Some(FitChange {
            change: words(&c.layout),
            layout: c.layout,
            peak_gib: c.memory / GIB,
            step_s,
            slowdown_pct: (step_s / now - 1.0) * 100.0,
        })
    };
    found.best.iter().filter_map(change).collect()
}

/// Layouts one or two steps away on the same chips.
fn changes(l: &Layout, batch: u64) -> Vec<(String, Layout)> {
    let single = |l: &Layout| -> Vec<(String, Layout)> {
        let mut v = Vec::new();
        let mut add = |what: String, n: Layout| v.push((what, n));
        if l.recompute != Recompute::Full {
            add("recompute full".into(), Layout { recompute: Recompute::Full, ..*l });
        }
        if l.recompute != Recompute::None {
            add("recompute none".into(), Layout { recompute: Recompute::None, ..*l });
        }
        if l.zero < Zero::Z1 {
            add("ZeRO-1".into(), Layout { zero: Zero::Z1, ..*l });
        }
        if l.zero < Zero::Z2 {
            add("ZeRO-2".into(), Layout { zero: Zero::Z2, ..*l });
        }
        if l.zero < Zero::Z3 && l.pp == 1 {
            add("ZeRO-3 (FSDP)".into(), Layout { zero: Zero::Z3, ..*l });
        }
        if l.micro_batch.is_multiple_of(2) {
            add(format!("micro-batch {}", l.micro_batch / 2), Layout { micro_batch: l.micro_batch / 2, ..*l });
        }
        if batch.is_multiple_of(u64::from(l.dp) * u64::from(l.micro_batch) * 2) {
            add(format!("micro-batch {}", l.micro_batch * 2), Layout { micro_batch: l.micro_batch * 2, ..*l });
        }
        if l.dp.is_multiple_of(2) {
            let dp = l.dp / 2;
            add(format!("tp {} (dp {dp})", l.tp * 2), Layout { tp: l.tp * 2, dp, ..*l });
            add(format!("pp {} (dp {dp})", l.pp * 2), Layout { pp: l.pp * 2, dp, ..*l });
            add(format!("cp {} (dp {dp})", l.cp * 2), Layout { cp: l.cp * 2, dp, ..*l });
        }
        if l.tp.is_multiple_of(2) {
            add(format!("tp {} (dp {})", l.tp / 2, l.dp * 2), Layout { tp: l.tp / 2, dp: l.dp * 2, ..*l });
        }
        if l.pp.is_multiple_of(2) {
            let vpp = if l.pp == 2 { 1 } else { l.vpp };
            add(format!("pp {} (dp {})", l.pp / 2, l.dp * 2), Layout { pp: l.pp / 2, vpp, dp: l.dp * 2, ..*l });
        }
        if l.vpp > 1 {
            add("vpp 1".into(), Layout { vpp: 1, ..*l });
        }
        if l.ep > 1 || l.etp > 1 {
            add(format!("ep {}", l.ep * 2), Layout { ep: l.ep * 2, ..*l });
        }
        v
    };
    let mut all = single(l);
    for (what, one) in single(l) {
        for (more, two) in single(&one) {
            // Two changes of the same thing are one change, listed already or undone.
            let same = what.split([' ', '-']).next() == more.split([' ', '-']).next();
            if !same && two != *l {
                all.push((format!("{what}, {more}"), two));
            }
        }
    }
    all
}
