//! From passes to rates: a fixed batch, a steady stream of requests, or a queue that is emptied.

use super::{Pass, Server, Unfit};
use serde::Serialize;

/// Requests: tokens read and tokens written by each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    pub prompt: f64,
    pub output: f64,
}

/// One way to run a replica.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Requests in flight on one replica.
    pub batch: f64,
    /// Seconds to the first token of a request that does not queue.
    pub first_token_s: f64,
    /// Seconds between two tokens of one request, prefill of others included.
    pub inter_token_s: f64,
    /// Output tokens a second and chip.
    pub tokens_per_s_per_chip: f64,
    /// Cache and weights of the fullest chip over its memory.
    pub memory_share: f64,
}

impl Server<'_> {
    /// Seconds between tokens of a batch that decodes undisturbed. Batches of the pipeline's stages run side by side, and
    /// each token passes all stages.
    pub fn token_seconds(&self, batch: f64, context: f64) -> f64 {
        let stage = (batch / self.pp()).max(1.0);
        self.decode(stage, context).seconds() * self.pp()
    }

    /// Seconds until all prompts of a batch have been read, on an idle replica.
    pub fn first_token_seconds(&self, batch: f64, prompt: f64) -> f64 {
        let one = self.prefill(batch, prompt);
        // The last chunk still passes the other stages.
        let chunks = (batch * prompt / self.limits.chunk).max(1.0);
        one.seconds() * (1.0 + (self.pp() - 1.0) / chunks)
    }

    /// Seconds of a batch from first prompt token to last output token, nobody joining or leaving.
    pub fn batch_seconds(&self, batch: f64, load: Load) -> f64 {
        let context = load.prompt + load.output / 2.0;
        self.first_token_seconds(batch, load.prompt) + (load.output - 1.0).max(0.0) * self.token_seconds(batch, context)
    }

    /// The steady state of a stream of requests that keeps `batch` of them in flight: for each that leaves after its last
    /// token another one's prompt is read, so beside every token of the batch go `batch / output` prompts.
    pub fn steady(&self, batch: f64, load: Load) -> Point {
        let cycle = self.cycle(batch, load).seconds();
        let chips = f64::from(self.replica.chips());
        Point {
            batch,
            first_token_s: self.first_token_seconds(1.0, load.prompt) + if batch > 1.0 { cycle } else { 0.0 },
            inter_token_s: cycle,
            tokens_per_s_per_chip: batch / cycle / chips,
            memory_share: (self.weight_bytes() + batch * self.request_bytes(load.prompt + load.output)) / self.chip_bytes(),
        }
    }

    /// Seconds between two tokens of a request in the steady state, by part.
    pub fn cycle(&self, batch: f64, load: Load) -> Pass {
        let context = load.prompt + load.output / 2.0;
        let stage = (batch / self.pp()).max(1.0);
        self.mixed(stage, context, stage / load.output, load.prompt).times(self.pp() / self.serve.load)
    }

    /// Output tokens a second and chip while a queue of equal requests is emptied in waves of at most `batch`.
    pub fn queue_rate(&self, requests: f64, batch: f64, load: Load) -> f64 {
        let full = (requests / batch).floor();
        let rest = requests - full * batch;
        let wave = |n: f64| if n < 1.0 { 0.0 } else { n * load.output / self.steady(n, load).tokens_per_s_per_chip };
        requests * load.output / (full * wave(batch) + wave(rest))
    }

    /// Batches of a frontier: 1 to 8, then four to each doubling, and the most that memory holds.
    pub fn batches(&self, load: Load) -> Result<Vec<f64>, Unfit> {
        let most = self.capacity(load.prompt + load.output)?;
        let steps = (1..8).map(f64::from).chain((3..40).flat_map(|i| (4..8).map(move |q| f64::from(q) * (1u64 << (i - 2)) as f64)));
        let mut list: Vec<f64> = steps.take_while(|b| *b < most).collect();
        list.push(most);
        Ok(list)
    }

    fn chip_bytes(&self) -> f64 {
        self.hbm
    }
}
