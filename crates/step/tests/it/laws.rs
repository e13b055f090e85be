//! Laws of time.

use crate::{Job, jobs};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_step::Split;
use secondsource_workload::layout::{Layout, Recompute};

/// Turns knobs of the machine that can only help.
fn better(job: &Job, what: usize) -> Job {
    let mut b = job.clone();
    match what {
        0 => b.hw.chip.hbm_bandwidth *= 1.5,
        1 => {
            // With the power that faster units draw; see `faster_units_alone_are_never_slower`.
            b.hw.chip.peaks = b.hw.chip.peaks.map(|p| p.map(|p| p * 1.5));
            b.hw.chip.tdp = b.hw.chip.tdp.map(|w| w * 1.5);
        }
        2 => {
            for l in b.hw.levels.iter_mut().filter(|l| !l.scale_out) {
                l.injection *= 1.5;
                l.axis_bandwidth = l.axis_bandwidth.map(|a| a * 1.5);
            }
        }
        3 => b.hw.levels.iter_mut().filter(|l| l.scale_out).for_each(|l| l.injection *= 1.5),
        _ => b.hw.levels.iter_mut().for_each(|l| l.latency *= 0.5),
    }
    b
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Every part is finite and not negative, and they add up to the step and to the peak.
    #[test]
    fn parts_add_up(job in jobs()) {
        if let Some(r) = job.run() {
            let parts = r.breakdown.to_array();
            prop_assert!(parts.iter().all(|p| p.is_finite() && *p >= 0.0), "{parts:?} of {:?}", job.layout);
            prop_assert!((parts.iter().sum::<f64>() / r.seconds - 1.0).abs() < 1e-12);
            let memory = r.memory.to_array();
            prop_assert!(memory.iter().all(|p| p.is_finite() && *p >= 0.0), "{memory:?}");
            let fields = r.memory.weights + r.memory.gradients + r.memory.optimizer + r.memory.activations + r.memory.logits + r.memory.buffers + r.memory.reserved;
            prop_assert!((fields / r.memory.total() - 1.0).abs() < 1e-12);
        }
    }

    /// Energy by part adds up to the mean power of the step, which lies between waiting and the board's limit.
    #[test]
    fn power_adds_up(job in jobs()) {
        job.with(|m| {
            let Ok(r) = m.evaluate(&job.layout, true) else { return };
            let p = m.power(&job.layout, &r).expect("these chips have a power limit");
            assert!((p.joules.total() / (p.mean_watts * r.seconds) - 1.0).abs() < 1e-12);
            assert!(p.mean_watts > p.waiting_watts && p.mean_watts <= p.limit_watts, "{p:?}");
            for (j, s) in p.joules.to_array().into_iter().zip(r.breakdown.to_array()) {
                assert!(j >= s * p.waiting_watts * (1.0 - 1e-9) && j <= s * p.limit_watts * (1.0 + 1e-9), "{j} J in {s} s: {p:?}");
            }
        });
    }

    /// No layout beats the datasheet, and utilisation, rate and time say the same.
    #[test]
    fn never_below_the_floor(job in jobs()) {
        if let Some(r) = job.run() {
            prop_assert!(r.seconds >= r.floor_seconds, "{} s under the floor {}", r.seconds, r.floor_seconds);
            prop_assert!(r.mfu > 0.0 && r.mfu <= 1.0 && r.hfu >= r.mfu && r.hfu <= 1.0, "mfu {} hfu {}", r.mfu, r.hfu);
            prop_assert!((r.mfu - r.floor_seconds / r.seconds).abs() < 1e-12);
            let tokens = job.seq as f64 * job.batch as f64;
            prop_assert!((r.tokens_per_s_per_chip * job.layout.devices() as f64 * r.seconds / tokens - 1.0).abs() < 1e-12);
        }
    }

    /// A machine with more of something is never slower.
    #[test]
    fn better_machines_are_never_slower(job in jobs(), what in 0usize..5) {
        if let Some(r) = job.run() {
            let b = better(&job, what).seconds();
            prop_assert!(b <= r.seconds * (1.0 + 1e-9), "knob {what}: {} s becomes {b} s under {:?}", r.seconds, job.layout);
        }
    }

    /// One more layer on every virtual stage is never faster, and takes its share of memory.
    #[test]
    fn more_layers_are_never_faster(job in jobs()) {
        if let Some(r) = job.run() {
            let mut deeper = job.clone();
            let last = deeper.model.runs.len() - 1;
            deeper.model.runs[last].count += u64::from(job.layout.pp * job.layout.vpp);
            let d = deeper.run().expect("the same rules hold");
            prop_assert!(d.seconds >= r.seconds, "{} s with more layers, {} s before", d.seconds, r.seconds);
            prop_assert!(d.memory.total() > r.memory.total());
        }
    }

    /// Repeating the forward pass is never faster and never keeps more.
    #[test]
    fn recompute_trades_time_for_memory(job in jobs()) {
        let mut none = job.clone();
        none.layout.recompute = Recompute::None;
        let mut full = job;
        full.layout.recompute = Recompute::Full;
        if let (Some(n), Some(f)) = (none.run(), full.run()) {
            // Equal only where the gradient reduction is what the step waits for and hides the second pass.
            prop_assert!(f.seconds >= n.seconds, "full {} s, none {} s", f.seconds, n.seconds);
            prop_assert!(f.memory.activations <= n.memory.activations);
            prop_assert!(f.hfu <= n.hfu * 4.0 / 3.0 + 1e-12);
            // No more than the forward pass again: below 40% of the work.
            prop_assert!(f.breakdown.recompute < 0.4 * f.seconds, "{} of {} s", f.breakdown.recompute, f.seconds);
        }
    }

    /// The bound that the search cuts by.
    #[test]
    fn lower_bounds_hold(job in jobs()) {
        job.with(|m| {
            let l = &job.layout;
            if m.input.check(l, true).is_err() {
                return;
            }
            let layers = m.layers(l);
            let time = m.time(&layers, &Split::new(m.input.model, l), l).0.total();
            let bound = m.lower_bound(&layers, l);
            assert!(bound <= time, "bound {bound} s above {time} s under {l:?}");
            assert!(bound > 0.05 * time, "bound {bound} s says nothing about {time} s under {l:?}");
        });
    }

    /// Half the batch takes less time, but not less than half: some of a step is per step.
    #[test]
    fn batches_amortise(job in jobs()) {
        let mut twice = job.clone();
        twice.batch *= 2;
        if let (Some(a), Some(b)) = (job.run(), twice.run()) {
            prop_assert!(b.seconds > a.seconds && b.seconds <= 2.0 * a.seconds * (1.0 + 1e-9), "{} s, twice the batch {} s", a.seconds, b.seconds);
        }
    }

    /// What a model costs does not depend on how the same answer is asked for.
    #[test]
    fn asking_in_parts_gives_the_same(job in jobs()) {
        job.with(|m| {
            let l = &job.layout;
            let Ok(r) = m.evaluate(l, true) else { return };
            let split = Split::new(m.input.model, l);
            // Layer times are shared between layouts that differ in pp, vpp, dp and ZeRO only.
            let other = Layout { zero: secondsource_workload::layout::Zero::Z1, vpp: 1, ..*l };
            assert_eq!(m.finish(&m.layers(&other), &split, l), r);
            assert_eq!(m.peak_memory(&split, l), r.memory);
        });
    }
}

