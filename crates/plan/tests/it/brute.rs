//! Every layout of the space, one by one, through `evaluate`: the winner, the order and the count must be the search's.

use crate::{Case, SMALL};
use secondsource_plan::{Candidate, Options, Pins, Space, search};
use secondsource_step::{Split, StepModel};
use secondsource_workload::layout::{CpMode, Layout, Schedule, Zero};
use secondsource_workload::recipe::AttentionKernel;

/// All layouts of the bounds that keep every rule, made the slow way: from the ten lists of the space.
fn all(m: &StepModel<'_>, s: &Space) -> Vec<Layout> {
    let mut out = Vec::new();
    let chips = m.input.chips;
    for &tp in &s.tp {
        for &cp in &s.cp {
            for &pp in &s.pp {
                for &vpp in &s.vpp {
                    for &ep in &s.ep {
                        for etp in if s.etp_as_tp && tp > 1 { vec![1, tp] } else { vec![s.pins.etp.unwrap_or(1)] } {
                            for &zero in &s.zero {
                                for &micro_batch in &s.micro_batch {
                                    for &recompute in &s.recompute {
                                        for &schedule in &s.schedule {
                                            let inner = u64::from(tp) * u64::from(cp) * u64::from(pp);
                                            if !chips.is_multiple_of(inner) {
                                                continue;
                                            }
                                            let dp = (chips / inner) as u32;
                                            let (shard_group, sequence_parallel, cp_mode) = (0, true, CpMode::Ring);
                                            out.push(Layout {
                                                tp,
                                                cp,
                                                pp,
                                                vpp,
                                                dp,
                                                ep,
                                                etp,
                                                zero,
                                                shard_group,
                                                micro_batch,
                                                recompute,
                                                schedule,
                                                sequence_parallel,
                                                cp_mode,
                                            });
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    // What the space says it leaves out: ZeRO-3 with a pipeline, and pipelines fed a single micro-batch.
    out.retain(|l| {
        let fed = l.pp == 1 || m.input.global_batch >= 2 * u64::from(l.dp) * u64::from(l.micro_batch);
        fed && (l.pp == 1 || l.zero != Zero::Z3) && (l.schedule == Schedule::OneFOneB || l.pp > 1) && m.input.check(l, true).is_ok()
    });
    out
}

fn compare(case: Case, kernel: AttentionKernel, exact: bool) {
    case.with(kernel, |m| {
        let space = Space::new(m, Pins::default());
        let capacity = m.input.hw.chip.hbm_bytes;
        let layouts = all(m, &space);
        let mut fit: Vec<Candidate> = Vec::new();
        let (mut unlimited, mut leanest) = (f64::INFINITY, f64::INFINITY);
        for l in &layouts {
            let r = if exact { m.evaluate_exact(l, true) } else { m.evaluate(l, true) }.expect("checked");
            let memory = r.memory.total();
            leanest = leanest.min(memory);
            unlimited = unlimited.min(r.seconds);
            if memory <= capacity {
                fit.push(Candidate { seconds: r.seconds, memory, layout: *l });
            }
        }
        fit.sort_by(|a, b| {
            let simple = |l: &Layout| (l.pp, l.vpp, l.tp, l.cp, l.etp, l.ep, l.micro_batch, l.zero, l.recompute);
            a.seconds.total_cmp(&b.seconds).then_with(|| simple(&a.layout).cmp(&simple(&b.layout)))
        });
        for cut in [true, false] {
            for top in [1, 7] {
                let f = search(m, &space, &Options { top, capacity, cut, exact });
                assert_eq!(crate::dividing(&f), layouts.len() as u64, "{case:?}: layouts of the space");
                assert_eq!(f.best.len(), fit.len().min(top), "{case:?}: layouts that fit");
                for (a, b) in f.best.iter().zip(&fit) {
                    if exact {
                        // Twins (equal but for rounding) may change places.
                        assert!((a.seconds / b.seconds - 1.0).abs() < 1e-9, "{case:?} cut {cut} top {top}: {a:?} named, {b:?} possible");
                    } else {
                        assert_eq!(a, b, "{case:?} cut {cut} top {top}");
                    }
                }
                assert!(f.unlimited.is_none_or(|u| u.seconds >= unlimited));
                if !cut {
                    assert_eq!(f.leanest.map(|l| l.memory), Some(leanest), "{case:?}: the leanest layout");
                }
            }
        }
    });
}

#[test]
fn the_winner_is_the_best_of_all() {
    for case in SMALL {
        compare(case, AttentionKernel::Vendor, false);
    }
}

/// The same with pipelines timed by their schedules: the closed form may only cut what the schedule would not save.
#[test]
fn the_winner_is_the_best_of_all_by_exact_pipelines() {
    for case in SMALL {
        compare(case, AttentionKernel::Vendor, true);
    }
}

/// With unfused attention the space holds selective recompute too.
#[test]
fn selective_recompute_is_searched_where_it_helps() {
    compare(Case("llama-3.1-8b", "a100-80g-sxm", 64, 2048, 256), AttentionKernel::Unfused, false);
    compare(Case("gpt3-175b", "a100-80g-sxm", 128, 2048, 256), AttentionKernel::Unfused, false);
}

/// The bound of a key must lie below the time of each of its layouts, or the search would cut a winner.
#[test]
fn bounds_lie_below_every_layout() {
    for case in SMALL {
        case.with(AttentionKernel::Vendor, |m| {
            let space = Space::new(m, Pins::default());
            for l in all(m, &space) {
                let layers = m.layers(&l);
                let bound = m.lower_bound(&layers, &l);
                // Layer times are kept for the first pp and dp of a key: they must not depend on them.
                let time = m.time(&layers, &Split::new(m.input.model, &l), &l).0.total();
                assert!(bound <= time, "{case:?}: bound {bound} above {time} under {l:?}");
            }
        });
    }
}
