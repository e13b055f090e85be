//! What a campaign depends on, as plain numbers.

use secondsource_base::{Diagnostic, Stream};
use serde::Serialize;

pub const SECONDS_PER_DAY: f64 = 86_400.0;

/// A campaign: so much work on so many nodes, what interrupts it and what an interruption costs.
///
/// Seconds unless the name says otherwise. [`crate::closed_form`] reads the middles; [`crate::simulate`] also
/// draws each quantity of [`Spread`] once per simulated campaign.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CampaignInput {
    /// Training time with nothing failing and nothing saved: tokens / (tokens per second).
    pub work_s: f64,
    /// Nodes that the job computes on; a failure of one stops all.
    pub nodes: f64,
    /// Unplanned interruptions of the job per node and day.
    pub failures_per_node_day: f64,
    pub clock: Clock,
    /// Share of interruptions that take hardware out of service until it is repaired.
    pub node_loss_share: f64,
    /// Of those, the share that takes `group_nodes` nodes at once instead of one.
    pub group_share: f64,
    pub group_nodes: u32,
    /// Share of interruptions that are silent corruption, found only after further checkpoints were written...
    pub silent_share: f64,
    /// ... and how many of them are thrown away beside the work since the last one.
    pub silent_rollback: f64,
    /// From the failure until somebody or something notices. Further failures within it are found with the first.
    pub detect_s: f64,
    /// From noticing until the job trains again: replace, start, load the compile cache and the checkpoint. A
    /// failure within it starts recovery anew.
    pub restart_s: f64,
    /// Training stands still for so long at each checkpoint: the whole write (synchronous) or the copy to host
    /// memory (asynchronous).
    pub stall_s: f64,
    /// From the end of that stall until the checkpoint can be read back: 0 (synchronous) or the write.
    pub lag_s: f64,
    /// Training time between checkpoints; `None` takes [`crate::best_interval`].
    pub interval_s: Option<f64>,
    /// Nodes held ready beside the job; `None`: replacements never run out.
    pub spares: Option<u32>,
    /// From the loss of a node until it is back as a spare (exponential with this mean).
    pub repair_s: f64,
    /// Time between planned stops; infinite for none.
    pub planned_every_s: f64,
    /// Length of a planned stop, with saving before it and starting after it. Nothing is lost.
    pub planned_s: f64,
    pub spread: Spread,
}

/// When nodes fail.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Without memory.
    Exponential,
    /// Each node's failures are a Weibull renewal process, all nodes new when the campaign starts. A `shape` below 1
    /// is infant mortality. The scale is such that a new node fails as often within its first `observed_days` as
    /// `failures_per_node_day` says.
    Weibull { shape: f64, observed_days: f64 },
}

/// Where 90% of the plausible values of a quantity lie, as factors on its middle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// 5% lie below middle x `low`; at most 1.
    pub low: f64,
    /// 5% lie above middle x `high`; at least 1.
    pub high: f64,
}

impl Band {
    /// Known exactly.
    pub const NONE: Band = Band { low: 1.0, high: 1.0 };

    /// The band of a middle value between two others. What is not positive, or lies on the wrong side, counts as
    /// the middle itself.
    pub fn around(low: f64, middle: f64, high: f64) -> Band {
        let factor = |x: f64| if x > 0.0 && middle > 0.0 && x.is_finite() { x / middle } else { 1.0 };
        Band { low: factor(low).min(1.0), high: factor(high).max(1.0) }
    }

    pub fn is_none(self) -> bool {
        self == Band::NONE
    }

    /// A factor: two halves of lognormals that meet at the median 1, so that the 5% and 95% points are the ends.
    pub(crate) fn draw(self, stream: &mut Stream) -> f64 {
        let z = stream.normal();
        let end = if z < 0.0 { 1.0 / self.low } else { self.high };
        libm::exp(z / secondsource_base::random::Z95 * libm::log(end))
    }
}

/// What is not known exactly. Each is drawn once per simulated campaign, independently.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Of `work_s`: the interval of the step time.
    pub work: Band,
    /// Of `failures_per_node_day`.
    pub failures: Band,
    pub detect: Band,
    pub restart: Band,
    /// Of `stall_s` and `lag_s`: bytes and storage.
    pub checkpoint: Band,
    pub repair: Band,
}

