//! Closed forms for the layout search.

use secondsource_base::Diagnostic;

use super::bounds::{self, Stages};
use super::{P2p, Schedule, StageTimes, check_shape, group_size};

/// Seconds of one step's pipeline, without building or simulating it: O(pp^2 + pp vpp).
///
/// Exact for even stages and free hops: with f, b (input gradient) and w (weight gradient) a virtual stage,
/// * 1F1B and GPipe `(m + pp - 1) (f + b + w)`;
/// * interleaved `(m vpp + pp - 1) (f + b + w)` for m a multiple of pp: bubble `(pp - 1) / vpp` of the device's F + B
///   (Narayanan et al. 2021, section 2.2);
/// * ZB-H1 `m (f + b + w) + (pp - 1) (f + b - w)` for m >= pp and w <= f, b (Qi et al. 2023, table 2);
/// * DualPipe, m >= 2 pp: bubble `(pp/2 - 1) (F&B + B - 3 W)` (DeepSeek-V3 report, table 2) where f = b >= w; exact for other
///   ratios too: see `dualpipe` below.
///
/// For uneven stages and hops see `docs/schedules.md`, with the measured gaps. Never below the busiest device's work, nor
/// below one micro-batch passing through all stages and back.
pub fn makespan_closed(schedule: Schedule, pp: u32, vpp: u32, m: u32, times: &StageTimes, p2p: &P2p) -> Result<f64, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    times.check(pp as usize * vpp as usize)?;
    p2p.check()?;
    if schedule == Schedule::Dualpipe {
        return dualpipe(pp, m, times, p2p);
    }
    Ok(paths(schedule, pp, vpp, m, times, p2p, true))
}

/// A lower bound of the exact run, seconds, for any stage times: the busiest device's work with its fill and drain, and one
/// micro-batch passing through. At most [`makespan_closed`], but for DualPipe, whose closed form is no bound.
pub fn makespan_bound(schedule: Schedule, pp: u32, vpp: u32, m: u32, times: &StageTimes, p2p: &P2p) -> Result<f64, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    times.check(pp as usize * vpp as usize)?;
    p2p.check()?;
    if schedule != Schedule::Dualpipe {
        return Ok(paths(schedule, pp, vpp, m, times, p2p, false));
    }
    let last = pp as usize - 1;
    let stage = |s: usize| times.fwd[s] + times.bwd(s);
    // Each direction has half of the micro-batches; a pair hides at most the shorter of its two.
    let hidden = |s: usize| times.pair_saving.min(times.fwd[s].max(times.fwd[last - s])).max(0.0);
    let (down, up) = (f64::from(m.div_ceil(2)), f64::from(m / 2));
    let work = |d: usize| down * stage(d) + up * stage(last - d) - f64::from(m) * hidden(d);
    let busiest = (0..=last).map(work).fold(0.0, f64::max);
    let through = (0..=last).map(|s| times.fwd[s] + times.bwd_input[s]).sum::<f64>();
    Ok(busiest.max(through))
}

/// The longest known path: see `bounds`.
fn paths(schedule: Schedule, pp: u32, vpp: u32, m: u32, times: &StageTimes, p2p: &P2p, alike: bool) -> f64 {
    let stages = pp as usize * vpp as usize;
    let split = schedule == Schedule::ZeroBubble;
    let mut hop = p2p.hop(pp);
    let mut s = Stages {
        fwd: times.fwd.clone(),
        bwd: if split { times.bwd_input.clone() } else { (0..stages).map(|i| times.bwd(i)).collect() },
        weight: if split { times.bwd_weight.clone() } else { vec![0.0; stages] },
    };
    if p2p.blocking {
        // A blocking send is work of the sender, and no hop is left.
        s.fwd[..stages - 1].iter_mut().for_each(|t| *t += hop);
        s.bwd[1..].iter_mut().for_each(|t| *t += hop);
        hop = 0.0;
    }
    let path = match schedule {
        Schedule::Gpipe => bounds::gpipe(&s, m, hop),
        Schedule::OneFOneB if vpp > 1 => bounds::interleaved(&s, pp, vpp, m, hop, alike),
        _ => bounds::one_way(&s, m, hop),
    };
    let through = s.fwd.iter().sum::<f64>() + s.bwd.iter().sum::<f64>() + s.weight[0] + 2.0 * (stages - 1) as f64 * hop;
    path.max(through)
}

