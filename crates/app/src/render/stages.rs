//! Memory of pipeline stages, by part.

use super::Page;
use super::grid::Grid;
use super::numbers::gib;
use std::collections::BTreeMap;

type Parts = BTreeMap<String, f64>;

/// At most this many stages get a column each; of more, the first, second, middle, last and fullest do.
const ALL_UP_TO: usize = 6;

fn total(parts: &Parts) -> f64 {
    parts.values().sum()
}

/// Index of the stage that needs the most memory.
pub fn fullest(stages: &[Parts]) -> usize {
    let larger = |(i, _): &(usize, &Parts), (j, _): &(usize, &Parts)| total(&stages[*i]).total_cmp(&total(&stages[*j])).then(j.cmp(i));
    stages.iter().enumerate().max_by(larger).map_or(0, |(i, _)| i)
}

fn shown(stages: &[Parts]) -> Vec<usize> {
    let n = stages.len();
    if n <= ALL_UP_TO {
        return (0..n).collect();
    }
    let mut chosen = vec![0, 1, n / 2, n - 1, fullest(stages)];
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

/// Parts as rows, largest first; stages as columns.
pub fn table(stages: &[Parts], page: &Page) -> String {
    if stages.is_empty() {
        return String::new();
    }
    let chosen = shown(stages);
    let full = fullest(stages);
    let mut names: Vec<&String> = stages.iter().flat_map(BTreeMap::keys).collect();
    names.sort_unstable();
    names.dedup();
    let largest = |name: &String| stages.iter().filter_map(|s| s.get(name)).fold(0.0, |a: f64, b| a.max(*b));
    names.sort_by(|a, b| largest(b).total_cmp(&largest(a)));
    names.retain(|n| largest(n) > 0.0);

    let title = |i: &usize| match (stages.len(), *i == full) {
        (1, _) => "GiB".to_owned(),
        (_, true) => format!("stage {i} (fullest)"),
        _ => format!("stage {i}"),
    };
    let mut grid = chosen.iter().fold(Grid::new().left("GiB per device"), |g, i| g.right(title(i)));
    for name in names {
        let cells = chosen.iter().map(|i| stages[*i].get(name).map_or(String::new(), |v| gib(*v)));
        grid.row(std::iter::once(name.clone()).chain(cells).collect());
    }
    grid.row(std::iter::once("total".to_owned()).chain(chosen.iter().map(|i| gib(total(&stages[*i])))).collect());
    let mut text = grid.render(page);
    if chosen.len() < stages.len() {
        text.push_str(&format!("({} of {} stages shown; --json has them all)\n", chosen.len(), stages.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(weights: f64) -> Parts {
        BTreeMap::from([("weights".to_owned(), weights), ("logits".to_owned(), 0.0)])
    }

    #[test]
    fn many_stages_are_thinned() {
        let stages: Vec<Parts> = (0..16).map(|i| stage(if i == 3 { 9.0 } else { 1.0 })).collect();
        assert_eq!(shown(&stages), [0, 1, 3, 8, 15]);
        let text = table(&stages, &Page { width: 100, color: false });
        assert!(text.contains("stage 3 (fullest)") && text.contains("(5 of 16 stages shown"), "{text}");
        assert!(!text.contains("logits"), "parts without memory are left out: {text}");
    }

    #[test]
    fn the_first_of_equals_is_fullest() {
        assert_eq!(fullest(&[stage(1.0), stage(1.0)]), 0);
    }
}
