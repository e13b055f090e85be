//! Serving a language model: prefill, decode, the key-value cache and what they give under load.
//!
//! One replica is `tp x pp` chips. A pass over its layers takes what the calibrated chip takes for the operators
//! (`crates/chip`), the collectives of `crates/fabric`, and the fixed times of [`ServeParams`]. Equations and sources
//! stand in docs/tokens.md. Never here: prices.

mod cache;
mod load;
mod params;
mod pass;

pub use load::{Load, Point};
pub use params::ServeParams;
pub use pass::Pass;

use crate::comm::Net;
use secondsource_base::Dtype;
use secondsource_catalog::calibration::Params;
use secondsource_catalog::hardware::{ChipSpec, Hardware};
use secondsource_chip::{Engine, MissingPeak};
use secondsource_fabric::Library;
use secondsource_workload::model::{Attention, AttentionMask, Ffn, Model};
use secondsource_workload::recipe::{AttentionKernel, Launch, Overlap, Recipe, Software};

/// How the attention of a replica is cut over its tensor-parallel chips.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// By heads; keys and values are repeated once there are more chips than key-value heads.
    Heads,
    /// By requests: every chip holds all attention weights, routed experts are spread (expert parallelism).
    Requests,
}

/// The chips of one copy of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Replica {
    pub tp: u32,
    pub pp: u32,
    pub split: Split,
}

impl Replica {
    pub fn chips(&self) -> u32 {
        self.tp.saturating_mul(self.pp)
    }
}

/// Number formats of a served model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Formats {
    /// How weights of the layers are stored. Embedding and output matrix stay bf16.
    pub weights: Dtype,
    /// Format of the products; weights stored narrower are widened on the chip.
    pub math: Dtype,
    /// Bytes of one stored key or value element.
    pub cache_bytes: f64,
}

/// What the serving engine is allowed to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Share of what is free beside the weights that the cache may fill.
    pub memory_share: f64,
    /// Most prompt tokens that one pass takes.
    pub chunk: f64,
    /// Most requests in flight on one replica.
    pub slots: f64,
}

/// Why a replica cannot serve.
#[derive(Debug, Clone, PartialEq)]
pub enum Unfit {
    /// The chip has no peak of the asked format.
    Peak(MissingPeak),
    /// Weights do not fit: bytes needed and bytes there, per chip.
    Weights { needed: f64, there: f64 },
    /// Not one request of this length fits beside the weights.
    Cache { needed: f64, there: f64 },
    /// The model or the cut makes no sense here.
    Shape(String),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gb = |b: &f64| b / 1e9;
        match self {
            Unfit::Peak(p) => p.fmt(f),
            Unfit::Weights { needed, there } => write!(f, "weights take {:.1} GB a chip, {:.1} GB are there", gb(needed), gb(there)),
            Unfit::Cache { needed, there } => {
                write!(f, "one request's cache takes {:.1} GB a chip, {:.1} GB are left beside the weights", gb(needed), gb(there))
            }
            Unfit::Shape(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unfit {}

/// A model on one replica of a system, ready to be asked about batches and lengths.
#[derive(Debug, Clone)]
pub struct Server<'a> {
    pub(crate) model: &'a Model,
    pub(crate) replica: Replica,
    pub(crate) formats: Formats,
    pub(crate) limits: Limits,
    pub(crate) engine: Engine,
    pub(crate) net: Net<'a>,
    pub(crate) serve: ServeParams,
    hbm: f64,
    reserve: f64,
}

impl<'a> Server<'a> {
    /// `hw` is the machine as a job of `replica` chips uses it (see [`crate::seat`]).
    #[expect(clippy::too_many_arguments, reason = "everything a server is made of, once")]
    pub fn new(
        model: &'a Model,
        hw: &'a Hardware,
        library: Library,
        replica: Replica,
        formats: Formats,
        limits: Limits,
        attention: AttentionKernel,
        params: &Params,
        energy: &[(String, f64)],
        serve: &ServeParams,
    ) -> Result<Server<'a>, Unfit> {
        check(model, &replica)?;
        let xla = matches!(hw.chip.family.as_str(), "tpu" | "neuron");
        let overlap = if xla { Overlap::Xla } else { Overlap::Modern };
        let software = Software { attention, launch: Launch::Graph, overlap, year: f64::INFINITY };
        let recipe = Recipe::mixed(formats.math, software);
        // The parameters of serving were fitted without kernel profiles.
        let chip = ChipSpec { kernels: None, ..hw.chip.clone() };
        let engine = Engine::new(&chip, &recipe, params, energy).map_err(Unfit::Peak)?;
        let net = Net::new(hw, u64::from(replica.chips()), library, params);
        let server =
            Server { model, replica, formats, limits, engine, net, serve: *serve, hbm: hw.chip.hbm_bytes, reserve: params.memory_reserve };
        let (needed, there) = (server.weight_bytes(), server.usable());
        if needed > there { Err(Unfit::Weights { needed, there }) } else { Ok(server) }
    }

    /// Bytes of one chip for weights and cache.
    pub(crate) fn usable(&self) -> f64 {
        (self.hbm - self.reserve).max(0.0)
    }

    pub fn replica(&self) -> Replica {
        self.replica
    }

    /// Chips over which routed experts are spread: all tensor-parallel ones.
    pub(crate) fn tp(&self) -> f64 {
        f64::from(self.replica.tp)
    }

    pub(crate) fn pp(&self) -> f64 {
        f64::from(self.replica.pp)
    }
}

fn check(model: &Model, r: &Replica) -> Result<(), Unfit> {
    let no = |why: String| Err(Unfit::Shape(why));
    if r.tp == 0 || r.pp == 0 {
        return no("a replica has at least one chip".to_owned());
    }
    let both_ways = |a: &Attention| a.mask == AttentionMask::Full;
    let not_causal = model.runs.iter().any(|run| run.layer.cross.is_some() || run.layer.attention.as_ref().is_some_and(both_ways));
    if model.head_flops_per_token == 0 || not_causal {
        return no(format!("{} does not write text token by token", model.name));
    }
    if u64::from(r.pp) > model.layers() {
        return no(format!("{} stages, but {} has {} layers", r.pp, model.name, model.layers()));
    }
    if r.split == Split::Requests && !model.is_moe() {
        return no("requests are spread over chips only where experts are; a dense model would be copied whole".to_owned());
    }
    for run in &model.runs {
        if let Some(a) = run.layer.attention
            && r.split == Split::Heads
            && u64::from(r.tp) > a.heads
        {
            return no(format!("tp {} is more than the {} attention heads", r.tp, a.heads));
        }
        if let Ffn::Moe { moe, .. } = run.layer.ffn
            && u64::from(r.tp) > moe.experts.max(1) * 8
        {
            return no(format!("tp {} is more than eight chips for each of the {} experts", r.tp, moe.experts));
        }
    }
    Ok(())
}
