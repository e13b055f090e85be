//! Decoders whose layers differ in more than a table row says: Qwen3-Next and Qwen3.5 (gated delta nets
//! with gated attention between them), Gemma 4, the cross-attention decoder of Llama 3.2 Vision, and DBRX.

use super::assemble::{Parts, checked, product, runs};
use super::cfg::{Cfg, EXPERTS, FFN, Field, HEAD_DIM, HIDDEN, KV_HEADS, LAYERS, TOP_K, VOCAB, optional};
use super::decoder::{head_counts, mtp_layers, tied};
use super::family::Kv;
use crate::model::{Attention, AttentionMask, Ffn, Layer, Model, Moe, Ssm};
use secondsource_base::Diagnostic;

/// Defaults of one class of gated-delta-net models.
pub struct Delta {
    kind: &'static str,
    /// Vocabulary, width, feed-forward width, layers, heads, key heads.
    dims: [u64; 6],
    /// Experts, top-k, their width, and the shared one's.
    moe: Option<[u64; 4]>,
    /// `decoder_sparse_step` and `mlp_only_layers` are read.
    sparse: bool,
}

pub static NEXT: Delta = Delta { kind: "qwen3_next", dims: [151_936, 2048, 5632, 48, 16, 2], moe: Some([512, 10, 512, 512]), sparse: true };
pub static QWEN35: Delta = Delta { kind: "qwen3_5", dims: [248_320, 4096, 12_288, 32, 16, 4], moe: None, sparse: false };
pub static QWEN35_MOE: Delta =
    Delta { kind: "qwen3_5_moe", dims: [248_320, 2048, 0, 40, 16, 2], moe: Some([256, 8, 512, 512]), sparse: false };

const fn named(names: &'static [&'static str], max: u64) -> Field {
    Field { names, max, zero: false }
}

fn plain(heads: u64, kv_heads: u64, dim: u64, mask: AttentionMask) -> Attention {
    Attention { heads, kv_heads, qk_dim: dim, v_dim: dim, mask, mla: None }
}

/// Experts with a shared one, or a plain feed-forward part.
fn delta_ffn(cfg: &Cfg<'_>, spec: &Delta) -> Result<(Ffn, Ffn), Diagnostic> {
    let Some([experts, top_k, width, shared]) = spec.moe else {
        let dense = Ffn::Dense { width: cfg.need(FFN, spec.dims[2])?, matrices: 3 };
        return Ok((dense, dense));
    };
    let experts = cfg.get_or(Field { zero: false, ..EXPERTS }, experts)?;
    let moe = Moe {
        experts,
        top_k: cfg.get_or(TOP_K, top_k)?,
        width: cfg.get_or(named(&["moe_intermediate_size"], FFN.max), width)?,
        shared_width: cfg.get_or(optional(&["shared_expert_intermediate_size"], FFN.max), shared)?,
        latent: 0,
    };
    if moe.top_k > experts {
        return Err(cfg.complain("num_experts_per_tok", format!("a token cannot use {} experts of {experts}", moe.top_k)));
    }
    let dense = if spec.sparse { Ffn::Dense { width: cfg.get_or(FFN, spec.dims[2])?, matrices: 3 } } else { Ffn::None };
    Ok((Ffn::Moe { moe, matrices: 3 }, dense))
}

/// The mixer: matrices as [`Ssm`] counts them, and convolution, gates and norm beside.
fn delta_mixer(cfg: &Cfg<'_>) -> Result<(Ssm, u64), Diagnostic> {
    let read = |names: &'static [&'static str], default: u64| cfg.get_or(named(names, 10_000), default);
    let (keys, key_dim) = (read(&["linear_num_key_heads"], 16)?, read(&["linear_key_head_dim"], 128)?);
    let (values, value_dim) = (read(&["linear_num_value_heads"], 32)?, read(&["linear_value_head_dim"], 128)?);
    if values % keys != 0 {
        return Err(cfg.complain("linear_num_value_heads", format!("{values} value heads cannot share {keys} key heads evenly")));
    }
    let kernel = read(&["linear_conv_kernel_dim"], 4)?;
    let ssm = Ssm {
        version: 3,
        inner: values * value_dim,
        state: key_dim,
        conv_kernel: kernel,
        heads: values,
        groups: keys,
        dt_rank: 0,
        chunk: 64,
    };
    Ok((ssm, ssm.conv_channels() * kernel + 2 * values + value_dim))
}

