//! The twin: a catalog and a calibration, ready to answer.

use crate::answer::{CalibrateAnswer, FitAnswer, MineAnswer, PlanAnswer, StepAnswer, ValidateAnswer};
use crate::calibrate::{Ablation, Calibration, OwnRuns, Priors, ablate};
use crate::campaign::CampaignAnswer;
use crate::job::{Job, ModelSource};
use crate::nki::OwnKernel;
use crate::runs::Grade;
use crate::sell::answer::{RunRateAnswer, SellAnswer};
use crate::sell::{RunRateAsk, SellJob};
use crate::serving::TokensJob;
use crate::serving::answer::{ServeCalibrateAnswer, ServeValidateAnswer, TokensAnswer};
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_catalog::profile::KernelProfile;
use secondsource_workload::model::Model;
use secondsource_workload::{ImportOptions, builtin, import_config};

/// A catalog and a calibration.
#[derive(Debug, Clone)]
pub struct Twin {
    pub catalog: Catalog,
    pub calibration: Calibration,
    /// Corrections from the user's own runs.
    pub own: Option<OwnRuns>,
}

/// Called with (done, total) while something takes long.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

impl Twin {
    /// The catalog and calibration that ship.
    pub fn embedded() -> Result<Twin, Diagnostic> {
        Ok(Twin { catalog: Catalog::embedded().clone(), calibration: Calibration::embedded()?, own: None })
    }

    /// Adds a user's catalog file.
    pub fn with_overlay(mut self, file: &str, text: &str) -> Result<Twin, Vec<Diagnostic>> {
        self.catalog = self.catalog.with_overlay(file, text)?;
        Ok(self)
    }

    /// Lays a profile of kernels, as `secondsource profile` writes them, over those of its chips, which are returned beside.
    pub fn with_profile(mut self, file: &str, text: &str) -> Result<(Twin, Vec<String>), Diagnostic> {
        let profile = KernelProfile::read(file, text)?;
        let chips = profile.chips.clone();
        self.catalog.add_profile(profile);
        Ok((self, chips))
    }

    /// Leaves the profiles of kernels out.
    #[must_use]
    pub fn without_profiles(mut self) -> Twin {
        self.catalog.drop_profiles();
        self
    }

    /// Puts a kernel of the user's, of which one run takes `core_seconds`, in the place of the library's on all chips with
    /// the core of `chip`. Returns its time over the library's.
    pub fn with_kernel(&mut self, own: &OwnKernel, chip: &str, core_seconds: f64) -> Result<f64, Diagnostic> {
        let profile = self.catalog.kernel_profile(chip).ok_or_else(|| Diagnostic::error(format!("there is no profile of {chip}")))?;
        let (factor, chips) = (own.factor(profile, core_seconds)?, profile.chips.clone());
        chips.iter().for_each(|c| self.catalog.own_kernel(c, own.kernel, factor));
        Ok(factor)
    }

    /// The Trainium chips of a job's systems: those that have a profile.
    pub fn profiled_chips(&self, job: &Job) -> Vec<String> {
        let mut chips: Vec<String> = job
            .on
            .iter()
            .filter_map(|name| self.catalog.hardware(name).ok())
            .filter(|hw| hw.chip.kernels.is_some())
            .map(|hw| hw.chip.id)
            .collect();
        chips.sort();
        chips.dedup();
        chips
    }

    /// Adds corrections from the user's own runs, as [`Twin::mine`] wrote them.
    pub fn with_own_runs(mut self, file: &str, text: &str) -> Result<Twin, Diagnostic> {
        let chip = |name: &str| self.catalog.chip(name).map(|c| c.id.clone());
        let Some(prior) = self.calibration.own else {
            return Err(Diagnostic::error("this calibration does not say how stacks differ from one another").in_file(file));
        };
        self.own = Some(OwnRuns::read(file, text, &self.calibration.fingerprint(), prior, &chip)?);
        Ok(self)
    }

    /// The model of a job.
    pub fn model(&self, source: &ModelSource) -> Result<Model, Diagnostic> {
        match source {
            ModelSource::Name(name) => builtin(name),
            ModelSource::Config { file, text } => import_config(file, text, &ImportOptions::default()),
        }
    }

