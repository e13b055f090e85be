//! Composition of one step.

mod exact;

use crate::comm::{Comm, Net};
use crate::input::{Misfit, StepInput};
use crate::layer::{LayerContext, LayerTime, Part, Pass};
use crate::memory::{self, Account, LocalParams, Memory};
use crate::pipeline::Split;
use crate::result::{Binds, Breakdown, PowerUse, StepResult};
use secondsource_catalog::calibration::Params;
use secondsource_chip::{Cost, Engine, MissingPeak};
use secondsource_workload::FlopsConvention;
use secondsource_workload::layout::{Layout, Recompute, Schedule, Zero};
use secondsource_workload::recipe::{Overlap, Recipe, Task};

/// A job, a system and a recipe, ready to be asked about layouts.
#[derive(Debug, Clone)]
pub struct StepModel<'a> {
    pub input: StepInput<'a>,
    pub recipe: Recipe,
    pub params: Params,
    pub engine: Engine,
    net: Net<'a>,
    /// Model FLOPs of one token: forward and backward (LoRA: no weight gradients).
    flops_per_token: f64,
    flops_forward_per_token: f64,
}

/// Per-layer times for one (tp, cp, ep, etp, micro-batch, recompute) choice; they hold for any pp, dp, vpp.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    runs: Vec<LayerTime>,
    /// Seconds of one layer of each run, all passes.
    seconds: Vec<f64>,
    head: Pass,
    embedding: Pass,
}

