//! Expected progress in closed form, for exponential failures.
//!
//! With the mean time M between interruptions, training time tau between checkpoints, stall delta, lag w until a
//! checkpoint is durable, detection D and restart R, the wall time per tau of training is
//! (M + D) e^((R + w)/M) (e^((tau + delta)/M) - 1). With D = w = 0 it is Daly's exact form (Future Generation Computer
//! Systems 22, 2006). Spares, silent corruption and planned stops are further factors; docs/campaign.md derives them.

use crate::input::CampaignInput;
use serde::Serialize;

/// Wall time by what it was spent on, seconds. The parts add up to the wall time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Parts {
    /// Training whose result was kept.
    pub productive: f64,
    /// Training that stood still to save.
    pub checkpoint: f64,
    /// Training that was lost with a failure and done again.
    pub lost: f64,
    /// Down, and nobody knew.
    pub detection: f64,
    pub restart: f64,
    /// Down for want of a spare node.
    pub waiting: f64,
    pub planned: f64,
}

impl Parts {
    pub const NAMES: [&'static str; 7] = ["productive", "checkpoint", "lost", "detection", "restart", "waiting", "planned"];

    pub fn to_array(&self) -> [f64; 7] {
        [self.productive, self.checkpoint, self.lost, self.detection, self.restart, self.waiting, self.planned]
    }

    pub fn total(&self) -> f64 {
        self.to_array().iter().sum()
    }
}

/// Expected outcome in closed form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Goodput {
    /// Kept training time over wall time.
    pub goodput: f64,
    /// Expected wall time of the campaign, seconds.
    pub wall_s: f64,
    /// Where the wall time goes, seconds.
    pub parts: Parts,
    /// Training time between checkpoints that this assumes, seconds.
    pub interval_s: f64,
    /// Expected interruptions over the campaign, those during recovery counted.
    pub failures: f64,
}

/// A campaign that keeps less than this share of its time makes no headway worth computing.
const LEAST_GOODPUT: f64 = 0.005;

/// Expected goodput and wall time; `None` when the job makes no headway (it keeps less than 0.5% of its time).
///
/// Exact for exponential failures, but for the ends of a campaign and for spares: those follow Erlang's loss formula,
/// exact for nodes lost one by one. A Weibull clock is taken as exponential with the same mean rate. About 0.2 us with a
/// given interval. The caller has seen [`CampaignInput::check`] pass.
pub fn closed_form(input: &CampaignInput) -> Option<Goodput> {
    let interval_s = interval(input);
    let m = input.mtti_s();
    let (tau, s) = (interval_s, interval_s + input.stall_s);
    // Per incident: one stretch of training, then recovery until training resumes.
    let per_work = if m.is_finite() {
        let commits = libm::exp(-input.lag_s / m) / libm::expm1(s / m);
        let kept = tau * (commits - input.silent_share * input.silent_rollback);
        let stalled = m * libm::exp(-tau / m) * -libm::expm1(-input.stall_s / m) / -libm::expm1(-s / m);
        let tries = libm::exp(input.restart_s / m);
        let p = Parts {
            productive: kept,
            checkpoint: stalled,
            lost: m - stalled - kept,
            detection: input.detect_s * tries,
            restart: m * libm::expm1(input.restart_s / m),
            waiting: 0.0,
            planned: 0.0,
        };
        // Also false for what is not a number.
        let headway = kept > 0.0 && kept / p.total() > LEAST_GOODPUT;
        if !headway {
            return None;
        }
        Parts { productive: 1.0, ..scaled(&p, 1.0 / kept) }
    } else {
        Parts { productive: 1.0, checkpoint: input.stall_s / tau, ..Parts::default() }
    };
    let active = per_work.total();
    let without_spare = out_of_spares(input);
    let waiting = active * without_spare / (1.0 - without_spare);
    let planned = (active + waiting) * (input.planned_s / input.planned_every_s);
    let parts = scaled(&Parts { waiting, planned, ..per_work }, input.work_s);
    let wall_s = parts.total();
    let goodput = input.work_s / wall_s;
    (goodput > LEAST_GOODPUT).then(|| Goodput { goodput, wall_s, parts, interval_s, failures: active * input.work_s / m })
}

fn scaled(p: &Parts, f: f64) -> Parts {
    Parts {
        productive: p.productive * f,
        checkpoint: p.checkpoint * f,
        lost: p.lost * f,
        detection: p.detection * f,
        restart: p.restart * f,
        waiting: p.waiting * f,
        planned: p.planned * f,
    }
}

/// The interval that the campaign uses: the given one or the best, never shorter than a checkpoint takes to write.
pub fn interval(input: &CampaignInput) -> f64 {
    input.interval_s.unwrap_or_else(|| best_interval(input)).max(input.lag_s)
}

