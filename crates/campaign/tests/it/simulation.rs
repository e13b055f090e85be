//! Laws that every simulated campaign keeps.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_base::Stream;
use secondsource_campaign::{Band, CampaignInput, Clock, Distribution, Spread, closed_form, renewals, simulate};

const DAY: f64 = 86_400.0;

fn campaign() -> CampaignInput {
    CampaignInput {
        failures_per_node_day: 0.004,
        detect_s: 100.0,
        restart_s: 400.0,
        stall_s: 6.0,
        lag_s: 60.0,
        spread: Spread {
            work: Band { low: 0.9, high: 1.3 },
            failures: Band { low: 0.6, high: 1.7 },
            restart: Band { low: 0.5, high: 2.0 },
            ..Spread::NONE
        },
        ..CampaignInput::undisturbed(20.0 * DAY, 1000.0)
    }
}

/// The same bytes under one thread and four, and under the next call; other bytes from another seed.
#[test]
fn the_seed_decides() {
    let of = |threads: usize, seed: u64| -> Distribution {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| simulate(&campaign(), 64, seed).unwrap())
    };
    assert_eq!(of(1, 9), of(4, 9));
    assert_ne!(of(1, 9).runs, of(1, 10).runs);
    // More runs begin with the same ones.
    assert_eq!(simulate(&campaign(), 100, 9).unwrap().runs[..64], of(1, 9).runs);
}

/// Bands are drawn so that their ends are the 5% and 95% points: with nothing failing, wall time is work.
#[test]
fn bands_are_quantiles() {
    let input = CampaignInput { failures_per_node_day: 0.0, ..campaign() };
    let q = simulate(&input, 20_000, 1).unwrap().quantiles(|r| r.wall_s() / (20.0 * DAY));
    assert!((q.p5 - 0.9).abs() < 5e-3 && (q.p50 - 1.0).abs() < 5e-3 && (q.p95 - 1.3).abs() < 1e-2, "{q:?}");
}

/// Uncertain failure rates widen the interval and leave its middle about where it is.
#[test]
fn uncertainty_widens() {
    let narrow = simulate(&CampaignInput { spread: Spread::NONE, ..campaign() }, 2000, 1).unwrap().quantiles(|r| r.wall_s());
    let spread = Spread { failures: Band { low: 0.5, high: 2.0 }, ..Spread::NONE };
    let wide = simulate(&CampaignInput { spread, ..campaign() }, 2000, 1).unwrap().quantiles(|r| r.wall_s());
    assert!(wide.p95 - wide.p5 > 3.0 * (narrow.p95 - narrow.p5));
    assert!((wide.p50 / narrow.p50 - 1.0).abs() < 0.01);
}

/// Weibull nodes one by one, each with its own clock, against the superposed clock of the simulation: as many failures
/// over the window as the rate says, and as many of them early.
#[test]
fn weibull_nodes_one_by_one() {
    let (nodes, days, rate) = (400.0, 50.0, 0.01);
    for shape in [0.6, 0.8, 1.5] {
        let clock = Clock::Weibull { shape, observed_days: days };
        let job = |until: f64| CampaignInput { failures_per_node_day: rate, clock, ..CampaignInput::undisturbed(until * DAY, nodes) };
        // Nothing is lost and recovery is instant, so the wall clock is the clock of the failures.
        let count = |until| {
            let input = CampaignInput { interval_s: Some(1.0), ..job(until) };
            simulate(&input, 200, 1).unwrap().quantiles(|r| f64::from(r.failures)).mean
        };
        let (early, all) = (count(days / 10.0), count(days));
        assert!((all / (nodes * days * rate) - 1.0).abs() < 0.02, "shape {shape}: {all}");
        // By hand: the scale at which a node has rate x days renewals on average, found by bisection, then drawn.
        let (mut low, mut high) = (1.0, 1e6);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if renewals(shape, days / middle) > rate * days { low = middle } else { high = middle }
        }
        let mut stream = Stream::new(4, "by hand");
        let mut hand = [0.0, 0.0];
        let rounds = 250;
        for _ in 0..rounds * nodes as u32 {
            let mut t = stream.weibull(low, shape);
            while t < days {
                hand[0] += f64::from(u8::from(t < days / 10.0));
                hand[1] += 1.0;
                t += stream.weibull(low, shape);
            }
        }
        let hand = hand.map(|h| h / f64::from(rounds));
        assert!((hand[1] / all - 1.0).abs() < 0.03, "shape {shape}: {hand:?} and {all}");
        assert!((hand[0] / early - 1.0).abs() < 0.12, "shape {shape}: {hand:?} and {early}");
        // Infant mortality is a shape below one.
        assert_eq!(early > all / 10.0, shape < 1.0, "shape {shape}: {early} of {all}");
    }
}

/// m(x) = x for shape 1; for a shape of 2, the first two terms of its power series are x^2 - x^4 / 3.
#[test]
fn renewal_function() {
    for x in [0.1, 1.0, 4.0] {
        assert!((renewals(1.0, x) / x - 1.0).abs() < 2e-3, "{x}");
    }
    let x: f64 = 0.2;
    assert!((renewals(2.0, x) / (x.powi(2) - x.powi(4) / 3.0) - 1.0).abs() < 2e-3);
}

