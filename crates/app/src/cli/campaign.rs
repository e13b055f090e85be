//! `secondsource campaign`: a whole run with failures, checkpoints, energy and cost.

use super::Context;
use super::job_args::JobArgs;
use super::units::{days, of_flag};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{io, render};
use clap::Args;
use secondsource::costs;
use secondsource::job::{self, Job};

/// Simulate a whole training run: failures, checkpoints, restarts, spares, energy, carbon and rent
///
/// Finds the best layout on one system (parts may be fixed), then simulates the run failure by failure,
/// many times, with the step time, the failure rate and the recovery times drawn from their bands. Prints
/// days without failures and with them, where the wall time goes, the best checkpoint interval, energy,
/// electricity, emissions, the rental bill, and which input matters most. Each figure says where it comes
/// from; what nobody publishes is a stated range that a flag replaces.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct CampaignArgs {
    #[command(flatten)]
    job: JobArgs,

    /// Number of chips, or `auto` for the smallest that meets --within (without failures)
    #[arg(short, long, value_name = "N|auto", help_heading = "On what")]
    chips: Option<String>,
    /// Longest time that the run may take without failures (90d, 12w, 36h)
    #[arg(long, value_name = "TIME", help_heading = "On what")]
    within: Option<String>,
    /// Fix parts of the layout: tp=8,zero=3; may be repeated. What is not fixed is searched
    #[arg(long, value_name = "PART=VALUE,...", value_delimiter = ',', help_heading = "On what")]
    fix: Vec<String>,

    #[command(flatten)]
    what: WhatArgs,

    /// Write the rental bill of the median campaign as FOCUS 1.2 rows
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    focus: Option<String>,
}

/// Keys of `[campaign]`, each as typed.
#[derive(Args, Debug, Default)]
struct WhatArgs {
    /// Failure rate of a published fleet: llama-3-405b, rsc-1, rsc-2, opt-175b, bloom-176b, b200-site,
    /// h100, a100, published-range [usual: that of the chip]
    #[arg(long, value_name = "NAME", help_heading = "Failures")]
    failures: Option<String>,
    /// Own failure rate: interruptions per 1000 days of a node of eight chips, or low,middle,high
    #[arg(long, value_name = "RATE", help_heading = "Failures")]
    failure_rate: Option<String>,
    /// Weibull clock of each node instead of the exponential; below 1 is infant mortality (0.4 to 3)
    #[arg(long, value_name = "SHAPE", help_heading = "Failures")]
    weibull_shape: Option<String>,
    /// Spare nodes beside the job [usual: replacements never run out]
    #[arg(long, value_name = "N", help_heading = "Failures")]
    spares: Option<String>,
    /// From the loss of a node until it is back as a spare (24h)
    #[arg(long, value_name = "TIME", help_heading = "Failures")]
    repair: Option<String>,
    /// Share of node losses that take several nodes at once
    #[arg(long, value_name = "SHARE", help_heading = "Failures")]
    group_share: Option<String>,
    /// How many they take [usual: 5]
    #[arg(long, value_name = "N", help_heading = "Failures")]
    group_nodes: Option<String>,
    /// Checkpoints that silent corruption throws away beside the work since the last
    #[arg(long, value_name = "N", help_heading = "Failures")]
    silent_rollback: Option<String>,

    /// Training time between checkpoints (30m), or auto for the best
    #[arg(long, value_name = "TIME|auto", help_heading = "Checkpoints and recovery")]
    checkpoint_every: Option<String>,
    /// Whether training waits for the write (sync) or for a copy to host memory (async, usual)
    #[arg(long, value_name = "HOW", help_heading = "Checkpoints and recovery")]
    checkpoint: Option<String>,
    /// Bytes of a checkpoint per parameter [usual: weights and optimizer state of the recipe]
    #[arg(long, value_name = "BYTES", help_heading = "Checkpoints and recovery")]
    checkpoint_bytes: Option<String>,
    /// Bandwidth into storage of the whole job, with its unit (80GB/s, 400Gbit/s)
    #[arg(long, value_name = "BANDWIDTH", help_heading = "Checkpoints and recovery")]
    storage: Option<String>,
    /// From a failure until it is noticed (2m)
    #[arg(long, value_name = "TIME", help_heading = "Checkpoints and recovery")]
    detect: Option<String>,
    /// From noticing until the job trains again (10m)
    #[arg(long, value_name = "TIME", help_heading = "Checkpoints and recovery")]
    restart: Option<String>,
    /// Time between planned stops (1d)
    #[arg(long, value_name = "TIME", help_heading = "Checkpoints and recovery")]
    planned_every: Option<String>,
    /// Length of a planned stop (20m)
    #[arg(long, value_name = "TIME", help_heading = "Checkpoints and recovery")]
    planned_stop: Option<String>,

