use secondsource_catalog::hardware::ScaleUpShape;
use secondsource_fabric::simulate::{Edge, Torus, mesh_all_reduce, ring_all_reduce, torus_all_reduce, torus_all_to_all};
use secondsource_fabric::{Collective, Efficiency, Library, LibraryKind, Placement, TorusPart, cost, place};

use crate::machines::{close, hardware, single, torus};

const XLA: Library = Library::rings(LibraryKind::Xla);

/// The closed form for all chips of a torus or grid.
fn closed(t: &Torus, what: Collective, bytes: f64) -> f64 {
    let chips = t.extents.iter().product();
    let hw = hardware("Google", "tpu", 1, vec![torus(chips, t.extents, t.link, t.latency)]);
    let part = TorusPart { extents: t.extents, spacing: [1; 3], wraps: t.wraps };
    let p = Placement { torus: part, ..place(&hw, 1, chips) };
    cost(&hw, &p, what, bytes, &Efficiency::WIRE, &XLA).seconds
}

fn tori() -> Vec<(Torus, f64)> {
    let t = |extents, wrap: bool, link| Torus { extents, wraps: [wrap; 3], link, latency: 1e-6 };
    vec![
        // Rings and lines: exact.
        (t([2, 1, 1], true, [100e9; 3]), 1e-9),
        (t([3, 1, 1], true, [100e9; 3]), 1e-9),
        (t([8, 1, 1], true, [100e9; 3]), 1e-9),
        (t([1, 16, 1], true, [50e9; 3]), 1e-9),
        (t([7, 1, 1], false, [100e9; 3]), 1e-9),
        // 2-D and 3-D, wrapped and not, equal and unequal.
        (t([4, 4, 1], true, [100e9; 3]), 0.01),
        (t([4, 4, 1], false, [100e9; 3]), 0.01),
        (t([4, 8, 1], true, [100e9; 3]), 0.05),
        (t([4, 4, 4], true, [100e9; 3]), 0.01),
        (t([4, 4, 4], true, [128e9, 128e9, 64e9]), 0.05),
        (t([4, 4, 8], true, [100e9; 3]), 0.05),
        (t([3, 4, 5], false, [100e9; 3]), 0.07),
        (t([8, 8, 8], true, [100e9; 3]), 0.01),
    ]
}

#[test]
fn torus_all_reduce_agrees_with_the_closed_form() {
    for (t, tolerance) in tori() {
        for bytes in [1e4, 1e6, 1e9] {
            let sim = torus_all_reduce(&t, bytes, false);
            let form = closed(&t, Collective::AllReduce, bytes);
            println!("{:?} {:?} {bytes:e}: simulated {:e}, closed {form:e}", t.extents, t.wraps, sim.seconds);
            close(form, sim.seconds, tolerance);
        }
    }
}

/// Every rank ends with the sum of all, and what is sent arrives.
#[test]
fn torus_all_reduce_moves_the_right_data() {
    for (t, _) in tori().into_iter().filter(|(t, _)| t.chips() <= 128) {
        let sim = torus_all_reduce(&t, 1e6, true);
        assert_eq!(sim.complete, Some(true), "{t:?}");
        close(sim.bytes_received, sim.bytes_sent, 1e-9);
        let n = t.chips() as f64;
        // No algorithm can send less than 2(n-1)/n per chip, and rings send no more.
        close(sim.bytes_sent, 2.0 * (n - 1.0) * 1e6, 1e-9);
        assert_eq!(sim.seconds, torus_all_reduce(&t, 1e6, false).seconds);
    }
}

#[test]
fn ring_and_mesh_agree_with_the_closed_form() {
    let nccl = Library::rings(LibraryKind::Nccl);
    for n in [2u32, 3, 8, 16] {
        let hw = single(ScaleUpShape::Switched, n);
        let form = cost(&hw, &place(&hw, 1, n), Collective::AllReduce, 1e8, &Efficiency::WIRE, &nccl);
        let sim = ring_all_reduce(&vec![Edge { bandwidth: 100e9, latency: 2e-6 }; n as usize], 1e8);
        close(form.seconds, sim.seconds, 1e-9);
        assert_eq!(sim.complete, Some(true));
        close(sim.bytes_sent, f64::from(n) * form.scale_up_bytes_per_chip, 1e-12);

        let hw = single(ScaleUpShape::FullMesh, n);
        let lib = Library::of(&hardware("Intel", "gaudi", n, Vec::new()));
        let form = cost(&hw, &place(&hw, 1, n), Collective::ReduceScatter, 1e8, &Efficiency::WIRE, &lib);
        let link = 100e9 / f64::from(n - 1);
        let sim = mesh_all_reduce(n as usize, Edge { bandwidth: link, latency: 2e-6 }, 1e8);
        close(2.0 * form.seconds, sim.seconds, 1e-9);
        assert_eq!(sim.complete, Some(true));
    }
}

/// A ring through four nodes of four: bound by its slow edges, as the flat closed form says.
#[test]
fn ring_over_nodes() {
    let fast = Edge { bandwidth: 400e9, latency: 1e-6 };
    let slow = Edge { bandwidth: 50e9, latency: 5e-6 };
    let edges: Vec<Edge> = (0..16).map(|i| if i % 4 == 3 { slow } else { fast }).collect();
    let sim = ring_all_reduce(&edges, 1e9);
    close(2.0 * 15.0 / 16.0 * 1e9 / 50e9, sim.seconds, 0.02);
    assert_eq!(sim.complete, Some(true));
    assert_eq!(ring_all_reduce(&[], 1.0).seconds, 0.0);
}

/// The bisection bound of the all-to-all: packets in queues reach it within 3%.
#[test]
fn all_to_all_agrees_with_the_closed_form() {
    let t = |extents, wrap: bool| Torus { extents, wraps: [wrap; 3], link: [100e9; 3], latency: 1e-7 };
    for (t, tolerance) in [
        (t([8, 1, 1], true), 0.03),
        (t([7, 1, 1], true), 0.03),
        (t([16, 1, 1], false), 0.03),
        (t([8, 8, 1], true), 0.03),
        (t([4, 4, 4], true), 0.03),
        (t([4, 8, 8], true), 0.03),
        (t([6, 6, 1], false), 0.03),
    ] {
        let bytes = 64e6;
        let sim = torus_all_to_all(&t, bytes);
        let form = closed(&t, Collective::AllToAll, bytes);
        println!("{:?}: simulated {:e}, closed {form:e}", t.extents, sim.seconds);
        assert_eq!(sim.complete, Some(true));
        close(sim.bytes_received, sim.bytes_sent, 1e-9);
        close(form, sim.seconds, tolerance);
    }
}

#[test]
fn large_torus_within_the_target() {
    let t = Torus { extents: [16, 32, 32], wraps: [true; 3], link: [100e9; 3], latency: 1e-6 };
    let bytes = 64.0 * 1048576.0;
    let sim = torus_all_reduce(&t, bytes, false);
    println!("simulated {:e}, closed {:e}", sim.seconds, closed(&t, Collective::AllReduce, bytes));
    close(closed(&t, Collective::AllReduce, bytes), sim.seconds, 0.01);
    assert_eq!(sim.messages, 16384 * 3 * 2 * (16 + 32 + 32));
}
