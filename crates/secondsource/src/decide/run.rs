//! `decide` from end to end: what there is, what is uncertain, what is best, what would change it.

use super::answer::DecideAnswer;
use super::build::Shop;
use super::choose::{Choice, Quick, Tried, lead};
use super::factors::Draws;
use super::job::{DecideJob, Period, Way};
use super::outcome::{Outcome, Summary, outcomes, summary};
use super::owning::{self, OwnCosts};
use super::world::World;
use crate::twin::{Progress, Twin};
use rayon::prelude::*;
use secondsource_base::Diagnostic;
use secondsource_market::contract::SpotTerms;
use secondsource_market::decide::risk::mean;
use secondsource_market::decide::value::{self, Gap};
use secondsource_market::decide::{Program, Ready, Together, assign, policy};
use secondsource_market::paths::estimate;

/// Most periods of a horizon: ten years by the month, two years by the week.
const MOST_PERIODS: usize = 120;
/// Most numbers of a program: half a gigabyte.
const MOST_NUMBERS: usize = 60_000_000;

/// Scenarios on which many plans are compared; the answer's own figures use all.
pub(super) const FEW: usize = 128;
/// Scenarios on which the worth of knowing is measured.
const KNOWN: usize = 200;
/// Batches of fresh scenarios for the gap.
const BATCHES: usize = 8;
/// Assignments of jobs to sites that are worked out in full.
const KEPT: usize = 12;

/// What a plan is worth beside its own figures.
#[derive(Debug, Clone)]
pub(super) struct Worth {
    /// Worth of knowing the scenario beforehand, and the scenarios it was measured on.
    pub knowing: (f64, usize),
    /// Worth of planning on scenarios instead of on averages.
    pub stochastic: f64,
    pub gap: Option<Gap>,
    /// The plan run period by period without foresight.
    pub run: Summary,
    /// Every scenario of it.
    pub scenarios: Vec<Outcome>,
    /// The same of the runner-up.
    pub run_of_next: Option<Summary>,
}

/// Everything that was found.
pub(super) struct Found<'a> {
    pub shop: Shop<'a>,
    pub draws: Draws,
    pub best: Tried,
    /// Best plan of another place or way.
    pub next: Option<Tried>,
    /// One row per place and way (and `all ways` of each place), best first.
    pub rows: Vec<Tried>,
    /// Plans that the tornado compares, with what they come to on few scenarios.
    pub rivals: Vec<(Tried, Quick)>,
    pub worth: Worth,
    /// Whether every assignment of jobs to sites was looked at.
    pub all_assignments: bool,
}

impl Twin {
    /// The best way to get the chips for a portfolio of jobs.
    ///
    /// # Errors
    /// A name that is not in the catalog, an input out of bounds. That nothing can run is an answer.
    pub fn decide(&self, job: &DecideJob, progress: Progress<'_>) -> Result<DecideAnswer, Diagnostic> {
        let mut world = World::new(self, job, &|done, total| progress(done, total * 3))?;
        let own = owning::models(&mut world)?;
        world.drop_too_small(&own);
        let discount = discount_rate(&mut world)?;
        world.say_what_is_assumed();
        let stages = (world.systems.len() as u64) * 3;
        let estimate = estimate(&self.catalog, world.as_of)?;
        let draws = Draws::new(&world, &own, &estimate.params, job.scenarios, job.seed)?;
        let fresh = Draws::new(
            &world,
            &own,
            &estimate.params,
            (BATCHES * FEW).min(job.scenarios.max(BATCHES * 16)),
            job.seed ^ 0x005e_ed0f_f4e5_4000,
        )?;
        let shop = Shop::new(&world, &own, discount)?;
        shop.check_size()?;
        let Some(found) = find(shop, draws, &fresh, &|done, total| progress(stages / 3 + done * stages * 2 / 3 / total.max(1), stages))
        else {
            return Ok(super::words::nothing(&world, &own));
        };
        let answer = super::words::answer(&found);
        progress(stages, stages);
        Ok(answer)
    }
}

