use secondsource_market::decide::newsvendor::{critical_ratio, reserve};
use secondsource_market::decide::{Aim, Commitment, Demand, Program, Ready, Scenario, Together, solve};

/// One period, one commitment at a fixed price per hour, on-demand at need, uncertain demand: the program must reserve to
/// the critical quantile.
fn program(demands: &[f64], on_demand: f64, reserved: f64) -> Program {
    let scenario = |work: &f64| Scenario {
        fixed: 0.0,
        commit_cost: vec![reserved],
        commit_hours: vec![1.0],
        rent_price: vec![on_demand],
        rent_hours: vec![f64::INFINITY],
        work: vec![*work],
        rate: vec![1e9],
        late: vec![0.0],
        drop: vec![1e3],
    };
    Program {
        periods: 1,
        commitments: vec![Commitment { name: "reserved".into(), unit: 1.0, most: 1e4 }],
        rentals: vec!["on-demand".into()],
        demands: vec![Demand { name: "work".into(), from: 0, until: 1 }],
        scenarios: demands.iter().map(scenario).collect(),
    }
}

#[test]
fn the_program_reserves_to_the_critical_quantile() {
    let demands: Vec<f64> = (0..101).map(|i| f64::from((i * 37) % 101) * 10.0).collect();
    for (on_demand, reserved) in [(6.88, 2.972), (10.0, 7.0), (4.0, 3.9), (3.0, 0.3), (2.0, 2.5)] {
        let p = program(&demands, on_demand, reserved);
        let ready = Ready::new(&p);
        let s = solve(&Together::new(vec![&ready]), &Aim { gap: 1e-10, ..Aim::MEAN }, &|_| true);
        let closed = reserve(&demands, on_demand, reserved);
        assert!((s.x[0] - closed).abs() < 1e-2, "{on_demand} {reserved}: {} chips against {closed}", s.x[0]);
    }
}

/// Prices of p5 on AWS on 2026-09-19: on-demand 6.88, three years 2.972 USD per GPU-hour (validation of the formula
/// with numbers that a reader can check by hand).
#[test]
fn critical_ratio_by_hand() {
    assert!((critical_ratio(6.88, 2.972) - 0.568_023).abs() < 1e-6);
    assert_eq!((critical_ratio(2.0, 3.0), critical_ratio(0.0, 1.0)), (0.0, 0.0));
    assert_eq!(reserve(&[10.0, 20.0, 30.0, 40.0], 4.0, 1.0), 30.0);
    assert_eq!((reserve(&[], 4.0, 1.0), reserve(&[5.0], 1.0, 2.0)), (0.0, 0.0));
}
