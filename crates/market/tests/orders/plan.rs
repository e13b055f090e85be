//! The seller's plan against brute force, and against HiGHS (validation/orders/highs.py).
//!
//! With SECONDSOURCE_UPDATE=1 the programs are drawn and written anew; then run the script.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_base::Stream;
use secondsource_market::orders::{PlanClaim, PlanProblem, Planned, plan, plan_value};
use serde::Deserialize;
use std::path::{Path, PathBuf};

fn claim(held: bool, racks: f64, from: usize, usd: f64, periods: usize) -> PlanClaim {
    let step = |from: usize| (0..periods).map(|t| if t >= from { racks } else { 0.0 }).collect::<Vec<f64>>();
    let due = if held { step(from + 1) } else { vec![0.0; periods] };
    PlanClaim { product: 0, racks, chips_per_rack: 10.0, asked: step(from), due, usd_per_rack: usd, held }
}

fn problem(supply: &[f64], claims: Vec<PlanClaim>) -> PlanProblem {
    let discount = (0..supply.len()).map(|t| 0.97f64.powi(t as i32)).collect();
    PlanProblem { supply: vec![supply.to_vec()], claims, discount, late: 0.02, broken: 0.5, keep: true }
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0), "{a} {b}");
}

/// 100 chips a quarter and a claim on 20 racks from the second quarter on. An offer of 12 racks now, worth a little more,
/// would make it late; one of 10 does not.
#[test]
fn commitments_come_first() {
    let held = claim(true, 20.0, 1, 1e6, 3);
    let of = |racks: f64| {
        plan(&problem(
            &[100.0, 200.0, 250.0],
            vec![PlanClaim { due: vec![0.0, 20.0, 20.0], ..held.clone() }, claim(false, racks, 0, 1.1e6, 3)],
        ))
        .unwrap()
        .unwrap()
    };
    let p = of(12.0);
    assert_eq!((p.taken[1], p.racks[0][1]), (false, 20.0));
    near(p.value_usd, 20e6 * 0.97);
    // Five racks come after the commitment is kept; an offer of five is taken, late.
    let p = of(5.0);
    assert!(p.taken[1]);
    near(p.value_usd, 20e6 * 0.97 + 5.0 * 1.1e6 * (0.9409 - 0.02 * (1.0 + 0.97)));
    // Without commitments the dearer offer goes first, and the held claim is completed late.
    let mut free = problem(&[100.0, 200.0, 250.0], vec![held.clone(), claim(false, 5.0, 0, 1.1e6, 3)]);
    free.keep = false;
    let p = plan(&free).unwrap().unwrap();
    assert!(p.racks[1][0] == 5.0 && p.racks[0][1] == 15.0 && p.racks[0][2] == 5.0, "{p:?}");
    // Slots that the supply does not allow: none, not a plan that breaks them.
    assert_eq!(plan(&problem(&[50.0, 100.0, 150.0], vec![held])).unwrap(), None);
    assert_eq!(plan(&problem(&[50.0], vec![])).unwrap().unwrap().value_usd, 0.0);
    assert!(plan(&problem(&[50.0], vec![claim(false, 1.0, 0, f64::NAN, 1)])).is_err());
}

