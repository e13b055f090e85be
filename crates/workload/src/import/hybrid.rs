//! State-space models and hybrids: Mamba, Mamba 2, Jamba, Nemotron-H, Granite 4.

use super::assemble::{Parts, checked, product, runs};
use super::cfg::{Cfg, EXPERTS, FFN, Field, HIDDEN, LAYERS, TOP_K, VOCAB, optional};
use super::decoder::{head_counts, mtp_layers, tied};
use super::family::Kv;
use crate::model::{Attention, AttentionMask, Ffn, Layer, Model, Moe, Ssm};
use secondsource_base::Diagnostic;
use serde_json::Value;

const INNER_MAX: u64 = 100_000_000;
const STATE: Field = Field { names: &["state_size", "ssm_state_size", "mamba_d_state"], max: 100_000, zero: false };
const KERNEL: Field = Field { names: &["conv_kernel", "mamba_d_conv"], max: 100_000, zero: false };
const EXPAND: Field = Field { names: &["expand", "mamba_expand"], max: 1000, zero: false };
const SSM_HEADS: Field = Field { names: &["mamba_num_heads", "mamba_n_heads", "num_heads"], max: 1_000_000, zero: false };
const SSM_HEAD_DIM: Field = Field { names: &["mamba_head_dim", "mamba_d_head", "head_dim"], max: 100_000, zero: false };
const GROUPS: Field = Field { names: &["n_groups", "mamba_n_groups"], max: 100_000, zero: false };
const CHUNK: Field = Field { names: &["chunk_size", "mamba_chunk_size"], max: 1_000_000, zero: false };

/// What the pieces of a hybrid have in common.
struct Base {
    hidden: u64,
    vocab: u64,
}

impl Base {
    fn read(cfg: &Cfg<'_>) -> Result<Base, Diagnostic> {
        Ok(Base { hidden: cfg.need(HIDDEN, 0)?, vocab: cfg.need(VOCAB, 0)? })
    }

    fn model(&self, name: &str, arch: &str, cfg: &Cfg<'_>, layers: Vec<Layer>, tie: bool, norms: u64) -> Result<Model, Diagnostic> {
        let embedding = product(cfg, &[self.vocab, self.hidden])?;
        let model = Model {
            name: name.to_owned(),
            arch: arch.to_owned(),
            hidden: self.hidden,
            vocab: self.vocab,
            runs: runs(layers),
            embedding_params: embedding,
            head_params: if tied(cfg, cfg, tie)? { 0 } else { embedding },
            other_params: self.hidden,
            vision_params: 0,
            head_flops_per_token: 2 * embedding,
            mtp_layers: mtp_layers(cfg)?,
            norms_per_layer: norms,
            learned_positions: None,
        };
        checked(cfg, model)
    }
}

fn bounded_inner(cfg: &Cfg<'_>, inner: u64, names: &[&'static str]) -> Result<u64, Diagnostic> {
    if inner > INNER_MAX {
        let key = cfg.raw(names).map_or("expand", |(k, _)| k);
        return Err(cfg.complain(key, format!("the state-space width of {inner} is above the 10^8 allowed")));
    }
    Ok(inner)
}

/// Mamba 1 mixer: the part and its convolution, biases, A and D. `norms` adds Jamba's three inner norms.
fn mamba1(cfg: &Cfg<'_>, hidden: u64, norms: bool) -> Result<(Ssm, u64), Diagnostic> {
    let inner = bounded_inner(cfg, cfg.get_or(EXPAND, 2)? * hidden, EXPAND.names)?;
    let state = cfg.get_or(STATE, 16)?;
    let kernel = cfg.get_or(KERNEL, 4)?;
    let rank = Field { names: &["time_step_rank", "mamba_dt_rank"], max: 10_000_000, zero: false };
    let dt_rank = match cfg.raw(rank.names) {
        Some((_, Value::String(s))) if s == "auto" => hidden.div_ceil(16),
        _ => cfg.get_or(rank, hidden.div_ceil(16))?,
    };
    let flag = |a: &'static str, b: &'static str, default: bool| cfg.flag(if cfg.map.contains_key(b) { b } else { a }, default);
    let conv_bias = if flag("use_conv_bias", "mamba_conv_bias", true)? { inner } else { 0 };
    let bias = if flag("use_bias", "mamba_proj_bias", false)? { 2 * inner + hidden } else { 0 };
    let inner_norms = if norms { dt_rank + 2 * state } else { 0 };
    let small = inner * kernel + conv_bias + inner * state + 2 * inner + bias + inner_norms;
    Ok((Ssm { version: 1, inner, state, conv_kernel: kernel, heads: 0, groups: 0, dt_rank, chunk: 0 }, small))
}

