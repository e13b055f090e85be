//! FLOPs of one forward pass, per token: two for each multiply-add of a matrix product. Lookups,
//! normalisation, activation and other elementwise work are not counted; backward is twice forward.

use crate::model::{Attention, AttentionMask, Ffn, Layer, LayerRun, Model, Ssm};
use serde::Serialize;

/// How many keys the score products of attention are charged with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlopsConvention {
    /// Every query against every key, masks and windows ignored (what an operator counter sees).
    Full,
    /// Half the square for causal attention, and windows as they are (what model-FLOP counts use).
    Causal,
}

impl FlopsConvention {
    pub fn mean_keys(self, mask: AttentionMask, seq: u64) -> f64 {
        match self {
            FlopsConvention::Full => seq as f64,
            FlopsConvention::Causal => mask.mean_keys(seq as f64),
        }
    }
}

/// Forward FLOPs of one token in one layer, by part.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct LayerFlops {
    /// Projections of attention (and of cross-attention).
    pub attention: f64,
    /// Scores and their product with values.
    pub scores: f64,
    /// State-space projections, convolution and scan.
    pub mixer: f64,
    pub mlp: f64,
    pub experts: f64,
    pub shared: f64,
    pub router: f64,
    /// Gates and latent projections.
    pub extra: f64,
}

impl LayerFlops {
    pub fn total(&self) -> f64 {
        self.attention + self.scores + self.mixer + self.mlp + self.experts + self.shared + self.router + self.extra
    }
}

impl Ssm {
    /// Channels that the convolution runs over.
    pub fn conv_channels(&self) -> u64 {
        if self.version == 1 { self.inner } else { self.inner + 2 * self.groups * self.state }
    }

    /// FLOPs of convolution and scan for one token. The scan counts 7 per state element: decay, input,
    /// update and output, as Megatron-LM's model-FLOP account does.
    pub fn scan_flops(&self) -> f64 {
        let convolution = 2.0 * self.conv_kernel as f64 * self.conv_channels() as f64;
        convolution + 7.0 * self.inner as f64 * self.state as f64
    }
}

fn scores(a: &Attention, keys: f64) -> f64 {
    2.0 * a.heads as f64 * (a.qk_dim + a.v_dim) as f64 * keys
}

impl Layer {
    /// Forward FLOPs of one token in a sequence of `seq`.
    pub fn flops_forward(&self, hidden: u64, seq: u64, convention: FlopsConvention) -> LayerFlops {
        let mut f = LayerFlops { extra: 2.0 * self.extra_weights as f64, ..LayerFlops::default() };
        for a in [self.attention, self.cross].iter().flatten() {
            f.attention += 2.0 * a.projection_weights(hidden) as f64;
            f.scores += scores(a, convention.mean_keys(a.mask, seq));
        }
        if let Some(ssm) = &self.ssm {
            f.mixer = 2.0 * ssm.projection_weights(hidden) as f64 + ssm.scan_flops();
        }
        match self.ffn {
            Ffn::None => {}
            Ffn::Dense { width, matrices } => f.mlp = 2.0 * (matrices * hidden * width) as f64,
            Ffn::Moe { moe, matrices } => {
                let width = if moe.latent > 0 { moe.latent } else { hidden };
                f.experts = 2.0 * moe.top_k as f64 * (matrices * width * moe.width) as f64;
                f.shared = 2.0 * (matrices * hidden * moe.shared_width) as f64;
                f.router = 2.0 * (hidden * moe.experts) as f64;
            }
        }
        f
    }
}

impl Model {
    /// Forward FLOPs per token, head included. Of encoder-decoder models: one token in each half.
    pub fn flops_forward_per_token(&self, seq: u64, convention: FlopsConvention) -> f64 {
        self.flops_per_run(seq, convention).iter().map(|(run, f)| f.total() * run.count as f64).sum::<f64>()
            + self.head_flops_per_token as f64
    }

    /// Each run of layers with the FLOPs of one token in one of its layers.
    pub fn flops_per_run(&self, seq: u64, convention: FlopsConvention) -> Vec<(LayerRun, LayerFlops)> {
        self.runs.iter().map(|run| (*run, run.layer.flops_forward(self.hidden, seq, convention))).collect()
    }
}
