//! Answers as data: what the command line prints and `--json` writes. docs/json.md documents each field.

use secondsource_workload::layout::Layout;
use serde::Serialize;
use std::collections::BTreeMap;

/// Low, middle and high estimate: 90% of outcomes are expected between `p5` and `p95`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
}

impl Interval {
    pub fn scaled(self, f: f64) -> Interval {
        Interval { p5: self.p5 * f, p50: self.p50 * f, p95: self.p95 * f }
    }
}

/// A layout as it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LayoutOut {
    #[serde(flatten)]
    pub layout: Layout,
}

/// Device memory of the fullest stage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct HbmOut {
    /// GiB on the fullest device.
    pub peak: f64,
    /// GiB that the catalog gives the chip.
    pub capacity: f64,
}

/// Rental cost of the run, and where the price comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CostOut {
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    /// `on-demand`, `capacity-block`, `reserved-1y`, ...
    pub basis: String,
    pub usd_per_chip_hour: f64,
    pub provider: String,
    pub region: String,
    pub price_source: String,
    pub price_date: String,
    pub price_kind: String,
}

/// One system with one layout.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanOption {
    pub system: String,
    pub chip: String,
    pub chips: u64,
    /// Sequences per optimizer step.
    pub global_batch: u64,
    pub layout: Layout,
    pub step_s: Interval,
    /// Model FLOPs over time x chips x dense peak of `precision`.
    pub mfu: f64,
    pub hfu: f64,
    pub precision: String,
    pub tokens_per_s_per_chip: f64,
    pub hbm_gib: HbmOut,
    /// Days for all tokens without failures; absent when no token count was asked for.
    pub days: Option<Interval>,
    /// Absent when there is no public price.
    pub cost_usd: Option<CostOut>,
    /// Absent when no power figure has a source, or no token count was asked for.
    pub energy_mwh: Option<f64>,
    pub energy_basis: String,
    /// Board power of one chip, mean over the step, watts; absent when no source gives a power limit.
    pub chip_watts: Option<f64>,
    /// The board's power limit, watts.
    pub chip_watts_limit: Option<f64>,
    pub binds: String,
    /// When so many chips, in whole racks, could be in service if they were bought; absent when no supply of them is known.
    pub delivery: Option<crate::supply::Arrival>,
    /// Seconds at the datasheet peak: no layout can be faster.
    pub floor_s: f64,
    /// What the interval rests on, in words.
    pub interval_basis: String,
    /// Seconds of the same step under the other software eras: (name, seconds).
    pub other_eras: Vec<(String, f64)>,
    /// The same layout with other kernels; empty where the chip has no profile of kernels.
    pub other_kernels: Vec<OtherKernels>,
    /// Warnings and assumptions that belong to this system.
    pub notes: Vec<String>,
}

/// What another set of kernels would do to a layout.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherKernels {
    pub kernels: String,
    pub step_s: f64,
    /// Days and cost of the whole run, where the option has them.
    pub days: Option<f64>,
    pub cost_usd: Option<f64>,
}

/// A system on which the job cannot run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rejected {
    pub system: String,
    pub why: String,
    /// The nearest layout that would run, in words, when there is one.
    pub nearest: Option<String>,
}

/// What the search did.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct SearchOut {
    /// Layouts of the search spaces, over all systems.
    pub weighed: u64,
    /// Of them, cut by a rule; the others were timed.
    pub pruned: u64,
    /// Layouts cut by each rule; adds up to `pruned`.
    pub by_rule: BTreeMap<String, u64>,
}

/// The job as it was understood, defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobOut {
    pub model: String,
    pub params_total: u64,
    pub params_active: u64,
    pub tokens: Option<f64>,
    pub seq: u64,
    pub global_batch: u64,
    pub precision: String,
    /// Rank of the adapters; absent when all weights are trained.
    pub lora_rank: Option<u32>,
    pub era: String,
    /// Systems, chips (`auto` is null) and limits as asked for.
    pub on: Vec<String>,
    pub chips: Option<u64>,
    pub within_days: Option<f64>,
    pub budget_usd: Option<f64>,
    /// Which of the above are defaults, and why they are what they are.
    pub assumed: Vec<String>,
}

/// Answer of `plan`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanAnswer {
    pub job: JobOut,
    /// Best first, by middle cost if all have one and a budget rules, else by time.
    pub options: Vec<PlanOption>,
    pub rejected: Vec<Rejected>,
    /// Options that no other beats in time, cost and chips at once: indices into `options`.
    pub pareto: Vec<usize>,
    /// What to mind when comparing the options.
    pub notes: Vec<String>,
    pub search: SearchOut,
}

/// Answer of `step`: the option, and where its time and memory go. Parts add up to `step_s.p50` and
/// `hbm_gib.peak`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepAnswer {
    #[serde(flatten)]
    pub option: PlanOption,
    pub breakdown_s: BTreeMap<String, f64>,
    /// Joules of one chip by the same parts; they add up to `chip_watts` x `step_s.p50`. Absent with `chip_watts`.
    pub energy_j: Option<BTreeMap<String, f64>>,
    pub memory_gib: BTreeMap<String, f64>,
    /// Memory of every pipeline rank, GiB by part.
    pub memory_by_stage_gib: Vec<BTreeMap<String, f64>>,
    pub micro_batches: u64,
}

/// One way to make a layout fit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitChange {
    pub change: String,
    pub layout: Layout,
    pub peak_gib: f64,
    pub step_s: f64,
    /// Step time against the layout as it was asked for, percent (positive: slower).
    pub slowdown_pct: f64,
}

