//! Supply: back-tests with their tolerance, and the frozen forecast.

use secondsource::Catalog;
use secondsource::supply::{
    BackTest, FROZEN, SupplyJob, SupplyValidation, Verdict, arrival, outlook, read_supply, supply, validate_supply,
};

fn all() -> SupplyValidation {
    validate_supply(Catalog::embedded()).expect("the catalog has every figure")
}

fn row(v: &SupplyValidation, id: &str) -> BackTest {
    v.rows.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("{id} is not there")).clone()
}

/// Numbers that the study behind the back-tests printed, computed by another program.
#[test]
fn the_study_is_met() {
    let v = all();
    for (id, value, tolerance) in [
        ("BT02", 29.0, 0.5),
        ("BT03", 16.0, 0.0),
        ("BT04", 147.2, 0.05),
        ("BT05", 636.0, 1.0),
        ("BT06", 10.0, 1.0),
        ("BT07", 4.36, 0.03),
        ("BT08", 0.63, 0.005),
        ("BT13", 20.8, 0.05),
        ("BT14", 85.0, 0.5),
        ("BT15", 67.0, 1.0),
        ("BT27", 14.9, 0.05),
        ("BT28", 53.0, 0.5),
    ] {
        let r = row(&v, id);
        assert!((r.value - value).abs() <= tolerance, "{id}: {} instead of {value}", r.value);
    }
    assert!(row(&v, "BT04").ours.contains("160.2"));
    assert!(row(&v, "BT28").ours.contains("14.5"));
    assert!(row(&v, "BT27").ours.contains("12.4"));
    assert_eq!(row(&v, "BT14").ours, "harvest 72 to 85%, Poisson 44 to 67%, Murphy 47 to 67% for D0 0.10 to 0.05");
    // Best lag and yield of the replay, and the bar that it must pass.
    assert!(row(&v, "BT06").ours.contains("lag 0.25 and yield 0.60; persistence 15.9%"));
}

/// What is claimed, what is not, and what fails. A change of this list is a change of what the model can say.
#[test]
fn verdicts() {
    let v = all();
    let of = |verdict: Verdict| -> Vec<&str> { v.rows.iter().filter(|r| r.verdict == verdict).map(|r| r.id).collect() };
    assert_eq!(
        of(Verdict::Inside),
        ["BT02", "BT03", "BT04", "BT05", "BT08", "BT09", "BT10", "BT12", "BT13", "BT14", "BT15", "BT24", "BT25"]
    );
    assert_eq!(of(Verdict::Outside), ["BT22", "BT30"]);
    assert_eq!(of(Verdict::InSample), ["BT06"]);
    assert_eq!(of(Verdict::Unresolved), ["BT28"]);
    assert_eq!(of(Verdict::Informative), ["BT07", "BT27"]);
    assert_eq!((v.inside, v.outside, v.not_claimed), (13, 2, 4));
    assert!(v.rows.iter().all(|r| !r.caveat.is_empty() && ["A", "B", "C"].contains(&r.trust)));
    // Within tolerance as stated: 1% and 2%.
    assert!(row(&v, "BT09").value <= 1.0 && row(&v, "BT10").value <= 2.0);
}

/// Later filings do not move the frozen forecast: with every row published after the day taken away it is the same to the bit, and
/// then there is nothing to score.
#[test]
fn the_frozen_forecast_does_not_peek() {
    let v = all();
    assert_eq!(v.frozen_on, FROZEN);
    let files = secondsource::catalog::embedded_files();
    let cut: Vec<(&str, String)> = files
        .iter()
        .map(|(name, text)| {
            if !name.ends_with("statements.csv") {
                return (*name, (*text).to_owned());
            }
            let keep = |line: &&str| {
                // The date of publication stands right before the source.
                let cells: Vec<&str> = line.split(',').collect();
                let at = cells.iter().rposition(|c| secondsource::catalog::walk::is_date(c));
                at.is_none_or(|i| cells[i] <= FROZEN)
            };
            (*name, text.lines().filter(keep).map(|l| format!("{l}\n")).collect())
        })
        .collect();
    let borrowed: Vec<(&str, &str)> = cut.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let (catalog, diags) = Catalog::from_files(&borrowed);
    assert!(diags.is_empty(), "{diags:?}");
    assert!(catalog.statements().len() < Catalog::embedded().statements().len());
    let blind = validate_supply(&catalog).expect("complete");
    assert_eq!(blind.forecast.len(), 8);
    for (a, b) in v.forecast.iter().zip(&blind.forecast) {
        assert_eq!((a.series, a.ahead, &a.known_until), (b.series, b.ahead, &b.known_until));
        assert!(b.actual.is_none() && b.inside.is_none() && a.published.as_str() <= FROZEN);
    }
}

