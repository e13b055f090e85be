//! Pages of `orders`.

pub mod plan;
pub mod promise;
pub mod supply;

use super::Page;
use super::grid::Grid;
use super::numbers::thousands;
use secondsource::orders::{Entry, Event, ListAnswer, Order, State};

/// Chips with separators, a minus in front where it is one.
fn chips(v: f64) -> String {
    let text = thousands(v.abs().round() as u64);
    if v <= -0.5 { format!("-{text}") } else { text }
}

pub fn list(a: &ListAnswer, page: &Page) -> String {
    let last = a.last_entry.map_or(String::new(), |d| format!(", the last of {d}"));
    let count = |n: u64, one: &str, many: &str| format!("{} {}", thousands(n), if n == 1 { one } else { many });
    let (claims, entries) = (count(a.claims as u64, "claim", "claims"), count(a.entries, "entry", "entries"));
    let mut out = page.heading(&format!("{} · {claims} · {entries}{last}", a.book));
    let mut grid = Grid::new()
        .left("id")
        .left("customer")
        .named(2)
        .left("class")
        .dispensable(5)
        .left("system")
        .dispensable(3)
        .right("racks")
        .right("to come")
        .dispensable(4)
        .left("state")
        .left("wanted")
        .dispensable(1)
        .left("complete");
    for o in &a.shown {
        grid.row(vec![
            o.id.clone(),
            o.customer.clone(),
            o.class.clone(),
            o.system.clone(),
            thousands(o.racks.into()),
            if o.state.ended() { String::new() } else { thousands(o.outstanding_racks().into()) },
            o.state.name().to_owned(),
            o.wanted.to_string(),
            if o.slots.is_empty() { String::new() } else { o.complete().to_string() },
        ]);
    }
    if grid.is_empty() {
        out.push_str("No claim is in these states.\n");
    } else {
        out.push_str(&grid.render(page));
    }
    if !a.lapsed.is_empty() {
        let (what, hold) = if a.lapsed.len() == 1 { ("claim has", "holds") } else { ("claims have", "hold") };
        let first: Vec<&str> = a.lapsed.iter().take(8).map(String::as_str).collect();
        let more = if a.lapsed.len() > first.len() { format!(" and {} more", a.lapsed.len() - first.len()) } else { String::new() };
        let n = thousands(a.lapsed.len() as u64);
        let words = format!(
            "{n} {what} run out by {} and {hold} nothing: {}{more}; `orders set ID expired` enters that.",
            a.as_of,
            first.join(", ")
        );
        out.push_str(&page.hanging("Note: ", 6, &words));
    }
    for p in &a.products {
        out.push('\n');
        let sure = p.confidence * 100.0;
        out.push_str(&page.heading(&format!("{} · chips up to the end of each period, sure at {sure:.0}%", p.chip)));
        let mut grid = Grid::new().left("period").right("comes").right("committed").right(format!("can be promised to {}", p.class));
        for t in &p.periods {
            grid.row(vec![t.period.clone(), chips(t.sure), chips(t.committed), t.available.map_or("over".to_owned(), chips)]);
        }
        out.push_str(&grid.render(page));
    }
    out
}

pub fn accepted(o: &Order, page: &Page) -> String {
    let mut out = page.heading(&format!("{} · {} · {} of {} · {}", o.id, o.customer, racks(o.racks), o.system, o.state.name()));
    out.push_str(&page.field("wanted", &o.wanted.to_string()));
    if let [one] = o.slots.as_slice() {
        out.push_str(&page.field("slot", &one.day.to_string()));
    } else if !o.slots.is_empty() {
        let list: Vec<String> = o.slots.iter().map(|t| format!("{} on {}", thousands(t.racks.into()), t.day)).collect();
        out.push_str(&page.field("slots", &list.join(", ")));
    }
    if o.delivered_racks() > 0 {
        out.push_str(&page.field("to come", &racks(o.outstanding_racks())));
    }
    if let State::Superseded = o.state {
        out.push_str(&page.field("by", o.superseded_by.as_deref().unwrap_or_default()));
    }
    out
}

pub fn racks(n: u32) -> String {
    if n == 1 { "1 rack".to_owned() } else { format!("{} racks", thousands(n.into())) }
}

pub fn refused(why: &str, page: &Page) -> String {
    page.hanging("Nothing was entered: ", 4, why)
}

pub fn history(entries: &[Entry], page: &Page) -> String {
    let mut grid = Grid::new().right("entry").left("day").left("what").left("claim").left("words").wrapped(1);
    for e in entries {
        let words = match &e.event {
            Event::Policy { policy } => {
                let classes: Vec<&str> = policy.classes.iter().map(|c| c.name.as_str()).collect();
                format!("{}, sure at {:.0}%, classes {}", policy.rule.name(), policy.confidence * 100.0, classes.join(", "))
            }
            Event::Supply { supply } => {
                let chips: Vec<&str> = supply.products.iter().map(|p| p.product.as_str()).collect();
                format!("{}, {} periods from {}", chips.join(", "), supply.periods(), supply.start)
            }
            Event::Accept { order: o } => {
                format!(
                    "{}: {} {} of {} from {}, {}",
                    o.customer,
                    o.claim.name(),
                    racks(o.racks),
                    o.system,
                    o.asked()[0].day,
                    o.state.name()
                )
            }
            Event::Move { to, superseded_by, why, slots, expires, .. } => {
                let by = superseded_by.as_ref().map_or(String::new(), |b| format!(" by {b}"));
                let slot = slots.last().map_or(String::new(), |s| format!(", complete on {}", s.day));
                let slot = expires.map_or(slot.clone(), |d| format!("{slot}, held until {d}"));
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                format!("{}{by}{slot}{why}", to.name())
            }
            Event::Deliver { racks: n, .. } => format!("{} handed over", racks(*n)),
        };
        let id = e.event.id().unwrap_or_default();
        grid.row(vec![e.seq.to_string(), e.day.to_string(), e.event.name().to_owned(), id.to_owned(), words]);
    }
    if grid.is_empty() { "No entry.\n".to_owned() } else { grid.render(page) }
}