/// Answer of `fit`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitAnswer {
    pub system: String,
    pub fits: bool,
    pub layout: Layout,
    pub hbm_gib: HbmOut,
    /// capacity - peak; negative when it does not fit.
    pub margin_gib: f64,
    pub by_stage_gib: Vec<BTreeMap<String, f64>>,
    pub step_s: f64,
    /// The own runs that corrected the step times, in words.
    pub corrected_by: Option<String>,
    /// Cheapest first. Empty when it fits already and nothing is faster.
    pub changes: Vec<FitChange>,
}

/// A row of `validate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ValidateRow {
    Predicted {
        id: String,
        chip: String,
        grade: String,
        measured_step_s: f64,
        p5: f64,
        p50: f64,
        p95: f64,
        error_pct: f64,
        /// Peak memory over capacity; above 1 means that the model says it would not have fitted.
        memory_ratio: f64,
        /// Seconds predicted by the folds of the calibration that never saw the row's source, and its chip.
        without_source_s: Option<f64>,
        without_chip_s: Option<f64>,
        inferred: Vec<String>,
    },
    Skipped {
        id: String,
        grade: String,
        skipped: String,
    },
}

/// Errors over a set of rows. Percent of the published step time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ErrorSummary {
    pub n: u64,
    pub skipped: u64,
    pub median_abs_error_pct: f64,
    pub p90_abs_error_pct: f64,
    pub bias_pct: f64,
    /// Share of published values inside the 90% interval.
    pub coverage_90: f64,
    /// Mean over sources of the rank correlation between predicted and published tokens/s per chip.
    pub rank_correlation: f64,
}

/// Answer of `validate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValidateAnswer {
    pub rows: Vec<ValidateRow>,
    /// All rows of grade A and B.
    pub summary: ErrorSummary,
    pub summary_a: ErrorSummary,
    pub summary_a_without_mosaic: ErrorSummary,
    pub summary_moe: ErrorSummary,
    /// Grades A and B with pipelines run event by event, as `plan`, `step` and `fit` time them; all else is closed form.
    pub summary_simulated: ErrorSummary,
    /// All rows, grade C too.
    pub summary_all: ErrorSummary,
    /// Predicted by a fit that had not seen the row's source; intervals from other sources.
    pub leave_one_source_out: ErrorSummary,
    pub leave_one_source_out_a: ErrorSummary,
    pub leave_one_source_out_a_without_mosaic: ErrorSummary,
    pub leave_one_source_out_moe: ErrorSummary,
    /// Predicted by a fit that had not seen the row's chip; intervals from other chips.
    pub leave_one_chip_out: ErrorSummary,
    pub leave_one_chip_out_a: ErrorSummary,
    pub leave_one_chip_out_a_without_mosaic: ErrorSummary,
    /// Source not seen, then corrected by three of the group's own runs, as `calibrate --mine` does: the other
    /// rows of every (source, chip) with six or more. `n` counts rows; each is predicted after several draws.
    pub new_stack_after_three: ErrorSummary,
    /// Pairs of layouts of one source, chip and model more than 5% apart: (ordered right, pairs).
    pub layout_pairs: (u64, u64),
    /// Rows that ran, predicted not to fit: (grade A, A and B).
    pub misfits: (u64, u64),
    pub by_chip: BTreeMap<String, ErrorSummary>,
    pub by_source: BTreeMap<String, ErrorSummary>,
    /// Corrections from own runs that the predictions carry, in words.
    pub corrections: Vec<String>,
}

/// One fitted parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParamOut {
    pub name: String,
    pub unit: String,
    /// Why the prior is what it is.
    pub meaning: String,
    pub prior: f64,
    pub value: f64,
    /// One standard deviation as a factor (1.05: known to 5%).
    pub sigma_factor: f64,
    pub low: f64,
    pub high: f64,
    /// `at its bound`, `held by its prior`, or empty.
    pub flag: String,
    /// Mean over rows of |d ln step / d ln parameter|.
    pub sensitivity: f64,
    /// The rows that move most with it.
    pub top_rows: Vec<String>,
}

/// Answer of `calibrate`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrateAnswer {
    pub rows: u64,
    pub iterations: u64,
    pub objective: f64,
    pub params: Vec<ParamOut>,
    /// The calibration file.
    #[serde(skip)]
    pub file_text: String,
}

/// One of the user's own runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnRow {
    pub id: String,
    pub chip: String,
    pub stack: String,
    pub measured_step_s: f64,
    /// Without any correction.
    pub predicted_s: f64,
    /// Of `predicted_s`, percent of the measured time.
    pub error_pct: f64,
    /// 1 for a run that agrees with the others of its stack, less for an odd one.
    pub weight: f64,
}

/// The correction of one stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OwnStackOut {
    pub chip: String,
    /// `any`: all stacks of the chip together.
    pub stack: String,
    pub runs: u64,
    /// On predicted seconds.
    pub factor: f64,
    /// 90% of later runs, as factors on the corrected prediction.
    pub interval: (f64, f64),
    /// The same without own runs, on the prediction as it was.
    pub interval_before: Option<(f64, f64)>,
}

/// Answer of `calibrate --mine`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MineAnswer {
    pub runs: Vec<OwnRow>,
    /// Runs that could not be predicted, and why.
    pub skipped: Vec<(String, String)>,
    pub stacks: Vec<OwnStackOut>,
    /// The file for `--calibration`.
    #[serde(skip)]
    pub file_text: String,
}
