use secondsource_market::calendar::{date, instant};
use secondsource_market::paths::quantile;
use secondsource_market::supply::{Deliveries, Period, Stated};

fn table(scenarios: usize) -> Deliveries {
    let start = instant("2026-10-14").expect("a date");
    Deliveries::empty(start, Period::Quarter, 4, vec!["trn2".into(), "trn3".into()], scenarios).expect("a table")
}

#[test]
fn calendar_of_the_table() {
    let d = table(1);
    assert_eq!((date(d.starts(0)), date(d.starts(1)), date(d.starts(4))), ("2026-10-01".into(), "2027-01-01".into(), "2027-10-01".into()));
    assert_eq!((d.label(0), d.label(3)), ("2026Q4".into(), "2027Q3".into()));
    assert_eq!(d.period_of(instant("2027-03-31").expect("a date")), Some(1));
    assert_eq!((d.period_of(instant("2026-09-30").expect("a date")), d.period_of(instant("2027-10-01").expect("a date"))), (None, None));
    assert_eq!(d.product("trn3"), Some(1));
}

#[test]
fn stated_points_come_back_as_quantiles() {
    let lines = [
        Stated { product: 0, period: 0, low: 80.0, median: 100.0, high: 150.0 },
        Stated { product: 1, period: 2, low: 0.0, median: 40.0, high: 90.0 },
        Stated { product: 1, period: 3, low: 40.0, median: 40.0, high: 40.0 },
    ];
    let d = table(20_000).stated(&lines, &[(10.0, 40.0), (30.0, 30.0)], 0.5, 7).expect("good lines");
    let points = |product: usize, period: usize| {
        let mut v: Vec<f64> = (0..d.scenarios).map(|s| f64::from(d.row(s, product)[period])).collect();
        v.sort_by(f64::total_cmp);
        [0.05, 0.5, 0.95].map(|q| quantile(&v, q))
    };
    for (got, want) in [(points(0, 0), [80.0, 100.0, 150.0]), (points(1, 2), [0.0, 40.0, 90.0]), (points(1, 3), [40.0; 3])] {
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() <= 0.02 * w + 0.3), "{got:?}, stated {want:?}");
    }
    let mut days: Vec<f64> = (0..d.scenarios).map(|s| d.days_after(s, 0)).collect();
    days.sort_by(f64::total_cmp);
    assert!((quantile(&days, 0.05) - 10.0).abs() < 0.3 && (quantile(&days, 0.95) - 40.0).abs() < 1.0);
    assert!((0..d.scenarios).all(|s| (d.days_after(s, 1) - 30.0).abs() < 1e-4));
}

#[test]
fn reached_counts_within_the_period() {
    let lines = [0, 1].map(|period| Stated { product: 0, period, low: 92.0, median: 92.0, high: 92.0 });
    let d = table(1).stated(&lines, &[(0.0, 0.0); 2], 1.0, 1).expect("good lines");
    assert_eq!(d.cumulative(0, 0).collect::<Vec<_>>(), [92.0, 184.0, 184.0, 184.0]);
    // 92 days in the last quarter of 2026: one chip a day.
    assert_eq!(d.reached(0, 0, 31.0).map(date).as_deref(), Some("2026-11-01"));
    assert_eq!(d.reached(0, 0, 138.0).map(date).as_deref(), Some("2027-02-15"));
    assert_eq!(d.reached(0, 0, 185.0), None);
    assert_eq!(d.reached(0, 1, 1.0), None);
}

#[test]
fn what_cannot_be_is_refused() {
    let start = instant("2026-10-01").expect("a date");
    assert!(Deliveries::empty(start, Period::Month, 0, vec!["a".into()], 1).is_err());
    assert!(Deliveries::empty(start, Period::Month, 400, vec!["a".into(); 200], 1_000_000).is_err());
    let bad = |product, period, low, median, high| {
        table(2).stated(&[Stated { product, period, low, median, high }], &[(1.0, 2.0); 2], 1.0, 1).is_err()
    };
    assert!(bad(2, 0, 1.0, 2.0, 3.0) && bad(0, 4, 1.0, 2.0, 3.0));
    assert!(bad(0, 0, 3.0, 2.0, 4.0) && bad(0, 0, 1.0, f64::NAN, 3.0) && bad(0, 0, 1.0, 2.0, f64::INFINITY));
    assert!(table(2).stated(&[], &[(2.0, 1.0); 2], 1.0, 1).is_err());
}
