//! A chip with parameters applied: sustained rates for one recipe.

use secondsource_base::Dtype;
use secondsource_catalog::calibration::Params;
use secondsource_catalog::hardware::ChipSpec;
use secondsource_catalog::profile::Kernel;
use secondsource_workload::recipe::{AttentionKernel, Launch, Overlap, Recipe};

/// Kind of matrix unit, which decides which parameters hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Many small tensor cores under one power limit (NVIDIA, AMD).
    Gpu,
    Tpu,
    Neuron,
    Gaudi,
}

impl Class {
    /// From the catalog's family; an unknown family is treated as a GPU.
    pub fn of(family: &str) -> Class {
        match family {
            "tpu" => Class::Tpu,
            "neuron" => Class::Neuron,
            "gaudi" => Class::Gaudi,
            _ => Class::Gpu,
        }
    }
}

/// The chip has no figure for the peak that a recipe needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingPeak {
    pub chip: String,
    pub dtype: Dtype,
}

impl std::fmt::Display for MissingPeak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no source gives {} a dense {} peak", self.chip, self.dtype.name())
    }
}

impl std::error::Error for MissingPeak {}

/// Board power per peak bf16 TFLOP/s is compared with this energy step between process nodes: relative
/// power at equal speed, from foundry statements (see docs/model.md, "power").
/// The family name decides; values come from the calibration's family table.
pub(crate) fn process_energy(family: &str, table: &[(String, f64)]) -> f64 {
    table.iter().find(|(name, _)| name == family).map_or(1.0, |(_, e)| *e)
}

/// Sustained rates of one chip under one recipe. All rates are per second, all widths in elements.
#[derive(Debug, Clone)]
pub struct Engine {
    pub class: Class,
    /// Datasheet dense bf16 peak, FLOP/s.
    pub peak_bf16: f64,
    /// Datasheet dense peak of the recipe's linear format, FLOP/s.
    pub peak_linear: f64,
    /// FLOP/s that large products of the linear format sustain.
    pub(crate) rate_linear: f64,
    /// FLOP/s that large bf16 products sustain.
    pub(crate) rate_bf16: f64,
    pub(crate) fill: f64,
    pub(crate) moe_fill: f64,
    pub(crate) moe_gemm: f64,
    pub(crate) wave_loss: f64,
    pub(crate) cores: f64,
    /// Bytes per second that streaming kernels reach.
    pub(crate) stream: f64,
    /// The same for kernels that device memory alone limits.
    pub(crate) memory: f64,
    pub(crate) elementwise: f64,
    /// FLOP/s of fused attention at head width 128.
    pub(crate) attention: f64,
    pub(crate) attention_width: f64,
    pub(crate) unfused_passes: Option<f64>,
    pub(crate) linear: Dtype,
    pub(crate) grad_bytes: f64,
    /// Host seconds per layer forward pass.
    pub host_layer: f64,
    pub host_moe: f64,
    pub step_constant: f64,
    /// Factor on MoE overheads from the age of the software.
    pub moe_age: f64,
    pub(crate) moe_permute: f64,
    pub(crate) loss_bytes: f64,
    pub(crate) power: Option<crate::Power>,
    /// Kernels run on the instruction model, where the chip has them.
    pub(crate) kernels: Option<crate::kernels::Kernels>,
}

