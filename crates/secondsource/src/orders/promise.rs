//! What a buyer is told, and what becomes of what buyers were told.

use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_emit::arrival;
use secondsource_market::orders::{
    Book, Capable, Day, Desk, Drivers, NEVER, Order, Promised, Shift, Slip, Statement, Taken, Tranche, grouped, share_curve, shifts,
    statuses,
};
use serde::Serialize;

/// Answer of `promise`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromiseAnswer {
    /// The book that was asked; null: none.
    pub book: Option<String>,
    pub as_of: Day,
    pub system: String,
    pub chip: String,
    pub racks: u32,
    pub chips: f64,
    /// Null without a book, as are `has_room` and `confidence`.
    pub class: Option<String>,
    pub wanted: Day,
    /// Day from which the last part of a ramp is wanted, and the wait counts; without a ramp that of `wanted`.
    pub wait_from: Day,
    /// Whether racks could be set aside now.
    pub has_room: Option<bool>,
    /// Days for which they would be; empty without room.
    pub slots: Vec<Tranche>,
    /// Why there is none.
    pub why: Option<String>,
    /// With this probability the supply that a slot stands on comes.
    pub confidence: Option<f64>,
    pub p10: Option<Day>,
    pub p50: Option<Day>,
    pub p90: Option<Day>,
    /// Share of scenarios in which the last rack is in service by the end of the stated supply and its days after.
    pub within: f64,
    pub supply_ends: Day,
    pub curve: Vec<CurvePoint>,
    /// Where the middle of the wait goes.
    pub drivers: Vec<DriverOut>,
    /// If more were made than is planned; null: the book names no way to.
    pub capable: Option<Capable>,
    /// Null without a book.
    pub ahead_racks: Option<Ahead>,
    pub scenarios: u32,
    pub seed: u64,
    /// What rests on nobody's publication.
    pub assumptions: Vec<String>,
}

/// Share of scenarios that have the last rack in service before a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    pub day: Day,
    pub share: f64,
}

/// A part of the wait.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DriverOut {
    pub stage: String,
    pub days: f64,
    pub share: f64,
}

/// Racks of the same kind that stand before this claim.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ahead {
    pub p10: f64,
    pub p50: f64,
    pub p90: f64,
}

/// What a buyer of `order` is told by a book.
///
/// # Errors
/// A claim that no book could take, or a chip whose supply this one does not state.
pub fn promise(book: &Book, name: &str, order: &Order, today: Day) -> Result<PromiseAnswer, Diagnostic> {
    let p = Desk::new(book.clone()).promise(order, today).map_err(|slip| {
        let chips: Vec<&str> = book.supply.iter().flat_map(|s| s.products.iter().map(|p| p.product.as_str())).collect();
        // The claim that is asked about has no name.
        let d = Diagnostic::error(slip.words().trim_start_matches(&format!("claim `{}`: ", order.id)));
        if matches!(slip, Slip::Wrong(_)) && !chips.contains(&order.product.as_str()) {
            d.in_file(name)
                .hint(format!("the book states a supply of: {}", if chips.is_empty() { "nothing".to_owned() } else { chips.join(", ") }))
        } else {
            d
        }
    })?;
    let (slots, why) = match p.slots {
        Ok(slots) => (slots, None),
        Err(words) => (Vec::new(), Some(words)),
    };
    Ok(PromiseAnswer {
        book: Some(name.to_owned()),
        as_of: today,
        system: order.system.clone(),
        chip: order.product.clone(),
        racks: order.racks,
        chips: order.chips(),
        class: Some(order.class.clone()),
        wanted: order.wanted.max(today),
        wait_from: order.asked().last().map_or(order.wanted, |t| t.day).max(today),
        has_room: Some(why.is_none()),
        slots,
        why,
        confidence: Some(book.policy.confidence),
        p10: p.told.p10,
        p50: p.told.p50,
        p90: p.told.p90,
        within: p.within,
        supply_ends: book.line(&order.product).and_then(|l| l.edges().last().copied()).unwrap_or(today),
        curve: p.curve.into_iter().map(|(day, share)| CurvePoint { day, share }).collect(),
        drivers: drivers(&p.drivers),
        capable: p.capable,
        ahead_racks: Some(Ahead { p10: p.ahead.0, p50: p.ahead.1, p90: p.ahead.2 }),
        scenarios: book.policy.scenarios,
        seed: book.policy.seed,
        assumptions: assumptions(book, &order.product),
    })
}

