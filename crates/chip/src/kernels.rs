//! Operator times of a chip whose kernels were run on the instruction model.
//!
//! The calibrated shares of peak (`gemm_cap_neuron`, `attention_neuron`) say what compiled training steps reach on Trainium1 at
//! large shapes. Divided by what the library's kernel reaches there, they are the share of a kernel's speed that a compiled step
//! keeps; shapes, formats and generations then differ as the kernels do.

use crate::{Class, Params};
use secondsource_base::Dtype;
use secondsource_catalog::hardware::{ChipKernels, ChipSpec};
use secondsource_catalog::profile::Kernel;
use std::sync::Arc;

/// m, n, k of a product whose ends do not matter.
const LARGE: [f64; 3] = [8192.0; 3];
/// Row width at which streamed kernels are read.
const WIDTH: [f64; 1] = [4096.0];

#[derive(Debug, Clone)]
pub(crate) struct Kernels {
    chip: Arc<ChipKernels>,
    cores: f64,
    /// Share of the kernels' speed that compiled steps keep.
    product: f64,
    attention: f64,
    /// The kernel of the recipe's linear format, and the factor on its rate where another stands in.
    linear: Kernel,
    factor: f64,
}

impl Kernels {
    pub fn new(chip: &ChipSpec, linear: Dtype, p: &Params) -> Option<Kernels> {
        let kernels = chip.kernels.clone().filter(|_| Class::of(&chip.family) == Class::Neuron)?;
        let narrow = [Kernel::MatmulFp8, Kernel::MatmulMxFp8].into_iter().find(|k| kernels.profile.curve(*k).is_some());
        // A format without a kernel of its own runs at the ratio of the datasheet's peaks to bf16.
        let (linear, factor) = match (linear, narrow) {
            (Dtype::Fp8 | Dtype::MxFp8, Some(k)) => (k, 1.0),
            (Dtype::Bf16, _) => (Kernel::MatmulBf16, 1.0),
            _ => (Kernel::MatmulBf16, chip.peak(linear)? / chip.peak(Dtype::Bf16)?),
        };
        kernels.profile.curve(Kernel::MatmulBf16)?;
        Some(Kernels {
            product: p.gemm_cap_neuron / kernels.product_reference,
            attention: p.attention_neuron / kernels.attention_reference,
            cores: chip.cores.filter(|c| *c >= 1.0)?,
            chip: kernels,
            linear,
            factor,
        })
    }

    /// The same with a factor on the rate of the linear format.
    pub fn keep(self, factor: f64) -> Kernels {
        Kernels { factor: self.factor * factor, ..self }
    }

    /// FLOP/s of one core in bf16, or in the linear format.
    fn core(&self, bf16: bool, shape: &[f64]) -> f64 {
        let (kernel, factor) = if bf16 { (Kernel::MatmulBf16, 1.0) } else { (self.linear, self.factor) };
        // Both curves were there when this was made.
        self.chip.rate(kernel, shape).unwrap_or(1.0) * factor
    }

    /// FLOP/s of the whole chip for large products.
    pub fn large(&self, bf16: bool) -> f64 {
        self.core(bf16, &LARGE) * self.cores * self.product
    }

    /// FLOP/s of the whole chip for a product of this shape: its rows or its columns are shared out over the cores,
    /// whichever is faster.
    pub fn product(&self, bf16: bool, m: f64, n: f64, k: f64) -> f64 {
        let rows = self.core(bf16, &[m / self.cores, n, k]);
        let columns = self.core(bf16, &[m, n / self.cores, k]);
        rows.max(columns) * self.cores * self.product
    }

    /// FLOP/s of the whole chip for attention with a mean of `keys` keys: causal attention of twice as many tokens.
    pub fn attention(&self, backward: bool, keys: f64, width: f64) -> Option<f64> {
        let kernel = if backward { Kernel::AttentionBackward } else { Kernel::AttentionForward };
        Some(self.chip.rate(kernel, &[2.0 * keys, width])? * self.cores * self.attention)
    }

    /// Bytes per second of all cores.
    pub fn streamed(&self, kernel: Kernel) -> Option<f64> {
        Some(self.chip.rate(kernel, &WIDTH)? * self.cores)
    }
}
