//! `campaign`: from a plan option to days, energy and money with failures.

pub mod answer;
mod inputs;
mod power;
pub mod spec;

pub use answer::CampaignAnswer;
pub use spec::CampaignSpec;

use crate::answer::{CostOut, Interval, PlanOption};
use crate::job::Job;
use crate::plan::Seat;
use crate::setup;
use crate::twin::{Progress, Twin};
use answer::{CheckpointOut, ClosedOut, FinishOut, Outcomes, SwingOut};
use inputs::{Assembled, Work};
use secondsource_base::Diagnostic;
use secondsource_campaign::{
    CampaignInput, Distribution, Outcome, Parts, SECONDS_PER_DAY, best_interval, closed_form, cubes, dates, simulate_with, spares_for,
};
use secondsource_workload::model::Model;
use secondsource_workload::recipe::{Overlap, Recipe, Task};

/// Simulated campaigns unless the job says otherwise: P5 and P95 of days then vary by about 0.3% from seed to seed.
pub const USUAL_RUNS: u32 = 2000;
const USUAL_SEED: u64 = 1;
/// Share of the time that a job may wait for a node with "enough" spares.
const RARE_WAITING: f64 = 1e-3;

impl Outcomes {
    fn of(d: &Distribution, of: impl Fn(&Outcome) -> f64) -> Outcomes {
        let q = d.quantiles(of);
        Outcomes { p5: q.p5, p50: q.p50, p95: q.p95, mean: q.mean }
    }
}

/// Bytes of a checkpoint: weights and optimizer state, of the adapters alone when only they are trained.
fn checkpoint_bytes(model: &Model, recipe: &Recipe) -> f64 {
    let trained = match recipe.task {
        Task::Full => 1.0,
        // As in the memory account: rank r adds r x (in + out) per matrix.
        Task::Lora { rank } => (2.0 * f64::from(rank) / model.hidden as f64).min(1.0),
    };
    model.params_total() as f64 * trained * (recipe.weight_bytes + recipe.optimizer_bytes)
}

impl Twin {
    /// The best layout under what the job fixes, on its first system.
    fn campaign_plan(&self, job: &Job, progress: Progress<'_>) -> Result<(crate::answer::JobOut, PlanOption), Diagnostic> {
        if job.tokens.is_none() {
            return Err(Diagnostic::error("a campaign needs the number of tokens").hint("give --tokens, for example --tokens 15.6T"));
        }
        if let [_, second, ..] = job.on.as_slice() {
            return Err(Diagnostic::error(format!("a campaign runs on one system, but `{second}` was given too"))
                .hint("`secondsource plan` compares several"));
        }
        let one = Job { top: 1, ..job.clone() };
        let mut plan = self.plan_job(&one, progress)?;
        if plan.options.is_empty() {
            let why = plan.rejected.first();
            let d = Diagnostic::error(why.map_or_else(|| "no layout runs this job".to_owned(), |r| format!("{}: {}", r.system, r.why)));
            return Err(match why.and_then(|r| r.nearest.clone()) {
                Some(nearest) => d.hint(format!("nearest: {nearest}")),
                None => d,
            });
        }
        Ok((plan.job, plan.options.swap_remove(0)))
    }

    /// The campaign of one plan option of a job, as plain numbers with their bases.
    pub(crate) fn campaign_input(&self, job: &Job, option: &PlanOption) -> Result<Assembled, Diagnostic> {
        let model = self.model(&job.model)?;
        let hw = self.catalog.hardware(&option.system)?;
        let recipe = setup::recipe(job, &hw.chip.family, job.era);
        let Some(days) = option.days else {
            return Err(Diagnostic::error("a campaign needs the number of tokens").hint("give --tokens, for example --tokens 15.6T"));
        };
        let per_node = f64::from(hw.chips_per_node.max(1)).min(option.chips.max(1) as f64);
        let work = Work {
            seconds: [days.p5, days.p50, days.p95].map(|d| d * SECONDS_PER_DAY),
            chips: option.chips as f64,
            chips_per_node: per_node,
            checkpoint_bytes: checkpoint_bytes(&model, &recipe),
            params: model.params_total() as f64,
            compiled: recipe.software.overlap == Overlap::Xla,
        };
        inputs::assemble(&self.catalog, &job.campaign, &hw.chip.family, &work)
    }

