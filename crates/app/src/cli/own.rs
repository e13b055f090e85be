//! `secondsource own`: what a cluster of one's own costs, line by line, and against renting it.

use super::Context;
use super::job_args::twin_over;
use super::units::{of_flag, whole};
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{io, render};
use clap::Args;
use secondsource::Diagnostic;
use secondsource::costs::{self, OwnJob, Site};
use std::path::Path;

/// Price a cluster of one's own: the bill, the effective hour, break-even against renting
///
/// Prints a bill that adds up to the cent, each line with its source; the cost of a chip-hour and of an effective
/// hour (goodput and utilisation inside) with 5-95% interval; utilisation and months from which owning beats each
/// rental offer, with the net present value under price paths; and what moves the cost most. What has no public price
/// (a rack of Trainium3) must be stated, and the answer says that it was.
#[derive(Args, Debug)]
#[command(after_long_help = AFTER)]
pub struct OwnArgs {
    /// A job file (TOML) that says all of the below; flags override what it says
    ///
    /// Keys: on, chips, site, energy-included, all-in, region, delivery, as-of, top, scenarios, seed, and a table
    /// [input] with the inputs that --set names, each a number or [low, middle, high].
    #[arg(value_name = "JOB.toml")]
    job: Option<String>,

    /// Rack, server or chip; a bare chip means its usual system
    #[arg(long, value_name = "ID", help_heading = "What to own")]
    on: Option<String>,
    /// Number of chips; whole racks or servers are bought
    #[arg(short, long, value_name = "N", help_heading = "What to own")]
    chips: Option<String>,
    /// Where it stands: colocation or shell (a powered building of one's own)
    #[arg(long, value_name = "SITE", help_heading = "What to own")]
    site: Option<String>,
    /// The colocation rent includes the energy
    #[arg(long, help_heading = "What to own")]
    energy_included: bool,
    /// Take prices of racks that hold network and storage of the cluster
    #[arg(long, help_heading = "What to own")]
    all_in: bool,
    /// Region of the electricity price (ohio, iowa, us...)
    #[arg(long, value_name = "REGION", help_heading = "What to own")]
    region: Option<String>,
    /// Day of the delivery, where charges begin
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "What to own")]
    delivery: Option<String>,
    /// State an input in place of the catalog's: utilisation=0.9, or with a range 0.7:0.85:0.95; may be repeated
    ///
    /// Inputs: unit-usd, spares, network-share, storage-share, installation, colocation-usd-per-kw-month,
    /// shell-usd-per-kw, shell-life-years, kw-per-chip, pue, usd-per-kwh, load, staff-usd-per-year, support, rate,
    /// years, book-years, residual, goodput, utilisation.
    #[arg(long, value_name = "INPUT=VALUE,...", value_delimiter = ',', help_heading = "What to own")]
    set: Vec<String>,
    /// A catalog file of your own, laid over the built-in catalog; may be repeated
    #[arg(long, value_name = "FILE.toml", help_heading = "What to own")]
    catalog: Vec<String>,

    /// Rental prices of this day and before; else the day of the latest price
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "Against what")]
    as_of: Option<String>,
    /// Providers to compare with, for each kind of contract [default: 2]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=100), help_heading = "Against what")]
    top: Option<u16>,
    /// Scenarios [default: 2000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000), help_heading = "Against what")]
    scenarios: Option<u32>,
    /// Seed of the scenarios
    #[arg(long, value_name = "N", help_heading = "Against what")]
    seed: Option<u64>,

    /// Write the charges, from delivery over the years in the books, as FOCUS 1.2 rows
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    focus: Option<String>,
    /// Write the bill as plain CSV
    #[arg(long, value_name = "FILE.csv", help_heading = "Output")]
    csv: Option<String>,
}

const AFTER: &str = "\
Examples:
  64 racks of GB200 NVL72 in Ohio:
    secondsource own --on gb200-nvl72 --chips 4608 --region ohio
  A job file, with another utilisation:
    secondsource own examples/own-gb200.toml --set utilisation=0.6
  Trainium3 has no public price: state one, with its range:
    secondsource own --on trn3-ultraserver --chips 4608 --set unit-usd=2.5M:3.5M:5M

Exit codes: 0 answered; 2 bad input (no public price is one), nothing written; 3 internal.";

pub fn run(args: &OwnArgs, context: &Context) -> Result<Outcome, Failure> {
    let job = job_of(args)?;
    let twin = twin_over(&args.catalog)?;
    let answer = twin.own(&job)?;
    if let Some(path) = &args.focus {
        let charges = twin.own_charges(&job)?;
        io::write_whole(path, &costs::focus_csv(&charges))?;
        context.say(&format!("{} charges written to {path}", charges.len()));
    }
    if let Some(path) = &args.csv {
        io::write_whole(path, &costs::bill_csv(&answer))?;
    }
    context.answer(&answer, render::own::page)?;
    Ok(Outcome::Answered)
}

fn job_of(args: &OwnArgs) -> Result<OwnJob, Failure> {
    let mut job = match &args.job {
        Some(path) if !path.ends_with(".toml") && !Path::new(path).exists() => {
            let d = Diagnostic::error(format!("`{path}` is not a job file")).hint("job files end in .toml");
            return Err(d.hint(format!("did you mean `--on {path}`?")).into());
        }
        Some(path) => costs::read_own(path, &io::read_text(path, "job file", io::MAX_CONFIG)?)?,
        None => OwnJob { seed: 1, ..OwnJob::default() },
    };
    if let Some(word) = &args.on {
        word.trim().clone_into(&mut job.on);
    }
    if let Some(word) = &args.chips {
        job.chips = whole("--chips", word)?;
    }
    if job.on.is_empty() {
        return Err(Diagnostic::error("no system was given").hint("--on gb200-nvl72, or a job file").into());
    }
    if job.chips == 0 {
        return Err(Diagnostic::error("no number of chips was given").hint("--chips 4608").into());
    }
    match args.site.as_deref() {
        None => {}
        Some("colocation") => job.site = Site::Colocation,
        Some("shell") => job.site = Site::Shell,
        Some(other) => {
            let d = Diagnostic::error(format!("--site: unknown site `{other}`")).suggest(other, ["colocation", "shell"]);
            return Err(d.hint("colocation or shell").into());
        }
    }
    job.energy_included |= args.energy_included;
    job.all_in |= args.all_in;
    let replace = |slot: &mut Option<String>, flag: &Option<String>| {
        if flag.is_some() {
            slot.clone_from(flag);
        }
    };
    replace(&mut job.region, &args.region);
    replace(&mut job.delivery, &args.delivery);
    replace(&mut job.as_of, &args.as_of);
    for word in &args.set {
        costs::set_input(&mut job.inputs, word.trim()).map_err(|d| of_flag("--set", d))?;
    }
    job.top = args.top.map(usize::from).or(job.top);
    job.scenarios = args.scenarios.map(|n| n as usize).or(job.scenarios);
    job.seed = args.seed.unwrap_or(job.seed);
    Ok(job)
}
