//! What users lay over the catalog.

use secondsource_base::{Dtype, Kind};
use secondsource_catalog::{Catalog, check};

const NDA: &str = r#"
# A private price, a chip under NDA with its system, and a measured bandwidth.
[source.ACME-BENCH]
title = "Our own benchmark of 2026-10"
where = "internal"
date = "2026-10"

[[price]]
item = "reserved trn2 for two years"
chip = "trn2"
chips_in_item = 16
provider = "AWS"
basis = "reserved-1y"
price = 20.0
unit = "USD/h"
date = "2026-11-01"
kind = "user"

[chip.trn2.figure.hbm_bw]
value = 2.75
unit = "TB/s"
kind = "measured"
as_of = "2026-10"
sources = ["ACME-BENCH"]

[chip.x1]
name = "X1"
vendor = "Acme"
family = "hopper"
usual = "x1-node"
aliases = ["x-one"]

[chip.x1.figure.bf16]
value = 1500
unit = "TFLOP/s"
kind = "user"
as_of = "2026-11"

[chip.x1.figure.hbm_capacity]
value = 144
unit = "GB"
kind = "user"
as_of = "2026-11"

[chip.x1.figure.hbm_bw]
value = 6
unit = "TB/s"
kind = "user"
as_of = "2026-11"

[chip.x1.figure.scaleup_bw_uni]
value = 600
unit = "GB/s"
kind = "user"
as_of = "2026-11"

[node.x1-node]
name = "8x X1"
vendor = "Acme"
chip = "x1"

[node.x1-node.figure.chips]
value = 8
unit = "count"
kind = "user"
as_of = "2026-11"

[[node.x1-node.level]]
name = "switch"
chips = "figure.chips"
shape = "switched"
injection = "chip.scaleup_bw_uni"
latency = "link.nvlink5.latency"

[alias]
mine = "x1-node"
"#;

#[test]
fn an_overlay_wins_and_keeps_the_old_figure() {
    let base = Catalog::embedded();
    let c = base.with_overlay("nda.toml", NDA).unwrap_or_else(|d| panic!("{}", d[0]));
    let set = &c.chip("trn2").unwrap().figures["hbm_bw"];
    assert_eq!((set.main.value, set.main.kind), (2.75, Kind::Measured));
    assert_eq!(set.rivals.iter().map(|r| r.value).collect::<Vec<_>>(), [2.9, 3.0]);
    assert_eq!(c.hardware("trn2").unwrap().chip.hbm_bandwidth, 2.75e12);
    for name in ["x1", "x-one", "x1-node", "mine"] {
        let hw = c.hardware(name).unwrap();
        assert_eq!((hw.system.as_str(), hw.chips_per_node, hw.max_chips), ("x1-node", 8, Some(8)));
        assert_eq!(hw.chip.peak(Dtype::Bf16), Some(1500e12));
    }
    assert_eq!(c.prices().last().unwrap().per_chip_hour, Some(1.25));
    assert!(base.chip("x1").is_err(), "the embedded catalog is untouched");
    assert!(check("nda.toml", NDA).is_empty());
}

#[test]
fn a_missing_figure_can_be_given() {
    let give = "[chip.mi250x.figure.scaleup_bw_uni]\nvalue = 300\nunit = \"GB/s\"\nkind = \"user\"\nas_of = \"2026\"\n\
                [chip.mi250x.figure.scaleout_bw]\nvalue = 200\nunit = \"Gbit/s\"\nkind = \"user\"\nas_of = \"2026\"\n";
    assert!(Catalog::embedded().hardware("mi250x").is_err());
    let c = Catalog::embedded().with_overlay("mine.toml", give).unwrap();
    assert_eq!(c.hardware("mi250x").unwrap().levels.len(), 2);
}

#[test]
fn overlays_stack() {
    let price = |usd: &str| {
        format!(
            "[[price]]\nitem = \"deal\"\nchip = \"h100\"\nchips_in_item = 1\nprovider = \"P\"\nbasis = \"on-demand\"\n\
             price = {usd}\nunit = \"USD/chip-h\"\ndate = \"2026-11-20\"\nkind = \"user\"\n"
        )
    };
    let a = Catalog::embedded().with_overlay("a.toml", &price("1.5")).unwrap();
    let both = a.with_overlay("b.toml", &price("1.4")).unwrap();
    assert_eq!(both.prices().len(), Catalog::embedded().prices().len() + 2);
    assert_eq!(both.prices().last().unwrap().chip, "h100-sxm", "an alias is written out");
}
