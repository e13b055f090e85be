//! Real processes, killed, starved and raced: what was acknowledged is there, and nothing is promised twice.

use super::{add, book_with, claims, held, left, path};
use crate::run::{root, secondsource};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn start(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_secondsource"))
        .args(args)
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

/// Twenty times a writer is killed with SIGKILL somewhere in a stream of commits. Every claim that it printed is in the
/// book, at most the one that was under way besides, and the book is sound.
#[test]
fn killed_while_committing() {
    let book = book_with("orders-killed", 5000);
    let mut acknowledged = BTreeSet::new();
    for round in 0..20 {
        let table = claims(&book, &format!("k{round}"), 200);
        let mut child = start(&["orders", "import", "--book", &book, &table, "--each", "--date", "2026-12-01"]);
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut lines = out.lines();
        let mut printed: Vec<String> = lines.by_ref().take(1 + round % 7).map(|l| l.expect("a line")).collect();
        // Not on the beat of a commit: any moment of the next ones.
        let pause = (round as u64 * 7919) % 4000;
        std::thread::sleep(std::time::Duration::from_micros(pause));
        child.kill().expect("SIGKILL");
        printed.extend(lines.map_while(Result::ok));
        child.wait().expect("it ends");
        acknowledged.extend(printed);
        let there: BTreeSet<String> = held(&book).into_iter().collect();
        assert!(acknowledged.is_subset(&there), "lost: {:?}", acknowledged.difference(&there));
        assert!(there.len() <= acknowledged.len() + 1, "{} of {}", there.len(), acknowledged.len());
        acknowledged = there;
    }
    assert!(acknowledged.len() > 40, "{}", acknowledged.len());
    assert!(secondsource(&["orders", "check", "--book", &book]).ok().contains("sound"));
}

/// A disk that takes no more (here a limit on the size of files): the writer says so, and the book is as it was.
#[test]
fn a_full_disk() {
    let book = book_with("orders-full", 5000);
    let table = claims(&book, "many", 2000);
    let before = std::fs::read(&book).expect("the book");
    // Blocks of 512 bytes. The signal is ignored, so that writing fails as it does on a full disk.
    let blocks = before.len() / 512 + 64;
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let limited = |each: bool| {
        let mut c = Command::new("sh");
        c.args(["-c", &script, env!("CARGO_BIN_EXE_secondsource"), "orders", "import", "--book", &book, &table, "--date", "2026-12-01"]);
        if each {
            c.arg("--each");
        }
        let out = c.output().expect("sh runs");
        (out.status.code(), String::from_utf8(out.stdout).expect("UTF-8"), String::from_utf8(out.stderr).expect("UTF-8"))
    };
    let (code, _, words) = limited(false);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("the book is as it was") && words.contains("disk"), "{words}");
    assert!(held(&book).is_empty());
    assert!(secondsource(&["orders", "check", "--book", &book]).ok().contains("sound"));
    // One by one: those that were printed are there, and no others.
    let (code, printed, words) = limited(true);
    assert_eq!(code, Some(3), "{words}");
    let printed: BTreeSet<String> = printed.lines().map(str::to_owned).collect();
    let there: BTreeSet<String> = held(&book).into_iter().collect();
    assert!(!printed.is_empty() && printed == there, "{} printed, {} there", printed.len(), there.len());
    // With room again it goes on.
    assert_eq!(add(&book, &["--racks", "1"]).code, 0);
}

/// Writers that race for more racks than there are get exactly those that there are.
#[test]
fn two_writers_cannot_oversell() {
    let book = book_with("orders-race", 50);
    let children: Vec<Child> = ["a", "b", "c"]
        .iter()
        .map(|name| start(&["orders", "import", "--book", &book, &claims(&book, name, 60), "--each", "--date", "2026-12-01"]))
        .collect();
    let mut printed = BTreeSet::new();
    for child in children {
        let out = child.wait_with_output().expect("it ends");
        assert_eq!(out.status.code(), Some(2), "each of them meets the end");
        printed.extend(String::from_utf8(out.stdout).expect("UTF-8").lines().map(str::to_owned));
    }
    let there: BTreeSet<String> = held(&book).into_iter().collect();
    assert_eq!((there.len(), left(&book)), (50, 0.0));
    assert_eq!(printed, there);
    let late = add(&book, &["--racks", "1"]);
    assert_eq!(late.code, 1, "{}", late.stderr);
    assert!(late.stdout.contains("Nothing was entered") && late.stdout.contains("0 can still be promised"), "{}", late.stdout);
}

