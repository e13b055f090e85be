//! All-to-all on a torus: one packet per pair of chips, shortest way, axis after axis, one queue per link.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::{Outcome, Torus};

/// A packet at a chip, ordered by time, then by number (so that equal times never depend on the heap).
#[derive(PartialEq)]
struct Event {
    time: f64,
    packet: u32,
    chip: u32,
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.total_cmp(&other.time).then(self.packet.cmp(&other.packet))
    }
}

/// Packets per pair of chips: one for every first axis and way around, so that all links carry the same.
const PACKETS: usize = 6;

/// Every chip sends `bytes / chips` to every other, the furthest first, all chips in the same order. The packets of a
/// pair go over the axes in three rotated orders; to the chip opposite on an even ring half of them go either way.
pub fn torus_all_to_all(torus: &Torus, bytes: f64) -> Outcome {
    let chips = torus.chips();
    let used = torus.used();
    let piece = bytes / (chips.max(1) * PACKETS) as f64;
    let distance = |shift: usize| -> usize {
        used.iter()
            .map(|(axis, n, stride)| (shift / stride % n, n, axis))
            .map(|(d, n, axis)| if torus.is_ring(*axis) { d.min(n - d) } else { d })
            .sum()
    };
    let mut shifts: Vec<usize> = (1..chips).collect();
    shifts.sort_by_key(|s| Reverse(distance(*s)));
    let mut free = vec![0.0f64; 6 * chips];
    let mut load = vec![0.0f64; 6 * chips];
    let mut heap = BinaryHeap::new();
    let all = shifts.len() * chips * PACKETS;
    for packet in 0..all {
        heap.push(Reverse(Event { time: 0.0, packet: narrow(packet), chip: narrow(packet % chips) }));
    }
    let (mut seconds, mut messages, mut received, mut delivered) = (0.0f64, 0u64, 0.0f64, 0usize);
    while let Some(Reverse(Event { time, packet, chip })) = heap.pop() {
        let (from, chip) = (packet as usize % chips, chip as usize);
        let shift = shifts[packet as usize / chips % shifts.len()];
        let variant = packet as usize / (chips * shifts.len());
        let mut hop = None;
        for i in 0..used.len() {
            let (axis, n, stride) = used[(i + variant / 2) % used.len()];
            let (x, start) = (chip / stride % n, from / stride % n);
            let goal = (start + shift / stride % n) % n;
            if x != goal {
                let right = if torus.is_ring(axis) {
                    let ahead = (goal + n - start) % n;
                    if 2 * ahead == n { variant.is_multiple_of(2) } else { 2 * ahead < n }
                } else {
                    goal > x
                };
                let to = if right { (x + 1) % n } else { (x + n - 1) % n };
                hop = Some((axis, usize::from(!right), chip - x * stride + to * stride));
                break;
            }
        }
        let Some((axis, side, next)) = hop else {
            delivered += 1;
            seconds = seconds.max(time);
            continue;
        };
        let link = (axis * 2 + side) * chips + chip;
        free[link] = free[link].max(time) + piece / torus.link[axis];
        load[link] += piece;
        messages += 1;
        received += piece;
        heap.push(Reverse(Event { time: free[link] + torus.latency, packet, chip: narrow(next) }));
    }
    Outcome {
        seconds,
        messages,
        bytes_sent: load.iter().sum(),
        bytes_received: received,
        busiest_link: load.iter().fold(0.0, |a: f64, b| a.max(*b)),
        complete: Some(delivered == all),
    }
}

fn narrow(x: usize) -> u32 {
    u32::try_from(x).unwrap_or(u32::MAX)
}
