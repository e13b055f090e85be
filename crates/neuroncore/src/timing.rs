//! What instructions take: stated constants of a generation (catalog tables `neuroncore-gen2-timing`...) and the few
//! that published timings settle (`calibration/neuroncore.toml`).

use std::collections::BTreeMap;

use secondsource_base::{Diagnostic, SourceText};
use secondsource_catalog::Catalog;
use serde::Deserialize;

use crate::generation::{Gen, Generation};

macro_rules! fitted {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Parameters that are fitted to published timings. All are positive.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Fitted { $($(#[doc = $doc])+ pub $name: f64,)+ }

        impl Fitted {
            /// Names in the order of [`Fitted::to_array`].
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];
            pub const COUNT: usize = Self::NAMES.len();

            pub fn to_array(self) -> [f64; Self::COUNT] {
                [$(self.$name),+]
            }

            pub fn from_array(values: [f64; Self::COUNT]) -> Fitted {
                let [$($name),+] = values;
                Fitted { $($name),+ }
            }
        }
    };
}

fitted! {
    /// Share of the stated Tensor clock that long kernels keep, generation 2.
    tensor_clock_gen2,
    /// The same for generations 3 and 4.
    tensor_clock_gen3,
    /// Share of the stated cycles that Vector takes with two SBUF inputs of 32-bit elements, generation 2.
    two_input_gen2,
    /// Share of the stated cycles of a Vector reciprocal.
    reciprocal,
    /// Share of the practical DMA rate that long kernels keep.
    dma_rate,
    /// Bytes of a contiguous run below which a DMA takes no less time, generation 2.
    dma_floor_gen2,
    /// The same for generations 3 and 4.
    dma_floor_gen3,
    /// Time before the first and after the last instruction, ns.
    launch,
}

/// Everything that prices need, for one generation. Times are picoseconds, rates bytes per nanosecond.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    pub version: Gen,
    /// Picoseconds of one cycle.
    pub tensor: f64,
    pub vector: f64,
    pub scalar: f64,
    pub gpsimd: f64,
    pub min_issue: f64,
    pub access: f64,
    pub dependent: f64,
    pub scalar_latency: f64,
    pub act_table_load: f64,
    pub gpsimd_start: f64,
    pub dynamic_min: f64,
    pub reduce_read: f64,
    pub fp32_passes: f64,
    pub fp32_transpose_passes: f64,
    /// Cycles per element.
    pub two_input: f64,
    pub reciprocal: f64,
    pub scan: f64,
    /// Elements per cycle.
    pub copy_fast: f64,
    pub copy_half: f64,
    pub two_input_fast: f64,
    pub scalar_fast: f64,
    pub exponential: f64,
    pub dma_engines: u32,
    pub dma_rate: f64,
    pub dma_floor: f64,
    pub dma_start: f64,
    pub dma_end: f64,
    pub dma_descriptor: f64,
    pub dma_transpose_hbm: f64,
    pub dma_transpose_sbuf: f64,
    pub dma_compute: f64,
    /// Share of the array's cells in use below which the Tensor engine is held to `throttle_limit` of its rate, over
    /// `throttle_window` picoseconds. A limit of 1 does nothing.
    pub throttle_below: f64,
    pub throttle_limit: f64,
    pub throttle_window: f64,
    pub vector_gpsimd_exclusive: bool,
    pub psum_exclusive: bool,
    pub launch: f64,
    /// Bytes a partition.
    pub sbuf_bytes: u32,
    pub psum_bank_bytes: u32,
    pub psum_banks: u32,
    /// Dense peaks of one core, FLOP per picosecond (= TFLOP/s).
    pub bf16_tflops: f64,
    pub fp8_tflops: f64,
    pub fp32_tflops: f64,
    pub mx_tflops: f64,
}

const NS: f64 = 1e3;

impl Timing {
    /// The timing of a generation with the constants that ship.
    ///
    /// # Errors
    /// As [`Timing::read`].
    pub fn embedded(version: Gen) -> Result<Timing, Diagnostic> {
        let catalog = Catalog::embedded();
        Timing::read(catalog, &Generation::read(catalog, version)?, &Calibration::embedded()?.fitted())
    }

