//! The feed-forward parts of a decoder: dense, or experts on some layers.

use super::cfg::{Cfg, EXPERTS, FFN, Field, TOP_K, optional};
use super::decoder::Shape;
use super::family::{DenseLayers, Family, MoeRule, Shared};
use crate::model::{Ffn, Moe};
use secondsource_base::Diagnostic;

/// The feed-forward part of each layer: dense, or experts on the layers that `sparse` picks.
pub struct FfnKinds {
    dense: (Ffn, u64),
    moe: Option<(Ffn, u64, u64)>,
    sparse: Sparse,
}

enum Sparse {
    From(u64),
    Every { step: u64, except: Vec<u64> },
    Listed(Vec<u64>),
}

impl FfnKinds {
    pub fn at(&self, index: u64) -> (Ffn, u64, u64) {
        let sparse = match &self.sparse {
            Sparse::From(first) => index >= *first,
            Sparse::Every { step, except } => (index + 1).is_multiple_of(*step) && !except.contains(&index),
            Sparse::Listed(list) => list.binary_search(&index).is_ok(),
        };
        match self.moe {
            Some(moe) if sparse => moe,
            _ => (self.dense.0, self.dense.1, 0),
        }
    }

    pub fn read(cfg: &Cfg<'_>, family: &Family, s: &Shape) -> Result<FfnKinds, Diagnostic> {
        let matrices = if s.gated { 3 } else { 2 };
        let dense = |width: u64| {
            let biases = if s.mlp_bias { (matrices - 1) * width + s.hidden } else { 0 };
            (Ffn::Dense { width, matrices }, biases)
        };
        let Some(rule) = family.moe else {
            return Ok(FfnKinds { dense: dense(s.ffn_width), moe: None, sparse: Sparse::From(0) });
        };
        let experts = cfg.need(EXPERTS, rule.experts)?;
        let sparse = sparse_layers(cfg, rule, s.layers)?;
        let any_dense = experts == 0 || (0..s.layers).any(|i| !matches!(&sparse, Sparse::From(f) if i >= *f));
        let width_field = |key: &'static str| Field { max: FFN.max, names: dense_names(key), zero: false };
        let dense_width = if any_dense { cfg.need(width_field(rule.dense_width.0), rule.dense_width.1)? } else { 0 };
        let moe = if experts > 0 { Some(routed(cfg, rule, experts, matrices, s.hidden)?) } else { None };
        Ok(FfnKinds { dense: dense(dense_width), moe, sparse })
    }
}

/// The names a width key stands under, the key itself first.
fn dense_names(key: &'static str) -> &'static [&'static str] {
    match key {
        "intermediate_size_mlp" => &["intermediate_size_mlp"],
        "moe_intermediate_size" => &["moe_intermediate_size"],
        _ => &["intermediate_size"],
    }
}

fn sparse_layers(cfg: &Cfg<'_>, rule: MoeRule, layers: u64) -> Result<Sparse, Diagnostic> {
    let step = |key: &'static [&'static str]| cfg.get_or(Field { names: key, max: 100_000, zero: false }, 1);
    Ok(match rule.dense {
        DenseLayers::None => Sparse::From(0),
        DenseLayers::First(default) => {
            if cfg.raw(&["moe_layer_freq"]).is_some_and(|(_, v)| v.as_u64() != Some(1) && !v.is_null()) {
                return Err(cfg.complain("moe_layer_freq", "`moe_layer_freq` other than 1 is not known for this architecture"));
            }
            Sparse::From(cfg.get_or(optional(&["first_k_dense_replace"], 100_000), default)?)
        }
        DenseLayers::SparseStep => {
            Sparse::Every { step: step(&["decoder_sparse_step"])?, except: cfg.indices("mlp_only_layers")?.unwrap_or_default() }
        }
        DenseLayers::Interleave => match cfg.indices("moe_layers")? {
            Some(mut list) => {
                list.sort_unstable();
                if let Some(far) = list.last().filter(|l| **l >= layers) {
                    return Err(cfg.complain("moe_layers", format!("`moe_layers` names layer {far}, and the model has {layers}")));
                }
                Sparse::Listed(list)
            }
            None => Sparse::Every { step: step(&["interleave_moe_layer_step"])?, except: Vec::new() },
        },
    })
}

fn routed(cfg: &Cfg<'_>, rule: MoeRule, experts: u64, matrices: u64, hidden: u64) -> Result<(Ffn, u64, u64), Diagnostic> {
    let top_k = cfg.need(TOP_K, rule.top_k)?;
    if top_k > experts {
        let key = cfg.raw(TOP_K.names).map_or("num_experts_per_tok", |(k, _)| k);
        return Err(cfg
            .complain(key, format!("a token cannot use {top_k} experts of {experts}"))
            .hint(format!("`{key}` must be at most {experts}")));
    }
    let width = cfg.need(Field { names: dense_names(rule.width.0), ..FFN }, rule.width.1)?;
    let mut small = 0;
    let shared_width = match rule.shared {
        Shared::None => 0,
        Shared::Same => width,
        Shared::Count(key, default) => {
            let count = cfg.get_or(Field { names: shared_names(key), max: 1000, zero: true }, default)?;
            count * width
        }
        Shared::Width { key, default, gated } => {
            let w = cfg.get_or(Field { names: shared_names(key), max: FFN.max, zero: true }, default)?;
            if gated {
                small += hidden;
            }
            w
        }
    };
    let mut expert_small = 0;
    if rule.biases {
        small += experts;
        expert_small = (matrices - 1) * width + hidden;
    }
    Ok((Ffn::Moe { moe: Moe { experts, top_k, width, shared_width, latent: 0 }, matrices }, small, expert_small))
}

fn shared_names(key: &'static str) -> &'static [&'static str] {
    match key {
        "n_shared_experts" => &["n_shared_experts"],
        "shared_intermediate_size" => &["shared_intermediate_size"],
        _ => &["shared_expert_intermediate_size"],
    }
}
