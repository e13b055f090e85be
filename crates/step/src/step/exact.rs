//! The pipeline of a step by its schedule, beside the closed form that [`StepModel::time`] takes.

use super::{Layers, StepModel, bubble, slowest, stage_time};
use crate::input::Misfit;
use crate::pipeline::{Split, stage_counts};
use crate::result::StepResult;
use crate::schedule::{self, P2p, StageTimes};
use secondsource_base::Diagnostic;
use secondsource_workload::layout::{Layout, Schedule};

/// Seconds of a pipeline: schedule, pp, vpp, micro-batches, times of the stages, sends.
type Makespan = fn(Schedule, u32, u32, u32, &StageTimes, &P2p) -> Result<f64, Diagnostic>;

impl StepModel<'_> {
    /// Times of every virtual stage for one micro-batch, for the exact schedules. DualPipe holds one stage a device.
    pub fn stage_times(&self, l: &Layout) -> StageTimes {
        self.stage_times_of(&self.layers(l), l)
    }

    fn stage_times_of(&self, layers: &Layers, l: &Layout) -> StageTimes {
        let counts = stage_counts(self.input.model, l);
        let n = counts.len();
        let mut times = StageTimes::uniform(n, 0.0, 0.0, 0.0);
        for (s, c) in counts.iter().enumerate() {
            let share = f64::from(u8::from(s + 1 == n));
            let first = f64::from(u8::from(s == 0));
            // The output product is two thirds backward; the embedding's share is all booked forward.
            times.fwd[s] = layers.head.seconds() * share / 3.0 + layers.embedding.seconds() * first;
            times.bwd_input[s] = layers.head.seconds() * share * 2.0 / 3.0;
            for (t, n) in layers.runs.iter().zip(c) {
                times.fwd[s] += t.forward.seconds() * n;
                times.bwd_input[s] += (t.backward_input.seconds() + t.recompute.seconds()) * n;
                times.bwd_weight[s] += t.backward_weight.seconds() * n;
            }
        }
        times
    }

    /// Seconds of one activation send between neighbouring stages.
    pub fn send_seconds(&self, l: &Layout) -> f64 {
        let (_, micro) = self.input.micro_batches(l);
        let bytes = self.recipe.element_bytes() * micro * self.input.seq as f64 * self.input.model.hidden as f64
            / f64::from(l.cp)
            / f64::from(l.tp);
        self.net.send(l.tp * l.cp * l.dp, bytes).seconds
    }

    /// As [`StepModel::evaluate`], with the pipeline's idle time from the schedule itself instead of the closed form.
    pub fn evaluate_exact(&self, l: &Layout, strict: bool) -> Result<StepResult, Misfit> {
        let mut r = self.evaluate(l, strict)?;
        let correction = self.pipeline_correction(l);
        if correction != 0.0 {
            let scale = (r.seconds + correction) / r.seconds;
            r.breakdown.bubble += correction;
            r.seconds = r.breakdown.total();
            r.mfu /= scale;
            r.hfu /= scale;
            r.tokens_per_s_per_chip /= scale;
        }
        Ok(r)
    }

    /// Seconds that the schedule takes beyond the closed form, work and sends included; 0 without a pipeline. Three
    /// rounds run event by event and are prolonged (within 5% of the bubble over random cases, docs/schedules.md).
    pub fn pipeline_correction(&self, l: &Layout) -> f64 {
        if l.pp <= 1 {
            return 0.0;
        }
        self.pipeline_correction_of(&self.layers(l), &Split::new(self.input.model, l), l)
    }

    /// As [`StepModel::pipeline_correction`], from parts that are known already (see [`StepModel::finish`]).
    pub fn pipeline_correction_of(&self, layers: &Layers, split: &Split, l: &Layout) -> f64 {
        self.pipeline_beyond(layers, split, l, schedule::makespan_fast)
    }

    /// At most [`StepModel::pipeline_correction_of`], and far quicker: the schedule's longest known path instead of its run.
    pub fn pipeline_correction_bound(&self, layers: &Layers, split: &Split, l: &Layout) -> f64 {
        self.pipeline_beyond(layers, split, l, schedule::makespan_bound)
    }

    fn pipeline_beyond(&self, layers: &Layers, split: &Split, l: &Layout, makespan: Makespan) -> f64 {
        if l.pp <= 1 {
            return 0.0;
        }
        let (m, _) = self.input.micro_batches(l);
        let p2p = P2p::overlapped(self.send_seconds(l));
        let (k, slow, total) = slowest(layers, split);
        let idle = bubble(l, &stage_time(layers, split, k), total, m);
        match makespan(l.schedule, l.pp, l.vpp, m as u32, &self.stage_times_of(layers, l), &p2p) {
            // Idle time cannot be negative, whatever the closed form says.
            Ok(exact) => (exact - slow * m - idle - self.sends(l)).max(-idle),
            Err(_) => 0.0,
        }
    }

    /// Seconds of the pipeline by the closed form: the slowest device's work, the bubble, and the sends of fill and
    /// drain.
    pub fn pipeline_seconds(&self, l: &Layout) -> f64 {
        let layers = self.layers(l);
        let split = Split::new(self.input.model, l);
        let (m, _) = self.input.micro_batches(l);
        let (k, slow, total) = slowest(&layers, &split);
        slow * m + bubble(l, &stage_time(&layers, &split, k), total, m) + self.sends(l)
    }
}
