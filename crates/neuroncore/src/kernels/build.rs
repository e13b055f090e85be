//! Writes traces by hand: the instruction streams of algorithms, without data.

use crate::op::ActFn;
use crate::tensor::{Place, StorageId, TensorId};
use crate::trace::{Cost, Dge, Direction, Engine, Flags, Instr, OpCode, Range, SourceLine, Span, StorageInfo, Trace};
use crate::{Dtype, Gen};

/// Columns of an on-chip tile (bytes `low..high` of each partition), or a run of device memory.
#[derive(Debug, Clone, Copy)]
pub struct Tile {
    storage: u32,
    place: Place,
    pub partitions: u16,
    low: u32,
    high: u32,
    pub dtype: Dtype,
}

impl Tile {
    /// Elements `from..from + count` of each partition.
    #[must_use]
    pub fn cols(self, from: u32, count: u32) -> Tile {
        let size = self.dtype.size() as u32;
        Tile { low: self.low + from * size, high: self.low + (from + count) * size, ..self }
    }

    /// The first `count` partitions.
    #[must_use]
    pub const fn rows(self, count: u16) -> Tile {
        Tile { partitions: count, ..self }
    }

    pub fn elements(self) -> u32 {
        (self.high - self.low) / self.dtype.size() as u32
    }

    const fn range(self) -> Range {
        Range {
            storage: StorageId(self.storage),
            tensor: TensorId(self.storage),
            first: 0,
            last: if self.partitions > 255 { 255 } else { self.partitions as u8 },
            low: self.low,
            high: self.high,
            period: 0,
            run: 0,
        }
    }
}

/// A trace in the making, of one core.
#[derive(Debug)]
pub struct Builder {
    trace: Trace,
    version: Gen,
    core: u16,
    line: u32,
    dge: Dge,
}

impl Builder {
    /// `--disable-dge` kernels use [`Dge::None`].
    pub fn new(version: Gen, dge: Dge) -> Builder {
        let trace = Trace { lines: vec![SourceLine::default()], ..Trace::default() };
        Builder { trace, version, core: 0, line: 0, dge }
    }

    pub fn finish(self) -> Trace {
        self.trace
    }

    /// Everything from here on stands on this line.
    pub fn line(&mut self, line: u32) {
        let at = SourceLine { file: 0, line };
        self.line = match self.trace.lines.iter().position(|l| *l == at) {
            Some(i) => i as u32,
            None => {
                self.trace.lines.push(at);
                self.trace.lines.len() as u32 - 1
            }
        };
    }

    fn alloc(&mut self, place: Place, partitions: u16, elements: u32, dtype: Dtype) -> Tile {
        let bytes = elements * dtype.size() as u32;
        let storage = self.trace.storages.len() as u32;
        let born = self.trace.instrs.len() as u32;
        self.trace.storages.push(StorageInfo { place, core: self.core, partitions, bytes, image: false, born, died: u32::MAX });
        Tile { storage, place, partitions, low: 0, high: bytes, dtype }
    }

    pub fn sbuf(&mut self, partitions: u16, elements: u32, dtype: Dtype) -> Tile {
        self.alloc(Place::Sbuf, partitions, elements, dtype)
    }

    /// PSUM is fp32.
    pub fn psum(&mut self, partitions: u16, elements: u32) -> Tile {
        self.alloc(Place::Psum, partitions, elements, Dtype::Fp32)
    }

    /// Device memory that the kernel writes and reads again.
    pub fn spill(&mut self, bytes: u32) -> Tile {
        Tile { dtype: Dtype::U8, ..self.alloc(Place::Hbm, 1, bytes, Dtype::U8) }
    }

