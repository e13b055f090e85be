//! `tokens`: the best way to serve a model on each system, and what a million tokens cost.

use super::LIMITS;
use super::answer::{PriceOut, ServePoint, TokensAnswer, TokensJobOut, TokensOption};
use super::files::ServeCalibration;
use super::spread::interval;
use crate::answer::{Interval, Rejected};
use crate::job::ModelSource;
use crate::setup;
use crate::twin::Twin;
use secondsource_base::{Diagnostic, Dtype};
use secondsource_catalog::hardware::{Hardware, ScaleUpShape};
use secondsource_market::rent;
use secondsource_step::seat;
use secondsource_step::serve::{Formats, Limits, Load, Pass, Replica, Server, Split, Unfit};
use secondsource_workload::model::Model;
use secondsource_workload::recipe::AttentionKernel;

/// What `tokens` is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct TokensJob {
    pub model: ModelSource,
    pub on: Vec<String>,
    pub prompt: u64,
    pub output: u64,
    /// Most seconds between two tokens of a request, and to its first one.
    pub latency_s: Option<f64>,
    pub first_token_s: Option<f64>,
    /// Formats of weights and cache; chosen by the chip where not given.
    pub weights: Option<Dtype>,
    pub cache: Option<Dtype>,
    /// Chips of a replica; chosen where not given.
    pub tp: Option<u32>,
    pub pp: Option<u32>,
    /// Requests in flight on a replica; chosen where not given.
    pub batch: Option<u64>,
}

/// Largest replica that is looked at.
const MOST_TP: u32 = 64;

impl TokensJob {
    pub fn new(model: ModelSource, on: Vec<String>) -> TokensJob {
        TokensJob {
            model,
            on,
            prompt: 1024,
            output: 1024,
            latency_s: None,
            first_token_s: None,
            weights: None,
            cache: None,
            tp: None,
            pp: None,
            batch: None,
        }
    }

    fn check(&self) -> Result<(), Diagnostic> {
        for (name, v) in [("prompt", self.prompt), ("output", self.output)] {
            if !(1..=10_000_000).contains(&v) {
                return Err(Diagnostic::error(format!("{name} is {v} tokens; it must be from 1 to 10 million")));
            }
        }
        if self.on.is_empty() {
            return Err(Diagnostic::error("no system was named").hint("--on h100-sxm,trn2"));
        }
        Ok(())
    }
}

impl Twin {
    pub(crate) fn tokens_job(&self, job: &TokensJob) -> Result<TokensAnswer, Diagnostic> {
        job.check()?;
        let model = self.model(&job.model)?;
        let calibration = ServeCalibration::embedded()?;
        let (mut options, mut rejected) = (Vec::new(), Vec::new());
        for name in &job.on {
            let system = self.catalog.system(name)?.id.clone();
            let found = self.catalog.hardware(name).map_err(|d| d.message);
            match found.and_then(|hw| self.serve_on(job, &model, &hw, &calibration)) {
                Ok(o) => options.push(o),
                Err(why) => rejected.push(Rejected { system, why, nearest: None }),
            }
        }
        let priced = options.iter().all(|o| o.usd_per_million.is_some());
        options.sort_by(|a, b| match (a.usd_per_million, b.usd_per_million) {
            (Some(x), Some(y)) if priced => x.p50.total_cmp(&y.p50),
            _ => b.tokens_per_s_per_chip.p50.total_cmp(&a.tokens_per_s_per_chip.p50),
        });
        Ok(TokensAnswer { job: job_out(job, &model), options, rejected })
    }

