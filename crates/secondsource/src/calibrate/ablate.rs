//! What each piece of physics moves: the fit repeated with the piece switched off.

use super::files::Priors;
use super::fit::{fit, predict};
use crate::runs::{Case, Grade};
use crate::validate::quantile;
use secondsource_catalog::calibration::Params;
use serde::Serialize;

/// A piece of physics, and values of its parameters that switch it off.
struct Piece {
    name: &'static str,
    off: &'static [(&'static str, f64)],
}

/// As good as nothing, for parameters that must stay positive.
const NONE: f64 = 1e-9;

const PIECES: [Piece; 22] = [
    Piece { name: "attention kernel classes (SDPA, Triton)", off: &[("attention_sdpa", 1.0), ("attention_triton", 1.0)] },
    Piece {
        name: "attention rates (0.6 of peak everywhere instead)",
        off: &[
            ("attention_ampere", 0.6),
            ("attention_hopper", 0.6),
            ("attention_blackwell", 0.6),
            ("attention_ultra", 0.6),
            ("attention_tpu", 0.6),
            ("attention_other", 0.6),
            ("attention_neuron", 0.6),
            ("attention_sdpa", 1.0),
            ("attention_triton", 1.0),
        ],
    },
    Piece { name: "head width in attention", off: &[("attention_width", NONE)] },
    Piece { name: "score traffic of unfused attention", off: &[("unfused_passes", NONE)] },
    Piece { name: "elementwise traffic", off: &[("elementwise", NONE)] },
    Piece { name: "eager elementwise chains", off: &[("elementwise_eager", 1.0)] },
    Piece { name: "power limit", off: &[("gemm_watts", NONE)] },
    Piece { name: "idle power of the board", off: &[("idle_watts", NONE)] },
    Piece { name: "family factors", off: &[("gemm_ampere", 1.0), ("gemm_hopper", 1.0), ("gemm_blackwell", 1.0), ("gemm_cdna", 1.0)] },
    Piece { name: "low-precision factors", off: &[("energy_fp8", 1.0), ("dtype_mxfp8", 1.0), ("dtype_fp4", 1.0), ("dtype_int8", 1.0)] },
    Piece { name: "fill and drain of products", off: &[("gemm_fill", NONE)] },
    Piece { name: "wave quantisation", off: &[("wave_loss", NONE)] },
    Piece { name: "fill of grouped products", off: &[("moe_fill", NONE)] },
    Piece { name: "host launch", off: &[("host_layer", NONE), ("host_layer_old", NONE)] },
    Piece { name: "constant per step", off: &[("step_constant", NONE)] },
    Piece {
        name: "tensor-parallel traffic",
        off: &[
            ("tp_exposed", NONE),
            ("tp_exposed_old", NONE),
            ("tp_exposed_xla", NONE),
            ("tp_exposed_neuron", NONE),
            ("collective_sync", NONE),
            ("collective_sync_old", NONE),
        ],
    },
    Piece { name: "waiting for ranks", off: &[("collective_sync", NONE), ("collective_sync_old", NONE)] },
    Piece { name: "data-parallel traffic", off: &[("dp_exposed", NONE)] },
    Piece { name: "expert all-to-all", off: &[("ep_exposed", NONE)] },
    Piece { name: "exposed FSDP traffic", off: &[("fsdp_norm", 50.0), ("fsdp_norm_xla", 50.0)] },
    Piece { name: "MoE dispatcher generations", off: &[("moe_age", 1.0)] },
    Piece { name: "permutation of expert tokens", off: &[("moe_permute", NONE)] },
];

/// Errors of the refit without one piece. Percent of the published step time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    pub name: String,
    pub median_a: f64,
    pub p90_a: f64,
    pub median_ab: f64,
    pub p90_ab: f64,
    /// Rows whose prediction moves by more than 2%.
    pub rows_moved: u64,
}

/// Refits without each piece in turn, from the full fit. The first entry is the full fit itself.
pub(crate) fn ablate(cases: &[&Case], priors: &Priors, full: &Params, tick: &(dyn Fn(u64, u64) + Sync)) -> Vec<Ablation> {
    let seconds = |p: &Params| -> Vec<f64> { cases.iter().map(|c| predict(c, p, &priors.energy).unwrap_or(f64::NAN)).collect() };
    let base = seconds(full);
    let total = PIECES.len() as u64;
    let mut out = vec![errors("everything", cases, &base, &base)];
    for (i, piece) in PIECES.iter().enumerate() {
        tick(i as u64, total);
        let mut pinned = priors.clone();
        let mut start = full.to_array();
        for (name, value) in piece.off {
            let Some(j) = Params::NAMES.iter().position(|n| n == name) else { continue };
            let p = &mut pinned.list[j];
            (p.prior, p.low, p.high, p.sd) = (*value, *value, *value, 1e-3);
            start[j] = *value;
        }
        let f = fit(cases, &pinned, &Params::from_array(&start), 30, &|_| {});
        out.push(errors(piece.name, cases, &seconds(&f.params), &base));
    }
    tick(total, total);
    out
}

fn errors(name: &str, cases: &[&Case], now: &[f64], base: &[f64]) -> Ablation {
    let pick = |only_a: bool| -> Vec<f64> {
        let keep = cases.iter().zip(now).filter(|(c, _)| !only_a || c.grade == Grade::A);
        keep.map(|(c, s)| (s / c.measured - 1.0).abs() * 100.0).collect()
    };
    let (a, ab) = (pick(true), pick(false));
    Ablation {
        name: name.to_owned(),
        median_a: quantile(a.clone(), 0.5),
        p90_a: quantile(a, 0.9),
        median_ab: quantile(ab.clone(), 0.5),
        p90_ab: quantile(ab, 0.9),
        rows_moved: now.iter().zip(base).filter(|(x, y)| (*x / *y).ln().abs() > 0.02).count() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_name_parameters() {
        for p in &PIECES {
            for (name, value) in p.off {
                assert!(Params::NAMES.contains(name), "{}: {name}", p.name);
                assert!(*value > 0.0);
            }
        }
    }
}