/// Mamba 2 mixer. `defaults`: heads, head width (0: from `expand`), state, groups, chunk.
fn mamba2(cfg: &Cfg<'_>, hidden: u64, defaults: [u64; 5]) -> Result<(Ssm, u64), Diagnostic> {
    let [heads, head_dim, state, groups, chunk] = defaults;
    let heads = cfg.get_or(SSM_HEADS, heads)?;
    let dim = match cfg.raw(SSM_HEAD_DIM.names) {
        Some((_, Value::String(s))) if s == "auto" => None,
        _ => cfg.get(SSM_HEAD_DIM)?.or(Some(head_dim).filter(|d| *d > 0)),
    };
    let inner = match dim {
        Some(d) => heads.saturating_mul(d),
        None => cfg.get_or(EXPAND, 2)? * hidden,
    };
    let inner = bounded_inner(cfg, inner, SSM_HEADS.names)?;
    let state = cfg.get_or(STATE, state)?;
    let groups = cfg.get_or(GROUPS, groups)?;
    if groups.saturating_mul(state) > INNER_MAX {
        let key = cfg.raw(GROUPS.names).map_or("n_groups", |(k, _)| k);
        return Err(cfg.complain(key, format!("{groups} groups of state {state} are above the 10^8 allowed")));
    }
    let kernel = cfg.get_or(KERNEL, 4)?;
    let channels = inner + 2 * groups * state;
    let flag = |a: &'static str, b: &'static str, default: bool| cfg.flag(if cfg.map.contains_key(b) { b } else { a }, default);
    let conv_bias = if flag("use_conv_bias", "mamba_conv_bias", true)? { channels } else { 0 };
    // Nemotron-H reads `use_bias`, not its `mamba_proj_bias`.
    let bias = if flag("mamba_proj_bias", "use_bias", false)? { inner + channels + heads + hidden } else { 0 };
    let small = channels * kernel + conv_bias + 3 * heads + inner + bias;
    let ssm = Ssm { version: 2, inner, state, conv_kernel: kernel, heads, groups, dt_rank: 0, chunk: cfg.get_or(CHUNK, chunk)? };
    Ok((ssm, small))
}

/// `MambaConfig` and `Mamba2Config`: nothing but mixers.
pub fn mamba(name: &str, cfg: &Cfg<'_>, version: u8) -> Result<Model, Diagnostic> {
    let base = Base::read(cfg)?;
    let layers = cfg.need(LAYERS, 0)?;
    let (ssm, small) = if version == 1 { mamba1(cfg, base.hidden, false)? } else { mamba2(cfg, base.hidden, [128, 64, 128, 8, 256])? };
    let layer = Parts { ssm: Some(ssm), small: small + base.hidden, ..Parts::EMPTY }.layer(cfg, base.hidden)?;
    let all = (0..layers).map(|_| layer).collect();
    base.model(name, if version == 1 { "mamba" } else { "mamba2" }, cfg, all, version == 1, 1)
}

fn attention(cfg: &Cfg<'_>, hidden: u64, kv: u64, head_dim: u64) -> Result<Attention, Diagnostic> {
    let (heads, kv_heads, dim) = head_counts(cfg, hidden, 32, if kv == 0 { Kv::Heads } else { Kv::Fixed(kv) }, head_dim)?;
    Ok(Attention { heads, kv_heads, qk_dim: dim, v_dim: dim, mask: AttentionMask::Causal, mla: None })
}