impl Engine {
    /// `energy` maps a chip family to its energy per operation relative to a 5 nm GPU.
    pub fn new(chip: &ChipSpec, recipe: &Recipe, p: &Params, energy: &[(String, f64)]) -> Result<Engine, MissingPeak> {
        let missing = |dtype| MissingPeak { chip: chip.id.clone(), dtype };
        let peak_bf16 = chip.peak(Dtype::Bf16).ok_or_else(|| missing(Dtype::Bf16))?;
        let peak_linear = chip.peak(recipe.linear).ok_or_else(|| missing(recipe.linear))?;
        let class = Class::of(&chip.family);
        let soft = &recipe.software;

        let narrow = recipe.linear.bytes() < 2.0;
        let sustained = |energy_ratio: f64| match class {
            Class::Gpu => {
                let family = match chip.family.as_str() {
                    "ampere" => p.gemm_ampere,
                    "hopper" | "ada" => p.gemm_hopper,
                    "blackwell" | "blackwell-ultra" | "rubin" => p.gemm_blackwell,
                    "cdna2" | "cdna3" => p.gemm_cdna,
                    // Of CDNA 4 no independent test is known: power alone decides.
                    _ => 1.0,
                };
                let process = process_energy(&chip.family, energy);
                let left = chip.tdp.map(|w| (w - p.idle_watts * process * peak_bf16 / 1e12).max(0.1 * w));
                family * power_limited(p.gemm_cap_gpu, p.gemm_watts * energy_ratio * process, left, peak_bf16)
            }
            Class::Tpu => p.gemm_cap_tpu,
            Class::Neuron => p.gemm_cap_neuron,
            Class::Gaudi => p.gemm_cap_gaudi,
        };
        let keep = match recipe.linear {
            Dtype::MxFp8 => p.dtype_mxfp8,
            Dtype::NvFp4 | Dtype::MxFp4 => p.dtype_fp4,
            Dtype::Int8 => p.dtype_int8,
            Dtype::Fp8 | Dtype::Bf16 | Dtype::Tf32 | Dtype::Fp32 => 1.0,
        };
        let ratio = if narrow { p.energy_fp8 } else { 1.0 };
        let kernels = crate::kernels::Kernels::new(chip, recipe.linear, p);
        let (mut sustained_linear, mut sustained) = (sustained(ratio) * keep, sustained(1.0));
        if let Some(k) = &kernels {
            sustained_linear = k.large(false) * keep / peak_linear;
            sustained = k.large(true) / peak_bf16;
        }
        // A large product at its sustained rate draws what the power law says. The other classes have no such law:
        // they are taken to draw their limit.
        let drawn = |ratio: f64, fraction: f64| match class {
            Class::Gpu => (p.idle_watts + p.gemm_watts * ratio * fraction) * process_energy(&chip.family, energy) * peak_bf16 / 1e12,
            _ => f64::INFINITY,
        };
        let power = chip.power.map(|c| {
            let linear = (drawn(ratio, sustained_linear), peak_linear * sustained_linear);
            crate::Power::new(c, linear, (drawn(1.0, sustained), peak_bf16 * sustained))
        });

        let vendor_kernel = match chip.family.as_str() {
            "ampere" => p.attention_ampere,
            "hopper" | "ada" => p.attention_hopper,
            "blackwell" => p.attention_blackwell,
            "blackwell-ultra" | "rubin" => p.attention_ultra,
            "tpu" => p.attention_tpu,
            "neuron" => p.attention_neuron,
            _ => p.attention_other,
        };
        // On A100 every fused kernel is of the FlashAttention 1-2 generation, so there is nothing to lose.
        let old_kernel = if chip.family == "ampere" { 1.0 } else { 0.0 };
        // Attention runs at the clock that power allows the products.
        let clock = if class == Class::Gpu { sustained / p.gemm_cap_gpu } else { 1.0 };
        let attention = peak_bf16
            * clock
            * match soft.attention {
                AttentionKernel::Vendor => vendor_kernel,
                AttentionKernel::Sdpa => vendor_kernel * p.attention_sdpa.max(old_kernel),
                AttentionKernel::Triton => vendor_kernel * p.attention_triton.max(old_kernel),
                AttentionKernel::Unfused => sustained.min(vendor_kernel.max(sustained)),
            };

        // The generations are those of the frameworks on GPUs; XLA's compilers have experts of their own.
        let generations = if class == Class::Gpu { MOE_GENERATIONS.iter().filter(|y| soft.year < **y).count() } else { 0 };
        let moe_age = p.moe_age.powi(generations as i32);
        let old = soft.overlap == Overlap::Blocking;
        // Bytes per second of all cores together, and no more than device memory gives.
        let memory = chip.hbm_bandwidth * p.memory_efficiency;
        let streamed = |kernel| kernels.as_ref().and_then(|k| k.streamed(kernel)).map_or(memory, |r| r.min(memory));
        let host = if old { p.host_layer_old } else { p.host_layer };
        let (host_layer, host_moe) = match soft.launch {
            Launch::Graph => (host * p.host_graph, p.host_moe),
            // Of a layer with experts, what it launches beyond a dense one is not captured.
            Launch::Partial => (host * p.host_graph, 1.0 + (p.host_moe - 1.0) / p.host_graph),
            Launch::Fused | Launch::Eager => (host, p.host_moe),
        };
        Ok(Engine {
            class,
            peak_bf16,
            peak_linear,
            rate_linear: peak_linear * sustained_linear,
            rate_bf16: peak_bf16 * sustained,
            fill: p.gemm_fill,
            moe_fill: p.moe_fill * moe_age,
            moe_gemm: p.moe_gemm,
            wave_loss: p.wave_loss,
            cores: chip.cores.unwrap_or(0.0),
            stream: streamed(Kernel::AdamW),
            elementwise: p.elementwise * if soft.launch == Launch::Eager { p.elementwise_eager } else { 1.0 },
            attention,
            attention_width: p.attention_width,
            unfused_passes: (soft.attention == AttentionKernel::Unfused).then_some(p.unfused_passes),
            linear: recipe.linear,
            grad_bytes: recipe.grad_bytes,
            host_layer,
            host_moe,
            step_constant: p.step_constant,
            moe_age,
            moe_permute: p.moe_permute,
            loss_bytes: p.loss_bytes,
            power,
            memory,
            kernels: kernels.map(|k| k.keep(keep)),
        })
    }

