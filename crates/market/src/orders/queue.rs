//! The queue for one chip in every scenario: what comes, who is ahead, and when each claim has its racks.
//!
//! Claims that hold racks stand by the period of their slot, those of one period in the order in which they came. A claim has
//! its racks on the day on which the supply reaches the chips of everybody ahead and its own, and in service some days later.

use rayon::prelude::*;

use super::behave::Behaviour;
use super::book::Book;
use super::day::Day;
use super::record::{Order, Promised, Tranche};
use crate::supply::Deliveries;

/// Not within the stated supply.
pub const NEVER: i32 = i32::MAX;
/// Parts of claims that are worked on together.
const CHUNK: usize = 1024;

/// Racks of a claim that stand together in the queue.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Part {
    /// Period of the slot; the number of periods where it lies behind the table.
    period: usize,
    /// Place of the claim in the book.
    place: usize,
    chips: f64,
    /// Chips of the same claim that come before.
    own: f64,
    wanted: Day,
}

/// The queue for one chip.
#[derive(Debug, Clone)]
pub struct Queue {
    edges: Vec<Day>,
    scenarios: usize,
    /// `[scenario][period]`: chips that have come by the end of the period.
    comes: Vec<f64>,
    /// Days from the rack line to service, by scenario.
    after: Vec<f32>,
    behaviour: Behaviour,
    /// Chips already handed over out of this supply.
    gone: f64,
    /// In the order of the queue, but for those that were taken since.
    parts: Vec<Part>,
    /// `[scenario][period]`, one period more than the table: chips ahead of whoever comes last in it.
    ahead: Vec<f64>,
    /// The same of offers: they stand before a question, but behind every claim that holds racks.
    offers: Vec<f64>,
}

impl Queue {
    /// The queue of a product of a book.
    pub fn new(book: &Book, d: &Deliveries, product: usize) -> Queue {
        let edges: Vec<Day> = (0..=d.periods).map(|t| Day::of(d.starts(t))).collect();
        let comes = (0..d.scenarios).flat_map(|s| d.cumulative(s, product)).collect();
        let after = (0..d.scenarios).map(|s| d.days_after(s, product) as f32).collect();
        let cells = d.scenarios * (d.periods + 1);
        let mut q = Queue {
            edges,
            scenarios: d.scenarios,
            comes,
            after,
            behaviour: Behaviour::new(&book.policy, d.scenarios),
            gone: 0.0,
            parts: Vec::new(),
            ahead: vec![0.0; cells],
            offers: vec![0.0; cells],
        };
        let (name, start) = (&d.products[product], q.edges[0]);
        let mut offers = Vec::new();
        for (place, o) in book.orders().iter().enumerate().filter(|(_, o)| o.product == *name) {
            let racks: u32 = o.delivered.iter().filter(|t| t.day >= start).map(|t| t.racks).sum();
            q.gone += f64::from(racks) * f64::from(o.chips_per_rack);
            if o.state.holds() {
                q.parts.extend(q.parts_of(place, o));
            } else if !o.state.ended() {
                offers.extend(q.parts_of(place, o));
            }
        }
        q.parts.sort_by_key(|p| (p.period, p.place));
        q.ahead = q.sums(book, &q.parts);
        q.offers = q.sums(book, &offers);
        q
    }

    fn periods(&self) -> usize {
        self.edges.len() - 1
    }

    fn period_of(&self, day: Day) -> usize {
        self.edges.partition_point(|e| *e <= day).saturating_sub(1)
    }

    fn parts_of(&self, place: usize, o: &Order) -> Vec<Part> {
        let asked = o.asked();
        let to_come = o.to_come();
        let first = asked.len().saturating_sub(to_come.len());
        let mut own = 0.0;
        let one = |(i, t): (usize, &Tranche)| {
            let chips = f64::from(t.racks) * f64::from(o.chips_per_rack);
            let wanted = asked.get(first + i).map_or(o.wanted, |a| a.day);
            let part = Part { period: self.period_of(t.day), place, chips, own, wanted };
            own += chips;
            part
        };
        to_come.iter().enumerate().map(one).collect()
    }