/// The job's rate, else the cost of capital of the catalog.
fn discount_rate(world: &mut World<'_>) -> Result<f64, Diagnostic> {
    if let Some(r) = world.job.discount_rate {
        return Ok(r);
    }
    let table = world.catalog.table("financing")?;
    let Some(figure) = table.figures.get("rate-mid").map(|f| &f.main) else {
        return Err(Diagnostic::error("the table `financing` has no figure `rate-mid`"));
    };
    let rate = figure.value / 100.0;
    world.assumed.push(format!(
        "payments discounted at {:.0}% a year: the middle of published costs of capital (give `discount-rate`)",
        rate * 100.0
    ));
    Ok(rate)
}

impl<'a> Shop<'a> {
    fn new(world: &'a World<'a>, own: &'a [Option<OwnCosts>], discount: f64) -> Result<Shop<'a>, Diagnostic> {
        let steady = world.job.tasks.iter().any(|t| matches!(t.work, super::job::Work::Steady { .. }));
        let period = world.job.period.unwrap_or(if world.horizon <= 8.0 && !steady { Period::Week } else { Period::Month });
        if steady && period == Period::Week {
            let d = Diagnostic::error("steady work is planned by the month").hint("period = \"month\"");
            return Err(d.in_file(world.job.origin.0.clone()));
        }
        let periods = (world.horizon / period.months() - 1e-9).ceil().max(1.0) as usize;
        if periods > MOST_PERIODS {
            let d = Diagnostic::error(format!("{periods} periods; at most {MOST_PERIODS} are looked at")).hint("period = \"month\"");
            return Err(d.in_file(world.job.origin.0.clone()));
        }
        let strict = vec![0.0; world.job.tasks.len()];
        Ok(Shop { world, own, spot: SpotTerms::of(world.catalog)?, period, periods, discount, strict })
    }
}

impl Shop<'_> {
    /// Refuses scenarios times periods times commitments that would fill the memory.
    fn check_size(&self) -> Result<(), Diagnostic> {
        let tasks: Vec<usize> = (0..self.world.job.tasks.len()).collect();
        let rows = (0..self.world.sites.len()).map(|s| self.rows(s, &tasks)).max().unwrap_or(0);
        let most = MOST_NUMBERS / (rows * self.periods).max(1);
        if self.world.job.scenarios > most {
            let text =
                format!("{} scenarios of {} periods with {rows} rows each are too many to hold", self.world.job.scenarios, self.periods);
            return Err(Diagnostic::error(text).hint(format!("at most {most} scenarios")).in_file(self.world.job.origin.0.clone()));
        }
        Ok(())
    }
}

