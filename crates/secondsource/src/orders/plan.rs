//! The seller's plan of a book: periods of delivery, offers worth taking, and what that does to each customer's date.

use super::defaults::figure;
use secondsource_base::Diagnostic;
use secondsource_catalog::Catalog;
use secondsource_market::orders::{Book, Day, MOST_CELLS, Order, PlanClaim, PlanProblem, Planned, State, plan};
use serde::Serialize;

/// How the plan counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PlanTerms {
    /// Discount a year.
    pub rate: f64,
    /// Share of the price that a rack costs for each period that it is late.
    pub late: f64,
    /// Share of the price that a promised rack costs that never comes.
    pub broken: f64,
    /// Plan on the middle of the supply instead of what surely comes.
    pub median: bool,
}

/// The terms where nothing is said.
///
/// # Errors
/// When the catalog lacks one of them.
pub fn plan_terms(catalog: &Catalog) -> Result<PlanTerms, Diagnostic> {
    let get = |name: &str| figure(catalog, name);
    Ok(PlanTerms { rate: get("plan-rate")?, late: get("plan-late")?, broken: get("plan-broken")?, median: false })
}

/// Answer of `orders plan`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SellerPlan {
    pub book: String,
    pub as_of: Day,
    pub terms: PlanTerms,
    pub confidence: f64,
    pub periods: Vec<String>,
    /// Whether every slot is kept; false where the supply has fallen too far for that.
    pub slots_kept: bool,
    pub value_usd: f64,
    /// The same if no slot had to be kept.
    pub free_value_usd: f64,
    pub claims: Vec<PlannedClaim>,
    pub chips: Vec<PlannedChip>,
    pub notes: Vec<String>,
}

/// What the plan does to a claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedClaim {
    pub id: String,
    pub customer: String,
    pub class: String,
    pub chip: String,
    pub state: &'static str,
    pub racks: u32,
    pub usd_per_rack: Option<f64>,
    /// Whether an offer is worth taking; true for claims that hold racks.
    pub taken: bool,
    /// Day of the last slot; null for an offer.
    pub slot: Option<Day>,
    /// Period of the last rack; null where some never come.
    pub complete: Option<String>,
    /// Last day of that period.
    pub complete_by: Option<Day>,
    /// Periods that it is completed after that of its last slot, negative for before; null without either.
    pub periods_later: Option<i32>,
    /// Racks in each period.
    pub by_period: Vec<f64>,
    pub undelivered: f64,
}

/// A chip by period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedChip {
    pub chip: String,
    /// Chips that come in each period.
    pub comes: Vec<f64>,
    /// Chips that the plan hands over.
    pub used: Vec<f64>,
    /// Chips that have come and wait for a claim at the end of each period.
    pub waiting: Vec<f64>,
    /// USD that one more rack, there from that period on, is worth; empty where the book is too large to ask.
    pub one_more_rack_usd: Vec<f64>,
}

/// Largest book of which the worth of one more rack is asked, in claims times periods.
const ASK_CELLS: usize = 600;

