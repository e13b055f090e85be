//! Nothing that a text can hold makes the importer panic.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_workload::{FlopsConvention, ImportOptions, import_config};
use std::path::Path;

fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/configs");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("configs")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    files.iter().map(|p| std::fs::read_to_string(p).expect("text")).collect()
}

fn survives(text: &str) {
    match import_config("mutant.json", text, &ImportOptions::default()) {
        Ok(model) => {
            let b = model.breakdown_with(8192, FlopsConvention::Causal);
            assert_eq!(b.parts.iter().map(|p| p.params).sum::<u64>(), model.params_total());
            assert!(model.params_active() <= model.params_total());
        }
        Err(d) => assert!(!d.to_string().is_empty()),
    }
}

/// Numbers that break arithmetic, and values of the wrong type.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "0",
            "1",
            "2",
            "3",
            "-1",
            "7",
            "1e9",
            "1e18",
            "1e308",
            "18446744073709551615",
            "9223372036854775807",
            "100000",
            "1000000",
            "10000000",
            "100000000",
            "1.5",
            "null",
            "true",
            "false",
            "\"\"",
            "\"auto\"",
            "[]",
            "{}",
            "NaN",
            "Infinity",
            "-Infinity",
            "[1,2,3]",
            "[\"full_attention\"]",
            "\"M*-E\"",
        ])
        .prop_map(str::to_owned),
        any::<u64>().prop_map(|v| v.to_string()),
        (0u64..300_000).prop_map(|v| v.to_string()),
    ]
}

/// Replaces the value of the `which`-th `"key": value` line.
fn replace_value(text: &str, which: usize, value: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let keyed: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].contains("\": ")).collect();
    let Some(&at) = keyed.get(which % keyed.len().max(1)) else { return text.to_owned() };
    let mut out: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    if let Some((key, rest)) = lines[at].split_once("\": ") {
        let tail = if rest.trim_end().ends_with(',') { "," } else { "" };
        if !rest.trim_end().ends_with(['[', '{']) {
            out[at] = format!("{key}\": {value}{tail}");
        }
    }
    out.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn changed_values(file in any::<prop::sample::Index>(), edits in prop::collection::vec((any::<usize>(), value()), 1..4)) {
        let corpus = corpus();
        let mut text = file.get(&corpus).clone();
        for (which, value) in &edits {
            text = replace_value(&text, *which, value);
        }
        survives(&text);
    }

    #[test]
    fn cut_and_spliced(file in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), noise in "[\\[\\]{}\":,0-9a-zA-Z\\\\ -]{0,20}") {
        let corpus = corpus();
        let chars: Vec<char> = file.get(&corpus).chars().collect();
        let at = cut.index(chars.len());
        survives(&chars[..at].iter().collect::<String>());
        survives(&format!("{}{noise}{}", chars[..at].iter().collect::<String>(), chars[at..].iter().collect::<String>()));
    }

    #[test]
    fn anything(text in "\\PC{0,200}") {
        survives(&text);
    }
}
