//! Time, memory traffic and power of one operator on one chip, from shapes, number format and the chip's
//! datasheet, through a small set of calibrated parameters.
//!
//! Never here: the network, layers, schedules, money. No parameter value stands in this code: they come in
//! as [`Params`].

mod attention;
mod engine;
mod gemm;
mod kernels;
mod power;

pub use engine::{Class, Engine, MissingPeak};
pub use power::Power;
pub use secondsource_catalog::calibration::Params;

/// Cost of one operator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Seconds on the chip, host time not included.
    pub seconds: f64,
    /// Multiply-adds times two that the operator needs, padding not counted.
    pub flops: f64,
    /// Bytes to and from HBM.
    pub bytes: f64,
    /// Share of `seconds` for which the matrix units would be busy at their sustained rate; the rest
    /// waits for memory.
    pub matrix_seconds: f64,
    /// Energy beyond what the board draws while it waits (see [`Power`]); 0 when the chip has no power limit.
    pub joules: f64,
}

impl Cost {
    pub const ZERO: Cost = Cost { seconds: 0.0, flops: 0.0, bytes: 0.0, matrix_seconds: 0.0, joules: 0.0 };

    pub fn times(self, n: f64) -> Cost {
        Cost {
            seconds: self.seconds * n,
            flops: self.flops * n,
            bytes: self.bytes * n,
            matrix_seconds: self.matrix_seconds * n,
            joules: self.joules * n,
        }
    }
}

impl std::ops::Add for Cost {
    type Output = Cost;
    fn add(self, o: Cost) -> Cost {
        Cost {
            seconds: self.seconds + o.seconds,
            flops: self.flops + o.flops,
            bytes: self.bytes + o.bytes,
            matrix_seconds: self.matrix_seconds + o.matrix_seconds,
            joules: self.joules + o.joules,
        }
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, o: Cost) {
        *self = *self + o;
    }
}
