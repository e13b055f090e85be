//! Collectives message by message, with link contention: the judge of the closed forms.
//!
//! - [`torus_all_reduce`]: multi-ring all-reduce on a torus or grid, flat arrays, millions of messages a second;
//! - [`ring_all_reduce`]: one directed ring whose edges may differ (chips inside nodes inside a cluster);
//! - [`mesh_all_reduce`]: direct exchange on a full mesh;
//! - [`torus_all_to_all`]: store-and-forward packets on a torus, one queue per link.
//!
//! A link serves one message at a time; a message holds it for bytes/bandwidth and arrives `latency` later. Service
//! order on a link is the program's (all of an earlier phase before a later one), or arrival order in the all-to-all.
//! With `check` set, real values travel with the messages and every rank's result is compared with the sum.

mod exchange;
mod ring;
mod torus;

pub use exchange::torus_all_to_all;
pub use ring::{Edge, mesh_all_reduce, ring_all_reduce};
pub use torus::torus_all_reduce;

use crate::place::TorusPart;
use crate::torus::Axes;

/// A torus or grid on its own, chips numbered with axis 0 fastest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Torus {
    /// Chips along each axis; 0 counts as 1.
    pub extents: [u32; 3],
    /// Axes that close to a ring (no effect below three chips).
    pub wraps: [bool; 3],
    /// Bytes per second of one link of each axis, one direction.
    pub link: [f64; 3],
    /// Seconds per hop.
    pub latency: f64,
}

impl Torus {
    /// Number of chips.
    pub fn chips(&self) -> usize {
        self.extents.iter().map(|e| (*e).max(1) as usize).product()
    }

    fn axes(&self) -> Axes {
        let part = TorusPart { extents: self.extents, spacing: [1; 3], wraps: self.wraps };
        Axes::new(&part, &self.link, 1.0, self.latency, 0.0)
    }

    /// Axis numbers, extents and rank strides of the used axes.
    fn used(&self) -> Vec<(usize, usize, usize)> {
        let mut list = Vec::new();
        let mut stride = 1usize;
        for axis in 0..3 {
            let e = self.extents[axis].max(1) as usize;
            if e > 1 {
                list.push((axis, e, stride));
            }
            stride *= e;
        }
        list
    }

    fn is_ring(&self, axis: usize) -> bool {
        self.wraps[axis] && self.extents[axis] > 2
    }
}

/// What a simulated collective did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// When the last message arrived.
    pub seconds: f64,
    pub messages: u64,
    /// Bytes that chips put on their links, forwarded ones included.
    pub bytes_sent: f64,
    /// Bytes that chips took off them.
    pub bytes_received: f64,
    /// Bytes over the busiest link.
    pub busiest_link: f64,
    /// Whether every rank ended with the sum of all ranks (all-to-all: with its piece from everyone);
    /// `None` when values did not travel along.
    pub complete: Option<bool>,
}

/// The value that a rank contributes to a block: any function whose sums would not agree by accident.
fn value(rank: usize, block: usize, half: usize) -> u64 {
    let mut x = (rank as u64) << 33 ^ (block as u64) << 1 ^ half as u64 ^ 0x9e37_79b9_7f4a_7c15;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
