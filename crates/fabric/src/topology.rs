//! Figures of a level as data sheets print them: links, bisection, diameter.

use secondsource_catalog::hardware::{NetworkLevel, ScaleUpShape};

/// Bytes per second in one direction across the worst cut in two halves of one unit of the level.
///
/// Torus: two links (wrap-around) per line across the middle of each axis, the axis with the least bandwidth counts;
/// checked against Google's 1.6 TB/s for a 16x16 v5e pod. Switched: half of the chips at full injection.
/// Full mesh: every pair across the cut. An axis of odd length is cut off the middle by one.
pub fn bisection(level: &NetworkLevel) -> f64 {
    let chips = f64::from(level.chips);
    match level.shape {
        ScaleUpShape::Switched => f64::from(level.chips / 2) * level.injection,
        ScaleUpShape::FullMesh => {
            let half = f64::from(level.chips / 2);
            half * (chips - half) * level.injection / (chips - 1.0).max(1.0)
        }
        ScaleUpShape::Torus(extents) => {
            let all: f64 = extents.iter().map(|e| f64::from((*e).max(1))).product();
            let cut = |a: usize| {
                let e = f64::from(extents[a]);
                let links = if extents[a] > 2 { 2.0 } else { 1.0 };
                links * all / e * level.axis_bandwidth[a]
            };
            let least = (0..3).filter(|a| extents[*a] > 1).map(cut).fold(f64::INFINITY, f64::min);
            if least.is_finite() { least } else { 0.0 }
        }
    }
}

/// Hops between the two chips that are furthest apart, the switch of a switched level not counted.
pub fn diameter(level: &NetworkLevel) -> u32 {
    match level.shape {
        ScaleUpShape::Switched | ScaleUpShape::FullMesh => u32::from(level.chips > 1),
        ScaleUpShape::Torus(extents) => extents.iter().map(|e| e / 2).sum(),
    }
}

/// Direct links per chip; 1 for a switched level.
pub fn links_per_chip(level: &NetworkLevel) -> u32 {
    match level.shape {
        ScaleUpShape::Switched => 1,
        ScaleUpShape::FullMesh => level.chips.saturating_sub(1),
        ScaleUpShape::Torus(extents) => extents.iter().map(|e| e.saturating_sub(1).min(2)).sum(),
    }
}

/// Sum over all chips of the bus bandwidth of an all-reduce, bytes per second: what Google prints as the all-reduce
/// bandwidth of a pod (all links of all chips, one direction).
pub fn all_reduce_bandwidth(level: &NetworkLevel) -> f64 {
    let per_chip = match level.shape {
        ScaleUpShape::Switched | ScaleUpShape::FullMesh => level.injection,
        ScaleUpShape::Torus(extents) => (0..3).map(|a| f64::from(extents[a].saturating_sub(1).min(2)) * level.axis_bandwidth[a]).sum(),
    };
    f64::from(level.chips) * per_chip
}
