//! `secondsource plan`: the best layout on each system, priced and ranked.

use super::Context;
use super::job_args::JobArgs;
use super::units::{count, days, of_flag};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::render;
use clap::Args;
use secondsource::Diagnostic;
use secondsource::job::{self, Chips, Job};

/// Find the best parallel layout on each system, with time, cost and what binds
///
/// Searches all layouts within stated bounds on each system and ranks the best of each: step time with its
/// 5-95% interval, MFU, memory, days, rental cost with the price's date and source, energy, and what limits
/// the step. Systems that cannot run the job say why, with the nearest layout that would.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct PlanArgs {
    #[command(flatten)]
    job: JobArgs,

    /// Number of chips, or `auto` for the smallest that meets --within or --budget
    #[arg(short, long, value_name = "N|auto", help_heading = "On what")]
    chips: Option<String>,

    /// Longest time that the run may take (90d, 12w, 36h)
    #[arg(long, value_name = "TIME", help_heading = "Within what")]
    within: Option<String>,
    /// Most that the run may cost in USD (40M)
    #[arg(long, value_name = "USD", help_heading = "Within what")]
    budget: Option<String>,
    /// Day on which racks would be ordered, for the date on which they could be in service [usual: that of the latest price]
    #[arg(long, value_name = "DATE", help_heading = "Within what")]
    ordered: Option<String>,
    /// Fix parts of the layout: tp=8,zero=3; may be repeated
    ///
    /// Parts are tp, cp, pp, vpp, dp, ep, etp, micro-batch, zero, recompute, schedule, cp-mode,
    /// sequence-parallel and shard-group, as the flags of `secondsource step`.
    #[arg(long, value_name = "PART=VALUE,...", value_delimiter = ',', help_heading = "Within what")]
    fix: Vec<String>,
    /// Layouts to show per system
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Within what")]
    top: Option<u16>,
}

const AFTER: &str = "\
Examples:
  Llama 3.1 405B on five systems:
    secondsource plan --model llama-3.1-405b --tokens 15.6T --chips 16384 \\
        --on h100-sxm,gb200-nvl72,trn2-ultraserver,trn3-ultraserver,tpu-v5p
  The fewest TPUs that train 70B on 15T tokens within a quarter:
    secondsource plan --model llama-3.1-70b --tokens 15T --on tpu-v5p --chips auto --within 90d
  My own model and my own price, tensor parallelism fixed, three layouts of each system:
    secondsource plan --model ./my-model/config.json --tokens 2T --on h100-sxm,trn2 --chips 1024 \\
        --catalog my-price.toml --fix tp=8 --top 3
  A job file, with one thing changed:
    secondsource plan examples/llama-3.1-405b.toml --chips 8192

Exit codes: 0 at least one system can run the job; 1 none can; 2 bad input; 3 internal.";

pub fn run(args: &PlanArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = job_of(args)?;
    let twin = args.job.twin(&job, context.quiet)?;
    let progress = Progress::new("weighing layouts", context.quiet);
    let answer = twin.plan(&job, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = answer?;
    context.answer(&answer, render::plan::page)?;
    Ok(if answer.options.is_empty() { Outcome::Nothing } else { Outcome::Answered })
}

fn job_of(args: &PlanArgs) -> Result<Job, Failure> {
    let mut job = args.job.job(args.chips.as_deref())?;
    if let Some(word) = &args.within {
        job.within_days = Some(days("--within", word)?);
    }
    if let Some(word) = &args.budget {
        job.budget_usd = Some(count("--budget", word)?);
    }
    if let Some(word) = &args.ordered {
        job.ordered = Some(job::parse_day(word).map_err(|d| of_flag("--ordered", d))?);
    }
    for word in &args.fix {
        job::apply_fix(&mut job.fix, word.trim()).map_err(|d| of_flag("--fix", d))?;
    }
    if let Some(top) = args.top {
        job.top = usize::from(top);
    }
    let limited = job.within_days.is_some() || job.budget_usd.is_some();
    if job.chips == Chips::Auto && !limited {
        let d = Diagnostic::error("the number of chips is to be chosen, but no limit says how");
        return Err(d.hint("--chips N, or --chips auto with --within 90d or --budget 40M").into());
    }
    if limited && job.tokens.is_none() {
        return Err(Diagnostic::error("a limit of time or money needs the number of tokens").hint("--tokens 15T").into());
    }
    Ok(job)
}
