//! Failures: diagnostics with an exit code, shown on stderr and, with `--json`, as an object on stdout.

use crate::exit;
use anstream::eprintln;
use secondsource::{Diagnostic, Severity};
use serde::Serialize;

/// Why a subcommand could not answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Bad input: exit code 2.
    Input(Vec<Diagnostic>),
    /// A file system that says no, or a fault of ours: exit code 3.
    Internal(Diagnostic),
}

impl From<Diagnostic> for Failure {
    fn from(d: Diagnostic) -> Failure {
        Failure::Input(vec![d])
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(list: Vec<Diagnostic>) -> Failure {
        Failure::Input(list)
    }
}

/// The `error` object of `--json`.
#[derive(Serialize)]
struct ErrorOut<'a> {
    message: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    hints: &'a [String],
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    error: ErrorOut<'a>,
    /// Further problems of the same input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<ErrorOut<'a>>,
}

impl<'a> From<&'a Diagnostic> for ErrorOut<'a> {
    fn from(d: &'a Diagnostic) -> ErrorOut<'a> {
        ErrorOut {
            message: &d.message,
            file: d.file.as_deref(),
            line: d.at.map(|(line, _)| line),
            column: d.at.map(|(_, column)| column),
            hints: &d.hints,
        }
    }
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Input(_) => exit::BAD_INPUT,
            Failure::Internal(_) => exit::INTERNAL,
        }
    }

    fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Failure::Input(list) => list,
            Failure::Internal(d) => std::slice::from_ref(d),
        }
    }

    /// Prints to stderr.
    pub fn report(&self) {
        for d in self.diagnostics() {
            print_diagnostic(d);
        }
    }

    /// The JSON document that stands in for the answer.
    pub fn to_json(&self) -> String {
        let (mut errors, rest): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
            self.diagnostics().iter().partition(|d| d.severity == Severity::Error);
        errors.extend(rest);
        let unknown = Diagnostic::error("unknown error");
        let first = errors.first().copied().unwrap_or(&unknown);
        let more = errors.iter().skip(1).map(|d| ErrorOut::from(*d)).collect();
        serde_json::to_string_pretty(&ErrorDocument { error: first.into(), more }).unwrap_or_default()
    }
}

/// One diagnostic on stderr, its first word in colour when stderr takes colour.
pub fn print_diagnostic(d: &Diagnostic) {
    let colour = match d.severity {
        Severity::Error => "\x1b[1;31m",
        Severity::Warning => "\x1b[1;33m",
    };
    let text = d.to_string();
    match text.split_once(':') {
        Some((word, rest)) => eprintln!("{colour}{word}\x1b[0m:{rest}"),
        None => eprintln!("{text}"),
    }
}
