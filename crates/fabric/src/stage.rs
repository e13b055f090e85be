//! One level of a placed group, resolved to effective rates, and the tally that turns stages into a [`Cost`].

use secondsource_catalog::hardware::{Hardware, NetworkLevel, ScaleUpShape};

use crate::place::{MAX_LEVELS, Placement};
use crate::torus::Axes;
use crate::types::{Algorithm, Bound, Cost, Efficiency};

/// A level that the group extends over. Rates are effective: efficiency and sharing are in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub level: usize,
    pub at: &'a NetworkLevel,
    /// Units that take part.
    pub units: u32,
    /// Chips that share the traffic of one unit.
    pub lanes: f64,
    /// Bytes per second one chip can send to all its peers together.
    pub rate: f64,
    /// Bytes per second one chip can send to one peer.
    pub link: f64,
    /// Seconds per step, software included.
    pub step: f64,
    /// Seconds of wire per hop, and of software per step (for steps of several hops).
    pub hop: f64,
    pub software: f64,
}

impl<'a> Stage<'a> {
    fn new(hw: &'a Hardware, p: &Placement, eff: &Efficiency, level: usize) -> Stage<'a> {
        let at = &hw.levels[level];
        let (share, software) = if at.scale_out { (eff.scale_out, eff.scale_out_step) } else { (eff.scale_up, eff.scale_up_step) };
        let injection = at.injection * share / f64::from(p.contenders[level].max(1));
        let units = p.extents[level];
        let (rate, link) = match at.shape {
            ScaleUpShape::FullMesh if at.chips != u32::MAX => {
                let inside = if level == 0 { 1 } else { hw.levels[level - 1].chips.max(1) };
                let peers = (at.chips / inside).max(units) - 1;
                let link = injection / f64::from(peers.max(1));
                (link * f64::from(units - 1), link)
            }
            _ => (injection, injection),
        };
        let lanes = f64::from(p.lanes[level].max(1));
        Stage { level, at, units, lanes, rate, link, step: at.latency + software, hop: at.latency, software }
    }

    pub fn n(&self) -> f64 {
        f64::from(self.units)
    }

    pub fn is_torus(&self) -> bool {
        matches!(self.at.shape, ScaleUpShape::Torus(_))
    }

    pub fn is_switched(&self) -> bool {
        matches!(self.at.shape, ScaleUpShape::Switched)
    }

    /// The axes of a torus level.
    pub fn axes(&self, p: &Placement, eff: &Efficiency) -> Axes {
        let share = if self.at.scale_out { eff.scale_out } else { eff.scale_up };
        let share = share / f64::from(p.contenders[self.level].max(1));
        Axes::new(&p.torus, &self.at.axis_bandwidth, share, self.hop, self.software)
    }
}

/// The active levels of a group, innermost first.
pub(crate) struct Stages<'a> {
    list: [Option<Stage<'a>>; MAX_LEVELS],
    count: usize,
}

impl<'a> Stages<'a> {
    pub fn new(hw: &'a Hardware, p: &Placement, eff: &Efficiency) -> Stages<'a> {
        let mut stages = Stages { list: [None; MAX_LEVELS], count: 0 };
        for level in 0..p.levels.min(hw.levels.len()).min(MAX_LEVELS) {
            if p.extents[level] > 1 {
                stages.list[stages.count] = Some(Stage::new(hw, p, eff, level));
                stages.count += 1;
            }
        }
        stages
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Stage<'a>> {
        self.list[..self.count].iter().flatten()
    }

    pub fn top(&self) -> Option<&Stage<'a>> {
        self.count.checked_sub(1).and_then(|i| self.list[i].as_ref())
    }
}

/// Sums of a collective under construction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tally {
    latency: f64,
    bandwidth: f64,
    worst_bandwidth: f64,
    worst_level: usize,
    worst_stage: f64,
    algorithm: Algorithm,
    up: f64,
    out: f64,
}

impl Tally {
    pub fn new() -> Tally {
        Tally {
            latency: 0.0,
            bandwidth: 0.0,
            worst_bandwidth: -1.0,
            worst_level: 0,
            worst_stage: -1.0,
            algorithm: Algorithm::None,
            up: 0.0,
            out: 0.0,
        }
    }

    /// Adds a stage: seconds of bytes, seconds of steps, bytes that one chip sends.
    pub fn add(&mut self, stage: &Stage, algorithm: Algorithm, bandwidth: f64, latency: f64, sent: f64) {
        self.latency += latency;
        self.bandwidth += bandwidth;
        if bandwidth > self.worst_bandwidth {
            self.worst_bandwidth = bandwidth;
            self.worst_level = stage.level;
        }
        if bandwidth + latency > self.worst_stage {
            self.worst_stage = bandwidth + latency;
            self.algorithm = algorithm;
        }
        if stage.at.scale_out {
            self.out += sent;
        } else {
            self.up += sent;
        }
    }

    /// `pipelined`: all levels work at once, the slowest counts; otherwise one after the other.
    pub fn finish(&self, pipelined: bool, launch: f64) -> Cost {
        let bandwidth_part = if pipelined { self.worst_bandwidth.max(0.0) } else { self.bandwidth };
        let latency_part = self.latency + launch;
        Cost {
            seconds: latency_part + bandwidth_part,
            latency_part,
            bandwidth_part,
            algorithm: self.algorithm,
            scale_out_bytes_per_chip: self.out,
            scale_up_bytes_per_chip: self.up,
            bound: if latency_part > bandwidth_part { Bound::Latency } else { Bound::Bandwidth(self.worst_level) },
        }
    }
}