fn find<'a>(shop: Shop<'a>, draws: Draws, fresh: &Draws, progress: &(dyn Fn(u64, u64) + Sync)) -> Option<Found<'a>> {
    let tasks = shop.world.job.tasks.len();
    let sites = shop.world.sites.len();
    let few = draws.scenarios.min(FEW);
    // Which jobs where: each set of jobs on each site, on few scenarios.
    let (assignments, all_assignments) = if tasks == 1 {
        ((0..sites).filter(|s| shop.can(*s, &[0])).map(|s| vec![s]).collect::<Vec<_>>(), true)
    } else {
        let mut price = |site: usize, set: &[usize]| -> Option<f64> {
            if !shop.can(site, set) {
                return None;
            }
            let choice =
                Choice { sites: (0..tasks).map(|t| if set.contains(&t) { site } else { usize::MAX }).collect(), ways: Way::ALL.to_vec() };
            Some(shop.quick(&choice, &draws, 0..few, None).usd)
        };
        let (list, whole) = assign::cheapest(tasks, sites, KEPT, &mut price);
        (list.into_iter().map(|a| a.system).collect(), whole)
    };
    if assignments.is_empty() {
        return None;
    }
    // Every assignment with all ways; every site that takes all jobs with each way by itself.
    let mut choices: Vec<Choice> = assignments.iter().map(|a| Choice { sites: a.clone(), ways: Way::ALL.to_vec() }).collect();
    let whole = choices.len();
    for s in (0..sites).filter(|s| shop.can(*s, &(0..tasks).collect::<Vec<_>>())) {
        for way in Way::ALL {
            let site = &shop.world.sites[s];
            if site.prices.iter().any(|p| p.way == way) && !(site.own && way == Way::OnDemand) {
                let ways = if way.commits() { vec![Way::OnDemand, way] } else { vec![way] };
                choices.push(Choice { sites: vec![s; tasks], ways });
            }
        }
    }
    let total = choices.len() as u64 + 4;
    let done = std::sync::atomic::AtomicU64::new(0);
    let mut tried: Vec<Tried> = choices
        .par_iter()
        .map(|c| {
            let t = shop.plan(c, &draws);
            progress(1 + done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), total);
            t
        })
        .collect();
    let best = tried.iter().reduce(|a, b| if shop.better(&b.summary, &a.summary) { b } else { a })?.clone();
    let name = |t: &Tried| (t.choice.sites.clone(), lead(&t.summary));
    let next =
        tried.iter().filter(|t| name(t) != name(&best)).reduce(|a, b| if shop.better(&b.summary, &a.summary) { b } else { a }).cloned();
    let rivals: Vec<Tried> = tried[..whole].to_vec();
    let rivals: Vec<(Tried, Quick)> = rivals
        .into_par_iter()
        .map(|t| {
            let strict = Shop { strict: t.strict.clone(), ..shop.clone() };
            let quick = strict.quick(&t.choice, &draws, 0..few, None);
            (t, quick)
        })
        .collect();
    progress(total - 3, total);
    let worth = worth(&shop, &draws, fresh, &best, next.as_ref(), &rivals);
    progress(total - 1, total);
    tried.sort_by(|a, b| {
        let (x, y) = (shop.rank(&a.summary), shop.rank(&b.summary));
        x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1))
    });
    Some(Found { shop, draws, best, next, rows: tried, rivals, worth, all_assignments })
}

fn worth(shop: &Shop<'_>, draws: &Draws, fresh: &Draws, best: &Tried, next: Option<&Tried>, rivals: &[(Tried, Quick)]) -> Worth {
    let shop = &Shop { strict: best.strict.clone(), ..shop.clone() };
    let n = draws.scenarios.min(KNOWN);
    let whole = shop.programs(&best.choice, draws, 0..draws.scenarios, None);
    let ready: Vec<Ready<'_>> = whole.iter().map(|p| Ready::new(&p.program)).collect();
    let together = Together::new(ready.iter().collect());
    let costs = together.usd(&best.x);
    // Wait and see chooses the place as well.
    let built: Vec<_> = rivals.par_iter().map(|(t, _)| shop.programs(&t.choice, draws, 0..n, None)).collect();
    let groups: Vec<Vec<&Program>> = built.iter().map(|parts| parts.iter().map(|p| &p.program).collect()).collect();
    let seen = value::wait_and_see(&groups, n);
    let knowing = (mean(&costs[..n]) - mean(&seen)).max(0.0);
    let (stochastic, _) = value::of_stochastic_solution(&together, mean(&costs));
    let each = fresh.scenarios / BATCHES;
    let batches: Vec<Vec<Program>> = (0..BATCHES)
        .map(|i| shop.programs(&best.choice, fresh, i * each..(i + 1) * each, None).into_iter().map(|b| b.program).collect())
        .collect();
    let gap = value::gap(&batches, &best.x);
    let run = |t: &Tried| {
        let shop = &Shop { strict: t.strict.clone(), ..shop.clone() };
        let parts = shop.programs(&t.choice, draws, 0..draws.scenarios, None);
        let mut from = 0;
        let uses: Vec<_> = parts
            .iter()
            .map(|p| {
                let k = p.program.commitments.len();
                from += k;
                policy::run(&p.program, &t.x[from - k..from])
            })
            .collect();
        outcomes(shop, &parts, &t.x, &uses)
    };
    let scenarios = run(best);
    Worth {
        knowing: (knowing, n),
        stochastic: stochastic.max(0.0),
        gap,
        run: summary(shop, &scenarios),
        scenarios,
        run_of_next: next.map(|t| summary(shop, &run(t))),
    }
}