    /// Best layouts on each system of the job, with the day on which its chips could be in service.
    pub fn plan(&self, job: &Job, progress: Progress<'_>) -> Result<PlanAnswer, Diagnostic> {
        self.plan_with_delivery(job, progress).map_err(|d| job.locate(d))
    }

    /// One layout, fixed by hand (`job.fix`; sizes not given are 1, dp fills up), on the first system of the job.
    pub fn step(&self, job: &Job) -> Result<StepAnswer, Diagnostic> {
        self.step_job(job).map_err(|d| job.locate(d))
    }

    /// A whole campaign of the best layout on the job's one system: failures, checkpoints, energy and cost.
    pub fn campaign(&self, job: &Job, progress: Progress<'_>) -> Result<CampaignAnswer, Diagnostic> {
        self.campaign_job(job, progress).map_err(|d| job.locate(d))
    }

    /// Perfetto trace (JSON text) of the schedule of the same layout.
    pub fn trace(&self, job: &Job) -> Result<String, Diagnostic> {
        self.trace_job(job).map_err(|d| job.locate(d))
    }

    /// Whether a layout fits in memory, and what would make it fit.
    pub fn fit(&self, job: &Job) -> Result<FitAnswer, Diagnostic> {
        self.fit_job(job).map_err(|d| job.locate(d))
    }

    /// Predicts every row of a run table. Warnings stand beside the answer.
    pub fn validate(&self, file: &str, text: &str, progress: Progress<'_>) -> Result<(ValidateAnswer, Vec<Diagnostic>), Vec<Diagnostic>> {
        self.validate_table(file, text, progress)
    }

    /// Corrections from the user's own runs (a run table). Warnings stand beside the answer.
    pub fn mine(&self, file: &str, text: &str) -> Result<(MineAnswer, Vec<Diagnostic>), Vec<Diagnostic>> {
        self.mine_table(file, text)
    }

    /// Predicted against published step times as a picture (SVG).
    pub fn plot(&self, answer: &ValidateAnswer, intervals: bool) -> Result<String, Diagnostic> {
        self.plot_rows(answer, intervals)
    }

    /// Refits without each piece of physics in turn, from this twin's parameters: what each one moves.
    pub fn ablate(&self, file: &str, text: &str, progress: Progress<'_>) -> Result<Vec<Ablation>, Vec<Diagnostic>> {
        let (cases, _, _) = self.cases(file, text)?;
        let used: Vec<_> = cases.iter().filter(|c| c.grade <= Grade::B).collect();
        let priors = Priors::embedded().map_err(|d| vec![d])?;
        Ok(ablate(&used, &priors, &self.calibration.params, progress))
    }

    /// Rent a fleet's chips out, or sell them in racks: waterfalls, break-even, allocation, and what flips it.
    pub fn sell(&self, job: &SellJob, progress: Progress<'_>) -> Result<SellAnswer, Diagnostic> {
        self.sell_job(job, progress)
    }

    /// A stated yearly revenue as the combinations of chips and prices that make it, and filings four times.
    pub fn run_rate(&self, ask: &RunRateAsk) -> Result<RunRateAnswer, Diagnostic> {
        self.run_rate_of(ask)
    }

    /// The curves of such an answer as a picture (SVG).
    pub fn plot_run_rate(&self, answer: &RunRateAnswer) -> Result<String, Diagnostic> {
        self.plot_rates(answer)
    }

    /// How to serve a model on each system, and what a million tokens cost.
    pub fn tokens(&self, job: &TokensJob) -> Result<TokensAnswer, Diagnostic> {
        self.tokens_job(job)
    }

    /// Predicts every row of a table of published serving measurements.
    pub fn validate_serving(&self, file: &str, text: &str) -> Result<ServeValidateAnswer, Vec<Diagnostic>> {
        self.validate_serving_table(file, text)
    }

    /// Refits the parameters of serving to such a table.
    pub fn calibrate_serving(&self, file: &str, text: &str, progress: Progress<'_>) -> Result<ServeCalibrateAnswer, Vec<Diagnostic>> {
        self.calibrate_serving_table(file, text, progress)
    }

    /// Refits all parameters to a run table.
    pub fn calibrate(&self, file: &str, text: &str, progress: Progress<'_>) -> Result<CalibrateAnswer, Vec<Diagnostic>> {
        self.calibrate_table(file, text, progress)
    }
}
