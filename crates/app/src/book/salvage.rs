//! Getting entries out of a damaged book: first row by row through SQLite, then from the bytes of the file.
//!
//! Every row holds its entry as JSON with its number, and next to it a hash over the row and the hash before it. A row whose
//! hash follows from a row that is known is certain; one that stands alone is kept but counted as uncertain.

use super::store::open_anyhow;
use crate::failure::Failure;
use secondsource::Diagnostic;
use secondsource::orders::{Entry, MOST_ENTRIES};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// The chain before the first row.
pub const CHAIN_START: u64 = 0xcbf2_9ce4_8422_2325;
/// Largest file whose bytes are searched.
const MOST_BYTES: u64 = 1 << 30;

/// FNV-1a over the chain so far and a row: finds damage, not malice.
pub fn link(chain: u64, body: &str) -> u64 {
    chain.to_be_bytes().iter().chain(body.as_bytes()).fold(CHAIN_START, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Salvaged {
    /// Entries by rising number, as they were written.
    pub entries: Vec<Entry>,
    /// Numbers of entries whose hash could not be confirmed.
    pub uncertain: Vec<u64>,
    /// Numbers that are missing up to the highest one found, those whose row is there but does not read among them.
    pub missing: Vec<u64>,
}

struct Row {
    body: String,
    chain: u64,
}

/// Finds what can be found.
pub fn salvage(path: &str) -> Result<Salvaged, Failure> {
    let mut rows: BTreeMap<u64, Vec<Row>> = BTreeMap::new();
    let mut add = |seq: u64, body: String, chain: u64| {
        let list = rows.entry(seq).or_default();
        if !list.iter().any(|r| r.chain == chain && r.body == body) {
            list.push(Row { body, chain });
        }
    };
    if let Some(db) = open_anyhow(path) {
        for order in ["ASC", "DESC"] {
            let Ok(mut select) = db.prepare(&format!("SELECT seq, body, chain FROM history NOT INDEXED ORDER BY seq {order}")) else {
                continue;
            };
            let Ok(mut found) = select.query([]) else { continue };
            // From each end until a page does not read.
            while let Ok(Some(row)) = found.next() {
                let cells = (row.get::<_, i64>(0), row.get::<_, String>(1), row.get::<_, String>(2));
                if let (Ok(seq), Ok(body), Ok(chain)) = cells
                    && let Ok(chain) = u64::from_str_radix(&chain, 16)
                {
                    add(u64::try_from(seq).unwrap_or(0), body, chain);
                }
            }
        }
    }
    carve(path, &mut add)?;
    Ok(choose(rows))
}

/// Rows in the raw bytes: `{"seq":` up to the end of the JSON value, then sixteen hexadecimal digits.
fn carve(path: &str, add: &mut dyn FnMut(u64, String, u64)) -> Result<(), Failure> {
    const HEAD: &[u8] = b"{\"seq\":";
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|f| f.take(MOST_BYTES).read_to_end(&mut bytes));
    read.map_err(|e| Failure::from(Diagnostic::error(format!("this order book cannot be read: {e}")).in_file(path)))?;
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(HEAD.len()).position(|w| w == HEAD) {
        let start = at + found;
        at = start + HEAD.len();
        let mut values = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<Entry>();
        let Some(Ok(entry)) = values.next() else { continue };
        let end = start + values.byte_offset();
        let body = std::str::from_utf8(&bytes[start..end]).ok();
        let hash = bytes.get(end..end + 16).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u64::from_str_radix(h, 16).ok());
        if let (Some(body), Some(hash)) = (body, hash) {
            add(entry.seq, body.to_owned(), hash);
            at = end;
        }
    }
    Ok(())
}

/// One row for each number: the one that follows from the row before it, else one that is followed by the row after it,
/// else any.
fn choose(rows: BTreeMap<u64, Vec<Row>>) -> Salvaged {
    let mut out = Salvaged { entries: Vec::new(), uncertain: Vec::new(), missing: Vec::new() };
    let mut before = Some(CHAIN_START);
    let mut next = 1;
    for (seq, list) in &rows {
        if *seq == 0 || *seq as usize > MOST_ENTRIES {
            continue;
        }
        if *seq > next {
            out.missing.extend(next..*seq);
            before = None;
        }
        next = seq + 1;
        let follows = |r: &&Row| before.is_some_and(|b| link(b, &r.body) == r.chain);
        let leads = |r: &&Row| rows.get(&next).is_some_and(|after| after.iter().any(|a| link(r.chain, &a.body) == a.chain));
        let reads = |r: &Row| serde_json::from_str::<Entry>(&r.body).ok().filter(|e| e.seq == *seq);
        let sure = list.iter().find(|r| follows(r) && leads(r)).or_else(|| list.iter().find(follows));
        let found = match sure {
            Some(r) => Some(r),
            // Of rows that cannot be confirmed, one that reads.
            None => list.iter().filter(leads).chain(list).find(|r| reads(r).is_some()).or(list.first()),
        };
        let Some(row) = found else { continue };
        // The next row is hashed onto this one, whether it reads or not.
        before = Some(row.chain);
        match reads(row) {
            None => out.missing.push(*seq),
            Some(entry) => {
                if sure.is_none() {
                    out.uncertain.push(*seq);
                }
                out.entries.push(entry);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use secondsource::orders::{Day, Event};

    /// Rows of five entries, chained.
    fn rows() -> BTreeMap<u64, Vec<Row>> {
        let mut chain = CHAIN_START;
        (1..=5)
            .map(|seq| {
                let event = Event::Deliver { id: "a".to_owned(), racks: 1 };
                let body = serde_json::to_string(&Entry { seq, day: Day(20_000), event }).expect("it is written");
                chain = link(chain, &body);
                (seq, vec![Row { body, chain }])
            })
            .collect()
    }

    fn numbers(s: &Salvaged) -> Vec<u64> {
        s.entries.iter().map(|e| e.seq).collect()
    }

    #[test]
    fn rows_that_do_not_read_are_missing() {
        assert!(choose(rows()).missing.is_empty());
        // Damage inside a row: it is gone, and those after it still follow from its hash.
        let mut bad = rows();
        bad.get_mut(&3).expect("a row")[0].body = "{\"seq\":3,\"day\":\"2024-1".to_owned();
        let found = choose(bad);
        assert_eq!((numbers(&found), found.missing, found.uncertain), (vec![1, 2, 4, 5], vec![3], vec![]));
        // The last one, which no other row follows.
        let mut bad = rows();
        bad.get_mut(&5).expect("a row")[0].body.truncate(9);
        assert_eq!(choose(bad).missing, [5]);
        // A row that carries another number is not that row.
        let mut bad = rows();
        bad.get_mut(&2).expect("a row")[0].body = rows()[&4][0].body.clone();
        assert_eq!(choose(bad).missing, [2]);
        // Of two that cannot be confirmed, the one that reads is kept, and said to be uncertain.
        let mut two = rows();
        two.remove(&1);
        let list = two.get_mut(&2).expect("a row");
        list.insert(0, Row { body: "{".to_owned(), chain: list[0].chain });
        let found = choose(two);
        assert_eq!((numbers(&found), found.missing, found.uncertain), (vec![2, 3, 4, 5], vec![1], vec![2]));
    }
}
