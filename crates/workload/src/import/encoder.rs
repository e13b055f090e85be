//! Encoders and encoder-decoders: BERT, ViT, T5.

use super::assemble::{Parts, checked, product, runs};
use super::cfg::{Cfg, FFN, Field, HEADS, HIDDEN, LAYERS, POSITIONS, VOCAB, optional};
use super::decoder::{head_counts, tied};
use super::family::Kv;
use crate::model::{Attention, AttentionMask, Ffn, Model};
use secondsource_base::Diagnostic;

/// A layer of BERT or ViT: biases everywhere and two layer norms.
fn encoder_layers(cfg: &Cfg<'_>, hidden: u64, qkv_bias: bool) -> Result<Vec<crate::model::LayerRun>, Diagnostic> {
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, 12, Kv::Heads, 0)?;
    let width = cfg.need(FFN, 3072)?;
    let count = cfg.need(LAYERS, 12)?;
    let parts = Parts {
        attention: Some(Attention { heads, kv_heads, qk_dim: dim, v_dim: dim, mask: AttentionMask::Full, mla: None }),
        ffn: Ffn::Dense { width, matrices: 2 },
        small: if qkv_bias { 3 * heads * dim } else { 0 } + 6 * hidden + width,
        ..Parts::EMPTY
    };
    let layer = parts.layer(cfg, hidden)?;
    Ok(vec![crate::model::LayerRun { layer, count }])
}

/// `BertConfig`; which head stands on top depends on the class in `architectures`.
pub fn bert(name: &str, cfg: &Cfg<'_>, arch: Option<&str>) -> Result<Model, Diagnostic> {
    let hidden = cfg.need(HIDDEN, 768)?;
    let vocab = cfg.need(VOCAB, 30_522)?;
    let types = cfg.get_or(optional(&["type_vocab_size"], 1_000_000), 2)?;
    let positions = cfg.get_or(POSITIONS, 512)?;
    let embedding = product(cfg, &[vocab, hidden])?;
    let square = product(cfg, &[hidden, hidden])?;
    let (words, pooler) = match arch {
        Some("BertModel" | "RobertaModel" | "XLMRobertaModel") => (false, true),
        Some("BertForPreTraining") => (true, true),
        _ => (true, false),
    };
    let mut other = product(cfg, &[positions + types, hidden])? + 2 * hidden;
    if words {
        other += square + 3 * hidden + vocab;
    }
    if pooler {
        other += square + hidden + if words { 2 * hidden + 2 } else { 0 };
    }
    let tied = tied(cfg, cfg, true)?;
    if words && !tied {
        // An output matrix of its own comes with a second bias.
        other += vocab;
    }
    let model = Model {
        name: name.to_owned(),
        arch: "bert".to_owned(),
        hidden,
        vocab,
        runs: encoder_layers(cfg, hidden, true)?,
        embedding_params: embedding,
        head_params: if words && !tied { embedding } else { 0 },
        other_params: other,
        vision_params: 0,
        head_flops_per_token: if words { 2 * (embedding + square) } else { 0 },
        mtp_layers: 0,
        norms_per_layer: 2,
        learned_positions: Some(positions),
    };
    checked(cfg, model)
}

/// `ViTConfig`: the vocabulary is empty, the classifier counts under the other parameters.
pub fn vit(name: &str, cfg: &Cfg<'_>, arch: Option<&str>) -> Result<Model, Diagnostic> {
    const SIDE: u64 = 100_000;
    let hidden = cfg.need(HIDDEN, 768)?;
    let side = |names: &'static [&'static str], default: u64| cfg.get_or(Field { names, max: SIDE, zero: false }, default);
    let (image, patch) = (side(&["image_size"], 224)?, side(&["patch_size"], 16)?);
    let channels = side(&["num_channels"], 3)?;
    if patch > image {
        return Err(cfg.complain("patch_size", format!("a patch of {patch} pixels does not fit an image of {image}")));
    }
    let grid = image / patch;
    let square = product(cfg, &[hidden, hidden])?;
    let patches = product(cfg, &[channels * patch, patch, hidden])? + hidden;
    let mut other = patches + product(cfg, &[grid * grid + 2, hidden])? + 2 * hidden;
    if arch == Some("ViTModel") {
        other += square + hidden;
    } else {
        let named = cfg.map.get("id2label").and_then(serde_json::Value::as_object).map(|m| m.len() as u64);
        let labels = match named {
            Some(n) => n,
            None => cfg.get_or(Field { names: &["num_labels"], max: 10_000_000, zero: false }, 2)?,
        };
        other += product(cfg, &[labels, hidden + 1])?;
    }
    let model = Model {
        name: name.to_owned(),
        arch: "vit".to_owned(),
        hidden,
        vocab: 0,
        runs: encoder_layers(cfg, hidden, cfg.flag("qkv_bias", true)?)?,
        embedding_params: 0,
        head_params: 0,
        other_params: other,
        vision_params: 0,
        head_flops_per_token: 0,
        mtp_layers: 0,
        norms_per_layer: 2,
        learned_positions: None,
    };
    checked(cfg, model)
}

/// `T5Config`: encoder layers, then decoder layers with cross-attention; the first of each carries the
/// relative position biases.
pub fn t5(name: &str, cfg: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let hidden = cfg.need(HIDDEN, 512)?;
    let vocab = cfg.need(VOCAB, 32_128)?;
    let width = cfg.need(FFN, 2048)?;
    let heads = cfg.need(HEADS, 8)?;
    let dim = cfg.get_or(Field { names: &["d_kv"], max: 1000, zero: false }, 64)?;
    let encoders = cfg.need(Field { names: &["num_layers", "num_hidden_layers"], ..LAYERS }, 6)?;
    let decoders = cfg.get_or(Field { names: &["num_decoder_layers"], ..LAYERS }, encoders)?;
    let buckets = cfg.get_or(optional(&["relative_attention_num_buckets"], 1_000_000), 32)?;
    let gated = cfg.text("feed_forward_proj")?.is_some_and(|p| p.starts_with("gated"));
    let attention = |mask| Some(Attention { heads, kv_heads: heads, qk_dim: dim, v_dim: dim, mask, mla: None });
    let ffn = Ffn::Dense { width, matrices: if gated { 3 } else { 2 } };
    let encoder = Parts { attention: attention(AttentionMask::Full), ffn, small: 2 * hidden, ..Parts::EMPTY };
    let cross = attention(AttentionMask::Full);
    let decoder = Parts { attention: attention(AttentionMask::Causal), cross, ffn, small: 3 * hidden, ..Parts::EMPTY };
    let mut layers = Vec::new();
    for (parts, count) in [(encoder, encoders), (decoder, decoders)] {
        let first = Parts { small: parts.small + buckets * heads, ..parts }.layer(cfg, hidden)?;
        let rest = parts.layer(cfg, hidden)?;
        layers.extend((0..count).map(|i| if i == 0 { first } else { rest }));
    }
    let embedding = product(cfg, &[vocab, hidden])?;
    let model = Model {
        name: name.to_owned(),
        arch: "t5".to_owned(),
        hidden,
        vocab,
        runs: runs(layers),
        embedding_params: embedding,
        head_params: if tied(cfg, cfg, true)? { 0 } else { embedding },
        other_params: 2 * hidden,
        vision_params: 0,
        head_flops_per_token: 2 * embedding,
        mtp_layers: 0,
        norms_per_layer: 2,
        learned_positions: None,
    };
    checked(cfg, model)
}
