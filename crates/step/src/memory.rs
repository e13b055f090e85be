//! What one device must hold: weights, gradients, optimizer state, activations in flight, buffers.

use crate::input::StepInput;
use crate::pipeline::Split;
use crate::schedule;
use secondsource_catalog::calibration::Params;
use secondsource_workload::layout::{Layout, Recompute, Schedule, Zero};
use secondsource_workload::model::{Ffn, Layer};
use secondsource_workload::recipe::{AttentionKernel, Overlap, Recipe, Task};
use serde::Serialize;

/// Bytes on one device of one pipeline stage.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Memory {
    /// Pipeline rank that this is the account of.
    pub stage: u32,
    pub weights: f64,
    pub gradients: f64,
    /// Optimizer state and master copies.
    pub optimizer: f64,
    pub activations: f64,
    /// Logits and loss on the last stage; 0 where the peak comes later, in the backward pass of a layer, for the
    /// logits are gone by then.
    pub logits: f64,
    /// Gathered weights, reduction buckets, communication buffers.
    pub buffers: f64,
    /// Runtime, communication library and allocator fragmentation.
    pub reserved: f64,
}

impl Memory {
    pub const NAMES: [&'static str; 7] = ["weights", "gradients", "optimizer", "activations", "logits", "buffers", "reserved"];

    pub fn to_array(&self) -> [f64; 7] {
        [self.weights, self.gradients, self.optimizer, self.activations, self.logits, self.buffers, self.reserved]
    }

    pub fn total(&self) -> f64 {
        self.to_array().iter().sum()
    }
}

/// Trained parameters of one device: those that tensor parallelism cuts, and routed experts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LocalParams {
    pub dense: f64,
    pub routed: f64,
}

impl LocalParams {
    pub fn of_layer(layer: &Layer, l: &Layout) -> LocalParams {
        LocalParams {
            dense: (layer.params - layer.routed_params) as f64 / f64::from(l.tp),
            routed: layer.routed_params as f64 / (f64::from(l.ep) * f64::from(l.etp)),
        }
    }

    pub fn total(&self) -> f64 {
        self.dense + self.routed
    }
}

/// Ranks over which ZeRO shards dense and expert parameters.
pub(crate) fn shard_ranks(l: &Layout) -> (f64, f64) {
    let all = f64::from(l.dp) * f64::from(l.cp);
    let dense = if l.shard_group == 0 { all } else { f64::from(l.shard_group).min(all) };
    let expert = (f64::from(l.tp) * all / (f64::from(l.ep) * f64::from(l.etp))).max(1.0);
    (dense, if l.shard_group == 0 { expert } else { expert.min(f64::from(l.shard_group)) })
}

/// Parameters that ZeRO-3 gathers at a time: a whole layer where a framework wraps layers (FSDP), one matrix where a
/// compiler gathers each operand before its product (XLA's partitioner; gate and up projections are two operands).
fn gathered_params(layer: &Layer, l: &Layout, hidden: u64, planned: bool) -> f64 {
    if !planned {
        return LocalParams::of_layer(layer, l).total();
    }
    let tp = f64::from(l.tp);
    let h = hidden as f64;
    let mut largest: f64 = 0.0;
    for a in [layer.attention, layer.cross].into_iter().flatten() {
        largest = largest.max(h * (a.heads * a.qk_dim) as f64 / tp);
    }
    if let Some(s) = layer.ssm {
        largest = largest.max(2.0 * h * s.inner as f64 / tp);
    }
    largest.max(match layer.ffn {
        Ffn::None => 0.0,
        Ffn::Dense { width, .. } => h * width as f64 / tp,
        Ffn::Moe { moe, .. } => h * (moe.experts * moe.width) as f64 / (f64::from(l.ep) * f64::from(l.etp)),
    })
}

