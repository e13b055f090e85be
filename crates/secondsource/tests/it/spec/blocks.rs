//! Fenced blocks of `key = value` lines.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// One block: where it stands and what it says. A key that is never read is an error of the page.
#[derive(Debug)]
pub struct Block {
    pub place: String,
    values: BTreeMap<String, String>,
    read: RefCell<BTreeSet<String>>,
}

/// The ```` ```spec ```` blocks of a page.
pub fn read(page: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (i, line) in text.lines().enumerate() {
        let place = format!("{page}:{}", i + 1);
        match (&mut open, line.trim()) {
            (None, "```spec") => open = Some(Block { place, values: BTreeMap::new(), read: RefCell::default() }),
            (None, _) => {}
            (Some(_), "```") => found.extend(open.take()),
            (Some(b), line) => {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{place}: `{line}` is not key = value"));
                let before = b.values.insert(key.trim().to_owned(), value.trim().to_owned());
                assert!(before.is_none(), "{place}: `{}` twice", key.trim());
            }
        }
    }
    assert!(open.is_none(), "{page}: a block is not closed");
    found
}

impl Block {
    pub fn get(&self, key: &str) -> Option<&str> {
        self.read.borrow_mut().insert(key.to_owned());
        self.values.get(key).map(String::as_str)
    }

    pub fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_else(|| panic!("{}: `{key}` is missing", self.place))
    }

    pub fn number(&self, key: &str) -> f64 {
        let t = self.text(key);
        t.replace('_', "").parse().unwrap_or_else(|_| panic!("{}: `{key}` is `{t}`, not a number", self.place))
    }

    pub fn number_or(&self, key: &str, otherwise: f64) -> f64 {
        if self.get(key).is_some() { self.number(key) } else { otherwise }
    }

    pub fn whole(&self, key: &str, otherwise: u32) -> u32 {
        let v = self.number_or(key, f64::from(otherwise));
        assert!(v.fract() == 0.0 && (0.0..4e9).contains(&v), "{}: `{key}` is {v}, not a whole number", self.place);
        v as u32
    }

    pub fn flag(&self, key: &str, otherwise: bool) -> bool {
        match self.get(key) {
            None => otherwise,
            Some("yes") => true,
            Some("no") => false,
            Some(other) => panic!("{}: `{key}` is `{other}`, not yes or no", self.place),
        }
    }

    /// One of the words of a table.
    pub fn word<T: Copy>(&self, key: &str, table: &[(&str, T)], otherwise: T) -> T {
        let Some(word) = self.get(key) else { return otherwise };
        table.iter().find(|(w, _)| *w == word).unwrap_or_else(|| panic!("{}: `{key}` is `{word}`", self.place)).1
    }

    /// Keys that nobody asked for.
    pub fn unread(&self) -> Vec<&str> {
        let read = self.read.borrow();
        self.values.keys().map(String::as_str).filter(|k| !read.contains(*k) && !matches!(*k, "expect" | "tolerance" | "kind")).collect()
    }
}
