//! What the importer refuses, and the words it uses.

use secondsource_workload::{FlopsConvention, ImportOptions, Model, import_config};

const LLAMA: &str = r#"{
  "architectures": ["LlamaForCausalLM"],
  "model_type": "llama",
  "hidden_size": 4096,
  "intermediate_size": 14336,
  "num_attention_heads": 32,
  "num_hidden_layers": 32,
  "num_key_value_heads": 8,
  "vocab_size": 128256
}"#;

const MIXTRAL: &str = r#"{"architectures": ["MixtralForCausalLM"], "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4,
 "num_hidden_layers": 2, "num_key_value_heads": 2, "vocab_size": 100, "num_local_experts": 4, "num_experts_per_tok": 2}"#;

fn import(text: &str) -> Result<Model, String> {
    import_config("config.json", text, &ImportOptions::default()).map_err(|d| d.to_string())
}

/// Imports `text` with `from` replaced and returns the refusal.
fn refusal(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    import(&text.replace(from, to)).expect_err("a refusal")
}

#[test]
fn refusals_name_place_and_remedy() {
    let table = [
        (
            "\"num_hidden_layers\"",
            "\"num_hiden_layers\"",
            &["field `num_hidden_layers` is missing", "did you mean `num_hiden_layers` (line 7)?"][..],
        ),
        ("\"num_key_value_heads\"", "\"num_key_value_head\"", &["field `num_key_value_heads` is missing", "`num_key_value_head` (line 8)"]),
        ("  \"vocab_size\": 128256", "  \"x\": 1", &["field `vocab_size` is missing"]),
        (
            "\"hidden_size\": 4096",
            "\"hidden_size\": \"4096\"",
            &["`hidden_size` must be a whole number from 1 to 10000000, and is a text", "config.json:4:3"],
        ),
        ("\"hidden_size\": 4096", "\"hidden_size\": -1", &["`hidden_size` is -1", "config.json:4:3"]),
        ("\"hidden_size\": 4096", "\"hidden_size\": 0", &["`hidden_size` is 0", "from 1 to 10000000"]),
        ("\"hidden_size\": 4096", "\"hidden_size\": 40.5", &["`hidden_size` is 40.5"]),
        ("\"hidden_size\": 4096", "\"hidden_size\": Infinity", &["empty, infinite or not a number", "config.json:4:3"]),
        ("\"hidden_size\": 4096", "\"hidden_size\": NaN", &["empty, infinite or not a number"]),
        ("\"hidden_size\": 4096", "\"hidden_size\": 1e30", &["`hidden_size` is 1e+30"]),
        ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 100001", &["from 1 to 100000", "config.json:7:3"]),
        (
            "\"num_key_value_heads\": 8",
            "\"num_key_value_heads\": 5",
            &["32 query heads cannot share 5 key-value heads evenly", "config.json:8:3"],
        ),
        ("\"num_attention_heads\": 32", "\"num_attention_heads\": 33, \"x\": 1", &["33 query heads cannot share 8"]),
        ("\"num_attention_heads\": 32", "\"num_attention_heads\": 24", &["24 heads do not divide the width 4096", "`head_dim`"]),
        (
            "\"vocab_size\": 128256",
            "\"tie_word_embeddings\": \"no\", \"vocab_size\": 128256",
            &["`tie_word_embeddings` must be true or false", "config.json:9:3"],
        ),
        ("\"llama\"", "\"llama\",,", &["this is not JSON"]),
    ];
    for (from, to, wanted) in table {
        let text = refusal(LLAMA, from, to);
        for part in wanted {
            assert!(text.contains(part), "{from} -> {to}: `{part}` is not in\n{text}");
        }
    }
}

#[test]
fn experts_are_checked() {
    let text = refusal(MIXTRAL, "\"num_experts_per_tok\": 2", "\"num_experts_per_tok\": 5");
    assert!(text.contains("a token cannot use 5 experts of 4") && text.contains("config.json:2:"), "{text}");
    let text = refusal(
        &MIXTRAL
            .replace("\"intermediate_size\": 128", "\"intermediate_size\": 100000000")
            .replace("\"hidden_size\": 64", "\"hidden_size\": 10000000"),
        "\"num_local_experts\": 4",
        "\"num_local_experts\": 1000000",
    );
    assert!(text.contains("at most 10^18 are allowed"), "{text}");
}

#[test]
fn texts_that_are_no_configuration() {
    assert!(import("").expect_err("empty").contains("this is not JSON"));
    assert!(import("[1]").expect_err("a list").contains("a model configuration is a JSON object"));
    assert!(import(&"[".repeat(100_000)).expect_err("deep").contains("nest more than 64 deep"));
    assert!(import(&" ".repeat((4 << 20) + 1)).expect_err("long").contains("at most 4194304 bytes"));
    assert!(import("{}").expect_err("nothing").contains("names no architecture"));
    assert!(import("{\"model_type\": \"llama\"}").expect_err("bare").contains("field `hidden_size` is missing"));
    assert!(import("\u{feff}{\"model_type\": \"llama\"}").expect_err("with a mark").contains("field `hidden_size` is missing"));
}

#[test]
fn unknown_architectures_name_the_nearest_and_what_is_missing() {
    let text = refusal(&LLAMA.replace("LlamaForCausalLM", "LamaForCausalLM"), "\"llama\"", "\"lama\"");
    assert!(text.contains("architecture `LamaForCausalLM` (model_type `lama`) is not known"), "{text}");
    assert!(text.contains("nearest known one is `llama` (LlamaForCausalLM, LlamaConfig); this file has every field it needs"), "{text}");
    let text = refusal(r#"{"model_type": "mixtrall", "hidden_size": 64, "num_local_experts": 8}"#, "64", "128");
    assert!(text.contains("`mixtral`") && text.contains("lacks its `vocab_size`") && text.contains("`num_experts_per_tok`"), "{text}");
    // Remote code: Qwen2 with a layer for multi-token prediction. transformers has no class for it.
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/configs");
    let mimo = std::fs::read_to_string(folder.join("MiMo-7B-Base.json")).expect("MiMo");
    let text = import(&mimo).expect_err("MiMo is refused");
    assert!(text.contains("architecture `MiMoForCausalLM`") && text.contains("nearest known one is `qwen"), "{text}");
}

#[test]
fn infinity_is_read_where_it_does_not_matter() {
    let model = import(
        &LLAMA
            .replace("\"model_type\"", "\"time_step_limit\": [0.0, Infinity, -Infinity, NaN], \"note\": \"NaN Infinity\", \"model_type\""),
    );
    assert_eq!(model.expect("imports").params_total(), 8_030_261_248);
}

#[test]
fn parts_add_up_for_every_builtin() {
    for info in secondsource_workload::builtin_names() {
        let model = secondsource_workload::builtin(&info.id).expect("loads");
        for convention in [FlopsConvention::Full, FlopsConvention::Causal] {
            let b = model.breakdown_with(4096, convention);
            assert_eq!(b.parts.iter().map(|p| p.params).sum::<u64>(), b.params_total, "{}", info.id);
            assert_eq!(b.parts.iter().map(|p| p.active).sum::<u64>(), b.params_active, "{}", info.id);
            let flops: f64 = b.parts.iter().map(|p| p.flops_per_token).sum();
            assert!((flops / b.flops_forward_per_token - 1.0).abs() < 1e-12 || b.flops_forward_per_token == 0.0, "{}", info.id);
            let layers: f64 = b.runs.iter().map(|r| r.count as f64 * r.flops_per_token_each).sum();
            assert!(layers <= b.flops_forward_per_token * 1.000001, "{}", info.id);
        }
    }
}
