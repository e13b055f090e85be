//! Pages and JSON.

use super::{EXAMPLE, add, book_with, path};
use crate::run::{assert_shape, fits, scratch, secondsource};
use serde_json::json;

#[test]
fn pages_fit() {
    fits(&["orders", "list", "--book", EXAMPLE], &["19 claims", "T3-1", "proposed", "can be promised", "2028Q4", "trn4"]);
    // What is kept for the classes above is theirs to ask for.
    let last = |class: &str| {
        let a = secondsource(&["orders", "list", "--book", EXAMPLE, "--chip", "trn4", "--class", class, "--date", "2026-11-23", "--json"])
            .json();
        assert_eq!(a["products"][0]["class"], class);
        a["products"][0]["periods"][8]["available"].as_f64().expect("chips")
    };
    assert!(last("internal") > last("standard"));
    fits(&["orders", "list", "--book", EXAMPLE, "--class", "strategic"], &["can be promised to strategic"]);
    let ran = secondsource(&["orders", "list", "--book", EXAMPLE, "--class", "standart"]);
    assert!(ran.code == 2 && ran.stderr.contains("did you mean `standard`?"), "{}", ran.stderr);
    fits(&["orders", "list", "--book", EXAMPLE, "--state", "cancelled"], &["No claim is in these states"]);
    fits(&["orders", "history", "--book", EXAMPLE], &["policy", "supply", "accept", "T4-5"]);
    fits(&["orders", "history", "--book", EXAMPLE, "T4-2", "--last", "1"], &["Invented Model Maker"]);
}

const LATE: &str = "examples/supply/trainium-late.toml";
const ASK: [&str; 9] = ["promise", "--system", "trn3-ultraserver", "--racks", "40", "--book", EXAMPLE, "--date", "2026-11-23"];

