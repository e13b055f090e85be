//! `plan`: search on every system, then price, energy and days.

use crate::answer::{CostOut, HbmOut, OtherKernels, PlanAnswer, PlanOption, Rejected, SearchOut};
use crate::calibrate::own::Traits;
use crate::calibrate::spread::SpreadKey;
use crate::job::{Chips, Era, Fix, Job};
use crate::setup::{self, Estimate};
use crate::supply;
use crate::twin::{Progress, Twin};
use secondsource_base::Diagnostic;
use secondsource_base::quantity::GIB;
use secondsource_campaign::{energy, length};
use secondsource_catalog::hardware::{ChipKernels, ChipSpec, Hardware, ScaleUpShape};
use secondsource_catalog::profile::Kernel;
use secondsource_market::{calendar, rent};
use secondsource_plan::{Found, Options, Pins, Space, search};
use secondsource_step::{Binds, StepInput, StepModel, StepResult, seat};
use secondsource_workload::layout::{Layout, Recompute, Schedule};
use secondsource_workload::model::Model;
use std::sync::Arc;

/// Largest job that is looked at, and that `--chips auto` considers.
pub(crate) const MOST_CHIPS: u64 = 1 << 20;

/// A system of the job, seated for a number of chips.
pub(crate) struct Seat {
    /// As the catalog gives it.
    pub full: Hardware,
    /// As the job uses it.
    pub hw: Hardware,
    pub chips: u64,
}

impl Seat {
    pub fn new(full: Hardware, chips: u64) -> Seat {
        Seat { hw: seat(&full, chips), full, chips }
    }

    /// Chips that are rented and powered: whole hosts.
    pub fn billed(&self) -> f64 {
        let host = u64::from(self.full.chips_per_node.max(1));
        (self.chips.div_ceil(host) * host) as f64
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let billed = self.billed();
        if billed > self.chips as f64 {
            notes.push(format!("cost and energy count {billed:.0} chips: hosts come whole, {} chips each", self.full.chips_per_node));
        }
        let domain = |h: &Hardware| h.levels.iter().filter(|l| !l.scale_out).map(|l| l.chips).max().unwrap_or(1);
        let (used, whole) = (domain(&self.hw), domain(&self.full));
        if used < whole && u64::from(whole) <= self.chips {
            notes.push(format!(
                "parallel groups use {used} of the {whole} chips of each scale-up domain; where a rack is rented whole, the bill grows by {:.0}%",
                (f64::from(whole) / f64::from(used) - 1.0) * 100.0
            ));
        }
        notes
    }
}

pub(crate) fn pins(job: &Job) -> Pins {
    let f = &job.fix;
    Pins {
        tp: f.tp,
        cp: f.cp,
        pp: f.pp,
        vpp: f.vpp,
        dp: f.dp,
        ep: f.ep,
        etp: f.etp,
        micro_batch: f.micro_batch,
        zero: f.zero,
        shard_group: f.shard_group,
        recompute: f.recompute,
        schedule: f.schedule,
        cp_mode: f.cp_mode,
        sequence_parallel: f.sequence_parallel,
    }
}

/// Seed of the supply's scenarios behind the delivery dates of a plan.
const SUPPLY_SEED: u64 = 1;

impl Twin {
    /// Best layouts on each system, and when the chips of each could be in service.
    pub(crate) fn plan_with_delivery(&self, job: &Job, progress: Progress<'_>) -> Result<PlanAnswer, Diagnostic> {
        let latest = crate::decide::latest_price(&self.catalog);
        let day = job.ordered.as_deref().unwrap_or(&latest);
        if calendar::instant(day).is_none() {
            return Err(Diagnostic::error(format!("`{day}` is no day")).hint("for example 2027-01-15"));
        }
        let mut answer = self.plan_job(job, progress)?;
        if answer.options.is_empty() {
            return Ok(answer);
        }
        // One simulated supply for all systems; a catalog of the user's that it does not fit leaves the dates out.
        let outlook = match supply::outlook(&self.catalog, SUPPLY_SEED) {
            Ok(o) => o,
            Err(d) => {
                answer.notes.push(format!("no delivery dates: {}", d.message));
                return Ok(answer);
            }
        };
        for o in &mut answer.options {
            match outlook.arrival_of_chips(&self.catalog, &o.system, o.chips as f64, day) {
                Ok(a) => o.delivery = Some(a),
                // A day that the supply does not cover is the user's slip; a system without a supply is an answer.
                Err(d) if job.ordered.is_some() && outlook.supplies(&self.catalog, &o.system) => return Err(d),
                Err(_) => {}
            }
        }
        Ok(answer)
    }

