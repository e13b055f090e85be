//! Refusal of an architecture that is not known: never a guess, but the nearest known one and what the
//! file lacks for it.

use super::cfg::{Cfg, EXPERTS, FFN, HEADS, HIDDEN, LAYERS, TOP_K, VOCAB, list};
use super::family::{Family, Flag, QkNorm, Shared, Window, families};
use super::multimodal::WRAPPERS;
use super::{SPECIALS, Special};
use secondsource_base::{Diagnostic, nearest};

/// A known architecture as seen from a file's keys.
struct Candidate {
    kind: &'static str,
    arch: &'static str,
    class: &'static str,
    /// Alternatives for each field it cannot do without.
    needs: Vec<Vec<&'static str>>,
    /// Keys it reads when they are there.
    reads: Vec<&'static str>,
}

/// Keys that stand for a mechanism: a file with one is no kin of an architecture without it.
const MECHANISMS: [&[&str]; 5] = [
    EXPERTS.names,
    &["kv_lora_rank"],
    &["ssm_state_size", "state_size", "mamba_d_state", "hybrid_override_pattern", "linear_conv_kernel_dim"],
    &["index_n_heads", "index_topk"],
    &["text_config"],
];

fn decoder(f: &'static Family) -> Candidate {
    let mut needs = vec![VOCAB.names.to_vec(), HIDDEN.names.to_vec(), LAYERS.names.to_vec(), HEADS.names.to_vec()];
    let mut reads = Vec::new();
    match f.moe {
        Some(moe) => {
            needs.extend([EXPERTS.names.to_vec(), TOP_K.names.to_vec(), vec![moe.width.0]]);
            match moe.shared {
                Shared::Count(key, _) | Shared::Width { key, .. } => reads.push(key),
                Shared::None | Shared::Same => {}
            }
        }
        None if f.ffn_times == 0 => needs.push(FFN.names.to_vec()),
        None => {}
    }
    if f.indexer.is_some() {
        needs.push(vec!["index_n_heads"]);
    }
    if f.mla.is_some() {
        needs.extend(["kv_lora_rank", "qk_nope_head_dim", "v_head_dim"].map(|k| vec![k]));
    }
    let qk = match f.qk_norm {
        QkNorm::Head { when, .. } | QkNorm::Width { when } => when,
        QkNorm::None => Flag::No,
    };
    for flag in [f.qkv_bias, f.out_bias, f.mlp_bias, f.head_bias, qk] {
        if let Flag::Key(key, _) = flag {
            reads.push(key);
        }
    }
    match f.window {
        Window::Never => {}
        Window::All(_) | Window::AllBut { .. } => reads.push("sliding_window"),
        Window::Qwen => reads.extend(["max_window_layers", "use_sliding_window", "sliding_window"]),
        Window::Chunked { .. } => reads.push("attention_chunk_size"),
    }
    reads.sort_unstable();
    reads.dedup();
    Candidate {
        kind: f.types.first().copied().unwrap_or_default(),
        arch: f.archs.first().copied().unwrap_or_default(),
        class: f.class,
        needs,
        reads,
    }
}

fn special(s: &'static Special) -> Candidate {
    let mut needs: Vec<Vec<&'static str>> = s.needs.iter().map(|f| f.names.to_vec()).collect();
    needs.extend(s.keys.iter().map(|k| vec![*k]));
    Candidate {
        kind: s.types.first().copied().unwrap_or_default(),
        arch: s.archs.first().copied().unwrap_or_default(),
        class: s.class,
        needs,
        reads: Vec::new(),
    }
}

fn candidates() -> Vec<Candidate> {
    let wrappers = WRAPPERS.iter().map(|w| Candidate {
        kind: w.types.first().copied().unwrap_or_default(),
        arch: w.archs.first().copied().unwrap_or_default(),
        class: w.class,
        needs: vec![vec!["text_config"], vec!["vision_config"]],
        reads: Vec::new(),
    });
    families().map(decoder).chain(wrappers).chain(SPECIALS.iter().map(special)).filter(|c| !c.arch.is_empty()).collect()
}

