//! The book: what its entries add up to, and what may be entered next.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::capable::{Capable, Path, capable};
use super::day::Day;
use super::entry::{Entry, Event, Policy};
use super::line::Line;
use super::record::{Order, Tranche};
use super::state::State;
use super::statement::Statement;
use crate::supply::Deliveries;

/// Why an entry cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slip {
    /// Something is wrong with the entry itself.
    Wrong(String),
    /// There is nothing wrong with it, but the racks are not there.
    NoRoom(String),
}

impl Slip {
    pub fn words(&self) -> &str {
        match self {
            Slip::Wrong(w) | Slip::NoRoom(w) => w,
        }
    }
}

fn wrong<T>(words: impl Into<String>) -> Result<T, Slip> {
    Err(Slip::Wrong(words.into()))
}

/// A book as its entries left it.
#[derive(Debug, Clone)]
pub struct Book {
    pub policy: Policy,
    pub supply: Option<Statement>,
    orders: Vec<Order>,
    by_id: BTreeMap<String, usize>,
    /// Entries so far.
    pub seq: u64,
    /// Day of the last entry.
    pub last: Option<Day>,
    /// Scenarios of the supply, drawn once for each statement and policy.
    drawn: Option<Arc<Deliveries>>,
    /// Sure supply and commitments by product of the statement.
    lines: Vec<Line>,
    /// Last days of claims that began as offers or held slots, with their places.
    last_days: BTreeSet<(Day, usize)>,
    /// Claims whose last day has passed though no entry says so, with the state that their entries left.
    lapsed: BTreeMap<usize, State>,
}

impl Book {
    /// A book without entries, under a policy that its entries may replace.
    pub fn new(policy: Policy) -> Book {
        Book {
            policy,
            supply: None,
            orders: Vec::new(),
            by_id: BTreeMap::new(),
            seq: 0,
            last: None,
            drawn: None,
            lines: Vec::new(),
            last_days: BTreeSet::new(),
            lapsed: BTreeMap::new(),
        }
    }

