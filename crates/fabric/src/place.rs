//! Where the members of a group sit: how many per node, rack, pod; which lines of a torus they use.

use secondsource_catalog::hardware::{Hardware, NetworkLevel, ScaleUpShape};

/// Levels that a placement can tell apart. Levels beyond it count as part of the outermost one kept.
pub const MAX_LEVELS: usize = 6;

/// The part of a torus that a group occupies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TorusPart {
    /// Members along each axis; 1 = the group does not extend along it.
    pub extents: [u32; 3],
    /// Chips from one member to the next along the axis. With a spacing of g, g sibling groups share the line.
    pub spacing: [u32; 3],
    /// Whether the members close a ring: they cover the whole axis and the axis wraps around.
    pub wraps: [bool; 3],
}

impl TorusPart {
    const NONE: TorusPart = TorusPart { extents: [1; 3], spacing: [1; 3], wraps: [false; 3] };
}

/// A group on the machine. Arrays run over levels, innermost first, as `Hardware::levels` does.
///
/// Counting rule: units are aligned blocks of `NetworkLevel::chips` consecutive ranks. Where a group does not fill
/// its blocks evenly, `extents` and `members` describe the fullest block and `lanes` the emptiest, so that the
/// block with the most steps and the one with the fewest network cards both count ("worst block"). The product of
/// the extents is `size` for even groups and more than that for uneven ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    pub size: u32,
    pub stride: u32,
    /// Levels in use of the arrays below.
    pub levels: usize,
    /// Units of the level below (chips for level 0) with members in them, inside one unit of this level.
    pub extents: [u32; MAX_LEVELS],
    /// Members in the fullest unit of this level.
    pub members: [u32; MAX_LEVELS],
    /// Members in the emptiest used unit of the level below: the chips whose injection into this level carries
    /// the traffic of that unit. 1 for level 0.
    pub lanes: [u32; MAX_LEVELS],
    /// Groups that inject through the same card at the same time. 1 by default: on rail-optimised machines every
    /// chip has its own card, and where a host shares one, `NetworkLevel::injection` is already the chip's share.
    pub contenders: [u32; MAX_LEVELS],
    /// Members in the fullest node (`Hardware::chips_per_node`).
    pub per_node: u32,
    /// The part of the innermost torus level, if there is one.
    pub torus: TorusPart,
}

impl Placement {
    /// The outermost level that the group extends over, if any.
    pub fn outermost(&self) -> Option<usize> {
        (0..self.levels).rev().find(|i| self.extents[*i] > 1)
    }
}

/// The part of the machine that one job runs on: ranks `0..world` on the first `world` chips, a torus cut to a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Chips of the job.
    pub world: u32,
    /// Extents of the job's box in the innermost torus level; ones without a torus.
    pub torus: [u32; 3],
    /// Which axes of the box wrap around. An axis wraps when it is as long as the machine's, or, on machines with
    /// three axes, when it is a multiple of 4: their slices are built from optically switched 4x4x4 cubes.
    pub wraps: [bool; 3],
}

impl Slice {
    /// The box of a job of `world` chips (0 counts as 1).
    pub fn new(hw: &Hardware, world: u32) -> Slice {
        let world = world.max(1);
        let mut slice = Slice { world, torus: [1; 3], wraps: [false; 3] };
        if let Some((full, bandwidth)) = torus_of(hw) {
            slice.torus = slice_box(full, bandwidth, world);
            let cubes = full.iter().all(|e| *e > 1);
            for (axis, whole) in full.into_iter().enumerate() {
                let e = slice.torus[axis];
                slice.wraps[axis] = e > 2 && (e == whole || (cubes && e.is_multiple_of(4)));
            }
        }
        slice
    }

    /// The whole machine.
    pub fn whole(hw: &Hardware) -> Slice {
        Slice::new(hw, u32::MAX)
    }

