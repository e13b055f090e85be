//! Time of one layer for one micro-batch on one device.

use crate::comm::{Comm, Net};
use crate::input::StepInput;
use secondsource_catalog::calibration::Params;
use secondsource_chip::{Class, Cost, Engine};
use secondsource_workload::layout::{CpMode, Layout, Recompute};
use secondsource_workload::model::{Attention, Ffn, Layer, Moe, Ssm};
use secondsource_workload::recipe::{ExtraRecompute, Overlap, Recipe, Task};

/// What a share of a pass is spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Matrix,
    Attention,
    Elementwise,
    Moe,
    Tp,
    Ep,
    Cp,
    Host,
}

impl Part {
    pub const COUNT: usize = 8;
}

/// Seconds of one pass by part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pass {
    pub parts: [f64; Part::COUNT],
    /// Of the network parts, seconds that wait for the scale-out network.
    pub scale_out: f64,
    pub bytes: f64,
    pub matrix_seconds: f64,
    /// Energy beyond the board's waiting power, by part.
    pub joules: [f64; Part::COUNT],
}

impl Pass {
    pub fn seconds(&self) -> f64 {
        self.parts.iter().sum()
    }

    pub(crate) fn put(&mut self, part: Part, cost: Cost) {
        self.parts[part as usize] += cost.seconds;
        self.joules[part as usize] += cost.joules;
        self.bytes += cost.bytes;
        self.matrix_seconds += cost.matrix_seconds;
    }

    fn comm(&mut self, part: Part, c: Comm, share: f64) {
        self.parts[part as usize] += c.seconds * share;
        if c.out {
            self.scale_out += c.seconds * share;
        }
    }

    /// Kernel launches run beside the device: fourth-power norm of device and host time; the excess is booked
    /// as host time.
    fn host(&mut self, host: f64) {
        let t = self.seconds();
        let joined = (t.powi(4) + host.powi(4)).sqrt().sqrt();
        self.parts[Part::Host as usize] += joined - t;
    }

    /// Energy beyond the board's waiting power.
    pub fn joules(&self) -> f64 {
        self.joules.iter().sum()
    }

    pub(crate) fn scaled(&self, f: f64) -> Pass {
        let mut p = *self;
        for x in p.parts.iter_mut().chain(&mut p.joules) {
            *x *= f;
        }
        p.scale_out *= f;
        p.bytes *= f;
        p.matrix_seconds *= f;
        p
    }

    pub(crate) fn add(&mut self, o: &Pass) {
        for (a, b) in self.parts.iter_mut().zip(o.parts) {
            *a += b;
        }
        for (a, b) in self.joules.iter_mut().zip(o.joules) {
            *a += b;
        }
        self.scale_out += o.scale_out;
        self.bytes += o.bytes;
        self.matrix_seconds += o.matrix_seconds;
    }
}

/// The passes of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LayerTime {
    pub forward: Pass,
    /// Input gradients, attention backward, elementwise backward.
    pub backward_input: Pass,
    pub backward_weight: Pass,
    pub recompute: Pass,
}

impl LayerTime {
    pub fn seconds(&self) -> f64 {
        self.forward.seconds() + self.backward_input.seconds() + self.backward_weight.seconds() + self.recompute.seconds()
    }
}

/// Since 2022 Megatron-LM reduces input gradients while the weight gradient of the same column-parallel product runs
/// (`async_tensor_model_parallel_allreduce`), about half of a layer's.
const ASYNC_REDUCE: f64 = 2022.2;

/// Everything that the passes of a layer depend on.
pub(crate) struct LayerContext<'a> {
    pub input: &'a StepInput<'a>,
    pub engine: &'a Engine,
    pub net: &'a Net<'a>,
    pub recipe: &'a Recipe,
    pub params: &'a Params,
    pub layout: &'a Layout,
    /// Mean micro-batch, sequences.
    pub micro: f64,
    /// Times that a weight is cast to the linear format per micro-batch.
    pub weight_casts: f64,
}

