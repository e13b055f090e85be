use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::calendar::instant;
use secondsource_market::paths::quantile;
use secondsource_market::seller::Range;
use secondsource_market::supply::share::Record;
use secondsource_market::supply::{Amount, Chain, Customer, Days, Line, Maker, Product, QUARTER, Rule, Stage, run, simulate};

const EXACT: fn(f64) -> Range = Range::exactly;

fn line(name: &str, stage: Stage, capacity: f64, days: f64, n: usize) -> Line {
    Line {
        name: name.into(),
        stage,
        capacity: vec![EXACT(capacity); n],
        days: Days { low: days, high: days },
        maker: None,
        defects: None,
        records: vec![],
    }
}

fn product(name: &str, customer: usize, orders: f64, needs: &[(usize, f64)], n: usize) -> Product {
    Product {
        name: name.into(),
        customer,
        orders: vec![EXACT(orders); n],
        needs: needs.iter().map(|(l, a)| (*l, Amount::Stated(EXACT(*a)))).collect(),
        yields: EXACT(1.0),
        integration: Days::NONE,
        after: vec![],
    }
}

fn chain(lines: Vec<Line>, products: Vec<Product>, customers: usize, n: usize) -> Chain {
    Chain {
        start: instant("2025-01-01").expect("a date"),
        quarters: n,
        warm: 0,
        customers: (0..customers).map(|i| Customer { name: format!("c{i}"), class: i as u32 }).collect(),
        makers: vec![],
        lines,
        products,
        rule: Rule::Contract,
        carry: 0.0,
        orders_together: EXACT(0.0),
    }
}

/// min of the three stages, one quarter and a half later: packages = min(dies, packaging, memory) x yield.
#[test]
fn the_smallest_line_decides_and_lags_split() {
    let n = 8;
    let lines = vec![
        line("wafers", Stage::Wafers, 100.0, 0.0, n),
        line("memory", Stage::Memory, 480.0, 0.0, n),
        line("cowos", Stage::Packaging, 10.0, 1.5 * QUARTER, n),
    ];
    // Dies for 1000, memory for 60, packaging for 80, orders of 90: memory binds at 60, of which 90% are good.
    let mut p = product("p", 0, 90.0 * 0.9, &[(0, 0.1), (1, 8.0), (2, 0.125)], n);
    p.yields = EXACT(0.9);
    let c = chain(lines, vec![p], 1, n);
    let r = run(&c, &c.middle(), Rule::Contract);
    assert!(r.started.iter().all(|s| (s - 60.0).abs() < 1e-9), "{:?}", r.started);
    // Before that what was on its way for the orders of 81.
    let want = [81.0, 40.5 + 27.0, 54.0, 54.0, 54.0, 54.0, 54.0, 54.0];
    assert!(r.units.iter().zip(want).all(|(u, w)| (u - w).abs() < 1e-9), "{:?}", r.units);
    assert!(r.binds[n..2 * n].iter().all(|b| *b) && !r.binds[..n].iter().any(|b| *b));
    assert!(r.limit.iter().all(|l| *l == 1));
    // Everything started is delivered, on its way, or scrap.
    let started: f64 = r.started.iter().sum::<f64>() * 0.9;
    assert!((started + 1.5 * 81.0 - r.units.iter().sum::<f64>() - r.on_the_way[0]).abs() < 1e-9);
}

/// Steady state: with wafers started a fab's time ahead, a chain without shortage delivers its orders in every quarter.
#[test]
fn without_shortage_orders_are_met_from_the_first_quarter() {
    let n = 10;
    let lines = vec![line("wafers", Stage::Wafers, 1e9, 1.3 * QUARTER, n), line("cowos", Stage::Packaging, 1e9, 0.6 * QUARTER, n)];
    let mut p = product("p", 0, 0.0, &[(0, 0.1), (1, 0.1)], n);
    p.orders = (0..n).map(|q| EXACT(100.0 + 10.0 * q as f64)).collect();
    let c = chain(lines, vec![p], 1, n);
    let r = run(&c, &c.middle(), Rule::Contract);
    assert!(r.units.iter().enumerate().all(|(q, u)| (u - (100.0 + 10.0 * q as f64)).abs() < 0.04 * u), "{:?}", r.units);
}

/// What a line leaves because another binds goes to those who can use it.
#[test]
fn unused_capacity_is_offered_again() {
    let n = 1;
    let lines = vec![line("memory", Stage::Memory, 10.0, 0.0, n), line("cowos", Stage::Packaging, 100.0, 0.0, n)];
    // The first needs memory and can make 10; packaging is claimed by 200 and shared 50 : 50; the second takes what is left.
    let c = chain(lines, vec![product("a", 0, 100.0, &[(0, 1.0), (1, 1.0)], n), product("b", 1, 100.0, &[(1, 1.0)], n)], 2, n);
    let r = run(&c, &c.middle(), Rule::Proportional);
    assert!((r.started[0] - 10.0).abs() < 1e-9 && (r.started[1] - 90.0).abs() < 1e-6, "{:?}", r.started);
}

