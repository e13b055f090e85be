//! Laws of memory, and published accounts.

use crate::{Job, jobs, near, software};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_step::{memory, schedule};
use secondsource_workload::layout::{Layout, Recompute, Schedule, Zero};
use secondsource_workload::recipe::{Software, Task};

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Each ZeRO stage shards more: model states never grow, and with ranks to shard over and layers to gather one by
    /// one, neither does the whole.
    #[test]
    fn zero_never_needs_more(job in jobs()) {
        let at = |zero: Zero| Job { layout: Layout { zero, ..job.layout }, ..job.clone() }.run().map(|r| r.memory);
        // Under a pipeline ZeRO-3 keeps gathered weights and whole gradients: no less than ZeRO-2 there, but than ZeRO-1.
        let stages = if job.layout.pp == 1 { [Zero::Z0, Zero::Z1, Zero::Z2, Zero::Z3] } else { [Zero::Z0, Zero::Z1, Zero::Z3, Zero::Z2] };
        let all: Vec<_> = stages.into_iter().filter_map(at).collect();
        let ranks = job.layout.dp * job.layout.cp / job.layout.ep.max(1);
        for w in all.windows(2) {
            let states = |m: &memory::Memory| m.weights + m.gradients + m.optimizer;
            prop_assert!(states(&w[1]) <= states(&w[0]));
            // ZeRO-3 gathers two layers at a time: a loss on few ranks or few layers.
            let gathers = w[1].buffers > w[0].buffers && (ranks < 4 || job.model.layers() < 8 * u64::from(job.layout.pp));
            prop_assert!(gathers || w[1].total() <= w[0].total() * (1.0 + 1e-12), "{} above {}", w[1].total(), w[0].total());
        }
    }

    /// The peak is the largest of the stages.
    #[test]
    fn the_peak_is_the_fullest_stage(job in jobs()) {
        if let Some(r) = job.run() {
            let stages = job.with(|m| m.memory_by_stage(&job.layout));
            prop_assert_eq!(stages.len(), job.layout.pp as usize);
            let largest = stages.iter().map(memory::Memory::total).fold(0.0, f64::max);
            prop_assert!((largest / r.memory.total() - 1.0).abs() < 1e-12, "peak {}, stages up to {largest} under {:?}", r.memory.total(), job.layout);
        }
    }

    /// Weights of all devices are the model's, however it is cut: ZeRO-3 without a pipeline holds each byte once, ZeRO-1
    /// once for each data-parallel replica.
    #[test]
    fn weights_are_held_once(job in jobs()) {
        let mut job = job;
        let l = job.layout;
        job.layout = Layout { zero: if l.pp == 1 { Zero::Z3 } else { Zero::Z1 }, ep: 1, ..l };
        if job.run().is_some() {
            let sharers = f64::from(if l.pp == 1 { l.tp * l.cp * l.dp } else { l.tp });
            // Experts are cut by expert parallelism only: every tensor-parallel rank holds them.
            let experts = if l.pp == 1 { 1.0 } else { f64::from(l.tp) };
            let held: f64 = job.with(|m| m.memory_by_stage(&job.layout)).iter().map(|m| m.weights).sum::<f64>() * sharers;
            // A tied output matrix is a second copy on the last stage.
            let copy = if job.model.head_params == 0 && l.pp > 1 { job.model.embedding_params } else { 0 };
            let last = job.model.runs.last().map_or((0, 0), |r| (r.layer.params, r.layer.routed_params));
            let mtp = job.model.mtp_layers;
            let routed = job.model.runs.iter().map(|r| r.count * r.layer.routed_params).sum::<u64>() + mtp * last.1;
            let join = 2 * job.model.hidden * job.model.hidden;
            let all = job.model.params_total() + copy + mtp * (last.0 + join);
            let want = 2.0 * ((all - routed) as f64 + experts * routed as f64);
            prop_assert!((held / want - 1.0).abs() < 1e-9, "{held} bytes held, {want} wanted under {:?}", job.layout);
        }
    }
}

/// How many micro-batches a stage holds is what the schedule, run event by event, says (its own tests hold
/// `schedule::in_flight` to the run).
#[test]
fn micro_batches_in_flight_are_those_of_the_schedule() {
    let mut wrong = Vec::new();
    for schedule in [Schedule::OneFOneB, Schedule::ZeroBubble, Schedule::Gpipe, Schedule::Dualpipe] {
        for pp in [2, 4, 8] {
            for vpp in if schedule == Schedule::OneFOneB { vec![1, 2, 4] } else { vec![1] } {
                for m in [1, 2, 3].map(|k| k * pp) {
                    for rank in 0..pp {
                        let l = Layout { pp, vpp, schedule, ..Layout::SINGLE };
                        let ours = memory::in_flight(&l, rank, f64::from(m)) * f64::from(vpp);
                        let exact = schedule::in_flight(schedule, pp, vpp, m, rank).unwrap();
                        if (ours - exact).abs() > 1e-9 {
                            wrong.push(format!(
                                "{schedule:?} pp {pp} vpp {vpp} m {m} rank {rank}: {ours} chunks, the schedule holds {exact}"
                            ));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Selective recompute drops the scores that an unfused kernel keeps, and costs the scores again.
#[test]
fn selective_recompute_of_unfused_scores() {
    let mut none = Job::new("gpt3-175b", "a100-80g-sxm", Layout { tp: 8, pp: 8, dp: 1, ..Layout::SINGLE }, 8);
    none.seq = 2048;
    none.recipe.software = Software { attention: secondsource_workload::recipe::AttentionKernel::Unfused, ..software() };
    let mut selective = none.clone();
    selective.layout.recompute = Recompute::Selective;
    let (n, s) = (none.run().unwrap(), selective.run().unwrap());
    // 4 a s bytes a token, over tp, in 12 layers of 8 micro-batches.
    near(n.memory.activations - s.memory.activations, 4.0 * 96.0 * 2048.0 / 8.0 * 12.0 * 8.0 * 2048.0, 1e-9);
    assert!(s.seconds > n.seconds);
}

/// Adapters train a sliver: no optimizer state of the frozen weights, gradients of adapters only.
#[test]
fn adapters_need_a_sliver() {
    let l = Layout { tp: 8, dp: 1, ..Layout::SINGLE };
    let full = Job::new("llama-2-70b", "h100-sxm", l, 4);
    let mut lora = full.clone();
    lora.recipe.task = Task::Lora { rank: 16 };
    let (f, a) = (full.run().unwrap().memory, lora.run().unwrap().memory);
    near(a.weights, f.weights, 1e-12);
    assert!(a.optimizer < 0.01 * f.optimizer && a.gradients < 0.01 * f.gradients && a.activations < f.activations);
}
