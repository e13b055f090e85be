//! The scorer of DeepSeek sparse attention: a few narrow heads that choose which keys a query attends to.

use super::assemble::product;
use super::cfg::{Cfg, Field};
use super::family::Family;
use crate::model::{Attention, AttentionMask};
use secondsource_base::Diagnostic;

const HEADS: Field = Field { names: &["index_n_heads"], max: 100_000, zero: false };
const DIM: Field = Field { names: &["index_head_dim"], max: 100_000, zero: false };
const TOP_K: Field = Field { names: &["index_topk"], max: 1_000_000_000, zero: false };
const FREQ: Field = Field { names: &["index_topk_freq"], max: 100_000, zero: false };
const OFFSET: Field = Field { names: &["index_skip_topk_offset"], max: 100_000, zero: true };

/// Scorers of a model; none when `matrices` is 0.
pub struct Indexers {
    matrices: u64,
    small: u64,
    top_k: u64,
    /// Layers that run a scorer of their own; `None` for all.
    own: Option<Vec<bool>>,
}

impl Indexers {
    /// Matrix elements and norms of the scorer of one layer.
    pub fn at(&self, index: u64) -> (u64, u64) {
        let own = match &self.own {
            None => true,
            Some(list) => usize::try_from(index).ok().and_then(|i| list.get(i)).copied().unwrap_or(true),
        };
        if own { (self.matrices, self.small) } else { (0, 0) }
    }

    /// A query attends to at most the chosen keys.
    pub fn mask(&self, mask: AttentionMask) -> AttentionMask {
        if self.matrices > 0 { AttentionMask::Sliding(self.top_k) } else { mask }
    }
}

pub fn read(cfg: &Cfg<'_>, family: &Family, attention: &Attention, hidden: u64, layers: u64) -> Result<Indexers, Diagnostic> {
    let Some(rule) = family.indexer else {
        return Ok(Indexers { matrices: 0, small: 0, top_k: 0, own: None });
    };
    let heads = cfg.get_or(HEADS, rule.heads)?;
    let dim = cfg.get_or(DIM, 128)?;
    let rank = attention.mla.map_or(0, |m| m.q_rank);
    let matrices = product(cfg, &[rank, heads, dim])? + product(cfg, &[hidden, dim + heads])?;
    let own = if rule.shared { Some(schedule(cfg, layers)?) } else { None };
    Ok(Indexers { matrices, small: 2 * dim, top_k: cfg.get_or(TOP_K, 2048)?, own })
}

/// GLM-5.2: `indexer_types`, a pattern of F and S, or every so many layers.
fn schedule(cfg: &Cfg<'_>, layers: u64) -> Result<Vec<bool>, Diagnostic> {
    if let Some(types) = cfg.per_layer("indexer_types", layers)? {
        return Ok(types.iter().map(|t| *t == "full").collect());
    }
    if let Some(pattern) = cfg.text("index_topk_pattern")? {
        if pattern.chars().count() as u64 != layers {
            return Err(cfg.complain(
                "index_topk_pattern",
                format!("`index_topk_pattern` has {} letters, and the model has {layers} layers", pattern.chars().count()),
            ));
        }
        return Ok(pattern.chars().map(|c| c == 'F').collect());
    }
    let freq = cfg.get_or(FREQ, 1)?;
    let offset = cfg.get_or(OFFSET, 2)?;
    Ok((0..layers).map(|i| (i + 1).saturating_sub(offset) % freq == 0).collect())
}