impl<'a> StepModel<'a> {
    pub fn new(input: StepInput<'a>, recipe: Recipe, params: &Params, energy: &[(String, f64)]) -> Result<StepModel<'a>, MissingPeak> {
        let engine = Engine::new(&input.hw.chip, &recipe, params, energy)?;
        let forward = forward_flops(&input);
        let passes = if recipe.task == Task::Full { 3.0 } else { 2.0 };
        Ok(StepModel {
            input,
            recipe,
            params: *params,
            engine,
            net: Net::new(input.hw, input.chips, input.library, params),
            flops_per_token: forward * passes,
            flops_forward_per_token: forward,
        })
    }

    /// Model FLOPs of one whole step.
    pub fn model_flops(&self) -> f64 {
        self.flops_per_token * self.input.seq as f64 * self.input.global_batch as f64
    }

    /// Seconds below which no layout on this many chips can be: model FLOPs at the datasheet peaks.
    pub fn floor_seconds(&self, chips: f64) -> f64 {
        self.model_flops() / (self.engine.peak_linear * chips)
    }

    /// Per-layer times for the shapes of this layout.
    pub fn layers(&self, l: &Layout) -> Layers {
        let (m, micro) = self.input.micro_batches(l);
        let cx = LayerContext {
            input: &self.input,
            engine: &self.engine,
            net: &self.net,
            recipe: &self.recipe,
            params: &self.params,
            layout: l,
            micro,
            // Frozen weights that are stored in the format of the products are never cast.
            weight_casts: match self.recipe.task {
                Task::Lora { .. } if self.recipe.weight_bytes < 2.0 => 0.0,
                _ if self.recipe.software.overlap == Overlap::Xla => 1.0,
                _ => 1.0 / m,
            },
        };
        let mut runs: Vec<LayerTime> = Vec::with_capacity(self.input.model.runs.len());
        for (i, run) in self.input.model.runs.iter().enumerate() {
            let seen = self.input.model.runs[..i].iter().position(|r| r.layer == run.layer);
            runs.push(match seen {
                Some(j) => runs[j],
                None => cx.layer(&run.layer),
            });
        }
        let (mut head, embedding) = self.ends(l, micro);
        if let (Some(last), true) = (runs.last(), self.input.model.mtp_layers > 0) {
            // Each multi-token-prediction module is one more layer and one more output product on the last stage.
            // Before that layer a product of 2h x h joins the hidden state and the next token's embedding.
            let mtp = self.input.model.mtp_layers as f64;
            let (h, tp) = (self.input.model.hidden as f64, f64::from(l.tp));
            let tokens = micro * self.input.seq as f64 / f64::from(l.cp);
            head = head.scaled(1.0 + mtp);
            let gradient = self.engine.linear(tokens, 2.0 * h, h / tp) + self.engine.weight_gradient(tokens, h / tp, 2.0 * h);
            head.put(Part::Matrix, (self.engine.linear(tokens, h / tp, 2.0 * h) + gradient).times(mtp));
            for p in [&last.forward, &last.backward_input, &last.backward_weight, &last.recompute] {
                head.add(&p.scaled(mtp));
            }
        }
        let seconds = runs.iter().map(LayerTime::seconds).collect();
        Layers { runs, seconds, head, embedding }
    }

    /// Output product with loss, and the embedding look-up.
    fn ends(&self, l: &Layout, micro: f64) -> (Pass, Pass) {
        let m = self.input.model;
        let tokens = micro * self.input.seq as f64 / f64::from(l.cp);
        let h = m.hidden as f64;
        let mut head = Pass::default();
        if m.head_flops_per_token > 0 {
            let n = m.head_flops_per_token as f64 / (2.0 * h) / f64::from(l.tp);
            let mut cost = self.engine.bf16(tokens, n, h) + self.engine.bf16(tokens, h, n);
            if self.recipe.task == Task::Full {
                cost += self.engine.bf16(h, n, tokens);
            }
            cost += self.engine.loss(tokens * n);
            head.parts[Part::Matrix as usize] = cost.seconds;
            head.joules[Part::Matrix as usize] = cost.joules;
            head.bytes = cost.bytes;
            head.matrix_seconds = cost.matrix_seconds;
        }
        let mut embedding = Pass::default();
        embedding.put(Part::Elementwise, self.engine.copy(tokens * h * 10.0 / f64::from(l.tp)));
        (head, embedding)
    }

    /// Time and memory of a layout; `strict` as in [`StepInput::check`].
    pub fn evaluate(&self, l: &Layout, strict: bool) -> Result<StepResult, Misfit> {
        self.input.check(l, strict)?;
        let split = Split::new(self.input.model, l);
        Ok(self.finish(&self.layers(l), &split, l))
    }

    fn account<'s>(&'s self, l: &'s Layout, split: &'s Split) -> Account<'s> {
        let (micro_batches, micro) = self.input.micro_batches(l);
        Account { input: &self.input, recipe: &self.recipe, params: &self.params, layout: l, split, micro_batches, micro }
    }

    /// Composes layer times into a step. `layers` must come from [`StepModel::layers`] with the same tp, cp, ep,
    /// etp, micro-batch, recompute and mean micro-batch; `split` from the same pp and vpp.
    pub fn finish(&self, layers: &Layers, split: &Split, l: &Layout) -> StepResult {
        let memory = self.peak_memory(split, l);
        let (b, waits) = self.time(layers, split, l);
        let seconds = b.total();
        let peak = self.engine.peak_linear * l.devices() as f64;
        let flops = self.model_flops();
        let tokens = self.input.seq as f64 * self.input.global_batch as f64;
        let again = if l.recompute == Recompute::Full { self.flops_forward_per_token * tokens } else { 0.0 };
        StepResult {
            seconds,
            breakdown: b,
            model_flops: flops,
            mfu: flops / (seconds * peak),
            hfu: (flops + again) / (seconds * peak),
            floor_seconds: flops / peak,
            tokens_per_s_per_chip: tokens / (seconds * l.devices() as f64),
            micro_batches: self.input.micro_batches(l).0 as u64,
            memory,
            binds: binds(&b, waits.scale_out, waits.memory),
        }
    }

    /// Seconds of the step by part, and what they wait for. Arguments as for
    /// [`StepModel::finish`].
    pub fn time(&self, layers: &Layers, split: &Split, l: &Layout) -> (Breakdown, Waits) {
        let (m, _) = self.input.micro_batches(l);
        let (slowest, slow_seconds, total) = slowest(layers, split);
        let slow = stage_time(layers, split, slowest);
        let mut b = Breakdown::default();
        self.book(&mut b, &slow, m);
        let busy = slow_seconds * m;
        b.bubble = bubble(l, &slow, total, m);
        b.pp = self.sends(l);
        let mut out_seconds = slow.layers.scale_out() * m;
        let local = self.account(l, split).largest();
        let fsdp = self.recurring(l, local, &slow, busy, m);
        b.fsdp = fsdp.0;
        out_seconds += fsdp.1;
        let dp = self.data_parallel(l, local, slow_seconds + b.bubble);
        b.dp = dp.0;
        out_seconds += dp.1;
        b.optimizer = self.optimizer(l, local).seconds;
        b.constant = self.engine.step_constant;
        let on_units = slow.layers.matrix_seconds() + slow.head.matrix_seconds;
        let products = (b.matrix + b.attention + b.head + b.recompute - on_units * m).max(0.0);
        (b, Waits { scale_out: out_seconds, memory: products })
    }

    /// Board power over the step on the busiest pipeline stage, by part: `seconds` are those of the result's
    /// breakdown. `None` when no source gives the chip a power limit.
    pub fn power(&self, l: &Layout, r: &StepResult) -> Option<PowerUse> {
        let chip = self.engine.power()?.chip;
        let (layers, split) = (self.layers(l), Split::new(self.input.model, l));
        let (m, _) = self.input.micro_batches(l);
        let slow = stage_time(&layers, &split, slowest(&layers, &split).0);
        let mut own = Breakdown::default();
        let t = &slow.layers;
        for p in [&t.forward, &t.backward_input, &t.backward_weight] {
            own.matrix += p.joules[Part::Matrix as usize] * m;
            own.attention += p.joules[Part::Attention as usize] * m;
            own.elementwise += p.joules[Part::Elementwise as usize] * m;
            own.moe += p.joules[Part::Moe as usize] * m;
        }
        own.recompute = t.recompute.joules() * m;
        own.head = slow.head.joules() * m;
        own.optimizer = self.optimizer(l, self.account(l, &split).largest()).joules;
        Some(PowerUse::new(&own, &r.breakdown, &chip))
    }

    /// Seconds that no choice of pp, vpp, dp or ZeRO can go below for these layer times: all layers' work
    /// spread evenly over the devices, without bubble, data parallelism, optimizer or imbalance.
    pub fn lower_bound(&self, layers: &Layers, l: &Layout) -> f64 {
        let all: f64 =
            self.input.model.runs.iter().zip(&layers.seconds).map(|(r, t)| t * r.count as f64).sum::<f64>() + layers.head.seconds();
        let (m, _) = self.input.micro_batches(l);
        all * m / f64::from(l.pp) + self.engine.step_constant
    }

    /// Memory of the fullest stage.
    pub fn peak_memory(&self, split: &Split, l: &Layout) -> Memory {
        let account = self.account(l, split);
        let mut worst = Memory::default();
        for (k, c) in split.classes.iter().enumerate() {
            let x = account.of(k, c.rank);
            if k == 0 || x.total() > worst.total() {
                worst = x;
            }
        }
        worst
    }

    /// Memory of every pipeline rank.
    pub fn memory_by_stage(&self, l: &Layout) -> Vec<Memory> {
        let split = Split::new(self.input.model, l);
        let account = self.account(l, &split);
        (0..l.pp).map(|r| account.of(split.class_of(r), r)).collect()
    }

    fn book(&self, b: &mut Breakdown, s: &StageTime, m: f64) {
        let t = &s.layers;
        for p in [&t.forward, &t.backward_input, &t.backward_weight] {
            b.matrix += p.parts[Part::Matrix as usize] * m;
            b.attention += p.parts[Part::Attention as usize] * m;
            b.elementwise += p.parts[Part::Elementwise as usize] * m;
            b.moe += p.parts[Part::Moe as usize] * m;
            b.tp += p.parts[Part::Tp as usize] * m;
            b.ep += p.parts[Part::Ep as usize] * m;
            b.cp += p.parts[Part::Cp as usize] * m;
            b.host += p.parts[Part::Host as usize] * m;
        }
        b.recompute += t.recompute.seconds() * m;
        b.head += s.head.seconds() * m;
    }

    /// Activations between stages: sends of the pipeline's fill and drain wait; in the steady state they hide.
    fn sends(&self, l: &Layout) -> f64 {
        if l.pp <= 1 {
            return 0.0;
        }
        let one = self.send_seconds(l);
        let (m, _) = self.input.micro_batches(l);
        let fill = 2.0 * (f64::from(l.pp) - 1.0) * one;
        let steady = if self.recipe.software.overlap == Overlap::Blocking { 2.0 * m * one } else { 0.0 };
        fill + steady
    }

    /// Traffic that recurs with every micro-batch, hidden behind compute by a p-norm: gradient scatters of ZeRO-2, and
    /// weight gathers (forward and backward) with gradient scatters of ZeRO-3. With a pipeline ZeRO-3 gathers once per
    /// step, keeps the weights and scatters once (what FSDP2 does under a pipeline); the memory account follows.
    /// Returns (exposed seconds, of which scale-out).
    fn recurring(&self, l: &Layout, local: LocalParams, slow: &StageTime, busy: f64, m: f64) -> (f64, f64) {
        if l.zero < Zero::Z2 {
            return (0.0, 0.0);
        }
        let (dense, expert) = memory::shard_ranks(l);
        let lora = self.recipe.task != Task::Full;
        let once = l.zero == Zero::Z3 && l.pp > 1;
        let gathers = match (l.zero, once) {
            (Zero::Z3, false) => 2.0 * m,
            (Zero::Z3, true) => 1.0,
            _ => 0.0,
        };
        let scatters = if lora {
            0.0
        } else if once {
            1.0
        } else {
            m
        };
        let mut seconds = 0.0;
        let mut out = false;
        for (params, ranks, stride) in [(local.dense, dense, l.tp), (local.routed, expert, l.ep * l.etp)] {
            let n = ranks as u32;
            if n <= 1 || params <= 0.0 {
                continue;
            }
            // One collective per layer.
            let units = (self.input.model.layers() as f64 / f64::from(l.pp)).ceil().max(1.0);
            let g = self.net.all_gather(stride, n, params / units * self.recipe.weight_bytes);
            let s = self.net.reduce_scatter(stride, n, params / units * self.recipe.grad_bytes);
            seconds += (g.seconds * gathers + s.seconds * scatters) * units;
            out |= g.out;
        }
        if seconds <= 0.0 {
            return (0.0, 0.0);
        }
        let xla = self.recipe.software.overlap == Overlap::Xla;
        let p = if xla { self.params.fsdp_norm_xla } else { self.params.fsdp_norm };
        let compute = busy - slow.layers.network() * m;
        let joined = (compute.powf(p) + seconds.powf(p)).powf(1.0 / p);
        let exposed = (joined - compute).max(0.0);
        (exposed, if out { exposed } else { 0.0 })
    }

    /// Gradient reduction and weight gather once per step. Returns (exposed seconds, of which scale-out).
    fn data_parallel(&self, l: &Layout, local: LocalParams, hideable: f64) -> (f64, f64) {
        if self.recipe.task != Task::Full {
            return (0.0, 0.0);
        }
        let ranks = l.dp * l.cp;
        let (dense, expert) = memory::shard_ranks(l);
        let expert_ranks = ((l.tp * ranks) / (l.ep * l.etp)).max(1);
        let (mut seconds, mut calls) = (0.0, 0.0);
        let mut out = false;
        let mut add = |c: Comm, times: f64| {
            seconds += c.seconds * times;
            out |= c.out;
        };
        let (gb, wb) = (self.recipe.grad_bytes, self.recipe.weight_bytes);
        for (params, all, shard, stride) in
            [(local.dense, ranks, dense as u32, l.tp), (local.routed, expert_ranks, expert as u32, l.ep * l.etp)]
        {
            if all <= 1 || params <= 0.0 {
                continue;
            }
            // Gradients travel in buckets of max(40M, 1M x ranks) parameters (Megatron-Core's default).
            let n = (params / (1e6 * f64::from(all)).max(4e7)).ceil();
            let part = params / n;
            let replicas = all / shard.max(1);
            if l.zero == Zero::Z1 && self.recipe.whole_tensor_shards && shard > 1 {
                // One reduce and one broadcast call per owner, each as late as the last host: nothing hides that.
                let owners = f64::from(shard);
                calls += 2.0 * owners * self.params.collective_sync_old * owners.log2();
            }
            match l.zero {
                Zero::Z0 => add(self.net.all_reduce(stride, all, part * gb), n),
                Zero::Z1 | Zero::Z2 => {
                    if l.zero == Zero::Z1 {
                        add(self.net.reduce_scatter(stride, shard, part * gb), n);
                    }
                    add(self.net.all_gather(stride, shard, part * wb), n);
                    add(self.net.all_reduce(stride * shard, replicas, part * gb / f64::from(shard)), n);
                }
                // Hybrid sharding: shards are summed over the replicas once per step.
                Zero::Z3 if replicas > 1 => add(self.net.all_reduce(stride * shard, replicas, part * gb / f64::from(shard)), n),
                Zero::Z3 => {}
            }
        }
        // At best it hides behind the backward pass of the last micro-batch, the forward pass of the first, and the fill
        // and drain of the pipeline.
        let share = if self.recipe.software.overlap == Overlap::Blocking { 1.0 } else { self.params.dp_exposed };
        let exposed = (seconds * share).max(seconds - hideable) + calls;
        (exposed, if out { exposed } else { 0.0 })
    }

    /// Adam on the local shard, and the gradient norm.
    fn optimizer(&self, l: &Layout, local: LocalParams) -> Cost {
        if self.recipe.task != Task::Full {
            return Cost::ZERO;
        }
        let (dense, expert) = if l.zero >= Zero::Z1 { memory::shard_ranks(l) } else { (1.0, 1.0) };
        let params = local.dense / dense + local.routed / expert;
        let r = &self.recipe;
        self.engine.copy(params * (2.0 * r.grad_bytes + 2.0 * r.optimizer_bytes + r.weight_bytes))
    }
}

