//! What a replica must hold: weights, and the cache of every request in flight.

use super::{Server, Split, Unfit};
use secondsource_workload::model::{AttentionMask, Layer, LayerRun};

impl Server<'_> {
    /// Bytes of weights on one chip. Routed experts are always spread; attention and dense parts are cut by heads, or
    /// repeated when requests are spread.
    pub fn weight_bytes(&self) -> f64 {
        let (tp, pp) = (self.tp(), self.pp());
        let narrow = self.formats.weights.bytes();
        let shared = if self.replica.split == Split::Requests { 1.0 } else { tp };
        let mut layers = 0.0;
        for run in &self.model.runs {
            let routed = run.layer.routed_params as f64;
            let rest = run.layer.params as f64 - routed;
            layers += (rest / shared + routed / tp) * run.count as f64;
        }
        let m = self.model;
        let ends = if m.head_params > 0 { m.embedding_params + m.head_params } else { m.embedding_params };
        // The fullest stage of a pipeline holds one end; a single stage holds both.
        let ends = (ends + m.other_params) as f64 / tp / if self.replica.pp > 1 { 2.0 } else { 1.0 };
        layers * narrow / pp + ends * 2.0
    }

    /// Bytes that one request of `context` tokens keeps on one chip of its replica (of its stage, for a pipeline).
    pub fn request_bytes(&self, context: f64) -> f64 {
        let layers: f64 = self.model.runs.iter().map(|run| self.layer_cache(run, context) * run.count as f64).sum();
        let spread = if self.replica.split == Split::Requests { self.tp() } else { 1.0 };
        layers / self.pp() / spread
    }

    fn layer_cache(&self, run: &LayerRun, context: f64) -> f64 {
        let layer = &run.layer;
        let mut bytes = kept_tokens(layer, context) * self.cache_elements(layer) * self.formats.cache_bytes;
        if let Some(s) = layer.ssm {
            // The state of a recurrent layer, fp32, does not grow with the context.
            let cut = if self.replica.split == Split::Requests { 1.0 } else { self.tp() };
            bytes += 4.0 * s.inner as f64 * s.state as f64 / cut;
        }
        bytes
    }

    /// Stored elements per token and layer on one chip that holds the request.
    pub(crate) fn cache_elements(&self, layer: &Layer) -> f64 {
        let Some(a) = layer.attention else { return 0.0 };
        match a.mla {
            // The latent is needed by every head, so every chip has it.
            Some(m) => (m.kv_rank + m.qk_rope) as f64,
            None => {
                let heads = a.kv_heads as f64;
                let own = if self.replica.split == Split::Requests { heads } else { (heads / self.tp()).max(1.0) };
                own * (a.qk_dim + a.v_dim) as f64
            }
        }
    }

    /// Most requests of `context` tokens that fit in memory at once, at most the engine's slots.
    pub fn capacity(&self, context: f64) -> Result<f64, Unfit> {
        let there = (self.usable() - self.weight_bytes()).max(0.0) * self.limits.memory_share;
        let one = self.request_bytes(context);
        let fit = if one > 0.0 { (there / one).floor() } else { self.limits.slots };
        // A pipeline keeps as many batches in flight as it has stages; the cache above counts one stage's layers for
        // every request, so the count is for the replica already.
        if fit < 1.0 { Err(Unfit::Cache { needed: one, there }) } else { Ok(fit.min(self.limits.slots)) }
    }
}

/// Tokens of the context that a layer keeps.
pub(super) fn kept_tokens(layer: &Layer, context: f64) -> f64 {
    match layer.attention.map(|a| a.mask) {
        Some(AttentionMask::Sliding(w)) => context.min(w as f64),
        Some(_) => context,
        None => 0.0,
    }
}
