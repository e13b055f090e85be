//! When the next node of a job fails.

use crate::input::{CampaignInput, Clock, SECONDS_PER_DAY};
use secondsource_base::Stream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What the clocks of all simulated campaigns share, computed once.
#[derive(Debug, Clone)]
pub enum ClockPlan {
    Exponential { mtti_s: f64 },
    Weibull { nodes: f64, shape: f64, observed_s: f64, scales: ScaleTable },
}

impl ClockPlan {
    pub fn new(input: &CampaignInput) -> ClockPlan {
        match input.clock {
            Clock::Weibull { shape, observed_days } if input.failures_per_node_day > 0.0 => ClockPlan::Weibull {
                nodes: input.nodes,
                shape,
                observed_s: observed_days * SECONDS_PER_DAY,
                scales: ScaleTable::new(shape, input.failures_per_node_day * observed_days),
            },
            _ => ClockPlan::Exponential { mtti_s: input.mtti_s() },
        }
    }

    /// The clock of one campaign whose failure rate is `factor` times the middle.
    pub fn start(&self, factor: f64, stream: &mut Stream) -> NextFailure {
        match self {
            ClockPlan::Exponential { mtti_s } => {
                let mean = mtti_s / factor;
                NextFailure { at: stream.exponential(mean), kind: Kind::Exponential { mean } }
            }
            ClockPlan::Weibull { nodes, shape, observed_s, scales } => {
                let scale = observed_s / scales.at(factor);
                let mut fleet = Fleet { scale, shape: *shape, untouched: *nodes, hazard: 0.0, first: 0.0, renewed: BinaryHeap::new() };
                fleet.next_first(stream);
                NextFailure { at: fleet.first, kind: Kind::Weibull(fleet) }
            }
        }
    }
}

/// The time of the next failure on the clock of a job that is not waiting.
#[derive(Debug)]
pub struct NextFailure {
    /// Seconds since the start; infinite when nothing fails.
    pub at: f64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Exponential { mean: f64 },
    Weibull(Fleet),
}

impl NextFailure {
    /// Moves on to the failure after this one.
    pub fn pass(&mut self, stream: &mut Stream) {
        self.at = match &mut self.kind {
            Kind::Exponential { mean } => self.at + stream.exponential(*mean),
            Kind::Weibull(fleet) => fleet.pass(stream),
        };
    }
}

/// Superposed renewal processes of many like nodes. First failures come in order of size, by spacings of the
/// cumulative hazard, so only nodes that fail cost anything.
#[derive(Debug)]
struct Fleet {
    scale: f64,
    shape: f64,
    /// Nodes that have not failed yet, and the cumulative hazard of the last that did.
    untouched: f64,
    hazard: f64,
    /// When the next of them fails.
    first: f64,
    /// When nodes that were renewed fail again. Times are above zero, so their bits have their order.
    renewed: BinaryHeap<Reverse<u64>>,
}

impl Fleet {
    fn next_first(&mut self, stream: &mut Stream) {
        if self.untouched < 1.0 {
            self.first = f64::INFINITY;
            return;
        }
        self.hazard += stream.exponential(1.0) / self.untouched;
        self.untouched -= 1.0;
        self.first = self.scale * libm::pow(self.hazard, 1.0 / self.shape);
    }

    fn soonest(&self) -> f64 {
        self.renewed.peek().map_or(self.first, |Reverse(bits)| self.first.min(f64::from_bits(*bits)))
    }

    fn pass(&mut self, stream: &mut Stream) -> f64 {
        let now = self.soonest();
        if now == self.first {
            self.next_first(stream);
        } else {
            self.renewed.pop();
        }
        let again = now + stream.weibull(self.scale, self.shape);
        self.renewed.push(Reverse(again.to_bits()));
        self.soonest()
    }
}

/// For factors on the failure rate: the observed time over the Weibull scale at which the expected number of failures is
/// right.
#[derive(Debug, Clone)]
pub struct ScaleTable {
    /// ln x at ln factor = -RANGE .. RANGE in even steps.
    ln_x: Vec<f64>,
}

const RANGE: f64 = 5.0;
const STEPS: usize = 40;

impl ScaleTable {
    fn new(shape: f64, failures: f64) -> ScaleTable {
        let of = |i: usize| {
            let factor = libm::exp(RANGE * (2.0 * i as f64 / STEPS as f64 - 1.0));
            libm::log(time_for(shape, failures * factor))
        };
        ScaleTable { ln_x: (0..=STEPS).map(of).collect() }
    }

    fn at(&self, factor: f64) -> f64 {
        let place = (libm::log(factor) / RANGE + 1.0) * 0.5 * STEPS as f64;
        let place = place.clamp(0.0, STEPS as f64);
        let i = (place as usize).min(STEPS - 1);
        let part = place - i as f64;
        libm::exp(self.ln_x[i] * (1.0 - part) + self.ln_x[i + 1] * part)
    }
}

/// The time, in units of the scale, by which a new Weibull node has failed `failures` times on average.
fn time_for(shape: f64, failures: f64) -> f64 {
    let mean = libm::tgamma(1.0 + 1.0 / shape);
    // Far out the renewal function is a straight line: x / mean + (variance / mean^2 - 1) / 2.
    if failures > 5.0 {
        let spread = libm::tgamma(1.0 + 2.0 / shape) / (mean * mean) - 1.0;
        return mean * (failures - (spread - 1.0) / 2.0).max(1.0);
    }
    let (mut low, mut high) = (libm::log(1e-12), libm::log(20.0 * mean));
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if renewals(shape, libm::exp(middle)) < failures {
            low = middle;
        } else {
            high = middle;
        }
    }
    libm::exp(f64::midpoint(low, high))
}

/// Expected renewals of a Weibull process of scale 1 by the time x: the renewal equation by midpoints of the
/// Riemann-Stieltjes sum (Xie, Communications in Statistics 18, 1989).
pub fn renewals(shape: f64, x: f64) -> f64 {
    const N: usize = 128;
    let h = x / N as f64;
    let cdf = |t: f64| -libm::expm1(-libm::pow(t, shape));
    let halves: Vec<f64> = (0..=N).map(|i| cdf((i as f64 + 0.5) * h)).collect();
    let mut m = vec![0.0; N + 1];
    for n in 1..=N {
        let mut sum = cdf(n as f64 * h) - halves[0] * m[n - 1];
        for i in 1..n {
            sum += halves[n - i] * (m[i] - m[i - 1]);
        }
        m[n] = sum / (1.0 - halves[0]);
    }
    m[N]
}
