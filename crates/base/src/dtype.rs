//! Number formats that matrix units accept.

use serde::{Deserialize, Serialize};

/// A number format. `Bf16` also stands for fp16, which every chip of the catalog runs at the same rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    Fp32,
    Tf32,
    Bf16,
    Fp8,
    MxFp8,
    NvFp4,
    MxFp4,
    Int8,
}

impl Dtype {
    pub const ALL: [Dtype; 8] = [Dtype::Fp32, Dtype::Tf32, Dtype::Bf16, Dtype::Fp8, Dtype::MxFp8, Dtype::NvFp4, Dtype::MxFp4, Dtype::Int8];

    /// Stable position in per-format tables.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Lower-case name as written in job files and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Dtype::Fp32 => "fp32",
            Dtype::Tf32 => "tf32",
            Dtype::Bf16 => "bf16",
            Dtype::Fp8 => "fp8",
            Dtype::MxFp8 => "mxfp8",
            Dtype::NvFp4 => "nvfp4",
            Dtype::MxFp4 => "mxfp4",
            Dtype::Int8 => "int8",
        }
    }

    /// Bytes that one stored element takes, scales of block formats included
    /// (MX: one byte per 32 elements; NVFP4: one byte per 16).
    pub const fn bytes(self) -> f64 {
        match self {
            Dtype::Fp32 | Dtype::Tf32 => 4.0,
            Dtype::Bf16 => 2.0,
            Dtype::Fp8 | Dtype::Int8 => 1.0,
            Dtype::MxFp8 => 1.0 + 1.0 / 32.0,
            Dtype::MxFp4 => 0.5 + 1.0 / 32.0,
            Dtype::NvFp4 => 0.5 + 1.0 / 16.0,
        }
    }

    /// Reads a name as users and run tables write it (`fp16` means [`Dtype::Bf16`]).
    pub fn parse(text: &str) -> Option<Dtype> {
        let t = text.trim().to_ascii_lowercase();
        if t == "fp16" {
            return Some(Dtype::Bf16);
        }
        Dtype::ALL.into_iter().find(|d| d.name() == t)
    }
}
