//! The same bytes on one thread and on several.

use crate::SMALL;
use secondsource_plan::{Found, Pins};

fn bytes(f: &Found) -> String {
    let best: Vec<_> = f.best.iter().map(|c| (c.seconds.to_bits(), c.memory.to_bits(), c.layout)).collect();
    let one = |c: Option<secondsource_plan::Candidate>| c.map(|c| (c.seconds.to_bits(), c.memory.to_bits(), c.layout));
    serde_json::to_string(&(best, one(f.unlimited), one(f.leanest), f.weighed, f.pruned, &f.by_rule)).expect("plain data")
}

#[test]
fn one_thread_or_several() {
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool");
    let (one, two, five) = (pool(1), pool(2), pool(5));
    for case in SMALL {
        for cut in [true, false] {
            let run = || bytes(&case.search(Pins::default(), 10, cut));
            let first = one.install(run);
            assert_eq!(first, two.install(run), "{case:?}");
            assert_eq!(first, five.install(run), "{case:?}");
            assert_eq!(first, one.install(run), "{case:?}: twice on one thread");
        }
    }
}
