//! The rules of the house (docs/architecture.md), checked: data flows one way, the library does no input or
//! output, files stay small.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Number of a crate in the import table, and the numbers that it may import.
const HOUSE: [(&str, u8, &[u8]); 14] = [
    ("base", 1, &[]),
    ("catalog", 2, &[1]),
    ("workload", 3, &[1, 2]),
    ("chip", 4, &[1, 2, 3]),
    ("neuroncore", 5, &[1, 2, 4]),
    ("fabric", 6, &[1, 2]),
    ("step", 7, &[1, 2, 3, 4, 6]),
    ("plan", 8, &[1, 2, 3, 4, 5, 6, 7]),
    ("campaign", 9, &[1, 2, 7]),
    ("market", 10, &[1, 2]),
    ("emit", 11, &[3, 4, 5, 6, 7, 8, 9, 10]),
    ("secondsource", 12, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("app", 13, &[12]),
    ("python", 14, &[2, 5, 11, 12]),
];

/// What crates 1 to 10 may not touch.
const OUTSIDE: [&str; 8] = ["std::fs", "std::env", "std::net", "std::process", "time::Instant", "SystemTime", "println!", "dbg!"];

const MOST_LINES: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Files below a folder whose name ends in one of `endings`, sorted; build output is not looked at.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.expect("directory entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, endings));
        } else if endings.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Crates of the workspace: folder name and path.
fn crates() -> Vec<(String, PathBuf)> {
    let mut all: Vec<(String, PathBuf)> = fs::read_dir(root().join("crates"))
        .expect("crates/")
        .map(|e| e.expect("directory entry").path())
        .filter(|p| p.join("Cargo.toml").is_file())
        .map(|p| (p.file_name().unwrap_or_default().to_string_lossy().into_owned(), p))
        .collect();
    all.sort();
    all
}

/// Position of a crate in the table, by folder or package name.
fn place(name: &str) -> Option<(u8, &'static [u8])> {
    let short = name.strip_prefix("secondsource-").unwrap_or(name);
    HOUSE.iter().find(|(n, _, _)| *n == short).map(|(_, number, may)| (*number, *may))
}

/// Lines of code with their numbers, comments left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(i, l)| (i + 1, l)).filter(|(_, l)| !l.trim_start().starts_with("//"))
}

#[test]
fn crates_import_only_what_the_table_lets_them() {
    let mut wrong = Vec::new();
    for (name, path) in crates() {
        let Some((_, may)) = place(&name) else {
            wrong.push(format!("crates/{name} is not in the import table"));
            continue;
        };
        let manifest: toml::Table = read(&path.join("Cargo.toml")).parse().expect("Cargo.toml is TOML");
        let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
        let imported: BTreeSet<&String> =
            sections.iter().filter_map(|s| manifest.get(*s)?.as_table()).flat_map(toml::Table::keys).collect();
        for import in imported.into_iter().filter(|i| i.starts_with("secondsource")) {
            match place(import) {
                Some((number, _)) if may.contains(&number) => {}
                _ => wrong.push(format!("crates/{name} may not import {import}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_flows_one_way() {
    for (name, number, may) in HOUSE {
        assert!(may.iter().all(|m| *m < number), "{name} imports a later number");
    }
}

#[test]
fn the_library_does_no_input_or_output() {
    let mut wrong = Vec::new();
    for (name, path) in crates() {
        if place(&name).is_none_or(|(number, _)| number > 10) {
            continue;
        }
        for file in files(&path.join("src"), &[".rs"]) {
            for (line, text) in code(&read(&file)) {
                for outside in OUTSIDE.iter().filter(|o| text.contains(**o)) {
                    wrong.push(format!("{}:{line}: {outside}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_readable() {
    let mut wrong = Vec::new();
    for file in files(&root().join("crates"), &[".rs"]) {
        let lines = read(&file).lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines, at most {MOST_LINES}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_lint_is_silenced_without_a_reason() {
    // Split, so that this file does not find itself.
    let bare = [concat!("#[all", "ow("), concat!("#![all", "ow(")];
    let mut wrong = Vec::new();
    for file in files(&root().join("crates"), &[".rs"]) {
        for (line, text) in code(&read(&file)) {
            let expects = text.contains("#[expect(") && !text.contains("reason");
            if bare.iter().any(|b| text.contains(b)) || expects && !read(&file).lines().skip(line).take(3).any(|l| l.contains("reason")) {
                wrong.push(format!("{}:{line}: {}", file.display(), text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "use #[expect(.., reason = ..)]:\n{}", wrong.join("\n"));
}

#[test]
fn no_path_of_one_machine() {
    let places = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/ro", "ot/")];
    let mut wrong = Vec::new();
    let endings = [".rs", ".toml", ".md", ".yml", ".yaml", ".sh"];
    for file in files(&root(), &endings) {
        for (i, text) in read(&file).lines().enumerate() {
            // `github.com/some/work/tree` is no path of a machine: a path starts a word.
            let starts = |at: usize| text[..at].chars().last().is_none_or(|c| !(c.is_alphanumeric() || "-_.~*}".contains(c)));
            if places.iter().any(|p| text.match_indices(p).any(|(at, _)| starts(at))) {
                wrong.push(format!("{}:{}: {}", file.display(), i + 1, text.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
