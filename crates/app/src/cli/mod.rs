//! What can be typed. One file per subcommand: its flags with their help, and a `run` that asks the facade.

mod calibrate;
mod campaign;
mod catalog;
mod decide;
mod fit;
mod job_args;
mod kernel;
pub mod model;
mod orders;
mod own;
mod plan;
mod profile;
mod promise;
mod rent;
mod run_rate;
mod sell;
mod step;
mod supply;
mod tokens;
mod units;
mod validate;

use crate::exit::{self, Outcome};
use crate::failure::Failure;
use crate::io;
use crate::render::Page;
use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use secondsource::Diagnostic;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

/// A digital twin of AI-training racks: from instruction to invoice
///
/// secondsource answers, on a laptop and in seconds: can a training job run on another rack than the one
/// everybody queues for, under which parallel layout, how fast, how surely, and at what cost. Every figure
/// that it uses carries a source and a date (`secondsource catalog show ID`), and every prediction carries
/// an interval that is checked against published runs (`secondsource validate`).
#[derive(Parser, Debug)]
#[command(name = "secondsource", version, propagate_version = true, max_term_width = 100, after_long_help = AFTER)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  Which of five systems should train Llama 3.1 405B, and what would it cost?
    secondsource plan --model llama-3.1-405b --tokens 15.6T --chips 16384 \\
        --on h100-sxm,gb200-nvl72,trn2-ultraserver,trn3-ultraserver,tpu-v5p
  Will my layout fit before I pay for it?
    secondsource fit --model llama-3.1-70b --on trn2 --chips 512 --tp 8 --pp 4
  Where do these figures come from?
    secondsource catalog show trn2

Exit codes: 0 answered; 1 nothing can run; 2 bad input, nothing written; 3 a file or secondsource failed.";

#[derive(Args, Debug, Clone, Copy)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print the answer as JSON, as docs/json.md describes it
    #[arg(long, global = true)]
    json: bool,
    /// When to colour. Colour never carries meaning; NO_COLOR is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: Color,
    /// No progress and no warnings on stderr
    #[arg(short, long, global = true)]
    quiet: bool,
}

/// When to colour: auto, always or never.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand, Debug)]
enum Command {
    Plan(Box<plan::PlanArgs>),
    Step(Box<step::StepArgs>),
    Fit(Box<fit::FitArgs>),
    Campaign(Box<campaign::CampaignArgs>),
    Rent(Box<rent::RentArgs>),
    Own(Box<own::OwnArgs>),
    Decide(Box<decide::DecideArgs>),
    Tokens(Box<tokens::TokensArgs>),
    Sell(sell::SellArgs),
    RunRate(run_rate::RunRateArgs),
    Supply(supply::SupplyArgs),
    Orders(orders::OrdersArgs),
    Promise(promise::PromiseArgs),
    Model(model::ModelArgs),
    Kernel(kernel::KernelArgs),
    Profile(profile::ProfileArgs),
    Catalog(catalog::CatalogArgs),
    Validate(validate::ValidateArgs),
    Calibrate(calibrate::CalibrateArgs),
}

/// How to answer.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    pub json: bool,
    pub quiet: bool,
    pub page: Page,
}

impl Context {
    /// Prints an answer: its own JSON, or the page that `render` makes of it.
    pub fn answer<T: serde::Serialize>(&self, value: &T, render: impl FnOnce(&T, &Page) -> String) -> Result<(), Failure> {
        if self.json { io::print_json(value) } else { io::print(&render(value, &self.page)) }
    }

    /// A remark on stderr, unless `--quiet`.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            anstream::eprintln!("{text}");
        }
    }

    /// Warnings on stderr, unless `--quiet`.
    pub fn warn(&self, warnings: &[Diagnostic]) {
        if !self.quiet {
            warnings.iter().for_each(crate::failure::print_diagnostic);
        }
    }
}

/// Parses, runs, reports; the exit code is the result.
pub fn run() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let (color, clap_color) = color_of(&typed);
    color.write_global();
    let cli = match Cli::command().color(clap_color).try_get_matches_from(&typed).and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => return clap_error(&e, &typed),
    };
    let page = Page::for_stdout(match cli.global.color {
        Color::Auto => anstream::stdout().current_choice() != anstream::ColorChoice::Never,
        Color::Always => true,
        Color::Never => false,
    });
    let context = Context { json: cli.global.json, quiet: cli.global.quiet, page };
    match dispatch(&cli.command, &context) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.report();
            if context.json {
                // The failure that is reported is the first one.
                drop(io::print(&failure.to_json()));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<Outcome, Failure> {
    match command {
        Command::Plan(args) => plan::run(args, context),
        Command::Step(args) => step::run(args, context),
        Command::Fit(args) => fit::run(args, context),
        Command::Campaign(args) => campaign::run(args, context),
        Command::Rent(args) => rent::run(args, context),
        Command::Own(args) => own::run(args, context),
        Command::Decide(args) => decide::run(args, context),
        Command::Tokens(args) => tokens::run(args, context),
        Command::Sell(args) => sell::run(args, context),
        Command::RunRate(args) => run_rate::run(args, context),
        Command::Supply(args) => supply::run(args, context),
        Command::Orders(args) => orders::run(args, context),
        Command::Promise(args) => promise::run(args, context),
        Command::Model(args) => model::run(args, context),
        Command::Catalog(args) => catalog::run(args, context),
        Command::Kernel(args) => kernel::run(args, context),
        Command::Profile(args) => profile::run(args, context),
        Command::Validate(args) => validate::run(args, context),
        Command::Calibrate(args) => calibrate::run(args, context),
    }
}

/// `--color` has to be known before the command line is parsed, because errors of parsing are coloured too.
fn color_of(typed: &[OsString]) -> (anstream::ColorChoice, ColorChoice) {
    let words: Vec<&str> = typed.iter().filter_map(|w| w.to_str()).collect();
    let chosen = words.iter().enumerate().find_map(|(i, w)| match w.strip_prefix("--color")? {
        "" => words.get(i + 1).copied(),
        rest => rest.strip_prefix('='),
    });
    match chosen {
        Some("always") => (anstream::ColorChoice::Always, ColorChoice::Always),
        Some("never") => (anstream::ColorChoice::Never, ColorChoice::Never),
        _ => (anstream::ColorChoice::Auto, ColorChoice::Auto),
    }
}

/// Help and version go to stdout with code 0; everything else is bad input.
fn clap_error(e: &clap::Error, typed: &[OsString]) -> ExitCode {
    // When the terminal is gone there is nobody left to tell.
    drop(e.print());
    if !e.use_stderr() {
        return ExitCode::from(exit::OK);
    }
    if typed.iter().any(|w| w == "--json") {
        let text = e.to_string();
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let first = lines.next().unwrap_or_default();
        let d = Diagnostic::error(first.strip_prefix("error: ").unwrap_or(first));
        let d = lines.take_while(|l| !l.starts_with("Usage:")).fold(d, |d, l| d.hint(l.strip_prefix("tip: ").unwrap_or(l)));
        drop(io::print(&Failure::from(d).to_json()));
    }
    ExitCode::from(exit::BAD_INPUT)
}

impl Page {
    /// As wide as the terminal; else as `COLUMNS` says; else 100.
    fn for_stdout(color: bool) -> Page {
        let of_terminal = || std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten().map(|(w, _)| usize::from(w.0));
        let of_environment = || std::env::var("COLUMNS").ok().and_then(|c| c.parse::<usize>().ok());
        Page { width: of_environment().or_else(of_terminal).unwrap_or(100).clamp(40, 400), color }
    }
}