/// `JambaConfig`: attention every eighth layer, experts every second.
pub fn jamba(name: &str, cfg: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let base = Base::read(cfg)?;
    let count = cfg.need(LAYERS, 0)?;
    let period = |names: &'static [&'static str], default: u64| cfg.get_or(Field { names, max: 100_000, zero: false }, default);
    let offset = |names: &'static [&'static str], default: u64| cfg.get_or(optional(names, 100_000), default);
    let (expert_period, expert_offset) = (period(&["expert_layer_period"], 2)?, offset(&["expert_layer_offset"], 1)?);
    let (attn_period, attn_offset) = (period(&["attn_layer_period"], 8)?, offset(&["attn_layer_offset"], 4)?);
    let (ssm, ssm_small) = mamba1(cfg, base.hidden, true)?;
    let attention = attention(cfg, base.hidden, 8, 0)?;
    let width = cfg.need(FFN, 0)?;
    let experts = cfg.get_or(EXPERTS, 16)?;
    let top_k = top_k(cfg, experts, 2)?;
    let dense = Ffn::Dense { width, matrices: 3 };
    let moe = if experts > 1 { Ffn::Moe { moe: Moe { experts, top_k, width, shared_width: 0, latent: 0 }, matrices: 3 } } else { dense };
    let mut layers = Vec::new();
    for i in 0..count {
        let parts = Parts { ffn: if i % expert_period == expert_offset { moe } else { dense }, small: 2 * base.hidden, ..Parts::EMPTY };
        let parts = if i % attn_period == attn_offset {
            Parts { attention: Some(attention), ..parts }
        } else {
            Parts { ssm: Some(ssm), small: parts.small + ssm_small, ..parts }
        };
        layers.push(parts.layer(cfg, base.hidden)?);
    }
    base.model(name, "jamba", cfg, layers, false, 2)
}

fn top_k(cfg: &Cfg<'_>, experts: u64, default: u64) -> Result<u64, Diagnostic> {
    let k = cfg.get_or(TOP_K, default)?;
    if experts > 1 && k > experts {
        let key = cfg.raw(TOP_K.names).map_or("num_experts_per_tok", |(k, _)| k);
        return Err(cfg.complain(key, format!("a token cannot use {k} experts of {experts}")));
    }
    Ok(k)
}

/// The kinds of block of Nemotron-H, from its pattern of letters or its list of names.
fn nemotron_blocks(cfg: &Cfg<'_>) -> Result<(&'static str, Vec<char>), Diagnostic> {
    if let Some(pattern) = cfg.text("hybrid_override_pattern")? {
        return Ok(("hybrid_override_pattern", pattern.chars().collect()));
    }
    for key in ["layers_block_type", "layer_types"] {
        let Some(items) = cfg.items(key)? else { continue };
        let letter = |v: &Value| match v.as_str() {
            Some("mamba" | "linear_attention") => 'M',
            Some("attention" | "full_attention") => '*',
            Some("mlp") => '-',
            Some("moe") => 'E',
            _ => '?',
        };
        return Ok((key, items.iter().map(letter).collect()));
    }
    Err(Diagnostic::error("field `hybrid_override_pattern` is missing")
        .in_file(cfg.source.name)
        .hint("or give `layers_block_type`, a list of `mamba`, `attention`, `mlp` and `moe`"))
}

/// `NemotronHConfig`: every block is one mixer, one attention, one feed-forward part or one set of experts.
pub fn nemotron_h(name: &str, cfg: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let base = Base::read(cfg)?;
    let (key, blocks) = nemotron_blocks(cfg)?;
    if let Some(n) = cfg.get(LAYERS)?.filter(|n| *n != blocks.len() as u64) {
        return Err(cfg.complain(key, format!("`{key}` has {} blocks, and `num_hidden_layers` says {n}", blocks.len())));
    }
    if blocks.is_empty() || blocks.len() as u64 > LAYERS.max {
        return Err(cfg.complain(key, format!("`{key}` must name 1 to {} blocks", LAYERS.max)));
    }
    let mut known: Vec<(char, Layer)> = Vec::new();
    let mut layers = Vec::new();
    for kind in blocks {
        let found = known.iter().find(|(k, _)| *k == kind).map(|(_, l)| *l);
        let layer = match found {
            Some(layer) => layer,
            None => nemotron_block(cfg, &base, key, kind)?,
        };
        if found.is_none() {
            known.push((kind, layer));
        }
        layers.push(layer);
    }
    base.model(name, "nemotron_h", cfg, layers, false, 1)
}