    /// The worst placed of the job's groups with this stride and size: the one that reaches furthest out, then the
    /// one with the most units there, then the one with the fewest lanes. Groups start at multiples of
    /// `stride * size`; when that span divides the blocks (or they divide it) all groups are alike.
    pub fn place(&self, hw: &Hardware, stride: u32, size: u32) -> Placement {
        let (stride, size) = (stride.max(1), size.max(1));
        let mut worst = self.place_at(hw, 0, stride, size);
        let span = u64::from(stride) * u64::from(size);
        let groups = u64::from(self.world) / span;
        let mut period = 1u64;
        for level in kept(hw) {
            let chips = u64::from(level.chips.max(1));
            if level.chips != u32::MAX && chips % span != 0 && span % chips != 0 {
                period = period.max(chips / gcd(chips, span));
            }
        }
        // A straddling group shows up within one period; 64 of them are enough to meet every kind of cut.
        for group in 1..period.min(groups).min(64) {
            let first = u32::try_from(group * span).unwrap_or(u32::MAX);
            let other = self.place_at(hw, first, stride, size);
            if badness(&other) > badness(&worst) {
                worst = other;
            }
        }
        worst
    }

    /// The group `first + i * stride` for i in `0..size`. Stride and size 0 count as 1.
    pub fn place_at(&self, hw: &Hardware, first: u32, stride: u32, size: u32) -> Placement {
        let (stride, size) = (stride.max(1), size.max(1));
        let group = Group { first: first.into(), stride: stride.into(), size: size.into() };
        let levels = kept(hw);
        let mut p = Placement {
            size,
            stride,
            levels: levels.len(),
            extents: [1; MAX_LEVELS],
            members: [1; MAX_LEVELS],
            lanes: [1; MAX_LEVELS],
            contenders: [1; MAX_LEVELS],
            per_node: group.count(hw.chips_per_node.max(1).into()).most,
            torus: TorusPart::NONE,
        };
        let mut below = Count { most: 1, fewest: 1, units: size };
        let mut inner = 1u64;
        let mut torus_done = false;
        for (i, level) in levels.iter().enumerate() {
            let outermost = i + 1 == levels.len();
            let chips = if outermost { u64::MAX } else { u64::from(level.chips.max(1)).max(inner) };
            let here = group.count(chips);
            p.members[i] = here.most;
            p.lanes[i] = below.fewest;
            p.extents[i] = if here.units == 1 {
                below.units
            } else if u64::from(stride) >= inner {
                here.most
            } else {
                below.units.min(u32::try_from(chips.div_ceil(inner)).unwrap_or(u32::MAX))
            };
            if let (ScaleUpShape::Torus(full), false) = (level.shape, torus_done) {
                torus_done = true;
                let unit = if product(full) == u64::from(level.chips) { 1 } else { inner };
                let step = u32::try_from(u64::from(stride).div_ceil(unit)).unwrap_or(u32::MAX);
                p.torus = torus_part(self.torus, self.wraps, step, p.extents[i]);
            }
            below = here;
            inner = chips;
        }
        p
    }
}

/// The group `0, stride, 2 * stride...` of `size` members on the whole machine, rank r on chip r.
pub fn place(hw: &Hardware, stride: u32, size: u32) -> Placement {
    Slice::whole(hw).place_at(hw, 0, stride, size)
}

/// The box inside `full` that holds `chips` chips and is as cubic as possible (least sum of extents; among equals
/// the short sides on the short axes). Where no box has exactly that many, the next larger number that has one.
/// All the chips or more give `full`.
pub fn slice_shape(full: [u32; 3], chips: u32) -> [u32; 3] {
    let full = full.map(|e| e.max(1));
    let all = product(full);
    let mut order = [0usize, 1, 2];
    order.sort_by_key(|a| full[*a]);
    let limit = order.map(|a| u64::from(full[a]));
    for wanted in u64::from(chips.max(1))..all {
        let mut best: Option<(u64, [u64; 3])> = None;
        for a in (1..=limit[0]).filter(|a| wanted % a == 0) {
            let rest = wanted / a;
            for b in (a..=limit[1]).filter(|b| rest % b == 0) {
                let c = rest / b;
                let sum = a + b + c;
                if c >= b && c <= limit[2] && best.is_none_or(|(s, _)| sum < s) {
                    best = Some((sum, [a, b, c]));
                }
            }
        }
        // A short first axis may leave no sorted box (2 x 16 x 4 of 16 x 16): allow b > c then.
        if best.is_none() {
            for a in (1..=limit[0]).filter(|a| wanted % a == 0) {
                let rest = wanted / a;
                for b in (1..=limit[1]).filter(|b| rest % b == 0 && rest / b <= limit[2]) {
                    let sum = a + b + rest / b;
                    if best.is_none_or(|(s, _)| sum < s) {
                        best = Some((sum, [a, b, rest / b]));
                    }
                }
            }
        }
        if let Some((_, sides)) = best {
            let mut shape = [1u32; 3];
            for (axis, side) in order.iter().zip(sides) {
                shape[*axis] = u32::try_from(side).unwrap_or(u32::MAX);
            }
            return shape;
        }
    }
    full
}