/// Random books of a few claims.
fn draw(seed: u64) -> PlanProblem {
    let mut s = Stream::new(seed, "plans");
    let (periods, products) = (3 + s.below(5) as usize, 1 + s.below(2) as usize);
    let round = |v: f64| (v * 100.0).round() / 100.0;
    let mut supply = Vec::new();
    for _ in 0..products {
        let mut sum = 0.0;
        supply.push(
            (0..periods)
                .map(|_| {
                    sum += round(s.uniform() * 300.0);
                    round(sum)
                })
                .collect(),
        );
    }
    let claims = (0..4 + s.below(6)).map(|_| {
        let held = s.chance(0.5);
        let mut c = claim(held, 1.0 + s.below(12) as f64, s.below(periods as u64) as usize, round(1e5 + s.uniform() * 9e5), periods);
        c.product = s.below(products as u64) as usize;
        if s.chance(0.4) && c.racks >= 2.0 {
            // A ramp: half of it from the start.
            c.asked.iter_mut().take(periods - 1).for_each(|v| *v /= 2.0);
        }
        c
    });
    let claims = claims.collect();
    let discount = (0..periods).map(|t| round(1.0 - 0.03 * t as f64)).collect();
    PlanProblem { supply, claims, discount, late: 0.02, broken: 0.5, keep: s.chance(0.4) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// The same optimum as when every choice of offers is solved by itself, and a plan that keeps every rule.
    #[test]
    fn no_choice_of_offers_is_better(seed in 0u64..100_000) {
        let p = draw(seed);
        let offers: Vec<usize> = (0..p.claims.len()).filter(|k| !p.claims[*k].held).collect();
        let mut best: Option<f64> = None;
        for choice in 0..1usize << offers.len() {
            let mut q = p.clone();
            // Taken offers become claims that must be whole at the end; the others go.
            let mut must = vec![true; p.claims.len()];
            for (bit, k) in offers.iter().enumerate() {
                must[*k] = choice >> bit & 1 == 1;
            }
            q.claims = p.claims.iter().zip(&must).filter(|(_, m)| **m).map(|(c, _)| {
                let mut c = c.clone();
                if !c.held {
                    c.held = true;
                    c.due = vec![0.0; p.discount.len()];
                }
                c
            }).collect();
            let Some(Planned { racks, .. }) = plan(&q).unwrap() else { continue };
            let all = vec![true; q.claims.len()];
            let whole = p.claims.iter().zip(&must).filter(|(_, m)| **m).zip(&racks).all(|((c, _), r)| c.held || r.iter().sum::<f64>() > c.racks - 1e-5);
            if whole {
                let v = plan_value(&q, &racks, &all);
                best = Some(best.map_or(v, |b: f64| b.max(v)));
            }
        }
        match (plan(&p).unwrap(), best) {
            (None, None) => {}
            (Some(got), Some(best)) => {
                prop_assert!(got.value_usd >= best - 1e-6 * best.abs().max(1.0), "{} below {}", got.value_usd, best);
                for (product, supply) in p.supply.iter().enumerate() {
                    for t in 0..p.discount.len() {
                        let used: f64 = p.claims.iter().zip(&got.racks).filter(|(c, _)| c.product == product)
                            .map(|(c, r)| c.chips_per_rack * r[..=t].iter().sum::<f64>()).sum();
                        prop_assert!(used <= supply[t] + 1e-4, "{} of {}", used, supply[t]);
                    }
                }
                for ((c, r), taken) in p.claims.iter().zip(&got.racks).zip(&got.taken) {
                    let mut done = 0.0;
                    for (t, racks) in r.iter().enumerate() {
                        done += racks;
                        let most = if *taken { c.asked[t] } else { 0.0 };
                        prop_assert!(done <= most + 1e-5);
                        prop_assert!(!(p.keep && c.held) || done >= c.due[t].min(c.asked[t]) - 1e-5);
                    }
                    prop_assert!(c.held || !taken || done > c.racks - 1e-5);
                }
            }
            (got, best) => prop_assert!(false, "{:?} {:?}", got, best),
        }
    }
}

#[derive(Deserialize)]
struct Solved {
    /// Absent where commitments cannot be kept.
    usd: Option<f64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/orders")
}

#[test]
fn agrees_with_highs() {
    let file = folder().join("programs.json");
    if std::env::var_os("SECONDSOURCE_UPDATE").is_some() {
        let cases: Vec<PlanProblem> = (0..40).map(|i| draw(7000 + i)).collect();
        std::fs::create_dir_all(folder()).expect("validation/orders");
        std::fs::write(&file, serde_json::to_string(&cases).expect("JSON") + "\n").expect("programs.json");
    }
    let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let cases: Vec<PlanProblem> = serde_json::from_str(&read(file)).expect("programs.json");
    let solved: Vec<Solved> = serde_json::from_str(&read(folder().join("highs.json"))).expect("highs.json");
    assert_eq!((cases.len(), solved.len()), (40, 40), "run validation/orders/highs.py");
    let mut kept = 0;
    for (i, (case, theirs)) in cases.iter().zip(solved).enumerate() {
        let ours = plan(case).expect("it is solved").map(|p| p.value_usd);
        match (ours, theirs.usd) {
            (None, None) => {}
            (Some(a), Some(b)) => {
                kept += 1;
                assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{i}: {a} against {b}");
            }
            other => panic!("{i}: {other:?}"),
        }
    }
    assert!(kept >= 25, "{kept}");
}
