//! Llama and the decoders nearest to it.

use super::{DenseLayers, Family, Flag, Kv, MoeRule, QkNorm, Quirk, Shared, Window};

pub(super) const ATTENTION_BIAS: Flag = Flag::Key("attention_bias", false);

pub(super) const MLP_BIAS: Flag = Flag::Key("mlp_bias", false);

pub(super) const LLAMA: Family = Family {
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

pub(super) const HEAD_NORM: QkNorm = QkNorm::Head { when: Flag::Yes, affine: 1 };

pub(super) const MIXTRAL_MOE: MoeRule = MoeRule {
    experts: 8,
    top_k: 2,
    width: ("intermediate_size", 14_336),
    dense_width: ("intermediate_size", 14_336),
    shared: Shared::None,
    dense: DenseLayers::None,
    biases: false,
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

pub(super) static ROWS: &[Family] = &[
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
        types: &["gpt_oss"],
        archs: &["GptOssForCausalLM"],
        class: "GptOssConfig",
        qkv_bias: Flag::Key("attention_bias", true),
        out_bias: Flag::Key("attention_bias", true),
        mlp_bias: Flag::No,
        kv: Kv::Fixed(8),
        head_dim: 64,
        window: Window::AllBut { every: 2, width: 128 },
        moe: Some(MoeRule {
            experts: 128,
            top_k: 4,
            width: ("intermediate_size", 2880),
            dense_width: ("intermediate_size", 2880),
            biases: true,
            ..MIXTRAL_MOE
        }),
        dims: [201_088, 2880, 2880, 36, 64],
        ..LLAMA
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
        moe: Some(MoeRule {
            experts: 64,
            top_k: 8,
            width: ("intermediate_size", 2048),
            dense_width: ("intermediate_size", 2048),
            ..MIXTRAL_MOE
        }),
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
        moe: Some(MoeRule {
            experts: 256,
            top_k: 8,
            width: ("intermediate_size", 1536),
            dense_width: ("intermediate_size", 1536),
            ..MIXTRAL_MOE
        }),
        dims: [200_064, 3072, 1536, 62, 48],
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
