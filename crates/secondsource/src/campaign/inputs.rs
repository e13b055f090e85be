//! From a plan option, the catalog and what the job says to the numbers of a campaign, each with its basis.

use super::answer::InputOut;
use super::spec::CampaignSpec;
use secondsource_base::Diagnostic;
use secondsource_campaign::known::{Known, known};
use secondsource_campaign::rates::{FailureRate, domain_note, failure_rate, rate_of_family, stated_rate};
use secondsource_campaign::recovery::{self, Saving};
use secondsource_campaign::{Band, CampaignInput, Clock, SECONDS_PER_DAY, Spread};
use secondsource_catalog::Catalog;

/// What of the plan a campaign needs.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Seconds with nothing failing: 5%, 50% and 95%.
    pub seconds: [f64; 3],
    pub chips: f64,
    pub chips_per_node: f64,
    /// Bytes that a checkpoint holds by the recipe.
    pub checkpoint_bytes: f64,
    pub params: f64,
    /// XLA or Neuron: the stack loads a compile cache.
    pub compiled: bool,
}

/// A campaign with the basis of every number.
#[derive(Debug, Clone)]
pub struct Assembled {
    pub input: CampaignInput,
    pub inputs: Vec<InputOut>,
    /// What makes the answer weaker than it looks.
    pub caveats: Vec<String>,
    pub notes: Vec<String>,
    pub saving: Saving,
    pub bytes: f64,
    pub bytes_per_s: f64,
}

pub fn row(name: &str, unit: &str, scale: f64, known: &Known) -> InputOut {
    let value = known.value / scale;
    // A hundredth stands for a range that touches zero.
    let low = if known.band.low <= 0.01 { 0.0 } else { value * known.band.low };
    InputOut {
        name: name.to_owned(),
        unit: unit.to_owned(),
        value,
        low,
        high: value * known.band.high,
        kind: known.kind.name().to_owned(),
        basis: known.basis.clone(),
        sources: known.sources.clone(),
    }
}

fn missing(what: &str) -> Diagnostic {
    Diagnostic::error(format!("the catalog has no figure for {what}"))
}

fn rate(catalog: &Catalog, spec: &CampaignSpec, family: &str) -> Result<FailureRate, Diagnostic> {
    if let Some((low, middle, high)) = spec.failure_rate {
        return Ok(stated_rate(catalog, middle, Band::around(low, middle, high)));
    }
    match &spec.failures {
        Some(name) => failure_rate(catalog, name),
        None => rate_of_family(catalog, family),
    }
}

/// Bytes of a checkpoint: stated per parameter, else by the recipe with the published range below it.
fn checkpoint_bytes(catalog: &Catalog, spec: &CampaignSpec, work: &Work) -> Known {
    if let Some(each) = spec.checkpoint_bytes {
        return Known::stated(each * work.params, Band::NONE);
    }
    let each = work.checkpoint_bytes / work.params;
    let least = known(catalog, "recovery", "checkpoint-opt").map_or(1.0, |k| (k.value / each).min(1.0));
    // Adapters are small whatever others kept of whole models.
    let whole = each > 1.0;
    Known {
        band: if whole { Band { low: least, high: 1.0 } } else { Band::NONE },
        kind: secondsource_base::Kind::Derived,
        basis: if whole {
            format!("{} bytes a parameter: weights and optimizer state of the recipe; published checkpoints hold 9.1 to 13.1", each as f32)
        } else {
            "weights and optimizer state of the adapters".to_owned()
        },
        ..Known::stated(work.checkpoint_bytes, Band::NONE)
    }
}

