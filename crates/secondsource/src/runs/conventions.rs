//! What a blank or free-text cell of the run table means, by framework and date. Each rule is one that the
//! table's README or its sources state; no rule knows a row.

use super::table::{RunRow, Workload};
use secondsource_base::Dtype;
use secondsource_workload::layout::{Recompute, Zero};
use secondsource_workload::recipe::{AttentionKernel, ExtraRecompute, Launch, Overlap, Recipe, Software, Task};

/// Families of training software that share conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    MegatronBridge,
    /// NeMo and MLPerf submissions by NVIDIA and its partners.
    Nemo,
    MegatronCore,
    /// Megatron-DeepSpeed, and Megatron-LM before flash attention (2022).
    MegatronOld,
    Foundry,
    Torchtitan,
    Automodel,
    Fms,
    InternEvo,
    MaxTextTpu,
    MaxTextGpu,
    Neuron,
    Gaudi,
    Amd,
    Other,
}

pub(crate) fn stack(row: &RunRow) -> Stack {
    let f = row.framework.to_ascii_lowercase();
    let has = |s: &str| f.contains(s);
    match row.vendor.as_str() {
        "google" => return Stack::MaxTextTpu,
        "aws" => return Stack::Neuron,
        "intel" => return Stack::Gaudi,
        _ => {}
    }
    let old = year(&row.date).is_some_and(|y| y < 2023.0);
    if has("megatron-deepspeed") || (has("megatron") && old) {
        Stack::MegatronOld
    } else if has("megatron-bridge") {
        Stack::MegatronBridge
    } else if has("automodel") {
        Stack::Automodel
    } else if has("llm-foundry") || has("composer") {
        Stack::Foundry
    } else if has("torchtitan") {
        Stack::Torchtitan
    } else if has("fms") {
        Stack::Fms
    } else if has("internevo") {
        Stack::InternEvo
    } else if has("maxtext") || has("jax") {
        Stack::MaxTextGpu
    } else if row.vendor == "amd" {
        Stack::Amd
    } else if has("nemo") || has("mxnet") || has("pytorch") || has("ngc") {
        Stack::Nemo
    } else if has("megatron") {
        Stack::MegatronCore
    } else {
        Stack::Other
    }
}

/// First date in a text as a fractional year: `2024-04` is 2024.25; a bare year is its middle.
pub(crate) fn year(text: &str) -> Option<f64> {
    let digits: String = text.chars().take(7).collect();
    let y: f64 = digits.get(..4)?.parse().ok()?;
    if !(2015.0..2100.0).contains(&y) {
        return None;
    }
    Some(match digits.get(5..7).and_then(|m| m.parse::<f64>().ok()) {
        Some(m) if (1.0..=12.0).contains(&m) => y + (m - 1.0) / 12.0,
        _ => y + 0.5,
    })
}

/// Attention of NeMo by date: Dao's FlashAttention before MLPerf v4.0 (the Dockerfile of v3.1 pins 2.0.8), cuDNN's kernel
/// since.
fn nemo_attention(year: f64) -> AttentionKernel {
    if year < 2024.0 { AttentionKernel::Sdpa } else { AttentionKernel::Vendor }
}

/// CUDA graphs of NeMo and Megatron-Bridge: none before MLPerf v4.0 (`LAYER_CUDA_GRAPH` in its configurations of April
/// 2024). Tokens per expert are known on the device only, so steps with experts are captured as a whole only since
/// [`GRAPHED_EXPERTS`]; before it the presets of NVL72 systems capture attention and router.
fn nemo_launch(row: &RunRow, stack: Stack, year: f64) -> Launch {
    if year < 2024.0 {
        Launch::Fused
    } else if row.experts.is_none() || year >= GRAPHED_EXPERTS {
        Launch::Graph
    } else if row.chip.starts_with("gb") && stack == Stack::MegatronBridge {
        Launch::Partial
    } else {
        Launch::Fused
    }
}

/// Megatron-Bridge 0.5 (26.06), the first release whose presets capture steps with experts as a whole
/// (`cuda_graph_impl = "full_iteration"`; before it is `transformer_engine` with parts of the layer, or none).
const GRAPHED_EXPERTS: f64 = 2026.4;