/// The plan of a book.
///
/// # Errors
/// No supply, a book that is too large, or a solver that gives up.
pub fn seller_plan(book: &Book, name: &str, terms: PlanTerms, today: Day) -> Result<SellerPlan, Diagnostic> {
    let book = &*book.as_of(today);
    let Some(supply) = &book.supply else {
        return Err(Diagnostic::error("no supply is stated").in_file(name).hint("`orders supply --book BOOK FILE.toml` enters one"));
    };
    let lines: Vec<_> = supply.products.iter().filter_map(|p| book.line(&p.product)).collect();
    let edges = lines.first().map(|l| l.edges().to_vec()).unwrap_or_default();
    let periods = edges.len().saturating_sub(1);
    let open: Vec<&Order> =
        book.orders().iter().filter(|o| !o.state.ended() && supply.products.iter().any(|p| p.product == o.product)).collect();
    if open.len() * periods > MOST_CELLS {
        let words =
            format!("{} open claims over {periods} periods: at most {} are planned together", open.len(), MOST_CELLS / periods.max(1));
        return Err(Diagnostic::error(words)
            .in_file(name)
            .hint("`orders export --to FILE.csv`, and import the claims of one chip into a book of their own"));
    }
    if edges.last().is_none_or(|end| *end <= today) {
        let end = edges.last().map_or(String::new(), |e| format!(", which ends before {e}"));
        return Err(Diagnostic::error(format!("{today} lies behind the stated supply{end}"))
            .in_file(name)
            .hint("`orders supply --book BOOK FILE.toml` enters one of the time to come"));
    }
    let mut problem = PlanProblem {
        supply: Vec::new(),
        claims: open.iter().map(|o| claim(o, supply, &edges, today)).collect(),
        // Paid when a period ends, seen from today.
        discount: edges.iter().skip(1).map(|e| libm::pow(1.0 + terms.rate, -f64::from(e.since(today).max(0)) / 365.25)).collect(),
        late: terms.late,
        broken: terms.broken,
        keep: true,
    };
    for (i, p) in supply.products.iter().enumerate() {
        let gone: f64 = book
            .orders()
            .iter()
            .filter(|o| o.product == p.product)
            .map(|o| {
                let racks: u32 = o.delivered.iter().filter(|t| t.day >= supply.start).map(|t| t.racks).sum();
                f64::from(racks) * f64::from(o.chips_per_rack)
            })
            .sum();
        let middle = p
            .median
            .iter()
            .scan(0.0, |s, m| {
                *s += m;
                Some(*s)
            })
            .collect::<Vec<f64>>();
        let sure = lines.get(i).map(|l| l.rooms().iter().map(|r| r.sure).collect::<Vec<f64>>()).unwrap_or_default();
        let there = if terms.median { middle } else { sure };
        problem.supply.push(there.into_iter().map(|c| (c - gone).max(0.0)).collect());
    }
    let solve = |p: &PlanProblem| plan(p).map_err(|words| Diagnostic::error(words).in_file(name));
    let free =
        solve(&PlanProblem { keep: false, ..problem.clone() })?.unwrap_or(Planned { value_usd: 0.0, racks: Vec::new(), taken: Vec::new() });
    let (best, slots_kept) = match solve(&problem)? {
        Some(best) => (best, true),
        None => {
            problem.keep = false;
            (free.clone(), false)
        }
    };
    let labels: Vec<String> = edges.iter().take(periods).map(|e| supply.label(*e)).collect();
    let claims = open.iter().zip(&problem.claims).zip(best.racks.iter().zip(&best.taken)).map(|((o, c), (racks, taken))| {
        let left = (c.asked.last().copied().unwrap_or(0.0).max(c.racks) - racks.iter().sum::<f64>()).max(0.0);
        let left = if left < 1e-4 * c.racks { 0.0 } else { left };
        let last = racks.iter().rposition(|r| *r > 0.0).filter(|_| left == 0.0);
        PlannedClaim {
            id: o.id.clone(),
            customer: o.customer.clone(),
            class: o.class.clone(),
            chip: o.product.clone(),
            state: o.state.name(),
            racks: o.outstanding_racks(),
            usd_per_rack: o.usd_per_rack,
            taken: *taken,
            slot: (!o.slots.is_empty()).then(|| o.complete()),
            complete: last.map(|t| labels[t].clone()),
            complete_by: last.map(|t| Day(edges[t + 1].0 - 1)),
            periods_later: last
                .zip(lines.first().and_then(|l| l.period_of(o.complete())))
                .filter(|_| !o.slots.is_empty())
                .map(|(t, slot)| t as i32 - slot as i32),
            by_period: racks.clone(),
            undelivered: if *taken { left } else { 0.0 },
        }
    });
    let claims: Vec<PlannedClaim> = claims.collect();
    let mut chips = Vec::new();
    for (i, p) in supply.products.iter().enumerate() {
        let there = &problem.supply[i];
        let of: Vec<_> = problem.claims.iter().zip(&best.racks).filter(|(c, _)| c.product == i).collect();
        let used: Vec<f64> = (0..periods).map(|t| of.iter().map(|(c, r)| c.chips_per_rack * r[t]).sum()).collect();
        let (mut before, mut sum) = (0.0, 0.0);
        let (mut comes, mut waiting) = (Vec::new(), Vec::new());
        for t in 0..periods {
            comes.push(there[t] - before);
            before = there[t];
            sum += used[t];
            waiting.push((there[t] - sum).max(0.0));
        }
        let rack = of.iter().map(|(c, _)| c.chips_per_rack).fold(f64::INFINITY, f64::min);
        let mut one_more = Vec::new();
        if problem.claims.len() * periods <= ASK_CELLS && rack.is_finite() {
            for t in 0..periods {
                let mut more = problem.clone();
                more.supply[i][t..].iter_mut().for_each(|v| *v += rack);
                one_more.push((solve(&more)?.map_or(0.0, |p| p.value_usd) - best.value_usd).max(0.0));
            }
        }
        chips.push(PlannedChip { chip: p.product.clone(), comes, used, waiting, one_more_rack_usd: one_more });
    }
    let mut notes = Vec::new();
    let unpriced = open.iter().filter(|o| o.usd_per_rack.is_none()).count();
    if unpriced > 0 {
        let of = claims_of(unpriced);
        notes.push(format!("no price is known of {of}: worth nothing here, and only slots are kept"));
    }
    let overdue = open.iter().filter(|o| o.state.holds() && o.to_come().iter().any(|t| t.day < today)).count();
    if overdue > 0 {
        notes.push(format!("slots of {} lie before {today}: what was due is overdue", claims_of(overdue)));
    }
    if !slots_kept {
        notes.push("the supply does not allow all slots to be kept: lateness and broken promises are paid instead".to_owned());
    }
    Ok(SellerPlan {
        book: name.to_owned(),
        as_of: today,
        terms,
        confidence: book.policy.confidence,
        periods: labels,
        slots_kept,
        value_usd: best.value_usd,
        free_value_usd: free.value_usd,
        claims,
        chips,
        notes,
    })
}

fn claims_of(n: usize) -> String {
    if n == 1 { "1 claim".to_owned() } else { format!("{n} claims") }
}

/// A claim's tables over the periods. In those that are over nothing is handed over any more: what was due then is overdue.
fn claim(o: &Order, supply: &secondsource_market::orders::Statement, edges: &[Day], today: Day) -> PlanClaim {
    let by = |list: &[secondsource_market::orders::Tranche]| -> Vec<f64> {
        let until = |end: &Day| list.iter().filter(|t| t.day < *end).map(|t| f64::from(t.racks)).sum();
        edges.iter().skip(1).map(|end| if *end <= today { 0.0 } else { until(end) }).collect()
    };
    let held = o.state.holds();
    PlanClaim {
        product: supply.products.iter().position(|p| p.product == o.product).unwrap_or(0),
        racks: f64::from(o.outstanding_racks()).max(1e-9),
        chips_per_rack: f64::from(o.chips_per_rack),
        asked: by(&o.asked_left()),
        due: if held && o.state != State::Proposed { by(&o.to_come()) } else { vec![0.0; edges.len().saturating_sub(1)] },
        usd_per_rack: o.usd_per_rack.unwrap_or(0.0),
        held,
    }
}
