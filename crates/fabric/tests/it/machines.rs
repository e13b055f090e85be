//! Systems built by hand. Round numbers where the test is about the equation, catalog figures where a published
//! value is checked (the figures stand in `shared/data/catalog`).

use secondsource_catalog::hardware::{ChipSpec, Hardware, NetworkLevel, ScaleUpShape};

pub fn level(chips: u32, shape: ScaleUpShape, injection: f64, latency: f64, scale_out: bool) -> NetworkLevel {
    NetworkLevel { chips, shape, injection, axis_bandwidth: [0.0; 3], latency, scale_out, host_bus: false }
}

pub fn torus(chips: u32, extents: [u32; 3], axis_bandwidth: [f64; 3], latency: f64) -> NetworkLevel {
    let shape = ScaleUpShape::Torus(extents);
    let injection = (0..3).map(|a| axis_bandwidth[a] * f64::from(extents[a].saturating_sub(1).min(2))).sum();
    NetworkLevel { chips, shape, injection, axis_bandwidth, latency, scale_out: false, host_bus: false }
}

pub fn hardware(vendor: &str, family: &str, node: u32, levels: Vec<NetworkLevel>) -> Hardware {
    let chip = ChipSpec {
        id: family.to_owned(),
        vendor: vendor.to_owned(),
        family: family.to_owned(),
        peaks: [None; 8],
        hbm_bytes: 0.0,
        hbm_bandwidth: 0.0,
        tdp: None,
        cores: None,
        power: None,
        kernels: None,
    };
    Hardware { system: "test".to_owned(), chip, chips_per_node: node, levels, max_chips: None }
}

fn outside(injection: f64, latency: f64) -> NetworkLevel {
    level(u32::MAX, ScaleUpShape::Switched, injection, latency, true)
}

pub fn h100() -> Hardware {
    hardware("NVIDIA", "hopper", 8, vec![level(8, ScaleUpShape::Switched, 450e9, 1e-6, false), outside(50e9, 5e-6)])
}

pub fn nvl72() -> Hardware {
    hardware("NVIDIA", "blackwell", 4, vec![level(72, ScaleUpShape::Switched, 900e9, 1e-6, false), outside(50e9, 5e-6)])
}

pub fn mi300x() -> Hardware {
    hardware("AMD", "cdna3", 8, vec![level(8, ScaleUpShape::FullMesh, 448e9, 1e-6, false), outside(50e9, 5e-6)])
}

/// 4x4 chips in an instance (256 GB/s per link of 1,024 both ways), four instances along z.
pub fn trn2_ultraserver() -> Hardware {
    let inside = torus(64, [4, 4, 4], [128e9, 128e9, 64e9], 1.5e-6);
    hardware("AWS", "neuron", 16, vec![inside, outside(25e9, 15e-6)])
}

/// Sled of 4, rack of 72, two racks, EFA; tiers 256/320/128 GB/s.
pub fn trn3() -> Hardware {
    let tier = |chips, gbps: f64| level(chips, ScaleUpShape::Switched, gbps * 1e9, 2e-6, false);
    hardware("AWS", "neuron", 4, vec![tier(4, 256.0), tier(72, 320.0), tier(144, 128.0), outside(25e9, 15e-6)])
}

pub fn v5e() -> Hardware {
    hardware("Google", "tpu", 8, vec![torus(256, [16, 16, 1], [50e9, 50e9, 0.0], 1e-6), outside(3.125e9, 20e-6)])
}

pub fn v5p() -> Hardware {
    hardware("Google", "tpu", 4, vec![torus(8960, [16, 20, 28], [100e9; 3], 1e-6), outside(6.25e9, 20e-6)])
}

/// One level of n chips and nothing else.
pub fn single(shape: ScaleUpShape, n: u32) -> Hardware {
    hardware("NVIDIA", "ampere", n, vec![level(n, shape, 100e9, 2e-6, false)])
}

pub fn all() -> Vec<Hardware> {
    vec![h100(), nvl72(), mi300x(), trn2_ultraserver(), trn3(), v5e(), v5p()]
}

pub fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs(), "{a} is not within {tolerance} of {b}");
}
