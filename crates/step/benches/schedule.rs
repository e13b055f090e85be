//! Time to build, simulate and estimate pipeline schedules.

use divan::{Bencher, black_box};
use secondsource_step::schedule::{P2p, Plan, Schedule, StageTimes, build, makespan_closed, simulate};

fn main() {
    divan::main();
}

type Case = (Schedule, u32, u32, u32);

const CASES: [Case; 6] = [
    (Schedule::OneFOneB, 8, 1, 64),
    (Schedule::OneFOneB, 8, 4, 64),
    (Schedule::ZeroBubble, 8, 1, 64),
    (Schedule::Dualpipe, 16, 1, 128),
    (Schedule::OneFOneB, 64, 1, 512),
    (Schedule::OneFOneB, 64, 8, 512),
];

fn input(case: Case) -> Option<(Plan, StageTimes)> {
    let (schedule, pp, vpp, m) = case;
    let plan = build(schedule, pp, vpp, m).ok()?;
    let times = StageTimes::uniform(plan.stages(), 1.0, 1.1, 0.9);
    Some((plan, times))
}

#[divan::bench(args = CASES)]
fn build_only(bencher: Bencher, (schedule, pp, vpp, m): Case) {
    bencher.bench(|| build(black_box(schedule), pp, vpp, m));
}

#[divan::bench(args = CASES)]
fn simulate_only(bencher: Bencher, case: Case) {
    let Some((plan, times)) = input(case) else { return };
    bencher.bench(|| simulate(black_box(&plan), black_box(&times), &P2p::overlapped(0.05)));
}

#[divan::bench(args = CASES)]
fn closed_form(bencher: Bencher, case: Case) {
    let (schedule, pp, vpp, m) = case;
    let Some((_, times)) = input(case) else { return };
    bencher.bench(|| makespan_closed(black_box(schedule), pp, vpp, m, black_box(&times), &P2p::overlapped(0.05)));
}
