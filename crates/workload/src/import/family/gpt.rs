//! GPT-2 and the decoders with layer norms.

use super::llama::{LLAMA, MIXTRAL_MOE};
use super::{Family, Flag, Kv, MoeRule, QkNorm, Quirk, Window};

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

pub(super) static ROWS: &[Family] = &[
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
    Family { types: &["gpt_bigcode"], archs: &["GPTBigCodeForCausalLM"], class: "GPTBigCodeConfig", quirk: Quirk::BigCode, ..GPT2 },
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
        types: &["nemotron"],
        archs: &["NemotronForCausalLM"],
        class: "NemotronConfig",
        norm: 2,
        gated: false,
        dims: [256_000, 6144, 24_576, 32, 48],
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
];
