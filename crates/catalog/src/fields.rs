//! The figures that a catalog file may hold, and the units each may be given in.

use secondsource_base::quantity::{Dimension, unit_scale};

/// What a figure measures, and so which units it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Bytes,
    Bandwidth,
    Compute,
    Power,
    Time,
    /// One of these units, taken as they are.
    Plain(&'static [&'static str]),
}

const COUNT: Measure = Measure::Plain(&["count"]);
const CLOCK: Measure = Measure::Plain(&["GHz"]);
const RATIO: Measure = Measure::Plain(&["ratio"]);

/// Units of `thing = "table"` files (electricity, colocation, business...), whose figures are free-named.
pub const TABLE_UNITS: Measure = Measure::Plain(&[
    "cents/kWh",
    "USD/kW-month",
    "ratio",
    "percent",
    "years",
    "months",
    "count",
    "kW/GPU",
    "W",
    "pJ/bit",
    "GW",
    "G USD",
    "G USD/year",
    "G USD/GW",
    "M USD/MW",
    "USD/kW-year",
    "USD/chip",
    "per month",
    "per year",
    "hours",
    "minutes",
    "days",
    "chips",
    "seconds",
    "per day",
    "per 1000 node-days",
    "bytes/param",
    "GB/s",
    "kg CO2e/MWh",
    "GHz",
    "KiB",
    "TFLOP/s",
    "ns",
    "cycles",
    "elem/cycle",
    "cycles/elem",
    "k wafers/month",
    "k wafers",
    "packages/wafer",
    "per cm2",
    "mm2",
    "G Gbit/year",
    "GB",
    "million",
    "USD/wafer",
]);

impl Measure {
    pub fn accepts(self, unit: &str) -> bool {
        match self {
            Measure::Plain(units) => units.contains(&unit),
            other => unit_scale(unit).is_some_and(|(d, _)| other.dimension() == Some(d)),
        }
    }

    fn dimension(self) -> Option<Dimension> {
        Some(match self {
            Measure::Bytes => Dimension::Bytes,
            Measure::Bandwidth => Dimension::BytesPerSecond,
            Measure::Compute => Dimension::FlopPerSecond,
            Measure::Power => Dimension::Watts,
            Measure::Time => Dimension::Seconds,
            Measure::Plain(_) => return None,
        })
    }

    /// The accepted units, for messages.
    pub fn units(self) -> &'static [&'static str] {
        match self {
            Measure::Bytes => &["B", "KiB", "MB", "MiB", "GB", "GiB", "TB"],
            Measure::Bandwidth => &["GB/s", "GiB/s", "TB/s", "Gbit/s", "Tbit/s", "Pbit/s"],
            Measure::Compute => &["TFLOP/s", "PFLOP/s", "TOP/s"],
            Measure::Power => &["W", "kW"],
            Measure::Time => &["us", "ms", "s"],
            Measure::Plain(units) => units,
        }
    }
}

