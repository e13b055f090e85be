//! A model from the architecture cells of a run table: dimensions in columns, no configuration file.
//!
//! Counts are close, not exact: scale-only norms, no biases, and an output matrix of its own when the
//! feed-forward part is gated.

use crate::import::assemble::{Parts, checked, product, runs};
use crate::import::cfg::Cfg;
use crate::model::{Attention, AttentionMask, Ffn, Mla, Model, Moe};
use secondsource_base::{Diagnostic, SourceText};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttentionKind {
    Mha,
    Gqa,
    Mla,
}

/// Architecture columns of one run, and what no column says (see [`ArchCells::with_preset`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchCells {
    pub name: String,
    pub layers: u64,
    pub hidden: u64,
    /// Width of dense feed-forward parts; may be 0 when every layer has experts.
    pub ffn_hidden: u64,
    pub heads: u64,
    pub kv_heads: u64,
    /// Width of a head when it is not hidden / heads.
    pub head_dim: Option<u64>,
    pub vocab: u64,
    pub experts: Option<u64>,
    pub experts_per_token: u64,
    pub moe_ffn_hidden: u64,
    pub shared_experts: u64,
    pub mlp_gated: bool,
    pub attention: AttentionKind,
    pub seq_len: u64,
    /// Window, and every how many layers one sees everything (0: none does).
    pub sliding: Option<(u64, u64)>,
    /// Leading layers without experts.
    pub dense_first: u64,
    /// Every how many layers one has experts; 1 for all.
    pub moe_every: u64,
    pub mla: Option<Mla>,
}

impl ArchCells {
    /// Takes what no column says from a model of the same family: leading dense layers, spacing of experts,
    /// ranks of latent attention, windows. Cells that are set stay as they are.
    pub fn with_preset(mut self, preset: &Model) -> ArchCells {
        let layers: Vec<_> = preset.runs.iter().flat_map(|r| std::iter::repeat_n(r.layer, usize::try_from(r.count).unwrap_or(0))).collect();
        let sparse: Vec<u64> = (0u64..).zip(&layers).filter(|(_, l)| matches!(l.ffn, Ffn::Moe { .. })).map(|(i, _)| i).collect();
        if let (Some(&first), Some(&second)) = (sparse.first(), sparse.get(1)) {
            self.moe_every = second - first;
            self.dense_first = if self.moe_every > 1 { 0 } else { first };
        }
        self.mla = self.mla.or(layers.iter().find_map(|l| l.attention).and_then(|a| a.mla));
        let masks: Vec<AttentionMask> = layers.iter().filter_map(|l| l.attention).map(|a| a.mask).collect();
        let window = masks.iter().find_map(|m| if let AttentionMask::Sliding(w) = m { Some(*w) } else { None });
        let every = masks.iter().position(|m| *m == AttentionMask::Causal).map_or(0, |i| i as u64 + 1);
        self.sliding = self.sliding.or(window.map(|w| (w, every)));
        self
    }
}

fn within(cells: &ArchCells, what: &str, value: u64, max: u64) -> Result<(), Diagnostic> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(Diagnostic::error(format!("{}: {what} is {value}; it must be from 1 to {max}", cells.name)))
}

fn check(cells: &ArchCells) -> Result<(), Diagnostic> {
    within(cells, "layers", cells.layers, 100_000)?;
    within(cells, "hidden", cells.hidden, 10_000_000)?;
    within(cells, "heads", cells.heads, 100_000)?;
    within(cells, "kv_heads", cells.kv_heads, cells.heads)?;
    within(cells, "vocab", cells.vocab, 1_000_000_000)?;
    within(cells, "head_dim", cells.head_dim.unwrap_or(1), 1000)?;
    within(cells, "moe_every", cells.moe_every.max(1), 100_000)?;
    if !cells.heads.is_multiple_of(cells.kv_heads) {
        return Err(Diagnostic::error(format!(
            "{}: {} query heads cannot share {} key-value heads evenly",
            cells.name, cells.heads, cells.kv_heads
        )));
    }
    if cells.head_dim.is_none() && cells.attention != AttentionKind::Mla && !cells.hidden.is_multiple_of(cells.heads) {
        return Err(Diagnostic::error(format!("{}: {} heads do not divide the width {}", cells.name, cells.heads, cells.hidden)));
    }
    if let Some(experts) = cells.experts {
        within(cells, "experts", experts, 1_000_000)?;
        within(cells, "experts_per_token", cells.experts_per_token, experts)?;
        within(cells, "moe_ffn_hidden", cells.moe_ffn_hidden, 100_000_000)?;
        within(cells, "shared_experts", cells.shared_experts.max(1), 100)?;
    } else {
        within(cells, "ffn_hidden", cells.ffn_hidden, 100_000_000)?;
    }
    within(cells, "ffn_hidden", cells.ffn_hidden.max(1), 100_000_000)
}

