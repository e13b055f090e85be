//! What `catalog check` says about slips: where, why, and what would be right.

use secondsource_catalog::{Catalog, check, embedded_files};

/// The diagnostics of an overlay with one figure, as the command line prints them.
fn figure(body: &str) -> String {
    say(&format!("[chip.trn2.figure.hbm_bw]\n{body}"))
}

fn price(body: &str) -> String {
    let head = "[[price]]\nitem = \"x\"\nchip = \"trn2\"\nchips_in_item = 16\nprovider = \"AWS\"\nbasis = \"spot\"\n";
    say(&format!("{head}{body}"))
}

fn say(text: &str) -> String {
    let diags = check("mine.toml", text);
    diags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

const REST: &str = "kind = \"user\"\nas_of = \"2026-11\"\n";

#[test]
fn good_is_silent() {
    insta::assert_snapshot!(figure(&format!("value = 2.8\nunit = \"TB/s\"\n{REST}")), @"");
}

#[test]
fn misspelt_key() {
    insta::assert_snapshot!(figure(&format!("valeu = 2.8\nvalue = 2.8\nunit = \"TB/s\"\n{REST}")), @r"
    error: unknown key `valeu` in figure `hbm_bw`
      --> mine.toml:2:1
       |
     2 | valeu = 2.8
       | ^
      hint: did you mean `value`?
      hint: known keys: value, unit, qualifier, kind, as_of, sources, note, rival
    ");
}

#[test]
fn misspelt_figure() {
    insta::assert_snapshot!(say(&format!("[chip.trn2.figure.hbm_bandwith]\nvalue = 1\nunit = \"TB/s\"\n{REST}")), @r"
    error: unknown figure `hbm_bandwith`
      --> mine.toml:1:19
       |
     1 | [chip.trn2.figure.hbm_bandwith]
       |                   ^
      hint: known figures of that sort: `hbm_capacity`, `hbm_stacks`, `hbm_bw`, `hbm_total`, `hbm_bw_total`
    ");
}

#[test]
fn capacity_for_a_bandwidth() {
    insta::assert_snapshot!(figure(&format!("value = 2.8\nunit = \"GB\"\n{REST}")), @r#"
    error: unit `GB` does not fit figure `hbm_bw`
      --> mine.toml:3:8
       |
     3 | unit = "GB"
       |        ^
      hint: did you mean `GB/s`?
      hint: expected one of: GB/s, GiB/s, TB/s, Gbit/s, Tbit/s, Pbit/s
    "#);
}

#[test]
fn unknown_unit() {
    insta::assert_snapshot!(figure(&format!("value = 2.8\nunit = \"Tbps\"\n{REST}")), @r#"
    error: unit `Tbps` does not fit figure `hbm_bw`
      --> mine.toml:3:8
       |
     3 | unit = "Tbps"
       |        ^
      hint: did you mean `TB/s`?
      hint: expected one of: GB/s, GiB/s, TB/s, Gbit/s, Tbit/s, Pbit/s
    "#);
}

#[test]
fn not_a_number() {
    insta::assert_snapshot!(figure(&format!("value = nan\nunit = \"TB/s\"\n{REST}")), @r"
    error: `value` of figure `hbm_bw` is not a finite decimal number
      --> mine.toml:2:9
       |
     2 | value = nan
       |         ^
    ");
}

#[test]
fn negative() {
    insta::assert_snapshot!(figure(&format!("value = -2.8\nunit = \"TB/s\"\n{REST}")), @r"
    error: `value` of figure `hbm_bw` is negative
      --> mine.toml:2:9
       |
     2 | value = -2.8
       |         ^
    ");
}

#[test]
fn number_in_quotes() {
    insta::assert_snapshot!(figure(&format!("value = \"2.8\"\nunit = \"TB/s\"\n{REST}")), @r#"
    error: `value` must be a number, not a text
      --> mine.toml:2:9
       |
     2 | value = "2.8"
       |         ^
    "#);
}

#[test]
fn unknown_source() {
    let body = "value = 2.8\nunit = \"TB/s\"\nkind = \"vendor\"\nas_of = \"2026\"\nsources = [\"NEURONN\"]\n";
    insta::assert_snapshot!(figure(body), @r#"
    error: unknown source `NEURONN`
      --> mine.toml:6:12
       |
     6 | sources = ["NEURONN"]
       |            ^
      hint: did you mean `NEURON`?
      hint: sources are listed in sources.toml, or as [source.ID] in the same overlay
    "#);
}

#[test]
fn no_source() {
    insta::assert_snapshot!(figure("value = 2.8\nunit = \"TB/s\"\nkind = \"vendor\"\nas_of = \"2026\"\n"), @r#"
    error: figure `hbm_bw` names no source
      --> mine.toml:1:19
       |
     1 | [chip.trn2.figure.hbm_bw]
       |                   ^
      hint: list ids of sources.toml in `sources`, or give `kind = "user"` for a figure of your own
    "#);
}

#[test]
fn unknown_kind_and_impossible_date() {
    let body = "value = 2.8\nunit = \"TB/s\"\nkind = \"vendr\"\nas_of = \"2026-13-40\"\n";
    insta::assert_snapshot!(figure(body), @r#"
    error: unknown kind `vendr`
      --> mine.toml:4:8
       |
     4 | kind = "vendr"
       |        ^
      hint: did you mean `vendor`?
      hint: one of: measured, vendor, vendor-via-third-party, third-party, derived, assumed, user
    error: `as_of` is not a date: `2026-13-40`
      --> mine.toml:5:9
       |
     5 | as_of = "2026-13-40"
       |         ^
      hint: write YYYY, YYYY-MM or YYYY-MM-DD
    "#);
}

#[test]
fn price_in_gigabits() {
    let body = "price = 20\nunit = \"Gbit/s\"\ndate = \"2026-11\"\nkind = \"user\"\n";
    insta::assert_snapshot!(price(body), @r#"
    error: unknown unit of a price `Gbit/s`
      --> mine.toml:8:8
       |
     8 | unit = "Gbit/s"
       |        ^
      hint: one of: USD/h, USD/chip-h, USD/year, USD
    "#);
}

#[test]
fn price_of_an_unknown_chip() {
    let text = "[[price]]\nitem = \"x\"\nchip = \"trn22\"\nchips_in_item = 0\nprovider = \"AWS\"\nbasis = \"on demand\"\n\
                price = 1\nunit = \"USD/h\"\ndate = \"2026-02-30\"\nkind = \"user\"\n";
    insta::assert_snapshot!(say(text), @r#"
    error: `chips_in_item` must be a whole number from 1 to a million
      --> mine.toml:4:17
       |
     4 | chips_in_item = 0
       |                 ^
    error: unknown basis `on demand`
      --> mine.toml:6:9
       |
     6 | basis = "on demand"
       |         ^
      hint: did you mean `on-demand`?
      hint: one of: on-demand, capacity-block, flex-start, cluster-on-demand, spot, reserved, reserved-1y, reserved-3y, contract-1y, list, market-average, index, TCO-own, TCO-rent-3y, purchase, purchase-all-in, purchase-used, BOM
    error: `date` is not a date: `2026-02-30`
      --> mine.toml:9:8
       |
     9 | date = "2026-02-30"
       |        ^
      hint: write YYYY, YYYY-MM or YYYY-MM-DD
    "#);
    insta::assert_snapshot!(say(&text.replace("= 0", "= 1").replace("on demand", "spot").replace("-30", "")), @r#"
    error: unknown chip `trn22`
      --> mine.toml:3:8
       |
     3 | chip = "trn22"
       |        ^
      hint: did you mean `trn2`?
    "#);
}

#[test]
fn unknown_table_of_the_file() {
    insta::assert_snapshot!(say("[chips.trn2]\nname = \"x\"\n"), @r"
    error: unknown key `chips` in the file
      --> mine.toml:1:2
       |
     1 | [chips.trn2]
       |  ^
      hint: did you mean `chip`?
      hint: known keys: chip, node, rack, link, table, price, source, alias
    ");
}

#[test]
fn new_chip_without_a_family() {
    insta::assert_snapshot!(say("[chip.x9]\nname = \"X9\"\nvendor = \"Acme\"\n"), @r"
    error: chip `x9` has no `family`
      --> mine.toml:1:7
       |
     1 | [chip.x9]
       |       ^
    ");
    insta::assert_snapshot!(say("[chip.x9]\nname = \"X9\"\nvendor = \"Acme\"\nfamily = \"hoper\"\n"), @r#"
    error: unknown family `hoper`
      --> mine.toml:4:10
       |
     4 | family = "hoper"
       |          ^
      hint: did you mean `hopper`?
      hint: one of: ampere, hopper, ada, blackwell, blackwell-ultra, rubin, cdna2, cdna3, cdna4, cdna5, gaudi, tpu, neuron
    "#);
}

#[test]
fn level_slips() {
    let level = |injection: &str, latency: &str| {
        say(&format!(
            "[[node.dgx-h100.level]]\nname = \"l\"\nchips = \"figure.chips\"\nshape = \"switched\"\n\
             injection = \"{injection}\"\nlatency = \"{latency}\"\n"
        ))
    };
    insta::assert_snapshot!(level("chip.scaleup_bw_unni", "link.nvlink4.latency"), @r#"
    error: unknown figure `scaleup_bw_unni`
      --> mine.toml:5:13
       |
     5 | injection = "chip.scaleup_bw_unni"
       |             ^
      hint: did you mean `scaleup_bw_uni`?
    "#);
    insta::assert_snapshot!(level("450 GB/s", "link.nvlink4.latency"), @r#"
    error: `450 GB/s` does not say where the figure stands
      --> mine.toml:5:13
       |
     5 | injection = "450 GB/s"
       |             ^
      hint: write `chip.FIELD`, `figure.FIELD` or `link.ID.FIELD`
    "#);
    insta::assert_snapshot!(level("chip.scaleup_bw_uni", "link.nvlnk4.latency"), @r"
    error: unknown link `nvlnk4`
      --> mine.toml:1:1
       |
     1 | [[node.dgx-h100.level]]
       | ^
      hint: did you mean `nvlink4`?
    ");
}

#[test]
fn taken_ids_and_aliases() {
    insta::assert_snapshot!(say("[node.trn2]\nname = \"x\"\nvendor = \"y\"\n"), @r"
    error: the id `trn2` is already that of a chip
      --> mine.toml:1:7
       |
     1 | [node.trn2]
       |       ^
    ");
    insta::assert_snapshot!(say("[chip.h100.figure.tdp]\nvalue = 650\nunit = \"W\"\nkind = \"user\"\nas_of = \"2026\"\n"), @r"
    error: `h100` is another name of `h100-sxm`: write `h100-sxm`
      --> mine.toml:1:7
       |
     1 | [chip.h100.figure.tdp]
       |       ^
    ");
    insta::assert_snapshot!(say("[alias]\nh100 = \"h200\"\nbig = \"gb200-nvl73\"\n"), @r#"
    error: the alias `h100` already stands for `h100-sxm`
      --> mine.toml:2:8
       |
     2 | h100 = "h200"
       |        ^
    error: the alias `big` stands for the unknown id `gb200-nvl73`
      --> mine.toml:3:7
       |
     3 | big = "gb200-nvl73"
       |       ^
      hint: did you mean `gb200-nvl72`?
    "#);
}

#[test]
fn duplicate_id_in_two_files() {
    let chip = embedded_files().iter().find(|(n, _)| n.ends_with("chips/l40s.toml")).unwrap().1;
    let sources = *embedded_files().iter().find(|(n, _)| n.ends_with("sources.toml")).unwrap();
    let node = *embedded_files().iter().find(|(n, _)| n.ends_with("nodes/l40s-4way.toml")).unwrap();
    let (_, diags) = Catalog::from_files(&[sources, node, ("a.toml", chip), ("b.toml", chip)]);
    let found = diags.iter().map(ToString::to_string).find(|d| d.contains("already"));
    insta::assert_snapshot!(found.unwrap_or_default(), @r#"
    error: the id `l40s` is already that of a chip
      --> b.toml:2:6
       |
     2 | id = "l40s"
       |      ^
    "#);
}

#[test]
fn broken_toml() {
    insta::assert_snapshot!(say("[chip.trn2\nname = 1\n"), @r"
    error: not valid TOML: unclosed table, expected `]`
      --> mine.toml:1:11
       |
     1 | [chip.trn2
       |           ^
    ");
    insta::assert_snapshot!(say("[source.A]\ntitle = \"t\"\ntitle = \"u\"\n"), @r#"
    error: not valid TOML: duplicate key
      --> mine.toml:3:1
       |
     3 | title = "u"
       | ^
    "#);
}

#[test]
fn series_rows() {
    let csv = "maker,chip,quarter_start,quarter_end,units_median,units_p5,units_p95,kind,source\n\
               A,B,2026-01-01,2026-03-31,5,9,7,third-party,EPOCH-COUNT\n\
               A,B,2026-01-01,2026-03-31,many,1,7,third-party,EPOCH-COUNT\n";
    let diags = check("supply/mine.csv", csv);
    let text = diags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @r"
    error: units must be p5 <= median <= p95, none negative
      --> supply/mine.csv:2:1
    error: column `units_median`: invalid float literal
      --> supply/mine.csv:3:1
    ");
}

#[test]
fn a_statement_is_told_by_line() {
    let head = "series,maker,start,end,value,unit,qualifier,kind,as_of,source,note\n";
    let wrong = |row: &str| {
        let text = format!("{head}{row}\n");
        let diags = check("catalog/history/statements.csv", &text);
        assert_eq!(diags.first().and_then(|d| d.at), Some((2, 1)), "{row}: {diags:?}");
        diags[0].message.clone()
    };
    assert!(wrong("x,y,2026-13-01,2026,1,G USD,,vendor,2026,JASSY,").contains("dates"));
    assert!(wrong("x,y,2026,2026,-1,G USD,,vendor,2026,JASSY,").contains("negative"));
    assert!(wrong("x,y,2026,2026,1,EUR,,vendor,2026,JASSY,").contains("unit"));
    assert!(wrong("x,y,2026,2026,1,G USD,,vendor,2026,NOBODY,").contains("unknown source"));
    assert!(wrong("x,y,2026,2026,many,G USD,,vendor,2026,JASSY,").contains("value"));
}
