//! What `orders list` says.

use secondsource_market::orders::{Book, Day, Order, State};
use serde::Serialize;

/// Which claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub states: Vec<State>,
    pub customer: Option<String>,
    pub chip: Option<String>,
    /// Who asks what can be promised: a class of the policy; without one its lowest.
    pub class: Option<String>,
}

/// A book as a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListAnswer {
    pub book: String,
    pub as_of: Day,
    pub entries: u64,
    pub last_entry: Option<Day>,
    pub claims: usize,
    /// Claims that have run out by that day without an entry that says so: they are expired and hold nothing.
    pub lapsed: Vec<String>,
    pub shown: Vec<Order>,
    pub products: Vec<ProductOut>,
}

/// What surely comes of a chip, and what is left.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductOut {
    pub chip: String,
    /// With at least this probability.
    pub confidence: f64,
    /// Who can be promised what is available: the class asked for, else the lowest of the policy.
    pub class: String,
    pub periods: Vec<PeriodOut>,
}

/// Chips up to the end of a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PeriodOut {
    pub period: String,
    pub from: Day,
    pub sure: f64,
    pub committed: f64,
    /// What that class can still be promised under the policy's rule; negative when more is committed than surely comes, null
    /// when the period is over.
    pub available: Option<f64>,
}

/// The table of a book as it stands on a day.
pub fn list(name: &str, book: &Book, asked: &Asked, today: Day) -> ListAnswer {
    let book = &*book.as_of(today);
    let wanted = |o: &&Order| {
        asked.states.contains(&o.state)
            && asked.customer.as_ref().is_none_or(|c| *c == o.customer)
            && asked.chip.as_ref().is_none_or(|c| *c == o.product)
    };
    let mut shown: Vec<Order> = book.orders().iter().filter(wanted).cloned().collect();
    shown.sort_by(|a, b| a.product.cmp(&b.product).then(a.complete().cmp(&b.complete())));
    let products = book.supply.iter().flat_map(|s| s.products.iter().map(move |p| (s, p)));
    let products = products.filter(|(_, p)| asked.chip.as_ref().is_none_or(|c| *c == p.product)).filter_map(|(s, p)| {
        let line = book.line(&p.product)?;
        let lowest = book.policy.classes.len().saturating_sub(1);
        let class = asked.class.as_ref().and_then(|c| book.policy.class(c)).unwrap_or(lowest);
        let free = line.free(&book.policy, class);
        let ends = line.edges().iter().skip(1);
        let periods = line.rooms().into_iter().zip(free).zip(ends).map(|((r, available), end)| PeriodOut {
            period: s.label(r.from),
            from: r.from,
            sure: r.sure,
            committed: r.due,
            available: (*end > today).then_some(available),
        });
        Some(ProductOut {
            chip: p.product.clone(),
            confidence: book.policy.confidence,
            class: book.policy.classes.get(class).map(|c| c.name.clone()).unwrap_or_default(),
            periods: periods.collect(),
        })
    });
    ListAnswer {
        book: name.to_owned(),
        as_of: today,
        entries: book.seq,
        last_entry: book.last,
        claims: book.orders().len(),
        lapsed: book.lapsed().map(|o| o.id.clone()).collect(),
        products: products.collect(),
        shown,
    }
}
