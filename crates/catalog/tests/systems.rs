//! Every system resolves to plain numbers, or says which figure no source gives.

use secondsource_base::Dtype;
use secondsource_catalog::{Catalog, Hardware, ScaleUpShape};

fn hardware(name: &str) -> Hardware {
    Catalog::embedded().hardware(name).unwrap_or_else(|d| panic!("{d}"))
}

fn near(a: f64, b: f64) -> bool {
    (a / b - 1.0).abs() < 1e-9
}

/// The things that no source describes well enough, with the figure that is missing.
const LACKING: &[(&str, &str)] = &[
    ("h100-pcie", "h100-pcie: no source describes a system of this chip; nor gives scaleup_bw_uni"),
    ("inf2", "inf2.48xlarge: no source gives extents (the shape of the torus)"),
    ("inf2.48xlarge", "inf2.48xlarge: no source gives extents (the shape of the torus)"),
    ("kyber-nvl144", "kyber-nvl144: no source names the chip of this system"),
    ("mi250x", "mi250x: no source gives scaleup_bw_uni"),
    ("mi250x-4way", "mi250x: no source gives scaleup_bw_uni"),
    ("tpu-8i", "tpu-8i: no source gives bf16 (nor another dense peak of a format that training uses)"),
    ("tpu-8i-pod", "tpu-8i: no source gives bf16 (nor another dense peak of a format that training uses)"),
    ("tpu-8t", "tpu-8t: no source gives bf16 (nor another dense peak of a format that training uses)"),
    ("tpu-8t-pod", "tpu-8t: no source gives bf16 (nor another dense peak of a format that training uses)"),
    ("trn4", "trn4: no source describes a system of this chip; nor gives scaleup_bw_uni"),
];

#[test]
fn all_resolve_but_the_listed() {
    let mut lacking = Vec::new();
    for row in Catalog::embedded().list() {
        if let Some(lacks) = row.lacks {
            lacking.push((row.id, lacks));
        }
    }
    lacking.sort();
    let expected: Vec<_> = LACKING.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(lacking, expected);
}

#[test]
fn run_table_chips_resolve() {
    for chip in [
        "a100-80g-sxm",
        "a100-40g-sxm",
        "h100-sxm",
        "h100-sxm-500w",
        "h200",
        "h200-nvl",
        "l40s",
        "b200",
        "b300",
        "gb200",
        "gb300",
        "mi300x",
        "mi325x",
        "mi350x",
        "mi355x",
        "gaudi2",
        "trn1",
        "tpu-v4",
        "tpu-v5e",
        "tpu-v5p",
        "tpu-v6e",
        "tpu-v7",
    ] {
        let hw = hardware(chip);
        assert_eq!(hw.chip.id, chip);
        assert!(hw.chip.peak(Dtype::Bf16).is_some(), "{chip}");
        assert!(hw.chip.tdp.is_some() && hw.chips_per_node >= 4, "{chip}");
    }
}

#[test]
fn levels_are_sound() {
    let catalog = Catalog::embedded();
    for row in catalog.list().iter().filter(|r| r.runs == Some(true)) {
        let hw = hardware(&row.id);
        assert!(!hw.levels.is_empty(), "{}", row.id);
        for pair in hw.levels.windows(2) {
            assert!(pair[0].chips < pair[1].chips && !pair[0].scale_out, "{}", row.id);
        }
        for level in &hw.levels {
            assert!(level.injection > 0.0 && level.latency > 0.0 && level.latency < 1e-3, "{}", row.id);
            if let ScaleUpShape::Torus(e) = level.shape {
                assert_eq!(e.iter().product::<u32>(), level.chips, "{}", row.id);
                for (extent, bandwidth) in e.iter().zip(level.axis_bandwidth) {
                    assert_eq!(*extent > 1, bandwidth > 0.0, "{}", row.id);
                }
            } else {
                assert_eq!(level.axis_bandwidth, [0.0; 3], "{}", row.id);
            }
        }
        let last = hw.levels[hw.levels.len() - 1];
        assert_eq!(hw.max_chips.is_none(), last.scale_out, "{}", row.id);
    }
}

