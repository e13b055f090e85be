//! What is particular to each decoder architecture, as data. One row per `model_type`; the defaults are
//! those of the named configuration class of transformers 5.23.

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
    Head { when: Flag, affine: u64 },
    /// As wide as all heads together.
    Width { when: Flag },
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
    AllBut { every: u64, width: u64 },
    /// Llama 4: chunks, except layers without rotary positions (every n-th).
    Chunked { every: u64, width: u64 },
}

#[derive(Debug, Clone, Copy)]
pub enum Shared {
    None,
    /// So many experts of the routed width.
    Count(&'static str, u64),
    /// One expert of this width; `gated` adds a vector that weighs it.
    Width { key: &'static str, default: u64, gated: bool },
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
    Neox,
    Opt,
    StableLm,
    BigCode,
    MiniMax,
    Gemma,
}

const ATTENTION_BIAS: Flag = Flag::Key("attention_bias", false);
const MLP_BIAS: Flag = Flag::Key("mlp_bias", false);

const LLAMA: Family = Family {
    types: &["llama"],
    archs: &["LlamaForCausalLM", "LLaMAForCausalLM"],
    class: "LlamaConfig",
    norm: 1,
    block_norms: 2,
    final_norm: true,
    qk_norm: QkNorm::None,
    qkv_bias: ATTENTION_BIAS,
    out_bias: ATTENTION_BIAS,
    mlp_bias: MLP_BIAS,
    head_bias: Flag::No,
    gated: true,
    tied: false,
    kv: Kv::Heads,
    head_dim: 0,
    window: Window::Never,
    moe: None,
    mla: None,
    indexer: None,
    positions: None,
    ffn_times: 0,
    dims: [32_000, 4096, 11_008, 32, 32],
    quirk: Quirk::None,
};

const MISTRAL: Family = Family {
    types: &["mistral"],
    archs: &["MistralForCausalLM"],
    class: "MistralConfig",
    qkv_bias: Flag::No,
    out_bias: Flag::No,
    mlp_bias: Flag::No,
    kv: Kv::Fixed(8),
    window: Window::All(4096),
    dims: [32_000, 4096, 14_336, 32, 32],
    ..LLAMA
};

const QWEN2: Family = Family {
    types: &["qwen2"],
    archs: &["Qwen2ForCausalLM"],
    class: "Qwen2Config",
    qkv_bias: Flag::Yes,
    out_bias: Flag::No,
    mlp_bias: Flag::No,
    kv: Kv::Fixed(32),
    window: Window::Qwen,
    dims: [151_936, 4096, 22_016, 32, 32],
    ..LLAMA
};

const HEAD_NORM: QkNorm = QkNorm::Head { when: Flag::Yes, affine: 1 };

const QWEN3: Family = Family {
    types: &["qwen3", "qwen3_vl_text"],
    archs: &["Qwen3ForCausalLM"],
    class: "Qwen3Config",
    qk_norm: HEAD_NORM,
    qkv_bias: ATTENTION_BIAS,
    out_bias: ATTENTION_BIAS,
    head_dim: 128,
    ..QWEN2
};

const MIXTRAL_MOE: MoeRule = MoeRule {
    experts: 8,
    top_k: 2,
    width: ("intermediate_size", 14_336),
    dense_width: ("intermediate_size", 14_336),
    shared: Shared::None,
    dense: DenseLayers::None,
    biases: false,
};

const QWEN3_MOE_RULE: MoeRule = MoeRule {
    experts: 128,
    top_k: 8,
    width: ("moe_intermediate_size", 768),
    dense_width: ("intermediate_size", 6144),
    dense: DenseLayers::SparseStep,
    ..MIXTRAL_MOE
};

const DEEPSEEK_V3: Family = Family {
    types: &["deepseek_v3", "kimi_k2"],
    archs: &["DeepseekV3ForCausalLM"],
    class: "DeepseekV3Config",
    mlp_bias: Flag::No,
    mla: Some(MlaRule { q_rank: 1536, nope: 128, v_dim: 128 }),
    moe: Some(MoeRule {
        experts: 256,
        top_k: 8,
        width: ("moe_intermediate_size", 2048),
        dense_width: ("intermediate_size", 18_432),
        shared: Shared::Count("n_shared_experts", 1),
        dense: DenseLayers::First(3),
        biases: false,
    }),
    dims: [129_280, 7168, 18_432, 61, 128],
    ..LLAMA
};

const DEEPSEEK_V32: Family = Family {
    types: &["deepseek_v32"],
    archs: &["DeepseekV32ForCausalLM"],
    class: "DeepseekV32Config",
    indexer: Some(IndexerRule { heads: 64, shared: false }),
    ..DEEPSEEK_V3
};

const GEMMA: Family = Family {
    types: &["gemma"],
    archs: &["GemmaForCausalLM"],
    class: "GemmaConfig",
    mlp_bias: Flag::No,
    tied: true,
    kv: Kv::Fixed(16),
    head_dim: 256,
    dims: [256_000, 3072, 24_576, 28, 16],
    quirk: Quirk::Gemma,
    ..LLAMA
};

const GEMMA2: Family = Family {
    types: &["gemma2"],
    archs: &["Gemma2ForCausalLM"],
    class: "Gemma2Config",
    block_norms: 4,
    kv: Kv::Fixed(4),
    window: Window::AllBut { every: 2, width: 4096 },
    dims: [256_000, 2304, 9216, 26, 8],
    ..GEMMA
};

const OLMO2: Family = Family {
    types: &["olmo2"],
    archs: &["Olmo2ForCausalLM"],
    class: "Olmo2Config",
    mlp_bias: Flag::No,
    qk_norm: QkNorm::Width { when: Flag::Yes },
    dims: [50_304, 4096, 11_008, 32, 32],
    ..LLAMA
};

const GRANITE_MOE: Family = Family {
    types: &["granitemoe"],
    archs: &["GraniteMoeForCausalLM"],
    class: "GraniteMoeConfig",
    mlp_bias: Flag::No,
    moe: Some(MoeRule { width: ("intermediate_size", 11_008), dense_width: ("intermediate_size", 11_008), ..MIXTRAL_MOE }),
    ..LLAMA
};

const GLM: Family = Family {
    types: &["glm"],
    archs: &["GlmForCausalLM"],
    class: "GlmConfig",
    qkv_bias: Flag::Key("attention_bias", true),
    out_bias: Flag::No,
    mlp_bias: Flag::No,
    kv: Kv::Fixed(2),
    head_dim: 128,
    dims: [151_552, 4096, 13_696, 40, 32],
    ..LLAMA
};

/// GPT-2 and its relatives: layer norms with shift, biases everywhere, two matrices.
const GPT2: Family = Family {
    types: &["gpt2", "megatron_gpt"],
    archs: &["GPT2LMHeadModel"],
    class: "GPT2Config",
    norm: 2,
    qkv_bias: Flag::Yes,
    out_bias: Flag::Yes,
    mlp_bias: Flag::Yes,
    gated: false,
    tied: true,
    positions: Some((1024, 0)),
    ffn_times: 4,
    dims: [50_257, 768, 0, 12, 12],
    ..LLAMA
};

const COHERE: Family = Family {
    types: &["cohere"],
    archs: &["CohereForCausalLM"],
    class: "CohereConfig",
    block_norms: 1,
    qk_norm: QkNorm::Width { when: Flag::Key("use_qk_norm", false) },
    mlp_bias: Flag::No,
    tied: true,
    dims: [256_000, 8192, 22_528, 40, 64],
    ..LLAMA
};

/// Every architecture that the generic decoder builds.
pub static FAMILIES: &[Family] = &[
    LLAMA,
    MISTRAL,
    Family {
        types: &["mixtral"],
        archs: &["MixtralForCausalLM"],
        class: "MixtralConfig",
        window: Window::All(0),
        moe: Some(MIXTRAL_MOE),
        ..MISTRAL
    },
    QWEN2,
    QWEN3,
    Family {
        types: &["qwen2_moe"],
        archs: &["Qwen2MoeForCausalLM"],
        class: "Qwen2MoeConfig",
        qkv_bias: Flag::Key("qkv_bias", true),
        kv: Kv::Fixed(16),
        moe: Some(MoeRule {
            experts: 60,
            top_k: 4,
            width: ("moe_intermediate_size", 1408),
            dense_width: ("intermediate_size", 5632),
            shared: Shared::Width { key: "shared_expert_intermediate_size", default: 5632, gated: true },
            ..QWEN3_MOE_RULE
        }),
        dims: [151_936, 2048, 5632, 24, 16],
        ..QWEN2
    },
    Family {
        types: &["qwen3_moe"],
        archs: &["Qwen3MoeForCausalLM"],
        class: "Qwen3MoeConfig",
        kv: Kv::Fixed(4),
        head_dim: 0,
        moe: Some(QWEN3_MOE_RULE),
        dims: [151_936, 2048, 6144, 24, 32],
        ..QWEN3
    },
    Family {
        types: &["qwen3_vl_moe_text"],
        archs: &[],
        class: "Qwen3VLMoeTextConfig",
        kv: Kv::Fixed(16),
        head_dim: 0,
        moe: Some(MoeRule { experts: 60, top_k: 4, width: ("moe_intermediate_size", 1408), dense_width: ("intermediate_size", 5632), ..QWEN3_MOE_RULE }),
        dims: [151_936, 2048, 5632, 24, 16],
        ..QWEN3
    },
    DEEPSEEK_V3,
    Family {
        types: &["deepseek_v2"],
        archs: &["DeepseekV2ForCausalLM"],
        class: "DeepseekV2Config",
        mlp_bias: MLP_BIAS,
        moe: Some(MoeRule {
            experts: 64,
            top_k: 0,
            width: ("moe_intermediate_size", 1407),
            dense_width: ("intermediate_size", 11_008),
            shared: Shared::Count("n_shared_experts", 2),
            dense: DenseLayers::First(0),
            biases: false,
        }),
        dims: [102_400, 4096, 11_008, 32, 32],
        ..DEEPSEEK_V3
    },
    DEEPSEEK_V32,
    Family {
        types: &["glm_moe_dsa"],
        archs: &["GlmMoeDsaForCausalLM"],
        class: "GlmMoeDsaConfig",
        mla: Some(MlaRule { q_rank: 2048, nope: 192, v_dim: 256 }),
        indexer: Some(IndexerRule { heads: 32, shared: true }),
        dims: [154_880, 6144, 12_288, 78, 64],
        ..DEEPSEEK_V32
    },
    GEMMA,
    GEMMA2,
    Family {
        types: &["gemma3_text"],
        archs: &["Gemma3ForCausalLM"],
        class: "Gemma3TextConfig",
        qk_norm: HEAD_NORM,
        window: Window::AllBut { every: 6, width: 4096 },
        dims: [262_208, 2304, 9216, 26, 8],
        ..GEMMA2
    },
    Family {
        types: &["phi3"],
        archs: &["Phi3ForCausalLM"],
        class: "Phi3Config",
        qkv_bias: Flag::No,
        out_bias: Flag::No,
        mlp_bias: Flag::No,
        window: Window::All(0),
        dims: [32_064, 3072, 8192, 32, 32],
        ..LLAMA
    },
    Family {
        types: &["phi"],
        archs: &["PhiForCausalLM"],
        class: "PhiConfig",
        norm: 2,
        block_norms: 1,
        qk_norm: QkNorm::Head { when: Flag::Key("qk_layernorm", false), affine: 2 },
        qkv_bias: Flag::Yes,
        out_bias: Flag::Yes,
        mlp_bias: Flag::Yes,
        head_bias: Flag::Yes,
        gated: false,
        dims: [51_200, 2048, 8192, 24, 32],
        ..LLAMA
    },
    Family {
        types: &["phimoe"],
        archs: &["PhiMoEForCausalLM", "PhimoeForCausalLM"],
        class: "PhimoeConfig",
        norm: 2,
        mlp_bias: Flag::No,
        head_bias: Flag::Key("lm_head_bias", false),
        kv: Kv::Fixed(8),
        window: Window::All(0),
        moe: Some(MoeRule { experts: 16, width: ("intermediate_size", 6400), dense_width: ("intermediate_size", 6400), ..MIXTRAL_MOE }),
        dims: [32_064, 4096, 6400, 32, 32],
        ..LLAMA
    },
    Family {
        types: &["gpt_oss"],
        archs: &["GptOssForCausalLM"],
        class: "GptOssConfig",
        qkv_bias: Flag::Key("attention_bias", true),
        out_bias: Flag::Key("attention_bias", true),
        mlp_bias: Flag::No,
        kv: Kv::Fixed(8),
        head_dim: 64,
        window: Window::AllBut { every: 2, width: 128 },
        moe: Some(MoeRule { experts: 128, top_k: 4, width: ("intermediate_size", 2880), dense_width: ("intermediate_size", 2880), biases: true, ..MIXTRAL_MOE }),
        dims: [201_088, 2880, 2880, 36, 64],
        ..LLAMA
    },
    GPT2,
    Family {
        types: &["gpt_neox"],
        archs: &["GPTNeoXForCausalLM"],
        class: "GPTNeoXConfig",
        qkv_bias: Flag::Key("attention_bias", true),
        out_bias: Flag::Key("attention_bias", true),
        tied: false,
        positions: None,
        ffn_times: 0,
        dims: [50_432, 6144, 24_576, 44, 64],
        quirk: Quirk::Neox,
        ..GPT2
    },
    Family {
        types: &["gptj"],
        archs: &["GPTJForCausalLM"],
        class: "GPTJConfig",
        block_norms: 1,
        qkv_bias: Flag::No,
        out_bias: Flag::No,
        head_bias: Flag::Yes,
        tied: false,
        positions: None,
        dims: [50_400, 4096, 0, 28, 16],
        ..GPT2
    },
    Family {
        types: &["gpt_neo"],
        archs: &["GPTNeoForCausalLM"],
        class: "GPTNeoConfig",
        qkv_bias: Flag::No,
        positions: Some((2048, 0)),
        dims: [50_257, 2048, 0, 24, 16],
        ..GPT2
    },
    Family {
        types: &["gpt_bigcode"],
        archs: &["GPTBigCodeForCausalLM"],
        class: "GPTBigCodeConfig",
        quirk: Quirk::BigCode,
        ..GPT2
    },
    Family {
        types: &["starcoder2"],
        archs: &["Starcoder2ForCausalLM"],
        class: "Starcoder2Config",
        qkv_bias: Flag::Key("use_bias", true),
        out_bias: Flag::Key("use_bias", true),
        mlp_bias: Flag::Key("use_bias", true),
        kv: Kv::Fixed(2),
        window: Window::All(0),
        positions: None,
        ffn_times: 0,
        dims: [49_152, 3072, 12_288, 30, 24],
        ..GPT2
    },
    Family {
        types: &["opt"],
        archs: &["OPTForCausalLM"],
        class: "OPTConfig",
        qkv_bias: Flag::Key("enable_bias", true),
        out_bias: Flag::Key("enable_bias", true),
        mlp_bias: Flag::Key("enable_bias", true),
        positions: Some((2048, 2)),
        ffn_times: 0,
        dims: [50_272, 768, 3072, 12, 12],
        quirk: Quirk::Opt,
        ..GPT2
    },
    Family {
        types: &["bloom"],
        archs: &["BloomForCausalLM"],
        class: "BloomConfig",
        positions: None,
        dims: [250_880, 64, 0, 2, 8],
        quirk: Quirk::Bloom,
        ..GPT2
    },
    Family {
        types: &["falcon", "RefinedWebModel", "RefinedWeb"],
        archs: &["FalconForCausalLM", "RWForCausalLM"],
        class: "FalconConfig",
        qkv_bias: Flag::Key("bias", false),
        out_bias: Flag::Key("bias", false),
        mlp_bias: Flag::Key("bias", false),
        positions: None,
        dims: [65_024, 4544, 0, 32, 71],
        quirk: Quirk::Falcon,
        ..GPT2
    },
    Family {
        types: &["mpt"],
        archs: &["MptForCausalLM", "MPTForCausalLM"],
        class: "MptConfig",
        norm: 1,
        qkv_bias: Flag::No,
        out_bias: Flag::No,
        mlp_bias: Flag::No,
        positions: None,
        dims: [50_368, 2048, 0, 24, 16],
        quirk: Quirk::Mpt,
        ..GPT2
    },
    Family {
        types: &["olmo"],
        archs: &["OlmoForCausalLM"],
        class: "OlmoConfig",
        norm: 0,
        mlp_bias: Flag::No,
        dims: [50_304, 4096, 11_008, 32, 32],
        ..LLAMA
    },
    OLMO2,
    Family {
        types: &["olmo3"],
        archs: &["Olmo3ForCausalLM"],
        class: "Olmo3Config",
        window: Window::AllBut { every: 4, width: 4096 },
        ..OLMO2
    },
    Family {
        types: &["olmoe"],
        archs: &["OlmoeForCausalLM"],
        class: "OlmoeConfig",
        moe: Some(MoeRule { experts: 64, top_k: 8, width: ("intermediate_size", 2048), dense_width: ("intermediate_size", 2048), ..MIXTRAL_MOE }),
        dims: [50_304, 2048, 2048, 16, 16],
        ..OLMO2
    },
    Family { types: &["granite"], archs: &["GraniteForCausalLM"], class: "GraniteConfig", ..LLAMA },
    GRANITE_MOE,
    Family {
        types: &["granitemoeshared"],
        archs: &["GraniteMoeSharedForCausalLM"],
        class: "GraniteMoeSharedConfig",
        moe: Some(MoeRule {
            width: ("intermediate_size", 11_008),
            dense_width: ("intermediate_size", 11_008),
            shared: Shared::Width { key: "shared_intermediate_size", default: 0, gated: false },
            ..MIXTRAL_MOE
        }),
        ..GRANITE_MOE
    },
    GLM,
    Family { types: &["glm4"], archs: &["Glm4ForCausalLM"], class: "Glm4Config", block_norms: 4, ..GLM },
    Family {
        types: &["glm4_moe"],
        archs: &["Glm4MoeForCausalLM"],
        class: "Glm4MoeConfig",
        qkv_bias: ATTENTION_BIAS,
        qk_norm: QkNorm::Head { when: Flag::Key("use_qk_norm", false), affine: 1 },
        kv: Kv::Fixed(8),
        head_dim: 0,
        moe: Some(MoeRule {
            experts: 128,
            top_k: 8,
            width: ("moe_intermediate_size", 1408),
            dense_width: ("intermediate_size", 10_944),
            shared: Shared::Count("n_shared_experts", 1),
            dense: DenseLayers::First(1),
            biases: false,
        }),
        dims: [151_552, 4096, 10_944, 46, 96],
        ..GLM
    },
    Family {
        types: &["nemotron"],
        archs: &["NemotronForCausalLM"],
        class: "NemotronConfig",
        norm: 2,
        gated: false,
        dims: [256_000, 6144, 24_576, 32, 48],
        ..LLAMA
    },
    Family {
        types: &["minimax_m2"],
        archs: &["MiniMaxM2ForCausalLM"],
        class: "MiniMaxM2Config",
        qk_norm: QkNorm::Width { when: Flag::Yes },
        qkv_bias: Flag::No,
        out_bias: Flag::No,
        mlp_bias: Flag::No,
        kv: Kv::Fixed(8),
        head_dim: 128,
        moe: Some(MoeRule { experts: 256, top_k: 8, width: ("intermediate_size", 1536), dense_width: ("intermediate_size", 1536), ..MIXTRAL_MOE }),
        dims: [200_064, 3072, 1536, 62, 48],
        quirk: Quirk::MiniMax,
        ..LLAMA
    },
    Family {
        types: &["llama4_text"],
        archs: &["Llama4ForCausalLM"],
        class: "Llama4TextConfig",
        mlp_bias: Flag::No,
        kv: Kv::Fixed(8),
        head_dim: 128,
        window: Window::Chunked { every: 4, width: 8192 },
        moe: Some(MoeRule {
            experts: 16,
            top_k: 1,
            width: ("intermediate_size", 8192),
            dense_width: ("intermediate_size_mlp", 16_384),
            shared: Shared::Same,
            dense: DenseLayers::Interleave,
            biases: false,
        }),
        dims: [202_048, 5120, 8192, 48, 40],
        ..LLAMA
    },
    COHERE,
    Family {
        types: &["cohere2"],
        archs: &["Cohere2ForCausalLM"],
        class: "Cohere2Config",
        qk_norm: QkNorm::None,
        window: Window::AllBut { every: 4, width: 4096 },
        ..COHERE
    },
    Family {
        types: &["stablelm"],
        archs: &["StableLmForCausalLM", "StableLMEpochForCausalLM"],
        class: "StableLmConfig",
        norm: 2,
        qk_norm: QkNorm::Width { when: Flag::Key("qk_layernorm", false) },
        qkv_bias: Flag::Key("use_qkv_bias", false),
        out_bias: Flag::No,
        mlp_bias: Flag::No,
        kv: Kv::Fixed(32),
        dims: [50_304, 2560, 6912, 32, 32],
        quirk: Quirk::StableLm,
        ..LLAMA
    },
    Family {
        types: &["seed_oss"],
        archs: &["SeedOssForCausalLM"],
        class: "SeedOssConfig",
        qkv_bias: Flag::Key("attention_bias", true),
        out_bias: Flag::Key("attention_out_bias", false),
        kv: Kv::Fixed(8),
        head_dim: 128,
        dims: [155_136, 4096, 27_648, 64, 80],
        ..LLAMA
    },
    Family {
        types: &["smollm3"],
        archs: &["SmolLM3ForCausalLM"],
        class: "SmolLM3Config",
        tied: true,
        kv: Kv::Fixed(4),
        dims: [128_256, 2048, 11_008, 36, 16],
        ..LLAMA
    },
    Family {
        types: &["exaone4"],
        archs: &["Exaone4ForCausalLM"],
        class: "Exaone4Config",
        qk_norm: HEAD_NORM,
        qkv_bias: Flag::No,
        out_bias: Flag::No,
        mlp_bias: Flag::No,
        kv: Kv::Fixed(32),
        window: Window::AllBut { every: 4, width: 4096 },
        dims: [102_400, 4096, 16_384, 32, 32],
        ..LLAMA
    },
    Family {
        types: &["arcee"],
        archs: &["ArceeForCausalLM"],
        class: "ArceeConfig",
        gated: false,
        dims: [32_000, 2560, 18_432, 32, 32],
        ..LLAMA
    },
    Family {
        types: &["ernie4_5"],
        archs: &["Ernie4_5ForCausalLM"],
        class: "Ernie4_5Config",
        qkv_bias: Flag::Key("use_bias", false),
        out_bias: Flag::Key("use_bias", false),
        mlp_bias: Flag::Key("use_bias", false),
        tied: true,
        kv: Kv::Fixed(2),
        head_dim: 128,
        dims: [103_424, 1024, 3072, 18, 16],
        ..LLAMA
    },
    Family {
        types: &["hunyuan_v1_dense"],
        archs: &["HunYuanDenseV1ForCausalLM"],
        class: "HunYuanDenseV1Config",
        qk_norm: HEAD_NORM,
        mlp_bias: Flag::No,
        dims: [290_943, 4096, 11_008, 32, 32],
        ..LLAMA
    },
];

/// Keys that configurations spell correctly and that are therefore never a slip for another one.
const KNOWN_KEYS: &[&str] = &[
    "attention_bias", "attention_chunk_size", "attention_dropout", "attention_multiplier", "attention_out_bias", "bias", "block_configs", "chunk_size",
    "conv_kernel", "cross_attention_layers", "d_kv", "decoder_sparse_step", "expand", "expansion_ratio", "first_k_dense_replace", "hidden_act",
    "hidden_activation", "hidden_dropout", "hybrid_override_pattern", "image_size", "interleave_moe_layer_step", "intermediate_size_mlp", "kv_lora_rank", "layer_types",
    "lm_head_bias", "mamba_head_dim", "mamba_num_heads", "max_window_layers", "mlp_bias", "mlp_hidden_act", "mlp_only_layers", "model_type",
    "moe_intermediate_size", "moe_latent_size", "moe_layer_freq", "multi_query", "n_group", "n_groups", "n_shared_experts", "new_decoder_architecture",
    "no_rope_layers", "norm_topk_prob", "num_channels", "num_decoder_layers", "num_layers", "num_ln_in_parallel_attn", "num_nextn_predict_layers",
    "num_mtp_layers", "num_mtp_modules", "parallel_attn", "patch_size", "q_lora_rank", "qk_head_dim", "qk_layernorm", "qk_nope_head_dim", "qk_rope_head_dim", "qkv_bias",
    "rope_parameters", "rope_scaling", "shared_expert_intermediate_size", "shared_intermediate_size", "sliding_window", "sliding_window_pattern",
    "ssm_state_size", "state_size", "text_config", "tie_word_embeddings", "time_step_rank", "topk_group", "torch_dtype", "use_bias", "use_conv_bias",
    "use_mamba_kernels", "use_qk_norm", "use_qkv_bias", "use_sliding_window", "v_head_dim", "vision_config", "word_embed_proj_dim",
];

/// True for keys that some architecture reads under exactly this name.
pub fn is_known_key(key: &str) -> bool {
    let fields = [LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, VOCAB, POSITIONS, EXPERTS, TOP_K];
    KNOWN_KEYS.contains(&key) || fields.iter().any(|f| f.names.contains(&key))
}