fn nemotron_block(cfg: &Cfg<'_>, base: &Base, key: &str, kind: char) -> Result<Layer, Diagnostic> {
    let hidden = base.hidden;
    let empty = Parts { small: hidden, ..Parts::EMPTY };
    let biased = cfg.flag("mlp_bias", false)?;
    let parts = match kind {
        'M' => {
            let (ssm, small) = mamba2(cfg, hidden, [128, 64, 128, 8, 128])?;
            Parts { ssm: Some(ssm), small: hidden + small, ..empty }
        }
        '*' => Parts { attention: Some(attention(cfg, hidden, 8, 128)?), ..empty },
        '-' => {
            let width = cfg.need(FFN, 0)?;
            let bias = if biased { width + hidden } else { 0 };
            Parts { ffn: Ffn::Dense { width, matrices: 2 }, small: hidden + bias, ..empty }
        }
        'E' => {
            let wide = |names: &'static [&'static str]| Field { names, zero: true, ..FFN };
            let experts = cfg.need(EXPERTS, 0)?;
            let top_k = top_k(cfg, experts, 2)?;
            let latent = cfg.get_or(wide(&["moe_latent_size"]), 0)?;
            let shared_width = cfg.get_or(wide(&["moe_shared_expert_intermediate_size"]), 7688)?;
            let width = cfg.need(Field { names: &["moe_intermediate_size"], ..FFN }, 0)?;
            let bias = if biased { shared_width + hidden + if latent > 0 { latent + hidden } else { 0 } } else { 0 };
            let extra_weights = 2 * product(cfg, &[hidden, latent])?;
            let moe = Moe { experts, top_k, width, shared_width, latent };
            Parts { ffn: Ffn::Moe { moe, matrices: 2 }, extra_weights, small: hidden + bias, ..empty }
        }
        other => {
            return Err(cfg
                .complain(key, format!("block kind `{other}` is not known"))
                .hint("known: M mamba, * attention, - feed-forward, E experts"));
        }
    };
    parts.layer(cfg, hidden)
}

/// `GraniteMoeHybridConfig` (Granite 4): mixers and attention by `layer_types`, a shared feed-forward part
/// in every layer, experts beside it when there are any.
pub fn granite_hybrid(name: &str, cfg: &Cfg<'_>) -> Result<Model, Diagnostic> {
    let base = Base::read(cfg)?;
    let hidden = base.hidden;
    let count = cfg.need(LAYERS, 0)?;
    let types = cfg.per_layer("layer_types", count)?;
    let shared = cfg.get_or(Field { names: &["shared_intermediate_size"], ..FFN }, 1024)?;
    let experts = cfg.get_or(EXPERTS, 8)?;
    let ffn = if experts > 0 {
        let moe = Moe { experts, top_k: top_k(cfg, experts, 2)?, width: cfg.need(FFN, 0)?, shared_width: shared, latent: 0 };
        Ffn::Moe { moe, matrices: 3 }
    } else {
        Ffn::Dense { width: shared, matrices: 3 }
    };
    let (ssm, ssm_small) = mamba2(cfg, hidden, [128, 0, 256, 1, 256])?;
    let attention = attention(cfg, hidden, 0, 0)?;
    let bias = if cfg.flag("attention_bias", false)? { (attention.heads + 2 * attention.kv_heads) * attention.qk_dim + hidden } else { 0 };
    let with_ssm = Parts { ssm: Some(ssm), ffn, small: 2 * hidden + ssm_small, ..Parts::EMPTY }.layer(cfg, hidden)?;
    let with_attention = Parts { attention: Some(attention), ffn, small: 2 * hidden + bias, ..Parts::EMPTY }.layer(cfg, hidden)?;
    let mut layers = Vec::new();
    for i in 0..count {
        let kind = types.as_ref().and_then(|t| usize::try_from(i).ok().and_then(|i| t.get(i)).copied());
        layers.push(match kind {
            Some("attention" | "full_attention") => with_attention,
            None | Some("mamba" | "linear_attention") => with_ssm,
            Some(other) => {
                return Err(cfg.complain("layer_types", format!("layer type `{other}` is not known")).hint("known: `mamba`, `attention`"));
            }
        });
    }
    base.model(name, "granitemoehybrid", cfg, layers, false, 2)
}
