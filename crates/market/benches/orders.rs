//! The order book: new orders promised and entered against a full book, and a whole book promised again.

use divan::{Bencher, black_box};
use secondsource_base::Stream;
use secondsource_market::orders::{
    Book, Claim, Class, Day, Desk, Event, Order, PlanClaim, PlanProblem, Policy, ProductSupply, Rule, State, Statement, plan,
};

fn main() {
    divan::main();
}

const PERIODS: usize = 12;

fn start() -> Day {
    Day::parse("2027-01-01").expect("a day")
}

/// Four chips over twelve quarters, with room for about twice `claims` claims.
fn empty_book(claims: usize) -> Book {
    let policy = Policy {
        confidence: 0.9,
        rule: Rule::Protected,
        classes: [("internal", 0.2), ("strategic", 0.4), ("standard", 0.1)]
            .map(|(name, share)| Class { name: name.to_owned(), share })
            .to_vec(),
        cancel: (0.0, 0.1),
        lapse: (0.1, 0.6),
        firm_up: (0.05, 0.5),
        scenarios: 1000,
        seed: 1,
    };
    let each = claims as f64 * 5.5 * 72.0 * 2.0 / 4.0 / PERIODS as f64;
    let product = |i: usize| ProductSupply {
        product: format!("chip-{i}"),
        low: vec![each * 0.8; PERIODS],
        median: vec![each; PERIODS],
        high: vec![each * 1.2; PERIODS],
        after_days: (20.0, 75.0),
        why: String::new(),
    };
    let supply = Statement {
        start: start(),
        months: 3,
        together: 0.8,
        products: (0..4).map(product).collect(),
        resources: Vec::new(),
        paths: Vec::new(),
    };
    let mut book = Book::new(policy);
    let entry = book.draft(start(), Event::Supply { supply }).expect("a supply");
    book.apply(&entry).expect("a supply");
    book
}

fn order(i: u64) -> Order {
    let mut s = Stream::numbered(5, "orders of a bench", i);
    let wanted = Day(start().0 + s.below(800) as i32);
    Order {
        id: format!("o-{i}"),
        claim: if s.chance(0.3) { Claim::Reservation } else { Claim::Order },
        customer: format!("customer {}", s.below(500)),
        class: ["internal", "strategic", "standard"][s.below(3) as usize].to_owned(),
        system: "rack".to_owned(),
        product: format!("chip-{}", s.below(4)),
        racks: 1 + s.below(10) as u32,
        chips_per_rack: 72,
        state: if s.chance(0.1) { State::Pending } else { State::Active },
        placed: start(),
        wanted,
        slots: Vec::new(),
        ramp: Vec::new(),
        // A held slot needs the day on which it runs out.
        expires: Some(Day(start().0 + 365)),
        usd_per_rack: None,
        deposit_usd: 0.0,
        take_or_pay: if s.chance(0.3) { 0.6 } else { 0.0 },
        promised: None,
        delivered: Vec::new(),
        superseded_by: None,
        note: String::new(),
    }
}

/// A book of so many claims; those without room are left out, as they would be.
fn full(claims: usize) -> Book {
    let mut book = empty_book(claims);
    for i in 0..claims as u64 {
        if let Ok(entry) = book.draft(start(), Event::Accept { order: Box::new(order(i)) }) {
            book.apply(&entry).expect("it was drafted");
        }
    }
    book
}

/// Slot, dates of 10%, 50% and 90% in 1,000 scenarios, and the entry: one new order after another.
#[divan::bench(args = [1_000, 100_000], sample_count = 3, sample_size = 1)]
fn a_thousand_new_orders(bencher: Bencher, claims: usize) {
    let mut desk = Desk::new(full(claims));
    // The queues are made when they are first asked.
    black_box(desk.promise(&order(0), start()).expect("a promise"));
    bencher.with_inputs(|| desk.clone()).bench_values(|mut desk| {
        for i in 0..1000 {
            black_box(desk.enter(start(), Event::Accept { order: Box::new(order(10_000_000 + i)) }).is_ok());
        }
        desk
    });
}

/// The queues of a book, from its entries.
#[divan::bench(args = [1_000, 100_000], sample_count = 3, sample_size = 1)]
fn queues(bencher: Bencher, claims: usize) {
    let book = full(claims);
    bencher.with_inputs(|| Desk::new(book.clone())).bench_values(|mut desk| {
        black_box(desk.promise(&order(0), start()).expect("a promise"));
        desk
    });
}

/// Dates of every claim of a book.
#[divan::bench(args = [1_000, 100_000], sample_count = 3, sample_size = 1)]
fn every_claim_again(bencher: Bencher, claims: usize) {
    let book = full(claims);
    bencher.with_inputs(|| Desk::new(book.clone())).bench_values(|mut desk| desk.arrivals(start()));
}

/// The seller's plan: half of the claims are held, half are offers.
#[divan::bench(args = [(20, 9), (60, 9), (200, 12)], sample_count = 3, sample_size = 1)]
fn sellers_plan(bencher: Bencher, (claims, periods): (usize, usize)) {
    let mut s = Stream::new(9, "plan of a bench");
    let claim = |s: &mut Stream, i: usize| {
        let from = s.below(periods as u64) as usize;
        let racks = 1.0 + s.below(40) as f64;
        let step = |from: usize| (0..periods).map(|t| if t >= from { racks } else { 0.0 }).collect::<Vec<f64>>();
        let held = i.is_multiple_of(2);
        let due = if held { step(from + 2) } else { vec![0.0; periods] };
        PlanClaim { product: i % 4 / 2, racks, chips_per_rack: 72.0, asked: step(from), due, usd_per_rack: 1e6 + 1e6 * s.uniform(), held }
    };
    let claims: Vec<PlanClaim> = (0..claims).map(|i| claim(&mut s, i)).collect();
    let all: f64 = claims.iter().map(|c| c.racks * c.chips_per_rack).sum();
    let supply = (0..2).map(|_| (0..periods).map(|t| 0.4 * all * (t + 1) as f64 / periods as f64).collect()).collect();
    let discount = (0..periods).map(|t| 0.97f64.powi(t as i32)).collect();
    let p = PlanProblem { supply, claims, discount, late: 0.02, broken: 0.5, keep: false };
    bencher.bench(|| plan(black_box(&p)));
}
