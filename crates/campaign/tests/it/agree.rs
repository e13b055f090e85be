//! Closed form against simulation, and against what others computed.

use secondsource_campaign::{CampaignInput, Clock, Parts, best_interval, closed_form, daly, save_period, simulate, spares_for, young};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// A job of 100 nodes that is interrupted every `mtti_s` on average, over 400 such times, so that the campaign's ends do
/// not matter.
fn job(mtti_s: f64, stall_s: f64, restart_s: f64) -> CampaignInput {
    let failures_per_node_day = 86_400.0 / mtti_s / 100.0;
    CampaignInput { failures_per_node_day, stall_s, restart_s, ..CampaignInput::undisturbed(400.0 * mtti_s, 100.0) }
}

/// Three regimes of an independent Monte Carlo (closed form, simulated), its best intervals, and NVIDIA's period, which is
/// another quantity: (mean time, stall, restart, closed, simulated, best, period), seconds.
const REGIMES: [(f64, f64, f64, f64, f64, f64, f64); 3] = [
    (3.09 * HOUR, 60.0, 600.0, 0.8525, 0.8526, 1115.0, 1248.0),
    (1.8 * HOUR, 5.0, 300.0, 0.9177, 0.9178, 251.0, 265.0),
    (0.3 * HOUR, 5.0, 120.0, 0.8115, 0.8119, 101.0, 115.0),
];

#[test]
fn three_regimes() {
    for (m, stall, restart, closed, simulated, best, period) in REGIMES {
        let input = job(m, stall, restart);
        let g = closed_form(&input).unwrap();
        assert!((g.goodput - closed).abs() < 1e-4, "{} and {closed}", g.goodput);
        assert!((g.interval_s - best).abs() < 1.0, "{} and {best}", g.interval_s);
        assert!((daly(stall, m) - g.interval_s).abs() < 1.0);
        assert!((1.01..1.045).contains(&(young(stall, m) / g.interval_s)), "Young is a few percent high");
        assert!((save_period(stall, m, restart) - period).abs() < 0.5);
        let mean = simulate(&input, 1000, 1).unwrap().quantiles(|r| r.goodput()).mean;
        assert!((mean - simulated).abs() < 6e-4, "{mean} and {simulated}");
        assert!((mean - g.goodput).abs() < 6e-4, "{mean} and {}", g.goodput);
    }
}

/// Where the time goes, part by part.
#[test]
fn every_term_agrees_with_the_simulation() {
    let base = job(2.0 * HOUR, 45.0, 8.0 * MINUTE);
    let cases = [
        ("detection", CampaignInput { detect_s: 15.0 * MINUTE, ..base }),
        ("lag", CampaignInput { stall_s: 4.0, lag_s: 6.0 * MINUTE, ..base }),
        ("lag as long as the interval", CampaignInput { stall_s: 4.0, lag_s: 20.0 * MINUTE, interval_s: Some(60.0), ..base }),
        ("a fixed interval", CampaignInput { interval_s: Some(1.5 * HOUR), ..base }),
        ("silent corruption", CampaignInput { silent_share: 0.1, silent_rollback: 3.0, ..base }),
        ("planned stops", CampaignInput { planned_every_s: 20.0 * HOUR, planned_s: HOUR, ..base }),
        ("spares", CampaignInput { spares: Some(2), repair_s: 3.0 * HOUR, node_loss_share: 0.7, ..base }),
        ("free checkpoints", CampaignInput { stall_s: 0.0, interval_s: Some(300.0), ..base }),
    ];
    for (name, input) in cases {
        let d = simulate(&input, 1500, 7).unwrap();
        let (parts, expected) = (d.mean_parts(), d.expected.parts);
        let ratio = parts.total() / d.expected.wall_s;
        assert!((ratio - 1.0).abs() < 2e-3, "{name}: {ratio}");
        for ((got, want), part) in parts.to_array().iter().zip(expected.to_array()).zip(Parts::NAMES) {
            assert!((got - want).abs() < 2e-3 * parts.total(), "{name}, {part}: {got} and {want}");
        }
        let failures = d.quantiles(|r| f64::from(r.failures)).mean;
        assert!((failures / d.expected.failures - 1.0).abs() < 0.01 || name == "detection", "{name}: {failures}");
    }
}