/// Training time between checkpoints that keeps the most of the wall time, seconds; all of the work when nothing
/// fails.
///
/// Without silent corruption it solves (1 - x) e^(x + delta/M) = 1 for x = tau/M, the stationary point of the closed form.
/// With it, the maximum is searched.
pub fn best_interval(input: &CampaignInput) -> f64 {
    let m = input.mtti_s();
    if !m.is_finite() {
        return input.work_s.max(input.lag_s);
    }
    let d = input.stall_s / m;
    let rolled_back = input.silent_share * input.silent_rollback;
    let x = if rolled_back == 0.0 {
        stationary(d)
    } else {
        let lag = libm::exp(-input.lag_s / m);
        search(d, |x| x * (lag / libm::expm1(x + d) - rolled_back))
    };
    // A free checkpoint is best taken all the time; a second is as fine as anybody needs.
    (x * m).max(1.0).max(input.lag_s).min(input.work_s.max(1.0).max(input.lag_s))
}

/// The root of ln(1 - x) + x + d = 0 in (0, 1) by Newton's method from Young's square root.
fn stationary(d: f64) -> f64 {
    let mut x = libm::sqrt(2.0 * d).min(1.0 - libm::exp(-1.0 - d));
    for _ in 0..50 {
        if x <= 0.0 || x >= 1.0 {
            break;
        }
        let f = libm::log1p(-x) + x + d;
        let next = (x + f * (1.0 - x) / x).clamp(x * 0.1, 1.0 - (1.0 - x) * 0.1);
        let moved = (next - x).abs();
        x = next;
        if moved < 1e-14 * x {
            break;
        }
    }
    x
}

/// The maximum of a function of one hump over x in (1e-9, 2 + d), by golden section on ln x.
fn search(d: f64, f: impl Fn(f64) -> f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_8;
    let (mut a, mut b) = (libm::log(1e-9), libm::log(2.0 + d));
    let at = |y: f64| f(libm::exp(y));
    let (mut left, mut right) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
    let (mut f_left, mut f_right) = (at(left), at(right));
    for _ in 0..80 {
        if f_left > f_right {
            (b, right, f_right) = (right, left, f_left);
            left = b - GOLDEN * (b - a);
            f_left = at(left);
        } else {
            (a, left, f_left) = (left, right, f_right);
            right = a + GOLDEN * (b - a);
            f_right = at(right);
        }
    }
    libm::exp(f64::midpoint(a, b))
}

/// Young's interval sqrt(2 delta M), seconds (Communications of the ACM 17, 1974).
pub fn young(stall_s: f64, mtti_s: f64) -> f64 {
    libm::sqrt(2.0 * stall_s * mtti_s)
}

/// Daly's interval of higher order, seconds: M for a stall of 2 M and more.
pub fn daly(stall_s: f64, mtti_s: f64) -> f64 {
    if stall_s >= 2.0 * mtti_s {
        return mtti_s;
    }
    let half = stall_s / (2.0 * mtti_s);
    young(stall_s, mtti_s) * (1.0 + libm::sqrt(half) / 3.0 + half / 9.0) - stall_s
}

/// NVIDIA's availability-optimal period (arXiv 2410.18124), seconds: it includes the save, and its failure clock starts
/// anew with each period, so it is not the same quantity as [`young`] and [`daly`].
pub fn save_period(save_s: f64, mtti_s: f64, recovery_s: f64) -> f64 {
    save_s + libm::sqrt(2.0 * (mtti_s + recovery_s) * save_s + save_s * save_s)
}

/// Share of the time, planned stops aside, in which the job waits for a node: Erlang's loss formula with one more server
/// than there are spares, since the job runs until one more node than that is out.
fn out_of_spares(input: &CampaignInput) -> f64 {
    let Some(spares) = input.spares else { return 0.0 };
    erlang_b(f64::from(spares) + 1.0, nodes_in_repair(input))
}

/// Mean number of nodes in repair if spares never ran out.
pub fn nodes_in_repair(input: &CampaignInput) -> f64 {
    if input.failures_per_node_day == 0.0 { 0.0 } else { input.repair_s * input.nodes_lost_each() / input.mtti_s() }
}

/// Fewest spares with which the job waits for a node at most `share` of the time.
pub fn spares_for(input: &CampaignInput, share: f64) -> u32 {
    let load = nodes_in_repair(input);
    let (mut blocked, mut servers) = (1.0, 0u32);
    // B(0) = 1, B(n) = a B(n-1) / (n + a B(n-1)); n servers are n - 1 spares.
    while servers < 1_000_000 {
        servers += 1;
        blocked = load * blocked / (f64::from(servers) + load * blocked);
        if blocked <= share {
            break;
        }
    }
    servers.saturating_sub(1)
}

/// Erlang's loss formula for an offered load.
fn erlang_b(servers: f64, load: f64) -> f64 {
    let mut blocked = 1.0;
    let mut n = 1.0;
    while n <= servers && blocked > 1e-15 {
        blocked = load * blocked / (n + load * blocked);
        n += 1.0;
    }
    if n <= servers { 0.0 } else { blocked }
}
