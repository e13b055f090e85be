//! What ran: one record an instruction, in program order of each core, with what the scheduler needs.

use crate::tensor::Place;
use crate::{Dtype, StorageId, TensorId};

/// An instruction stream of a core, or its DMA queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Engine {
    Tensor,
    Vector,
    Scalar,
    GpSimd,
    Sync,
    /// The DMA engines. [`Cost::trigger`] is the engine whose stream starts the transfer.
    Dma,
}

impl Engine {
    pub const ALL: [Engine; 6] = [Engine::Tensor, Engine::Vector, Engine::Scalar, Engine::GpSimd, Engine::Sync, Engine::Dma];

    pub const fn name(self) -> &'static str {
        match self {
            Engine::Tensor => "Tensor",
            Engine::Vector => "Vector",
            Engine::Scalar => "Scalar",
            Engine::GpSimd => "GpSimd",
            Engine::Sync => "Sync",
            Engine::Dma => "DMA",
        }
    }
}

/// Which instruction of `nki.isa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum OpCode {
    DmaCopy,
    DmaTranspose,
    DmaCompute,
    TensorCopy,
    TensorCopyPredicated,
    Memset,
    NcMatmul,
    NcMatmulMx,
    NcTranspose,
    TensorTensor,
    TensorScalar,
    ScalarTensorTensor,
    TensorScalarReduce,
    TensorScalarCumulative,
    TensorReduce,
    TensorPartitionReduce,
    TensorTensorScan,
    Activation,
    ActivationReduce,
    Activate2,
    Exponential,
    Reciprocal,
    SelectReduce,
    RangeSelect,
    AffineSelect,
    Iota,
    BnStats,
    BnAggr,
    Max8,
    NcFindIndex8,
    NcMatchReplace8,
    NcStreamShuffle,
    LocalGather,
    NcNGather,
    Topk,
    NonzeroWithCount,
    SequenceBounds,
    QuantizeMx,
    Dropout,
    Rng,
    Rand2,
    RandSetState,
    RandGetState,
    SetRngSeed,
    RegisterMove,
    RegisterLoad,
    RegisterStore,
    SendRecv,
    CoreBarrier,
    /// A collective over the ranks of the machine.
    Collective,
}

impl OpCode {
    /// Name in `nki.isa`.
    pub const fn name(self) -> &'static str {
        match self {
            OpCode::DmaCopy => "dma_copy",
            OpCode::DmaTranspose => "dma_transpose",
            OpCode::DmaCompute => "dma_compute",
            OpCode::TensorCopy => "tensor_copy",
            OpCode::TensorCopyPredicated => "tensor_copy_predicated",
            OpCode::Memset => "memset",
            OpCode::NcMatmul => "nc_matmul",
            OpCode::NcMatmulMx => "nc_matmul_mx",
            OpCode::NcTranspose => "nc_transpose",
            OpCode::TensorTensor => "tensor_tensor",
            OpCode::TensorScalar => "tensor_scalar",
            OpCode::ScalarTensorTensor => "scalar_tensor_tensor",
            OpCode::TensorScalarReduce => "tensor_scalar_reduce",
            OpCode::TensorScalarCumulative => "tensor_scalar_cumulative",
            OpCode::TensorReduce => "tensor_reduce",
            OpCode::TensorPartitionReduce => "tensor_partition_reduce",
            OpCode::TensorTensorScan => "tensor_tensor_scan",
            OpCode::Activation => "activation",
            OpCode::ActivationReduce => "activation_reduce",
            OpCode::Activate2 => "activate2",
            OpCode::Exponential => "exponential",
            OpCode::Reciprocal => "reciprocal",
            OpCode::SelectReduce => "select_reduce",
            OpCode::RangeSelect => "range_select",
            OpCode::AffineSelect => "affine_select",
            OpCode::Iota => "iota",
            OpCode::BnStats => "bn_stats",
            OpCode::BnAggr => "bn_aggr",
            OpCode::Max8 => "max8",
            OpCode::NcFindIndex8 => "nc_find_index8",
            OpCode::NcMatchReplace8 => "nc_match_replace8",
            OpCode::NcStreamShuffle => "nc_stream_shuffle",
            OpCode::LocalGather => "local_gather",
            OpCode::NcNGather => "nc_n_gather",
            OpCode::Topk => "topk",
            OpCode::NonzeroWithCount => "nonzero_with_count",
            OpCode::SequenceBounds => "sequence_bounds",
            OpCode::QuantizeMx => "quantize_mx",
            OpCode::Dropout => "dropout",
            OpCode::Rng => "rng",
            OpCode::Rand2 => "rand2",
            OpCode::RandSetState => "rand_set_state",
            OpCode::RandGetState => "rand_get_state",
            OpCode::SetRngSeed => "set_rng_seed",
            OpCode::RegisterMove => "register_move",
            OpCode::RegisterLoad => "register_load",
            OpCode::RegisterStore => "register_store",
            OpCode::SendRecv => "sendrecv",
            OpCode::CoreBarrier => "core_barrier",
            OpCode::Collective => "collective",
        }
    }
}

