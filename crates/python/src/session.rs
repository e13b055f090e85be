//! The machine that the running kernel stands on. One kernel launch at a time has one; its LNC cores and ranks take turns.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use secondsource_neuroncore::{Fault, InstrId, Machine, Op, SourceLine, TensorId};

pyo3::create_exception!(nki.isa, NkiValidationError, pyo3::exceptions::PyAssertionError, "A rule of the hardware was broken.");

pub struct Session {
    pub machine: Machine,
    /// Tells tensors of an earlier launch from those of this one.
    pub epoch: u64,
    /// Core whose program runs now.
    pub core: u16,
}

/// The running launch, and below it those that started it from inside a kernel.
static SESSION: Mutex<Vec<Session>> = Mutex::new(Vec::new());
static DROPPED: Mutex<Vec<(u64, TensorId)>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` on the session of the running kernel.
pub fn with<T>(f: impl FnOnce(&mut Session) -> PyResult<T>) -> PyResult<T> {
    match lock(&SESSION).last_mut() {
        Some(session) => f(session),
        None => Err(PyRuntimeError::new_err(
            "NKI operations run only inside a kernel: call a function decorated with @nki.jit, or nki.simulate(function)",
        )),
    }
}

pub fn push(next: Session) {
    lock(&SESSION).push(next);
}

pub fn pop() -> Option<Session> {
    let ended = lock(&SESSION).pop();
    if let Some(ended) = &ended {
        lock(&DROPPED).retain(|(epoch, _)| *epoch != ended.epoch);
    }
    ended
}

/// Called when Python lets go of the last view of a tensor; the machine hears of it at its next instruction.
pub fn dropped(epoch: u64, tensor: TensorId) {
    lock(&DROPPED).push((epoch, tensor));
}

impl Session {
    pub fn drain(&mut self) {
        let mut dropped = lock(&DROPPED);
        dropped.retain(|(epoch, tensor)| {
            if *epoch == self.epoch {
                self.machine.free(*tensor);
            }
            *epoch != self.epoch
        });
    }
}

/// An engine's complaint as a Python exception that names the kernel's line.
pub fn raise(py: Python<'_>, fault: &Fault, at: SourceLine) -> PyErr {
    let place = file_name(py, at.file).map_or(String::new(), |file| format!("{file}:{}: ", at.line));
    let err = NkiValidationError::new_err(format!("{place}{fault}"));
    let value = err.value(py);
    // Attributes for tools; a failure to set them must not hide the fault.
    let _ = value.setattr("rule", fault.rule);
    let _ = value.setattr("line", at.line);
    let _ = value.setattr("file", file_name(py, at.file));
    err
}

/// Executes on the current core, on behalf of the kernel line that called.
pub fn exec(py: Python<'_>, op: Op) -> PyResult<InstrId> {
    let at = caller(py)?;
    let done = with(|s| {
        s.drain();
        Ok(s.machine.exec(s.core, op, at))
    })?;
    done.map_err(|fault| raise(py, &fault, at))
}

static FRAME: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static FILES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub fn file_name(py: Python<'_>, file: u16) -> Option<String> {
    let _ = py;
    lock(&NAMES).get(usize::from(file)).cloned()
}

/// All file names by number.
#[pyfunction]
pub fn source_files() -> Vec<String> {
    lock(&NAMES).clone()
}

/// The line of the innermost frame that is not this package's.
pub fn caller(py: Python<'_>) -> PyResult<SourceLine> {
    use pyo3::intern;
    let get = FRAME.get_or_try_init(py, || -> PyResult<Py<PyAny>> { Ok(py.import("sys")?.getattr("_getframe")?.unbind()) })?;
    let files = FILES.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
    let Ok(mut frame) = get.bind(py).call0() else {
        return Ok(SourceLine::default());
    };
    loop {
        let name = frame.getattr(intern!(py, "f_code"))?.getattr(intern!(py, "co_filename"))?;
        let number = match files.get_item(&name)? {
            Some(known) => known.extract::<i32>()?,
            None => number_file(files, name.cast::<PyString>()?)?,
        };
        if number >= 0 {
            let line: u32 = frame.getattr(intern!(py, "f_lineno"))?.extract().unwrap_or(0);
            return Ok(SourceLine { file: number as u16, line });
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
        if frame.is_none() {
            return Ok(SourceLine::default());
        }
    }
}

/// -1 for this package's own files.
fn number_file(files: &Bound<'_, PyDict>, name: &Bound<'_, PyString>) -> PyResult<i32> {
    let text = name.to_cow()?;
    let ours = text.replace('\\', "/").contains("/secondsource/nki/") || text.starts_with("<frozen");
    let number = if ours {
        -1
    } else {
        let mut names = lock(&NAMES);
        if names.is_empty() {
            // Number 0 stands for "no source line".
            names.push("<unknown>".to_string());
        }
        names.push(text.to_string());
        (names.len() - 1).min(usize::from(u16::MAX)) as i32
    };
    files.set_item(name, number)?;
    Ok(number)
}