    /// The best point on one system, or why there is none.
    fn serve_on(&self, job: &TokensJob, model: &Model, full: &Hardware, c: &ServeCalibration) -> Result<TokensOption, String> {
        let (weights, math) = formats(job.weights, full)?;
        let cache = job.cache.unwrap_or(if weights.bytes() < 2.0 { Dtype::Fp8 } else { Dtype::Bf16 });
        let formats = Formats { weights, math, cache_bytes: cache.bytes() };
        let load = Load { prompt: job.prompt as f64, output: job.output as f64 };
        let quote = rent::quote(&self.catalog, &full.chip.id, rent::Basis::Best);
        let price = quote.as_ref().map(|q| q.usd_per_chip_hour);
        let limits = Limits { slots: job.batch.map_or(LIMITS.slots, |b| b as f64), ..LIMITS };
        let (mut points, mut why): (Vec<ServePoint>, Option<String>) = (Vec::new(), None);
        let with = |replica: Replica, f: &mut dyn FnMut(&Server<'_>) -> Result<(), Unfit>| -> Result<(), Unfit> {
            let hw = seat(full, u64::from(replica.chips()));
            let library = setup::library(&self.catalog, &hw);
            let (params, energy) = (&self.calibration.params, &self.calibration.energy);
            f(&Server::new(model, &hw, library, replica, formats, limits, AttentionKernel::Vendor, params, energy, &c.params)?)
        };
        for replica in replicas(job, model, full) {
            let done = with(replica, &mut |s| {
                points.extend(asked(job, s.batches(load)?).into_iter().map(|b| point(s, b, load, price)));
                Ok(())
            });
            if let Err(e) = done {
                why = Some(format!("{} chips: {e}", replica.chips()));
            }
        }
        if points.is_empty() {
            return Err(why.unwrap_or_else(|| "no replica size suits the model".to_owned()));
        }
        let frontier = frontier(&points);
        let within =
            |p: &&ServePoint| job.latency_s.is_none_or(|l| p.inter_token_s <= l) && job.first_token_s.is_none_or(|l| p.first_token_s <= l);
        let best = points
            .iter()
            .filter(within)
            .max_by(|a, b| a.tokens_per_s_per_chip.total_cmp(&b.tokens_per_s_per_chip).then(b.replica_chips.cmp(&a.replica_chips)));
        let Some(best) = best.cloned() else {
            let fastest = points.iter().map(|p| p.inter_token_s).fold(f64::INFINITY, f64::min);
            let first = points.iter().map(|p| p.first_token_s).fold(f64::INFINITY, f64::min);
            return Err(format!(
                "no batch keeps the limits: the shortest time between tokens is {:.1} ms, to the first token {:.0} ms",
                fastest * 1e3,
                first * 1e3
            ));
        };
        let moe = model.is_moe();
        let spread = |metric: &str, v: f64| {
            let known = c.chips.iter().any(|k| *k == format!("{}: {metric}", full.chip.id));
            interval(&c.spread, metric, known, moe, v)
        };
        let (rate, interval_basis) = spread("tokens/s", best.tokens_per_s_per_chip);
        let replica = Replica { tp: best.tp, pp: best.pp, split: if best.split == "heads" { Split::Heads } else { Split::Requests } };
        let mut pass = Pass::default();
        with(replica, &mut |s| {
            pass = s.cycle(best.batch, load);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        let parts = parts(&pass);
        let binds = parts.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or("", |p| p.0).to_owned();
        let cost = |i: Interval, usd: f64| Interval {
            p5: usd / i.p95 / 3600.0 * 1e6,
            p50: usd / i.p50 / 3600.0 * 1e6,
            p95: usd / i.p5 / 3600.0 * 1e6,
        };
        Ok(TokensOption {
            system: full.system.clone(),
            chip: full.chip.id.clone(),
            weights: weights.name().to_owned(),
            math: math.name().to_owned(),
            cache: cache.name().to_owned(),
            tokens_per_s_per_chip: rate,
            first_token_s: spread("first token", best.first_token_s).0,
            inter_token_s: spread("between tokens", best.inter_token_s).0,
            usd_per_million: price.map(|p| cost(rate, p)),
            price: quote.map(|q| PriceOut {
                usd_per_chip_hour: q.usd_per_chip_hour,
                basis: q.basis,
                provider: q.provider,
                region: q.region,
                date: q.date,
                kind: q.kind.name().to_owned(),
                source: format!("{} [{}]: {}", q.source_title, q.source, q.item),
            }),
            pass_s: parts.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect(),
            binds,
            frontier,
            interval_basis,
            notes: notes(full, &best, c),
            best,
        })
    }
}

/// Weights and products: as asked, else the narrowest of fp8, MXFP8 and bf16 that the chip multiplies.
fn formats(asked: Option<Dtype>, hw: &Hardware) -> Result<(Dtype, Dtype), String> {
    let can = |d: Dtype| hw.chip.peak(d).is_some();
    match asked {
        Some(d) if can(d) => Ok((d, d)),
        // Narrow weights may be widened on the chip.
        Some(d) if d.bytes() < 2.0 && can(Dtype::Bf16) => Ok((d, Dtype::Bf16)),
        Some(d) => Err(format!("no source gives {} a dense {} peak", hw.chip.id, d.name())),
        None => [Dtype::Fp8, Dtype::MxFp8, Dtype::Bf16]
            .into_iter()
            .find(|d| can(*d))
            .map(|d| (d, d))
            .ok_or_else(|| format!("no source gives {} a dense peak of fp8, MXFP8 or bf16", hw.chip.id)),
    }
}

/// Replicas that are tried: powers of two up to the scale-up domain, attention by heads, and by requests where there are
/// experts.
fn replicas(job: &TokensJob, model: &Model, hw: &Hardware) -> Vec<Replica> {
    let domain = hw.levels.iter().filter(|l| !l.scale_out).map(|l| l.chips).max().unwrap_or(1);
    let torus = hw.levels.iter().any(|l| matches!(l.shape, ScaleUpShape::Torus(_)));
    let most = if torus { domain } else { domain.max(hw.chips_per_node) }.min(MOST_TP);
    let tps: Vec<u32> = match job.tp {
        Some(tp) => vec![tp],
        None => (0..).map(|i| 1u32 << i).take_while(|t| *t <= most).collect(),
    };
    let pp = job.pp.unwrap_or(1);
    let one = |tp: u32, split: Split| Replica { tp, pp, split };
    let heads = tps.iter().map(|tp| one(*tp, Split::Heads));
    let requests = tps.iter().filter(|tp| **tp > 1 && model.is_moe()).map(|tp| one(*tp, Split::Requests));
    heads.chain(requests).collect()
}

fn asked(job: &TokensJob, batches: Vec<f64>) -> Vec<f64> {
    match job.batch {
        Some(b) => batches.last().map(|most| most.min(b as f64)).into_iter().collect(),
        None => batches,
    }
}

fn point(s: &Server<'_>, batch: f64, load: Load, price: Option<f64>) -> ServePoint {
    let p = s.steady(batch, load);
    let r = s.replica();
    ServePoint {
        replica_chips: r.chips(),
        tp: r.tp,
        pp: r.pp,
        split: if r.split == Split::Heads { "heads" } else { "requests" },
        batch,
        first_token_s: p.first_token_s,
        inter_token_s: p.inter_token_s,
        tokens_per_s_per_chip: p.tokens_per_s_per_chip,
        memory_share: p.memory_share,
        usd_per_million: price.map(|usd| usd / p.tokens_per_s_per_chip / 3600.0 * 1e6),
    }
}

/// Points that no other beats in both rate and time between tokens, by rising time.
fn frontier(points: &[ServePoint]) -> Vec<ServePoint> {
    let mut sorted: Vec<&ServePoint> = points.iter().collect();
    sorted.sort_by(|a, b| a.inter_token_s.total_cmp(&b.inter_token_s).then(b.tokens_per_s_per_chip.total_cmp(&a.tokens_per_s_per_chip)));
    let mut out: Vec<ServePoint> = Vec::new();
    for p in sorted {
        if out.last().is_none_or(|last| p.tokens_per_s_per_chip > last.tokens_per_s_per_chip) {
            out.push(p.clone());
        }
    }
    out
}

fn parts(p: &Pass) -> [(&'static str, f64); 5] {
    [
        ("matrix products and weights", p.products),
        ("attention and cache", p.attention),
        ("elementwise", p.elementwise),
        ("network", p.network),
        ("kernel starts and scheduling", p.fixed),
    ]
}

fn notes(hw: &Hardware, best: &ServePoint, c: &ServeCalibration) -> Vec<String> {
    let mut notes = Vec::new();
    if !c.chips.iter().any(|k| k.starts_with(&format!("{}: ", hw.chip.id))) {
        notes.push(format!(
            "no published serving row on {} is in the calibration: its {} family and datasheet speak for it",
            hw.chip.id, hw.chip.family
        ));
    } else if !c.chips.iter().any(|k| *k == format!("{}: tokens/s", hw.chip.id)) {
        notes.push(format!("published rows on {} give times of small batches, none gives a rate under load", hw.chip.id));
    }
    if best.batch >= LIMITS.slots {
        notes.push(format!("the batch is the engine's limit of {} requests, not memory's", LIMITS.slots));
    }
    notes
}

fn job_out(job: &TokensJob, model: &Model) -> TokensJobOut {
    let mut assumed = vec![
        format!(
            "up to {} requests in flight a replica, prompts in chunks of {} tokens, cache in {:.0}% of the memory beside the weights",
            LIMITS.slots,
            LIMITS.chunk,
            LIMITS.memory_share * 100.0
        ),
        "requests keep the batch full, and every rented hour serves".to_owned(),
    ];
    if job.weights.is_none() {
        assumed.push("weights in fp8 where the chip multiplies fp8 or MXFP8, else bf16 (give --weights)".to_owned());
    }
    TokensJobOut {
        model: model.name.clone(),
        params_total: model.params_total(),
        params_active: model.params_active(),
        prompt: job.prompt,
        output: job.output,
        latency_s: job.latency_s,
        first_token_s: job.first_token_s,
        on: job.on.clone(),
        assumed,
    }
}