/// Index of an instruction in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstrId(pub u32);

/// A line of kernel source; `file` numbers are given out by the front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceLine {
    pub file: u16,
    pub line: u32,
}

/// How descriptors of a DMA are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Dge {
    /// Left to the compiler.
    Unknown,
    Software,
    Hardware,
    /// Descriptors prepared in HBM before the kernel starts.
    None,
}

/// Where a DMA reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    HbmToSbuf,
    SbufToHbm,
    SbufToSbuf,
    HbmToHbm,
}

/// Facts about an instruction that change its price; see the constants of [`Flags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u32);

impl Flags {
    pub const READS_SBUF: Flags = Flags(1);
    pub const READS_PSUM: Flags = Flags(1 << 1);
    pub const WRITES_SBUF: Flags = Flags(1 << 2);
    pub const WRITES_PSUM: Flags = Flags(1 << 3);
    /// Every operand's elements stand side by side in a partition.
    pub const CONTIGUOUS: Flags = Flags(1 << 4);
    /// All tensor operands are bf16 or fp16.
    pub const ALL_16_BIT: Flags = Flags(1 << 5);
    /// All tensor operands are 8-bit floats.
    pub const ALL_8_BIT: Flags = Flags(1 << 6);
    /// Matmul on fp32 operands: four passes.
    pub const FP32: Flags = Flags(1 << 7);
    /// Matmul with two fp8 rows a cycle.
    pub const DOUBLE_ROW: Flags = Flags(1 << 8);
    pub const TRANSPOSE: Flags = Flags(1 << 9);
    pub const ACCUMULATE: Flags = Flags(1 << 10);
    /// One of the operands of a matmul was declared to hold only ones and zeros.
    pub const ONE_ZERO: Flags = Flags(1 << 11);
    /// Gather, scatter or a start address known only at run time.
    pub const INDIRECT: Flags = Flags(1 << 12);
    pub const DYNAMIC: Flags = Flags(1 << 13);
    /// The result of a reduction is also written out.
    pub const REDUCE_OUT: Flags = Flags(1 << 14);
    /// A memset to zero.
    pub const ZERO: Flags = Flags(1 << 15);
    /// DMA that changes the element type.
    pub const CAST: Flags = Flags(1 << 16);
    /// The kernel named the engine; otherwise it was chosen here.
    pub const ENGINE_GIVEN: Flags = Flags(1 << 17);
    /// Matmul in MX format.
    pub const MX: Flags = Flags(1 << 18);

    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    #[must_use]
    pub const fn with_if(self, condition: bool, other: Flags) -> Flags {
        if condition { self.with(other) } else { self }
    }
}

/// What an instruction costs, before any machine constant is applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Elements of one partition that stream through the engine (input side); for a gather, indices.
    pub elements: u32,
    pub partitions: u16,
    pub flags: Flags,
    pub input: Dtype,
    pub output: Dtype,
    /// ALU operator ids ([`crate::op::AluOp`] as u8; 255 for none), or the activation function in `alu0`.
    pub alu0: u8,
    pub alu1: u8,
    /// Matmul: contraction rows, stationary columns, moving columns. PE tile position and size in `tile`.
    pub k: u16,
    pub m: u16,
    pub n: u16,
    /// (first row, first column, rows, columns) of the PE tile.
    pub tile: [u8; 4],
    /// DMA: contiguous runs on the side that has more of them, bytes of each, and all bytes (source side).
    pub rows: u32,
    pub row_bytes: u32,
    pub bytes: u64,
    pub direction: Direction,
    pub dge: Dge,
    /// The engine whose stream triggers a DMA; the engine itself otherwise.
    pub trigger: Engine,
    pub queue: u8,
    /// Quality-of-service class of a DMA, 0 first.
    pub priority: u8,
}

