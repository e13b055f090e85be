//! Our own training kernels as instruction streams of one core: what the operator costs of Trainium chips come from.
//!
//! Operands lie in device memory as the Tensor engine wants them (the contraction along the partitions) and results leave
//! row by row, so no product pays for a transpose; activations are bf16, sums fp32, optimizer state fp32.

mod attention;
mod product;
mod stream;

use crate::trace::Trace;
use crate::{Dtype, Gen};

/// Number format of a product's operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Bf16,
    /// Two contraction rows a cycle (generation 3 on).
    Fp8,
    /// Four, with a scale for each 32 elements (generation 4).
    MxFp8,
}

impl Format {
    pub const ALL: [Format; 3] = [Format::Bf16, Format::Fp8, Format::MxFp8];

    pub const fn name(self) -> &'static str {
        match self {
            Format::Bf16 => "bf16",
            Format::Fp8 => "fp8",
            Format::MxFp8 => "mxfp8",
        }
    }

    /// Whether a generation's Tensor engine has it at more than the rate of bf16.
    pub const fn on(self, version: Gen) -> bool {
        match self {
            Format::Bf16 => true,
            Format::Fp8 => matches!(version, Gen::Gen3),
            Format::MxFp8 => matches!(version, Gen::Gen4),
        }
    }

    /// Contraction rows of one instruction.
    const fn depth(self) -> u32 {
        match self {
            Format::Bf16 => 128,
            Format::Fp8 => 256,
            Format::MxFp8 => 512,
        }
    }

    /// The type that a partition's bytes are counted in: one element holds one contraction row a pass.
    const fn dtype(self) -> Dtype {
        match self {
            Format::Bf16 => Dtype::Bf16,
            Format::Fp8 => Dtype::U16,
            Format::MxFp8 => Dtype::U32,
        }
    }
}

/// One kernel with its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// `m` x `k` by `k` x `n`; multiples of 128, `k` of the format's depth.
    Matmul {
        format: Format,
        m: u32,
        n: u32,
        k: u32,
    },
    /// One head of causal attention of `seq` tokens (a multiple of 512), `width` at most 256.
    AttentionForward {
        seq: u32,
        width: u32,
    },
    AttentionBackward {
        seq: u32,
        width: u32,
    },
    /// Residual add and root-mean-square norm of `rows` x `width`.
    RmsNorm {
        rows: u32,
        width: u32,
    },
    /// Rotary embedding of `rows` x `width`, heads of 128.
    Rotary {
        rows: u32,
        width: u32,
    },
    /// `silu(gate) * up`.
    SwiGlu {
        rows: u32,
        width: u32,
    },
    Softmax {
        rows: u32,
        width: u32,
    },
    /// Loss and its gradient from logits.
    CrossEntropy {
        rows: u32,
        width: u32,
    },
    /// One AdamW step: fp32 weights, moments and gradient, and a bf16 copy of the weights.
    AdamW {
        rows: u32,
        width: u32,
    },
    /// Rows gathered by index and written in expert order.
    Dispatch {
        rows: u32,
        width: u32,
    },
}

impl Work {
    /// The instruction stream.
    pub fn trace(self, version: Gen) -> Trace {
        match self {
            Work::Matmul { format, m, n, k } => product::matmul(version, format, m, n, k),
            Work::AttentionForward { seq, width } => attention::forward(version, seq, width),
            Work::AttentionBackward { seq, width } => attention::backward(version, seq, width),
            Work::RmsNorm { rows, width } => stream::rms_norm(version, rows, width),
            Work::Rotary { rows, width } => stream::rotary(version, rows, width),
            Work::SwiGlu { rows, width } => stream::swiglu(version, rows, width),
            Work::Softmax { rows, width } => stream::softmax(version, rows, width),
            Work::CrossEntropy { rows, width } => stream::cross_entropy(version, rows, width),
            Work::AdamW { rows, width } => stream::adamw(version, rows, width),
            Work::Dispatch { rows, width } => stream::dispatch(version, rows, width),
        }
    }

    /// FLOPs that the operator needs (no mask, no padding, no recomputation); 0 for those that only stream.
    pub fn flops(self) -> f64 {
        match self {
            Work::Matmul { m, n, k, .. } => 2.0 * f64::from(m) * f64::from(n) * f64::from(k),
            // Two products over half of the square.
            Work::AttentionForward { seq, width } => 2.0 * f64::from(seq) * f64::from(seq) * f64::from(width),
            Work::AttentionBackward { seq, width } => 5.0 * f64::from(seq) * f64::from(seq) * f64::from(width),
            _ => 0.0,
        }
    }

    /// Bytes that must cross device memory once; 0 for products and attention.
    pub fn bytes(self) -> f64 {
        let area = |rows: u32, width: u32, each: f64| f64::from(rows) * f64::from(width) * each;
        match self {
            Work::Matmul { .. } | Work::AttentionForward { .. } | Work::AttentionBackward { .. } => 0.0,
            Work::RmsNorm { rows, width } => area(rows, width, 8.0),
            Work::Rotary { rows, width } | Work::Softmax { rows, width } | Work::Dispatch { rows, width } => area(rows, width, 4.0),
            Work::SwiGlu { rows, width } | Work::CrossEntropy { rows, width } => area(rows, width, 6.0),
            Work::AdamW { rows, width } => area(rows, width, 30.0),
        }
    }
}
