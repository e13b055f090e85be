//! Runs the Python tests of this folder against the module that cargo has just built.
//!
//! Needs python3 (3.11 or newer) with `venv`, and the packages of `requirements.txt` from PyPI: they go into a virtual
//! environment under `target/`. Set `SECONDSOURCE_NO_PYTHON=1` to leave these tests out.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The module as cargo built it for this test: beside the test binary.
fn module() -> PathBuf {
    let deps = env::current_exe().expect("own path").parent().expect("folder").to_path_buf();
    let names = ["libsecondsource_native.so", "libsecondsource_native.dylib", "secondsource_native.dll"];
    let folders = [deps.clone(), deps.parent().map(Path::to_path_buf).unwrap_or_default()];
    let mut found: Vec<PathBuf> = folders.iter().flat_map(|f| names.iter().map(|n| f.join(n))).filter(|p| p.is_file()).collect();
    found.sort_by_key(|p| fs::metadata(p).and_then(|m| m.modified()).ok());
    found.pop().unwrap_or_else(|| panic!("no {names:?} in {}", deps.display()))
}

/// What to do when the machine cannot run Python tests.
const NEEDS: &str = "crates/python is tested by Python: it needs Python 3.11 or newer (`python3`, or what PYTHON names) with venv or \
    pip, and numpy, ml_dtypes and pytest from PyPI. SECONDSOURCE_NO_PYTHON=1 leaves these tests out.";

/// Python 3.11 or newer.
fn interpreter() -> String {
    let named = env::var("PYTHON").into_iter();
    let usual = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"].map(String::from);
    let mut seen = Vec::new();
    for name in named.chain(usual) {
        let asked = Command::new(&name).args(["-c", "import sys; print(*sys.version_info[:2])"]).output();
        let Some(said) = asked.ok().filter(|o| o.status.success()) else { continue };
        let said = String::from_utf8_lossy(&said.stdout).trim().to_string();
        let mut parts = said.split_whitespace().filter_map(|p| p.parse::<u32>().ok());
        if (parts.next(), parts.next()) >= (Some(3), Some(11)) {
            return name;
        }
        seen.push(format!("{name} is {}", said.replace(' ', ".")));
    }
    panic!("{NEEDS}\nFound: {}", if seen.is_empty() { "no Python".into() } else { seen.join(", ") });
}

/// The interpreter of a virtual environment with the test packages, made once for a set of requirements; where `venv` is
/// missing, the machine's interpreter and a folder of packages.
fn python(folder: &Path) -> (PathBuf, Option<PathBuf>) {
    let wanted = here().join("requirements.txt");
    let text = fs::read_to_string(&wanted).expect("requirements.txt");
    let venv = folder.join("venv");
    let inside = if cfg!(windows) { venv.join("Scripts/python.exe") } else { venv.join("bin/python") };
    let stamp = venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == text) && run_ok(Command::new(&inside).arg("--version")).is_ok() {
        return (inside, None);
    }
    let base = interpreter();
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    match run_ok(Command::new(&base).args(["-m", "venv", "--clear"]).arg(&venv)) {
        Ok(()) => {
            run_ok(Command::new(&inside).args(install).arg(&wanted)).unwrap_or_else(|e| panic!("{NEEDS}\n{e}"));
            fs::write(stamp, text).expect("stamp of the environment");
            (inside, None)
        }
        Err(no_venv) => {
            let packages = folder.join("packages");
            run_ok(Command::new(&base).args(install).arg(&wanted).arg("--upgrade").arg("--target").arg(&packages))
                .unwrap_or_else(|no_pip| panic!("{NEEDS}\n{no_venv}\n{no_pip}"));
            (PathBuf::from(base), Some(packages))
        }
    }
}

fn run_ok(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|e| format!("{shown}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{shown}:\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// The Python package with the built module inside.
fn package(folder: &Path) -> PathBuf {
    let lib = folder.join("lib");
    if lib.exists() {
        fs::remove_dir_all(&lib).expect("old package");
    }
    copy(&here().join("python/secondsource"), &lib.join("secondsource"));
    let name = if cfg!(windows) { "_native.pyd" } else { "_native.abi3.so" };
    fs::copy(module(), lib.join("secondsource").join(name)).expect("module");
    lib
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("package") {
        let path = entry.expect("directory entry").path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "__pycache__" {
                copy(&path, &to.join(name));
            }
        } else if path.extension().is_some_and(|e| e == "py") {
            fs::copy(&path, to.join(name)).expect("file");
        }
    }
}

#[test]
fn python_tests_pass() {
    if env::var_os("SECONDSOURCE_NO_PYTHON").is_some() {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    fs::create_dir_all(&folder).expect("folder");
    let (interpreter, packages) = python(&folder);
    let lib = package(&folder);
    let path = env::join_paths(std::iter::once(lib).chain(packages)).expect("paths");
    let mut tests = Command::new(interpreter);
    tests.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(here().join("tests"));
    tests.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
    for name in ["NEURON_PLATFORM_TARGET_OVERRIDE", "NKI_NC_VERSION", "PYTHONHOME", "PYTEST_ADDOPTS"] {
        tests.env_remove(name);
    }
    run_ok(&mut tests).unwrap_or_else(|e| panic!("{e}"));
}