    fn push(&mut self, op: OpCode, engine: Engine, cost: Cost, reads: &[Tile], writes: &[Tile]) {
        let mut span = |tiles: &[Tile]| {
            let start = self.trace.ranges.len() as u32;
            self.trace.ranges.extend(tiles.iter().map(|t| t.range()));
            Span { start, len: tiles.len() as u16 }
        };
        let (reads, writes) = (span(reads), span(writes));
        let (core, line) = (self.core, self.line);
        // A stream says where it runs, so nothing is left to a compiler.
        let cost = Cost { flags: cost.flags.with_if(engine != Engine::Dma, Flags::ENGINE_GIVEN), ..cost };
        self.trace.instrs.push(Instr { op, engine, core, line, cost, reads, writes, after: Span::default(), in_loop: 0, meeting: 0 });
    }

    fn dma(&mut self, direction: Direction, tile: Tile, row_bytes: u32, reads: &[Tile], writes: &[Tile]) {
        let bytes = u64::from(tile.partitions) * u64::from(tile.high - tile.low);
        let rows = (bytes / u64::from(row_bytes.max(1))).max(1) as u32;
        let cost = Cost { partitions: tile.partitions, rows, row_bytes, bytes, direction, dge: self.dge, ..Cost::NONE };
        self.push(OpCode::DmaCopy, Engine::Dma, cost, reads, writes);
    }

    /// Loads a tile from an input; each partition's bytes stand together in device memory.
    pub fn load(&mut self, dst: Tile) {
        self.dma(Direction::HbmToSbuf, dst, dst.high - dst.low, &[], &[dst]);
    }

    /// Loads with runs of `row_bytes`.
    pub fn load_rows(&mut self, dst: Tile, row_bytes: u32) {
        self.dma(Direction::HbmToSbuf, dst, row_bytes, &[], &[dst]);
    }

    /// Loads rows that an index names: descriptors are made by GpSimd.
    pub fn gather(&mut self, dst: Tile) {
        let row_bytes = dst.high - dst.low;
        let bytes = u64::from(dst.partitions) * u64::from(row_bytes);
        let cost = Cost {
            partitions: dst.partitions,
            rows: u32::from(dst.partitions),
            row_bytes,
            bytes,
            flags: Flags::INDIRECT,
            dge: Dge::Software,
            trigger: Engine::GpSimd,
            ..Cost::NONE
        };
        self.push(OpCode::DmaCopy, Engine::Dma, cost, &[], &[dst]);
    }

    pub fn store(&mut self, src: Tile) {
        self.dma(Direction::SbufToHbm, src, src.high - src.low, &[src], &[]);
    }

    pub fn spill_out(&mut self, src: Tile, to: Tile) {
        self.dma(Direction::SbufToHbm, src, src.high - src.low, &[src], &[to]);
    }

    pub fn spill_in(&mut self, dst: Tile, from: Tile) {
        self.dma(Direction::HbmToSbuf, dst, dst.high - dst.low, &[from], &[dst]);
    }

    fn flags(reads: &[Tile], write: Tile) -> Flags {
        let any = |p: Place| reads.iter().any(|t| t.place == p);
        let all16 = reads.iter().chain([&write]).all(|t| t.dtype.size() == 2);
        Flags::CONTIGUOUS
            .with_if(any(Place::Sbuf), Flags::READS_SBUF)
            .with_if(any(Place::Psum), Flags::READS_PSUM)
            .with_if(write.place == Place::Sbuf, Flags::WRITES_SBUF)
            .with_if(write.place == Place::Psum, Flags::WRITES_PSUM)
            .with_if(all16, Flags::ALL_16_BIT)
    }

    fn multiply(&mut self, dst: Tile, stationary: Tile, moving: Tile, more: Flags) {
        let wide = matches!(moving.dtype, Dtype::Fp32);
        let flags = Builder::flags(&[stationary, moving], dst).with(more).with_if(wide, Flags::FP32);
        let cost = Cost {
            elements: moving.elements(),
            partitions: moving.partitions,
            flags,
            input: moving.dtype,
            output: Dtype::Fp32,
            k: moving.partitions,
            m: stationary.elements() as u16,
            n: moving.elements() as u16,
            ..Cost::NONE
        };
        self.push(OpCode::NcMatmul, Engine::Tensor, cost, &[stationary, moving, dst], &[dst]);
    }