    pub(crate) fn plan_job(&self, job: &Job, progress: Progress<'_>) -> Result<PlanAnswer, Diagnostic> {
        let model = self.model(&job.model)?;
        if job.on.is_empty() {
            return Err(Diagnostic::error("no system to plan on")
                .hint("name some, for example --on h100-sxm,trn2-ultraserver; `secondsource catalog list` shows all"));
        }
        setup::check(job, &model)?;
        let out = setup::fill(job, &model);
        if job.chips == Chips::Auto && job.within_days.is_none() && job.budget_usd.is_none() {
            return Err(Diagnostic::error("`chips` is auto, but there is neither a deadline nor a budget to size by")
                .hint("give --chips N, or --within 90d, or --budget 40M"));
        }
        if job.chips == Chips::Auto && job.tokens.is_none() {
            return Err(Diagnostic::error("sizing by deadline or budget needs the number of tokens")
                .hint("give --tokens, for example --tokens 15.6T"));
        }
        if let Chips::Count(n) = job.chips
            && n > MOST_CHIPS
        {
            return Err(Diagnostic::error(format!("a job of {n} chips; at most {MOST_CHIPS} are looked at")));
        }
        if let Chips::Count(n) = job.chips {
            fixed_divide(&job.fix, n)?;
        }
        let mut systems: Vec<(String, Result<Hardware, Diagnostic>)> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for name in &job.on {
            // The answer keeps the name as it was asked for; two spellings of one system are one.
            let id = self.catalog.resolve_alias(name).unwrap_or(name);
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            // A name that is nowhere in the catalog is bad input; a known system that lacks a figure is an answer.
            self.catalog.system(name).map(|_| ()).or_else(|e| self.catalog.chip(name).map(|_| ()).map_err(|_| e))?;
            let hw = self.catalog.hardware(name).map(|mut h| {
                h.system.clone_from(name);
                h
            });
            systems.push((name.clone(), hw));
        }
        let mut answer = PlanAnswer {
            job: out,
            options: Vec::new(),
            rejected: Vec::new(),
            pareto: Vec::new(),
            notes: Vec::new(),
            search: SearchOut::default(),
        };
        let total = systems.len() as u64;
        for (i, (name, hw)) in systems.into_iter().enumerate() {
            progress(i as u64, total);
            match hw {
                Err(e) => answer.rejected.push(Rejected { system: name, why: e.message, nearest: None }),
                Ok(hw) => self.plan_system(job, &model, &name, hw, &mut answer),
            }
        }
        progress(total, total);
        answer.options.sort_by(|a, b| {
            let days = |o: &PlanOption| o.days.map_or(o.step_s.p50, |d| d.p50);
            let cost = |o: &PlanOption| o.cost_usd.as_ref().map_or(f64::INFINITY, |c| c.p50);
            if job.budget_usd.is_some() {
                cost(a).total_cmp(&cost(b)).then(days(a).total_cmp(&days(b)))
            } else {
                days(a).total_cmp(&days(b))
            }
        });
        answer.pareto = pareto(&answer.options);
        answer.notes.extend(price_kinds(&answer.options));
        Ok(answer)
    }

