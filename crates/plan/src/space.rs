//! The bounds of the search and its enumeration.

use secondsource_catalog::hardware::ScaleUpShape;
use secondsource_step::StepModel;
use secondsource_workload::layout::{CpMode, Layout, Recompute, Schedule, Zero};
use secondsource_workload::model::Ffn;
use secondsource_workload::recipe::AttentionKernel;

/// Parts of a layout that are not to be searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pins {
    pub tp: Option<u32>,
    pub cp: Option<u32>,
    pub pp: Option<u32>,
    pub vpp: Option<u32>,
    pub dp: Option<u32>,
    pub ep: Option<u32>,
    pub etp: Option<u32>,
    pub micro_batch: Option<u32>,
    pub zero: Option<Zero>,
    pub shard_group: Option<u32>,
    pub recompute: Option<Recompute>,
    pub schedule: Option<Schedule>,
    pub cp_mode: Option<CpMode>,
    pub sequence_parallel: Option<bool>,
}

/// Values that the search tries. Every combination that divides is a layout of the space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    pub tp: Vec<u32>,
    pub cp: Vec<u32>,
    pub pp: Vec<u32>,
    pub vpp: Vec<u32>,
    pub ep: Vec<u32>,
    /// Expert tensor parallelism as wide as tp is tried too.
    pub etp_as_tp: bool,
    pub zero: Vec<Zero>,
    pub micro_batch: Vec<u32>,
    pub recompute: Vec<Recompute>,
    pub schedule: Vec<Schedule>,
    pub pins: Pins,
}

/// What layer times depend on; pp, vpp, dp and ZeRO are free beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub tp: u32,
    pub cp: u32,
    pub ep: u32,
    pub etp: u32,
    pub micro_batch: u32,
    pub recompute: Recompute,
}

fn divisors(n: u64, most: u64) -> Vec<u32> {
    (1..=most.min(n)).filter(|d| n.is_multiple_of(*d)).map(|d| d as u32).collect()
}

fn pinned<T: Copy>(pin: Option<T>, values: Vec<T>) -> Vec<T> {
    pin.map_or(values, |v| vec![v])
}

impl Space {
    /// The default bounds: tp up to 64 and up to the scale-up domain; cp up to 64 with at least 512 tokens a rank;
    /// pp up to 128 and up to the layers; vpp up to 16; ep any divisor of the experts up to 256; micro-batches of
    /// 1 to 16 sequences; ZeRO-1, 2 and 3; recompute none, full, and selective where scores go through memory;
    /// 1F1B, interleaved when vpp > 1.
    pub fn new(model: &StepModel<'_>, pins: Pins) -> Space {
        let input = &model.input;
        let chips = input.chips;
        let domain = input
            .hw
            .levels
            .iter()
            .filter(|l| !l.scale_out)
            .map(|l| if matches!(l.shape, ScaleUpShape::Torus(_)) { 64 } else { u64::from(l.chips) })
            .max()
            .unwrap_or(1);
        let experts = input.model.runs.iter().find_map(|r| match r.layer.ffn {
            Ffn::Moe { moe, .. } => Some(moe.experts),
            _ => None,
        });
        let mut recompute = vec![Recompute::None, Recompute::Full];
        if model.recipe.software.attention == AttentionKernel::Unfused {
            recompute.insert(1, Recompute::Selective);
        }
        Space {
            tp: pinned(pins.tp, divisors(chips, domain.min(64))),
            cp: pinned(pins.cp, divisors(chips, 64.min((input.seq / 512).max(1)))),
            pp: pinned(pins.pp, divisors(chips, 128.min(input.model.layers()))),
            vpp: pinned(pins.vpp, (1..=16).collect()),
            ep: pinned(pins.ep, experts.map_or(vec![1], |e| divisors(e, 256.min(chips)))),
            etp_as_tp: experts.is_some() && pins.etp.is_none(),
            zero: pinned(pins.zero, vec![Zero::Z1, Zero::Z2, Zero::Z3]),
            micro_batch: pinned(pins.micro_batch, vec![1, 2, 4, 8, 16]),
            recompute: pinned(pins.recompute, recompute),
            schedule: pinned(pins.schedule, vec![Schedule::OneFOneB]),
            pins,
        }
    }

    /// All keys, in a fixed order.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        for &tp in &self.tp {
            for &cp in &self.cp {
                for &ep in &self.ep {
                    let mut etps = vec![self.pins.etp.unwrap_or(1)];
                    if self.etp_as_tp && tp > 1 {
                        etps.push(tp);
                    }
                    for &etp in &etps {
                        for &micro_batch in &self.micro_batch {
                            for &recompute in &self.recompute {
                                keys.push(Key { tp, cp, ep, etp, micro_batch, recompute });
                            }
                        }
                    }
                }
            }
        }
        keys
    }

    pub(crate) fn layout(&self, k: &Key, pp: u32, vpp: u32, dp: u32, zero: Zero, schedule: Schedule) -> Layout {
        Layout {
            tp: k.tp,
            cp: k.cp,
            pp,
            vpp,
            dp,
            ep: k.ep,
            etp: k.etp,
            zero,
            shard_group: self.pins.shard_group.unwrap_or(0),
            micro_batch: k.micro_batch,
            recompute: k.recompute,
            schedule,
            sequence_parallel: self.pins.sequence_parallel.unwrap_or(true),
            cp_mode: self.pins.cp_mode.unwrap_or(CpMode::Ring),
        }
    }
}