#[test]
fn records_and_rules_divide() {
    let n = 2;
    let to = |c: usize| vec![(c, EXACT(1.0))];
    let mut cowos = line("cowos", Stage::Packaging, 100.0, 0.0, n);
    cowos.records = vec![(
        0,
        vec![Record { name: "r".into(), share: EXACT(0.75), to: to(0) }, Record { name: "s".into(), share: EXACT(0.25), to: to(1) }],
    )];
    let c = chain(vec![cowos], vec![product("a", 0, 100.0, &[(0, 1.0)], n), product("b", 1, 100.0, &[(0, 1.0)], n)], 2, n);
    let started = |rule| run(&c, &c.middle(), rule).started;
    assert_eq!(started(Rule::Contract), [75.0, 75.0, 25.0, 25.0]);
    assert_eq!(started(Rule::Uniform), [50.0; 4]);
    assert_eq!(started(Rule::Priority), [100.0, 100.0, 0.0, 0.0]);
    // Waiting orders come back.
    let waits = run(&Chain { carry: 1.0, ..c.clone() }, &c.middle(), Rule::Contract).waiting;
    assert_eq!(waits, [25.0, 50.0, 75.0, 150.0]);
}

/// A rack line of 30 a quarter works off what packaging sends.
#[test]
fn rack_lines_queue() {
    let n = 6;
    let mut cowos = line("cowos", Stage::Packaging, 100.0, 0.0, n);
    cowos.capacity[3..].fill(EXACT(0.0));
    let lines = vec![cowos, line("racks", Stage::Rack, 30.0, QUARTER, n)];
    let c = chain(lines, vec![product("a", 0, 50.0, &[(0, 1.0), (1, 1.0)], n)], 1, n);
    let r = run(&c, &c.middle(), Rule::Contract);
    assert_eq!(r.units, [50.0, 30.0, 30.0, 30.0, 30.0, 30.0]);
}

fn uncertain(n: usize) -> Chain {
    let around = |v: f64| Range { low: 0.8 * v, middle: v, high: 1.4 * v };
    let mut fab = line("wafers", Stage::Wafers, 40.0, 100.0, n);
    fab.defects = Some(Range { low: 0.05, middle: 0.1, high: 0.15 });
    fab.days = Days { low: 80.0, high: 140.0 };
    let mut cowos = line("cowos", Stage::Packaging, 50.0, 40.0, n);
    cowos.capacity = (0..n).map(|q| around(50.0 + q as f64)).collect();
    let mut products: Vec<Product> = (0..4).map(|i| product(&format!("p{i}"), i % 2, 300.0, &[(1, 0.06)], n)).collect();
    for p in &mut products {
        p.orders = vec![around(300.0); n];
        p.yields = Range { low: 0.5, middle: 0.7, high: 0.9 };
        p.after = vec![("ship".into(), Days { low: 5.0, high: 20.0 })];
        p.needs.push((
            0,
            Amount::Dies {
                dies: 2.0,
                area: Range { low: 600.0, middle: 700.0, high: 858.0 },
                gross: vec![(600.0, 92.0), (858.0, 62.0)],
                cores: (0.6, 144, 132),
            },
        ));
    }
    Chain { warm: 2, carry: 0.5, ..chain(vec![fab, cowos], products, 2, n - 2) }
}