/// With s seconds saved by a pair (F&B = f + b + w - s) and h = pp/2 - 1:
/// `m (f + b + w) - (m - pp - 1) s + h (f + max(b - w, 0) - s) + max(h f, h b - f)`. For f = b >= w the last three terms are
/// `h (f + 2 b - w - s) = h (F&B + B - 3 W)`, the published bubble; the published form does not say which pairs its ideal
/// time counts, here they are the m - pp - 1 of the middle devices. Found by fitting the exact run, which it equals for all
/// ratios tried; uneven stages enter by their mean (bubble) and by the busiest device (work), hops by the count of the run.
fn dualpipe(pp: u32, m: u32, times: &StageTimes, p2p: &P2p) -> Result<f64, Diagnostic> {
    if m < 2 * pp {
        // Outside the regime of the published formula; the exact run is at most 6 pp^2 items.
        return Ok(super::simulate(&super::build(Schedule::Dualpipe, pp, 1, m)?, times, p2p)?.makespan_s);
    }
    let (p, h, m) = (f64::from(pp), f64::from(pp / 2 - 1), f64::from(m));
    let mean = |t: &[f64]| t.iter().sum::<f64>() / p;
    let (f, b, w) = (mean(&times.fwd), mean(&times.bwd_input), mean(&times.bwd_weight));
    // Overlap cannot hide more than the shorter of the two.
    let saving = times.pair_saving.min(f.min(b + w));
    let stage = |s: usize| times.fwd[s] + times.bwd(s);
    let (down, up) = ((m / 2.0).ceil(), (m / 2.0).floor());
    let last = pp as usize - 1;
    let work = (0..=last).map(|d| down * stage(d) + up * stage(last - d)).fold(0.0, f64::max);
    let bubble = h * (f + (b - w).max(0.0) - saving) + (h * f).max(h * b - f);
    let hops = if p2p.blocking { m + 2.5 * p - 2.0 } else { m * (p - 1.0) / p + (1.5 * p - 3.0).max(1.0) };
    let time = work - (m - p - 1.0) * saving + bubble + hops * p2p.cross_s;
    let through = (0..=last).map(stage).sum::<f64>() + 2.0 * (p - 1.0) * p2p.cross_s;
    Ok(time.max(work - (m - p - 1.0) * saving).max(through))
}

/// Seconds of one step's pipeline for the search: the exact run for few micro-batches; for many, the exact run of a few rounds,
/// prolonged by the time of one more round (`pp` micro-batches, or one group of the interleaved order). Costs
/// O(pp^2 vpp), whatever m is; see `docs/schedules.md` for the measured gap.
pub fn makespan_fast(schedule: Schedule, pp: u32, vpp: u32, m: u32, times: &StageTimes, p2p: &P2p) -> Result<f64, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    let group = group_size(pp, m);
    let round = if vpp > 1 { group } else { pp };
    let run = |m: u32| -> Result<f64, Diagnostic> {
        Ok(super::simulate(&super::build_grouped(schedule, pp, vpp, m, group)?, times, p2p)?.makespan_s)
    };
    let few = ROUNDS * round + m % round;
    let least = makespan_bound(schedule, pp, vpp, m, times, p2p)?;
    if m <= few + round {
        return Ok(run(m)?.max(least));
    }
    let (short, long) = (run(few)?, run(few + round)?);
    Ok((long + (long - short) * f64::from((m - few - round) / round)).max(least))
}

/// Rounds that [`makespan_fast`] runs before it prolongs.
const ROUNDS: u32 = 3;

/// Micro-batch-chunks whose activations `rank` holds at its peak, each of one virtual stage (`1 / (pp vpp)` of the layers).
///
/// * 1F1B `min(m, pp - rank)`; GPipe `m`;
/// * interleaved `min(m vpp, 2 (pp - rank - 1) + (vpp - 1) N + 1)` (Megatron-LM's warm-up and one more; N is
///   [`group_size`], pp when it divides m);
/// * ZB-H1 `min(m, pp)` on every rank: its largest rank is that of 1F1B, the others are filled up to it (Qi et al. 2023);
/// * DualPipe `min(m, pp + 1)` (DeepSeek-V3 report, table 2) once m >= 2 pp.
pub fn in_flight(schedule: Schedule, pp: u32, vpp: u32, m: u32, rank: u32) -> Result<f64, Diagnostic> {
    check_shape(schedule, pp, vpp, m)?;
    if rank >= pp {
        return Err(Diagnostic::error(format!("pipeline rank {rank} of {pp}")).hint("ranks count from 0"));
    }
    let (p, v, m, behind) = (f64::from(pp), f64::from(vpp), f64::from(m), f64::from(pp - rank - 1));
    Ok(match schedule {
        Schedule::Gpipe => m,
        Schedule::OneFOneB if vpp == 1 => m.min(behind + 1.0),
        // The padded order of too few micro-batches: earlier chunks are all in, the last one fills.
        Schedule::OneFOneB if m < p => (v - 1.0) * m + m.min(2.0 * behind + 1.0),
        Schedule::OneFOneB => (m * v).min(2.0 * behind + (v - 1.0) * f64::from(group_size(pp, m as u32)) + 1.0),
        Schedule::ZeroBubble => m.min(p),
        Schedule::Dualpipe => m.min(p + 1.0),
    })
}
