use secondsource_catalog::hardware::ScaleUpShape;
use secondsource_fabric::topology::{all_reduce_bandwidth, bisection, diameter, links_per_chip};

use crate::machines::{close, level, torus, v5e, v5p};

/// Google, TPU v5e page: 1.6 TB/s bisection, 51.2 TB/s all-reduce bandwidth per 256-chip pod.
#[test]
fn v5e_pod_as_published() {
    let ici = v5e().levels[0];
    close(bisection(&ici), 1.6e12, 1e-9);
    close(all_reduce_bandwidth(&ici), 51.2e12, 1e-9);
    assert_eq!((diameter(&ici), links_per_chip(&ici)), (16, 4));
}

/// Google, TPU v4 page: 24 TB/s bisection and 1.1 PB/s all-reduce for 16x16x16; link rate 45 GB/s as printed in
/// "How to Scale Your Model", part 2.
#[test]
fn v4_pod_as_published() {
    let ici = torus(4096, [16, 16, 16], [45e9; 3], 1e-6);
    close(bisection(&ici), 24e12, 0.05);
    close(all_reduce_bandwidth(&ici), 1.1e15, 0.05);
}

#[test]
fn other_shapes() {
    let ici = v5p().levels[0];
    close(bisection(&ici), 2.0 * 16.0 * 20.0 * 100e9, 1e-9);
    assert_eq!(diameter(&ici), 8 + 10 + 14);
    let mesh = level(8, ScaleUpShape::FullMesh, 448e9, 0.0, false);
    close(bisection(&mesh), 16.0 * 64e9, 1e-9);
    assert_eq!(links_per_chip(&mesh), 7);
    let switch = level(72, ScaleUpShape::Switched, 900e9, 0.0, false);
    close(bisection(&switch), 36.0 * 900e9, 1e-9);
    assert_eq!(bisection(&torus(1, [1, 1, 1], [0.0; 3], 0.0)), 0.0);
}