#[test]
fn threads_do_not_matter_and_scenarios_nest() {
    let c = uncertain(10);
    let silent = |_: u64, _: u64| {};
    let all = simulate(&c, 60, 9, &silent).expect("a chain");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(pool.install(|| simulate(&c, 60, 9, &silent)).as_ref(), Ok(&all));
    let few = simulate(&c, 20, 9, &silent).expect("a chain");
    assert_eq!(few.deliveries.units, all.deliveries.units[..few.deliveries.units.len()]);
    assert_ne!(simulate(&c, 20, 10, &silent).expect("a chain").deliveries.units, few.deliveries.units);
    // Sums of shares, and some of everything.
    for rows in all.limits.iter().flatten() {
        assert!((rows.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    let mut days: Vec<f64> = (0..60).map(|s| all.deliveries.days_after(s, 0)).collect();
    days.sort_by(f64::total_cmp);
    assert!(quantile(&days, 0.05) > 3.0 && quantile(&days, 0.95) < 35.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// No line is used above its capacity; nothing is made of nothing; more capacity of every line never means fewer chips in total.
    #[test]
    fn conservation(seed in 0u64..1_000_000, rule in 0usize..5) {
        let c = uncertain(9);
        let w = c.draw(seed, 3);
        let r = run(&c, &w, Rule::ALL[rule]);
        let n = c.all();
        for (l, capacity) in w.capacity.iter().enumerate() {
            for (q, there) in capacity.iter().enumerate() {
                prop_assert!(r.used[l * n + q] <= there * (1.0 + 1e-9));
            }
        }
        for p in 0..c.products.len() {
            let row = |v: &[f64]| v[p * n..(p + 1) * n].iter().sum::<f64>();
            prop_assert!(r.started.iter().chain(&r.units).all(|v| *v >= 0.0 && v.is_finite()));
            let good = row(&r.started) * w.yields[p];
            let before = w.orders[p][..2].iter().sum::<f64>() * (w.days[1] + w.integration[p]) / QUARTER;
            prop_assert!(row(&r.units) <= good * (1.0 + 1e-9) + before);
            let arrived = row(&r.started) + r.stock[p];
            let pipeline = r.wanted[p * n..p * n + 3].iter().fold(0.0, |a: f64, b| a.max(*b)) * (w.days[0] / QUARTER + 1e-9);
            prop_assert!(arrived <= row(&r.dies) + pipeline + 1e-6, "{} {} {}", arrived, row(&r.dies), pipeline);
        }
    }
}

#[test]
fn what_cannot_run_is_refused() {
    let c = uncertain(6);
    assert_eq!(c.check(), Ok(()));
    let with = |f: &dyn Fn(&mut Chain)| {
        let mut c = c.clone();
        f(&mut c);
        c.check().is_err()
    };
    assert!(with(&|c| c.products[0].orders[0].high = f64::INFINITY));
    assert!(with(&|c| c.products[0].yields.low = 0.0));
    assert!(with(&|c| c.products[0].needs[0].0 = 9));
    assert!(with(&|c| c.products[0].customer = 2));
    assert!(with(&|c| c.lines[0].capacity.truncate(2)));
    assert!(with(&|c| c.lines[0].days.high = -1.0));
    assert!(with(&|c| c.carry = 1.5) && with(&|c| c.quarters = 0) && with(&|c| c.products.clear()));
    assert!(simulate(&c, 0, 1, &|_, _| {}).is_err());
}

/// Lines of one maker move together as said, each as far as it would alone; what is not shared does not change by a bit.
#[test]
fn lines_of_one_maker_share_a_shock() {
    let wide = Range { low: 80.0, middle: 100.0, high: 120.0 };
    let mut lines: Vec<Line> = (0..3).map(|i| line(&format!("l{i}"), Stage::Packaging, 1.0, 0.0, 1)).collect();
    lines.iter_mut().for_each(|l| l.capacity = vec![wide; 1]);
    let mut alone = chain(lines, vec![product("a", 0, 1.0, &[(0, 1.0)], 1)], 1, 1);
    alone.products[0].orders = vec![wide];
    let mut shared = alone.clone();
    shared.makers = vec![Maker { name: "m".into(), together: EXACT(0.64) }];
    (shared.lines[0].maker, shared.lines[1].maker) = (Some(0), Some(0));
    assert!(shared.check().is_ok());
    let n = 4000;
    let draws = |c: &Chain| -> Vec<Vec<f64>> {
        let worlds: Vec<_> = (0..n).map(|i| c.draw(1, i)).collect();
        (0..3).map(|l| worlds.iter().map(|w| w.capacity[l][0]).collect()).collect()
    };
    let (free, tied) = (draws(&alone), draws(&shared));
    assert_eq!(free[2], tied[2]);
    assert_eq!(alone.draw(1, 7).orders, shared.draw(1, 7).orders);
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let spread = |v: &[f64]| (v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f64>() / v.len() as f64).sqrt();
    let tie = |a: &[f64], b: &[f64]| {
        let (ma, mb) = (mean(a), mean(b));
        a.iter().zip(b).map(|(x, y)| (x - ma) * (y - mb)).sum::<f64>() / a.len() as f64 / spread(a) / spread(b)
    };
    assert!((tie(&tied[0], &tied[1]) - 0.64).abs() < 0.03, "{}", tie(&tied[0], &tied[1]));
    assert!(tie(&tied[0], &tied[2]).abs() < 0.05 && tie(&free[0], &free[1]).abs() < 0.05);
    assert!((spread(&tied[0]) / spread(&free[0]) - 1.0).abs() < 0.05);
    // Orders of all products the same way.
    let mut boom = alone.clone();
    boom.products.push(boom.products[0].clone());
    boom.orders_together = EXACT(0.49);
    let worlds: Vec<_> = (0..n).map(|i| boom.draw(1, i)).collect();
    let orders = |p: usize| worlds.iter().map(|w| w.orders[p][0]).collect::<Vec<f64>>();
    assert!((tie(&orders(0), &orders(1)) - 0.49).abs() < 0.04, "{}", tie(&orders(0), &orders(1)));
    // A correlation is a share, and a maker has to be there.
    shared.makers[0].together = Range { low: 0.0, middle: 0.5, high: 1.1 };
    assert!(shared.check().is_err());
    alone.lines[0].maker = Some(0);
    assert!(alone.check().is_err());
}