    /// The book as it stands on a day: offers and held slots whose last day has passed are expired and hold nothing, whether
    /// or not an entry says so.
    pub fn as_of(&self, today: Day) -> Cow<'_, Book> {
        let runs_out = |(day, at): &(Day, usize)| *day < today && self.orders[*at].may_run_out(*day);
        if !self.last_days.iter().take_while(|(day, _)| *day < today).any(runs_out) {
            return Cow::Borrowed(self);
        }
        let mut then = self.clone();
        then.advance(today);
        Cow::Owned(then)
    }

    /// Lets the book stand on a day, as [`Book::as_of`]; says whether anything ran out. It does not go back.
    pub fn advance(&mut self, today: Day) -> bool {
        let mut any = false;
        while let Some((day, at)) = self.last_days.first().filter(|(day, _)| *day < today).copied() {
            self.last_days.pop_first();
            let state = self.orders[at].state;
            if self.orders[at].may_run_out(day) {
                self.count(at, -1.0);
                self.orders[at].state = State::Expired;
                self.lapsed.insert(at, state);
                any = true;
            }
        }
        any
    }

    /// Claims that have run out without an entry that says so, in the order in which they came.
    pub fn lapsed(&self) -> impl Iterator<Item = &Order> {
        self.lapsed.keys().map(|at| &self.orders[*at])
    }

    /// The state that a claim's entries left.
    fn entered(&self, at: usize) -> State {
        self.lapsed.get(&at).copied().unwrap_or(self.orders[at].state)
    }

    /// All claims, in the order in which they came.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    pub fn order(&self, id: &str) -> Option<&Order> {
        self.by_id.get(id).map(|i| &self.orders[*i])
    }

    /// Place of a claim in [`Book::orders`].
    pub fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// What can be promised of a product.
    pub fn line(&self, product: &str) -> Option<&Line> {
        let at = self.supply.as_ref()?.products.iter().position(|p| p.product == product)?;
        self.lines.get(at)
    }

    /// The next free id of the form `A-1`.
    pub fn next_id(&self) -> String {
        let mut n = self.orders.len() as u64 + 1;
        while self.by_id.contains_key(&format!("A-{n}")) {
            n += 1;
        }
        format!("A-{n}")
    }

    /// The first days on which a claim could be kept without hurting those that are in the book, not before it is wanted
    /// nor before `today`: one for each part of its ramp, each as if the parts before it were taken.
    ///
    /// # Errors
    /// [`Slip::NoRoom`] when the supply has none for one of them.
    pub fn slots(&self, order: &Order, today: Day) -> Result<Vec<Tranche>, Slip> {
        let (line, class) = self.line_of(order)?;
        let mut line = line.clone();
        let mut slots: Vec<Tranche> = Vec::new();
        for t in order.asked() {
            let chips = f64::from(t.racks) * f64::from(order.chips_per_rack);
            let wanted = t.day.max(order.wanted).max(today).max(slots.last().map_or(today, |s| s.day));
            let Some(day) = line.slot(&self.policy, class, chips, wanted) else {
                return Err(Slip::NoRoom(short(order, t, &line, &self.policy, class)));
            };
            line.take(class, day, chips);
            slots.push(Tranche { day, racks: t.racks });
        }
        Ok(slots)
    }

    /// How soon a claim could be had whole with what the paths of the supply can make besides; `None` without paths, or
    /// where they cannot.
    ///
    /// # Errors
    /// [`Slip::Wrong`] from the solver.
    pub fn capable(&self, order: &Order, today: Day) -> Result<Option<Capable>, Slip> {
        let Some(supply) = &self.supply else { return Ok(None) };
        let paths: Vec<&Path> = supply.paths.iter().filter(|p| p.product == order.product).collect();
        let Ok((line, class)) = self.line_of(order) else { return Ok(None) };
        if paths.is_empty() {
            return Ok(None);
        }
        let free = line.free(&self.policy, class);
        capable(line, &free, &supply.resources, &paths, order, today).map_err(Slip::Wrong)
    }

    fn line_of(&self, order: &Order) -> Result<(&Line, usize), Slip> {
        let Some(class) = self.policy.class(&order.class) else {
            return wrong(format!("there is no class `{}`", order.class));
        };
        match self.line(&order.product) {
            Some(line) => Ok((line, class)),
            None => Err(Slip::NoRoom(format!("no supply of {} is stated", order.product))),
        }
    }

    /// Whether a claim fits with the slots that it names.
    fn fits(&self, order: &Order) -> Result<(), Slip> {
        let (line, class) = self.line_of(order)?;
        let mut line = line.clone();
        for t in order.to_come() {
            let chips = f64::from(t.racks) * f64::from(order.chips_per_rack);
            match line.period_of(t.day).map(|p| line.free(&self.policy, class)[p]) {
                Some(free) if free >= chips - 1e-6 => line.take(class, t.day, chips),
                Some(free) => {
                    let racks = (free / f64::from(order.chips_per_rack)).max(0.0).floor();
                    let due = if t.racks == 1 { "1 rack is".to_owned() } else { format!("{} racks are", grouped(t.racks)) };
                    return Err(Slip::NoRoom(format!("{due} due on {}, but {racks} can be promised by then", t.day)));
                }
                None => return Err(Slip::NoRoom(format!("{} lies beyond the stated supply", t.day))),
            }
        }
        Ok(())
    }

    /// Checks an event and makes the entry of it that may be appended: slots are filled in, and nothing is promised that
    /// is not there. The entry still has to be [applied](Book::apply). The book is left [as of](Book::advance) that day.
    ///
    /// # Errors
    /// What is wrong, or that there is no room.
    pub fn draft(&mut self, day: Day, mut event: Event) -> Result<Entry, Slip> {
        self.advance(day);
        match &mut event {
            Event::Accept { order } => {
                if order.placed > day {
                    return wrong(format!("claim `{}` is placed on {}, after {day}, the day of the entry", order.id, order.placed));
                }
                order.check().and_then(|()| order.consistent(day)).map_err(Slip::Wrong)?;
                if order.state.holds() {
                    if order.slots.is_empty() {
                        order.slots = self.slots(order, day)?;
                    } else {
                        self.fits(order)?;
                    }
                }
            }
            Event::Move { id, to, slots, expires, .. } if to.holds() => {
                let order = self.known(id)?;
                if let (Some(last), true) = (order.expires, self.place(id).is_some_and(|at| self.lapsed.contains_key(&at))) {
                    return wrong(format!("`{id}` expired on {last}: nothing is held for it any more; enter it as a new claim"));
                }
                if order.state.next().contains(to) {
                    let then = Order { state: *to, slots: slots.clone(), expires: expires.or(order.expires), ..order.clone() };
                    then.check().and_then(|()| then.consistent(day)).map_err(Slip::Wrong)?;
                }
                if !order.state.holds() && slots.is_empty() {
                    *slots = self.slots(order, day)?;
                } else if !order.state.holds() {
                    self.fits(&Order { slots: slots.clone(), ..order.clone() })?;
                }
            }
            _ => {}
        }
        let entry = Entry { seq: self.seq + 1, day, event };
        self.check(&entry)?;
        Ok(entry)
    }

    fn known(&self, id: &str) -> Result<&Order, Slip> {
        self.order(id).map_or_else(|| wrong(format!("there is no claim `{id}` in this book")), Ok)
    }

    /// Whether an entry may follow what is here. Room is not looked at: a history is what happened.
    fn check(&self, entry: &Entry) -> Result<(), Slip> {
        if entry.seq != self.seq + 1 {
            return wrong(format!("entry {} follows entry {}", entry.seq, self.seq));
        }
        if !entry.day.is_readable() {
            return wrong(format!("{} is no day of a book: they are from {} to {}", entry.day, Day::FIRST, Day::LAST));
        }
        if let Some(last) = self.last.filter(|l| *l > entry.day) {
            return wrong(format!("{} is before {last}, the day of the last entry", entry.day));
        }
        match &entry.event {
            Event::Policy { policy } => {
                policy.check().map_err(Slip::Wrong)?;
                // What has run out without an entry counts as open: the same entries must follow on any day.
                let lost = (0..self.orders.len()).find(|at| !self.entered(*at).ended() && policy.class(&self.orders[*at].class).is_none());
                let told = |o: &Order| wrong(format!("claim `{}` is of class `{}`, which the policy leaves out", o.id, o.class));
                lost.map_or(Ok(()), |at| told(&self.orders[at]))
            }
            Event::Supply { supply } => supply.check().map_err(Slip::Wrong),
            Event::Accept { order } => {
                order.check().map_err(Slip::Wrong)?;
                if self.by_id.contains_key(&order.id) {
                    return wrong(format!("there is already a claim `{}`", order.id));
                }
                if self.policy.class(&order.class).is_none() {
                    return wrong(format!("there is no class `{}`", order.class));
                }
                if order.state.holds() && order.slots.is_empty() {
                    return wrong(format!("claim `{}` holds racks but has no slot", order.id));
                }
                Ok(())
            }
            Event::Move { id, to, superseded_by, slots, expires, .. } => {
                let order = self.known(id)?;
                let state = self.place(id).map_or(order.state, |at| self.entered(at));
                if !state.next().contains(to) {
                    let next: Vec<&str> = state.next().iter().map(|s| s.name()).collect();
                    let may = if next.is_empty() { "nothing".to_owned() } else { next.join(", ") };
                    return wrong(format!("`{id}` is {}, which {} cannot follow; {may} can", state.name(), to.name()));
                }
                if *to == State::Exhausted && order.outstanding_racks() > 0 {
                    return wrong(format!("`{id}` has {} racks to come: deliver or cancel them", order.outstanding_racks()));
                }
                if to.holds() && order.slots.is_empty() && slots.is_empty() {
                    return wrong(format!("claim `{id}` would hold racks without a slot"));
                }
                if expires.is_some() && *to != State::Pending {
                    return wrong("only a pending claim has a last day of its own");
                }
                Order { slots: slots.clone(), expires: expires.or(order.expires), ..order.clone() }.check().map_err(Slip::Wrong)?;
                match (to, superseded_by) {
                    (State::Superseded, Some(other)) if other != id => self.known(other).map(|_| ()),
                    (State::Superseded, _) => wrong(format!("`{id}` is superseded by which other claim?")),
                    (_, Some(_)) => wrong("only a superseded claim names another"),
                    (_, None) => Ok(()),
                }
            }
            Event::Deliver { id, racks } => {
                let order = self.known(id)?;
                if order.state != State::Active {
                    return wrong(format!("`{id}` is {}; only active claims are delivered", order.state.name()));
                }
                if *racks == 0 || *racks > order.outstanding_racks() {
                    return wrong(format!("`{id}` has {} racks to come, not {racks}", order.outstanding_racks()));
                }
                Ok(())
            }
        }
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// When it does not follow from what is here; the book is then as it was.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Slip> {
        self.check(entry)?;
        match &entry.event {
            Event::Policy { policy } => {
                self.policy = policy.clone();
                self.recount()?;
            }
            Event::Supply { supply } => {
                self.supply = Some(supply.clone());
                self.recount()?;
            }
            Event::Accept { order } => {
                self.by_id.insert(order.id.clone(), self.orders.len());
                self.orders.push((**order).clone());
                let at = self.orders.len() - 1;
                self.count(at, 1.0);
                self.watch(at);
            }
            Event::Move { id, to, superseded_by, slots, expires, .. } => self.change(id, |o| {
                o.state = *to;
                o.expires = expires.or(o.expires);
                o.superseded_by.clone_from(superseded_by);
                if !slots.is_empty() {
                    o.slots.clone_from(slots);
                }
            }),
            Event::Deliver { id, racks } => self.change(id, |o| {
                o.delivered.push(Tranche { day: entry.day, racks: *racks });
                if o.outstanding_racks() == 0 {
                    o.state = State::Exhausted;
                }
            }),
        }
        (self.seq, self.last) = (entry.seq, Some(entry.day));
        Ok(())
    }

    fn change(&mut self, id: &str, with: impl FnOnce(&mut Order)) {
        if let Some(at) = self.place(id) {
            self.count(at, -1.0);
            // What an entry says holds, whatever day the book has been looked at from.
            if let Some(state) = self.lapsed.remove(&at) {
                self.orders[at].state = state;
            }
            with(&mut self.orders[at]);
            self.count(at, 1.0);
            self.watch(at);
        }
    }

    /// Remembers the last day of a claim that may run out.
    fn watch(&mut self, at: usize) {
        let o = &self.orders[at];
        if let Some(day) = o.expires.filter(|day| o.may_run_out(*day)) {
            self.last_days.insert((day, at));
        }
    }

    /// Scenarios of the stated supply.
    ///
    /// # Errors
    /// Words when none is stated.
    pub fn deliveries(&self) -> Result<Arc<Deliveries>, String> {
        self.supply.as_ref().and(self.drawn.clone()).ok_or_else(|| "no supply is stated".to_owned())
    }

    /// Lines of a statement and its scenarios: for each period the cumulative supply that the policy's confidence leaves.
    fn recount(&mut self) -> Result<(), Slip> {
        let Some(supply) = &self.supply else { return Ok(()) };
        let d = Arc::new(supply.deliveries(self.policy.scenarios as usize, self.policy.seed).map_err(Slip::Wrong)?);
        self.lines = (0..d.products.len()).map(|p| Line::sure(&d, p, self.policy.confidence, self.policy.classes.len())).collect();
        self.drawn = Some(d);
        for at in 0..self.orders.len() {
            self.count(at, 1.0);
        }
        Ok(())
    }

    /// Adds a claim to its line, or takes it off. What was delivered before the statement starts is no longer in it.
    fn count(&mut self, at: usize, sign: f64) {
        let o = &self.orders[at];
        let (Some(supply), Some(class)) = (&self.supply, self.policy.class(&o.class)) else { return };
        let Some(line) = supply.products.iter().position(|p| p.product == o.product).and_then(|p| self.lines.get_mut(p)) else { return };
        let chips = |racks: u32| sign * f64::from(racks) * f64::from(o.chips_per_rack);
        for t in o.delivered.iter().filter(|t| t.day >= supply.start) {
            line.take(class, t.day, chips(t.racks));
        }
        if o.state.holds() {
            for t in o.to_come() {
                line.take(class, t.day, chips(t.racks));
            }
        }
    }
}

/// `9,000`.
pub fn grouped(n: u32) -> String {
    let digits = n.to_string();
    let head = digits.len() % 3;
    let mut out = digits[..head].to_owned();
    for (i, c) in digits[head..].char_indices() {
        if i % 3 == 0 && !out.is_empty() {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Why a part of a claim has no slot.
fn short(order: &Order, part: Tranche, line: &Line, policy: &Policy, class: usize) -> String {
    let end = line.edges().last().map_or(String::new(), |e| format!(" before {e}, the end of the stated supply"));
    let free = line.free(policy, class).last().copied().unwrap_or(0.0).max(0.0);
    let racks = grouped((free / f64::from(order.chips_per_rack)).floor() as u32);
    let asked = if part.racks == 1 { "1 rack is".to_owned() } else { format!("{} racks are", grouped(part.racks)) };
    format!("{asked} asked for, of {}, from {}, and {racks} can still be promised{end}", order.system, part.day)
}
