//! `secondsource catalog`: what is known of chips, racks, links and prices, and who says so.

use super::Context;
use crate::exit::Outcome;
use crate::failure::{Failure, print_diagnostic};
use crate::{io, render};
use clap::{Args, Subcommand};
use secondsource::{Catalog, Diagnostic, Severity, catalog};
use serde::Serialize;

/// List chips, systems and prices; show one with its sources; check a file of your own
///
/// Every figure has a unit, a date, a kind (measured, vendor, third-party, derived) and a source. Where
/// sources disagree, the figure that is used comes first and its rivals stand below it.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct CatalogArgs {
    #[command(subcommand)]
    command: CatalogCommand,
}

const AFTER: &str = "\
Examples:
  secondsource catalog list
  secondsource catalog show trn2
  secondsource catalog check my-price.toml";

#[derive(Subcommand, Debug)]
enum CatalogCommand {
    /// List every chip, node, rack, link and table, and whether a job can run on it
    List {
        #[command(flatten)]
        overlays: Overlays,
    },
    /// Show all that is known of one thing, with sources
    Show {
        /// A chip, node, rack, link or table, by id or alias
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        overlays: Overlays,
    },
    /// Check a catalog file; print every problem with its line
    Check {
        #[arg(value_name = "FILE.toml")]
        file: String,
    },
}

#[derive(Args, Debug)]
struct Overlays {
    /// A catalog file of your own, laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml")]
    catalog: Vec<String>,
}

impl Overlays {
    fn catalog(&self) -> Result<Catalog, Failure> {
        let mut catalog = Catalog::embedded().clone();
        for path in &self.catalog {
            let text = io::read_text(path, "catalog file", io::MAX_CONFIG)?;
            catalog = catalog.with_overlay(path, &text)?;
        }
        Ok(catalog)
    }
}

/// Answer of `catalog check`.
#[derive(Debug, Serialize)]
struct CheckOut<'a> {
    file: &'a str,
    ok: bool,
    problems: Vec<Problem<'a>>,
}

#[derive(Debug, Serialize)]
struct Problem<'a> {
    severity: &'static str,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    hints: &'a [String],
}

impl<'a> From<&'a Diagnostic> for Problem<'a> {
    fn from(d: &'a Diagnostic) -> Problem<'a> {
        let severity = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (line, column) = d.at.unzip();
        Problem { severity, message: &d.message, file: d.file.as_deref(), line, column, hints: &d.hints }
    }
}

pub fn run(args: &CatalogArgs, context: &Context) -> Result<Outcome, Failure> {
    match &args.command {
        CatalogCommand::List { overlays } => {
            context.answer(&overlays.catalog()?.list(), |rows, page| render::catalog::list(rows, page))?;
            Ok(Outcome::Answered)
        }
        CatalogCommand::Show { id, overlays } => {
            context.answer(&overlays.catalog()?.show(id)?, render::catalog::sheet)?;
            Ok(Outcome::Answered)
        }
        CatalogCommand::Check { file } => check(file, context),
    }
}

/// Problems are the answer here, so they go to stdout as JSON or to stderr as text, and the exit code is 2.
fn check(file: &str, context: &Context) -> Result<Outcome, Failure> {
    let text = io::read_text(file, "catalog file", io::MAX_CONFIG)?;
    let found = catalog::check(file, &text);
    let ok = found.iter().all(|d| d.severity != Severity::Error);
    if !ok && !context.json {
        return Err(Failure::Input(found));
    }
    if context.json {
        io::print_json(&CheckOut { file, ok, problems: found.iter().map(Problem::from).collect() })?;
        return if ok { Ok(Outcome::Answered) } else { Ok(Outcome::BadInput) };
    }
    found.iter().for_each(print_diagnostic);
    io::print(&format!("{file}: every figure has a value, a unit, a kind, a date and a source"))?;
    Ok(Outcome::Answered)
}
