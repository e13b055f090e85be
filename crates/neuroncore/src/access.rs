//! Where the elements of a view stand in the bytes of its storage.

use crate::Dtype;
use crate::tensor::{MAX_DIMS, Place, Tensor, TensorId, View};

/// `count` positions, `step` bytes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stride {
    pub step: isize,
    pub count: usize,
}

/// A checked view: every element lies inside its tensor. `strides` keeps the view's dimensions, `flat` the
/// fewest dimensions that visit the same bytes in the same order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Access {
    pub storage: u32,
    pub tensor: TensorId,
    pub place: Place,
    pub dtype: Dtype,
    /// Byte of the first element.
    pub base: usize,
    pub strides: [Stride; MAX_DIMS],
    pub len: u8,
    pub flat: [Stride; MAX_DIMS],
    pub flat_len: u8,
    /// First partition of the storage that is touched, and bytes from the partition's start to the lowest byte.
    pub partition: u32,
    pub low: u32,
    /// One past the highest byte in a partition.
    pub high: u32,
    /// Partitions touched.
    pub partitions: u32,
    /// Dimension 0 walks over partitions one by one (on chip), and no other dimension does.
    pub regular: bool,
}

/// Why a view does not fit its tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Row length is no multiple of the element size.
    Row,
    /// Lowest and highest partition reached (tensor-relative) and the tensor's partitions.
    Partition(i64, i64, u32),
    /// Lowest and highest element of a row, and the row's elements.
    Free(i64, i64, i64),
}

impl Access {
    /// One byte of nothing, to build on.
    pub const EMPTY: Access = Access {
        storage: u32::MAX,
        tensor: TensorId(u32::MAX),
        place: Place::Sbuf,
        dtype: Dtype::U8,
        base: 0,
        strides: [Stride { step: 0, count: 1 }; MAX_DIMS],
        len: 0,
        flat: [Stride { step: 1, count: 1 }; MAX_DIMS],
        flat_len: 1,
        partition: 0,
        low: 0,
        high: 1,
        partitions: 1,
        regular: true,
    };

    /// Places a view of `tensor`, whose storage has `pitch` bytes a partition. Any index is ignored here.
    pub fn place(view: &View, tensor: &Tensor, pitch: usize) -> Result<Access, Misfit> {
        let size = view.dtype.size() as i64;
        let row_bytes = i64::from(tensor.row_bytes);
        if row_bytes % size != 0 {
            return Err(Misfit::Row);
        }
        let row = (row_bytes / size).max(1);
        let (mut part, mut elem) =
            if tensor.place.on_chip() { (view.offset.div_euclid(row), view.offset.rem_euclid(row)) } else { (0, view.offset) };
        let (mut part_low, mut part_high, mut low, mut high) = (part, part, elem, elem);
        let mut strides = [Stride::default(); MAX_DIMS];
        let dims = view.dims.as_slice();
        let mut regular = true;
        for (i, d) in dims.iter().enumerate() {
            let step = if d.count > 1 { d.step } else { 0 };
            let (q, r) = if tensor.place.on_chip() && step.abs() >= row { (step / row, step % row) } else { (0, step) };
            let last = i64::from(d.count) - 1;
            for (q, low, high) in [(q, &mut part_low, &mut part_high), (r, &mut low, &mut high)] {
                let reach = q.saturating_mul(last);
                *low = low.saturating_add(reach.min(0));
                *high = high.saturating_add(reach.max(0));
            }
            regular &= if i == 0 { r == 0 && (q == 1 || d.count == 1) } else { q == 0 };
            strides[i] = Stride { step: (q * pitch as i64 + r * size) as isize, count: d.count as usize };
        }
        if dims.iter().any(|d| d.count == 0) {
            (part_high, high) = (part_high.max(part_low), high.max(low));
            part = part.max(0);
            elem = elem.max(0);
        }
        if part_low < 0 || part_high >= i64::from(tensor.rows) {
            return Err(Misfit::Partition(part_low, part_high, tensor.rows));
        }
        if low < 0 || high >= row {
            return Err(Misfit::Free(low, high, row));
        }
        let first = i64::from(tensor.first_byte);
        let base = (i64::from(tensor.first_partition) + part) * pitch as i64 + first + elem * size;
        let mut out = Access {
            storage: tensor.storage.0,
            tensor: view.tensor,
            place: tensor.place,
            dtype: view.dtype,
            base: base as usize,
            strides,
            len: dims.len() as u8,
            flat: [Stride::default(); MAX_DIMS],
            flat_len: 0,
            partition: (i64::from(tensor.first_partition) + part_low) as u32,
            low: (first + low * size) as u32,
            high: (first + (high + 1) * size) as u32,
            partitions: (part_high - part_low + 1) as u32,
            regular: regular && tensor.place.on_chip(),
        };
        out.flatten();
        Ok(out)
    }

