//! How layers are dealt to pipeline stages.

use secondsource_workload::layout::Layout;
use secondsource_workload::model::Model;

/// Devices of a pipeline that hold equal work, and what they hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Class {
    /// Smallest pipeline rank of the class: the one with the most activations in flight.
    pub rank: u32,
    /// Devices in the class.
    pub devices: f64,
    pub first: bool,
    pub last: bool,
}

/// First layer of virtual stage `s` of `stages`: equal shares, and what is left over to the middle stages.
fn start_of(layers: u64, stages: u64, s: u64) -> u64 {
    let (base, extra) = (layers / stages, layers % stages);
    let skip = (stages - extra) / 2;
    base * s + s.saturating_sub(skip).min(extra)
}

/// Adds the layers of each run that virtual stage `s` holds.
fn add_stage(model: &Model, stages: u64, s: u64, counts: &mut [f64]) {
    let layers = model.layers();
    let (from, to) = (start_of(layers, stages, s), start_of(layers, stages, s + 1));
    let mut at = 0;
    for (run, count) in model.runs.iter().zip(counts) {
        let (a, b) = (at.max(from), (at + run.count).min(to));
        *count += b.saturating_sub(a) as f64;
        at += run.count;
        if at >= to {
            break;
        }
    }
}

/// A model cut into pp x vpp virtual stages, grouped by equal devices. It depends on the model, pp and vpp only, so
/// a search makes it once for each.
///
/// Layers that do not divide go to the middle stages, since the first and last also hold the embedding and the
/// output matrix (Megatron-Core's account-for-embedding rule).
#[derive(Debug, Clone)]
pub struct Split {
    pub(crate) classes: Vec<Class>,
    /// Layers of each run, class by class: `classes x runs`.
    counts: Vec<f64>,
    runs: usize,
}

impl Split {
    /// Cuts `model` for a layout's pp and vpp.
    pub fn new(model: &Model, l: &Layout) -> Split {
        let pp = u64::from(l.pp.max(1));
        let vpp = u64::from(l.vpp.max(1));
        let stages = pp * vpp;
        let runs = model.runs.len();
        let mut split = Split { classes: Vec::new(), counts: Vec::new(), runs };
        let mut counts = vec![0.0; runs];
        for rank in 0..pp {
            counts.iter_mut().for_each(|c| *c = 0.0);
            for v in 0..vpp {
                add_stage(model, stages, v * pp + rank, &mut counts);
            }
            let (first, last) = (rank == 0, rank + 1 == pp);
            let same = |k: usize| split.counts[k * runs..(k + 1) * runs] == counts[..];
            let known = (0..split.classes.len()).find(|k| !first && !last && !split.classes[*k].first && same(*k));
            match known {
                Some(k) => split.classes[k].devices += 1.0,
                None => {
                    split.classes.push(Class { rank: rank as u32, devices: 1.0, first, last });
                    split.counts.extend_from_slice(&counts);
                }
            }
        }
        split
    }

    /// Layers of each run that one device of class `k` holds.
    pub(crate) fn counts(&self, k: usize) -> &[f64] {
        &self.counts[k * self.runs..(k + 1) * self.runs]
    }

    /// The class of pipeline rank `rank` (exact for first and last; otherwise the class whose range covers it).
    pub(crate) fn class_of(&self, rank: u32) -> usize {
        self.classes.iter().rposition(|c| c.rank <= rank).unwrap_or(0)
    }
}

/// Layers of each run in every virtual stage, in the order in which a micro-batch meets them: `stages x runs`.
pub(crate) fn stage_counts(model: &Model, l: &Layout) -> Vec<Vec<f64>> {
    let stages = u64::from(l.pp) * u64::from(l.vpp);
    (0..stages)
        .map(|s| {
            let mut counts = vec![0.0; model.runs.len()];
            add_stage(model, stages, s, &mut counts);
            counts
        })
        .collect()
}