/// With silent corruption the maximum is searched; it must meet the one that is solved for, and be one.
#[test]
fn the_best_interval_is_best() {
    for (m, stall, ..) in REGIMES {
        for (silent_share, silent_rollback) in [(0.0, 0.0), (1e-9, 1e-3), (0.05, 4.0), (0.3, 1.0)] {
            let input = CampaignInput { silent_share, silent_rollback, ..job(m, stall, 300.0) };
            let best = best_interval(&input);
            let at = |f: f64| closed_form(&CampaignInput { interval_s: Some(best * f), ..input }).unwrap().goodput;
            assert!(at(1.0) >= at(0.97) && at(1.0) >= at(1.03), "{best} with {silent_share} x {silent_rollback}");
        }
    }
    let input = job(3.0 * HOUR, 30.0, 0.0);
    let searched = best_interval(&CampaignInput { silent_share: 1e-9, silent_rollback: 1e-3, ..input });
    assert!((searched / best_interval(&input) - 1.0).abs() < 1e-4);
}

/// Erlang's loss formula by hand: B(1, a) = a / (1 + a), B(2, a) = a^2 / (2 + 2 a + a^2).
#[test]
fn waiting_for_spares() {
    let input = CampaignInput { spares: Some(1), repair_s: 5.0 * HOUR, ..job(10.0 * HOUR, 10.0, 60.0) };
    let a = 0.5;
    let g = closed_form(&input).unwrap();
    let waiting = a * a / (2.0 + 2.0 * a + a * a);
    assert!((g.parts.waiting / g.wall_s - waiting).abs() < 1e-12);
    let enough = spares_for(&input, 1e-3);
    let share = |spares| closed_form(&CampaignInput { spares: Some(spares), ..input }).map(|g| g.parts.waiting / g.wall_s).unwrap();
    assert!(share(enough) <= 1e-3 && share(enough - 1) > 1e-3);
    // Unlimited spares are the limit of many.
    let none = closed_form(&CampaignInput { spares: None, ..input }).unwrap().wall_s;
    assert!((closed_form(&CampaignInput { spares: Some(60), ..input }).unwrap().wall_s / none - 1.0).abs() < 1e-12);
}

/// Nodes that are lost in groups empty the pool sooner than the same number lost one by one.
#[test]
fn correlated_losses_wait_longer() {
    let single = CampaignInput { spares: Some(6), repair_s: 20.0 * HOUR, ..job(6.0 * HOUR, 10.0, 300.0) };
    let waiting = |input: &CampaignInput| simulate(input, 300, 5).unwrap().mean_parts().waiting;
    // A tenth of the losses take five nodes; as many nodes are lost when the others are rarer.
    let mean = 1.0 + 0.1 * 4.0;
    let grouped = CampaignInput { group_share: 0.1, group_nodes: 5, node_loss_share: 1.0 / mean, ..single };
    assert!((grouped.nodes_lost_each() - 1.0).abs() < 1e-12);
    assert!(waiting(&grouped) > 1.5 * waiting(&single), "{} and {}", waiting(&grouped), waiting(&single));
}

/// A Weibull clock of shape 1 is the exponential one, whatever its window.
#[test]
fn weibull_of_shape_one() {
    let base = job(2.0 * HOUR, 30.0, 600.0);
    let clock = Clock::Weibull { shape: 1.0, observed_days: 20.0 };
    let goodput = |clock| simulate(&CampaignInput { clock, ..base }, 600, 2).unwrap().quantiles(|r| r.goodput()).mean;
    assert!((goodput(clock) - goodput(Clock::Exponential)).abs() < 1e-3);
}