/// True for the layers with softmax attention.
fn full_layers(cfg: &Cfg<'_>, layers: u64) -> Result<Vec<bool>, Diagnostic> {
    if let Some(types) = cfg.per_layer("layer_types", layers)? {
        let of = |t: &&str| match *t {
            "full_attention" => Ok(true),
            "linear_attention" => Ok(false),
            other => Err(cfg
                .complain("layer_types", format!("layer type `{other}` is not known here"))
                .hint("known: `linear_attention`, `full_attention`")),
        };
        return types.iter().map(of).collect();
    }
    let every = cfg.get_or(named(&["full_attention_interval"], 100_000), 4)?;
    Ok((0..layers).map(|i| (i + 1) % every == 0).collect())
}

pub fn delta(name: &str, cfg: &Cfg<'_>, root: &Cfg<'_>, spec: &Delta) -> Result<Model, Diagnostic> {
    let hidden = cfg.need(HIDDEN, spec.dims[1])?;
    let vocab = cfg.need(VOCAB, spec.dims[0])?;
    let count = cfg.need(LAYERS, spec.dims[3])?;
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, spec.dims[4], Kv::Fixed(spec.dims[5]), 256)?;
    let bias = if cfg.flag("attention_bias", false)? { (2 * heads + 2 * kv_heads) * dim + hidden } else { 0 };
    let (ssm, ssm_small) = delta_mixer(cfg)?;
    let (sparse, dense) = delta_ffn(cfg, spec)?;
    let step = if spec.sparse { cfg.get_or(named(&["decoder_sparse_step"], 100_000), 1)? } else { 1 };
    let only_dense = if spec.sparse { cfg.indices("mlp_only_layers")?.unwrap_or_default() } else { Vec::new() };
    let mut layers = Vec::new();
    for (i, full) in (0u64..).zip(full_layers(cfg, count)?) {
        let ffn = if (i + 1) % step == 0 && !only_dense.contains(&i) { sparse } else { dense };
        let gate = if matches!(ffn, Ffn::Moe { .. }) { hidden } else { 0 };
        let parts = Parts { ffn, small: 2 * hidden + gate, ..Parts::EMPTY };
        let parts = if full {
            // Queries come with an output gate of their width.
            let extra_weights = product(cfg, &[hidden, heads, dim])?;
            Parts {
                attention: Some(plain(heads, kv_heads, dim, AttentionMask::Causal)),
                extra_weights,
                small: parts.small + 2 * dim + bias,
                ..parts
            }
        } else {
            Parts { ssm: Some(ssm), small: parts.small + ssm_small, ..parts }
        };
        layers.push(parts.layer(cfg, hidden)?);
    }
    let tie = tied(cfg, root, false)?;
    finish(name, spec.kind, cfg, Outer { hidden, vocab, tie, other: hidden, extra_rows: 0 }, layers)
}

/// What stands around the layers.
struct Outer {
    hidden: u64,
    vocab: u64,
    tie: bool,
    other: u64,
    /// Rows of the embedding that the output does not have.
    extra_rows: u64,
}

fn finish(name: &str, kind: &str, cfg: &Cfg<'_>, o: Outer, layers: Vec<Layer>) -> Result<Model, Diagnostic> {
    let head = product(cfg, &[o.vocab, o.hidden])?;
    let model = Model {
        name: name.to_owned(),
        arch: kind.to_owned(),
        hidden: o.hidden,
        vocab: o.vocab,
        runs: runs(layers),
        embedding_params: product(cfg, &[o.vocab + o.extra_rows, o.hidden])?,
        head_params: if o.tie { 0 } else { head },
        other_params: o.other,
        vision_params: 0,
        head_flops_per_token: 2 * head,
        mtp_layers: mtp_layers(cfg)?,
        norms_per_layer: 2,
        learned_positions: None,
    };
    checked(cfg, model)
}

