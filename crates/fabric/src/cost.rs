//! The one entry point: time and traffic of a collective.

use secondsource_catalog::hardware::Hardware;

use crate::flat;
use crate::place::Placement;
use crate::stage::{Stages, Tally};
use crate::staged;
use crate::types::{Algorithm, Bound, Collective, Cost, Efficiency, Library};

/// Seconds, bytes and algorithm of one collective of a placed group.
///
/// `bytes`: see [`Collective`]. Zero, negative and NaN bytes, and groups of one, cost nothing. A level without
/// bandwidth costs infinitely much, and so does a group that no level joins. Pure, without allocation.
pub fn cost(hw: &Hardware, p: &Placement, what: Collective, bytes: f64, eff: &Efficiency, lib: &Library) -> Cost {
    if p.size <= 1 || bytes.is_nan() || bytes <= 0.0 {
        return Cost::ZERO;
    }
    let stages = Stages::new(hw, p, eff);
    if stages.len() == 0 {
        let never = f64::INFINITY;
        return Cost { seconds: never, bandwidth_part: never, bound: Bound::Bandwidth(0), ..Cost::ZERO };
    }
    match what {
        Collective::SendRecv => send(&stages, p, bytes, eff),
        Collective::AllToAll => all_to_all(&stages, p, bytes, eff),
        _ if lib.pipelined() && !stages.iter().any(|s| s.is_torus()) => flat::cost(&stages, p, what, bytes, eff, lib),
        _ => staged::cost(&stages, p, what, bytes, eff, lib),
    }
}

/// A message to the next member. All members send at once; the pair that crosses the outermost level sets the time.
fn send(stages: &Stages, p: &Placement, bytes: f64, eff: &Efficiency) -> Cost {
    let mut tally = Tally::new();
    if let Some(s) = stages.top() {
        let (mut bandwidth, mut latency) = (bytes / s.link, s.step);
        if s.is_torus() {
            // The next member is on the first used axis, or diagonal to it at the end of a line; one link is used,
            // shared by the siblings in between.
            let axes = s.axes(p, eff);
            bandwidth = axes.used().iter().map(|a| bytes / a.link).fold(0.0, f64::max);
            latency = axes.used().iter().map(|a| a.step).fold(0.0, f64::max);
        }
        tally.add(s, Algorithm::Direct, bandwidth, latency, bytes);
    }
    tally.finish(true, eff.launch)
}

/// Pairwise messages, all levels at once: at each level go the pieces for members in other units of it. One wire
/// latency (the longest), and posting time per peer.
fn all_to_all(stages: &Stages, p: &Placement, bytes: f64, eff: &Efficiency) -> Cost {
    let mut tally = Tally::new();
    let all = f64::from(p.size);
    let mut longest = 0.0f64;
    for s in stages.iter() {
        let within = f64::from(p.members[s.level]);
        let sent = bytes * (within - s.lanes).max(0.0) / all;
        let (bandwidth, latency) = if s.is_torus() {
            let axes = s.axes(p, eff);
            let hops = axes.used().iter().map(|a| if a.ring { a.n / 2.0 } else { a.n - 1.0 } * (a.step - s.software));
            // Interleaved siblings stretch the hops; the spacing is in `step` and in `link` already.
            (axes.all_to_all(bytes * within / all), hops.sum::<f64>() + s.software)
        } else {
            (sent / s.rate, s.step)
        };
        longest = longest.max(latency);
        tally.add(s, Algorithm::Direct, bandwidth, 0.0, sent);
    }
    tally.finish(true, eff.launch + longest + (all - 1.0) * eff.per_message)
}
