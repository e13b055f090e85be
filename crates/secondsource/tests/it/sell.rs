//! The seller's choice and stated run rates: lines add up, every assumption is named, what is scarce has a price, and the
//! article's two sums are what filings and bounds say.

use crate::twin;
use secondsource::Diagnostic;
use secondsource::answer::Interval;
use secondsource::sell::answer::{QuarterRate, RunRateAnswer, SellAnswer};
use secondsource::sell::{RunRateAsk, SellJob, read_sell};
use secondsource::seller::Range;

const EXAMPLE: &str = include_str!("../../../../examples/sell-trainium.toml");

fn read(text: &str) -> Result<SellJob, Vec<Diagnostic>> {
    read_sell("sell.toml", text, &|path| Err(Diagnostic::error(format!("no file {path}"))))
}

fn sell(text: &str) -> SellAnswer {
    let mut job = read(text).unwrap_or_else(|e| panic!("{e:?}"));
    job.scenarios = 64;
    twin().sell(&job, &|_, _| {}).unwrap_or_else(|e| panic!("{e:?}"))
}

/// One chip, rented or sold, all inputs exact; tests change a line of it.
const SMALL: &str = r#"
quarters = 2
scenarios = 16
[money]
discount-rate = 0.1
site-usd-per-kw = 12000
kappa = 0.0
attach = 0.2
freed-usd-per-kw-year = 0
usd-per-kwh = 0.1
[site]
megawatts = 1000
[[chip]]
id = "trn2"
chips = 100e3
life-years = 5
kw = 1.0
system-usd = 7000
residual = 0.0
opex-usd = 300
[chip.reserved]
usd-per-hour = 1.2
decline = 0.0
utilisation = 1.0
margin = 0.9
[chip.racks]
price-usd = 12000
"#;

fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

fn ordered(i: Interval) {
    assert!(i.p5 <= i.p50 && i.p50 <= i.p95, "{i:?}");
}

#[test]
fn the_example_adds_up_and_names_its_assumptions() {
    let a = sell(EXAMPLE);
    assert_eq!(a.choice, "both");
    for c in &a.chips {
        assert_eq!(c.uses.len(), 4);
        for u in &c.uses {
            let sum: f64 = u.lines.iter().map(|l| l.usd).sum();
            assert_eq!(sum.to_bits(), u.total_usd.to_bits(), "{} {}", c.id, u.name);
            ordered(u.usd);
        }
        for i in [c.rent_usd, c.sell_usd, c.sell_after_cannibalisation_usd, c.break_even_kappa] {
            ordered(i.expect("it can be both rented and sold"));
        }
    }
    // What no source gives is called so: all inputs but electricity, powers, the public price and the serving model.
    let public: Vec<&str> = a.inputs.iter().filter(|i| !i.assumed).map(|i| i.name.as_str()).collect();
    assert_eq!(
        public,
        ["money usd-per-kwh", "trn2 kw", "trn2 on-demand usd-per-hour", "trn2 tokens tokens-per-s", "trn3 kw", "trn3 tokens tokens-per-s"]
    );
    assert!(a.inputs.iter().filter(|i| i.assumed).all(|i| i.origin.contains("assumption") || i.origin.starts_with("default: ")));
    // The share of attached services is nobody's figure, and it has a bar.
    let attach = a.inputs.iter().find(|i| i.name == "money attach").unwrap();
    assert!(attach.assumed && (attach.range.low, attach.range.high) == (0.05, 0.60));
    assert!(a.tornado.iter().any(|b| b.input == "money attach"));
    // Every input with a width has a bar.
    assert_eq!(a.tornado.len(), a.inputs.iter().filter(|i| i.range.low < i.range.high).count());
    assert!(a.fleet.worst_gap < 1e-6, "{}", a.fleet.worst_gap);
    let total: f64 = a.chips.iter().map(|c| c.chips).sum();
    let placed: f64 = a.fleet.quarters.iter().map(|q| q.idle + q.chips.iter().map(|c| c.chips).sum::<f64>()).sum();
    assert!((placed / total - 1.0).abs() < 1e-9, "{placed} of {total}");
    for q in &a.fleet.quarters {
        assert!(q.megawatts_used <= q.megawatts * (1.0 + 1e-9));
        assert!(q.megawatt_price_usd * (q.megawatts - q.megawatts_used) < 1.0, "{q:?}");
    }
}

