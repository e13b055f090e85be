//! Price paths, offers with their bills, and owning.

use std::collections::BTreeMap;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use secondsource_catalog::Catalog;
use secondsource_market::calendar::instant;
use secondsource_market::contract::{Need, SpotTerms, bill, offers};
use secondsource_market::own::{self, OwnInput, Rent, Wishes, compare, of_catalog, simulate};
use secondsource_market::paths::{PathParams, estimate, fan, price_paths};

fn main() {
    divan::main();
}

fn as_of() -> i64 {
    instant("2026-10-08").unwrap_or_default()
}

fn params() -> Option<PathParams> {
    estimate(Catalog::embedded(), as_of()).ok().map(|e| e.params)
}

fn racks() -> Option<OwnInput> {
    let wishes = Wishes { system: "gb200-nvl72".to_owned(), chips: 4608, stated: BTreeMap::new(), ..Wishes::default() };
    of_catalog(Catalog::embedded(), &wishes).ok()
}

/// Months times scenarios; items are months.
#[divan::bench(args = [(24, 1_000), (60, 10_000)])]
fn paths(bencher: Bencher, (months, scenarios): (usize, usize)) {
    let Some(p) = params() else { return };
    bencher.counter(ItemsCount::new(months * scenarios)).bench(|| price_paths(black_box(&p), months, scenarios, 1));
}

#[divan::bench]
fn fan_of_24_months_and_4000_scenarios(bencher: Bencher) {
    let Some(p) = params() else { return };
    let paths = price_paths(&p, 25, 4000, 1);
    bencher.bench(|| fan(black_box(&paths), 25));
}

#[divan::bench]
fn estimate_of_the_process(bencher: Bencher) {
    bencher.bench(|| estimate(Catalog::embedded(), black_box(as_of())));
}

#[divan::bench]
fn offers_for_h100(bencher: Bencher) {
    bencher.bench(|| offers(Catalog::embedded(), black_box("h100-sxm"), as_of()));
}

#[divan::bench]
fn bills_under_all_offers_for_h100(bencher: Bencher) {
    let Ok(all) = offers(Catalog::embedded(), "h100-sxm", as_of()) else { return };
    let Ok(spot) = SpotTerms::of(Catalog::embedded()) else { return };
    let need = Need { chips: 512, hours: 720.0, start: as_of(), as_of: as_of() };
    bencher.counter(ItemsCount::new(all.len())).bench(|| all.iter().map(|o| bill(o, black_box(&need), &spot).usd).max());
}

#[divan::bench]
fn bill_of_64_racks(bencher: Bencher) {
    let Some(x) = racks() else { return };
    bencher.bench(|| own::bill(black_box(&x)));
}

/// Items are scenarios of all sampled inputs.
#[divan::bench(args = [2_000])]
fn cost_of_64_racks(bencher: Bencher, scenarios: usize) {
    let Some(x) = racks() else { return };
    bencher.counter(ItemsCount::new(scenarios)).bench(|| simulate(black_box(&x), scenarios, 1));
}

/// Items are scenarios of inputs and of 72 months of rent.
#[divan::bench(args = [2_000])]
fn owning_against_rent(bencher: Bencher, scenarios: usize) {
    let (Some(x), Some(p)) = (racks(), params()) else { return };
    let months = own::compare::months(&x);
    let paths = price_paths(&p, months, scenarios, 1);
    let rent = Rent { usd_per_chip_hour: 5.0, lock_months: 1, every_hour: false };
    bencher.counter(ItemsCount::new(scenarios)).bench(|| compare(black_box(&x), &rent, &paths, months, 1));
}