/// Gemma 4: windows with narrow heads, full layers with wide ones whose values may be their keys.
pub fn gemma4(name: &str, cfg: &Cfg<'_>, root: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let shared = cfg.get_or(optional(&["num_kv_shared_layers"], 1_000_000), 0)?;
    // `null` means none; absent means the class default of 256.
    let per_layer = cfg.nullable(optional(&["hidden_size_per_layer_input"], 1_000_000))?.map_or(256, |v| v.unwrap_or(0));
    for (key, value, what) in [
        ("num_kv_shared_layers", shared, "layers that reuse earlier keys"),
        ("hidden_size_per_layer_input", per_layer, "embeddings per layer"),
    ] {
        if value > 0 {
            let d = cfg.complain(key, format!("Gemma 4 models with {what} are not known: `{key}` is {value}"));
            return Err(d.hint("known: the 26B-A4B and 31B layouts, where it is 0"));
        }
    }
    let hidden = cfg.need(HIDDEN, 2304)?;
    let vocab = cfg.need(VOCAB, 262_144)?;
    let count = cfg.need(LAYERS, 30)?;
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, 8, Kv::Fixed(4), 256)?;
    let wide = cfg.get_or(named(&["global_head_dim"], HEAD_DIM.max), 512)?;
    if heads.saturating_mul(wide) > 100_000_000 {
        return Err(cfg.complain("global_head_dim", format!("{heads} heads of {wide} are wider than the 10^8 allowed")));
    }
    let same = cfg.flag("attention_k_eq_v", false)?;
    let wide_kv = if same { cfg.get_or(named(&["num_global_key_value_heads"], KV_HEADS.max), kv_heads)? } else { kv_heads };
    if heads % wide_kv != 0 || (same && wide_kv % 2 != 0) {
        return Err(cfg
            .complain("num_global_key_value_heads", format!("{heads} query heads cannot share {wide_kv} key-value heads here"))
            .hint("it must divide the heads, and be even when values are keys"));
    }
    let window = AttentionMask::Sliding(cfg.get_or(named(&["sliding_window"], 1_000_000_000), 512)?);
    let narrow = plain(heads, kv_heads, dim, window);
    // One matrix serves keys and values: as many elements as two with half the heads.
    let full = plain(heads, if same { wide_kv / 2 } else { wide_kv }, wide, AttentionMask::Causal);
    let biased = cfg.flag("attention_bias", false)?;
    let bias = |a: &Attention| if biased { (a.heads + 2 * a.kv_heads) * a.qk_dim + hidden } else { 0 };
    let width = cfg.need(FFN, 9216)?;
    let (ffn, ffn_small) = if cfg.flag("enable_moe_block", false)? {
        let experts = cfg.need(Field { zero: false, ..EXPERTS }, 0)?;
        let top_k = cfg.need(named(&["top_k_experts"], TOP_K.max), 0)?;
        if top_k > experts {
            return Err(cfg.complain("top_k_experts", format!("a token cannot use {top_k} experts of {experts}")));
        }
        let moe = Moe { experts, top_k, width: cfg.need(named(&["moe_intermediate_size"], FFN.max), 0)?, shared_width: width, latent: 0 };
        (Ffn::Moe { moe, matrices: 3 }, 3 * hidden + hidden + experts)
    } else {
        (Ffn::Dense { width, matrices: 3 }, 0)
    };
    let layer = |a: Attention| {
        Parts { attention: Some(a), ffn, small: 4 * hidden + ffn_small + 2 * a.qk_dim + bias(&a), ..Parts::EMPTY }.layer(cfg, hidden)
    };
    let (windowed, global) = (layer(narrow)?, layer(full)?);
    let types = cfg.per_layer("layer_types", count)?;
    let mut layers = Vec::new();
    for i in 0..count {
        let is_full = match types.as_ref().and_then(|t| usize::try_from(i).ok().and_then(|i| t.get(i)).copied()) {
            Some(t) => t == "full_attention",
            None => (i + 1) % 6 == 0 || i + 1 == count,
        };
        layers.push(if is_full { global } else { windowed });
    }
    let tie = tied(cfg, root, true)?;
    finish(name, "gemma4", cfg, Outer { hidden, vocab, tie, other: hidden, extra_rows: 0 }, layers)
}