/// Bytes of activations that one token leaves on one device in one layer without recompute, and with full
/// recompute.
///
/// Without: Korthikanti et al. 2022 (arXiv 2205.05198) eq. 1-2, written for any widths: norm inputs 2+2, linear
/// inputs 2+2, q k v, attention output, feed-forward intermediates, one-byte dropout masks left out since
/// today's recipes train without dropout; an unfused kernel keeps 4 bytes per score (5 with the mask). Gives 32 h for GPT shapes
/// (34 h with the two masks).
pub fn activation_bytes(input: &StepInput<'_>, recipe: &Recipe, l: &Layout, layer: &Layer) -> (f64, f64) {
    let h = input.model.hidden as f64;
    let tp = f64::from(l.tp);
    let sp = if l.sequence_parallel { tp } else { 1.0 };
    // Frozen linear layers need no input for a weight gradient.
    let lora = recipe.task != Task::Full;
    let extra = recipe.extra_recompute;
    let stored = if lora { 0.0 } else { recipe.linear.bytes().min(2.0) };
    // Inputs of linear layers that norms produce, and outputs of activation functions.
    let normed = if extra.norms { 0.0 } else { stored };
    let acted = if extra.activation { 0.0 } else { stored };
    let mut bytes = 0.0;
    for a in [layer.attention, layer.cross].into_iter().flatten() {
        let q = a.heads as f64 * a.qk_dim as f64 / tp;
        let kv = (a.kv_heads as f64 / tp).max(1.0) * (a.qk_dim + a.v_dim) as f64;
        let out = a.heads as f64 * a.v_dim as f64 / tp;
        let projected = if extra.mla_up && a.mla.is_some() { 0.0 } else { 2.0 * (q + kv) };
        bytes += 2.0 * h / sp + normed * h / sp + projected + 2.0 * out;
        if let Some(m) = a.mla {
            bytes += 2.0 * (m.q_rank + m.kv_rank + m.qk_rope) as f64;
        }
        if recipe.software.attention == AttentionKernel::Unfused && l.recompute == Recompute::None {
            bytes += 4.0 * a.heads as f64 / tp * input.seq as f64;
        }
    }
    if let Some(s) = layer.ssm {
        bytes += 2.0 * h / sp + normed * h / sp + 2.0 * 4.0 * s.inner as f64 / tp;
    }
    match layer.ffn {
        Ffn::None => {}
        Ffn::Dense { width, matrices } => {
            let inside = if extra.mlp { 0.0 } else { 2.0 * (matrices as f64 - 1.0) + acted };
            bytes += 2.0 * h / sp + normed * h / sp + inside * width as f64 / tp;
        }
        Ffn::Moe { moe, matrices } => {
            let mats = matrices as f64;
            let k = moe.top_k as f64;
            // Routed copies live on the rank that computes them; balanced routing receives as many as it sends.
            bytes += 2.0 * h / sp + normed * h / sp + k / tp * (stored * h + (2.0 * (mats - 1.0) + acted) * moe.width as f64 + 2.0 * h);
            bytes += (2.0 * (mats - 1.0) + acted) * moe.shared_width as f64 / tp;
        }
    }
    let wide = recipe.element_bytes() / 2.0;
    (bytes * wide, 2.0 * h / sp * wide)
}

/// Bytes per logit held at the loss: bf16 logits with fp32 softmax, which becomes the gradient in place; XLA fuses
/// the cast.
fn logit_bytes(recipe: &Recipe) -> f64 {
    if recipe.software.overlap == Overlap::Xla { 4.0 } else { 6.0 }
}

/// Peak micro-batches, of one device's whole share of layers, between forward and backward on pipeline rank `rank`:
/// [`schedule::in_flight`] in chunks, over the chunks that a device holds.
pub fn in_flight(l: &Layout, rank: u32, micro_batches: f64) -> f64 {
    if l.pp == 1 {
        return 1.0;
    }
    let chunks = schedule::in_flight(l.schedule, l.pp, l.vpp, micro_batches as u32, rank);
    chunks.map_or(micro_batches, |c| c / f64::from(l.vpp))
}

/// What a memory account depends on beside the stage.
pub(crate) struct Account<'a> {
    pub input: &'a StepInput<'a>,
    pub recipe: &'a Recipe,
    pub params: &'a Params,
    pub layout: &'a Layout,
    pub split: &'a Split,
    pub micro_batches: f64,
    /// Mean micro-batch, sequences.
    pub micro: f64,
}