pub(crate) fn software(row: &RunRow, stack: Stack) -> Software {
    use {AttentionKernel as A, Launch as L, Overlap as O};
    let notes = row.notes.to_ascii_lowercase();
    let year = year(&row.date).unwrap_or(2024.5);
    let (attention, launch, overlap) = match stack {
        Stack::MegatronBridge | Stack::Nemo => (nemo_attention(year), nemo_launch(row, stack, year), O::Modern),
        Stack::MegatronCore => (A::Vendor, L::Fused, O::Plain),
        Stack::MegatronOld => (A::Unfused, L::Fused, O::Blocking),
        Stack::Foundry => (A::Triton, L::Eager, O::Plain),
        Stack::Torchtitan => (
            A::Sdpa,
            if notes.contains("compile") || row.precision.contains("fp8") { L::Fused } else { L::Eager },
            if notes.contains("asynctp") { O::Modern } else { O::Plain },
        ),
        Stack::Automodel => (if row.framework.contains("TE") { A::Vendor } else { A::Sdpa }, L::Eager, O::Plain),
        Stack::Fms => (A::Sdpa, L::Fused, O::Plain),
        Stack::InternEvo => (A::Vendor, L::Eager, O::Plain),
        Stack::MaxTextTpu => (A::Vendor, L::Graph, O::Xla),
        Stack::MaxTextGpu => (A::Vendor, L::Graph, O::Xla),
        // NeuronX Distributed calls a flash kernel; neuronx-nemo-megatron leaves the scores to the compiler.
        Stack::Neuron if row.framework.contains("Distributed") => (A::Vendor, L::Graph, O::Xla),
        Stack::Neuron => (A::Unfused, L::Graph, O::Xla),
        Stack::Gaudi => (A::Vendor, L::Graph, O::Plain),
        Stack::Amd | Stack::Other => (A::Vendor, L::Fused, O::Plain),
    };
    Software { attention, launch, overlap, year }
}

pub(crate) fn precision(row: &RunRow, vendor_default: Dtype) -> Dtype {
    let p = row.precision.to_ascii_lowercase();
    if p.contains("mxfp8") {
        Dtype::MxFp8
    } else if p.contains("fp8") {
        // Where a submission ships both, the fp8 reading is the one that fits (table README, pitfall 4).
        Dtype::Fp8
    } else if p.contains("nvfp4") {
        Dtype::NvFp4
    } else if p.contains("mxfp4") {
        Dtype::MxFp4
    } else if p.contains("int8") {
        Dtype::Int8
    } else if p.is_empty() {
        vendor_default
    } else {
        Dtype::Bf16
    }
}

pub(crate) fn recompute(row: &RunRow, stack: Stack) -> (Recompute, ExtraRecompute) {
    let r = row.recompute.as_str();
    let half = matches!(stack, Stack::Torchtitan | Stack::Fms);
    let none = ExtraRecompute::NONE;
    match r {
        "none" => (Recompute::None, none),
        "full" => (Recompute::Full, none),
        "selective" if half => (Recompute::None, ExtraRecompute { half: true, ..none }),
        // MaxText's named policies keep the products and repeat the rest.
        "selective" if matches!(stack, Stack::MaxTextTpu | Stack::MaxTextGpu) => {
            (Recompute::None, ExtraRecompute { norms: true, activation: true, ..none })
        }
        "selective" => (Recompute::Selective, none),
        // Recipes for TPU rematerialise everything unless they say otherwise.
        "" if stack == Stack::MaxTextTpu => (Recompute::Full, none),
        "" => (Recompute::None, none),
        _ if r.contains("offload") => (Recompute::Full, none),
        // Saving only the products repeats norms and activation functions.
        _ if r.contains("minimal") => (Recompute::None, ExtraRecompute { norms: true, activation: true, ..none }),
        _ => {
            let extra = ExtraRecompute {
                half: false,
                mla_up: r.contains("mla_up"),
                norms: r.contains("norm"),
                activation: r.contains("act"),
                mlp: r.contains("(mlp") || r.contains("+mlp"),
            };
            (Recompute::None, extra)
        }
    }
}