/// `MllamaTextConfig`: Llama layers, some of which attend to the image instead of the text.
pub fn mllama(name: &str, cfg: &Cfg<'_>, root: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let hidden = cfg.need(HIDDEN, 4096)?;
    let vocab = cfg.need(VOCAB, 128_256)?;
    let count = cfg.need(LAYERS, 40)?;
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, 32, Kv::Fixed(8), 0)?;
    let ffn = Ffn::Dense { width: cfg.need(FFN, 14_336)?, matrices: 3 };
    let image = cfg.indices("cross_attention_layers")?.unwrap_or_else(|| (0..8).map(|i| 3 + 5 * i).collect());
    let text = Parts { attention: Some(plain(heads, kv_heads, dim, AttentionMask::Causal)), ffn, small: 2 * hidden, ..Parts::EMPTY };
    let cross =
        Parts { cross: Some(plain(heads, kv_heads, dim, AttentionMask::Full)), ffn, small: 2 * hidden + 2 * dim + 2, ..Parts::EMPTY };
    let (text, cross) = (text.layer(cfg, hidden)?, cross.layer(cfg, hidden)?);
    let layers = (0..count).map(|i| if image.contains(&i) { cross } else { text }).collect();
    let tie = tied(cfg, root, false)?;
    finish(name, "mllama", cfg, Outer { hidden, vocab, tie, other: hidden, extra_rows: 8 }, layers)
}

/// `DbrxConfig`: dimensions of attention and experts stand in objects of their own.
pub fn dbrx(name: &str, cfg: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let hidden = cfg.need(HIDDEN, 0)?;
    let vocab = cfg.need(VOCAB, 0)?;
    let count = cfg.need(LAYERS, 0)?;
    let (heads, _, dim) = head_counts(cfg, hidden, 0, Kv::Heads, 0)?;
    let kv_heads = match cfg.child("attn_config")? {
        Some(attention) => attention.get_or(named(&["kv_n_heads"], heads), 1)?,
        None => 1,
    };
    if heads % kv_heads != 0 {
        return Err(cfg.complain("attn_config", format!("{heads} query heads cannot share {kv_heads} key-value heads evenly")));
    }
    let Some(ffn) = cfg.child("ffn_config")? else {
        return Err(Diagnostic::error("field `ffn_config` is missing: DBRX keeps its experts there").in_file(cfg.source.name));
    };
    let experts = ffn.get_or(Field { zero: false, ..EXPERTS }, 4)?;
    let top_k = ffn.get_or(TOP_K, 1)?;
    if top_k > experts {
        return Err(ffn.complain("moe_top_k", format!("a token cannot use {top_k} experts of {experts}")));
    }
    let moe = Moe { experts, top_k, width: ffn.get_or(named(&["ffn_hidden_size"], FFN.max), 3584)?, shared_width: 0, latent: 0 };
    let parts = Parts {
        attention: Some(plain(heads, kv_heads, dim, AttentionMask::Causal)),
        ffn: Ffn::Moe { moe, matrices: 3 },
        small: 2 * hidden,
        ..Parts::EMPTY
    };
    let layer = parts.layer(cfg, hidden)?;
    let layers = (0..count).map(|_| layer).collect();
    let tie = tied(cfg, cfg, false)?;
    finish(name, "dbrx", cfg, Outer { hidden, vocab, tie, other: hidden, extra_rows: 0 }, layers)
}
