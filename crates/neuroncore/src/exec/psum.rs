//! What wrote each word of a PSUM tensor: it decides whether a matmul may accumulate.

use crate::access::Access;
use crate::machine::Machine;
use crate::trace::Range;

/// One bit for each 4 bytes of a PSUM tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PsumState {
    words: usize,
    by_matmul: Vec<u64>,
    by_others: Vec<u64>,
}

/// What stands in the memory that a matmul is about to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Found {
    pub matmul: bool,
    pub others: bool,
    pub nothing: bool,
}

impl PsumState {
    pub fn new(rows: u32, row_bytes: u32) -> PsumState {
        let words = (row_bytes as usize / 4).div_ceil(64).max(1);
        let bits = vec![0; words * rows as usize];
        PsumState { words, by_matmul: bits.clone(), by_others: bits }
    }

    /// Calls `f` with the index of a word and its mask, for rows `first..last` and bytes `low..high` of each.
    fn each(&self, first: usize, last: usize, low: usize, high: usize, mut f: impl FnMut(usize, u64)) {
        let (low, high) = (low / 4, high.div_ceil(4));
        for row in first..last {
            let mut bit = low;
            while bit < high {
                let word = bit / 64;
                let end = high.min((word + 1) * 64);
                let n = end - bit;
                let mask = if n == 64 { u64::MAX } else { ((1 << n) - 1) << (bit % 64) };
                if word < self.words && (row + 1) * self.words <= self.by_matmul.len() {
                    f(row * self.words + word, mask);
                }
                bit = end;
            }
        }
    }
}

fn window(m: &Machine, access: &Access) -> Option<(usize, usize, usize, usize)> {
    let t = m.tensors.get(access.tensor.0 as usize)?;
    let first = access.partition.checked_sub(t.first_partition)? as usize;
    let low = access.low.checked_sub(t.first_byte)? as usize;
    Some((first, first + access.partitions as usize, low, low + (access.high - access.low) as usize))
}

/// What the bytes of a matmul's destination hold (a box around a strided one).
pub(crate) fn look(m: &Machine, access: &Access) -> Found {
    let mut found = Found::default();
    let (Some((first, last, low, high)), Some(state)) = (window(m, access), m.psum.get(&access.tensor.0)) else {
        return found;
    };
    state.each(first, last, low, high, |i, mask| {
        let (a, b) = (state.by_matmul[i] & mask, state.by_others[i] & mask);
        found.matmul |= a != 0;
        found.others |= b != 0;
        found.nothing |= (a | b) != mask;
    });
    found
}

/// The destination now holds a matmul's result.
pub(crate) fn written_by_matmul(m: &mut Machine, access: &Access) {
    let Some((first, last, low, high)) = window(m, access) else { return };
    let Some(mut state) = m.psum.remove(&access.tensor.0) else { return };
    let mut hits = Vec::new();
    state.each(first, last, low, high, |i, mask| hits.push((i, mask)));
    for (i, mask) in hits {
        state.by_matmul[i] |= mask;
        state.by_others[i] &= !mask;
    }
    m.psum.insert(access.tensor.0, state);
}

/// Something else than a matmul wrote a range.
pub(crate) fn written_by_others(m: &mut Machine, range: &Range) {
    let Some(mut state) = m.psum.remove(&range.tensor.0) else { return };
    if let Some(t) = m.tensors.get(range.tensor.0 as usize) {
        let first = u32::from(range.first).saturating_sub(t.first_partition) as usize;
        let last = u32::from(range.last).saturating_sub(t.first_partition) as usize;
        let (low, high) = (range.low.saturating_sub(t.first_byte) as usize, range.high.saturating_sub(t.first_byte) as usize);
        let mut hits = Vec::new();
        state.each(first, last, low, high, |i, mask| hits.push((i, mask)));
        for (i, mask) in hits {
            state.by_others[i] |= mask;
            state.by_matmul[i] &= !mask;
        }
    }
    m.psum.insert(range.tensor.0, state);
}
