//! The bill of a job under a contract, by the contract's own rule: whole instances, whole blocks, whole terms, and
//! what is left unused.

use serde::Serialize;

use super::spot::SpotTerms;
use super::{ContractKind, Offer, Rules};
use crate::calendar::{self, DAY, HOUR};
use crate::money::Cents;

/// What is to be rented.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    pub chips: u64,
    /// Hours of running time, without what spot loses.
    pub hours: f64,
    /// First instant of the job, seconds since 1970 UTC.
    pub start: i64,
    /// The day of the decision, seconds since 1970 UTC.
    pub as_of: i64,
}

/// A stretch of time that is billed at once: a block, a term, or the whole job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Segment {
    /// Seconds since 1970 UTC.
    pub start: i64,
    pub end: i64,
    pub instances: u64,
    /// Hours that the job runs in it; the rest is paid and unused.
    pub used_hours: f64,
    pub billed_hours: f64,
    pub usd: Cents,
}

/// What a job costs under one offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RentBill {
    pub instances: u64,
    /// Chips paid for: whole instances.
    pub chips: u64,
    pub segments: Vec<Segment>,
    /// Sum of the segments.
    pub usd: Cents,
    /// Part of `usd` for paid chip-hours that the job does not use (unused time, idle chips of the last instance,
    /// hours lost at the end of a block); for spot, for hours lost to interruptions at the middle hazard.
    pub unused_usd: Cents,
    pub billed_chip_hours: f64,
    /// Chips asked for times hours in which the job runs.
    pub used_chip_hours: f64,
    /// Hours of the job that no contract gives it: those that the ends of contracts take.
    pub missing_hours: f64,
    /// `usd` over `used_chip_hours`.
    pub usd_per_used_chip_hour: f64,
    /// Share of billed hours lost to interruptions at low, middle and high hazard; zero unless spot.
    pub waste: [f64; 3],
    /// The bill at low and high hazard; equal to `usd` unless spot.
    pub usd_low: Cents,
    pub usd_high: Cents,
    /// Last day on which it can be bought is the start; first day on which it can be bought, if that is after
    /// `as_of`.
    pub buy_from: Option<i64>,
    /// Why it cannot be had as asked; empty when it can.
    pub obstacles: Vec<String>,
    /// What the rule does to this job.
    pub notes: Vec<String>,
}

/// Longest job: a hundred years, so that no date overflows.
pub const MOST_HOURS: f64 = 876_000.0;
/// Most contracts of a job, one after the other.
pub const MOST_SEGMENTS: usize = 1000;
/// Most chips of a job.
pub const MOST_CHIPS: u64 = 1_000_000_000;

/// The bill of a job under an offer. `spot` is used for spot offers only. Chips and hours are clamped to
/// [`MOST_CHIPS`] and [`MOST_HOURS`].
pub fn bill(offer: &Offer, need: &Need, spot: &SpotTerms) -> RentBill {
    let per = u64::from(offer.chips_per_instance.max(1));
    let wanted = need.chips.clamp(1, MOST_CHIPS);
    let hours = if need.hours.is_finite() { need.hours.clamp(0.0, MOST_HOURS) } else { 0.0 };
    let instances = wanted.div_ceil(per);
    let chips = instances * per;
    let rate = offer.usd_per_chip_hour * chips as f64;
    let mut b = RentBill {
        instances,
        chips,
        segments: Vec::new(),
        usd: Cents(0),
        unused_usd: Cents(0),
        billed_chip_hours: 0.0,
        used_chip_hours: 0.0,
        missing_hours: 0.0,
        usd_per_used_chip_hour: 0.0,
        waste: [0.0; 3],
        usd_low: Cents(0),
        usd_high: Cents(0),
        buy_from: None,
        obstacles: Vec::new(),
        notes: Vec::new(),
    };
    let rules = &offer.rules;
    if rules.fine_step_hours > 0.0 {
        b.segments = steps(rules, need.start, hours, instances, rate, &mut b.notes);
    } else {
        let mut billed = hours;
        if rules.interruptible {
            let r = spot.hazard_per_month;
            let hosts = chips.div_ceil(u64::from(offer.chips_per_host.max(1)));
            b.waste = [r.low, r.mid, r.high].map(|h| spot.waste(h, hosts as f64));
            // A job that loses everything never ends: a million billed hours for one stand for it.
            let stretch = b.waste.map(|w| 1.0 / (1.0 - w).max(1e-6));
            billed = hours * stretch[1];
            b.usd_low = Cents::from_usd(rate * hours * stretch[0]);
            b.usd_high = Cents::from_usd(rate * hours * stretch[2]);
            b.notes.push(format!(
                "{:.1}% of billed hours lost to interruptions ({:.1} to {:.1}%): {} to {} a month for each of {} hosts, {} h between \
                 checkpoints, {} h to restart",
                b.waste[1] * 100.0,
                b.waste[0] * 100.0,
                b.waste[2] * 100.0,
                r.low,
                r.high,
                hosts,
                spot.checkpoint_hours,
                spot.restart_hours
            ));
        }
        let end = need.start + libm::round(billed.min(MOST_HOURS) * HOUR as f64) as i64;
        let usd = Cents::from_usd(rate * billed);
        b.segments.push(Segment { start: need.start, end, instances, used_hours: hours, billed_hours: billed, usd });
        requests(rules, hours, &mut b);
    }
    b.usd = b.segments.iter().map(|s| s.usd).sum();
    let used: f64 = b.segments.iter().map(|s| s.used_hours).sum();
    b.missing_hours = (hours - used).max(0.0);
    b.used_chip_hours = wanted as f64 * used;
    b.billed_chip_hours = b.segments.iter().map(|s| s.billed_hours).sum::<f64>() * chips as f64;
    if b.billed_chip_hours > 0.0 {
        let used = (b.used_chip_hours / b.billed_chip_hours).min(1.0);
        b.unused_usd = b.usd - Cents::from_usd(b.usd.usd() * used);
        b.usd_per_used_chip_hour = b.usd.usd() / b.used_chip_hours.max(f64::MIN_POSITIVE);
    }
    if !rules.interruptible {
        (b.usd_low, b.usd_high) = (b.usd, b.usd);
    }
    if chips > wanted {
        b.notes.push(format!("{} chips paid for: whole instances of {per}", chips));
    }
    limits(offer, need, &mut b);
    b
}

