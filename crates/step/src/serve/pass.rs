//! One pass over the layers: the prompts of some requests, or one token of each request in flight.

use super::cache::kept_tokens;
use super::{Server, Split};
use secondsource_chip::{Class, Cost};
use secondsource_workload::model::{Attention, Ffn, Layer, Mla};

/// Seconds of a pass over one stage, by part.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pass {
    /// Matrix products of the layers and the output matrix.
    pub products: f64,
    /// Scores: reading the cache, or the prompt against itself.
    pub attention: f64,
    /// Norms, activations, sampling reads.
    pub elementwise: f64,
    /// Collectives between the chips of a stage, and the hand-over to the next stage.
    pub network: f64,
    /// Kernel starts and gaps, scheduling, sampling.
    pub fixed: f64,
}

impl Pass {
    pub fn seconds(&self) -> f64 {
        self.products + self.attention + self.elementwise + self.network + self.fixed
    }

    pub(super) fn times(mut self, n: f64) -> Pass {
        for part in [&mut self.products, &mut self.attention, &mut self.elementwise, &mut self.network, &mut self.fixed] {
            *part *= n;
        }
        self
    }

    fn add(&mut self, o: &Pass, n: f64) {
        self.products += o.products * n;
        self.attention += o.attention * n;
        self.elementwise += o.elementwise * n;
        self.network += o.network * n;
        self.fixed += o.fixed * n;
    }
}

/// What one pass computes: tokens of prompts, and one token for each of some requests.
#[derive(Clone, Copy)]
struct Work {
    /// Prompt tokens, and the length of the prompts that they belong to.
    prompt_rows: f64,
    prompt: f64,
    /// Requests that get their next token, and their mean context.
    requests: f64,
    context: f64,
    /// Rows for which the output matrix is computed: requests, and last tokens of prompts.
    heads: f64,
}

impl Work {
    fn rows(&self) -> f64 {
        self.prompt_rows + self.requests
    }
}

