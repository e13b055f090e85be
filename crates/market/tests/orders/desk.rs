use crate::book::{book, exact, order, put};
use crate::line::{day, policy};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::orders::{Book, Claim, Day, Desk, Event, Order, Promised, Rule, Slip, State, Statement, Taken, shifts, statuses};

fn accept(desk: &mut Desk, o: Order) -> Result<Promised, Slip> {
    let entry = desk.enter(day("2026-12-01"), Event::Accept { order: Box::new(o) })?;
    match entry.event {
        Event::Accept { order } => Ok(order.promised.expect("told")),
        other => panic!("{other:?}"),
    }
}

fn all(d: &str) -> Promised {
    Promised { p10: Some(day(d)), p50: Some(day(d)), p90: Some(day(d)) }
}

/// With an exact supply and steady others every promise is a sum: level over pace, and ten days to service.
#[test]
fn certain_promises() {
    let mut desk = Desk::new(book([90.0, 91.0, 92.0, 92.0]));
    // One chip a day from January 1: 45 chips on February 15, in service ten days later.
    let whole = |racks| Order { chips_per_rack: 1, ..order("x", racks, "2027-01-01") };
    assert_eq!(desk.promise(&whole(45), day("2026-12-01")).unwrap().told, all("2027-02-25"));
    accept(&mut desk, Order { id: "a".into(), ..whole(45) }).unwrap();
    accept(&mut desk, Order { id: "b".into(), ..whole(45) }).unwrap();
    let p = desk.promise(&whole(10), day("2026-12-01")).unwrap();
    // Behind 90 others: the tenth day of April, not of January.
    assert_eq!(p.told, all("2027-04-21"));
    assert_eq!((p.drivers.production, p.drivers.queue, p.drivers.site), (Some(10), Some(90), Some(10)));
    assert_eq!((p.ahead, p.within), ((90.0, 90.0, 90.0), 1.0));
    let at = |text: &str| p.curve.iter().find(|c| c.0 == day(text)).unwrap().1;
    assert_eq!((at("2027-04-01"), at("2027-05-01")), (0.0, 1.0));
    // More than there is: no slot, no day, and the reason.
    let p = desk.promise(&whole(276), day("2026-12-01")).unwrap();
    assert!(p.slots.is_err() && p.told.p90.is_none() && p.within == 0.0);
}

/// A supply with a known distribution: the days of 10%, 50% and 90% are those of its quantiles.
#[test]
fn uncertain_promises() {
    let mut supply = exact([0.0; 4]);
    let p = &mut supply.products[0];
    (p.low[0], p.median[0], p.high[0], p.after_days) = (500.0, 1000.0, 2000.0, (0.0, 0.0));
    let mut b = Book::new(secondsource_market::orders::Policy { scenarios: 20_000, ..policy(Rule::FirstCome, &[("one", 1.0)]) });
    put(&mut b, Event::Supply { supply }).unwrap();
    let o = Order { chips_per_rack: 1, ..order("x", 450, "2027-01-01") };
    let told = Desk::new(b).promise(&o, day("2026-12-01")).unwrap().told;
    // 450 of 1000 x 2^(z/1.645) chips, at a steady pace over 90 days.
    let start = day("2027-01-01").0;
    for (got, z) in [(told.p10, 1.281_551_6), (told.p50, 0.0), (told.p90, -1.281_551_6)] {
        let exact = 90.0 * 450.0 / (1000.0 * libm_pow2(z / 1.644_853_6));
        assert!((f64::from(got.unwrap().0 - start) - exact).abs() <= 1.0, "{got:?} {exact}");
    }
}

fn libm_pow2(x: f64) -> f64 {
    2f64.powf(x)
}

/// Pending claims that surely lapse, and offers that surely become firm, count for what they then are.
#[test]
fn what_others_do() {
    let ask = |lapse: f64, firm: f64, cancel: f64, o: Order| {
        let mut p = policy(Rule::FirstCome, &[("one", 1.0)]);
        (p.lapse, p.firm_up, p.cancel) = ((lapse, lapse), (firm, firm), (cancel, cancel));
        let mut b = Book::new(p);
        put(&mut b, Event::Supply { supply: exact([90.0, 91.0, 92.0, 92.0]) }).unwrap();
        put(&mut b, Event::Accept { order: Box::new(Order { chips_per_rack: 1, ..o }) }).unwrap();
        Desk::new(b).promise(&Order { chips_per_rack: 1, ..order("x", 10, "2027-01-01") }, day("2026-12-01")).unwrap().ahead.1
    };
    let state = |state| Order { state, ..order("a", 40, "2027-01-01") };
    assert_eq!(ask(0.0, 0.0, 0.0, state(State::Pending)), 40.0);
    assert_eq!(ask(1.0, 0.0, 0.0, state(State::Pending)), 0.0);
    assert_eq!(ask(0.0, 0.0, 0.0, state(State::Proposed)), 0.0);
    assert_eq!(ask(0.0, 1.0, 0.0, state(State::Proposed)), 40.0);
    assert_eq!(ask(0.0, 0.0, 1.0, state(State::Active)), 0.0);
    // Take-or-pay is taken.
    assert_eq!(ask(0.0, 0.0, 1.0, Order { take_or_pay: 0.75, claim: Claim::Reservation, ..state(State::Active) }), 30.0);
}

