//! What one instruction takes on its engine, before it meets any other.
//!
//! II is the time until the engine can take its next instruction, N the elements of one partition. Formulas are those of
//! docs/neuroncore.md; the constants come from [`Timing`].

use crate::Dtype;
use crate::op::{ActFn, AluOp};
use crate::timing::Timing;
use crate::trace::{Cost, Dge, Direction, Engine, Flags, Instr, OpCode};

/// Picoseconds.
pub type Ps = u64;

/// Times of an instruction that runs on an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Price {
    /// Until the engine can take its next instruction.
    pub busy: Ps,
    /// Until others can read the result, from the start; at least `busy`.
    pub done: Ps,
}

/// Times of a DMA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// DMA engines that carry a share.
    pub engines: u32,
    /// Time of each of them.
    pub each: Ps,
    /// Until the queue can start its next DMA.
    pub issue: Ps,
    /// From the start to the first byte, and from the last byte until others can read it.
    pub start: Ps,
    pub end: Ps,
}

/// Activation functions whose coefficients are loaded together. Functions with no table never force a switch (0).
pub fn act_table(function: u8) -> u8 {
    const FREE: [ActFn; 6] = [ActFn::Copy, ActFn::Square, ActFn::Relu, ActFn::Sign, ActFn::Abs, ActFn::Reduce];
    if function == 255 || FREE.iter().any(|f| *f as u8 == function) { 0 } else { function + 1 }
}

fn ps(x: f64) -> Ps {
    // Inputs are bounded (counts below 2^32, constants below 1e9), so this is below 2^63.
    x.max(0.0).round() as Ps
}

const fn both_sbuf(c: &Cost) -> bool {
    c.flags.has(Flags::READS_SBUF) && !c.flags.has(Flags::READS_PSUM)
}

/// Elements per cycle of copies and tensor_scalar on Vector.
fn copy_rate(t: &Timing, c: &Cost) -> f64 {
    if !c.flags.has(Flags::ALL_16_BIT) {
        return 1.0;
    }
    let psum = c.flags.has(Flags::READS_PSUM) || c.flags.has(Flags::WRITES_PSUM);
    match (psum, c.flags.has(Flags::CONTIGUOUS)) {
        (false, true) => t.copy_fast,
        (false, false) | (true, true) => t.copy_half,
        (true, false) => 1.0,
    }
}

/// Cycles of Vector for N elements.
fn vector(t: &Timing, i: &Instr) -> f64 {
    let c = &i.cost;
    let n = f64::from(c.elements);
    let cycles = match i.op {
        OpCode::TensorCopy if c.flags.has(Flags::DYNAMIC) => n.max(t.dynamic_min),
        OpCode::TensorCopy | OpCode::TensorScalar | OpCode::NcStreamShuffle | OpCode::QuantizeMx => n / copy_rate(t, c),
        OpCode::TensorTensor | OpCode::ScalarTensorTensor => match (both_sbuf(c), c.flags.has(Flags::ALL_16_BIT)) {
            (false, _) => n,
            (true, true) => n / t.two_input_fast,
            (true, false) => n * t.two_input,
        },
        OpCode::TensorCopyPredicated => n * if both_sbuf(c) { t.two_input } else { 1.0 },
        OpCode::SelectReduce => n * t.two_input,
        OpCode::TensorTensorScan => n * t.scan,
        OpCode::TensorReduce if c.flags.has(Flags::ALL_16_BIT) && (c.alu0 == AluOp::Add as u8 || c.alu0 == AluOp::Max as u8) => n / 2.0,
        OpCode::TensorScalarReduce => n + t.reduce_read,
        OpCode::Reciprocal => n * t.reciprocal,
        OpCode::Exponential => n / t.exponential,
        OpCode::BnAggr => 13.0 * n / 3.0,
        OpCode::Memset if c.flags.has(Flags::ZERO) && c.output.size() <= 2 => n / 2.0,
        _ => n,
    };
    cycles.max(t.min_issue) + if c.flags.has(Flags::REDUCE_OUT) { t.reduce_read } else { 0.0 }
}

