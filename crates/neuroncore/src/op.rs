//! The instructions of `nki.isa` as plain data.

use crate::tensor::{RegId, View};
use crate::trace::{Dge, Engine, OpCode};

/// An operator of the arithmetic units: two inputs, or one (`operand` ignored).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AluOp {
    Bypass,
    Add,
    Subtract,
    Multiply,
    Divide,
    Max,
    Min,
    Power,
    AbsMax,
    AbsMin,
    Mod,
    Equal,
    NotEqual,
    GreaterEqual,
    Greater,
    LessEqual,
    Less,
    LogicalAnd,
    LogicalOr,
    LogicalXor,
    BitwiseAnd,
    BitwiseOr,
    BitwiseXor,
    LeftShift,
    RightShift,
    /// Shifts in the sign bit (Beta 1 only).
    ArithmeticRightShift,
    // One input.
    BitwiseNot,
    LogicalNot,
    Abs,
    Square,
    Relu,
    Rsqrt,
    Reciprocal,
    Sqrt,
    Negative,
    /// Mean; `tensor_partition_reduce` and Beta 1 reductions only.
    Average,
}

/// A function of the Scalar engine's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ActFn {
    Copy,
    Square,
    Sigmoid,
    Relu,
    Prelu,
    Gelu,
    GeluDx,
    GeluTanh,
    GeluSigmoid,
    GeluSigmoidDx,
    Silu,
    SiluDx,
    Tanh,
    TanhDx,
    Softplus,
    Mish,
    Erf,
    ErfDx,
    Exp,
    Log,
    Sin,
    Arctan,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Sign,
    Abs,
    Reduce,
}

/// What an instruction does with the accumulator registers of its engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReduceCmd {
    Idle,
    Reset,
    Reduce,
    ResetReduce,
    LoadReduce,
}

/// A constant of the program, or one value a partition (a `[P, 1]` view).
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Value(f64),
    View(View),
}

/// What to do with an index outside the tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutOfBounds {
    Error,
    Skip,
}

/// `operand0 op data` when `reverse`.
#[derive(Debug, Clone, PartialEq)]
pub struct AluStage {
    pub op: AluOp,
    pub operand: Operand,
    pub reverse: bool,
}

/// Reduction into the engine's registers, and from there into memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduction {
    pub cmd: ReduceCmd,
    pub op: AluOp,
    pub result: Option<View>,
    /// Only with [`ReduceCmd::LoadReduce`].
    pub init: Option<Operand>,
    /// Negates what is written to `result`, not the registers.
    pub negate: bool,
}

impl Reduction {
    pub const NONE: Reduction = Reduction { cmd: ReduceCmd::Idle, op: AluOp::Add, result: None, init: None, negate: false };
}

/// An affine expression of partition and position: `offset + partition * channel + sum(step_i * index_i)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// Up to four `(step, count)`, outermost first.
    pub dims: Vec<(i32, u32)>,
    pub offset: i32,
    pub channel: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collective {
    AllReduce,
    AllGather,
    ReduceScatter,
    AllToAll,
    Permute,
    /// As `Permute`; each rank sends the combination of its two halves of `srcs`.
    PermuteReduce,
    /// Counts and places from [`Metadata`]: one chunk of each rank to every rank.
    AllGatherV,
    /// As `AllGatherV`, with a chunk for each rank.
    AllToAllV,
}

/// Element counts and places of a collective of varying sizes, known only when it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// `uint32`, a column a rank: send counts, send places, received counts, and with `displacements` receive places.
    pub view: View,
    /// The row of received counts is left alone.
    pub counts_known: bool,
    pub displacements: bool,
}

/// PE tile of a matmul: position and size as (rows, columns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    pub row: u8,
    pub column: u8,
    pub rows: u8,
    pub columns: u8,
}