/// ZeRO stage and shard group (0: all of dp x cp).
pub(crate) fn zero(row: &RunRow, stack: Stack, dp: u32, tp: u32) -> (Zero, u32) {
    let z = row.zero.to_ascii_lowercase();
    let number_after = |word: &str| -> Option<u32> {
        let rest = &z[z.find(word)? + word.len()..];
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    if z.contains("shard_grad_op") {
        return (Zero::Z2, 0);
    }
    if z.contains("hsdp") {
        return (Zero::Z3, row.chips_per_node.map_or(8, |c| c as u32));
    }
    if z.contains("fsdp") {
        let mut group = number_after("fsdp2 size").or_else(|| number_after("fsdp ")).unwrap_or(0);
        // "fsdp 256 ICI x 2 DCN" shards over both (MaxText's `ici_fsdp_parallelism` and `dcn_fsdp_parallelism`).
        if let Some(slices) = number_after("ici x").filter(|_| z.contains("dcn")) {
            group *= slices;
        }
        if z.contains("slice") && group == 0 {
            // "N slice(s), DCN between slices": FSDP inside, plain data parallelism across.
            let slices: u32 = row.interconnect.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(1);
            group = (row.chips.unwrap_or(1.0) as u32 / slices.max(1) / tp.max(1)).max(1);
        }
        return (Zero::Z3, if group >= dp { 0 } else { group });
    }
    if z.contains("zero1") {
        return (Zero::Z1, number_after("shard group").filter(|g| *g < dp).unwrap_or(0));
    }
    match stack {
        Stack::MegatronOld if row.model.starts_with("BLOOM") => (Zero::Z1, 0),
        // 70 billion frozen weights on eight chips of 96 GB: the reference of the LoRA benchmark shards them (ZeRO-3).
        Stack::Gaudi if row.workload == Workload::Lora => (Zero::Z3, 0),
        Stack::MegatronOld => (Zero::Z0, 0),
        Stack::MaxTextTpu | Stack::MaxTextGpu | Stack::Foundry | Stack::Torchtitan | Stack::Fms | Stack::Automodel => (Zero::Z3, 0),
        _ => (Zero::Z1, 0),
    }
}

pub(crate) fn recipe(row: &RunRow, stack: Stack, linear: Dtype, extra: ExtraRecompute) -> Recipe {
    let mut r = Recipe::mixed(linear, software(row, stack));
    r.extra_recompute = extra;
    let pure = row.precision.contains("pure");
    match stack {
        // NVIDIA's performance recipes reduce gradients in bf16 (`grad_reduce_in_fp32 = False` in the recipes of
        // NeMo and Megatron-Bridge).
        Stack::Nemo | Stack::MegatronBridge => r.grad_bytes = 2.0,
        // FSDP "PURE" and fms keep bf16 gradients; Megatron-DeepSpeed reduces fp16 ones; XLA on TPU reduces
        // in the compute type.
        Stack::Foundry if pure => r.grad_bytes = 2.0,
        Stack::Fms | Stack::MegatronOld => r.grad_bytes = 2.0,
        // The fp32 weight is the master copy; the bf16 one that is counted as weight is cast from it.
        Stack::MaxTextTpu | Stack::MaxTextGpu => {
            r.grad_bytes = 2.0;
            r.optimizer_bytes = 10.0;
        }
        // Everything in bf16: the only way in which its 70B run fits eight 80 GB chips.
        Stack::Automodel => {
            r.grad_bytes = 2.0;
            r.optimizer_bytes = 4.0;
        }
        Stack::Neuron if row.precision.contains("stochastic") => {
            r.grad_bytes = 2.0;
            r.optimizer_bytes = 8.0;
        }
        _ => {}
    }
    r.early_stop |= matches!(stack, Stack::Foundry | Stack::Torchtitan | Stack::Fms | Stack::Automodel);
    // InternEvo's hybrid ZeRO optimizer sorts whole parameters into as many lists as the group has ranks.
    r.whole_tensor_shards = stack == Stack::InternEvo;
    r.offloaded_share = if row.recompute.contains("offload") { 1.0 } else { offloaded_layers(row) };
    if row.workload == Workload::Lora {
        r.task = Task::Lora { rank: 16 };
        // Frozen weights are kept in the format that they are multiplied in.
        r.weight_bytes = linear.bytes().min(2.0);
    }
    r
}

/// Share of layers whose activations go to the host, where the notes say "CPU offload of N layers".
fn offloaded_layers(row: &RunRow) -> f64 {
    let notes = row.notes.to_ascii_lowercase();
    let count = notes.split("offload of ").nth(1).filter(|rest| rest.contains("layer")).and_then(leading_number);
    count.zip(row.layers).map_or(0.0, |(n, layers)| (n / layers).clamp(0.0, 1.0))
}

/// Bytes per second and chip out of a node, when the row states the node's network.
pub(crate) fn nic_per_chip(row: &RunRow) -> Option<f64> {
    let note = row.interconnect.to_ascii_lowercase();
    let node_level =
        ["per node", "node-node", "inter-node", "roce per node"].iter().any(|w| note.contains(w)) && !note.contains("not stated");
    if !node_level {
        return None;
    }
    let words: Vec<&str> =
        note.split(|c: char| c.is_whitespace() || c == ';' || c == '(' || c == ')' || c == ',').filter(|w| !w.is_empty()).collect();
    for (i, w) in words.iter().enumerate() {
        if !(w.starts_with("gb/s") || w.starts_with("gbps") || w.starts_with("gbit/s")) || i == 0 || w.contains("gb/s/") {
            continue;
        }
        // "intra-node 150 (GB/s, ...)" is a capital-B figure and stands before "simulator": skip it.
        let Some(rate) = leading_number(words[i - 1]) else { continue };
        if i >= 2 && words[i - 2].contains("intra-node") {
            continue;
        }
        let times = if words[i - 1].contains('x') {
            words[i - 1].split('x').next().and_then(leading_number).unwrap_or(1.0)
        } else if i >= 3 && words[i - 2] == "x" {
            leading_number(words[i - 3]).unwrap_or(1.0)
        } else if let Some(count) = words.get(i.wrapping_sub(2)).and_then(|w| w.strip_suffix('x')) {
            // "8x 200 Gb/s"
            leading_number(count).unwrap_or(1.0)
        } else {
            1.0
        };
        let rate = if words[i - 1].contains('x') { words[i - 1].split('x').nth(1).and_then(leading_number).unwrap_or(rate) } else { rate };
        return Some(times * rate * 1e9 / 8.0 / row.chips_per_node.unwrap_or(8.0));
    }
    None
}

fn leading_number(word: &str) -> Option<f64> {
    let digits: String = word.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    digits.parse().ok()
}