fn has(cfg: &Cfg<'_>, names: &[&str]) -> bool {
    names.iter().any(|n| cfg.map.contains_key(*n))
}

fn lacks(cfg: &Cfg<'_>, c: &Candidate) -> Vec<&'static str> {
    c.needs.iter().filter(|names| !has(cfg, names)).filter_map(|names| names.first().copied()).collect()
}

fn score(cfg: &Cfg<'_>, c: &Candidate) -> i64 {
    let met = c.needs.iter().filter(|names| has(cfg, names)).count() as i64;
    let missing = c.needs.len() as i64 - met;
    let read = c.reads.iter().filter(|key| has(cfg, &[key])).count() as i64;
    let unread = c.reads.len() as i64 - read;
    let foreign = MECHANISMS.iter().filter(|m| is_foreign(cfg, c, m)).count() as i64;
    4 * met - 6 * missing + 2 * read - unread - 12 * foreign
}

/// Letters that two names share at their start, when they are four or more.
fn kinship(a: &str, b: &str) -> i64 {
    let shared =
        a.chars().flat_map(char::to_lowercase).zip(b.chars().flat_map(char::to_lowercase)).take_while(|(x, y)| x == y).count() as i64;
    if shared >= 4 { 2 * shared } else { 0 }
}

/// `MixtralForCausalLM` is `Mixtral`.
fn family_name(arch: &str) -> &str {
    arch.find("For").map_or(arch, |at| &arch[..at])
}

fn cut(name: &str) -> String {
    name.chars().take(80).collect()
}

pub fn refuse(root: &Cfg<'_>, arch: Option<&str>, kind: Option<&str>) -> Diagnostic {
    let d = match (arch, kind) {
        (Some(a), Some(k)) => root.complain("architectures", format!("architecture `{}` (model_type `{}`) is not known", cut(a), cut(k))),
        (Some(a), None) => root.complain("architectures", format!("architecture `{}` is not known", cut(a))),
        (None, Some(k)) => root.complain("model_type", format!("architecture `{}` is not known", cut(k))),
        (None, None) => {
            Diagnostic::error("this file names no architecture: `model_type` and `architectures` are missing").in_file(root.source.name)
        }
    };
    let all = candidates();
    let name = kind.or(arch.map(family_name)).unwrap_or_default();
    let near = nearest(name, all.iter().map(|c| c.kind));
    let bonus = |c: &Candidate| kinship(name, c.kind) + if near == Some(c.kind) { 16 } else { 0 };
    // Ties go to the first of the table.
    let Some(best) = all.iter().rev().max_by_key(|c| score(root, c) + bonus(c)) else { return d };
    let missing = lacks(root, best);
    let foreign: Vec<&str> = MECHANISMS
        .iter()
        .filter(|m| is_foreign(root, best, m))
        .flat_map(|m| m.iter().copied())
        .filter(|k| root.map.contains_key(*k))
        .collect();
    let mut fields = if missing.is_empty() {
        "this file has every field it needs".to_owned()
    } else {
        format!("this file lacks its {}", list(&missing))
    };
    if !foreign.is_empty() {
        fields.push_str(&format!(", and has {}, which it does not read", list(&foreign)));
    }
    let d = d.hint(format!("the nearest known one is `{}` ({}, {}); {fields}", best.kind, best.arch, best.class));
    if missing.is_empty() && foreign.is_empty() {
        d.hint(format!("if the model is a `{}` under another name, say so: \"architectures\": [\"{}\"]", best.kind, best.arch))
    } else {
        d
    }
}

/// The file has the mechanism and the candidate does not know it.
fn is_foreign(cfg: &Cfg<'_>, c: &Candidate, mechanism: &[&str]) -> bool {
    has(cfg, mechanism) && !c.needs.iter().flatten().any(|k| mechanism.contains(k))
}
