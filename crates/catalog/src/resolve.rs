//! From figures to the plain numbers that the engines take. Nothing is guessed: a system whose figure is
//! missing is an error that names the figure.

use std::sync::Arc;

use secondsource_base::{Diagnostic, Dtype};

use crate::catalog::Catalog;
use crate::hardware::{ChipKernels, ChipPower, ChipSpec, Hardware, NetworkLevel, ScaleUpShape};
use crate::profile::Kernel;
use crate::types::{Chip, Level, Reference, Shape, System};

/// m, n, k of a product whose ends do not matter.
pub const LARGE_PRODUCT: [f64; 3] = [8192.0; 3];
/// Tokens and head width of the attention that a share of peak is stated for.
pub const USUAL_ATTENTION: [f64; 2] = [4096.0, 128.0];

impl Catalog {
    /// What a job file's `on` names: a system, or a chip standing for its usual system.
    pub fn hardware(&self, name: &str) -> Result<Hardware, Diagnostic> {
        let system = self.system(name)?;
        let Some(chip) = system.chip.as_ref().and_then(|c| self.chips.get(c)) else {
            return Err(Diagnostic::error(format!("{}: no source names the chip of this system", system.id)));
        };
        let spec = ChipSpec { power: self.chip_power(chip), kernels: self.chip_kernels(chip), ..chip_spec(chip)? };
        if system.levels.is_empty() {
            return Err(Diagnostic::error(format!("{}: no source describes the network of this system", system.id)));
        }
        let chips = self.need(system, chip, &Reference::Own("chips".into()))?;
        let chips_per_node = system.si("chips_per_node").unwrap_or(chips);
        let mut levels: Vec<NetworkLevel> = Vec::new();
        for level in &system.levels {
            if level.scale_out && self.value(system, chip, &level.injection).is_none() {
                break;
            }
            levels.push(self.level(system, chip, level)?);
        }
        let open = levels.last().is_some_and(|l| l.scale_out);
        Ok(Hardware {
            system: system.id.clone(),
            chip: spec,
            chips_per_node: count(chips_per_node),
            levels,
            max_chips: (!open).then_some(chips as u64),
        })
    }

    /// Readings exist for the H100 only. Waiting scales with the power limit, since leakage and clocks do; a byte
    /// takes the same energy on every chip, since all of them read HBM across an interposer.
    fn chip_power(&self, chip: &Chip) -> Option<ChipPower> {
        let limit = chip.si("tdp").filter(|w| *w > 0.0)?;
        let known = self.chips.get("h100-sxm")?;
        let (full, bandwidth) = (known.si("tdp")?, known.si("hbm_bw")?);
        let read = |id: &str| self.activity().get(id).map(|f| f.main.value);
        let waiting = read("waiting-h100-sxm")?;
        let streaming = read("streaming-h100-sxm")? - waiting;
        let bytes = bandwidth * read("streaming-h100-sxm-share")?;
        Some(ChipPower { waiting: limit * waiting / full, joules_per_byte: streaming / bytes, limit })
    }

    /// The shares that the references state are of Trainium1's peak: published training runs exist for no other. They belong to
    /// the calibration, so they are taken from what ships, whatever the user lays over it.
    fn chip_kernels(&self, chip: &Chip) -> Option<Arc<ChipKernels>> {
        let profile = self.kernel_profile(&chip.id)?.clone();
        let shipped = Catalog::embedded();
        let known = shipped.chips.get("trn1")?;
        let (peak, cores) = (known.si("bf16")?, known.si("cores")?);
        let base = shipped.kernel_profile(&known.id)?;
        let share = |kernel, shape: &[f64]| Some(base.curve(kernel)?.at(shape) * cores / peak);
        let mut own = [1.0; Kernel::ALL.len()];
        for (_, kernel, factor) in self.own_kernels.iter().filter(|(c, ..)| *c == chip.id) {
            own[*kernel as usize] = *factor;
        }
        Some(Arc::new(ChipKernels {
            profile,
            product_reference: share(Kernel::MatmulBf16, &LARGE_PRODUCT)?,
            attention_reference: share(Kernel::AttentionForward, &USUAL_ATTENTION)?,
            own,
        }))
    }

    fn level(&self, system: &System, chip: &Chip, level: &Level) -> Result<NetworkLevel, Diagnostic> {
        let chips = match &level.chips {
            None => u32::MAX,
            Some(reference) => count(self.need(system, chip, reference)?),
        };
        let mut axis_bandwidth = [0.0; 3];
        for (slot, axis) in axis_bandwidth.iter_mut().zip(&level.axes) {
            *slot = self.need(system, chip, axis)?;
        }
        let shape = match level.shape {
            Shape::Switched => ScaleUpShape::Switched,
            Shape::FullMesh => ScaleUpShape::FullMesh,
            Shape::Torus => ScaleUpShape::Torus(extents(system, level, chips)?),
        };
        Ok(NetworkLevel {
            chips,
            shape,
            injection: self.need(system, chip, &level.injection)?,
            axis_bandwidth,
            latency: self.need(system, chip, &level.latency)?,
            scale_out: level.scale_out,
            host_bus: matches!(&level.injection, Reference::Chip(field) if field.starts_with("pcie_")),
        })
    }

