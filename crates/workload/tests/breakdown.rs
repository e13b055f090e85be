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
    writeln!(
        out,
        "  {} bytes of keys and values per token; {} FLOPs forward per token; {} MTP layers",
        b.kv_bytes_per_token, b.flops_forward_per_token, b.mtp_layers
    )
    .expect("writes");
    out
}

#[test]
fn llama_8b() {
    insta::assert_snapshot!(table("llama-3.1-8b"), @r#"
    llama-3.1-8b (llama): 8030261248 parameters, 8030261248 active
      embedding                                  525336576       525336576                 0
      attention                                 1342177280      1342177280        2684354560
      attention scores                                   0               0        2147483648
      feed-forward                              5637144576      5637144576       11274289152
      norms, biases and the like                    262144          262144                 0
      head                                       525336576       525336576        1050673152
      final norm, positions and the like              4096            4096                 0
      layers 0..32: attention causal + feed-forward 14336, 218112000 each
      131072 bytes of keys and values per token; 17156800512 FLOPs forward per token; 0 MTP layers
    "#);
}

#[test]
fn deepseek_v3() {
    insta::assert_snapshot!(table("deepseek-v3"), @r#"
    deepseek-v3 (deepseek_v3): 671026404352 parameters, 37552282624 active
      embedding                                  926679040       926679040                 0
      attention                                11413422080     11413422080       22826844160
      attention scores                                   0               0       20468203520
      feed-forward                              1189085184      1189085184        2378170368
      experts                                 653908770816     20434649088       40869298176
      shared experts                            2554331136      2554331136        5108662272
      router                                     106430464       106430464         212860928
      norms, biases and the like                    999424          999424                 0
      head                                       926679040       926679040        1853358080
      final norm, positions and the like              7168            7168                 0
      layers 0..3: latent attention causal + feed-forward 18432, 583483392 each
      layers 3..61: latent attention causal + experts 8 of 256, 11507286016 each
      70272 bytes of keys and values per token; 93717397504 FLOPs forward per token; 1 MTP layers
    "#);
}

#[test]
fn gpt_oss_20b() {
    insta::assert_snapshot!(table("gpt-oss-20b"), @r#"
    gpt-oss-20b (gpt_oss): 20914757184 parameters, 4187440704 active
      embedding                                  579133440       579133440                 0
      attention                                  637009920       637009920        1274019840
      attention scores                                   0               0        1610612736
      experts                                  19116933120      2389616640        4777574400
      router                                       2211840         2211840           4423680
      norms, biases and the like                    332544          332544                 0
      head                                       579133440       579133440        1158266880
      final norm, positions and the like              2880            2880                 0
      layers 0..1: attention window 128 + experts 4 of 32, 823186976 each
      layers 1..2: attention causal + experts 4 of 32, 823186976 each
      layers 2..3: attention window 128 + experts 4 of 32, 823186976 each
      layers 3..4: attention causal + experts 4 of 32, 823186976 each
      layers 4..5: attention window 128 + experts 4 of 32, 823186976 each
      layers 5..6: attention causal + experts 4 of 32, 823186976 each
      layers 6..7: attention window 128 + experts 4 of 32, 823186976 each
      layers 7..8: attention causal + experts 4 of 32, 823186976 each
      layers 8..9: attention window 128 + experts 4 of 32, 823186976 each
      layers 9..10: attention causal + experts 4 of 32, 823186976 each
      layers 10..11: attention window 128 + experts 4 of 32, 823186976 each
      layers 11..12: attention causal + experts 4 of 32, 823186976 each
      layers 12..13: attention window 128 + experts 4 of 32, 823186976 each
      layers 13..14: attention causal + experts 4 of 32, 823186976 each
      layers 14..15: attention window 128 + experts 4 of 32, 823186976 each
      layers 15..16: attention causal + experts 4 of 32, 823186976 each
      layers 16..17: attention window 128 + experts 4 of 32, 823186976 each
      layers 17..18: attention causal + experts 4 of 32, 823186976 each
      layers 18..19: attention window 128 + experts 4 of 32, 823186976 each
      layers 19..20: attention causal + experts 4 of 32, 823186976 each
      layers 20..21: attention window 128 + experts 4 of 32, 823186976 each
      layers 21..22: attention causal + experts 4 of 32, 823186976 each
      layers 22..23: attention window 128 + experts 4 of 32, 823186976 each
      layers 23..24: attention causal + experts 4 of 32, 823186976 each
      49152 bytes of keys and values per token; 8824897536 FLOPs forward per token; 0 MTP layers
    "#);
}
