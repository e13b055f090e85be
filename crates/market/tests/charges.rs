//! Charges: the billed column is the invoice, the effective column the cost, and what is bought ahead is used up.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use secondsource_catalog::Catalog;
use secondsource_market::calendar::{DAY, instant, month_start};
use secondsource_market::charge::{Category, Charge, Frequency, billed, of_own, of_rent};
use secondsource_market::contract::{Need, Offer, SpotTerms, bill, offers};
use secondsource_market::money::Cents;
use secondsource_market::own::{self, Key, Wishes, of_catalog};

/// Service categories and subcategories of FOCUS 1.2 that are used.
const SERVICES: [(&str, &str); 6] = [
    ("Compute", "Virtual Machines"),
    ("Compute", "Other (Compute)"),
    ("Networking", "Network Infrastructure"),
    ("Storage", "Storage Platforms"),
    ("Management and Governance", "Support"),
    ("Other", "Other (Other)"),
];

fn sound(charges: &[Charge]) -> Result<(), TestCaseError> {
    for c in charges {
        prop_assert!(c.start < c.end && c.billing_start <= c.start && c.start < c.billing_end, "{:?}", c);
        prop_assert_eq!((month_start(c.start, 0), month_start(c.start, 1)), (c.billing_start, c.billing_end));
        prop_assert!((c.list_unit_usd * c.quantity - c.list.usd()).abs() < 0.005, "{:?}", c);
        prop_assert!(SERVICES.contains(&(c.service.0.as_str(), c.service.1.as_str())));
        prop_assert!(!c.provider.is_empty() && !c.description.is_empty() && !c.unit.is_empty() && !c.sku.is_empty());
        let purchase = c.category == Category::Purchase;
        prop_assert!(!purchase || c.effective == Cents(0) && c.frequency != Frequency::UsageBased && c.consumed.is_none());
        for held in c.reservation.iter().chain(&c.commitment) {
            prop_assert_eq!(held.used.is_none(), purchase);
        }
    }
    Ok(())
}

fn sum(charges: &[Charge], of: impl Fn(&Charge) -> Cents, which: impl Fn(&Charge) -> bool) -> Cents {
    charges.iter().filter(|c| which(c)).map(of).sum()
}

#[test]
fn rent_is_charged_to_the_cent() {
    let c = Catalog::embedded();
    let as_of = instant("2026-10-08").expect("a date");
    let all: Vec<Offer> =
        ["h100-sxm", "trn2", "gb200", "tpu-v5p"].iter().flat_map(|chip| offers(c, chip, as_of).expect("offers")).collect();
    let spot = SpotTerms::of(c).expect("terms");
    let config = Config { rng_seed: RngSeed::Fixed(1), failure_persistence: None, cases: 200, ..Config::default() };
    let job = (0..all.len(), 1u64..3000, 1.0..30_000.0f64, 0i64..1000);
    TestRunner::new(config)
        .run(&job, |(i, chips, hours, day)| {
            let b = bill(&all[i], &Need { chips, hours, start: as_of + day * DAY, as_of }, &spot);
            let charges = of_rent(&all[i], &b, "q");
            sound(&charges)?;
            prop_assert_eq!(billed(&charges), b.usd);
            prop_assert_eq!(sum(&charges, |c| c.effective, |_| true), b.usd);
            // Per commitment and per reservation: what was bought is what was used and left unused.
            let held = |c: &Charge| c.commitment.as_ref().or(c.reservation.as_ref()).map(|k| k.id.clone());
            let ids: std::collections::BTreeSet<String> = charges.iter().filter_map(held).collect();
            for id in &ids {
                let own = |c: &Charge| held(c).as_ref() == Some(id);
                let bought = sum(&charges, |c| c.billed, |c| own(c) && c.category == Category::Purchase);
                prop_assert_eq!(bought, sum(&charges, |c| c.effective, |c| own(c) && c.category == Category::Usage));
            }
            // What the job does not use is about what the bill says.
            let unused = sum(
                &charges,
                |c| c.effective,
                |c| {
                    c.commitment.as_ref().or(c.reservation.as_ref()).is_some_and(|k| k.used == Some(false))
                        || c.description.ends_with("idle or lost")
                },
            );
            prop_assert!(
                (unused - b.unused_usd).usd().abs() <= 0.02 * charges.len() as f64 + 1e-9 * b.usd.usd(),
                "{} {}",
                unused,
                b.unused_usd
            );
            Ok(())
        })
        .unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn an_owned_cluster_is_bought_once_and_written_off() {
    for years in [4.0, 5.5, 6.0] {
        let stated = [(Key::BookYears, years), (Key::StaffUsdPerYear, 1e6), (Key::Residual, 0.2)];
        let stated = stated.into_iter().map(|(k, v)| (k, secondsource_market::contract::Range::exactly(v))).collect();
        let wishes = Wishes { system: "gb200-nvl72".to_owned(), chips: 720, stated, ..Wishes::default() };
        let x = of_catalog(Catalog::embedded(), &wishes).unwrap_or_else(|d| panic!("{d}"));
        let b = own::bill(&x);
        let charges = of_own(&x, &b, instant("2027-03-01").expect("a date"), "o");
        sound(&charges).unwrap_or_else(|e| panic!("{e}"));
        let purchase = |c: &Charge| c.category == Category::Purchase;
        assert_eq!(sum(&charges, |c| c.billed, purchase), b.once);
        let running = sum(&charges, |c| c.billed, |c| !purchase(c));
        assert!((running.usd() - b.yearly.usd() * years).abs() < 0.05, "{running}");
        assert_eq!(billed(&charges), b.once + running);
        // Written off down to the residual value of racks and spares.
        let off = sum(&charges, |c| c.effective, |c| c.description.ends_with("written off"));
        let machines = b.lines[0].usd.usd() + b.lines[1].usd.usd();
        assert!((off.usd() - (b.once.usd() - 0.2 * machines)).abs() < 0.05, "{off}");
        assert!(charges.iter().filter(|c| c.description.ends_with("written off")).all(|c| c.invoice.is_empty() && c.billed == Cents(0)));
        assert!(charges.iter().all(|c| c.provider == "self"));
    }
}
