//! What must not happen to a book: written over, made by a failed import, taken for something else, or believed when it
//! contradicts itself.

use super::{EXAMPLE, add, book_with, held, path};
use crate::run::{Ran, scratch, scratch_file, secondsource};
use std::fs;
use std::path::Path;

fn refused(ran: &Ran, word: &str) {
    assert!(ran.code == 2 && ran.stderr.contains(word), "{word}: {} {}", ran.code, ran.stderr);
}

fn beside(book: &str, name: &str) -> String {
    path(&Path::new(book).with_file_name(name))
}

/// Neither a picture nor an export goes where a book is, by whatever name it is called.
#[test]
fn books_are_not_written_over() {
    let book = book_with("orders-over", 5);
    let before = fs::read(&book).expect("the book");
    let mut names = vec![("copy.svg", "a database of that name"), ("copy.csv", "a database of that name")];
    fs::copy(&book, beside(&book, "copy.svg")).expect("a copy");
    fs::copy(&book, beside(&book, "copy.csv")).expect("a copy");
    #[cfg(unix)]
    for name in ["link.svg", "link.json"] {
        std::os::unix::fs::symlink(&book, beside(&book, name)).expect("a link");
        names.push((name, "the order book itself"));
    }
    for (name, word) in names {
        let to = beside(&book, name);
        let ran = if name.ends_with(".svg") {
            secondsource(&["promise", "--system", "trn2.48xlarge", "--racks", "1", "--book", &book, "--date", "2026-12-01", "--svg", &to])
        } else {
            secondsource(&["orders", "export", "--book", &book, "--to", &to])
        };
        refused(&ran, word);
        assert_eq!(fs::read(&to).expect("it is there"), before, "{name}");
    }
    refused(&secondsource(&["orders", "export", "--book", &book, "--to", &book]), "the order book itself");
    assert_eq!(fs::read(&book).expect("the book"), before);
}

/// An import that fails leaves no file behind; what is empty, or a text, or of something else is said to be no book, and is
/// left as it is.
#[test]
fn what_is_no_book() {
    let dir = scratch("orders-no-book");
    let file = |name: &str, text: &[u8]| {
        let p = dir.join(name);
        fs::write(&p, text).expect("a file");
        path(&p)
    };
    let new = path(&dir.join("new.db"));
    let row = file("row.csv", b"customer,system,racks,wanted\nA,trn3-ultraserver,1,2027-01-01\n");
    let head = file("head.csv", b"customer;system\n");
    let lone = file(
        "lone.json",
        b"{\"secondsource-orders\": 1, \"entries\": [{\"seq\":1,\"day\":\"2026-11-02\",\"event\":\"deliver\",\"id\":\"x\",\"racks\":1}]}",
    );
    let torn = file("torn.json", b"[");
    for (from, word) in [(&row, "no supply of trn3"), (&head, "unknown column"), (&lone, "no claim `x`"), (&torn, "EOF")] {
        for each in [&[][..], &["--each"]] {
            refused(&secondsource(&[&["orders", "import", "--book", &new, from], each].concat()), word);
            assert!(!Path::new(&new).exists(), "{from}");
        }
    }
    let empty = file("empty.db", b"");
    let list = file("list.db", b"milk, bread, two racks\n");
    for look in ["list", "check", "plan", "history"] {
        refused(&secondsource(&["orders", look, "--book", &empty]), "the file is empty");
        let ran = secondsource(&["orders", look, "--book", &list]);
        refused(&ran, "this is no order book");
        assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
    }
    refused(&secondsource(&["orders", "cancel", "--book", &empty, "A-1"]), "the file is empty");
    refused(&secondsource(&["orders", "import", "--book", &list, EXAMPLE]), "this is no order book");
    assert_eq!((fs::read(&empty).expect("there").len(), fs::read(&list).expect("there").len()), (0, 23));
    let out = path(&dir.join("rescued.json"));
    let ran = secondsource(&["orders", "export", "--book", &list, "--salvage", "--to", &out]);
    assert!(ran.code == 1 && ran.stderr.contains("nothing in it reads as an entry"), "{}", ran.stderr);
}