fn stage_time(layers: &Layers, split: &Split, k: usize) -> StageTime {
    let mut t = StageTime::default();
    for (time, n) in layers.runs.iter().zip(split.counts(k)) {
        if *n > 0.0 {
            t.layers.add(time, *n);
        }
    }
    let (embedding, head) = ends_share(split, k);
    t.head.add(&layers.embedding.scaled(embedding));
    t.head.add(&layers.head.scaled(head));
    t
}

/// Shares of the embedding and of the output product that one device of class `k` computes.
fn ends_share(split: &Split, k: usize) -> (f64, f64) {
    let c = split.classes[k];
    (f64::from(u8::from(c.first)), f64::from(u8::from(c.last)))
}

/// The slowest class, its seconds per micro-batch, and the sum over all devices of the pipeline.
fn slowest(layers: &Layers, split: &Split) -> (usize, f64, f64) {
    let (head, embedding) = (layers.head.seconds(), layers.embedding.seconds());
    let mut best = (0, 0.0);
    let mut total = 0.0;
    for (k, c) in split.classes.iter().enumerate() {
        let (e, h) = ends_share(split, k);
        let t: f64 = layers.seconds.iter().zip(split.counts(k)).map(|(t, n)| t * n).sum::<f64>() + e * embedding + h * head;
        total += t * c.devices;
        if t > best.1 {
            best = (k, t);
        }
    }
    (best.0, best.1, total)
}

