//! View algebra: which elements of a tensor a view names, in which order.
//!
//! A layout is an offset and one (step, count) a dimension, all in elements of the view's dtype. On-chip layouts keep
//! the partition dimension first; its step is the row length of the tensor in elements.

/// Dimensions that one view can have.
pub const MAX_DIMS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Axis {
    pub step: i64,
    pub count: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layout {
    pub offset: i64,
    axes: [Axis; MAX_DIMS],
    len: usize,
}

/// One entry of an index expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    /// `nl.ds(start, size)`.
    Size {
        start: i64,
        size: i64,
        step: i64,
    },
    Ellipsis,
    NewAxis,
}

/// What is wrong with a view, in words.
pub type Wrong = String;

impl Layout {
    pub fn new(offset: i64, axes: &[Axis]) -> Result<Layout, Wrong> {
        let mut out = Layout { offset, ..Layout::default() };
        for axis in axes {
            out.push(*axis)?;
        }
        Ok(out)
    }

    /// Row-major layout of a fresh tensor.
    pub fn contiguous(shape: &[i64]) -> Result<Layout, Wrong> {
        let mut out = Layout::default();
        for count in shape {
            out.push(Axis { step: 0, count: *count })?;
        }
        let mut step = 1i64;
        for axis in out.axes[..out.len].iter_mut().rev() {
            axis.step = step;
            step = step.checked_mul(axis.count).ok_or("the tensor has more than 2^63 elements")?;
        }
        Ok(out)
    }

    pub fn axes(&self) -> &[Axis] {
        &self.axes[..self.len]
    }

    pub fn rank(&self) -> usize {
        self.len
    }

    pub fn elements(&self) -> i64 {
        self.axes().iter().map(|a| a.count).product()
    }

    fn push(&mut self, axis: Axis) -> Result<(), Wrong> {
        let slot = self.axes.get_mut(self.len).ok_or_else(|| format!("a view has at most {MAX_DIMS} dimensions"))?;
        *slot = axis;
        self.len += 1;
        Ok(())
    }

    fn axis(&self, dim: i64) -> Result<(usize, Axis), Wrong> {
        let rank = self.len as i64;
        let at = if dim < 0 { dim + rank } else { dim };
        if !(0..rank).contains(&at) {
            return Err(format!("dimension {dim} of a tensor with {rank} dimensions"));
        }
        Ok((at as usize, self.axes[at as usize]))
    }

    fn splice(&self, from: usize, to: usize, with: &[Axis]) -> Result<Layout, Wrong> {
        let mut out = Layout { offset: self.offset, ..Layout::default() };
        for axis in self.axes[..from].iter().chain(with).chain(&self.axes[to..self.len]) {
            out.push(*axis)?;
        }
        Ok(out)
    }