/// Bytes that change on the disk are found, or were of no importance; the book is never read as another one.
#[test]
fn a_damaged_file() {
    let book = book_with("orders-damaged", 500);
    secondsource(&["orders", "import", "--book", &book, &claims(&book, "x", 150), "--date", "2026-12-01"]).ok();
    let good = secondsource(&["orders", "history", "--book", &book, "--json"]).ok();
    let bytes = std::fs::read(&book).expect("the book");
    let copy = path(&Path::new(&book).with_file_name("damaged.db"));
    let rescued = path(&Path::new(&book).with_file_name("rescued.json"));
    let (mut found, mut harmless) = (0, 0);
    for i in 0..40 {
        let mut bad = bytes.clone();
        // Spread over the file, its head included.
        let at = if i < 4 { i * 5 } else { (i * 7919 * 131) % bad.len() };
        bad[at] ^= 0x41;
        std::fs::write(&copy, &bad).expect("a copy");
        let ran = secondsource(&["orders", "history", "--book", &copy, "--json"]);
        if ran.code == 0 {
            assert_eq!(ran.stdout, good, "byte {at} changed the book in silence");
            harmless += 1;
        } else {
            found += 1;
            assert_eq!(ran.code, 2, "byte {at}: {}", ran.stderr);
            let words = ["damaged", "not an order book", "version"];
            assert!(words.iter().any(|w| ran.stderr.contains(w)), "byte {at}: {}", ran.stderr);
        }
    }
    assert!(found >= 5 && harmless >= 1, "{found} found, {harmless} harmless");
    // The first page overwritten: nothing opens it, and every entry is still found in the bytes.
    let mut bad = bytes.clone();
    bad[..4096].fill(0);
    std::fs::write(&copy, &bad).expect("a copy");
    let ran = secondsource(&["orders", "list", "--book", &copy]);
    assert!(ran.code == 2 && ran.stderr.contains("damaged") && ran.stderr.contains("--salvage"), "{}", ran.stderr);
    let ran = secondsource(&["orders", "export", "--book", &copy, "--salvage", "--to", &rescued, "--json"]);
    let said = ran.json();
    let (entries, missing) = (said["entries"].as_u64().expect("a number"), said["missing"].as_array().expect("a list").len() as u64);
    assert!(entries + missing == 152 && entries >= 120, "{said}");
    // Cut short: what is left comes out in order, and what is gone is named.
    std::fs::write(&copy, &bytes[..bytes.len() * 2 / 3]).expect("a copy");
    assert_eq!(secondsource(&["orders", "check", "--book", &copy]).code, 2);
    let said = secondsource(&["orders", "export", "--book", &copy, "--salvage", "--to", &rescued, "--json"]).json();
    assert!(said["entries"].as_u64().expect("a number") >= 40, "{said}");
    // A sound book comes out whole, and a new book made of it is the same.
    let ran = secondsource(&["orders", "export", "--book", &book, "--salvage", "--to", &rescued]);
    assert!(ran.stdout.contains("152 entries written, 0 of them uncertain, 0 missing"), "{}", ran.stdout);
    let again = path(&Path::new(&book).with_file_name("again.db"));
    secondsource(&["orders", "import", "--book", &again, &rescued]).ok();
    assert_eq!(secondsource(&["orders", "history", "--book", &again, "--json"]).ok(), good);
}

