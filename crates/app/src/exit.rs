//! Exit codes. docs/cli.md lists them for users; scripts may rely on them.

use std::process::ExitCode;

/// An answer was printed.
pub const OK: u8 = 0;
/// The question was understood, but the answer is "nothing": no system can run the job, a layout does not
/// fit.
pub const NOTHING: u8 = 1;
/// Something that was typed or read is wrong. Nothing was written.
pub const BAD_INPUT: u8 = 2;
/// A file could not be read or written, or secondsource itself is at fault.
pub const INTERNAL: u8 = 3;

/// What a subcommand ends with when nothing was wrong with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Nothing,
    /// The answer was that the input is bad, and it has been printed.
    BadInput,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Answered => OK,
            Outcome::Nothing => NOTHING,
            Outcome::BadInput => BAD_INPUT,
        })
    }
}
