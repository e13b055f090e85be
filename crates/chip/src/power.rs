//! Board power of one operator.
//!
//! P = waiting + joules per FLOP x FLOP/s + joules per byte x bytes/s, never above the board's limit.

use crate::{Cost, Engine};
use secondsource_catalog::ChipPower;

/// What the board draws beyond its waiting power, by what an operator does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    pub chip: ChipPower,
    /// Joules per FLOP of the recipe's linear format.
    pub(crate) linear: f64,
    /// Joules per FLOP of bf16.
    pub(crate) bf16: f64,
}

impl Power {
    /// `watts` are those that the board draws in a large product that runs at `rate` FLOP/s: what is above the waiting
    /// power is the products' own.
    pub(crate) fn new(chip: ChipPower, linear: (f64, f64), bf16: (f64, f64)) -> Power {
        let own = |(watts, rate): (f64, f64)| (watts.min(chip.limit) - chip.waiting).max(0.0) / rate;
        Power { chip, linear: own(linear), bf16: own(bf16) }
    }
}

impl Engine {
    /// Fills in the energy of an operator of known time; `bf16` products run in bf16 whatever the recipe.
    pub(crate) fn powered(&self, cost: Cost, bf16: bool) -> Cost {
        let Some(p) = &self.power else { return cost };
        let flop = if bf16 { p.bf16 } else { p.linear };
        let own = cost.flops * flop + cost.bytes * p.chip.joules_per_byte;
        Cost { joules: own.min((p.chip.limit - p.chip.waiting) * cost.seconds), ..cost }
    }

    /// Watts that the board draws on average over an operator; `None` when no source gives the chip a power limit.
    pub fn watts(&self, cost: &Cost) -> Option<f64> {
        let p = self.power?;
        Some(p.chip.waiting + if cost.seconds > 0.0 { cost.joules / cost.seconds } else { 0.0 })
    }

    /// Power of the board by activity.
    pub fn power(&self) -> Option<Power> {
        self.power
    }
}
