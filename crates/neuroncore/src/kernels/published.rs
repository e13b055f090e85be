//! Published kernels by name.

use super::elementwise::{Scan, adamw_fused, adamw_unfused, mamba, rope, scalar_chain, silu_fused, silu_unfused};
use super::fused::{add_rmsnorm_matmul, lora, matmul_add_rmsnorm, rmsnorm_matmul, swiglu};
use super::gemm::{Blocks, Sizes, batched, k_blocked, left_by_columns, left_by_rows, tiled};
use super::micro::{copies, load_and_exp};
use crate::trace::{Dge, Trace};
use crate::{Dtype, Gen};

/// The names of [`trace`].
pub const NAMES: &[&str] = &[
    "tutorial-v2",
    "tutorial-v3",
    "tutorial-v4",
    "tutorial-v5",
    "matmul",
    "matmul-reload",
    "matmul-blocked-2",
    "matmul-blocked-4",
    "matmul-blocked-8",
    "transpose_matmul",
    "bmm",
    "bmm_softmax",
    "rmsnorm_matmul",
    "add_rmsnorm_matmul",
    "matmul_add_rmsnorm",
    "swiglu",
    "lora",
    "silu",
    "silu-fused-1",
    "silu-fused-2",
    "silu-fused-4",
    "silu-fused-7",
    "silu-fused-8",
    "adamw",
    "adamw-fused-512",
    "adamw-fused-576",
    "adamw-fused-608",
    "adamw-fused-684",
    "adamw-fused-768",
    "adamw-fused-912",
    "adamw-fused-1024",
    "adamw-fused-1152",
    "adamw-fused-1216",
    "adamw-fused-1368",
    "adamw-fused-1536",
    "adamw-fused-1824",
    "adamw-fused-2304",
    "rope",
    "mamba",
    "mamba-v1-256",
    "mamba-v1-4096",
    "mamba-v2-4096",
    "mamba-v3-8192",
    "gemm-step0",
    "gemm-step1",
    "gemm-step2",
    "gemm-step3",
    "gemm-step4",
    "gemm-step5",
    "scan-step0",
    "scan-step2",
    "scalar-chain",
    "copy-4x8192",
    "copy-128x32",
    "copy-128x256",
    "copy-128x2048",
    "copy-128x4096",
    "copy-128x32768",
    "exp-4x4096",
    "exp-128x128",
];

/// Repeats in the copy, chain kernels: long enough that their ends do not matter.
pub const REPEATS: u32 = 512;

/// The instruction stream of a published kernel; None for a name that is not in [`NAMES`].
pub fn trace(name: &str, version: Gen) -> Option<Trace> {
    let fp32 = |m, k, n| Sizes { m, k, n, dtype: Dtype::Fp32 };
    let tutorial = fp32(4096, 8192, 8192);
    let by_k = Blocks { rows: 1, cols: 1, keep_left: false, joined: false, by_k: true };
    let gemm = |rows, cols, keep_left, joined, vector| {
        let s = Sizes { m: 4096, k: 8192, n: 8192, dtype: Dtype::Bf16 };
        tiled(version, Dge::None, s, Blocks { rows, cols, keep_left, joined, by_k: true }, vector)
    };
    let scan = |channels, length, piece, keep| mamba(version, Scan { channels, length, piece, keep });
    if let Some(rest) = name.strip_prefix("adamw-fused-") {
        let chunk: u32 = rest.parse().ok().filter(|c| NAMES.contains(&name) && 175_104 % c == 0)?;
        return Some(adamw_fused(version, chunk));
    }
    Some(match name {
        "tutorial-v2" => tiled(version, Dge::Unknown, tutorial, by_k, false),
        "tutorial-v3" => tiled(version, Dge::Unknown, tutorial, Blocks { keep_left: true, by_k: false, ..by_k }, false),
        "tutorial-v4" => tiled(version, Dge::Unknown, tutorial, Blocks { rows: 2, cols: 2, keep_left: true, by_k: false, ..by_k }, false),
        "tutorial-v5" => k_blocked(version, tutorial, 16, 2, 8),
        "matmul" => left_by_rows(version, fp32(4096, 5120, 12288), 1024, false),
        "matmul-reload" => left_by_rows(version, fp32(4096, 5120, 12288), 1024, true),
        "matmul-blocked-2" => row_blocked(version, 2),
        "matmul-blocked-4" => row_blocked(version, 4),
        "matmul-blocked-8" => row_blocked(version, 8),
        "transpose_matmul" => left_by_columns(version, fp32(4096, 2048, 10944), 8, 1024),
        "bmm" => batched(version, 16, fp32(4096, 64, 4096), false),
        "bmm_softmax" => batched(version, 16, fp32(4096, 64, 4096), true),
        "rmsnorm_matmul" => rmsnorm_matmul(version),
        "add_rmsnorm_matmul" => add_rmsnorm_matmul(version),
        "matmul_add_rmsnorm" => matmul_add_rmsnorm(version),
        "swiglu" => swiglu(version),
        "lora" => lora(version),
        "silu" => silu_unfused(version, 224, 1024, 512),
        "silu-fused-1" => silu_fused(version, 32, 7168),
        "silu-fused-2" => silu_fused(version, 64, 3584),
        "silu-fused-4" => silu_fused(version, 128, 1792),
        "silu-fused-7" => silu_fused(version, 224, 1024),
        "silu-fused-8" => silu_fused(version, 256, 896),
        "adamw" => adamw_unfused(version, 10_944),
        "rope" => rope(version, 262_144),
        "mamba" => scan(256, 7168, 7168, false),
        "mamba-v1-256" => scan(256, 512, 512, false),
        "mamba-v1-4096" => scan(4096, 512, 512, false),
        "mamba-v2-4096" => scan(4096, 512, 512, true),
        "mamba-v3-8192" => scan(4096, 8192, 512, true),
        "gemm-step0" => gemm(1, 1, false, false, false),
        "gemm-step1" => gemm(1, 2, false, false, false),
        "gemm-step2" => gemm(2, 2, false, false, false),
        "gemm-step3" => gemm(4, 2, false, false, false),
        "gemm-step4" => gemm(4, 2, false, true, false),
        "gemm-step5" => gemm(4, 2, false, true, true),
        "scan-step2" => scan(256, 2048, 2048, true),
        "scan-step0" => scan(256, 2048, 2048, false),
        "scalar-chain" => scalar_chain(version, REPEATS),
        "copy-4x8192" => copies(version, 1, 4, 8192),
        "copy-128x32" => copies(version, REPEATS, 128, 32),
        "copy-128x256" => copies(version, REPEATS, 128, 256),
        "copy-128x2048" => copies(version, REPEATS, 128, 2048),
        "copy-128x4096" => copies(version, REPEATS, 128, 4096),
        "copy-128x32768" => copies(version, REPEATS, 128, 32_768),
        "exp-4x4096" => load_and_exp(version, 4, 4096),
        "exp-128x128" => load_and_exp(version, 128, 128),
        _ => return None,
    })
}

/// NKIBench `matmul` with `rows` tiles of the left operand held and turned, and the right operand loaded once for each such block.
fn row_blocked(version: Gen, rows: u32) -> Trace {
    super::gemm::left_blocked(version, Sizes { m: 4096, k: 5120, n: 12288, dtype: Dtype::Fp32 }, rows)
}
