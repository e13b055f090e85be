//! The desk: a book at which claims are promised and accepted.

use super::book::{Book, Slip};
use super::capable::Capable;
use super::day::Day;
use super::entry::{Entry, Event};
use super::queue::{NEVER, Queue, With, quantile, told};
use super::record::{Order, Promised, Tranche};

/// A book with its queues, which are made when they are first needed.
#[derive(Debug, Clone)]
pub struct Desk {
    pub book: Book,
    queues: Option<Vec<(String, Queue)>>,
}

/// An answer to a buyer.
#[derive(Debug, Clone, PartialEq)]
pub struct Promise {
    /// Days for which racks would be set aside; words where there is no room.
    pub slots: Result<Vec<Tranche>, String>,
    pub told: Promised,
    /// Share of scenarios in which it comes within the stated supply.
    pub within: f64,
    /// Day and share of scenarios that have the last rack in service by then: at the first of each month.
    pub curve: Vec<(Day, f64)>,
    pub drivers: Drivers,
    /// How soon it could be had if more were made, where the supply names paths for that.
    pub capable: Option<Capable>,
    /// Racks ahead of it, in racks of its own kind: 10%, 50% and 90% of scenarios.
    pub ahead: (f64, f64, f64),
}

/// What a middle day is made of, in days. `None` where the middle lies beyond the stated supply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drivers {
    /// From the day that is wanted until the racks could have come with nobody else there.
    pub production: Option<i32>,
    /// More, because of those ahead.
    pub queue: Option<i32>,
    /// More, from the rack line to service.
    pub site: Option<i32>,
}

impl Desk {
    pub fn new(book: Book) -> Desk {
        Desk { book, queues: None }
    }

    fn queue(&mut self, product: &str) -> Option<&mut Queue> {
        if self.queues.is_none() {
            let d = self.book.deliveries().ok()?;
            let made = (0..d.products.len()).map(|p| (d.products[p].clone(), Queue::new(&self.book, &d, p)));
            self.queues = Some(made.collect());
        }
        self.queues.as_mut()?.iter_mut().find(|(name, _)| name == product).map(|(_, q)| q)
    }

    /// Lets the book stand on a day: what has run out by then holds nothing.
    pub fn look(&mut self, today: Day) {
        if self.book.advance(today) {
            self.queues = None;
        }
    }

    /// The days that a buyer would be told.
    fn quote(&mut self, o: &Order, slots: &[Tranche], today: Day) -> Option<Promised> {
        Some(told(&mut self.queue(&o.product)?.ask(o, slots, today, With::ALL)))
    }

    /// Drafts an event and applies it. A claim without an id gets the next one, and one that holds racks is told its days.
    ///
    /// # Errors
    /// As [`Book::draft`].
    pub fn enter(&mut self, day: Day, mut event: Event) -> Result<Entry, Slip> {
        if let Event::Accept { order } = &mut event
            && order.id.is_empty()
        {
            order.id = self.book.next_id();
        }
        self.look(day);
        let mut entry = self.book.draft(day, event)?;
        if let Event::Accept { order } = &mut entry.event
            && order.state.holds()
            && order.promised.is_none()
        {
            order.promised = self.quote(order, &order.slots.clone(), day);
        }
        self.apply(&entry)?;
        Ok(entry)
    }

    /// Applies an entry as it is.
    ///
    /// # Errors
    /// As [`Book::apply`].
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Slip> {
        self.book.apply(entry)?;
        match &entry.event {
            Event::Accept { order } => {
                let place = self.book.orders().len() - 1;
                if let Some((_, q)) = self.queues.as_mut().and_then(|all| all.iter_mut().find(|(name, _)| *name == order.product)) {
                    q.take(place, order);
                }
            }
            _ => self.queues = None,
        }
        Ok(())
    }

    /// What a buyer can be told, without entering anything.
    ///
    /// # Errors
    /// [`Slip::Wrong`] for a claim that could not be entered at all, or a chip without a stated supply.
    pub fn promise(&mut self, order: &Order, today: Day) -> Result<Promise, Slip> {
        order.check().and_then(|()| order.consistent(today)).map_err(Slip::Wrong)?;
        self.look(today);
        let slots = match self.book.slots(order, today) {
            Ok(slots) => Ok(slots),
            Err(Slip::NoRoom(words)) => Err(words),
            Err(wrong) => return Err(wrong),
        };
        let capable = self.book.capable(order, today)?;
        let Some(q) = self.queue(&order.product) else {
            return Err(Slip::Wrong(format!("no supply of {} is stated", order.product)));
        };
        let held: &[Tranche] = slots.as_deref().unwrap_or_default();
        let mut days = q.ask(order, held, today, With::ALL);
        let curve = share_curve(&days, order.wanted.max(today), q.ends().1);
        let within = days.iter().filter(|d| **d != NEVER).count() as f64 / days.len().max(1) as f64;
        let middle = |with: With| Some(quantile(&mut q.ask(order, held, today, with), 0.5)).filter(|d| *d != NEVER);
        let alone = middle(With { others: false, site: false });
        let queued = middle(With { others: true, site: false });
        let wanted = order.asked().last().map_or(order.wanted, |t| t.day).max(today).0;
        let told = told(&mut days);
        let drivers = Drivers {
            production: alone.map(|d| d - wanted),
            queue: queued.zip(alone).map(|(a, b)| a - b),
            site: told.p50.map(|d| d.0).zip(queued).map(|(a, b)| a - b),
        };
        let mut ahead = q.ahead_of(held.last().map(|t| t.day));
        ahead.sort_by(f64::total_cmp);
        let at = |share: f64| ahead.get(((share * ahead.len() as f64) as usize).min(ahead.len().saturating_sub(1))).copied().unwrap_or(0.0);
        let racks = |share: f64| at(share) / f64::from(order.chips_per_rack);
        Ok(Promise { slots, told, within, curve, drivers, capable, ahead: (racks(0.1), racks(0.5), racks(0.9)) })
    }

    /// Days of every claim that holds racks, by place in the book.
    pub fn arrivals(&mut self, today: Day) -> Vec<(usize, Promised)> {
        self.look(today);
        let products: Vec<String> = self.book.supply.iter().flat_map(|s| s.products.iter().map(|p| p.product.clone())).collect();
        let mut all = Vec::new();
        for p in products {
            self.queue(&p);
            let Some(queues) = &self.queues else { break };
            all.extend(queues.iter().filter(|(name, _)| *name == p).flat_map(|(_, q)| q.arrivals(&self.book, today)));
        }
        all.sort_by_key(|(place, _)| *place);
        all
    }
}

/// Share of days that have come by the first of each month, from the month after `from` to a year after it or the table at most.
pub fn share_curve(days: &[i32], from: Day, end: Day) -> Vec<(Day, f64)> {
    use crate::calendar::month_start;
    let n = days.len().max(1) as f64;
    let last = days.iter().copied().filter(|d| *d != NEVER).max().unwrap_or(from.0).min(end.max(from).0 + 366);
    let mut out = Vec::new();
    for month in 1.. {
        let first = Day::of(month_start(from.instant(), month));
        let come = days.iter().filter(|d| **d < first.0).count() as f64;
        out.push((first, come / n));
        if first.0 > last && first >= end {
            break;
        }
    }
    out
}
