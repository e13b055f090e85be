//! The calibration that ships, read without the facade (which this crate may not import). Included by path from the
//! tests and benches of `step` and `plan` too.

use secondsource_catalog::calibration::Params;
use secondsource_workload::recipe::{AttentionKernel, Launch, Overlap, Software};

const FITTED: &str = include_str!("../../../../calibration/fitted.toml");
const FAMILIES: &str = include_str!("../../../../calibration/families.toml");

/// Vendor kernels, graphs and overlap of mid-2026.
pub const MODERN: Software = Software { attention: AttentionKernel::Vendor, launch: Launch::Graph, overlap: Overlap::Modern, year: 2026.5 };

fn numbers(text: &str, section: &str) -> Vec<(String, f64)> {
    let file: toml::Table = text.parse().expect("a calibration file is TOML");
    let table = file[section].as_table().expect("a section of numbers");
    table.iter().map(|(k, v)| (k.clone(), v.as_float().expect("a number"))).collect()
}

/// Fitted values of `calibration/fitted.toml`.
pub fn params() -> Params {
    let values = numbers(FITTED, "value");
    let mut a = [0.0; Params::COUNT];
    for (x, name) in a.iter_mut().zip(Params::NAMES) {
        *x = values.iter().find(|(k, _)| k == name).unwrap_or_else(|| panic!("no value of {name}")).1;
    }
    Params::from_array(&a)
}

/// Energy per operation by chip family, `calibration/families.toml`.
pub fn energy() -> Vec<(String, f64)> {
    numbers(FAMILIES, "energy")
}
