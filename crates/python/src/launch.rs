//! Beginning and ending of a kernel launch, and what the machine says about it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use secondsource_catalog::Catalog;
use secondsource_neuroncore::{Gen, Generation, Machine, MxScale};

use crate::session::{self, Session};

/// Starts a machine for a launch; what ran before is put away until [`end`]. `mx_sample`: scales of `quantize_mx` as before SDK 2.31.
#[pyfunction]
#[pyo3(signature = (target, lnc=1, ranks=1, seed=0, *, mx_sample=false, static_descriptors=false))]
pub fn begin(target: &str, lnc: u16, ranks: u16, seed: u64, mx_sample: bool, static_descriptors: bool) -> PyResult<()> {
    let version = Gen::parse(target)
        .ok_or_else(|| PyValueError::new_err(format!("`{target}` is no target: trn1, trn2, trn3 (or inf2, gen2, gen3, gen4)")))?;
    let generation = generation(version)?;
    let epoch = next_epoch();
    let mut machine = Machine::new(generation, ranks, lnc, seed);
    if mx_sample {
        machine.set_mx_scale(MxScale::Sample);
    }
    machine.set_static_descriptors(static_descriptors);
    session::push(Session { machine, epoch, core: 0 });
    Ok(())
}

fn generation(version: Gen) -> PyResult<Generation> {
    static READ: std::sync::OnceLock<Result<Vec<Generation>, String>> = std::sync::OnceLock::new();
    let read = READ.get_or_init(|| {
        let catalog = Catalog::embedded();
        Gen::ALL.iter().map(|g| Generation::read(catalog, *g).map_err(|e| format!("{e:?}"))).collect()
    });
    match read {
        Ok(all) => all.iter().find(|g| g.version == version).cloned().ok_or_else(|| PyValueError::new_err("generation without a table")),
        Err(e) => Err(PyValueError::new_err(e.clone())),
    }
}

fn next_epoch() -> u64 {
    static EPOCH: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    EPOCH.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Ends the launch.
#[pyfunction]
pub fn end() {
    session::pop();
}

/// True inside a kernel.
#[pyfunction]
pub fn running() -> bool {
    session::with(|_| Ok(())).is_ok()
}

/// Which core's program runs from now on.
#[pyfunction]
pub fn set_core(core: u16) -> PyResult<()> {
    session::with(|s| {
        s.core = core;
        Ok(())
    })
}

#[pyfunction]
pub fn waiting(core: u16) -> PyResult<bool> {
    session::with(|s| Ok(s.machine.waiting(core)))
}

#[pyfunction]
pub fn begin_loop(py: Python<'_>) -> PyResult<()> {
    let at = session::caller(py)?;
    session::with(|s| {
        s.machine.begin_loop(at);
        Ok(())
    })
}

#[pyfunction]
pub fn next_trip() -> PyResult<()> {
    session::with(|s| {
        s.machine.next_trip();
        Ok(())
    })
}

#[pyfunction]
pub fn end_loop() -> PyResult<()> {
    session::with(|s| {
        s.machine.end_loop();
        Ok(())
    })
}

/// Instructions executed so far.
#[pyfunction]
pub fn instructions() -> PyResult<usize> {
    session::with(|s| Ok(s.machine.trace().instrs.len()))
}

/// Sizes that `nl.tile_size` shows, by name.
#[pyfunction]
pub fn sizes(target: &str) -> PyResult<std::collections::BTreeMap<&'static str, u32>> {
    let version = Gen::parse(target).ok_or_else(|| PyValueError::new_err(format!("`{target}` is no target")))?;
    let g = generation(version)?;
    Ok([
        ("partitions", g.partitions),
        ("sbuf_bytes", g.sbuf_bytes),
        ("sbuf_physical", g.sbuf_physical),
        ("psum_banks", g.psum_banks),
        ("psum_bank_bytes", g.psum_bank_bytes),
    ]
    .into())
}