    fn value(&self, system: &System, chip: &Chip, reference: &Reference) -> Option<f64> {
        match reference {
            Reference::Chip(field) => chip.si(field),
            Reference::Own(field) => system.si(field),
            Reference::Link(id, field) => self.links.get(id)?.si(field),
        }
    }

    fn need(&self, system: &System, chip: &Chip, reference: &Reference) -> Result<f64, Diagnostic> {
        self.value(system, chip, reference).filter(|v| *v > 0.0).ok_or_else(|| {
            let (owner, field) = match reference {
                Reference::Chip(field) => (&chip.id, field),
                Reference::Own(field) => (&system.id, field),
                Reference::Link(id, field) => (id, field),
            };
            missing(owner, field).hint(format!("system `{}` needs it", system.id))
        })
    }
}

fn missing(owner: &str, field: &str) -> Diagnostic {
    Diagnostic::error(format!("{owner}: no source gives {field}"))
        .hint("an overlay may give it as a figure of your own (`kind = \"user\"`)")
}

fn count(value: f64) -> u32 {
    value as u32
}

fn extents(system: &System, level: &Level, chips: u32) -> Result<[u32; 3], Diagnostic> {
    let field = level.extents.as_deref().unwrap_or("extents");
    let fact = system.facts.get(field).ok_or_else(|| missing(&system.id, &format!("{field} (the shape of the torus)")))?;
    let mut out = [1u32; 3];
    let mut product: u64 = 1;
    let mut used = 0;
    for (n, part) in fact.value.split('x').enumerate() {
        match (out.get_mut(n), part.parse::<u32>()) {
            (Some(slot), Ok(e)) if e >= 1 => {
                *slot = e;
                product = product.saturating_mul(u64::from(e));
                used = n + 1;
            }
            _ => used = usize::MAX,
        }
        if used == usize::MAX {
            break;
        }
    }
    if used != level.axes.len() || product != u64::from(chips) {
        return Err(Diagnostic::error(format!(
            "{}: the extents `{}` do not make {chips} chips on {} axes",
            system.id,
            fact.value,
            level.axes.len()
        )));
    }
    Ok(out)
}

/// The chip's numbers. Peaks follow the units that the hardware has; see docs/catalog.md.
fn chip_spec(chip: &Chip) -> Result<ChipSpec, Diagnostic> {
    let need = |field: &str| chip.si(field).filter(|v| *v > 0.0).ok_or_else(|| missing(&chip.id, field));
    let peaks = peaks(chip);
    if peaks.iter().all(Option::is_none) {
        return Err(missing(&chip.id, "bf16 (nor another dense peak of a format that training uses)"));
    }
    Ok(ChipSpec {
        id: chip.id.clone(),
        vendor: chip.vendor.clone(),
        family: chip.family.clone(),
        peaks,
        hbm_bytes: need("hbm_capacity")?,
        hbm_bandwidth: need("hbm_bw")?,
        tdp: chip.si("tdp"),
        cores: chip.si("cores"),
        power: None,
        kernels: None,
    })
}

fn peaks(chip: &Chip) -> [Option<f64>; 8] {
    // A zero means "looked at, and the unit is not there".
    let figure = |field: &str| chip.si(field).filter(|v| *v > 0.0);
    let mut out = [None; 8];
    let mut set = |dtype: Dtype, value: Option<f64>| out[dtype.index()] = value;
    set(Dtype::Fp32, figure("fp32"));
    set(Dtype::Tf32, figure("tf32"));
    set(Dtype::Bf16, figure("bf16"));
    set(Dtype::Fp8, figure("fp8"));
    set(Dtype::Int8, figure("int8"));
    let block_scaled = matches!(chip.family.as_str(), "blackwell" | "blackwell-ultra" | "rubin" | "cdna4" | "cdna5");
    set(Dtype::MxFp8, figure("mxfp8").or_else(|| figure("fp8").filter(|_| block_scaled)));
    let nvidia = matches!(chip.family.as_str(), "blackwell" | "blackwell-ultra" | "rubin");
    set(Dtype::NvFp4, figure("nvfp4").or_else(|| figure("fp4").filter(|_| nvidia)));
    set(Dtype::MxFp4, figure("mxfp4").or_else(|| figure("fp4").filter(|_| block_scaled)));
    out
}