/// The campaign of a plan option.
///
/// # Errors
/// A failure rate that the catalog does not have, or a catalog without the figures that a campaign needs.
pub fn assemble(catalog: &Catalog, spec: &CampaignSpec, family: &str, work: &Work) -> Result<Assembled, Diagnostic> {
    let mut notes = Vec::new();
    let mut inputs = Vec::new();
    let stated = |value: Option<f64>, published: Option<Known>, what: &str| match value {
        Some(v) => Ok(Known::stated(v, Band::NONE)),
        None => published.ok_or_else(|| missing(what)),
    };
    let figure = |name: &str| known(catalog, "failure-rates", name);

    let rate = rate(catalog, spec, family)?;
    let mut caveats: Vec<String> = domain_note(catalog, work.chips as u64).into_iter().collect();
    if let Some(why) = &rate.borrowed {
        caveats.push(format!("the failure rate is a band over all published ones: {why}"));
    }
    inputs.push(InputOut {
        name: format!("failures ({})", rate.id),
        unit: format!("per 1000 days of a node of {} chips", rate.chips_per_node),
        value: rate.per_1000_node_days,
        low: rate.per_1000_node_days * rate.band.low,
        high: rate.per_1000_node_days * rate.band.high,
        kind: if rate.id == "stated" { "user".to_owned() } else { "derived".to_owned() },
        basis: rate.basis.clone(),
        sources: rate.sources.clone(),
    });
    if (work.chips_per_node - rate.chips_per_node).abs() > 1e-9 {
        notes.push(format!(
            "failure rates are published for nodes of {} chips; a node of {} is taken to fail in proportion",
            rate.chips_per_node, work.chips_per_node
        ));
    }

    let detect = stated(spec.detect, recovery::detection(catalog), "detection")?;
    inputs.push(row("detection", "minutes", 60.0, &detect));
    let restart = stated(spec.restart, recovery::restart(catalog, work.compiled), "a restart")?;
    inputs.push(row("restart", "minutes", 60.0, &restart));

    let bytes = checkpoint_bytes(catalog, spec, work);
    inputs.push(if bytes.value >= 1e11 { row("checkpoint", "TB", 1e12, &bytes) } else { row("checkpoint", "GB", 1e9, &bytes) });
    let bandwidth = stated(spec.storage, recovery::write_bandwidth(catalog, work.chips), "storage")?;
    inputs.push(row("storage", "GB/s", 1e9, &bandwidth));
    let stall = recovery::async_stall(catalog).ok_or_else(|| missing("the stall of an asynchronous checkpoint"))?;
    let (saving, stall_s, lag_s, mut save_band) =
        recovery::save_times(spec.checkpoint.unwrap_or_default(), bytes.value, &bandwidth, &stall);
    if saving == Saving::Async {
        inputs.push(row("stall of a checkpoint", "seconds", 1.0, &stall));
    } else {
        // Bytes and bandwidth multiply; the ends of both at once are rarer than 5%, so the band is a little wide.
        save_band.low *= bytes.band.low;
        if spec.checkpoint != Some(Saving::Sync) {
            notes
                .push("the storage writes a checkpoint as quickly as it is copied to host memory: training waits for the write".to_owned());
        }
    }

    let loss = figure("node-loss-share").ok_or_else(|| missing("the share of failures that take a node"))?;
    let silent = figure("silent-share").ok_or_else(|| missing("silent corruption"))?;
    let repair = stated(spec.repair, recovery::repair(catalog), "repairs")?;
    if spec.spares.is_some() {
        inputs.push(row("failures that take a node", "share", 1.0, &loss));
        inputs.push(row("repair", "hours", 3600.0, &repair));
    }
    if let Some(rollback) = spec.silent_rollback {
        inputs.push(row("silent corruption", "share of failures", 1.0, &silent));
        inputs.push(row("checkpoints it spoils", "count", 1.0, &Known::stated(rollback, Band::NONE)));
    }
    let group_nodes = spec.group_nodes.or_else(|| figure("group-nodes").map(|k| k.value as u32)).unwrap_or(1);
    if let Some(share) = spec.group_share {
        inputs.push(row("losses of several nodes", "share of losses", 1.0, &Known::stated(share, Band::NONE)));
        if spec.spares.is_none() {
            notes.push("losses of several nodes matter only with a number of spares".to_owned());
        }
    }
    let clock = match spec.weibull_shape {
        None => Clock::Exponential,
        Some(shape) => {
            let days = figure("observed-days").map_or(54.0, |k| k.value);
            notes.push(format!(
                "Weibull clock of shape {shape}: all nodes new at the start, failing as often as the rate says over their first {days} days; \
                 the closed form takes it as exponential"
            ));
            Clock::Weibull { shape, observed_days: days }
        }
    };
    let planned = spec.planned_every.zip(spec.planned_stop);
    if planned.is_none() {
        if spec.planned_every.is_some() != spec.planned_stop.is_some() {
            return Err(Diagnostic::error("planned stops need both their distance and their length")
                .hint("planned-every, for example 1d, and planned-stop, for example 20m"));
        }
        if let Some(often) = figure("planned-per-day") {
            notes.push(format!(
                "no planned stops: give planned-every and planned-stop. Llama 3 had {:.2} a day; their length is not published",
                often.value
            ));
        }
    }

    let [low, middle, high] = work.seconds;
    let input = CampaignInput {
        work_s: middle,
        nodes: (work.chips / work.chips_per_node).ceil(),
        failures_per_node_day: rate.per_node_day(work.chips_per_node),
        clock,
        node_loss_share: loss.value,
        group_share: spec.group_share.unwrap_or(0.0),
        group_nodes,
        silent_share: if spec.silent_rollback.is_some() { silent.value } else { 0.0 },
        silent_rollback: spec.silent_rollback.unwrap_or(0.0),
        detect_s: detect.value,
        restart_s: restart.value,
        stall_s,
        lag_s,
        interval_s: spec.checkpoint_every.map(|s| s.max(1.0)),
        spares: spec.spares,
        repair_s: repair.value,
        planned_every_s: planned.map_or(f64::INFINITY, |p| p.0.max(1.0)),
        planned_s: planned.map_or(0.0, |p| p.1),
        spread: Spread {
            work: Band::around(low, middle, high),
            failures: rate.band,
            detect: detect.band,
            restart: restart.band,
            checkpoint: save_band,
            repair: if spec.spares.is_some() { repair.band } else { Band::NONE },
        },
    };
    input.check()?;
    if input.interval_s.is_some_and(|i| i < lag_s) {
        notes.push(format!("checkpoints every {lag_s:.0} s: writing one takes as long"));
    }
    if middle / SECONDS_PER_DAY < 0.5 {
        notes.push("a run this short sees few failures: the interval is wide by nature".to_owned());
    }
    Ok(Assembled { input, inputs, caveats, notes, saving, bytes: bytes.value, bytes_per_s: bandwidth.value })
}