    fn plan_system(&self, job: &Job, model: &Model, name: &str, full: Hardware, answer: &mut PlanAnswer) {
        let reject = |answer: &mut PlanAnswer, why: String, nearest: Option<String>| {
            answer.rejected.push(Rejected { system: name.to_owned(), why, nearest });
        };
        let seats: Vec<u64> = match job.chips {
            Chips::Count(n) => vec![n],
            Chips::Auto => sizes(&full),
        };
        if let (Some(max), Some(first)) = (full.max_chips, seats.first())
            && *first > max
        {
            return reject(
                answer,
                format!("{name} has at most {max} chips in one network, and the job asks for {first}"),
                Some(format!("--chips {max} or fewer")),
            );
        }
        let meets = |o: &PlanOption| -> bool {
            let days = job.within_days.is_none_or(|d| o.days.is_some_and(|x| x.p50 <= d));
            let budget = job.budget_usd.is_none_or(|b| o.cost_usd.as_ref().is_some_and(|c| c.p50 <= b));
            days && budget
        };
        let run = |chips: u64, answer: &mut PlanAnswer| self.options_at(job, model, &full, chips, answer);
        if let Chips::Count(n) = job.chips {
            match run(n, answer) {
                Err(why) => reject(answer, why, None),
                Ok((options, _)) if !options.is_empty() => {
                    let missed = !meets(&options[0]) && (job.within_days.is_some() || job.budget_usd.is_some());
                    if missed {
                        let o = &options[0];
                        let why = miss(job, o);
                        return reject(answer, why, None);
                    }
                    answer.options.extend(options);
                }
                Ok((_, found)) => {
                    let (why, nearest) = self.no_fit(job, model, &full, n, &found);
                    reject(answer, why, nearest);
                }
            }
            return;
        }
        // Upwards, so that the first size that meets every limit is the smallest. With a budget alone the last one
        // that meets it is wanted: the fastest that the money buys.
        let by_deadline = job.within_days.is_some();
        let mut best: Option<Vec<PlanOption>> = None;
        let mut last = String::from("no size of this system holds the model");
        let mut misses = 0;
        for &n in &seats {
            match run(n, answer) {
                Ok((o, _)) if !o.is_empty() => {
                    if meets(&o[0]) {
                        best = Some(o);
                        misses = 0;
                        if by_deadline {
                            break;
                        }
                    } else {
                        last = miss(job, &o[0]);
                        misses += 1;
                        // Beyond the budget, more chips only cost more.
                        if best.is_some() && misses >= 4 {
                            break;
                        }
                    }
                }
                Ok(_) => {}
                Err(e) => last = e,
            }
        }
        match best {
            Some(o) => answer.options.extend(o),
            None => reject(answer, last, None),
        }
    }

    /// The best layouts at one size, or why the chip cannot run the job at all.
    fn options_at(
        &self,
        job: &Job,
        model: &Model,
        full: &Hardware,
        chips: u64,
        answer: &mut PlanAnswer,
    ) -> Result<(Vec<PlanOption>, Found), String> {
        let seat = Seat::new(full.clone(), chips);
        let mut out = answer.job.clone();
        if job.global_batch.is_none() {
            out.global_batch = setup::suited_batch(out.global_batch, chips);
        }
        let step = self.step_model(job, model, &seat, &out)?;
        let space = Space::new(&step, pins(job));
        let top = job.top.max(1);
        // Layouts that differ in name only (the same time and memory) are one, so a list needs spare ones.
        let spare = if top > 1 { top * 4 } else { 1 };
        let options = Options { top: spare, capacity: seat.hw.chip.hbm_bytes, cut: true, exact: true };
        let mut found = search(&step, &space, &options);
        found.distinct(top);
        answer.search.weighed += found.weighed;
        answer.search.pruned += found.pruned;
        for (rule, n) in &found.by_rule {
            *answer.search.by_rule.entry((*rule).to_owned()).or_default() += n;
        }
        let mut options = Vec::new();
        for (i, c) in found.best.iter().enumerate() {
            let r =
                step.evaluate_exact(&c.layout, true).map_err(|e| format!("internal: the search proposed a layout that is refused: {e}"))?;
            let mut o = self.option(job, &step, &seat, &c.layout, &r).0;
            if i == 0 && found.unlimited.is_some_and(|u| u.seconds < c.seconds * 0.97) {
                o.binds = Binds::MemoryCapacity.words().to_owned();
            }
            options.push(o);
        }
        Ok((options, found))
    }