impl Account<'_> {
    /// Parameters on one device of class `k`, without the doubling of DualPipe.
    pub fn local(&self, k: usize) -> LocalParams {
        let model = self.input.model;
        let l = self.layout;
        let tp = f64::from(l.tp);
        let class = self.split.classes[k];
        let mut local = LocalParams::default();
        for (run, n) in model.runs.iter().zip(self.split.counts(k)) {
            if *n > 0.0 {
                let one = LocalParams::of_layer(&run.layer, l);
                local.dense += one.dense * n;
                local.routed += one.routed * n;
            }
        }
        if class.first {
            local.dense += (model.embedding_params + model.other_params) as f64 / tp;
        }
        if class.last && model.head_flops_per_token > 0 {
            // A tied output matrix is a second copy of the embedding when it sits on another stage.
            let copy = if class.first { 0 } else { model.embedding_params };
            local.dense += if model.head_params > 0 { model.head_params } else { copy } as f64 / tp;
            if let Some(run) = model.runs.last() {
                let one = LocalParams::of_layer(&run.layer, l);
                // Each module joins the previous hidden state and the next token's embedding by a 2h x h product.
                let join = 2.0 * (model.hidden * model.hidden) as f64 / tp;
                local.dense += (one.dense + join) * model.mtp_layers as f64;
                local.routed += one.routed * model.mtp_layers as f64;
            }
        }
        local
    }

    /// The largest dense and the largest routed share of any device: what collectives and the optimizer wait for.
    pub fn largest(&self) -> LocalParams {
        (0..self.split.classes.len())
            .map(|k| self.local(k))
            .fold(LocalParams::default(), |a, b| LocalParams { dense: a.dense.max(b.dense), routed: a.routed.max(b.routed) })
    }

    /// Bytes on one device of class `k`, at pipeline rank `rank`.
    pub fn of(&self, k: usize, rank: u32) -> Memory {
        let (input, recipe, p, l) = (self.input, self.recipe, self.params, self.layout);
        let model = input.model;
        let tokens = self.micro * input.seq as f64 / f64::from(l.cp);
        let tp = f64::from(l.tp);
        let (dense_shard, expert_shard) = shard_ranks(l);
        let mut local = self.local(k);
        // XLA plans every buffer ahead: no allocator, no context beside it.
        let planned = recipe.software.overlap == Overlap::Xla;
        let mut largest: f64 = 0.0;
        let mut kept = 0.0;
        let mut working: f64 = 0.0;
        for (run, n) in model.runs.iter().zip(self.split.counts(k)) {
            if *n == 0.0 {
                continue;
            }
            largest = largest.max(gathered_params(&run.layer, l, model.hidden, planned));
            let (all, input_only) = activation_bytes(input, recipe, l, &run.layer);
            let keep = match l.recompute {
                Recompute::Full => input_only,
                _ if recipe.extra_recompute.half => all * (1.0 - p.recompute_half),
                _ => all,
            };
            kept += keep * n * (1.0 - recipe.offloaded_share);
            working = working.max(all - keep);
        }
        if l.schedule == Schedule::Dualpipe {
            local.dense *= 2.0;
            local.routed *= 2.0;
        }
        let trained = match recipe.task {
            Task::Full => 1.0,
            // Rank r adds r x (in + out) per matrix: below one percent of the weights at usual ranks.
            Task::Lora { rank } => (2.0 * f64::from(rank) / model.hidden as f64).min(1.0),
        };
        // Under a pipeline ZeRO-3 keeps gathered weights and whole gradients from first to last micro-batch.
        let kept_whole = l.zero == Zero::Z3 && l.pp > 1;
        let sharded = |stage: Zero| {
            let whole = kept_whole && stage >= Zero::Z2;
            if l.zero >= stage && !whole { (dense_shard, expert_shard) } else { (1.0, 1.0) }
        };
        let spread = |b: f64, (d, e): (f64, f64)| b * (local.dense / d + local.routed / e);

        let weights = spread(recipe.weight_bytes, sharded(Zero::Z3));
        let gradients = spread(recipe.grad_bytes * trained, sharded(Zero::Z2));
        let optimizer = spread(recipe.optimizer_bytes * trained, sharded(Zero::Z1));
        let class = self.split.classes[k];
        let kept = kept * in_flight(l, rank, self.micro_batches) * tokens;
        let gathers = l.zero == Zero::Z3 && !kept_whole && dense_shard.max(expert_shard) > 1.0;
        // A layer's backward pass: what it recomputed, its weights and the next to come, its gradients.
        let layer_buffers = if gathers { (2.0 * recipe.weight_bytes + recipe.grad_bytes * trained) * largest } else { 0.0 };
        // The loss: logits and the output matrix, before the first layer's backward pass.
        let (mut logits, mut head_buffers) = (0.0, 0.0);
        if class.last && model.head_flops_per_token > 0 {
            logits = tokens * model.vocab as f64 / tp * logit_bytes(recipe);
            if gathers {
                head_buffers = (model.vocab * model.hidden) as f64 / tp * recipe.weight_bytes;
            }
        }
        let at_loss = logits + head_buffers >= working * tokens + layer_buffers;
        let (activations, logits, held) =
            if at_loss { (kept, logits, head_buffers) } else { (kept + working * tokens, 0.0, layer_buffers) };
        let buffers = 8.0 * tokens * model.hidden as f64 + held;
        let churn = gradients + activations + logits + buffers;
        let reserved = if planned { 0.0 } else { p.memory_reserve + p.memory_fragment * churn };
        Memory { stage: rank, weights, gradients, optimizer, activations, logits, buffers, reserved }
    }
}