/// The same without a book: what is free of the catalog's default supply, asked by somebody new.
///
/// # Errors
/// A system whose supply the catalog does not describe, or a day outside it.
pub fn promise_without_book(catalog: &Catalog, system: &str, racks: u32, today: Day, seed: u64) -> Result<PromiseAnswer, Diagnostic> {
    let a = crate::supply::arrival(catalog, system, f64::from(racks), &today.to_string(), seed)?;
    let days: Vec<i32> =
        a.days.iter().map(|d| if d.is_finite() { today.0.saturating_add(d.ceil().min(1e6) as i32) } else { NEVER }).collect();
    let ends = Day::parse(&a.until).map_or(today, |d| Day(d.0 + 1));
    let day = |text: &Option<String>| text.as_deref().and_then(Day::parse);
    Ok(PromiseAnswer {
        book: None,
        as_of: today,
        system: a.system,
        chip: a.product,
        racks,
        chips: a.chips,
        class: None,
        wanted: today,
        wait_from: today,
        has_room: None,
        slots: Vec::new(),
        why: None,
        confidence: None,
        p10: day(&a.p10),
        p50: day(&a.p50),
        p90: day(&a.p90),
        within: a.within,
        supply_ends: ends,
        curve: share_curve(&days, today, ends).into_iter().map(|(day, share)| CurvePoint { day, share }).collect(),
        drivers: a.drivers.into_iter().map(|d| DriverOut { stage: d.stage, days: d.days, share: d.share }).collect(),
        capable: None,
        ahead_racks: None,
        scenarios: days.len() as u32,
        seed,
        assumptions: nearest_first(a.assumptions),
    })
}

/// What is assumed of the chip and its way to the site before what is assumed of the lines that all share.
fn nearest_first(mut list: Vec<String>) -> Vec<String> {
    list.sort_by_key(|words| (!words.starts_with("product "), words.starts_with("line ")));
    list
}

fn drivers(d: &Drivers) -> Vec<DriverOut> {
    let (Some(made), Some(queue), Some(site)) = (d.production, d.queue, d.site) else { return Vec::new() };
    let sum = f64::from((made + queue + site).max(1));
    let parts = [("until so many are made", made), ("behind others", queue), ("from rack line to service", site)];
    parts.map(|(stage, days)| DriverOut { stage: stage.to_owned(), days: f64::from(days), share: f64::from(days) / sum }).to_vec()
}

fn assumptions(book: &Book, product: &str) -> Vec<String> {
    let p = &book.policy;
    let range = |(a, b): (f64, f64)| format!("{:.0}% to {:.0}%", a * 100.0, b * 100.0);
    let mut out = vec![format!(
        "others: {} of active claims are cancelled, {} of pending ones lapse, {} of offers become firm (policy of the book; not published)",
        range(p.cancel),
        range(p.lapse),
        range(p.firm_up)
    )];
    if let Some(stated) = book.supply.iter().flat_map(|s| &s.products).find(|s| s.product == product) {
        if !stated.why.is_empty() {
            out.insert(0, format!("supply of {product}: {}", stated.why));
        }
        let (a, b) = stated.after_days;
        out.push(format!("from the rack line to service: {a:.0} to {b:.0} days (statement of the book)"));
    }
    out
}