    pub(crate) fn step_model<'a>(
        &'a self,
        job: &Job,
        model: &'a Model,
        seat: &'a Seat,
        out: &crate::answer::JobOut,
    ) -> Result<StepModel<'a>, String> {
        let input = StepInput {
            model,
            hw: &seat.hw,
            seq: out.seq,
            global_batch: out.global_batch,
            chips: seat.chips,
            library: setup::library(&self.catalog, &seat.hw),
        };
        let recipe = setup::recipe(job, &seat.hw.chip.family, job.era);
        StepModel::new(input, recipe, &self.calibration.params, &self.calibration.energy).map_err(|e| e.to_string())
    }

    /// Why nothing fits, and the nearest thing that would.
    fn no_fit(&self, job: &Job, model: &Model, full: &Hardware, chips: u64, found: &Found) -> (String, Option<String>) {
        let gib = full.chip.hbm_bytes / GIB;
        let Some(lean) = found.leanest else {
            let rules: Vec<String> = found.by_rule.iter().map(|(r, n)| format!("{r} {n}")).collect();
            return (format!("no layout divides the job over {chips} chips (cut by: {})", rules.join(", ")), None);
        };
        let why = format!("no layout fits: the leanest needs {:.1} of {gib:.1} GiB a chip ({})", lean.memory / GIB, words(&lean.layout));
        let mut scratch = PlanAnswer {
            job: setup::fill(job, model),
            options: Vec::new(),
            rejected: Vec::new(),
            pareto: Vec::new(),
            notes: Vec::new(),
            search: SearchOut::default(),
        };
        let mut n = chips * 2;
        while n <= (chips * 64).min(MOST_CHIPS) && full.max_chips.is_none_or(|m| n <= m) {
            if let Ok((o, _)) = self.options_at(job, model, full, n, &mut scratch)
                && let Some(o) = o.first()
            {
                return (why, Some(format!("{n} chips: {} at {:.1} of {gib:.1} GiB", words(&o.layout), o.hbm_gib.peak)));
            }
            n *= 2;
        }
        (why, None)
    }

    /// The option, and the factor that own runs put on its time.
    pub(crate) fn option(&self, job: &Job, step: &StepModel<'_>, seat: &Seat, layout: &Layout, r: &StepResult) -> (PlanOption, f64) {
        let chip = &seat.hw.chip;
        let tokens = step.input.global_batch as f64 * step.input.seq as f64;
        let experts = step.input.model.is_moe();
        let key = SpreadKey::new(experts, tokens, seat.chips);
        let traits = Traits::new(&r.breakdown, step.recipe.linear, experts, layout.devices());
        let Estimate { interval: step_s, factor, basis: interval_basis } = setup::estimate(self, &chip.id, None, key, r.seconds, &traits);
        let tokens_per_s_per_chip = r.tokens_per_s_per_chip / factor;
        let length = job.tokens.and_then(|t| length::run_length(t, tokens_per_s_per_chip * seat.chips as f64, seat.chips as f64));
        let days = length.map(|l| step_s.scaled(l.days / step_s.p50));
        let billed = seat.billed();
        let quote = rent::quote(&self.catalog, &chip.id, rent::Basis::Best);
        let cost_usd = quote.zip(days).map(|(q, d)| {
            let usd = d.scaled(24.0 * billed * q.usd_per_chip_hour);
            CostOut {
                p5: usd.p5,
                p50: usd.p50,
                p95: usd.p95,
                basis: q.basis,
                usd_per_chip_hour: q.usd_per_chip_hour,
                provider: q.provider,
                region: q.region,
                price_source: format!("{} [{}]: {}", q.source_title, q.source, q.item),
                price_date: q.date,
                price_kind: q.kind.name().to_owned(),
            }
        });
        let power = energy::facility_power(&self.catalog, &chip.id);
        let energy_mwh = power.as_ref().zip(days).map(|(p, d)| energy::energy_kwh(p, billed, d.p50 * 24.0) / 1e3);
        let chip_power = step.power(layout, r);
        let mut notes = seat.notes();
        if r.memory.total() > chip.hbm_bytes {
            notes.push(format!("does not fit: {:.1} GiB more than the chip has", (r.memory.total() - chip.hbm_bytes) / GIB));
        }
        if !setup::calibrated(&self.calibration, &chip.id) && factor == 1.0 {
            notes.push(format!(
                "no published training run on {} is in the calibration: its {} family and datasheet speak for it",
                chip.id, chip.family
            ));
        }
        let option = PlanOption {
            system: seat.hw.system.clone(),
            chip: chip.id.clone(),
            chips: seat.chips,
            global_batch: step.input.global_batch,
            layout: *layout,
            step_s,
            mfu: r.mfu / factor,
            hfu: r.hfu / factor,
            precision: job.precision.map_or("bf16", secondsource_base::Dtype::name).to_owned(),
            tokens_per_s_per_chip,
            hbm_gib: HbmOut { peak: r.memory.total() / GIB, capacity: chip.hbm_bytes / GIB },
            days,
            cost_usd,
            energy_mwh,
            energy_basis: power.map_or_else(|| format!("no source gives {} a power figure", chip.id), |p| p.basis),
            chip_watts: chip_power.map(|p| p.mean_watts),
            chip_watts_limit: chip_power.map(|p| p.limit_watts),
            binds: if r.memory.total() > chip.hbm_bytes { Binds::MemoryCapacity } else { r.binds }.words().to_owned(),
            delivery: None,
            floor_s: r.floor_seconds,
            interval_basis,
            other_eras: self.other_eras(job, step, &seat.hw.chip.family, layout, factor),
            other_kernels: Vec::new(),
            notes,
        };
        let other_kernels = self.other_kernels(job, step, layout, factor, &option);
        let option = PlanOption { other_kernels, ..option };
        (option, factor)
    }

    /// The same layout without the profile of kernels, and with the library's kernels in the place of the user's.
    fn other_kernels(&self, job: &Job, step: &StepModel<'_>, layout: &Layout, factor: f64, option: &PlanOption) -> Vec<OtherKernels> {
        let chip = &step.input.hw.chip;
        let Some(kernels) = &chip.kernels else { return Vec::new() };
        let own = Kernel::ALL.into_iter().filter(|k| kernels.own[*k as usize] != 1.0);
        let back = |k: Kernel| {
            let mut list = kernels.own;
            list[k as usize] = 1.0;
            let words = format!("with the library's {} (yours takes {} of its time)", k.name(), ratio(kernels.own[k as usize]));
            (words, Some(Arc::new(ChipKernels { own: list, ..(**kernels).clone() })))
        };
        let changes = own.map(back).chain([("without the profile of kernels".to_owned(), None)]);
        let recipe = setup::recipe(job, &chip.family, job.era);
        let scaled = |words: String, kernels: Option<Arc<ChipKernels>>| {
            let hw = Hardware { chip: ChipSpec { kernels, ..chip.clone() }, ..step.input.hw.clone() };
            let input = StepInput { hw: &hw, ..step.input };
            let m = StepModel::new(input, recipe, &self.calibration.params, &self.calibration.energy).ok()?;
            let step_s = m.evaluate_exact(layout, true).ok()?.seconds * factor;
            let longer = step_s / option.step_s.p50;
            let words = if (longer - 1.0).abs() < 1e-9 { format!("{words}: no part of this step depends on it") } else { words };
            let days = option.days.map(|d| d.p50 * longer);
            Some(OtherKernels { kernels: words, step_s, days, cost_usd: option.cost_usd.as_ref().map(|c| c.p50 * longer) })
        };
        changes.filter_map(|(words, kernels)| scaled(words, kernels)).collect()
    }

    /// Seconds of the same layout under the other software eras.
    fn other_eras(&self, job: &Job, step: &StepModel<'_>, family: &str, layout: &Layout, factor: f64) -> Vec<(String, f64)> {
        let others = Era::ALL.into_iter().filter(|e| *e != job.era);
        let seconds = |e: Era| {
            let recipe = setup::recipe(job, family, e);
            let m = StepModel::new(step.input, recipe, &self.calibration.params, &self.calibration.energy).ok()?;
            Some((e.name().to_owned(), m.evaluate_exact(layout, true).ok()?.seconds * factor))
        };
        others.filter_map(seconds).collect()
    }
}

