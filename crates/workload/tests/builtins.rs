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

/// Names that round, or count otherwise than their parameters: vendors' marketing.
const LOOSE: &[&str] = &["EXCEPTIONS"];

#[test]
fn sizes_agree_with_names() {
    let mut off = Vec::new();
    for model in builtin_names() {
        let Some(want) = stated(&model.id) else { continue };
        let ratio = model.params as f64 / want;
        if (ratio - 1.0).abs() > 0.03 && !LOOSE.contains(&model.id.as_str()) {
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
            let key: String = name.rsplit('/').next().unwrap_or(name).chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            if let Some(other) = seen.insert(key, model.id.clone()) {
                assert_eq!(other, model.id, "`{name}` means two models");
            }
        }
        assert!(!model.source.is_empty(), "{} has no source", model.id);
    }
}
