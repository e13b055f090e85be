//! The report of one published kernel.

use super::WINDOW;
use secondsource_base::Diagnostic;
use secondsource_emit::kernel::write_kernel;
use secondsource_neuroncore::kernels::published;
use secondsource_neuroncore::report::report;
use secondsource_neuroncore::schedule::{BoundBy, Free};
use secondsource_neuroncore::{Calibration, Gen, Timing};
use serde::Serialize;

/// One engine of one core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelEngine {
    pub core: u16,
    pub engine: &'static str,
    pub instructions: u64,
    /// Share of the kernel's time.
    pub busy: f64,
}

/// Part of the critical path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelLine {
    pub line: u32,
    pub instruction: &'static str,
    pub engine: &'static str,
    pub seconds: f64,
    pub share: f64,
    pub instructions: u64,
}

/// What one kind of work is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelWhatIf {
    pub free: &'static str,
    pub seconds: f64,
    pub saved: f64,
}

/// Everything `secondsource kernel` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelAnswer {
    pub kernel: String,
    pub chip: &'static str,
    pub instructions: u64,
    /// Seconds: after reordering with the interval, in the order of the source, and what no order can beat.
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    pub as_written: f64,
    pub bound: f64,
    pub bound_by: String,
    pub mfu: f64,
    pub flops: f64,
    pub engines: Vec<KernelEngine>,
    pub dma_read_bytes: u64,
    pub dma_written_bytes: u64,
    pub dma_bytes_per_second: f64,
    pub dma_transfers: u64,
    pub dma_mean_run_bytes: f64,
    pub dma_short_run_share: f64,
    pub table_loads: u64,
    pub table_seconds: f64,
    pub critical: Vec<KernelLine>,
    pub what_if: Vec<KernelWhatIf>,
}

/// Names of the kernels that can be asked for.
pub fn kernel_names() -> &'static [&'static str] {
    published::NAMES
}

fn free_name(free: Free) -> &'static str {
    match free {
        Free::Engine(e) => e.name(),
        Free::ActTable => "activation table loads",
        Free::DmaBytes => "DMA bytes",
        Free::DmaLatency => "DMA start, end and descriptors",
        Free::Launch => "launch",
        Free::Nothing => "nothing",
    }
}

/// Schedules a published kernel on a chip, with its timeline in the JSON trace event format when `timeline`.
///
/// # Errors
/// An unknown kernel or chip.
pub fn kernel(name: &str, chip: &str, timeline: bool) -> Result<(KernelAnswer, Option<Vec<u8>>), Diagnostic> {
    let version = Gen::parse(chip).ok_or_else(|| {
        Diagnostic::error(format!("`{chip}` is no Trainium chip"))
            .suggest(chip, ["trn1", "trn2", "trn3"])
            .hint("trn1, trn2 and trn3 are known")
    })?;
    let trace = published::trace(name, version).ok_or_else(|| {
        Diagnostic::error(format!("there is no kernel `{name}`"))
            .suggest(name, published::NAMES.iter().copied())
            .hint("`secondsource kernel --list` names them all")
    })?;
    let calibration = Calibration::embedded()?;
    let t = Timing::embedded(version)?;
    let (r, g, s) = report(&t, &trace, WINDOW)?;
    let sigma = calibration.spread_of(version, r.mfu > 0.3);
    let off = (1.645 * sigma).exp();
    let timeline = if timeline {
        let text = write_kernel(Vec::new(), &trace, &g, &s, &|_| name.to_owned())
            .map_err(|e| Diagnostic::error(format!("the timeline cannot be written: {e}")))?;
        Some(text)
    } else {
        None
    };
    let answer = KernelAnswer {
        kernel: name.to_owned(),
        chip: version.chip(),
        instructions: r.instructions,
        p5: r.reordered / off,
        p50: r.reordered,
        p95: r.reordered * off,
        as_written: r.seconds,
        bound: r.bound,
        bound_by: match r.bound_by {
            BoundBy::Engine(e) => e.name().to_owned(),
            BoundBy::Data => "chain of data".to_owned(),
        },
        mfu: r.mfu,
        flops: r.flops,
        engines: r
            .engines
            .iter()
            .map(|e| KernelEngine { core: e.core, engine: e.engine.name(), instructions: e.instructions, busy: e.busy })
            .collect(),
        dma_read_bytes: r.dma.read,
        dma_written_bytes: r.dma.written,
        dma_bytes_per_second: r.dma.rate,
        dma_transfers: r.dma.transfers,
        dma_mean_run_bytes: r.dma.mean_run,
        dma_short_run_share: r.dma.short_runs,
        table_loads: r.table_loads,
        table_seconds: r.table_seconds,
        critical: r
            .lines
            .iter()
            .map(|l| KernelLine {
                line: l.line.line,
                instruction: l.op.name(),
                engine: l.engine.name(),
                seconds: l.seconds,
                share: l.share,
                instructions: l.instructions,
            })
            .collect(),
        what_if: r.what_if.iter().map(|w| KernelWhatIf { free: free_name(w.free), seconds: w.seconds, saved: w.saved }).collect(),
    };
    Ok((answer, timeline))
}
