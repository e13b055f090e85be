//! Small programs drawn at random from a seed.

use secondsource_base::Stream;
use secondsource_market::decide::{Commitment, Demand, Program, Scenario};

/// Sizes of a random program.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub periods: usize,
    pub commitments: usize,
    pub rentals: usize,
    pub demands: usize,
    pub scenarios: usize,
    /// Demands that want the same periods.
    pub shared: bool,
}

pub fn program(seed: u64, size: Size) -> Program {
    let mut r = Stream::new(seed, "program");
    let t = size.periods;
    let commitments: Vec<Commitment> =
        (0..size.commitments).map(|o| Commitment { name: format!("c{o}"), unit: 8.0, most: 8.0 * (1 + r.below(40)) as f64 }).collect();
    let each = (t / size.demands.max(1)).max(1);
    let demands: Vec<Demand> = (0..size.demands)
        .map(|k| {
            let (from, until) = if size.shared {
                let from = r.below(t as u64) as usize;
                (from, from + 1 + r.below((t - from) as u64) as usize)
            } else {
                (k * each, ((k + 1) * each).min(t))
            };
            Demand { name: format!("d{k}"), from, until }
        })
        .collect();
    // Which commitment is alive when is the same in all scenarios, but for a delay.
    let life: Vec<(usize, usize)> = (0..size.commitments)
        .map(|_| {
            let from = r.below(t as u64) as usize;
            (from, from + 1 + r.below((t - from) as u64) as usize)
        })
        .collect();
    let scenarios = (0..size.scenarios).map(|_| scenario(&mut r, size, &demands, &life)).collect();
    let p = Program { periods: t, commitments, rentals: (0..size.rentals).map(|f| format!("r{f}")).collect(), demands, scenarios };
    p.check().expect("a sound program");
    p
}

fn scenario(r: &mut Stream, size: Size, demands: &[Demand], life: &[(usize, usize)]) -> Scenario {
    let t = size.periods;
    let hours = 730.0;
    let between = |r: &mut Stream, a: f64, b: f64| a + (b - a) * r.uniform();
    let mut commit_hours = vec![0.0; size.commitments * t];
    for (o, (from, until)) in life.iter().enumerate() {
        let delay = r.below(2) as usize;
        for j in (from + delay).min(*until)..*until {
            commit_hours[o * t + j] = hours * between(r, 0.9, 1.0);
        }
    }
    Scenario {
        fixed: between(r, 0.0, 1e4),
        commit_cost: life.iter().map(|(a, b)| (b - a) as f64 * hours * between(r, 0.8, 2.5)).collect(),
        commit_hours,
        rent_price: (0..size.rentals * t).map(|_| between(r, 1.5, 6.0)).collect(),
        rent_hours: (0..size.rentals * t)
            .map(|_| match r.below(4) {
                0 => 0.0,
                1 => f64::INFINITY,
                _ => hours * between(r, 10.0, 200.0),
            })
            .collect(),
        work: demands.iter().map(|_| hours * between(r, 50.0, 500.0)).collect(),
        rate: (0..demands.len()).flat_map(|_| vec![hours * 8.0 * (5 + r.below(40)) as f64; t]).collect(),
        late: demands
            .iter()
            .flat_map(|d| {
                let due = d.from + (d.until - d.from) / 2;
                let each = between(r, 0.0, 2.0);
                (0..t).map(move |j| if j > due { each * (j - due) as f64 } else { 0.0 }).collect::<Vec<_>>()
            })
            .collect(),
        drop: demands.iter().map(|_| between(r, 8.0, 20.0)).collect(),
    }
}
