//! The facade from outside: plans, fits, validation, calibration, and the executable specification.

mod calibrate;
mod campaign;
mod costs;
mod fit;
mod intervals;
mod kernels;
mod own_runs;
mod plan;
mod recipe;
mod sell;
mod serving;
mod sizing;
mod spec;
mod supply;
mod validate;

use secondsource::answer::PlanAnswer;
use secondsource::job::{Chips, Job, ModelSource};
use secondsource::{Diagnostic, Twin};

/// The five systems of the first command of the README.
pub const FIVE: [&str; 5] = ["h100-sxm", "gb200-nvl72", "trn2-ultraserver", "trn3-ultraserver", "tpu-v5p"];

pub fn twin() -> Twin {
    Twin::embedded().expect("what ships is sound")
}

pub fn job(model: &str, on: &[&str], chips: u64) -> Job {
    let mut job = Job::new(ModelSource::Name(model.to_owned()));
    job.on = on.iter().map(|s| (*s).to_owned()).collect();
    job.chips = Chips::Count(chips);
    job
}

pub fn plan(job: &Job) -> Result<PlanAnswer, Diagnostic> {
    twin().plan(job, &|_, _| {})
}