/// A clock that stands before the last entry is told about, and the history goes on under the last day; a day that
/// somebody typed is not bent.
#[test]
fn a_clock_that_goes_backwards() {
    let book = book_with("orders-clock", 10);
    add(&book, &["--racks", "1", "--date", "2099-06-01"]);
    let args = ["orders", "add", "--book", &book, "--customer", "C", "--system", "trn2.48xlarge", "--racks", "1", "--state", "proposed"];
    let ran = secondsource(&[&args[..], &["--date", "2099-01-02"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The clock of this machine stands before 2099.
    let ran = secondsource(&args);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("the clock says 20") && ran.stderr.contains("entered under 2099-01-02"), "{}", ran.stderr);
    let ran = secondsource(&[&args[..], &["--date", "2099-01-01"]].concat());
    assert!(ran.code == 2 && ran.stderr.contains("last entry is of 2099-01-02"), "{}", ran.stderr);
    let days: Vec<String> = secondsource(&["orders", "history", "--book", &book, "--json"]).json()["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|e| e["day"].as_str().expect("a day").to_owned())
        .collect();
    assert!(days.is_sorted(), "{days:?}");
}

/// Rows cannot be changed or deleted, even with SQLite in hand; and other databases are not taken for books.
#[test]
fn the_history_only_grows() {
    let book = book_with("orders-history", 10);
    add(&book, &["--racks", "1"]);
    let db = rusqlite::Connection::open(&book).expect("it opens");
    for sql in [
        "UPDATE history SET day = '2020-01-01'",
        "DELETE FROM history WHERE seq = 1",
        "INSERT INTO history SELECT 9, day, 'x', NULL, body, chain FROM history WHERE seq = 1",
        "INSERT INTO history SELECT 4, '2000-01-01', 'x', NULL, body, chain FROM history WHERE seq = 1",
    ] {
        assert!(db.execute(sql, []).is_err(), "{sql}");
    }
    let row: (String, i64, String) =
        db.query_row("SELECT customer, racks, state FROM claims", [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).expect("the view reads");
    assert_eq!(row, ("C".to_owned(), 1, "active".to_owned()));
    // A row that was smuggled in is not what was written.
    db.execute("INSERT INTO history SELECT 4, day, 'deliver', NULL, body, chain FROM history WHERE seq = 3", []).expect("a row");
    drop(db);
    let ran = secondsource(&["orders", "list", "--book", &book]);
    assert!(ran.code == 2 && ran.stderr.contains("entry 4 is not what was written"), "{}", ran.stderr);
    let other = path(&Path::new(&book).with_file_name("other.db"));
    rusqlite::Connection::open(&other).expect("it opens").execute_batch("CREATE TABLE t (a)").expect("a table");
    let ran = secondsource(&["orders", "list", "--book", &other]);
    assert!(ran.code == 2 && ran.stderr.contains("not an order book"), "{}", ran.stderr);
}

/// A book of the first version reads as it is and is brought up to date by the next entry; one of a later version is left alone.
#[test]
fn versions() {
    let book = book_with("orders-versions", 10);
    add(&book, &["--racks", "1"]);
    let before = secondsource(&["orders", "history", "--book", &book, "--json"]).ok();
    let db = rusqlite::Connection::open(&book).expect("it opens");
    db.execute_batch("DROP VIEW claims; DROP INDEX of_claim; PRAGMA user_version = 1").expect("as version 1 was");
    drop(db);
    assert_eq!(secondsource(&["orders", "history", "--book", &book, "--json"]).ok(), before);
    let db = rusqlite::Connection::open(&book).expect("it opens");
    let version = |db: &rusqlite::Connection| db.pragma_query_value(None, "user_version", |r| r.get::<_, i64>(0)).expect("a version");
    assert_eq!(version(&db), 1);
    add(&book, &["--racks", "1"]);
    assert_eq!(version(&db), 2);
    assert_eq!(db.query_row("SELECT COUNT(*) FROM claims", [], |r| r.get::<_, i64>(0)).expect("the view is there"), 2);
    db.execute_batch("PRAGMA user_version = 99").expect("a later version");
    drop(db);
    let ran = secondsource(&["orders", "list", "--book", &book]);
    assert!(ran.code == 2 && ran.stderr.contains("version 99"), "{}", ran.stderr);
}