    /// Sustained fraction of the linear format's datasheet peak for a large product.
    pub fn sustained_fraction(&self) -> f64 {
        self.rate_linear / self.peak_linear
    }

    /// A chain of elementwise kernels that moves at least `bytes` to and from HBM.
    pub fn stream(&self, bytes: f64) -> crate::Cost {
        self.copy(bytes * self.elementwise)
    }

    /// Norms and residual additions, rotary embeddings and copies of heads, gates: at least so many bytes of each.
    /// `scale` takes bytes to what is really moved.
    pub fn layer_stream(&self, norm: f64, rotary: f64, gate: f64, scale: impl Fn(f64) -> f64) -> crate::Cost {
        if self.kernels.is_none() {
            return self.stream(scale(norm + rotary + gate));
        }
        [(Kernel::Norm, norm), (Kernel::Rotary, rotary), (Kernel::SwiGlu, gate)]
            .into_iter()
            .fold(crate::Cost::ZERO, |all, (kernel, bytes)| all + self.streamed(kernel, scale(bytes) * self.elementwise))
    }

    /// `bytes` at the rate of one of the library's kernels, at that of copies where there is none.
    fn streamed(&self, kernel: Kernel, bytes: f64) -> crate::Cost {
        let rate = self.kernels.as_ref().and_then(|k| k.streamed(kernel)).map_or(self.stream, |r| r.min(self.memory));
        self.powered(crate::Cost { seconds: bytes / rate, bytes, ..crate::Cost::ZERO }, true)
    }

    /// Plain copies and optimizer updates: no fusion losses.
    pub fn copy(&self, bytes: f64) -> crate::Cost {
        self.powered(crate::Cost { seconds: bytes / self.stream, bytes, ..crate::Cost::ZERO }, true)
    }

    /// MoE token permutation, sort and un-permutation of `bytes` at least.
    pub fn permute(&self, bytes: f64) -> crate::Cost {
        self.streamed(Kernel::Dispatch, bytes * self.moe_permute * self.moe_age)
    }

    /// Softmax cross-entropy over `logits` elements, forward and backward.
    pub fn loss(&self, logits: f64) -> crate::Cost {
        self.streamed(Kernel::CrossEntropy, logits * self.loss_bytes)
    }
}

/// When a new generation of MoE dispatchers reached the frameworks: Megatron-Core's fused permute and grouped
/// products with DeepEP (mid-2025), hybrid EP with graph-captured dispatch (Megatron-Bridge 26.06). Dates of
/// releases, not fitted values.
const MOE_GENERATIONS: [f64; 2] = [2025.7, 2026.4];

/// Fraction of peak that power allows: the smaller of `cap` and board watts over the watts that the peak
/// would draw, joined smoothly (fourth-power norm), since clocks fall before the limit is hit on average.
fn power_limited(cap: f64, watts_per_tflop: f64, tdp: Option<f64>, peak_bf16: f64) -> f64 {
    let Some(tdp) = tdp else { return cap };
    let affordable = tdp / (watts_per_tflop * peak_bf16 / 1e12);
    let x = cap / affordable;
    cap / (1.0 + x * x * x * x).sqrt().sqrt()
}
