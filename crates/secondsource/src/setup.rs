//! From a job and a system to a step model: defaults, recipe, hardware.

use crate::answer::{Interval, JobOut};
use crate::calibrate::Calibration;
use crate::calibrate::own::Traits;
use crate::calibrate::spread::SpreadKey;
use crate::job::{Chips, Era, Job};
use crate::runs::Stack;
use crate::twin::Twin;
use secondsource_base::{Diagnostic, Dtype, quantity};
use secondsource_catalog::Catalog;
use secondsource_catalog::hardware::Hardware;
use secondsource_fabric::{Library, LibraryKind, Thresholds};
use secondsource_workload::model::Model;
use secondsource_workload::recipe::{AttentionKernel, Launch, Overlap, Recipe, Software, Task};

/// Software that a plan assumes for a chip family in an era.
pub(crate) fn software(family: &str, era: Era) -> Software {
    let overlap = if matches!(family, "tpu" | "neuron") { Overlap::Xla } else { Overlap::Modern };
    let compiled = matches!(family, "tpu" | "neuron" | "gaudi");
    let launch = |l: Launch| if compiled { Launch::Graph } else { l };
    match era {
        Era::Y2023 => Software {
            attention: match family {
                "neuron" => AttentionKernel::Unfused,
                "tpu" | "gaudi" => AttentionKernel::Vendor,
                _ => AttentionKernel::Triton,
            },
            launch: launch(Launch::Eager),
            overlap,
            year: 2023.5,
        },
        Era::Y2025 => Software { attention: AttentionKernel::Vendor, launch: launch(Launch::Fused), overlap, year: 2025.5 },
        Era::Y2026 => Software { attention: AttentionKernel::Vendor, launch: Launch::Graph, overlap, year: 2026.5 },
    }
}

pub(crate) fn recipe(job: &Job, family: &str, era: Era) -> Recipe {
    let mut r = Recipe::mixed(job.precision.unwrap_or(Dtype::Bf16), software(family, era));
    if let Some(rank) = job.lora_rank {
        r.task = Task::Lora { rank };
    }
    job.overrides.apply(r)
}

/// The communication library of a system, with the size limits that the catalog's links state.
pub(crate) fn library(catalog: &Catalog, hw: &Hardware) -> Library {
    let mut lib = Library::of(hw);
    if lib.kind == LibraryKind::Neuron
        && let Ok(link) = catalog.link("neuronlink-v3")
    {
        lib.scale_up = Thresholds { mesh_max: link.si("algo_mesh_max"), rdh_max: link.si("algo_ring_min") };
    }
    lib
}

/// Limits of a job that no file format can state.
pub(crate) fn check(job: &Job, model: &Model) -> Result<(), Diagnostic> {
    if let Some(rank) = job.lora_rank
        && !(1..=model.hidden).contains(&u64::from(rank))
    {
        return Err(Diagnostic::error(format!("LoRA rank {rank}; it must be from 1 to the model's width {}", model.hidden)));
    }
    if let (Some(seq), Some(n)) = (job.seq, model.learned_positions)
        && seq > n
    {
        return Err(Diagnostic::error(format!("seq is {seq}, but {} has position embeddings for {n} tokens only", model.name))
            .hint(format!("--seq {n}, or a config.json with more positions")));
    }
    for (name, value) in [("seq", job.seq), ("global-batch", job.global_batch)] {
        if let Some(v) = value
            && !(1..=1 << 32).contains(&v)
        {
            return Err(Diagnostic::error(format!("{name} is {v}; it must be from 1 to 2^32")));
        }
    }
    Ok(())
}

/// Tokens per sequence where a job names none: what Llama 3 was trained at (arXiv 2407.21783, section 3.4.1).
const USUAL_SEQUENCE: u64 = 8192;

