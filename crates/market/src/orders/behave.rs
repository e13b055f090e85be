//! What others do with their claims: some cancel, some let a held slot lapse, some make an offer firm.

use secondsource_base::Stream;

use super::entry::Policy;
use super::record::Order;
use super::state::State;

/// Shares of each scenario; nobody publishes them, so each has a range and is drawn once for all claims of a scenario.
#[derive(Debug, Clone)]
pub struct Behaviour {
    seed: u64,
    cancel: Vec<f32>,
    lapse: Vec<f32>,
    firm_up: Vec<f32>,
}

impl Behaviour {
    pub fn new(policy: &Policy, scenarios: usize) -> Behaviour {
        let mut b = Behaviour { seed: policy.seed, cancel: Vec::new(), lapse: Vec::new(), firm_up: Vec::new() };
        for s in 0..scenarios {
            let mut stream = Stream::numbered(policy.seed, "behaviour of claims", s as u64);
            for (list, (low, high)) in [(&mut b.cancel, policy.cancel), (&mut b.lapse, policy.lapse), (&mut b.firm_up, policy.firm_up)] {
                // Uniform, with 5% below `low` and 5% above `high`, as far as shares go.
                let share = low + (high - low) * (stream.uniform() - 0.05) / 0.9;
                list.push(share.clamp(0.0, 1.0) as f32);
            }
        }
        b
    }

    /// Share of the claim at a place of the book that is taken in each scenario: what is paid for in any case is taken, and
    /// the rest all or nothing.
    pub fn fill(&self, place: usize, o: &Order, factors: &mut [f64]) {
        let (shares, sure) = match o.state {
            State::Pending => (&self.lapse, 0.0),
            State::Proposed => (&self.firm_up, 0.0),
            _ => (&self.cancel, o.take_or_pay),
        };
        let mut stream = Stream::numbered(self.seed, "claim", place as u64);
        for (f, share) in factors.iter_mut().zip(shares) {
            let gone = stream.uniform() < f64::from(*share);
            // For an offer the share is of those that are taken.
            let taken = if o.state == State::Proposed { gone } else { !gone };
            *f = if taken { 1.0 } else { sure };
        }
    }
}