/// Idle time of the slowest device. `total` is the sum of device times of one micro-batch.
fn bubble(l: &Layout, slow: &StageTime, total: f64, m: f64) -> f64 {
    if l.pp <= 1 {
        return 0.0;
    }
    let pp = f64::from(l.pp);
    let t = slow.seconds();
    let rest = (total - t).max(0.0);
    let w = slow.layers.backward_weight.seconds();
    let f = slow.layers.forward.seconds();
    let b = t - f - w;
    match l.schedule {
        // The other stages once through, shortened by interleaving (Narayanan et al. 2021).
        Schedule::OneFOneB | Schedule::Gpipe => rest / f64::from(l.vpp),
        // (pp - 1)(F + B - W), Qi et al. 2023.
        Schedule::ZeroBubble => rest * ((f + b - w).max(0.0) / (f + b + w)),
        // (pp/2 - 1)(F&B + B - 3W), DeepSeek-V3 report table 2, F&B taken as F + B + W, B of the table as B + W.
        Schedule::Dualpipe => ((pp / 2.0 - 1.0).max(0.0) * (t + b + w - 3.0 * w)).max(0.0) * if m > pp { 1.0 } else { pp / m },
    }
}

/// Seconds of a step, already in its parts, that wait for something.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Waits {
    /// Exposed traffic on the scale-out network.
    pub scale_out: f64,
    /// Matrix products and scores that wait for HBM rather than for the units.
    pub memory: f64,
}

