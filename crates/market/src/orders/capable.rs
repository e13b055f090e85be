//! Capable to promise: what is not in stock or planned can still be made, where the stages of a path have capacity left.

use good_lp::{Expression, Solution as _, SolverModel as _, Variable, constraint, microlp, variable, variables};
use serde::{Deserialize, Serialize};

use super::day::Day;
use super::line::Line;

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

/// How a quantity could be promised.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Capable {
    /// Last day of the period by whose end all of it is there.
    pub day: Day,
    /// Chips out of what is planned anyway.
    pub planned: f64,
    /// Chips by path.
    pub made: Vec<(String, f64)>,
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

/// Most that the paths can make ready by the end of period `until`, up to `wanted`; the chips of each path. Each stage's
/// capacity is shared by all paths and lost when it is not used: a linear program.
fn most(resources: &[Resource], paths: &[&Path], line: &Line, until: usize, wanted: f64, today: Day) -> Result<Vec<f64>, String> {
    let mut vars = variables!();
    let mut uses: Vec<(usize, usize, Variable, f64)> = Vec::new();
    let mut made: Vec<Vec<Variable>> = vec![Vec::new(); paths.len()];
    for (i, path) in paths.iter().enumerate() {
        for t in 0..=until {
            let Some(periods) = when(path, line, t, today) else { continue };
            let x = vars.add(variable().min(0));
            made[i].push(x);
            for (step, period) in path.steps.iter().zip(periods) {
                let Some(r) = resources.iter().position(|r| r.name == step.resource) else {
                    return Err(format!("path `{}` needs `{}`, which is not a resource", path.name, step.resource));
                };
                uses.push((r, period, x, step.per_chip));
            }
        }
    }
    if made.iter().all(Vec::is_empty) {
        return Ok(vec![0.0; paths.len()]);
    }
    let total: Expression = made.iter().flatten().map(|x| Expression::from(*x)).sum();
    let mut model = vars.maximise(total.clone()).using(microlp).with(constraint!(total <= wanted));
    for (r, resource) in resources.iter().enumerate() {
        for (t, free) in resource.free.iter().enumerate() {
            let used: Expression = uses.iter().filter(|u| u.0 == r && u.1 == t).map(|u| u.3 * u.2).sum();
            model = model.with(constraint!(used <= free.max(0.0)));
        }
    }
    let solved = model.solve().map_err(|e| format!("the solver gives up: {e}"))?;
    Ok(made.iter().map(|xs| xs.iter().map(|x| solved.value(*x).max(0.0)).sum()).collect())
}

/// The first period by whose end a quantity can be had: what `free` (of [`Line::free`]) gives then, and the rest made.
///
/// # Errors
/// Words for a path that needs an unknown resource.
pub fn capable(
    line: &Line,
    free: &[f64],
    resources: &[Resource],
    paths: &[&Path],
    chips: f64,
    wanted: Day,
    today: Day,
) -> Result<Option<Capable>, String> {
    let Some(from) = line.period_of(wanted.max(today)) else { return Ok(None) };
    for (t, free) in free.iter().enumerate().take(line.periods()).skip(from) {
        let planned = free.clamp(0.0, chips);
        let rest = chips - planned;
        let by_path = if rest > 1e-6 { most(resources, paths, line, t, rest, today)? } else { vec![0.0; paths.len()] };
        if by_path.iter().sum::<f64>() >= rest - 1e-6 {
            let made = paths.iter().zip(by_path).filter(|(_, c)| *c > 1e-6).map(|(p, c)| (p.name.clone(), c)).collect();
            return Ok(Some(Capable { day: Day(line.edges()[t + 1].0 - 1), planned, made }));
        }
    }
    Ok(None)
}
