use crate::cases::{Size, program};
use crate::extensive::least;
use secondsource_market::decide::{Aim, Ready, Risk, Together, policy, recourse, risk, solve};

const SMALL: Size = Size { periods: 6, commitments: 3, rentals: 2, demands: 1, scenarios: 8, shared: false };

/// Every kind of small program.
fn sizes() -> Vec<Size> {
    vec![
        SMALL,
        Size { demands: 3, ..SMALL },
        Size { demands: 2, shared: true, ..SMALL },
        Size { demands: 3, shared: true, scenarios: 5, ..SMALL },
        Size { rentals: 0, ..SMALL },
    ]
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs().max(1.0)
}

/// The greedy and the flow are exact: with given commitments, the second stage costs what the linear program says.
#[test]
fn second_stage_equals_the_linear_program() {
    for (i, size) in sizes().into_iter().enumerate() {
        for seed in 0..12 {
            let p = program(seed + 100 * i as u64, Size { scenarios: 2, ..size });
            for share in [0.0, 0.4, 1.0] {
                let x: Vec<f64> = p.commitments.iter().map(|c| c.most * share).collect();
                let ready = Ready::new(&p);
                let ours = risk::mean(&ready.costs(&x).usd);
                let (theirs, _) = least(&p, Risk::MEAN, None, Some(&x)).expect("always feasible");
                assert!(close(ours, theirs, 1e-8), "size {i} seed {seed} share {share}: {ours} against {theirs}");
            }
        }
    }
}

/// The use of a scenario adds up: work is served or dropped, sources and rates are not passed, cost is its sum.
#[test]
fn uses_add_up() {
    for (i, size) in sizes().into_iter().enumerate() {
        let p = program(7 + i as u64, size);
        let x: Vec<f64> = p.commitments.iter().map(|c| c.most * 0.3).collect();
        let ready = Ready::new(&p);
        let costs = ready.costs(&x).usd;
        for ((s, u), usd) in p.scenarios.iter().zip(ready.uses(&x)).zip(costs) {
            let t = p.periods;
            for k in 0..p.demands.len() {
                let served: f64 = u.served[k * t..(k + 1) * t].iter().sum();
                assert!(close(served + u.dropped[k], s.work[k], 1e-9));
                assert!((0..t).all(|j| u.served[k * t + j] <= s.rate[k * t + j] * (1.0 + 1e-9)));
            }
            for j in 0..t {
                let taken: f64 = u.pooled[j] + (0..p.rentals.len()).map(|f| u.rented[f * t + j]).sum::<f64>();
                let committed: f64 = x.iter().enumerate().map(|(o, x)| x * s.commit_hours[o * t + j]).sum();
                assert!(u.pooled[j] <= committed * (1.0 + 1e-9));
                let split: f64 = (0..x.len()).map(|o| u.of_commitment(&p, s, &x, o)[j]).sum();
                assert!(close(split, u.pooled[j], 1e-9));
                let served: f64 = (0..p.demands.len()).map(|k| u.served[k * t + j]).sum();
                assert!((taken - served).abs() <= 1e-7 * served.max(1.0), "{taken} {served}");
            }
            assert!(close(recourse::cost(&p, s, &x, &u), usd, 1e-12));
        }
    }
}

/// Slopes are what a small step in the commitments changes, from above and below.
#[test]
fn slopes_lie_between_the_one_sided_differences() {
    for (i, size) in sizes().into_iter().enumerate() {
        let p = program(40 + i as u64, size);
        let ready = Ready::new(&p);
        let x: Vec<f64> = p.commitments.iter().map(|c| c.most * 0.37).collect();
        let here = ready.costs(&x);
        let n = x.len();
        for o in 0..n {
            let step = 1e-4;
            let moved = |by: f64| {
                let mut y = x.clone();
                y[o] += by;
                ready.costs(&y).usd
            };
            let (up, down) = (moved(step), moved(-step));
            for s in 0..p.scenarios.len() {
                let slope = here.slope[s * n + o];
                let (right, left) = ((up[s] - here.usd[s]) / step, (here.usd[s] - down[s]) / step);
                let slack = 1e-3 * (1.0 + slope.abs());
                assert!(slope <= right + slack && slope >= left - slack, "size {i} scenario {s}: {left} {slope} {right}");
            }
        }
    }
}

