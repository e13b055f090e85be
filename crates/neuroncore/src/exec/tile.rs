//! The operands that nearly all instructions of a kernel have: whole elements side by side in each of some partitions.
//!
//! [`Tile::of`] accepts a view only if every rule of [`crate::legal`] for on-chip operands holds; for anything else it gives
//! nothing, and the general way ([`crate::exec::Cx`]) runs the instruction or says what is wrong with it.

use crate::Dtype;
use crate::machine::Machine;
use crate::tensor::{Place, View};
use crate::trace::{Cost, Flags, Range};

/// Most elements of a partition in SBUF and in PSUM, as in [`crate::legal`].
const FREE: (usize, usize) = (65_536, 4_096);

#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub range: Range,
    /// Byte of the first element in the storage, and bytes from one partition to the next.
    pub base: usize,
    pub pitch: usize,
    pub rows: usize,
    /// Elements of each partition.
    pub free: usize,
    pub dtype: Dtype,
    pub place: Place,
}

impl Tile {
    pub fn of(m: &Machine, core: u16, view: &View) -> Option<Tile> {
        let t = m.tensors.get(view.tensor.0 as usize)?;
        if view.indirect.is_some() || !t.live || !t.place.on_chip() || t.core != core || view.offset < 0 {
            return None;
        }
        let size = view.dtype.size();
        let row = t.row_bytes as usize / size;
        if row * size != t.row_bytes as usize {
            return None;
        }
        let (first, rest) = view.dims.as_slice().split_first()?;
        let rows = first.count as usize;
        if rows == 0 || (rows > 1 && first.step != row as i64) {
            return None;
        }
        let mut free = 1;
        for d in rest.iter().rev() {
            if d.count != 1 && d.step != free as i64 {
                return None;
            }
            free *= d.count as usize;
        }
        let offset = view.offset as usize;
        let (part, element) = if offset < row { (0, offset) } else { (offset.checked_div(row)?, offset % row) };
        let limit = if t.place == Place::Psum { FREE.1 } else { FREE.0 };
        if free == 0 || free > limit || element + free > row || part + rows > t.rows as usize {
            return None;
        }
        let partition = t.first_partition as usize + part;
        let start = match rows {
            65.. => 127,
            33..=64 => 63,
            _ => 31,
        };
        if partition & start != 0 {
            return None;
        }
        let pitch = m.memory.storages.get(t.storage.0 as usize)?.pitch;
        let low = t.first_byte as usize + element * size;
        let bytes = (free * size) as u32;
        let range = Range {
            storage: t.storage,
            tensor: view.tensor,
            first: partition.min(255) as u8,
            last: (partition + rows).min(255) as u8,
            low: low as u32,
            high: low as u32 + bytes,
            period: 0,
            run: bytes,
        };
        Some(Tile { range, base: partition * pitch + low, pitch, rows, free, dtype: view.dtype, place: t.place })
    }

    pub fn storage(&self) -> usize {
        self.range.storage.0 as usize
    }

    /// Bytes of a row.
    pub fn row(&self) -> usize {
        self.free * self.dtype.size()
    }

    pub fn same_shape(&self, other: &Tile) -> bool {
        self.rows == other.rows && self.free == other.free
    }

    /// The same elements of the same type.
    pub fn same(&self, other: &Tile) -> bool {
        self.range.storage == other.range.storage && self.base == other.base && self.same_shape(other) && self.dtype == other.dtype
    }

    /// No byte of `self` is one of `other`.
    pub fn apart(&self, other: &Tile) -> bool {
        let (a, b) = (&self.range, &other.range);
        a.storage != b.storage || a.last <= b.first || b.last <= a.first || a.high <= b.low || b.high <= a.low
    }

    /// Can be read piece by piece while `dst` is written piece by piece.
    pub fn safe_with(&self, dst: &Tile) -> bool {
        self.apart(dst) || self.same(dst)
    }

    /// The runs of bytes of `n` elements from the `at`-th on: place in the list, first byte, elements.
    pub fn parts(&self, at: usize, n: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let (t, size) = (*self, self.dtype.size());
        let joined = self.row() == self.pitch;
        let (mut row, mut column) = if joined { (0, at) } else { (at / self.free, at % self.free) };
        let mut done = 0;
        std::iter::from_fn(move || {
            if done == n {
                return None;
            }
            let len = if joined { n } else { (n - done).min(t.free - column) };
            let part = (done, t.base + row * t.pitch + column * size, len);
            done += len;
            (row, column) = (row + 1, 0);
            Some(part)
        })
    }

    /// From the first element on.
    pub fn bytes<'m>(&self, m: &'m Machine) -> &'m [u8] {
        &m.memory.storages[self.storage()].bytes[self.base..]
    }
}

/// What [`crate::exec::Cx::cost`] says of contiguous operands on chip.
pub(super) fn cost(inputs: &[&Tile], output: &Tile) -> Cost {
    let half = |t: &Tile| matches!(t.dtype, Dtype::Bf16 | Dtype::Fp16);
    let byte = |t: &Tile| matches!(t.dtype, Dtype::Fp8E4 | Dtype::Fp8E4Fn | Dtype::Fp8E5);
    let mut flags = Flags::CONTIGUOUS.with(if output.place == Place::Sbuf { Flags::WRITES_SBUF } else { Flags::WRITES_PSUM });
    let (mut halves, mut single) = (half(output), byte(output));
    for t in inputs {
        flags = flags.with(if t.place == Place::Sbuf { Flags::READS_SBUF } else { Flags::READS_PSUM });
        halves &= half(t);
        single &= byte(t);
    }
    let input = inputs.first().unwrap_or(&output);
    Cost {
        elements: input.free.max(output.free) as u32,
        partitions: input.rows.max(output.rows) as u16,
        flags: flags.with_if(halves, Flags::ALL_16_BIT).with_if(single, Flags::ALL_8_BIT),
        input: input.dtype,
        output: output.dtype,
        ..Cost::NONE
    }
}