    /// Chips of parts by scenario, up to each period.
    fn sums(&self, book: &Book, parts: &[Part]) -> Vec<f64> {
        let width = self.periods() + 1;
        let of_chunk = |chunk: &[Part]| {
            let mut table = vec![0.0; self.scenarios * width];
            let mut factors = vec![0.0; self.scenarios];
            for p in chunk {
                self.behaviour.fill(p.place, &book.orders()[p.place], &mut factors);
                for (row, f) in table.chunks_mut(width).zip(&factors) {
                    row[p.period] += p.chips * f;
                }
            }
            table
        };
        // One table a chunk, added in the order of the chunks: the same sums on any number of threads.
        let mut sum = vec![0.0; self.scenarios * width];
        for group in parts.chunks(CHUNK * 16) {
            let tables: Vec<Vec<f64>> = group.par_chunks(CHUNK).map(of_chunk).collect();
            for table in tables {
                sum.iter_mut().zip(table).for_each(|(a, b)| *a += b);
            }
        }
        for row in sum.chunks_mut(width) {
            let mut total = 0.0;
            for v in row {
                total += *v;
                *v = total;
            }
        }
        sum
    }

    /// Adds a claim that has just been accepted as the last of the book.
    pub fn take(&mut self, place: usize, o: &Order) {
        if o.state.ended() {
            return;
        }
        let width = self.periods() + 1;
        let mut factors = vec![0.0; self.scenarios];
        self.behaviour.fill(place, o, &mut factors);
        let parts = self.parts_of(place, o);
        let table = if o.state.holds() { &mut self.ahead } else { &mut self.offers };
        for p in parts {
            for (row, f) in table.chunks_mut(width).zip(&factors) {
                row[p.period..].iter_mut().for_each(|v| *v += p.chips * f);
            }
            if o.state.holds() {
                self.parts.push(p);
            }
        }
    }

    /// Day on which the supply of a scenario reaches a level, [`NEVER`] if it does not. `near` is a period that is likely.
    fn reached(&self, s: usize, level: f64, near: &mut u32) -> i32 {
        let n = self.periods();
        let row = &self.comes[s * n..(s + 1) * n];
        let short = |t: usize| row[t] < level - 1e-6;
        let mut t = *near as usize;
        while t < n && short(t) {
            t += 1;
        }
        while t > 0 && !short(t - 1) {
            t -= 1;
        }
        *near = t as u32;
        if t == n {
            return NEVER;
        }
        let start = if t == 0 { 0.0 } else { row[t - 1] };
        let part = ((level - start) / (row[t] - start).max(1e-9)).clamp(0.0, 1.0);
        let length = f64::from(self.edges[t + 1].since(self.edges[t]));
        self.edges[t].0 + (length * part).min(length - 1.0) as i32
    }

    /// Days in service of the last rack of a claim that is not in the book, by scenario. `slots` say where it would stand;
    /// without them it stands behind everybody.
    pub fn ask(&self, o: &Order, slots: &[Tranche], today: Day, with: With) -> Vec<i32> {
        let width = self.periods() + 1;
        let per_rack = f64::from(o.chips_per_rack);
        let asked = o.asked();
        (0..self.scenarios)
            .map(|s| {
                let (mut last, mut own, mut near) = (0, 0.0, 0);
                for (i, t) in asked.iter().enumerate() {
                    let chips = f64::from(t.racks) * per_rack;
                    own += chips;
                    let period = slots.get(i).map_or(width - 1, |t| self.period_of(t.day));
                    // Parts of the same claim in earlier periods are ahead of this one.
                    let at = s * width + period;
                    let before = if with.others { self.gone + self.ahead[at] + self.offers[at] } else { 0.0 };
                    let day = self.reached(s, before + own, &mut near);
                    if day == NEVER {
                        return NEVER;
                    }
                    let wait = if with.site { self.after[s] as i32 } else { 0 };
                    last = last.max(day.max(t.day.0).max(today.0) + wait);
                }
                last
            })
            .collect()
    }

    /// Chips ahead of a claim with its last slot on a day (or behind everybody), by scenario.
    pub fn ahead_of(&self, slot: Option<Day>) -> Vec<f64> {
        let width = self.periods() + 1;
        let period = slot.map_or(width - 1, |d| self.period_of(d));
        (0..self.scenarios).map(|s| self.gone + self.ahead[s * width + period] + self.offers[s * width + period]).collect()
    }

