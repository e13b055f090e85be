//! Power by activity, electricity and emissions.

use secondsource_base::{Kind, Stream};
use secondsource_campaign::activity::{BoardShares, activity_power, network_share, rating_ratio};
use secondsource_campaign::region::{region, region_names};
use secondsource_catalog::Catalog;
use std::collections::BTreeMap;

const BOARD: BoardShares = BoardShares { training: 0.9, waiting: 0.2 };

fn catalog() -> &'static Catalog {
    Catalog::embedded()
}

fn published() -> Vec<BTreeMap<String, String>> {
    let text = include_str!("../../../../validation/campaign/energy_published.csv");
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|r| r.expect("a row")).collect()
}

/// First number of a cell.
fn first(cell: &str) -> f64 {
    cell.split([' ', '(']).next().unwrap().parse().unwrap()
}

/// The two rows that were read off a meter are a check; BLOOM's dynamic energy is TDP times hours, a product.
#[test]
fn measured_nodes_and_a_product() {
    let power = activity_power(catalog(), "h100-sxm", "dgx-h100", None).unwrap();
    let rating = power.rating_kw.value * 8.0;
    assert_eq!(rating, 10.2);
    let (mut read, mut products) = (Vec::new(), 0);
    for row in published() {
        let used = &row["kW_per_accelerator_used"];
        if row["kind"] == "measured" {
            let kw = if used.contains("x") { first(used) * rating } else { first(used) };
            read.push(kw / rating);
        } else if used.contains("TDP") {
            let mwh = first(&row["accelerator_hours"]) * first(used) / 1e3;
            assert!((mwh - first(&row["energy_MWh"])).abs() < 0.05, "{mwh}");
            products += 1;
        }
    }
    assert_eq!((read.len(), products), (2, 1));
    let share = &power.training_share;
    for r in read {
        assert!(r > share.value * share.band.low - 1e-9 && r < share.value * share.band.high + 5e-3, "{r}");
    }
    // Without a building and a network around it, the node draws what was measured: 7.75 to 8.4 kW.
    let node = power.rating_kw.value * share.value * 8.0;
    assert!(node > 7.75 && node < 8.4, "{node}");
    let kw = power.middle(BoardShares { training: 1.0, waiting: 0.2 });
    assert!(kw.training > node / 8.0 && kw.training < 1.73, "more than the node alone, less than the published capacity: {kw:?}");
    assert!(power.middle(BoardShares { training: 0.8, waiting: 0.2 }).training < kw.training);
}

/// BLOOM: idle power was 37% of idle and dynamic power together (256.6 of 689.8 MWh; the dynamic part is TDP times hours).
/// With an A100 that idles at 53 W of 400 the host share read off H100 nodes gives 40%.
#[test]
fn idle_share_of_another_machine() {
    let rows = published();
    let of = |run: &str| first(&rows.iter().find(|r| r["run"].starts_with(run)).unwrap()["energy_MWh"]);
    let (dynamic, idle) = (of("BLOOM final"), of("BLOOM idle"));
    let bloom = idle / (idle + dynamic);
    let mut power = activity_power(catalog(), "a100-80g-sxm", "hgx-a100-80g", Some(1.0)).unwrap();
    power.network_share.value = 0.0;
    let waiting = catalog().activity()["idle-a100-40g-sxm"].main.value / 400.0;
    let kw = power.middle(BoardShares { training: 1.0, waiting });
    assert!((kw.waiting / kw.training - bloom).abs() < 0.03, "{} and {bloom}", kw.waiting / kw.training);
}

/// What the middle of a chip without a rated node rests on is said: TDP times a ratio, with its range as the band.
#[test]
fn chips_without_a_rating() {
    let ratio = rating_ratio(catalog()).unwrap();
    assert!(ratio.chips.len() >= 4 && ratio.range.0 > 1.0 && ratio.range.1 < 2.0, "{ratio:?}");
    let power = activity_power(catalog(), "trn2", "trn2-ultraserver", None).unwrap();
    assert_eq!(power.rating_kw.kind, Kind::Derived);
    assert!(power.rating_kw.basis.contains("TDP of 500 W"), "{}", power.rating_kw.basis);
    assert!((power.rating_kw.value - 0.5 * ratio.ratio).abs() < 1e-12);
    assert!(!power.rating_kw.band.is_none());
    let network = network_share(catalog(), 1.15).unwrap();
    assert!(network.ratio >= 0.0 && network.range.0 >= 0.0 && network.range.1 < 1.0, "{network:?}");
    assert!(activity_power(catalog(), "trn4", "trn4", None).is_none(), "no TDP, no power");
}

#[test]
fn bands_of_power() {
    let power = activity_power(catalog(), "h100-sxm", "dgx-h100", Some(1.2)).unwrap();
    assert_eq!((power.pue.value, power.pue.kind), (1.2, Kind::User));
    let mut stream = Stream::new(1, "power");
    let mut draws: Vec<f64> = (0..4000).map(|_| power.draw(BOARD, &mut stream).training).collect();
    draws.sort_by(f64::total_cmp);
    let middle = power.middle(BOARD).training;
    assert!((draws[2000] / middle - 1.0).abs() < 0.03 && draws[200] < middle && draws[3800] > middle);
    assert!(draws[0] > 0.3 && draws[3999] < 3.0, "{} {}", draws[0], draws[3999]);
}

#[test]
fn places() {
    let virginia = region(catalog(), "Virginia").unwrap();
    let (price, carbon) = (virginia.cents_per_kwh.unwrap(), virginia.kg_per_mwh.unwrap());
    assert_eq!(price.value, 13.01);
    // 622.987 lb CO2, 0.047 lb CH4, 0.007 lb N2O a MWh.
    assert!((carbon.value - (622.987 + 28.0 * 0.047 + 265.0 * 0.007) * 0.453_592_37).abs() < 0.05, "{}", carbon.value);
    assert!(virginia.notes[0].contains("srvc"));
    // Latest commercial before industrial: 14.3 of February 2026, not 11.02 or 7.90 of April 2025.
    assert_eq!(region(catalog(), "ohio").unwrap().cents_per_kwh.unwrap().value, 14.3);
    assert_eq!(region(catalog(), "wisconsin").unwrap().cents_per_kwh.unwrap().value, 8.29);
    let norway = region(catalog(), "norway").unwrap();
    assert!(norway.cents_per_kwh.is_none() && norway.kg_per_mwh.unwrap().value == 30.08);
    let state = region(catalog(), "new york").unwrap();
    assert!(state.notes[0].contains("United States average"));
    let error = region(catalog(), "virgina").unwrap_err();
    assert_eq!(error.hints[0], "did you mean `virginia`?");
    for name in region_names(catalog()) {
        let r = region(catalog(), &name).unwrap();
        assert!(r.kg_per_mwh.is_some(), "{name}");
    }
}
