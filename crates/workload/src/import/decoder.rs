//! The decoder that most architectures are: attention and a feed-forward part per layer, as a row of
//! [`families`](super::family::families) describes them.

use super::assemble::{Parts, checked, product, runs};
use super::cfg::{Cfg, FFN, Field, HEAD_DIM, HEADS, HIDDEN, KV_HEADS, LAYERS, POSITIONS, VOCAB, optional};
use super::family::{Family, Flag, Kv, MlaRule, QkNorm, Quirk};
use super::ffn::FfnKinds;
use super::indexer;
use super::masks::masks;
use crate::model::{Attention, AttentionMask, Mla, Model};
use secondsource_base::Diagnostic;

/// Everything the configuration says about one decoder, resolved.
pub struct Shape {
    pub hidden: u64,
    pub layers: u64,
    vocab: u64,
    attention: Attention,
    /// Biases and norms inside attention.
    attention_small: u64,
    norm: u64,
    block_norms: u64,
    pub mlp_bias: bool,
    pub ffn_width: u64,
    pub gated: bool,
    tied: bool,
    head_bias: bool,
    /// Parameters outside the layers that are neither embedding, head nor final norm.
    other: u64,
    learned_positions: Option<u64>,
    embedding_width: u64,
    final_norm: bool,
}

pub fn flag(cfg: &Cfg<'_>, f: Flag) -> Result<bool, Diagnostic> {
    match f {
        Flag::No => Ok(false),
        Flag::Yes => Ok(true),
        Flag::Key(key, default) => cfg.flag(key, default),
    }
}

/// `tie_word_embeddings`: of the outer object when it stands there, else of this one, else the class default.
pub fn tied(cfg: &Cfg<'_>, root: &Cfg<'_>, default: bool) -> Result<bool, Diagnostic> {
    let own = cfg.flag("tie_word_embeddings", default)?;
    if cfg.parent.is_some() { root.flag("tie_word_embeddings", default) } else { Ok(own) }
}

/// Multi-token-prediction layers that the configuration announces.
pub fn mtp_layers(cfg: &Cfg<'_>) -> Result<u64, Diagnostic> {
    cfg.get_or(optional(&["num_nextn_predict_layers", "num_mtp_modules", "num_mtp_layers"], 1000), 0)
}

/// Query heads, key heads and head width, checked against each other.
pub fn head_counts(cfg: &Cfg<'_>, hidden: u64, default_heads: u64, kv: Kv, head_dim: u64) -> Result<(u64, u64, u64), Diagnostic> {
    let heads = cfg.need(HEADS, default_heads)?;
    let kv_heads = match (cfg.nullable(KV_HEADS)?, kv) {
        (Some(Some(v)), _) => v,
        (None, Kv::Fixed(v)) => v,
        _ => heads,
    };
    if heads % kv_heads != 0 {
        let key = cfg.raw(KV_HEADS.names).or(cfg.raw(HEADS.names)).map_or("num_key_value_heads", |(k, _)| k);
        return Err(cfg
            .complain(key, format!("{heads} query heads cannot share {kv_heads} key-value heads evenly"))
            .hint(format!("`num_key_value_heads` must divide {heads}")));
    }
    let width = match (cfg.nullable(HEAD_DIM)?, head_dim) {
        (Some(Some(v)), _) => v,
        (None, fixed) if fixed > 0 => fixed,
        _ if hidden.is_multiple_of(heads) => hidden / heads,
        _ => {
            let key = cfg.raw(HEADS.names).map_or("num_attention_heads", |(k, _)| k);
            return Err(cfg
                .complain(key, format!("{heads} heads do not divide the width {hidden}"))
                .hint("give `head_dim`, or a number of heads that divides `hidden_size`"));
        }
    };
    // Keeps every projection below 10^16 elements.
    if heads.saturating_mul(width) > 100_000_000 {
        let key = cfg.raw(HEAD_DIM.names).or(cfg.raw(HEADS.names)).map_or("head_dim", |(k, _)| k);
        return Err(cfg.complain(key, format!("{heads} heads of {width} are wider than the 10^8 allowed")));
    }
    Ok((heads, kv_heads, width))
}

