//! Files. Sizes are checked before anything is read, and files are written whole or not at all.

use crate::failure::Failure;
use secondsource::Diagnostic;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Model configurations, job files and overlays.
pub const MAX_CONFIG: u64 = 4 << 20;
/// Run tables.
pub const MAX_TABLE: u64 = 64 << 20;

/// Reads a text file of at most `limit` bytes. A larger one is refused by the length that the file system
/// gives, without opening it; a pipe or device is cut off at the limit.
pub fn read_text(path: &str, what: &str, limit: u64) -> Result<String, Diagnostic> {
    let refuse = |message: String| Diagnostic::error(message).in_file(path);
    let meta = fs::metadata(path).map_err(|e| cannot_read(path, what, &e))?;
    if meta.is_dir() {
        return Err(refuse(format!("this is a directory, but a {what} is needed")).hint(format!("give the path of the {what} inside it")));
    }
    if !meta.is_file() {
        return Err(refuse(format!("this is not a regular file, but a {what} is needed")));
    }
    let too_large =
        |size: String| refuse(format!("{what} of {size}, but at most {} are read", bytes(limit))).hint(format!("is this really a {what}?"));
    if meta.len() > limit {
        return Err(too_large(bytes(meta.len())));
    }
    let mut data = Vec::new();
    let file = File::open(path).map_err(|e| cannot_read(path, what, &e))?;
    file.take(limit + 1).read_to_end(&mut data).map_err(|e| cannot_read(path, what, &e))?;
    if data.len() as u64 > limit {
        return Err(too_large(format!("more than {}", bytes(limit))));
    }
    String::from_utf8(data).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..good].iter().filter(|b| **b == b'\n').count() + 1;
        Diagnostic::error(format!("this {what} is not UTF-8 text")).at_line(path, line)
    })
}

fn cannot_read(path: &str, what: &str, e: &std::io::Error) -> Diagnostic {
    let d = Diagnostic::error(match e.kind() {
        ErrorKind::NotFound => format!("there is no such {what}"),
        ErrorKind::PermissionDenied => format!("this {what} may not be read"),
        _ => format!("this {what} cannot be read: {e}"),
    });
    let d = d.in_file(path);
    if e.kind() == ErrorKind::NotFound { d.suggest(&file_name(path), names_beside(path).iter().map(String::as_str)) } else { d }
}

fn file_name(path: &str) -> String {
    Path::new(path).file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Names in the directory that a path points into, sorted, for suggestions.
fn names_beside(path: &str) -> Vec<String> {
    let dir = Path::new(path).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().take(1000);
    let mut names: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// `2.0 GiB`, `512 bytes`.
fn bytes(n: u64) -> String {
    let units = [(1u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(scale, _)| n >= *scale) {
        Some((scale, unit)) => format!("{:.1} {unit}", n as f64 / *scale as f64),
        None => format!("{n} bytes"),
    }
}

/// Writes a file beside its target and renames it, so that a reader never sees half of it.
pub fn write_whole(path: &str, text: &str) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::Internal(Diagnostic::error(format!("cannot be written: {e}")).in_file(path));
    let target = Path::new(path);
    let Some(name) = target.file_name() else {
        return Err(Diagnostic::error("this is not the path of a file").in_file(path).into());
    };
    let mut beside = name.to_os_string();
    beside.push(format!(".{}.tmp", std::process::id()));
    let temporary: PathBuf = target.with_file_name(beside);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, target)
    };
    write().map_err(|e| {
        // Best effort: the error that is reported is the first one.
        drop(fs::remove_file(&temporary));
        failed(e)
    })
}

/// Writes to stdout. A reader that has gone away (`| head`) is not an error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    match out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::Internal(Diagnostic::error(format!("cannot write to stdout: {e}")))),
        _ => Ok(()),
    }
}

/// Prints a value as indented JSON.
pub fn print_json<T: serde::Serialize>(value: &T) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::Internal(Diagnostic::error(format!("cannot be written as JSON: {e}"))))?;
    print(&text)
}

/// Runs a Python script that launches a kernel, on the instruction model of a chip, and returns the report of its launches.
/// What the script prints goes to stderr.
pub fn run_kernel(path: &str, chip: &str, quiet: bool) -> Result<String, Diagnostic> {
    let refuse = |message: String| Diagnostic::error(message).in_file(path);
    if !Path::new(path).is_file() {
        return Err(refuse("there is no such script".to_owned()).suggest(&file_name(path), names_beside(path).iter().map(String::as_str)));
    }
    let report = std::env::temp_dir().join(format!("secondsource-{}-{chip}.json", std::process::id()));
    // A name that begins with a dash is no option.
    let script = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let mut python = std::process::Command::new("python3");
    python.args(["-m", "secondsource.nki", &script, "--target", chip, "--quiet", "--json"]).arg(&report);
    let out = if quiet { std::process::Stdio::null() } else { std::io::stderr().into() };
    let status = python.stdin(std::process::Stdio::null()).stdout(out).status();
    let status =
        status.map_err(|e| refuse(format!("python3 cannot be started: {e}")).hint("`--kernel NAME=REPORT.json@SHAPE` needs none"))?;
    let text = read_text(&report.to_string_lossy(), "report of a kernel", MAX_CONFIG);
    drop(fs::remove_file(&report));
    if !status.success() {
        let hint = "`python3 -m secondsource.nki SCRIPT.py` must run it; `pip install ./crates/python` installs that module";
        return Err(refuse(format!("the script failed on {chip} ({status})")).hint(hint));
    }
    text
}
