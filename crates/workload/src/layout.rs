//! A parallel layout: how one step is cut over chips.

use serde::{Deserialize, Serialize};

/// What the data-parallel group shards (ZeRO stage; 3 is FSDP).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zero {
    /// Nothing: plain data parallelism.
    Z0,
    /// Optimizer states.
    Z1,
    /// Optimizer states and gradients.
    Z2,
    /// Optimizer states, gradients and weights (FSDP).
    Z3,
}

/// What the backward pass recomputes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    None,
    /// The attention core only (Korthikanti et al. 2022).
    Selective,
    /// Whole layers: only each layer's input is kept.
    Full,
}

/// Order of forward and backward passes in a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// One forward, one backward; interleaved when vpp > 1.
    #[serde(rename = "1f1b")]
    OneFOneB,
    /// ZB-H1 (Qi et al. 2023): weight gradients fill the bubble, memory as 1F1B.
    ZeroBubble,
    /// Both directions at once (DeepSeek-V3).
    Dualpipe,
    /// All forwards, then all backwards.
    Gpipe,
}

/// How context parallelism moves keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CpMode {
    Ring,
    AllGather,
    /// Heads against sequence by all-to-all.
    Ulysses,
}

/// Sizes of the parallel groups. `tp * cp * pp * dp` is the number of devices; `ep * etp` divides
/// `tp * cp * dp` (Megatron's folding of expert parallelism).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Layout {
    pub tp: u32,
    pub cp: u32,
    pub pp: u32,
    /// Virtual stages a device holds; 1 means not interleaved.
    pub vpp: u32,
    pub dp: u32,
    /// Experts are spread over this many devices; 1 for dense models.
    pub ep: u32,
    /// Tensor parallelism inside an expert.
    pub etp: u32,
    pub zero: Zero,
    /// Devices over which ZeRO shards (hybrid sharding when smaller than cp*dp); 0 means cp*dp.
    pub shard_group: u32,
    /// Sequences per micro-batch on one data-parallel rank.
    pub micro_batch: u32,
    pub recompute: Recompute,
    pub schedule: Schedule,
    pub sequence_parallel: bool,
    pub cp_mode: CpMode,
}

impl Layout {
    /// One device, nothing sharded.
    pub const SINGLE: Layout = Layout {
        tp: 1,
        cp: 1,
        pp: 1,
        vpp: 1,
        dp: 1,
        ep: 1,
        etp: 1,
        zero: Zero::Z1,
        shard_group: 0,
        micro_batch: 1,
        recompute: Recompute::None,
        schedule: Schedule::OneFOneB,
        sequence_parallel: true,
        cp_mode: CpMode::Ring,
    };

    /// tp x cp x pp x dp, at most `u64::MAX`.
    pub fn devices(&self) -> u64 {
        u64::from(self.tp).saturating_mul(u64::from(self.cp)).saturating_mul(u64::from(self.pp)).saturating_mul(u64::from(self.dp))
    }
}
