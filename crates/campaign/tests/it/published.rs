//! Published outcomes (validation/campaign/), each reproduced from its own inputs, or shown not to be.

use secondsource_campaign::rates::{domain_note, failure_rate};
use secondsource_campaign::recovery::{async_stall, detection, restart, write_bandwidth};
use secondsource_campaign::{CampaignInput, best_interval, closed_form, cubes, daly, simulate};
use secondsource_catalog::Catalog;
use std::collections::BTreeMap;

const HOUR: f64 = 3600.0;
const DAY: f64 = 86_400.0;

type Row = BTreeMap<String, String>;

fn table(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(|r| r.expect("a row")).collect()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} of {row:?}"))
}

fn interruptions() -> Vec<Row> {
    table(include_str!("../../../../validation/campaign/llama3_interruptions.csv"))
}

/// Llama 3 405B: 2,048 nodes of 8 H100 for 54 days.
fn llama(stall_s: f64, restart_s: f64) -> CampaignInput {
    let rate = failure_rate(Catalog::embedded(), "llama-3-405b").unwrap().per_node_day(8.0);
    CampaignInput { failures_per_node_day: rate, stall_s, restart_s, ..CampaignInput::undisturbed(50.0 * DAY, 2048.0) }
}

#[test]
fn llama_3_interruptions() {
    let rows = interruptions();
    let sum: f64 = rows.iter().map(|r| number(r, "count")).sum();
    assert_eq!((rows.len(), sum), (18, 419.0));
    let rate = sum / (2048.0 * 54.0) * 1e3;
    let catalog = failure_rate(Catalog::embedded(), "llama-3-405b").unwrap();
    assert!((catalog.per_1000_node_days - rate).abs() < 1e-3 && (rate - 3.79).abs() < 0.005);
    assert!((llama(0.0, 0.0).mtti_s() / HOUR - 3.09).abs() < 0.005);
    // 54 days of an active job see 419 of them.
    assert!((54.0 * DAY / llama(0.0, 0.0).mtti_s() - 419.0).abs() < 0.1);
}

/// Percentages agree with the counts but for the printed share of faulty GPUs: 30.1% where 148 of 419 are 35.3%. So
/// nothing here is tested on percentages.
#[test]
fn one_percentage_of_the_table_is_a_misprint() {
    let wrong: Vec<String> = interruptions()
        .iter()
        .filter(|r| (number(r, "count") / 4.19 - number(r, "published_percent")).abs() > 0.06)
        .map(|r| r["component"].clone())
        .collect();
    assert_eq!(wrong, ["Faulty GPU"]);
}

/// Effective training time above 90% needs a fast checkpoint and restart; slow ones miss it.
#[test]
fn llama_3_effective_time() {
    let of = |stall, restart| closed_form(&llama(stall, restart)).unwrap().goodput;
    assert!((of(5.0, 300.0) - 0.945).abs() < 1e-3, "{}", of(5.0, 300.0));
    assert!((of(60.0, 600.0) - 0.853).abs() < 1e-3, "{}", of(60.0, 600.0));
    let d = simulate(&llama(5.0, 300.0), 300, 3).unwrap();
    assert!(d.quantiles(|r| r.goodput()).p5 > 0.90);
    let failures = d.quantiles(|r| f64::from(r.failures));
    assert!(failures.p5 < 419.0 && 419.0 < failures.p95, "{failures:?}");
}

/// The rows of large jobs are reproduced; the measured ones of small jobs are not, and the user is told.
#[test]
fn mean_times_to_failure() {
    let catalog = Catalog::embedded();
    let rows = table(include_str!("../../../../validation/campaign/mttf_published.csv"));
    let (mut reproduced, mut outside) = (0, 0);
    for row in rows.iter().filter(|r| r["fleet"].starts_with("RSC")) {
        // "1144.8 (47.7 d)"
        let Some(published) = row["mttf_h_published"].split(' ').next().and_then(|w| w.parse::<f64>().ok()) else { continue };
        let chips: u64 = row["accelerators"].split(' ').next().unwrap().parse().unwrap();
        let rate = failure_rate(catalog, "rsc-1").unwrap();
        let input = CampaignInput { failures_per_node_day: rate.per_node_day(8.0), ..CampaignInput::undisturbed(DAY, chips as f64 / 8.0) };
        let ratio = input.mtti_s() / HOUR / published;
        if row["kind"].contains("DO NOT MATCH") {
            assert!(ratio > 3.0, "{chips}: {ratio}");
            assert!(domain_note(catalog, chips).is_some_and(|n| n.contains("7.9 h") && n.contains("28.8 h")), "{chips}");
            outside += 1;
        } else {
            assert!((ratio - 1.0).abs() < 0.03, "{chips}: {ratio}");
            assert!(domain_note(catalog, chips).is_none());
            reproduced += 1;
        }
    }
    assert_eq!((reproduced, outside), (2, 2));
}

#[test]
fn rates_follow_from_what_the_logs_say() {
    let catalog = Catalog::embedded();
    let of = |name: &str| failure_rate(catalog, name).unwrap().per_1000_node_days;
    assert!((of("bloom-176b") - 1e3 / (48.0 * 7.0)).abs() < 0.01);
    assert!((of("opt-175b") - 1e3 * 2.0 / 124.0).abs() < 0.2);
    assert!((of("b200-site") - 1e3 * 10.0 / (63.0 * 55.0)).abs() < 0.01);
    // Ten events are not many: the band of a Poisson count of ten.
    let b200 = failure_rate(catalog, "b200-site").unwrap().band;
    assert!((b200.low - 0.5425).abs() < 2e-3 && (b200.high - 1.696).abs() < 4e-3, "{b200:?}");
    // Half the chips in a node, half the rate.
    let rate = failure_rate(catalog, "rsc-2").unwrap();
    assert!((rate.per_node_day(4.0) * 2.0 - rate.per_node_day(8.0)).abs() < 1e-12);
}

