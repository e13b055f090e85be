//! A directed ring with edges of different speed, and direct exchange on a full mesh.

use super::{Outcome, value};

/// One directed edge: bytes per second, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    pub bandwidth: f64,
    pub latency: f64,
}

/// Ring all-reduce of `bytes` per rank; edge i goes from rank i to rank i+1, the last back to rank 0.
/// 2(n-1) steps: in step t rank r passes on the block it got in step t-1.
pub fn ring_all_reduce(edges: &[Edge], bytes: f64) -> Outcome {
    let n = edges.len();
    let mut out = Outcome { seconds: 0.0, messages: 0, bytes_sent: 0.0, bytes_received: 0.0, busiest_link: 0.0, complete: Some(true) };
    if n < 2 {
        return out;
    }
    let block = bytes / n as f64;
    let mut held: Vec<u64> = (0..n * n).map(|i| value(i / n, i % n, 0)).collect();
    let mut ready = vec![0.0f64; n];
    let mut free = vec![0.0f64; n];
    let mut arrived = vec![0.0f64; n];
    for t in 0..2 * (n - 1) {
        for (r, edge) in edges.iter().enumerate() {
            let to = (r + 1) % n;
            let start = ready[r].max(free[r]);
            free[r] = start + block / edge.bandwidth;
            arrived[to] = free[r] + edge.latency;
            let b = (r + 2 * n - t) % n;
            let v = held[r * n + b];
            let target = &mut held[to * n + b];
            *target = if t < n - 1 { target.wrapping_add(v) } else { v };
            out.messages += 1;
            out.bytes_sent += block;
            out.bytes_received += block;
        }
        ready.copy_from_slice(&arrived);
    }
    out.seconds = ready.iter().fold(0.0, |a: f64, b| a.max(*b));
    out.busiest_link = 2.0 * (n - 1) as f64 * block;
    out.complete =
        Some(held.chunks(n).all(|row| row.iter().enumerate().all(|(b, v)| *v == (0..n).fold(0u64, |s, r| s.wrapping_add(value(r, b, 0))))));
    out
}

/// All-reduce on a full mesh of n chips with a link of `edge` in each direction between every pair: every rank sends
/// each peer the block that the peer owns, then the reduced block to everyone.
pub fn mesh_all_reduce(n: usize, edge: Edge, bytes: f64) -> Outcome {
    let block = bytes / n.max(1) as f64;
    let mut free = vec![0.0f64; n * n];
    let mut ready = vec![0.0f64; n];
    let mut reduced: Vec<u64> = (0..n).map(|r| value(r, r, 0)).collect();
    let mut copies = vec![1usize; n];
    let mut out = Outcome { seconds: 0.0, messages: 0, bytes_sent: 0.0, bytes_received: 0.0, busiest_link: 0.0, complete: None };
    for phase in 0..2 {
        let mut next = ready.clone();
        for from in 0..n {
            for to in (0..n).filter(|to| *to != from) {
                let link = &mut free[from * n + to];
                *link = link.max(ready[from]) + block / edge.bandwidth;
                next[to] = next[to].max(*link + edge.latency);
                if phase == 0 {
                    reduced[to] = reduced[to].wrapping_add(value(from, to, 0));
                } else {
                    copies[to] += 1;
                }
                out.messages += 1;
                out.bytes_sent += block;
                out.bytes_received += block;
            }
        }
        ready = next;
    }
    out.seconds = ready.iter().fold(0.0, |a: f64, b| a.max(*b));
    out.busiest_link = if n > 1 { 2.0 * block } else { 0.0 };
    let sums = (0..n).all(|b| reduced[b] == (0..n).fold(0u64, |s, r| s.wrapping_add(value(r, b, 0))));
    out.complete = Some(sums && copies.iter().all(|c| *c == n));
    out
}