#[test]
fn promises() {
    let words = ["(10% of scenarios), 20", "in service before", "slot", "behind", "line to service", "ahead", "assumed", "not published"];
    fits(&ASK, &words);
    let first = secondsource(&ASK).ok();
    assert_eq!(first, secondsource(&ASK).ok());
    // The picture, and the same days in the JSON.
    let file = scratch("orders-promise").join("promise.svg");
    let path = file.to_str().expect("UTF-8");
    let ran = secondsource(&[&ASK[..], &["--json", "--svg", path]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let a = ran.json();
    let svg = std::fs::read_to_string(&file).expect("a picture");
    let p50 = a["p50"].as_str().expect("a day");
    assert!(svg.starts_with("<svg") && svg.contains(&format!("50%: {p50}")) && first.contains(&format!("{p50} (50%)")), "{p50}");
    let days = ["p10", "p50", "p90"].map(|k| a[k].as_str().expect("a day").to_owned());
    assert!(days.is_sorted());
    let shares: Vec<f64> = a["curve"].as_array().expect("a curve").iter().map(|p| p["share"].as_f64().expect("a share")).collect();
    assert!(shares.is_sorted() && shares.iter().all(|s| (0.0..=1.0).contains(s)));
    // Nothing was entered, and a small order is not later than a large one.
    let small =
        secondsource(&["promise", "--system", "trn3-ultraserver", "--racks", "2", "--book", EXAMPLE, "--date", "2026-11-23", "--json"])
            .json();
    assert!(small["p50"].as_str() <= a["p50"].as_str());
    // Without a book the catalog's supply is asked.
    let bare = ["promise", "--system", "trn3-ultraserver", "--racks", "40", "--date", "2026-11-23"];
    fits(&bare, &["(10% of scenarios), 20", "the wait", "site", "no maker publishes it", "more: --json has them all"]);
    let b = secondsource(&[&bare[..], &["--json"]].concat()).json();
    assert!(b["book"].is_null() && b["chips"] == a["chips"] && b["p10"].as_str() <= b["p90"].as_str(), "{b}");
    let ran = secondsource(&["promise", "--system", "trn1", "--racks", "1"]);
    assert!(ran.code == 2 && ran.stderr.contains("no supply is known"), "{}", ran.stderr);
    // More than there is: no slot, exit code 1, and what the end of the queue would see.
    let ran = secondsource(&["promise", "--system", "trn3-ultraserver", "--racks", "9000", "--book", EXAMPLE, "--date", "2026-11-23"]);
    assert!(ran.code == 1 && ran.stdout.contains("slot        none: 9,000 racks"), "{}", ran.stdout);
    // A chip without a stated supply, a class that is not there, a day before the book.
    for (more, word) in [
        (vec!["promise", "--system", "trn2", "--racks", "1", "--book", EXAMPLE], "the book states a supply of: trn3, trn4"),
        (
            vec!["promise", "--system", "trn3-ultraserver", "--racks", "1", "--book", EXAMPLE, "--class", "standart"],
            "did you mean `standard`?",
        ),
        (
            vec!["promise", "--system", "trn3-ultraserver", "--racks", "1", "--book", EXAMPLE, "--date", "2026-11-01"],
            "last entry is of 2026-11-02",
        ),
        (vec!["promise", "--system", "trn4-rack", "--racks", "1", "--book", EXAMPLE], "--chips-per-rack"),
    ] {
        let ran = secondsource(&more);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{more:?}: {}", ran.stderr);
    }
}

#[test]
fn supplies() {
    fits(&["orders", "promise", "--book", EXAMPLE, "--date", "2026-11-02"], &["T3-1", "Invented", "now 50%", "days later", "beyond"]);
    fits(
        &["orders", "supply", "--book", EXAMPLE, "--date", "2026-11-02"],
        &["nearly fully subscribed", "largely reserved", "next rack in", "2028"],
    );
    fits(
        &["orders", "supply", "--book", EXAMPLE, "--dry-run", LATE, "--date", "2026-11-02"],
        &["would move", "T3-10", "rack-years later", "fully reserved"],
    );
    // What would happen is what happens; what was told stays on record.
    let dir = scratch("orders-supplies");
    let book = path(&dir.join("book.db"));
    secondsource(&["orders", "import", "--book", &book, EXAMPLE, "--date", "2026-11-02"]).ok();
    let run = |args: &[&str]| secondsource(&[args, &["--book", &book, "--date", "2026-11-03", "--json"]].concat()).json();
    let would = run(&["orders", "supply", "--dry-run", LATE]);
    let did = run(&["orders", "supply", LATE]);
    assert_eq!((&would["moved"], &would["entered"], &did["entered"]), (&did["moved"], &json!(false), &json!(true)));
    let now = run(&["orders", "promise", "T3-10"]);
    let claim = &now["claims"][0];
    let of = |list: &serde_json::Value| list.as_array().expect("a list").iter().find(|m| m["id"] == "T3-10").expect("it is there").clone();
    assert_eq!(claim["now"], of(&did["moved"])["after"]);
    assert!(claim["later_days"].as_i64() > Some(0));
    // One more rack than is left is refused, whatever was promised before.
    let ran = secondsource(&[
        "orders",
        "add",
        "--book",
        &book,
        "--customer",
        "C",
        "--system",
        "trn3-ultraserver",
        "--racks",
        "1",
        "--date",
        "2026-11-03",
    ]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let ran = secondsource(&["orders", "supply", "--book", &book, OTHER_FILE]);
    assert!(ran.code == 2 && ran.stderr.contains("unknown key"), "{}", ran.stderr);
}

/// What has run out holds nothing for whoever looks, and what is over cannot be promised; nothing is written for that.
#[test]
fn looking_has_a_day() {
    let look = |date: &str, more: &[&str]| secondsource(&[more, &["--book", EXAMPLE, "--date", date]].concat()).ok();
    let json = |date: &str, more: &[&str]| secondsource(&[more, &["--book", EXAMPLE, "--date", date, "--json"]].concat()).json();
    // T3-9 is held until 2027-01-31, T4-4 until 2027-06-30.
    let list = ["orders", "list", "--chip", "trn3"];
    let before = json("2027-01-31", &list);
    let after = json("2027-02-01", &list);
    assert_eq!((&before["lapsed"], &after["lapsed"]), (&json!([]), &json!(["T3-9"])));
    let free = |a: &serde_json::Value| a["products"][0]["periods"][3]["committed"].as_f64().expect("chips");
    assert_eq!(free(&before) - free(&after), 300.0 * 72.0);
    assert!(look("2027-07-01", &list).contains("Note: 2 claims have run out by 2027-07-01"));
    let pending = |date: &str| json(date, &["orders", "supply"])["products"][0]["spans"][1]["pending"].as_f64();
    assert_eq!((pending("2027-01-31"), pending("2027-02-01")), (Some(21_600.0), Some(0.0)));
    let ids = |date: &str| json(date, &["orders", "promise"])["claims"].as_array().expect("claims").len();
    assert_eq!(ids("2027-01-31") - ids("2027-02-01"), 1);
    let planned = |date: &str| look(date, &["orders", "plan"]).contains("T3-9");
    assert!(planned("2027-01-31") && !planned("2027-02-01"));
    // A year and periods that are over.
    let year = json("2028-01-15", &["orders", "supply"])["products"][0]["spans"][0].clone();
    assert_eq!((&year["state"], &year["available"]), (&json!("over"), &json!(0.0)));
    let periods = json("2028-01-15", &list)["products"][0]["periods"].clone();
    assert!(periods[4]["available"].is_null() && periods[5]["available"].is_number(), "{periods}");
    fits(&["orders", "list", "--book", EXAMPLE, "--date", "2028-01-15"], &["over", "run out"]);
    fits(&["orders", "supply", "--book", EXAMPLE, "--date", "2028-01-15"], &["over", "2026"]);
    // In a file: the racks go to somebody else, the claim cannot be made firm, and may be ended in so many words.
    let dir = scratch("orders-lapse");
    let book = path(&dir.join("book.db"));
    secondsource(&["orders", "import", "--book", &book, EXAMPLE, "--date", "2026-11-02"]).ok();
    let set = |state: &str| secondsource(&["orders", "set", "--book", &book, "T3-9", state, "--date", "2027-02-01"]);
    let late = set("active");
    assert!(late.code == 2 && late.stderr.contains("expired on 2027-01-31"), "{}", late.stderr);
    let racks = |n: &str| {
        let claim = ["orders", "add", "--book", &book, "--customer", "C", "--system", "trn3-ultraserver", "--racks", n];
        secondsource(&[&claim[..], &["--wanted", "2027-08-01", "--by", "2027-12-31", "--date", "2027-02-01"]].concat())
    };
    assert_eq!((racks("300").code, racks("300").code), (0, 1));
    set("expired").ok();
    let list = secondsource(&["orders", "list", "--book", &book, "--date", "2027-02-02", "--json"]).json();
    assert_eq!(list["lapsed"], json!([]));
    let table = path(&dir.join("claims.csv"));
    secondsource(&["orders", "export", "--book", &book, "--to", &table, "--date", "2027-07-01"]).ok();
    let rows = std::fs::read_to_string(&table).expect("a table");
    assert!(rows.lines().any(|l| l.starts_with("T4-4,") && l.contains(",expired,")), "{rows}");
}

#[test]
fn ramps_are_quoted() {
    let ask = |racks: &str, ramp: &str, more: &[&str]| {
        let all = ["promise", "--system", "trn3-ultraserver", "--racks", racks, "--ramp", ramp, "--book", EXAMPLE, "--date", "2026-11-23"];
        secondsource(&[&all[..], more].concat())
    };
    let a = ask("200", "2027-01-01:50,2027-07-01:150", &["--json"]).json();
    let racks = |list: &serde_json::Value| list.as_array().expect("parts").iter().map(|t| t["racks"].as_u64()).collect::<Vec<_>>();
    assert_eq!((racks(&a["slots"]), racks(&a["capable"]["parts"])), (vec![Some(50), Some(150)], vec![Some(50), Some(150)]));
    // What is made besides brings each part no later than what is planned anyway.
    for i in 0..2 {
        assert!(a["capable"]["parts"][i]["day"].as_str() <= a["slots"][i]["day"].as_str(), "{a}");
    }
    assert_eq!((&a["wanted"], &a["wait_from"]), (&json!("2027-01-01"), &json!("2027-07-01")));
    let all = ask("200", "2027-01-01:200", &["--json"]).json();
    assert!(a["capable"]["parts"][0]["day"].as_str() < all["capable"]["day"].as_str());
    let page = ask("200", "2027-01-01:50,2027-07-01:150", &[]).ok();
    assert!(page.contains("50 on 2027") && page.contains("from those days") && page.contains("from 2027-07-01: "), "{page}");
    let day = ask("9", "2027-01-01:2,2027-01-02:3,2027-01-03:4", &[]).ok();
    assert!(day.contains("slot        9 on 2027-03-31"), "{day}");
    let ran = ask("200", "2027-01-01:200", &["--wanted", "2027-02-01"]);
    assert!(ran.code == 2 && ran.stderr.starts_with("error: its ramp begins on 2027-01-01"), "{}", ran.stderr);
    let ran = ask("200", "2027-01-01:50", &[]);
    assert!(ran.code == 2 && ran.stderr.contains("50 racks, but the claim has 200"), "{}", ran.stderr);
}

const OTHER_FILE: &str = "examples/llama-3.1-405b.toml";

#[test]
fn plans() {
    let args = ["orders", "plan", "--book", EXAMPLE, "--date", "2026-11-02"];
    fits(&args, &["Every slot is kept", "turned down", "one more rack is worth", "assumptions", "2028Q4"]);
    let a = secondsource(&[&args[..], &["--json"]].concat()).json();
    // Offers are whole or not at all, held claims come by their slots, and no chip is handed over before it comes.
    for c in a["claims"].as_array().expect("claims") {
        let sum: f64 = c["by_period"].as_array().expect("periods").iter().map(|v| v.as_f64().expect("racks")).sum();
        let want = if c["taken"] == true { c["racks"].as_f64().expect("racks") } else { 0.0 };
        assert!((sum - want).abs() < 0.01 * want.max(1.0), "{c}");
    }
    for p in a["chips"].as_array().expect("chips") {
        assert!(p["waiting"].as_array().expect("periods").iter().all(|v| v.as_f64() >= Some(-1.0)), "{p}");
    }
    assert!(a["free_value_usd"].as_f64() >= a["value_usd"].as_f64());
    // Later, what is over is over: what was due is overdue, and comes from then on.
    let later = secondsource(&["orders", "plan", "--book", EXAMPLE, "--date", "2027-08-15", "--json"]).json();
    for c in later["claims"].as_array().expect("claims") {
        assert!(c["by_period"].as_array().expect("periods")[..3].iter().all(|v| v.as_f64() == Some(0.0)), "{c}");
    }
    let t34 = later["claims"].as_array().expect("claims").iter().find(|c| c["id"] == "T3-4").expect("it is open");
    assert_eq!((&t34["complete"], &t34["periods_later"]), (&json!("2027Q3"), &json!(3)));
    assert!(later["notes"].as_array().expect("notes").iter().any(|n| n.as_str().is_some_and(|n| n.contains("overdue"))));
    // Under the late supply slots cannot all be kept, and the plan says so.
    let dir = scratch("orders-plans");
    let book = path(&dir.join("book.db"));
    secondsource(&["orders", "import", "--book", &book, EXAMPLE, "--date", "2026-11-02"]).ok();
    secondsource(&["orders", "supply", "--book", &book, LATE, "--date", "2026-11-02"]).ok();
    let text = secondsource(&["orders", "plan", "--book", &book, "--date", "2026-11-02"]).ok();
    assert!(text.contains("Not every slot can be kept"), "{text}");
    let ran = secondsource(&[&args[..], &["--late", "-1"]].concat());
    assert_eq!(ran.code, 2, "{}", ran.stdout);
}

#[test]
fn orders_keeps_its_json() {
    let order = json!({
        "id": "", "claim": "", "customer": "", "class": "", "system": "", "product": "", "racks": 0, "chips_per_rack": 0, "state": "",
        "placed": "", "wanted": "", "deposit_usd": 0, "take_or_pay": 0
    });
    let period = json!({"period": "", "from": "", "sure": 0, "committed": 0, "available": 0});
    assert_shape(
        &secondsource(&["orders", "list", "--book", EXAMPLE, "--json"]).json(),
        &json!({
            "book": "", "as_of": "", "entries": 0, "last_entry": "", "claims": 0, "lapsed": [], "shown": [order],
            "products": [{"chip": "", "confidence": 0, "periods": [period]}]
        }),
        "orders list",
    );
    let days = json!({"p10": null, "p50": null, "p90": null});
    assert_shape(
        &secondsource(&[&ASK[..], &["--json"]].concat()).json(),
        &json!({
            "book": "", "as_of": "", "system": "", "chip": "", "racks": 0, "chips": 0, "class": "", "wanted": "", "wait_from": "", "has_room": true,
            "slots": [{"day": "", "racks": 0}], "why": null, "confidence": 0, "p10": "", "p50": "", "p90": "", "within": 0, "supply_ends": "",
            "curve": [{"day": "", "share": 0}], "drivers": [{"stage": "", "days": 0, "share": 0}],
            "capable": {"day": "", "parts": [{"day": "", "racks": 0}], "planned": 0, "made": null}, "ahead_racks": {"p10": 0, "p50": 0, "p90": 0}, "scenarios": 0, "seed": 0,
            "assumptions": [""]
        }),
        "promise",
    );
    let json_of = |args: &[&str]| secondsource(&[args, &["--book", EXAMPLE, "--date", "2026-11-23", "--json"]].concat()).json();
    let claim = json!({"id": "", "customer": "", "system": "", "racks": 0, "told": days, "now": days, "later_days": null});
    assert_shape(
        &json_of(&["orders", "promise"]),
        &json!({"book": "", "as_of": "", "claims": [claim], "scenarios": 0, "seed": 0}),
        "orders promise",
    );
    let span = json!({
        "from": "", "until": "", "sure": 0, "ordered": 0, "reserved": 0, "pending": 0, "proposed": 0, "available": 0, "state": ""
    });
    let moved = json!({
        "id": "", "customer": "", "system": "", "racks": 0, "before": days, "after": days, "p50_days": null, "p90_days": null, "lost": true
    });
    assert_shape(
        &json_of(&["orders", "supply", "--dry-run", LATE]),
        &json!({
            "book": "", "as_of": "", "entered": false, "products": [{"chip": "", "confidence": 0, "spans": [span], "next_free": null}],
            "moved": [moved], "rack_days_later": 0, "rack_days_earlier": 0
        }),
        "orders supply",
    );
    let claim = json!({
        "id": "", "customer": "", "class": "", "chip": "", "state": "", "racks": 0, "usd_per_rack": null, "taken": true, "slot": null,
        "complete": null, "complete_by": null, "periods_later": null, "by_period": [0], "undelivered": 0
    });
    assert_shape(
        &json_of(&["orders", "plan"]),
        &json!({
            "book": "", "as_of": "", "terms": {"rate": 0, "late": 0, "broken": 0, "median": false}, "confidence": 0, "periods": [""],
            "slots_kept": true, "value_usd": 0, "free_value_usd": 0, "claims": [claim],
            "chips": [{"chip": "", "comes": [0], "used": [0], "waiting": [0], "one_more_rack_usd": [0]}], "notes": [""]
        }),
        "orders plan",
    );
    let entry = json!({"seq": 0, "day": "", "event": ""});
    assert_shape(&secondsource(&["orders", "history", "--book", EXAMPLE, "--json"]).json(), &json!({"entries": [entry]}), "orders history");
    let book = book_with("orders-json", 3);
    let done = add(&book, &["--racks", "2", "--json"]).json();
    assert_shape(&done, &json!({"accepted": true, "order": order}), "orders add");
    let refused = add(&book, &["--racks", "2", "--json"]);
    assert_eq!(refused.code, 1);
    assert_shape(&refused.json(), &json!({"accepted": false, "why": ""}), "orders add");
    let done = secondsource(&["orders", "deliver", "--book", &book, "A-1", "--racks", "2", "--json"]).json();
    assert_eq!(done["order"]["state"], "exhausted");
}
