//! How many rectangles fit on a round wafer, by placing them on a grid.

use std::f64::consts::PI;

/// A wafer and the rules of placing things on it, millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wafer {
    pub diameter: f64,
    /// Width of the rim that is not used.
    pub edge: f64,
    /// Saw street between neighbours.
    pub street: f64,
}

/// Most rectangles that are counted: smaller ones are refused with zero.
const MOST: f64 = 1e6;

/// Offsets tried along each axis.
const OFFSETS: u32 = 40;

/// Rectangles of `width` x `height` mm wholly inside the usable radius, on one grid of rows and columns: the most over
/// [`OFFSETS`] x [`OFFSETS`] offsets of the grid. Zero for sizes that are not positive, or so small that there would be more than a
/// million.
///
/// A grid, because a stepper and a saw work on one: rows do not slide against each other.
pub fn per_wafer(wafer: &Wafer, width: f64, height: f64) -> u32 {
    let radius = wafer.diameter / 2.0 - wafer.edge;
    let (px, py) = (width + wafer.street, height + wafer.street);
    let sane = [width, height, radius].iter().all(|v| v.is_finite() && *v > 0.0) && wafer.street.is_finite() && wafer.street >= 0.0;
    if !sane || PI * radius * radius / (px * py) > MOST {
        return 0;
    }
    let mut best = 0;
    for j in 0..OFFSETS {
        let y0 = py * f64::from(j) / f64::from(OFFSETS);
        // Half the room of each row at its tighter side.
        let rows = libm::ceil(radius / py) as i64 + 1;
        let halves: Vec<f64> = (-rows..=rows)
            .filter_map(|r| {
                let low = y0 + r as f64 * py;
                let far = low.abs().max((low + height).abs());
                (far < radius).then(|| libm::sqrt(radius * radius - far * far))
            })
            .collect();
        for i in 0..OFFSETS {
            let x0 = px * f64::from(i) / f64::from(OFFSETS);
            let count: i64 = halves
                .iter()
                .map(|half| {
                    // Columns c with x0 + c px >= -half and x0 + c px + width <= half.
                    let first = libm::ceil((-half - x0) / px - 1e-12) as i64;
                    let last = libm::floor((half - width - x0) / px + 1e-12) as i64;
                    (last - first + 1).max(0)
                })
                .sum();
            best = best.max(count);
        }
    }
    u32::try_from(best).unwrap_or(0)
}

/// The same for an area in mm2 and an aspect ratio of at least 1.
pub fn per_wafer_of_area(wafer: &Wafer, area: f64, aspect: f64) -> u32 {
    if !(area > 0.0 && aspect >= 1.0) {
        return 0;
    }
    let short = libm::sqrt(area / aspect);
    per_wafer(wafer, short * aspect, short).max(per_wafer(wafer, short, short * aspect))
}

/// The usual approximation for small dies: pi D^2 / 4A - pi D / sqrt(2A), with the whole diameter.
pub fn corrected_count(diameter: f64, area: f64) -> f64 {
    (PI * diameter * diameter / (4.0 * area) - PI * diameter / libm::sqrt(2.0 * area)).max(0.0)
}

/// Another: pi D^2 / 4A exp(-2 sqrt(A) / D). It counts too many dies of the size of a reticle (BT15).
pub fn exponential_count(diameter: f64, area: f64) -> f64 {
    PI * diameter * diameter / (4.0 * area) * libm::exp(-2.0 * libm::sqrt(area) / diameter)
}
