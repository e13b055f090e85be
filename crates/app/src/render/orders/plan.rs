//! The page of `orders plan`.

use super::chips;
use crate::render::Page;
use crate::render::grid::Grid;
use crate::render::numbers::{signed_usd, thousands, usd};
use secondsource::orders::{Day, SellerPlan};

/// Claims on a page.
const MOST: usize = 60;

pub fn page(a: &SellerPlan, page: &Page) -> String {
    let on =
        if a.terms.median { "the middle of the supply".to_owned() } else { format!("supply that comes with {:.0}%", a.confidence * 100.0) };
    let mut out = page.heading(&format!("{} · plan as of {} on {on}", a.book, a.as_of));
    let lost = a.free_value_usd - a.value_usd;
    let kept = if a.slots_kept {
        format!("Every slot is kept; without slots to keep it would be {} more.", usd(lost.max(0.0)))
    } else {
        "Not every slot can be kept.".to_owned()
    };
    out.push_str(&page.hanging("", 0, &format!("Worth {} today. {kept}", signed_usd(a.value_usd))));
    for note in &a.notes {
        out.push_str(&page.hanging("Note: ", 6, note));
    }
    let mut grid = Grid::new()
        .left("id")
        .left("customer")
        .named(3)
        .left("state")
        .right("racks")
        .right("USD a rack")
        .dispensable(4)
        .left("slot")
        .left("complete")
        .left("against slot")
        .dispensable(2)
        .right("never")
        .dispensable(1);
    for c in a.claims.iter().take(MOST) {
        let complete = match (&c.complete, c.taken) {
            (_, false) => "turned down".to_owned(),
            (Some(t), true) => t.clone(),
            (None, true) => "-".to_owned(),
        };
        let against = match c.periods_later {
            Some(0) => "kept".to_owned(),
            Some(n) => format!("{} {} {}", n.abs(), if n.abs() == 1 { "period" } else { "periods" }, if n > 0 { "late" } else { "early" }),
            None => String::new(),
        };
        let never = if c.undelivered > 0.0 { thousands(c.undelivered.ceil() as u64) } else { String::new() };
        grid.row(vec![
            c.id.clone(),
            c.customer.clone(),
            c.state.to_owned(),
            thousands(c.racks.into()),
            c.usd_per_rack.map_or(String::new(), usd),
            c.slot.map_or(String::new(), |d: Day| d.to_string()),
            complete,
            against,
            never,
        ]);
    }
    out.push('\n');
    out.push_str(&grid.render(page));
    if a.claims.len() > MOST {
        out.push_str(&format!("and {} more: --json has them all\n", a.claims.len() - MOST));
    }
    for p in &a.chips {
        out.push('\n');
        out.push_str(&page.heading(&format!("{} · chips", p.chip)));
        let mut grid = Grid::new().left("period").right("come").right("handed over").right("wait").right("one more rack is worth");
        for (t, label) in a.periods.iter().enumerate() {
            let worth = p.one_more_rack_usd.get(t).map_or(String::new(), |v| if *v < 0.5 { "nothing".to_owned() } else { usd(*v) });
            grid.row(vec![label.clone(), chips(p.comes[t]), chips(p.used[t]), chips(p.waiting[t]), worth]);
        }
        out.push_str(&grid.render(page));
    }
    let t = &a.terms;
    out.push('\n');
    out.push_str(&page.hanging(
        "",
        0,
        &format!(
            "Discount {:.0}% a year; a rack costs {:.1}% of its price for each period late and {:.0}% if it never comes: assumptions, --rate, --late and --broken state others.",
            t.rate * 100.0,
            t.late * 100.0,
            t.broken * 100.0
        ),
    ));
    out
}