/// With `--each` every claim is by itself: what was printed is there, what follows the first error is not.
#[test]
fn each_by_itself() {
    let book = book_with("orders-each", 3);
    let text =
        "id,customer,system,racks,wanted\na,C,trn2.48xlarge,2,2027-01-01\nb,C,trn2.48xlarge,2,2027-01-01\nc,C,trn2.48xlarge,1,2027-01-01\n";
    let table = scratch_file("orders-each-table", "t.csv", text);
    let import = |more: &[&str]| secondsource(&[&["orders", "import", "--book", &book, &table, "--date", "2026-12-01"], more].concat());
    refused(&import(&[]), "t.csv:3");
    assert!(held(&book).is_empty());
    let ran = import(&["--each"]);
    refused(&ran, "t.csv:3");
    assert_eq!((ran.stdout.as_str(), held(&book)), ("a\n", vec!["a".to_owned()]));
}

/// A history of more than 64 MiB, here mostly blanks, is read again.
#[test]
fn large_histories_are_read() {
    let dir = scratch("orders-large");
    let (small, large) = (path(&dir.join("small.json")), path(&dir.join("large.json")));
    let book = path(&dir.join("a.db"));
    secondsource(&["orders", "import", "--book", &book, EXAMPLE, "--date", "2026-11-02"]).ok();
    secondsource(&["orders", "export", "--book", &book, "--to", &small]).ok();
    let mut text = fs::read(&small).expect("a history");
    text.resize(text.len() + (65 << 20), b' ');
    fs::write(&large, text).expect("a large file");
    let again = path(&dir.join("b.db"));
    assert!(secondsource(&["orders", "import", "--book", &again, &large]).ok().contains("21 entries"));
    fs::remove_file(&large).expect("it goes");
}

/// The clock stands before the last entry: said once, and not with `-q`. A claim that contradicts itself or the catalog, or
/// that no file could be read with again, is refused.
#[test]
fn claims_that_cannot_be() {
    let book = book_with("orders-cannot", 10);
    for (more, word) in [
        (&["--racks", "10", "--ramp", "2026-12-15:4,2027-02-01:6"][..], "its ramp begins on 2026-12-15"),
        (&["--racks", "1", "--state", "pending"], "needs the day on which it expires"),
        (&["--racks", "1", "--state", "pending", "--expires", "2026-11-01"], "it expired on 2026-11-01"),
        (&["--racks", "1", "--usd-per-rack", "1000", "--deposit", "5M"], "more than its price"),
        (&["--racks", "1", "--chip", "trn3"], "the catalog says that its chip is trn2"),
        (&["--racks", "1", "--chips-per-rack", "8"], "the catalog says that one rack has 16 chips, not 8"),
        (&["--racks", "1", "--expires", "2101-01-01"], "not a day"),
    ] {
        refused(&add(&book, more), word);
    }
    add(&book, &["--racks", "1", "--chip", "trn2", "--chips-per-rack", "16"]).ok();
    // An offer without a last day can be held to one.
    add(&book, &["--racks", "1", "--state", "proposed", "--id", "offer"]).ok();
    let set =
        |more: &[&str]| secondsource(&[&["orders", "set", "--book", &book, "offer", "pending", "--date", "2026-12-01"], more].concat());
    refused(&set(&[]), "needs the day on which it expires");
    set(&["--expires", "2026-12-24"]).ok();
    let until = |day: &str| secondsource(&["orders", "list", "--book", &book, "--state", "pending", "--date", day, "--json"]).json();
    assert_eq!((&until("2026-12-24")["shown"][0]["id"], &until("2026-12-25")["shown"]), (&"offer".into(), &serde_json::json!([])));
    assert!(secondsource(&["orders", "history", "--book", &book, "offer"]).ok().contains("held until 2026-12-24"));
    // Entered far ahead, looked at with an earlier clock.
    let late = secondsource(&["orders", "cancel", "--book", &book, "A-1", "--date", "2090-01-01"]);
    assert_eq!(late.code, 0, "{}", late.stderr);
    let look = |more: &[&str]| secondsource(&[more, &["orders", "list", "--book", &book]].concat());
    assert_eq!(look(&[]).stderr.matches("looked at as of 2090-01-01").count(), 1);
    assert_eq!((look(&["-q"]).stderr.as_str(), look(&["-q"]).code), ("", 0));
}