    /// `dst += stationary.T @ moving`.
    pub fn matmul(&mut self, dst: Tile, stationary: Tile, moving: Tile) {
        self.multiply(dst, stationary, moving, Flags::ACCUMULATE);
    }

    /// fp8 with two rows a cycle.
    pub fn matmul_double_row(&mut self, dst: Tile, stationary: Tile, moving: Tile) {
        self.multiply(dst, stationary, moving, Flags::ACCUMULATE.with(Flags::DOUBLE_ROW));
    }

    /// Operands of four packed elements with their scales beside them (one byte for 32 elements).
    pub fn matmul_mx(&mut self, dst: Tile, stationary: Tile, moving: Tile) {
        self.multiply(dst, stationary, moving, Flags::ACCUMULATE.with(Flags::MX));
    }

    /// `dst = data.T` by a product with the identity.
    pub fn transpose(&mut self, dst: Tile, data: Tile, identity: Tile) {
        self.multiply(dst, data, identity, Flags::TRANSPOSE.with(Flags::ONE_ZERO));
    }

    /// An instruction that streams its first input.
    pub fn run(&mut self, op: OpCode, engine: Engine, dst: Tile, reads: &[Tile]) {
        let first = reads.first().copied().unwrap_or(dst);
        let cost = Cost {
            elements: first.elements(),
            partitions: first.partitions,
            flags: Builder::flags(reads, dst),
            input: first.dtype,
            output: dst.dtype,
            alu0: 1,
            ..Cost::NONE
        };
        self.push(op, engine, cost, reads, &[dst]);
    }

    pub fn act(&mut self, function: ActFn, dst: Tile, src: Tile) {
        self.activate(function, dst, src, None, &[]);
    }

    /// The same with a bias of one column.
    pub fn act_with(&mut self, function: ActFn, dst: Tile, src: Tile, bias: Tile) {
        self.activate(function, dst, src, None, &[bias]);
    }

    /// With a bias, and the sum of each row written to `sum`.
    pub fn act_sum(&mut self, function: ActFn, dst: Tile, src: Tile, sum: Tile, bias: Tile) {
        self.activate(function, dst, src, Some(sum), &[bias]);
    }

    fn activate(&mut self, function: ActFn, dst: Tile, src: Tile, sum: Option<Tile>, bias: &[Tile]) {
        let cost = Cost {
            elements: src.elements(),
            partitions: src.partitions,
            flags: Builder::flags(&[src], dst).with_if(sum.is_some(), Flags::REDUCE_OUT),
            input: src.dtype,
            output: dst.dtype,
            alu0: function as u8,
            ..Cost::NONE
        };
        let reads: Vec<Tile> = [src].iter().chain(bias).copied().collect();
        let writes: Vec<Tile> = [dst].into_iter().chain(sum).collect();
        self.push(OpCode::Activation, Engine::Scalar, cost, &reads, &writes);
    }

    pub fn vector(&mut self, op: OpCode, dst: Tile, reads: &[Tile]) {
        self.run(op, Engine::Vector, dst, reads);
    }

    /// `tensor_scalar_reduce`: writes the scaled data and a column reduced from it in one pass.
    pub fn scale_and_reduce(&mut self, dst: Tile, column: Tile, src: Tile) {
        let cost = Cost {
            elements: src.elements(),
            partitions: src.partitions,
            flags: Builder::flags(&[src], dst),
            input: src.dtype,
            output: dst.dtype,
            alu0: 1,
            ..Cost::NONE
        };
        self.push(OpCode::TensorScalarReduce, Engine::Vector, cost, &[src], &[dst, column]);
    }

    /// A copy or a scale by constants on Scalar. Generation 2 has it as an activation.
    pub fn scalar(&mut self, dst: Tile, src: Tile) {
        if self.version == Gen::Gen2 {
            self.act(ActFn::Copy, dst, src);
        } else {
            self.run(OpCode::TensorCopy, Engine::Scalar, dst, &[src]);
        }
    }
}