#[test]
fn same_seed_same_answer_on_any_number_of_threads() {
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (one, many) = (alone.install(|| sell(EXAMPLE)), sell(EXAMPLE));
    assert_eq!(one, many);
    assert_ne!(sell(&EXAMPLE.replace("seed = 1", "seed = 2")).fleet.value_usd, one.fleet.value_usd);
}

/// Renting is worth more per chip, selling when megawatts are what is short: nothing else has changed.
#[test]
fn what_is_scarce_decides() {
    let chips = sell(SMALL);
    let c = &chips.chips[0];
    assert!(c.rent_usd.unwrap().p50 > c.sell_usd.unwrap().p50 && c.sell_usd.unwrap().p50 > 0.0, "{c:?}");
    assert_eq!((chips.choice, chips.fleet.binds.as_slice()), ("rent", &["chips"][..]));
    let rented = c.rent_usd.unwrap().p50;
    // One more chip is one more rental: the mean of one begun today and one begun in a quarter.
    let (price, later) = (chips.fleet.chip_price_usd[0].usd.p50, rented / 1.1f64.powf(0.25));
    assert!((price / (0.5 * (rented + later)) - 1.0).abs() < 1e-9, "{price} {rented}");
    assert!(chips.fleet.gain_of_selling_usd.p50 < 0.0);

    let power = sell(&with("megawatts = 1000", "megawatts = 50"));
    assert_eq!(power.chips, chips.chips);
    assert_eq!(power.choice, "both");
    assert_eq!(power.fleet.binds, ["chips", "megawatts"]);
    // A megawatt moves a thousand chips from sale to rent.
    let gain = 1000.0 * (rented - c.sell_usd.unwrap().p50);
    assert!((power.fleet.megawatt_price_usd.p50 / gain - 1.0).abs() < 1e-6, "{} {gain}", power.fleet.megawatt_price_usd.p50);

    let none = sell(&with("megawatts = 1000", "megawatts = 0"));
    assert_eq!(none.choice, "sell");
    assert!(none.fleet.gain_of_selling_usd.p50 >= 0.0);
}

/// With buyers for just all chips, a sold chip that replaces a rented one costs nothing more; with fewer buyers, it does.
#[test]
fn cannibalisation_moves_the_break_even() {
    let demand = |share: f64, kappa: f64| {
        let text = with("kappa = 0.0", &format!("kappa = {kappa}"));
        sell(&format!("{text}\n[demand]\nin-service = {}\n", share * 200e3)).chips[0].break_even.unwrap()
    };
    // V_sell / V_rent is what the file makes it, whatever kappa.
    let star = demand(1.0, 0.0).kappa.unwrap();
    assert!((0.1..0.9).contains(&star), "{star}");
    assert_eq!(demand(0.5, 0.2).kappa, Some(star));
    // Half of the chips have no renter: those sell, all of them when nobody would have rented.
    assert!((demand(0.5, 0.0).best_share - 0.5).abs() < 1e-9);
    assert!(demand(0.5, 0.9 * star).best_share > 0.5);
    assert_eq!(demand(0.5, 1.1 * star).best_share, 0.0);
    // With a queue for every chip nothing sold is a gain.
    assert_eq!(demand(2.0, 0.0).best_share, 0.0);
}

#[test]
fn the_tornado_flips_where_it_says() {
    let a = sell(&with("price-usd = 12000", "price-usd = [9000, 12000, 60000]"));
    let bar = &a.tornado[0];
    assert_eq!((bar.input.as_str(), bar.flips), ("trn2 racks price-usd", true));
    assert!(bar.gain_at_low_usd < 0.0 && bar.gain_at_high_usd > 0.0 && bar.sold_at_low < bar.sold_at_high);
    let at = bar.flips_at.unwrap();
    let near = |v: f64| sell(&with("price-usd = 12000", &format!("price-usd = {v}"))).fleet.gain_of_selling_usd.p50;
    assert!(near(at * 0.999) < 0.0 && near(at * 1.001) > 0.0, "{at}");
}

