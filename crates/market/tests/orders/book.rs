use crate::line::{day, policy};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use secondsource_market::orders::{Book, Claim, Day, Entry, Event, Order, ProductSupply, Promised, Rule, Slip, State, Statement, Tranche};

pub fn order(id: &str, racks: u32, wanted: &str) -> Order {
    Order {
        id: id.to_owned(),
        claim: Claim::Order,
        customer: "Somebody".to_owned(),
        class: "one".to_owned(),
        system: "rack".to_owned(),
        product: "chip".to_owned(),
        racks,
        chips_per_rack: 10,
        state: State::Active,
        placed: day("2026-12-01"),
        wanted: day(wanted),
        slots: Vec::new(),
        ramp: Vec::new(),
        expires: Some(day("2028-12-31")),
        usd_per_rack: None,
        deposit_usd: 0.0,
        take_or_pay: 0.0,
        promised: None,
        delivered: Vec::new(),
        superseded_by: None,
        note: String::new(),
    }
}

/// Exactly `chips` in each quarter of 2027.
pub fn exact(chips: [f64; 4]) -> Statement {
    let product = ProductSupply {
        product: "chip".to_owned(),
        low: chips.to_vec(),
        median: chips.to_vec(),
        high: chips.to_vec(),
        after_days: (10.0, 10.0),
        why: String::new(),
    };
    Statement { start: day("2027-01-01"), months: 3, together: 1.0, products: vec![product], resources: Vec::new(), paths: Vec::new() }
}

pub fn book(chips: [f64; 4]) -> Book {
    let mut book = Book::new(policy(Rule::FirstCome, &[("one", 1.0)]));
    put(&mut book, Event::Supply { supply: exact(chips) }).unwrap();
    book
}

pub fn put(book: &mut Book, event: Event) -> Result<Entry, Slip> {
    let entry = book.draft(day("2026-12-01"), event)?;
    book.apply(&entry)?;
    Ok(entry)
}

fn accept(book: &mut Book, o: Order) -> Result<Entry, Slip> {
    put(book, Event::Accept { order: Box::new(o) })
}

fn step(id: &str, to: State) -> Event {
    Event::Move { id: id.to_owned(), to, superseded_by: None, why: String::new(), slots: Vec::new(), expires: None }
}

#[test]
fn racks_are_promised_once() {
    let mut b = book([100.0; 4]);
    accept(&mut b, order("a", 30, "2027-01-01")).unwrap();
    // 300 chips take three quarters; the line counts them where they are complete.
    assert_eq!(b.order("a").unwrap().complete(), day("2027-09-30"));
    assert!(matches!(accept(&mut b, order("b", 11, "2027-01-01")), Err(Slip::NoRoom(_))));
    accept(&mut b, order("c", 10, "2027-01-01")).unwrap();
    // Racks come earlier, but to take them would push `a`.
    assert_eq!(b.order("c").unwrap().complete(), day("2027-12-31"));
    assert!(matches!(accept(&mut b, order("d", 1, "2027-01-01")), Err(Slip::NoRoom(_))));
    put(&mut b, step("c", State::Cancelled)).unwrap();
    accept(&mut b, order("d", 10, "2027-02-01")).unwrap();
    // A proposal holds nothing until it is made firm, and then there is nothing left.
    let proposed = Order { state: State::Proposed, ..order("e", 5, "2027-01-01") };
    accept(&mut b, proposed).unwrap();
    assert!(matches!(b.draft(day("2026-12-01"), step("e", State::Active)), Err(Slip::NoRoom(_))));
}

#[test]
fn ramps_take_racks_when_they_are_wanted() {
    let mut b = book([100.0; 4]);
    let ramp = ["2027-02-01", "2027-05-01", "2027-08-01"].map(|d| Tranche { day: day(d), racks: 10 });
    accept(&mut b, Order { ramp: ramp.to_vec(), ..order("a", 30, "2027-02-01") }).unwrap();
    let ends = ["2027-03-31", "2027-06-30", "2027-09-30"].map(|d| Tranche { day: day(d), racks: 10 });
    assert_eq!(b.order("a").unwrap().slots, ends);
    let free: Vec<f64> = b.line("chip").unwrap().rooms().iter().map(|r| r.free).collect();
    assert_eq!(free, [0.0, 0.0, 0.0, 100.0]);
    // A second one has to wait for the last quarter, all of it.
    let second = Order { ramp: ramp.map(|t| Tranche { racks: 3, ..t }).to_vec(), ..order("b", 9, "2027-02-01") };
    accept(&mut b, second).unwrap();
    assert!(b.order("b").unwrap().to_come().iter().all(|t| t.day >= day("2027-10-01")));
}