    pub(crate) fn campaign_job(&self, job: &Job, progress: Progress<'_>) -> Result<CampaignAnswer, Diagnostic> {
        let (job_out, option) = self.campaign_plan(job, progress)?;
        let spec = &job.campaign;
        let Assembled { input, inputs, mut caveats, mut notes, saving, bytes, bytes_per_s } = self.campaign_input(job, &option)?;
        let (runs, seed) = (spec.runs.unwrap_or(USUAL_RUNS), spec.seed.unwrap_or(USUAL_SEED));
        let d = simulate_with(&input, runs, seed, progress)?;

        let hw = self.catalog.hardware(&option.system)?;
        let seat = Seat::new(hw, option.chips);
        let per_node = u64::from(seat.full.chips_per_node.max(1));
        let spare_chips = f64::from(input.spares.unwrap_or(0)) * per_node as f64;
        let days = Outcomes::of(&d, |r| r.wall_s() / SECONDS_PER_DAY);
        let energy = power::energy(self, &option, &seat, &d, spare_chips, spec.pue, seed);
        if energy.is_none() {
            notes.push(format!("no source gives {} a power limit, so no energy", option.chip));
        }
        let place = power::place(&self.catalog, spec, energy.as_ref(), &mut notes)?;
        let unfinished = d.unfinished();
        if unfinished > 0.0 {
            caveats.push(format!("{:.1}% of the simulated campaigns made so little headway that they were given up", unfinished * 100.0));
        }
        let spares_enough = spares_for(&input, RARE_WAITING);
        if input.spares.is_none() {
            notes.push(format!(
                "replacements never run out; with spare nodes at hand, {spares_enough} would keep waiting below {}% of the time",
                RARE_WAITING * 100.0
            ));
        }
        if seat.hw.chip.family == "tpu" {
            notes.extend(cubes::note(&self.catalog, option.chips));
        }
        let parts = d.mean_parts();
        let named = Parts::NAMES.iter().zip(parts.to_array());
        Ok(CampaignAnswer {
            nodes: input.nodes as u64,
            chips_per_node: per_node,
            spares: input.spares,
            spares_enough,
            runs,
            seed,
            inputs,
            checkpoint: CheckpointOut {
                saving: match saving {
                    secondsource_campaign::recovery::Saving::Sync => "sync".to_owned(),
                    secondsource_campaign::recovery::Saving::Async => "async".to_owned(),
                },
                bytes,
                bytes_per_s,
                write_s: bytes / bytes_per_s,
                stall_s: input.stall_s,
                interval_s: d.interval_s,
                best_interval_s: best_interval(&input),
                steps: d.interval_s / option.step_s.p50,
            },
            mtti_h: Some(input.mtti_s() / 3600.0).filter(|h| h.is_finite()),
            days_undisturbed: option.days.unwrap_or(Interval { p5: 0.0, p50: 0.0, p95: 0.0 }),
            days,
            finish: finish(spec, days.interval()),
            goodput: Outcomes::of(&d, Outcome::goodput),
            closed_form: ClosedOut { days: d.expected.wall_s / SECONDS_PER_DAY, goodput: d.expected.goodput },
            parts_days: named.map(|(n, s)| ((*n).to_owned(), s / SECONDS_PER_DAY)).collect(),
            failures: Outcomes::of(&d, |r| f64::from(r.failures)),
            nodes_lost: Outcomes::of(&d, |r| f64::from(r.nodes_lost)).mean,
            planned_stops: Outcomes::of(&d, |r| f64::from(r.planned_stops)).mean,
            cost_usd: cost(&option, days.interval(), seat.billed() + spare_chips),
            energy,
            place,
            sensitivity: sensitivity(&input),
            unfinished,
            caveats,
            notes,
            job: job_out,
            plan: option,
        })
    }
}

/// The rental bill: the price of the plan for as long as the campaign takes, spares included.
fn cost(option: &PlanOption, days: Interval, chips: f64) -> Option<CostOut> {
    let quote = option.cost_usd.clone()?;
    let usd = days.scaled(24.0 * chips * quote.usd_per_chip_hour);
    Some(CostOut { p5: usd.p5, p50: usd.p50, p95: usd.p95, ..quote })
}

fn finish(spec: &CampaignSpec, days: Interval) -> Option<FinishOut> {
    let start = spec.start.clone()?;
    let after = |d: f64| dates::after(&start, d);
    let (p5, p50, p95) = (after(days.p5)?, after(days.p50)?, after(days.p95)?);
    Some(FinishOut { start, p5, p50, p95 })
}

/// Days at both ends of each band, the others at their middles; inputs that are known exactly are left out.
fn sensitivity(input: &CampaignInput) -> Vec<SwingOut> {
    type Scale = fn(&mut CampaignInput, f64);
    let s = &input.spread;
    let all: [(&str, _, Scale); 6] = [
        ("step time", s.work, |i, f| i.work_s *= f),
        ("failure rate", s.failures, |i, f| i.failures_per_node_day *= f),
        ("detection", s.detect, |i, f| i.detect_s *= f),
        ("restart", s.restart, |i, f| i.restart_s *= f),
        ("checkpoint", s.checkpoint, |i, f| {
            i.stall_s *= f;
            i.lag_s *= f;
        }),
        ("repair", s.repair, |i, f| i.repair_s *= f),
    ];
    // The interval is chosen before anybody knows better.
    let fixed = CampaignInput { interval_s: Some(secondsource_campaign::interval(input)), ..*input };
    let days = |scale: Scale, f: f64| {
        let mut at = fixed;
        scale(&mut at, f);
        closed_form(&at).map(|g| g.wall_s / SECONDS_PER_DAY)
    };
    let swing = |(name, band, scale): &(&str, secondsource_campaign::Band, Scale)| {
        (!band.is_none())
            .then(|| Some(SwingOut { input: (*name).to_owned(), days_low: days(*scale, band.low)?, days_high: days(*scale, band.high)? }))?
    };
    let mut out: Vec<SwingOut> = all.iter().filter_map(swing).collect();
    out.sort_by(|a, b| (b.days_high - b.days_low).abs().total_cmp(&(a.days_high - a.days_low).abs()));
    out
}
