//! BT24 and BT25: worked examples of allocation that others have published, recomputed by the order book's own rules.

use super::backtests::{BackTest, Verdict};
use secondsource_base::Diagnostic;
use secondsource_market::orders::{Class, Day, Line, Policy, Rule, fair_share};
use serde::Deserialize;

/// Supplies, shares, requests and published answers, one number a row.
const EXAMPLES: &str = include_str!("../../../../validation/orders/worked_examples.csv");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    case: String,
    kind: String,
    name: String,
    day: Option<i32>,
    value: Option<f64>,
    #[serde(rename = "source")]
    _source: String,
}

fn rows() -> Result<Vec<Row>, Diagnostic> {
    let rows: Result<Vec<Row>, _> = csv::Reader::from_reader(EXAMPLES.as_bytes()).deserialize().collect();
    rows.map_err(|e| Diagnostic::error(format!("validation/orders/worked_examples.csv: {e}")))
}

fn judged(exact: bool) -> Verdict {
    if exact { Verdict::Inside } else { Verdict::Outside }
}

/// BT24: classes with shares ask one after another for what comes on two days; each is promised the first day on which its
/// share of what is left suffices.
fn allocation_rule(rows: &[Row]) -> BackTest {
    let of = |kind: &str| rows.iter().filter(|r| r.id == "BT24" && r.kind == kind).cloned().collect::<Vec<Row>>();
    let (supply, classes, asks, told) = (of("supply"), of("class"), of("ask"), of("promised"));
    let days = 1 + supply.iter().filter_map(|r| r.day).max().unwrap_or(1);
    let edges = (1..=days + 1).map(Day).collect();
    let come = |until: i32| supply.iter().filter(|r| r.day.is_some_and(|d| d <= until)).filter_map(|r| r.value).sum();
    let policy = Policy {
        confidence: 0.9,
        rule: Rule::ShareOfRest,
        classes: classes.iter().map(|r| Class { name: r.name.clone(), share: r.value.unwrap_or(0.0) }).collect(),
        cancel: (0.0, 0.0),
        lapse: (0.0, 0.0),
        firm_up: (0.0, 0.0),
        scenarios: 1,
        seed: 1,
    };
    let mut line = Line::new(edges, (1..=days).map(come).collect(), classes.len());
    let (mut words, mut exact, mut late) = (Vec::new(), !asks.is_empty(), 0);
    for ask in &asks {
        let class = policy.class(&ask.name).unwrap_or(0);
        let (wanted, chips) = (Day(ask.day.unwrap_or(1)), ask.value.unwrap_or(0.0));
        let slot = line.slot(&policy, class, chips, wanted);
        if let Some(day) = slot {
            line.take(class, day, chips);
            late = late.max(day.since(wanted));
        }
        exact &= told.iter().any(|t| t.name == ask.name && t.day == slot.map(|d| d.0));
        words.push(slot.map_or(format!("{} never", ask.name), |d| format!("{} on day {}", ask.name, d.0)));
    }
    let published: Vec<String> = told.iter().map(|t| format!("{} on day {}", t.name, t.day.unwrap_or(0))).collect();
    BackTest {
        id: "BT24",
        what: "days promised under shares of the rest (Oracle's worked example)",
        published: published.join(", "),
        tolerance: "exact",
        ours: words.join(", "),
        value: f64::from(late),
        verdict: judged(exact),
        trust: "A",
        caveat: "checks the rule `share-of-rest`, not the world; asked in the other order, low is served on day 1",
    }
}

/// BT25: whole units among centres in proportion to their demand.
fn fair_shares(rows: &[Row]) -> BackTest {
    let (mut ours, mut published, mut wrong) = (Vec::new(), Vec::new(), 0);
    for there in rows.iter().filter(|r| r.id == "BT25" && r.kind == "there") {
        let of = |kind: &str| -> Vec<u64> {
            let same = rows.iter().filter(|r| r.id == "BT25" && r.case == there.case && r.kind == kind);
            same.filter_map(|r| r.value).map(|v| v as u64).collect()
        };
        let (got, told) = (fair_share(there.value.unwrap_or(0.0) as u64, &of("want")), of("given"));
        wrong += usize::from(got != told);
        let words = |list: &[u64]| format!("{} of {}", list.iter().map(u64::to_string).collect::<Vec<_>>().join(" and "), there.case);
        ours.push(words(&got));
        published.push(words(&told));
    }
    BackTest {
        id: "BT25",
        what: "whole units in fair shares (frePPLe's example)",
        published: published.join(", "),
        tolerance: "exact",
        ours: ours.join(", "),
        value: wrong as f64,
        verdict: judged(wrong == 0 && !ours.is_empty()),
        trust: "A",
        caveat: "checks whole-unit proportional division, not the world",
    }
}

/// Both.
///
/// # Errors
/// When the file of examples does not read.
pub fn worked_examples() -> Result<Vec<BackTest>, Diagnostic> {
    let rows = rows()?;
    Ok(vec![allocation_rule(&rows), fair_shares(&rows)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows can fail: with another published day, or another share, they are outside.
    #[test]
    fn a_wrong_answer_is_outside() {
        let good = rows().expect("it reads");
        assert_eq!((allocation_rule(&good).verdict, allocation_rule(&good).value), (Verdict::Inside, 9.0));
        assert_eq!(fair_shares(&good).verdict, Verdict::Inside);
        let change = |id: &str, kind: &str, f: &dyn Fn(&mut Row)| {
            let mut all = rows().expect("it reads");
            all.iter_mut().filter(|r| r.id == id && r.kind == kind).for_each(f);
            all
        };
        assert_eq!(allocation_rule(&change("BT24", "promised", &|r| r.day = Some(2))).verdict, Verdict::Outside);
        // 50% of 70 is more than 30: low would be served at once.
        assert_eq!(allocation_rule(&change("BT24", "class", &|r| r.value = Some(0.5))).ours, "high on day 1, low on day 1");
        assert_eq!(fair_shares(&change("BT25", "there", &|r| r.value = Some(7.0))).verdict, Verdict::Outside);
    }
}
