//! The intermediate representation of a model: runs of equal layers, each with its shapes.

use serde::Serialize;

/// Which keys a query may look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionMask {
    /// Every key (encoders, and the convention of full-square FLOP counts).
    Full,
    /// Keys up to the query's own position.
    Causal,
    /// Causal, and at most this many keys back.
    Sliding(u64),
}

impl AttentionMask {
    /// Mean number of keys a query scores against in a sequence of `seq` tokens.
    ///
    /// Causal uses seq/2, the convention of published model-FLOP counts, not (seq+1)/2.
    pub fn mean_keys(self, seq: f64) -> f64 {
        match self {
            AttentionMask::Full => seq,
            AttentionMask::Causal => seq / 2.0,
            AttentionMask::Sliding(w) => {
                let w = (w as f64).min(seq);
                w - w * w / (2.0 * seq)
            }
        }
    }
}

/// Low-rank (multi-head latent) attention of DeepSeek V2/V3 and Kimi-K2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Mla {
    /// 0 when queries are projected directly (DeepSeek-V2-Lite).
    pub q_rank: u64,
    pub kv_rank: u64,
    pub qk_nope: u64,
    pub qk_rope: u64,
}

/// Multi-head attention of one layer. Widths are whole-model, before any tensor parallelism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Attention {
    pub heads: u64,
    pub kv_heads: u64,
    /// Width of a query or key head in the score product.
    pub qk_dim: u64,
    /// Width of a value head.
    pub v_dim: u64,
    pub mask: AttentionMask,
    pub mla: Option<Mla>,
}

impl Attention {
    /// Matrix elements of the projections (no biases or norms): q, k, v and output, or their low-rank forms.
    pub fn projection_weights(&self, hidden: u64) -> u64 {
        let out = self.heads * self.v_dim * hidden;
        match self.mla {
            None => hidden * self.heads * self.qk_dim + hidden * self.kv_heads * (self.qk_dim + self.v_dim) + out,
            Some(m) => {
                let q =
                    if m.q_rank == 0 { hidden * self.heads * self.qk_dim } else { hidden * m.q_rank + m.q_rank * self.heads * self.qk_dim };
                q + hidden * (m.kv_rank + m.qk_rope) + m.kv_rank * self.heads * (m.qk_nope + self.v_dim) + out
            }
        }
    }
}

/// State-space mixer (Mamba 1 and 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ssm {
    /// 1 or 2; 3 is a gated delta net (Qwen3-Next), laid out as version 2 with one more gate per head.
    pub version: u8,
    pub inner: u64,
    pub state: u64,
    pub conv_kernel: u64,
    /// Mamba 2: heads and groups; Mamba 1: 0 and 0.
    pub heads: u64,
    pub groups: u64,
    /// Mamba 1: rank of the time-step projection; Mamba 2: 0.
    pub dt_rank: u64,
    /// Mamba 2 chunk length of the scan; 0 for Mamba 1.
    pub chunk: u64,
}

impl Ssm {
    /// Matrix elements of the in, x, dt and out projections (no convolution, bias, A or D).
    pub fn projection_weights(&self, hidden: u64) -> u64 {
        if self.version == 1 {
            hidden * 2 * self.inner + self.inner * (self.dt_rank + 2 * self.state) + self.dt_rank * self.inner + self.inner * hidden
        } else {
            let gates = if self.version == 3 { 2 * self.heads } else { self.heads };
            hidden * (2 * self.inner + 2 * self.groups * self.state + gates) + self.inner * hidden
        }
    }
}

/// Mixture of experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moe {
    pub experts: u64,
    pub top_k: u64,
    /// Width of one routed expert.
    pub width: u64,
    /// Total width of the always-active (shared) experts, 0 for none.
    pub shared_width: u64,
    /// Width that routed experts read and write when it is not the model's (latent experts); 0 otherwise.
    pub latent: u64,
}