#[test]
fn what_cannot_be_computed_is_refused() {
    let refused = |input: CampaignInput, word: &str| {
        let d = simulate(&input, 10, 1).unwrap_err();
        assert!(d.message.contains(word), "{}", d.message);
    };
    refused(CampaignInput { nodes: 0.0, ..campaign() }, "nodes");
    refused(CampaignInput { work_s: f64::NAN, ..campaign() }, "work");
    refused(CampaignInput { restart_s: -1.0, ..campaign() }, "restart");
    refused(CampaignInput { clock: Clock::Weibull { shape: 0.0, observed_days: 54.0 }, ..campaign() }, "Weibull");
    refused(CampaignInput { failures_per_node_day: 10.0, ..campaign() }, "no headway");
    assert!(simulate(&campaign(), 0, 1).is_err());
    let none = CampaignInput { failures_per_node_day: -0.0, ..campaign() };
    assert_eq!(simulate(&none, 2, 1).unwrap().quantiles(|r| f64::from(r.failures)).p95, 0.0);
    let slow = CampaignInput { failures_per_node_day: 0.5, restart_s: 1.0, detect_s: 0.0, work_s: 1e10, ..campaign() };
    assert!(simulate(&slow, 100_000, 1).unwrap_err().hints[0].contains("at most"));
}

fn inputs() -> impl Strategy<Value = CampaignInput> {
    let times = (0.0..4000.0, 0.0..4000.0, 0.0..600.0, 0.0..1500.0, prop::option::of(1.0..1e5));
    let losses = (0.0..1.0, 0.0..0.5, 1u32..9, 0.0..0.3, 0.0..6.0, prop::option::of(0u32..40), 0.0..3e5);
    let rest = (1.0..5e6, 1.0..5000.0, 0.0..0.05, 1e4..1e6, 0.0..4e4, prop::bool::ANY, 0.5..2.0);
    (times, losses, rest).prop_map(|(t, l, r)| CampaignInput {
        work_s: r.0,
        nodes: r.1,
        failures_per_node_day: r.2,
        clock: if r.5 { Clock::Weibull { shape: r.6, observed_days: 30.0 } } else { Clock::Exponential },
        node_loss_share: l.0,
        group_share: l.1,
        group_nodes: l.2,
        silent_share: l.3,
        silent_rollback: l.4,
        detect_s: t.0,
        restart_s: t.1,
        stall_s: t.2,
        lag_s: t.3,
        interval_s: t.4,
        spares: l.5,
        repair_s: l.6,
        planned_every_s: r.3,
        planned_s: r.4,
        spread: campaign().spread,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_add_up_and_nothing_is_negative(input in inputs()) {
        let Ok(d) = simulate(&input, 4, 3) else { return Ok(()) };
        for run in &d.runs {
            let parts = run.parts.to_array();
            prop_assert!(parts.iter().all(|p| p.is_finite() && *p >= 0.0), "{parts:?}");
            prop_assert!(run.goodput() <= 1.0 + 1e-12);
            prop_assert!(run.finished || run.goodput() < 0.1 || run.failures > 10_000, "{run:?}");
        }
        let mean = d.mean_parts().total();
        let wall = d.quantiles(|r| r.wall_s());
        prop_assert!((mean / wall.mean - 1.0).abs() < 1e-12);
        prop_assert!(wall.p5 <= wall.p50 && wall.p50 <= wall.p95);
    }

    #[test]
    fn worse_inputs_take_longer(input in inputs()) {
        let input = CampaignInput { clock: Clock::Exponential, ..input };
        let Some(base) = closed_form(&input) else { return Ok(()) };
        prop_assert!((base.parts.total() / base.wall_s - 1.0).abs() < 1e-9 && base.parts.to_array().iter().all(|p| *p >= -1e-6));
        // A shorter write may allow a shorter interval; the other changes leave the interval alone.
        let interval_s = Some(base.interval_s);
        let fixed = CampaignInput { interval_s, ..input };
        let worse = [
            CampaignInput { failures_per_node_day: input.failures_per_node_day * 1.2, ..fixed },
            CampaignInput { detect_s: input.detect_s + 60.0, ..fixed },
            CampaignInput { restart_s: input.restart_s + 60.0, ..fixed },
            CampaignInput { stall_s: input.stall_s + 10.0, ..fixed },
            CampaignInput { planned_s: input.planned_s + 60.0, ..fixed },
            CampaignInput { spares: input.spares.map(|s| s / 2), ..fixed },
        ];
        for w in worse {
            if let Some(g) = closed_form(&w) {
                prop_assert!(g.wall_s >= base.wall_s * (1.0 - 1e-9), "{} then {} with {w:?}", base.wall_s, g.wall_s);
            }
        }
        // And no interval beats the best one.
        let best = closed_form(&CampaignInput { interval_s: None, ..input }).expect("the best interval is no worse");
        prop_assert!(best.wall_s <= base.wall_s * (1.0 + 1e-6));
    }
}