/// What came of it, as it came: three of four inside, AWS's revenue above its interval.
#[test]
fn the_frozen_forecast_was_scored_once() {
    let v = all();
    let first: Vec<_> = v.forecast.iter().filter(|f| f.ahead.quarters == 1).collect();
    let g = |x: f64| (x / 1e8).round() / 10.0;
    let got: Vec<_> = first.iter().map(|f| (f.series, g(f.ahead.p10), g(f.ahead.p90), f.actual.map(g), f.inside)).collect();
    assert_eq!(
        got,
        [
            ("nvidia-revenue", 87.8, 100.9, Some(96.2), Some(true)),
            ("nvidia-data-centre-revenue", 80.4, 95.1, Some(89.0), Some(true)),
            ("aws-revenue", 38.6, 40.6, Some(42.2), Some(false)),
            ("aws-backlog", 298.0, 674.2, Some(496.0), Some(true)),
        ]
    );
    // Guidance is no result, so the second quarter has nothing to be scored with.
    assert!(v.forecast.iter().filter(|f| f.ahead.quarters == 2).all(|f| f.actual.is_none()));
}

const EXAMPLE: &str = include_str!("../../../../examples/supply/accelerators-2025-2027.toml");

fn example() -> SupplyJob {
    match read_supply("example.toml", EXAMPLE, Catalog::embedded(), None) {
        Ok(job) => job,
        Err(d) => panic!("{}", d.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}

/// The chips of 2025 are counted by Epoch AI from revenue; the chain makes them from wafers and memory. That they agree is no test of
/// the orders, which are those counts, but of whether capacity, packages and yields let them through.
#[test]
fn the_example_lets_2025_through() {
    let job = SupplyJob { scenarios: 200, ..example() };
    let a = supply(&job, &|_, _| {}).expect("an answer");
    assert_eq!((a.quarters.len(), a.customers.len(), a.quarters[0].quarter.as_str()), (12, 6, "2025Q1"));
    let products: Vec<_> = a.customers.iter().flat_map(|c| &c.products).collect();
    assert_eq!(products.len(), 12);
    for p in &products {
        let year = &p.years[0];
        if year.orders > 5e5 {
            assert!(year.units.p5 <= 1.02 * year.orders && year.units.p95 >= 0.9 * year.orders, "{}: {year:?}", p.id);
        }
        assert!(p.units.iter().all(|u| 0.0 <= u.p5 && u.p5 <= u.p50 && u.p50 <= u.p95));
        let shares: f64 = p.limits.iter().map(|l| l.share).sum();
        assert!((shares - 1.0).abs() < 0.01, "{} {shares}", p.id);
    }
    // From 2026 on memory is short: analysts' counts of chips and of bits cannot both be met.
    assert!(a.quarters[5..].iter().all(|q| q.bottleneck == "HBM"));
    assert!(a.worst_gap < 1e-9);
    // Every rule divides the same supply of the tightest line.
    let squeeze = a.squeeze.expect("something is short");
    for rule in &squeeze.rules {
        let got: f64 = rule.customers.iter().map(|c| c.got).sum();
        assert!((got / squeeze.capacity - 1.0).abs() < 1e-9, "{}", rule.rule);
    }
    let gaming = |name: &str| squeeze.rules.iter().find(|r| r.rule == name).map(|r| r.customers.iter().map(|c| c.gaming).sum::<f64>());
    assert!(gaming("proportional") > Some(0.0) && gaming("uniform") == Some(0.0));
}

#[test]
fn assumptions_are_named() {
    let job = example();
    let d0 = job.inputs.iter().find(|i| i.name == "line n3 defects").expect("listed");
    assert!(d0.assumed && d0.range.low == 0.05 && d0.range.high == 0.15 && d0.origin.contains("no defect density"));
    let cowos = job.inputs.iter().find(|i| i.name == "line cowos capacity 2025-12").expect("listed");
    let tied = job.inputs.iter().find(|i| i.name == "maker tsmc together").expect("listed");
    assert!(tied.assumed && (tied.range.low, tied.range.high) == (0.0, 0.9));
    // As docs/supply.md counts them: those of the answer, in which free shares have no part.
    let shown: Vec<_> = job.inputs.iter().filter(|i| !i.name.ends_with(" free")).collect();
    let assumed = shown.iter().filter(|i| i.assumed).count();
    let words = format!("{assumed} of the example's {} inputs are assumptions", shown.len());
    assert!(include_str!("../../../../docs/supply.md").contains(&words), "{words}");
    assert!(!cowos.assumed && cowos.range.middle == 210_000.0 && cowos.origin.contains("MS-COWOS"), "{cowos:?}");
    assert!(job.notes.iter().any(|n| n.contains("interpolated")));
    // Between year ends the capacity is interpolated: the middle of the first quarter of 2025 is an eighth of the way.
    let line = &job.chain.lines[job.line_ids.iter().position(|l| l == "cowos").expect("there")];
    let first = line.capacity[job.chain.warm].middle;
    assert!((first - (120_000.0 + 90_000.0 * 0.206)).abs() < 2000.0, "{first}");
}

#[test]
fn slips_are_told_with_their_place() {
    let all = |from: &str, to: &str| -> String {
        assert!(EXAMPLE.contains(from), "{from}");
        let text = EXAMPLE.replacen(from, to, 1);
        let diags = read_supply("f.toml", &text, Catalog::embedded(), None).expect_err("wrong");
        diags.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    for (from, to, words) in [
        ("stage = \"packaging\"", "stage = \"packing\"", &["unknown stage `packing`", "packaging", "f.toml:"][..]),
        ("customer = \"aws\"", "customer = \"awz\"", &["unknown customer `awz`", "did you mean", "aws"]),
        ("packaging.cowos-2024-12", "packaging.cowos-2024-11", &["has no figure `cowos-2024-11`", "cowos-2024-12"]),
        ("\"packaging.packaging-days\"", "\"packaging.cowos-2024-12\"", &["is in k wafers/month", "is in days"]),
        ("Nvidia/B200", "Nvidia/B201", &["unknown count `Nvidia/B201`", "Nvidia/B200"]),
        ("carry = 1.0", "cary = 1.0", &["unknown key `cary`", "carry"]),
        ("line = \"n3\", dies = 2", "line = \"hbm\", dies = 2", &["is not one of wafers"]),
        ("usd = { low = 22000", "usd = { low = 32000", &["must rise from low to high"]),
        ("until = \"2025-12\"", "until = \"2023-12\"", &["`until` lies before `from`"]),
        ("yield = 1\n", "yield = 0\n", &["above zero"]),
        ("quarters = 12", "quarters = 1200", &["from 1 to 40"]),
        ("gigabytes = \"chip.trn3.hbm_capacity\"", "gigabytes = \"chip.trn3.hbm_bw\"", &["is in TB/s"]),
        ("chips = [\"trn3\"]", "chips = [\"trn33\"]", &["unknown chip `trn33`"]),
        ("start = \"2025-01\"", "start = \"2025-13\"", &["not a date"]),
        ("start = \"2025-01\"", "start = \"2040-01\"", &["no order falls in the 12 quarters from 2040-01"]),
        ("class = 0 }", "class = 0.9 }", &["`class` is 0.9", "whole number"]),
        ("maker = \"tsmc\"", "maker = \"tsmx\"", &["unknown maker `tsmx`", "did you mean `tsmc`"]),
        ("middle = 0.5, high = 0.9", "middle = 0.5, high = 1.9", &["maker tsmc together", "between 0 and 1"]),
        (
            "stage = \"memory\"",
            "stage = \"memory\"\ndays = [100, 200, 300]",
            &["`days` of line hbm would have no effect", "memory that is ready"],
        ),
        ("stage = \"packaging\"", "stage = \"packaging\"\ndefects = 0.1", &["`defects` of line cowos would have no effect"]),
        ("line = \"n3\", amount = 1", "line = \"n3\", amount = 1, per-wafer = 20", &["has `per-wafer` and `amount`"]),
        ("line = \"n3\", amount = 1", "line = \"n3\", amount = 1, area = 800", &["would have no effect without `dies`"]),
        ("carry = 1.0", "carry = 1.0\norders-together = 2", &["orders-together", "share"]),
    ] {
        let text = all(from, to);
        assert!(words.iter().all(|w| text.contains(w)), "{to}: {text}");
    }
    // More rows than are read are told once, with nothing told of what they name.
    let many: String = (0..60).map(|i| format!("c{i} = {{ name = \"x\" }}\n")).collect();
    let text = all("[customer]\n", &format!("[customer]\n{many}"));
    assert!(text.contains("66 customers: at most 64 are read") && !text.contains("unknown"), "{text}");
    assert!(read_supply("f.toml", "", Catalog::embedded(), None).is_err());
    assert!(read_supply("f.toml", &"#".repeat(2_000_000), Catalog::embedded(), None).is_err());
}

#[test]
fn dates_are_ordered_and_explained() {
    let c = Catalog::embedded();
    let o = outlook(c, 1).expect("the default supply");
    let ask = |system: &str, racks: f64, day: &str| o.arrival(c, system, racks, day).expect("a date");
    let a = ask("trn3-ultraserver", 40.0, "2026-11-23");
    // 72 chips in each of the two racks of an UltraServer.
    assert_eq!((a.chips, a.system.as_str(), a.product.as_str()), (2880.0, "trn3-ultraserver-gen2", "Trainium3"));
    assert!(a.asked <= a.p10.clone().expect("soon") && a.p10 <= a.p50 && a.p50 <= a.p90);
    assert!((a.drivers.iter().map(|d| d.share).sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(a.assumptions.iter().any(|x| x.contains("free") && x.contains("nearly fully subscribed")));
    // More racks come later, and no later question is answered with an earlier date.
    let many = ask("trn3-ultraserver", 4000.0, "2026-11-23");
    assert!(many.p50 > a.p50 || many.p50.is_none());
    assert!(ask("trn3-ultraserver", 40.0, "2027-06-01").p10 > a.p10);
    // As docs/supply.md says.
    let days: Vec<String> = [&a.p10, &a.p50, &a.p90].into_iter().flatten().cloned().collect();
    let manual = include_str!("../../../../docs/supply.md");
    assert!(manual.contains(&days.join(", ")), "{days:?}");
    assert!(many.p10.as_ref().is_some_and(|p| manual.contains(&format!("for 4,000 racks: P10 {p}"))) && many.p50.is_none(), "{many:?}");
    // Trainium4, first ordered for the last quarter of 2027, comes no earlier than the quarter before (a quarter's flow is spread). A
    // chip without a system counts by itself.
    let next = ask("trn4", 5000.0, "2026-11-23");
    assert!(next.chips == 5000.0 && next.p10.as_deref() > Some("2027-07"));
    // The same as one question.
    assert_eq!(arrival(c, "trn3-ultraserver", 40.0, "2026-11-23", 1), Ok(a));
    for (system, racks, day, word) in [
        ("trn33", 1.0, "2026-11-23", "unknown system"),
        ("h800", 1.0, "2026-11-23", "no supply is known"),
        ("trn3-ultraserver", 0.0, "2026-11-23", "above 0"),
        ("trn3-ultraserver", f64::NAN, "2026-11-23", "above 0"),
        ("trn3-ultraserver", 1.0, "2031-01-01", "no day of the supply"),
    ] {
        let e = o.arrival(c, system, racks, day).expect_err("refused").to_string();
        assert!(e.contains(word), "{e}");
    }
}

/// The table of docs/supply.md is what the program prints.
#[test]
fn the_manual_is_true() {
    let manual = include_str!("../../../../docs/supply.md");
    let v = all();
    for r in &v.rows {
        let line = manual.lines().find(|l| l.starts_with(&format!("| {} |", r.id))).unwrap_or_else(|| panic!("{} is missing", r.id));
        let verdict = if r.verdict == Verdict::Outside { "**outside**" } else { r.verdict.name() };
        assert!(line.contains(&format!("| {} | {verdict} | {} |", r.ours, r.trust)), "{line}");
    }
    for f in v.forecast.iter().filter(|f| f.ahead.quarters == 1) {
        let words = format!("| {} | 1 | {:.1} | {:.1} | {:.1} |", f.what, f.ahead.p10 / 1e9, f.ahead.p50 / 1e9, f.ahead.p90 / 1e9);
        assert!(manual.contains(&words), "{words}");
    }
}

/// Three digits with a unit, whole ones below a thousand.
fn short(v: f64) -> String {
    let Some((scale, unit)) = [(1e6, "M"), (1e3, "k")].into_iter().find(|(scale, _)| v >= scale * 0.9995) else {
        return format!("{v:.0}");
    };
    let x = v / scale;
    let digits = if x < 9.995 { 2 } else { usize::from(x < 99.95) };
    format!("{x:.digits$}{unit}")
}

/// Every cell of the example's table in docs/supply.md: chips by product and year, empty below a thousand at 95%.
#[test]
fn the_table_of_the_example_is_true() {
    let manual = include_str!("../../../../docs/supply.md");
    let a = supply(&example(), &|_, _| {}).expect("an answer");
    for p in a.customers.iter().flat_map(|c| &c.products) {
        let cells: Vec<String> = p
            .years
            .iter()
            .map(|y| {
                let u = y.units;
                let words = format!("{} [{}, {}] of {}", short(u.p50), short(u.p5), short(u.p95), short(y.orders));
                if u.p95 < 1000.0 { String::new() } else { words }
            })
            .collect();
        let line = format!("| {} | {} |", p.name, cells.join(" | "));
        assert!(manual.lines().any(|l| l == line), "{line}");
    }
}
