//! How a model is trained: number formats, optimizer state, the software stack and its era.

use secondsource_base::Dtype;
use serde::{Deserialize, Serialize};

/// Which fused-attention implementation runs the score product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionKernel {
    /// The vendor's best (cuDNN, FlashAttention 3, Splash, CK): what Megatron-Core and MaxText call.
    Vendor,
    /// PyTorch's built-in scaled-dot-product attention (FlashAttention 2 class).
    Sdpa,
    /// Triton FlashAttention of 2022-23.
    Triton,
    /// Score matrices go through memory.
    Unfused,
}

/// Who launches kernels, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Launch {
    /// A compiled step or CUDA graphs: the host is out of the way.
    Graph,
    /// Graphs of what has fixed shapes (attention, router); experts, whose shapes the router decides, are launched
    /// operator by operator.
    Partial,
    /// Python calls each operator; elementwise chains are fused by a compiler or by hand-written kernels.
    Fused,
    /// Python calls each operator, nothing is fused.
    Eager,
}

/// How the framework hides collectives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// Tensor-parallel traffic is pipelined with the products (userbuffers, AsyncTP); data-parallel and pipeline
    /// traffic runs beside compute.
    Modern,
    /// Tensor-parallel collectives run in order; the rest runs beside compute (Megatron-Core without userbuffers, FSDP2).
    Plain,
    /// Blocking collectives (Megatron-DeepSpeed 2021-23).
    Blocking,
    /// The XLA scheduler (TPU, Neuron).
    Xla,
}

/// The software stack: the era is an input, since identical cells moved 20-33% between releases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Software {
    pub attention: AttentionKernel,
    pub launch: Launch,
    pub overlap: Overlap,
    /// Release date in years (2026.5 is mid-2026). Decides the generation of the MoE dispatcher.
    pub year: f64,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// All weights.
    Full,
    /// Low-rank adapters of this rank on frozen weights.
    Lora { rank: u32 },
}

/// Parts of a layer that the backward pass repeats beside [`crate::Recompute`]: Megatron-Core's recompute modules
/// and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ExtraRecompute {
    /// Every other expensive operator or layer (torchtitan's and fms-fsdp's "selective").
    pub half: bool,
    /// Up-projections of latent attention.
    pub mla_up: bool,
    pub norms: bool,
    /// Activation functions between the feed-forward products.
    pub activation: bool,
    /// Dense feed-forward parts.
    pub mlp: bool,
}

impl ExtraRecompute {
    pub const NONE: ExtraRecompute = ExtraRecompute { half: false, mla_up: false, norms: false, activation: false, mlp: false };
}

/// Number formats, optimizer and software of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Format of the linear layers' products. Attention, the output product and norms stay bf16.
    pub linear: Dtype,
    /// Bytes per gradient element in the data-parallel reduction and accumulation buffer.
    pub grad_bytes: f64,
    /// Bytes per weight gathered by ZeRO/FSDP.
    pub weight_bytes: f64,
    /// Bytes of optimizer state per parameter, the master copy included (Adam fp32 + fp32 master: 12).
    pub optimizer_bytes: f64,
    pub task: Task,
    pub extra_recompute: ExtraRecompute,
    /// A recomputed layer stops at the last tensor that the backward pass needs, so its last product is not repeated
    /// (XLA's dead-code elimination, PyTorch's non-reentrant checkpoints).
    pub early_stop: bool,
    /// ZeRO-1 gives whole tensors to ranks: each rank's part is reduced to it and broadcast from it by calls of its own,
    /// instead of one reduce-scatter and one all-gather over flat shards.
    pub whole_tensor_shards: bool,
    /// Share of the kept activations that lives in host memory between forward and backward.
    pub offloaded_share: f64,
    pub software: Software,
}

impl Recipe {
    /// Mixed precision as Megatron-Core does it: bf16 weights, fp32 gradient reduction, Adam with fp32
    /// master weights.
    /// In fp32 and tf32 the weights are their own master copy.
    pub fn mixed(linear: Dtype, software: Software) -> Recipe {
        let wide = linear.bytes() > 2.0;
        Recipe {
            linear,
            grad_bytes: 4.0,
            weight_bytes: if wide { 4.0 } else { 2.0 },
            optimizer_bytes: if wide { 8.0 } else { 12.0 },
            task: Task::Full,
            extra_recompute: ExtraRecompute::NONE,
            early_stop: software.overlap == Overlap::Xla,
            whole_tensor_shards: false,
            offloaded_share: 0.0,
            software,
        }
    }

    /// Bytes of an activation element between operators: 2, or 4 when training in fp32 or tf32.
    pub fn element_bytes(&self) -> f64 {
        if self.linear.bytes() > 2.0 { 4.0 } else { 2.0 }
    }

    /// True for formats below 16 bits.
    pub fn low_precision(&self) -> bool {
        self.linear.bytes() < 2.0
    }
}