#[test]
fn slips_are_told_with_their_place() {
    for (from, to, at, message, hint) in [
        ("kappa = 0.0", "kapa = 0.0", (7, 1), "kapa", "kappa"),
        ("kappa = 0.0", "kappa = 1.5", (7, 9), "between 0 and 1", ""),
        ("kappa = 0.0", "kappa = [0.3, 0.2, 0.4]", (7, 9), "rise from low to high", ""),
        ("kappa = 0.0", "kappa = { low = 0.1 }", (7, 9), "not a number or a range", "middle = 7"),
        ("kappa = 0.0", "kappa = { low = 0, midle = 0, high = 1 }", (7, 20), "midle", "middle"),
        ("kappa = 0.0", "kappa = nan", (7, 9), "not a number", ""),
        ("discount-rate = 0.1", "", (4, 1), "has no `discount-rate`", "state your own"),
        ("chips = 100e3", "chips = [1, 2, 3]", (15, 9), "3 numbers for 2 quarters", ""),
        ("chips = 100e3", "chips = -1", (15, 9), "not negative", "growth"),
        ("quarters = 2", "quarters = 99", (2, 12), "from 1 to 40", ""),
        ("quarters = 2", "quarters = 1.5", (2, 12), "whole number", ""),
        ("[chip.reserved]", "[chip.reservd]", (21, 7), "reservd", "reserved"),
        ("[chip.reserved]", "[chip.tokens]\nmodel = 7", (22, 9), "text", ""),
        ("residual = 0.0", "residual = ", (19, 12), "not valid TOML", ""),
    ] {
        let errors = read(&with(from, to)).expect_err(to);
        let d = errors.iter().find(|d| d.message.contains(message)).unwrap_or_else(|| panic!("{to}: {errors:?}"));
        assert_eq!(d.at, Some(at), "{to}: {d:?}");
        assert!(hint.is_empty() || d.hints.iter().any(|h| h.contains(hint)) || d.message.contains(hint), "{to}: {d:?}");
    }
    let told = |text: &str| twin().sell(&read(text).unwrap(), &|_, _| {}).expect_err(text);
    let d = told(&with("\"trn2\"", "\"trm2\""));
    assert!(d.at == Some((14, 6)) && d.hints.iter().any(|h| h.contains("trn2")), "{d:?}");
    // What has no public price has to be stated.
    let d = told(&with("\"trn2\"", "\"trn3\"").replace("[chip.reserved]\nusd-per-hour = 1.2", "[chip.on-demand]"));
    assert!(d.message.contains("no public rental price") && d.hints[0].contains("usd-per-hour"), "{d:?}");
}

#[test]
fn edges_are_answered() {
    for text in [
        with("chips = 100e3", "chips = 0"),
        with("discount-rate = 0.1", "discount-rate = 0"),
        with("discount-rate = 0.1", "discount-rate = 1"),
        with("life-years = 5", "life-years = 0.25"),
        with("kw = 1.0", "kw = 1000"),
        with("price-usd = 12000", "price-usd = 0"),
        with("usd-per-hour = 1.2", "usd-per-hour = 0"),
        with("usd-per-hour = 1.2", "usd-per-hour = 1e5"),
        with("site-usd-per-kw = 12000", "site-usd-per-kw = 1e6"),
        with("[chip.racks]\nprice-usd = 12000\n", ""),
        with("megawatts = 1000", "megawatts = 1e12"),
        format!("{SMALL}\n[demand]\nin-service = 0\nracks = 0\n"),
    ] {
        let a = sell(&text);
        let json = serde_json::to_string(&a).unwrap();
        assert!(!json.contains("null,\"p50\"") && a.fleet.worst_gap < 1e-6, "{text}\n{json}");
        assert!(a.fleet.value_usd.p50.is_finite());
    }
}

