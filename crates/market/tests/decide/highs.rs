//! Programs that another solver has solved: HiGHS, by validation/decide/highs.py. The programs are in
//! validation/decide/programs.json, its results in validation/decide/highs.json.
//!
//! With SECONDSOURCE_UPDATE=1 the programs are drawn and written anew; then run the script.

use crate::cases::{Size, program};
use secondsource_market::decide::{Aim, Program, Ready, Risk, Together, solve};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize)]
struct Case {
    name: String,
    level: f64,
    weight: f64,
    /// Limit on the CVaR of the cost, at the level above.
    budget: Option<f64>,
    program: Program,
}

#[derive(Deserialize)]
struct Solved {
    name: String,
    /// Absent when no commitments keep the budget.
    usd: Option<f64>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../validation/decide")
}

/// Numbers with four decimals and no infinities, so that the file is small and readable everywhere.
fn plain(mut p: Program) -> Program {
    for s in &mut p.scenarios {
        let tables = [
            &mut s.commit_cost,
            &mut s.commit_hours,
            &mut s.rent_price,
            &mut s.rent_hours,
            &mut s.work,
            &mut s.rate,
            &mut s.late,
            &mut s.drop,
        ];
        for v in tables.into_iter().flatten() {
            *v = (v.min(1e9) * 1e4).round() / 1e4;
        }
        s.fixed = (s.fixed * 1e4).round() / 1e4;
    }
    p
}

fn draw() -> Vec<Case> {
    let base = Size { periods: 10, commitments: 6, rentals: 2, demands: 1, scenarios: 12, shared: false };
    let case = |name: &str, seed, size, level, weight, budget| Case {
        name: name.to_owned(),
        level,
        weight,
        budget,
        program: plain(program(seed, size)),
    };
    vec![
        case("one run, mean", 5001, base, 0.0, 0.0, None),
        case("one run, half CVaR 75%", 5001, base, 0.75, 0.5, None),
        case("a run a quarter", 5002, Size { demands: 4, ..base }, 0.0, 0.0, None),
        case("three jobs that share", 5003, Size { demands: 3, shared: true, ..base }, 0.0, 0.0, None),
        case("three jobs that share, CVaR 50%", 5003, Size { demands: 3, shared: true, ..base }, 0.5, 2.0, None),
        case("a budget that binds", 5004, base, 0.75, 0.0, Some(640_000.0)),
        case("a budget that cannot be kept", 5004, base, 0.75, 0.0, Some(100_000.0)),
    ]
}

#[test]
fn agrees_with_highs() {
    let file = folder().join("programs.json");
    if std::env::var_os("SECONDSOURCE_UPDATE").is_some() {
        let text = serde_json::to_string(&draw()).expect("JSON");
        std::fs::write(&file, text + "\n").expect("programs.json");
    }
    let read = |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let cases: Vec<Case> = serde_json::from_str(&read(file)).expect("programs.json");
    let solved: Vec<Solved> = serde_json::from_str(&read(folder().join("highs.json"))).expect("highs.json");
    assert_eq!(cases.len(), solved.len(), "run validation/decide/highs.py");
    for (case, theirs) in cases.iter().zip(solved) {
        assert_eq!(case.name, theirs.name);
        case.program.check().expect("a sound program");
        let ready = Ready::new(&case.program);
        let risk = Risk { level: case.level, weight: case.weight };
        let aim = Aim { risk, budget: case.budget.map(|b| (case.level, b)), gap: 1e-9, most_cuts: 1000 };
        let ours = solve(&Together::new(vec![&ready]), &aim, &|_| true);
        match theirs.usd {
            None => assert!(!ours.within_budget, "{}", case.name),
            Some(usd) => {
                assert!(ours.within_budget, "{}", case.name);
                assert!((ours.usd / usd - 1.0).abs() < 1e-6, "{}: {} against {usd}", case.name, ours.usd);
            }
        }
    }
}