/// Every known figure of chips, nodes, racks and links.
pub const FIELDS: &[(&str, Measure)] = &[
    // compute
    ("fp32", Measure::Compute),
    ("tf32", Measure::Compute),
    ("bf16", Measure::Compute),
    ("fp8", Measure::Compute),
    ("mxfp8", Measure::Compute),
    ("fp6", Measure::Compute),
    ("fp4", Measure::Compute),
    ("nvfp4", Measure::Compute),
    ("mxfp4", Measure::Compute),
    ("int8", Measure::Compute),
    ("bf16_sparse", Measure::Compute),
    ("fp8_sparse", Measure::Compute),
    ("fp4_sparse", Measure::Compute),
    ("bf16_from_array", Measure::Compute),
    ("bf16_per_core", Measure::Compute),
    ("fp8_per_core", Measure::Compute),
    ("mxfp8_per_core", Measure::Compute),
    ("fp32_per_core", Measure::Compute),
    ("sparse_per_core", Measure::Compute),
    ("vector_fp32_per_core", Measure::Compute),
    ("scalar_fp32_per_core", Measure::Compute),
    ("vector_bf16", Measure::Compute),
    ("bf16_total", Measure::Compute),
    ("fp8_total", Measure::Compute),
    ("fp4_total", Measure::Compute),
    ("fp32_total", Measure::Compute),
    ("cores", COUNT),
    ("tensor_clock", CLOCK),
    ("vector_clock", CLOCK),
    ("scalar_clock", CLOCK),
    ("boost_clock", CLOCK),
    ("fp4_vs_trn3", RATIO),
    ("fp8_vs_trn3", RATIO),
    ("membw_vs_trn3", RATIO),
    ("memcap_vs_trn3", RATIO),
    // memory
    ("hbm_capacity", Measure::Bytes),
    ("hbm_stacks", COUNT),
    ("hbm_bw", Measure::Bandwidth),
    ("hbm_total", Measure::Bytes),
    ("hbm_bw_total", Measure::Bandwidth),
    ("sbuf_per_core", Measure::Bytes),
    ("psum_per_core", Measure::Bytes),
    ("l2", Measure::Bytes),
    ("llc", Measure::Bytes),
    ("sram", Measure::Bytes),
    ("host_mem", Measure::Bytes),
    ("nvme", Measure::Bytes),
    ("dma_engines", COUNT),
    ("dma_bw", Measure::Bandwidth),
    ("cc_cores", COUNT),
    // scale-up
    ("scaleup_bw", Measure::Bandwidth),
    ("scaleup_bw_uni", Measure::Bandwidth),
    ("scaleup_bw_low", Measure::Bandwidth),
    ("scaleup_bw_intra", Measure::Bandwidth),
    ("scaleup_bw_inter", Measure::Bandwidth),
    ("scaleup_bw_uni_intra", Measure::Bandwidth),
    ("scaleup_bw_uni_inter", Measure::Bandwidth),
    ("scaleup_bw_trn1n", Measure::Bandwidth),
    ("scaleup_bw_uni_trn1n", Measure::Bandwidth),
    ("scaleup_bw_tier_server", Measure::Bandwidth),
    ("scaleup_bw_tier_rack", Measure::Bandwidth),
    ("scaleup_bw_tier_interrack", Measure::Bandwidth),
    ("scaleup_link_bw", Measure::Bandwidth),
    ("scaleup_lanes", COUNT),
    ("scaleup_domain", COUNT),
    ("scaleup_total", Measure::Bandwidth),
    ("scaleup_uni", Measure::Bandwidth),
    ("scaleup_switches_per_rack", COUNT),
    ("pcie_bw_uni", Measure::Bandwidth),
    ("largest_slice", COUNT),
    // scale-out
    ("scaleout_bw", Measure::Bandwidth),
    ("scaleout_bw_trn1n", Measure::Bandwidth),
    ("scaleout_total", Measure::Bandwidth),
    ("scaleout_uni", Measure::Bandwidth),
    ("node_scaleout_uni", Measure::Bandwidth),
    ("efa", Measure::Bandwidth),
    ("nic", Measure::Bandwidth),
    ("dcn", Measure::Bandwidth),
    ("bisection", Measure::Bandwidth),
    ("allreduce_bw", Measure::Bandwidth),
    // links
    ("latency", Measure::Time),
    ("efav3_latency_saving", Measure::Plain(&["percent"])),
    ("bw_per_chip", Measure::Bandwidth),
    ("bw_per_chip_uni", Measure::Bandwidth),
    ("bw_per_gpu", Measure::Bandwidth),
    ("bw_per_gpu_uni", Measure::Bandwidth),
    ("bw_intra", Measure::Bandwidth),
    ("bw_inter", Measure::Bandwidth),
    ("link_uni", Measure::Bandwidth),
    ("link_uni_trn1n", Measure::Bandwidth),
    ("link_intra_uni", Measure::Bandwidth),
    ("link_inter_uni", Measure::Bandwidth),
    ("tier_server", Measure::Bandwidth),
    ("tier_rack", Measure::Bandwidth),
    ("tier_interrack", Measure::Bandwidth),
    ("switch_capacity", Measure::Bandwidth),
    ("algo_mesh_max", Measure::Bytes),
    ("algo_rdh_range", Measure::Bytes),
    ("algo_ring_min", Measure::Bytes),
    ("pod_servers", COUNT),
    ("max_gpus_2tier", COUNT),
    ("max_gpus_3tier", COUNT),
    // package, node, rack
    ("tdp", Measure::Power),
    ("power_max", Measure::Power),
    ("rack_power", Measure::Power),
    ("tray_power", Measure::Power),
    ("chip_power_per_rack", Measure::Power),
    ("die_mm2", Measure::Plain(&["mm2"])),
    ("compute_dies", COUNT),
    ("transistors", Measure::Plain(&["billion"])),
    ("chips", COUNT),
    ("chips_per_node", COUNT),
    ("chips_per_rack", COUNT),
    ("racks", COUNT),
    ("compute_trays", COUNT),
    ("switch_trays", COUNT),
    ("nvswitch", COUNT),
    ("copper_cables", COUNT),
    ("vcpu", COUNT),
    ("height", Measure::Plain(&["U"])),
    ("weight", Measure::Plain(&["kg"])),
];

/// The known field nearest to a wrong name, or those that begin with the same word.
pub fn hint_for(wrong: &str) -> Option<String> {
    if let Some(near) = secondsource_base::nearest(wrong, FIELDS.iter().map(|(n, _)| *n)) {
        return Some(format!("did you mean `{near}`?"));
    }
    let word = wrong.split('_').next().filter(|w| !w.is_empty())?;
    let same: Vec<_> = FIELDS.iter().map(|(n, _)| *n).filter(|n| n.split('_').next() == Some(word)).map(|n| format!("`{n}`")).collect();
    (!same.is_empty()).then(|| format!("known figures of that sort: {}", same.join(", ")))
}

/// What a field of a chip, node, rack or link measures.
pub fn measure(field: &str) -> Option<Measure> {
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, m)| *m)
}

/// Base units (bytes, bytes/s, FLOP/s, watts, seconds) of one `unit`; 1 for plain units.
pub fn scale(unit: &str) -> f64 {
    unit_scale(unit).map_or(1.0, |(_, s)| s)
}
