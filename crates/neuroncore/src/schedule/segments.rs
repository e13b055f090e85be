//! Who last read and wrote each byte of a storage: disjoint byte intervals, each with its recent accesses.

use crate::trace::Range;

/// One access that a later one may have to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    pub instr: u32,
    pub stream: u16,
    pub write: bool,
    first: u8,
    last: u8,
    /// Bytes `lo..hi` of every `period`; 0: all.
    period: u32,
    lo: u32,
    hi: u32,
}

impl Access {
    pub fn new(range: &Range, instr: u32, stream: u16, write: bool) -> (Access, u32, u32) {
        let (mut period, mut lo, mut hi) = (range.period, 0, 0);
        let (mut low, mut high) = (range.low, range.high.max(range.low));
        if period > 0 {
            lo = low % period;
            hi = lo.saturating_add(range.run);
            if hi > period {
                // A run that crosses the grid: taken as all of it.
                period = 0;
            } else {
                low -= lo;
                high = (high - 1 - (high - 1) % period).saturating_add(period);
            }
        }
        let last = range.last.max(range.first);
        (Access { instr, stream, write, first: range.first, last, period, lo, hi }, low, high)
    }

    fn meets(&self, other: &Access) -> bool {
        let partitions = self.first < other.last && other.first < self.last;
        let strided = self.period > 0 && self.period == other.period;
        partitions && !(strided && (self.hi <= other.lo || other.hi <= self.lo))
    }

    /// True when every byte of `other` in a shared interval is a byte of this one.
    fn covers(&self, other: &Access) -> bool {
        let partitions = self.first <= other.first && other.last <= self.last;
        partitions && (self.period == 0 || (self.period == other.period && self.lo <= other.lo && other.hi <= self.hi))
    }

    fn same_box(&self, other: &Access) -> bool {
        (self.first, self.last, self.period, self.lo, self.hi) == (other.first, other.last, other.period, other.lo, other.hi)
    }
}

#[derive(Debug, Clone)]
struct Segment {
    low: u32,
    high: u32,
    recent: Vec<Access>,
}

/// More than this many accesses of one interval are merged, stream by stream.
const MOST: usize = 48;

/// Accesses of one storage.
#[derive(Debug, Clone, Default)]
pub(super) struct Segments {
    list: Vec<Segment>,
}

impl Segments {
    /// Records an access of `low..high` and calls `found` for every earlier one that overlaps and is not a read beside a read. `all`: streams
    /// may start out of order, so that no read stands for another.
    pub fn touch(&mut self, access: Access, low: u32, high: u32, all: bool, mut found: impl FnMut(&Access)) {
        if low >= high {
            return;
        }
        let from = self.cut(low);
        let mut at = from;
        let mut position = low;
        while position < high {
            match self.list.get(at) {
                Some(s) if s.low == position => {
                    if s.high > high {
                        self.split(at, high);
                    }
                }
                next => {
                    let until = next.map_or(high, |s| s.low.min(high));
                    self.list.insert(at, Segment { low: position, high: until, recent: Vec::new() });
                }
            }
            let s = &mut self.list[at];
            for e in &s.recent {
                if (access.write || e.write) && e.meets(&access) {
                    found(e);
                }
            }
            record(&mut s.recent, access, all);
            position = s.high;
            at += 1;
        }
        // A write that replaced everything leaves one interval.
        if access.write && at - from > 1 && self.list[from..at].iter().all(|s| s.recent.len() == 1) {
            self.list[from].high = self.list[at - 1].high;
            self.list.drain(from + 1..at);
        }
    }

    /// Every access that a user of the same memory must wait for.
    pub fn drain(self) -> impl Iterator<Item = Access> {
        self.list.into_iter().flat_map(|s| s.recent)
    }

    /// Makes `low` a boundary; returns the first interval at or above it.
    fn cut(&mut self, low: u32) -> usize {
        let at = self.list.partition_point(|s| s.high <= low);
        if self.list.get(at).is_some_and(|s| s.low < low) {
            self.split(at, low);
            return at + 1;
        }
        at
    }

    fn split(&mut self, at: usize, middle: u32) {
        let mut upper = self.list[at].clone();
        upper.low = middle;
        self.list[at].high = middle;
        self.list.insert(at + 1, upper);
    }
}

fn record(recent: &mut Vec<Access>, access: Access, all: bool) {
    if access.write {
        recent.retain(|e| !access.covers(e));
    } else if !all && let Some(e) = recent.iter_mut().find(|e| !e.write && e.stream == access.stream && e.same_box(&access)) {
        // Streams run in order: the later read of a stream stands for the earlier.
        e.instr = access.instr;
        return;
    }
    if recent.len() >= MOST {
        merge(recent);
    }
    recent.push(access);
}

/// Keeps the latest read and write of each stream, over all the bytes that any of them touched.
fn merge(recent: &mut Vec<Access>) {
    let mut kept: Vec<Access> = Vec::new();
    for e in recent.drain(..) {
        match kept.iter_mut().find(|k| (k.stream, k.write) == (e.stream, e.write)) {
            Some(k) => {
                k.instr = k.instr.max(e.instr);
                k.first = k.first.min(e.first);
                k.last = k.last.max(e.last);
                if k.period != e.period {
                    k.period = 0;
                }
                k.lo = k.lo.min(e.lo);
                k.hi = k.hi.max(e.hi);
            }
            None => kept.push(e),
        }
    }
    *recent = kept;
}