impl LayerContext<'_> {
    fn lora(&self) -> bool {
        matches!(self.recipe.task, Task::Lora { .. })
    }

    /// Exposed share of tensor-parallel traffic, and seconds that each collective waits for its ranks.
    fn tp_share(&self) -> (f64, f64) {
        let p = self.params;
        match self.recipe.software.overlap {
            // A product writes its tiles straight into its neighbours' memory, which takes links of their own.
            Overlap::Modern if self.net.own_links(1, self.layout.tp) => (p.tp_exposed, p.collective_sync),
            Overlap::Modern => (p.tp_exposed_old, p.collective_sync),
            Overlap::Plain => (p.tp_exposed_old, p.collective_sync),
            Overlap::Blocking => (p.tp_exposed_old, p.collective_sync_old),
            Overlap::Xla if self.engine.class == Class::Neuron => (p.tp_exposed_neuron, p.collective_sync),
            Overlap::Xla => (p.tp_exposed_xla, 0.0),
        }
    }

    pub fn layer(&self, layer: &Layer) -> LayerTime {
        let mut t = LayerTime::default();
        let l = self.layout;
        let h = self.input.model.hidden as f64;
        let tp = f64::from(l.tp);
        let tokens = self.micro * self.input.seq as f64 / f64::from(l.cp);
        let sp = if l.sequence_parallel { tp } else { 1.0 };

        // Residual stream: two norms, two residual additions, dropout or casts: about 20 bytes per hidden
        // element forward (read and write at 2 bytes each, five streams), split by sequence parallelism.
        let norm = 20.0 * h / sp;
        let (mut heads, mut gate) = (0.0, 0.0);
        let element = self.recipe.element_bytes();
        let mut blocks = 0.0;
        if let Some(a) = &layer.attention {
            self.attention(a, tokens, &mut t, &mut heads);
            blocks += 1.0;
        }
        if let Some(a) = &layer.cross {
            self.attention(a, tokens, &mut t, &mut heads);
            blocks += 1.0;
        }
        if let Some(s) = &layer.ssm {
            self.ssm(s, tokens, &mut t, &mut gate);
            blocks += 1.0;
        }
        if layer.extra_weights > 0 {
            self.linear(tokens, layer.extra_weights as f64 / h / tp, h, &mut t);
        }
        let mut moe = false;
        match layer.ffn {
            Ffn::None => {}
            Ffn::Dense { width, matrices } => {
                self.dense(tokens, width as f64 / tp, matrices as f64, &mut t, &mut gate);
                blocks += 1.0;
            }
            Ffn::Moe { moe: m, matrices } => {
                moe = true;
                self.experts(&m, matrices as f64, tokens, &mut t);
                if m.shared_width > 0 {
                    self.dense(tokens, m.shared_width as f64 / tp, matrices as f64, &mut t, &mut gate);
                    blocks += 1.0;
                }
            }
        }
        let moved = |factor: f64| self.engine.layer_stream(norm, heads, gate, |wide| factor * (wide * tokens * element / 2.0));
        t.forward.put(Part::Elementwise, moved(1.0));
        t.backward_input.put(Part::Elementwise, moved(1.7));

        // Tensor parallelism: one gather and one reduce-scatter (or one all-reduce) per block and direction;
        // with sequence parallelism the backward gathers the block's input once more.
        if l.tp > 1 {
            let bytes = element * tokens * h;
            let (share, sync) = self.tp_share();
            // Ranks whose hosts launch each call: the more of them, the later the last one.
            let sync = if self.recipe.software.overlap == Overlap::Blocking { sync * tp.log2() } else { sync };
            let one = if l.sequence_parallel {
                let g = self.net.all_gather(1, l.tp, bytes);
                let r = self.net.reduce_scatter(1, l.tp, bytes);
                Comm { seconds: (g.seconds + r.seconds) * share + 2.0 * sync, out: g.out }
            } else {
                let a = self.net.all_reduce(1, l.tp, bytes);
                Comm { seconds: a.seconds * share + sync, out: a.out }
            };
            t.forward.comm(Part::Tp, one, blocks);
            let mut back = Comm { seconds: one.seconds * blocks * if l.sequence_parallel { 1.5 } else { 1.0 }, out: one.out };
            if self.recipe.software.overlap == Overlap::Blocking && self.recipe.software.year >= ASYNC_REDUCE {
                let hidden = 0.5 * t.backward_weight.parts[Part::Matrix as usize];
                back.seconds = (back.seconds - hidden).max(blocks * sync * if l.sequence_parallel { 3.0 } else { 1.0 });
            }
            t.backward_input.comm(Part::Tp, back, 1.0);
        }

        let host = self.engine.host_layer * if moe { self.engine.host_moe } else { 1.0 };
        t.recompute = self.recompute(&t, layer, tokens);
        t.forward.host(host);
        if l.recompute == Recompute::Full {
            t.recompute.host(host);
        }
        // Backward launches twice the kernels; weight and input gradients share it in proportion to their time.
        let (a, b) = (t.backward_input.seconds(), t.backward_weight.seconds());
        let both = a + b;
        if both > 0.0 {
            t.backward_input.host(2.0 * host * a / both);
            t.backward_weight.host(2.0 * host * b / both);
        }
        t
    }

    fn recompute(&self, t: &LayerTime, layer: &Layer, tokens: f64) -> Pass {
        let mut again = Pass::default();
        match self.layout.recompute {
            Recompute::None => {}
            Recompute::Full => return if self.recipe.early_stop { self.without_last_product(t, layer, tokens) } else { t.forward },
            Recompute::Selective => {
                let part = Part::Attention as usize;
                (again.parts[part], again.joules[part]) = (t.forward.parts[part], t.forward.joules[part]);
            }
        }
        let extra = self.recipe.extra_recompute;
        if extra == ExtraRecompute::NONE {
            return again;
        }
        if extra.half {
            again.add(&t.forward.scaled(self.params.recompute_half));
        }
        let h = self.input.model.hidden as f64;
        let tp = f64::from(self.layout.tp);
        let sp = if self.layout.sequence_parallel { tp } else { 1.0 };
        if extra.norms {
            again.put(Part::Elementwise, self.engine.stream(8.0 * h / sp * tokens));
        }
        if let (true, Some(a)) = (extra.mla_up, layer.attention)
            && let Some(m) = a.mla
        {
            let heads = a.heads as f64 / tp;
            again.put(Part::Matrix, self.engine.linear(tokens, heads * a.qk_dim as f64, m.q_rank as f64));
            again.put(Part::Matrix, self.engine.linear(tokens, heads * (m.qk_nope + a.v_dim) as f64, m.kv_rank as f64));
            again.put(Part::Elementwise, self.engine.stream(4.0 * heads * 2.0 * a.qk_dim as f64 * tokens));
        }
        match layer.ffn {
            Ffn::Dense { width, matrices } if extra.mlp => {
                let (w, mats) = (width as f64 / tp, matrices as f64);
                again.put(Part::Matrix, self.engine.linear(tokens, (mats - 1.0) * w, h));
                again.put(Part::Elementwise, self.engine.stream(2.0 * mats * w * tokens));
            }
            Ffn::Dense { width, matrices } if extra.activation => {
                again.put(Part::Elementwise, self.engine.stream(2.0 * matrices as f64 * width as f64 / tp * tokens));
            }
            Ffn::Moe { moe, matrices } if extra.activation => {
                let width = moe.width as f64 * moe.top_k as f64 + moe.shared_width as f64;
                again.put(Part::Elementwise, self.engine.stream(2.0 * matrices as f64 * width / tp * tokens));
            }
            _ => {}
        }
        again
    }

    /// The forward pass up to the input of the layer's last product.
    fn without_last_product(&self, t: &LayerTime, layer: &Layer, tokens: f64) -> Pass {
        let mut again = t.forward;
        let h = self.input.model.hidden as f64;
        let tp = f64::from(self.layout.tp);
        let last = match layer.ffn {
            Ffn::Dense { width, .. } => self.engine.linear(tokens, h, width as f64 / tp),
            Ffn::Moe { moe, .. } if moe.shared_width > 0 => self.engine.linear(tokens, h, moe.shared_width as f64 / tp),
            _ => Cost::ZERO,
        };
        let part = Part::Matrix as usize;
        again.parts[part] = (again.parts[part] - last.seconds).max(0.0);
        again.joules[part] = (again.joules[part] - last.joules).max(0.0);
        again
    }

    /// One linear layer with its two gradients; `replicated` inputs need no quantised copy of their own.
    fn linear(&self, m: f64, n: f64, k: f64, t: &mut LayerTime) {
        t.forward.put(Part::Matrix, self.engine.linear(m, n, k));
        t.backward_input.put(Part::Matrix, self.engine.linear(m, k, n));
        if let Task::Lora { rank } = self.recipe.task {
            // The adapter's two products, then the two gradients of each.
            let r = f64::from(rank);
            t.forward.put(Part::Matrix, self.engine.bf16(m, r, k) + self.engine.bf16(m, n, r));
            t.backward_input.put(Part::Matrix, self.engine.bf16(m, r, n) + self.engine.bf16(m, k, r));
            t.backward_weight.put(Part::Matrix, self.engine.bf16(r, k, m) + self.engine.bf16(n, r, m));
        } else {
            t.backward_weight.put(Part::Matrix, self.engine.weight_gradient(m, n, k));
        }
        if self.recipe.low_precision() {
            // Cast with scales: read 2 bytes, write 1 (and 1 transposed) per element. Weights are cast with the
            // first micro-batch and kept; XLA casts them each time.
            let weights = 4.0 * k * n * self.weight_casts;
            t.forward.put(Part::Elementwise, self.engine.copy(4.0 * m * k + weights));
            t.backward_input.put(Part::Elementwise, self.engine.copy(4.0 * m * n));
        }
    }

    fn attention(&self, a: &Attention, tokens: f64, t: &mut LayerTime, wide: &mut f64) {
        let tp = f64::from(self.layout.tp);
        let h = self.input.model.hidden as f64;
        let heads = (a.heads as f64 / tp).max(1.0);
        let kv_heads = (a.kv_heads as f64 / tp).max(1.0);
        let (qk, v) = (a.qk_dim as f64, a.v_dim as f64);
        match a.mla {
            None => self.linear(tokens, heads * qk + kv_heads * (qk + v), h, t),
            Some(m) => {
                let (qr, kr) = (m.q_rank as f64, m.kv_rank as f64);
                if m.q_rank > 0 {
                    self.linear(tokens, qr + kr + m.qk_rope as f64, h, t);
                    self.linear(tokens, heads * qk, qr, t);
                } else {
                    self.linear(tokens, heads * qk + kr + m.qk_rope as f64, h, t);
                }
                self.linear(tokens, heads * (m.qk_nope as f64 + v), kr, t);
            }
        }
        self.linear(tokens, h, heads * v, t);
        *wide += 4.0 * (heads * qk + kv_heads * (qk + v));

        let cp = f64::from(self.layout.cp);
        let seq = self.input.seq as f64;
        let keys = a.mask.mean_keys(seq);
        let f = self.engine.attention_forward(tokens, keys, seq, heads, qk, v);
        let b = self.engine.attention_backward(tokens, keys, seq, heads, qk, v);
        t.forward.put(Part::Attention, f);
        t.backward_input.put(Part::Attention, b);
        if self.layout.cp > 1 {
            self.context(a, tokens, heads, kv_heads, f.seconds, b.seconds, cp, t);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "context parallelism touches every shape of attention")]
    fn context(&self, a: &Attention, tokens: f64, heads: f64, kv_heads: f64, forward: f64, backward: f64, cp: f64, t: &mut LayerTime) {
        let l = self.layout;
        let kv = match a.mla {
            None => kv_heads * (a.qk_dim + a.v_dim) as f64,
            Some(_) => heads * (a.qk_dim + a.v_dim) as f64,
        };
        let local = 2.0 * tokens * kv;
        match l.cp_mode {
            CpMode::Ring => {
                // cp - 1 exchanges of the local keys and values, each behind one block of attention.
                let one = self.net.send(l.tp, local);
                let hide = forward / cp;
                let sync = if self.engine.class == Class::Tpu { 0.0 } else { self.params.collective_sync };
                let exposed = ((one.seconds - hide).max(0.0) + sync) * (cp - 1.0);
                t.forward.comm(Part::Cp, Comm { seconds: exposed, out: one.out }, 1.0);
                // Backward passes keys, values and their gradients.
                let exposed = ((2.0 * one.seconds - backward / cp).max(0.0) + sync) * (cp - 1.0);
                t.backward_input.comm(Part::Cp, Comm { seconds: exposed, out: one.out }, 1.0);
            }
            CpMode::AllGather => {
                let g = self.net.all_gather(l.tp, l.cp, local * cp);
                t.forward.comm(Part::Cp, g, 1.0);
                let r = self.net.reduce_scatter(l.tp, l.cp, local * cp);
                t.backward_input.comm(Part::Cp, g, 1.0);
                t.backward_input.comm(Part::Cp, r, 1.0);
            }
            CpMode::Ulysses => {
                let q = 2.0 * tokens * heads * (a.qk_dim + a.v_dim) as f64;
                let x = self.net.all_to_all(l.tp, l.cp, q + local);
                t.forward.comm(Part::Cp, x, 1.0);
                t.backward_input.comm(Part::Cp, x, 1.0);
            }
        }
    }

    fn dense(&self, tokens: f64, width: f64, matrices: f64, t: &mut LayerTime, wide: &mut f64) {
        let h = self.input.model.hidden as f64;
        self.linear(tokens, (matrices - 1.0) * width, h, t);
        self.linear(tokens, h, width, t);
        *wide += 2.0 * matrices * width;
    }

    fn ssm(&self, s: &Ssm, tokens: f64, t: &mut LayerTime, wide: &mut f64) {
        let tp = f64::from(self.layout.tp);
        let h = self.input.model.hidden as f64;
        let inner = s.inner as f64 / tp;
        let state = s.state as f64;
        if s.version == 1 {
            self.linear(tokens, 2.0 * inner, h, t);
            self.linear(tokens, s.dt_rank as f64 + 2.0 * state, inner, t);
            self.linear(tokens, inner, s.dt_rank as f64, t);
            // Selective scan: the state stays on chip; inputs, gates and outputs stream.
            *wide += 16.0 * inner;
        } else {
            let groups = (s.groups as f64 / tp).max(1.0);
            self.linear(tokens, 2.0 * inner + 2.0 * groups * state + s.heads as f64 / tp, h, t);
            // Chunked scan (Dao & Gu 2024): within a chunk a masked product of chunk x chunk, and states in
            // and out, all as small products.
            let chunk = (s.chunk.max(1)) as f64;
            let f = self.engine.attention_forward(tokens, chunk / 2.0 + state, self.input.seq as f64, 1.0, groups * state, inner);
            t.forward.put(Part::Attention, f);
            t.backward_input.put(Part::Attention, f.times(2.5));
            *wide += 12.0 * inner + 8.0 * groups * state;
        }
        self.linear(tokens, h, inner, t);
        *wide += 4.0 * s.conv_kernel as f64;
    }

    fn experts(&self, m: &Moe, matrices: f64, tokens: f64, t: &mut LayerTime) {
        let l = self.layout;
        let h = self.input.model.hidden as f64;
        let (tp, etp, ep) = (f64::from(l.tp), f64::from(l.etp), f64::from(l.ep));
        let experts = m.experts as f64;
        let k = m.top_k as f64;
        // Tokens that this device routes (its slice of the sequence) and what its experts receive.
        let own = tokens / tp;
        let received = own * k * etp;
        let local = (experts / ep).max(1.0);
        let per_expert = received / local;
        let width = m.width as f64 / etp;
        let up = (matrices - 1.0) * width;
        let io = if m.latent > 0 { m.latent as f64 } else { h };
        for (n, kk) in [(up, io), (io, width)] {
            t.forward.put(Part::Matrix, self.engine.grouped(local, per_expert, n, kk, false));
            t.backward_input.put(Part::Matrix, self.engine.grouped(local, per_expert, kk, n, false));
            if !self.lora() {
                t.backward_weight.put(Part::Matrix, self.engine.grouped(local, per_expert, n, kk, true));
            }
            if self.recipe.low_precision() {
                let weights = 4.0 * local * kk * n * self.weight_casts;
                t.forward.put(Part::Elementwise, self.engine.copy(4.0 * received * kk + weights));
                t.backward_input.put(Part::Elementwise, self.engine.copy(4.0 * received * n));
            }
        }
        let act = self.engine.stream(2.0 * matrices * width * received);
        t.forward.put(Part::Elementwise, act);
        t.backward_input.put(Part::Elementwise, act.times(1.7));

        t.forward.put(Part::Moe, self.engine.bf16(own, experts, h));
        t.backward_input.put(Part::Moe, self.engine.bf16(own, h, experts).times(2.0));
        // Permute and un-permute: each routed copy is read and written once on the way in and on the way out.
        let perm = self.engine.permute(8.0 * k * h * own);
        t.forward.put(Part::Moe, perm);
        t.backward_input.put(Part::Moe, perm);

        if l.ep > 1 {
            // Dispatch and combine, 2 bytes each way. Since DeepEP (February 2025) a token that goes to several experts
            // of one scale-up domain crosses the network once: the expected number of distinct domains out of `units`
            // that `k` balanced choices hit is units (1 - (1 - 1/units)^k).
            let domain = self.input.hw.levels.iter().filter(|v| !v.scale_out).map(|v| v.chips).max().unwrap_or(1);
            let units = f64::from((l.ep * l.etp).div_ceil(domain));
            let distinct = if self.recipe.software.year >= 2025.2 { units * (1.0 - (1.0 - 1.0 / units).powf(k)) } else { k };
            let copies = if units > 1.0 { distinct.min(k) } else { k };
            let x = self.net.all_to_all(l.etp, l.ep, 2.0 * own * copies * h);
            let share = (self.params.ep_exposed * self.engine.moe_age).min(1.0);
            // It hides behind the experts' own products at best (of the other half of the batch).
            let both = 2.0 * x.seconds;
            let forward = (both * share).max(both - t.forward.parts[Part::Matrix as usize]);
            let backward =
                (both * share).max(both - t.backward_input.parts[Part::Matrix as usize] - t.backward_weight.parts[Part::Matrix as usize]);
            t.forward.comm(Part::Ep, Comm { seconds: forward, out: x.out }, 1.0);
            t.backward_input.comm(Part::Ep, Comm { seconds: backward, out: x.out }, 1.0);
        }
        if l.etp > 1 {
            let g = self.net.all_gather(1, l.etp, 2.0 * received * h);
            t.forward.comm(Part::Ep, g, 2.0);
            t.backward_input.comm(Part::Ep, g, 2.0);
        }
    }
}
