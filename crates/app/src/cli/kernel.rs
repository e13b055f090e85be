//! `secondsource kernel`: where the time of a NeuronCore kernel goes.

use super::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;
use secondsource::nki;

/// Where the time of a NeuronCore kernel goes: engines, DMA, the critical path by line, what to change first
///
/// Schedules the instruction stream of a published kernel on the engines and DMA queues of one NeuronCore. Prints
/// its time after the compiler's reordering with an interval, in the order of the source, and the bound that no
/// order can beat; the busy share of each engine; the bytes that DMAs move; the lines on the critical path; and
/// what the kernel would take if one kind of work cost nothing.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct KernelArgs {
    /// Name of the kernel; --list prints them
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Chip: trn1, trn2 or trn3
    #[arg(long, value_name = "CHIP", default_value = "trn2")]
    on: String,
    /// Print the names of the kernels
    #[arg(long, conflicts_with_all = ["name", "trace"])]
    list: bool,
    /// Write the timeline as written for ui.perfetto.dev: a track an engine
    #[arg(long, value_name = "FILE.json")]
    trace: Option<String>,
}

const AFTER: &str = "\
Examples:
  secondsource kernel tutorial-v5
  secondsource kernel silu --on trn1 --trace silu.json
  secondsource kernel --list

Exit codes: 0 answered; 2 bad input, nothing written; 3 a file or secondsource failed.";

pub fn run(args: &KernelArgs, context: &Context) -> Result<Outcome, Failure> {
    let Some(name) = args.name.as_deref().filter(|_| !args.list) else {
        let names: Vec<&str> = nki::kernel_names().to_vec();
        context.answer(&names, |names, page| page.hanging("", 0, &names.join("  ")))?;
        return Ok(Outcome::Answered);
    };
    let (answer, timeline) = nki::kernel(name, &args.on, args.trace.is_some())?;
    if let (Some(path), Some(bytes)) = (&args.trace, timeline) {
        io::write_whole(path, &String::from_utf8_lossy(&bytes))?;
        context.say(&format!("timeline written to {path}: open it at https://ui.perfetto.dev"));
    }
    context.answer(&answer, render::kernel::page)?;
    Ok(Outcome::Answered)
}
