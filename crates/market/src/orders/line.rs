//! Available to promise: the supply that surely comes, less what is committed, such that no earlier commitment is hurt.
//!
//! With sure cumulative supply Q(t) and cumulative commitments D(t) by period, what a new claim may take from t on is
//! A(t) = min over u >= t of Q(u) - D(u).

use super::day::Day;
use super::entry::{Policy, Rule};

/// Sure supply and commitments of one product, in chips.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// First day of each period, and the day after the last one.
    edges: Vec<Day>,
    /// Sure supply up to the end of each period.
    sure: Vec<f64>,
    /// `[class][period]`: chips due up to the end of the period.
    due: Vec<Vec<f64>>,
}

/// One period of a line as a table shows it, chips up to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Room {
    pub from: Day,
    pub sure: f64,
    pub due: f64,
    /// Negative when more is committed than surely comes.
    pub free: f64,
}

impl Line {
    /// `sure` is cumulative and does not fall; there is one more edge than periods.
    pub fn new(edges: Vec<Day>, sure: Vec<f64>, classes: usize) -> Line {
        debug_assert_eq!(edges.len(), sure.len() + 1);
        let due = vec![vec![0.0; sure.len()]; classes];
        Line { edges, sure, due }
    }

    pub fn periods(&self) -> usize {
        self.sure.len()
    }

    pub fn edges(&self) -> &[Day] {
        &self.edges
    }

    /// Period of a day; days before the table count as its first period, days after it as none.
    pub fn period_of(&self, day: Day) -> Option<usize> {
        if self.edges.last().is_none_or(|end| day >= *end) {
            return None;
        }
        Some(self.edges.partition_point(|e| *e <= day).saturating_sub(1))
    }

    /// Commits chips of a class from a day on; negative chips release them. Nothing happens past the end of the table.
    pub fn take(&mut self, class: usize, day: Day, chips: f64) {
        if let (Some(t), Some(due)) = (self.period_of(day), self.due.get_mut(class)) {
            due[t..].iter_mut().for_each(|d| *d += chips);
        }
    }

    fn committed(&self, t: usize) -> f64 {
        self.due.iter().map(|d| d[t]).sum()
    }

    /// Chips at the end of period `t` that are kept for the classes above.
    fn kept(&self, policy: &Policy, class: usize, t: usize) -> f64 {
        if policy.rule != Rule::Protected {
            return 0.0;
        }
        let above = policy.classes.iter().zip(&self.due).take(class);
        above.map(|(c, due)| (c.share * self.sure[t] - due[t]).max(0.0)).sum()
    }

    /// Share of what is left that a class may take.
    fn part(policy: &Policy, class: usize) -> f64 {
        match policy.rule {
            Rule::ShareOfRest => policy.classes.get(class).map_or(0.0, |c| c.share),
            Rule::FirstCome | Rule::Protected => 1.0,
        }
    }

    /// Chips that a class can still be promised from each period on.
    pub fn free(&self, policy: &Policy, class: usize) -> Vec<f64> {
        let mut least = f64::INFINITY;
        let mut free: Vec<f64> = (0..self.periods()).map(|t| self.sure[t] - self.committed(t) - self.kept(policy, class, t)).collect();
        for f in free.iter_mut().rev() {
            least = least.min(*f);
            *f = least;
        }
        let part = Line::part(policy, class);
        // A debt is nobody's share: it stays whole.
        free.iter_mut().filter(|f| **f > 0.0).for_each(|f| *f *= part);
        free
    }

    /// First day, not before `wanted`, on which a class can be promised so many chips; `None` when the table has none.
    ///
    /// Racks come at a steady pace within a period, and everything that is already due in the same period goes first.
    pub fn slot(&self, policy: &Policy, class: usize, chips: f64, wanted: Day) -> Option<Day> {
        let from = self.period_of(wanted)?;
        let free = self.free(policy, class);
        let t = (from..self.periods()).find(|t| free[*t] >= chips - 1e-6)?;
        let part = Line::part(policy, class).max(1e-12);
        let level = self.committed(t) + self.kept(policy, class, t) + chips / part;
        let (first, last) = (self.edges[t], Day(self.edges[t + 1].0 - 1));
        Some(self.reached(level).unwrap_or(last).clamp(first, last).max(wanted))
    }

    /// Day on which the sure supply reaches a level.
    fn reached(&self, level: f64) -> Option<Day> {
        let t = self.sure.partition_point(|q| *q < level - 1e-6);
        let end = *self.sure.get(t)?;
        let start = if t == 0 { 0.0 } else { self.sure[t - 1] };
        let part = if end > start { ((level - start) / (end - start)).clamp(0.0, 1.0) } else { 0.0 };
        Some(Day(self.edges[t].0 + (f64::from(self.edges[t + 1].since(self.edges[t])) * part) as i32))
    }

    /// The table, without regard to classes.
    pub fn rooms(&self) -> Vec<Room> {
        let mut rooms: Vec<Room> = (0..self.periods())
            .map(|t| Room { from: self.edges[t], sure: self.sure[t], due: self.committed(t), free: self.sure[t] - self.committed(t) })
            .collect();
        let mut least = f64::INFINITY;
        for r in rooms.iter_mut().rev() {
            least = least.min(r.free);
            r.free = least;
        }
        rooms
    }
}

impl Line {
    /// The line of a product of simulated supply: at the end of each period the cumulative chips that come at least with
    /// probability `confidence`.
    pub fn sure(d: &crate::supply::Deliveries, product: usize, confidence: f64, classes: usize) -> Line {
        let edges = (0..=d.periods).map(|t| Day::of(d.starts(t))).collect();
        let mut table = vec![0.0; d.scenarios * d.periods];
        for s in 0..d.scenarios {
            for (t, chips) in d.cumulative(s, product).enumerate() {
                table[t * d.scenarios + s] = chips;
            }
        }
        let rank = (((1.0 - confidence) * d.scenarios as f64).ceil() as usize).clamp(1, d.scenarios) - 1;
        let sure = table.chunks_mut(d.scenarios).map(|column| *column.select_nth_unstable_by(rank, f64::total_cmp).1);
        Line::new(edges, sure.collect(), classes)
    }
}
