use crate::book::order;
use crate::line::{day, policy};
use secondsource_market::orders::{Capable, Day, Line, Order, Path, Resource, Rule, Step, Tranche, capable};

fn resource(name: &str, free: [f64; 4]) -> Resource {
    Resource { name: name.into(), free: free.to_vec() }
}

fn path(name: &str, steps: &[(&str, f64, f64)]) -> Path {
    let steps =
        steps.iter().map(|(r, per_chip, days_before)| Step { resource: (*r).into(), per_chip: *per_chip, days_before: *days_before });
    Path { name: name.into(), product: "chip".into(), steps: steps.collect() }
}

fn line() -> Line {
    let edges = ["2027-01-01", "2027-04-01", "2027-07-01", "2027-10-01", "2028-01-01"].map(day);
    Line::new(edges.to_vec(), vec![50.0, 50.0, 50.0, 50.0], 1)
}

fn chips(n: u32) -> Order {
    Order { chips_per_rack: 1, ..order("x", n, "2027-01-01") }
}

fn ask_for(o: &Order, resources: &[Resource], paths: &[Path]) -> Option<Capable> {
    let (line, today) = (line(), day("2027-01-01"));
    let free = line.free(&policy(Rule::FirstCome, &[("one", 1.0)]), 0);
    capable(&line, &free, resources, &paths.iter().collect::<Vec<_>>(), o, today).unwrap()
}

fn ask(n: u32, resources: &[Resource], paths: &[Path]) -> Option<Capable> {
    ask_for(&chips(n), resources, paths)
}

/// 80 chips, of which 50 are planned. Wafers 185 days ahead and packages 93: what is ready by the end of
/// September had its wafers in the first quarter and its packages in the second, and packages are the bottleneck.
#[test]
fn the_bottleneck_decides() {
    let wafers = resource("wafers", [2.0, 2.0, 2.0, 2.0]);
    let packages = resource("packages", [40.0, 20.0, 20.0, 40.0]);
    let steps = path("second line", &[("wafers", 0.05, 185.0), ("packages", 1.0, 93.0)]);
    let got = ask(80, &[wafers.clone(), packages.clone()], std::slice::from_ref(&steps)).unwrap();
    assert_eq!((got.day, got.planned), (day("2027-12-31"), 50.0));
    assert_eq!(got.made, [("second line".to_owned(), 30.0)]);
    // Twenty more are ready a quarter earlier; none that needs wafers of last year.
    assert_eq!(ask(70, &[wafers.clone(), packages.clone()], std::slice::from_ref(&steps)).unwrap().day, day("2027-09-30"));
    assert_eq!(ask(50, &[], &[]).unwrap().day, day("2027-03-31"));
    assert_eq!(ask(91, &[wafers, packages], &[steps]), None);
}

/// Two paths that share a stage: the program takes the one that needs less of it, which a greedy order would not.
#[test]
fn paths_share_a_stage() {
    let r = [resource("stacks", [60.0, 0.0, 0.0, 0.0]), resource("dies", [40.0, 0.0, 0.0, 0.0])];
    let paths = [path("eight stacks", &[("stacks", 8.0, 0.0)]), path("four stacks", &[("stacks", 4.0, 0.0), ("dies", 4.0, 0.0)])];
    let got = ask(62, &r, &paths).unwrap();
    let made: f64 = got.made.iter().map(|m| m.1).sum();
    // Ten of the second use all dies and forty stacks; the other twenty stacks make two and a half of the first.
    assert!((made - 12.0).abs() < 1e-9 && got.day == day("2027-03-31"), "{got:?}");
    assert_eq!(ask(63, &r, &paths), None);
    let unknown = [path("nowhere", &[("lasers", 1.0, 0.0)])];
    let line = line();
    let today = Day(line.edges()[0].0);
    assert!(capable(&line, &[0.0; 4], &r, &[&unknown[0]], &chips(5), today).unwrap_err().contains("lasers"));
}

/// A ramp is not held back to its end, nor is its first part taken for all: 50 that are planned and 20 made each quarter from
/// the second on serve 40, 30 and 40 when each is wanted, while all 110 at once would have to wait for the last quarter.
#[test]
fn a_ramp_is_quoted_part_by_part() {
    let r = [resource("packages", [20.0, 20.0, 20.0, 20.0])];
    let paths = [path("more", &[("packages", 1.0, 91.0)])];
    let part = |at: &str, racks| Tranche { day: day(at), racks };
    let ramp = |parts: [Tranche; 3]| Order { ramp: parts.to_vec(), ..chips(110) };
    let got = ask_for(&ramp([part("2027-01-01", 40), part("2027-04-01", 30), part("2027-10-01", 40)]), &r, &paths).unwrap();
    assert_eq!(got.parts, [part("2027-03-31", 40), part("2027-06-30", 30), part("2027-12-31", 40)]);
    assert_eq!((got.planned, got.made), (50.0, vec![("more".to_owned(), 60.0)]));
    // Thirty-one in the second quarter are one too many: that part waits, and the last one is not hurt.
    let got = ask_for(&ramp([part("2027-01-01", 40), part("2027-04-01", 31), part("2027-10-01", 39)]), &r, &paths).unwrap();
    assert_eq!(got.parts, [part("2027-03-31", 40), part("2027-09-30", 31), part("2027-12-31", 39)]);
    // One more than can be made in all.
    assert_eq!(ask_for(&Order { ramp: Vec::new(), ..chips(111) }, &r, &paths), None);
    assert_eq!(ask(110, &r, &paths).unwrap().day, day("2027-12-31"));
}
