use secondsource_catalog::hardware::ScaleUpShape;
use secondsource_fabric::{Algorithm, Bound, Collective, Cost, Efficiency, Library, LibraryKind, Slice, Thresholds, cost, place};

use crate::machines::{close, h100, level, mi300x, nvl72, single, trn2_ultraserver, trn3, v5e, v5p};

const WIRE: Efficiency = Efficiency::WIRE;
const NCCL: Library = Library::rings(LibraryKind::Nccl);
const NEURON: Library = Library::rings(LibraryKind::Neuron);
const XLA: Library = Library::rings(LibraryKind::Xla);
/// Catalog rows neuronlink-v3 algo_mesh_max and algo_rdh_range.
const NEURON_LIMITS: Thresholds = Thresholds { mesh_max: Some(1e6), rdh_max: Some(56e6) };

/// Ring: 2(n-1)/n bytes/bw + 2(n-1) latency; half of it for one phase (NCCL tests; Thakur et al. 2005).
#[test]
fn ring() {
    for n in [2u32, 3, 8, 72] {
        let hw = single(ScaleUpShape::Switched, n);
        let p = place(&hw, 1, n);
        let (nf, s) = (f64::from(n), 1e9);
        let c = cost(&hw, &p, Collective::AllReduce, s, &WIRE, &NCCL);
        close(c.bandwidth_part, 2.0 * (nf - 1.0) / nf * s / 100e9, 1e-12);
        close(c.latency_part, 2.0 * (nf - 1.0) * 2e-6, 1e-12);
        close(c.seconds, c.bandwidth_part + c.latency_part, 1e-15);
        assert_eq!((c.algorithm, c.bound), (Algorithm::Ring, Bound::Bandwidth(0)));
        close(c.scale_up_bytes_per_chip, 2.0 * (nf - 1.0) / nf * s, 1e-12);
        for what in [Collective::AllGather, Collective::ReduceScatter] {
            close(cost(&hw, &p, what, s, &WIRE, &NCCL).seconds, c.seconds / 2.0, 1e-12);
        }
        let c = cost(&hw, &p, Collective::AllToAll, s, &WIRE, &NCCL);
        close(c.seconds, (nf - 1.0) / nf * s / 100e9 + 2e-6, 1e-12);
        close(cost(&hw, &p, Collective::SendRecv, s, &WIRE, &NCCL).seconds, s / 100e9 + 2e-6, 1e-12);
    }
}

/// NVLS: (n+1)/n buffers in two steps instead of 2(n-1)/n in 2(n-1).
#[test]
fn in_switch_reduction() {
    let hw = h100();
    let p = place(&hw, 1, 8);
    let lib = Library::of(&hw);
    let c = cost(&hw, &p, Collective::AllReduce, 1e9, &WIRE, &lib);
    assert_eq!(c.algorithm, Algorithm::InSwitch);
    close(c.seconds, 9.0 / 8.0 * 1e9 / 450e9 + 2e-6, 1e-12);
    let ring = cost(&hw, &p, Collective::AllReduce, 1e9, &WIRE, &NCCL);
    assert!(ring.seconds > 1.5 * c.seconds);
    // A pair has nothing to win: 3/2 against 1 buffer.
    let pair = place(&hw, 1, 2);
    assert_eq!(cost(&hw, &pair, Collective::AllReduce, 1e9, &WIRE, &lib).algorithm, Algorithm::Ring);
}

/// Trees win short messages on many nodes, in log2 steps.
#[test]
fn tree_for_short_messages() {
    let hw = h100();
    let lib = Library { tree: Some(0.92), ..NCCL };
    let p = place(&hw, 1, 512);
    let c = cost(&hw, &p, Collective::AllReduce, 1e4, &WIRE, &lib);
    assert_eq!((c.algorithm, c.bound), (Algorithm::Tree, Bound::Latency));
    close(c.latency_part, 2.0 * (7.0 * 1e-6 + 6.0 * 5e-6), 1e-12);
    let c = cost(&hw, &p, Collective::AllReduce, 1e10, &WIRE, &lib);
    assert_eq!((c.algorithm, c.bound), (Algorithm::Ring, Bound::Bandwidth(1)));
    // NVL72: chains of 4 and a tree of 18 trays on NVLink.
    let hw = nvl72();
    let c = cost(&hw, &place(&hw, 1, 72), Collective::AllReduce, 1e3, &WIRE, &lib);
    close(c.latency_part, 2.0 * (3.0 + 5.0) * 1e-6, 1e-12);
}

