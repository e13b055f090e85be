//! Closed form against simulation, and against what others computed.

use secondsource_campaign::{CampaignInput, best_interval, closed_form, daly, save_period, simulate, young};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// A job that is interrupted every `mtti_h` hours, with a long campaign so that its ends do not matter.
fn job(mtti_h: f64, stall_s: f64, restart_s: f64) -> CampaignInput {
    let failures_per_node_day = 24.0 / mtti_h / 100.0;
    CampaignInput { failures_per_node_day, stall_s, restart_s, ..CampaignInput::undisturbed(400.0 * mtti_h * HOUR, 100.0) }
}

/// Mean wall time of simulated campaigns over the closed form's.
fn simulated_over_closed(input: &CampaignInput, runs: u32) -> f64 {
    let d = simulate(input, runs, 1).unwrap();
    d.quantiles(|r| r.wall_s()).mean / d.expected.wall_s
}

/// The three regimes of the Monte Carlo that was written before this program: (stall, restart, mean time, U).
#[test]
fn three_regimes() {
    for (mtti_h, stall, restart, expected) in [(3.09, 60.0, 10.0 * MINUTE, 0.8525)] {
        let input = job(mtti_h, stall, restart);
        let g = closed_form(&input).unwrap().goodput;
        assert!((g - expected).abs() < 1e-3, "{g} and {expected}");
        let ratio = simulated_over_closed(&input, 2000);
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
    }
}

#[test]
fn every_term_agrees_with_the_simulation() {
    let base = job(2.0, 45.0, 8.0 * MINUTE);
    let cases = [
        ("detection", CampaignInput { detect_s: 15.0 * MINUTE, ..base }),
        ("lag", CampaignInput { stall_s: 4.0, lag_s: 6.0 * MINUTE, ..base }),
        ("lag as long as the interval", CampaignInput { stall_s: 4.0, lag_s: 20.0 * MINUTE, interval_s: Some(60.0), ..base }),
        ("a fixed interval", CampaignInput { interval_s: Some(1.5 * HOUR), ..base }),
        ("silent corruption", CampaignInput { silent_share: 0.1, silent_rollback: 3.0, ..base }),
        ("planned stops", CampaignInput { planned_every_s: 20.0 * HOUR, planned_s: HOUR, ..base }),
        ("spares", CampaignInput { spares: Some(2), repair_s: 3.0 * HOUR, node_loss_share: 0.7, ..base }),
    ];
    for (name, input) in cases {
        let d = simulate(&input, 1500, 7).unwrap();
        let parts = d.mean_parts();
        let ratio = parts.total() / d.expected.wall_s;
        println!("{name}: {ratio} {:?} {:?}", parts.to_array().map(|v| v / parts.total()), d.expected.parts.to_array().map(|v| v / d.expected.wall_s));
        assert!((ratio - 1.0).abs() < 4e-3, "{name}: {ratio}");
        for (got, want) in parts.to_array().iter().zip(d.expected.parts.to_array()) {
            assert!((got - want).abs() < 4e-3 * parts.total(), "{name}: {parts:?} and {:?}", d.expected.parts);
        }
    }
}

#[test]
fn the_best_interval_is_best() {
    for (mtti_h, stall) in [(3.09, 60.0), (3.09, 5.0), (0.225, 5.0), (168.0, 40.0)] {
        let input = job(mtti_h, stall, 300.0);
        let best = best_interval(&input);
        let at = |interval: f64| closed_form(&CampaignInput { interval_s: Some(interval), ..input }).unwrap().goodput;
        assert!(at(best) >= at(best * 0.98) && at(best) >= at(best * 1.02), "{best}");
        println!("{mtti_h} {stall}: best {best} daly {} young {} nv {}", daly(stall, mtti_h * HOUR), young(stall, mtti_h * HOUR), save_period(stall, mtti_h * HOUR, 300.0));
        // The search for silent corruption finds the same where there is none to speak of.
        let searched = best_interval(&CampaignInput { silent_share: 1e-9, silent_rollback: 1e-3, ..input });
        assert!((searched / best - 1.0).abs() < 1e-4, "{searched} and {best}");
    }
}