/// A share of another time, in words.
fn ratio(x: f64) -> String {
    format!("{:.0}%", x * 100.0)
}

/// Sizes fixed by hand must divide the chips: the product, and so each of them.
fn fixed_divide(fix: &Fix, chips: u64) -> Result<(), Diagnostic> {
    for (name, v) in [("tp", fix.tp), ("cp", fix.cp), ("pp", fix.pp), ("dp", fix.dp)] {
        let Some(v) = v.map(u64::from) else { continue };
        if v == 0 || !chips.is_multiple_of(v) {
            let below = (1..=v.min(chips)).rev().find(|d| chips.is_multiple_of(*d));
            let above = (v.max(1)..=chips).find(|d| chips.is_multiple_of(*d));
            let near: Vec<String> = [below, above].into_iter().flatten().map(|d| d.to_string()).collect();
            return Err(
                Diagnostic::error(format!("{name} {v} does not divide {chips} chips")).hint(format!("{name} {} would", near.join(" or ")))
            );
        }
    }
    let all = [fix.tp, fix.cp, fix.pp, fix.dp].into_iter().flatten().map(u64::from).fold(1u64, u64::saturating_mul);
    if !chips.is_multiple_of(all) {
        return Err(Diagnostic::error(format!("the fixed sizes multiply to {all}, which does not divide {chips} chips")));
    }
    Ok(())
}

