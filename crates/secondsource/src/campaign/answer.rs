//! The answer of `campaign` as data. docs/json.md documents each field.

use crate::answer::{CostOut, Interval, JobOut, PlanOption};
use secondsource_campaign::region::Local;
use serde::Serialize;
use std::collections::BTreeMap;

/// Quantiles of the simulated campaigns and their mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outcomes {
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    pub mean: f64,
}

impl Outcomes {
    pub fn interval(self) -> Interval {
        Interval { p5: self.p5, p50: self.p50, p95: self.p95 }
    }
}

/// One quantity that the simulation used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputOut {
    pub name: String,
    pub unit: String,
    pub value: f64,
    /// Ends of the 90% band; equal to `value` where it is taken as known.
    pub low: f64,
    pub high: f64,
    /// `measured`, `derived`, `assumed`, `user`, ...
    pub kind: String,
    pub basis: String,
    pub sources: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckpointOut {
    /// `sync` or `async`.
    pub saving: String,
    /// Bytes of one checkpoint.
    pub bytes: f64,
    /// Bytes per second into storage.
    pub bytes_per_s: f64,
    /// Seconds until it can be read back.
    pub write_s: f64,
    /// Seconds for which training stands still.
    pub stall_s: f64,
    /// Seconds of training between checkpoints, as simulated.
    pub interval_s: f64,
    /// The best interval in closed form.
    pub best_interval_s: f64,
    /// Steps between checkpoints.
    pub steps: f64,
}

/// Calendar days on which the campaign ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FinishOut {
    pub start: String,
    pub p5: String,
    pub p50: String,
    pub p95: String,
}

/// The closed form at the middle of every band.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClosedOut {
    pub days: f64,
    pub goodput: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyOut {
    pub mwh: Outcomes,
    /// At the meter, per chip: while training, and while saving, down, waiting or spare.
    pub kw_training: f64,
    pub kw_waiting: f64,
    /// Mean power of the whole machine at the meter, MW.
    pub mean_mw: f64,
    /// What TDP times chips times hours would say, for comparison only.
    pub tdp_mwh: f64,
    pub inputs: Vec<InputOut>,
}

/// What a place makes of the energy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceOut {
    pub region: String,
    /// USD; absent when no price is known.
    pub electricity_usd: Option<Interval>,
    pub cents_per_kwh: Option<Local>,
    /// Tonnes CO2e, location-based; absent when no factor is known.
    pub carbon_t: Option<Interval>,
    pub kg_per_mwh: Option<Local>,
}

/// How far the days move when one input goes from the low to the high end of its band, the others at their middles.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SwingOut {
    pub input: String,
    pub days_low: f64,
    pub days_high: f64,
}

/// Answer of `campaign`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignAnswer {
    pub job: JobOut,
    /// The layout that runs, as `plan` gives it.
    pub plan: PlanOption,
    pub nodes: u64,
    pub chips_per_node: u64,
    /// Null: replacements never run out.
    pub spares: Option<u32>,
    /// Spares with which the job would wait for a node at most 0.1% of the time.
    pub spares_enough: u32,
    pub runs: u32,
    pub seed: u64,
    pub inputs: Vec<InputOut>,
    pub checkpoint: CheckpointOut,
    /// Mean hours between interruptions at the middle rate; null when nothing fails.
    pub mtti_h: Option<f64>,
    /// All tokens with nothing failing and nothing saved.
    pub days_undisturbed: Interval,
    pub days: Outcomes,
    pub finish: Option<FinishOut>,
    /// Kept training time over wall time.
    pub goodput: Outcomes,
    pub closed_form: ClosedOut,
    /// Mean days by what they were spent on; they add up to `days.mean`.
    pub parts_days: BTreeMap<String, f64>,
    pub failures: Outcomes,
    /// Mean numbers of a campaign.
    pub nodes_lost: f64,
    pub planned_stops: f64,
    /// Null: no public price of the chip.
    pub cost_usd: Option<CostOut>,
    /// Null: no source gives the chip a power limit.
    pub energy: Option<EnergyOut>,
    pub place: PlaceOut,
    /// Largest first.
    pub sensitivity: Vec<SwingOut>,
    /// Share of the simulated campaigns that were given up; in the quantiles they count with the time they had.
    pub unfinished: f64,
    /// What makes the answer weaker than it looks.
    pub caveats: Vec<String>,
    pub notes: Vec<String>,
}