#[test]
fn words_for_what_is_taken() {
    let word = |racks: u32, claim: Claim| {
        let mut b = book([100.0; 4]);
        if racks > 0 {
            put(&mut b, Event::Accept { order: Box::new(Order { claim, ..order("a", racks, "2027-01-01") }) }).unwrap();
        }
        statuses(&b, "chip", day("2026-12-01")).last().unwrap().taken
    };
    assert_eq!(word(0, Claim::Order), Taken::Open);
    assert_eq!(word(20, Claim::Order), Taken::LargelyReserved);
    assert_eq!(word(39, Claim::Order), Taken::NearlySubscribed);
    assert_eq!(word(40, Claim::Order), Taken::SoldOut);
    assert_eq!(word(40, Claim::Reservation), Taken::FullyReserved);
    let mut none = book([0.0; 4]);
    assert_eq!(statuses(&none, "chip", day("2026-12-01")).last().unwrap().taken, Taken::Nothing);
    assert!(accept(&mut Desk::new(none.clone()), order("a", 1, "2027-01-01")).is_err());
    none.supply = None;
    assert!(statuses(&none, "chip", day("2026-12-01")).is_empty());
}

/// Racks handed over after their slot leave nothing for anybody in the time of the slot, and count as what they were held as.
#[test]
fn words_after_a_late_delivery() {
    let mut b = book([100.0; 4]);
    let mut s = exact([100.0; 4]);
    s.products[0].low.extend([0.0; 4]);
    s.products[0].median.extend([0.0; 4]);
    s.products[0].high.extend([0.0; 4]);
    put(&mut b, Event::Supply { supply: s }).unwrap();
    put(&mut b, Event::Accept { order: Box::new(Order { claim: Claim::Reservation, ..order("a", 30, "2027-01-01") }) }).unwrap();
    let year = |b: &Book| statuses(b, "chip", day("2026-12-01")).remove(0);
    let before = year(&b);
    assert_eq!((before.reserved, before.ordered, before.taken), (300.0, 0.0, Taken::LargelyReserved));
    let late = b.draft(day("2028-02-01"), Event::Deliver { id: "a".to_owned(), racks: 30 }).unwrap();
    b.apply(&late).unwrap();
    let all = statuses(&b, "chip", day("2026-12-01"));
    // 100 chips of 2027 are left, a quarter of them: that is not open, whenever the others were handed over.
    assert_eq!((all[0].free, all[0].taken), (100.0, Taken::LargelyReserved));
    let whole = all.last().unwrap();
    assert_eq!((whole.reserved, whole.ordered, whole.taken), (300.0, 0.0, Taken::LargelyReserved));
    // Seen from the year after, the first one is over, and nothing can be promised for it.
    let then = statuses(&b, "chip", day("2028-01-01"));
    assert_eq!((then[0].sure, then[0].free, then[0].taken), (400.0, 0.0, Taken::Over));
    assert_eq!((then[1].free, then[1].taken), (all[1].free, all[1].taken));
}

/// The curve of a claim that is wanted long from now begins with the month in which it is wanted and reaches its answer.
#[test]
fn curves_reach_far_days() {
    let mut b = book([0.0; 4]);
    let mut s = exact([0.0; 4]);
    let p = &mut s.products[0];
    (p.low, p.median, p.high) = (vec![100.0; 100], vec![100.0; 100], vec![100.0; 100]);
    put(&mut b, Event::Supply { supply: s }).unwrap();
    let p = Desk::new(b).promise(&order("x", 1, "2045-03-15"), day("2026-12-01")).unwrap();
    let p50 = p.told.p50.unwrap();
    assert!(p50 > day("2045-03-01"));
    assert_eq!(p.curve[0].0, day("2045-04-01"));
    assert_eq!(p.curve.last().unwrap().1, 1.0);
    // Beyond the table too, up to a year after what is asked from.
    let days = vec![day("2031-06-01").0; 10];
    let curve = secondsource_market::orders::share_curve(&days, day("2031-01-01"), day("2028-01-01"));
    assert_eq!(curve.last().unwrap(), &(day("2031-07-01"), 1.0));
}

