//! What goes into a collective's cost and what comes out.

use secondsource_catalog::hardware::Hardware;

/// What a group of chips does together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collective {
    /// Bytes: the full buffer that every rank holds before and after.
    AllReduce,
    /// Bytes: the full input of every rank; the output is one `size`-th of it.
    ReduceScatter,
    /// Bytes: the gathered result; the input of every rank is one `size`-th of it.
    AllGather,
    /// Bytes: the full buffer of every rank, `size` equal pieces, one of which stays at home.
    AllToAll,
    /// Bytes: the message that every member sends to the next one along the stride, all at the same time.
    SendRecv,
    /// Bytes: the message of the root.
    Broadcast,
}

/// The share of link bandwidth that large messages reach, and the software time of small ones.
/// All values come from the caller (a calibration file): this crate has no opinion on them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Efficiency {
    /// Fraction of the bandwidth of scale-up levels (NVLink, NeuronLink, ICI...).
    pub scale_up: f64,
    /// Fraction of the bandwidth of scale-out levels (EFA, InfiniBand, Ethernet, DCN).
    pub scale_out: f64,
    /// Seconds that software adds to the wire latency of one step on a scale-up level.
    pub scale_up_step: f64,
    /// Seconds that software adds to the wire latency of one step on a scale-out level.
    pub scale_out_step: f64,
    /// Seconds to post one message in algorithms that talk to every peer at once (mesh, all-to-all).
    pub per_message: f64,
    /// Seconds to start one collective, whatever it is.
    pub launch: f64,
}

impl Efficiency {
    /// The wire alone: full bandwidth, no software. A bound, not a prediction.
    pub const WIRE: Efficiency =
        Efficiency { scale_up: 1.0, scale_out: 1.0, scale_up_step: 0.0, scale_out_step: 0.0, per_message: 0.0, launch: 0.0 };
}

/// Which communication library runs the group. It fixes the set of algorithms and how levels combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LibraryKind {
    /// Flat rings over all ranks, double binary trees, in-switch reduction; chunks flow through all levels at once.
    Nccl,
    /// As NCCL, with direct exchange on a full mesh below a threshold.
    Rccl,
    /// Level after level, each with mesh, recursive doubling/halving or ring.
    Neuron,
    /// Bidirectional rings over all torus axes, then the data-centre network.
    Xla,
    /// Level after level, direct exchange on the full mesh of a node (Gaudi).
    Hccl,
}

/// Largest buffer, in bytes at that level, for which an algorithm may be picked; `None` = never.
///
/// Upper limits, not ranges: below a limit the cheapest of the algorithms allowed is taken, so that more bytes
/// can never be faster.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Direct exchange with every peer in one step.
    pub mesh_max: Option<f64>,
    /// Recursive doubling and halving (groups of 2^p only).
    pub rdh_max: Option<f64>,
}

/// A library and its switching points. The numbers are data: see `docs/fabric.md` for which catalog row feeds which.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Library {
    pub kind: LibraryKind,
    pub scale_up: Thresholds,
    pub scale_out: Thresholds,
    /// In-switch reduction (NVLS) on switched scale-up levels: the fraction of the level's bandwidth that it keeps.
    /// `None` where switches cannot reduce.
    pub switch_reduction: Option<f64>,
    /// Double binary tree for all-reduce: the fraction of ring bandwidth that it keeps. `None` = not offered.
    pub tree: Option<f64>,
    /// Parallel aggregated trees (NCCL 2.23+) for all-gather and reduce-scatter of groups with one member per node:
    /// the fraction of ring bandwidth kept. `None` = not offered.
    pub pat: Option<f64>,
}

impl Library {
    /// A library that only knows rings (and multi-rings on a torus).
    pub const fn rings(kind: LibraryKind) -> Library {
        let none = Thresholds { mesh_max: None, rdh_max: None };
        Library { kind, scale_up: none, scale_out: none, switch_reduction: None, tree: None, pat: None }
    }