/// Faster matrix units that leak no more, under the same power limit: no gain perhaps, but never a loss.
#[test]
fn faster_units_alone_are_never_slower() {
    let mut wrong = Vec::new();
    for (model, ep) in [("llama-3.1-8b", 1), ("mixtral-8x7b", 8), ("deepseek-v3", 8)] {
        for system in crate::SYSTEMS {
            let a = Job::new(model, system, Layout { dp: 8, ep, ..Layout::SINGLE }, 1);
            let mut b = a.clone();
            b.hw.chip.peaks = b.hw.chip.peaks.map(|p| p.map(|p| p * 1.5));
            b.params.idle_watts /= 1.5;
            let (a, b) = (a.seconds(), b.seconds());
            if b > a * (1.0 + 1e-9) {
                wrong.push(format!("{model} on {system}: {a:.4} s becomes {b:.4} s"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Sizes of zero, sizes that do not divide and schedules that do not exist are refused by rule, and without a panic.
#[test]
fn rules_have_names() {
    let ok = Layout { tp: 4, pp: 4, dp: 2, ..Layout::SINGLE };
    let rule = |model: &str, f: &dyn Fn(&mut Layout)| {
        let mut l = ok;
        f(&mut l);
        let mut job = Job::new(model, "h100-sxm", ok, 8);
        job.batch = 16;
        job.with(|m| m.input.check(&l, true).err().map(|e| e.rule))
    };
    assert_eq!(rule("llama-3.1-8b", &|_| {}), None);
    assert_eq!(rule("llama-3.1-8b", &|l| l.tp = 0), Some("zero"));
    assert_eq!(rule("llama-3.1-8b", &|l| l.tp = 3), Some("tp-heads"));
    assert_eq!(rule("llama-3.1-8b", &|l| l.pp = 64), Some("stages"));
    assert_eq!(rule("llama-3.1-8b", &|l| (l.pp, l.vpp) = (1, 2)), Some("vpp"));
    assert_eq!(rule("llama-3.1-8b", &|l| l.ep = 2), Some("ep-dense"));
    assert_eq!(rule("llama-3.1-8b", &|l| l.dp = 3), Some("batch"));
    assert_eq!(rule("llama-3.1-8b", &|l| l.cp = 3), Some("cp-seq"));
    assert_eq!(rule("mixtral-8x7b", &|l| l.ep = 3), Some("ep"));
    assert_eq!(rule("mixtral-8x7b", &|l| (l.ep, l.etp) = (8, 4)), Some("ep"));
}
