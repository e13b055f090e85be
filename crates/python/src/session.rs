//! The machine that the running kernel stands on. One kernel launch at a time has one; its LNC cores and ranks take turns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
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
/// Epoch of the running launch; 0 when there is none.
static EPOCH: AtomicU64 = AtomicU64::new(0);
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

/// The launch of this epoch is the running one.
pub fn is_running(epoch: u64) -> bool {
    EPOCH.load(Ordering::Relaxed) == epoch
}

pub fn push(next: Session) {
    EPOCH.store(next.epoch, Ordering::Relaxed);
    lock(&SESSION).push(next);
}

pub fn pop() -> Option<Session> {
    let mut sessions = lock(&SESSION);
    let ended = sessions.pop();
    EPOCH.store(sessions.last().map_or(0, |s| s.epoch), Ordering::Relaxed);
    drop(sessions);
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
        if dropped.is_empty() {
            return;
        }
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

/// Where calls stand: by code object (kept alive, so that its address stays its own) and instruction in it, the line, or none
/// in this package's own files.
static SITES: Mutex<Sites> = Mutex::new(Sites { codes: Vec::new(), lines: BTreeMap::new() });

struct Sites {
    codes: Vec<Py<PyAny>>,
    lines: BTreeMap<(usize, i32), Option<SourceLine>>,
}

/// Call sites remembered at most; then all are forgotten.
const SITES_KEPT: usize = 1 << 16;

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
    let Ok(mut frame) = get.bind(py).call0() else {
        return Ok(SourceLine::default());
    };
    loop {
        let code = frame.getattr(intern!(py, "f_code"))?;
        let at = (code.as_ptr() as usize, frame.getattr(intern!(py, "f_lasti"))?.extract::<i32>()?);
        let known = lock(&SITES).lines.get(&at).copied();
        let line = match known {
            Some(line) => line,
            None => look_at(&frame, code, at)?,
        };
        if let Some(line) = line {
            return Ok(line);
        }
        frame = frame.getattr(intern!(py, "f_back"))?;
        if frame.is_none() {
            return Ok(SourceLine::default());
        }
    }
}

/// The line that a frame is at, remembered for its next visit.
fn look_at(frame: &Bound<'_, PyAny>, code: Bound<'_, PyAny>, at: (usize, i32)) -> PyResult<Option<SourceLine>> {
    let py = frame.py();
    let files = FILES.get_or_init(py, || PyDict::new(py).unbind()).bind(py);
    let name = code.getattr("co_filename")?;
    let number = match files.get_item(&name)? {
        Some(known) => known.extract::<i32>()?,
        None => number_file(files, name.cast::<PyString>()?)?,
    };
    let line = match u16::try_from(number) {
        Ok(file) => Some(SourceLine { file, line: frame.getattr("f_lineno")?.extract().unwrap_or(0) }),
        Err(_) => None,
    };
    // What is forgotten is let go of after the lock: the end of a code object may run Python.
    let mut forgotten = Vec::new();
    let mut sites = lock(&SITES);
    if sites.lines.len() >= SITES_KEPT {
        sites.lines.clear();
        forgotten = std::mem::take(&mut sites.codes);
    }
    sites.lines.insert(at, line);
    if !sites.codes.iter().rev().take(64).any(|c| c.as_ptr() as usize == at.0) {
        sites.codes.push(code.unbind());
    }
    drop(sites);
    drop(forgotten);
    Ok(line)
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
