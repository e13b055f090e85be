//! Capable to promise: what is not in stock or planned can still be made, where the stages of a path have capacity left.

use good_lp::{Expression, ResolutionError, Solution as _, SolverModel as _, Variable, constraint, microlp, variable, variables};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::line::Line;
use super::record::{Order, Tranche};

/// A stage with what is left of its capacity in each period of the statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub name: String,
    pub free: Vec<f64>,
}

/// A need of a path: so many units of a stage for each chip, so many days before the chip is ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub resource: String,
    pub per_chip: f64,
    pub days_before: f64,
}

/// A way to make more of a chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Path {
    pub name: String,
    pub product: String,
    pub steps: Vec<Step>,
}

/// How a claim could be promised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capable {
    /// Last day of the period by whose end all of it is there.
    pub day: Day,
    /// The same of each part of its ramp, in order.
    pub parts: Vec<Tranche>,
    /// Chips out of what is planned anyway.
    pub planned: f64,
    /// Chips by path.
    pub made: Vec<(String, f64)>,
}

/// Chips that must be there by the end of a period, those of the parts before with them.
#[derive(Debug, Clone, Copy)]
struct Due {
    period: usize,
    chips: f64,
}

/// Periods in which a chip that is ready at the end of period `t` takes each step; `None` where one lies before the table
/// or before today.
fn when(path: &Path, line: &Line, t: usize, today: Day) -> Option<Vec<usize>> {
    let ready = line.edges()[t + 1];
    let start = line.edges()[0].max(today);
    path.steps
        .iter()
        .map(|s| {
            let day = Day(ready.0 - 1 - s.days_before.ceil() as i32);
            if day < start { None } else { line.period_of(day) }
        })
        .collect()
}

/// Whether the paths can make what is due by the end of each period: the chips of each path, as few in all as suffice, or
/// nothing. Each stage's capacity is shared by all paths and lost when it is not used: a linear program.
fn make(resources: &[Resource], paths: &[&Path], line: &Line, due: &[Due], today: Day) -> Result<Option<Vec<f64>>, String> {
    let Some(last) = due.last() else { return Ok(Some(vec![0.0; paths.len()])) };
    let mut vars = variables!();
    let mut uses: Vec<(usize, usize, Variable, f64)> = Vec::new();
    // Of each path: the period in which chips are ready, and how many.
    let mut made: Vec<Vec<(usize, Variable)>> = vec![Vec::new(); paths.len()];
    for (i, path) in paths.iter().enumerate() {
        for t in 0..=last.period {
            let Some(periods) = when(path, line, t, today) else { continue };
            let x = vars.add(variable().min(0));
            made[i].push((t, x));
            for (step, period) in path.steps.iter().zip(periods) {
                let Some(r) = resources.iter().position(|r| r.name == step.resource) else {
                    return Err(format!("path `{}` needs `{}`, which is not a resource", path.name, step.resource));
                };
                uses.push((r, period, x, step.per_chip));
            }
        }
    }
    if made.iter().all(Vec::is_empty) {
        return Ok(None);
    }
    let ready =
        |until: usize| -> Expression { made.iter().flatten().filter(|(t, _)| *t <= until).map(|(_, x)| Expression::from(*x)).sum() };
    // Most by the last period, up to what is due then: whether all of it can be made shows in the sum.
    let mut model = vars.maximise(ready(last.period)).using(microlp).with(constraint!(ready(last.period) <= last.chips));
    for d in &due[..due.len() - 1] {
        model = model.with(constraint!(ready(d.period) >= d.chips));
    }
    for (r, resource) in resources.iter().enumerate() {
        for (t, free) in resource.free.iter().enumerate() {
            let used: Expression = uses.iter().filter(|u| u.0 == r && u.1 == t).map(|u| u.3 * u.2).sum();
            model = model.with(constraint!(used <= free.max(0.0)));
        }
    }
    let solved = match model.solve() {
        Ok(solved) => solved,
        Err(ResolutionError::Infeasible) => return Ok(None),
        Err(e) => return Err(format!("the solver gives up: {e}")),
    };
    let by_path: Vec<f64> = made.iter().map(|xs| xs.iter().map(|(_, x)| solved.value(*x).max(0.0)).sum()).collect();
    Ok((by_path.iter().sum::<f64>() >= last.chips - 1e-6).then_some(by_path))
}

/// How soon a claim can be had: for each part of its ramp in turn the first period, not before it is wanted, by whose end it
/// and those before it are there out of what `free` (of [`Line::free`]) gives and what is made.
///
/// # Errors
/// Words for a path that needs an unknown resource.
pub fn capable(
    line: &Line,
    free: &[f64],
    resources: &[Resource],
    paths: &[&Path],
    order: &Order,
    today: Day,
) -> Result<Option<Capable>, String> {
    let (mut due, mut parts): (Vec<Due>, Vec<Tranche>) = (Vec::new(), Vec::new());
    let (mut all, mut first, mut made) = (0.0, 0, vec![0.0; paths.len()]);
    for part in order.asked() {
        let Some(wanted) = line.period_of(part.day.max(order.wanted).max(today)) else { return Ok(None) };
        all += f64::from(part.racks) * f64::from(order.chips_per_rack);
        let mut found = None;
        for (t, free) in free.iter().enumerate().skip(wanted.max(first)) {
            let rest = all - free.clamp(0.0, all);
            let mut then = due.clone();
            // More is planned by then: what was made for the parts before may be enough.
            if rest > then.last().map_or(0.0, |d| d.chips) + 1e-6 {
                then.push(Due { period: t, chips: rest });
            }
            if let Some(by_path) = make(resources, paths, line, &then, today)? {
                found = Some((t, then, by_path));
                break;
            }
        }
        let Some((t, then, by_path)) = found else { return Ok(None) };
        (due, made, first) = (then, by_path, t);
        parts.push(Tranche { day: Day(line.edges()[t + 1].0 - 1), racks: part.racks });
    }
    let Some(last) = parts.last() else { return Ok(None) };
    let planned = (all - made.iter().sum::<f64>()).max(0.0);
    let made = paths.iter().zip(made).filter(|(_, c)| *c > 1e-6).map(|(p, c)| (p.name.clone(), c)).collect();
    Ok(Some(Capable { day: last.day, parts, planned, made }))
}