/// Cycles of Scalar.
fn scalar(t: &Timing, i: &Instr) -> f64 {
    let c = &i.cost;
    let n = f64::from(c.elements);
    let plain = matches!(i.op, OpCode::TensorCopy | OpCode::TensorScalar);
    let rate = if plain && c.flags.has(Flags::ALL_16_BIT) { t.scalar_fast } else { 1.0 };
    let out = i.op == OpCode::ActivationReduce || c.flags.has(Flags::REDUCE_OUT);
    (n / rate).max(t.min_issue) + if out { t.reduce_read } else { 0.0 }
}

/// Cycles of GpSimd.
fn gpsimd(t: &Timing, i: &Instr) -> f64 {
    let c = &i.cost;
    let n = f64::from(c.elements);
    let work = match i.op {
        // Partitions are walked one after the other: no rate is published.
        OpCode::TensorPartitionReduce => n * f64::from(c.partitions) / 16.0,
        OpCode::LocalGather => {
            let size = c.input.size() as f64;
            let e = f64::from(c.m).max(1.0);
            n * e / (((28.0 + 4.0 * e) / (4.0 * e)) / (4.0 / size).min(e)).max(1e-3)
        }
        OpCode::Topk => 4.0 * n + f64::from(c.k),
        _ => n,
    };
    t.gpsimd_start + work
}

/// Cycles of Tensor.
fn tensor(t: &Timing, i: &Instr) -> f64 {
    let c = &i.cost;
    let wide = c.flags.has(Flags::FP32) || (i.op == OpCode::NcTranspose && matches!(c.input, Dtype::Fp32 | Dtype::I32 | Dtype::U32));
    let transpose = c.flags.has(Flags::TRANSPOSE) || i.op == OpCode::NcTranspose;
    let passes = match (wide, transpose) {
        (false, _) => 1.0,
        (true, true) => t.fp32_transpose_passes,
        (true, false) => t.fp32_passes,
    };
    // Loading the next weights (min(64, M) cycles) hides behind the columns that move now.
    let n = f64::from(c.n).max(f64::from(c.m).min(t.min_issue));
    n.max(t.min_issue) * passes
}

/// The price of an instruction on a compute engine or a sequencer.
pub fn price(t: &Timing, i: &Instr) -> Price {
    let c = &i.cost;
    match i.engine {
        Engine::Tensor => {
            let busy = tensor(t, i) * t.tensor;
            // The last column leaves the array after it crossed K rows and M columns.
            Price { busy: ps(busy), done: ps(busy + f64::from(c.k.min(128) + c.m.min(128)) * t.tensor + t.access * t.tensor) }
        }
        Engine::Vector => {
            let busy = (vector(t, i) + t.access) * t.vector;
            Price { busy: ps(busy), done: ps(busy + t.dependent * t.vector) }
        }
        Engine::Scalar => {
            let cycles = scalar(t, i);
            let busy = (cycles + t.access) * t.scalar;
            Price { busy: ps(busy), done: ps(busy.max(cycles * t.scalar + t.scalar_latency)) }
        }
        Engine::GpSimd => {
            let busy = gpsimd(t, i) * t.gpsimd;
            Price { busy: ps(busy), done: ps(busy + t.dependent * t.gpsimd) }
        }
        Engine::Sync | Engine::Dma => {
            let busy = t.min_issue * t.scalar;
            Price { busy: ps(busy), done: ps(busy) }
        }
    }
}

/// The price of a DMA.
pub fn transfer(t: &Timing, i: &Instr) -> Transfer {
    let c = &i.cost;
    let rows = f64::from(c.rows.max(1));
    let row = (f64::from(c.row_bytes)).max(t.dma_floor);
    // A partition's bytes belong to one engine, eight partitions to each; other rows go round.
    let lanes = if c.partitions > 0 { u32::from(c.partitions).div_ceil(8) } else { c.rows.max(1) };
    let engines = lanes.clamp(1, t.dma_engines);
    let slow = match i.op {
        OpCode::DmaTranspose if c.direction == Direction::SbufToSbuf => t.dma_transpose_sbuf,
        OpCode::DmaTranspose => t.dma_transpose_hbm,
        OpCode::DmaCompute => t.dma_compute,
        _ => 1.0,
    };
    let each = rows / f64::from(engines) * row / (t.dma_rate * slow) * 1e3;
    // Descriptors that stand in memory before the kernel starts need no generator.
    let issue = if c.dge == Dge::None { 0.0 } else { t.dma_descriptor };
    Transfer { engines, each: ps(each), issue: ps(issue), start: ps(t.dma_start), end: ps(t.dma_end) }
}