/// The probability over time as a picture (SVG).
///
/// # Errors
/// When it cannot be drawn.
pub fn promise_svg(a: &PromiseAnswer) -> Result<String, Diagnostic> {
    let mark = |name: &str, day: Option<Day>, share: f64| day.map(|d| arrival::Mark { name: format!("{name}: {d}"), day: d.0, share });
    // What comes after nearly all that ever comes is left out.
    let most = a.curve.iter().map(|p| p.share).fold(0.0, f64::max);
    let last = a.curve.iter().position(|p| p.share >= most - 0.005).map_or(a.curve.len(), |i| i + 3);
    let marks: Vec<arrival::Mark> =
        [mark("10%", a.p10, 0.1), mark("50%", a.p50, 0.5), mark("90%", a.p90, 0.9)].into_iter().flatten().collect();
    // Between the months the curve goes through the days that are named.
    let mut points: Vec<(i32, f64)> = a.curve.iter().take(last).map(|p| (p.day.0, p.share)).collect();
    let end = points.last().map_or(i32::MIN, |p| p.0);
    let on_page = |m: &&arrival::Mark| m.day < end && !a.curve.iter().any(|p| p.day.0 == m.day);
    points.extend(marks.iter().filter(on_page).map(|m| (m.day, m.share)));
    points.sort_by_key(|p| p.0);
    let picture = arrival::Picture {
        title: format!("{} {} of {}: in service by when", grouped(a.racks), if a.racks == 1 { "rack" } else { "racks" }, a.system),
        caption: vec![
            format!(
                "asked on {}; {} scenarios, in {:.0}% of which the supply up to {} is enough",
                a.as_of,
                grouped(a.scenarios),
                a.within * 100.0,
                a.supply_ends
            ),
            match (a.slots.last(), a.book.is_some()) {
                (Some(t), _) => {
                    format!("racks can be set aside for {} (supply that comes with {:.0}%)", t.day, a.confidence.unwrap_or(0.0) * 100.0)
                }
                (None, false) => "no order book was asked: a new buyer of the catalog's supply".to_owned(),
                _ => "no racks can be set aside now: this is what the end of the queue would see".to_owned(),
            },
        ],
        from: a.wanted.0,
        points,
        marks,
    };
    arrival::svg(&picture).map_err(Diagnostic::error)
}

/// Answer of `orders promise`: claims of a book as they stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArrivalsAnswer {
    pub book: String,
    pub as_of: Day,
    pub claims: Vec<ArrivalOut>,
    pub scenarios: u32,
    pub seed: u64,
}

/// A claim with what it was told and what it would be told now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArrivalOut {
    pub id: String,
    pub customer: String,
    pub system: String,
    pub racks: u32,
    pub told: Option<Promised>,
    pub now: Promised,
    /// Days that the middle has moved since, positive for later; null where either lies beyond the stated supply.
    pub later_days: Option<i32>,
}

/// Claims that hold racks (those asked for, or all), in the order of the book.
pub fn arrivals(book: &Book, name: &str, ids: &[String], today: Day) -> ArrivalsAnswer {
    let all = Desk::new(book.clone()).arrivals(today);
    let claims = all.into_iter().filter_map(|(place, now)| {
        let o = book.orders().get(place)?;
        if !ids.is_empty() && !ids.contains(&o.id) {
            return None;
        }
        let later_days = now.p50.zip(o.promised.and_then(|p| p.p50)).map(|(a, b)| a.since(b));
        Some(ArrivalOut {
            id: o.id.clone(),
            customer: o.customer.clone(),
            system: o.system.clone(),
            racks: o.racks,
            told: o.promised,
            now,
            later_days,
        })
    });
    ArrivalsAnswer {
        book: name.to_owned(),
        as_of: today,
        claims: claims.collect(),
        scenarios: book.policy.scenarios,
        seed: book.policy.seed,
    }
}

/// Answer of `orders supply`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SupplyAnswer {
    pub book: String,
    pub as_of: Day,
    /// Whether a new supply was entered.
    pub entered: bool,
    pub products: Vec<StatusOut>,
    /// Claims that the new supply moves, the most hurt first. Empty without a new supply.
    pub moved: Vec<MovedOut>,
    /// Sum over claims of racks times days at the middle that they come later (not counting those that fall out).
    pub rack_days_later: f64,
    pub rack_days_earlier: f64,
}

