//! Time of what has run: the scheduler's report as plain Python data, and the trace for the viewer.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use secondsource_neuroncore::check::check;
use secondsource_neuroncore::report::{Report, report as make_report};
use secondsource_neuroncore::schedule::{BoundBy, Free, Graph, Schedule};
use secondsource_neuroncore::timing::{Calibration, Timing};
use secondsource_neuroncore::trace::SourceLine;
use secondsource_neuroncore::{Gen, Trace};

use crate::session;

/// Instructions that a compiler is taken to look ahead in each stream for the reordered time.
const WINDOW: usize = 32;

fn scheduled<T>(f: impl FnOnce(&Trace, Report, Graph, Schedule) -> PyResult<T>) -> PyResult<T> {
    session::with(|s| {
        let timing = Timing::embedded(s.machine.generation().version).map_err(|e| PyRuntimeError::new_err(format!("{e}")))?;
        let trace = s.machine.trace();
        let (report, graph, schedule) = make_report(&timing, trace, WINDOW).map_err(|e| PyRuntimeError::new_err(format!("{e}")))?;
        f(trace, report, graph, schedule)
    })
}

fn line(py: Python<'_>, at: SourceLine) -> String {
    session::file_name(py, at.file).map_or_else(|| "?".into(), |file| format!("{file}:{}", at.line))
}

fn work(free: Free) -> String {
    match free {
        Free::Nothing => "nothing".into(),
        Free::Engine(engine) => format!("{} engine", engine.name()),
        Free::ActTable => "activation table switches".into(),
        Free::DmaBytes => "DMA bytes".into(),
        Free::DmaLatency => "DMA latency".into(),
        Free::Launch => "launch".into(),
    }
}

/// Half the width of the central 90% of a normal distribution, in standard deviations.
const HALF_90: f64 = 1.644_853_626_951_472_2;

/// P5 and P95 over P50, from the spread of predictions against published timings.
fn interval(r: &Report, version: Gen) -> PyResult<(f64, f64)> {
    let calibration = Calibration::embedded().map_err(|e| PyRuntimeError::new_err(format!("{e}")))?;
    // Kernels bound by products are predicted more closely; the same line is drawn where the spread is fitted.
    let spread = calibration.spread_of(version, r.mfu > 0.3);
    Ok((libm::exp(-HALF_90 * spread), libm::exp(HALF_90 * spread)))
}

/// Seconds are those of the emulated chip.
#[pyfunction]
pub fn report<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let r = scheduled(|_, report, _, _| Ok(report))?;
    let version = session::with(|s| Ok(s.machine.generation().version))?;
    let out = PyDict::new(py);
    out.set_item("instructions", r.instructions)?;
    out.set_item("time_us", r.reordered * 1e6)?;
    let (low, high) = interval(&r, version)?;
    out.set_item("time_us_p5", r.reordered * low * 1e6)?;
    out.set_item("time_us_p95", r.reordered * high * 1e6)?;
    out.set_item("as_written_us", r.seconds * 1e6)?;
    out.set_item("bound_us", r.bound * 1e6)?;
    out.set_item(
        "bound_by",
        match r.bound_by {
            BoundBy::Engine(engine) => engine.name(),
            BoundBy::Data => "data",
        },
    )?;
    out.set_item("mfu", r.mfu)?;
    out.set_item("flops", r.flops)?;
    let engines = PyList::empty(py);
    for e in &r.engines {
        let one = PyDict::new(py);
        one.set_item("core", e.core)?;
        one.set_item("engine", e.engine.name())?;
        one.set_item("instructions", e.instructions)?;
        one.set_item("busy", e.busy)?;
        engines.append(one)?;
    }
    out.set_item("engines", engines)?;
    let dma = PyDict::new(py);
    dma.set_item("transfers", r.dma.transfers)?;
    dma.set_item("bytes_read", r.dma.read)?;
    dma.set_item("bytes_written", r.dma.written)?;
    dma.set_item("bytes_inside", r.dma.inside)?;
    dma.set_item("bytes_per_second", r.dma.rate)?;
    dma.set_item("mean_run_bytes", r.dma.mean_run)?;
    out.set_item("dma", dma)?;
    let lines = PyList::empty(py);
    for l in r.lines.iter().take(20) {
        let one = PyDict::new(py);
        one.set_item("at", line(py, l.line))?;
        one.set_item("op", l.op.name())?;
        one.set_item("engine", l.engine.name())?;
        one.set_item("time_us", l.seconds * 1e6)?;
        one.set_item("share", l.share)?;
        one.set_item("instructions", l.instructions)?;
        lines.append(one)?;
    }
    out.set_item("critical_lines", lines)?;
    let what_if = PyList::empty(py);
    for w in &r.what_if {
        let one = PyDict::new(py);
        one.set_item("free", work(w.free))?;
        one.set_item("time_us", w.seconds * 1e6)?;
        one.set_item("saved", w.saved)?;
        what_if.append(one)?;
    }
    out.set_item("what_if", what_if)?;
    out.set_item("stuck", r.stuck)?;
    out.set_item("findings", findings(py)?)?;
    Ok(out)
}

/// What the kernel did that the hardware leaves undefined, or that does not fit.
fn findings<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
    let found = session::with(|s| {
        let lines = &s.machine.trace().lines;
        let at = |line: u32| lines.get(line as usize).copied().unwrap_or_default();
        Ok(check(&s.machine).into_iter().map(|f| (at(f.line), f)).collect::<Vec<_>>())
    })?;
    let out = PyList::empty(py);
    for (at, f) in found {
        let one = PyDict::new(py);
        one.set_item("rule", f.rule)?;
        one.set_item("core", f.core)?;
        one.set_item("at", line(py, at))?;
        one.set_item("message", f.message)?;
        one.set_item("hint", f.hint)?;
        out.append(one)?;
    }
    Ok(out)
}

/// The schedule in the JSON trace event format, which ui.perfetto.dev opens.
#[pyfunction]
pub fn perfetto(py: Python<'_>) -> PyResult<String> {
    let bytes = scheduled(|trace, _, graph, schedule| {
        let name = |file: u16| session::file_name(py, file).unwrap_or_else(|| "?".into());
        secondsource_emit::kernel::write_kernel(Vec::new(), trace, &graph, &schedule, &name)
            .map_err(|e| PyRuntimeError::new_err(e.to_string()))
    })?;
    String::from_utf8(bytes).map_err(|e| PyRuntimeError::new_err(e.to_string()))
}