    /// The library that a vendor ships for a chip, without derating and without size limits that stand in data.
    /// Unknown vendors get NCCL's algorithms without in-switch reduction.
    pub fn of(hw: &Hardware) -> Library {
        let is = |names: &[&str], text: &str| names.iter().any(|n| text.eq_ignore_ascii_case(n));
        let vendor = hw.chip.vendor.as_str();
        let family = hw.chip.family.as_str();
        if is(&["neuron"], family) || is(&["aws", "amazon"], vendor) {
            Library::rings(LibraryKind::Neuron)
        } else if is(&["tpu"], family) || is(&["google"], vendor) {
            Library::rings(LibraryKind::Xla)
        } else if is(&["gaudi"], family) || is(&["intel"], vendor) {
            let mut library = Library::rings(LibraryKind::Hccl);
            library.scale_up.mesh_max = Some(f64::INFINITY);
            library
        } else if is(&["amd"], vendor) {
            Library { tree: Some(1.0), ..Library::rings(LibraryKind::Rccl) }
        } else {
            let reduces = is(&["hopper", "blackwell", "blackwell-ultra", "rubin"], family).then_some(1.0);
            Library { tree: Some(1.0), switch_reduction: reduces, ..Library::rings(LibraryKind::Nccl) }
        }
    }

    /// Whether chunks flow through all levels at once (time = slowest level) or level after level (time = sum).
    pub const fn pipelined(&self) -> bool {
        matches!(self.kind, LibraryKind::Nccl | LibraryKind::Rccl)
    }

    pub(crate) fn thresholds(&self, scale_out: bool) -> &Thresholds {
        if scale_out { &self.scale_out } else { &self.scale_up }
    }
}

/// The algorithm that takes most of the time of a collective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Nothing to do.
    None,
    Ring,
    /// Double binary tree between nodes, chains inside.
    Tree,
    /// Reduction and multicast in the switch (NVLS; with a tree between domains: NVLSTree).
    InSwitch,
    /// Every rank to every rank, routed by the network, one step per phase.
    Mesh,
    RecursiveDoubling,
    /// Bidirectional rings over all axes of a torus at once.
    MultiRing,
    /// Parallel aggregated trees.
    Pat,
    /// Pairwise messages: all-to-all and send/receive.
    Direct,
}

impl Algorithm {
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::None => "none",
            Algorithm::Ring => "ring",
            Algorithm::Tree => "tree",
            Algorithm::InSwitch => "in-switch",
            Algorithm::Mesh => "mesh",
            Algorithm::RecursiveDoubling => "recursive-doubling",
            Algorithm::MultiRing => "multi-ring",
            Algorithm::Pat => "pat",
            Algorithm::Direct => "direct",
        }
    }
}

/// What limits a collective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bound {
    /// Nothing to do.
    Idle,
    /// Steps cost more than bytes.
    Latency,
    /// The bandwidth of this level (index into `Hardware::levels`).
    Bandwidth(usize),
}

/// Time and traffic of one collective.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Seconds: `latency_part + bandwidth_part`. Infinite when no level joins the members.
    pub seconds: f64,
    /// Seconds of steps and start-up.
    pub latency_part: f64,
    /// Seconds of bytes on the binding level (pipelined libraries) or on all levels (staged ones).
    pub bandwidth_part: f64,
    /// The algorithm of the most expensive stage.
    pub algorithm: Algorithm,
    /// Bytes that one chip sends over scale-out levels.
    pub scale_out_bytes_per_chip: f64,
    /// Bytes that one chip sends over scale-up levels, forwarding for others on a torus not counted.
    pub scale_up_bytes_per_chip: f64,
    pub bound: Bound,
}

impl Cost {
    pub const ZERO: Cost = Cost {
        seconds: 0.0,
        latency_part: 0.0,
        bandwidth_part: 0.0,
        algorithm: Algorithm::None,
        scale_out_bytes_per_chip: 0.0,
        scale_up_bytes_per_chip: 0.0,
        bound: Bound::Idle,
    };
}