    /// `t[...]`. On chip the first dimension stays and a view keeps two dimensions; in HBM one.
    pub fn index(&self, key: &[Index], on_chip: bool) -> Result<Layout, Wrong> {
        let named = key.iter().filter(|k| !matches!(k, Index::Ellipsis | Index::NewAxis)).count();
        if named > self.len {
            return Err(format!("{named} indices for a tensor with {} dimensions", self.len));
        }
        let mut out = Layout { offset: self.offset, ..Layout::default() };
        let mut dropped: Option<Axis> = None;
        let mut dim = 0;
        let mut ellipsis = false;
        for entry in key.iter().chain(std::iter::once(&Index::Ellipsis)) {
            match *entry {
                Index::Ellipsis => {
                    let fill = if ellipsis { self.len - dim } else { self.len - named - (dim - named_before(key, entry)) };
                    let last = std::ptr::eq(entry, key.last().unwrap_or(entry));
                    let fill = if ellipsis && !last { 0 } else { fill };
                    ellipsis = true;
                    for _ in 0..fill.min(self.len - dim) {
                        out.push(self.axes[dim])?;
                        dim += 1;
                    }
                }
                Index::NewAxis => {
                    if on_chip && out.len == 0 {
                        return Err("a new dimension cannot stand before the partition dimension".into());
                    }
                    out.push(Axis { step: 0, count: 1 })?;
                }
                Index::At(at) => {
                    let axis = self.axes[dim];
                    let i = if at < 0 { at + axis.count } else { at };
                    if !(0..axis.count).contains(&i) {
                        return Err(format!("index {at} of dimension {dim}, which has {} positions", axis.count));
                    }
                    out.offset += i * axis.step;
                    let kept = Axis { step: axis.step, count: 1 };
                    if on_chip && dim == 0 {
                        out.push(kept)?;
                    } else {
                        dropped = Some(kept);
                    }
                    dim += 1;
                }
                Index::Slice { start, stop, step } => {
                    let axis = self.axes[dim];
                    let wrap = |v: i64| if v < 0 { v + axis.count } else { v };
                    let start = start.map_or(0, wrap);
                    let stop = stop.map_or(axis.count, wrap);
                    out.range(dim, axis, start, stop, step)?;
                    dim += 1;
                }
                Index::Size { start, size, step } => {
                    let axis = self.axes[dim];
                    out.range(dim, axis, start, start + (size - 1) * step + 1, step)?;
                    dim += 1;
                }
            }
        }
        let least = if on_chip { 2 } else { 1 };
        if out.len < least {
            out.push(dropped.unwrap_or(Axis { step: 1, count: 1 }))?;
        }
        Ok(out)
    }

    fn range(&mut self, dim: usize, axis: Axis, start: i64, stop: i64, step: i64) -> Result<(), Wrong> {
        if step < 1 {
            return Err(format!("step {step} of dimension {dim}: a step is at least 1"));
        }
        if start < 0 || stop > axis.count {
            return Err(format!("{start}:{stop} of dimension {dim} runs past its {} positions", axis.count));
        }
        if stop <= start {
            return Err(format!("{start}:{stop} of dimension {dim} names no position"));
        }
        self.offset += start * axis.step;
        self.push(Axis { step: axis.step * step, count: (stop - start + step - 1) / step })
    }

    pub fn slice(&self, dim: i64, start: i64, end: i64, step: i64) -> Result<Layout, Wrong> {
        let (at, axis) = self.axis(dim)?;
        let mut one = Layout { offset: self.offset, ..Layout::default() };
        one.range(at, axis, start, end, step)?;
        let mut out = *self;
        out.offset = one.offset;
        out.axes[at] = one.axes[0];
        Ok(out)
    }

    pub fn select(&self, dim: i64, index: i64, on_chip: bool) -> Result<Layout, Wrong> {
        let (at, axis) = self.axis(dim)?;
        let i = if index < 0 { index + axis.count } else { index };
        if !(0..axis.count).contains(&i) {
            return Err(format!("index {index} of dimension {at}, which has {} positions", axis.count));
        }
        let keep = Axis { step: axis.step, count: 1 };
        let kept: &[Axis] = if (on_chip && (at == 0 || self.len == 2)) || self.len == 1 { &[keep] } else { &[] };
        let mut out = self.splice(at, at + 1, kept)?;
        out.offset += i * axis.step;
        Ok(out)
    }

    pub fn permute(&self, dims: &[i64], fixed_first: bool) -> Result<Layout, Wrong> {
        let mut seen = [false; MAX_DIMS];
        let mut out = Layout { offset: self.offset, ..Layout::default() };
        for dim in dims {
            let (at, axis) = self.axis(*dim)?;
            if std::mem::replace(&mut seen[at], true) {
                return Err(format!("dimension {dim} stands twice in {dims:?}"));
            }
            out.push(axis)?;
        }
        if out.len != self.len {
            return Err(format!("{dims:?} is no order of {} dimensions", self.len));
        }
        if fixed_first && !dims.is_empty() && self.axis(dims[0])?.0 != 0 {
            return Err("the partition dimension must stay first; move data across partitions with a transpose".into());
        }
        Ok(out)
    }