    /// Reads the tables of a generation; an absent figure is an error that names it.
    pub fn read(catalog: &Catalog, machine: &Generation, fitted: &Fitted) -> Result<Timing, Diagnostic> {
        let version = machine.version;
        let name = format!("neuroncore-{}-timing", version.name());
        let table = catalog.table(&name)?;
        let get = |field: &str| -> Result<f64, Diagnostic> {
            let figure = table.figures.get(field).ok_or_else(|| Diagnostic::error(format!("table `{name}` has no figure `{field}`")))?;
            let value = figure.main.value;
            if value.is_finite() && (0.0..=1e9).contains(&value) {
                return Ok(value);
            }
            Err(Diagnostic::error(format!("figure `{field}` of table `{name}` is {value}; it must lie between 0 and 1e9")))
        };
        let old = version == Gen::Gen2;
        let of = |gen2: f64, later: f64| if old { gen2 } else { later };
        let clock = |ghz: f64| 1e3 / ghz.max(1e-3);
        Ok(Timing {
            version,
            tensor: clock(machine.tensor_ghz) / of(fitted.tensor_clock_gen2, fitted.tensor_clock_gen3),
            vector: clock(machine.vector_ghz),
            scalar: clock(machine.scalar_ghz),
            gpsimd: clock(machine.gpsimd_ghz),
            min_issue: get("min_issue")?,
            access: get("access")?,
            dependent: get("dependent")?,
            scalar_latency: get("scalar_latency")? * NS,
            act_table_load: get("act_table_load")? * NS,
            gpsimd_start: get("gpsimd_start")?,
            dynamic_min: get("dynamic_min")?,
            reduce_read: get("reduce_read")?,
            fp32_passes: get("fp32_passes")?,
            fp32_transpose_passes: get("fp32_transpose_passes")?,
            two_input: get("two_input")? * of(fitted.two_input_gen2, 1.0),
            reciprocal: get("reciprocal")? * fitted.reciprocal,
            scan: get("scan")?,
            copy_fast: get("copy_fast")?.max(1.0),
            copy_half: get("copy_half")?.max(1.0),
            two_input_fast: get("two_input_fast")?.max(1.0),
            scalar_fast: get("scalar_fast")?.max(1.0),
            exponential: get("exponential")?.max(1.0),
            dma_engines: machine.dma_engines.clamp(1, 64),
            dma_rate: machine.dma_engine_rate.max(1e-3) * fitted.dma_rate,
            dma_floor: of(fitted.dma_floor_gen2, fitted.dma_floor_gen3),
            dma_start: get("dma_start")? * NS,
            dma_end: get("dma_end")? * NS,
            dma_descriptor: get("dma_descriptor")? * NS,
            dma_transpose_hbm: get("dma_transpose_hbm")?.max(0.01),
            dma_transpose_sbuf: get("dma_transpose_sbuf")?.max(0.01),
            dma_compute: get("dma_compute")?.max(0.01),
            throttle_below: get("throttle_below")?.min(1.0),
            throttle_limit: get("throttle_limit")?.clamp(0.1, 1.0),
            throttle_window: get("throttle_window")?.max(1.0) * NS,
            vector_gpsimd_exclusive: get("vector_gpsimd_exclusive")? > 0.0,
            psum_exclusive: get("psum_exclusive")? > 0.0,
            launch: fitted.launch * NS,
            sbuf_bytes: machine.sbuf_bytes,
            psum_bank_bytes: machine.psum_bank_bytes.max(1),
            psum_banks: machine.psum_banks.clamp(1, 64),
            bf16_tflops: machine.bf16_tflops,
            fp8_tflops: machine.fp8_tflops,
            fp32_tflops: machine.fp32_tflops,
            mx_tflops: machine.mx_tflops,
        })
    }
}