/// As [`slice_shape`] where all axes are equally fast; otherwise the fast axes fill first, because an instance is a
/// plane of them (Trn2: 4x4 chips in an instance, four instances along the slow axis).
fn slice_box(full: [u32; 3], bandwidth: [f64; 3], chips: u32) -> [u32; 3] {
    let used: [bool; 3] = full.map(|e| e > 1);
    let of_used = |f: fn(f64, f64) -> f64, start| (0..3).filter(|a| used[*a]).map(|a| bandwidth[a]).fold(start, f);
    if of_used(f64::min, f64::INFINITY) >= of_used(f64::max, 0.0) {
        return slice_shape(full, chips);
    }
    let mut order = [0usize, 1, 2];
    order.sort_by(|a, b| bandwidth[*b].total_cmp(&bandwidth[*a]));
    let mut left = chips;
    let mut shape = [1u32; 3];
    for axis in order {
        shape[axis] = left.min(full[axis].max(1));
        left = left.div_ceil(shape[axis]);
    }
    shape
}

/// Sub-shape of a group: the stride eats axis lengths first (axis 0 is the fastest running), then the size takes
/// what follows. Where neither divides, the bounding box.
fn torus_part(extents: [u32; 3], wraps: [bool; 3], stride: u32, size: u32) -> TorusPart {
    let mut part = TorusPart::NONE;
    let (mut step, mut left) = (stride.max(1), size);
    for axis in 0..3 {
        let e = extents[axis];
        if e <= 1 || left <= 1 {
            continue;
        }
        if step >= e {
            step = step.div_ceil(e);
            continue;
        }
        let take = left.min(e.div_ceil(step));
        left = left.div_ceil(take);
        part.extents[axis] = take;
        part.spacing[axis] = step;
        part.wraps[axis] = wraps[axis] && take > 2 && take * step == e;
        step = 1;
    }
    part
}

fn kept(hw: &Hardware) -> &[NetworkLevel] {
    &hw.levels[..hw.levels.len().min(MAX_LEVELS)]
}

fn torus_of(hw: &Hardware) -> Option<([u32; 3], [f64; 3])> {
    kept(hw).iter().find_map(|l| match l.shape {
        ScaleUpShape::Torus(e) => Some((e, l.axis_bandwidth)),
        _ => None,
    })
}

fn product(e: [u32; 3]) -> u64 {
    e.iter().map(|x| u64::from((*x).max(1))).fold(1, u64::saturating_mul)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Larger = worse: reach, units at the outermost level, then few lanes.
fn badness(p: &Placement) -> (usize, u32, u32) {
    p.outermost().map_or((0, 0, 0), |top| (top + 1, p.extents[top], u32::MAX - p.lanes[top]))
}

#[derive(Clone, Copy)]
struct Group {
    first: u64,
    stride: u64,
    size: u64,
}

/// Members per aligned block: most and fewest among the blocks that have any, and how many blocks have any.
#[derive(Clone, Copy)]
struct Count {
    most: u32,
    fewest: u32,
    units: u32,
}

impl Group {
    fn count(&self, chips: u64) -> Count {
        let Group { first, stride, size } = *self;
        let narrow = |x: u64| u32::try_from(x).unwrap_or(u32::MAX);
        let last = first + (size - 1) * stride;
        let (b0, b1) = (first / chips, last / chips);
        if b0 == b1 {
            return Count { most: narrow(size), fewest: narrow(size), units: 1 };
        }
        if stride >= chips {
            return Count { most: 1, fewest: 1, units: narrow(size) };
        }
        let head = ((b0 + 1) * chips - first).div_ceil(stride);
        let tail = size - (b1 * chips - first).div_ceil(stride);
        let (mut most, mut fewest) = (head.max(tail), head.min(tail));
        if b1 - b0 > 1 {
            most = most.max(chips.div_ceil(stride));
            fewest = fewest.min(chips / stride);
        }
        Count { most: narrow(most), fewest: narrow(fewest), units: narrow(b1 - b0 + 1) }
    }
}
