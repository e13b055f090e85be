//! Parameter counts of real configurations against those that transformers 5.23 instantiated.

use secondsource_workload::{ImportOptions, Model, import_config};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/configs")
}

fn import(file: &str) -> Result<Model, String> {
    let text = std::fs::read_to_string(folder().join(file)).map_err(|e| e.to_string())?;
    import_config(file, &text, &ImportOptions::default()).map_err(|d| d.to_string())
}

/// `81007104x1;584847872x26`, or bare counts for single layers.
fn per_layer(model: &Model) -> Vec<u64> {
    let mut layers = Vec::new();
    for run in &model.runs {
        layers.extend((0..run.count).map(|_| run.layer.params));
    }
    layers
}

fn expected_layers(text: &str) -> Vec<u64> {
    let mut layers = Vec::new();
    for part in text.split(';') {
        let (count, times) = part.split_once('x').unwrap_or((part, "1"));
        let times: usize = times.parse().expect("repeats");
        layers.extend(vec![count.parse::<u64>().expect("count"); times]);
    }
    layers
}

#[test]
fn counts_are_exact() {
    let mut table = csv::Reader::from_path(folder().join("params.csv")).expect("params.csv");
    let mut wrong = Vec::new();
    let (mut exact, mut refused) = (0, 0);
    for row in table.deserialize::<std::collections::HashMap<String, String>>() {
        let row = row.expect("row");
        let (file, cell) = (&row["file"], |name: &str| row[name].parse::<u64>().unwrap_or_default());
        if row["status"] != "ok" {
            assert!(import(file).is_err(), "{file}: transformers has no class for it, so we must refuse");
            refused += 1;
            continue;
        }
        let model = match import(file) {
            Ok(model) => model,
            Err(e) => {
                wrong.push(format!("{file}: {e}"));
                continue;
            }
        };
        let routed: u64 = model.runs.iter().map(|r| r.layer.routed_params * r.count).sum();
        let checks = [
            ("total", model.params_total(), cell("total")),
            ("active", model.params_active(), cell("active")),
            ("embedding", model.embedding_params, cell("input_embedding")),
            ("head", model.head_params, cell("lm_head_untied")),
            ("vision", model.vision_params, cell("vision")),
            ("routed", routed, cell("routed_expert_params")),
        ];
        let mut bad: Vec<String> = checks
            .iter()
            .filter(|c| c.1 != c.2)
            .map(|(what, got, want)| format!("{what} {got}, not {want} ({:+})", *got as i128 - *want as i128))
            .collect();
        let (got, want) = (per_layer(&model), expected_layers(&row["per_layer"]));
        // The table lists T5's decoder only.
        let got = if file.starts_with("t5") { got[got.len() - want.len()..].to_vec() } else { got };
        if got != want {
            bad.push(format!("layers {:?}..., not {:?}...", &got[..got.len().min(3)], &want[..want.len().min(3)]));
        }
        if bad.is_empty() {
            exact += 1;
        } else {
            wrong.push(format!("{file}: {}", bad.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{exact} exact, {} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((exact, refused), (49, 1));
}