/// One instruction. `engine: None` leaves the choice to the machine.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    DmaCopy {
        dst: View,
        src: View,
        oob: OutOfBounds,
        dge: Dge,
        engine: Option<Engine>,
        priority: u8,
    },
    /// 2-D: (1, 0); 3-D: (2, 1, 0); 4-D: (3, 1, 2, 0), by the dimensions of `src`.
    DmaTranspose {
        dst: View,
        src: View,
        oob: OutOfBounds,
        dge: Dge,
        priority: u8,
    },
    /// Sum of the sources in fp32. With a vector index on `dst` or a source: read-modify-write.
    DmaCompute {
        dst: View,
        srcs: Vec<View>,
        op: AluOp,
        scales: Vec<f32>,
        oob: OutOfBounds,
        unique: bool,
    },
    TensorCopy {
        dst: View,
        src: View,
        engine: Option<Engine>,
    },
    TensorCopyPredicated {
        dst: View,
        src: Operand,
        predicate: View,
        reverse: bool,
    },
    Memset {
        dst: View,
        value: f64,
        engine: Option<Engine>,
    },
    NcMatmul {
        dst: View,
        stationary: View,
        moving: View,
        /// None: overwrite what no matmul wrote yet, accumulate otherwise.
        accumulate: Option<bool>,
        transpose: bool,
        double_row: bool,
        tile: Option<Tile>,
        one_zero: bool,
    },
    NcMatmulMx {
        dst: View,
        stationary: View,
        moving: View,
        stationary_scale: View,
        moving_scale: View,
        accumulate: Option<bool>,
        tile: Option<Tile>,
    },
    NcTranspose {
        dst: View,
        data: View,
        engine: Option<Engine>,
    },
    TensorTensor {
        dst: View,
        data1: View,
        data2: View,
        op: AluOp,
        engine: Option<Engine>,
    },
    TensorScalar {
        dst: View,
        data: View,
        stage0: AluStage,
        stage1: Option<AluStage>,
        engine: Option<Engine>,
    },
    ScalarTensorTensor {
        dst: View,
        data: View,
        stage0: AluStage,
        op1: AluOp,
        operand1: View,
        reverse1: bool,
    },
    TensorScalarReduce {
        dst: View,
        data: View,
        stage0: AluStage,
        reduction: Reduction,
    },
    /// `imm1` is `reduction.init`; running op in `reduction.op`.
    TensorScalarCumulative {
        dst: View,
        src: View,
        stage0: AluStage,
        reduction: Reduction,
    },
    /// Reduces the last `axes` dimensions of `data`.
    TensorReduce {
        dst: View,
        data: View,
        op: AluOp,
        axes: u8,
        negate: bool,
    },
    TensorPartitionReduce {
        dst: View,
        data: View,
        op: AluOp,
    },
    TensorTensorScan {
        dst: View,
        data0: View,
        data1: View,
        initial: Operand,
        op0: AluOp,
        op1: AluOp,
        reverse0: bool,
        reverse1: bool,
    },
    Activation {
        dst: View,
        data: View,
        function: ActFn,
        scale: Operand,
        bias: Option<Operand>,
        reduction: Reduction,
    },
    ActivationReduce {
        dst: View,
        data: View,
        function: ActFn,
        scale: Operand,
        bias: Option<Operand>,
        op: AluOp,
        result: View,
    },
    Activate2 {
        dst: View,
        data: View,
        function: ActFn,
        stage0: AluStage,
        stage1: AluStage,
        relu_param: Operand,
        reduction: Reduction,
    },
    Exponential {
        dst: View,
        src: View,
        max_value: Operand,
        reduction: Reduction,
    },
    Reciprocal {
        dst: View,
        data: View,
    },
    SelectReduce {
        dst: View,
        predicate: View,
        on_true: View,
        on_false: Operand,
        reverse: bool,
        reduction: Reduction,
    },
    RangeSelect {
        dst: View,
        data: View,
        op0: AluOp,
        op1: AluOp,
        bound0: View,
        bound1: View,
        start: i64,
        on_false: f32,
        reduction: Reduction,
    },
    AffineSelect {
        dst: View,
        pattern: Pattern,
        on_true: View,
        on_false: f32,
        op: AluOp,
    },
    Iota {
        dst: View,
        pattern: Pattern,
    },
    BnStats {
        dst: View,
        data: View,
    },
    BnAggr {
        dst: View,
        data: View,
    },
    Max8 {
        dst: View,
        src: View,
    },
    NcFindIndex8 {
        dst: View,
        data: View,
        vals: View,
    },
    NcMatchReplace8 {
        dst: View,
        data: View,
        vals: View,
        imm: f32,
        dst_idx: Option<View>,
    },
    NcStreamShuffle {
        dst: View,
        src: View,
        mask: [u8; 32],
    },
    LocalGather {
        dst: View,
        src: View,
        index: View,
        elems: u32,
        valid: Option<u32>,
    },
    NcNGather {
        dst: View,
        data: View,
        indices: View,
    },
    Topk {
        val_dst: View,
        idx_dst: View,
        src: View,
        n: u32,
    },
    NonzeroWithCount {
        dst: View,
        src: View,
        index_offset: i32,
        padding: i32,
    },
    SequenceBounds {
        dst: View,
        segment_ids: View,
    },
    QuantizeMx {
        dst: View,
        src: View,
        dst_scale: View,
    },
    Dropout {
        dst: View,
        data: View,
        prob: Operand,
    },
    Rng {
        dst: View,
        engine: Option<Engine>,
    },
    Rand2 {
        dst: View,
        min: Operand,
        max: Operand,
    },
    RandSetState {
        src: View,
        engine: Option<Engine>,
    },
    RandGetState {
        dst: View,
        engine: Option<Engine>,
    },
    SetRngSeed {
        src: View,
    },
    RegisterMove {
        dst: RegId,
        value: RegisterValue,
    },
    RegisterLoad {
        dst: RegId,
        src: View,
    },
    RegisterStore {
        dst: View,
        src: RegId,
    },
    /// Core `send_to` and `recv_from` count from the first core of the rank.
    SendRecv {
        dst: View,
        src: View,
        send_to: u8,
        recv_from: u8,
        pipe: u32,
        gpsimd_dma: bool,
    },
    CoreBarrier {
        data: Option<View>,
        engine: Option<Engine>,
    },
    /// Over the ranks of `groups` (empty: one group of all); one source and one destination for each tensor.
    Collective {
        kind: Collective,
        dsts: Vec<View>,
        srcs: Vec<View>,
        op: AluOp,
        groups: Vec<Vec<u16>>,
        pairs: Vec<(u16, u16)>,
        dim: u8,
        /// Of the kinds whose sizes vary.
        metadata: Option<Box<Metadata>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterValue {
    Constant(i32),
    Register(RegId),
}

impl Op {
    pub const fn code(&self) -> OpCode {
        match self {
            Op::DmaCopy { .. } => OpCode::DmaCopy,
            Op::DmaTranspose { .. } => OpCode::DmaTranspose,
            Op::DmaCompute { .. } => OpCode::DmaCompute,
            Op::TensorCopy { .. } => OpCode::TensorCopy,
            Op::TensorCopyPredicated { .. } => OpCode::TensorCopyPredicated,
            Op::Memset { .. } => OpCode::Memset,
            Op::NcMatmul { .. } => OpCode::NcMatmul,
            Op::NcMatmulMx { .. } => OpCode::NcMatmulMx,
            Op::NcTranspose { .. } => OpCode::NcTranspose,
            Op::TensorTensor { .. } => OpCode::TensorTensor,
            Op::TensorScalar { .. } => OpCode::TensorScalar,
            Op::ScalarTensorTensor { .. } => OpCode::ScalarTensorTensor,
            Op::TensorScalarReduce { .. } => OpCode::TensorScalarReduce,
            Op::TensorScalarCumulative { .. } => OpCode::TensorScalarCumulative,
            Op::TensorReduce { .. } => OpCode::TensorReduce,
            Op::TensorPartitionReduce { .. } => OpCode::TensorPartitionReduce,
            Op::TensorTensorScan { .. } => OpCode::TensorTensorScan,
            Op::Activation { .. } => OpCode::Activation,
            Op::ActivationReduce { .. } => OpCode::ActivationReduce,
            Op::Activate2 { .. } => OpCode::Activate2,
            Op::Exponential { .. } => OpCode::Exponential,
            Op::Reciprocal { .. } => OpCode::Reciprocal,
            Op::SelectReduce { .. } => OpCode::SelectReduce,
            Op::RangeSelect { .. } => OpCode::RangeSelect,
            Op::AffineSelect { .. } => OpCode::AffineSelect,
            Op::Iota { .. } => OpCode::Iota,
            Op::BnStats { .. } => OpCode::BnStats,
            Op::BnAggr { .. } => OpCode::BnAggr,
            Op::Max8 { .. } => OpCode::Max8,
            Op::NcFindIndex8 { .. } => OpCode::NcFindIndex8,
            Op::NcMatchReplace8 { .. } => OpCode::NcMatchReplace8,
            Op::NcStreamShuffle { .. } => OpCode::NcStreamShuffle,
            Op::LocalGather { .. } => OpCode::LocalGather,
            Op::NcNGather { .. } => OpCode::NcNGather,
            Op::Topk { .. } => OpCode::Topk,
            Op::NonzeroWithCount { .. } => OpCode::NonzeroWithCount,
            Op::SequenceBounds { .. } => OpCode::SequenceBounds,
            Op::QuantizeMx { .. } => OpCode::QuantizeMx,
            Op::Dropout { .. } => OpCode::Dropout,
            Op::Rng { .. } => OpCode::Rng,
            Op::Rand2 { .. } => OpCode::Rand2,
            Op::RandSetState { .. } => OpCode::RandSetState,
            Op::RandGetState { .. } => OpCode::RandGetState,
            Op::SetRngSeed { .. } => OpCode::SetRngSeed,
            Op::RegisterMove { .. } => OpCode::RegisterMove,
            Op::RegisterLoad { .. } => OpCode::RegisterLoad,
            Op::RegisterStore { .. } => OpCode::RegisterStore,
            Op::SendRecv { .. } => OpCode::SendRecv,
            Op::CoreBarrier { .. } => OpCode::CoreBarrier,
            Op::Collective { .. } => OpCode::Collective,
        }
    }
}
