//! From the parts of a layer to a [`Layer`] with its exact count, and from layers to a [`Model`].
//! Every sum here is taken in 128 bits and refused when it passes [`MAX_PARAMS`].

use super::cfg::Cfg;
use crate::model::{Attention, Ffn, Layer, LayerRun, Model, Ssm};
use secondsource_base::Diagnostic;

/// A million times the largest model of today; counts below it cannot overflow anything downstream.
pub const MAX_PARAMS: u128 = 1_000_000_000_000_000_000;

/// The parts of one layer. `small` are norms and biases; `expert_small` those of one routed expert.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    pub attention: Option<Attention>,
    pub cross: Option<Attention>,
    pub ssm: Option<Ssm>,
    pub ffn: Ffn,
    pub extra_weights: u64,
    pub small: u64,
    pub expert_small: u64,
}

impl Parts {
    pub const EMPTY: Parts = Parts { attention: None, cross: None, ssm: None, ffn: Ffn::None, extra_weights: 0, small: 0, expert_small: 0 };

    pub fn layer(&self, cfg: &Cfg<'_>, hidden: u64) -> Result<Layer, Diagnostic> {
        let mut routed = 0;
        if let Ffn::Moe { moe, matrices } = self.ffn {
            let width = if moe.latent > 0 { moe.latent } else { hidden };
            let one = u128::from(matrices) * u128::from(width) * u128::from(moe.width) + u128::from(self.expert_small);
            let shared = u128::from(matrices) * u128::from(hidden) * u128::from(moe.shared_width);
            let all = one * u128::from(moe.experts);
            if all + shared > MAX_PARAMS {
                return Err(too_large(cfg, all + shared));
            }
            routed = u64::try_from(all).unwrap_or(u64::MAX);
        }
        let (ffn, _) = self.ffn.weights(hidden);
        let projections = |a: &Option<Attention>| a.map_or(0, |a| u128::from(a.projection_weights(hidden)));
        let mixer = self.ssm.map_or(0, |s| u128::from(s.projection_weights(hidden)));
        let experts = match self.ffn {
            Ffn::Moe { moe, .. } => u128::from(moe.experts) * u128::from(self.expert_small),
            _ => 0,
        };
        let params = projections(&self.attention)
            + projections(&self.cross)
            + mixer
            + u128::from(ffn)
            + experts
            + u128::from(self.extra_weights)
            + u128::from(self.small);
        Ok(Layer {
            attention: self.attention,
            cross: self.cross,
            ssm: self.ssm,
            ffn: self.ffn,
            params: narrow(cfg, params)?,
            routed_params: routed,
            extra_weights: self.extra_weights,
        })
    }
}

fn too_large(cfg: &Cfg<'_>, params: u128) -> Diagnostic {
    Diagnostic::error(format!("these dimensions give {params} parameters; at most 10^18 are allowed"))
        .in_file(cfg.source.name)
        .hint("check the sizes: one of them is probably in the wrong unit")
}

pub fn narrow(cfg: &Cfg<'_>, value: u128) -> Result<u64, Diagnostic> {
    match u64::try_from(value) {
        Ok(v) if value <= MAX_PARAMS => Ok(v),
        _ => Err(too_large(cfg, value)),
    }
}

/// Product of factors that each passed its own limit (at most 10^9), so three fit in 128 bits.
pub fn product(cfg: &Cfg<'_>, factors: &[u64]) -> Result<u64, Diagnostic> {
    let mut p: u128 = 1;
    for &f in factors {
        p = p.checked_mul(u128::from(f)).filter(|v| *v <= MAX_PARAMS).ok_or_else(|| too_large(cfg, u128::MAX))?;
    }
    narrow(cfg, p)
}

/// Joins equal neighbours.
pub fn runs(layers: impl IntoIterator<Item = Layer>) -> Vec<LayerRun> {
    let mut out: Vec<LayerRun> = Vec::new();
    for layer in layers {
        match out.last_mut() {
            Some(run) if run.layer == layer => run.count += 1,
            _ => out.push(LayerRun { layer, count: 1 }),
        }
    }
    out
}

/// Refuses a model whose total passes the limit, the one thing that parts cannot see.
pub fn checked(cfg: &Cfg<'_>, model: Model) -> Result<Model, Diagnostic> {
    let layers: u128 = model.runs.iter().map(|r| u128::from(r.layer.params) * u128::from(r.count)).sum();
    let rest = [model.embedding_params, model.head_params, model.other_params].map(u128::from).iter().sum::<u128>();
    narrow(cfg, layers + rest).map(|_| model)
}
