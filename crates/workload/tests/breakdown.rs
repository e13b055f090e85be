//! The breakdown of three models, as `secondsource model` shows it.

use secondsource_workload::builtin;
use std::fmt::Write as _;

fn table(name: &str) -> String {
    let b = builtin(name).expect("built in").breakdown(4096);
    let mut out = format!("{} ({}): {} parameters, {} active\n", b.name, b.arch, b.params_total, b.params_active);
    for p in &b.parts {
        writeln!(out, "  {:<36}{:>16}{:>16}{:>18.0}", p.name, p.params, p.active, p.flops_per_token).expect("writes");
    }
    for r in &b.runs {
        writeln!(out, "  layers {}..{}: {}, {} each", r.first, r.first + r.count, r.kind, r.params_each).expect("writes");
    }
    writeln!(out, "  {} bytes of keys and values per token; {} FLOPs forward per token; {} MTP layers", b.kv_bytes_per_token, b.flops_forward_per_token, b.mtp_layers).expect("writes");
    out
}

#[test]
fn llama_8b() {
    insta::assert_snapshot!(table("llama-3.1-8b"), @"");
}

#[test]
fn deepseek_v3() {
    insta::assert_snapshot!(table("deepseek-v3"), @"");
}

#[test]
fn gpt_oss_20b() {
    insta::assert_snapshot!(table("gpt-oss-20b"), @"");
}