#[test]
fn known_values() {
    let h100 = hardware("h100-sxm");
    assert!(near(h100.chip.peaks[Dtype::Bf16.index()].unwrap(), 989.4e12));
    // What the driver reports: 81,559 MiB.
    assert!(near(h100.chip.hbm_bytes, 81_559.0 * 1_048_576.0));
    assert!(near(h100.chip.hbm_bandwidth, 3.35e12));
    assert!(near(h100.levels[0].injection, 450e9));
    assert!(near(h100.levels[1].injection, 50e9));
    let trn2 = hardware("trn2-ultraserver");
    assert!(near(trn2.chip.hbm_bytes, 96.0 * (1u64 << 30) as f64));
    assert_eq!(trn2.levels[0].shape, ScaleUpShape::Torus([4, 4, 4]));
    assert_eq!(trn2.levels[0].axis_bandwidth.map(|b| b / 1e9), [128.0, 128.0, 64.0]);
    let v5p = hardware("tpu-v5p-pod");
    assert_eq!(v5p.levels[0].axis_bandwidth.map(|b| b / 1e9), [100.0; 3]);
    assert_eq!(v5p.levels[0].chips, 8960);
    let titan = hardware("h100-sxm-500w");
    assert_eq!((titan.chip.tdp, titan.chip.hbm_bytes, titan.chip.hbm_bandwidth), (Some(500.0), 96e9, 2.4e12));
}

#[test]
fn trainium3_is_three_tiers() {
    let trn3 = hardware("trn3-ultraserver");
    let tiers: Vec<_> = trn3.levels.iter().map(|l| (l.chips, l.injection / 1e9)).collect();
    assert_eq!(tiers, [(4, 256.0), (72, 320.0), (144, 128.0), (u32::MAX, 25.0)]);
}

#[test]
fn peaks_follow_the_hardware() {
    let peaks = |name: &str| Dtype::ALL.map(|d| hardware(name).chip.peak(d).map(|p| (p / 1e12).round() as u64));
    // fp32, tf32, bf16, fp8, mxfp8, nvfp4, mxfp4, int8
    assert_eq!(
        peaks("h100-sxm"),
        [Some(67), Some(495), Some(989), Some(1979), None, None, None, Some(1979)],
        "Hopper has no block-scaled formats"
    );
    assert_eq!(peaks("gb200"), [None, Some(1250), Some(2500), Some(5000), Some(5000), Some(10000), Some(10000), None]);
    assert_eq!(peaks("mi355x"), [None, None, Some(2516), Some(5033), Some(5033), None, Some(10066), None]);
    assert_eq!(peaks("trn1"), [Some(48), Some(190), Some(190), Some(190), None, None, None, Some(380)]);
    assert_eq!(peaks("trn2"), [Some(181), Some(667), Some(667), Some(1299), None, None, None, None]);
    assert_eq!(
        peaks("trn3"),
        [Some(183), Some(671), Some(671), None, Some(2517), None, Some(2517), None],
        "Trainium3 takes fp8 in block-scaled form only"
    );
}

#[test]
fn aliases_resolve() {
    let catalog = Catalog::embedded();
    for (alias, system) in [
        ("h100", "dgx-h100"),
        ("h100-sxm5", "dgx-h100"),
        ("H100-SXM", "dgx-h100"),
        ("dgx-h100", "dgx-h100"),
        ("p5.48xlarge", "p5.48xlarge"),
        ("trainium2", "trn2.48xlarge"),
        ("trn2u.48xlarge", "trn2.48xlarge"),
        ("trn1n", "trn1n.32xlarge"),
        ("a100-80-sxm", "hgx-a100-80g"),
        ("a100-40-sxm", "hgx-a100-40g"),
        ("mi355", "mi355x-8way"),
        ("ironwood", "tpu-v7-pod"),
        ("gb200", "gb200-nvl72"),
        ("trn3-ultraserver", "trn3-ultraserver-gen2"),
    ] {
        assert_eq!(catalog.hardware(alias).map(|h| h.system).as_deref(), Ok(system), "{alias}");
    }
    let names: Vec<_> = catalog.aliases().keys().collect();
    assert!(names.iter().all(|a| catalog.thing(a).is_none()), "an alias must not hide an id");
}

#[test]
fn unknown_names_get_the_nearest() {
    let message = Catalog::embedded().hardware("trn2-ultrasever").unwrap_err().to_string();
    insta::assert_snapshot!(message, @r"
    error: unknown system `trn2-ultrasever`
      hint: did you mean `trn2-ultraserver`?
      hint: `secondsource catalog list` names everything there is
    ");
}