/// One fitted parameter with what is believed of it before any row is looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub prior: f64,
    /// Standard deviation of the natural log.
    pub sd: f64,
    pub low: f64,
    pub high: f64,
    pub unit: String,
    pub reason: String,
    pub value: f64,
    /// Uncertainty after the fit, a factor up or down (one standard deviation).
    pub factor: f64,
    /// Rows of validation/nki_timings.csv that the parameter moves.
    pub rows: Vec<String>,
}

/// Standard deviation of the natural log of predicted over measured time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Kernels bound by matrix products.
    pub gemm: f64,
    pub other: f64,
}

/// `calibration/neuroncore.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// In the order of [`Fitted::NAMES`].
    pub list: Vec<Parameter>,
    pub spread: Spread,
}

const EMBEDDED: &str = include_str!("../../../calibration/neuroncore.toml");

#[derive(Deserialize)]
struct File {
    spread: Spread,
    #[serde(flatten)]
    parameters: BTreeMap<String, Parameter>,
}

impl Calibration {
    /// The file that ships.
    ///
    /// # Errors
    /// As [`Calibration::read`]; a test keeps the file sound.
    pub fn embedded() -> Result<Calibration, Diagnostic> {
        Calibration::read("calibration/neuroncore.toml", EMBEDDED)
    }

    /// # Errors
    /// A file that is no TOML, misses or misspells a parameter, or gives one outside its bounds.
    pub fn read(name: &str, text: &str) -> Result<Calibration, Diagnostic> {
        let mut file: File = toml::from_str(text).map_err(|e| {
            let d = Diagnostic::error(e.message().to_owned());
            match e.span() {
                Some(s) => d.at_offset(SourceText { name, text }, s.start),
                None => d.in_file(name),
            }
        })?;
        let mut list = Vec::with_capacity(Fitted::COUNT);
        for wanted in Fitted::NAMES {
            let Some(p) = file.parameters.remove(*wanted) else {
                return Err(Diagnostic::error(format!("parameter `{wanted}` is missing")).in_file(name));
            };
            let sound = [p.prior, p.sd, p.low, p.high, p.value, p.factor].iter().all(|x| x.is_finite() && *x > 0.0);
            if !sound || p.low > p.high || !(p.low..=p.high).contains(&p.value) {
                return Err(Diagnostic::error(format!("parameter `{wanted}` must be positive and between `low` and `high`")).in_file(name));
            }
            list.push(p);
        }
        if let Some(extra) = file.parameters.keys().next() {
            return Err(Diagnostic::error(format!("there is no parameter `{extra}`"))
                .in_file(name)
                .suggest(extra, Fitted::NAMES.iter().copied()));
        }
        if ![file.spread.gemm, file.spread.other].iter().all(|x| x.is_finite() && (1e-4..3.0).contains(x)) {
            return Err(Diagnostic::error("`spread` must lie between 0.0001 and 3").in_file(name));
        }
        Ok(Calibration { list, spread: file.spread })
    }

    /// Standard deviation of ln of predicted over real time on a generation, for kernels bound by products or others.
    ///
    /// No time of generation 4 is published, so nothing says that the clock, the two-input rate and the DMA rate of its
    /// pages are kept, as Trainium1's clock is not: what was believed of them before any row was looked at comes on top.
    pub fn spread_of(&self, version: Gen, products: bool) -> f64 {
        let seen = if products { self.spread.gemm } else { self.spread.other };
        if version != Gen::Gen4 {
            return seen;
        }
        let unseen: &[&str] = if products { &["tensor_clock_gen2"] } else { &["tensor_clock_gen2", "two_input_gen2", "dma_rate"] };
        let prior = |name: &&str| Fitted::NAMES.iter().zip(&self.list).find(|(n, _)| *n == name).map_or(0.0, |(_, p)| p.sd * p.sd);
        (seen * seen + unseen.iter().map(prior).sum::<f64>()).sqrt()
    }

    pub fn fitted(&self) -> Fitted {
        let mut values = [1.0; Fitted::COUNT];
        for (v, p) in values.iter_mut().zip(&self.list) {
            *v = p.value;
        }
        Fitted::from_array(values)
    }
}
