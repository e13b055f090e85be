//! The executable specification: every ```` ```spec ```` block of `docs/spec/*.md` is asked of the crates themselves.
//! `docs/spec/README.md` says how a block is written.

mod blocks;
mod kinds;

use blocks::{Block, read};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec");
    let mut list: Vec<PathBuf> = std::fs::read_dir(&folder).expect("docs/spec").map(|e| e.expect("an entry").path()).collect();
    list.retain(|p| p.extension().is_some_and(|e| e == "md"));
    list.sort();
    list
}

fn all() -> Vec<Block> {
    pages().iter().flat_map(|p| read(p.file_name().unwrap().to_str().unwrap(), &std::fs::read_to_string(p).expect("a page"))).collect()
}

#[test]
fn every_block_holds() {
    let blocks = all();
    let mut wrong = Vec::new();
    for b in &blocks {
        match kinds::run(b) {
            Ok(value) => {
                let (want, tolerance) = (b.number("expect"), b.number_or("tolerance", 1e-9));
                if value.is_nan() || (value - want).abs() > tolerance * want.abs() {
                    wrong.push(format!("{}: {value}, expected {want} within {tolerance}", b.place));
                }
                wrong.extend(b.unread().iter().map(|k| format!("{}: `{k}` is not a key of {}", b.place, b.text("kind"))));
            }
            Err(why) => wrong.push(format!("{}: {why}", b.place)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} blocks:\n{}", wrong.len(), blocks.len(), wrong.join("\n"));
}

/// The pages are there, each with a source, and no kind is without a block.
#[test]
fn the_specification_is_whole() {
    let blocks = all();
    assert!(blocks.len() >= 60, "{} blocks", blocks.len());
    let kinds: BTreeSet<&str> = blocks.iter().map(|b| b.text("kind")).collect();
    assert_eq!(kinds, kinds::NAMES.iter().copied().collect(), "kinds with a block, and kinds there are");
    for p in pages().iter().filter(|p| !p.ends_with("README.md")) {
        let text = std::fs::read_to_string(p).unwrap();
        let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
        assert!(!sections.is_empty(), "{}", p.display());
        for s in sections {
            let title = s.lines().next().unwrap_or("");
            assert!(s.contains("```spec"), "{}: `{title}` has no block", p.display());
            assert!(s.contains("Source:"), "{}: `{title}` has no source", p.display());
        }
    }
}

/// A wrong number is found, and a wrong key is found: the runner can fail.
#[test]
fn the_runner_can_fail() {
    let one = |text: &str| read("x.md", &format!("```spec\n{text}\n```\n")).remove(0);
    let right = one("kind = bubble-fraction\nschedule = 1f1b\npp = 4\nmicro-batches = 8\nexpect = 0.375");
    assert_eq!(kinds::run(&right), Ok(0.375));
    assert_eq!(right.place, "x.md:1");
    let odd = one("kind = bubble-fraction\nschedule = 1f1b\npp = 4\nmicro-batches = 8\nvppp = 2\nexpect = 0.375");
    assert_eq!(kinds::run(&odd), Ok(0.375));
    assert_eq!(odd.unread(), ["vppp"]);
    assert!(kinds::run(&one("kind = bubbles\nexpect = 1")).is_err());
    assert!(kinds::run(&one("kind = params\nmodel = llama-9\nof = total\nexpect = 1")).is_err());
}