fn miss(job: &Job, o: &PlanOption) -> String {
    let mut parts = Vec::new();
    if let (Some(want), Some(d)) = (job.within_days, o.days)
        && d.p50 > want
    {
        parts.push(format!("takes {:.1} days on {} chips, {want:.1} were asked for", d.p50, o.chips));
    }
    if let Some(b) = job.budget_usd {
        match &o.cost_usd {
            Some(c) if c.p50 > b => parts.push(format!("costs {:.1} M USD, the budget is {:.1} M USD", c.p50 / 1e6, b / 1e6)),
            None => parts.push("has no public price, so the budget cannot be checked".to_owned()),
            Some(_) => {}
        }
    }
    if parts.is_empty() { "misses the limits".to_owned() } else { parts.join("; ") }
}

/// Chip counts that `--chips auto` tries, rising: 1, 2, 4 chips of a host, then whole hosts, then whole scale-up domains,
/// each step at least a sixteenth more than the last.
pub(crate) fn sizes(hw: &Hardware) -> Vec<u64> {
    let host = u64::from(hw.chips_per_node.max(1));
    let domain = hw.levels.iter().filter(|l| !l.scale_out && !matches!(l.shape, ScaleUpShape::Torus(_))).map(|l| u64::from(l.chips)).max();
    let domain = domain.unwrap_or(host).max(host);
    let most = hw.max_chips.unwrap_or(MOST_CHIPS).min(MOST_CHIPS);
    let mut list: Vec<u64> = (0..).map(|k| 1u64 << k).take_while(|n| *n < host && host.is_multiple_of(*n)).collect();
    let mut n = host;
    while n <= most {
        list.push(n);
        let unit = if n >= domain { domain } else { host };
        // Sixteenths of the power of two below, in whole units: 16, 17, ... 31, 32, 34, ...
        let step = ((1u64 << n.ilog2()) / 16 / unit).max(1) * unit;
        n += step;
    }
    list
}

/// Says so when the costs side by side rest on prices of different kinds.
fn price_kinds(options: &[PlanOption]) -> Option<String> {
    let mut kinds: Vec<(&str, Vec<&str>)> = Vec::new();
    for o in options {
        let Some(c) = &o.cost_usd else { continue };
        match kinds.iter_mut().find(|(k, _)| *k == c.basis) {
            Some((_, systems)) if systems.contains(&o.system.as_str()) => {}
            Some((_, systems)) => systems.push(&o.system),
            None => kinds.push((&c.basis, vec![&o.system])),
        }
    }
    let words: Vec<String> = kinds.iter().map(|(k, s)| format!("{k} for {}", s.join(", "))).collect();
    (kinds.len() > 1).then(|| format!("the costs are not of one kind: {}", words.join("; ")))
}

/// Options that no other beats in days, cost and chips at once. An option without a price is compared on the rest.
fn pareto(options: &[PlanOption]) -> Vec<usize> {
    let key =
        |o: &PlanOption| [o.days.map_or(o.step_s.p50, |d| d.p50), o.cost_usd.as_ref().map_or(f64::INFINITY, |c| c.p50), o.chips as f64];
    (0..options.len())
        .filter(|i| {
            let a = key(&options[*i]);
            !options.iter().enumerate().any(|(j, b)| {
                let b = key(b);
                j != *i && b.iter().zip(a).all(|(x, y)| *x <= y) && b.iter().zip(a).any(|(x, y)| *x < y)
            })
        })
        .collect()
}

/// `TP8 · CP1 · PP16x5 · DP128 · mb1 · ZeRO-1 · recompute full`.
pub fn words(l: &Layout) -> String {
    let mut s = format!("TP{}", l.tp);
    if l.cp > 1 {
        s += &format!(" · CP{}", l.cp);
    }
    s += &if l.vpp > 1 { format!(" · PP{}×{}", l.pp, l.vpp) } else { format!(" · PP{}", l.pp) };
    s += &format!(" · DP{}", l.dp);
    if l.ep > 1 {
        s += &format!(" · EP{}", l.ep);
    }
    if l.etp > 1 {
        s += &format!(" · ETP{}", l.etp);
    }
    s += &format!(" · mb{} · ZeRO-{}", l.micro_batch, l.zero as u8);
    s += match l.recompute {
        Recompute::None => "",
        Recompute::Selective => " · recompute attention",
        Recompute::Full => " · recompute full",
    };
    s += match l.schedule {
        Schedule::OneFOneB => "",
        Schedule::ZeroBubble => " · zero-bubble",
        Schedule::Dualpipe => " · DualPipe",
        Schedule::Gpipe => " · GPipe",
    };
    s
}
