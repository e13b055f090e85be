//! What the search says of itself, and what is fixed by hand.

use crate::{Case, SMALL, dividing};
use secondsource_plan::{Options, Pins, Space, search};
use secondsource_workload::layout::{Recompute, Schedule, Zero};
use secondsource_workload::recipe::AttentionKernel;

/// Each layout is cut by one rule at most, and cutting by bounds does not change what the space is.
#[test]
fn rules_add_up() {
    for case in SMALL {
        let (cut, all) = (case.search(Pins::default(), 1, true), case.search(Pins::default(), 1, false));
        assert_eq!((cut.weighed, dividing(&cut)), (all.weighed, dividing(&all)), "{case:?}: the space does not depend on cutting");
        for f in [&cut, &all] {
            assert_eq!(f.pruned, f.by_rule.values().sum::<u64>(), "{case:?}: {:?}", f.by_rule);
            assert!(f.pruned < f.weighed, "{case:?}: a winner was found, so not all are cut");
        }
        assert!(!all.by_rule.contains_key("bound"), "{:?}", all.by_rule);
        assert!(cut.by_rule.get("bound").is_some_and(|n| *n > 0), "{case:?} cuts nothing: {:?}", cut.by_rule);
    }
}

/// Everything returned runs, fits, and says the time and memory that `evaluate_exact` says.
#[test]
fn answers_run_and_fit() {
    for case in SMALL {
        let found = case.search(Pins::default(), 20, true);
        case.with(AttentionKernel::Vendor, |m| {
            for (i, c) in found.best.iter().enumerate() {
                let r = m.evaluate_exact(&c.layout, true).unwrap_or_else(|e| panic!("{case:?}: {e}"));
                assert!((r.seconds / c.seconds - 1.0).abs() < 1e-9 && r.memory.total() == c.memory, "{case:?}: {c:?} is {} s", r.seconds);
                assert!(c.memory <= m.input.hw.chip.hbm_bytes && c.layout.devices() == case.2);
                assert!(i == 0 || found.best[i - 1].seconds <= c.seconds);
                assert!(found.best[..i].iter().all(|o| o.layout != c.layout), "a layout twice");
            }
        });
    }
}

/// What is fixed stays fixed, costs at most time, and no layout that breaks it is returned.
#[test]
fn pins_hold() {
    let case = Case("mixtral-8x7b", "h100-sxm", 64, 4096, 512);
    let free = case.search(Pins::default(), 1, true).best[0].seconds;
    let pins = [
        Pins { tp: Some(4), ..Pins::default() },
        Pins { cp: Some(2), ..Pins::default() },
        Pins { pp: Some(4), vpp: Some(2), ..Pins::default() },
        Pins { dp: Some(8), ..Pins::default() },
        Pins { ep: Some(4), ..Pins::default() },
        Pins { tp: Some(2), etp: Some(2), ..Pins::default() },
        Pins { micro_batch: Some(2), zero: Some(Zero::Z3), ..Pins::default() },
        Pins { recompute: Some(Recompute::Full), ..Pins::default() },
        Pins { pp: Some(4), schedule: Some(Schedule::ZeroBubble), ..Pins::default() },
        Pins { pp: Some(4), schedule: Some(Schedule::Dualpipe), ..Pins::default() },
        Pins { sequence_parallel: Some(false), tp: Some(2), ..Pins::default() },
    ];
    for p in pins {
        let found = case.search(p, 3, true);
        assert!(!found.best.is_empty(), "nothing fits with {p:?}");
        for c in &found.best {
            let l = &c.layout;
            let kept = |pin: Option<u32>, v: u32| pin.is_none_or(|p| p == v);
            assert!(kept(p.tp, l.tp) && kept(p.cp, l.cp) && kept(p.pp, l.pp) && kept(p.vpp, l.vpp), "{l:?} against {p:?}");
            assert!(kept(p.dp, l.dp) && kept(p.ep, l.ep) && kept(p.etp, l.etp) && kept(p.micro_batch, l.micro_batch));
            assert!(
                p.zero.is_none_or(|z| z == l.zero)
                    && p.recompute.is_none_or(|r| r == l.recompute)
                    && p.schedule.is_none_or(|s| s == l.schedule)
            );
            assert!(p.sequence_parallel.is_none_or(|s| s == l.sequence_parallel));
            let same_space = p.zero.is_none() && p.schedule.is_none() && p.sequence_parallel.is_none();
            assert!(!same_space || c.seconds >= free, "{p:?} beats the free search");
        }
    }
}

/// More memory never gives a slower winner; too little gives none, and names the leanest.
#[test]
fn capacity_only_limits() {
    let case = Case("llama-3.1-8b", "h100-sxm", 64, 8192, 512);
    case.with(AttentionKernel::Vendor, |m| {
        let space = Space::new(m, Pins::default());
        let mut last = f64::INFINITY;
        for gb in [4.0, 16.0, 24.0, 40.0, 80.0, 1000.0] {
            let f = search(m, &space, &Options { top: 1, capacity: gb * 1e9, cut: true, exact: true });
            match f.best.first() {
                Some(c) => {
                    assert!(c.seconds <= last, "{gb} GB: {} s after {last} s", c.seconds);
                    last = c.seconds;
                }
                None => {
                    let lean = f.leanest.expect("a leanest layout").memory;
                    assert!(lean > gb * 1e9, "{lean} fits {gb} GB");
                    assert_eq!(f.pruned, f.weighed);
                }
            }
            // Ignoring memory is never slower than the winner.
            assert!(f.best.first().is_none_or(|c| f.unlimited.is_some_and(|u| u.seconds <= c.seconds)), "{gb} GB");
        }
        assert!(last.is_finite());
    });
}

/// Seven chips and no pipeline: nothing divides. Chips that no layout divides leave nothing, and the rules that they break are counted.
#[test]
fn nothing_divides() {
    let f = Case("llama-3.1-8b", "h100-sxm", 7, 8192, 512).search(Pins { pp: Some(1), ..Pins::default() }, 1, true);
    assert!(f.best.is_empty() && dividing(&f) == 0 && f.pruned == f.weighed);
    assert!(f.by_rule.values().sum::<u64>() > 0, "{:?}", f.by_rule);
    assert!(f.unlimited.is_none() && f.leanest.is_none());
}
