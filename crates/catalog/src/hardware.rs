//! What the engines need to know of a system: plain numbers in base units, resolved from catalog figures.

use std::sync::Arc;

use crate::profile::{Kernel, KernelProfile};
use secondsource_base::Dtype;

/// Shape of the scale-up network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScaleUpShape {
    /// Any chip reaches any other at full injection bandwidth (NVSwitch, NVL72).
    Switched,
    /// A direct link between every pair; the injection bandwidth is split evenly over peers.
    FullMesh,
    /// A torus with these extents (1 = unused axis). Each used axis has two links per chip
    /// (one if the extent is 2), `axis_bandwidth` is per link and direction.
    Torus([u32; 3]),
}

/// One level of the network, innermost first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkLevel {
    /// Chips inside one unit of this level (e.g. 8 for an NVSwitch node, 72 for NVL72, 64 for a Trn2
    /// UltraServer). The outermost level has `u32::MAX` or the largest cluster.
    pub chips: u32,
    pub shape: ScaleUpShape,
    /// Bytes per second one chip can send into this level, one direction.
    pub injection: f64,
    /// For `Torus`: bytes per second of one link along each axis, one direction; otherwise zeros.
    pub axis_bandwidth: [f64; 3],
    /// Seconds for the smallest message between two chips of this level.
    pub latency: f64,
    /// True for EFA, InfiniBand, Ethernet, DCN.
    pub scale_out: bool,
    /// True where chips reach each other over the host's bus only (PCIe), not over links of their own.
    pub host_bus: bool,
}

/// A chip as the engines see it. Units: FLOP/s, bytes, bytes/s, watts.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipSpec {
    pub id: String,
    pub vendor: String,
    /// Calibration family: `ampere`, `hopper`, `ada`, `blackwell`, `rubin`, `cdna2`, `cdna3`, `cdna4`, `cdna5`,
    /// `gaudi`, `tpu`, `neuron`.
    pub family: String,
    /// Dense peak per [`Dtype::index`]; `None` when the chip has no such unit or no source gives it.
    pub peaks: [Option<f64>; 8],
    pub hbm_bytes: f64,
    pub hbm_bandwidth: f64,
    /// Board power limit; `None` when no source gives one.
    pub tdp: Option<f64>,
    /// SMs, CUs, NeuronCores, TensorCores; `None` when no source gives it.
    pub cores: Option<f64>,
    /// What the board draws while it does something; `None` without a power limit.
    pub power: Option<ChipPower>,
    /// What kernels reach on its cores, where they were run on the instruction model.
    pub kernels: Option<Arc<ChipKernels>>,
}

/// The kernels of a chip, and what the calibrated shares of peak refer to.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipKernels {
    pub profile: KernelProfile,
    /// Shares of the datasheet's bf16 peak that the library reaches on the chip whose published runs are in the
    /// calibration (trn1): a large product, and attention of 4,096 tokens at head width 128.
    pub product_reference: f64,
    pub attention_reference: f64,
    /// Time of the user's own kernel over the library's, by [`Kernel`]; 1 where there is none.
    pub own: [f64; Kernel::ALL.len()],
}

impl ChipKernels {
    /// Rate of one core at a shape, own kernels taken into account; `None` where the core lacks the unit.
    pub fn rate(&self, kernel: Kernel, shape: &[f64]) -> Option<f64> {
        Some(self.profile.curve(kernel)?.at(shape) / self.own[kernel as usize])
    }
}

/// Board power by activity, from the table `activity` and the chip's power limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChipPower {
    /// Watts while the chip waits with its clocks up: the share of the power limit that an H100 was read at.
    pub waiting: f64,
    /// Joules per byte from or to HBM, on-chip path included, beyond the waiting power: what an H100 draws while
    /// it streams weights.
    pub joules_per_byte: f64,
    /// The board's power limit, watts.
    pub limit: f64,
}

impl ChipSpec {
    /// Dense peak for a format, falling back inside the rules that hardware follows: fp16 = bf16,
    /// block-scaled fp8 runs on the fp8 unit, MXFP4 and NVFP4 on the fp4 unit. Never across widths.
    pub fn peak(&self, dtype: Dtype) -> Option<f64> {
        self.peaks[dtype.index()]
    }
}

/// A system that jobs run on: a chip and the network around it.
#[derive(Debug, Clone, PartialEq)]
pub struct Hardware {
    /// Catalog id of the system (`trn2-ultraserver`).
    pub system: String,
    pub chip: ChipSpec,
    pub chips_per_node: u32,
    /// Innermost first; the last is the scale-out network.
    pub levels: Vec<NetworkLevel>,
    /// Largest number of chips one job can have, where a source says so.
    pub max_chips: Option<u64>,
}