pub fn build(name: &str, cfg: &Cfg<'_>, root: &Cfg<'_>, family: &Family) -> Result<Model, Diagnostic> {
    let mut shape = resolve(cfg, root, family)?;
    adjust(cfg, family, &mut shape)?;
    let s = shape;
    let masks = masks(cfg, family.window, s.layers)?;
    let kinds = FfnKinds::read(cfg, family, &s)?;
    let indexers = indexer::read(cfg, family, &s.attention, s.hidden, s.layers)?;
    let mut layers = Vec::new();
    for index in 0..s.layers {
        let mask = masks.at(index);
        let (ffn, small, expert_small) = kinds.at(index);
        let (extra_weights, indexer_small) = indexers.at(index);
        let parts = Parts {
            attention: Some(Attention { mask: indexers.mask(mask), ..s.attention }),
            ffn,
            extra_weights,
            small: s.attention_small + s.norm * s.block_norms * s.hidden + small + indexer_small,
            expert_small,
            ..Parts::EMPTY
        };
        layers.push(parts.layer(cfg, s.hidden)?);
    }
    let embedding = product(cfg, &[s.vocab, s.embedding_width])?;
    let final_norm = if s.final_norm { s.norm * s.hidden } else { 0 };
    let head_bias = if s.head_bias { s.vocab } else { 0 };
    let model = Model {
        name: name.to_owned(),
        arch: family.types.first().copied().unwrap_or_default().to_owned(),
        hidden: s.hidden,
        vocab: s.vocab,
        runs: runs(layers),
        embedding_params: embedding,
        head_params: if s.tied { 0 } else { embedding },
        other_params: s.other + final_norm + head_bias,
        vision_params: 0,
        head_flops_per_token: 2 * embedding,
        mtp_layers: mtp_layers(cfg)?,
        norms_per_layer: s.block_norms,
        learned_positions: s.learned_positions,
    };
    checked(cfg, model)
}

fn resolve(cfg: &Cfg<'_>, root: &Cfg<'_>, family: &Family) -> Result<Shape, Diagnostic> {
    let [vocab, hidden, ffn, layers, heads] = family.dims;
    let hidden = cfg.need(HIDDEN, hidden)?;
    let layers = cfg.need(LAYERS, layers)?;
    let vocab = cfg.need(VOCAB, vocab)?;
    let ffn_width = if family.moe.is_some() {
        0
    } else if family.ffn_times > 0 {
        cfg.get_or(FFN, family.ffn_times * hidden)?
    } else {
        cfg.need(FFN, ffn)?
    };
    let (attention, attention_small) = match family.mla {
        Some(rule) => latent_attention(cfg, family, hidden, heads, rule)?,
        None => plain_attention(cfg, family, hidden, heads)?,
    };
    let learned_positions = family.positions.map(|(default, _)| cfg.get_or(POSITIONS, default)).transpose()?;
    let rows = learned_positions.unwrap_or(0) + family.positions.map_or(0, |(_, beside)| beside);
    Ok(Shape {
        hidden,
        layers,
        vocab,
        attention,
        attention_small,
        norm: family.norm,
        block_norms: family.block_norms,
        mlp_bias: flag(cfg, family.mlp_bias)?,
        ffn_width,
        gated: family.gated,
        tied: tied(cfg, root, family.tied)?,
        head_bias: flag(cfg, family.head_bias)?,
        other: rows * hidden,
        learned_positions,
        embedding_width: hidden,
        final_norm: family.final_norm,
    })
}

fn plain_attention(cfg: &Cfg<'_>, family: &Family, hidden: u64, default_heads: u64) -> Result<(Attention, u64), Diagnostic> {
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, default_heads, family.kv, family.head_dim)?;
    let attention = Attention { heads, kv_heads, qk_dim: dim, v_dim: dim, mask: AttentionMask::Causal, mla: None };
    let mut small = 0;
    if flag(cfg, family.qkv_bias)? {
        small += (heads + 2 * kv_heads) * dim;
    }
    if flag(cfg, family.out_bias)? {
        small += hidden;
    }
    small += match family.qk_norm {
        QkNorm::Head { when, affine } if flag(cfg, when)? => 2 * affine * dim,
        QkNorm::Width { when } if flag(cfg, when)? => (heads + kv_heads) * dim,
        _ => 0,
    };
    // gpt-oss: one learned sink per head.
    if family.moe.is_some_and(|m| m.biases) {
        small += heads;
    }
    Ok((attention, small))
}

const Q_RANK: Field = optional(&["q_lora_rank"], 10_000_000);
const KV_RANK: Field = Field { names: &["kv_lora_rank"], max: 10_000_000, zero: false };
const NOPE: Field = Field { names: &["qk_nope_head_dim"], max: 100_000, zero: false };
const ROPE: Field = optional(&["qk_rope_head_dim"], 100_000);
const V_DIM: Field = Field { names: &["v_head_dim"], max: 100_000, zero: false };