/// docs/seller.md prints what the example says today.
#[test]
fn the_manual_is_true() {
    const MANUAL: &str = include_str!("../../../../docs/seller.md");
    let a = twin().sell(&read(EXAMPLE).unwrap(), &|_, _| {}).unwrap();
    // Three digits, with separators, as the page has them.
    let short = |v: f64| {
        let size = 10f64.powf(v.abs().log10().floor() - 2.0);
        let digits = format!("{:.0}", (v / size).round() * size);
        let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |d| ("-", d));
        if digits.len() > 3 {
            format!("{sign}{},{}", &digits[..digits.len() - 3], &digits[digits.len() - 3..])
        } else {
            format!("{sign}{digits}")
        }
    };
    let three = |i: Interval| format!("{} [{}, {}]", short(i.p50), short(i.p5), short(i.p95));
    let row = |f: &dyn Fn(usize) -> String| format!(" | {} | {} |", f(0), f(1));
    let share = |i: Interval| format!("{:.0}% [{:.0}%, {:.0}%]", i.p50 * 100.0, i.p5 * 100.0, i.p95 * 100.0);
    let kappa = |i: Interval| format!("{:.2} [{:.2}, {:.2}]", i.p50, i.p5, i.p95);
    let megawatt = a.fleet.megawatt_price_usd;
    let mut lacks = Vec::new();
    for text in [
        row(&|g| three(a.chips[g].rent_usd.unwrap())),
        row(&|g| three(a.chips[g].sell_usd.unwrap())),
        row(&|g| kappa(a.chips[g].break_even_kappa.unwrap())),
        row(&|g| format!("{:.0}%", a.chips[g].selling_wins.unwrap() * 100.0)),
        format!("sells {}", share(a.fleet.shares.iter().find(|s| s.name == "racks").unwrap().share)),
        format!("leaves {} unused", share(a.fleet.idle)),
        format!("${:.1} million [{:.0}, {:.1}]", megawatt.p50 / 1e6, megawatt.p5 / 1e6, megawatt.p95 / 1e6),
        three(a.fleet.gain_of_selling_usd),
        format!("{} inputs of the example {} are assumptions", a.inputs.len(), a.inputs.iter().filter(|i| i.assumed).count()),
    ] {
        // Lines of the manual break anywhere, and words stand inside.
        let flat = MANUAL.replace('\n', " ").replace(" a chip [", " [");
        if !flat.contains(&text) {
            lacks.push(text);
        }
    }
    assert!(lacks.is_empty(), "docs/seller.md lacks {lacks:#?}");
    let flips: Vec<String> = a.tornado.iter().filter_map(|b| b.flips_at).map(|v| format!("factor {v:.2}")).collect();
    assert_eq!(flips.len(), 2);
    assert!(flips.iter().all(|f| MANUAL.replace('\n', " ").contains(f)), "{flips:?}");
}

/// Torn and altered files are refused or answered, never with a panic or a number that is none.
#[test]
fn damaged_files_are_survived() {
    for at in (0..EXAMPLE.len()).step_by(11).filter(|at| EXAMPLE.is_char_boundary(*at)) {
        drop(read(&EXAMPLE[..at]));
        for new in ["9", "-", "\"", "[", "=", "\n", "e9"] {
            let (head, tail) = EXAMPLE.split_at(at);
            let rest: String = tail.chars().skip(1).collect();
            drop(read(&format!("{head}{new}{rest}")));
        }
    }
    let twin = twin();
    for at in (0..SMALL.len()).filter(|at| SMALL.as_bytes()[*at].is_ascii_digit()) {
        for new in ["9", "0", "-1", "1e3"] {
            let Ok(job) = read(&format!("{}{new}{}", &SMALL[..at], &SMALL[at + 1..])) else { continue };
            if let Ok(a) = twin.sell(&job, &|_, _| {}) {
                let all = [Some(a.fleet.value_usd), a.chips[0].rent_usd, a.chips[0].sell_usd, Some(a.fleet.megawatt_price_usd)];
                assert!(all.into_iter().flatten().all(|i| i.p5.is_finite() && i.p95.is_finite()), "{at} {new}: {a:?}");
            }
        }
    }
}