    /// Where: a state (virginia), a grid (erct) or a country (norway) of the catalog [usual: us]
    #[arg(long, value_name = "PLACE", help_heading = "Energy and place")]
    region: Option<String>,
    /// Own electricity price in US cents per kWh
    #[arg(long, value_name = "CENTS", help_heading = "Energy and place")]
    electricity: Option<String>,
    /// Own emission factor in kg CO2e per MWh
    #[arg(long, value_name = "KG", help_heading = "Energy and place")]
    carbon: Option<String>,
    /// Own power usage effectiveness of the building
    #[arg(long, value_name = "RATIO", help_heading = "Energy and place")]
    pue: Option<String>,

    /// First day of the run (2027-01-04); gives calendar days for its end
    #[arg(long, value_name = "DAY", help_heading = "Simulation")]
    start: Option<String>,
    /// Campaigns to simulate [usual: 2000]
    #[arg(long, value_name = "N", help_heading = "Simulation")]
    runs: Option<String>,
    /// Seed of all random numbers: the same seed gives the same bytes [usual: 1]
    #[arg(long, value_name = "N", help_heading = "Simulation")]
    seed: Option<String>,
}

const AFTER: &str = "\
Examples:
  Llama 3.1 405B on 16,384 H100, and what failures make of it:
    secondsource campaign --model llama-3.1-405b --tokens 15.6T --on h100-sxm --chips 16384
  The same in Texas, starting on a day, with 24 spare nodes and a slower storage:
    secondsource campaign --model llama-3.1-405b --tokens 15.6T --on h100-sxm --chips 16384 \\
        --region texas --start 2027-01-04 --spares 24 --storage 200GB/s
  Trainium, for which no failure rate is public: a wide band, or a rate of your own:
    secondsource campaign --model llama-3.1-70b --tokens 15T --on trn2-ultraserver --chips 4096 \\
        --failure-rate 3,5,8
  A job file with a table [campaign]:
    secondsource campaign examples/llama-3.1-405b-campaign.toml --runs 500

Exit codes: 0 answered; 2 bad input (a job that cannot run is one), nothing written; 3 internal.";

impl WhatArgs {
    /// Keys of `[campaign]` with what was typed for them.
    fn typed(&self) -> [(&'static str, &Option<String>); 23] {
        [
            ("failures", &self.failures),
            ("failure-rate", &self.failure_rate),
            ("weibull-shape", &self.weibull_shape),
            ("checkpoint", &self.checkpoint),
            ("checkpoint-every", &self.checkpoint_every),
            ("checkpoint-bytes", &self.checkpoint_bytes),
            ("storage", &self.storage),
            ("detect", &self.detect),
            ("restart", &self.restart),
            ("spares", &self.spares),
            ("repair", &self.repair),
            ("group-share", &self.group_share),
            ("group-nodes", &self.group_nodes),
            ("silent-rollback", &self.silent_rollback),
            ("planned-every", &self.planned_every),
            ("planned-stop", &self.planned_stop),
            ("region", &self.region),
            ("electricity", &self.electricity),
            ("carbon", &self.carbon),
            ("pue", &self.pue),
            ("start", &self.start),
            ("runs", &self.runs),
            ("seed", &self.seed),
        ]
    }
}

pub fn run(args: &CampaignArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = job_of(args)?;
    let twin = args.job.twin(&job, context.quiet)?;
    let progress = Progress::new("simulating campaigns", context.quiet);
    let answer = twin.campaign(&job, &|done, total| progress.tick(done, total));
    progress.finish();
    let answer = answer?;
    if let Some(path) = &args.focus {
        let charges = twin.campaign_charges(&answer)?;
        io::write_whole(path, &costs::focus_csv(&charges))?;
        context.say(&format!("{} charges written to {path}", charges.len()));
    }
    context.answer(&answer, render::campaign::page)?;
    Ok(Outcome::Answered)
}

fn job_of(args: &CampaignArgs) -> Result<Job, Failure> {
    let mut job = args.job.job(args.chips.as_deref())?;
    if let Some(word) = &args.within {
        job.within_days = Some(days("--within", word)?);
    }
    for word in &args.fix {
        job::apply_fix(&mut job.fix, word.trim()).map_err(|d| of_flag("--fix", d))?;
    }
    for (key, value) in args.what.typed() {
        if let Some(word) = value {
            job.campaign.set(key, word).map_err(|d| of_flag(&format!("--{key}"), d))?;
        }
    }
    Ok(job)
}
