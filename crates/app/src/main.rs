//! `secondsource`: the command line of the digital twin. All terminal, file, clock and environment code of
//! the project is in this crate; every number that it prints comes from the facade.

mod cli;
mod exit;
mod failure;
mod io;
mod progress;
mod render;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
