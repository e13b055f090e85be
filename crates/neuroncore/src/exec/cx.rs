//! One instruction under way: its operands are checked and noted for the trace as they are named.

use crate::access::{Access, Stride};
use crate::fault::Fault;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::op::{AluOp, Operand};
use crate::tensor::{Indirect, Place, ScalarIndex, View};
use crate::trace::{Cost, Engine, Flags, Instr, InstrId, OpCode, Range, Span};
use crate::{Dtype, StorageId};

/// An input of the arithmetic: a constant, or one value for each element.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "at most four on the stack, and boxing would cost an allocation each")]
pub(crate) enum Input {
    Constant(f32),
    Access(Access),
}

/// Indices of a vector offset in the order of rows, elements that one step of the index skips, and its bound.
pub(crate) type RowIndex = (Vec<i64>, i64, u32);

/// A destination along gathered positions, written when the instruction ends.
struct Scatter {
    /// Side-by-side elements to take from.
    from: Access,
    dtype: Dtype,
    storage: u32,
    /// Byte of each element.
    to: Vec<usize>,
}

pub(crate) struct Cx<'m> {
    pub m: &'m mut Machine,
    pub core: u16,
    pub code: OpCode,
    line: u32,
    reads: Vec<Range>,
    writes: Vec<Range>,
    temporaries: usize,
    scatters: Vec<Scatter>,
    flags: Flags,
    /// Numbers the rest of the instruction's random draws.
    pub key: u64,
}