/// The job with its defaults filled in.
pub(crate) fn fill(job: &Job, model: &Model) -> JobOut {
    let mut assumed = Vec::new();
    let seq = job.seq.unwrap_or_else(|| match model.learned_positions {
        Some(n) if n < USUAL_SEQUENCE => {
            assumed.push(format!("sequence length {n}, all that the model has position embeddings for (give --seq)"));
            n
        }
        _ => {
            assumed.push(format!("sequence length {USUAL_SEQUENCE} (give --seq)"));
            USUAL_SEQUENCE
        }
    });
    let global_batch = job.global_batch.unwrap_or_else(|| {
        // Tokens per step grow with the model: Llama 3 trained its 405B at 16M, smaller ones at 4-8M
        // (arXiv 2407.21783, section 3.4).
        let tokens: u64 = match model.params_total() {
            p if p > 100_000_000_000 => 16 << 20,
            p if p > 30_000_000_000 => 8 << 20,
            _ => 4 << 20,
        };
        let batch = (tokens / seq.max(1)).max(1).next_power_of_two();
        assumed.push(format!("global batch {batch} sequences = {} tokens (give --global-batch)", quantity::si((batch * seq) as f64)));
        batch
    });
    let precision = job.precision.unwrap_or_else(|| {
        let what =
            if job.lora_rank.is_some() { "frozen weights in bf16" } else { "linear layers in bf16 with fp32 master weights and Adam" };
        assumed.push(format!("{what} (give --precision)"));
        Dtype::Bf16
    });
    let era = match job.era {
        Era::Y2026 => "2026: vendor attention kernels, graph launch, current MoE dispatch",
        Era::Y2025 => "2025: vendor attention kernels, launched operator by operator",
        Era::Y2023 => "2023: early flash attention, eager",
    };
    assumed.extend(job.overrides.words().into_iter().map(|w| format!("{w} (as given)")));
    if job.tokens.is_none() {
        assumed.push("no token count, so no days, cost or energy (give --tokens)".to_owned());
    }
    JobOut {
        model: model.name.clone(),
        params_total: model.params_total(),
        params_active: model.params_active(),
        tokens: job.tokens,
        seq,
        global_batch,
        precision: precision.name().to_owned(),
        lora_rank: job.lora_rank,
        era: era.to_owned(),
        on: job.on.clone(),
        chips: match job.chips {
            Chips::Count(n) => Some(n),
            Chips::Auto => None,
        },
        within_days: job.within_days,
        budget_usd: job.budget_usd,
        assumed,
    }
}

/// The batch nearest to `wanted` that chip counts like this one can share out: a multiple of the count's odd part times
/// as large a power of two as moves the batch by at most 6%.
pub(crate) fn suited_batch(wanted: u64, chips: u64) -> u64 {
    let odd = (chips >> chips.trailing_zeros()).max(1);
    let near = |unit: u64| ((wanted + unit / 2) / unit).max(1) * unit;
    let mut best = wanted.max(1);
    let mut unit = odd;
    while unit <= wanted * 2 {
        let n = near(unit);
        if (n as f64 / wanted as f64 - 1.0).abs() <= 0.06 {
            best = n;
        }
        unit *= 2;
    }
    best
}

/// A prediction with its interval, and what that rests on.
pub(crate) struct Estimate {
    pub interval: Interval,
    /// On the seconds that the model gave; 1 without own runs.
    pub factor: f64,
    pub basis: String,
}

/// The interval of a prediction: from the user's own runs of that chip and stack, else from held-out published
/// runs of its kind. The middle is the prediction itself, corrected by the own runs.
pub(crate) fn estimate(twin: &Twin, chip: &str, stack: Option<Stack>, key: SpreadKey, seconds: f64, traits: &Traits) -> Estimate {
    if let Some(own) = twin.own.as_ref().and_then(|o| o.of(chip, stack)) {
        let c = own.correction(traits);
        let ((p5, p95), factor) = (own.interval(c), c.shift.exp());
        return Estimate { interval: spread(p5, p95, seconds * factor), factor, basis: own.basis() };
    }
    let calibration = &twin.calibration;
    match key.group(calibrated(calibration, chip), &calibration.spread) {
        Some(g) => Estimate {
            interval: spread(g.p5, g.p95, seconds),
            factor: 1.0,
            basis: format!("90% of {} held-out published runs ({})", g.rows, g.name),
        },
        None => {
            Estimate { interval: Interval { p5: seconds, p50: seconds, p95: seconds }, factor: 1.0, basis: "no calibration".to_owned() }
        }
    }
}

/// Whether published runs on a chip are in the calibration.
pub(crate) fn calibrated(calibration: &Calibration, chip: &str) -> bool {
    calibration.folds.iter().any(|f| f.kind == "chip" && f.name == chip)
}

/// ln of the 5% and 95% quantiles around a prediction on a chip, before any own run, whatever its size.
pub(crate) fn usual_spread(calibration: &Calibration, chip: &str, moe: bool) -> Option<(f64, f64)> {
    let key = SpreadKey { moe, small: false, stated: true };
    let seen = calibrated(calibration, chip);
    let group = [2, 3].into_iter().find_map(|level| calibration.spread.iter().find(|g| g.name == key.name(seen, level)));
    group.map(|g| (g.p5.min(0.0), g.p95.max(0.0)))
}

/// The published value is predicted x e^residual; the middle stays the prediction itself.
fn spread(p5: f64, p95: f64, seconds: f64) -> Interval {
    Interval { p5: seconds * p5.min(0.0).exp(), p50: seconds, p95: seconds * p95.max(0.0).exp() }
}