fn attention(cells: &ArchCells) -> Result<Attention, Diagnostic> {
    if cells.attention != AttentionKind::Mla {
        let dim = cells.head_dim.unwrap_or(cells.hidden / cells.heads);
        within(cells, "heads x head_dim", cells.heads * dim, 100_000_000)?;
        return Ok(Attention {
            heads: cells.heads,
            kv_heads: cells.kv_heads,
            qk_dim: dim,
            v_dim: dim,
            mask: AttentionMask::Causal,
            mla: None,
        });
    }
    let Some(mla) = cells.mla else {
        return Err(Diagnostic::error(format!("{}: latent attention needs its ranks, which no cell gives", cells.name))
            .hint("pass a built-in model of the family as preset"));
    };
    within(cells, "MLA rank", mla.q_rank.max(mla.kv_rank), 10_000_000)?;
    within(cells, "MLA head width", mla.qk_nope.saturating_add(mla.qk_rope), 1000)?;
    Ok(Attention {
        heads: cells.heads,
        kv_heads: cells.heads,
        qk_dim: mla.qk_nope + mla.qk_rope,
        v_dim: cells.head_dim.unwrap_or(mla.qk_nope),
        mask: AttentionMask::Causal,
        mla: Some(mla),
    })
}

/// Builds the model that the cells describe.
pub fn from_cells(cells: &ArchCells) -> Result<Model, Diagnostic> {
    check(cells)?;
    let (map, keys) = (serde_json::Map::new(), BTreeMap::new());
    let cfg = Cfg { source: SourceText { name: &cells.name, text: "" }, keys: &keys, map: &map, parent: None };
    let attention = attention(cells)?;
    let matrices = if cells.mlp_gated { 3 } else { 2 };
    let dense = Ffn::Dense { width: cells.ffn_hidden, matrices };
    let moe = cells.experts.map(|experts| {
        let shared_width = cells.shared_experts * cells.moe_ffn_hidden;
        Ffn::Moe { moe: Moe { experts, top_k: cells.experts_per_token, width: cells.moe_ffn_hidden, shared_width, latent: 0 }, matrices }
    });
    let latent_norms = attention.mla.map_or(0, |m| m.q_rank + m.kv_rank);
    let mut layers = Vec::new();
    for i in 0..cells.layers {
        let mask = match cells.sliding {
            Some((window, every)) if every == 0 || (i + 1) % every != 0 => AttentionMask::Sliding(window),
            _ => AttentionMask::Causal,
        };
        let ffn = match moe {
            Some(moe) if i >= cells.dense_first && (i + 1) % cells.moe_every.max(1) == 0 => moe,
            Some(_) if cells.ffn_hidden == 0 => {
                return Err(Diagnostic::error(format!("{}: layer {i} is dense, and ffn_hidden is not given", cells.name)));
            }
            _ => dense,
        };
        let parts = Parts { attention: Some(Attention { mask, ..attention }), ffn, small: 2 * cells.hidden + latent_norms, ..Parts::EMPTY };
        layers.push(parts.layer(&cfg, cells.hidden)?);
    }
    let embedding = product(&cfg, &[cells.vocab, cells.hidden])?;
    let model = Model {
        name: cells.name.clone(),
        arch: "custom".to_owned(),
        hidden: cells.hidden,
        vocab: cells.vocab,
        runs: runs(layers),
        embedding_params: embedding,
        head_params: if cells.mlp_gated { embedding } else { 0 },
        other_params: cells.hidden,
        vision_params: 0,
        head_flops_per_token: 2 * embedding,
        mtp_layers: 0,
        norms_per_layer: 2,
        learned_positions: None,
    };
    checked(&cfg, model)
}
