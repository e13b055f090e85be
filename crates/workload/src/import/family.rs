//! What is particular to each decoder architecture, as data. One row per `model_type`; the defaults are
//! those of the named configuration class of transformers 5.23.

mod gpt;
mod llama;
mod qwen;

use super::cfg::{EXPERTS, FFN, HEAD_DIM, HEADS, HIDDEN, KV_HEADS, LAYERS, POSITIONS, TOP_K, VOCAB};

/// A yes or no that may be a key of the configuration, with its default.
#[derive(Debug, Clone, Copy)]
pub enum Flag {
    No,
    Yes,
    Key(&'static str, bool),
}

#[derive(Debug, Clone, Copy)]
pub enum Kv {
    /// As many as query heads when absent.
    Heads,
    /// This many when absent; as many as query heads when `null`.
    Fixed(u64),
}

/// Normalisation of queries and keys.
#[derive(Debug, Clone, Copy)]
pub enum QkNorm {
    None,
    /// One vector of head width for queries, one for keys; `affine` numbers per element.
    Head {
        when: Flag,
        affine: u64,
    },
    /// As wide as all heads together.
    Width {
        when: Flag,
    },
}

/// Which layers look back over a window only.
#[derive(Debug, Clone, Copy)]
pub enum Window {
    Never,
    /// All layers, when `sliding_window` (default given; 0 is `null`) is set.
    All(u64),
    /// Layers from `max_window_layers` on, when `use_sliding_window`.
    Qwen,
    /// All but every n-th layer.
    AllBut {
        every: u64,
        width: u64,
    },
    /// Llama 4: chunks, except layers without rotary positions (every n-th).
    Chunked {
        every: u64,
        width: u64,
    },
}

#[derive(Debug, Clone, Copy)]
pub enum Shared {
    None,
    /// So many experts of the routed width.
    Count(&'static str, u64),
    /// One expert of this width; `gated` adds a vector that weighs it.
    Width {
        key: &'static str,
        default: u64,
        gated: bool,
    },
    /// One of the routed width (Llama 4).
    Same,
}

/// Which layers of a mixture-of-experts model are dense.
#[derive(Debug, Clone, Copy)]
pub enum DenseLayers {
    None,
    /// The first `first_k_dense_replace` ones.
    First(u64),
    /// Those off the `decoder_sparse_step` and those of `mlp_only_layers`.
    SparseStep,
    /// Those off the `interleave_moe_layer_step`, unless `moe_layers` lists them.
    Interleave,
}

#[derive(Debug, Clone, Copy)]
pub struct MoeRule {
    pub experts: u64,
    pub top_k: u64,
    /// Key of the width of one routed expert and its default.
    pub width: (&'static str, u64),
    /// Key of the width of dense layers; `intermediate_size` mostly.
    pub dense_width: (&'static str, u64),
    pub shared: Shared,
    pub dense: DenseLayers,
    /// Biases in experts and router (gpt-oss).
    pub biases: bool,
}

/// Defaults of latent attention that differ between classes.
#[derive(Debug, Clone, Copy)]
pub struct MlaRule {
    pub q_rank: u64,
    pub nope: u64,
    pub v_dim: u64,
}

/// Sparse attention that picks keys with a small scorer of its own (DeepSeek-V3.2): defaults of its heads.
#[derive(Debug, Clone, Copy)]
pub struct IndexerRule {
    pub heads: u64,
    /// True when layers may share the choice of an earlier one (GLM-5.2).
    pub shared: bool,
}

#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// `model_type` values.
    pub types: &'static [&'static str],
    /// `architectures` values.
    pub archs: &'static [&'static str],
    /// Configuration class of transformers 5.23 whose defaults these are.
    pub class: &'static str,
    /// Affine numbers per element of a block norm: 0 none, 1 scale (RMS), 2 scale and shift.
    pub norm: u64,
    /// Norms of model width in one layer.
    pub block_norms: u64,
    pub final_norm: bool,
    pub qk_norm: QkNorm,
    pub qkv_bias: Flag,
    pub out_bias: Flag,
    pub mlp_bias: Flag,
    pub head_bias: Flag,
    pub gated: bool,
    pub tied: bool,
    pub kv: Kv,
    /// Head width when the key is absent; 0 means hidden / heads.
    pub head_dim: u64,
    pub window: Window,
    pub moe: Option<MoeRule>,
    pub mla: Option<MlaRule>,
    pub indexer: Option<IndexerRule>,
    /// Learned positions: their default number and the rows kept beside them.
    pub positions: Option<(u64, u64)>,
    /// Width of the feed-forward part when absent or `null`, in units of the model width; 0 means it must be given.
    pub ffn_times: u64,
    /// Defaults inside a `text_config`: vocabulary, width, feed-forward width, layers, heads.
    pub dims: [u64; 5],
    /// A name of its own for the hook in `decoder::adjust`; most families need none.
    pub quirk: Quirk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    None,
    Bloom,
    Falcon,
    Mpt,
    Opt,
    StableLm,
    BigCode,
}

/// Every architecture that the generic decoder builds.
pub fn families() -> impl DoubleEndedIterator<Item = &'static Family> {
    [llama::ROWS, qwen::ROWS, gpt::ROWS].into_iter().flatten()
}

/// Keys that configurations spell correctly and that are therefore never a slip for another one.
const KNOWN_KEYS: &str = "\
    attention_bias attention_chunk_size attention_dropout attention_multiplier attention_out_bias bias block_configs \
    chunk_size conv_kernel cross_attention_layers d_kv decoder_sparse_step expand expansion_ratio first_k_dense_replace \
    hidden_act hidden_activation hidden_dropout hybrid_override_pattern image_size interleave_moe_layer_step \
    intermediate_size_mlp kv_lora_rank layer_types lm_head_bias mamba_head_dim mamba_num_heads max_window_layers mlp_bias \
    mlp_hidden_act mlp_only_layers model_type moe_intermediate_size moe_latent_size moe_layer_freq multi_query n_group \
    n_groups n_shared_experts new_decoder_architecture no_rope_layers norm_topk_prob num_channels num_decoder_layers \
    num_layers num_ln_in_parallel_attn num_mtp_layers num_mtp_modules num_nextn_predict_layers parallel_attn patch_size \
    q_lora_rank qk_head_dim qk_layernorm qk_nope_head_dim qk_rope_head_dim qkv_bias rope_parameters rope_scaling \
    shared_expert_intermediate_size shared_intermediate_size sliding_window sliding_window_pattern ssm_state_size state_size \
    text_config tie_word_embeddings time_step_rank topk_group torch_dtype use_bias use_conv_bias use_mamba_kernels \
    use_qk_norm use_qkv_bias use_sliding_window v_head_dim vision_config word_embed_proj_dim";

/// True for keys that some architecture reads under exactly this name.
pub fn is_known_key(key: &str) -> bool {
    let fields = [LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCAB, POSITIONS, EXPERTS, TOP_K];
    KNOWN_KEYS.split_ascii_whitespace().any(|k| k == key) || fields.iter().any(|f| f.names.contains(&key))
}