/// Contracts that have a longest time but no steps: how many requests.
fn requests(rules: &Rules, hours: f64, b: &mut RentBill) {
    if let Some(most) = rules.max_hours
        && hours > most
    {
        let n = libm::ceil(hours / most);
        b.notes.push(format!("{n} requests one after the other, each of at most {} days and each with its own wait", most / 24.0));
    }
}

/// Blocks or terms that cover `hours`, one after the other. The hours that the end of a contract takes are the job's
/// loss: they do not make a block longer.
fn steps(rules: &Rules, start: i64, hours: f64, instances: u64, rate: f64, notes: &mut Vec<String>) -> Vec<Segment> {
    let longest = rules.max_hours.unwrap_or(f64::MAX);
    let mut out: Vec<Segment> = Vec::new();
    let (mut left, mut at) = (hours, aligned(rules, start));
    while left > 1e-9 || out.is_empty() {
        let billed = length(rules, left).min(longest).max(1e-3);
        let used = left.min(billed);
        let end = at + libm::round(billed * HOUR as f64) as i64;
        let usd = Cents::from_usd(rate * billed);
        out.push(Segment {
            start: at,
            end,
            instances,
            used_hours: used.min(billed - rules.lost_at_end_hours).max(0.0),
            billed_hours: billed,
            usd,
        });
        left -= used;
        at = end;
        if out.len() >= MOST_SEGMENTS {
            notes.push(format!("cut off after {MOST_SEGMENTS} contracts"));
            break;
        }
    }
    if out.len() > 1 {
        notes.push(format!("{} contracts one after the other; that the next is to be had is not certain", out.len()));
    }
    if rules.lost_at_end_hours > 0.0 {
        notes.push(format!("the last {} minutes of a contract are paid but cannot be used", rules.lost_at_end_hours * 60.0));
    }
    if rules.ends_at_s.is_some() {
        let moved = (aligned(rules, start) - start) as f64 / HOUR as f64;
        notes.push(format!(
            "begins and ends at {} UTC{}",
            &calendar::rfc3339(at)[11..16],
            if moved > 0.0 { format!(", {moved} h after the start asked for") } else { String::new() }
        ));
    }
    out
}

/// Shortest length that the rule sells and that is not below `hours`.
pub fn length(rules: &Rules, hours: f64) -> f64 {
    let up = |step: f64| libm::ceil(hours / step - 1e-9) * step;
    let fine = up(rules.fine_step_hours).max(rules.min_hours);
    if fine <= rules.fine_up_to_hours || rules.step_hours <= 0.0 { fine } else { up(rules.step_hours) }
}

/// The first instant not before `start` at which a contract of whole days can begin: all of them end at one time of
/// the day.
fn aligned(rules: &Rules, start: i64) -> i64 {
    let Some(second) = rules.ends_at_s else { return start };
    start + (second - start).rem_euclid(DAY)
}

/// What the offer does not allow, and when it can be bought.
fn limits(offer: &Offer, need: &Need, b: &mut RentBill) {
    let rules = &offer.rules;
    if let Some(total) = rules.max_instances_total.map(u64::from)
        && b.instances > total
    {
        b.obstacles.push(format!("{} instances, but at most {total} at one time", b.instances));
    } else if let Some(each) = rules.max_instances_each.map(u64::from)
        && b.instances > each
    {
        b.notes.push(format!("{} contracts side by side: at most {each} instances in one", b.instances.div_ceil(each)));
    }
    if let Some(days) = rules.max_lead_days {
        let from = need.start - libm::round(days * DAY as f64) as i64;
        if from > need.as_of {
            b.buy_from = Some(from);
            b.notes.push(format!("can be bought from {} on, {days} days ahead", calendar::date(from)));
        }
    }
    if let (ContractKind::FlexStart | ContractKind::Spot, None) = (offer.contract, rules.min_lead_hours) {
        b.notes.push("starts when there is capacity: no date can be promised".to_owned());
    }
}