impl<'m> Cx<'m> {
    pub fn new(m: &'m mut Machine, core: u16, code: OpCode, line: u32) -> Cx<'m> {
        let key = m.seed ^ (m.trace.instrs.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (reads, writes) = (std::mem::take(&mut m.scratch.reads), std::mem::take(&mut m.scratch.writes));
        Cx { m, core, code, line, reads, writes, temporaries: 0, scatters: Vec::new(), flags: Flags(0), key }
    }

    /// Removes what was made for this instruction only.
    pub fn end(&mut self) {
        for _ in 0..self.temporaries {
            self.m.drop_temporary();
        }
        self.temporaries = 0;
        self.reads.clear();
        self.writes.clear();
        self.m.scratch.reads = std::mem::take(&mut self.reads);
        self.m.scratch.writes = std::mem::take(&mut self.writes);
    }

    pub fn line(&self) -> u32 {
        self.line
    }

    pub fn memory(&mut self) -> &mut Memory {
        &mut self.m.memory
    }

    pub fn fault(&self, rule: &'static str, operand: &'static str, message: impl Into<String>, hint: Option<&str>) -> Fault {
        Fault { rule, op: self.code.name(), operand, message: message.into(), hint: hint.map(str::to_owned) }
    }

    /// Places a view and resolves a scalar offset; other indices stay.
    fn locate(&mut self, operand: &'static str, view: &View) -> Result<Access, Fault> {
        let op = self.code.name();
        let access = match view.indirect.as_deref() {
            Some(Indirect::Scalar { index, row, rows }) => {
                let value = match index {
                    ScalarIndex::Register(r) => {
                        let value = self.m.register_value(*r).ok_or_else(|| self.fault("register", operand, "no such register", None))?;
                        let range = self.register_range(r.0);
                        self.reads.push(range);
                        i64::from(value)
                    }
                    ScalarIndex::View(v) => {
                        let a = self.m.place(op, operand, v)?;
                        if a.elements() != 1 {
                            return Err(self.fault("scalar-offset", operand, "a scalar offset must be one element", None));
                        }
                        self.reads.push(range_of(&a));
                        integers(&self.m.memory, &a)[0]
                    }
                };
                if value < 0 || value >= i64::from(*rows) {
                    return Err(self.fault(
                        "index-out-of-bounds",
                        operand,
                        format!("scalar offset {value} of a dimension of {rows}"),
                        None,
                    ));
                }
                self.flags = self.flags.with(Flags::DYNAMIC);
                let moved = View { offset: view.offset.saturating_add(value.saturating_mul(*row)), indirect: None, ..view.clone() };
                self.m.place(op, operand, &moved)?
            }
            _ => self.m.place(op, operand, view)?,
        };
        let owner = self.m.tensors[view.tensor.0 as usize].core;
        let lnc = self.m.lnc;
        if access.place.on_chip() && owner != self.core {
            let message = format!("core {} names memory of core {owner}", self.core);
            return Err(self.fault("other-core", operand, message, Some("exchange data with `sendrecv` or through HBM")));
        }
        if access.place == Place::Hbm && owner / lnc != self.core / lnc {
            return Err(self.fault("other-rank", operand, "HBM tensor of another rank", Some("use a collective")));
        }
        if access.elements() == 0 {
            return Err(self.fault("empty", operand, "a view of no elements", None));
        }
        Ok(access)
    }

    /// Names an operand that is read.
    pub fn read(&mut self, operand: &'static str, view: &View) -> Result<Access, Fault> {
        let access = self.locate(operand, view)?;
        self.reads.push(range_of(&access));
        match view.indirect.as_deref() {
            Some(Indirect::Free { index }) => self.gathered(operand, &access, index),
            Some(Indirect::Vector { .. }) => Err(self.vector_only_in_dma(operand)),
            _ => Ok(access),
        }
    }

    /// Names an operand that is written.
    pub fn write(&mut self, operand: &'static str, view: &View) -> Result<Access, Fault> {
        let access = self.locate(operand, view)?;
        self.writes.push(range_of(&access));
        match view.indirect.as_deref() {
            Some(Indirect::Free { index }) => self.scattered(operand, &access, index),
            Some(Indirect::Vector { .. }) => Err(self.vector_only_in_dma(operand)),
            _ => Ok(access),
        }
    }

    /// Names an operand of a DMA whose rows are chosen by a vector index; the index is returned with it.
    pub fn dma(&mut self, operand: &'static str, view: &View, writes: bool) -> Result<(Access, Option<RowIndex>), Fault> {
        let Some(Indirect::Vector { index, row, rows }) = view.indirect.as_deref() else {
            let access = if writes { self.write(operand, view)? } else { self.read(operand, view)? };
            return Ok((access, None));
        };
        let at = self.m.place(self.code.name(), operand, index)?;
        if at.place != Place::Sbuf {
            return Err(self.fault("vector-offset", operand, "a vector offset must stand in SBUF", None));
        }
        self.reads.push(range_of(&at));
        // Column by column, as the descriptors are made.
        let values = integers(&self.m.memory, &at);
        let (p, f) = (at.first(), at.free());
        let values = (0..f).flat_map(|c| (0..p).map(move |r| r * f + c)).map(|i| values[i]).collect();
        let mut one = view.clone();
        one.indirect = None;
        // Any row may be touched: the whole tensor's bytes are in the range.
        let access = self.locate(operand, &narrowed(&one))?;
        if access.place != Place::Hbm {
            return Err(self.fault("vector-offset", operand, "only tensors in HBM can be indexed by a vector", None));
        }
        let size = self.m.tensors[view.tensor.0 as usize].row_bytes;
        let range = Range { low: 0, high: size, period: 0, run: size, ..range_of(&access) };
        if writes {
            self.writes.push(range)
        } else {
            self.reads.push(range)
        }
        self.flags = self.flags.with(Flags::INDIRECT);
        Ok((access, Some((values, *row, *rows))))
    }

    fn vector_only_in_dma(&self, operand: &'static str) -> Fault {
        self.fault(
            "vector-offset",
            operand,
            "a vector offset works only in DMA instructions",
            Some("gather into SBUF with `dma_copy` first"),
        )
    }

    /// Byte of each element of an access along gathered positions.
    fn positions(&mut self, operand: &'static str, access: &Access, index: &View) -> Result<Vec<usize>, Fault> {
        self.generation(crate::Gen::Gen4, "tensor indirection")?;
        let at = self.m.place(self.code.name(), operand, index)?;
        if at.place != Place::Sbuf || !at.dtype.is_integer() {
            return Err(self.fault("indirect-index", operand, "the index must hold integers in SBUF", None));
        }
        self.reads.push(range_of(&at));
        self.flags = self.flags.with(Flags::INDIRECT);
        let group = if matches!(self.code, OpCode::NcMatmul | OpCode::NcMatmulMx) { 32 } else { 16 };
        let values = integers(&self.m.memory, &at);
        let (p, f, n, count) = (at.first(), at.free(), access.first(), access.free());
        let size = access.dtype.size();
        let row = self.m.tensors[access.tensor.0 as usize].row_bytes as usize / size;
        // `access.base` is the first element of the first partition; its place in the row is the index 0.
        let mut out = Vec::with_capacity(n * count);
        for part in 0..n {
            let start = access.base.wrapping_add_signed(access.strides[0].step * part as isize);
            for i in 0..count {
                let (line, column) = (part / group * group + i % group, i / group);
                if line >= p || column >= f {
                    let message = format!("position {i} needs index[{line}, {column}] of a {p} x {f} index");
                    return Err(self.fault("indirect-index", operand, message, None));
                }
                let value = values[line * f + column];
                if value < 0 || value >= row as i64 {
                    return Err(self.fault("index-out-of-bounds", operand, format!("index {value} of a row of {row}"), None));
                }
                out.push(start + value as usize * size);
            }
        }
        Ok(out)
    }

    fn gathered(&mut self, operand: &'static str, access: &Access, index: &View) -> Result<Access, Fault> {
        let positions = self.positions(operand, access, index)?;
        let temporary = self.side_by_side(access);
        let size = access.dtype.size();
        let raw: Vec<u8> = positions.iter().flat_map(|at| self.m.memory.bytes(access)[*at..*at + size].to_vec()).collect();
        self.m.memory.storages[temporary.storage as usize].bytes.copy_from_slice(&raw);
        Ok(temporary)
    }

    fn scattered(&mut self, operand: &'static str, access: &Access, index: &View) -> Result<Access, Fault> {
        let to = self.positions(operand, access, index)?;
        let temporary = self.side_by_side(access);
        self.scatters.push(Scatter { from: temporary, dtype: access.dtype, storage: access.storage, to });
        Ok(temporary)
    }

    /// A temporary of the shape of an access; its start partition stays that of the access for the rules.
    fn side_by_side(&mut self, access: &Access) -> Access {
        let (n, count) = (access.first(), access.free());
        let (tensor, storage) = self.m.temporary(access, n as u32, count as u32);
        self.temporaries += 1;
        let size = access.dtype.size() as isize;
        let mut out = *access;
        out.storage = storage;
        out.tensor = tensor;
        out.base = 0;
        out.strides[0] = Stride { step: size * count as isize, count: n };
        out.strides[1] = Stride { step: size, count };
        out.len = 2;
        out.low = 0;
        out.high = (count as isize * size) as u32;
        out.flatten();
        out
    }

    /// A constant, or a `[P, 1]` view repeated over `free` elements.
    pub fn operand(&mut self, name: &'static str, operand: &Operand, partitions: usize, free: usize) -> Result<Input, Fault> {
        match operand {
            Operand::Value(v) => Ok(Input::Constant(*v as f32)),
            Operand::View(view) => self.column(name, view, partitions, free).map(Input::Access),
        }
    }

    /// A `[P, 1]` view repeated over `free` elements.
    pub fn column(&mut self, name: &'static str, view: &View, partitions: usize, free: usize) -> Result<Access, Fault> {
        let access = self.read(name, view)?;
        self.on_chip(name, &access)?;
        if access.free() != 1 || access.first() != partitions {
            let message = format!("shape {}, but one element for each of {partitions} partitions is needed", shape(&access));
            return Err(self.fault("operand-shape", name, message, None));
        }
        Ok(access.broadcast(partitions, free))
    }

    fn register_range(&mut self, register: u32) -> Range {
        let storage = StorageId(self.m.registers_storage());
        let low = register.saturating_mul(4);
        Range { storage, tensor: Range::REGISTERS, first: 0, last: 1, low, high: low.saturating_add(4), period: 0, run: 4 }
    }

    pub fn reads_register(&mut self, register: u32) {
        let range = self.register_range(register);
        self.reads.push(range);
    }

    pub fn writes_register(&mut self, register: u32) {
        let range = self.register_range(register);
        self.writes.push(range);
    }

    /// Notes that an operand already named for writing is read as well.
    pub fn also_reads(&mut self, access: &Access) {
        self.reads.push(range_of(access));
    }

    /// The flags of operand places and types, and of contiguity.
    pub fn cost(&self, inputs: &[&Access], output: &Access) -> Cost {
        let on = |place: Place| inputs.iter().any(|a| a.place == place);
        let all = |f: &dyn Fn(&Access) -> bool| f(output) && inputs.iter().all(|a| f(a));
        let half = |a: &Access| matches!(a.dtype, Dtype::Bf16 | Dtype::Fp16);
        let byte = |a: &Access| matches!(a.dtype, Dtype::Fp8E4 | Dtype::Fp8E4Fn | Dtype::Fp8E5);
        let flags = self
            .flags
            .with_if(on(Place::Sbuf), Flags::READS_SBUF)
            .with_if(on(Place::Psum), Flags::READS_PSUM)
            .with_if(output.place == Place::Sbuf, Flags::WRITES_SBUF)
            .with_if(output.place == Place::Psum, Flags::WRITES_PSUM)
            .with_if(all(&|a| a.row_contiguous()), Flags::CONTIGUOUS)
            .with_if(all(&half), Flags::ALL_16_BIT)
            .with_if(all(&byte), Flags::ALL_8_BIT);
        let input = inputs.first().unwrap_or(&output);
        let elements = if inputs.is_empty() { output.free() } else { input.free().max(output.free()) };
        Cost {
            elements: elements as u32,
            partitions: input.first().max(output.first()).min(usize::from(u16::MAX)) as u16,
            flags,
            input: input.dtype,
            output: output.dtype,
            ..Cost::NONE
        }
    }

    /// Writes what stands along gathered positions, and appends the instruction to the trace.
    /// The instruction touches nothing but the index that it has just looked at.
    pub fn forget_operands(&mut self) {
        let index = self.reads.pop();
        self.reads.clear();
        self.reads.extend(index);
        self.writes.clear();
    }

    pub fn finish(&mut self, engine: Engine, cost: Cost) -> InstrId {
        for s in std::mem::take(&mut self.scatters) {
            let size = s.dtype.size();
            let raw = std::mem::take(&mut self.m.memory.storages[s.from.storage as usize].bytes);
            let target = &mut self.m.memory.storages[s.storage as usize].bytes;
            for (at, one) in s.to.iter().zip(raw.chunks_exact(size)) {
                target[*at..*at + size].copy_from_slice(one);
            }
        }
        if self.code != OpCode::NcMatmul && self.code != OpCode::NcMatmulMx {
            for i in 0..self.writes.len() {
                super::psum::written_by_others(self.m, &self.writes[i]);
            }
        }
        let trace = &mut self.m.trace;
        let mut span = |list: &mut Vec<Range>| {
            let start = trace.ranges.len() as u32;
            trace.ranges.append(list);
            Span { start, len: (trace.ranges.len() as u32 - start) as u16 }
        };
        let (reads, writes) = (span(&mut self.reads), span(&mut self.writes));
        let id = InstrId(trace.instrs.len() as u32);
        let in_loop = self.m.current_loop();
        let cost = Cost { trigger: if engine == Engine::Dma { cost.trigger } else { engine }, ..cost };
        self.m.trace.instrs.push(Instr {
            op: self.code,
            engine,
            core: self.core,
            line: self.line,
            cost,
            reads,
            writes,
            after: Span::default(),
            in_loop,
            meeting: 0,
        });
        id
    }

    /// A cost with the ids of its operators.
    pub fn with_alu(cost: Cost, op0: AluOp, op1: Option<AluOp>) -> Cost {
        Cost { alu0: op0 as u8, alu1: op1.map_or(255, |o| o as u8), ..cost }
    }
}

/// A view of the first row only.
fn narrowed(view: &View) -> View {
    let mut dims: Vec<(i64, u32)> = view.dims.as_slice().iter().map(|d| (d.step, d.count)).collect();
    if let Some(first) = dims.first_mut() {
        first.1 = 1;
    }
    View { dims: crate::Dims::new(&dims).unwrap_or_default(), ..view.clone() }
}

/// Elements as integers; floats are truncated.
pub(crate) fn integers(memory: &Memory, access: &Access) -> Vec<i64> {
    match access.dtype {
        Dtype::I8 | Dtype::I16 | Dtype::I32 => memory.all_bits(access).into_iter().map(|b| i64::from(b as i32)).collect(),
        d if d.is_integer() => memory.all_bits(access).into_iter().map(i64::from).collect(),
        _ => memory.all(access).into_iter().map(|v| v as i64).collect(),
    }
}

/// "128 x 512".
pub(crate) fn shape(access: &Access) -> String {
    let counts: Vec<String> = access.strides[..usize::from(access.len)].iter().map(|s| s.count.to_string()).collect();
    if counts.is_empty() { "1".into() } else { counts.join(" x ") }
}

/// The box of bytes of an access, as tight as one period can say.
pub(crate) fn range_of(access: &Access) -> Range {
    let all = &access.strides[..usize::from(access.len)];
    let dims = if access.regular { all.get(1..).unwrap_or(&[]) } else { all };
    let (low, high) = (access.low, access.high);
    let whole = u64::from(high - low);
    let (mut run, mut period) = (whole, 0);
    if access.regular || access.place == Place::Hbm {
        let steps = dims.iter().rev().filter(|s| s.count > 1 && s.step != 0);
        let mut inner = access.dtype.size() as u64;
        let mut outer: Vec<(u64, u64)> = Vec::new();
        for s in steps {
            let (step, count) = (s.step.unsigned_abs() as u64, s.count as u64);
            if outer.is_empty() && step <= inner {
                inner += step * (count - 1);
            } else {
                outer.push((step, count));
            }
        }
        let share = |run: u64, period: u64| run as f64 / period.max(1) as f64;
        if let (Some((first, _)), Some((last, _))) = (outer.first(), outer.last()) {
            // On the lattice of the innermost step, or in the blocks of the outermost.
            if outer.iter().all(|(s, _)| s % first == 0) {
                (run, period) = (inner, *first);
            }
            let block = inner + outer[..outer.len() - 1].iter().map(|(s, n)| s * (n - 1)).sum::<u64>();
            if block < *last && (period == 0 || share(block, *last) < share(run, period)) {
                (run, period) = (block, *last);
            }
        }
    }
    Range {
        storage: StorageId(access.storage),
        tensor: access.tensor,
        first: access.partition.min(255) as u8,
        last: (access.partition + access.partitions).min(255) as u8,
        low,
        high,
        period: period as u32,
        run: run.min(whole) as u32,
    }
}
