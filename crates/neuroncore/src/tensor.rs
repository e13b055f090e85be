//! Tensors with real bytes, and views of them.
//!
//! A tensor is `rows` rows of `row_bytes` bytes. On chip a row is what one partition holds; in HBM a tensor is one
//! row. Its bytes stand in a storage: its own, or for an explicit address the one image of SBUF or PSUM that
//! a core has, so that overlapping addresses really alias.

use crate::Dtype;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Sbuf,
    Psum,
    /// Device memory, shared by the cores of one rank.
    Hbm,
    /// Registers of the sequencers; only in traces.
    Register,
}

impl Place {
    pub const fn name(self) -> &'static str {
        match self {
            Place::Sbuf => "SBUF",
            Place::Psum => "PSUM",
            Place::Hbm => "HBM",
            Place::Register => "registers",
        }
    }

    pub const fn on_chip(self) -> bool {
        matches!(self, Place::Sbuf | Place::Psum)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

/// A virtual register of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegId(pub u32);

/// Where bytes stand. Two tensors with different storages never share a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageId(pub u32);

/// One allocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    pub name: String,
    pub place: Place,
    pub core: u16,
    pub dtype: Dtype,
    pub storage: StorageId,
    /// First partition in the storage (0 unless the address is explicit).
    pub first_partition: u32,
    /// Byte in the partition where the tensor starts (0 unless the address is explicit).
    pub first_byte: u32,
    /// Partitions of an on-chip tensor; 1 in HBM.
    pub rows: u32,
    /// Bytes a partition; all bytes in HBM.
    pub row_bytes: u32,
    /// The kernel gave the address; otherwise a place is found from liveness.
    pub explicit: bool,
    pub live: bool,
    /// Source line of the allocation.
    pub line: u32,
}

/// `count` positions, `step` elements apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dim {
    pub step: i64,
    pub count: u32,
}

pub const MAX_DIMS: usize = 8;

/// Up to [`MAX_DIMS`] dimensions, kept in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dims {
    dims: [Dim; MAX_DIMS],
    len: u8,
}

impl Dims {
    /// None when there are more than [`MAX_DIMS`].
    pub fn new(dims: &[(i64, u32)]) -> Option<Dims> {
        let mut out = Dims::default();
        for (step, count) in dims {
            *out.dims.get_mut(usize::from(out.len))? = Dim { step: *step, count: *count };
            out.len += 1;
        }
        Some(out)
    }

    pub fn as_slice(&self) -> &[Dim] {
        &self.dims[..usize::from(self.len)]
    }
}

/// Elements of a tensor, read as `dtype`: `offset + sum(step_i * index_i)` elements from the tensor's start, where the
/// partition of an on-chip tensor is the quotient by its row length in elements, and the place in the
/// partition the remainder. The first dimension of an on-chip view is the partition dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    pub tensor: TensorId,
    pub dtype: Dtype,
    pub offset: i64,
    pub dims: Dims,
    pub indirect: Option<Box<Indirect>>,
}

/// An access whose address is not known before the kernel runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Indirect {
    /// One row index for each position of dimension 0 (HBM gather and scatter): it replaces that position's own
    /// step by `index * row` elements. `rows` is the bound of a legal index.
    Vector { index: View, row: i64, rows: u32 },
    /// One offset for the whole view: the value of `index` times `row` elements. `rows` bounds a legal value.
    Scalar { index: ScalarIndex, row: i64, rows: u32 },
    /// Generation 4: positions along the flattened free dimensions, for each partition.
    Free { index: View },
}

/// Where the value of a scalar offset stands.
#[derive(Debug, Clone, PartialEq)]
pub enum ScalarIndex {
    /// A one-element tensor.
    View(View),
    Register(RegId),
}

impl View {
    pub fn new(tensor: TensorId, dtype: Dtype, offset: i64, dims: &[(i64, u32)]) -> Option<View> {
        Some(View { tensor, dtype, offset, dims: Dims::new(dims)?, indirect: None })
    }

    /// Size of the first dimension: partitions on chip.
    pub fn partitions(&self) -> u32 {
        self.dims.as_slice().first().map_or(1, |d| d.count)
    }

    /// Elements of each partition.
    pub fn free(&self) -> u64 {
        self.dims.as_slice().iter().skip(1).map(|d| u64::from(d.count)).product()
    }

    pub fn elements(&self) -> u64 {
        u64::from(self.partitions()) * self.free()
    }

    /// The counts of all dimensions.
    pub fn shape(&self) -> impl Iterator<Item = u32> + '_ {
        self.dims.as_slice().iter().map(|d| d.count)
    }
}
