//! Models from the cells of a run table.

use secondsource_workload::{ArchCells, AttentionKind, AttentionMask, FlopsConvention, Model, builtin, from_cells};

fn cells(name: &str) -> ArchCells {
    ArchCells {
        name: name.to_owned(),
        layers: 32,
        hidden: 4096,
        ffn_hidden: 14_336,
        heads: 32,
        kv_heads: 8,
        head_dim: Some(128),
        vocab: 128_256,
        experts: None,
        experts_per_token: 0,
        moe_ffn_hidden: 0,
        shared_experts: 0,
        mlp_gated: true,
        attention: AttentionKind::Gqa,
        seq_len: 8192,
        sliding: None,
        dense_first: 0,
        moe_every: 1,
        mla: None,
    }
}

fn same_work(a: &Model, b: &Model) {
    let flops = |m: &Model| m.flops_forward_per_token(8192, FlopsConvention::Causal);
    assert!((flops(a) / flops(b) - 1.0).abs() < 1e-3, "{}: {} and {}", a.name, flops(a), flops(b));
    assert!((a.params_total() as f64 / b.params_total() as f64 - 1.0).abs() < 1e-3, "{}", a.name);
}

#[test]
fn cells_of_a_llama() {
    let model = from_cells(&cells("Llama 3.1 8B")).expect("builds");
    same_work(&model, &builtin("llama-3.1-8b").expect("built in"));
}

#[test]
fn presets_fill_what_no_column_says() {
    let preset = builtin("deepseek-v3").expect("built in");
    let deepseek = ArchCells {
        layers: 61,
        hidden: 7168,
        ffn_hidden: 18_432,
        heads: 128,
        kv_heads: 128,
        head_dim: None,
        vocab: 129_280,
        experts: Some(256),
        experts_per_token: 8,
        moe_ffn_hidden: 2048,
        shared_experts: 1,
        attention: AttentionKind::Mla,
        ..cells("DeepSeekV3")
    };
    assert!(from_cells(&deepseek).expect_err("no ranks").to_string().contains("latent attention needs its ranks"));
    let model = from_cells(&deepseek.with_preset(&preset)).expect("builds");
    same_work(&model, &preset);
    assert_eq!(model.runs[0].count, 3);

    let maverick = builtin("Llama 4 Maverick").expect("built in");
    let got = cells("m").with_preset(&maverick);
    assert_eq!((got.dense_first, got.moe_every), (0, 2));
    let oss = cells("o").with_preset(&builtin("gpt-oss-120b").expect("built in"));
    assert_eq!(oss.sliding, Some((128, 2)));
    let windowed = from_cells(&ArchCells { sliding: Some((128, 2)), ..cells("w") }).expect("builds");
    assert_eq!(windowed.layer_at(0).and_then(|l| l.attention).map(|a| a.mask), Some(AttentionMask::Sliding(128)));
    assert_eq!(windowed.layer_at(1).and_then(|l| l.attention).map(|a| a.mask), Some(AttentionMask::Causal));
}

#[test]
fn bad_cells_are_refused() {
    let bad = [
        ArchCells { layers: 0, ..cells("a") },
        ArchCells { kv_heads: 5, ..cells("b") },
        ArchCells { hidden: u64::MAX, ..cells("c") },
        ArchCells { experts: Some(4), experts_per_token: 5, moe_ffn_hidden: 10, ..cells("d") },
        ArchCells { ffn_hidden: 0, ..cells("e") },
        ArchCells { head_dim: Some(u64::MAX), ..cells("f") },
        ArchCells { experts: Some(1_000_000), experts_per_token: 1, moe_ffn_hidden: 100_000_000, hidden: 1_000_000, ..cells("g") },
    ];
    for c in bad {
        assert!(from_cells(&c).is_err(), "{}", c.name);
    }
}
