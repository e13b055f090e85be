//! FOCUS 1.2: columns, what may not be null, and the sums that the specification asks for.

use std::collections::BTreeMap;

use secondsource_emit::focus::{Account, COLUMNS, MANDATORY, csv};
use secondsource_market::charge::{Category, Charge, Commitment, Detail, Frequency, Pricing, billed};
use secondsource_market::money::Cents;

/// The columns of the specification, as counted from its tag v1.2: name, feature level, whether null is allowed.
const SPECIFICATION: &str = include_str!("../../../validation/focus_1_2_columns.csv");

fn account() -> Account {
    Account { id: "1".to_owned(), name: "test, \"quoted\"".to_owned() }
}

/// Rows of a CSV as maps from column to cell.
fn rows(text: &str) -> (Vec<String>, Vec<BTreeMap<String, String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    let rows = reader.records().map(|r| header.iter().cloned().zip(r.expect("a row").iter().map(str::to_owned)).collect());
    (header.clone(), rows.collect())
}

fn sample() -> Vec<Charge> {
    let base = Charge {
        invoice: "i-1".into(),
        billing_start: 1_798_761_600,
        billing_end: 1_801_440_000,
        start: 1_798_761_600,
        end: 1_798_765_200,
        description: "a, b\nc".into(),
        provider: "P".into(),
        publisher: "P".into(),
        issuer: "P".into(),
        service: ("Compute".into(), "Virtual Machines".into(), "S".into()),
        quantity: 3.0,
        unit: "Chip-Hours".into(),
        list_unit_usd: 10.0 / 3.0,
        contracted_unit_usd: 10.0 / 3.0,
        billed: Cents(1000),
        effective: Cents(1000),
        list: Cents(1000),
        contracted: Cents(1000),
        consumed: Some((3.0, "Chip-Hours".into())),
        tags: vec![("x_seed".into(), "1".into())],
        custom: vec![("x_EnergyKwh".into(), Detail::Number(12.5))],
        ..Charge::default()
    };
    let held = Commitment {
        id: "cb-1".into(),
        name: "block".into(),
        sort: "Capacity Block".into(),
        quantity: 3.0,
        unit: "Chip-Hours".into(),
        used: Some(false),
    };
    let purchase = Charge {
        category: Category::Purchase,
        frequency: Frequency::OneTime,
        pricing: Pricing::Standard,
        effective: Cents(0),
        consumed: None,
        reservation: Some(Commitment { used: None, ..held.clone() }),
        custom: Vec::new(),
        ..base.clone()
    };
    let unused = Charge { billed: Cents(0), reservation: Some(held), ..base.clone() };
    vec![base, purchase, unused]
}

#[test]
fn columns_are_those_of_the_specification_in_its_order() {
    let mut reader = csv::Reader::from_reader(SPECIFICATION.as_bytes());
    let spec: Vec<(String, bool, bool)> =
        reader.records().map(|r| r.expect("a row")).map(|r| (r[0].to_owned(), &r[1] == "Mandatory", &r[2] == "True")).collect();
    assert_eq!(spec.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), COLUMNS);
    assert_eq!(spec.iter().filter(|s| s.1).map(|s| s.0.as_str()).collect::<Vec<_>>(), MANDATORY);
    let text = csv(&sample(), &account());
    let (header, rows) = rows(&text);
    assert_eq!(header[..57], COLUMNS.map(str::to_owned));
    assert!(header[57..].iter().all(|c| c.starts_with("x_")) && header.len() == 58);
    for (name, mandatory, nullable) in spec {
        if mandatory && !nullable {
            assert!(rows.iter().all(|r| !r[&name].is_empty()), "{name} is null");
        }
    }
}

#[test]
fn cells_are_what_the_specification_allows() {
    let charges = sample();
    let (_, rows) = rows(&csv(&charges, &account()));
    assert_eq!(rows[0]["ChargePeriodStart"], "2027-01-01T00:00:00Z");
    assert_eq!(rows[0]["BillingAccountName"], "test, \"quoted\"");
    assert_eq!(rows[0]["ChargeDescription"], "a, b\nc");
    assert_eq!(rows[0]["x_EnergyKwh"], "12.5");
    assert_eq!(rows[0]["Tags"], r#"{"x_seed":"1"}"#);
    assert_eq!((rows[1]["EffectiveCost"].as_str(), rows[1]["ConsumedQuantity"].as_str()), ("0.00", ""));
    assert_eq!((rows[1]["CapacityReservationId"].as_str(), rows[1]["CapacityReservationStatus"].as_str()), ("cb-1", ""));
    assert_eq!(rows[2]["CapacityReservationStatus"], "Unused");
    for r in &rows {
        let number = |c: &str| r[c].parse::<f64>().unwrap_or_else(|_| panic!("{c}: {}", r[c]));
        assert!((number("ListUnitPrice") * number("PricingQuantity") - number("ListCost")).abs() < 0.005);
        assert!((number("ContractedUnitPrice") * number("PricingQuantity") - number("ContractedCost")).abs() < 0.005);
        assert!(["Usage", "Purchase", "Tax", "Credit", "Adjustment"].contains(&r["ChargeCategory"].as_str()));
        assert!(!(r["ChargeCategory"] == "Purchase" && r["ChargeFrequency"] == "Usage-Based"));
        assert!(r["ChargeClass"].is_empty());
    }
    let total: f64 = rows.iter().map(|r| r["BilledCost"].parse::<f64>().expect("a number")).sum();
    assert_eq!(Cents::from_usd(total), billed(&charges));
}
