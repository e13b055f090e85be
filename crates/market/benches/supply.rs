//! 10,000 supply scenarios over 16 quarters (and 3 before them), 8 customers, 12 products, 4 lines.

use divan::Bencher;
use secondsource_market::calendar::instant;
use secondsource_market::seller::Range;
use secondsource_market::supply::grid::{Wafer, per_wafer};
use secondsource_market::supply::share::Record;
use secondsource_market::supply::{Amount, Chain, Claim, Customer, Days, Line, Maker, Product, Rule, Stage, allocate, simulate};

fn main() {
    divan::main();
}

fn around(v: f64) -> Range {
    Range { low: 0.8 * v, middle: v, high: 1.4 * v }
}

fn chain() -> Chain {
    let (quarters, warm) = (16, 3);
    let n = quarters + warm;
    let line = |stage, capacity: f64, records| Line {
        name: "line".into(),
        stage,
        capacity: (0..n).map(|q| around(capacity * (1.0 + 0.05 * q as f64))).collect(),
        days: Days { low: 30.0, high: 100.0 },
        maker: Some(0),
        defects: Some(Range { low: 0.05, middle: 0.1, high: 0.15 }),
        records,
    };
    let records = vec![(
        0,
        (0..8).map(|c| Record { name: "r".into(), share: around(0.1), to: vec![(c, around(0.7)), ((c + 1) % 8, around(0.2))] }).collect(),
    )];
    let lines = vec![
        line(Stage::Wafers, 80_000.0, vec![]),
        line(Stage::Memory, 9e9, records.clone()),
        line(Stage::Packaging, 200_000.0, records),
        line(Stage::Rack, 3e6, vec![]),
    ];
    let product = |i: usize| Product {
        name: format!("p{i}"),
        customer: i % 8,
        orders: (0..n).map(|q| around(250_000.0 * (1.0 + 0.06 * q as f64))).collect(),
        needs: vec![
            (0, Amount::Dies { dies: 2.0, area: around(600.0), gross: vec![(400.0, 140.0), (858.0, 62.0)], cores: (0.6, 144, 132) }),
            (1, Amount::Stated(around(2304.0))),
            (2, Amount::PerPiece(around(16.0))),
            (3, Amount::Stated(Range::exactly(1.0))),
        ],
        yields: Range { low: 0.55, middle: 0.65, high: 0.8 },
        integration: Days { low: 10.0, high: 40.0 },
        after: vec![("shipping".into(), Days { low: 3.0, high: 25.0 }), ("site".into(), Days { low: 1.0, high: 60.0 })],
    };
    Chain {
        start: instant("2025-01-01").expect("a date"),
        quarters,
        warm,
        customers: (0..8).map(|i| Customer { name: format!("c{i}"), class: i }).collect(),
        makers: vec![Maker { name: "m".into(), together: Range { low: 0.0, middle: 0.5, high: 0.9 } }],
        lines,
        products: (0..12).map(product).collect(),
        rule: Rule::Contract,
        carry: 1.0,
        orders_together: Range::exactly(0.0),
    }
}

#[divan::bench(sample_count = 3)]
fn ten_thousand_scenarios(bencher: Bencher<'_, '_>) {
    let c = chain();
    bencher.bench(|| simulate(&c, 10_000, 1, &|_, _| {}).expect("a chain"));
}

#[divan::bench]
fn dies_on_a_wafer(bencher: Bencher<'_, '_>) {
    let wafer = Wafer { diameter: 300.0, edge: 3.0, street: 0.1 };
    bencher.bench(|| per_wafer(divan::black_box(&wafer), 26.0, 33.0));
}

#[divan::bench(args = Rule::ALL)]
fn eight_claims(bencher: Bencher<'_, '_>, rule: Rule) {
    let claims: Vec<Claim> = (0..8).map(|i| Claim { order: 100.0 + 17.0 * f64::from(i), share: 0.1, class: i / 3 }).collect();
    bencher.bench(|| allocate(rule, divan::black_box(600.0), &claims));
}