/// The feed-forward part of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ffn {
    None,
    /// `matrices` is 3 for gated units (SwiGLU, GeGLU) and 2 otherwise.
    Dense {
        width: u64,
        matrices: u64,
    },
    Moe {
        moe: Moe,
        matrices: u64,
    },
}

impl Ffn {
    /// Matrix elements in total and those active for one token; the router is included in both.
    pub fn weights(&self, hidden: u64) -> (u64, u64) {
        match *self {
            Ffn::None => (0, 0),
            Ffn::Dense { width, matrices } => (matrices * hidden * width, matrices * hidden * width),
            Ffn::Moe { moe, matrices } => {
                let one = matrices * if moe.latent > 0 { moe.latent } else { hidden } * moe.width;
                let fixed = matrices * hidden * moe.shared_width + hidden * moe.experts;
                (moe.experts * one + fixed, moe.top_k * one + fixed)
            }
        }
    }
}

/// One kind of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub attention: Option<Attention>,
    /// Cross-attention of encoder-decoder models.
    pub cross: Option<Attention>,
    pub ssm: Option<Ssm>,
    pub ffn: Ffn,
    /// Exact parameters of one such layer: matrices, biases, norms, everything trained.
    pub params: u64,
    /// Of those, parameters of routed experts (sharded by expert parallelism).
    pub routed_params: u64,
    /// Matrix elements that belong to none of the parts above, each used once per token: output gates of
    /// attention, the two projections around latent experts.
    pub extra_weights: u64,
}

/// `count` equal layers in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LayerRun {
    pub layer: Layer,
    pub count: u64,
}

/// A model, ready to be cut into shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// Name as the user gave it, or the built-in id.
    pub name: String,
    /// Hugging Face `model_type`, or `custom`.
    pub arch: String,
    pub hidden: u64,
    pub vocab: u64,
    /// In network order. Encoder layers of encoder-decoder models come first.
    pub runs: Vec<LayerRun>,
    /// Input token embedding (vocab x width).
    pub embedding_params: u64,
    /// Separate output matrix; 0 when tied to the input embedding or absent.
    pub head_params: u64,
    /// Everything else outside the layers: final norm, positions, token types, patch projection, vision tower.
    pub other_params: u64,
    /// Of `other_params`, those of the vision tower and its projector.
    pub vision_params: u64,
    /// FLOPs of the output product per token, forward: 2 x hidden x vocab for language models.
    pub head_flops_per_token: u64,
    /// Multi-token-prediction layers that training runs beside the main ones; not in the counts above.
    pub mtp_layers: u64,
    /// Normalisations per layer (pre and post), for the memory-bound account.
    pub norms_per_layer: u64,
    /// Tokens for which learned position embeddings exist: no sequence can be longer. `None` for rotary, relative
    /// and other positions that have no table.
    pub learned_positions: Option<u64>,
}

impl Model {
    pub fn layers(&self) -> u64 {
        self.runs.iter().map(|r| r.count).sum()
    }

    pub fn params_total(&self) -> u64 {
        self.runs.iter().map(|r| r.layer.params * r.count).sum::<u64>() + self.embedding_params + self.head_params + self.other_params
    }

    /// total - routed x (1 - top_k / experts), the convention of model cards.
    pub fn params_active(&self) -> u64 {
        self.params_total()
            - self
                .runs
                .iter()
                .map(|r| match r.layer.ffn {
                    Ffn::Moe { moe, .. } if moe.experts > 0 => {
                        r.count * (r.layer.routed_params / moe.experts * (moe.experts - moe.top_k.min(moe.experts)))
                    }
                    _ => 0,
                })
                .sum::<u64>()
    }

    pub fn is_moe(&self) -> bool {
        self.runs.iter().any(|r| matches!(r.layer.ffn, Ffn::Moe { .. }))
    }

    /// The kind at position `index`, counted over runs.
    pub fn layer_at(&self, index: u64) -> Option<&Layer> {
        let mut left = index;
        for run in &self.runs {
            if left < run.count {
                return Some(&run.layer);
            }
            left -= run.count;
        }
        None
    }
}
