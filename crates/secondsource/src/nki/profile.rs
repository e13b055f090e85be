//! The library of kernels over a grid of shapes: the profile that operator costs of Trainium chips come from.

use super::WINDOW;
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_catalog::profile::{Curve, Kernel, KernelProfile};
use secondsource_neuroncore::kernels::library::{Format, Work};
use secondsource_neuroncore::schedule::schedule;
use secondsource_neuroncore::{Gen, Timing};
use std::fmt::Write as _;

/// Shapes, by kernel. Rows of streamed kernels are enough for the ends not to matter.
const SIDE: [u32; 4] = [128, 512, 2048, 8192];
const DEEP: [u32; 3] = [512, 2048, 8192];
const SEQ: [u32; 4] = [512, 2048, 4096, 8192];
const HEAD: [u32; 4] = [64, 128, 192, 256];
const WIDTH: [u32; 3] = [1024, 4096, 16384];
const ROWS: u32 = 2048;

/// The chips whose cores are of a generation.
const fn chips(version: Gen) -> &'static [&'static str] {
    match version {
        Gen::Gen2 => &["trn1", "inf2"],
        Gen::Gen3 => &["trn2"],
        Gen::Gen4 => &["trn3"],
    }
}

/// All shapes of a kernel, the last axis fastest; None where the generation has no such unit.
fn shapes(kernel: Kernel, version: Gen) -> Option<(Vec<Vec<u32>>, Vec<Work>)> {
    let product = |format: Format, deep: &[u32]| {
        let works = SIDE.iter().flat_map(|m| SIDE.iter().flat_map(move |n| deep.iter().map(move |k| (*m, *n, *k))));
        let works = works.map(|(m, n, k)| Work::Matmul { format, m, n, k }).collect();
        format.on(version).then(|| (vec![SIDE.to_vec(), SIDE.to_vec(), deep.to_vec()], works))
    };
    let attention = |work: &dyn Fn(u32, u32) -> Work| {
        let works = SEQ.iter().flat_map(|s| HEAD.map(|w| work(*s, w))).collect();
        Some((vec![SEQ.to_vec(), HEAD.to_vec()], works))
    };
    let rows = |work: &dyn Fn(u32, u32) -> Work| Some((vec![WIDTH.to_vec()], WIDTH.iter().map(|w| work(ROWS, *w)).collect()));
    match kernel {
        Kernel::MatmulBf16 => product(Format::Bf16, &SIDE),
        Kernel::MatmulFp8 => product(Format::Fp8, &DEEP),
        Kernel::MatmulMxFp8 => product(Format::MxFp8, &DEEP),
        Kernel::AttentionForward => attention(&|seq, width| Work::AttentionForward { seq, width }),
        Kernel::AttentionBackward => attention(&|seq, width| Work::AttentionBackward { seq, width }),
        Kernel::Norm => rows(&|rows, width| Work::RmsNorm { rows, width }),
        Kernel::Rotary => rows(&|rows, width| Work::Rotary { rows, width }),
        Kernel::SwiGlu => rows(&|rows, width| Work::SwiGlu { rows, width }),
        Kernel::Softmax => rows(&|rows, width| Work::Softmax { rows, width }),
        Kernel::CrossEntropy => rows(&|rows, width| Work::CrossEntropy { rows, width }),
        Kernel::AdamW => rows(&|rows, width| Work::AdamW { rows, width }),
        Kernel::Dispatch => rows(&|rows, width| Work::Dispatch { rows, width }),
    }
}

/// Seconds of one kernel inside a program: start and stop of the program are not counted.
fn seconds(t: &Timing, work: Work) -> Result<f64, Diagnostic> {
    Ok(schedule(t, &work.trace(t.version), WINDOW)?.1.seconds())
}

/// Schedules the whole library over its grid on one core of a generation. `progress` is called with (done, total).
///
/// # Errors
/// A catalog table that lacks a constant.
pub fn profile(version: Gen, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<KernelProfile, Diagnostic> {
    let t = Timing { launch: 0.0, ..Timing::embedded(version)? };
    let wanted: Vec<(Kernel, Vec<Vec<u32>>, Vec<Work>)> =
        Kernel::ALL.iter().filter_map(|k| shapes(*k, version).map(|(grid, works)| (*k, grid, works))).collect();
    let total: u64 = wanted.iter().map(|(_, _, w)| w.len() as u64).sum();
    let done = std::sync::atomic::AtomicU64::new(0);
    let mut curves = Vec::with_capacity(wanted.len());
    for (kernel, grid, works) in wanted {
        let rates: Result<Vec<f64>, Diagnostic> = works
            .par_iter()
            .map(|w| {
                let rate = (w.flops() + w.bytes()) / seconds(&t, *w)?;
                progress(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
                Ok(rounded(rate))
            })
            .collect();
        let grid = grid.iter().map(|g| g.iter().map(|x| f64::from(*x)).collect()).collect();
        curves.push(Curve::new(kernel, grid, rates?).map_err(Diagnostic::error)?);
    }
    Ok(KernelProfile::new(chips(version).iter().map(|c| (*c).to_owned()).collect(), curves))
}

/// Five digits, as the file has them.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.4e}").parse().unwrap_or(rate)
}

/// The profile as the file that ships.
pub fn profile_file(profile: &KernelProfile, version: Gen) -> String {
    let mut out = format!(
        "# Rates of one {} of {}: kernels of crates/neuroncore/src/kernels/library on its instruction model.\n\
         # Written by `secondsource profile {} --write`. Do not edit: run it again.\n\
         chips = [{}]\n",
        version.core(),
        version.chip(),
        version.chip(),
        profile.chips.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", "),
    );
    for c in profile.curves() {
        let axes: Vec<String> = c.kernel.axes().iter().map(|a| format!("\"{a}\"")).collect();
        let grid: Vec<String> = c.grid.iter().map(|g| format!("[{}]", list(g, |x| format!("{x:.1}")))).collect();
        let row = c.grid.last().map_or(1, Vec::len);
        let rates: Vec<String> = c.rate.chunks(row).map(|r| format!("    {},", list(r, |x| format!("{x:.4e}")))).collect();
        let _ = write!(
            out,
            "\n[[kernel]]\nname = \"{}\"\naxes = [{}]\nunit = \"{}\"\ngrid = [{}]\nrate = [\n{}\n]\n",
            c.kernel.name(),
            axes.join(", "),
            c.kernel.unit(),
            grid.join(", "),
            rates.join("\n"),
        );
    }
    out
}

fn list(values: &[f64], one: impl Fn(f64) -> String) -> String {
    values.iter().map(|x| one(*x)).collect::<Vec<_>>().join(", ")
}
