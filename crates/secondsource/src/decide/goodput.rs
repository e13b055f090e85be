//! What interrupts a run on a system: the campaign of `campaign`, at its middle and with the bands of what is uncertain.

use super::job::DecideJob;
use crate::answer::PlanOption;
use crate::job::Job;
use crate::twin::Twin;
use secondsource_base::Diagnostic;
use secondsource_campaign::{Band, CampaignInput, interval};

/// Interruptions of a job on a system.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Interruptions {
    /// All at the middle of their bands; the bands are in its `spread`.
    pub input: CampaignInput,
    pub failures_basis: String,
    pub restart_basis: String,
    /// The rate is not one of this chip.
    pub borrowed: bool,
}

impl Twin {
    /// The campaign of a plan option, with what the job of `decide` states of failures.
    pub(super) fn interruptions(&self, whole: &DecideJob, job: &Job, option: &PlanOption) -> Result<Interruptions, Diagnostic> {
        let mut job = job.clone();
        job.campaign.failure_rate = whole.failures.map(|r| (r.low, r.mid, r.high));
        let assembled = self.campaign_input(&job, option)?;
        let row = |name: &str| assembled.inputs.iter().find(|i| i.name.starts_with(name));
        let basis = |name: &str| row(name).map_or_else(String::new, |i| i.basis.clone());
        let mut restart_basis = basis("restart");
        let mut input = assembled.input;
        if let Some(r) = whole.restart_minutes {
            input.restart_s = r.mid * 60.0;
            input.spread.restart = Band::around(r.low, r.mid, r.high);
            restart_basis = "stated in the job".to_owned();
        }
        // The interval between checkpoints is chosen before anybody knows better.
        input.interval_s = Some(interval(&input).max(1.0));
        input.check()?;
        let borrowed = row("failures").is_some_and(|i| matches!(i.kind.as_str(), "assumed" | "user"))
            || assembled.caveats.iter().any(|c| c.contains("failure"));
        Ok(Interruptions { input, failures_basis: basis("failures"), restart_basis, borrowed })
    }
}
