//! Forward FLOPs against those that torch's FlopCounterMode measured (validation/configs/flops.csv).
//!
//! Per layer: the last layer's kind, every layer of a mixture-of-experts model having experts, attention
//! over the full square, 2 FLOPs per multiply-add.

use secondsource_workload::{FlopsConvention, ImportOptions, import_config};
use std::collections::HashMap;
use std::path::Path;

#[test]
fn within_a_thousandth_of_the_measured() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/configs");
    let mut table = csv::Reader::from_path(folder.join("flops.csv")).expect("flops.csv");
    let (mut wrong, mut rows, mut worst) = (Vec::new(), 0, 0f64);
    for row in table.deserialize::<HashMap<String, String>>() {
        let row = row.expect("row");
        if row["status"] != "ok" {
            continue;
        }
        let cell = |name: &str| row[name].parse::<u64>().expect("a number");
        let text = std::fs::read_to_string(folder.join(&row["file"])).expect("config");
        let model = import_config(&row["file"], &text, &ImportOptions::default()).expect("imports");
        let (batch, seq) = (cell("batch"), cell("seq"));
        let tokens = (batch * seq) as f64;
        let layer = model.runs.last().expect("a layer").layer.flops_forward(model.hidden, seq, FlopsConvention::Full);
        let head = model.head_flops_per_token as f64 * tokens;
        for (what, got, want) in [("layer", layer.total() * tokens, cell("fwd_per_layer")), ("rest", head, cell("fwd_rest"))] {
            let off = got / want as f64 - 1.0;
            worst = worst.max(off.abs());
            if off.abs() > 1e-3 {
                wrong.push(format!("{} B{batch} S{seq} {what}: {got}, measured {want} ({:+.4}%)", row["file"], off * 100.0));
            }
        }
        rows += 1;
    }
    assert!(wrong.is_empty(), "{} of {rows} rows are off:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(rows, 44, "rows of flops.csv; worst {worst:.2e}");
}