    /// When every claim that holds racks has its last one in service: place in the book and days of 10%, 50% and 90% of
    /// scenarios, by rising place.
    pub fn arrivals(&self, book: &Book, today: Day) -> Vec<(usize, Promised)> {
        let mut parts = self.parts.clone();
        parts.sort_by_key(|p| (p.period, p.place));
        // Chips ahead of each chunk, by scenario.
        let sums: Vec<Vec<f64>> = parts
            .par_chunks(CHUNK)
            .map(|chunk| {
                let (mut sum, mut factors) = (vec![0.0; self.scenarios], vec![0.0; self.scenarios]);
                for p in chunk {
                    self.behaviour.fill(p.place, &book.orders()[p.place], &mut factors);
                    sum.iter_mut().zip(&factors).for_each(|(a, f)| *a += p.chips * f);
                }
                sum
            })
            .collect();
        let mut before = vec![vec![self.gone; self.scenarios]];
        for sum in &sums {
            let next = before.last().into_iter().flatten().zip(sum).map(|(a, b)| a + b).collect();
            before.push(next);
        }
        // Days of each claim by scenario; those of several parts meet at the end.
        let done: Vec<Vec<(usize, Vec<i32>)>> = parts
            .par_chunks(CHUNK)
            .zip(&before)
            .map(|(chunk, start)| {
                let (mut level, mut factors, mut near) = (start.clone(), vec![0.0; self.scenarios], vec![0; self.scenarios]);
                chunk
                    .iter()
                    .map(|p| {
                        let order = &book.orders()[p.place];
                        self.behaviour.fill(p.place, order, &mut factors);
                        let days = (0..self.scenarios).map(|s| {
                            // Its own chips count whole: it is told when it could have all of them.
                            let day = self.reached(s, level[s] + p.own * (1.0 - factors[s]) + p.chips, &mut near[s]);
                            level[s] += p.chips * factors[s];
                            if day == NEVER { NEVER } else { day.max(p.wanted.0).max(today.0) + self.after[s] as i32 }
                        });
                        (p.place, days.collect())
                    })
                    .collect()
            })
            .map(|chunk: Vec<(usize, Vec<i32>)>| shrink(chunk, book))
            .collect();
        let mut all: Vec<(usize, Vec<i32>)> = done.into_iter().flatten().collect();
        all.sort_by_key(|(place, _)| *place);
        let mut out: Vec<(usize, Promised)> = Vec::new();
        let mut i = 0;
        while i < all.len() {
            let place = all[i].0;
            let mut days = std::mem::take(&mut all[i].1);
            i += 1;
            while i < all.len() && all[i].0 == place {
                days.iter_mut().zip(&all[i].1).for_each(|(a, b)| *a = (*a).max(*b));
                i += 1;
            }
            out.push((place, told(&mut days)));
        }
        out
    }

    /// First and last day of the table.
    pub fn ends(&self) -> (Day, Day) {
        (self.edges[0], self.edges[self.edges.len() - 1])
    }
}

/// Claims of one part need no scenarios any more: three days stand for them (as a list that gives the same three).
fn shrink(chunk: Vec<(usize, Vec<i32>)>, book: &Book) -> Vec<(usize, Vec<i32>)> {
    let single = |place: usize| book.orders()[place].slots.len() <= 1;
    chunk.into_iter().map(|(place, mut days)| if single(place) { (place, three(&mut days).to_vec()) } else { (place, days) }).collect()
}

/// What counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct With {
    pub others: bool,
    pub site: bool,
}

impl With {
    pub const ALL: With = With { others: true, site: true };
}

/// The day by which a share of scenarios has it; reorders the days.
pub fn quantile(days: &mut [i32], share: f64) -> i32 {
    if days.is_empty() {
        return NEVER;
    }
    let rank = ((share * days.len() as f64).ceil() as usize).clamp(1, days.len()) - 1;
    *days.select_nth_unstable(rank).1
}

/// Days of 10%, 50% and 90%. Days that no book can name count as never.
pub fn told(days: &mut [i32]) -> Promised {
    let [p10, p50, p90] = three(days).map(|d| Some(Day(d)).filter(|d| d.is_readable()));
    Promised { p10, p50, p90 }
}

/// The quantiles of [`told`]: the outer ones are looked for on their side of the middle.
fn three(days: &mut [i32]) -> [i32; 3] {
    let n = days.len();
    if n == 0 {
        return [NEVER; 3];
    }
    let rank = |share: f64| ((share * n as f64).ceil() as usize).clamp(1, n) - 1;
    let [low, middle, high] = [0.1, 0.5, 0.9].map(rank);
    let p50 = *days.select_nth_unstable(middle).1;
    let p10 = if low < middle { *days[..middle].select_nth_unstable(low).1 } else { p50 };
    let p90 = if high > middle { *days[middle + 1..].select_nth_unstable(high - middle - 1).1 } else { p50 };
    [p10, p50, p90]
}