fn run_rate(ask: &RunRateAsk) -> RunRateAnswer {
    twin().run_rate(ask).unwrap()
}

/// BT01: $326 billion is four times the whole of NVIDIA's quarter; its data centres alone make less, a later quarter more.
#[test]
fn bt01_bt23_filings_four_times() {
    let a = run_rate(&RunRateAsk::default());
    let of = |series: &str, end: &str| -> &QuarterRate { a.filings.iter().find(|f| f.series == series && f.end == end).unwrap() };
    let near = |v: f64, want: f64| assert!((v - want).abs() < 0.005e9, "{v} {want}");
    let quarter = of("nvidia-revenue", "2026-04-26");
    near(quarter.annualised_usd, 326.46e9);
    near(of("nvidia-data-centre-revenue", "2026-04-26").annualised_usd, 300.98e9);
    near(of("nvidia-revenue", "2026-07-26").annualised_usd, 384.8e9);
    assert_eq!(quarter.source, "NVDA-Q1FY27");
    assert!(a.filings.iter().filter(|f| f.end.as_str() > "2026-08").all(|f| f.qualifier.contains("guidance")));
    // BT23: 364 of backlog and over 100 of one agreement are told apart, and add to 464.
    assert!(a.statements.iter().any(|s| s.contains("364") && s.contains("464")), "{:?}", a.statements);
}

/// BT11: the bounds of chips, price and the rest contain $50 billion, and far more; the three published readings of it lie on
/// one curve.
#[test]
fn bt11_fifty_billion_is_a_curve() {
    let a = run_rate(&RunRateAsk { seed: 1, ..RunRateAsk::default() });
    assert_eq!(a.total_usd, 50e9);
    assert!(a.allowed.contains && a.allowed.revenue_usd.high > 2.0 * a.allowed.revenue_usd.low, "{:?}", a.allowed);
    let with_other = RunRateAsk { other_usd: Some(Range::exactly(8e9)), ..RunRateAsk::default() };
    let b = run_rate(&with_other);
    for (chips, price) in [(1.5e6, 28_000.0), (2.0e6, 21_000.0), (2.5e6, 16_800.0)] {
        let c = b.combinations.iter().find(|c| c.chips == chips).unwrap();
        assert!((c.prices[0].usd_per_chip.unwrap() - price).abs() < 1e-6, "{c:?}");
    }
    assert!(a.combinations.iter().find(|c| c.chips == 6e6).unwrap().beyond.len() == 3);
    let bands: Vec<(&str, f64)> = a.bands.iter().map(|b| (b.axis, b.high)).collect();
    assert_eq!(&bands[..4], [("chips", 5.7e6), ("chips", 3.7e6), ("chips", 2.5e6), ("price", 21_000.0)]);
    let svg = twin().plot_run_rate(&a).unwrap();
    assert!(svg.contains("Trainium3 forecast: 2.5M") && svg.contains("other revenue $10B"));
}

/// A quarter of the sum is not what the bounds allow, and the answer says so instead of fitting it.
#[test]
fn a_sum_outside_the_bounds_is_said_to_be() {
    for total in [5e9, 5e12] {
        let a = run_rate(&RunRateAsk { total_usd: Some(total), ..RunRateAsk::default() });
        assert!(!a.allowed.contains && a.allowed.near < 0.05, "{total}: {:?}", a.allowed);
    }
    for total in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(twin().run_rate(&RunRateAsk { total_usd: Some(total), ..RunRateAsk::default() }).is_err());
    }
    let none = Some(Range::exactly(0.0));
    let zero = run_rate(&RunRateAsk { chips: none, price_usd: none, other_usd: none, ..RunRateAsk::default() });
    assert!(!zero.allowed.contains && zero.allowed.revenue_usd.high == 0.0);
    assert!(twin().plot_run_rate(&zero).is_ok());
}