impl Server<'_> {
    /// One token for each of `requests` requests (of one stage's batch) at a mean context.
    pub fn decode(&self, requests: f64, context: f64) -> Pass {
        self.pass(&Work { prompt_rows: 0.0, prompt: 1.0, requests, context, heads: requests })
    }

    /// Prompts of `requests` requests, `prompt` tokens each, in passes of at most the engine's chunk; one stage's time.
    pub fn prefill(&self, requests: f64, prompt: f64) -> Pass {
        let tokens = requests * prompt;
        let passes = (tokens / self.limits.chunk).max(1.0);
        let heads = (requests / passes).max(1.0);
        self.pass(&Work { prompt_rows: tokens / passes, prompt, requests: 0.0, context: 1.0, heads }).times(passes)
    }

    /// One token for each of `requests` requests, and `prompts` prompts beside them in the same passes (chunked prefill).
    pub fn mixed(&self, requests: f64, context: f64, prompts: f64, prompt: f64) -> Pass {
        let tokens = prompts * prompt;
        let whole = Work { prompt_rows: tokens, prompt, requests, context, heads: requests + prompts };
        let over = (tokens + requests) / (self.limits.chunk + requests);
        if over <= 1.0 {
            return self.pass(&whole);
        }
        // More prompt tokens than one pass takes: the requests wait for all passes, and decode in each.
        let chunk = self.limits.chunk;
        let one =
            Work { prompt_rows: chunk, prompt, requests: requests * chunk / tokens, context, heads: (requests + prompts) * chunk / tokens };
        self.pass(&one).times(tokens / chunk)
    }

    fn pass(&self, w: &Work) -> Pass {
        let pp = self.pp();
        let mut all = Pass::default();
        for (i, run) in self.model.runs.iter().enumerate() {
            if self.model.runs[..i].iter().any(|r| r.layer == run.layer) {
                continue;
            }
            let count: u64 = self.model.runs.iter().filter(|r| r.layer == run.layer).map(|r| r.count).sum();
            all.add(&self.layer(&run.layer, w), count as f64 / pp);
        }
        // The output matrix stands on the last stage: the slowest one of a pipeline.
        let h = self.model.hidden as f64;
        let vocab = self.model.head_flops_per_token as f64 / (2.0 * h) / self.tp();
        all.products += self.time(self.engine.bf16(w.heads, vocab, h), 1.0);
        all.elementwise += self.time(self.engine.copy(w.heads * vocab * 8.0 + w.rows() * h * 4.0), 1.0);
        if self.replica.pp > 1 {
            all.network += self.net.send(self.replica.tp, 2.0 * w.rows() * h / self.tp()).seconds + self.serve.collective;
        }
        all.fixed += self.serve.pass;
        all
    }

    fn layer(&self, layer: &Layer, w: &Work) -> Pass {
        let h = self.model.hidden as f64;
        let (tp, spread) = (self.tp(), self.replica.split == Split::Requests);
        // Rows and cut of what is not a routed expert: all rows by heads, or a share of the rows whole.
        let (rows, cut) = if spread { ((w.rows() / tp).max(1.0), 1.0) } else { (w.rows(), tp) };
        let mut t = Pass { fixed: self.serve.layer(self.engine.class), ..Pass::default() };
        let mut blocks = 0.0;
        let mut bytes = 20.0 * h;
        if let Some(a) = &layer.attention {
            self.attention(layer, a, w, rows, cut, &mut t);
            bytes += 4.0 * (a.heads * a.qk_dim) as f64 / cut;
            blocks += 1.0;
        }
        if let Some(s) = layer.ssm {
            let inner = s.inner as f64 / cut;
            t.products += self.linear(rows, s.projection_weights(self.model.hidden) as f64 / h / cut, h);
            bytes += 16.0 * inner;
            let own = if spread { w.requests / tp } else { w.requests };
            t.attention += self.time(self.engine.copy(8.0 * own * inner * s.state as f64), 1.0);
            blocks += 1.0;
        }
        if layer.extra_weights > 0 {
            t.products += self.linear(rows, layer.extra_weights as f64 / h / cut, h);
        }
        let dense = |width: f64, matrices: f64, t: &mut Pass| {
            t.products += self.linear(rows, (matrices - 1.0) * width / cut, h) + self.linear(rows, h, width / cut);
            2.0 * matrices * width / cut
        };
        match layer.ffn {
            Ffn::None => {}
            Ffn::Dense { width, matrices } => {
                bytes += dense(width as f64, matrices as f64, &mut t);
                blocks += 1.0;
            }
            Ffn::Moe { moe, matrices } => {
                // Routing, sorting and gathering are kernels of their own where kernels are started one by one.
                t.fixed *= if self.engine.class == Class::Gpu { self.engine.host_moe } else { 1.0 };
                let mats = matrices as f64;
                let (experts, k) = (moe.experts as f64, moe.top_k as f64);
                // Expected number of distinct experts that `rows` balanced choices of k out of all touch. By heads every
                // chip holds a slice of each expert; by requests whole experts, and the fullest chip has at least one.
                let touched = experts * (1.0 - libm::pow(1.0 - k / experts, w.rows()));
                let per_expert = w.rows() * k / touched;
                let (local, slices) =
                    if spread { ((touched / tp).max(1.0_f64.min(touched)), (tp / experts).max(1.0)) } else { (touched, tp) };
                let width = moe.width as f64 / slices;
                let io = if moe.latent > 0 { moe.latent as f64 } else { h };
                let one = self.product(per_expert, (mats - 1.0) * width, io, self.serve.experts)
                    + self.product(per_expert, io, width, self.serve.experts);
                t.products += local * one + self.time(self.engine.bf16(rows, experts, h), 1.0);
                bytes += 2.0 * mats * width * k + 8.0 * k * h / tp;
                if moe.shared_width > 0 {
                    bytes += dense(moe.shared_width as f64, mats, &mut t);
                }
                if spread {
                    let x = self.net.all_to_all(1, self.replica.tp, 2.0 * rows * k * h);
                    t.network += 2.0 * (x.seconds + if self.replica.tp > 1 { self.serve.collective } else { 0.0 });
                } else {
                    blocks += 1.0;
                }
            }
        }
        t.elementwise += self.time(self.engine.stream(bytes * rows), 1.0);
        if self.replica.tp > 1 && !spread {
            let x = self.net.all_reduce(1, self.replica.tp, 2.0 * w.rows() * h);
            t.network += blocks * (x.seconds + self.serve.collective);
        }
        t
    }

    fn attention(&self, layer: &Layer, a: &Attention, w: &Work, rows: f64, cut: f64, t: &mut Pass) {
        let h = self.model.hidden as f64;
        let heads = (a.heads as f64 / cut).max(1.0);
        let kv = (a.kv_heads as f64 / cut).max(1.0);
        let (qk, v) = (a.qk_dim as f64, a.v_dim as f64);
        match a.mla {
            None => t.products += self.linear(rows, heads * qk + kv * (qk + v), h),
            Some(m) => {
                let (qr, kr) = (m.q_rank as f64, m.kv_rank as f64);
                if m.q_rank > 0 {
                    t.products += self.linear(rows, qr + kr + m.qk_rope as f64, h) + self.linear(rows, heads * qk, qr);
                } else {
                    t.products += self.linear(rows, heads * qk + kr + m.qk_rope as f64, h);
                }
                t.products += self.linear(rows, heads * (m.qk_nope as f64 + v), kr);
            }
        }
        t.products += self.linear(rows, h, heads * v);
        if w.prompt_rows > 0.0 {
            let own = if self.replica.split == Split::Requests { w.prompt_rows / self.tp() } else { w.prompt_rows };
            let keys = a.mask.mean_keys(w.prompt);
            t.attention += self.engine.attention_forward(own, keys, w.prompt, heads, qk, v).seconds / self.serve.compute;
        }
        if w.requests > 0.0 {
            let own = if self.replica.split == Split::Requests { (w.requests / self.tp()).max(1.0) } else { w.requests };
            let keys = kept_tokens(layer, w.context).max(1.0);
            let read = self.engine.copy(own * keys * self.cache_elements(layer) * self.formats.cache_bytes);
            let (qk, v) = a.mla.map_or((qk, v), absorbed);
            let scores = self.engine.attention_forward(own, keys, keys, heads, qk, v);
            t.attention += join(scores.matrix_seconds / self.serve.compute, read.seconds / self.serve.bandwidth);
        }
    }

    /// Seconds of `m` rows through a `k` x `n` weight stored in the weights' format.
    fn linear(&self, m: f64, n: f64, k: f64) -> f64 {
        self.product(m, n, k, 1.0)
    }

    /// The same with a factor on the speed of the matrix units.
    fn product(&self, m: f64, n: f64, k: f64, faster: f64) -> f64 {
        if m <= 0.0 || n <= 0.0 || k <= 0.0 {
            return 0.0;
        }
        let mut c = self.engine.thin(m, n, k);
        c.bytes += (self.formats.weights.bytes() - self.formats.math.bytes()) * k * n;
        self.time(c, faster * if self.formats.math.bytes() < 1.0 { self.serve.compute_fp4 } else { 1.0 })
    }

    /// Matrix and memory time under the parameters of serving; `faster` speeds the matrix part up.
    fn time(&self, c: Cost, faster: f64) -> f64 {
        join(c.matrix_seconds / (self.serve.compute * faster), self.engine.copy(c.bytes).seconds / self.serve.bandwidth)
    }
}

/// Widths of scores and values when the up-projection of a latent cache is folded into query and output
/// (DeepSeek-V2, arXiv 2405.04434, section 2.1.2).
fn absorbed(m: Mla) -> (f64, f64) {
    ((m.kv_rank + m.qk_rope) as f64, m.kv_rank as f64)
}

/// Compute and memory overlap inside a kernel, not perfectly: cubic norm, as `crates/chip` has it.
fn join(compute: f64, memory: f64) -> f64 {
    libm::cbrt(compute * compute * compute + memory * memory * memory)
}
