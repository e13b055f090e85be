//! Runs the Python tests of this folder against the module that cargo has just built.
//!
//! Needs python3 (3.11 or newer) with `venv`, and the packages of `requirements.txt` from PyPI: they go into a virtual
//! environment under `target/`. Set `SECONDSOURCE_NO_PYTHON=1` to leave these tests out.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn run(command: &mut Command) -> Output {
    let shown = format!("{command:?}");
    command.output().unwrap_or_else(|e| panic!("{shown}: {e}"))
}

fn must(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = run(command);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{shown} failed:\n{text}");
    text
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

/// A virtual environment with the test packages; made once for a set of requirements.
fn python(folder: &Path) -> PathBuf {
    let wanted = fs::read_to_string(here().join("requirements.txt")).expect("requirements.txt");
    let venv = folder.join("venv");
    let interpreter = if cfg!(windows) { venv.join("Scripts/python.exe") } else { venv.join("bin/python") };
    let stamp = venv.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return interpreter;
    }
    let base = env::var("PYTHON").unwrap_or_else(|_| "python3".to_string());
    must(Command::new(base).args(["-m", "venv", "--clear"]).arg(&venv));
    must(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet", "-r"]).arg(here().join("requirements.txt")));
    fs::write(stamp, wanted).expect("stamp of the environment");
    interpreter
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
    let interpreter = python(&folder);
    let lib = package(&folder);
    let text = must(
        Command::new(interpreter)
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .arg(here().join("tests"))
            .env("PYTHONPATH", lib)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("NEURON_PLATFORM_TARGET_OVERRIDE")
            .env_remove("NKI_NC_VERSION"),
    );
    println!("{}", text.lines().last().unwrap_or_default());
}
