use secondsource_campaign::{Band, CampaignInput, Clock, Spread, renewals, simulate};
#[test]
fn weibull() {
    assert!((renewals(1.0, 2.0) - 2.0).abs() < 1e-3);
    let input = CampaignInput {
        failures_per_node_day: 0.00379,
        clock: Clock::Weibull { shape: 0.7, observed_days: 54.0 },
        restart_s: 300.0, stall_s: 5.0,
        spread: Spread { failures: Band { low: 0.5, high: 2.0 }, ..Spread::NONE },
        ..CampaignInput::undisturbed(50.0 * 86400.0, 2048.0)
    };
    let t = std::time::Instant::now();
    let d = simulate(&input, 400, 1).unwrap();
    println!("{:?} {:?} {:?}", d.quantiles(|r| f64::from(r.failures)), d.expected, t.elapsed());
    let e = CampaignInput { clock: Clock::Exponential, ..input };
    let t = std::time::Instant::now();
    let d = simulate(&e, 400, 1).unwrap();
    println!("{:?} {:?} {:?}", d.quantiles(|r| f64::from(r.failures)), d.expected, t.elapsed());
}