    pub fn broadcast(&self, dim: i64, size: i64, fixed_first: bool) -> Result<Layout, Wrong> {
        let (at, axis) = self.axis(dim)?;
        if axis.count != 1 && axis.count != size {
            return Err(format!("dimension {at} has {} positions: only a dimension of 1 can be broadcast", axis.count));
        }
        if fixed_first && at == 0 && size != axis.count {
            return Err("the partition dimension cannot be broadcast by a view".into());
        }
        let mut out = *self;
        if axis.count != size {
            out.axes[at] = Axis { step: 0, count: size };
        }
        Ok(out)
    }

    pub fn expand_dim(&self, dim: i64, fixed_first: bool) -> Result<Layout, Wrong> {
        let rank = self.len as i64;
        let at = if dim < 0 { dim + rank + 1 } else { dim };
        if !(0..=rank).contains(&at) {
            return Err(format!("a new dimension at {dim} of a tensor with {rank} dimensions"));
        }
        if fixed_first && at == 0 {
            return Err("a new dimension cannot stand before the partition dimension".into());
        }
        self.splice(at as usize, at as usize, &[Axis { step: 0, count: 1 }])
    }

    pub fn squeeze_dim(&self, dim: i64, fixed_first: bool) -> Result<Layout, Wrong> {
        let (at, axis) = self.axis(dim)?;
        if axis.count != 1 {
            return Err(format!("dimension {at} has {} positions: only a dimension of 1 can be removed", axis.count));
        }
        if fixed_first && at == 0 {
            return Err("the partition dimension cannot be removed".into());
        }
        self.splice(at, at + 1, &[])
    }

    pub fn reshape_dim(&self, dim: i64, shape: &[i64], fixed_first: bool) -> Result<Layout, Wrong> {
        let (at, axis) = self.axis(dim)?;
        let sizes = infer(shape, axis.count)?;
        if fixed_first && at == 0 && sizes.iter().filter(|s| **s != 1).count() > 1 {
            return Err("the partition dimension cannot be split by a view".into());
        }
        let mut with = Vec::with_capacity(sizes.len());
        let mut inner = axis.count;
        for size in sizes {
            inner /= size.max(1);
            with.push(Axis { step: axis.step * inner, count: size });
        }
        self.splice(at, at + 1, &with)
    }

    pub fn flatten_dims(&self, start: i64, end: i64, fixed_first: bool) -> Result<Layout, Wrong> {
        let (from, _) = self.axis(start)?;
        let (to, _) = self.axis(end)?;
        if to < from {
            return Err(format!("dimensions {start} to {end} are no range"));
        }
        if fixed_first && from == 0 && to > 0 {
            return Err("the partition dimension cannot be merged with a free dimension".into());
        }
        let merged =
            merge(&self.axes[from..=to]).ok_or_else(|| format!("dimensions {start} to {end} do not lie side by side in memory"))?;
        self.splice(from, to + 1, &[merged])
    }

    /// The same elements in the same order under another shape; fails where that needs a copy.
    pub fn reshape(&self, shape: &[i64], fixed_first: bool) -> Result<Layout, Wrong> {
        let sizes = infer(shape, self.elements())?;
        if fixed_first && self.len > 0 && sizes.first() != Some(&self.axes[0].count) {
            return Err(format!(
                "the partition dimension has {} positions and must keep them; asked for shape {sizes:?}",
                self.axes[0].count
            ));
        }
        let (head, old): (&[Axis], &[Axis]) = if fixed_first && self.len > 0 { self.axes().split_at(1) } else { (&[], self.axes()) };
        let mut out = Layout::new(self.offset, head)?;
        // Blocks of old dimensions that lie side by side, outermost first.
        let mut blocks: Vec<Axis> = Vec::with_capacity(MAX_DIMS);
        for axis in old.iter().filter(|a| a.count != 1) {
            match blocks.last_mut() {
                Some(last) if last.step == axis.step * axis.count => {
                    *last = Axis { step: axis.step, count: last.count * axis.count };
                }
                _ => blocks.push(*axis),
            }
        }
        let mut blocks = blocks.into_iter();
        let mut left = 1;
        let mut step = 1;
        for size in &sizes[head.len()..] {
            if *size == 1 {
                out.push(Axis { step: 0, count: 1 })?;
                continue;
            }
            if left == 1 {
                let block = blocks.next().ok_or("the shapes have different numbers of elements")?;
                left = block.count;
                step = block.step;
            }
            if left % size != 0 {
                return Err(format!("shape {sizes:?} needs a copy: the view does not lie side by side in memory"));
            }
            left /= size;
            out.push(Axis { step: step * left, count: *size })?;
        }
        Ok(out)
    }