/// Eight rings leave a node through eight cards: 2(N-1)/N S/8 per card; levels overlap, the card is slower.
#[test]
fn flat_rings_use_all_cards_of_a_node() {
    let hw = h100();
    let (s, n) = (8e9, 1024.0);
    let c = cost(&hw, &place(&hw, 1, 1024), Collective::AllReduce, s, &WIRE, &NCCL);
    close(c.bandwidth_part, 2.0 * (n - 1.0) / n * s / 8.0 / 50e9, 1e-12);
    close(c.latency_part, 2.0 * (127.0 * 5e-6 + 128.0 * 7.0 * 1e-6), 1e-12);
    close(c.scale_out_bytes_per_chip, 2.0 * (n - 1.0) / n * s / 8.0, 1e-12);
    assert_eq!(c.bound, Bound::Bandwidth(1));
    // One member per node (data parallel behind tp = 8): the whole buffer through one card.
    let c = cost(&hw, &place(&hw, 8, 128), Collective::AllReduce, s / 8.0, &WIRE, &NCCL);
    close(c.bandwidth_part, 2.0 * 127.0 / 128.0 * s / 8.0 / 50e9, 1e-12);
    // Two groups on one card: half the bandwidth.
    let mut shared = place(&hw, 8, 128);
    shared.contenders[1] = 2;
    let d = cost(&hw, &shared, Collective::AllReduce, s / 8.0, &WIRE, &NCCL);
    close(d.bandwidth_part, 2.0 * c.bandwidth_part, 1e-12);
}

/// A group of 4 on an 8-chip mesh can use 3 of 7 links.
#[test]
fn full_mesh_splits_the_injection() {
    let hw = mi300x();
    let c = cost(&hw, &place(&hw, 1, 4), Collective::AllReduce, 1e9, &WIRE, &Library::rings(LibraryKind::Rccl));
    close(c.bandwidth_part, 2.0 * 0.75 * 1e9 / (3.0 * 64e9), 1e-12);
    let c = cost(&hw, &place(&hw, 1, 4), Collective::SendRecv, 1e9, &WIRE, &NCCL);
    close(c.bandwidth_part, 1e9 / 64e9, 1e-12);
    let lib = Library { scale_up: NEURON_LIMITS, ..Library::rings(LibraryKind::Rccl) };
    let c = cost(&hw, &place(&hw, 1, 8), Collective::AllReduce, 1e4, &WIRE, &lib);
    assert_eq!(c.algorithm, Algorithm::Mesh);
    close(c.latency_part, 2e-6, 1e-12);
}

/// Recursive doubling: log2(n) steps, (n-1)/n of the bytes; only for 2^p members; by size: mesh, RDH, ring.
#[test]
fn neuron_picks_by_size() {
    let lib = Library { scale_up: NEURON_LIMITS, ..NEURON };
    let hw = single(ScaleUpShape::Switched, 16);
    let run = |n, s| cost(&hw, &place(&hw, 1, n), Collective::ReduceScatter, s, &WIRE, &lib);
    let c = run(16, 8e6);
    assert_eq!(c.algorithm, Algorithm::RecursiveDoubling);
    close(c.latency_part, 4.0 * 2e-6, 1e-12);
    close(c.bandwidth_part, 15.0 / 16.0 * 8e6 / 100e9, 1e-12);
    assert_eq!(run(12, 8e6).algorithm, Algorithm::Ring);
    assert_eq!(run(16, 5e5).algorithm, Algorithm::Mesh);
    assert_eq!(run(16, 57e6).algorithm, Algorithm::Ring);
    let hw = trn2_ultraserver();
    let p = Slice::new(&hw, 16).place(&hw, 1, 16);
    let pick = |s| cost(&hw, &p, Collective::AllReduce, s, &WIRE, &lib).algorithm;
    assert_eq!(pick(1e5), Algorithm::Mesh);
    assert_eq!(pick(100e6), Algorithm::MultiRing);
    let c = cost(&hw, &p, Collective::AllReduce, 1.0, &WIRE, &lib);
    close(c.latency_part, 1.5e-6, 1e-9);
}

/// Neuron, level after level: sled, rack, racks, EFA, each on what the inner levels left.
#[test]
fn trn3_levels_add_up() {
    let hw = trn3();
    let s = 1e9;
    let c = cost(&hw, &place(&hw, 1, 288), Collective::AllReduce, s, &WIRE, &NEURON);
    let part = |n: f64, lanes: f64, gbps: f64| 2.0 * (n - 1.0) / n * s / lanes / (gbps * 1e9);
    let sum = part(4.0, 1.0, 256.0) + part(18.0, 4.0, 320.0) + part(2.0, 72.0, 128.0) + part(2.0, 144.0, 25.0);
    close(c.bandwidth_part, sum, 1e-12);
    close(c.latency_part, 2.0 * ((3.0 + 17.0 + 1.0) * 2e-6 + 15e-6), 1e-12);
    close(c.scale_up_bytes_per_chip + c.scale_out_bytes_per_chip, 2.0 * 287.0 / 288.0 * s, 1e-12);
}