fn latent_attention(
    cfg: &Cfg<'_>,
    family: &Family,
    hidden: u64,
    default_heads: u64,
    rule: MlaRule,
) -> Result<(Attention, u64), Diagnostic> {
    let heads = cfg.need(HEADS, default_heads)?;
    let q_rank = match cfg.nullable(Q_RANK)? {
        Some(v) => v.unwrap_or(0),
        None => rule.q_rank,
    };
    let mla = Mla { q_rank, kv_rank: cfg.get_or(KV_RANK, 512)?, qk_nope: cfg.get_or(NOPE, rule.nope)?, qk_rope: cfg.get_or(ROPE, 64)? };
    let v_dim = cfg.get_or(V_DIM, rule.v_dim)?;
    let qk_dim = mla.qk_nope + mla.qk_rope;
    if heads.saturating_mul(qk_dim.max(mla.qk_nope + v_dim)) > 100_000_000 {
        let key = cfg.raw(HEADS.names).map_or("num_attention_heads", |(k, _)| k);
        return Err(cfg.complain(key, format!("{heads} heads of {qk_dim} are wider than the 10^8 allowed")));
    }
    let mut small = q_rank + mla.kv_rank;
    if flag(cfg, family.qkv_bias)? {
        small += q_rank + mla.kv_rank + mla.qk_rope + hidden;
    }
    Ok((Attention { heads, kv_heads: heads, qk_dim, v_dim, mask: AttentionMask::Causal, mla: Some(mla) }, small))
}

/// What a table cannot say.
fn adjust(cfg: &Cfg<'_>, family: &Family, s: &mut Shape) -> Result<(), Diagnostic> {
    match family.quirk {
        Quirk::None => {}
        Quirk::Bloom => s.other += 2 * s.hidden,
        Quirk::BigCode => {
            if cfg.flag("multi_query", true)? {
                share_keys(s, 1);
            }
        }
        Quirk::Mpt => {
            let times = cfg.get_or(Field { names: &["expansion_ratio"], max: 1000, zero: false }, 4)?;
            s.ffn_width = product(cfg, &[times, s.hidden])?;
            if !cfg.flag("no_bias", true)? {
                return Err(cfg
                    .complain("no_bias", "`no_bias` is false: MPT models with biases are not known")
                    .hint("published MPT models have `no_bias` true"));
            }
        }
        Quirk::StableLm => {
            if cfg.flag("use_parallel_residual", false)? {
                s.block_norms = 1;
            }
        }
        Quirk::Falcon => falcon(cfg, s)?,
        Quirk::Opt => opt(cfg, s)?,
    }
    Ok(())
}

/// Fewer key and value heads, and fewer of their biases.
fn share_keys(s: &mut Shape, kv_heads: u64) {
    let dropped = 2 * (s.attention.kv_heads - kv_heads) * s.attention.qk_dim;
    s.attention_small = s.attention_small.saturating_sub(if s.attention_small > 0 { dropped } else { 0 });
    s.attention.kv_heads = kv_heads;
}

fn falcon(cfg: &Cfg<'_>, s: &mut Shape) -> Result<(), Diagnostic> {
    let new = cfg.flag("new_decoder_architecture", false)?;
    if !new {
        // The old layout has one key head or as many as query heads; `num_kv_heads` is not read.
        let heads = s.attention.heads;
        s.attention_small += if s.attention_small > 0 { 2 * (heads - s.attention.kv_heads) * s.attention.qk_dim } else { 0 };
        s.attention.kv_heads = heads;
        if cfg.flag("multi_query", true)? {
            share_keys(s, 1);
        }
    }
    let norms = cfg.get(Field { names: &["num_ln_in_parallel_attn"], max: 2, zero: false })?;
    s.block_norms = match (cfg.flag("parallel_attn", true)?, norms) {
        (false, _) | (true, Some(2)) => 2,
        (true, None) if new => 2,
        _ => 1,
    };
    Ok(())
}

fn opt(cfg: &Cfg<'_>, s: &mut Shape) -> Result<(), Diagnostic> {
    if !cfg.flag("layer_norm_elementwise_affine", true)? {
        s.norm = 0;
    }
    // OPT-350m normalises after each part and has no final norm.
    let before = cfg.flag("do_layer_norm_before", true)?;
    s.final_norm = before && !cfg.flag("_remove_final_layer_norm", false)?;
    let width = cfg.get_or(Field { names: &["word_embed_proj_dim"], ..HIDDEN }, s.hidden)?;
    if width != s.hidden {
        s.other += 2 * product(cfg, &[width, s.hidden])?;
        s.embedding_width = width;
    }
    Ok(())
}
