//! What one step costs, by part.

use secondsource_catalog::ChipPower;
use serde::Serialize;

/// What limits the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binds {
    MatrixUnits,
    Hbm,
    ScaleUp,
    ScaleOut,
    PipelineBubble,
    MemoryCapacity,
    Host,
}

impl Binds {
    pub const fn words(self) -> &'static str {
        match self {
            Binds::MatrixUnits => "matrix units",
            Binds::Hbm => "HBM bandwidth",
            Binds::ScaleUp => "scale-up network",
            Binds::ScaleOut => "scale-out network",
            Binds::PipelineBubble => "pipeline bubble",
            Binds::MemoryCapacity => "memory capacity",
            Binds::Host => "host (kernel launch)",
        }
    }
}

/// Seconds of the step on the slowest pipeline stage, by part. The parts add up to the step.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Breakdown {
    /// Matrix products of the layers, forward and backward.
    pub matrix: f64,
    /// Attention scores, forward and backward.
    pub attention: f64,
    /// Norms, residuals, activations, casts.
    pub elementwise: f64,
    /// Router, permutation and un-permutation of expert tokens.
    pub moe: f64,
    /// Repeated forward work.
    pub recompute: f64,
    /// Output product, loss and embedding.
    pub head: f64,
    /// Waiting for kernel launches.
    pub host: f64,
    /// Exposed tensor-parallel traffic.
    pub tp: f64,
    /// Exposed context-parallel traffic.
    pub cp: f64,
    /// Exposed expert-parallel traffic.
    pub ep: f64,
    /// Exposed FSDP gathers and scatters.
    pub fsdp: f64,
    /// Exposed gradient reduction and weight gather of data parallelism.
    pub dp: f64,
    /// Pipeline sends that nothing hides.
    pub pp: f64,
    /// Idle time of the pipeline.
    pub bubble: f64,
    /// Optimizer step and gradient norm.
    pub optimizer: f64,
    /// Fixed time per step.
    pub constant: f64,
}

impl Breakdown {
    pub const NAMES: [&'static str; 16] = [
        "matrix",
        "attention",
        "elementwise",
        "moe",
        "recompute",
        "head",
        "host",
        "tp",
        "cp",
        "ep",
        "fsdp",
        "dp",
        "pp",
        "bubble",
        "optimizer",
        "constant",
    ];

    pub fn to_array(&self) -> [f64; 16] {
        [
            self.matrix,
            self.attention,
            self.elementwise,
            self.moe,
            self.recompute,
            self.head,
            self.host,
            self.tp,
            self.cp,
            self.ep,
            self.fsdp,
            self.dp,
            self.pp,
            self.bubble,
            self.optimizer,
            self.constant,
        ]
    }

    /// The inverse of [`Breakdown::to_array`].
    pub fn from_array(parts: [f64; 16]) -> Breakdown {
        let [matrix, attention, elementwise, moe, recompute, head, host, tp, cp, ep, fsdp, dp, pp, bubble, optimizer, constant] = parts;
        Breakdown { matrix, attention, elementwise, moe, recompute, head, host, tp, cp, ep, fsdp, dp, pp, bubble, optimizer, constant }
    }

    pub fn total(&self) -> f64 {
        self.to_array().iter().sum()
    }
}

/// Board power of one chip over a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PowerUse {
    /// Mean over the step, watts.
    pub mean_watts: f64,
    /// Power limit of the board.
    pub limit_watts: f64,
    /// Watts while it waits: for the network, the pipeline, the host.
    pub waiting_watts: f64,
    /// Joules by part, waiting power included; they add up to mean watts x step seconds.
    pub joules: Breakdown,
}

impl PowerUse {
    /// From joules beyond the waiting power, and seconds, of every part.
    pub(crate) fn new(own: &Breakdown, seconds: &Breakdown, chip: &ChipPower) -> PowerUse {
        let mut joules = own.to_array();
        for (j, s) in joules.iter_mut().zip(seconds.to_array()) {
            *j += s * chip.waiting;
        }
        let joules = Breakdown::from_array(joules);
        PowerUse { mean_watts: joules.total() / seconds.total(), limit_watts: chip.limit, waiting_watts: chip.waiting, joules }
    }
}

/// One step under one layout.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepResult {
    /// Seconds, the middle estimate.
    pub seconds: f64,
    pub breakdown: Breakdown,
    /// Model FLOPs per step (causal-halved scores, embedding look-up excluded) over all chips.
    pub model_flops: f64,
    /// Model FLOPs / (seconds x chips x dense peak of the recipe's linear format).
    pub mfu: f64,
    /// Model and recomputed FLOPs over the same peak.
    pub hfu: f64,
    /// Seconds that the same FLOPs take at the datasheet peak: no layout can be faster.
    pub floor_seconds: f64,
    pub tokens_per_s_per_chip: f64,
    pub micro_batches: u64,
    pub memory: crate::memory::Memory,
    pub binds: Binds,
}
