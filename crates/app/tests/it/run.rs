//! Running the binary and looking at what it says.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a run left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs in the repository, 100 columns wide, without colour.
pub fn secondsource(args: &[&str]) -> Ran {
    secondsource_at(args, "100")
}

pub fn secondsource_at(args: &[&str], columns: &str) -> Ran {
    let out = Command::new(env!("CARGO_BIN_EXE_secondsource"))
        .args(args)
        .current_dir(root())
        .env("COLUMNS", columns)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: out.status.code().expect("an exit code, not a signal"), stdout: text(out.stdout), stderr: text(out.stderr) }
}

impl Ran {
    /// Asserts exit code 0 and a quiet stderr; gives stdout.
    pub fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }

    /// Stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("stdout is not JSON: {e}\n{}{}", self.stdout, self.stderr))
    }
}

/// The page fits its width at 80 and 100 columns, holds the words, and is the same when printed again.
pub fn fits(args: &[&str], words: &[&str]) {
    for columns in ["80", "100"] {
        let text = secondsource_at(args, columns).ok();
        let width: usize = columns.parse().expect("a number");
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > width).collect();
        assert!(long.is_empty(), "{long:#?}");
        for word in words {
            assert!(text.contains(word), "`{word}` is missing:\n{text}");
        }
        assert_eq!(text, secondsource_at(args, columns).ok());
    }
}

/// A fresh empty directory for one test.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).expect("old scratch directory goes");
    }
    std::fs::create_dir_all(&dir).expect("scratch directory");
    dir
}

/// A file in a fresh directory; gives its path as text.
pub fn scratch_file(test: &str, name: &str, text: &str) -> String {
    let path = scratch(test).join(name);
    std::fs::write(&path, text).expect("scratch file");
    path.to_str().expect("UTF-8 path").to_owned()
}

/// Asserts that `value` has at least the keys of `shape`, with values of the same JSON type. A `null` in the
/// shape takes anything; the one element of an array in the shape stands for all elements.
pub fn assert_shape(value: &Value, shape: &Value, path: &str) {
    match (value, shape) {
        (_, Value::Null) => {}
        (Value::Object(got), Value::Object(want)) => {
            for (key, inner) in want {
                let found = got.get(key).unwrap_or_else(|| panic!("{path} lacks `{key}`: {value}"));
                assert_shape(found, inner, &format!("{path}.{key}"));
            }
        }
        (Value::Array(got), Value::Array(want)) => {
            for (i, item) in got.iter().enumerate() {
                if let Some(inner) = want.first() {
                    assert_shape(item, inner, &format!("{path}[{i}]"));
                }
            }
        }
        (Value::String(_), Value::String(_)) | (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{path} is {value}, but should be like {shape}"),
    }
}
