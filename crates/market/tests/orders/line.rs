use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::orders::{Class, Day, Line, Policy, Rule};

pub fn policy(rule: Rule, shares: &[(&str, f64)]) -> Policy {
    Policy {
        confidence: 0.9,
        rule,
        classes: shares.iter().map(|(name, share)| Class { name: (*name).to_owned(), share: *share }).collect(),
        cancel: (0.0, 0.0),
        lapse: (0.0, 0.0),
        firm_up: (0.0, 0.0),
        scenarios: 200,
        seed: 1,
    }
}

pub fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// BT24: Oracle's planning allocation rules, worked example. 100 on January 1 and 100 more on January 10, 60% for high and 40%
/// for low priority; 30 of each are asked for. High is served on January 1; 40% of the 70 that are left is 28, so low waits
/// for January 10, nine days late.
#[test]
fn oracle_allocation_rule() {
    let first = day("2026-01-01");
    let edges: Vec<Day> = (0..=31).map(|i| Day(first.0 + i)).collect();
    let comes: Vec<f64> = (1..=31).map(|d| if d < 10 { 100.0 } else { 200.0 }).collect();
    let (high, low) = (0, 1);
    let rule = policy(Rule::ShareOfRest, &[("High Priority Customer", 0.6), ("Low Priority Customer", 0.4)]);
    let mut line = Line::new(edges, comes, 2);
    let slot = line.slot(&rule, high, 30.0, first).unwrap();
    assert_eq!(slot, first);
    line.take(high, slot, 30.0);
    assert_eq!(line.free(&rule, low)[0], 28.0);
    let slot = line.slot(&rule, low, 30.0, first).unwrap();
    assert_eq!((slot, slot.since(first)), (day("2026-01-10"), 9));
    // Asked in the other order low is served at once: the rule depends on who consumes first.
    let comes: Vec<f64> = (1..=31).map(|d| if d < 10 { 100.0 } else { 200.0 }).collect();
    let edges: Vec<Day> = (0..=31).map(|i| Day(first.0 + i)).collect();
    assert_eq!(Line::new(edges, comes, 2).slot(&rule, low, 30.0, first), Some(first));
}

/// What the classes above have not taken is kept for them, and nothing is kept once they have it.
#[test]
fn protected_shares() {
    let edges = vec![day("2027-01-01"), day("2027-04-01"), day("2027-07-01")];
    let rule = policy(Rule::Protected, &[("a", 0.5), ("b", 0.3), ("c", 0.2)]);
    let mut line = Line::new(edges, vec![100.0, 200.0], 3);
    assert_eq!((line.free(&rule, 0), line.free(&rule, 1), line.free(&rule, 2)), (vec![100.0, 200.0], vec![50.0, 100.0], vec![20.0, 40.0]));
    line.take(0, day("2027-01-15"), 70.0);
    assert_eq!((line.free(&rule, 1)[0], line.free(&rule, 2)[0]), (30.0, 0.0));
    assert_eq!(line.slot(&rule, 2, 41.0, day("2027-01-01")), None);
}

/// A commitment late in the table limits what can be promised early.
#[test]
fn later_commitments_are_protected() {
    let edges = vec![day("2027-01-01"), day("2027-04-01"), day("2027-07-01"), day("2027-10-01")];
    let rule = policy(Rule::FirstCome, &[("one", 1.0)]);
    let mut line = Line::new(edges, vec![100.0, 150.0, 160.0], 1);
    line.take(0, day("2027-08-01"), 120.0);
    assert_eq!(line.free(&rule, 0), [40.0, 40.0, 40.0]);
    // Half of the first quarter's supply is there at its middle.
    assert_eq!(line.slot(&rule, 0, 40.0, day("2026-06-01")), Some(day("2027-02-06")));
    assert_eq!(line.slot(&rule, 0, 41.0, day("2027-01-01")), None);
    assert_eq!(line.slot(&rule, 0, 1.0, day("2027-10-01")), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is asked in whatever order, under each rule: at no period end is more committed than comes, and no slot is a
    /// period later than it need be.
    #[test]
    fn never_oversold_and_never_late(
        comes in prop::collection::vec(0u32..200, 1..10),
        asks in prop::collection::vec((0usize..3, 1u32..120, 0i32..900), 1..40),
        rule in 0usize..3,
    ) {
        let start = day("2027-01-01");
        let edges: Vec<Day> = (0..=comes.len() as i32).map(|i| Day(start.0 + 91 * i)).collect();
        let sure: Vec<f64> = comes.iter().scan(0.0, |s, c| { *s += f64::from(*c); Some(*s) }).collect();
        let rule = policy(Rule::ALL[rule], &[("a", 0.5), ("b", 0.3), ("c", 0.2)]);
        let mut line = Line::new(edges.clone(), sure.clone(), 3);
        let mut due = vec![0.0; sure.len()];
        for (class, chips, wanted) in asks {
            let (chips, wanted) = (f64::from(chips), Day(start.0 + wanted));
            let free = line.free(&rule, class);
            let slot = line.slot(&rule, class, chips, wanted);
            let first = line.period_of(wanted).and_then(|from| (from..sure.len()).find(|t| free[*t] >= chips));
            prop_assert_eq!(slot.and_then(|s| line.period_of(s)), first);
            if let Some(slot) = slot {
                prop_assert!(slot >= wanted);
                line.take(class, slot, chips);
                let t = line.period_of(slot).unwrap();
                due[t..].iter_mut().for_each(|d| *d += chips);
            }
            for (d, s) in due.iter().zip(&sure) {
                prop_assert!(d <= &(s + 1e-6), "{} of {}", d, s);
            }
            // On the slot itself, everything due in its period or before has come.
        }
        for (room, d) in line.rooms().iter().zip(&due) {
            prop_assert!((room.due - d).abs() < 1e-6);
        }
    }
}
