//! `orders`: what it prints, what it keeps, and what it survives.

mod faults;
mod files;
mod guards;
mod pages;

use crate::run::{Ran, scratch, secondsource};
use std::fmt::Write as _;
use std::path::Path;

pub const EXAMPLE: &str = "examples/supply/trainium-orders.toml";

/// A book with exactly so many racks of `trn2` in the first quarter of 2027, 16 chips each.
pub fn book_with(test: &str, racks: u32) -> String {
    let dir = scratch(test);
    let chips = racks * 16;
    let text = format!(
        "as-of = \"2026-12-01\"\n[policy]\nscenarios = 10\n[supply]\nstart = \"2027-01-01\"\nperiod = \"quarter\"\n\
         [[supply.product]]\nchip = \"trn2\"\nlow = [{chips}]\nmedian = [{chips}]\nhigh = [{chips}]\nafter-days = [10, 10]\n"
    );
    let file = dir.join("start.toml");
    std::fs::write(&file, text).expect("a file");
    let book = path(&dir.join("book.db"));
    secondsource(&["orders", "import", "--book", &book, &path(&file), "--date", "2026-12-01"]).ok();
    book
}

/// A table of so many one-rack claims beside a book; gives its path.
pub fn claims(book: &str, name: &str, n: usize) -> String {
    let mut text = "id,customer,system,racks,wanted\n".to_owned();
    for i in 0..n {
        let _ = writeln!(text, "{name}-{i},Customer {i},trn2.48xlarge,1,2027-01-01");
    }
    let file = Path::new(book).with_file_name(format!("{name}.csv"));
    std::fs::write(&file, text).expect("a table");
    path(&file)
}

pub fn path(p: &Path) -> String {
    p.to_str().expect("UTF-8").to_owned()
}

/// Ids of the claims that hold racks.
pub fn held(book: &str) -> Vec<String> {
    let value = secondsource(&["orders", "list", "--book", book, "--state", "pending,active", "--date", "2026-12-01", "--json"]).json();
    value["shown"].as_array().expect("claims").iter().map(|o| o["id"].as_str().expect("an id").to_owned()).collect()
}

/// Chips that can still be promised; a book that is oversold shows less than zero.
pub fn left(book: &str) -> f64 {
    let value = secondsource(&["orders", "list", "--book", book, "--date", "2026-12-01", "--json"]).json();
    let periods = value["products"][0]["periods"].as_array().expect("periods").clone();
    periods.last().expect("a period")["available"].as_f64().expect("a number")
}

pub fn add(book: &str, more: &[&str]) -> Ran {
    let mut args = vec![
        "orders",
        "add",
        "--book",
        book,
        "--customer",
        "C",
        "--system",
        "trn2.48xlarge",
        "--wanted",
        "2027-01-01",
        "--date",
        "2026-12-01",
    ];
    args.extend(more);
    secondsource(&args)
}