/// How much of a chip is spoken for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusOut {
    pub chip: String,
    pub confidence: f64,
    pub spans: Vec<SpanOut>,
    /// First period in which a rack can still be promised; null: none.
    pub next_free: Option<String>,
}

/// A calendar year, or the whole stated supply; chips.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpanOut {
    pub from: Day,
    pub until: Day,
    pub sure: f64,
    pub ordered: f64,
    pub reserved: f64,
    pub pending: f64,
    pub proposed: f64,
    /// What the highest class can still be promised by the end of the span.
    pub available: f64,
    /// open, largely reserved, nearly fully subscribed, fully reserved, sold out.
    pub state: &'static str,
}

/// A claim before and after.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MovedOut {
    pub id: String,
    pub customer: String,
    pub system: String,
    pub racks: u32,
    pub before: Promised,
    pub after: Promised,
    pub p50_days: Option<i32>,
    pub p90_days: Option<i32>,
    /// Whether its middle falls out of the stated supply.
    pub lost: bool,
}

/// How much of each chip is spoken for, and from which period on, seen from `today`, a rack can still be promised.
pub fn status(book: &Book, today: Day) -> Vec<StatusOut> {
    let book = &*book.as_of(today);
    let supply = book.supply.iter().flat_map(|s| s.products.iter().map(move |p| (s, p)));
    supply
        .map(|(s, p)| {
            let span = |t: secondsource_market::orders::Status| SpanOut {
                from: t.from,
                until: t.until,
                sure: t.sure,
                ordered: t.ordered,
                reserved: t.reserved,
                pending: t.pending,
                proposed: t.proposed,
                available: t.free,
                state: Taken::words(t.taken),
            };
            let rack =
                book.orders().iter().filter(|o| o.product == p.product).map(|o| f64::from(o.chips_per_rack)).fold(f64::INFINITY, f64::min);
            let rack = if rack.is_finite() { rack } else { 1.0 };
            let next_free = book.line(&p.product).and_then(|l| {
                let from = l.period_of(today)?;
                let t = l.free(&book.policy, 0).iter().skip(from).position(|f| *f >= rack)? + from;
                Some(s.label(l.edges()[t]))
            });
            StatusOut {
                chip: p.product.clone(),
                confidence: book.policy.confidence,
                spans: statuses(book, &p.product, today).into_iter().map(span).collect(),
                next_free,
            }
        })
        .collect()
}

/// The present supply, and what a new one would do.
///
/// # Errors
/// A supply that cannot be entered.
pub fn supply_answer(book: &Book, name: &str, new: Option<&Statement>, today: Day) -> Result<SupplyAnswer, Diagnostic> {
    let mut a = SupplyAnswer {
        book: name.to_owned(),
        as_of: today,
        entered: false,
        products: status(book, today),
        moved: Vec::new(),
        rack_days_later: 0.0,
        rack_days_earlier: 0.0,
    };
    let Some(new) = new else { return Ok(a) };
    let (list, after) = shifts(book, new, today).map_err(Diagnostic::error)?;
    a.products = status(&after, today);
    let moved = |s: &Shift| s.lost() != 0 || s.days(|p| p.p50).unwrap_or(0) != 0 || s.days(|p| p.p90).unwrap_or(0) != 0;
    for s in list.iter().filter(|s| moved(s)) {
        let Some(o) = book.orders().get(s.place) else { continue };
        let days = s.days(|p| p.p50);
        let weight = f64::from(o.racks) * f64::from(days.unwrap_or(0));
        a.rack_days_later += weight.max(0.0);
        a.rack_days_earlier += (-weight).max(0.0);
        a.moved.push(MovedOut {
            id: o.id.clone(),
            customer: o.customer.clone(),
            system: o.system.clone(),
            racks: o.racks,
            before: s.before,
            after: s.after,
            p50_days: days,
            p90_days: s.days(|p| p.p90),
            lost: s.lost() > 0,
        });
    }
    Ok(a)
}
