//! `--chips auto`: by deadline and by budget.

use crate::{job, plan};
use secondsource::job::{Chips, Job};

fn auto(model: &str, system: &str, tokens: f64) -> Job {
    let mut j = job(model, &[system], 1);
    j.chips = Chips::Auto;
    j.tokens = Some(tokens);
    j
}

fn days_at(j: &Job, chips: u64) -> Option<f64> {
    let fixed = Job { chips: Chips::Count(chips), within_days: None, budget_usd: None, ..j.clone() };
    plan(&fixed).unwrap().options.first().and_then(|o| o.days).map(|d| d.p50)
}

/// Whole nodes times powers of two, and one and a half times those, below `most`.
fn sizes_below(system: &str, most: u64) -> Vec<u64> {
    let node = u64::from(crate::twin().catalog.hardware(system).unwrap().chips_per_node);
    let powers = (0..20).map(|k| node << k);
    let mut all: Vec<u64> = powers.flat_map(|n| [n, n / 2 * 3]).filter(|n| *n >= node && *n < most).collect();
    all.sort_unstable();
    all
}

/// The count found meets the deadline, and no smaller one does.
#[test]
fn the_smallest_count_by_deadline() {
    for (model, system, tokens, days) in [
        ("llama-3.1-8b", "h100-sxm", 1e12, 30.0),
        ("llama-3.1-70b", "trn2-ultraserver", 2e12, 60.0),
        ("mixtral-8x7b", "tpu-v5p", 1e12, 20.0),
    ] {
        let mut j = auto(model, system, tokens);
        j.within_days = Some(days);
        let answer = plan(&j).unwrap();
        let o = answer.options.first().unwrap_or_else(|| panic!("{model} on {system}: {:?}", answer.rejected));
        assert!(o.days.unwrap().p50 <= days);
        for smaller in sizes_below(system, o.chips) {
            assert!(days_at(&j, smaller).is_none_or(|d| d > days), "{model} on {system}: {smaller} chips would do, {} were named", o.chips);
        }
    }
}

/// A tighter deadline never takes fewer chips.
#[test]
fn tighter_deadlines_take_more() {
    let mut last = 0;
    for days in [365.0, 120.0, 60.0, 30.0, 15.0, 7.0] {
        let mut j = auto("llama-3.1-8b", "h100-sxm", 2e12);
        j.within_days = Some(days);
        let chips = plan(&j).unwrap().options[0].chips;
        assert!(chips >= last, "{days} days: {chips} chips after {last}");
        last = chips;
    }
}

/// A budget is kept, and most of it would not be kept by a larger machine.
#[test]
fn budgets_are_kept() {
    let mut j = auto("llama-3.1-8b", "h100-sxm", 1e12);
    j.budget_usd = Some(2e6);
    let answer = plan(&j).unwrap();
    let o = answer.options.first().unwrap_or_else(|| panic!("{:?}", answer.rejected));
    assert!(o.cost_usd.as_ref().unwrap().p50 <= 2e6);
    // Less money than any size costs is refused, with the reason.
    j.budget_usd = Some(1e3);
    let answer = plan(&j).unwrap();
    assert!(answer.options.is_empty() && answer.rejected[0].why.contains("budget"), "{:?}", answer.rejected);
    // Without a price a budget cannot be checked.
    let mut j = job("llama-3.1-8b", &["trn3-ultraserver"], 64);
    (j.tokens, j.budget_usd) = (Some(1e12), Some(1e9));
    let answer = plan(&j).unwrap();
    assert!(answer.options.is_empty() && answer.rejected[0].why.contains("price"), "{:?}", answer.rejected);
}

/// A fixed size that misses the deadline is a refusal with both numbers.
#[test]
fn a_missed_deadline_is_said() {
    let mut j = job("llama-3.1-405b", &["h100-sxm"], 1024);
    (j.tokens, j.within_days) = (Some(15.6e12), Some(30.0));
    let answer = plan(&j).unwrap();
    assert!(answer.options.is_empty() && answer.rejected[0].why.contains("30"), "{:?}", answer.rejected);
}

/// Sizes that do not divide a fixed layout must not hide the smaller ones that do.
#[test]
fn sizing_with_parts_fixed() {
    let mut j = auto("llama-3.1-8b", "h100-sxm", 1e12);
    j.within_days = Some(90.0);
    (j.fix.tp, j.fix.cp, j.fix.pp) = (Some(1), Some(1), Some(1));
    let answer = plan(&j).unwrap();
    let o = answer.options.first().unwrap_or_else(|| panic!("256 chips do it in {:?} days, but: {:?}", days_at(&j, 256), answer.rejected));
    assert!(o.days.unwrap().p50 <= 90.0);
}

#[test]
fn auto_needs_something_to_size_by() {
    let mut j = auto("llama-3.1-8b", "h100-sxm", 1e12);
    assert!(plan(&j).unwrap_err().to_string().contains("deadline"));
    (j.tokens, j.within_days) = (None, Some(30.0));
    assert!(plan(&j).unwrap_err().to_string().contains("tokens"));
}
