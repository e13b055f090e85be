use crate::cases::{Size, program};
use crate::extensive::least;
use secondsource_market::decide::value::{gap, of_stochastic_solution, wait_and_see};
use secondsource_market::decide::{Aim, Program, Ready, Risk, Together, risk, solve, units};

const SIZE: Size = Size { periods: 5, commitments: 3, rentals: 2, demands: 1, scenarios: 10, shared: false };

/// Wait-and-see against the extensive form of every scenario alone, over two systems.
#[test]
fn wait_and_see_solves_every_scenario_alone() {
    for seed in 0..4 {
        let (a, b) = (program(seed, SIZE), program(seed + 50, SIZE));
        let ours = wait_and_see(&[vec![&a], vec![&b]], SIZE.scenarios);
        for (s, ours) in ours.iter().enumerate() {
            let alone = |p: &Program| least(&p.over(vec![p.scenarios[s].clone()]), Risk::MEAN, None, None).expect("feasible").0;
            let theirs = alone(&a).min(alone(&b));
            assert!((ours - theirs).abs() < 1e-5 * theirs, "seed {seed} scenario {s}: {ours} against {theirs}");
        }
    }
}

/// wait-and-see <= program <= plan on averages, on average (Birge and Louveaux, proposition 4.1).
#[test]
fn information_and_stochastics_are_never_worth_less_than_nothing() {
    for seed in 0..8 {
        let p = program(300 + seed, SIZE);
        let ready = Ready::new(&p);
        let together = Together::new(vec![&ready]);
        let best = solve(&together, &Aim { gap: 1e-8, ..Aim::MEAN }, &|_| true);
        let knowing = risk::mean(&wait_and_see(&[vec![&p]], SIZE.scenarios));
        let (vss, x) = of_stochastic_solution(&together, best.usd);
        assert!(knowing <= best.usd * (1.0 + 1e-6), "{knowing} above {}", best.usd);
        assert!(vss >= -1e-6 * best.usd, "{vss}");
        assert!((risk::mean(&together.usd(&x)) - best.usd - vss).abs() < 1e-9 * best.usd);
    }
}

/// The gap of the true optimum of a large sample is small; that of a bad plan is what it costs more.
#[test]
fn the_gap_sees_a_bad_plan() {
    let big = program(17, Size { scenarios: 400, ..SIZE });
    let ready = Ready::new(&big);
    let together = Together::new(vec![&ready]);
    let best = solve(&together, &Aim::MEAN, &|_| true);
    let bad: Vec<f64> = together.most();
    let batches: Vec<Vec<Program>> = (0..4).map(|i| vec![big.over(big.scenarios[i * 100..(i + 1) * 100].to_vec())]).collect();
    let (good_gap, bad_gap) = (gap(&batches, &best.x).expect("batches"), gap(&batches, &bad).expect("batches"));
    let excess = risk::mean(&together.usd(&bad)) - best.usd;
    assert!(good_gap.usd < 0.02 * best.usd && good_gap.usd <= good_gap.upper, "{good_gap:?}");
    assert!((bad_gap.usd / excess - 1.0).abs() < 0.1, "{bad_gap:?} against {excess}");
    assert!(gap(&batches[..1], &bad).is_none());
}

/// Whole units by brute force over all of them.
#[test]
fn whole_units_equal_brute_force() {
    let mut same = 0;
    for seed in 0..10 {
        let mut p = program(900 + seed, Size { commitments: 2, ..SIZE });
        // Few and large units, so that all combinations can be tried.
        for c in &mut p.commitments {
            (c.unit, c.most) = (64.0, 320.0);
        }
        let ready = Ready::new(&p);
        let together = Together::new(vec![&ready]);
        let plan = solve(&together, &Aim::MEAN, &|_| true);
        let (x, usd) = units::whole(&together, &Aim::MEAN, &plan.x);
        assert!(x.iter().all(|v| (v / 64.0).fract() == 0.0 && *v <= 320.0));
        let all = (0..36).map(|i| [f64::from(i % 6) * 64.0, f64::from(i / 6) * 64.0]);
        let least = all.map(|x| risk::mean(&together.usd(&x))).fold(f64::INFINITY, f64::min);
        assert!(usd <= least * 1.01, "seed {seed}: {usd} against {least}");
        same += u32::from(usd <= least * (1.0 + 1e-12));
    }
    assert!(same >= 8, "only {same} of 10 are the best");
}
