//! Qwen, DeepSeek, GLM and Gemma.

use super::llama::{ATTENTION_BIAS, HEAD_NORM, LLAMA, MIXTRAL_MOE, MLP_BIAS};
use super::{DenseLayers, Family, Flag, IndexerRule, Kv, MlaRule, MoeRule, QkNorm, Shared, Window};

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

pub(super) static ROWS: &[Family] = &[
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
        moe: Some(MoeRule {
            experts: 60,
            top_k: 4,
            width: ("moe_intermediate_size", 1408),
            dense_width: ("intermediate_size", 5632),
            ..QWEN3_MOE_RULE
        }),
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
];