    /// The same bytes read as elements of `new` bytes instead of `old`.
    pub fn reinterpret(&self, old: i64, new: i64) -> Result<Layout, Wrong> {
        if old == new {
            return Ok(*self);
        }
        let last = self.len.checked_sub(1).ok_or("a tensor without dimensions")?;
        let axis = self.axes[last];
        if axis.step != 1 && axis.count != 1 {
            return Err("the last dimension must lie side by side in memory to be read as another type".into());
        }
        let scale = |v: i64, what: &str| {
            let bytes = v * old;
            if bytes % new == 0 { Ok(bytes / new) } else { Err(format!("{what} of {bytes} bytes is no multiple of {new}")) }
        };
        let mut out = *self;
        out.offset = scale(self.offset, "the offset")?;
        for (slot, a) in out.axes.iter_mut().zip(self.axes()).take(last) {
            slot.step = if a.count == 1 { a.step * old / new } else { scale(a.step, "a stride")? };
        }
        out.axes[last] = Axis { step: 1, count: scale(axis.count, "the last dimension")? };
        Ok(out)
    }

    /// Row-major and without gaps; the partition dimension of an on-chip view is not looked at.
    pub fn is_contiguous(&self, on_chip: bool) -> bool {
        let mut want = 1;
        for axis in self.axes().iter().skip(usize::from(on_chip)).rev() {
            if axis.count != 1 && axis.step != want {
                return false;
            }
            want *= axis.count;
        }
        true
    }
}

fn named_before(key: &[Index], entry: &Index) -> usize {
    key.iter().take_while(|k| !std::ptr::eq(*k, entry)).filter(|k| !matches!(k, Index::Ellipsis | Index::NewAxis)).count()
}

/// Fills in one -1 of a shape.
fn infer(shape: &[i64], elements: i64) -> Result<Vec<i64>, Wrong> {
    let known: i64 = shape.iter().filter(|s| **s != -1).product();
    let holes = shape.iter().filter(|s| **s == -1).count();
    let out: Vec<i64> = match holes {
        0 => shape.to_vec(),
        1 if known > 0 && elements % known == 0 => shape.iter().map(|s| if *s == -1 { elements / known } else { *s }).collect(),
        _ => return Err(format!("shape {shape:?} does not fit {elements} elements")),
    };
    if out.iter().any(|s| *s < 1) || out.iter().product::<i64>() != elements {
        return Err(format!("shape {shape:?} does not fit {elements} elements"));
    }
    Ok(out)
}

/// One axis for several that lie side by side.
fn merge(axes: &[Axis]) -> Option<Axis> {
    let mut out: Option<Axis> = None;
    for axis in axes.iter().filter(|a| a.count != 1) {
        out = match out {
            None => Some(*axis),
            Some(o) if o.step == axis.step * axis.count => Some(Axis { step: axis.step, count: o.count * axis.count }),
            // Both broadcast.
            Some(o) if o.step == 0 && axis.step == 0 => Some(Axis { step: 0, count: o.count * axis.count }),
            Some(_) => return None,
        };
    }
    Some(out.unwrap_or(Axis { step: axes.last().map_or(1, |a| a.step), count: 1 }))
}
