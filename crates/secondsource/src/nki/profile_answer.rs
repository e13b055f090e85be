//! What `secondsource profile` prints: each kernel at a few shapes, against the core's peaks.

use super::profile::{profile, profile_file};
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_catalog::profile::Kernel;
use secondsource_neuroncore::{Gen, Timing};
use serde::Serialize;

/// A shape of a kernel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfilePoint {
    /// In the order of `axes`.
    pub shape: Vec<f64>,
    /// FLOP/s or bytes per second of one core.
    pub rate: f64,
    /// Share of the core's peak in that format, or of the practical rate of its DMA engines.
    pub share: f64,
}

/// One kernel of the library.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileKernel {
    pub kernel: &'static str,
    pub axes: &'static [&'static str],
    pub unit: &'static str,
    pub points: Vec<ProfilePoint>,
    /// Largest change of a rate against the profile that ships, percent; absent where that has other shapes.
    pub changed_pct: Option<f64>,
}

/// Everything `secondsource profile` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProfileAnswer {
    pub chip: &'static str,
    pub core: &'static str,
    pub shapes: u64,
    pub kernels: Vec<ProfileKernel>,
    /// Of Trainium1, which the calibrated shares of peak refer to: shares of the datasheet's peak.
    pub product_reference: Option<f64>,
    pub attention_reference: Option<f64>,
    /// The file to write.
    #[serde(skip)]
    pub file_text: String,
}

/// Runs the library on a chip's core over its grid of shapes.
///
/// # Errors
/// An unknown chip, or a catalog table that lacks a constant.
pub fn profile_answer(chip: &str, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<ProfileAnswer, Diagnostic> {
    let version = Gen::parse(chip).ok_or_else(|| {
        Diagnostic::error(format!("`{chip}` is no Trainium chip"))
            .suggest(chip, ["trn1", "trn2", "trn3"])
            .hint("trn1, trn2 and trn3 are known")
    })?;
    let (p, t) = (profile(version, progress)?, Timing::embedded(version)?);
    let shipped = Catalog::embedded().kernel_profile(version.chip());
    let kernels: Vec<ProfileKernel> = p
        .curves()
        .map(|c| {
            let peak = match c.kernel {
                Kernel::MatmulFp8 => t.fp8_tflops * 1e12,
                Kernel::MatmulMxFp8 => t.mx_tflops * 1e12,
                Kernel::MatmulBf16 | Kernel::AttentionForward | Kernel::AttentionBackward => t.bf16_tflops * 1e12,
                _ => t.dma_rate * f64::from(t.dma_engines) * 1e9,
            };
            let points =
                shapes(&c.grid).into_iter().zip(&c.rate).map(|(shape, rate)| ProfilePoint { shape, rate: *rate, share: rate / peak });
            let old = shipped.and_then(|s| s.curve(c.kernel)).filter(|s| s.grid == c.grid);
            let changed_pct = old.map(|s| s.rate.iter().zip(&c.rate).map(|(a, b)| (b / a - 1.0).abs() * 100.0).fold(0.0, f64::max));
            ProfileKernel { kernel: c.kernel.name(), axes: c.kernel.axes(), unit: c.kernel.unit(), points: points.collect(), changed_pct }
        })
        .collect();
    let reference = Catalog::embedded().hardware("trn1").ok().and_then(|h| h.chip.kernels);
    Ok(ProfileAnswer {
        chip: version.chip(),
        core: version.core(),
        shapes: kernels.iter().map(|k| k.points.len() as u64).sum(),
        product_reference: reference.as_ref().map(|k| k.product_reference),
        attention_reference: reference.as_ref().map(|k| k.attention_reference),
        file_text: profile_file(&p, version),
        kernels,
    })
}

/// All points of a grid, the last axis fastest.
fn shapes(grid: &[Vec<f64>]) -> Vec<Vec<f64>> {
    grid.iter().fold(vec![Vec::new()], |all, axis| {
        all.iter().flat_map(|head| axis.iter().map(move |x| head.iter().copied().chain([*x]).collect())).collect()
    })
}
