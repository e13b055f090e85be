//! Sets of bytes of a storage, one bit a byte.

use crate::trace::Range;

#[derive(Debug, Clone, Default)]
pub(super) struct Bits {
    /// 64-bit words of one partition.
    words: usize,
    bits: Vec<u64>,
    rows: usize,
}

impl Bits {
    pub fn new(rows: usize, bytes: usize) -> Bits {
        let words = bytes.div_ceil(64);
        Bits { words, bits: vec![0; words * rows], rows }
    }

    /// Calls `f` with each word and mask of a range until it gives false; true when it never did.
    fn all(&mut self, r: &Range, mut f: impl FnMut(&mut u64, u64) -> bool) -> bool {
        for row in usize::from(r.first)..usize::from(r.last).min(self.rows) {
            let line = &mut self.bits[row * self.words..(row + 1) * self.words];
            let mut start = r.low;
            while start < r.high {
                let end = if r.period == 0 { r.high } else { start.saturating_add(r.run.max(1)).min(r.high) };
                let (mut bit, end) = (start as usize, (end as usize).min(line.len() * 64));
                while bit < end {
                    let (word, from) = (bit / 64, bit % 64);
                    let n = (64 - from).min(end - bit);
                    let mask = if n == 64 { u64::MAX } else { ((1 << n) - 1) << from };
                    if !f(&mut line[word], mask) {
                        return false;
                    }
                    bit += n;
                }
                if r.period == 0 {
                    break;
                }
                start = start.saturating_add(r.period);
            }
        }
        true
    }

    pub fn insert(&mut self, r: &Range) {
        self.all(r, |w, mask| {
            *w |= mask;
            true
        });
    }

    pub fn remove(&mut self, r: &Range) {
        self.all(r, |w, mask| {
            *w &= !mask;
            true
        });
    }

    /// Every byte of the range is in the set.
    pub fn contains(&mut self, r: &Range) -> bool {
        self.all(r, |w, mask| *w & mask == mask)
    }

    /// Some byte of the range is in the set.
    pub fn meets(&mut self, r: &Range) -> bool {
        !self.all(r, |w, mask| *w & mask == 0)
    }
}

/// Two ranges share a byte, exactly when both have the same period or none.
pub(super) fn overlap(a: &Range, b: &Range) -> bool {
    if a.storage != b.storage || a.first >= b.last || b.first >= a.last || a.low >= b.high || b.low >= a.high {
        return false;
    }
    match (a.period, b.period) {
        (p, q) if p == q && p > 0 => {
            // Runs on one lattice meet when their offsets do, around the lattice.
            let d = (i64::from(b.low) - i64::from(a.low)).rem_euclid(i64::from(p));
            d < i64::from(a.run) || d + i64::from(b.run) > i64::from(p)
        }
        (0, q) if q > 0 => one_run(a, b),
        (p, 0) if p > 0 => one_run(b, a),
        _ => true,
    }
}

/// A whole box against a periodic one.
fn one_run(whole: &Range, periodic: &Range) -> bool {
    let (p, low) = (i64::from(periodic.period), i64::from(periodic.low));
    let (from, to) = (i64::from(whole.low).max(low), i64::from(whole.high).min(i64::from(periodic.high)));
    let into = (from - low).rem_euclid(p);
    into < i64::from(periodic.run) || to - from > p - into
}
