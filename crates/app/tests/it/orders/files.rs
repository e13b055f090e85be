//! Import and export: nothing is lost on the way, and slips are told with their place.

use super::{EXAMPLE, add, book_with, path};
use crate::run::{scratch, scratch_file, secondsource};

#[test]
fn there_and_back() {
    let dir = scratch("orders-there-and-back");
    let file = |name: &str| path(&dir.join(name));
    let (book, json, csv) = (file("a.db"), file("a.json"), file("a.csv"));
    secondsource(&["orders", "import", "--book", &book, EXAMPLE, "--date", "2026-11-02"]).ok();
    let run = |args: &[&str]| secondsource(&[&["orders", args[0], "--book", &book, "--date", "2026-11-03"], &args[1..]].concat()).ok();
    run(&["deliver", "T3-1", "--racks", "100"]);
    run(&["set", "T4-4", "active", "--why", "deposit, \"in full\""]);
    run(&["cancel", "T3-9"]);
    run(&["export", "--to", &json]);
    run(&["export", "--to", &csv]);
    // The history makes the same book, bit for bit.
    let again = file("b.db");
    secondsource(&["orders", "import", "--book", &again, &json]).ok();
    let (json2, csv2) = (file("b.json"), file("b.csv"));
    for to in [&json2, &csv2] {
        secondsource(&["orders", "export", "--book", &again, "--to", to]).ok();
    }
    let read = |p: &str| std::fs::read_to_string(p).expect("a file");
    assert_eq!((read(&json), read(&csv)), (read(&json2), read(&csv2)));
    // The table makes a book with the same claims, once the supply is there.
    let third = file("c.db");
    let start: String = read(EXAMPLE_PATH).split("[[order]]").next().expect("a head").to_owned();
    let head = file("start.toml");
    std::fs::write(&head, start).expect("a file");
    secondsource(&["orders", "import", "--book", &third, &head, "--date", "2026-11-03"]).ok();
    secondsource(&["orders", "import", "--book", &third, &csv, "--date", "2026-11-03"]).ok();
    let csv3 = file("c.csv");
    secondsource(&["orders", "export", "--book", &third, "--to", &csv3]).ok();
    assert_eq!(read(&csv), read(&csv3));
    // A text book is read as it stands.
    assert_eq!(secondsource(&["orders", "list", "--book", &json, "--all", "--json"]).json()["shown"].as_array().expect("claims").len(), 19);
    let ran = secondsource(&["orders", "import", "--book", &again, &json]);
    assert!(ran.code == 2 && ran.stderr.contains("empty book"), "{}", ran.stderr);
}

const EXAMPLE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/supply/trainium-orders.toml");

