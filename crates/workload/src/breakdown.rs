//! Where a model's parameters and FLOPs are: by part and by run of layers.

use crate::flops::{FlopsConvention, LayerFlops};
use crate::model::{AttentionMask, Ffn, Layer, Model};
use serde::Serialize;

/// One part of a model. `params` of all parts add up to the model's total exactly.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    pub name: &'static str,
    pub params: u64,
    /// Parameters that one token uses.
    pub active: u64,
    pub flops_per_token: f64,
}

/// A run of equal layers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunPart {
    /// Index of the first layer, counted from 0.
    pub first: u64,
    pub count: u64,
    /// `attention causal + experts 8 of 256`.
    pub kind: String,
    pub params_each: u64,
    pub flops_per_token_each: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Breakdown {
    pub name: String,
    pub arch: String,
    pub params_total: u64,
    pub params_active: u64,
    pub params_embedding: u64,
    pub seq: u64,
    pub convention: FlopsConvention,
    pub flops_forward_per_token: f64,
    pub parts: Vec<Part>,
    pub runs: Vec<RunPart>,
    /// Numbers kept per token of context for all layers, and their bytes in a two-byte format.
    pub kv_elements_per_token: u64,
    pub kv_bytes_per_token: u64,
    pub mtp_layers: u64,
}

/// Parameters of one layer by part, in the order of [`NAMES`].
#[derive(Default, Clone, Copy)]
struct LayerParams {
    attention: u64,
    mixer: u64,
    mlp: u64,
    experts: u64,
    shared: u64,
    router: u64,
    extra: u64,
    norms: u64,
}

impl LayerParams {
    fn of(layer: &Layer, hidden: u64) -> LayerParams {
        let mut p = LayerParams { extra: layer.extra_weights, experts: layer.routed_params, ..LayerParams::default() };
        p.attention = [layer.attention, layer.cross].iter().flatten().map(|a| a.projection_weights(hidden)).sum();
        p.mixer = layer.ssm.map_or(0, |s| s.projection_weights(hidden));
        match layer.ffn {
            Ffn::None => {}
            Ffn::Dense { width, matrices } => p.mlp = matrices * hidden * width,
            Ffn::Moe { moe, matrices } => {
                p.shared = matrices * hidden * moe.shared_width;
                p.router = hidden * moe.experts;
            }
        }
        let matrices = p.attention + p.mixer + p.mlp + p.experts + p.shared + p.router + p.extra;
        p.norms = layer.params.saturating_sub(matrices);
        p
    }
}

fn active_experts(layer: &Layer) -> u64 {
    match layer.ffn {
        Ffn::Moe { moe, .. } if moe.experts > 0 => layer.routed_params / moe.experts * moe.top_k.min(moe.experts),
        _ => layer.routed_params,
    }
}

impl Layer {
    /// Numbers that this layer keeps per token of context: keys and values, or the latent and its rotary key.
    pub fn kv_elements_per_token(&self) -> u64 {
        self.attention.map_or(0, |a| match a.mla {
            Some(m) => m.kv_rank + m.qk_rope,
            None => a.kv_heads * (a.qk_dim + a.v_dim),
        })
    }

    /// The layer in a few words.
    pub fn kind(&self) -> String {
        let mut words = Vec::new();
        if let Some(a) = self.attention {
            let mask = match a.mask {
                AttentionMask::Full => "full".to_owned(),
                AttentionMask::Causal => "causal".to_owned(),
                AttentionMask::Sliding(w) => format!("window {w}"),
            };
            let name = if a.mla.is_some() { "latent attention" } else { "attention" };
            words.push(format!("{name} {mask}"));
        }
        if self.cross.is_some() {
            words.push("cross-attention".to_owned());
        }
        if let Some(s) = self.ssm {
            words.push(if s.version == 3 { "gated delta net".to_owned() } else { format!("mamba {}", s.version) });
        }
        match self.ffn {
            Ffn::None => {}
            Ffn::Dense { width, .. } => words.push(format!("feed-forward {width}")),
            Ffn::Moe { moe, .. } => words.push(format!("experts {} of {}", moe.top_k, moe.experts)),
        }
        words.join(" + ")
    }
}

impl Model {
    /// The breakdown with attention over the full square, as operator counters measure it.
    pub fn breakdown(&self, seq: u64) -> Breakdown {
        self.breakdown_with(seq, FlopsConvention::Full)
    }

    pub fn breakdown_with(&self, seq: u64, convention: FlopsConvention) -> Breakdown {
        let per_run = self.flops_per_run(seq, convention);
        let params =
            |of: fn(&LayerParams) -> u64| self.runs.iter().map(|r| of(&LayerParams::of(&r.layer, self.hidden)) * r.count).sum::<u64>();
        let flops = |of: fn(&LayerFlops) -> f64| per_run.iter().map(|(r, f)| of(f) * r.count as f64).sum::<f64>();
        let part = |name, params, flops_per_token| Part { name, params, active: params, flops_per_token };
        let active = self.runs.iter().map(|r| active_experts(&r.layer) * r.count).sum();
        let mut parts = vec![
            part("embedding", self.embedding_params, 0.0),
            part("attention", params(|p| p.attention), flops(|f| f.attention)),
            part("attention scores", 0, flops(|f| f.scores)),
            part("state-space mixer", params(|p| p.mixer), flops(|f| f.mixer)),
            part("feed-forward", params(|p| p.mlp), flops(|f| f.mlp)),
            Part { active, ..part("experts", params(|p| p.experts), flops(|f| f.experts)) },
            part("shared experts", params(|p| p.shared), flops(|f| f.shared)),
            part("router", params(|p| p.router), flops(|f| f.router)),
            part("gates and latent projections", params(|p| p.extra), flops(|f| f.extra)),
            part("norms, biases and the like", params(|p| p.norms), 0.0),
            part("head", self.head_params, self.head_flops_per_token as f64),
            part("vision", self.vision_params, 0.0),
            part("final norm, positions and the like", self.other_params.saturating_sub(self.vision_params), 0.0),
        ];
        parts.retain(|p| p.params > 0 || p.flops_per_token > 0.0);
        let mut first = 0;
        let runs = per_run.iter().map(|(run, f)| {
            let part =
                RunPart { first, count: run.count, kind: run.layer.kind(), params_each: run.layer.params, flops_per_token_each: f.total() };
            first += run.count;
            part
        });
        let runs = runs.collect();
        let kv: u64 = self.runs.iter().map(|r| r.layer.kv_elements_per_token() * r.count).sum();
        Breakdown {
            name: self.name.clone(),
            arch: self.arch.clone(),
            params_total: self.params_total(),
            params_active: self.params_active(),
            params_embedding: self.embedding_params,
            seq,
            convention,
            flops_forward_per_token: self.flops_forward_per_token(seq, convention),
            parts,
            runs,
            kv_elements_per_token: kv,
            kv_bytes_per_token: 2 * kv,
            mtp_layers: self.mtp_layers,
        }
    }
}
