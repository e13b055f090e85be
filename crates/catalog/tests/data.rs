//! The data files themselves: that they parse, that each figure has a source, that conflicts are kept.

use std::time::Instant;

use secondsource_base::{Figure, Kind};
use secondsource_catalog::{Catalog, Thing, check, embedded_files};

fn catalog() -> &'static Catalog {
    Catalog::embedded()
}

/// Every figure, rivals included, with a label for messages.
fn figures() -> Vec<(String, &'static Figure)> {
    let c = catalog();
    let sets = c.chips().map(|x| (&x.id, &x.figures));
    let sets = sets.chain(c.systems().map(|x| (&x.id, &x.figures)));
    let sets = sets.chain(c.links().map(|x| (&x.id, &x.figures)));
    let sets = sets.chain(c.tables().map(|x| (&x.id, &x.figures)));
    let mut out = Vec::new();
    for (id, figures) in sets {
        for (field, set) in figures {
            out.push((format!("{id} {field}"), &set.main));
            out.extend(set.rivals.iter().map(|r| (format!("{id} {field} (rival)"), r)));
        }
    }
    out
}

#[test]
fn every_file_parses() {
    let (read, diags) = Catalog::from_files(embedded_files());
    assert!(diags.is_empty(), "{}", diags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    assert_eq!(&read, catalog());
    for (name, text) in embedded_files() {
        let diags = check(name, text);
        assert!(diags.is_empty(), "{name}: {}", diags[0]);
    }
}

#[test]
fn one_thing_a_file_and_named_after_it() {
    for (name, text) in embedded_files() {
        let stem = name.rsplit('/').next().unwrap().trim_end_matches(".toml");
        let folder = name.split('/').nth(1).unwrap();
        if matches!(folder, "chips" | "nodes" | "racks" | "links" | "power") {
            assert!(text.contains(&format!("\nid = \"{stem}\"\n")), "{name}");
        }
        if folder == "prices" {
            let chips = text.lines().filter(|l| l.starts_with("chip = "));
            assert!(chips.clone().count() > 0 && chips.into_iter().all(|l| l == format!("chip = \"{stem}\"")), "{name}");
        }
    }
}

#[test]
fn counts() {
    let c = catalog();
    let of = |thing| c.systems().filter(|s| s.thing == thing).count();
    assert_eq!((c.chips().count(), of(Thing::Node), of(Thing::Rack)), (35, 37, 15));
    assert_eq!((c.links().count(), c.tables().count(), c.sources().len()), (27, 44, 173));
    assert_eq!((c.prices().len(), c.supply().len(), c.history().len()), (287, 120, 215));
    assert!(figures().len() > 900, "{}", figures().len());
}

#[test]
fn every_figure_has_a_source_and_none_is_the_users() {
    let known = catalog().sources();
    for (label, figure) in figures() {
        assert!(!figure.sources.is_empty() || figure.kind == Kind::Assumed && !figure.note.is_empty(), "{label}");
        assert!(figure.sources.iter().all(|s| known.contains_key(s)), "{label}");
        assert!(figure.kind != Kind::User, "{label}");
        assert!(figure.value.is_finite() && figure.value >= 0.0, "{label}");
    }
    for price in catalog().prices() {
        assert!(price.price > 0.0 && !price.sources.is_empty(), "{}", price.item);
        assert!(price.per_chip_hour.is_some() != price.per_chip.is_some(), "{}", price.item);
    }
}

#[test]
fn every_source_is_used() {
    let texts: Vec<_> = embedded_files().iter().filter(|(n, _)| !n.ends_with("sources.toml")).collect();
    let used = |id: &str| {
        texts.iter().any(|(_, t)| t.contains(&format!("\"{id}\"")) || t.contains(&format!(",{id},")) || t.contains(&format!(",{id}\n")))
    };
    let unused: Vec<_> = catalog().sources().keys().filter(|id| !used(id)).collect();
    assert!(unused.is_empty(), "never named: {unused:?}");
}

#[test]
fn nothing_from_memory() {
    for (name, text) in embedded_files() {
        for word in ["recall", "unverified", "from memory"] {
            let hits: Vec<_> = text.lines().filter(|l| l.to_lowercase().contains(word)).collect();
            // Two sources describe themselves so; that is a statement about them, not a figure.
            let allowed = |l: &&str| l.contains("recalled vendor sheet values") || l.contains("marked unverified in the source");
            assert!(hits.iter().all(allowed), "{name}: {hits:?}");
        }
    }
}

#[test]
fn what_was_not_found_stays_absent() {
    let c = catalog();
    let chip = |id: &str, f: &str| c.chip(id).unwrap().si(f);
    let system = |id: &str, f: &str| c.system(id).unwrap().si(f);
    assert_eq!(chip("trn2", "die_mm2"), None);
    assert_eq!(chip("trn3", "die_mm2"), None);
    assert_eq!(system("trn2-ultraserver", "rack_power"), None);
    assert_eq!(system("trn2-ultraserver", "weight"), None);
    assert_eq!(system("trn3-ultraserver-gen2", "rack_power"), None);
    assert_eq!(system("dgx-h100", "weight"), None);
    assert!(c.prices_of("trn3").all(|p| p.per_chip_hour.is_none() && p.per_chip.is_none()));
    assert!(c.prices_of("trn2").all(|p| p.basis != "on-demand"));
    assert_eq!(c.prices_of("tpu-v7").filter(|p| p.per_chip_hour.is_some()).count(), 0);
    assert!(!c.table("tco-structure").unwrap().figures.contains_key("maintenance-share"));
}

/// The thirteen conflicts of the fact base: each figure in question keeps at least one rival.
#[test]
fn conflicts_are_kept() {
    let c = catalog();
    let chip = |id: &str, field: &str| {
        let set = &c.chip(id).unwrap().figures[field];
        assert!(!set.rivals.is_empty(), "{id} {field} has no rival");
        set
    };
    let system = |id: &str, field: &str| {
        let set = &c.system(id).unwrap().figures[field];
        assert!(!set.rivals.is_empty(), "{id} {field} has no rival");
        set
    };
    // 1 Trainium3 NeuronLink-v4
    assert!(chip("trn3", "scaleup_bw").rivals.len() >= 2);
    chip("trn3", "scaleup_bw_uni");
    chip("trn3", "scaleup_bw_tier_server");
    // 2 Trainium3 memory, cores, power
    for field in ["hbm_bw", "cc_cores", "hbm_capacity", "tdp"] {
        chip("trn3", field);
    }
    // 3 Trainium2
    for field in ["hbm_bw", "cc_cores", "bf16", "fp32", "fp8"] {
        chip("trn2", field);
    }
    assert_eq!(system("trn2-ultraserver", "efa").main.value, 12800.0);
    // 4 Trainium1
    chip("trn1", "hbm_bw");
    assert_eq!(chip("trn1", "int8").rivals[0].value, 420.0);
    // 5 sparse marketing numbers stand beside the dense ones, never in their place
    for (id, field) in [("h100-sxm", "fp8"), ("gb200", "fp4"), ("gb300", "fp4"), ("mi300x", "fp8")] {
        let set = chip(id, field);
        assert!(set.rivals.iter().any(|r| r.qualifier.contains("sparse") && r.value > set.main.value), "{id}");
        assert!(set.main.qualifier.contains("dense"), "{id}");
    }
    system("gb200-nvl72", "fp4_total");
    // 6 Blackwell memory, dies, power
    for (id, field) in [
        ("b200", "hbm_capacity"),
        ("b200", "die_mm2"),
        ("gb200", "hbm_capacity"),
        ("b300", "hbm_capacity"),
        ("b300", "tdp"),
        ("gb300", "tdp"),
    ] {
        chip(id, field);
    }
    // 7 Rubin
    chip("vr200", "fp4");
    assert!(chip("vr200", "hbm_bw").rivals.len() >= 2);
    system("vr-nvl72", "rack_power");
    // 8 AMD
    chip("mi355x", "scaleup_bw_uni");
    chip("mi455x", "hbm_stacks");
    chip("mi300x", "die_mm2");
    // 9 Gaudi
    assert!(chip("gaudi3", "bf16").rivals.len() >= 2);
    chip("gaudi2", "bf16");
    // 10 TPU
    for (id, field) in [("tpu-v5e", "scaleup_bw"), ("tpu-v6e", "scaleup_bw"), ("tpu-v4", "tdp"), ("tpu-v5e", "tdp"), ("tpu-v7", "tdp")] {
        chip(id, field);
    }
    // 11 NVL72 weight and price, p6e network
    system("gb200-nvl72", "weight");
    system("p6e-gb200.36xlarge", "efa");
    let racks = c.prices_of("gb200").filter(|p| p.chips_in_item == 72 && p.basis.starts_with("purchase")).count();
    assert!(racks >= 4);
    // 12 H100 rental series of June 2026 stay apart
    let june: std::collections::BTreeSet<_> =
        c.prices_of("h100-sxm").filter(|p| p.date.starts_with("2026-06")).map(|p| p.basis.as_str()).collect();
    assert!(june.len() >= 3, "{june:?}");
    // 13 placeholders are called so
    assert!(c.prices_of("b300").any(|p| p.note.contains("placeholder")));
    assert!(c.prices_of("gb300").any(|p| p.note.contains("placeholder")));
}

/// 72 chips must agree with the total that the vendor prints for the rack.
#[test]
fn rack_totals_agree_with_chips() {
    let c = catalog();
    for (rack, total, chip, field, tolerance) in [
        // Vendors print GiB as GB: the driver's count is 7% above their decimal reading.
        ("gb200-nvl72", "hbm_total", "gb200", "hbm_capacity", 0.075),
        ("gb300-nvl72", "hbm_total", "gb300", "hbm_capacity", 0.075),
        ("trn2-ultraserver", "hbm_total", "trn2", "hbm_capacity", 1e-9),
        ("trn2-ultraserver", "fp8_total", "trn2", "fp8", 0.01),
        ("trn2-ultraserver", "hbm_bw_total", "trn2", "hbm_bw", 0.01),
        ("trn3-ultraserver-gen2", "fp8_total", "trn3", "mxfp8", 0.01),
        ("trn3-ultraserver-gen2", "hbm_total", "trn3", "hbm_capacity", 1e-9),
        ("helios-mi455x", "hbm_total", "mi455x", "hbm_capacity", 0.03),
        ("vr-nvl72", "hbm_total", "vr200", "hbm_capacity", 0.03),
    ] {
        let system = c.system(rack).unwrap();
        let sum = c.chip(chip).unwrap().si(field).unwrap() * system.si("chips").unwrap();
        let printed = system.si(total).unwrap();
        assert!((sum / printed - 1.0).abs() <= tolerance, "{rack} {total}: {sum:e} against {printed:e}");
    }
}

#[test]
fn sheets_spell_out_sources() {
    let sheet = catalog().show("trainium2").unwrap();
    assert_eq!((sheet.id.as_str(), sheet.thing), ("trn2", Thing::Chip));
    let bf16 = sheet.rows.iter().find(|r| r.label == "bf16").unwrap();
    assert_eq!((bf16.value.as_str(), bf16.unit.as_str(), bf16.kind), ("667", "TFLOP/s", "vendor"));
    assert!(bf16.sources[0].title.contains("AWS Neuron SDK"));
    assert_eq!(bf16.rivals[0].value, "629");
    assert!(sheet.prices.iter().any(|p| p.basis == "capacity-block"));
    let pod = catalog().show("trn2-ultraserver").unwrap();
    assert_eq!(pod.levels[0].injection, "chip.scaleup_bw_uni = 640 GB/s");
    for row in catalog().list() {
        let sheet = catalog().show(&row.id).unwrap();
        assert!(serde_json::to_string(&sheet).unwrap().len() > 50);
        assert!(sheet.rows.iter().all(|r| r.sources.iter().all(|s| !s.title.is_empty())), "{}", row.id);
    }
    assert!(catalog().show("trn9").is_err());
}

#[test]
fn power_tables() {
    let c = catalog();
    assert_eq!(c.all_in_kw("h100").unwrap().main.value, 1.73);
    assert!(c.all_in_kw("trn2").is_none());
    assert_eq!(c.pue()["aws-2023"].main.value, 1.15);
    assert_eq!(c.electricity().count(), 5);
    assert_eq!(c.grid_carbon().count(), 2);
}

#[test]
fn reading_is_quick() {
    let start = Instant::now();
    let _ = Catalog::from_files(embedded_files());
    // About 10 ms in a release build; the limit only catches a change of kind.
    assert!(start.elapsed().as_millis() < 2000);
}

/// Filings in the units that they print, oldest first, and one unit a series.
#[test]
fn statements_are_series() {
    let c = catalog();
    let last = c.series("nvidia-revenue").rfind(|s| s.qualifier.is_empty()).unwrap();
    assert_eq!((last.start.as_str(), last.plain()), ("2026-01-26", 81.615e9));
    assert_eq!(c.series("nvidia-data-centre-revenue").find(|s| s.start == last.start).map(|s| s.plain()), Some(75.246e9));
    // BT23: the backlog without the Anthropic agreement and the agreement are two figures; press adds them up.
    let backlog = c.series("aws-backlog").find(|s| s.start == "2026-01-01").unwrap();
    let agreement = c.series("anthropic-commitment").next().unwrap();
    assert_eq!(backlog.qualifier, "without the Anthropic agreement");
    assert_eq!(backlog.value + agreement.value, 464.0);
    for s in c.statements() {
        let series: Vec<_> = c.series(&s.series).collect();
        assert!(series.windows(2).all(|w| w[0].end <= w[1].end && w[0].unit == w[1].unit), "{}", s.series);
    }
}

/// The counts and the example overlay that docs/catalog.md prints.
#[test]
fn the_manual_is_true() {
    let manual = include_str!("../../../docs/catalog.md");
    let c = catalog();
    let nodes = c.systems().filter(|s| s.thing == Thing::Node).count();
    let racks = c.systems().filter(|s| s.thing == Thing::Rack).count();
    for (what, count) in [
        ("| `chips/` ", c.chips().count()),
        ("| `nodes/` ", nodes),
        ("| `racks/` ", racks),
        ("| `links/` ", c.links().count()),
        ("| `prices/` ", c.prices().len()),
        ("| `power/`", c.tables().count()),
        ("| `supply/quarterly", c.supply().len()),
        ("| `history/", c.history().len()),
        ("| `history/statements", c.statements().len()),
        ("| `sources.toml` ", c.sources().len()),
    ] {
        let line = manual.lines().find(|l| l.starts_with(what)).unwrap();
        let cell = line.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        assert!(cell.split(' ').next() == Some(&count.to_string()), "{line} but {count}");
    }
    let overlay = manual.split("```toml\n").nth(3).unwrap().split("```").next().unwrap();
    let diags = check("manual.toml", overlay);
    assert!(diags.is_empty(), "{}", diags[0]);
}