/// One device's share of one micro-batch.
#[derive(Debug, Clone, Copy, Default)]
struct StageTime {
    layers: SumTime,
    head: Pass,
}

impl StageTime {
    fn seconds(&self) -> f64 {
        self.layers.forward.seconds()
            + self.layers.backward_input.seconds()
            + self.layers.backward_weight.seconds()
            + self.layers.recompute.seconds()
            + self.head.seconds()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct SumTime {
    forward: Pass,
    backward_input: Pass,
    backward_weight: Pass,
    recompute: Pass,
}

impl SumTime {
    fn add(&mut self, t: &LayerTime, n: f64) {
        self.forward.add(&t.forward.scaled(n));
        self.backward_input.add(&t.backward_input.scaled(n));
        self.backward_weight.add(&t.backward_weight.scaled(n));
        self.recompute.add(&t.recompute.scaled(n));
    }

    fn scale_out(&self) -> f64 {
        self.forward.scale_out + self.backward_input.scale_out + self.recompute.scale_out
    }

    fn matrix_seconds(&self) -> f64 {
        self.forward.matrix_seconds
            + self.backward_input.matrix_seconds
            + self.backward_weight.matrix_seconds
            + self.recompute.matrix_seconds
    }

    fn network(&self) -> f64 {
        let n = |p: &Pass| p.parts[Part::Tp as usize] + p.parts[Part::Ep as usize] + p.parts[Part::Cp as usize];
        n(&self.forward) + n(&self.backward_input) + n(&self.recompute)
    }
}

/// Forward model FLOPs per token with causal scores, and the multi-token-prediction modules that run beside.
fn forward_flops(input: &StepInput<'_>) -> f64 {
    let m = input.model;
    let per_run = m.flops_per_run(input.seq, FlopsConvention::Causal);
    let last = per_run.last().map_or(0.0, |(_, f)| f.total());
    let join = 4 * m.hidden * m.hidden;
    m.flops_forward_per_token(input.seq, FlopsConvention::Causal) + m.mtp_layers as f64 * (last + (m.head_flops_per_token + join) as f64)
}

/// The largest of what the slowest device waits for. `out` is the exposed time on the scale-out network, `memory` the
/// part of matrix products, attention and head that waits for HBM.
fn binds(b: &Breakdown, out: f64, memory: f64) -> Binds {
    let network = b.tp + b.cp + b.ep + b.fsdp + b.dp;
    let compute = b.matrix + b.attention + b.head + b.recompute;
    let options = [
        (compute - memory, Binds::MatrixUnits),
        (b.elementwise + b.moe + b.optimizer + memory, Binds::Hbm),
        ((network - out).max(0.0), Binds::ScaleUp),
        (out + b.pp, Binds::ScaleOut),
        (b.bubble, Binds::PipelineBubble),
        (b.host + b.constant, Binds::Host),
    ];
    options.into_iter().fold((f64::MIN, Binds::MatrixUnits), |best, o| if o.0 > best.0 { o } else { best }).1
}