    /// The `[P, 1]` (or one-element) operand repeated over `free` elements of each partition.
    pub fn broadcast(mut self, partitions: usize, free: usize) -> Access {
        let step = if self.strides[0].count > 1 { self.strides[0].step } else { 0 };
        self.strides = [Stride::default(); MAX_DIMS];
        self.strides[0] = Stride { step, count: partitions };
        self.strides[1] = Stride { step: 0, count: free };
        self.len = 2;
        self.flatten();
        self
    }

    /// Part `index` of `parts` equal ones along a dimension; None when it does not divide.
    pub fn part(mut self, dim: usize, index: usize, parts: usize) -> Option<Access> {
        let s = self.strides.get_mut(dim).filter(|s| dim < usize::from(self.len) && parts > 0 && s.count % parts == 0)?;
        s.count /= parts;
        self.base = self.base.wrapping_add_signed(s.step * (s.count * index) as isize);
        self.flatten();
        Some(self)
    }

    /// Rows `first..first + count` of dimension 0.
    pub fn rows(mut self, first: usize, count: usize) -> Access {
        self.base = self.base.wrapping_add_signed(self.strides[0].step * first as isize);
        self.strides[0].count = count;
        self.flatten();
        self
    }

    /// Recomputes `flat` from `strides`.
    pub fn flatten(&mut self) {
        let mut n = 0;
        for s in &self.strides[..usize::from(self.len)] {
            if s.count == 1 {
                continue;
            }
            let joins = n > 0 && self.flat[n - 1].step == s.step * s.count as isize && s.step != 0;
            let both_still = n > 0 && self.flat[n - 1].step == 0 && s.step == 0;
            if joins || both_still {
                self.flat[n - 1] = Stride { step: s.step, count: self.flat[n - 1].count * s.count };
            } else {
                self.flat[n] = *s;
                n += 1;
            }
        }
        if n == 0 {
            self.flat[0] = Stride { step: self.dtype.size() as isize, count: 1 };
            n = 1;
        }
        self.flat_len = n as u8;
    }

    pub fn elements(&self) -> usize {
        self.strides[..usize::from(self.len)].iter().map(|s| s.count).product()
    }

    /// Elements of each partition (of all dimensions but the first).
    pub fn free(&self) -> usize {
        self.strides[..usize::from(self.len)].iter().skip(1).map(|s| s.count).product()
    }

    /// Size of dimension 0.
    pub fn first(&self) -> usize {
        if self.len == 0 { 1 } else { self.strides[0].count }
    }

    /// All elements stand side by side.
    pub fn contiguous(&self) -> bool {
        self.flat_len == 1 && (self.flat[0].count == 1 || self.flat[0].step == self.dtype.size() as isize)
    }

    /// The elements of each partition stand side by side.
    pub fn row_contiguous(&self) -> bool {
        let mut row = *self;
        row.strides[0].count = 1;
        row.flatten();
        row.contiguous()
    }

    /// Same elements in the same order.
    pub fn same(&self, other: &Access) -> bool {
        self.storage == other.storage
            && self.base == other.base
            && self.dtype.size() == other.dtype.size()
            && self.flat[..usize::from(self.flat_len)] == other.flat[..usize::from(other.flat_len)]
    }

    /// The boxes of bytes may share a byte.
    pub fn may_touch(&self, other: &Access) -> bool {
        let over = |a: u32, b: u32, c: u32, d: u32| a < d && c < b;
        self.storage == other.storage
            && over(self.partition, self.partition + self.partitions, other.partition, other.partition + other.partitions)
            && over(self.low, self.high, other.low, other.high)
    }
}

/// Walks over an access in order, in runs of equal step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    dims: [Stride; MAX_DIMS],
    index: [usize; MAX_DIMS],
    len: usize,
    at: isize,
}

impl Cursor {
    /// Starts at the `start`-th element.
    pub fn new(access: &Access, mut start: usize) -> Cursor {
        let len = usize::from(access.flat_len);
        let mut c = Cursor { dims: access.flat, index: [0; MAX_DIMS], len, at: access.base as isize };
        if start > 0 {
            for i in (0..len).rev() {
                let n = c.dims[i].count.max(1);
                c.index[i] = start % n;
                start /= n;
                c.at += c.dims[i].step * c.index[i] as isize;
            }
        }
        c
    }

    /// Byte of the next element, how many follow at the inner step (at most `most`), and that step.
    #[inline]
    pub fn run(&mut self, most: usize) -> (usize, usize, isize) {
        let inner = self.len - 1;
        let d = self.dims[inner];
        let n = most.min(d.count - self.index[inner]);
        let at = self.at as usize;
        self.index[inner] += n;
        self.at += d.step * n as isize;
        let mut i = inner;
        while self.index[i] == self.dims[i].count && i > 0 {
            self.at -= self.dims[i].step * self.dims[i].count as isize;
            self.index[i] = 0;
            i -= 1;
            self.index[i] += 1;
            self.at += self.dims[i].step;
        }
        (at, n, d.step)
    }
}
