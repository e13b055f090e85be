//! Longest known paths through a schedule: the closed forms for uneven stages.
//!
//! Every value here is the length of a real path of dependencies (device order, or a hop), so a lower bound of the
//! simulation. A path fills the pipeline down to a device, stays there, and drains; it may leave the device three times to
//! go down to a later one and back: before the first backward, after the last forward, and (only where hops cost time) in
//! between, once for each micro-batch that the later device holds less.

use super::group_size;
use super::order::Sequence;

/// Seconds a stage: forward, gradient that the stage before waits for, and the rest (0 when the backward is fused).
pub(super) struct Stages {
    pub fwd: Vec<f64>,
    pub bwd: Vec<f64>,
    pub weight: Vec<f64>,
}

/// 1F1B (weight 0) and ZB-H1 on `m` micro-batches, hops of `hop` seconds.
pub(super) fn one_way(s: &Stages, m: u32, hop: f64) -> f64 {
    let pp = s.fwd.len();
    let mf = f64::from(m);
    let held = |d: usize| f64::from(m).min((pp - d) as f64); // forwards before the first backward
    let (mut best, mut fill) = (0.0_f64, 0.0);
    for d in 0..pp {
        let (f, b, w) = (s.fwd[d], s.bwd[d], s.weight[d]);
        let total = f + b + w;
        let n = held(d);
        // Drain: up to a device `k`, then its late weight gradients.
        let (mut drain, mut up) = (0.0_f64, 0.0);
        for k in (0..d).rev() {
            up += s.bwd[k] + hop;
            let late = mf.min((k + 1) as f64) * s.weight[k] - mf.min((d + 1) as f64) * w;
            drain = drain.max(up + late);
        }
        // Backwards after the last forward on `k` but for the last one, with the weight gradients among them.
        let tail_moves = |k: usize, n: f64| (n - 1.0) * s.bwd[k] + (mf - 1.0 - (mf - n).max(k as f64)).max(0.0) * s.weight[k];
        let (mut head, mut tail, mut middle) = (0.0_f64, 0.0_f64, 0.0_f64);
        let (mut trip, mut f_max) = (0.0, f);
        for j in d + 1..pp {
            trip += s.fwd[j] + s.bwd[j] + 2.0 * hop;
            f_max = f_max.max(s.fwd[j]);
            head = head.max(trip + (held(j) - 1.0) * f_max - (n - 1.0) * f);
            tail = tail.max(trip + tail_moves(j, held(j)) - tail_moves(d, n));
            if mf > n {
                let step = (j - d + 1) as f64;
                let rounds = ((mf - 1.0 - n) / step).floor();
                let with_w = (rounds - (d as f64 / step).ceil()).max(0.0);
                let kept = rounds * (f + b + trip) + with_w * w;
                let lost = rounds * step * (f + b) + (rounds * step - d as f64).max(0.0) * w;
                middle = middle.max(kept - lost);
            }
        }
        let detour = if mf > n { head + tail + middle } else { head.max(tail) };
        best = best.max(fill + mf * total + drain + detour);
        fill += f + hop;
    }
    best
}

/// All forwards, then all backwards: two flow shops one after the other, exact.
pub(super) fn gpipe(s: &Stages, m: u32, hop: f64) -> f64 {
    let shop = |t: &[f64]| t.iter().sum::<f64>() + f64::from(m - 1) * t.iter().copied().fold(0.0, f64::max);
    shop(&s.fwd) + shop(&s.bwd) + 2.0 * (s.fwd.len() - 1) as f64 * hop
}

/// Interleaved 1F1B. The detours in the middle assume that the chunks of one device are alike: without them (`alike` false)
/// the value is a lower bound for any chunks.
pub(super) fn interleaved(s: &Stages, pp: u32, vpp: u32, m: u32, hop: f64, alike: bool) -> f64 {
    let seq = Sequence::new(pp, vpp, m, group_size(pp, m));
    let (p, v) = (pp as usize, vpp as usize);
    let last = (v - 1) * p;
    let slots = seq.slots();
    let all = u64::from(m) * u64::from(vpp);
    let device: Vec<Device> = (0..p)
        .map(|d| {
            let n = (seq.warmup(d as u32) + 1).min(slots);
            let early = seq.backwards_before_last_forward(d as u32);
            let sum = |t: &[f64], weight: &dyn Fn(u32) -> u64, flip: bool| -> f64 {
                (0..vpp).map(|c| weight(c) as f64 * t[if flip { (v - 1 - c as usize) * p + d } else { c as usize * p + d }]).sum()
            };
            let whole = |_: u32| u64::from(m);
            Device {
                work: sum(&s.fwd, &whole, false) + sum(&s.bwd, &whole, false),
                before: sum(&s.fwd, &|c| seq.count(n, c), false) - s.fwd[d],
                after: sum(&s.bwd, &|c| u64::from(m) - seq.count(early, c), true) - s.bwd[d],
                held: (0..vpp).map(|c| seq.count(n, c)).sum(),
            }
        })
        .collect();
    // Sums of all stages after one: a micro-batch that goes all the way.
    let total_f: f64 = s.fwd.iter().sum();
    let total_b: f64 = s.bwd.iter().sum();
    let (mut best, mut fill, mut drain) = (0.0_f64, 0.0, 0.0);
    let (mut f_to, mut b_to) = (0.0, 0.0); // stages 0..=d
    let (mut f_last, mut b_last) = (s.fwd[last..].iter().sum::<f64>(), s.bwd[last..].iter().sum::<f64>()); // last chunk, after d
    for (d, here) in device.iter().enumerate() {
        f_to += s.fwd[d];
        b_to += s.bwd[d];
        f_last -= s.fwd[last + d];
        b_last -= s.bwd[last + d];
        let hops = ((v * p - 1 - d) + (p - 1 - d)) as f64 * hop;
        let mut head = (total_f - f_to + b_last + hops - here.before).max(0.0);
        let mut tail = (f_last + total_b - b_to + hops - here.after).max(0.0);
        let mut middle = 0.0_f64;
        let (mut trip_head, mut trip_tail, mut turn) = (0.0, 0.0, here.work);
        for (j, there) in device.iter().enumerate().skip(d + 1) {
            trip_head += s.fwd[j] + s.bwd[last + j] + 2.0 * hop;
            trip_tail += s.fwd[last + j] + s.bwd[j] + 2.0 * hop;
            turn += there.work;
            head = head.max(trip_head + there.before - here.before);
            tail = tail.max(trip_tail + there.after - here.after);
            let step = 2 * (j - d) as u64 + 1;
            let rounds = if alike { (all.saturating_sub(1 + here.held) / step) as f64 } else { 0.0 };
            let gain = turn / all as f64 + 2.0 * (j - d) as f64 * hop - step as f64 * here.work / all as f64;
            middle = middle.max(rounds * gain);
        }
        let detour = if all > here.held { head + tail + middle } else { head.max(tail) };
        best = best.max(fill + here.work + drain + detour);
        fill += s.fwd[d] + hop;
        drain += s.bwd[d] + hop;
    }
    best
}

/// Sums of one device of an interleaved pipeline, seconds.
struct Device {
    /// All forwards and backwards.
    work: f64,
    /// Forwards before its first backward, but for the first.
    before: f64,
    /// Backwards after its last forward, but for the last.
    after: f64,
    /// Forwards before its first backward.
    held: u64,
}
