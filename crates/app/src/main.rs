//! `secondsource`: the command line of the digital twin. All terminal, file, clock and environment code of
//! the project is in this crate; every number that it prints comes from the facade.

mod book;
mod cli;
mod exit;
mod failure;
mod io;
mod progress;
mod render;

use std::process::ExitCode;

/// A panic is a fault of ours, not of the input: it is told as such, and the exit code is the documented one.
fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|info| {
        let at = info.location().map_or(String::new(), |l| format!(" at {}:{}", l.file(), l.line()));
        let why = info.payload_as_str().unwrap_or("panic");
        anstream::eprintln!("error: secondsource is at fault: {why}{at}\n  hint: please report this with the command line that led to it");
    }));
    std::panic::catch_unwind(cli::run).unwrap_or(ExitCode::from(exit::INTERNAL))
}