/// T = 2 V / (W * axes) with W both directions of a link ("How to Scale Your Model", part 3), exactly (N-1)/N of it.
#[test]
fn torus_multi_ring() {
    let hw = v5e();
    let c = cost(&hw, &place(&hw, 1, 256), Collective::AllReduce, 1e9, &WIRE, &XLA);
    close(c.bandwidth_part, 2.0 * 255.0 / 256.0 * 1e9 / (2.0 * 100e9), 1e-12);
    close(c.latency_part, 2.0 * 16.0 * 1e-6, 1e-12);
    // One row of 16 with wrap-around, and a line of 4 without: the line has half the bandwidth.
    let row = cost(&hw, &place(&hw, 1, 16), Collective::AllGather, 1e9, &WIRE, &XLA);
    close(row.bandwidth_part, 15.0 / 16.0 * 1e9 / 100e9, 1e-12);
    let line = cost(&hw, &place(&hw, 1, 4), Collective::AllGather, 1e9, &WIRE, &XLA);
    close(line.bandwidth_part, 0.75 * 1e9 / 50e9, 1e-12);
    close(line.latency_part, 3e-6, 1e-12);
    // All-to-all: bytes * n / 8 per link.
    let c = cost(&hw, &place(&hw, 1, 256), Collective::AllToAll, 1e9, &WIRE, &XLA);
    close(c.bandwidth_part, 1e9 * 16.0 / 8.0 / 50e9, 1e-12);
    // Two pods: inside, then 1/256 each over the data-centre network.
    let c = cost(&hw, &place(&hw, 1, 512), Collective::AllReduce, 1e9, &WIRE, &XLA);
    close(c.scale_out_bytes_per_chip, 1e9 / 256.0, 1e-12);
    assert!(c.bandwidth_part > 2.0 * 255.0 / 256.0 * 1e9 / 200e9);
    // A neighbour of the next pipeline stage is one hop away.
    let hop = cost(&v5p(), &place(&v5p(), 320, 28), Collective::SendRecv, 1e8, &WIRE, &XLA);
    close(hop.seconds, 1e8 / 100e9 + 1e-6, 1e-12);
}

#[test]
fn broadcast_and_software_time() {
    let hw = single(ScaleUpShape::Switched, 8);
    let p = place(&hw, 1, 8);
    let c = cost(&hw, &p, Collective::Broadcast, 1e9, &WIRE, &NCCL);
    close(c.seconds, 1e9 / 100e9 + 7.0 * 2e-6, 1e-12);
    let c = cost(&hw, &p, Collective::Broadcast, 1.0, &WIRE, &NEURON);
    close(c.latency_part, 3.0 * 2e-6, 1e-9);
    let eff = Efficiency { scale_up: 0.5, scale_up_step: 1e-6, launch: 5e-6, per_message: 1e-7, ..WIRE };
    let c = cost(&hw, &p, Collective::AllReduce, 1e9, &eff, &NCCL);
    close(c.latency_part, 14.0 * 3e-6 + 5e-6, 1e-12);
    close(c.bandwidth_part, 1.75 * 1e9 / 50e9, 1e-12);
    let c = cost(&hw, &p, Collective::AllToAll, 1e9, &eff, &NCCL);
    close(c.latency_part, 3e-6 + 5e-6 + 7e-7, 1e-12);
}

#[test]
fn pat_for_one_member_per_node() {
    let hw = h100();
    let lib = Library { pat: Some(0.75), ..NCCL };
    let c = cost(&hw, &place(&hw, 8, 128), Collective::AllGather, 1e5, &WIRE, &lib);
    assert_eq!(c.algorithm, Algorithm::Pat);
    close(c.latency_part, 7.0 * 5e-6, 1e-12);
    let c = cost(&hw, &place(&hw, 1, 128), Collective::AllGather, 1e5, &WIRE, &lib);
    assert_eq!(c.algorithm, Algorithm::Ring);
}

#[test]
fn nothing_to_do_costs_nothing() {
    let hw = h100();
    for (size, bytes) in [(1, 1e9), (8, 0.0), (8, f64::NAN), (8, -1.0)] {
        assert_eq!(cost(&hw, &place(&hw, 1, size), Collective::AllReduce, bytes, &WIRE, &NCCL), Cost::ZERO);
    }
    let mut none = h100();
    none.levels.clear();
    assert_eq!(cost(&none, &place(&none, 1, 8), Collective::AllReduce, 1.0, &WIRE, &NCCL).seconds, f64::INFINITY);
    let mut cut = h100();
    cut.levels[0] = level(8, ScaleUpShape::Switched, 0.0, 0.0, false);
    assert_eq!(cost(&cut, &place(&cut, 1, 8), Collective::AllReduce, 1.0, &WIRE, &NCCL).seconds, f64::INFINITY);
    let mut dead = v5e();
    dead.levels[0].axis_bandwidth[1] = 0.0;
    for what in [Collective::AllReduce, Collective::AllGather, Collective::AllToAll] {
        assert!(cost(&dead, &place(&dead, 1, 256), what, 1.0, &WIRE, &XLA).seconds > 1e100);
    }
}