impl Cost {
    pub const NONE: Cost = Cost {
        elements: 0,
        partitions: 0,
        flags: Flags(0),
        input: Dtype::Fp32,
        output: Dtype::Fp32,
        alu0: 255,
        alu1: 255,
        k: 0,
        m: 0,
        n: 0,
        tile: [0; 4],
        rows: 0,
        row_bytes: 0,
        bytes: 0,
        direction: Direction::HbmToSbuf,
        dge: Dge::Unknown,
        trigger: Engine::Sync,
        queue: 0,
        priority: 0,
    };
}

/// A box of bytes that an instruction touches: partitions `first..last` of a storage, and of each the
/// bytes `low + i * period .. low + i * period + run` below `high` (`period` 0: all of `low..high`).
/// Partition numbers are those of the storage; HBM has one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    pub storage: StorageId,
    /// The tensor through which the bytes were named (the sentinel [`Range::REGISTERS`] for registers).
    pub tensor: TensorId,
    pub first: u8,
    pub last: u8,
    pub low: u32,
    pub high: u32,
    pub period: u32,
    pub run: u32,
}

impl Range {
    pub const REGISTERS: TensorId = TensorId(u32::MAX);
}

/// `len` entries from `start` of a shared list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    pub start: u32,
    pub len: u16,
}

/// One executed instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instr {
    pub op: OpCode,
    pub engine: Engine,
    pub core: u16,
    /// Index into [`Trace::lines`].
    pub line: u32,
    pub cost: Cost,
    /// Into [`Trace::ranges`].
    pub reads: Span,
    pub writes: Span,
    /// Into [`Trace::after`]: instructions that the kernel ordered before this one beyond data dependence.
    pub after: Span,
    /// 1 + index into [`Trace::loops`] of the innermost dynamic loop; 0 outside.
    pub in_loop: u16,
    /// Barriers, sendrecv and collectives: instructions with the same number (not 0) meet.
    pub meeting: u32,
}

/// A loop whose trip count is known only at run time. Its iterations are traced one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    pub line: u32,
    pub parent: u16,
    pub first: InstrId,
    /// One past the last instruction.
    pub end: InstrId,
    pub trips: u32,
}

/// Life of a storage: which instructions may touch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorageInfo {
    pub place: Place,
    /// Owner; for HBM the first core of the rank.
    pub core: u16,
    /// Partitions and bytes a partition that the tensors in it take.
    pub partitions: u16,
    pub bytes: u32,
    /// The one image of SBUF or PSUM that explicit addresses share.
    pub image: bool,
    /// Instructions traced (of all cores) when it was made and when it was freed.
    pub born: u32,
    pub died: u32,
}

/// Something that the hardware would have done differently from one run to the next, or that it leaves undefined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Short stable name ("accumulate-unstarted", "read-uninitialised"...).
    pub rule: &'static str,
    pub core: u16,
    /// Index into [`Trace::lines`].
    pub line: u32,
    /// Line of the other instruction, where there is one.
    pub other: Option<u32>,
    /// One sentence without a full stop.
    pub message: String,
    pub hint: Option<String>,
}

/// Everything that ran, all cores mixed in execution order; the order of one core is its program order.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    pub instrs: Vec<Instr>,
    pub ranges: Vec<Range>,
    pub after: Vec<InstrId>,
    pub lines: Vec<SourceLine>,
    pub loops: Vec<Loop>,
    pub storages: Vec<StorageInfo>,
    /// Storages that were filled from outside, not by an instruction.
    pub host_written: Vec<StorageId>,
    /// Found while running; [`crate::check`] adds what needs the whole trace.
    pub findings: Vec<Finding>,
}

impl Trace {
    pub fn reads(&self, i: &Instr) -> &[Range] {
        span(&self.ranges, i.reads)
    }

    pub fn writes(&self, i: &Instr) -> &[Range] {
        span(&self.ranges, i.writes)
    }

    pub fn after(&self, i: &Instr) -> &[InstrId] {
        span(&self.after, i.after)
    }
}

fn span<T>(list: &[T], s: Span) -> &[T] {
    let start = s.start as usize;
    list.get(start..start + usize::from(s.len)).unwrap_or(&[])
}

const _: () = assert!(size_of::<Instr>() <= 128);
