//! Built-in models load, are found by the spellings people use, and have the size their name states.

use secondsource_workload::{builtin, builtin_names};

#[test]
fn every_file_loads() {
    let broken: Vec<String> = secondsource_workload::builtin::broken_builtins().iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(builtin_names().len() > 100);
}

/// Parameters that a name states, such as `70b`, `8x7b`, `125m` or `1t`.
fn stated(id: &str) -> Option<f64> {
    for word in id.split('-') {
        let (number, unit) = word.split_at(word.len().saturating_sub(1));
        let scale = match unit {
            "b" => 1e9,
            "m" => 1e6,
            "t" => 1e12,
            _ => continue,
        };
        if let Ok(n) = number.parse::<f64>() {
            return Some(n * scale);
        }
    }
    None
}

/// Names that round or say something else than the total, with the total in billions that the model card or
/// the run table states.
const ROUNDED: &[(&str, f64)] = &[
    ("falcon-40b", 41.3),
    ("gemma-2-2b", 2.61),
    ("gemma-2b", 2.51),
    ("gemma-3-4b-it", 4.3),
    ("gemma-7b", 8.54),
    ("gpt-oss-20b", 20.9),
    ("internlm-7b", 7.32),
    ("llama-2-7b", 6.74),
    ("llama-3.2-1b", 1.24),
    ("llama-3.2-3b", 3.21),
    ("llama-4-maverick-17b-128e", 400.0),
    ("llama-4-scout-17b-16e", 109.0),
    ("mistral-7b-v0.1", 7.24),
    ("mistral-7b-v0.3", 7.25),
    ("mpt-1b", 1.31),
    ("mpt-3b", 2.65),
    ("mpt-70b", 64.86),
    ("mpt-7b", 6.65),
    ("nemotron-3-nano-30b-a3b", 31.6),
    ("nemotron-4-15b", 15.6),
    ("olmo-2-13b", 13.7),
    ("olmo-2-7b", 7.3),
    ("olmo-3-7b", 7.3),
    ("olmoe-1b-7b", 6.9),
    ("qwen2.5-14b", 14.7),
    ("qwen2.5-7b", 7.61),
    ("qwen3-14b", 14.8),
    ("qwen3-vl-2b", 2.13),
    ("qwen3-vl-30b-a3b", 31.1),
    ("qwen3-vl-32b", 33.4),
    ("qwen3-vl-4b", 4.44),
    ("qwen3-vl-8b", 8.77),
];

#[test]
fn sizes_agree_with_names() {
    let mut off = Vec::new();
    for model in builtin_names() {
        let rounded = ROUNDED.iter().find(|(id, _)| *id == model.id).map(|(_, billions)| billions * 1e9);
        let Some(want) = rounded.or_else(|| stated(&model.id)) else { continue };
        let ratio = model.params as f64 / want;
        if (ratio - 1.0).abs() > 0.03 {
            off.push(format!("{}: {} ({:+.1}%)", model.id, model.params, (ratio - 1.0) * 100.0));
        }
    }
    assert!(off.is_empty(), "{}", off.join("\n"));
}

#[test]
fn spellings() {
    let table = [
        ("Llama 3.1 405B", "llama-3.1-405b"),
        ("meta-llama/Meta-Llama-3.1-405B", "llama-3.1-405b"),
        ("llama3.1-405b", "llama-3.1-405b"),
        ("Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("LLAMA3_70B", "llama-3-70b"),
        ("DeepSeekV3", "deepseek-v3"),
        ("DeepSeek-V3 671B", "deepseek-v3"),
        ("GPT-3 175B", "gpt3-175b"),
        ("gpt3-175b", "gpt3-175b"),
        ("Qwen3_235B_A22B", "qwen3-235b-a22b"),
        ("Qwen3_30B_a3B", "qwen3-30b-a3b"),
        ("GPT OSS 120B", "gpt-oss-120b"),
        ("Kimi_K2", "kimi-k2"),
        ("Nemotron4 340B", "nemotron-4-340b"),
        ("Llama2-13B", "llama-2-13b"),
    ];
    for (name, id) in table {
        match builtin(name) {
            Ok(model) => assert_eq!(model.name, id, "{name}"),
            Err(d) => panic!("{name}: {d}"),
        }
    }
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let text = builtin("lama-3.1-70b").expect_err("unknown").to_string();
    assert!(text.contains("did you mean `llama-3.1-70b`?"), "{text}");
}

#[test]
fn folded_names_are_unique() {
    let mut seen = std::collections::BTreeMap::new();
    for model in builtin_names() {
        for name in model.aliases.iter().chain([&model.id]) {
            let key: String =
                name.rsplit('/').next().unwrap_or(name).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            if let Some(other) = seen.insert(key, model.id.clone()) {
                assert_eq!(other, model.id, "`{name}` means two models");
            }
        }
        assert!(!model.source.is_empty(), "{} has no source", model.id);
    }
}

/// `validation/configs/builtins.csv`: transformers 5.23 on torch's meta device, one row per built-in whose file
/// is a published configuration.
#[test]
fn totals_are_those_of_transformers() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/configs/builtins.csv");
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in csv::Reader::from_path(path).expect("builtins.csv").deserialize::<std::collections::HashMap<String, String>>() {
        let row = row.expect("row");
        let model = builtin(&row["id"]).expect("built in");
        let cell = |name: &str| row[name].parse::<u64>().expect("a number");
        let got = (model.params_total(), model.embedding_params, model.vision_params, model.head_params == 0);
        let want = (cell("total"), cell("input_embedding"), cell("vision"), row["tied"] == "True");
        if got != want {
            wrong.push(format!("{}: {got:?}, not {want:?}", row["id"]));
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 30, "{rows} rows");
}