/// The whole program: same least cost as the extensive form, with and without CVaR.
#[test]
fn first_stage_equals_the_extensive_form() {
    for (i, size) in sizes().into_iter().enumerate() {
        for seed in 0..6 {
            let p = program(1000 + seed + 100 * i as u64, size);
            let ready = Ready::new(&p);
            for risk in [Risk::MEAN, Risk { level: 0.75, weight: 0.5 }, Risk { level: 0.5, weight: 5.0 }] {
                let aim = Aim { risk, gap: 1e-9, ..Aim::MEAN };
                let ours = solve(&Together::new(vec![&ready]), &aim, &|_| true);
                let (theirs, _) = least(&p, risk, None, None).expect("always feasible");
                assert!(close(ours.usd, theirs, 1e-7), "size {i} seed {seed} {risk:?}: {} against {theirs}", ours.usd);
                assert!(ours.bound <= theirs * (1.0 + 1e-9), "{} above {theirs}", ours.bound);
            }
        }
    }
}

/// A limit on the CVaR of the cost: same least mean as the extensive form, or both say that it cannot be kept.
#[test]
fn budgets_equal_the_extensive_form() {
    let (mut kept, mut broken) = (0, 0);
    for seed in 0..12 {
        let p = program(2000 + seed, SMALL);
        let ready = Ready::new(&p);
        let free = solve(&Together::new(vec![&ready]), &Aim::MEAN, &|_| true);
        let tail = risk::cvar(&ready.costs(&free.x).usd, 0.75);
        for share in [1.01, 0.99, 0.97, 0.6] {
            let budget = Some((0.75, tail * share));
            let ours = solve(&Together::new(vec![&ready]), &Aim { budget, gap: 1e-9, ..Aim::MEAN }, &|_| true);
            match least(&p, Risk::MEAN, budget, None) {
                Some((theirs, _)) => {
                    kept += 1;
                    assert!(ours.within_budget && close(ours.usd, theirs, 1e-6), "{seed} {share}: {} against {theirs}", ours.usd);
                }
                None => {
                    broken += 1;
                    assert!(!ours.within_budget, "{seed} {share}");
                }
            }
        }
    }
    assert!(kept > 12 && broken > 5, "{kept} kept, {broken} broken");
}

/// Run period by period a plan costs no less than with foresight, and the same when prices stand still.
#[test]
fn without_foresight_nothing_is_cheaper() {
    for (i, size) in sizes().into_iter().enumerate() {
        let mut p = program(70 + i as u64, size);
        let x: Vec<f64> = p.commitments.iter().map(|c| c.most * 0.3).collect();
        let cost = |p: &secondsource_market::decide::Program| -> Vec<(f64, f64)> {
            let seen = Ready::new(p).costs(&x).usd;
            let run = policy::run(p, &x);
            p.scenarios.iter().zip(&run).zip(seen).map(|((s, u), seen)| (recourse::cost(p, s, &x, u), seen)).collect()
        };
        for (run, seen) in cost(&p) {
            assert!(run >= seen * (1.0 - 1e-9), "size {i}: {run} below {seen}");
        }
        // Every scenario sees the same prices and supply: nothing is unknown but what comes too late to matter.
        let (price, hours) = (p.scenarios[0].rent_price.clone(), p.scenarios[0].rent_hours.clone());
        for s in &mut p.scenarios {
            s.rent_price.clone_from(&price);
            s.rent_hours.clone_from(&hours);
        }
        for (run, seen) in cost(&p) {
            assert!(close(run, seen, 1e-7), "size {i}: {run} against {seen}");
        }
    }
}