#[test]
fn slips_of_files() {
    let book = book_with("orders-slips", 10);
    let refuse = |name: &str, text: &str, words: &[&str]| {
        let file = scratch_file("orders-slips-file", name, text);
        let ran = secondsource(&["orders", "import", "--book", &book, &file, "--date", "2026-12-01"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{name}: {}", ran.stderr);
        for w in words {
            assert!(ran.stderr.contains(w), "{name}: `{w}` is missing: {}", ran.stderr);
        }
    };
    let row = |cells: &str| format!("id,customer,system,racks,wanted\n{cells}\n");
    refuse("a.csv", "id,custmer\n", &["a.csv:1", "custmer", "did you mean `customer`?", "no column `system`"]);
    refuse("a.csv", &row("x,C,trn2.48xlarg,1,2027-01-01"), &["a.csv:2", "trn2.48xlarg", "did you mean"]);
    refuse("a.csv", &row("x,C,trn2.48xlarge,-1,2027-01-01"), &["a.csv:2", "`racks` is `-1`"]);
    refuse("a.csv", &row("x,C,trn2.48xlarge,1,soon"), &["a.csv:2", "soon", "YYYY-MM-DD"]);
    refuse("a.csv", &row("x,C,trn2.48xlarge,1"), &["a.csv:2"]);
    refuse("a.csv", &row("x,C,trn2.48xlarge,11,2027-01-01"), &["a.csv:2", "10 can still be promised", "proposed"]);
    // The second of two is refused, so the first is not entered either.
    refuse("a.csv", &row("x,C,trn2.48xlarge,6,2027-01-01\ny,C,trn2.48xlarge,6,2027-01-01"), &["a.csv:3", "4 can still be promised"]);
    refuse("a.json", "{\"secondsource-orders\": 1, \"entries\": [\n{\"seq\":1}\n]}", &["a.json:2"]);
    refuse("a.json", "{\"secondsource-orders\": 2, \"entries\": []}", &["format 2"]);
    refuse("a.toml", "[polcy]\n", &["a.toml:1:2", "did you mean `policy`?"]);
    refuse("a.toml", "[supply]\nstart = \"2027-01-01\"\nperiod = \"week\"\n", &["a.toml:3", "unknown period `week`"]);
    refuse(
        "a.toml",
        "[[order]]\ncustomer = \"C\"\nsystem = \"trn2.48xlarge\"\nracks = 1.5\nwanted = \"2027-01-01\"\n",
        &["a.toml:4", "whole"],
    );
    refuse(
        "a.toml",
        "[policy]\nrule = \"protected\"\n[[policy.class]]\nname = \"a\"\nshare = 0.7\n[[policy.class]]\nname = \"b\"\nshare = 0.7\n",
        &["a.toml", "add up to 1.4"],
    );
    refuse("a.toml", "[policy]\n[[policy.class]]\nname = \"a\"\n", &["a.toml:2", "class `a` has no `share`"]);
    refuse(
        "a.toml",
        "[supply]\nstart = \"2027-02-01\"\nperiod = \"quarter\"\n[[supply.product]]\nchip = \"trn2\"\nlow = [1]\nmedian = [1]\nhigh = [1]\nafter-days = [1, 1]\n",
        &["first day of a quarter"],
    );
    refuse("a.txt", "", &[".csv, .toml or .json"]);
    assert_eq!(secondsource(&["orders", "list", "--book", &book, "--json"]).json()["claims"], 0);
}

#[test]
fn slips_of_flags() {
    let book = book_with("orders-flags", 10);
    for (more, word) in [
        (&["--racks", "0"][..], "--racks"),
        (&["--racks", "1", "--class", "standrd"], "did you mean `standard`?"),
        (&["--racks", "1", "--state", "cancelled"], "does not begin as"),
        (&["--racks", "1", "--by", "soon"], "--by"),
        (&["--racks", "3", "--ramp", "2027-01-01:1,2027-02-01:1"], "2 racks, but the claim has 3"),
        (&["--racks", "1", "--take-or-pay", "2"], "share from 0 to 1"),
        (&["--racks", "1", "--id", "two\nlines"], "one line"),
    ] {
        let ran = add(&book, more);
        assert!(ran.code == 2 && ran.stderr.contains(word), "{more:?}: {}", ran.stderr);
    }
    let ran = secondsource(&["orders", "list", "--book", "no-such.db"]);
    assert!(ran.code == 2 && ran.stderr.contains("no such order book") && ran.stderr.contains("orders import"), "{}", ran.stderr);
    let ran = secondsource(&["orders", "cancel", "--book", EXAMPLE, "T3-1"]);
    assert!(ran.code == 2 && ran.stderr.contains("orders import"), "{}", ran.stderr);
    let ran = secondsource(&["orders", "cancel", "--book", &book, "A-9"]);
    assert!(ran.code == 2 && ran.stderr.contains("no claim `A-9`"), "{}", ran.stderr);
    // Later than wanted is no, and says when it would be.
    let ran = add(&book, &["--racks", "5", "--by", "2027-01-15"]);
    assert!(ran.code == 1 && ran.stdout.contains("2027-02-15"), "{}", ran.stdout);
    add(&book, &["--racks", "5", "--id", "one"]).ok();
    let ran = secondsource(&["orders", "set", "--book", &book, "one", "pending", "--date", "2026-12-01"]);
    assert!(ran.code == 2 && ran.stderr.contains("pending cannot follow"), "{}", ran.stderr);
}
