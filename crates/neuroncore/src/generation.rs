//! Constants of the NeuronCore generations, read from the catalog tables `neuroncore-gen2`, `-gen3` and `-gen4`.

use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;

/// Which NeuronCore: v2 (Trainium1, Inferentia2), v3 (Trainium2), v4 (Trainium3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Gen {
    Gen2,
    Gen3,
    Gen4,
}

impl Gen {
    pub const ALL: [Gen; 3] = [Gen::Gen2, Gen::Gen3, Gen::Gen4];

    /// Accepts `trn1`, `inf2`, `gen2`, `trn2`, `gen3`, `trn3`, `gen4`.
    pub fn parse(name: &str) -> Option<Gen> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "trn1" | "trn1n" | "inf2" | "gen2" => Gen::Gen2,
            "trn2" | "trn2n" | "trn2u" | "gen3" => Gen::Gen3,
            "trn3" | "gen4" => Gen::Gen4,
            _ => return None,
        })
    }

    pub const fn chip(self) -> &'static str {
        match self {
            Gen::Gen2 => "trn1",
            Gen::Gen3 => "trn2",
            Gen::Gen4 => "trn3",
        }
    }

    /// Name of the core.
    pub const fn core(self) -> &'static str {
        match self {
            Gen::Gen2 => "NeuronCore-v2",
            Gen::Gen3 => "NeuronCore-v3",
            Gen::Gen4 => "NeuronCore-v4",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Gen::Gen2 => "gen2",
            Gen::Gen3 => "gen3",
            Gen::Gen4 => "gen4",
        }
    }
}

/// One generation's constants. Clocks in GHz, sizes in bytes, rates in bytes per ns (= GB/s), times in ns.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    pub version: Gen,
    pub partitions: u32,
    /// SBUF bytes of one partition that a kernel may use.
    pub sbuf_bytes: u32,
    /// SBUF bytes of one partition in the silicon.
    pub sbuf_physical: u32,
    pub psum_banks: u32,
    pub psum_bank_bytes: u32,
    pub tensor_ghz: f64,
    pub vector_ghz: f64,
    pub scalar_ghz: f64,
    pub gpsimd_ghz: f64,
    pub dma_engines: u32,
    /// Practical rate of one DMA engine.
    pub dma_engine_rate: f64,
    /// Device memory rate, all cores.
    pub hbm_rate: f64,
    pub cores: u32,
    /// Peak of one core in TFLOP/s: bf16, fp8 (0: none), fp32, MX (0: none).
    pub bf16_tflops: f64,
    pub fp8_tflops: f64,
    pub fp32_tflops: f64,
    pub mx_tflops: f64,
}

impl Generation {
    /// Reads the table of a generation; an absent figure is an error that names it.
    pub fn read(catalog: &Catalog, version: Gen) -> Result<Generation, Diagnostic> {
        let name = format!("neuroncore-{}", version.name());
        let table = catalog.table(&name)?;
        let get = |field: &str| -> Result<f64, Diagnostic> {
            let figure = table.figures.get(field).ok_or_else(|| Diagnostic::error(format!("table `{name}` has no figure `{field}`")))?;
            Ok(figure.main.value)
        };
        let count = |field: &str| get(field).map(|v| v as u32);
        let kib = |field: &str| get(field).map(|v| (v * 1024.0) as u32);
        Ok(Generation {
            version,
            partitions: count("partitions")?,
            sbuf_bytes: kib("sbuf_partition_usable")?,
            sbuf_physical: kib("sbuf_partition")?,
            psum_banks: count("psum_banks")?,
            psum_bank_bytes: kib("psum_bank")?,
            tensor_ghz: get("tensor_clock")?,
            vector_ghz: get("vector_clock")?,
            scalar_ghz: get("scalar_clock")?,
            gpsimd_ghz: get("gpsimd_clock")?,
            dma_engines: count("dma_engines")?,
            dma_engine_rate: get("dma_engine_practical")?,
            hbm_rate: get("hbm_bw")?,
            cores: count("cores")?,
            bf16_tflops: get("tensor_bf16")?,
            fp8_tflops: get("tensor_fp8")?,
            fp32_tflops: get("tensor_fp32")?,
            mx_tflops: get("tensor_mx")?,
        })
    }

    /// PSUM bytes of one partition.
    pub const fn psum_bytes(&self) -> u32 {
        self.psum_banks * self.psum_bank_bytes
    }
}