/// Uncertain supply of four quarters.
fn supply(scale: f64, late: bool) -> Statement {
    let mut s = exact([0.0; 4]);
    let p = &mut s.products[0];
    let m = if late { [0.0, 200.0, 250.0, 300.0] } else { [200.0, 250.0, 300.0, 300.0] };
    p.median = m.map(|v| v * scale).to_vec();
    p.low = p.median.iter().map(|v| v * 0.7).collect();
    p.high = p.median.iter().map(|v| v * 1.3).collect();
    p.after_days = (10.0, 40.0);
    s.together = 0.7;
    s
}

#[test]
fn moving_the_supply() {
    let mut b = Book::new(policy(Rule::FirstCome, &[("one", 1.0)]));
    put(&mut b, Event::Supply { supply: supply(1.0, false) }).unwrap();
    for i in 0..12 {
        put(&mut b, Event::Accept { order: Box::new(order(&format!("o{i}"), 5, "2027-01-01")) }).unwrap();
    }
    // The scenarios of a book are drawn once, whoever looks at it.
    assert!(std::sync::Arc::ptr_eq(&b.deliveries().unwrap(), &b.clone().deliveries().unwrap()));
    let today = day("2026-12-01");
    let same = shifts(&b, &supply(1.0, false), today).unwrap().0;
    assert!(same.len() == 12 && same.iter().all(|s| s.before == s.after));
    // Less supply hurts, and the order of the list is by harm.
    let less = shifts(&b, &supply(0.6, false), today).unwrap().0;
    assert!(less.iter().all(|s| s.lost() >= 0 && s.days(|p| p.p50).unwrap_or(999) >= 0));
    let harm: Vec<i32> = less.iter().map(|s| if s.lost() > 0 { 9999 } else { s.days(|p| p.p50).unwrap() }).collect();
    assert!(harm.is_sorted_by(|a, b| a >= b) && harm[0] > 30, "{harm:?}");
    // A quarter later, everybody is about a quarter later.
    let (late, then) = shifts(&b, &supply(1.0, true), today).unwrap();
    assert_eq!(then.supply, Some(supply(1.0, true)));
    assert!(late.iter().all(|s| (80..=100).contains(&s.days(|p| p.p50).unwrap())), "{late:?}");
    let more = shifts(&b, &supply(1.5, false), today).unwrap().0;
    assert!(more.iter().all(|s| s.days(|p| p.p50).unwrap() <= 0));
    // A chip that is no longer supplied at all.
    let gone = shifts(
        &b,
        &Statement {
            products: vec![secondsource_market::orders::ProductSupply { product: "other".into(), ..supply(1.0, false).products.remove(0) }],
            ..supply(1.0, false)
        },
        today,
    );
    assert!(gone.unwrap().0.iter().all(|s| s.lost() == 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// What a claim is told when it comes is what the queue of the whole book says of it, as long as nothing has come after;
    /// a desk that has followed every entry says the same as a new one; and days rise from 10% to 90%.
    #[test]
    fn the_desk_keeps_its_word(
        asks in prop::collection::vec((1u32..9, 0u32..12, 0usize..3, prop::bool::ANY), 1..14),
    ) {
        let mut p = policy(Rule::FirstCome, &[("one", 1.0)]);
        (p.cancel, p.lapse) = ((0.05, 0.3), (0.1, 0.6));
        let mut b = Book::new(p);
        put(&mut b, Event::Supply { supply: supply(1.0, false) }).unwrap();
        let mut desk = Desk::new(b);
        let today = day("2026-12-01");
        for (i, (racks, month, state, ramp)) in asks.into_iter().enumerate() {
            let wanted = format!("2027-{:02}-01", month + 1);
            let mut o = order(&format!("o{i}"), racks, &wanted);
            o.state = [State::Pending, State::Active, State::Active][state];
            if ramp && racks > 1 {
                o.ramp = vec![
                    secondsource_market::orders::Tranche { day: o.wanted, racks: 1 },
                    secondsource_market::orders::Tranche { day: Day(o.wanted.0 + 60), racks: racks - 1 },
                ];
            }
            let Ok(told) = accept(&mut desk, o) else { continue };
            let place = desk.book.orders().len() - 1;
            let now = desk.arrivals(today).into_iter().find(|a| a.0 == place).unwrap().1;
            let fresh = Desk::new(desk.book.clone()).arrivals(today).into_iter().find(|a| a.0 == place).unwrap().1;
            prop_assert_eq!(now, fresh);
            prop_assert_eq!(told, now);
            let days = [told.p10, told.p50, told.p90].map(|d| d.map_or(i32::MAX, |d| d.0));
            prop_assert!(days.is_sorted());
        }
    }
}