#[test]
fn deliveries_exhaust_a_claim() {
    let mut b = book([100.0; 4]);
    accept(&mut b, order("a", 8, "2027-01-01")).unwrap();
    let deliver = |racks| Event::Deliver { id: "a".to_owned(), racks };
    put(&mut b, deliver(3)).unwrap();
    assert!(put(&mut b, deliver(6)).is_err() && put(&mut b, step("a", State::Exhausted)).is_err());
    assert_eq!(b.order("a").unwrap().to_come()[0].racks, 5);
    put(&mut b, deliver(5)).unwrap();
    assert_eq!(b.order("a").unwrap().state, State::Exhausted);
    assert!(put(&mut b, step("a", State::Cancelled)).is_err());
}

#[test]
fn what_does_not_follow_is_refused() {
    let mut b = book([100.0; 4]);
    accept(&mut b, order("a", 1, "2027-01-01")).unwrap();
    let wrong = |r: Result<Entry, Slip>, word: &str| match r {
        Err(Slip::Wrong(w)) => assert!(w.contains(word), "{w}"),
        other => panic!("{other:?}"),
    };
    wrong(accept(&mut b, order("a", 1, "2027-01-01")), "already");
    wrong(accept(&mut b, Order { class: "two".to_owned(), ..order("b", 1, "2027-01-01") }), "class");
    wrong(accept(&mut b, order("b", 0, "2027-01-01")), "racks");
    wrong(accept(&mut b, Order { take_or_pay: f64::NAN, ..order("b", 1, "2027-01-01") }), "share");
    wrong(accept(&mut b, Order { customer: "two\nlines".to_owned(), ..order("b", 1, "2027-01-01") }), "one line");
    wrong(put(&mut b, step("a", State::Superseded)), "which other");
    wrong(put(&mut b, step("x", State::Cancelled)), "no claim");
    wrong(b.draft(day("2026-11-30"), step("a", State::Cancelled)), "before");
    let mut skipped = b.draft(day("2026-12-01"), step("a", State::Cancelled)).unwrap();
    skipped.seq += 1;
    assert!(b.apply(&skipped).is_err() && b.order("a").unwrap().state == State::Active);
}

/// Days that no file reads back are not entered: of claims, of statements with their days to service, of entries.
#[test]
fn days_are_those_that_are_read_again() {
    let far = Day(Day::LAST.0 + 1);
    assert_eq!((Day::FIRST.to_string(), Day::LAST.to_string()), ("1990-01-01".to_owned(), "2100-12-31".to_owned()));
    let part = |day| vec![Tranche { day, racks: 1 }];
    let good = order("a", 1, "2027-01-01");
    for o in [
        Order { wanted: far, ..good.clone() },
        Order { placed: Day(Day::FIRST.0 - 1), ..good.clone() },
        Order { slots: part(far), ..good.clone() },
        Order { ramp: part(far), ..good.clone() },
        Order { expires: Some(far), ..good.clone() },
        Order { promised: Some(Promised { p10: None, p50: None, p90: Some(far) }), ..good.clone() },
    ] {
        let words = o.check().unwrap_err();
        assert!(words.contains("from 1990-01-01 to 2100-12-31"), "{words}");
    }
    assert!(good.check().is_ok());
    let mut b = book([100.0; 4]);
    let entry = b.draft(day("2026-12-01"), step("a", State::Cancelled)).unwrap_err();
    assert!(entry.words().contains("no claim"));
    accept(&mut b, good).unwrap();
    assert!(b.draft(far, step("a", State::Cancelled)).unwrap_err().words().contains("no day of a book"));
    // A statement may end where its days to service still can be written.
    let until = |start: &str, after: f64| {
        let mut s = exact([1.0; 4]);
        (s.start, s.products[0].after_days) = (day(start), (0.0, after));
        s.check()
    };
    assert!(until("2099-01-01", 364.0).is_ok());
    assert!(until("2099-01-01", 365.0).unwrap_err().contains("2100-12-31"));
    assert!(until("2100-07-01", 1.0).is_err());
}

#[test]
fn periods_start_with_their_month() {
    let starts = |start: &str, months: u8| Statement { start: day(start), months, ..exact([1.0; 4]) }.check();
    for good in ["2027-01-01", "2027-04-01", "2027-07-01", "2027-10-01"] {
        assert_eq!(starts(good, 3), Ok(()));
    }
    assert_eq!(starts("2027-02-01", 1), Ok(()));
    assert!(starts("2027-02-01", 3).unwrap_err().contains("quarter"));
    assert!(starts("2027-01-02", 1).unwrap_err().contains("a month"));
}