/// BLOOM wrote 2.3 TB in 40 s about every three hours; Daly would have written every 1.9 h, which is worth 0.1%.
#[test]
fn bloom_checkpoints() {
    let rows = table(include_str!("../../../../validation/campaign/checkpoints_published.csv"));
    let bloom = rows.iter().find(|r| r["run"].starts_with("BLOOM")).unwrap();
    let bytes = number(bloom, "checkpoint_TB") * 1e12;
    assert!((bytes / number(bloom, "params") - number(bloom, "bytes_per_param")).abs() < 0.05);
    let stall = bytes / (number(bloom, "GB_per_s") * 1e9);
    assert!((stall - number(bloom, "save_s")).abs() < 0.1);
    let input =
        CampaignInput { failures_per_node_day: 24.0 / 168.0 / 48.0, stall_s: stall, ..CampaignInput::undisturbed(118.0 * DAY, 48.0) };
    assert!((input.mtti_s() / HOUR - 168.0).abs() < 1e-6);
    assert!((daly(stall, 168.0 * HOUR) / HOUR - 1.9).abs() < 0.05);
    assert!((best_interval(&input) / daly(stall, 168.0 * HOUR) - 1.0).abs() < 1e-4);
    let at = |interval_s| closed_form(&CampaignInput { interval_s, ..input }).unwrap().goodput;
    let worth = at(None) / at(Some(3.0 * HOUR)) - 1.0;
    assert!(worth > 0.0 && worth < 2e-3, "{worth}");
}

/// ByteRobust: 0.97 on 9,600 GPUs for three months. Between the fast and the middle published recovery.
#[test]
fn byterobust_effective_time() {
    let catalog = Catalog::embedded();
    let (detect, restart, stall) = (detection(catalog).unwrap(), restart(catalog, false).unwrap(), async_stall(catalog).unwrap());
    let rate = failure_rate(catalog, "h100").unwrap();
    let of = |end: fn(&secondsource_campaign::known::Known) -> f64| {
        let input = CampaignInput {
            failures_per_node_day: rate.per_node_day(8.0),
            detect_s: end(&detect),
            restart_s: end(&restart),
            stall_s: end(&stall),
            ..CampaignInput::undisturbed(90.0 * DAY, 1200.0)
        };
        closed_form(&input).unwrap().goodput
    };
    let (fast, middle) = (of(|k| k.value * k.band.low), of(|k| k.value));
    assert!(middle < 0.97 && 0.97 < fast, "{middle} and {fast}");
}

/// Google: 130 of 144 cubes with 95% confidence.
#[test]
fn superpod_cubes() {
    let rows = table(include_str!("../../../../validation/campaign/goodput_published.csv"));
    let row = rows.iter().find(|r| r["run"].contains("superpod")).unwrap();
    let k = number(row, "value") as u32;
    let a = cubes::availability_for(144, k, 0.95);
    assert!((a - 0.9347).abs() < 5e-5, "{a}");
    assert_eq!(cubes::usable(144, a + 1e-9, 0.95), k);
    assert!((cubes::at_least(144, k + 1, a) - 0.911).abs() < 1e-3);
    assert_eq!((cubes::at_least(5, 0, 0.3), cubes::at_least(5, 6, 0.3), cubes::at_least(5, 5, 1.0)), (1.0, 0.0, 1.0));
    assert!((cubes::at_least(3, 2, 0.5) - 0.5).abs() < 1e-12);
    // The catalog's availability is that one, and 130 cubes need 144.
    assert_eq!(cubes::blocks_for(k, 0.9347, 0.95), Some(144));
    assert!(cubes::note(Catalog::embedded(), u64::from(k) * 64).is_some_and(|n| n.contains("144 must stand")));
    assert!(cubes::note(Catalog::embedded(), 100).is_none());
}

#[test]
fn storage_guideline_is_the_one_that_the_catalog_has() {
    let rows = table(include_str!("../../../../validation/campaign/storage_guidelines.csv"));
    let write = rows.iter().find(|r| r["metric"] == "4 SU write").unwrap();
    let known = write_bandwidth(Catalog::embedded(), 1024.0).unwrap();
    for (got, column) in [(known.value, "better_GBps"), (known.value * known.band.high, "best_GBps")] {
        assert!((got / 1e9 - number(write, column)).abs() < 1e-6, "{column}: {got}");
    }
    // The low end is what a 405B model was measured to write at, below what the guideline calls good.
    let low = known.value * known.band.low / 1e9;
    assert!((low - 405e9 * 14.0 / 51.06 / 1e9 * 1024.0 / 8960.0).abs() < 0.05 && low < number(write, "good_GBps"));
    // The guideline grows with the machine as the model does: a quarter of it for one scalable unit.
    let unit = rows.iter().find(|r| r["metric"].contains("GPU) write") || r["metric"] == "1 SU write").unwrap();
    let quarter = write_bandwidth(Catalog::embedded(), 256.0).unwrap();
    assert!((quarter.value / 1e9 - number(unit, "better_GBps")).abs() < 1e-6);
}