impl Spread {
    pub const NONE: Spread = Spread {
        work: Band::NONE,
        failures: Band::NONE,
        detect: Band::NONE,
        restart: Band::NONE,
        checkpoint: Band::NONE,
        repair: Band::NONE,
    };
}

impl CampaignInput {
    /// So much work on so many nodes with nothing that goes wrong; the rest is for the caller to fill in.
    pub const fn undisturbed(work_s: f64, nodes: f64) -> CampaignInput {
        CampaignInput {
            work_s,
            nodes,
            failures_per_node_day: 0.0,
            clock: Clock::Exponential,
            node_loss_share: 1.0,
            group_share: 0.0,
            group_nodes: 1,
            silent_share: 0.0,
            silent_rollback: 0.0,
            detect_s: 0.0,
            restart_s: 0.0,
            stall_s: 0.0,
            lag_s: 0.0,
            interval_s: None,
            spares: None,
            repair_s: 0.0,
            planned_every_s: f64::INFINITY,
            planned_s: 0.0,
            spread: Spread::NONE,
        }
    }

    /// Mean time between interruptions of the job while it is not waiting; infinite when nothing fails.
    pub fn mtti_s(&self) -> f64 {
        // A rate of -0 is a rate of 0.
        SECONDS_PER_DAY / (self.nodes * self.failures_per_node_day).abs()
    }

    /// Mean number of nodes that an interruption takes out of service.
    pub fn nodes_lost_each(&self) -> f64 {
        self.node_loss_share * (1.0 + self.group_share * (f64::from(self.group_nodes.max(1)) - 1.0))
    }

    /// Whether every number can be computed with.
    ///
    /// # Errors
    /// The first quantity that is negative, not a number, or beyond what any campaign has.
    pub fn check(&self) -> Result<(), Diagnostic> {
        let within = |name: &str, v: f64, low: f64, high: f64| {
            if v >= low && v <= high { Ok(()) } else { Err(Diagnostic::error(format!("{name} is {v}; it must be from {low} to {high}"))) }
        };
        within("the work in seconds", self.work_s, 1.0, MOST_SECONDS)?;
        within("the number of nodes", self.nodes, 1.0, 1e8)?;
        within("the failure rate per node and day", self.failures_per_node_day, 0.0, 1e3)?;
        for (name, share) in [
            ("the share of failures that take a node", self.node_loss_share),
            ("the share of failures that take several nodes", self.group_share),
            ("the share of silent corruption", self.silent_share),
        ] {
            within(name, share, 0.0, 1.0)?;
        }
        within("the number of nodes lost together", f64::from(self.group_nodes), 1.0, 1e4)?;
        within("the checkpoints lost to silent corruption", self.silent_rollback, 0.0, 1e6)?;
        for (name, seconds) in [
            ("the detection time", self.detect_s),
            ("the restart time", self.restart_s),
            ("the stall of a checkpoint", self.stall_s),
            ("the writing time of a checkpoint", self.lag_s),
            ("the repair time", self.repair_s),
            ("the length of a planned stop", self.planned_s),
        ] {
            within(name, seconds, 0.0, MOST_SECONDS)?;
        }
        if let Some(interval) = self.interval_s {
            within("the checkpoint interval in seconds", interval, 1.0, MOST_SECONDS)?;
        }
        within("the time between planned stops", self.planned_every_s, 1.0, f64::INFINITY)?;
        if let Clock::Weibull { shape, observed_days } = self.clock {
            within("the Weibull shape", shape, 0.4, 3.0)?;
            within("the days over which the failure rate was observed", observed_days, 0.1, 1e5)?;
        }
        let s = &self.spread;
        for band in [s.work, s.failures, s.detect, s.restart, s.checkpoint, s.repair] {
            within("the low end of a band", band.low, 1e-3, 1.0)?;
            within("the high end of a band", band.high, 1.0, 1e3)?;
        }
        Ok(())
    }
}

/// A thousand years.
pub(crate) const MOST_SECONDS: f64 = 3.2e10;
