//! Work does not depend on how it is cut. On a chip whose matrix units reach their peak at once and whose memory is
//! infinitely fast, the seconds booked as matrix products, times chips, times peak, are the model's FLOPs, as another
//! crate counts them from the same shapes.

use crate::{Job, near};
use secondsource_base::Dtype;
use secondsource_workload::builtin_names;
use secondsource_workload::flops::FlopsConvention;
use secondsource_workload::layout::{Layout, Recompute};

/// No losses at all.
fn ideal(mut job: Job) -> Job {
    let p = &mut job.params;
    (p.gemm_fill, p.moe_fill, p.wave_loss, p.moe_gemm) = (0.0, 0.0, 0.0, 1.0);
    (p.gemm_cap_gpu, p.gemm_hopper, p.attention_width, p.attention_hopper) = (1.0, 1.0, 0.0, 1.0);
    (p.step_constant, p.host_layer) = (0.0, 0.0);
    job.hw.chip.hbm_bandwidth = 1e30;
    job.hw.chip.tdp = None;
    job
}

/// Matrix products of the layers, forward and backward, of one whole step (head, router and scores apart).
fn products(job: &Job) -> f64 {
    let per_token: f64 = job
        .model
        .flops_per_run(job.seq, FlopsConvention::Causal)
        .iter()
        .map(|(r, f)| (f.attention + f.mlp + f.experts + f.shared + f.extra) * r.count as f64)
        .sum();
    3.0 * per_token * job.seq as f64 * job.batch as f64
}

fn booked_over_counted(model: &str, l: Layout) -> f64 {
    let job = ideal(Job::new(model, "h100-sxm", l, u64::from(l.pp.max(4))));
    let r = job.run().unwrap_or_else(|| panic!("{model} cannot run under {l:?}"));
    let peak = job.hw.chip.peak(Dtype::Bf16).unwrap();
    r.breakdown.matrix * job.layout.devices() as f64 * peak / products(&job)
}

fn check(model: &str, l: Layout) {
    near(booked_over_counted(model, l), 1.0, 1e-9);
}

#[test]
fn dense_layers_under_tensor_and_context_parallelism() {
    let one = Layout { dp: 2, ..Layout::SINGLE };
    for model in ["llama-3.1-8b", "gpt3-175b", "llama-3.1-405b"] {
        for tp in [1, 2, 4, 8] {
            for cp in [1, 2] {
                check(model, Layout { tp, cp, ..one });
            }
        }
        check(model, Layout { micro_batch: 4, ..one });
        check(model, Layout { sequence_parallel: false, tp: 2, ..one });
    }
    // Even stages: the slowest is like all others.
    check("gpt3-175b", Layout { pp: 8, tp: 8, ..one });
    check("gpt3-175b", Layout { pp: 8, vpp: 4, tp: 8, dp: 1, ..one });
}

#[test]
fn experts_under_expert_parallelism() {
    for ep in [1, 2, 4, 8] {
        for (tp, etp) in [(1, 1), (2, 1), (2, 2)] {
            check("mixtral-8x7b", Layout { tp, etp, ep, dp: 16, ..Layout::SINGLE });
        }
        // The joint down-projection of latent attention is 2,112 wide, sixteen tiles and a half: the other half is paid.
        let padded = booked_over_counted("deepseek-v3", Layout { ep, dp: 16, ..Layout::SINGLE });
        assert!((1.0..1.002).contains(&padded), "{padded}");
        check("qwen3-30b-a3b", Layout { ep, dp: 16, ..Layout::SINGLE });
    }
}

/// Full recompute repeats the forward third of the products and of the scores.
#[test]
fn recompute_repeats_a_third() {
    for model in ["llama-3.1-8b", "mixtral-8x7b"] {
        let l = Layout { dp: 8, ..Layout::SINGLE };
        let none = ideal(Job::new(model, "h100-sxm", l, 4)).run().unwrap().breakdown;
        let full = ideal(Job::new(model, "h100-sxm", Layout { recompute: Recompute::Full, ..l }, 4)).run().unwrap().breakdown;
        near(full.matrix, none.matrix, 1e-12);
        // Scores: forward is 2 of 7 products (backward has five), with fused kernels.
        near(full.recompute, none.matrix / 3.0 + none.attention / 3.5, 0.02);
    }
}

/// The step's own count of model FLOPs is the one of the model crate, for every built-in model: embedding look-up left
/// out, causal scores halved, windows as they are, backward twice the forward.
#[test]
fn model_flops_are_counted_once() {
    let mut wrong = Vec::new();
    for info in builtin_names() {
        let job = Job::new(&info.id, "h100-sxm", Layout { dp: 4, ..Layout::SINGLE }, 2);
        let ours = job.with(|m| m.model_flops());
        let mut token = job.model.flops_forward_per_token(job.seq, FlopsConvention::Causal);
        if let Some((_, last)) = job.model.flops_per_run(job.seq, FlopsConvention::Causal).last() {
            // Each multi-token-prediction module: one more last layer, one more output product, and before them the
            // 2h x h product that joins hidden state and embedding (DeepSeek-V3 report, equation 21).
            let join = 2.0 * 2.0 * (job.model.hidden as f64).powi(2);
            token += job.model.mtp_layers as f64 * (last.total() + job.model.head_flops_per_token as f64 + join);
        }
        let theirs = 3.0 * token * job.seq as f64 * job.batch as f64;
        if (ours / theirs - 1.0).abs() > 1e-9 {
            wrong.push(format!("{}: {:+.3}%", info.id, (ours / theirs - 1.0) * 100.0));
        }
    }
    assert!(wrong.is_empty(), "step against model: {}", wrong.join(", "));
}