/// Claims that cannot be true are refused when they are entered.
#[test]
fn claims_do_not_contradict_themselves() {
    let mut b = book([100.0; 4]);
    let told = |p10: &str, p50: &str, p90: &str| {
        let d = |t: &str| (!t.is_empty()).then(|| day(t));
        Some(Promised { p10: d(p10), p50: d(p50), p90: d(p90) })
    };
    let good = || order("a", 10, "2027-02-01");
    let part = |at: &str, racks| Tranche { day: day(at), racks };
    for (o, word) in [
        (Order { ramp: vec![part("2027-01-31", 4), part("2027-03-01", 6)], ..good() }, "its ramp begins on 2027-01-31"),
        (Order { slots: vec![part("2027-01-31", 10)], ..good() }, "before 2027-02-01"),
        (
            Order {
                ramp: vec![part("2027-02-01", 4), part("2027-08-01", 6)],
                slots: vec![part("2027-03-01", 4), part("2027-07-31", 6)],
                ..good()
            },
            "before 2027-08-01",
        ),
        (Order { state: State::Exhausted, ..good() }, "10 racks are not delivered"),
        (Order { delivered: vec![part("2026-11-30", 10)], ..good() }, "its state is exhausted"),
        (Order { state: State::Proposed, delivered: vec![part("2026-11-30", 1)], ..good() }, "it is proposed"),
        (Order { delivered: vec![part("2026-12-02", 1)], ..good() }, "delivered on 2026-12-02"),
        (Order { state: State::Superseded, ..good() }, "which other"),
        (Order { state: State::Superseded, superseded_by: Some("a".to_owned()), ..good() }, "which other"),
        (Order { superseded_by: Some("b".to_owned()), ..good() }, "only a superseded"),
        (Order { promised: told("2027-05-01", "2027-04-01", "2027-06-01"), ..good() }, "must rise"),
        (Order { promised: told("2027-05-01", "", "2027-06-01"), ..good() }, "must rise"),
        (Order { state: State::Pending, expires: None, ..good() }, "needs the day"),
        (Order { state: State::Pending, expires: Some(day("2026-11-30")), ..good() }, "expired on 2026-11-30"),
        (Order { customer: "Somebody ".to_owned(), ..good() }, "space"),
        (Order { id: " a".to_owned(), ..good() }, "space"),
    ] {
        match accept(&mut b, o) {
            Err(Slip::Wrong(w)) => assert!(w.contains(word), "{w}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    // An offer without a last day cannot become one that holds racks until some day.
    let offer = Order { id: "o".to_owned(), state: State::Proposed, expires: None, ..good() };
    accept(&mut b, offer).unwrap();
    assert!(put(&mut b, step("o", State::Pending)).unwrap_err().words().contains("needs the day"));
    put(&mut b, step("o", State::Active)).unwrap();
    accept(&mut b, Order { promised: told("2027-05-01", "2027-06-01", ""), ..good() }).unwrap();
    // One rack is one rack.
    let words = accept(&mut b, order("d", 21, "2027-01-01")).unwrap_err();
    assert!(words.words().starts_with("21 racks are asked for"), "{}", words.words());
    let mut none = book([0.0; 4]);
    assert!(accept(&mut none, order("d", 1, "2027-01-01")).unwrap_err().words().starts_with("1 rack is asked for"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    /// Random comings and goings: the commitments that the book keeps up to date are those that a fresh replay of its entries
    /// counts, entries survive JSON, and no period is ever oversold.
    #[test]
    fn a_book_is_the_sum_of_its_entries(acts in prop::collection::vec((0u8..6, 0usize..12, 1u32..15, 0u32..12), 1..60)) {
        let mut b = book([130.0, 60.0, 0.0, 90.0]);
        let mut entries = vec![b.draft(day("2026-12-01"), Event::Supply { supply: exact([130.0, 60.0, 0.0, 90.0]) }).unwrap()];
        entries[0].seq = 1;
        for (act, which, racks, month) in acts {
            let id = format!("o{which}");
            let event = match act {
                0..=2 => Event::Accept { order: Box::new(Order {
                    state: [State::Proposed, State::Pending, State::Active][act as usize],
                    ..order(&id, racks, &format!("2027-{:02}-01", month + 1))
                }) },
                3 => step(&id, State::ALL[(racks as usize) % 7]),
                4 => Event::Deliver { id, racks },
                _ => Event::Move { id, to: State::Superseded, superseded_by: Some(format!("o{}", racks % 12)), why: String::new(), slots: Vec::new(), expires: None },
            };
            if let Ok(entry) = put(&mut b, event) {
                entries.push(entry);
            }
            for r in b.line("chip").unwrap().rooms() {
                prop_assert!(r.free >= -1e-6);
            }
        }
        let mut again = Book::new(policy(Rule::FirstCome, &[("one", 1.0)]));
        for e in &entries {
            let text = serde_json::to_string(e).unwrap();
            let back: Entry = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&back, e);
            again.apply(&back).unwrap();
        }
        prop_assert_eq!(again.orders(), b.orders());
        prop_assert_eq!(again.line("chip").unwrap(), b.line("chip").unwrap());
    }
}

/// Offers and held slots run out after their last day, whoever looks: the racks are free again, nothing can follow, and the
/// history reads the same on whatever day it is played.
#[test]
fn what_has_run_out_holds_nothing() {
    let mut b = book([100.0; 4]);
    let until = |id: &str, state: State, last: &str| Order { state, expires: Some(day(last)), ..order(id, 40, "2027-01-01") };
    let mut entries = Vec::new();
    for (id, state, racks) in [("held", State::Pending, 30), ("firm", State::Active, 1), ("offer", State::Proposed, 40)] {
        entries.push(accept(&mut b, Order { racks, ..until(id, state, "2026-12-10") }).unwrap());
    }
    // 30 racks of 10 chips are held on the last day, 1 is ordered, and 400 chips come.
    assert!(matches!(b.draft(day("2026-12-10"), Event::Accept { order: Box::new(order("new", 30, "2027-01-01")) }), Err(Slip::NoRoom(_))));
    assert_eq!(b.as_of(day("2026-12-10")).order("held").unwrap().state, State::Pending);
    let later = b.as_of(day("2026-12-11")).into_owned();
    let states = |b: &Book| ["held", "firm", "offer"].map(|id| b.order(id).unwrap().state);
    assert_eq!(states(&later), [State::Expired, State::Active, State::Expired]);
    assert_eq!(later.lapsed().map(|o| o.id.as_str()).collect::<Vec<_>>(), ["held", "offer"]);
    assert_eq!(later.line("chip").unwrap().rooms()[3].due, 10.0);
    assert_eq!(states(&b), [State::Pending, State::Active, State::Proposed]);
    // The day after, the racks go to somebody else; the claim that ran out can be ended, but not made firm.
    let mut then = b.clone();
    let firm = then.draft(day("2026-12-11"), step("held", State::Active)).unwrap_err();
    assert!(firm.words().contains("expired on 2026-12-10"), "{firm:?}");
    for event in [Event::Accept { order: Box::new(order("new", 30, "2027-01-01")) }, step("held", State::Expired)] {
        let entry = then.draft(day("2026-12-11"), event).unwrap();
        then.apply(&entry).unwrap();
        entries.push(entry);
    }
    assert_eq!(then.lapsed().count(), 1);
    // Played again, with or without a look in between, and with an entry that an earlier day allowed.
    let mut played = book([100.0; 4]);
    for (i, e) in entries.iter().enumerate() {
        if i == 3 {
            played.advance(day("2027-06-01"));
        }
        played.apply(e).unwrap();
    }
    played.advance(day("2026-12-11"));
    assert_eq!(played.orders(), then.orders());
    let mut looked = b.clone();
    assert!(looked.advance(day("2027-06-01")) && !looked.advance(day("2027-06-02")));
    let entry = b.draft(day("2026-12-05"), step("held", State::Active)).unwrap();
    looked.apply(&entry).unwrap();
    assert_eq!(looked.order("held").unwrap().state, State::Active);
    assert_eq!(looked.line("chip").unwrap().rooms()[3].due, 310.0);
}

/// An offer that is held from now on gets its own last day, and is held to that one, not to the offer's.
#[test]
fn an_offer_becomes_held() {
    let mut b = book([100.0; 4]);
    let offer = |expires| Order { state: State::Proposed, expires, ..order("a", 5, "2027-01-01") };
    let hold = |until: &str| match step("a", State::Pending) {
        Event::Move { id, to, superseded_by, why, slots, .. } => {
            Event::Move { id, to, superseded_by, why, slots, expires: Some(day(until)) }
        }
        other => panic!("{other:?}"),
    };
    accept(&mut b, offer(Some(day("2026-12-10")))).unwrap();
    let past = b.clone().draft(day("2026-12-01"), hold("2026-11-30")).unwrap_err();
    assert!(past.words().contains("it expired on 2026-11-30"), "{past:?}");
    put(&mut b, hold("2026-12-20")).unwrap();
    let state = |b: &Book, on: &str| b.as_of(day(on)).order("a").unwrap().state;
    assert_eq!((state(&b, "2026-12-20"), state(&b, "2026-12-21")), (State::Pending, State::Expired));
    // Without one, neither in the offer nor in the step, there is nothing to hold it to.
    let mut b = book([100.0; 4]);
    accept(&mut b, offer(None)).unwrap();
    assert!(put(&mut b, step("a", State::Pending)).unwrap_err().words().contains("needs the day"));
    put(&mut b, hold("2026-12-20")).unwrap();
    let mut firm = hold("2027-01-01");
    if let Event::Move { to, .. } = &mut firm {
        *to = State::Active;
    }
    assert!(put(&mut b, firm).unwrap_err().words().contains("only a pending claim"));
}
