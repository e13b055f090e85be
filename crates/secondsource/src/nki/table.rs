//! Reading of the timing table.

use secondsource_base::Diagnostic;
use secondsource_neuroncore::Gen;
use secondsource_neuroncore::kernels::published;
use serde::Deserialize;

/// What a row measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// A whole kernel.
    Latency,
    /// Time that one DMA engine is busy with one DMA.
    EngineBusy,
    /// Rate of repeated copies over that of 32 KiB runs.
    RelativeRate,
    /// Start to end of one activation.
    Instruction,
    /// One link of a chain of dependent instructions.
    PerLink,
    /// Not predicted.
    Other,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    pub id: String,
    pub group: String,
    pub kernel: String,
    pub target: String,
    pub shapes: String,
    pub dtype: String,
    pub quantity: Quantity,
    /// Seconds, or a fraction for [`Quantity::RelativeRate`].
    pub value: f64,
    /// As printed: number and unit.
    pub printed: String,
    pub kind: String,
    /// Bound by matrix products, by the kind of kernel.
    pub gemm: bool,
    /// Name of the instruction stream; empty when it cannot be run.
    pub trace: String,
    /// Device memory traffic as a profiler counted it, bytes.
    pub traffic: Option<(f64, f64)>,
    pub not_run: String,
    pub source: String,
}

impl Timing {
    pub fn version(&self) -> Option<Gen> {
        Gen::parse(&self.target)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    id: String,
    group: String,
    kernel: String,
    target: String,
    shapes: String,
    dtype: String,
    quantity: String,
    value: String,
    unit: String,
    kind: String,
    bound: String,
    trace: String,
    read_bytes: Option<f64>,
    write_bytes: Option<f64>,
    not_run: String,
    source: String,
}

/// Reads a table; every bad row is one diagnostic with its line.
///
/// # Errors
/// All rows that cannot be read.
pub fn read(name: &str, text: &str) -> Result<Vec<Timing>, Vec<Diagnostic>> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for (at, raw) in reader.deserialize::<Raw>().enumerate() {
        let place = |message: String| Diagnostic::error(format!("row {}: {message}", at + 2)).in_file(name);
        match raw.map_err(|e| e.to_string()).and_then(convert) {
            Ok(row) => rows.push(row),
            Err(why) => bad.push(place(why)),
        }
    }
    if bad.is_empty() { Ok(rows) } else { Err(bad) }
}

fn convert(r: Raw) -> Result<Timing, String> {
    let quantity = match r.quantity.as_str() {
        "latency" => Quantity::Latency,
        "engine busy" => Quantity::EngineBusy,
        "relative rate" => Quantity::RelativeRate,
        "instruction" => Quantity::Instruction,
        "per link" => Quantity::PerLink,
        _ => Quantity::Other,
    };
    let runs = !r.trace.is_empty();
    if runs && !r.not_run.is_empty() {
        return Err("both `trace` and `not_run` are given".to_owned());
    }
    if runs && !published::NAMES.contains(&r.trace.as_str()) {
        return Err(format!("there is no instruction stream `{}`", r.trace));
    }
    if runs && Gen::parse(&r.target).is_none() {
        return Err(format!("`{}` is no target; trn1, trn2 and trn3 are", r.target));
    }
    let scale = match r.unit.as_str() {
        "ns" => 1e-9,
        "us" => 1e-6,
        "ms" => 1e-3,
        _ => 1.0,
    };
    let value = r.value.parse::<f64>().unwrap_or(f64::NAN) * scale;
    if runs && !(value.is_finite() && value > 0.0) {
        return Err(format!("`{}` is no positive number", r.value));
    }
    if runs && quantity == Quantity::Other {
        return Err(format!("quantity `{}` cannot be predicted", r.quantity));
    }
    let traffic = match (r.read_bytes, r.write_bytes) {
        (Some(read), Some(write)) if read > 0.0 && write > 0.0 && read.max(write) < 1e15 => Some((read, write)),
        (None, None) => None,
        _ => return Err("`read_bytes` and `write_bytes` go together and are positive".to_owned()),
    };
    Ok(Timing {
        printed: format!("{} {}", r.value, r.unit),
        id: r.id,
        group: r.group,
        kernel: r.kernel,
        target: r.target,
        shapes: r.shapes,
        dtype: r.dtype,
        quantity,
        value,
        kind: r.kind,
        gemm: r.bound == "gemm",
        trace: r.trace,
        traffic,
        not_run: r.not_run,
        source: r.source,
    })
}
